"""Arithmetic on INTERVAL, and of dates and times with intervals.

An interval is months, days and nanoseconds side by side (microseconds in effect); adding it moves by months first (the
day is cut to the month's length), then by days, then by time. What leaves the range of a type is an error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.arithmetic import nonzero
from velothread.kernels.civil import DATE_INFINITY, MICROS_PER_DAY, TIMESTAMP_INFINITY, add_months
from velothread.kernels.function import Value
from velothread.kernels.vectors import (
    INTERVAL_DTYPE,
    Mask,
    Numbers,
    column,
    like_arguments,
    row_count,
    valid_rows,
    view,
)

INTERVAL = pa.month_day_nano_interval()
_INT32 = 2**31
# Seconds with nanoseconds in 64 bits: what an interval's time can be.
_MAX_NANOS = 2**63 - 1


def make_intervals(months: Numbers, days: Numbers, nanos: Numbers, valid: Mask | None, rows: int) -> pa.Array:
    """Intervals of int64 (or float) parts.

    :raises ExecutionError: when a part doesn't fit.
    """
    out = np.zeros(rows, INTERVAL_DTYPE)
    fits = (abs(months) < _INT32) & (abs(days) < _INT32) & (abs(nanos) <= float(_MAX_NANOS) * 0.999999)
    _demand(fits, valid, "the interval is out of range", rows)
    out["months"], out["days"], out["nanos"] = (np.where(fits, x, 0) for x in (months, days, nanos))
    return column(out, INTERVAL, valid, rows)


def _demand(fits: Mask, valid: Mask | None, message: str, rows: int) -> None:
    if not fits.all() and not (np.broadcast_to(fits, (rows,)) | (False if valid is None else ~valid)).all():
        raise ExecutionError(message)


def _parts(value: Value) -> tuple[Numbers, Numbers, Numbers]:
    data = view(value)
    return data["months"].astype(np.int64), data["days"].astype(np.int64), data["nanos"]


def _combine(left: Value, right: Value, sign: int) -> Value:
    (a, b, c), (d, e, f) = _parts(left), _parts(right)
    rows, valid = row_count(left, right) or 1, valid_rows(left, right)
    # Half the sum can't overflow: it tells whether the sum does.
    half = (c >> 1) + sign * (f >> 1)
    _demand(np.abs(half) < 2**62 - 1, valid, "overflow in the sum of intervals", rows)
    return like_arguments(make_intervals(a + sign * d, b + sign * e, c + sign * f, valid, rows), left, right)


def add_intervals(left: Value, right: Value) -> Value:
    """Part by part."""
    return _combine(left, right, 1)


def subtract_intervals(left: Value, right: Value) -> Value:
    """Part by part."""
    return _combine(left, right, -1)


def negate_interval(value: Value) -> Value:
    """Each part negated."""
    a, b, c = _parts(value)
    return like_arguments(make_intervals(-a, -b, -c, valid_rows(value), len(a)), value)


def _scale(interval: Value, factor: Numbers, number: Value, divide: bool, keep: Mask | None) -> Value:
    """Fractions of months become days (of 30), fractions of days time."""
    a, b, c = _parts(interval)
    with np.errstate(all="ignore"):
        scaled = [(x / factor if divide else x * factor) for x in (a.astype(float), b.astype(float), c / 1000.0)]
        months = np.trunc(scaled[0])
        all_days = scaled[1] + (scaled[0] - months) * 30
        days = np.trunc(all_days)
        micros = np.rint(scaled[2] + (all_days - days) * MICROS_PER_DAY)
    valid = valid_rows(interval, number)
    if keep is not None:
        valid = keep if valid is None else valid & keep
    rows = row_count(interval, number) or 1
    return like_arguments(make_intervals(months, days, micros * 1000, valid, rows), interval, number)


def multiply_interval(interval: Value, number: Value) -> Value:
    """INTERVAL * DOUBLE."""
    return _scale(interval, view(number), number, False, None)


def multiply_by_interval(number: Value, interval: Value) -> Value:
    """DOUBLE * INTERVAL."""
    return multiply_interval(interval, number)


def divide_interval(interval: Value, number: Value) -> Value:
    """INTERVAL / DOUBLE; by zero is an error."""
    keep = nonzero("/", interval, number, view(number) == 0)
    return _scale(interval, view(number), number, True, keep)


# --- moments and intervals


def shift(moments: Numbers, months: Numbers, days: Numbers, micros: Numbers, valid: Mask | None, rows: int) -> Numbers:
    """Microseconds since 1970 moved by an interval's parts; infinities stay.

    :raises ExecutionError: when a result is out of the range of TIMESTAMP.
    """
    day = np.floor_divide(moments, MICROS_PER_DAY)
    rest = moments - day * MICROS_PER_DAY
    if months.any():
        day = add_months(day, months)
    extra = np.floor_divide(micros, MICROS_PER_DAY)
    day = day + days + extra
    rest = rest + (micros - extra * MICROS_PER_DAY)
    over = np.floor_divide(rest, MICROS_PER_DAY)
    day, rest = day + over, rest - over * MICROS_PER_DAY
    endless = np.abs(moments) == TIMESTAMP_INFINITY
    limit = TIMESTAMP_INFINITY // MICROS_PER_DAY  # the day of the last moment that is not infinity
    fits = (np.abs(day) <= limit) & ((day < limit) | (rest < TIMESTAMP_INFINITY % MICROS_PER_DAY))
    _demand(fits | endless, valid, "the timestamp is out of range", rows)
    if endless.any():
        return np.where(endless, moments, np.where(endless, 0, day) * MICROS_PER_DAY + rest)
    moved: Numbers = day * MICROS_PER_DAY + rest
    return moved


def _moved(moment: Value, interval: Value, sign: int) -> Value:
    months, days, nanos = _parts(interval)
    rows, valid = row_count(moment, interval) or 1, valid_rows(moment, interval)
    micros = np.floor_divide(nanos, 1000)
    data = shift(view(moment), sign * months, sign * days, sign * micros, valid, rows)
    return like_arguments(column(data, moment.type, valid, rows), moment, interval)


def add_to_timestamp(moment: Value, interval: Value) -> Value:
    """TIMESTAMP + INTERVAL (TIMESTAMPTZ: in UTC)."""
    return _moved(moment, interval, 1)


def add_timestamp(interval: Value, moment: Value) -> Value:
    """INTERVAL + TIMESTAMP."""
    return _moved(moment, interval, 1)


def subtract_from_timestamp(moment: Value, interval: Value) -> Value:
    """TIMESTAMP - INTERVAL."""
    return _moved(moment, interval, -1)


def _turned(time: Value, interval: Value, sign: int) -> Value:
    nanos = view(interval)["nanos"]
    data = np.mod(view(time) + sign * np.floor_divide(nanos, 1000) % MICROS_PER_DAY, MICROS_PER_DAY)
    rows = row_count(time, interval) or 1
    return like_arguments(column(data, time.type, valid_rows(time, interval), rows), time, interval)


def add_to_time(time: Value, interval: Value) -> Value:
    """TIME + INTERVAL: around the clock; days and months don't count."""
    return _turned(time, interval, 1)


