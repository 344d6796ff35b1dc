"""Parts of dates, times, timestamps and intervals: year, isodow, epoch and so on.

Arrow's calendar kernels are quickest on DATE, so that timestamps are split into days and microseconds of the day first.
They count years in 16 bits: dates farther away are moved by whole eras of 400 years, which have the same calendar.
Infinite moments have no parts: NULL.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError, did_you_mean
from velothread.kernels.civil import DATE_INFINITY, MICROS_PER_DAY, TIMESTAMP_INFINITY
from velothread.kernels.function import Value
from velothread.kernels.vectors import (
    Numbers,
    as_column,
    both_valid,
    column,
    like_arguments,
    row_count,
    valid_rows,
    view,
)

_ALIASES = {
    "year": "y yr years yrs", "month": "mon months mons", "day": "d days dayofmonth", "hour": "h hr hours hrs",
    "minute": "m min minutes mins", "second": "s sec seconds secs", "millisecond": "ms milliseconds msec msecs",
    "microsecond": "us microseconds usec usecs", "decade": "dec decades decs", "century": "c centuries cent",
    "millennium": "mil millennia mils millenium", "quarter": "quarters", "week": "w weeks weekofyear",
    "dow": "weekday dayofweek", "isodow": "", "doy": "dayofyear", "epoch": "", "era": "", "isoyear": "", "yearweek": "",
    "julian": "", "timezone": "", "timezone_hour": "", "timezone_minute": "",
}  # fmt: skip
PARTS = {alias: part for part, names in _ALIASES.items() for alias in (part, *names.split())}
SECOND = 1_000_000
UNIT_MICROS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": SECOND,
    "epoch": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
}
UNIT_HINT = "units are year, month, week, day, hour, ..."
_JULIAN_EPOCH = 2_440_588
_DAYS_PER_ERA = 146_097
_FAR_DAYS = 11_000_000  # about 30,000 years: before that Arrow's years are right
_CLOCK = ("hour", "minute", "second", "millisecond", "microsecond")


def part_name(name: str) -> str:
    """The part that a name or abbreviation stands for.

    :raises ExecutionError: for an unknown one, with the near ones.
    """
    found = PARTS.get(name.lower().strip())
    if found is None:
        raise ExecutionError(f"unknown date part {name!r}", hint=did_you_mean(name, PARTS))
    return found


def split(value: Value) -> tuple[Numbers, Numbers]:
    """Days since 1970-01-01 and microseconds of the day, both int64, of a DATE or any timestamp."""
    data = view(value)
    if value.type == pa.date32():
        return data.astype(np.int64), np.zeros(1, np.int64)
    if value.type.unit == "ns":
        data = np.floor_divide(data, 1000)
    days = np.floor_divide(data, MICROS_PER_DAY)
    return days, data - days * MICROS_PER_DAY


def as_days(value: Value) -> pa.Array:
    """A DATE column of a DATE or any timestamp; NULL where it is infinite."""
    array = as_column(value)
    data = view(array)
    if array.type == pa.date32():
        if not len(data) or (int(data.max()) < DATE_INFINITY and int(data.min()) > -DATE_INFINITY):
            return array
        return column(data, pa.date32(), both_valid(valid_rows(array), np.abs(data) != DATE_INFINITY))
    days = np.floor_divide(data, MICROS_PER_DAY * (1000 if array.type.unit == "ns" else 1)).astype(np.int32)
    valid = valid_rows(array)
    if len(data) and (int(data.max()) == TIMESTAMP_INFINITY or int(data.min()) == -TIMESTAMP_INFINITY):
        valid = both_valid(valid, np.abs(data) != TIMESTAMP_INFINITY)
    return column(days, pa.date32(), valid)


def near(days: pa.Array) -> tuple[pa.Array, Numbers | None]:
    """DATEs that Arrow's calendar knows, and how many eras of 400 years each was moved (None: none at all)."""
    data = view(days)
    if not len(data) or (int(data.max()) < _FAR_DAYS and int(data.min()) > -_FAR_DAYS):
        return days, None
    eras = np.floor_divide(data, _DAYS_PER_ERA)
    return column(data - eras * _DAYS_PER_ERA, pa.date32(), valid_rows(days)), eras.astype(np.int64)


def _recurring(part: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], pa.Array]:
    """A part that is the same in each era."""
    return lambda days: part(near(days)[0])


def _counted(part: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], pa.Array]:
    """A part that counts years."""

    def counted(days: pa.Array) -> pa.Array:
        moved, eras = near(days)
        years = part(moved)
        return years if eras is None else pc.add(years, column(eras * 400, pa.int64(), None))

    return counted


