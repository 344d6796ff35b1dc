"""Filters move towards the data: through projections, sorts, unions and group keys.

SELECT * FROM (SELECT a + 1 AS b FROM t) WHERE b > 3   ->   ... FROM t WHERE a + 1 > 3
"""

from __future__ import annotations

from velothread.frontend.folding import fold, is_true
from velothread.plan.expressions import (
    Column,
    Expression,
    Field,
    Logical,
    columns_of,
    is_volatile,
    transform,
)
from velothread.plan.nodes import Aggregate, Filter, Node, Project, Sort, UnionAll, inputs, with_inputs


def push_filters(plan: Node) -> Node:
    """Move every condition as far down as it is sound."""
    return _push(plan, [])


def conjuncts(e: Expression) -> list[Expression]:
    """The parts of an AND, in order."""
    if isinstance(e, Logical) and e.operator == "and":
        return [c for a in e.arguments for c in conjuncts(a)]
    return [e]


def substitute(e: Expression, mapping: dict[Field, Expression]) -> Expression:
    """`e` with columns replaced by what computes them."""

    def step(x: Expression) -> Expression | None:
        return mapping.get(x.field) if isinstance(x, Column) else None

    return transform(e, step)


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
            down = [c for c in conditions if columns_of(c) and columns_of(c) <= keys.keys()]
            stay = [c for c in conditions if c not in down]
            below = [fold(substitute(c, keys)) for c in down]
            return _filter(with_inputs(node, (_push(node.input, below),)), stay)
    return _filter(with_inputs(node, tuple(_push(c, []) for c in inputs(node))), conditions)


def _filter(node: Node, conditions: list[Expression]) -> Node:
    conditions = list(dict.fromkeys(c for c in conditions if not is_true(c)))
    if not conditions:
        return node
    return Filter(node, conditions[0] if len(conditions) == 1 else Logical("and", tuple(conditions)))