def add_time(interval: Value, time: Value) -> Value:
    """INTERVAL + TIME."""
    return _turned(time, interval, 1)


def subtract_from_time(time: Value, interval: Value) -> Value:
    """TIME - INTERVAL."""
    return _turned(time, interval, -1)


def subtract_timestamps(left: Value, right: Value) -> Value:
    """The time between two timestamps, as days and time of one sign."""
    a, b = view(left), view(right)
    rows, valid = row_count(left, right) or 1, valid_rows(left, right)
    if left.type.unit == "ns":
        a, b = a // 1000, b // 1000
    _demand(np.abs((a >> 1) - (b >> 1)) < 2**62 - 1, valid, "the time between these timestamps is out of range", rows)
    micros = a - b
    days = np.trunc(micros / MICROS_PER_DAY).astype(np.int64)
    # The quotient is a float: mend it where it was rounded across a whole day.
    days -= (np.sign(micros) * (np.abs(days) * MICROS_PER_DAY > np.abs(micros))).astype(np.int64)
    nanos = (micros - days * MICROS_PER_DAY) * 1000
    result = make_intervals(np.zeros_like(days), days, nanos, valid, rows)
    return like_arguments(result, left, right)


def add_days(date: Value, days: Value) -> Value:
    """DATE + BIGINT."""
    return _stepped(date, days, 1)