year_of = _counted(pc.year)
_iso_year = _counted(pc.iso_year)
_iso_week = _recurring(pc.iso_week)


def _year_by(divisor: int) -> Callable[[pa.Array], pa.Array]:
    """Decades count from year 0, towards zero."""

    def part(days: pa.Array) -> pa.Array:
        return pc.divide(year_of(days), pa.scalar(divisor, pa.int64()))

    return part


def _period(length: int) -> Callable[[pa.Array], pa.Array]:
    """Centuries and millennia begin with a year 1: 2000 is in the 20th, 2001 in the 21st; none is the 0th."""

    def part(days: pa.Array) -> pa.Array:
        year = view(year_of(days))
        number = np.where(year > 0, (year - 1) // length + 1, -(-year // length + 1))
        return column(number, pa.int64(), valid_rows(days))

    return part


def _yearweek(days: pa.Array) -> pa.Array:
    year, week = _iso_year(days), _iso_week(days)
    hundreds = pc.multiply(year, pa.scalar(100, pa.int64()))
    # Before the year 1 the week counts away from it as well, as in DuckDB.
    return pc.if_else(pc.less(year, 0), pc.subtract(hundreds, week), pc.add(hundreds, week))


def _era(days: pa.Array) -> pa.Array:
    return pc.greater(year_of(days), 0).cast(pa.int64())


_OF_DAYS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "year": year_of,
    "month": _recurring(pc.month),
    "day": _recurring(pc.day),
    "quarter": _recurring(pc.quarter),
    "week": _iso_week,
    "isoyear": _iso_year,
    "yearweek": _yearweek,
    "dow": _recurring(lambda days: pc.day_of_week(days, count_from_zero=True, week_start=7)),
    "isodow": _recurring(lambda days: pc.day_of_week(days, count_from_zero=False, week_start=1)),
    "doy": _recurring(pc.day_of_year),
    "decade": _year_by(10),
    "century": _period(100),
    "millennium": _period(1000),
    "era": _era,
}


def _clock_part(part: str, micros: Numbers) -> Numbers:
    """A part of the microseconds of a day (or of an interval's time, whose sign stays)."""
    if part == "hour":
        return _cut(micros, 3600 * SECOND)
    within = np.fmod(micros, 60 * SECOND)
    if part == "minute":
        return np.fmod(_cut(micros, 60 * SECOND), 60)
    # As in DuckDB and PostgreSQL, these include the seconds.
    return _cut(within, UNIT_MICROS[part])


