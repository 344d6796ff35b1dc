"""The row with the least number in each frame: sparse tables, made level by level and left behind again.

(Bender, Farach-Colton: "The LCA problem revisited", 2000.) A frame of up to 2**(k+1) rows is covered by two blocks of
2**k rows, so each frame looks at one level only, and memory is linear.
"""

from __future__ import annotations

import numpy as np

from velothread.kernels.grouping import Codes
from velothread.kernels.windows.frames import Ranges

_NONE = ~np.uint64(0)


def least_row(numbers: Codes, ranges: Ranges) -> Codes:
    """Per frame: the row with the least of `numbers` (uint64), the first of several; -1 for an empty frame."""
    rows = len(numbers)
    frames = len(ranges[0][0])
    if not rows:
        return np.full(frames, -1, np.int64)
    row_bits = max(1, (rows - 1).bit_length())
    low, top = int(numbers.min()), int(numbers.max())
    if (top - low).bit_length() + row_bits > 63:
        numbers = np.unique(numbers, return_inverse=True)[1].astype(np.uint64)
        low = 0
    table = ((numbers - np.uint64(low)) << np.uint64(row_bits)) | np.arange(rows, dtype=np.uint64)
    best = np.full(frames, _NONE, np.uint64)
    levels = [np.frexp((end - begin).astype(np.float64))[1] - 1 for begin, end in ranges]
    for level in range(max(int(at.max()) for at in levels) + 1 if frames else 0):
        if level:
            half = 1 << (level - 1)
            table = np.minimum(table[:-half], table[half:])
        for (begin, end), at in zip(ranges, levels, strict=True):
            here = np.flatnonzero(at == level)
            if len(here):
                found = np.minimum(table.take(begin.take(here)), table.take(end.take(here) - (1 << level)))
                best[here] = np.minimum(best.take(here), found)
    places = (best & np.uint64((1 << row_bits) - 1)).astype(np.int64)
    return np.where(best == _NONE, -1, places)
