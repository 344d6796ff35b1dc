"""Frame clauses to ranges of rows.

A frame is one range [begin, end) per row, or up to three of them in order where EXCLUDE cuts something out. Ranges lie
within the row's partition, and begin <= end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.grouping import Codes, valid_mask
from velothread.kernels.sorting import SortKey, ranks
from velothread.kernels.windows.layout import Layout

# Per row: the ranges of its frame, first to last.
Ranges = tuple[tuple[Codes, Codes], ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a frame. kind: unbounded, preceding, current or following.

    column: what stands with preceding and following: how many rows or groups; for RANGE, the key value that is the
    bound (the key less or plus the offset). None for unbounded.
    """

    kind: str
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame clause. unit: rows, range or groups; exclude: '', 'current row', 'group' or 'ties'."""

    unit: str
    start: Bound
    end: Bound
    exclude: str = ""

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that its bounds need."""
        return tuple(b.column for b in (self.start, self.end) if b.column is not None)


def frame_ranges(frame: Frame, layout: Layout, order: Sequence[SortKey], columns: Sequence[pa.Array | None]) -> Ranges:
    """The frame of each row.

    order: how the rows of a partition are sorted; columns: by the numbers that the bounds name, in sorted order.

    :raises ExecutionError: for an offset that is negative or NULL.
    """
    partitions = layout.partitions
    begin = _side(frame, frame.start, True, layout, order, columns)
    end = _side(frame, frame.end, False, layout, order, columns)
    begin = np.clip(begin, partitions.start, partitions.end)
    end = np.clip(end, begin, partitions.end)
    return _excluded(begin, end, frame.exclude, layout)


def _side(
    frame: Frame, bound: Bound, is_start: bool, layout: Layout, order: Sequence[SortKey],
    columns: Sequence[pa.Array | None],
) -> Codes:  # fmt: skip
    """The begin (or end) of each row's range, not yet cut to the partition."""
    if bound.kind == "unbounded":
        return layout.partitions.start if is_start else layout.partitions.end
    if bound.kind == "current":
        if frame.unit == "rows":
            return layout.row if is_start else layout.row + 1
        return layout.peers.start if is_start else layout.peers.end
    assert bound.column is not None
    column = columns[bound.column]
    assert column is not None
    if frame.unit == "range":
        return _by_value(column, bound.kind, is_start, layout, order[0])
    amount = _amounts(column, frame.unit, bound.kind, layout.rows)
    if bound.kind == "preceding":
        amount = -amount
    if frame.unit == "rows":
        return layout.row + amount + (0 if is_start else 1)
    return _by_group(amount, is_start, layout)


def _amounts(column: pa.Array, unit: str, kind: str, rows: int) -> Codes:
    """Offsets in rows or groups, none greater than there are rows."""
    what = f"the offset of {unit.upper()} ... {kind.upper()}"
    if column.null_count:
        raise ExecutionError(f"{what} can't be NULL")
    amounts: Codes = column.to_numpy(zero_copy_only=False)
    if len(amounts) and amounts.min() < 0:
        raise ExecutionError(f"{what} can't be negative ({int(amounts.min())})")
    return np.minimum(amounts, rows)


def _by_group(amount: Codes, is_start: bool, layout: Layout) -> Codes:
    """GROUPS: so many peer groups before or after the row's own."""
    peers, partitions = layout.peers, layout.partitions
    target = peers.number + amount
    first = peers.number.take(partitions.start)
    last = peers.number.take(partitions.end - 1)
    edges = peers.firsts if is_start else peers.lasts
    found = edges.take(np.clip(target, first, last))
    found = np.where(target < first, partitions.start, found)
    return np.where(target > last, partitions.end, found)


def _by_value(bounds: pa.Array, kind: str, is_start: bool, layout: Layout, key: SortKey) -> Codes:
    """RANGE: the rows whose key is not before (after) the bound. Rows with a NULL key have their peers as frame."""
    (values,) = layout.keys
    rows = layout.rows
    known = valid_mask(values)
    present = np.flatnonzero(known)
    if (~valid_mask(bounds) & known).any():
        raise ExecutionError(f"the offset of RANGE ... {kind.upper()} can't be NULL")
    found = (layout.peers.start if is_start else layout.peers.end).copy()
    if not len(present):
        return found
    wanted = pa.array(present)
    both = ranks(pa.concat_arrays([values.take(wanted), bounds.take(wanted)]))
    numbers, room = layout.partitions.number.take(present), int(layout.partitions.number[-1]) + 1
    if int(both.max()).bit_length() + room.bit_length() > 62:
        both = np.unique(both, return_inverse=True)[1].astype(np.uint64)
    top = both.max()
    if key.descending:
        both = top - both
    mine, edges = (both[: len(present)].astype(np.int64), both[len(present) :].astype(np.int64))
    if ((edges > mine) if kind == "preceding" else (edges < mine)).any():
        raise ExecutionError(f"the offset of RANGE ... {kind.upper()} can't be negative")
    # NULL keys stand before or after all others of their partition
    width = np.int64(int(top) + 3)
    line = np.full(rows, 0 if key.nulls_first else width - 1, np.int64)
    line[present] = mine + 1
    line += layout.partitions.number * width
    found[present] = np.searchsorted(line, edges + 1 + numbers * width, side="left" if is_start else "right")
    return found


def _excluded(begin: Codes, end: Codes, exclude: str, layout: Layout) -> Ranges:
    if not exclude:
        return ((begin, end),)
    row, peers = layout.row, layout.peers
    if exclude == "current row":
        return ((begin, np.clip(row, begin, end)), (np.clip(row + 1, begin, end), end))
    before = (begin, np.clip(peers.start, begin, end))
    after = (np.clip(peers.end, begin, end), end)
    if exclude == "group":
        return (before, after)
    return (before, (np.clip(row, begin, end), np.clip(row + 1, begin, end)), after)


def sizes(ranges: Ranges) -> Codes:
    """The number of rows in each frame."""
    total: Codes = ranges[0][1] - ranges[0][0]
    for begin, end in ranges[1:]:
        total = total + (end - begin)
    return total


def over_kept(ranges: Ranges, kept: Codes) -> Ranges:
    """The same frames over the rows with a true flag alone, numbered anew."""
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    return tuple((before.take(begin), before.take(end)) for begin, end in ranges)


def different(ranges: Ranges) -> tuple[Ranges, Codes | None]:
    """Frames that neighbours share only once, and per row the number of its frame (None: all are different)."""
    begins = np.zeros(len(ranges[0][0]), bool)
    begins[:1] = True
    for side in (s for pair in ranges for s in pair):
        begins[1:] |= side[1:] != side[:-1]
    if begins.all():
        return ranges, None
    numbers: Codes = np.cumsum(begins)
    numbers -= 1
    return tuple((begin[begins], end[begins]) for begin, end in ranges), numbers


def nth_row(ranges: Ranges, n: Codes) -> Codes:
    """The row at place n (from 0) of each frame, or -1."""
    found = np.full(len(n), -1, np.int64)
    left = n
    for begin, end in ranges:
        size = end - begin
        here = (left >= 0) & (left < size) & (found < 0)
        found = np.where(here, begin + left, found)
        left = left - size
    return found
