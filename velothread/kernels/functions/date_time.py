"""Functions of dates, times, timestamps and intervals: one line an overload."""

# ruff: noqa: E501 - a table reads best with one line a function

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from velothread.kernels import date_format, differences, interval, moments, temporal, time_zones, truncation
from velothread.kernels.function import Function, Kernel
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTERVAL,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    list_of,
)

_DATED = (DATE, TIMESTAMP, TIMESTAMPTZ)
_GROUP = "date and time"

# name -> (part, what it takes besides dates, doc, example, result, aliases)
_PARTS: tuple[tuple[str, str, tuple[SqlType, ...], str, str, str, tuple[str, ...]], ...] = (
    ("year", "year", (INTERVAL,), "Year", "year(DATE '2024-05-06')", "2024", ()),
    ("month", "month", (INTERVAL,), "Month, 1 to 12", "month(DATE '2024-05-06')", "5", ()),
    ("day", "day", (INTERVAL,), "Day of the month", "day(DATE '2024-05-06')", "6", ("dayofmonth",)),
    ("hour", "hour", (TIME, INTERVAL), "Hour", "hour(TIMESTAMP '2024-05-06 07:08:09')", "7", ()),
    ("minute", "minute", (TIME, INTERVAL), "Minute", "minute(TIMESTAMP '2024-05-06 07:08:09')", "8", ()),
    ("second", "second", (TIME, INTERVAL), "Second", "second(TIMESTAMP '2024-05-06 07:08:09.5')", "9", ()),
    ("millisecond", "millisecond", (TIME, INTERVAL), "Milliseconds, with the seconds", "millisecond(TIMESTAMP '2024-05-06 07:08:09.5')", "9500", ()),
    ("microsecond", "microsecond", (TIME, INTERVAL), "Microseconds, with the seconds", "microsecond(TIME '07:08:09.5')", "9500000", ()),
    ("quarter", "quarter", (INTERVAL,), "Quarter, 1 to 4", "quarter(DATE '2024-05-06')", "2", ()),
    ("week", "week", (), "ISO week, 1 to 53", "week(DATE '2024-12-30')", "1", ("weekofyear",)),
    ("isoyear", "isoyear", (), "Year that the ISO week belongs to", "isoyear(DATE '2024-12-30')", "2025", ()),
    ("yearweek", "yearweek", (), "ISO year and week as one number", "yearweek(DATE '2024-12-30')", "202501", ()),
    ("dayofweek", "dow", (), "Weekday, Sunday is 0", "dayofweek(DATE '2024-05-05')", "0", ("weekday",)),
    ("isodow", "isodow", (), "Weekday, Monday is 1, Sunday 7", "isodow(DATE '2024-05-05')", "7", ()),
    ("dayofyear", "doy", (), "Day of the year", "dayofyear(DATE '2024-12-31')", "366", ()),
    ("decade", "decade", (INTERVAL,), "Year / 10", "decade(DATE '2024-05-06')", "202", ()),
    ("century", "century", (INTERVAL,), "Century; the 21st began with 2001", "century(DATE '2000-05-06')", "20", ()),
    ("millennium", "millennium", (INTERVAL,), "Millennium; the 3rd began with 2001", "millennium(DATE '2024-05-06')", "3", ()),
    ("era", "era", (), "1, or 0 before the year 1", "era(DATE '2024-05-06')", "1", ()),
    ("timezone", "timezone", (), "Offset of the session's zone, which is UTC, in seconds", "timezone(TIMESTAMPTZ '2024-05-06 00:00:00+00')", "0", ()),
    ("timezone_hour", "timezone_hour", (), "Hours of the offset of the session's zone", "timezone_hour(TIMESTAMPTZ '2024-05-06 00:00:00+00')", "0", ()),
    ("timezone_minute", "timezone_minute", (), "Minutes of the offset of the session's zone", "timezone_minute(TIMESTAMPTZ '2024-05-06 00:00:00+00')", "0", ()),
)  # fmt: skip


