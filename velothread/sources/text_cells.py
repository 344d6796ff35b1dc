"""Whole columns from the places of their cells in a block of text: text, integers, doubles, booleans, dates and times.

For JSON and CSV alike. A cell is the bytes `[begin, stop)` of a buffer. Digits are turned into numbers eight at a time
inside 64-bit words (the "SIMD within a register" way: pairs, then fours, then eights), for all rows at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread.types import SqlType

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

# Bytes that must lie before a block in its buffer: digits are read as the words that end where the cell ends.
FRONT = 24
# Bytes that must follow it: a key and a word are read at once, wherever they start.
MAX_KEY = 120
BACK = MAX_KEY + 24
_QUOTE, _N, _T, _F, _MINUS = 34, 110, 116, 102, 45
# By the number of bytes up to the dot in a word; 8: there is no dot.
_DIVISORS = np.array([10.0**n for n in range(7, -1, -1)] + [1.0])


def _u(value: int) -> np.uint64:
    return np.uint64(value)


_ZEROS = _u(0x3030303030303030)
_HIGH = _u(0x8080808080808080)
_SEVENS = _u(0x7F7F7F7F7F7F7F7F)
_ALL = _u(0xFFFFFFFFFFFFFFFF)
# A dot, where digits have become 0 to 9.
_DOTS = _u(0x1E1E1E1E1E1E1E1E)
_OVER_NINE = _u(0x7676767676767676)
# The top n bytes of a word.
_TOP = np.array([0] + [((1 << 64) - 1) ^ ((1 << (64 - 8 * n)) - 1) for n in range(1, 9)], np.uint64)


class Block:
    """Lines in the middle of a buffer, as bytes and as words that begin or end anywhere. Places count from its start.

    Threading: owned by one receiver.
    """

    __slots__ = ("_buffer", "_end", "_start", "data")

    def __init__(self, buffer: bytes | bytearray, start: int, end: int) -> None:
        self._buffer, self._start, self._end = buffer, start, end
        self.data: Bytes = np.frombuffer(buffer, np.uint8, end - start, start)

    def words_at(self, at: Ints, count: int) -> Words:
        """The `count` words that begin at each place: (rows, count)."""
        # A void type of that width is gathered at any alignment without a buffered copy.
        space = len(self._buffer) - self._start - 8 * count + 1
        window: Any = np.ndarray((space,), f"V{8 * count}", self._buffer, self._start, (1,))
        got: Words = window[at].view("<u8").reshape(-1, count)
        return got

    def words_before(self, stop: Ints, count: int) -> Words:
        """The `count` words that end at each place: (rows, count)."""
        first = self._start - 8 * count
        window: Any = np.ndarray((self._end - first,), f"V{8 * count}", self._buffer, first, (1,))
        got: Words = window[stop].view("<u8").reshape(-1, count)
        return got

    def before(self, at: Ints) -> Bytes:
        """The byte at each place; up to FRONT bytes before the block may be asked for."""
        window: Any = np.frombuffer(self._buffer, np.uint8, self._end - self._start + FRONT, self._start - FRONT)
        got: Bytes = window[at + FRONT]
        return got

    def after(self, at: Ints) -> Bytes:
        """The byte at each place; up to BACK bytes after the block may be asked for."""
        got: Bytes = np.frombuffer(self._buffer, np.uint8, len(self._buffer) - self._start, self._start)[at]
        return got

    def slices(self, begin: Ints, stop: Ints, null: Bools | None) -> pa.Array:
        """The byte ranges as a text array. They and the gaps between them are one array of 2n - 1 without copying;
        taking every other one copies just the wanted bytes."""
        rows = len(begin)
        offsets = np.empty(2 * rows, np.int32)
        offsets[0::2] = begin
        offsets[1::2] = stop
        bitmap = None
        if null is not None:
            valid = np.ones(2 * rows, np.bool_)
            np.logical_not(null, out=valid[0::2])
            bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
        text = pa.py_buffer(self._buffer).slice(self._start, self._end - self._start)
        pieces = pa.Array.from_buffers(pa.string(), max(2 * rows - 1, 0), [bitmap, pa.py_buffer(offsets), text])
        return pieces.take(pa.array(np.arange(0, 2 * rows, 2, dtype=np.int32)))

    def holds(self, byte: bytes) -> bool:
        return self._buffer.find(byte, self._start, self._end) >= 0

    def is_text(self) -> bool:
        """Is it all UTF-8?"""
        if not len(self.data) or self.data.max() < 128:
            return True
        try:
            str(memoryview(self._buffer)[self._start : self._end], "utf-8")
        except UnicodeDecodeError:
            return False
        return True


class Masks:
    """Room for two flags per byte of a block, kept for reuse: fresh memory costs a page fault per 4 kB.

    Threading: owned by one receiver.
    """

    __slots__ = ("_first", "_second")

    def __init__(self) -> None:
        self._first = np.empty(0, np.bool_)
        self._second = np.empty(0, np.bool_)

    def first(self, size: int) -> Bools:
        if len(self._first) < size:
            self._first = np.empty(size + (size >> 3), np.bool_)
            self._second = np.empty_like(self._first)
        return self._first[:size]

    def ends(self, block: Block, delimiter: int) -> tuple[Ints, int]:
        """Where the delimiters and newlines of a block are, and how many newlines."""
        mask = np.equal(block.data, delimiter, out=self.first(len(block.data)))
        other = np.equal(block.data, 10, out=self._second[: len(mask)])
        rows = int(np.count_nonzero(other))
        np.logical_or(mask, other, out=mask)
        return np.flatnonzero(mask), rows


def readable(kind: SqlType) -> bool:
    """Is there a column reader for JSON values of this type?"""
    return kind.kind in _DECODERS


def decode(kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints) -> tuple[pa.Array, Bools | None]:
    """JSON values as an array of `kind.arrow`, and which of them a JSON parser must look at (None: none).

    first: the first byte of each value.
    """
    null: Bools | None = first == _N
    # (JSON has no other word that begins with n.)
    null = null & (stop - begin == 4) if null.any() else None  # type: ignore[union-attr]
    return _DECODERS[kind.kind](kind, block, first, begin, stop, null)


def numbers(kind: SqlType, block: Block, begin: Ints, stop: Ints, null: Bools | None) -> pa.Array | None:
    """CSV values as BIGINT or DOUBLE; None where one is no plain number (`+1`, ` 7`, `1e9`, `.5`)."""
    array, bad = _DECODERS[kind.kind](kind, block, block.data[begin], begin, stop, null)
    return array if bad is None else None


def cast_temporal(text: pa.Array, kind: SqlType) -> pa.Array | None:
    """Text as dates or times, or None when some of it is none."""
    try:
        return text.cast(kind.arrow)
    except pa.ArrowInvalid:
        return None


def _refused(rows: int, kind: SqlType, bad: Bools) -> tuple[pa.Array, Bools]:
    return pa.nulls(rows, kind.arrow), bad


def _text(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    bad = (first != _QUOTE) | (block.data[stop - 1] != _QUOTE) | (stop - begin < 2)
    if null is not None:
        bad &= ~null
    if bad.any():
        return _refused(len(first), kind, bad)
    return block.slices(begin + 1, stop - 1, null), None


def _temporal(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    text, bad = _text(kind, block, first, begin, stop, null)
    if bad is not None:
        return text, bad
    array = cast_temporal(text, kind)
    if array is None:
        return _refused(len(first), kind, np.ones(len(first), np.bool_))
    return array, None


def _boolean(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    length = stop - begin
    true = (first == _T) & (length == 4)
    known = true | ((first == _F) & (length == 5))
    if null is not None:
        known |= null
    if not known.all():
        return _refused(len(first), kind, ~known)
    return pa.array(true, mask=null), None


def _digits(word: Words, count: Ints) -> tuple[Words, Words]:
    """The number that the last `count` bytes of each word spell, and a word that is not 0 where one isn't a digit."""
    values = word ^ _ZEROS
    values &= _TOP.take(count)
    return _number(values)


