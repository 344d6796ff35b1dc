"""LIMIT moves towards the data: through projections and outer joins and into unions, down to scans, which then read no
more than that.

SELECT a + 1 FROM 'f.csv' LIMIT 5   ->   scan f.csv, limit 5
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from velothread.plan.expressions import leaves_out
from velothread.plan.nodes import (
    Join,
    Limit,
    Node,
    Project,
    Recursive,
    Scan,
    Sort,
    UnionAll,
    Unnest,
    Values,
    inputs,
    with_inputs,
)


def push_limits(plan: Node) -> Node:
    """Tell scans (and sorts) how many rows are wanted at most."""
    if isinstance(plan, (Limit, Sort)) and plan.limit == 0:
        return _nothing(plan)
    if isinstance(plan, Limit) and plan.limit is not None:
        plan = replace(plan, input=_bounded(plan.input, plan.limit + plan.offset))
    return with_inputs(plan, tuple(push_limits(c) for c in inputs(plan)))


def _nothing(node: Node) -> Node:
    """The columns of `node` without rows: LIMIT 0 asks for no more."""
    arrays = [pa.array([], f.type.arrow) for f in node.output]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{f.id}" for f in node.output])
    return Values(node.output, batch, 0)


def _bounded(node: Node, rows: int) -> Node:
    """`node`, of which only the first `rows` rows are wanted. It may give more.

    Where functions that fail leave rows out, more than `rows` of them have to come in.
    """
    match node:
        case Project() if not any(map(leaves_out, node.expressions)):
            return replace(node, input=_bounded(node.input, rows))
        case Scan():
            return replace(node, limit=rows if node.limit is None else min(rows, node.limit))
        case UnionAll():
            return replace(node, inputs=tuple(_bounded(c, rows) for c in node.inputs))
        case Recursive() if not node.keys:
            return replace(node, limit=rows if node.limit is None else min(rows, node.limit))
        case Sort():
            wanted = rows if node.limit is None else min(rows, node.limit)
            return replace(node, limit=wanted)
        case Join() if node.kind in ("left", "single", "mark") and not _leaves_left_rows_out(node):
            # each left row gives at least one
            return replace(node, left=_bounded(node.left, rows))
        case Unnest() if node.keep_empty and not any(map(leaves_out, node.lists)):
            return replace(node, input=_bounded(node.input, rows))
    return node


def _leaves_left_rows_out(node: Join) -> bool:
    return any(leaves_out(k.left) for k in node.keys) or (node.asof is not None and leaves_out(node.asof.left))
