"""A CTE that is used once is part of the plan; one that is used more often stays `Shared` (computed once).

WITH a AS (SELECT x FROM t) SELECT * FROM a   ->   SELECT x FROM t
"""

from __future__ import annotations

from collections import Counter

from velothread.plan.expressions import Column
from velothread.plan.nodes import Node, Project, Shared, Values, inputs, with_inputs


def inline_shared(plan: Node) -> Node:
    """Replace each `Shared` that is used once (or is just constants) by its input under the use's names."""
    uses: Counter[int] = Counter()
    _count(plan, uses, set())
    return _inline(plan, uses)


def _count(node: Node, uses: Counter[int], seen: set[int]) -> None:
    if isinstance(node, Shared):
        uses[node.number] += 1
        if node.number in seen:
            return
        seen.add(node.number)
    for child in inputs(node):
        _count(child, uses, seen)


def _inline(node: Node, uses: Counter[int]) -> Node:
    new = with_inputs(node, tuple(_inline(c, uses) for c in inputs(node)))
    if isinstance(new, Shared) and (uses[new.number] == 1 or isinstance(new.input, Values)):
        return Project(new.input, new.output, tuple(Column(f) for f in new.input.output))
    return new
