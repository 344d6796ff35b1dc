"""Dates, times and intervals against Python's datetime, and every example of the operator and date tables."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread import types as t
from velothread.errors import ExecutionError
from velothread.frontend.expressions import ExpressionBinder
from velothread.frontend.names import Scope
from velothread.frontend.parse import parse
from velothread.kernels import date_format, differences, interval, temporal, truncation
from velothread.kernels.casts import to_text
from velothread.kernels.civil import add_months, civil, days_from_civil, iso_week
from velothread.kernels.function import Function
from velothread.kernels.functions.date_time import DATE_TIME
from velothread.kernels.functions.operators import OPERATORS
from velothread.plan.expressions import Literal

FEW = settings(max_examples=60, deadline=None)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
EPOCH = date(1970, 1, 1)


@pytest.mark.parametrize("function", [f for f in (*OPERATORS, *DATE_TIME) if f.example], ids=lambda f: f.example)
def test_examples_are_true(function: Function) -> None:
    sql = f"SELECT {function.example}"
    e = ExpressionBinder(sql).bind_value(parse(sql)[0].tree.expressions[0], Scope(()))
    assert isinstance(e, Literal), "an example is a constant"
    found = to_text(pa.repeat(e.value, 1), e.type)[0].as_py()
    assert ("NULL" if found is None else found) == function.result


@FEW
@given(st.lists(st.dates(), min_size=1))
def test_the_calendar_is_pythons(days: list[date]) -> None:
    numbers = np.array([(d - EPOCH).days for d in days])
    year, month, day = civil(numbers)
    assert [*zip(year.tolist(), month.tolist(), day.tolist(), strict=True)] == [(d.year, d.month, d.day) for d in days]
    assert (days_from_civil(year, month, day) == numbers).all()
    assert [*zip(*(x.tolist() for x in iso_week(numbers)), strict=True)] == [d.isocalendar()[:2] for d in days]


@FEW
@given(st.lists(st.none() | MOMENTS, min_size=1))
def test_parts_of_timestamps(moments: list[datetime | None]) -> None:
    array = pa.array(moments, pa.timestamp("us"))
    rules: dict[str, Any] = {
        "year": lambda m: m.year, "month": lambda m: m.month, "day": lambda m: m.day, "hour": lambda m: m.hour,
        "minute": lambda m: m.minute, "second": lambda m: m.second, "isodow": lambda m: m.isoweekday(),
        "week": lambda m: m.isocalendar()[1], "doy": lambda m: m.timetuple().tm_yday,
        "quarter": lambda m: (m.month + 2) // 3,
        "microsecond": lambda m: m.second * 10**6 + m.microsecond, "century": lambda m: (m.year - 1) // 100 + 1,
    }  # fmt: skip
    for part, rule in rules.items():
        found = temporal.date_part(pa.scalar(part), array)
        assert found.type == pa.int64()
        assert found.to_pylist() == [None if m is None else rule(m) for m in moments], part


@FEW
@given(MOMENTS, st.sampled_from(["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond"]))
def test_truncation_gives_the_start_of_the_unit(moment: datetime, part: str) -> None:
    found = truncation.date_trunc(pa.scalar(part), pa.scalar(moment)).as_py()
    assert found <= moment
    again = truncation.date_trunc(pa.scalar(part), pa.scalar(found)).as_py()
    assert again == found
    between = differences.date_diff(pa.scalar(part), pa.scalar(found), pa.scalar(moment)).as_py()
    assert between == 0


@FEW
@given(MOMENTS, st.integers(-1200, 1200), st.integers(-400, 400), st.integers(-(10**12), 10**12))
def test_adding_an_interval_moves_by_months_then_days_then_time(
    moment: datetime, months: int, days: int, micros: int
) -> None:
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    if not 2 <= year <= 9996:
        return
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    expected = moment.replace(year=year, month=month + 1, day=day) + timedelta(days=days, microseconds=micros)
    step = pa.scalar((months, days, micros * 1000), t.INTERVAL.arrow)
    assert interval.add_to_timestamp(pa.scalar(moment), step).as_py() == expected
    assert interval.add_timestamp(step, pa.array([moment, None])).to_pylist() == [expected, None]


@FEW
@given(MOMENTS, MOMENTS)
def test_the_difference_of_timestamps_leads_from_one_to_the_other(a: datetime, b: datetime) -> None:
    gap = interval.subtract_timestamps(pa.scalar(a), pa.scalar(b))
    assert interval.add_to_timestamp(pa.scalar(b), gap).as_py() == a
    assert gap.as_py().months == 0 and abs(gap.as_py().nanoseconds) < 86_400 * 10**9


@FEW
@given(st.dates(), st.dates())
def test_whole_months_between(a: date, b: date) -> None:
    start, end = min(a, b), max(a, b)
    months = differences.date_sub(pa.scalar("month"), pa.scalar(start), pa.scalar(end)).as_py()
    first, last = (np.array([(d - EPOCH).days]) for d in (start, end))
    assert add_months(first, np.array([months]))[0] <= last[0] < add_months(first, np.array([months + 1]))[0]
    assert differences.date_sub(pa.scalar("month"), pa.scalar(end), pa.scalar(start)).as_py() == -months


@FEW
@given(st.lists(st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1))
def test_strptime_reads_what_strftime_writes(moments: list[datetime | None]) -> None:
    array = pa.array(moments, pa.timestamp("us"))
    for pattern in (
        "%Y-%m-%d %H:%M:%S.%f",
        "%-d. %B %Y, %-I:%M:%S %p, %f",
        "%G-W%V-%u %X %n",
        "%A %j/%Y %X|%f",
        "%Y%m%d%H%M%S%f",
    ):
        text = date_format.strftime(array, pa.scalar(pattern))
        if "%n" in pattern:
            # %n is microseconds when written and nanoseconds when read, as in DuckDB: both pad to the right
            assert date_format.strptime(text, pa.scalar(pattern)).to_pylist() == moments
        else:
            assert date_format.strptime(text, pa.scalar(pattern)).to_pylist() == moments, pattern
    expected = [None if m is None else m.strftime("%a %b %d %H:%M:%S %j %U %W %y") for m in moments]
    assert date_format.strftime(array, pa.scalar("%a %b %d %H:%M:%S %j %U %W %y")).to_pylist() == expected


@FEW
@given(MOMENTS, st.integers(1, 10**10), st.integers(1, 30))
def test_buckets_hold_their_moments(moment: datetime, micros: int, months: int) -> None:
    for width in ((0, 0, micros * 1000), (months, 0, 0)):
        step = pa.scalar(width, t.INTERVAL.arrow)
        start = truncation.time_bucket(step, pa.array([moment]))
        end = interval.add_to_timestamp(start, step)
        assert int(start[0].value) <= int(pa.scalar(moment).value) < int(end[0].value)


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ExecutionError, match="yaer"):
        temporal.date_part(pa.scalar("yaer"), pa.scalar(date(2024, 1, 1)))
    with pytest.raises(ExecutionError, match="out of range"):
        interval.add_to_timestamp(pa.scalar(datetime(2024, 1, 1)), pa.scalar((2**31 - 1, 0, 0), t.INTERVAL.arrow))
    with pytest.raises(ExecutionError, match="'x' does not follow"):
        date_format.strptime(pa.array(["2024", "x"]), pa.scalar("%Y"))


def test_parts_may_be_a_column() -> None:
    found = temporal.date_part(pa.array(["year", "day", None]), pa.scalar(date(2024, 5, 6)))
    assert found.to_pylist() == [2024, 6, None]


def test_infinite_dates_have_no_parts() -> None:
    array = pa.array([2**31 - 1, 0], pa.int32()).view(pa.date32())
    assert temporal.date_part_of("year")(array).to_pylist() == [None, 1970]
