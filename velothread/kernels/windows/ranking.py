"""row_number, rank, dense_rank, percent_rank, cume_dist and ntile: by where partitions and peers begin.

With an ORDER BY of their own (`rank(ORDER BY y) OVER ...`) they rank the row among those of its frame instead.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.grouping import Codes, valid_mask
from velothread.kernels.windows.frames import Ranges, sizes
from velothread.kernels.windows.layout import Layout
from velothread.kernels.windows.order_statistics import count_less

RANKING = frozenset({"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"})


def ranking(name: str, layout: Layout, tiles: pa.Array | None) -> pa.Array:
    """The ranking function `name` of each row in its partition. tiles: the argument of ntile.

    :raises ExecutionError: for ntile of less than 1.
    """
    partitions, peers = layout.partitions, layout.peers
    match name:
        case "row_number":
            return pa.array(layout.row - partitions.start + 1)
        case "rank":
            return pa.array(peers.start - partitions.start + 1)
        case "dense_rank":
            return pa.array(peers.number - peers.number.take(partitions.start) + 1)
        case "percent_rank":
            return _percent(peers.start - partitions.start, partitions.end - partitions.start)
        case "cume_dist":
            return pa.array((peers.end - partitions.start) / (partitions.end - partitions.start))
        case "ntile":
            assert tiles is not None
            return ntile(tiles, layout.row - partitions.start, partitions.end - partitions.start)
    raise AssertionError(name)


def ranking_in_frame(name: str, places: Codes, peers: Codes, ranges: Ranges, tiles: pa.Array | None) -> pa.Array:
    """As `ranking`, among the rows of the frame. places: of each row in the argument's order, all different; peers:
    as places, equal for rows that are equal in it."""
    if name in ("row_number", "ntile"):
        before = count_less(places, ranges, places)
        if name == "row_number":
            return pa.array(before + 1)
        assert tiles is not None
        return ntile(tiles, before, sizes(ranges))
    if name == "cume_dist":
        return pa.array(count_less(peers, ranges, peers + 1) / np.maximum(sizes(ranges), 1))
    before = count_less(peers, ranges, peers)
    return pa.array(before + 1) if name == "rank" else _percent(before, sizes(ranges))


def _percent(before: Codes, size: Codes) -> pa.Array:
    return pa.array(np.where(size > 1, before / np.maximum(size - 1, 1), 0.0))


def ntile(tiles: pa.Array, place: Codes, size: Codes) -> pa.Array:
    """The tile (from 1) of the row at `place` of `size`: tiles differ by at most one row, the larger ones first. NULL
    for NULL tiles, or of no rows."""
    known = valid_mask(tiles) & (size > 0)
    place = np.minimum(place, np.maximum(size - 1, 0))
    count: Codes = np.where(known, tiles.fill_null(1).to_numpy(zero_copy_only=False), 1)
    if len(count) and count.min() < 1:
        raise ExecutionError(f"ntile wants a number of tiles greater than 0, not {int(count.min())}")
    least, larger = size // count, size % count
    in_larger = larger * (least + 1)
    tile = np.where(place < in_larger, place // (least + 1), larger + (place - in_larger) // np.maximum(least, 1))
    return pa.array(tile + 1, mask=None if known.all() else ~known)
