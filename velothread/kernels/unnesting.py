"""Lists to rows: a row per element, several lists side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes
from velothread.kernels.vectors import column as as_arrow
from velothread.kernels.vectors import valid_rows

# Elements that are put out at once; the rows of one batch may have any number.
CHUNK_ROWS = 1 << 17

Elements = tuple[int, pa.Array, tuple[pa.Array, ...]]


def elements(rows: int, lists: Sequence[pa.Array], keep_empty: bool, ordinal: bool) -> Iterator[Elements]:
    """`(rows, left, columns)`: for each element the row it comes from, and a column per list; shorter lists are filled
    with NULL. `ordinal`: a further column counts from 1 (NULL for a row kept without elements).
    """
    spans = [_spans(column) for column in lists]
    longest: Codes = np.zeros(rows, np.int64)
    for _, lengths in spans:
        longest = np.maximum(longest, lengths)
    counts = np.maximum(longest, 1) if keep_empty else longest
    ends = np.cumsum(counts)
    total = int(ends[-1]) if rows else 0
    for begin in range(0, total, CHUNK_ROWS):
        end = min(begin + CHUNK_ROWS, total)
        a = int(np.searchsorted(ends, begin, "right"))
        b = int(np.searchsorted(ends, end, "left")) + 1
        portions = counts[a:b].copy()
        before = ends[a:b] - portions
        portions[0] -= begin - before[0]
        portions[-1] -= ends[b - 1] - end
        left = np.repeat(np.arange(a, b), portions)
        nth = np.arange(begin, end) - np.repeat(before, portions)
        columns = [_taken(c, starts, lengths, left, nth) for c, (starts, lengths) in zip(lists, spans, strict=True)]
        if ordinal:
            columns.append(as_arrow(nth + 1, pa.int64(), nth < longest.take(left)))
        yield end - begin, pa.array(left), tuple(columns)


def _spans(column: pa.Array) -> tuple[Codes, Codes]:
    """Where each list begins among the values, and how long it is; NULL is empty."""
    if pa.types.is_null(column.type):
        nothing = np.zeros(len(column), np.int64)
        return nothing, nothing
    ends = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    starts, lengths = ends[:-1], np.diff(ends)
    valid = valid_rows(column)
    return starts, lengths if valid is None else np.where(valid, lengths, 0)


def _taken(column: pa.Array, starts: Codes, lengths: Codes, left: Codes, nth: Codes) -> pa.Array:
    if pa.types.is_null(column.type):
        return pa.nulls(len(left))
    there = nth < lengths.take(left)
    places = as_arrow(starts.take(left) + nth, pa.int64(), None if bool(there.all()) else there)
    if pa.types.is_map(column.type):
        entries = pa.StructArray.from_arrays([column.keys, column.items], names=["key", "value"])
        return entries.take(places)
    return column.values.take(places)
