"""Dates, times and timestamps made of numbers: make_date, make_timestamp, to_timestamp, epoch_ms(BIGINT)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.cast_time import is_finite as _is_finite
from velothread.kernels.civil import MICROS_PER_DAY, TIMESTAMP_INFINITY, days_from_civil, days_in_month
from velothread.kernels.function import Value
from velothread.kernels.temporal import SECOND
from velothread.kernels.vectors import Mask, Numbers, column, first_row, like_arguments, row_count, valid_rows, view


def _refuse(bad: Mask, valid: Mask | None, what: str, *parts: Numbers) -> None:
    """Raise for the first valid row that is `bad`, with its values."""
    if not bad.any():
        return
    rows = max(len(bad), 1 if valid is None else len(valid), *(len(p) for p in parts))
    wrong = np.broadcast_to(bad, (rows,)) & (True if valid is None else valid)
    if wrong.any():
        row = first_row(wrong)
        shown = ", ".join(str(p[row if len(p) > 1 else 0]) for p in parts)
        raise ExecutionError(f"there is no {what} ({shown})")


def _days(parts: Sequence[Value], valid: Mask | None) -> Numbers:
    year, month, day = (view(p) for p in parts)
    inside = (month >= 1) & (month <= 12) & (np.abs(year) < 5_870_000)
    safe = np.where(inside, month, 1)
    exists = inside & (day >= 1) & (day <= days_in_month(np.where(inside, year, 1), safe))
    _refuse(~exists, valid, "date", year, month, day)
    return days_from_civil(np.where(exists, year, 1970), safe, np.where(exists, day, 1))


def make_date(*parts: Value) -> Value:
    """A DATE of year, month and day, or of days since 1970-01-01."""
    valid, rows = valid_rows(*parts), row_count(*parts) or 1
    if len(parts) == 1:
        data = view(parts[0])
        _refuse(np.abs(data >> 1) >= 2**30 - 1, valid, "date", data)
    else:
        data = _days(parts, valid)
    return like_arguments(column(data.astype(np.int32), pa.date32(), valid, rows), *parts)


def _micros_of_day(parts: Sequence[Value], valid: Mask | None) -> Numbers:
    hour, minute, second = (view(p) for p in parts)
    with np.errstate(invalid="ignore"):
        micros = np.rint(second * SECOND)
        exists = (hour >= 0) & (hour < 24) & (minute >= 0) & (minute < 60) & (micros >= 0) & (micros <= 60 * SECOND)
    _refuse(~exists, valid, "time", hour, minute, second)
    total: Numbers = (hour * 3600 + minute * 60) * SECOND + np.where(exists, micros, 0).astype(np.int64)
    return total


def make_time(hour: Value, minute: Value, second: Value) -> Value:
    """A TIME; seconds have a fraction."""
    arguments = (hour, minute, second)
    valid, rows = valid_rows(*arguments), row_count(*arguments) or 1
    data = _micros_of_day(arguments, valid) % MICROS_PER_DAY
    return like_arguments(column(data, pa.time64("us"), valid, rows), *arguments)


def make_timestamp_of(t: pa.DataType) -> Callable[..., Value]:
    """make_timestamp(year, month, day, hour, minute, second), or its like with a zone."""

    def kernel(*parts: Value) -> Value:
        valid, rows = valid_rows(*parts), row_count(*parts) or 1
        days = _days(parts[:3], valid)
        _refuse(np.abs(days) > TIMESTAMP_INFINITY // MICROS_PER_DAY - 2, valid, "timestamp", view(parts[0]))
        time = _micros_of_day(parts[3:], valid)
        return like_arguments(column(days * MICROS_PER_DAY + time, t, valid, rows), *parts)

    return kernel


def timestamp_of(multiple: int, t: pa.DataType) -> Callable[[Value], Value]:
    """A timestamp of units since 1970-01-01: `multiple` units of `t` each."""

    def kernel(number: Value) -> Value:
        data, valid = view(number), valid_rows(number)
        _refuse(np.abs(data >> 1) >= 2**62 // multiple, valid, "timestamp", data)
        return like_arguments(column(data * multiple, t, valid), number)

    return kernel


def to_timestamp(seconds: Value) -> Value:
    """TIMESTAMPTZ of seconds (DOUBLE) since 1970-01-01."""
    valid = valid_rows(seconds)
    with np.errstate(invalid="ignore", over="ignore"):
        micros = np.rint(view(seconds) * SECOND)
        _refuse(~(np.abs(micros) < 2.0**63 * 0.99), valid, "timestamp", view(seconds))
        data = np.where(np.abs(micros) < 2.0**63 * 0.99, micros, 0.0).astype(np.int64)
    return like_arguments(column(data, pa.timestamp("us", "UTC"), valid), seconds)


def is_finite(value: Value) -> Value:
    """Not infinite."""
    array = pa.repeat(value, 1) if isinstance(value, pa.Scalar) else value
    data = _is_finite(array)
    return like_arguments(column(view(data), pa.bool_(), valid_rows(array)), value)


def is_infinite(value: Value) -> Value:
    """`infinity` or `-infinity`."""
    array = pa.repeat(value, 1) if isinstance(value, pa.Scalar) else value
    data = _is_finite(array)
    return like_arguments(column(~view(data), pa.bool_(), valid_rows(array)), value)