def _cut(data: Numbers, unit: int) -> Numbers:
    """Division towards zero."""
    return np.where(data < 0, -(-data // unit), data // unit)


def date_part_of(part: str) -> Callable[[Value], Value]:
    """The kernel of `year(x)`, `hour(x)` and the like: BIGINT, DOUBLE for epoch and julian."""

    def kernel(value: Value) -> Value:
        return like_arguments(_part(part, as_column(value)), value)

    return kernel


def _part(part: str, array: pa.Array) -> pa.Array:
    t = array.type
    if t == pa.month_day_nano_interval():
        return _interval_part(part, array)
    if pa.types.is_time64(t):
        return _time_part(part, array)
    if part in _OF_DAYS:
        return _OF_DAYS[part](as_days(array))
    if part.startswith("timezone"):
        return column(np.zeros(len(array), np.int64), pa.int64(), valid_rows(as_days(array)))
    days, micros = split(array)
    valid = valid_rows(as_days(array))
    if part == "epoch":
        return column((days * MICROS_PER_DAY + micros) / SECOND, pa.float64(), valid)
    if part == "julian":
        return column(days + _JULIAN_EPOCH + micros / MICROS_PER_DAY, pa.float64(), valid)
    return column(_clock_part(part, micros), pa.int64(), valid, len(array))


def _time_part(part: str, array: pa.Array) -> pa.Array:
    if part == "epoch":
        return column(view(array) / SECOND, pa.float64(), valid_rows(array))
    if part not in _CLOCK:
        raise ExecutionError(f"a TIME has no {part}")
    return column(_clock_part(part, view(array)), pa.int64(), valid_rows(array))


def interval_micros(parts: Numbers) -> Numbers:
    """Microseconds of the days (a month is 30) and time of intervals."""
    micros: Numbers = (parts["months"].astype(np.int64) * 30 + parts["days"]) * MICROS_PER_DAY + parts["nanos"] // 1000
    return micros


def _interval_part(part: str, array: pa.Array) -> pa.Array:
    parts = view(array)
    months, valid = parts["months"].astype(np.int64), valid_rows(array)
    if part == "epoch":
        # A year is 365.25 days here, a month of the rest 30.
        years = np.fix(months / 12).astype(np.int64)
        days = years * 365.25 + (months - years * 12) * 30 + parts["days"]
        return column(days * 86_400 + parts["nanos"] / 1e9, pa.float64(), valid)
    if part in _CLOCK:
        data = _clock_part(part, _cut(parts["nanos"], 1000))
    elif part == "day":
        data = parts["days"].astype(np.int64)
    elif part == "month":
        data = np.fmod(months, 12)
    elif part == "quarter":
        data = _cut(np.fmod(months, 12), 3) + 1
    elif part in ("year", "decade", "century", "millennium"):
        data = _cut(months, {"year": 12, "decade": 120, "century": 1200, "millennium": 12_000}[part])
    else:
        raise ExecutionError(f"an INTERVAL has no {part}")
    return column(data, pa.int64(), valid)


def by_part(kernel: Callable[..., Value]) -> Callable[..., Value]:
    """A kernel `(part name, values...)` for a constant part, made to take a column of parts."""

    def call(part: Value, *values: Value) -> Value:
        if isinstance(part, pa.Scalar):
            if part.is_valid:
                return kernel(part_name(part.as_py()), *values)
            result = kernel("microsecond", *values)
            rows = row_count(*values)
            return pa.scalar(None, result.type) if rows is None else pa.nulls(rows, result.type)
        # A column of parts is rare: computed over all rows for each distinct part.
        chosen: Value | None = None
        for name in part.unique().drop_null().to_pylist():
            found = as_column(kernel(part_name(name), *values), len(part))
            mask = pc.equal(part, name)
            chosen = pc.if_else(mask, found, pa.scalar(None, found.type) if chosen is None else chosen)
        if chosen is None:
            return pa.nulls(len(part), kernel("microsecond", *values).type)
        return pc.if_else(pc.is_valid(part), chosen, pa.scalar(None, chosen.type))

    return call


def _date_part(part: str, value: Value) -> Value:
    if part in ("epoch", "julian"):
        # The type of a call can't depend on a value here; these two are DOUBLE.
        raise ExecutionError(f"date_part('{part}', x) is a DOUBLE", hint=f"write {part}(x)")
    return date_part_of(part)(value)


date_part = by_part(_date_part)


def epoch_in(micros: int) -> Callable[[Value], Value]:
    """epoch_ms, epoch_us: whole units since 1970-01-01 (of a TIME: midnight; of an INTERVAL: its length)."""

    def kernel(value: Value) -> Value:
        array = as_column(value)
        return like_arguments(column(_epoch_micros(array) // micros, pa.int64(), valid_rows(array)), value)

    return kernel


def _epoch_micros(array: pa.Array) -> Numbers:
    if array.type == pa.month_day_nano_interval():
        return interval_micros(view(array))
    if pa.types.is_time64(array.type):
        return view(array)
    days, micros = split(array)
    return days * MICROS_PER_DAY + micros


def epoch_ns(value: Value) -> Value:
    """Nanoseconds since 1970-01-01."""
    array = as_column(value)
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        return like_arguments(array.view(pa.int64()), value)
    micros, valid = _epoch_micros(array), valid_rows(array)
    fits = np.abs(micros) <= TIMESTAMP_INFINITY // 1000
    if not (fits if valid is None else fits | ~valid).all():
        raise ExecutionError("a moment is out of the range of 64 bits of nanoseconds", hint="epoch_us reaches further")
    return like_arguments(column(np.where(fits, micros, 0) * 1000, pa.int64(), valid), value)


def nanosecond(value: Value) -> Value:
    """Nanoseconds of the minute, seconds included."""
    array = as_column(value)
    data = view(array) if array.type == pa.timestamp("ns") else _epoch_micros(array) * 1000
    return like_arguments(column(np.mod(data, 60 * 10**9), pa.int64(), valid_rows(array)), value)


_DAY_NAMES = pa.array(["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"])
_MONTH_NAMES = pa.array(
    [
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ]
)


def dayname(value: Value) -> Value:
    """English name of the weekday."""
    return like_arguments(_DAY_NAMES.take(_part("dow", as_column(value))), value)


def monthname(value: Value) -> Value:
    """English name of the month."""
    return like_arguments(_MONTH_NAMES.take(pc.subtract(_part("month", as_column(value)), 1)), value)