def _line(
    name: str, parameters: tuple[SqlType | str, ...], returns: SqlType, kernel: Kernel,
    doc: str = "", example: str = "", result: str = "", raises: bool = False, aliases: tuple[str, ...] = (),
) -> Function:  # fmt: skip
    return Function(
        name, parameters, returns, kernel, doc, example, result, raises=raises, aliases=aliases, group=_GROUP
    )


def _parts() -> Iterator[Function]:
    for name, part, others, doc, example, result, aliases in _PARTS:
        kernel = temporal.date_part_of(part)
        for place, t in enumerate((*_DATED, *others)):
            # The example stands with one overload.
            shown = (example, result) if place == 0 else ("", "")
            yield _line(name, (t,), BIGINT, kernel, doc, *shown, aliases=aliases)


def _each(name: str, types: tuple[SqlType, ...], returns: SqlType | None, kernel: Kernel, doc: str, example: str = "", result: str = "", *, before: tuple[SqlType, ...] = (), times: int = 1, raises: bool = False, aliases: tuple[str, ...] = ()) -> Iterator[Function]:  # fmt: skip
    """A line for each of `types`, as the last `times` parameters; `returns` None: the type itself."""
    for place, t in enumerate(types):
        shown = (example, result) if place == 0 else ("", "")
        yield _line(name, (*before, *[t] * times), returns or t, kernel, doc, *shown, raises=raises, aliases=aliases)


_READING = (
    *_parts(),
    *_each("epoch", (*_DATED, TIME, INTERVAL), DOUBLE, temporal.date_part_of("epoch"), "Seconds since 1970-01-01", "epoch(TIMESTAMP '1970-01-02 00:00:00.5')", "86400.5"),
    *_each("julian", _DATED, DOUBLE, temporal.date_part_of("julian"), "Julian day", "julian(DATE '2024-01-01')", "2460311.0"),
    *_each("epoch_ms", (TIMESTAMP, DATE, TIMESTAMPTZ, TIME, INTERVAL), BIGINT, temporal.epoch_in(1000), "Milliseconds since 1970-01-01", "epoch_ms(TIMESTAMP '1970-01-02 00:00:00')", "86400000"),
    *_each("epoch_us", (TIMESTAMP, DATE, TIMESTAMPTZ, TIME, INTERVAL), BIGINT, temporal.epoch_in(1), "Microseconds since 1970-01-01", "epoch_us(TIMESTAMP '1970-01-01 00:00:01')", "1000000"),
    *_each("epoch_ns", (TIMESTAMP, TIMESTAMP_NS, DATE, TIMESTAMPTZ, TIME, INTERVAL), BIGINT, temporal.epoch_ns, "Nanoseconds since 1970-01-01", "epoch_ns(TIMESTAMP '1970-01-01 00:00:01')", "1000000000", raises=True),
    *_each("nanosecond", (TIMESTAMP, TIMESTAMP_NS, DATE, TIMESTAMPTZ, TIME), BIGINT, temporal.nanosecond, "Nanoseconds, with the seconds", "nanosecond(TIMESTAMP '2024-01-01 00:00:01.5')", "1500000000"),
    *_each("dayname", _DATED, VARCHAR, temporal.dayname, "English name of the weekday", "dayname(DATE '2024-05-06')", "Monday"),
    *_each("monthname", _DATED, VARCHAR, temporal.monthname, "English name of the month", "monthname(DATE '2024-05-06')", "May"),
    *_each("last_day", _DATED, DATE, truncation.last_day, "Last day of the month", "last_day(DATE '2024-02-03')", "2024-02-29"),
    *_each("isfinite", _DATED, BOOLEAN, moments.is_finite, "Not infinite", "isfinite(DATE '2024-05-06')", "true"),
    *_each("isinf", _DATED, BOOLEAN, moments.is_infinite, "infinity or -infinity", "isinf(DATE 'infinity')", "true"),
)  # fmt: skip

