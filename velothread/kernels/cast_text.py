"""Casts from VARCHAR to the types that aren't nested.

Arrow reads the plain spellings of a whole column at once. Where it refuses a value, the plain rows are picked by a
regular expression and read by Arrow still; the rest goes through `parse_text`, each distinct value once. NULL comes out
for what is no value of the type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels import parse_text
from velothread.kernels.cast_number import MAX_PRECISION, integer_range, integer_to_integer
from velothread.kernels.cast_time import micros
from velothread.kernels.civil import MICROS_PER_DAY, NANOS_PER_DAY, TIMESTAMP_INFINITY
from velothread.kernels.interval_text import parse_interval
from velothread.kernels.vectors import by_distinct, null_out
from velothread.types import BIGINT, UBIGINT, SqlType

_PLAIN_INTEGER = r"^-?[0-9]{1,18}$"
_PLAIN_FLOAT = r"^[+-]?[0-9]{1,300}(\.[0-9]*)?$"
# Days that exist in every year: the 29th of February is left to the parser when a column has a bad value.
_PLAIN_DATE = r"^[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)$"
_PLAIN_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?$"
_PLAIN_TIMESTAMP = _PLAIN_DATE[:-1] + "[ T]" + _PLAIN_TIME
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_LONG_FRACTION = r"(\.[0-9]{6})[0-9]+"
_TRUE = pa.array(["true", "t", "1", "yes", "y"])
_FALSE = pa.array(["false", "f", "0", "no", "n"])
_UUID = r"^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$"

Parser = Callable[[str], Any]


def _in_parts(
    array: pa.Array, plain: str, read: Callable[[pa.Array], pa.Array], parse: Parser, t: pa.DataType
) -> pa.Array:
    """`read` for the rows that match `plain`, `parse` for the others."""
    easy = pc.match_substring_regex(array, plain)
    try:
        done = read(null_out(array, easy))
    except pa.ArrowInvalid:
        # A plain spelling out of the type's range.
        return by_distinct(array, parse, t)
    hard = pc.and_(pc.invert(easy), pc.is_valid(array))
    if pc.any(hard).as_py() is not True:
        return done
    return pc.replace_with_mask(done, hard, by_distinct(array.filter(hard), parse, t))


def _all_plain(array: pa.Array, t: pa.DataType) -> pa.Array:
    """Arrow's cast of a whole column.

    :raises pa.ArrowInvalid: when it refuses a value. Arrow makes an error for each bad row, which is slow when all are
        bad: a few rows are tried first.
    """
    pc.cast(array.slice(0, 16), t)
    return pc.cast(array, t)


def text_to_boolean(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """true, t, 1, yes, y; false, f, 0, no, n; in any case, without spaces around."""
    lower = pc.ascii_lower(array)
    yes = pc.is_in(lower, value_set=_TRUE)
    return null_out(yes, pc.or_(yes, pc.is_in(lower, value_set=_FALSE)))


def text_to_integer(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    wide = UBIGINT if target.kind == "UBIGINT" else BIGINT

    def read(texts: pa.Array) -> pa.Array:
        return pc.cast(texts, wide.arrow)

    try:
        # Read wide, then narrow: Arrow would let hexadecimal digits wrap.
        numbers = _all_plain(array, wide.arrow)
    except pa.ArrowInvalid:
        low, high = integer_range(target)

        def parse(text: str) -> int | None:
            number = parse_text.parse_integer(text)
            return number if number is not None and low <= number <= high else None

        plain = _PLAIN_INTEGER.replace("-?", "") if wide == UBIGINT else _PLAIN_INTEGER
        numbers = _in_parts(array, plain, read, parse, wide.arrow)
    return integer_to_integer(numbers, wide, target) if wide != target else numbers


def text_to_float(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    t = target.arrow
    try:
        return _all_plain(array, t)
    except pa.ArrowInvalid:
        return _in_parts(array, _PLAIN_FLOAT, lambda texts: pc.cast(texts, t), parse_text.parse_float, t)


def text_to_decimal(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    precision = target.precision or MAX_PRECISION  # HUGEINT
    t = pa.decimal128(precision, target.scale)
    try:
        return _all_plain(array, t)
    except pa.ArrowInvalid:
        room = precision - target.scale
        plain = rf"^-?[0-9]{{1,{room}}}(\.[0-9]{{1,{target.scale}}})?$" if room and target.scale else r"^[0-9]$"
        if not target.scale:
            plain = rf"^-?[0-9]{{1,{room}}}$"

        def parse(text: str) -> Any:
            return parse_text.parse_decimal(text, precision, target.scale)

        return _in_parts(array, plain, lambda texts: pc.cast(texts, t), parse, t)


def text_to_date(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    t = pa.date32()
    try:
        return _all_plain(array, t)
    except pa.ArrowInvalid:

        def parse(text: str) -> int | None:
            return parse_text.parse_date(text)

        days = _in_parts(array, _PLAIN_DATE, lambda x: pc.cast(x, t).view(pa.int32()), parse, pa.int32())
        return days.view(t)


def text_to_time(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    def read(texts: pa.Array) -> pa.Array:
        # Arrow reads no times of day, but timestamps of the first day.
        dated = pc.binary_join_element_wise("1970-01-01", texts, " ")
        return pc.cast(dated, pa.timestamp("us")).view(pa.int64())

    numbers = _in_parts(array, "^" + _PLAIN_TIME, read, parse_text.parse_time, pa.int64())
    return numbers.view(pa.time64("us"))


def text_to_timestamp(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """TIMESTAMP and TIMESTAMP_NS drop an offset, TIMESTAMPTZ applies it; digits past the unit are cut off."""
    zoned = target.kind == "TIMESTAMPTZ"
    unit = "ns" if target.kind == "TIMESTAMP_NS" else "us"
    t = pa.timestamp(unit)
    try:
        read = _all_plain(array, t)
        # Arrow also takes a bare hour, which is no timestamp in SQL.
        if pc.any(pc.equal(pc.binary_length(array), 13)).as_py() is not True:
            return read.view(target.arrow)
    except pa.ArrowInvalid:
        pass
    per, day = (1, NANOS_PER_DAY) if unit == "ns" else (1000, MICROS_PER_DAY)

    def parse(text: str) -> int | None:
        nanos = parse_text.parse_timestamp(text, zoned)
        if nanos is None or abs(nanos) == parse_text.FOREVER:
            return None if nanos is None else TIMESTAMP_INFINITY if nanos > 0 else -TIMESTAMP_INFINITY
        # The first microseconds of the day on which 64 bits begin are no TIMESTAMP, as in DuckDB.
        value = nanos // per
        return value if -(TIMESTAMP_INFINITY // day * day) <= value < TIMESTAMP_INFINITY else None

    numbers = _in_parts(
        array,
        _PLAIN_TIMESTAMP[:-1] + (r"[0-9]*" + _ZONE[:-1] + "?$"),
        lambda texts: _read_timestamps(texts, zoned, unit),
        parse,
        pa.int64(),
    )
    return numbers.view(target.arrow)


def _read_timestamps(texts: pa.Array, zoned: bool, unit: str) -> pa.Array:
    """Timestamps with long fractions and offsets, the offsets columnar, too."""
    if unit == "us":
        texts = pc.replace_substring_regex(texts, pattern=_LONG_FRACTION, replacement=r"\1")
    if not zoned:
        texts = pc.replace_substring_regex(texts, pattern=_ZONE, replacement="")
        return pc.cast(texts, pa.timestamp(unit)).view(pa.int64())
    # The day is followed by another '-', which is why the zone is looked for after a time.
    bare = pc.invert(pc.match_substring_regex(texts, pattern=r":[0-9.]+" + _ZONE))
    texts = pc.if_else(bare, pc.binary_join_element_wise(texts, "Z", ""), texts)
    return micros(pc.cast(texts, pa.timestamp(unit, "UTC")).view(pa.timestamp(unit))).view(pa.int64())


def text_to_interval(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return by_distinct(array, parse_interval, target.arrow)


def text_to_uuid(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """Lower case with dashes, whatever the spelling was."""
    lower = pc.ascii_lower(array)
    good = null_out(lower, pc.match_substring_regex(lower, pattern=_UUID))
    return pc.replace_substring_regex(good, pattern=_UUID, replacement=r"\1-\2-\3-\4-\5")


def text_to_json(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """The same text, if it is JSON. Python's parser judges, each distinct value once: Arrow has none for values."""

    def check(text: str) -> str | None:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return None
        return text

    return by_distinct(array, check, pa.string())


def text_to_blob(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    r"""ASCII text with `\xAB` for other bytes."""
    if pc.any(pc.match_substring_regex(array, pattern=r"[^\x00-\x5B\x5D-\x7F]")).as_py() is not True:
        return array.cast(pa.binary())

    def parse(text: str) -> bytes | None:
        out = bytearray()
        place = 0
        while place < len(text):
            if text[place] == "\\":
                code = text[place + 2 : place + 4]
                if text[place + 1 : place + 2] != "x" or len(code) != 2 or not _is_hex(code):
                    return None
                out.append(int(code, 16))
                place += 4
            elif text[place] > "\x7f":
                return None
            else:
                out.append(ord(text[place]))
                place += 1
        return bytes(out)

    return by_distinct(array, parse, pa.binary())


def _is_hex(code: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in code)
