"""Values out of text, one at a time: what casts fall back on for spellings that Arrow doesn't read.

Each function gives None where the text is not a value of the type. Spellings are DuckDB's.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

from velothread.kernels.civil import DATE_INFINITY, MICROS_PER_DAY

# Digits may be grouped by single underscores.
_DIGITS = r"\d+(?:_\d+)*"
_NUMBER = re.compile(rf"([+-]?)(?:({_DIGITS})(?:\.((?:{_DIGITS})?))?|\.({_DIGITS}))(?:[eE]([+-]?{_DIGITS}))?", re.ASCII)
_HEX = re.compile(r"0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB]([01]+(?:_[01]+)*)")
_DATE = re.compile(r"(-?\d+)([-/ \\])(\d{1,2})\2(\d{1,2})(?: *\(([bB][cC])\))?", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?)?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?", re.ASCII)
_SPACE = " \t\n\r\v\f"
# Rounding happens where the scale is known, so nothing may be rounded before.
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# What `parse_timestamp` gives for infinity: beyond every moment that has a date.
FOREVER = 2**63 * 1000
_DATE_RANGE = (-2_147_483_646, 2_147_483_646)


def parse_number(text: str) -> Decimal | None:
    """An exact number: sign, digits, fraction, exponent, hexadecimal and binary integers."""
    text = text.strip(_SPACE)
    found = _NUMBER.fullmatch(text)
    if found is None:
        coded = _HEX.fullmatch(text)
        if coded is None:
            return None
        return Decimal(int(coded[1], 16) if coded[1] else int(coded[2], 2))
    exponent = int((found[5] or "0").replace("_", ""))
    if abs(exponent) > 100:
        exponent = 100 if exponent > 0 else -100
    digits = (found[2] or "0") + "." + (found[3] or found[4] or "0")
    try:
        return _EXACT.create_decimal(f"{found[1]}{digits.replace('_', '')}e{exponent}")
    except InvalidOperation:
        return None


def parse_integer(text: str) -> int | None:
    """A whole number; fractions are rounded away from zero."""
    number = parse_number(text)
    if number is None:
        return None
    return int(number.to_integral_value(ROUND_HALF_UP)) if number.adjusted() < 60 else 10**60


def parse_decimal(text: str, precision: int, scale: int) -> Decimal | None:
    """A number of at most `precision` digits, rounded away from zero to `scale`."""
    number = parse_number(text)
    if number is None or number.adjusted() > 60:
        return None
    rounded = _EXACT.quantize(number, Decimal(1).scaleb(-scale))
    return rounded if abs(rounded) < Decimal(10) ** (precision - scale) else None


def parse_float(text: str) -> float | None:
    """A float, infinity ("inf", "infinity") or NaN; too large is infinite."""
    text = text.strip(_SPACE)
    if _NUMBER.fullmatch(text):
        return float(text.replace("_", ""))
    return float(text) if text.lower().lstrip("+-") in ("inf", "infinity", "nan") and text[1:2] not in "+-" else None


def parse_date(text: str) -> int | None:
    """Days since 1970-01-01: `2024-1-2`, `2024/1/2`, `0044-03-15 (BC)`, `infinity`, `epoch`; a time is dropped."""
    text = text.strip(_SPACE)
    found = _DATE.match(text)
    if found is None:
        special = {"infinity": DATE_INFINITY, "-infinity": -DATE_INFINITY, "epoch": 0}
        return special.get(text.lower())
    rest = text[found.end() :]
    if rest and (parse_timestamp(text) is None or rest[0] not in " T"):
        return None
    return _days(found)


def _days(found: re.Match[str]) -> int | None:
    year, month, day = int(found[1]), int(found[3]), int(found[4])
    if found[5]:
        if year <= 0:
            return None
        year = 1 - year
    if not 1 <= month <= 12 or not -6_000_000 < year < 6_000_000:
        return None
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _MONTH_LENGTHS[month - 1] + (month == 2 and leap):
        return None
    # Hinnant's days_from_civil, as in `civil`.
    y = year - (month <= 2)
    era, of_era = divmod(y, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    return days if _DATE_RANGE[0] <= days <= _DATE_RANGE[1] else None


def _nanos(found: re.Match[str]) -> int | None:
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    fraction = int((found[4] or "").ljust(9, "0")[:9])
    if hour == 24 and not (minute or second or fraction):
        return 24 * 3600 * 10**9
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (hour * 3600 + minute * 60 + second) * 10**9 + fraction


def parse_time(text: str) -> int | None:
    """Microseconds since midnight: `10:20`, `10:20:30.5`; a date before and an offset after are dropped."""
    text = text.strip(_SPACE)
    found = _TIME.match(text)
    if found is None:
        whole = parse_timestamp(text)
        return None if whole is None or ":" not in text else whole // 1000 % MICROS_PER_DAY
    rest = text[found.end() :]
    if rest and _OFFSET.fullmatch(rest) is None:
        return None
    nanos = _nanos(found)
    return None if nanos is None else nanos // 1000


def parse_timestamp(text: str, zoned: bool = False) -> int | None:
    """Nanoseconds since 1970-01-01: a date, perhaps a time, perhaps `Z`, an offset or the name of a zone.

    `zoned`: the offset moves the instant; without it, it is read and dropped, as DuckDB does.
    """
    text = text.strip(_SPACE)
    found = _DATE.match(text)
    if found is None:
        special = {"infinity": FOREVER, "-infinity": -FOREVER, "epoch": 0}
        return special.get(text.lower())
    days = _days(found)
    if days is None:
        return None
    rest = text[found.end() :]
    nanos = days * MICROS_PER_DAY * 1000
    if not rest:
        return nanos
    time = _TIME.match(rest.lstrip(" ") if rest[0] == " " else rest[1:]) if rest[0] in " T" else None
    if time is None:
        return None
    of_day = _nanos(time)
    if of_day is None:
        return None
    zone = time.string[time.end() :].strip(_SPACE)
    offset = zone_offset(zone, nanos + of_day)
    if offset is None:
        return None
    return nanos + of_day - (offset * 10**9 if zoned else 0)


def zone_offset(zone: str, local_nanos: int) -> int | None:
    """Seconds east of UTC of an offset (`+05:30`), `Z`, `UTC` or a zone's name; None when unknown."""
    if zone in ("", "Z") or zone.upper() == "UTC":
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is not None:
        seconds = int(found[2]) * 3600 + int(found[3] or 0) * 60 + int(found[4] or 0)
        return -seconds if found[1] == "-" else seconds
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    try:
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=local_nanos // 1000)
        delta = local.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    except (ValueError, KeyError, OSError, OverflowError):
        return None
    return None if delta is None else int(delta.total_seconds())