_PART_FIRST = (
    *_each("date_part", (*_DATED, TIME, INTERVAL), BIGINT, temporal.date_part, "A part of a moment, by name; extract(part FROM x) is the same", "date_part('month', DATE '2024-05-06')", "5", before=(VARCHAR,), raises=True, aliases=("datepart",)),
    _line("date_trunc", (VARCHAR, DATE), TIMESTAMP, truncation.date_trunc, "The start of the unit that a moment is in", "date_trunc('month', DATE '2024-05-06')", "2024-05-01 00:00:00", True, ("datetrunc",)),
    *_each("date_trunc", (TIMESTAMP, TIMESTAMPTZ, INTERVAL), None, truncation.date_trunc, "The start of the unit that a moment is in", before=(VARCHAR,), raises=True, aliases=("datetrunc",)),
    *_each("date_diff", (*_DATED, TIME), BIGINT, differences.date_diff, "Boundaries of a unit between two moments", "date_diff('month', DATE '2024-01-31', DATE '2024-02-01')", "1", before=(VARCHAR,), times=2, raises=True, aliases=("datediff",)),
    *_each("date_sub", (*_DATED, TIME), BIGINT, differences.date_sub, "Whole units between two moments", "date_sub('month', DATE '2024-01-31', DATE '2024-02-01')", "0", before=(VARCHAR,), times=2, raises=True, aliases=("datesub",)),
)  # fmt: skip

_MOVING = (
    _line("date_add", (TIMESTAMP, INTERVAL), TIMESTAMP, interval.add_to_timestamp, "A moment moved by an interval", "date_add(DATE '2024-01-31', INTERVAL 1 MONTH)", "2024-02-29 00:00:00", True),
    _line("date_add", (TIMESTAMPTZ, INTERVAL), TIMESTAMPTZ, interval.add_to_timestamp, "A moment moved by an interval", raises=True),
    *_each("age", (TIMESTAMP, TIMESTAMPTZ), INTERVAL, differences.age, "Years, months, days and time between two moments", "age(TIMESTAMP '2001-04-10', TIMESTAMP '1957-06-13')", "43 years 9 months 27 days", times=2, raises=True),
    *_each("time_bucket", (DATE, TIMESTAMP, TIMESTAMPTZ), None, truncation.time_bucket, "Start of the bucket of a width that a moment is in", "time_bucket(INTERVAL 10 MINUTES, TIMESTAMP '2024-05-06 01:02:03')", "2024-05-06 01:00:00", before=(INTERVAL,), raises=True),
    *(
        _line("time_bucket", (INTERVAL, t, other), t, truncation.time_bucket, "Buckets moved by an interval, or beginning at a moment", raises=True)
        for t in _DATED
        for other in (INTERVAL, t)
    ),
)  # fmt: skip

_MAKING = (
    _line("make_date", (BIGINT, BIGINT, BIGINT), DATE, moments.make_date, "Date of year, month, day", "make_date(2024, 5, 6)", "2024-05-06", True),
    _line("make_date", (BIGINT,), DATE, moments.make_date, "Date of days since 1970-01-01", "make_date(19000)", "2022-01-08", True),
    _line("make_time", (BIGINT, BIGINT, DOUBLE), TIME, moments.make_time, "Time of hour, minute, second", "make_time(10, 20, 30.5)", "10:20:30.5", True),
    _line("make_timestamp", (BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, DOUBLE), TIMESTAMP, moments.make_timestamp_of(pa.timestamp("us")), "Timestamp of year, month, day, hour, minute, second", "make_timestamp(2024, 5, 6, 7, 8, 9.5)", "2024-05-06 07:08:09.5", True),
    _line("make_timestamp", (BIGINT,), TIMESTAMP, moments.timestamp_of(1, pa.timestamp("us")), "Timestamp of microseconds since 1970-01-01", "make_timestamp(1500000)", "1970-01-01 00:00:01.5", True),
    _line("make_timestamptz", (BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, DOUBLE), TIMESTAMPTZ, moments.make_timestamp_of(pa.timestamp("us", "UTC")), "Timestamp in UTC", "make_timestamptz(2024, 5, 6, 7, 8, 9.5)", "2024-05-06 07:08:09.5+00", True),
    _line("make_timestamp_ms", (BIGINT,), TIMESTAMP, moments.timestamp_of(1000, pa.timestamp("us")), "Timestamp of milliseconds since 1970-01-01", "make_timestamp_ms(1500)", "1970-01-01 00:00:01.5", True),
    _line("make_timestamp_ns", (BIGINT,), TIMESTAMP_NS, moments.timestamp_of(1, pa.timestamp("ns")), "Timestamp of nanoseconds since 1970-01-01", "make_timestamp_ns(1)", "1970-01-01 00:00:00.000000001", True),
    _line("epoch_ms", (BIGINT,), TIMESTAMP, moments.timestamp_of(1000, pa.timestamp("us")), "Timestamp of milliseconds since 1970-01-01", "epoch_ms(86400000)", "1970-01-02 00:00:00", True),
    _line("to_timestamp", (DOUBLE,), TIMESTAMPTZ, moments.to_timestamp, "Timestamp of seconds since 1970-01-01", "to_timestamp(86400.5)", "1970-01-02 00:00:00.5+00", True),
)  # fmt: skip

