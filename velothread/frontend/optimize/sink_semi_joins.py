"""Semi and anti joins move below the inner joins whose rows they would drop only later.

(orders JOIN lines ON id = order_id) WHERE id IN (SELECT ...)   ->   (orders WHERE id IN (SELECT ...)) JOIN lines ON ...
"""

from __future__ import annotations

from dataclasses import replace

from velothread.frontend.optimize.conditions import substitute
from velothread.frontend.optimize.estimates import Estimates
from velothread.frontend.optimize.join_order import order_joins
from velothread.plan.expressions import Column, Expression, Field, columns_of, is_volatile, may_raise
from velothread.plan.nodes import Join, Node, Project, inputs, with_inputs

# The side must have at most this share of the rows that come out of the inner joins.
_FEWER = 0.7


def sink_semi_joins(plan: Node) -> Node:
    """Move semi and anti joins to where fewer rows are asked."""
    return _sunk(plan, Estimates())


def _sunk(node: Node, estimates: Estimates) -> Node:
    node = with_inputs(node, tuple(_sunk(c, estimates) for c in inputs(node)))
    if not isinstance(node, Join) or node.kind not in ("semi", "anti") or not node.keys or node.asof is not None:
        return node
    parts = [e for k in node.keys for e in (k.left, k.right)] + ([node.residual] if node.residual is not None else [])
    if any(map(is_volatile, parts)):
        return node
    # what the inner joins give is known better once they are in order
    most = estimates.rows(order_joins(node.left)) * _FEWER
    return _placed(node, node.left, estimates, most, {}) or node


def _placed(semi: Join, below: Node, estimates: Estimates, most: float, values: dict[Field, Expression]) -> Node | None:
    """`below` with the join in it, at the lowest place where it may stand; None where there is none that is better.

    values: what the left fields that the join reads are, over the output of `below`.
    """
    outer = set(semi.left.output)
    reads = {f for e in _read(semi, values) for f in columns_of(e)}
    match below:
        case Project():
            mapping = dict(zip(below.output, below.expressions, strict=True))
            if any(is_volatile(mapping[f]) or may_raise(mapping[f]) for f in reads if f in mapping):
                return None
            inside = {f: substitute(values.get(f, Column(f)), mapping) for f in outer}
            found = _placed(semi, below.input, estimates, most, inside)
            return None if found is None else replace(below, input=found)
        case Join() if below.kind == "inner" and below.asof is None:
            for side in (below.left, below.right):
                if reads <= set(side.output):
                    found = _placed(semi, side, estimates, most, values) or _here(semi, side, estimates, most, values)
                    if found is None:
                        return None
                    return with_inputs(below, tuple(found if c is side else c for c in inputs(below)))
    return None


def _here(semi: Join, side: Node, estimates: Estimates, most: float, values: dict[Field, Expression]) -> Node | None:
    if estimates.rows(side) > most:
        return None
    keys = tuple(replace(k, left=substitute(k.left, values)) for k in semi.keys)
    residual = substitute(semi.residual, values) if semi.residual is not None else None
    return replace(semi, left=side, keys=keys, residual=residual, output=side.output)


def _read(semi: Join, values: dict[Field, Expression]) -> list[Expression]:
    """What the join reads of its left side."""
    right = set(semi.right.output)
    residual = columns_of(semi.residual) - right if semi.residual is not None else set()
    return [*(substitute(k.left, values) for k in semi.keys), *(substitute(Column(f), values) for f in residual)]
