"""Text as generated kernels compute it: Arrow columns in, Arrow columns or NumPy arrays out.

What lies under a NULL is arbitrary. Functions that ask `ascii_only` are exact for ASCII and leave the rest to Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.functions.lifting.outcome import PythonDiffers
from velothread.kernels.vectors import Mask, Numbers, bools, column, view

# What str.strip takes away, and str.isspace means: more than Unicode's White_Space.
WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def ascii_only(s: pa.Array) -> pa.Array:
    """`s`, if it is.

    :raises PythonDiffers: when some byte isn't ASCII.
    """
    data = s.buffers()[2]
    if data is not None and len(s):
        ends = np.frombuffer(s.buffers()[1], np.int32, count=len(s) + 1, offset=s.offset * 4)
        start, stop = int(ends[0]), int(ends[-1])
        if stop > start and np.frombuffer(data, np.int8, count=stop - start, offset=start).min() < 0:
            raise PythonDiffers
    return s


def _numbers(found: pa.Array) -> Numbers:
    return view(found).astype(np.int64)


def compare(function: Callable[..., Any], a: Any, b: Any) -> Mask:
    """By code point, as Python does: the order of the bytes of UTF-8."""
    return bools(function(a, b))


def not_empty(s: pa.Array) -> Mask:
    """bool(s)."""
    return bools(pc.not_equal(pc.binary_length(s), 0))


def length(s: pa.Array) -> Numbers:
    """len(s)."""
    return _numbers(pc.utf8_length(s))


def concat(a: Any, b: Any) -> pa.Array:
    """a + b."""
    return pc.binary_join_element_wise(a, b, "")


def contains(wanted: str, s: pa.Array) -> Mask:
    """wanted in s."""
    return bools(pc.match_substring(s, wanted))


def among(wanted: tuple[str, ...], s: pa.Array) -> Mask:
    """s in wanted."""
    return bools(pc.is_in(s, value_set=pa.array(wanted, pa.string())))


def starts(wanted: str, s: pa.Array) -> Mask:
    """s.startswith(wanted)."""
    return bools(pc.starts_with(s, wanted))


def ends(wanted: str, s: pa.Array) -> Mask:
    """s.endswith(wanted)."""
    return bools(pc.ends_with(s, wanted))


def find(wanted: str, s: pa.Array) -> Numbers:
    """s.find(wanted)."""
    return _numbers(pc.find_substring(ascii_only(s), wanted))


def count(wanted: str, s: pa.Array) -> Numbers:
    """s.count(wanted)."""
    return _numbers(pc.count_substring(s, wanted))


def replace(extra: tuple[str, str, int], s: pa.Array) -> pa.Array:
    """s.replace(old, new, count)."""
    old, new, most = extra
    return pc.replace_substring(s, old, new, max_replacements=most if most > 0 else None)


def slice_(extra: tuple[int | None, int | None], s: pa.Array) -> pa.Array:
    """s[start:stop]."""
    start, stop = extra
    return pc.utf8_slice_codeunits(s, start or 0, stop)


def cut(given: tuple[bool, bool], s: pa.Array, *ends: Numbers) -> pa.Array:
    """s[start:stop] of ASCII, by columns. given: is there a start, is there a stop?"""
    offsets, lengths = _places(ascii_only(s))
    rest = iter(ends)
    start, stop = (_within(next(rest), lengths) if there else None for there in given)
    low = np.zeros_like(lengths) if start is None else start
    high = lengths if stop is None else stop
    return _pieces(s, offsets + low, np.maximum(high - low, 0))


def letter(s: pa.Array, at: Numbers) -> pa.Array:
    """s[at] of ASCII; what is out of range gives anything."""
    offsets, lengths = _places(ascii_only(s))
    low = _within(at, lengths)
    return _pieces(s, offsets + low, np.minimum(lengths - low, 1))


def _places(s: pa.Array) -> tuple[Numbers, Numbers]:
    """Where each text starts in the bytes, and how many it has."""
    ends = np.frombuffer(s.buffers()[1], np.int32, count=len(s) + 1, offset=s.offset * 4).astype(np.int64)
    return ends[:-1], np.diff(ends)


def _within(index: Numbers, lengths: Numbers) -> Numbers:
    """An index as Python's slices take it: from the end if negative, and no further than the text goes."""
    # what is longer than any text may not overflow
    index = np.clip(index, -(2**32), 2**32)
    found: Numbers = np.clip(np.where(index < 0, index + lengths, index), 0, lengths)
    return found