def add_date(days: Value, date: Value) -> Value:
    """BIGINT + DATE."""
    return _stepped(date, days, 1)


def subtract_days(date: Value, days: Value) -> Value:
    """DATE - BIGINT."""
    return _stepped(date, days, -1)


def _stepped(date: Value, days: Value, sign: int) -> Value:
    start, step = view(date).astype(np.int64), view(days)
    rows, valid = row_count(date, days) or 1, valid_rows(date, days)
    _demand(np.abs(step >> 1) < 2**32, valid, "the date is out of range", rows)
    data = start + sign * np.clip(step, -(2**33), 2**33)
    endless = np.abs(start) == DATE_INFINITY
    _demand((np.abs(data) < DATE_INFINITY) | endless, valid, "the date is out of range", rows)
    data = np.where(endless, start, data)
    return like_arguments(column(data.astype(np.int32), pa.date32(), valid, rows), date, days)


def subtract_dates(left: Value, right: Value) -> Value:
    """Days from `right` to `left`."""
    data = view(left).astype(np.int64) - view(right)
    return like_arguments(column(data, pa.int64(), valid_rows(left, right), row_count(left, right) or 1), left, right)


def add_time_to_date(date: Value, time: Value) -> Value:
    """DATE + TIME: a timestamp."""
    rows, valid = row_count(date, time) or 1, valid_rows(date, time)
    days = view(date).astype(np.int64)
    _demand(np.abs(days) < TIMESTAMP_INFINITY // MICROS_PER_DAY, valid, "the timestamp is out of range", rows)
    data = days * MICROS_PER_DAY + view(time)
    return like_arguments(column(data, pa.timestamp("us"), valid, rows), date, time)


def add_date_to_time(time: Value, date: Value) -> Value:
    """TIME + DATE."""
    return add_time_to_date(date, time)


# --- to_days(n) and its like


def count_of(unit: str) -> Callable[[Value], Value]:
    """The kernel of `to_days` and the like: that many units."""
    months = {"months": 1, "quarters": 3, "years": 12, "decades": 120, "centuries": 1200, "millennia": 12_000}
    days = {"days": 1, "weeks": 7}
    nanos = {
        "hours": 3600 * 10**9,
        "minutes": 60 * 10**9,
        "seconds": 10**9,
        "milliseconds": 10**6,
        "microseconds": 1000,
    }

    def kernel(number: Value) -> Value:
        data = view(number)
        none = np.zeros(1, np.int64)
        exact = data.astype(float) if data.dtype.kind == "f" else data
        valid, rows = valid_rows(number), len(data)
        each = months.get(unit) or days.get(unit) or nanos[unit]
        _demand(np.abs(data.astype(float)) * each < 2.0**63, valid, f"to_{unit} is out of range", rows)
        with np.errstate(all="ignore"):
            amount = exact * each
        if unit in months:
            result = make_intervals(amount, none, none, valid, rows)
        elif unit in days:
            result = make_intervals(none, amount, none, valid, rows)
        else:
            if data.dtype.kind == "f":
                amount = np.rint(amount / 1000) * 1000
            result = make_intervals(none, none, amount, valid, rows)
        return like_arguments(result, number)

    return kernel