_UNITS = (
    *(
        _line(f"to_{unit}", (BIGINT,), INTERVAL, interval.count_of(unit), f"That many {unit}", f"to_{unit}(2)", result, True)
        for unit, result in (
            ("millennia", "2000 years"), ("centuries", "200 years"), ("decades", "20 years"), ("years", "2 years"),
            ("quarters", "6 months"), ("months", "2 months"), ("weeks", "14 days"), ("days", "2 days"),
            ("hours", "02:00:00"), ("minutes", "00:02:00"), ("microseconds", "00:00:00.000002"),
        )
    ),
    *(
        _line(f"to_{unit}", (DOUBLE,), INTERVAL, interval.count_of(unit), f"That many {unit}", f"to_{unit}(1.5)", result, True)
        for unit, result in (("seconds", "00:00:01.5"), ("milliseconds", "00:00:00.0015"))
    ),
)  # fmt: skip

_TEXT = (
    *_each("strftime", (TIMESTAMP, DATE, TIMESTAMPTZ), VARCHAR, date_format.strftime_format_first, "A moment as text in a format", before=(VARCHAR,), raises=True),
    _line("strftime", (DATE, VARCHAR), VARCHAR, date_format.strftime, "A moment as text in a format", "strftime(DATE '2024-05-06', '%a, %-d %B %Y')", "Mon, 6 May 2024", True),
    _line("strftime", (TIMESTAMP, VARCHAR), VARCHAR, date_format.strftime, "A moment as text in a format", raises=True),
    _line("strftime", (TIMESTAMPTZ, VARCHAR), VARCHAR, date_format.strftime, "A moment as text in a format", raises=True),
    _line("strptime", (VARCHAR, VARCHAR), TIMESTAMP, date_format.strptime, "Text in a format as a timestamp; an offset is applied", "strptime('6/5/24', '%d/%m/%y')", "2024-05-06 00:00:00", True),
    _line("strptime", (VARCHAR, list_of(VARCHAR)), TIMESTAMP, date_format.strptime_any, "Text in the first format that fits", raises=True),
    _line("try_strptime", (VARCHAR, VARCHAR), TIMESTAMP, date_format.try_strptime, "strptime that gives NULL for other text", "try_strptime('x', '%Y')", "NULL", True),
    _line("try_strptime", (VARCHAR, list_of(VARCHAR)), TIMESTAMP, date_format.try_strptime_any, "strptime that gives NULL for other text", raises=True),
    _line("timezone", (VARCHAR, TIMESTAMP), TIMESTAMPTZ, time_zones.timestamp_in_zone, "When the clocks of a zone show a time; x AT TIME ZONE zone is the same", "timezone('Europe/Berlin', TIMESTAMP '2024-07-01 10:00:00')", "2024-07-01 08:00:00+00", True),
    _line("timezone", (VARCHAR, TIMESTAMPTZ), TIMESTAMP, time_zones.clock_of_zone, "What the clocks of a zone show", "timezone('Europe/Berlin', TIMESTAMPTZ '2024-07-01 10:00:00+00')", "2024-07-01 12:00:00", True),
)  # fmt: skip

DATE_TIME: tuple[Function, ...] = (*_READING, *_PART_FIRST, *_MOVING, *_MAKING, *_UNITS, *_TEXT)
