"""Semi and anti joins gather the smaller side: an index of few left rows that many right rows stream past.

SELECT ... FROM orders WHERE day = ... AND EXISTS (FROM lines WHERE order_id = id)
->  gathered: the orders of that day; streamed: all lines; given: the orders that a line was seen of
"""

from __future__ import annotations

from dataclasses import replace

from velothread.frontend.optimize.estimates import Estimates
from velothread.plan.expressions import is_volatile
from velothread.plan.nodes import Join, Node, inputs, with_inputs

# Fewer right rows than this are gathered at no cost worth mentioning.
_MANY_ROWS = 50_000
# So many times as large must the right side be: that of the left is the rougher guess, and its rows wait for the last
# of the right ones.
_MUCH_LARGER = 3.0


def turn_joins(plan: Node) -> Node:
    """Have semi and anti joins gather their left rows where these are few."""
    return _turned(plan, Estimates())


def _turned(node: Node, estimates: Estimates) -> Node:
    if isinstance(node, Join) and node.kind in ("semi", "anti") and node.keys and node.asof is None:
        volatile = node.residual is not None and is_volatile(node.residual)
        left, right = estimates.rows(node.left), estimates.rows(node.right)
        if not volatile and right > _MANY_ROWS and right > left * _MUCH_LARGER:
            node = replace(node, turned=True)
    return with_inputs(node, tuple(_turned(c, estimates) for c in inputs(node)))
