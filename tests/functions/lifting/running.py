"""A function lifted, inlined and called over the same rows."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import count
from types import FunctionType
from typing import Any

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.functions.lifting import Lifted, NotLifted, PythonDiffers, compile_lifted, lift
from velothread.plan.expressions import Field
from velothread.types import SqlType

_ids = count()
DIFFERS = (PythonDiffers, pa.ArrowInvalid, ExecutionError)


def lifted(
    function: FunctionType, types: Sequence[SqlType], returns: SqlType, nullable: Sequence[bool] | None = None
) -> Lifted | NotLifted:
    """`lift`, with fields of its own."""
    flags = tuple(nullable) if nullable is not None else (False,) * len(types)
    return lift(function, tuple(types), flags, returns, lambda name, t: Field(next(_ids), name, t))


def columns(rows: Sequence[Sequence[Any]], types: Sequence[SqlType]) -> list[pa.Array]:
    return [pa.array([row[i] for row in rows], t.arrow) for i, t in enumerate(types)]


def by_kernel(found: Lifted, rows: Sequence[Sequence[Any]], types: Sequence[SqlType]) -> list[Any] | None:
    """What the kernel gives; None: it leaves the batch to Python."""
    try:
        result = compile_lifted(found)(len(rows), *columns(rows, types))
    except DIFFERS:
        return None
    assert result.type == found.body.type.arrow
    result.validate(full=True)
    assert len(result) == len(rows)
    return result.to_pylist()


def by_call(function: FunctionType, rows: Sequence[Sequence[Any]]) -> list[Any]:
    """A value or an exception a row."""
    found: list[Any] = []
    for row in rows:
        try:
            found.append(function(*row))
        except Exception as error:
            found.append(error)
    return found


def same(kernel: Any, python: Any, returns: SqlType) -> bool:
    """Is a value of a column what Python gave, to the bit? NaN is NaN."""
    if isinstance(python, Exception):
        return False
    if python is None or kernel is None:
        return python is None and kernel is None
    if returns.kind == "DOUBLE":
        if type(python) not in (float, int):
            return False
        python = float(python)
        return kernel != kernel if python != python else struct.pack("d", kernel) == struct.pack("d", python)
    return type(kernel) is type(python) and kernel == python


def shown(values: Sequence[Any]) -> list[str]:
    return [repr(v) for v in values]
