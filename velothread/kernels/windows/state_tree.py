"""Any aggregate whose states merge, over any frames: a segment tree of states.

Level k has a state per block of 2**k rows; a frame is put together from O(log rows) blocks, in row order. Blocks are
aligned to the first row that the kernel was given, so the grouping of float additions depends on the rows alone. (Leis
et al.: "Efficient processing of window functions in analytical SQL queries", VLDB 2015.)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import ArrayState, Rows
from velothread.kernels.grouping import Codes
from velothread.kernels.windows.frames import Ranges, sizes


def over_frames(make: Callable[[], ArrayState], rows: int, columns: tuple[pa.Array, ...], ranges: Ranges) -> pa.Array:
    """The result of each frame. columns: the arguments."""
    frames = len(ranges[0][0])
    total = make()
    total.grow(frames)
    if rows:
        levels = _levels(make, rows, columns, int(sizes(ranges).max(initial=0)))
        for begin, end in ranges:
            _add(total, levels, begin, end, frames)
    return total.finish(frames)


def _levels(make: Callable[[], ArrayState], rows: int, columns: tuple[pa.Array, ...], longest: int) -> list[ArrayState]:
    state = make()
    state.update(Rows(rows, np.arange(rows), rows, columns))
    levels, blocks = [state], rows
    while 1 << len(levels) <= longest:
        pairs = blocks // 2
        joint = state.select(np.arange(0, 2 * pairs, 2))
        joint.merge(state.select(np.arange(1, 2 * pairs, 2)), slice(None), pairs)
        levels.append(joint)
        state, blocks = joint, pairs
    return levels


def _add(total: ArrayState, levels: list[ArrayState], begin: Codes, end: Codes, frames: int) -> None:
    """Add the blocks of [begin, end) to `total`: those of growing size up from the left, then of falling size."""
    chosen = []
    left, right = begin, end
    for state in levels:
        inside = left < right
        _merge(total, state, np.flatnonzero(inside & (left & 1 == 1)), left, frames)
        chosen.append((state, np.flatnonzero(inside & (right & 1 == 1)), right - 1))
        left, right = (left + 1) >> 1, right >> 1
    for state, here, block in reversed(chosen):
        _merge(total, state, here, block, frames)


def _merge(total: ArrayState, state: ArrayState, here: Codes, block: Codes, frames: int) -> None:
    if len(here):
        total.merge(state.select(block.take(here)), here, frames)
