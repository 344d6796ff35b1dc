"""Casts to and from JSON.

What builds documents is columnar. Taking them apart is not: Arrow has no JSON values, so Python parses each document
and the parts are gathered into a column per scalar type, which is then cast as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.json_text import json_text
from velothread.kernels.json_values import read, write
from velothread.kernels.vectors import null_out
from velothread.types import JSON, NULL, VARCHAR, SqlType

# cast(array, source, target) with TRY or not bound in.
CastItems = Callable[[pa.Array, SqlType, SqlType], pa.Array]


def to_json(array: pa.Array, source: SqlType) -> pa.Array:
    """The document of each value; NULL stays NULL."""
    text = json_text(array, source)
    return null_out(text, array.is_valid()) if array.null_count else text


def from_json(array: pa.Array, target: SqlType, cast: CastItems, *, safe: bool) -> pa.Array:
    """Documents as values of `target`; `null` is NULL.

    safe: objects with fields that a struct has not, and values of another shape, fail; otherwise they are left out, or
    NULL.

    :raises ExecutionError: for such values.
    """
    values = [None if d is None else read(d) for d in array.to_pylist()]
    return _column(values, target, cast, safe)


def _column(values: list[Any], t: SqlType, cast: CastItems, safe: bool) -> pa.Array:
    if t == JSON:
        return pa.array([None if v is None else write(v) for v in values], pa.string())
    if t.kind == "STRUCT":
        return _structs(values, t, cast, safe)
    if t.kind in ("LIST", "MAP"):
        return _many(values, t, cast, safe)
    texts = [v if v is None or isinstance(v, str) else write(v) for v in values]
    if t == VARCHAR:
        return pa.array(texts, pa.string())
    if not safe and t.kind != "BOOLEAN":
        texts = [None if isinstance(v, dict | list) else x for v, x in zip(values, texts, strict=True)]
    return cast(pa.array(texts, pa.string()), VARCHAR, t)


def _of(values: list[Any], shape: type, t: SqlType, safe: bool) -> list[Any]:
    """The values that are of a shape; the others are NULL, or fail."""
    for value in values if safe else ():
        if value is not None and not isinstance(value, shape):
            raise ExecutionError(f"cannot convert JSON {_shown(value)} to {t}", hint="TRY_CAST gives NULL for it")
    return [v if isinstance(v, shape) else None for v in values]


def _shown(value: Any) -> str:
    text = write(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _structs(values: list[Any], t: SqlType, cast: CastItems, safe: bool) -> pa.Array:
    if t.is_tuple:
        lists = _of(values, list, t, safe)
        rows: list[Any] = [None if v is None else dict(zip((n for n, _ in t.fields), v, strict=False)) for v in lists]
    else:
        rows = _of(values, dict, t, safe)
    names = {n for n, _ in t.fields}
    for row in rows if safe and not t.is_tuple else ():
        if row is not None and row.keys() != names:
            unknown = next((k for k in row if k not in names), None)
            missing = next((k for k in names if k not in row), None)
            problem = f"has no {missing!r}" if unknown is None else f"has a {unknown!r}, which {t} has not"
            raise ExecutionError(f"{_shown(row)} {problem}", hint="json_transform takes what is there of such objects")
    columns = [_column([None if r is None else r.get(n) for r in rows], f, cast, safe) for n, f in t.fields]
    mask = pa.array([r is None for r in rows], pa.bool_())
    return pa.StructArray.from_arrays(columns, fields=list(t.arrow), mask=mask)


def _many(values: list[Any], t: SqlType, cast: CastItems, safe: bool) -> pa.Array:
    rows = _of(values, dict if t.kind == "MAP" else list, t, safe)
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([0 if r is None else len(r) for r in rows], out=offsets[1:])
    mask = pa.array([r is None for r in rows], pa.bool_())
    if t.kind == "LIST":
        items = _column([v for r in rows if r is not None for v in r], t.element or NULL, cast, safe)
        return pa.ListArray.from_arrays(pa.array(offsets), items, type=t.arrow, mask=mask)
    keys = cast(pa.array([k for r in rows if r is not None for k in r], pa.string()), VARCHAR, t.key or VARCHAR)
    items = _column([v for r in rows if r is not None for v in r.values()], t.element or NULL, cast, safe)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, items, type=t.arrow, mask=mask)


def type_text(structure: str) -> str:
    """The type that a structure as json_structure gives it stands for: `{"a":["INT"]}` -> `STRUCT("a" INT[])`.

    :raises ExecutionError: when it is none.
    """
    return _type_text(read(structure), structure)


def _type_text(value: Any, whole: str) -> str:
    if isinstance(value, str):
        return "VARCHAR" if value == "NULL" else value
    if isinstance(value, list) and len(value) == 1:
        return _type_text(value[0], whole) + "[]"
    if isinstance(value, dict) and value:
        fields = (f"{_quoted(name)} {_type_text(v, whole)}" for name, v in value.items())
        return f"STRUCT({', '.join(fields)})"
    raise ExecutionError(
        f"{whole!r} is not a structure: {json.dumps(value)} says no type", hint='such as {"a": "INT", "b": ["VARCHAR"]}'
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
