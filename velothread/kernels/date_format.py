"""strftime and strptime, columnar: a format is compiled once, then each of its parts is one kernel over the column."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.civil import MICROS_PER_DAY, days_from_civil, days_in_month, is_leap
from velothread.kernels.function import Value
from velothread.kernels.shaping import with_options
from velothread.kernels.temporal import SECOND, dayname, monthname, split
from velothread.kernels.temporal import date_part_of as part_of
from velothread.kernels.vectors import Mask, Numbers, as_column, column, first_row, like_arguments, valid_rows, view

_LONGER = {"x": "%Y-%m-%d", "X": "%H:%M:%S", "c": "%Y-%m-%d %H:%M:%S"}
# Codes of numbers: how many digits (the dash leaves the zeros out) and which part.
_WIDTHS = {
    "d": 2,
    "m": 2,
    "y": 2,
    "H": 2,
    "I": 2,
    "M": 2,
    "S": 2,
    "j": 3,
    "U": 2,
    "W": 2,
    "V": 2,
    "f": 6,
    "n": 6,
    "g": 3,
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                "november", "december")  # fmt: skip


@lru_cache(maxsize=64)
def _pieces(pattern: str) -> tuple[tuple[bool, str], ...]:
    """(is a code, text) of a format.

    :raises ExecutionError: for a code that doesn't exist.
    """
    for code, longer in _LONGER.items():
        pattern = re.sub(rf"(?<!%)((?:%%)*)%{code}", rf"\g<1>{longer}", pattern)
    out: list[tuple[bool, str]] = []
    for text, code in re.findall(r"([^%]+)|%(-?.?)", pattern, re.DOTALL):
        if text or code == "%":
            out.append((False, text or "%"))
        elif code.lstrip("-") in {*_WIDTHS, *"aAbBhYGpuwzZ"} and code:
            out.append((True, code))
        else:
            raise ExecutionError(
                f"unknown date format code %{code} in {pattern!r}", hint="codes are %Y %m %d %H %M %S %f ..."
            )
    return tuple(out)


# --- strftime


def _strftime(moments: pa.Array, pattern: str) -> pa.Array:
    days, micros = split(moments)
    micros = np.broadcast_to(micros, (len(days),))
    valid = valid_rows(moments)
    parts = [_code_text(text, moments, days, micros) if code else text for code, text in _pieces(pattern)]
    if all(isinstance(p, str) for p in parts):
        text = pa.repeat("".join(map(str, parts)), len(days))
    else:
        text = pc.binary_join_element_wise(*parts, "")
    return text if valid is None else pc.if_else(column(valid, pa.bool_()), text, pa.scalar(None, pa.string()))


def _code_text(code: str, moments: pa.Array, days: Numbers, micros: Numbers) -> pa.Array | str:
    name = code.lstrip("-")
    if name in "aA":
        full = dayname(moments)
        return pc.utf8_slice_codeunits(full, 0, 3) if name == "a" else full
    if name in "bBh":
        full = monthname(moments)
        return full if name == "B" else pc.utf8_slice_codeunits(full, 0, 3)
    if name == "p":
        return pc.if_else(column(micros >= MICROS_PER_DAY // 2, pa.bool_()), "PM", "AM")
    zoned = getattr(moments.type, "tz", None) is not None
    if name == "z":
        return "+00"
    if name == "Z":
        return "UTC" if zoned else ""
    return _digits(
        _number(name, moments, days, micros), 0 if code[0] == "-" else _WIDTHS.get(name, 4 if name in "YG" else 1)
    )


def _number(name: str, moments: pa.Array, days: Numbers, micros: Numbers) -> Numbers:
    simple = {"Y": "year", "G": "isoyear", "m": "month", "d": "day", "j": "doy", "u": "isodow", "w": "dow", "V": "week"}
    if name in simple:
        return view(part_of(simple[name])(moments))
    second = micros // SECOND
    if name in "HIMS":
        hour = second // 3600
        return {"H": hour, "I": (hour + 11) % 12 + 1, "M": second // 60 % 60, "S": second % 60}[name]
    if name in "fn":
        return micros % SECOND
    if name == "g":
        return micros % SECOND // 1000
    if name == "y":
        return np.abs(view(part_of("year")(moments))) % 100
    # Weeks that begin on Sunday (U) or Monday (W); before the first such day it is week 0.
    of_year, weekday = view(part_of("doy")(moments)), (days + (4 if name == "U" else 3)) % 7
    week: Numbers = (of_year + 6 - weekday) // 7
    return week


def _digits(data: Numbers, width: int) -> pa.Array:
    text = column(data.astype(np.int64), pa.int64()).cast(pa.string())
    if width <= 1 or not len(data) or data.min() >= 10 ** (width - 1):
        return text
    padded = pc.ascii_lpad(text, width, "0")
    # Years before the year 0 stay as they are, as in DuckDB.
    return pc.if_else(column(data < 0, pa.bool_()), text, padded) if data.min() < 0 else padded


strftime = with_options(_strftime, pa.string())


def strftime_format_first(pattern: Value, moments: Value) -> Value:
    """strftime('%Y', moment), the other order of arguments."""
    return strftime(moments, pattern)


# --- strptime

_UP_TO_TWO = r"\d{1,2}"
_READ = {
    **dict.fromkeys("ymdHIMSV", _UP_TO_TWO),
    "Y": r"-?\d{1,4}",
    "G": r"\d{1,4}",
    "j": r"\d{1,3}",
    "u": r"\d",
    "w": r"\d",
    "g": r"\d{1,3}",
    "f": r"\d{1,6}",
    "n": r"\d{1,9}",
    "p": "am|pm",
    "a": "mon|tue|wed|thu|fri|sat|sun",
    "A": "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
    "b": "|".join(_MONTHS),
    "B": "|".join(_LONG_MONTHS),
    "z": r"Z|[+-]\d{2}(?::?\d{2})?",
}


@lru_cache(maxsize=64)
def _reader(pattern: str) -> str:
    """The RE2 expression of a format; the groups are named after the codes."""
    out, seen = [r"(?i)^\s*"], set()
    for code, text in _pieces(pattern):
        if not code:
            out.append("".join(r"\s+" if c.isspace() else re.escape(c) for c in text))
            continue
        name = text.lstrip("-")
        if name not in _READ:
            raise ExecutionError(f"strptime can't read %{name}", hint="weeks are read with %G, %V and %u")
        expression = _READ[name]
        out.append(f"(?:{expression})" if name in seen else f"(?P<{name}>{expression})")
        seen.add(name)
    return "".join(out) + r"\s*$"


def _parse(text: pa.Array, pattern: str, strict: bool) -> pa.Array:
    """Timestamps; NULL for text that doesn't follow the format, or an error when `strict`."""
    reader = _reader(pattern)
    if "(?P<" not in reader:
        raise ExecutionError(f"the date format {pattern!r} has no codes", hint="codes are %Y %m %d %H %M %S ...")
    found = pc.extract_regex(text, reader)
    matched = view(pc.is_valid(found))
    fields = {f.name: found.field(i) for i, f in enumerate(found.type)}
    data, exists = _assemble(fields, len(text))
    good = matched & exists
    valid = valid_rows(text)
    bad = ~good if valid is None else ~good & valid
    if strict and bad.any():
        shown = text[first_row(bad)].as_py()
        raise ExecutionError(
            f"{shown!r} does not follow the date format {pattern!r}", hint="try_strptime gives NULL for such values"
        )
    return column(np.where(good, data, 0), pa.timestamp("us"), good if valid is None else good & valid)


