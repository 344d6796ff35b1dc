"""What a function returned goes back into Arrow, all rows in one call; what doesn't fit is named."""

from __future__ import annotations

import array
import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.functions.annotations import Shape
from velothread.types import INTEGER_WIDTHS, SqlType

Enter = Callable[[list[Any]], pa.Array]


class WrongResultError(Exception):
    """A result that isn't of the declared type: the row's place in the list, and what is wrong with it."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(row, problem)
        self.row = row
        self.problem = problem


def entering(shape: Shape) -> Enter:
    """How a list of results becomes a column of `shape.type`.

    The function that it gives raises WrongResultError for what isn't of that type.
    """
    type_ = shape.type
    quick = {"BIGINT": _whole, "DOUBLE": _floats, "VARCHAR": _texts, "BOOLEAN": _flags}.get(type_.kind)
    careful = _carefully(shape)
    if quick is None:
        return careful

    def enter(values: list[Any]) -> pa.Array:
        # What isn't the usual is looked at value by value: NULLs, other types.
        found = quick(values)
        return careful(values) if found is None else found

    return enter


def _whole(values: list[Any]) -> pa.Array | None:
    try:
        return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array.array("q", values))])
    except (TypeError, OverflowError):
        return None


def _floats(values: list[Any]) -> pa.Array | None:
    try:
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(array.array("d", values))])
    except (TypeError, OverflowError):
        return None


def _texts(values: list[Any]) -> pa.Array | None:
    try:
        whole = "".join(values)
    except TypeError:
        return None
    if not whole.isascii() or len(whole) >= 1 << 31:
        return None
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, values), np.int32, len(values)), out=ends[1:])
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(whole.encode("ascii"))]
    )


def _flags(values: list[Any]) -> pa.Array | None:
    try:
        return pa.array(values, pa.bool_())
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        return None


# What Arrow would take without a word, though it is something else.
_ACCEPTED: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(INTEGER_WIDTHS, (int, np.integer)), "DOUBLE": (int, float, np.floating, np.integer),
    "FLOAT": (int, float, np.floating, np.integer), "VARCHAR": (str,), "BOOLEAN": (bool, np.bool_), "BLOB": (bytes,),
    "JSON": (str,), "UUID": (str, uuid.UUID), "TIME": (dt.time,), "TIMESTAMP": (dt.datetime, np.datetime64),
}  # fmt: skip


def _carefully(shape: Shape) -> Enter:
    type_, target = shape.type, shape.type.arrow
    convert = converting(shape)

    def enter(values: list[Any]) -> pa.Array:
        converted = values
        if convert is not None:
            converted = []
            for i, value in enumerate(values):
                try:
                    converted.append(None if value is None else convert(value))
                except _NotOfTypeError as error:
                    raise WrongResultError(i, str(error)) from None
        try:
            return pa.array(converted, target)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError, ValueError, AttributeError):
            for i, value in enumerate(converted):
                try:
                    pa.array([value], target)
                except Exception as error:
                    raise WrongResultError(i, _problem(values[i], type_, error)) from None
            raise

    return enter


class _NotOfTypeError(Exception):
    pass


def converting(shape: Shape) -> Callable[[Any], Any] | None:
    """A check and conversion of one value to what Arrow takes for the type; None where there is none to make."""
    type_ = shape.type
    match type_.kind:
        case "LIST":
            return _list_converter(shape)
        case "MAP":
            return _map_converter(shape)
        case "STRUCT":
            return _struct_converter(shape)
        case "UUID":
            return lambda value: str(_of(value, type_))
        case "TIMESTAMP":
            return _naive
        case "DATE":
            return _date
        case "INTERVAL":
            return _interval
    if type_.kind in _ACCEPTED:
        return lambda value: _of(value, type_)
    return None


def _of(value: Any, type_: SqlType) -> Any:
    if not isinstance(value, _ACCEPTED[type_.kind]):
        raise _NotOfTypeError(_problem(value, type_))
    return value


def _problem(value: Any, type_: SqlType, error: Exception | None = None) -> str:
    shown = shortened(value)
    if isinstance(value, int) and not isinstance(value, bool) and type_.is_integer:
        hint = "" if type_.kind == "HUGEINT" else "; returns='HUGEINT' has 128 bits"
        return f"{shown} doesn't fit {type_}{hint}"
    if type_.kind == "DECIMAL" and error is not None and not isinstance(value, str):
        return f"{shown} doesn't fit {type_}: say which DECIMAL, as in returns='DECIMAL(18,4)'"
    if isinstance(value, str) and type_.kind == "VARCHAR":
        return f"{shown} can't be written as UTF-8"
    return f"{shown} is of type {type(value).__name__}, and the function is declared to return {type_}"


def shortened(value: Any, most: int = 60) -> str:
    """A value for a message: `repr`, cut where it is long."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]}"


def _naive(value: Any) -> Any:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        raise _NotOfTypeError(
            f"{shortened(value)} has a time zone, and TIMESTAMP has none: returns='TIMESTAMPTZ' keeps it"
        )
    if not isinstance(value, (dt.datetime, np.datetime64)):
        raise _NotOfTypeError(f"{shortened(value)} is of type {type(value).__name__}, and the function is declared to"
                              " return TIMESTAMP")  # fmt: skip
    return value


def _date(value: Any) -> Any:
    if not isinstance(value, (dt.date, np.datetime64)) or isinstance(value, dt.datetime):
        raise _NotOfTypeError(
            f"{shortened(value)} is of type {type(value).__name__}, and the function is declared to return DATE"
        )
    return value


def _interval(value: Any) -> Any:
    if isinstance(value, dt.timedelta):
        return pa.MonthDayNano([0, value.days, (value.seconds * 1_000_000 + value.microseconds) * 1000])
    return value


def _list_converter(shape: Shape) -> Callable[[Any], Any]:
    inner = converting(shape.inner[0]) if shape.inner else None

    def convert(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            raise _NotOfTypeError(_problem(value, shape.type))
        return value if inner is None else [None if v is None else inner(v) for v in value]

    return convert


def _map_converter(shape: Shape) -> Callable[[Any], Any]:
    key, item = map(converting, shape.inner)

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _NotOfTypeError(_problem(value, shape.type))
        return [
            (key(k) if key is not None else k, item(v) if item is not None and v is not None else v)
            for k, v in value.items()
        ]

    return convert


def _struct_converter(shape: Shape) -> Callable[[Any], Any]:
    names = [n for n, _ in shape.type.fields]
    inner = [converting(s) for s in shape.inner] if shape.inner else [None] * len(names)

    def convert(value: Any) -> Any:
        if isinstance(value, dict):
            unknown = [k for k in value if k not in names]
            if unknown:
                raise _NotOfTypeError(f"{shortened(value)} has a field {unknown[0]!r}, and {shape.type} has not")
            parts = [value.get(n) for n in names]
        elif dataclasses.is_dataclass(value):
            parts = [getattr(value, n, None) for n in names]
        elif isinstance(value, tuple) and len(value) == len(names):
            parts = list(value)
        else:
            raise _NotOfTypeError(_problem(value, shape.type))
        return {n: v if v is None or c is None else c(v) for n, v, c in zip(names, parts, inner, strict=True)}

    return convert


__all__ = ["Enter", "WrongResultError", "converting", "entering", "shortened"]
