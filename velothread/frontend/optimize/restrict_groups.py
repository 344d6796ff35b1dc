"""Only the groups that a join will ask for are made.

part JOIN (SELECT part_id, avg(x) FROM lines GROUP BY part_id) ON part_id = id
->  part, computed once; JOIN (SELECT ... FROM lines SEMI JOIN part ON part_id = id GROUP BY part_id)

That pays where the other side is small: to look a row up in it costs less than to group it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from velothread.frontend.optimize.conditions import substitute
from velothread.frontend.optimize.estimates import Estimates
from velothread.plan.expressions import Column, Expression, Field, columns_of, is_volatile, may_raise
from velothread.plan.nodes import (
    Aggregate,
    Filter,
    Join,
    JoinKey,
    Node,
    Project,
    Recursive,
    RecursiveRef,
    Shared,
    inputs,
    with_inputs,
)

# The other side must be at most so large, as a share of the groups, and there must be so many rows to group.
_FEWER = 0.4
_MANY_ROWS = 100_000


def restrict_groups(plan: Node) -> Node:
    """Drop rows before they are grouped, where no row of a join asks for their groups."""
    everything = list(_all(plan))
    ids = (f.id for n in everything for f in n.output)
    numbers = (n.number for n in everything if isinstance(n, Shared))
    return _Restricting(Estimates(), max(ids, default=0), max(numbers, default=0)).done(plan)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in inputs(node):
        yield from _all(child)


@dataclass(slots=True)
class _Restricting:
    """last_id, last_number: the greatest field and shared plan so far."""

    estimates: Estimates
    last_id: int
    last_number: int

    def done(self, node: Node) -> Node:
        if isinstance(node, Recursive):
            return node  # what turns may read of each other is settled
        node = with_inputs(node, tuple(self.done(c) for c in inputs(node)))
        if not isinstance(node, Join) or node.asof is not None or node.kind not in ("inner", "left", "single"):
            return node
        found = self._restricted(node, node.left, node.right, [(k.left, k.right) for k in node.keys if _plain(k)])
        if found is not None:
            return replace(node, left=found[0], right=found[1])
        if node.kind != "inner":
            return node
        found = self._restricted(node, node.right, node.left, [(k.right, k.left) for k in node.keys if _plain(k)])
        return node if found is None else replace(node, left=found[1], right=found[0])

    def _restricted(
        self, node: Join, asking: Node, grouped: Node, keys: list[tuple[Expression, Expression]]
    ) -> tuple[Node, Node] | None:
        """Both sides, the one that asks for groups computed once; `keys` are pairs of these sides."""
        aggregate = _aggregate(grouped)
        if aggregate is None or not keys or any(isinstance(n, RecursiveRef) for n in _all(node)):
            return None
        rows = self.estimates.rows(aggregate.input)
        if rows < _MANY_ROWS or self.estimates.rows(asking) > _FEWER * self.estimates.rows(aggregate):
            return None
        pairs = [(mine, inner) for mine, theirs in keys if (inner := _key_below(theirs, grouped)) is not None]
        if not pairs:
            return None
        self.last_number += 1
        shared = Shared(asking, asking.output, self.last_number, "the rows that ask")
        again = tuple(self._fresh(f) for f in asking.output)
        names: dict[Field, Expression] = {f: Column(g) for f, g in zip(asking.output, again, strict=True)}
        semi_keys = tuple(JoinKey(inner, substitute(mine, names)) for mine, inner in pairs)
        other = Shared(asking, again, self.last_number, shared.name)
        below = aggregate.input
        semi = Join(below, other, "semi", semi_keys, None, below.output)
        return shared, _with_aggregate(grouped, replace(aggregate, input=semi))

    def _fresh(self, f: Field) -> Field:
        self.last_id += 1
        return replace(f, id=self.last_id)


def _plain(key: JoinKey) -> bool:
    return not key.nulls_equal and not is_volatile(key.left) and not is_volatile(key.right)


def _aggregate(node: Node) -> Aggregate | None:
    while isinstance(node, (Project, Filter)):
        node = node.input
    return node if isinstance(node, Aggregate) and node.keys else None


def _with_aggregate(node: Node, new: Aggregate) -> Node:
    return replace(node, input=_with_aggregate(node.input, new)) if isinstance(node, (Project, Filter)) else new


def _key_below(e: Expression, node: Node) -> Expression | None:
    """What `e`, over the output of `node`, is over the input of its aggregate; None unless it reads only group keys."""
    while isinstance(node, (Project, Filter)):
        if isinstance(node, Project):
            e = substitute(e, dict(zip(node.output, node.expressions, strict=True)))
        node = node.input
    assert isinstance(node, Aggregate)
    keys = dict(zip(node.output, node.keys, strict=False))
    if not columns_of(e) or not columns_of(e) <= keys.keys():
        return None
    e = substitute(e, keys)
    return None if may_raise(e) or is_volatile(e) else e


__all__ = ["restrict_groups"]
