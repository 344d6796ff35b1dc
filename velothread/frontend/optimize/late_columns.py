"""A sort with a limit chooses its rows by the first key (and the filters below it); the other columns are read late.

SELECT * FROM 'f.parquet' WHERE a > 1 ORDER BY b LIMIT 5   ->   scan, rows chosen by: a, b
"""

from __future__ import annotations

from dataclasses import replace

from velothread.frontend.optimize.push_filters import substitute
from velothread.plan.expressions import Column, Expression, columns_of, is_volatile, may_raise
from velothread.plan.nodes import Filter, Node, Project, Scan, Sort, UnionAll, inputs, with_inputs

# With more rows wanted than this, most of the others would be read anyway.
MOST_ROWS = 10_000


def late_columns(plan: Node) -> Node:
    """Tell scans below a sort with a limit which columns decide."""
    if isinstance(plan, Sort) and plan.limit is not None and plan.limit + plan.offset <= MOST_ROWS:
        keys = [k.expression for k in plan.keys]
        # What can fail has to fail, or not, whichever rows are read late.
        if not any(may_raise(k) or is_volatile(k) for k in keys):
            plan = replace(plan, input=_marked(plan.input, keys[0], []))
    return with_inputs(plan, tuple(late_columns(c) for c in inputs(plan)))


def _marked(node: Node, key: Expression, conditions: list[Expression]) -> Node:
    """`node`, of which rows are chosen by `key` and `conditions`, expressions over its output."""
    match node:
        case Project() if not any(may_raise(e) or is_volatile(e) for e in node.expressions):
            mapping = dict(zip(node.output, node.expressions, strict=True))
            below = [substitute(c, mapping) for c in conditions]
            return replace(node, input=_marked(node.input, substitute(key, mapping), below))
        case Filter() if not (may_raise(node.predicate) or is_volatile(node.predicate)):
            return replace(node, input=_marked(node.input, key, [*conditions, node.predicate]))
        case UnionAll():
            parts = []
            for child in node.inputs:
                mapping = {o: Column(f) for o, f in zip(node.output, child.output, strict=True)}
                below = [substitute(c, mapping) for c in conditions]
                parts.append(_marked(child, substitute(key, mapping), below))
            return replace(node, inputs=tuple(parts))
        case Scan() if getattr(node.source, "reads_late", False) and node.limit is None:
            used = {f for e in (key, *conditions) for f in columns_of(e)}
            early = tuple(c for f, c in zip(node.output, node.columns, strict=True) if f in used)
            return replace(node, early=early if 0 < len(early) < len(node.columns) else ())
    return node
