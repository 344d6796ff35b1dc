"""Questions about the order of values within frames, for all frames at once: a wavelet matrix, level by level.

Values are small numbers (dense ranks). Rows are split by one bit of their value after the other, from the top, stably;
a frame stays a range of rows at each level, whose end points are found by counting zeros. (Claude, Navarro, Ordóñez:
"The wavelet matrix", Information Systems 2015.) Levels are made and left behind one by one, so memory is linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from velothread.kernels.grouping import Codes
from velothread.kernels.windows.frames import Ranges


def _levels(values: Codes, top: int) -> Iterator[tuple[int, Codes]]:
    """Per bit from the top: its place, and how many zeros there are among the first i rows (for i = 0 to all)."""
    for bit in reversed(range(max(1, top.bit_length()))):
        ones = (values >> bit) & 1 != 0
        zeros = np.zeros(len(values) + 1, np.int64)
        np.cumsum(~ones, out=zeros[1:])
        yield bit, zeros
        values = np.concatenate([values[~ones], values[ones]])


def nth_least(values: Codes, ranges: Ranges, wanted: Sequence[Codes]) -> list[Codes]:
    """The value at place wanted[j][i] (from 0) among those of frame i in rising order, for each j.

    What a place outside of the frame gives means nothing.
    """
    if not len(values):
        return [np.zeros(len(w), np.int64) for w in wanted]
    values = values.astype(np.int64, copy=False)
    left = [w.astype(np.int64) for w in wanted]
    found = [np.zeros(len(w), np.int64) for w in wanted]
    sides = [[(begin, end) for begin, end in ranges] for _ in wanted]
    for bit, zeros in _levels(values, int(values.max())):
        none = int(zeros[-1])
        for j in range(len(wanted)):
            moved = [(zeros.take(begin), zeros.take(end)) for begin, end in sides[j]]
            count = sum(end - begin for begin, end in moved)
            low = left[j] < count
            left[j] = np.where(low, left[j], left[j] - count)
            found[j] |= np.where(low, 0, 1 << bit)
            sides[j] = [
                (np.where(low, b0, none + b - b0), np.where(low, e0, none + e - e0))
                for (b, e), (b0, e0) in zip(sides[j], moved, strict=True)
            ]
    return found


def count_less(values: Codes, ranges: Ranges, limits: Codes) -> Codes:
    """How many values of frame i are less than limits[i]."""
    found = np.zeros(len(limits), np.int64)
    if not len(values):
        return found
    values, limits = values.astype(np.int64, copy=False), limits.astype(np.int64, copy=False)
    sides = list(ranges)
    for bit, zeros in _levels(values, max(int(values.max()), int(limits.max()) if len(limits) else 0)):
        none = int(zeros[-1])
        high = (limits >> bit) & 1 != 0
        moved = [(zeros.take(begin), zeros.take(end)) for begin, end in sides]
        found += np.where(high, sum(end - begin for begin, end in moved), 0)
        sides = [
            (np.where(high, none + b - b0, b0), np.where(high, none + e - e0, e0))
            for (b, e), (b0, e0) in zip(sides, moved, strict=True)
        ]
    return found


def dense(values: Codes) -> tuple[Codes, Codes]:
    """Ranks of values among the different ones, and for each rank a row that has it (the first)."""
    _, first, numbers = np.unique(values, return_index=True, return_inverse=True)
    return numbers.astype(np.int64), first
