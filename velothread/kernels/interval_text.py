"""INTERVAL as text, both ways: `1 year 2 months 3 days 04:05:06.5`."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pyarrow as pa

from velothread.kernels.vectors import column, valid_rows, view

_SECOND = 10**9
# Unit -> (months, days, nanoseconds) of one.
_MONTHS = {"month": 1, "mon": 1, "quarter": 3, "year": 12, "yr": 12, "y": 12, "decade": 120, "dec": 120,
           "century": 1200, "centurie": 1200, "cent": 1200, "c": 1200, "millennium": 12_000, "millennia": 12_000,
           "millenium": 12_000, "mil": 12_000}  # fmt: skip
_DAYS = {"day": 1, "d": 1, "week": 7, "w": 7, "dayofmonth": 1}
_NANOS = {"hour": 3600 * _SECOND, "hr": 3600 * _SECOND, "h": 3600 * _SECOND, "minute": 60 * _SECOND,
          "min": 60 * _SECOND, "m": 60 * _SECOND, "second": _SECOND, "sec": _SECOND, "s": _SECOND,
          "millisecond": 10**6, "msecond": 10**6, "msec": 10**6, "ms": 10**6,
          "microsecond": 1000, "usecond": 1000, "usec": 1000, "us": 1000}  # fmt: skip
_PART = re.compile(
    r"\s*(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d{1,2})(?::(?P<seconds>\d{1,2}(?:\.\d*)?)?:?)?"
    r"|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<unit>[A-Za-z]*))(?=[\s\d+-]|$)",
    re.ASCII,
)


def parse_interval(text: str) -> tuple[int, int, int] | None:
    """(months, days, nanoseconds), or None. Fractions of years become the nearest number of months, those of
    quarters, months and weeks go to days, of days to the time; the time is rounded to microseconds."""
    text = text.strip().removeprefix("@").strip()
    backwards = text.lower().endswith(" ago")
    if backwards:
        text = text[:-4].rstrip()
    months, days, nanos = 0, 0, Fraction(0)
    place, parts = 0, 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None:
            return None
        if found["hours"] is not None:
            minutes, seconds = int(found["minutes"]), Fraction(found["seconds"] or 0)
            if minutes > 59 or seconds >= 60:
                return None
            time = int(found["hours"]) * 3600 * _SECOND + minutes * 60 * _SECOND + seconds * _SECOND
            nanos += -time if found["sign"] == "-" else time
        else:
            unit = found["unit"].lower()
            if not unit and (parts or found.end() < len(text)):
                return None
            added = _amount(Fraction(found["number"]), unit or "second")
            if added is None:
                return None
            months, days, nanos = months + added[0], days + added[1], nanos + added[2]
        place, parts = found.end(), parts + 1
    if not parts:
        return None
    micros = int(abs(nanos) / 1000 + Fraction(1, 2)) * (-1 if nanos < 0 else 1)
    if not (-(2**31) <= months < 2**31 and -(2**31) <= days < 2**31 and abs(micros) < 2**63 // 1000):
        return None
    sign = -1 if backwards else 1
    return sign * months, sign * days, sign * micros * 1000


def _amount(number: Fraction, unit: str) -> tuple[int, int, Fraction] | None:
    """`number` units, whole months and days first, as (months, days, nanoseconds)."""
    name = unit if unit in _MONTHS or unit in _DAYS or unit in _NANOS else unit.removesuffix("s")
    if name in _NANOS:
        return 0, 0, number * _NANOS[name]
    if name in _DAYS:
        total = number * _DAYS[name]
        return 0, int(total), (total - int(total)) * 86_400 * _SECOND
    if name in _MONTHS:
        total = number * _MONTHS[name]
        if _MONTHS[name] >= 12:  # of years only whole months are kept, the nearest
            return int(abs(total) + Fraction(1, 2)) * (-1 if total < 0 else 1), 0, Fraction(0)
        rest = (total - int(total)) * 30
        return int(total), int(rest), (rest - int(rest)) * 86_400 * _SECOND
    return None


def interval_text(months: int, days: int, nanos: int) -> str:
    """DuckDB's text of one interval."""
    parts = []
    years = int(months / 12) if abs(months) < 2**40 else 0
    for count, unit in ((years, "year"), (months - years * 12, "month"), (days, "day")):
        if count:
            parts.append(f"{count} {unit}{'' if abs(count) == 1 else 's'}")
    if nanos or not parts:
        micros, sign = abs(nanos) // 1000, "-" if nanos < 0 else ""
        seconds, fraction = divmod(micros, 1_000_000)
        text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        parts.append(f"{text}.{fraction:06}".rstrip("0") if fraction else text)
    return " ".join(parts)


def intervals_to_text(array: pa.Array) -> pa.Array:
    """Text of each interval; Python formats each distinct one once."""
    distinct, places = np.unique(view(array), return_inverse=True)
    texts = pa.array([interval_text(int(m), int(d), int(n)) for m, d, n in distinct.tolist()], pa.string())
    indices = column(places.astype(np.int32).reshape(-1), pa.int32(), valid_rows(array))
    return texts.take(indices)
