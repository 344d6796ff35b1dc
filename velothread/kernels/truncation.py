"""Moments cut down to a unit: date_trunc, time_bucket, last_day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.civil import MICROS_PER_DAY, TIMESTAMP_INFINITY, civil, days_from_civil, days_in_month, iso_week
from velothread.kernels.function import Value
from velothread.kernels.temporal import UNIT_HINT, UNIT_MICROS, as_days, by_part, near, split, year_of
from velothread.kernels.vectors import (
    INTERVAL_DTYPE,
    Mask,
    Numbers,
    as_column,
    column,
    columnar,
    like_arguments,
    row_count,
    valid_rows,
    view,
)

_YEARS = {"decade": 10, "century": 100, "millennium": 1000}
# Parts that name a day or a week truncate to it.
_SYNONYMS = {"dow": "day", "isodow": "day", "doy": "day", "julian": "day", "yearweek": "week"}
_INTERVAL_MONTHS = {
    "month": 1,
    "quarter": 3,
    "year": 12,
    "isoyear": 12,
    "decade": 120,
    "century": 1200,
    "millennium": 12_000,
}


def _truncate_days(part: str, days: pa.Array) -> Numbers:
    """The first day (int64 since 1970-01-01) of the unit that each day is in."""
    data = view(days).astype(np.int64)
    if part == "day":
        return data
    if part == "week":
        return data - (data + 3) % 7
    if part == "month":
        return data - view(pc.day(near(days)[0])) + 1
    if part == "year":
        return data - view(pc.day_of_year(near(days)[0])) + 1
    if part == "isoyear":
        year = iso_week(data)[0]
        fourth = days_from_civil(year, np.ones_like(year), np.full_like(year, 4))
        monday: Numbers = fourth - (fourth + 3) % 7
        return monday
    year = view(year_of(days))
    one = np.ones_like(year)
    if part == "quarter":
        return days_from_civil(year, (view(pc.month(near(days)[0])) - 1) // 3 * 3 + 1, one)
    length = _YEARS[part]
    return days_from_civil(np.fix(year / length).astype(np.int64) * length, one, one)


def _date_trunc(part: str, value: Value) -> Value:
    part = _SYNONYMS.get(part, part)
    array = as_column(value)
    if array.type == pa.month_day_nano_interval():
        return like_arguments(_truncate_interval(part, array), value)
    if part in UNIT_MICROS and array.type == pa.date32():
        part = "day"
    target = pa.timestamp("us") if array.type == pa.date32() else array.type
    if part in UNIT_MICROS:
        data = view(array)
        unit = UNIT_MICROS[part] * (1000 if target.unit == "ns" else 1)
        cut = data if unit == 1 else np.floor_divide(data, unit) * unit
    else:
        if part not in ("day", "week", "month", "quarter", "year", "isoyear", *_YEARS):
            raise ExecutionError(f"date_trunc to {part!r} makes no sense", hint=UNIT_HINT)
        cut = _truncate_days(part, as_days(array)) * (MICROS_PER_DAY * (1000 if target.unit == "ns" else 1))
    if array.type != pa.date32():
        endless = np.abs(view(array)) == TIMESTAMP_INFINITY
        if endless.any():
            cut = np.where(endless, view(array), cut)
    return like_arguments(column(cut, target, valid_rows(array)), value)


def _truncate_interval(part: str, array: pa.Array) -> pa.Array:
    parts = view(array)
    out = np.zeros(len(array), INTERVAL_DTYPE)
    if part in _INTERVAL_MONTHS:
        unit = _INTERVAL_MONTHS[part]
        out["months"] = np.fix(parts["months"] / unit).astype(np.int32) * unit
    else:
        out["months"] = parts["months"]
        if part == "week":
            out["days"] = np.fix(parts["days"] / 7).astype(np.int32) * 7
        else:
            out["days"] = parts["days"]
            if part in UNIT_MICROS:
                unit = UNIT_MICROS[part] * 1000
                out["nanos"] = parts["nanos"] - np.fmod(parts["nanos"], unit)
            elif part != "day":
                raise ExecutionError(f"an INTERVAL can't be truncated to {part}")
    return column(out, array.type, valid_rows(array))


date_trunc = by_part(_date_trunc)


def last_day(value: Value) -> Value:
    """The last day of the month, as a DATE."""
    days = as_days(as_column(value))
    year, month, _ = civil(view(days))
    data = days_from_civil(year, month, days_in_month(year, month)).astype(np.int32)
    return like_arguments(column(data, pa.date32(), valid_rows(days)), value)


# Buckets are counted from a Monday, month buckets from the first of January.
_ORIGIN_DAYS = 10_959  # 2000-01-03
_ORIGIN_MONTHS = 2000 * 12
_FIRST = -(TIMESTAMP_INFINITY // MICROS_PER_DAY * MICROS_PER_DAY)  # TIMESTAMP begins with a whole day


def time_bucket(width: Value, moment: Value, shift: Value | None = None) -> Value:
    """The start of the bucket of `width` that `moment` is in.

    shift: an INTERVAL that moves all buckets, or a moment (of the type of `moment`) at which a bucket begins.
    """
    arguments = (width, moment) if shift is None else (width, moment, shift)
    if isinstance(width, pa.Array):
        return _each_width(*arguments)
    if not width.is_valid:
        rows = row_count(moment)
        return pa.scalar(None, moment.type) if rows is None else pa.nulls(rows, moment.type)
    valid = valid_rows(*arguments)
    if valid is not None and not valid.any():  # no bucket is asked for, so no width is wrong
        rows = row_count(*arguments)
        return pa.scalar(None, moment.type) if rows is None else pa.nulls(rows, moment.type)
    parts = view(width)[0]
    months = int(parts["months"])
    micros = int(parts["days"]) * MICROS_PER_DAY + int(parts["nanos"]) // 1000
    if months and micros:
        raise ExecutionError("the width of time_bucket is either months or days and time, not both")
    if months <= 0 and micros <= 0:
        raise ExecutionError("the width of time_bucket must be positive")
    return _bucket(months, micros, moment, shift)


@columnar
def _each_width(*columns: pa.Array) -> pa.Array:
    # A column of widths is rare: row by row.
    rows = range(len(columns[0]))
    found = [time_bucket(*(c[i] for c in columns)).as_py() for i in rows]
    return pa.array(found, columns[1].type)


def _bucket(months: int, micros: int, moment: Value, shift: Value | None) -> Value:
    t = moment.type
    arguments = (moment,) if shift is None else (moment, shift)
    valid, rows = valid_rows(*arguments), row_count(*arguments) or 1
    if months:
        origin: Numbers | int = _ORIGIN_MONTHS
        if shift is not None and shift.type == pa.month_day_nano_interval():
            raise ExecutionError("time_bucket of months takes no offset", hint="give a date at which a bucket begins")
        if shift is not None:
            year, month, _ = civil(split(shift)[0])
            origin = year * 12 + month - 1
        year, month, _ = civil(split(moment)[0])
        total = np.floor_divide(year * 12 + month - 1 - origin, months) * months + origin
        days = days_from_civil(total // 12, total % 12 + 1, np.ones_like(total))
        if t == pa.date32():
            return like_arguments(column(days.astype(np.int32), t, valid, rows), *arguments)
        out = days * MICROS_PER_DAY
    else:
        data = _micros(moment, valid)
        start: Numbers | int = _ORIGIN_DAYS * MICROS_PER_DAY
        if shift is not None and shift.type == pa.month_day_nano_interval():
            start = start + view(shift)["days"].astype(np.int64) * MICROS_PER_DAY + view(shift)["nanos"] // 1000
        elif shift is not None:
            start = _micros(shift, valid)
        # How far into its bucket each moment is; a difference of the moments themselves might not fit into 64 bits.
        within = np.mod(np.mod(data, micros) - np.mod(start, micros), micros)
        _refuse(data < _FIRST + within, valid)
        out = data - within
    if t == pa.date32():
        out = np.floor_divide(out, MICROS_PER_DAY).astype(np.int32)
    elif t.unit == "ns":
        out = out * 1000
    return like_arguments(column(out, t, valid, rows), *arguments)


def _micros(value: Value, valid: Mask | None) -> Numbers:
    data = view(value)
    if value.type == pa.date32():
        days = data.astype(np.int64)
        _refuse(np.abs(days) > TIMESTAMP_INFINITY // MICROS_PER_DAY, valid)
        return days * MICROS_PER_DAY
    return data // 1000 if value.type.unit == "ns" else data


def _refuse(beyond: Mask, valid: Mask | None) -> None:
    if (beyond if valid is None else beyond & valid).any():
        raise ExecutionError("the bucket of a moment begins before the first TIMESTAMP, or the moment has none")


Truncation = Callable[[Value], Value]
