"""Window calls over rows of whole partitions: sort, lay out, compute each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.grouping import Codes, Grouper, plain, valid_mask
from velothread.kernels.sorting import SortKey, sort_permutation
from velothread.kernels.windows.aggregates import aggregate, places_in
from velothread.kernels.windows.call import Call, WindowOrder
from velothread.kernels.windows.fill import fill
from velothread.kernels.windows.frames import Ranges, frame_ranges
from velothread.kernels.windows.layout import Layout, changes
from velothread.kernels.windows.ranking import RANKING, ranking, ranking_in_frame
from velothread.kernels.windows.values import in_frame, offsets_of, shifted, shifted_in_frame
from velothread.kernels.windows.whole import are_whole, over_partitions


def evaluate(
    order: WindowOrder, calls: Sequence[Call], rows: int, columns: Mapping[int, pa.Array]
) -> tuple[Codes | None, list[pa.Array]]:
    """The results of calls that share `order`, over all rows of some partitions.

    columns: by number, those that the order and the calls name. Gives the permutation that sorts the rows (None: they
    are sorted), and for each call a value per row in sorted order.

    :raises ExecutionError: with the position of the call that refused a value.
    """
    if are_whole(order, calls):
        return None, over_partitions(order, calls, rows, columns)
    permutation, begins = _sorted(order, rows, columns)
    needed = {i for call in calls for i in call.columns} | {k.column for k in order.order_by}
    places = None if permutation is None else pa.array(permutation)
    here = {i: columns[i] if places is None else columns[i].take(places) for i in sorted(needed)}
    layout = Layout(begins, tuple(here[k.column] for k in order.order_by))
    ranges: dict[object, Ranges] = {}
    results = []
    for call in calls:
        try:
            results.append(_computed(call, order, layout, here, ranges))
        except ExecutionError as e:
            if e.position is None:
                e.position = call.position
            raise
    return permutation, results


def _sorted(order: WindowOrder, rows: int, columns: Mapping[int, pa.Array]) -> tuple[Codes | None, Codes]:
    """The permutation that sorts the rows, and for each sorted row whether a partition begins there."""
    begins = np.zeros(rows, bool)
    begins[0] = True
    keys, by = list(order.order_by), [columns[k.column] for k in order.order_by]
    if order.partition_by:
        codes, _ = Grouper(len(order.partition_by)).codes(rows, [columns[i] for i in order.partition_by])
        keys, by = [SortKey(0), *keys], [pa.array(codes), *by]
    if not keys:
        return None, begins
    permutation = sort_permutation(keys, by)
    if order.partition_by:
        begins = changes(by[0].take(pa.array(permutation)))
    return permutation, begins


def _computed(
    call: Call, order: WindowOrder, layout: Layout, columns: Mapping[int, pa.Array], known: dict[object, Ranges]
) -> pa.Array:
    def frames() -> Ranges:
        if call.frame not in known:
            at = [columns.get(i) for i in range(max(call.frame.columns, default=-1) + 1)]
            known[call.frame] = frame_ranges(call.frame, layout, order.order_by, at)
        return known[call.frame]

    arguments = [columns[i] for i in call.arguments]
    if call.aggregate is not None:
        return aggregate(call, columns, frames(), layout)
    keys = [plain(columns[k.column]) for k in call.argument_order]
    if call.name == "fill":
        return fill(arguments[0], keys[0] if keys else layout.keys[0], call.argument_order[:1], layout)
    places = places_in(call.argument_order, keys) if keys else None
    if call.name in RANKING:
        tiles = arguments[0] if arguments else None
        if places is None:
            return ranking(call.name, layout, tiles)
        return ranking_in_frame(call.name, places, _peers(places, keys), frames(), tiles)
    if call.name in ("lag", "lead"):
        offset = arguments[1] if len(arguments) > 1 else None
        default = arguments[2] if len(arguments) > 2 else None
        by = np.broadcast_to(offsets_of(offset, call.name == "lead"), layout.rows)
        given = np.ones(layout.rows, bool) if offset is None else valid_mask(offset)
        if places is None:
            return shifted(arguments[0], by, layout, call.ignore_nulls, default, given)
        return shifted_in_frame(arguments[0], by, places, frames(), layout, call.ignore_nulls, default, given)
    n = arguments[1] if len(arguments) > 1 else None
    return in_frame(call.name, arguments[0], n, frames(), call.ignore_nulls, places)


def _peers(places: Codes, keys: Sequence[pa.Array]) -> Codes:
    """Places that are equal for rows with equal keys."""
    rows = np.argsort(places, kind="stable")
    begins = np.zeros(len(rows), bool)
    for key in keys:
        begins |= changes(key.take(pa.array(rows)))
    numbers = np.cumsum(begins) - 1
    found = np.empty(len(rows), np.int64)
    found[rows] = numbers
    return found
