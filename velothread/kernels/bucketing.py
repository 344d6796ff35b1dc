"""Keys to bucket numbers: the same for equal keys, whatever batch they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes, integers, normalised, offsets, valid_mask


def spread(columns: Sequence[pa.Array], buckets: int) -> Codes:
    """A bucket number (0 to buckets - 1) per row: equal keys get equal numbers, whatever batch they are in.

    Text is hashed by its length and three 8-byte samples, so keys may share a bucket, but never part.
    """
    mixed: Codes = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        word = _dictionary_words(column) if pa.types.is_dictionary(column.type) else _words(normalised(column))
        if column.null_count:
            word[~valid_mask(column)] = 0
        mixed ^= word
        # The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return ((mixed >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)).astype(
        np.uint8 if buckets <= 256 else np.intp
    )


def _dictionary_words(column: pa.DictionaryArray) -> Codes:
    """As `_words` of the decoded column: each entry is looked at once."""
    if not len(column.dictionary):
        return np.zeros(len(column), np.uint64)
    return _words(normalised(column.dictionary)).take(offsets(column.indices))


def _words(column: pa.Array) -> Codes:
    """64 bits of each value, a fresh array."""
    values = integers(column)
    if values is not None:
        return values.astype(np.int64).view(np.uint64)
    t = column.type
    if pa.types.is_large_string(t) or pa.types.is_large_binary(t) or pa.types.is_string_view(t):
        return _words(column.cast(pa.binary()))
    if pa.types.is_string(t) or pa.types.is_binary(t):
        return _text_words(column)
    if pa.types.is_null(t):
        return np.zeros(len(column), np.uint64)
    if pa.types.is_nested(t):
        import zlib

        # A row loop, as in `_Encoded`.
        return np.fromiter((zlib.crc32(repr(v).encode()) for v in column.to_pylist()), np.uint64, len(column))
    width = t.bit_width // 8
    data = column.buffers()[1]
    if data is None or not len(column):
        return np.zeros(len(column), np.uint64)
    raw = np.frombuffer(data, np.uint8, len(column) * width, column.offset * width)
    if width % 8:
        return raw.view(np.dtype(f"u{width}")).astype(np.uint64)
    parts = raw.view(np.uint64).reshape(len(column), width // 8)
    words: Codes = parts[:, 0].copy()
    for i in range(1, width // 8):
        words = words * np.uint64(0x9E3779B97F4A7C15) + parts[:, i]
    return words


def _text_words(column: pa.Array) -> Codes:
    buffers = column.buffers()
    offsets = np.frombuffer(buffers[1], np.int32, len(column) + 1, column.offset * 4).astype(np.int64)
    data = buffers[2]
    size = len(data) if data is not None else 0
    padded = np.zeros(size + 8, np.uint8)
    if data is not None:
        padded[:size] = np.frombuffer(data, np.uint8)
    words_at = np.lib.stride_tricks.as_strided(padded[:8].view(np.uint64), (size + 1,), (1,))
    start, end = offsets[:-1], offsets[1:]
    length = end - start
    head = words_at[start]
    short = length < 8
    # Bytes beyond the end belong to the next value.
    keep = np.where(
        short, (np.uint64(1) << (np.minimum(length, 7).astype(np.uint64) * np.uint64(8))) - np.uint64(1), ~np.uint64(0)
    )
    head &= keep
    tail = words_at[np.where(short, 0, end - 8)] & np.where(short, np.uint64(0), ~np.uint64(0))
    middle = words_at[np.where(short, 0, start + (length - 8) // 2)] & np.where(short, np.uint64(0), ~np.uint64(0))
    prime = np.uint64(0x9E3779B97F4A7C15)
    return ((head * prime + tail) * prime + middle) * prime + length.astype(np.uint64)


def parts_by(buckets: Codes, count: int) -> Iterator[Codes]:
    """The rows of each bucket, rising within it."""
    order = np.argsort(buckets, kind="stable")
    ends = np.cumsum(np.bincount(buckets, minlength=count))
    start = 0
    for end in ends:
        yield order[start:end]
        start = int(end)
