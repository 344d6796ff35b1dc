"""Calls of scalar functions as the engine makes them, without the engine: resolve, cast, call the kernel."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.function import Value, resolve
from velothread.kernels.functions import SCALARS
from velothread.types import (
    INTEGER,
    VARCHAR,
    SqlType,
    from_arrow,
)

Typed = tuple[Value, SqlType]


def call(name: str, *arguments: Typed) -> Typed:
    """The result of function `name`, with its type, checked against the type that the table promises."""
    types = [t for _, t in arguments]
    found = resolve(SCALARS[name.lower()], types)
    assert found is not None, f"no {name}({', '.join(map(str, types))})"
    values = [cast(v, t) for (v, _), t in zip(arguments, found.parameters, strict=True)]
    rows = {"rows": 1} if found.function.volatile else {}
    result = found.function.kernel(*values, **rows)
    assert result.type == found.returns.arrow, f"{name}: {result.type} is not {found.returns}"
    whole = any(isinstance(v, pa.Array) for v in values) or found.function.volatile
    assert isinstance(result, pa.Array if whole else pa.Scalar), f"{name}: a result of the wrong shape"
    return result, found.returns


def values(name: str, *arguments: Any) -> Any:
    """The Python value(s) of a call with Python values: a list is a column, all else a constant."""
    return call(name, *[typed(a) for a in arguments])[0]


def typed(value: Any) -> Typed:
    """An Arrow value and its SQL type from a Python value, an Arrow one, or such a pair."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, list):
        value = pa.array(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return pa.scalar(value, pa.int32()), INTEGER
    if not isinstance(value, pa.Array | pa.Scalar):
        value = pa.scalar(value)
    return value, from_arrow(value.type)


def cast(value: Value, target: SqlType) -> Value:
    """`value` in the Arrow type of `target`."""
    if value.type == target.arrow:
        return value
    if target == VARCHAR and not pa.types.is_string(value.type) and isinstance(value, pa.Scalar):
        return pa.scalar(None if not value.is_valid else shown(value.as_py()), pa.string())
    if isinstance(value, pa.Scalar) and not value.is_valid:
        return pa.scalar(None, target.arrow)
    if pa.types.is_integer(value.type) and pa.types.is_decimal(target.arrow):
        return pc.cast(pc.cast(value, pa.decimal128(20, 0)), target.arrow)
    return pc.cast(value, target.arrow)


def shown(value: Any, inside: bool = False) -> str:
    """A Python value as SQL shows it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02X}" for b in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{k}': {shown(v, True)}" for k, v in value.items()) + "}"
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return "{" + ", ".join(f"{shown(k)}={shown(v)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(v, True) for v in value) + "]"
    if inside and value == "":
        return "''"
    return str(value)
