"""Does Arrow compute sin, exp, ... to the same bits as Python's `math`?

Both call the C library's functions, so they do where both are linked with the same one: the usual case. It is tried
out, once per process and function, over arguments spread so that another implementation would show: those that exist
differ from each other for some of every thousand arguments.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TRIED = 4000
_NAMES = {"log": "ln", "pow": "power"}


def arrow_function(name: str) -> Callable[..., Any] | None:
    """Arrow's function of the same meaning; None in an Arrow that has none."""
    return getattr(pc, _NAMES.get(name, name), None)


@lru_cache(maxsize=64)
def agrees(name: str) -> bool:
    """Is Arrow's `name` that of Python, bit for bit, over the arguments tried?"""
    arrow = arrow_function(name)
    if arrow is None:
        return False
    python: Callable[..., float] = operator.pow if name == "pow" else getattr(math, name)
    # Not random: multiples of an irrational number, over several magnitudes.
    spread = np.modf(np.arange(1, _TRIED + 1) * 0.6180339887498949)[0]
    x = np.exp2(spread * 12 - 4)
    if name in ("asin", "acos"):
        x = spread * 2 - 1
    elif name in ("sin", "cos", "tan", "atan", "asinh"):
        x[::2] = -x[::2]
    columns = [x]
    if name in ("pow", "atan2"):
        columns.append(np.roll(spread, 7) * 8 - 4)
    expected = np.array([python(*row) for row in zip(*(c.tolist() for c in columns), strict=True)])
    found = arrow(*map(pa.array, columns)).to_numpy(zero_copy_only=False)
    return bool((found.view(np.int64) == expected.view(np.int64)).all())


__all__ = ["agrees", "arrow_function"]
