"""Filters move towards the data: through projections, sorts, unions, joins, group keys and partitions.

SELECT * FROM (SELECT a + 1 AS b FROM t) WHERE b > 3   ->   ... FROM t WHERE a + 1 > 3
"""

from __future__ import annotations

from velothread.frontend.folding import fold, is_true
from velothread.frontend.optimize.conditions import conjunction, conjuncts, substitute
from velothread.frontend.optimize.join_filters import push_through_join
from velothread.plan.expressions import Column, Expression, calls_python, columns_of, is_volatile
from velothread.plan.nodes import (
    Aggregate,
    Filter,
    Join,
    Node,
    Project,
    Sort,
    UnionAll,
    Unnest,
    Window,
    inputs,
    with_inputs,
)


def push_filters(plan: Node) -> Node:
    """Move every condition as far down as it is sound."""
    return _push(plan, [])


def _push(node: Node, conditions: list[Expression]) -> Node:
    match node:
        case Filter():
            return _push(node.input, [*conjuncts(node.predicate), *conditions])
        case Project():
            mapping = dict(zip(node.output, node.expressions, strict=True))
            if not any(is_volatile(e) for e in node.expressions):
                below = [fold(substitute(c, mapping)) for c in conditions]
                return Project(_push(node.input, below), node.output, node.expressions)
        case Sort() if node.limit is None and not node.offset:
            return with_inputs(node, (_push(node.input, conditions),))
        case UnionAll():
            pushed = []
            for child in node.inputs:
                mapping = {o: Column(f) for o, f in zip(node.output, child.output, strict=True)}
                pushed.append(_push(child, [substitute(c, mapping) for c in conditions]))
            return UnionAll(tuple(pushed), node.output)
        case Aggregate() if node.keys:
            keys = dict(zip(node.output, node.keys, strict=False))
            # a condition over keys alone keeps or drops whole groups
            down = [c for c in conditions if columns_of(c) and columns_of(c) <= keys.keys() and not calls_python(c)]
            stay = [c for c in conditions if c not in down]
            below = [fold(substitute(c, keys)) for c in down]
            return _filter(with_inputs(node, (_push(node.input, below),)), stay)
        case Join():
            joined, above = push_through_join(node, conditions, _push)
            return _filter(joined, above)
        case Unnest():
            # what is not about the elements keeps or drops all rows that a row gives
            own = set(node.input.output)
            down = [c for c in conditions if columns_of(c) and columns_of(c) <= own and not is_volatile(c)]
            stay = [c for c in conditions if c not in down]
            return _filter(with_inputs(node, (_push(node.input, down),)), stay)
        case Window():
            # a condition over what every call is partitioned by keeps or drops whole partitions
            shared = set.intersection(*({e.field for e in c.partition_by if isinstance(e, Column)} for c in node.calls))
            down = [c for c in conditions if columns_of(c) and columns_of(c) <= shared and not is_volatile(c)]
            stay = [c for c in conditions if c not in down]
            return _filter(with_inputs(node, (_push(node.input, down),)), stay)
    return _filter(with_inputs(node, tuple(_push(c, []) for c in inputs(node))), conditions)


def _filter(node: Node, conditions: list[Expression]) -> Node:
    conditions = list(dict.fromkeys(c for c in conditions if not is_true(c)))
    predicate = conjunction(conditions)
    return node if predicate is None else Filter(node, predicate)


__all__ = ["conjuncts", "push_filters", "substitute"]