def _integers(fields: dict[str, pa.Array], name: str, default: int, rows: int) -> Numbers:
    if name not in fields:
        return np.full(rows, default, np.int64)
    texts = pc.fill_null(fields[name], "")
    return view(pc.cast(pc.if_else(pc.equal(texts, ""), str(default), texts), pa.int64()))


def _assemble(fields: dict[str, pa.Array], rows: int) -> tuple[Numbers, Mask]:
    """Microseconds, and whether such a moment exists."""
    year = _integers(fields, "Y", 1900, rows)
    if "y" in fields:
        short = _integers(fields, "y", 0, rows)
        year = np.where(short >= 69, 1900, 2000) + short
    month, day = _integers(fields, "m", 1, rows), _integers(fields, "d", 1, rows)
    for code, names in (("b", _MONTHS), ("B", _LONG_MONTHS)):
        if code in fields:
            place = pc.index_in(pc.ascii_lower(fields[code]), value_set=pa.array(names))
            month = view(pc.fill_null(place, 0)).astype(np.int64) + 1
    inside = (month >= 1) & (month <= 12) & (np.abs(year) < 290_000)
    safe_month, safe_year = np.where(inside, month, 1), np.where(inside, year, 1970)
    exists = inside & (day >= 1) & (day <= days_in_month(safe_year, safe_month))
    days = days_from_civil(safe_year, safe_month, np.where(exists, day, 1))
    if "j" in fields:
        of_year = _integers(fields, "j", 1, rows)
        exists = inside & (of_year >= 1) & (of_year <= 365 + is_leap(year))
        days = days_from_civil(safe_year, np.ones_like(year), np.ones_like(year)) + of_year - 1
    if "G" in fields:
        fourth = days_from_civil(_integers(fields, "G", 1900, rows), np.ones(rows, np.int64), np.full(rows, 4))
        week, weekday = _integers(fields, "V", 1, rows), _integers(fields, "u", 1, rows)
        exists = (week >= 1) & (week <= 53) & (weekday >= 1) & (weekday <= 7)
        days = fourth - (fourth + 3) % 7 + (week - 1) * 7 + weekday - 1
    micros, clock = _clock(fields, rows)
    return days * MICROS_PER_DAY + micros, exists & clock


