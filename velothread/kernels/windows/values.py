"""Functions that give the value of another row: first_value, last_value, nth_value, lag and lead.

Each finds a row number per row (-1: none), and takes the values there. With IGNORE NULLS rows are counted among those
with a value; with an ORDER BY of the function's own, in that order among the rows of the frame.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.grouping import Codes, plain, valid_mask
from velothread.kernels.windows.frames import Ranges, nth_row, over_kept, sizes
from velothread.kernels.windows.layout import Layout
from velothread.kernels.windows.order_statistics import count_less, nth_least

VALUES = frozenset({"first_value", "last_value", "nth_value", "lag", "lead"})


def in_frame(
    name: str, column: pa.Array, n: pa.Array | None, ranges: Ranges, ignore_nulls: bool, places: Codes | None
) -> pa.Array:
    """first_value, last_value, nth_value (with `n`, counted from 1) of each frame.

    places: of each row in the function's own order, all different; None: the window's order.
    """
    kept = _with_value(column) if ignore_nulls else None
    if kept is not None:
        ranges = over_kept(ranges, kept)
        places = None if places is None else places[kept]
    count = sizes(ranges)
    if name == "first_value":
        wanted = np.zeros(len(count), np.int64)
    elif name == "last_value":
        wanted = count - 1
    else:
        assert n is not None
        wanted = pc.fill_null(n, 0).to_numpy(zero_copy_only=False).astype(np.int64) - 1
    wanted = np.where((wanted >= 0) & (wanted < count), wanted, -1)
    rows = nth_row(ranges, wanted) if places is None else _nth_by_place(places, ranges, wanted)
    return _taken(column, rows, kept)


def shifted(
    column: pa.Array, by: Codes, layout: Layout, ignore_nulls: bool, default: pa.Array | None, known: Codes
) -> pa.Array:
    """lead by `by` rows (lag: less than 0) within the partition. known: false where the offset is NULL."""
    partitions = layout.partitions
    by = np.clip(by, -layout.rows - 1, layout.rows + 1)
    kept = _with_value(column) if ignore_nulls else None
    if kept is None:
        rows = layout.row + by
        outside = (rows < partitions.start) | (rows >= partitions.end)
    else:
        before = np.zeros(layout.rows + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        # forwards from a row without a value, the next row with one is the first
        rows = before[:-1] + by - ((by > 0) & ~kept)
        outside = (rows < before.take(partitions.start)) | (rows >= before.take(partitions.end))
        here = by == 0
        if here.any():
            own = _taken(column, np.where(here, layout.row, -1), None)
            moved = _defaulted(_taken(column, np.where(outside, -1, rows), kept), outside & ~here, default)
            return _known(pc.if_else(pa.array(here), plain(own), plain(moved)), known)
    return _known(_defaulted(_taken(column, np.where(outside, -1, rows), kept), outside, default), known)


def shifted_in_frame(
    column: pa.Array, by: Codes, places: Codes, ranges: Ranges, layout: Layout, ignore_nulls: bool,
    default: pa.Array | None, known: Codes,
) -> pa.Array:  # fmt: skip
    """As `shifted`, among the rows of the frame in the order of `places` (of all rows, all different)."""
    inside = np.zeros(layout.rows, bool)
    kept = _with_value(column) if ignore_nulls else None
    row = layout.row
    if kept is None:
        for begin, end in ranges:
            inside |= (row >= begin) & (row < end)
        chosen = places
    else:
        for begin, end in ranges:
            inside |= (row >= begin) & (row < end) & kept
        ranges, chosen = over_kept(ranges, kept), places[kept]
    # forwards from a row outside of the frame, the next row in it is the first
    wanted = count_less(chosen, ranges, places) + by - ((by > 0) & ~inside)
    outside = (wanted < 0) | (wanted >= sizes(ranges))
    rows = _nth_by_place(chosen, ranges, np.where(outside, -1, wanted))
    return _known(_defaulted(_taken(column, rows, kept), outside, default), known)


def offsets_of(column: pa.Array | None, forwards: bool) -> Codes | int:
    """The offset of lag and lead as rows forwards."""
    if column is None:
        return 1 if forwards else -1
    found: Codes = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found if forwards else -found


def _nth_by_place(places: Codes, ranges: Ranges, wanted: Codes) -> Codes:
    """The row whose place is at number `wanted` (from 0) among those of the frame; -1 where that is -1."""
    if not len(places):
        return np.full(len(wanted), -1, np.int64)
    row_at = np.full(int(places.max()) + 1, -1, np.int64)
    row_at[places] = np.arange(len(places))
    (found,) = nth_least(places, ranges, [np.maximum(wanted, 0)])
    return np.where(wanted < 0, -1, row_at.take(np.clip(found, 0, len(row_at) - 1)))


def _with_value(column: pa.Array) -> Codes | None:
    return valid_mask(column) if column.null_count else None


def _taken(column: pa.Array, rows: Codes, kept: Codes | None) -> pa.Array:
    """The values of these rows (numbered among the kept ones), NULL for -1."""
    if kept is not None:
        numbers = np.flatnonzero(kept)
        rows = np.where(rows < 0, -1, numbers.take(np.maximum(rows, 0))) if len(numbers) else np.full(len(rows), -1)
    none = rows < 0
    return column.take(pa.array(rows, mask=none) if none.any() else pa.array(rows))


def _defaulted(column: pa.Array, outside: Codes, default: pa.Array | None) -> pa.Array:
    if default is None or not outside.any():
        return column
    return pc.if_else(pa.array(outside), plain(default), plain(column))


def _known(column: pa.Array, known: Codes) -> pa.Array:
    return column if known.all() else pc.if_else(pa.array(known), plain(column), pa.scalar(None, plain(column).type))
