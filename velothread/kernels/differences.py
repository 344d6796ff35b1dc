"""Time between two moments: date_diff (boundaries crossed), date_sub (whole units), age."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.civil import MICROS_PER_DAY, civil, days_in_month, iso_week
from velothread.kernels.function import Value
from velothread.kernels.interval import make_intervals
from velothread.kernels.temporal import UNIT_HINT, UNIT_MICROS, by_part, split
from velothread.kernels.vectors import Mask, Numbers, column, like_arguments, row_count, valid_rows, view

_MONTHS = {"month": 1, "quarter": 3, "year": 12, "isoyear": 12, "decade": 120, "century": 1200, "millennium": 12_000}
_DAYS = ("day", "dow", "isodow", "doy", "julian")
_WEEKS = ("week", "yearweek")


def _moment(value: Value) -> tuple[Numbers, Numbers]:
    """Days and microseconds of the day; a TIME is on day 0."""
    if pa.types.is_time64(value.type):
        data = view(value)
        return np.zeros(len(data), np.int64), data
    return split(value)


def _result(data: Numbers, left: Value, right: Value) -> Value:
    rows = row_count(left, right) or 1
    return like_arguments(column(data.astype(np.int64), pa.int64(), valid_rows(left, right), rows), left, right)


def _date_diff(part: str, start: Value, end: Value) -> Value:
    (d1, t1), (d2, t2) = _moment(start), _moment(end)
    if part in UNIT_MICROS:
        unit = UNIT_MICROS[part]
        if unit == 1:
            return _result(_exact_micros(d1, t1, d2, t2, valid_rows(start, end)), start, end)
        per_day = MICROS_PER_DAY // unit
        return _result((d2 - d1) * per_day + t2 // unit - t1 // unit, start, end)
    if part in _DAYS:
        return _result(d2 - d1, start, end)
    if part in _WEEKS:
        # As in DuckDB, whole weeks between the days, not Mondays passed.
        return _result(np.fix((d2 - d1) / 7), start, end)
    if part == "isoyear":
        return _result(iso_week(d2)[0] - iso_week(d1)[0], start, end)
    (y1, m1, _), (y2, m2, _) = civil(d1), civil(d2)
    if part == "month":
        return _result(y2 * 12 + m2 - y1 * 12 - m1, start, end)
    if part == "quarter":
        return _result(y2 * 4 + (m2 - 1) // 3 - y1 * 4 - (m1 - 1) // 3, start, end)
    if part in _MONTHS:
        length = _MONTHS[part] // 12
        return _result(np.fix(y2 / length) - np.fix(y1 / length), start, end)
    raise ExecutionError(f"date_diff in {part!r} makes no sense", hint=UNIT_HINT)


def _exact_micros(d1: Numbers, t1: Numbers, d2: Numbers, t2: Numbers, valid: Mask | None) -> Numbers:
    beyond = np.abs(d2 - d1) > 2**63 // MICROS_PER_DAY - 2
    if (beyond if valid is None else beyond & valid).any():
        raise ExecutionError(
            "the time between two moments needs more than 64 bits of microseconds", hint="count seconds or days"
        )
    return (d2 - d1) * MICROS_PER_DAY + t2 - t1


def whole_months(d1: Numbers, t1: Numbers, d2: Numbers, t2: Numbers) -> Numbers:
    """Months that are over between two moments; the last day of a month completes it for longer months before."""
    backwards = (d1 > d2) | ((d1 == d2) & (t1 > t2))
    d1, d2 = np.where(backwards, d2, d1), np.where(backwards, d1, d2)
    t1, t2 = np.where(backwards, t2, t1), np.where(backwards, t1, t2)
    (y1, m1, day1), (y2, m2, day2) = civil(d1), civil(d2)
    months = (y2 - y1) * 12 + m2 - m1
    day1 = np.where(day2 == days_in_month(y2, m2), np.minimum(day1, day2), day1)
    unfinished: Mask = (day1 > day2) | ((day1 == day2) & (t1 > t2))
    months = months - (unfinished & (months > 0))
    return np.where(backwards, -months, months)


def _date_sub(part: str, start: Value, end: Value) -> Value:
    (d1, t1), (d2, t2) = _moment(start), _moment(end)
    if part in _MONTHS:
        return _result(np.fix(whole_months(d1, t1, d2, t2) / _MONTHS[part]), start, end)
    unit = UNIT_MICROS.get(part) or (MICROS_PER_DAY if part in _DAYS else 7 * MICROS_PER_DAY if part in _WEEKS else 0)
    if not unit:
        raise ExecutionError(f"date_sub in {part!r} makes no sense", hint=UNIT_HINT)
    micros = _exact_micros(d1, t1, d2, t2, valid_rows(start, end))
    return _result(np.where(micros < 0, -(-micros // unit), micros // unit), start, end)


date_diff = by_part(_date_diff)
date_sub = by_part(_date_sub)


def age(later: Value, earlier: Value) -> Value:
    """Years, months, days and time between two timestamps, each counted on the calendar."""
    (d1, t1), (d2, t2) = split(later), split(earlier)
    backwards = (d1 < d2) | ((d1 == d2) & (t1 < t2))
    d1, d2 = np.where(backwards, d2, d1), np.where(backwards, d1, d2)
    t1, t2 = np.where(backwards, t2, t1), np.where(backwards, t1, t2)
    (y1, m1, day1), (y2, m2, day2) = civil(d1), civil(d2)
    micros = t1 - t2
    days = day1 - day2 - (micros < 0)
    micros = np.where(micros < 0, micros + MICROS_PER_DAY, micros)
    months = (y1 - y2) * 12 + m1 - m2 - (days < 0)
    # Missing days are borrowed from the month that the earlier moment is in.
    days = np.where(days < 0, days + days_in_month(y2, m2), days)
    sign = np.where(backwards, -1, 1)
    rows = row_count(later, earlier) or 1
    result = make_intervals(sign * months, sign * days, sign * micros * 1000, valid_rows(later, earlier), rows)
    return like_arguments(result, later, earlier)