def _number(values: Words) -> tuple[Words, Words]:
    """The same for the values of the digits, in place."""
    wrong = values + _OVER_NINE
    wrong |= values
    wrong &= _HIGH
    # Pairs of digits, then fours, then eight: each step multiplies the higher half in and moves the sum down.
    values *= _u(2561)
    values >>= _u(8)
    values &= _u(0x00FF00FF00FF00FF)
    values *= _u(6553601)
    values >>= _u(16)
    values &= _u(0x0000FFFF0000FFFF)
    values *= _u(42949672960001)
    values >>= _u(32)
    return values, wrong


def _integer(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    rows = len(first)
    digits = stop - begin
    negative = first == _MINUS
    signed = bool(negative.any())
    if signed:
        digits -= negative
    longest, shortest = int(digits.max()), int(digits.min())
    count = min(3, max(1, (longest + 7) // 8))
    words = block.words_before(stop, count)
    values, wrong = _digits(words[:, -1], digits if longest <= 8 and shortest > 0 else np.clip(digits, 0, 8))
    scale = 1
    for i in range(1, count):
        scale *= 100_000_000
        part, off = _digits(words[:, -1 - i], np.clip(digits - 8 * i, 0, 8))
        wrong |= off
        part *= _u(scale)
        values += part
    if wrong.any() or shortest < 1 or longest >= 19:
        # 19 digits fit 64 bits without sign, not always with.
        bad = (wrong != 0) | (digits < 1) | (digits > 19)
        bad |= (digits == 19) & (values > np.where(negative, _u(1 << 63), _u((1 << 63) - 1)))
        if null is not None:
            bad &= ~null
        if bad.any():
            return _refused(rows, kind, bad)
    result = values.view(np.int64)
    if signed:
        # Two's complement: inverted, plus one.
        result ^= -negative.view(np.int8)
        result += negative
    return pa.array(result, mask=null), None


def _double(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    length = stop - begin
    negative = first == _MINUS
    signed = bool(negative.any())
    if signed:
        length -= negative
    if null is not None:
        length[null] = 0
    if int(length.max()) > 8:
        return _long_double(kind, block, first, begin, stop, null)
    word = block.words_before(stop, 1)[:, 0]
    word ^= _ZEROS
    word &= _TOP.take(length)
    before_dot = _before_dot(word)
    # Digits before the dot move up by a byte, over it. (Of two dots, one stays and is no digit.)
    after = before_dot << _u(8)
    after |= _u(255)
    np.invert(after, out=after)
    after &= word
    word &= before_dot
    word <<= (before_dot != _ALL).astype(np.uint64) << _u(3)
    word |= after
    values, wrong = _number(word)
    # Bytes up to the dot: 8 where there is none.
    lead = np.bitwise_count(before_dot) >> np.uint8(3)
    # JSON wants digits on both sides of a dot; what is otherwise (exponents among it) goes to the parser.
    bare = length.astype(np.uint8)
    bare += lead
    if wrong.any() or int(bare.min()) <= 8 or (lead == 7).any():
        bad = (wrong != 0) | (bare <= 8) | (lead == 7)
        if null is not None:
            bad &= ~null
        if bad.any():
            return _refused(len(first), kind, bad)
    result = values.astype(np.float64)
    # Both sides are exact, so the quotient is the double nearest to the decimal number.
    result /= _DIVISORS.take(lead)
    if signed:
        sign = negative.astype(np.uint64)
        sign <<= _u(63)
        bits = result.view(np.uint64)
        bits |= sign
    return pa.array(result, mask=null), None


def _before_dot(word: Words) -> Words:
    """For words of digits (0 to 9) and dots: all bits of the bytes before the first dot; of all bytes without one."""
    # The high bit of each byte that is a dot, then from it all bits below that byte.
    dots = word ^ _DOTS
    rest = dots & _SEVENS
    rest += _SEVENS
    rest |= dots
    rest |= _SEVENS
    np.invert(rest, out=rest)
    rest >>= _u(7)
    rest -= _u(1)
    return rest


def _long_double(
    kind: SqlType, block: Block, first: Bytes, begin: Ints, stop: Ints, null: Bools | None
) -> tuple[pa.Array, Bools | None]:
    rows = len(first)
    bad = ~(((first >= 48) & (first <= 57)) | (first == _MINUS))
    if null is not None:
        bad &= ~null
    if bad.any():
        return _refused(rows, kind, bad)
    try:
        return block.slices(begin, stop, null).cast(pa.float64()), None
    except pa.ArrowInvalid:
        return _refused(rows, kind, np.ones(rows, np.bool_))


_Decoder = Callable[[SqlType, Block, Bytes, Ints, Ints, Bools | None], tuple[pa.Array, Bools | None]]
_DECODERS: dict[str, _Decoder] = {
    "VARCHAR": _text,
    "BIGINT": _integer,
    "DOUBLE": _double,
    "BOOLEAN": _boolean,
    "DATE": _temporal,
    "TIME": _temporal,
    "TIMESTAMP": _temporal,
    "TIMESTAMPTZ": _temporal,
}