def _clock(fields: dict[str, pa.Array], rows: int) -> tuple[Numbers, Mask]:
    hour = _integers(fields, "H", 0, rows)
    exists = hour < 24
    if "I" in fields:
        twelve = _integers(fields, "I", 12, rows)
        exists = (twelve >= 1) & (twelve <= 12)
        hour = twelve % 12
    if "p" in fields:
        hour = hour % 12 + 12 * view(pc.fill_null(pc.equal(pc.ascii_lower(fields["p"]), "pm"), False))
    minute, second = _integers(fields, "M", 0, rows), _integers(fields, "S", 0, rows)
    micros = (hour * 3600 + minute * 60 + second) * SECOND
    for code, width in (("f", 6), ("g", 3), ("n", 9)):
        if code in fields:
            padded = pc.ascii_rpad(pc.fill_null(fields[code], "0"), width, "0")
            micros = micros + _integers({code: padded}, code, 0, rows) * 10**6 // 10**width
    if "z" in fields:
        micros = micros - _offsets(fields["z"])
    return micros, exists & (minute < 60) & (second < 60)


def _offsets(zones: pa.Array) -> Numbers:
    """Microseconds of `+0200`, `-03:30`, `Z`."""
    plain = pc.replace_substring(pc.fill_null(zones, "Z"), ":", "")
    padded = pc.if_else(pc.match_substring(pc.ascii_upper(plain), "Z"), "+0000", pc.ascii_rpad(plain, 5, "0"))
    signs = np.where(view(pc.starts_with(padded, "-")), -1, 1)
    digits = view(pc.cast(pc.utf8_slice_codeunits(padded, 1, 5), pa.int64()))
    micros: Numbers = signs * (digits // 100 * 60 + digits % 100) * 60 * SECOND
    return micros


strptime = with_options(lambda text, pattern: _parse(text, pattern, True), pa.timestamp("us"))
try_strptime = with_options(lambda text, pattern: _parse(text, pattern, False), pa.timestamp("us"))


def strptime_any(text: Value, patterns: Value) -> Value:
    """strptime with a list of formats: the first that fits."""
    result = try_strptime_any(text, patterns)
    whole, found = as_column(text), as_column(result)
    if found.null_count > whole.null_count and as_column(patterns).null_count == 0:
        lost = view(pc.and_(pc.is_valid(whole), pc.is_null(found)))
        raise ExecutionError(f"{whole[first_row(lost)].as_py()!r} follows none of the date formats")
    return result


def try_strptime_any(text: Value, patterns: Value) -> Value:
    """strptime_any with NULL for text that follows no format."""
    first = (
        patterns
        if isinstance(patterns, pa.Scalar)
        else patterns[0]
        if len(patterns)
        else pa.scalar(None, patterns.type)
    )
    array = as_column(text)
    found = pa.nulls(len(array), pa.timestamp("us"))
    for pattern in first.as_py() or ():
        found = pc.coalesce(found, _parse(array, pattern, False))
    return like_arguments(found, text)
