"""What a function returned goes back into Arrow, all rows in one call; what doesn't fit is named."""

from __future__ import annotations

import array
import dataclasses
import datetime as dt
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from operator import index
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.functions.annotations import Shape
from velothread.types import SqlType, decimal

DEFAULT_DECIMAL = decimal(38, 10)  # of the annotation Decimal

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
    except Exception:  # also what an __index__ or __float__ of the value's own raises
        return None


def _floats(values: list[Any]) -> pa.Array | None:
    try:
        return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(array.array("d", values))])
    except Exception:  # also what an __index__ or __float__ of the value's own raises
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
_ACCEPTED: dict[str, tuple[type, ...]] = {"VARCHAR": (str,), "JSON": (str,), "BOOLEAN": (bool, np.bool_)}
_MOST_FLOAT = float(np.finfo(np.float32).max)


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
        except (pa.ArrowException, TypeError, OverflowError, ValueError, AttributeError):
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
    if type_.is_integer:
        return _integer_converter(type_)
    match type_.kind:
        case "LIST":
            return _list_converter(shape)
        case "MAP":
            return _map_converter(shape)
        case "STRUCT":
            return _struct_converter(shape)
        case _ if type_.kind in _ACCEPTED:
            return lambda value: _of(value, type_)
        case _ if (convert := _CONVERTERS.get(type_.kind)) is not None:
            return lambda value: convert(value, type_)
    return None


def _of(value: Any, type_: SqlType) -> Any:
    if not isinstance(value, _ACCEPTED[type_.kind]):
        raise _other_type(value, type_)
    return value


def _other_type(value: Any, type_: SqlType) -> _NotOfTypeError:
    return _NotOfTypeError(
        f"{shortened(value)} is of type {type(value).__name__}, and the function is declared to return {type_}"
    )


def _problem(value: Any, type_: SqlType, error: Exception) -> str:
    """Why Arrow doesn't take a value that is of the right kind."""
    shown = shortened(value)
    if isinstance(error, UnicodeEncodeError):
        return f"{shown} can't be written as UTF-8"
    if type_.kind == "DECIMAL" and isinstance(value, int | Decimal | np.integer):
        hint = "" if type_ != DEFAULT_DECIMAL else ": say which DECIMAL, as in returns='DECIMAL(18,4)'"
        return f"{shown} doesn't fit {type_}{hint}"
    if type_.kind in ("LIST", "MAP", "STRUCT"):
        return f"{shown} doesn't fit {type_}: {str(error).partition(chr(10))[0]}"
    return str(_other_type(value, type_))


# --- one value


def _integer_converter(type_: SqlType) -> Callable[[Any], Any]:
    bits = 128 if type_.kind == "HUGEINT" else type_.arrow.bit_width
    signed = not type_.kind.startswith("U")
    first, last = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    hint = "" if type_.kind == "HUGEINT" else "; returns='HUGEINT' has 128 bits"

    def convert(value: Any) -> int:
        try:
            whole = index(value)
        except Exception:
            raise _other_type(value, type_) from None
        if not first <= whole <= last:
            raise _NotOfTypeError(f"{shortened(value)} doesn't fit {type_}{hint}")
        return whole

    return convert


def _float(value: Any, type_: SqlType) -> float:
    if isinstance(value, str | bytes):  # float() reads them
        raise _other_type(value, type_)
    try:
        found = float(value)
    except OverflowError:
        raise _NotOfTypeError(f"{shortened(value)} doesn't fit {type_}") from None
    except Exception:
        raise _other_type(value, type_) from None
    if type_.kind == "FLOAT" and math.isfinite(found) and abs(found) > _MOST_FLOAT:
        raise _NotOfTypeError(f"{shortened(value)} doesn't fit {type_}; DOUBLE has more range")
    return found


def _bytes(value: Any, type_: SqlType) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _other_type(value, type_)
    return bytes(value)


def _uuid(value: Any, type_: SqlType) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        raise _other_type(value, type_)
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise _NotOfTypeError(f"{shortened(value)} is no UUID") from None


def _decimal(value: Any, type_: SqlType) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | np.integer):
        raise _other_type(value, type_)
    return int(value) if isinstance(value, np.integer) else value


def _timestamp(value: Any, type_: SqlType) -> Any:
    if isinstance(value, np.datetime64):
        return _of_numpy(value, "M8[us]", dt.datetime, type_)
    if not isinstance(value, dt.datetime):
        raise _other_type(value, type_)
    if value.tzinfo is not None and type_.kind == "TIMESTAMP":
        raise _NotOfTypeError(
            f"{shortened(value)} has a time zone, and TIMESTAMP has none: returns='TIMESTAMPTZ' keeps it"
        )
    return value


def _date(value: Any, type_: SqlType) -> Any:
    if isinstance(value, np.datetime64):
        return _of_numpy(value, "M8[D]", dt.date, type_)
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise _other_type(value, type_)
    return value


def _of_numpy(value: Any, unit: str, wanted: type, type_: SqlType) -> Any:
    """A datetime64 as Python's; NaT is NULL."""
    if np.isnat(value):
        return None
    found = value.astype(unit).item()
    if not isinstance(found, wanted):
        raise _NotOfTypeError(f"{shortened(value)} doesn't fit {type_}")
    return found


def _time(value: Any, type_: SqlType) -> Any:
    if not isinstance(value, dt.time):
        raise _other_type(value, type_)
    if value.tzinfo is not None:
        raise _NotOfTypeError(f"{shortened(value)} has a time zone, and TIME has none")
    return value


def _interval(value: Any, type_: SqlType) -> Any:
    if isinstance(value, dt.timedelta):
        return pa.MonthDayNano([0, value.days, (value.seconds * 1_000_000 + value.microseconds) * 1000])
    return value


_CONVERTERS: dict[str, Callable[[Any, SqlType], Any]] = {
    "DOUBLE": _float, "FLOAT": _float, "BLOB": _bytes, "UUID": _uuid, "DECIMAL": _decimal, "DATE": _date,
    "TIMESTAMP": _timestamp, "TIMESTAMPTZ": _timestamp, "TIME": _time, "INTERVAL": _interval,
}  # fmt: skip


def shortened(value: Any, most: int = 60) -> str:
    """A value for a message: `repr`, cut where it is long."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]}"


def _list_converter(shape: Shape) -> Callable[[Any], Any]:
    inner = converting(shape.inner[0]) if shape.inner else None

    def convert(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            raise _other_type(value, shape.type)
        return value if inner is None else [None if v is None else inner(v) for v in value]

    return convert


def _map_converter(shape: Shape) -> Callable[[Any], Any]:
    key, item = map(converting, shape.inner)

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _other_type(value, shape.type)
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
            raise _other_type(value, shape.type)
        return {n: v if v is None or c is None else c(v) for n, v, c in zip(names, parts, inner, strict=True)}

    return convert


__all__ = ["Enter", "WrongResultError", "converting", "entering", "shortened"]
