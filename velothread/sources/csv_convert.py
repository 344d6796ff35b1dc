"""From text to values, for what Arrow's CSV reader doesn't do itself: formats, odd spellings, and the careful path.

A column is cast as a whole; where that fails, it is halved until the single values that don't fit are known. Those get
a last chance in Python, with the spellings that DuckDB's CAST takes (`+3`, `1.5` as an integer, `2024/1/2`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread import types as t
from velothread.types import SqlType

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
_STAMP = re.compile(
    r"\s*(\d{1,6})[-/](\d{1,2})[-/](\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?\s*(Z|UTC|[+-]\d{1,2}(?::?\d{2})?)?)?\s*",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*")
_SPELLING = (
    (r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})", r"\1-\2-\3"),
    (r"^(\d{4})-(\d)-", r"\1-0\2-"),
    (r"^(\d{4}-\d{2})-(\d)($|[ T])", r"\1-0\2\3"),
    (r"^([-\d]{10}[ T])(\d):", r"\10\2:"),
    (r"(\.\d{6})\d+", r"\1"),
    (r" ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)$", r"\1"),
    (r"UTC$", "Z"),
)
_TIME_SPELLING = ((r"^(\d):", r"0\1:"), (r"(\.\d{6})\d+", r"\1"))
_EPOCH = datetime.datetime(1970, 1, 1)

_SHORT = frozenset([None, *range(38)])

# What a value is turned into when it doesn't fit.
_BAD = object()
# Wide enough for 38 digits; a context of our own, since the default one belongs to the program.
_WIDE = Context(prec=80, rounding=ROUND_HALF_UP)


def fits(values: pa.Array, kind: SqlType, fmt: str | None, decimal: str) -> bool:
    """Can all values of a string array be read as `kind`?"""
    return convert(values, kind, fmt, decimal)[1] is None


def convert(
    values: pa.Array, kind: SqlType, fmt: str | None = None, decimal: str = "."
) -> tuple[pa.Array, pa.Array | None]:
    """String array -> (array of `kind`, which values didn't fit: boolean array, or None for none). NULL stays NULL.

    `fmt`: a strptime format for dates and timestamps; `decimal`: the decimal separator.
    """
    whole, single = _converters(kind, fmt, decimal)
    done = _try(values, whole, kind)
    if done is not None:
        return done, None
    values = _normal(values, kind) if fmt is None else values
    done = _try(values, whole, kind)
    if done is not None:
        return done, None
    pieces: list[pa.Array] = []
    bad: list[int] = []
    _halve(values, 0, whole, single, kind, pieces, bad)
    converted = pa.concat_arrays(pieces)
    if not bad:
        return converted, None
    mask = np.zeros(len(values), np.bool_)
    mask[bad] = True
    return converted, pa.array(mask)


def reads_directly(values: pa.Array, kind: SqlType) -> bool:
    """Does Arrow's CSV reader take these values as they are (ISO dates and times)?"""
    if not kind.is_temporal:
        return True
    try:
        values.cast(kind.arrow)
    except pa.ArrowException:
        return False
    return True


def _normal(values: pa.Array, kind: SqlType) -> pa.Array:
    """Dates and times that DuckDB reads, spelled as ISO 8601: `2024/1/2 9:30` -> `2024-01-02 09:30`."""
    if not kind.is_temporal:
        return values
    values = pc.utf8_trim_whitespace(values)
    for pattern, by in _TIME_SPELLING if kind == t.TIME else _SPELLING:
        values = pc.replace_substring_regex(values, pattern, by)
    if kind == t.TIMESTAMPTZ:
        zoned = pc.match_substring_regex(values, r":.*(Z|[+-]\d{2}(:?\d{2})?)$")
        values = pc.if_else(zoned, values, pc.binary_join_element_wise(values, "Z", ""))
    return values


def _try(values: pa.Array, whole: Callable[[pa.Array], pa.Array], kind: SqlType) -> pa.Array | None:
    try:
        result = whole(values)
    except (pa.ArrowException, ValueError, OverflowError):
        return None
    # Formats turn what they can't read into NULL.
    return result if result.null_count == values.null_count else None


def _halve(
    values: pa.Array,
    start: int,
    whole: Callable[[pa.Array], pa.Array],
    single: Callable[[str], Any],
    kind: SqlType,
    pieces: list[pa.Array],
    bad: list[int],
) -> None:
    done = _try(values, whole, kind)
    if done is not None:
        pieces.append(done)
    elif len(values) > 1:
        middle = len(values) // 2
        _halve(values[:middle], start, whole, single, kind, pieces, bad)
        _halve(values[middle:], start + middle, whole, single, kind, pieces, bad)
    else:
        value = single(values[0].as_py())
        if value is not _BAD:
            try:
                pieces.append(pa.array([value], kind.arrow))
                return
            except (pa.ArrowException, ValueError, OverflowError):
                pass
        pieces.append(pa.nulls(1, kind.arrow))
        bad.append(start)


def _converters(
    kind: SqlType, fmt: str | None, decimal: str
) -> tuple[Callable[[pa.Array], pa.Array], Callable[[str], Any]]:
    if kind.kind in ("VARCHAR", "JSON"):
        return (lambda v: v), (lambda v: v)
    if kind.kind == "BLOB":
        return (lambda v: v.cast(pa.binary())), (lambda v: _BAD)
    if kind.kind == "UUID":
        return _uuids, (lambda v: _BAD)
    if kind == t.BOOLEAN:
        return _booleans, (lambda v: _BAD)
    if kind.is_integer or kind.kind == "DECIMAL":
        scale = kind.scale if kind.kind == "DECIMAL" else 0
        return (lambda v: _numbers(v, kind, decimal)), (lambda v: _decimal(v, kind, scale, decimal))
    if kind.is_float:
        return (lambda v: _numbers(v, kind, decimal)), (lambda v: _float(v, decimal))
    if kind == t.TIME:
        return (lambda v: v.cast(kind.arrow)), _time
    if fmt is not None:
        return (lambda v: _with_format(v, kind, fmt)), (lambda v: _BAD)
    if kind == t.DATE:
        return _dates, _date
    zoned = kind == t.TIMESTAMPTZ
    return (lambda v: v.cast(kind.arrow)), (lambda v: _timestamp(v, zoned))


def _booleans(values: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    true = pc.is_in(lower, value_set=pa.array(TRUE))
    known = pc.or_(true, pc.is_in(lower, value_set=pa.array(FALSE)))
    return pc.if_else(known, true, pa.scalar(None, pa.bool_()))


def _numbers(values: pa.Array, kind: SqlType, decimal: str) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    if decimal != ".":
        trimmed = pc.replace_substring(trimmed, decimal, ".")
    if kind.kind in ("DECIMAL", "HUGEINT") and pc.max(pc.utf8_length(trimmed)).as_py() not in _SHORT:
        raise ValueError("numbers this long are read one by one: Arrow's cast doesn't check them")
    return trimmed.cast(kind.arrow)


def _uuids(values: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(values))
    good = pc.match_substring_regex(lower, r"^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$")
    return pc.if_else(good, lower, pa.scalar(None, pa.string()))


def _dates(values: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(values).cast(pa.date32())


def _with_format(values: pa.Array, kind: SqlType, fmt: str) -> pa.Array:
    if any(part in fmt for part in ("%f", "%g", "%n", "%z")):
        return _by_distinct(values, kind, fmt)
    stamps = pc.strptime(pc.utf8_trim_whitespace(values), format=fmt, unit="us", error_is_null=True)
    if kind == t.DATE:
        result = stamps.cast(pa.date32())
    else:
        result = pc.assume_timezone(stamps, "UTC") if kind == t.TIMESTAMPTZ else stamps.cast(kind.arrow)
    if "%d" in fmt or "%e" in fmt:
        # The C library takes 31 February for the 3rd of March: what lands on days 1 to 3 is read again, strictly.
        early = pc.fill_null(pc.less_equal(pc.day(stamps), 3), False)
        if pc.any(early).as_py():
            again = _by_distinct(pc.if_else(early, values, pa.scalar(None, pa.string())), kind, fmt)
            result = pc.if_else(early, again, result)
    return result


def _by_distinct(values: pa.Array, kind: SqlType, fmt: str) -> pa.Array:
    """Python's strptime once per distinct value: for what the C library's can't do."""
    encoded = values.dictionary_encode()
    fmt = fmt.replace("%g", "%f").replace("%n", "%f")
    parsed: list[Any] = []
    for text in encoded.dictionary.to_pylist():
        try:
            stamp = datetime.datetime.strptime(text.strip(), fmt)
        except ValueError:
            parsed.append(None)
            continue
        if stamp.tzinfo is not None:
            stamp = stamp.astimezone(datetime.UTC).replace(tzinfo=None)
        parsed.append(stamp.date() if kind == t.DATE else stamp)
    target = pa.date32() if kind == t.DATE else pa.timestamp("us")
    result = pa.array(parsed, target).take(encoded.indices)
    return pc.assume_timezone(result, "UTC") if kind == t.TIMESTAMPTZ else result.cast(kind.arrow)


def _decimal(text: str, kind: SqlType, scale: int, decimal: str) -> Any:
    text = text.strip().replace(decimal, ".") if decimal != "." else text.strip()
    if "_" in text:
        return _BAD
    try:
        value = Decimal(text)
        if not value.is_finite() or abs(value) >= Decimal(10) ** 40:
            return _BAD
        rounded = value.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
    except (InvalidOperation, ValueError):
        return _BAD
    return int(rounded) if kind.is_integer and kind != t.HUGEINT else rounded


def _float(text: str, decimal: str) -> Any:
    if "_" in text:
        return _BAD
    try:
        return float(text.replace(decimal, "."))
    except ValueError:
        return _BAD


def _time(text: str) -> Any:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return _BAD
    hour, minute, second, fraction = match.groups()
    try:
        return datetime.time(int(hour), int(minute), int(second or 0), int((fraction or "")[:6].ljust(6, "0")))
    except ValueError:
        return _BAD


def _date(text: str) -> Any:
    stamp = _timestamp(text, zoned=False)
    return _BAD if stamp is _BAD else _EPOCH.date() + datetime.timedelta(days=stamp // 86_400_000_000)


def _timestamp(text: str, zoned: bool) -> Any:
    """Microseconds since 1970, in UTC where the text has an offset; without one, UTC is meant."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return _BAD
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        stamp = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "")[:6].ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        return _BAD
    micros = (stamp - _EPOCH) // datetime.timedelta(microseconds=1)
    if zone and zone.upper() not in ("Z", "UTC"):
        digits = zone[1:].replace(":", "")
        minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
        micros -= (-1 if zone[0] == "-" else 1) * minutes * 60_000_000
    return micros