def _pieces(s: pa.Array, starts: Numbers, lengths: Numbers) -> pa.Array:
    """Texts of so many bytes from there on, NULL where `s` is."""
    ends = np.zeros(len(s) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    data = s.buffers()[2]
    size = int(ends[-1])
    picked = np.repeat(starts - ends[:-1], lengths) + np.arange(size)
    taken = b"" if data is None else np.frombuffer(data, np.uint8)[picked]
    found = pa.Array.from_buffers(pa.string(), len(s), [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(taken)])
    return found if not s.null_count else pc.if_else(s.is_valid(), found, pa.scalar(None, pa.string()))


def reverse(s: pa.Array) -> pa.Array:
    """s[::-1]."""
    return pc.utf8_reverse(s)


def strip(characters: str | None, s: pa.Array) -> pa.Array:
    """s.strip(characters)."""
    return pc.utf8_trim(s, characters or WHITESPACE)


def lstrip(characters: str | None, s: pa.Array) -> pa.Array:
    """s.lstrip(characters)."""
    return pc.utf8_ltrim(s, characters or WHITESPACE)


def rstrip(characters: str | None, s: pa.Array) -> pa.Array:
    """s.rstrip(characters)."""
    return pc.utf8_rtrim(s, characters or WHITESPACE)


def ljust(extra: tuple[int, str], s: pa.Array) -> pa.Array:
    """s.ljust(width, fill)."""
    return pc.utf8_rpad(s, extra[0], extra[1])


def rjust(extra: tuple[int, str], s: pa.Array) -> pa.Array:
    """s.rjust(width, fill)."""
    return pc.utf8_lpad(s, extra[0], extra[1])


def upper(s: pa.Array) -> pa.Array:
    """s.upper()."""
    return pc.ascii_upper(ascii_only(s))


def lower(s: pa.Array) -> pa.Array:
    """s.lower()."""
    return pc.ascii_lower(ascii_only(s))


def capitalize(s: pa.Array) -> pa.Array:
    """s.capitalize()."""
    return pc.ascii_capitalize(ascii_only(s))


def swapcase(s: pa.Array) -> pa.Array:
    """s.swapcase()."""
    return pc.ascii_swapcase(ascii_only(s))


def title(s: pa.Array) -> pa.Array:
    """s.title()."""
    return pc.ascii_title(ascii_only(s))


def is_digit(s: pa.Array) -> Mask:
    """s.isdigit()."""
    return bools(pc.ascii_is_decimal(ascii_only(s)))


def is_alpha(s: pa.Array) -> Mask:
    """s.isalpha()."""
    return bools(pc.ascii_is_alpha(ascii_only(s)))


def is_alnum(s: pa.Array) -> Mask:
    """s.isalnum()."""
    return bools(pc.ascii_is_alnum(ascii_only(s)))


def is_upper(s: pa.Array) -> Mask:
    """s.isupper()."""
    return bools(pc.ascii_is_upper(ascii_only(s)))


def is_lower(s: pa.Array) -> Mask:
    """s.islower()."""
    return bools(pc.ascii_is_lower(ascii_only(s)))


def is_space(s: pa.Array) -> Mask:
    """s.isspace()."""
    left = pc.binary_length(pc.utf8_ltrim(s, WHITESPACE))
    return bools(pc.and_(pc.equal(left, 0), pc.not_equal(pc.binary_length(s), 0)))


def choose(test: Mask, a: Any, b: Any) -> pa.Array:
    """a where test, else b."""
    return pc.if_else(column(test, pa.bool_()), a, b)


def shown(data: Numbers) -> pa.Array:
    """str of integers."""
    return pa.array(np.ascontiguousarray(data)).cast(pa.string())


# Longer ones may not fit, or not be exact; signs, spaces, underscores, exponents are left to Python.
_WHOLE = r"^-?[0-9]{1,18}$"
_FRACTION = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"


def _is_number(pattern: str, s: pa.Array) -> pa.Array:
    # `$` of RE2 is the end of the text
    return pc.match_substring_regex(s, pattern)


def not_whole(s: pa.Array) -> Mask:
    """The texts that aren't plain integers."""
    return ~bools(_is_number(_WHOLE, s))


def not_fraction(s: pa.Array) -> Mask:
    """The texts that aren't plain decimals."""
    return ~bools(_is_number(_FRACTION, s))


def whole(s: pa.Array) -> Numbers:
    """int(s) of plain integers; 0 for others."""
    return _parsed(_WHOLE, s, pa.int64())


def fraction(s: pa.Array) -> Numbers:
    """float(s) of plain decimals; 0 for others."""
    return _parsed(_FRACTION, s, pa.float64())


def _parsed(pattern: str, s: pa.Array, t: pa.DataType) -> Numbers:
    plain = pc.if_else(pc.fill_null(_is_number(pattern, s), False), s, "0")
    return view(plain.cast(t))
