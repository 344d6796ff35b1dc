"""Join keys as 64-bit words: equal keys have equal words.

A word is *exact* where different keys have different words, too (integers, dates, floats, short decimals). Else it is
a digest (text, long decimals, nested values), and who finds equal words compares the keys themselves.

NaN equals NaN, -0.0 equals 0.0. What stands under a NULL is arbitrary: `valid` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.kernels.comparison import interval_length, order_key
from velothread.kernels.grouping import Codes, integers, normalised, offsets
from velothread.kernels.hashing import mixed
from velothread.kernels.vectors import DECIMAL_DTYPE, valid_rows

Word = np.uint64
_PRIME = Word(0x9E3779B97F4A7C15)
_NULL = Word(0xD6E8FEB86659FD93)
# Text beyond so many bytes is hashed row by row: a word at a time would take a pass over all rows each.
_WORDWISE_BYTES = 512


def exact_words(column: pa.Array) -> Codes | None:
    """One word (int64) per row that tells all values apart; None where the type has none."""
    t = column.type
    if pa.types.is_null(t):
        return np.zeros(len(column), np.int64)
    if pa.types.is_floating(t):
        values = normalised(column)
        bits = np.dtype(f"i{t.bit_width // 8}")
        return _fixed(values, bits).astype(np.int64, copy=False)
    if pa.types.is_uint64(t):
        return _fixed(column, np.dtype("i8"))
    if pa.types.is_decimal128(t) and t.precision <= 18:
        return _fixed(column, DECIMAL_DTYPE)["low"].view(np.int64)
    found = None if pa.types.is_nested(t) or pa.types.is_dictionary(t) else integers(column)
    return None if found is None else found.astype(np.int64, copy=False)


def is_exact(t: pa.DataType) -> bool:
    """Does `exact_words` serve this type?"""
    return exact_words(pa.array([], t)) is not None


def valid_of(column: pa.Array) -> Codes | None:
    """True where the value is not NULL; None when that is everywhere."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), bool)
    if pa.types.is_dictionary(column.type):
        inner = valid_rows(column.dictionary) if column.dictionary.null_count else None
        outer = valid_rows(column.indices)
        if inner is None:
            return outer
        by_row = inner.take(offsets(column.indices))
        return by_row if outer is None else by_row & outer
    return valid_rows(column)


def digest(columns: Sequence[pa.Array], seed: int) -> Codes:
    """One word (int64) per row of all columns together; NULLs of a column are like one value."""
    total = np.full(len(columns[0]), seed, np.uint64)
    for column in columns:
        word = _digest_column(column, seed)
        valid = valid_of(column)
        if valid is not None:
            word = np.where(valid, word, _NULL)
        total = mixed(total * _PRIME + word)
    return total.view(np.int64)


def _digest_column(column: pa.Array, seed: int) -> Codes:
    t = column.type
    if pa.types.is_dictionary(t):
        if len(column.dictionary) > len(column):
            return _digest_column(column.dictionary_decode(), seed)
        words = _digest_column(column.dictionary, seed)
        return words.take(offsets(column.indices)) if len(words) else np.zeros(len(column), np.uint64)
    exact = exact_words(column)
    if exact is not None:
        return exact.view(np.uint64)
    if pa.types.is_decimal128(t):
        parts = _fixed(column, DECIMAL_DTYPE)
        return mixed(mixed(parts["low"] + Word(seed)) + parts["high"].view(np.uint64))
    if pa.types.is_interval(t):
        days, rest = interval_length(column)
        return mixed(mixed(days.view(np.uint64) + Word(seed)) + rest.view(np.uint64))
    if pa.types.is_nested(t):
        # A row loop: nested keys are rare, and of any shape. The hashes live in this process only.
        return np.array([hash((seed, order_key(v))) for v in column.to_pylist()], np.int64).view(np.uint64)
    return _text_words(column, seed)


def _fixed(column: pa.Array, dtype: np.dtype[Any]) -> Codes:
    data = column.buffers()[1]
    if data is None or not len(column):
        return np.zeros(len(column), dtype)
    return np.frombuffer(data, dtype, len(column), column.offset * dtype.itemsize)


def _text_words(column: pa.Array, seed: int) -> Codes:
    """Eight bytes at a time, for as many rows as are that long."""
    rows = len(column)
    buffers = column.buffers()
    if not rows or buffers[1] is None:
        return np.zeros(rows, np.uint64)
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    kind = np.dtype(np.int64 if wide else np.int32)
    ends = np.frombuffer(buffers[1], kind, rows + 1, column.offset * kind.itemsize).astype(np.int64)
    first, last = int(ends[0]), int(ends[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if last > first:
        padded[:-8] = np.frombuffer(buffers[2], np.uint8, last - first, first)
    # All words that begin at any byte: reading them is a gather.
    words = np.ndarray((last - first + 1,), "<u8", padded.data, 0, (1,))
    begin, length = ends[:-1] - first, np.diff(ends)
    total = length.astype(np.uint64) * _PRIME + Word(seed)
    valid = valid_rows(column)
    if valid is not None:
        length = np.where(valid, length, 0)
    longest, shortest = int(length.max(initial=0)), int(length.min())
    for done in range(0, min(longest, _WORDWISE_BYTES), 8):
        if shortest <= done:
            active = np.flatnonzero(length > done)
            at, left = begin.take(active) + done, length.take(active) - done
        else:
            active, at, left = None, begin + done, length - done
        word = words[at]
        short = left < 8
        if short.any():
            kept = (Word(1) << (np.minimum(left, 7).astype(np.uint64) * Word(8))) - Word(1)
            word = np.where(short, word & kept, word)
        if active is None:
            total = _stirred(total, word)
        else:
            total[active] = _stirred(total.take(active), word)
    if longest > _WORDWISE_BYTES:
        for row in np.flatnonzero(length > _WORDWISE_BYTES):
            # A row loop: so long a key is rare.
            rest = padded[begin[row] + _WORDWISE_BYTES : begin[row] + length[row]].tobytes()
            total[row] ^= Word(hash((seed, rest)) % 2**64)
    return total


def _stirred(total: Codes, word: Codes) -> Codes:
    total = (total ^ word) * _PRIME
    stirred: Codes = total ^ (total >> Word(29))
    return stirred
