"""Aggregates over whole partitions: groups as in GROUP BY, and to each row its group's result. Nothing is sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.aggregates.state import Rows
from velothread.kernels.grouping import Grouper, plain, valid_mask
from velothread.kernels.windows.aggregates import fresh_state
from velothread.kernels.windows.call import Call, WindowOrder


def are_whole(order: WindowOrder, calls: Sequence[Call]) -> bool:
    """Is each call an aggregate whose frame is always the partition, in the order of the source?"""
    return not order.order_by and all(
        call.aggregate is not None
        and not call.frame.exclude
        and call.frame.start.kind == "unbounded"
        # without ORDER BY all rows are peers
        and (call.frame.end.kind == "unbounded" or (call.frame.end.kind == "current" and call.frame.unit != "rows"))
        for call in calls
    )


def over_partitions(
    order: WindowOrder, calls: Sequence[Call], rows: int, columns: Mapping[int, pa.Array]
) -> list[pa.Array]:
    """The results of calls that `are_whole`, in the order of the rows."""
    codes, groups = np.zeros(rows, np.intp), 1
    if order.partition_by:
        grouper = Grouper(len(order.partition_by))
        codes, _ = grouper.codes(rows, [columns[i] for i in order.partition_by])
        groups = grouper.groups
    places = pa.array(codes)
    results = []
    for call in calls:
        try:
            found = _per_group(call, Rows(rows, codes, groups, ()), columns)
        except ExecutionError as e:
            if e.position is None:
                e.position = call.position
            raise
        target = call.returns.arrow
        results.append((found if found.type == target else found.cast(target, safe=False)).take(places))
    return results


def _per_group(call: Call, rows: Rows, columns: Mapping[int, pa.Array]) -> pa.Array:
    assert call.aggregate is not None
    assert rows.codes is not None
    needed = [plain(columns[i]) for i in (*call.arguments, *(k.column for k in call.argument_order))]
    kept = None
    if call.filter is not None:
        kept = pc.fill_null(plain(columns[call.filter]), False).to_numpy(zero_copy_only=False)
    if call.aggregate.nulls == "skip":
        for column in needed[: len(call.arguments)]:
            if column.null_count:
                present = valid_mask(column)
                kept = present if kept is None else kept & present
    state = fresh_state(call, bool(call.argument_order), call.distinct and bool(call.arguments))
    codes, count = rows.codes, rows.count
    if kept is not None:
        codes, count = codes[kept], int(np.count_nonzero(kept))
        needed = [c.filter(pa.array(kept)) for c in needed]
    state.update(Rows(count, codes, rows.groups, tuple(needed)))
    return state.finish(rows.groups)
