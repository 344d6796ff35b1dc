"""Columns leave Arrow: lists of Python values, by the fastest way of each type.

NumPy's `tolist` and Arrow's conversion to NumPy objects make values in C; `Array.to_pylist` goes through a scalar for
each and takes many times as long (docs/python-functions.md has the figures). A list is made for some thousand rows at a
time: what the loop reads is then still in the cache.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.functions.annotations import Shape
from velothread.kernels.lists import flat
from velothread.kernels.vectors import bools, valid_rows, view
from velothread.types import SqlType

Leave = Callable[[pa.Array], list[Any]]
_EPOCH = dt.datetime(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = dt.date.min.toordinal() - 719_163, dt.date.max.toordinal() - 719_163
_FIRST_MICRO = (dt.datetime.min - _EPOCH) // dt.timedelta(microseconds=1)
_LAST_MICRO = (dt.datetime.max - _EPOCH) // dt.timedelta(microseconds=1)


def leaving(type_: SqlType, shape: Shape) -> Leave:
    """How columns of `type_` become lists of what a parameter of `shape` wants; None for NULL."""
    values = _values_of(type_, shape)

    def leave(array: pa.Array) -> list[Any]:
        found = values(array)
        if array.null_count:
            _none_where_null(found, array)
        return found

    return values if type_.kind in _WITH_NONE else leave


# Their conversions give None for NULL themselves.
_WITH_NONE = frozenset({"VARCHAR", "JSON", "BLOB", "NULL", "DECIMAL", "STRUCT", "MAP"})


def _none_where_null(values: list[Any], array: pa.Array) -> None:
    valid = valid_rows(array)
    assert valid is not None
    for i in np.flatnonzero(~valid).tolist():
        values[i] = None


def _values_of(type_: SqlType, shape: Shape) -> Leave:
    match type_.kind:
        case "VARCHAR" | "JSON" | "BLOB" | "STRING_LITERAL":
            return _objects
        case "BOOLEAN":
            return lambda array: bools(array).tolist()
        case "HUGEINT":
            return _huge
        case "DECIMAL":
            return _decimals
        case "DATE":
            return _dates
        case "TIMESTAMP":
            return _timestamps
        case "TIMESTAMPTZ":
            return _zoned
        case "TIME":
            return _times
        case "INTERVAL":
            return _intervals
        case "UUID":
            return _uuids if shape.made is uuid.UUID else _objects
        case "LIST":
            assert type_.element is not None
            return _lists(leaving(type_.element, shape.inner[0] if shape.inner else _anything(type_.element)))
        case "MAP":
            return _maps(type_, shape)
        case "STRUCT":
            return _structs(type_, shape)
        case "NULL":
            return lambda array: [None] * len(array)
        case _ if type_.is_integer or type_.is_float:
            return lambda array: view(array).tolist()
    return lambda array: array.to_pylist()


def _anything(type_: SqlType) -> Shape:
    from velothread.functions.annotations import shape_of_type

    return shape_of_type(type_)


def _objects(array: pa.Array) -> list[Any]:
    found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return found


def _huge(array: pa.Array) -> list[Any]:
    words = view(array)
    low, high = words["low"], words["high"]
    if bool((high == low.view(np.int64) >> np.int64(63)).all()):
        small: list[Any] = low.view(np.int64).tolist()
        return small
    return [(h << 64) + l for h, l in zip(high.tolist(), low.tolist(), strict=True)]


def _decimals(array: pa.Array) -> list[Any]:
    if array.type.precision > 27 or array.null_count:  # Decimal's own arithmetic would round to 28 digits
        found: list[Any] = array.to_pylist()
        return found
    scale = -array.type.scale
    return [Decimal(n).scaleb(scale) for n in _huge(array)]


def _dates(array: pa.Array) -> list[Any]:
    days = view(array)
    if len(days):
        days = _within(array, days, _FIRST_DAY, _LAST_DAY, "DATE")
    found: list[Any] = days.astype("M8[D]").tolist()
    return found


def _timestamps(array: pa.Array) -> list[Any]:
    micros = view(array)
    if len(micros):
        micros = _within(array, micros, _FIRST_MICRO, _LAST_MICRO, "TIMESTAMP")
    found: list[Any] = micros.view("M8[us]").tolist()
    return found


def _within(array: pa.Array, values: Any, first: int, last: int, name: str) -> Any:
    """The values, 0 under NULL.

    :raises ExecutionError: for one that Python has not: the year 12000.
    """
    if (valid := valid_rows(array)) is not None:
        values = np.where(valid, values, 0)
    if values.min() < first or values.max() > last:
        raise ExecutionError(f"a {name} is out of Python's range (the years 1 to 9999)")
    return values


def _zoned(array: pa.Array) -> list[Any]:
    return [d.replace(tzinfo=dt.UTC) for d in _timestamps(array)]


def _times(array: pa.Array) -> list[Any]:
    start = dt.datetime.min
    return [(start + dt.timedelta(microseconds=micros % 86_400_000_000)).time() for micros in view(array).tolist()]


def _intervals(array: pa.Array) -> list[Any]:
    parts = view(array)
    if np.count_nonzero(parts["months"] if not array.null_count else parts["months"][valid_rows(array)]):
        raise ExecutionError("an INTERVAL of months has no length, so it can't become a timedelta")
    days, nanos = parts["days"].tolist(), parts["nanos"].tolist()
    return [dt.timedelta(days=d, microseconds=n // 1000) for d, n in zip(days, nanos, strict=True)]


def _uuids(array: pa.Array) -> list[Any]:
    return [None if text is None else uuid.UUID(text) for text in _objects(array)]


def _lists(items: Leave) -> Leave:
    def leave(array: pa.Array) -> list[Any]:
        parts = flat(array)
        values = items(parts.ordered())
        ends = np.concatenate([[0], np.cumsum(parts.lengths)]).tolist()
        return [values[i:j] for i, j in pairwise(ends)]

    return leave


def _maps(type_: SqlType, shape: Shape) -> Leave:
    assert type_.key is not None
    assert type_.element is not None
    inner = shape.inner or (_anything(type_.key), _anything(type_.element))
    keys_of, values_of = leaving(type_.key, inner[0]), leaving(type_.element, inner[1])

    def leave(array: pa.Array) -> list[Any]:
        found: list[Any] = []
        offsets = array.offsets.to_numpy()
        first, last = int(offsets[0]), int(offsets[-1])
        keys = keys_of(array.keys.slice(first, last - first)) if len(array.keys) == len(array.items) else []
        values = values_of(array.items.slice(first, last - first))
        for i, j in pairwise((offsets - first).tolist()):
            found.append(dict(zip(keys[i:j], values[i:j], strict=True)))
        if array.null_count:
            _none_where_null(found, array)
        return found

    return leave


def _structs(type_: SqlType, shape: Shape) -> Leave:
    shapes = shape.inner or tuple(_anything(f) for _, f in type_.fields)
    leaves = [leaving(f, s) for (_, f), s in zip(type_.fields, shapes, strict=True)]
    names = [n for n, _ in type_.fields]
    make = shape.made

    def leave(array: pa.Array) -> list[Any]:
        columns = [leave(child) for leave, child in zip(leaves, array.flatten(), strict=True)]
        if make is None:
            found: list[Any] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        else:
            found = list(map(make, *columns))
        if array.null_count:
            _none_where_null(found, array)
        return found

    return leave


__all__ = ["Leave", "leaving"]
