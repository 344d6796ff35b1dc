"""Structs: packing columns into one, and taking a field out. Kernel factories, since names belong to the call."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


@lru_cache(maxsize=256)
def pack(names: tuple[str, ...]) -> Callable[..., Any]:
    """A kernel that makes a struct of its arguments, in order. NULL arguments are NULL fields."""

    def struct_pack(*values: Any) -> Any:
        if not any(isinstance(v, pa.Array) for v in values):
            type_ = pa.struct([pa.field(n, v.type) for n, v in zip(names, values, strict=True)])
            return pa.scalar(dict(zip(names, (v.as_py() for v in values), strict=True)), type_)
        rows = next(len(v) for v in values if isinstance(v, pa.Array))
        arrays = [v if isinstance(v, pa.Array) else pa.repeat(v, rows) for v in values]
        return pa.StructArray.from_arrays(arrays, names=list(names))

    return struct_pack


@lru_cache(maxsize=256)
def extract(index: int) -> Callable[[Any], Any]:
    """A kernel that gives field `index`; NULL structs give NULL."""

    def struct_extract(value: Any) -> Any:
        return pc.struct_field(value, [index])

    return struct_extract
