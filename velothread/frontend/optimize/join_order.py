"""The order of inner joins, and which side is the build, by estimated sizes.

Inner joins that hang together are taken apart into relations and conditions; then the two whose join is the smallest
are joined, again and again (greedy operator ordering: Fegaras, "A New Heuristic for Optimizing Large Queries", 1998).
The smaller side becomes the build. Small inputs stay as they were written: there is little to gain, and rows keep the
order that one reads in the query.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from velothread.frontend.optimize.conditions import conjunction, conjuncts, substitute
from velothread.frontend.optimize.estimates import Estimates
from velothread.plan.expressions import Call, Column, Expression, Field, columns_of, is_volatile, may_raise
from velothread.plan.nodes import Filter, Join, JoinKey, Node, Project, inputs, with_inputs
from velothread.types import BOOLEAN

# Up to so many estimated rows in all relations together, the order of the query stands.
_SMALL_ROWS = 20_000.0
# The right side of a single join becomes the probe side when it is so many times as large as the left one.
_MUCH_LARGER = 1.5
# In place of the number of a class.
_MIXED = -1


def order_joins(plan: Node) -> Node:
    """Reorder the inner joins of a plan."""
    return _ordered(plan, Estimates())


def _ordered(node: Node, estimates: Estimates) -> Node:
    if _is_inner(node):
        return _Region(estimates).rebuilt(node)
    if isinstance(node, Project) and _is_inner(node.input):
        return replace(node, input=_ordered(node.input, estimates))
    return with_inputs(node, tuple(_ordered(c, estimates) for c in inputs(node)))


def _is_inner(node: Node) -> bool:
    return (
        isinstance(node, Join)
        and node.kind == "inner"
        and node.asof is None
        and not any(k.nulls_equal or is_volatile(k.left) or is_volatile(k.right) for k in node.keys)
        and not (node.residual is not None and is_volatile(node.residual))
    )


@dataclass(slots=True)
class _Group:
    """Relations that are joined already. relations: a bit each."""

    plan: Node
    relations: int
    rows: float
    first: int  # the place of the first relation in the query: ties go by it


@dataclass(slots=True)
class _Region:
    """Inner joins that hang together.

    classes: expressions of one relation each that are equal, with that relation's bit. domains: how many values each
    class may have. mixed: equalities with a side that reads several relations. bases: rows of the relations before
    filters.
    """

    estimates: Estimates
    leaves: list[Node] = field(default_factory=list)
    equalities: list[tuple[Expression, Expression]] = field(default_factory=list)
    rest: list[Expression] = field(default_factory=list)
    values: dict[Field, Expression] = field(default_factory=dict)
    classes: list[dict[Expression, int]] = field(default_factory=list)
    domains: list[float] = field(default_factory=list)
    bases: list[float] = field(default_factory=list)
    mixed: list[tuple[Expression, Expression]] = field(default_factory=list)

    def rebuilt(self, node: Node) -> Node:
        """The joins in a better order; the output has the same fields."""
        self._collect(node)
        self._classify()
        groups = [_Group(leaf, 1 << i, self.estimates.rows(leaf), i) for i, leaf in enumerate(self.leaves)]
        if sum(g.rows for g in groups) <= _SMALL_ROWS and not self._crosses(node):
            return with_inputs(node, tuple(_ordered(c, self.estimates) for c in inputs(node)))
        while len(groups) > 1:
            groups = self._joined_once(groups)
        plan = groups[0].plan
        outputs = tuple(substitute(Column(f), self.values) for f in node.output)
        return Project(plan, node.output, outputs)

    # --- taking apart

    def _collect(self, node: Node) -> None:
        if isinstance(node, Join) and _is_inner(node):
            self._collect(node.left)
            self._collect(node.right)
            for k in node.keys:
                self.equalities.append((substitute(k.left, self.values), substitute(k.right, self.values)))
            if node.residual is not None:
                self.rest.extend(substitute(c, self.values) for c in conjuncts(node.residual))
            return
        if isinstance(node, Project) and _is_inner(node.input) and all(map(_is_simple, node.expressions)):
            self._collect(node.input)
            new = {f: substitute(e, self.values) for f, e in zip(node.output, node.expressions, strict=True)}
            self.values |= new
            return
        self.leaves.append(_ordered(node, self.estimates))

    def _relation_of(self, e: Expression) -> int:
        """The bits of the relations that `e` reads."""
        reads = columns_of(e)
        return sum(1 << i for i, leaf in enumerate(self.leaves) if reads & set(leaf.output))

    def _classify(self) -> None:
        found: list[dict[Expression, int]] = []
        for a, b in self.equalities:
            sides = {a: self._relation_of(a), b: self._relation_of(b)}
            if any(bits.bit_count() != 1 for bits in sides.values()):
                self.mixed.append((a, b))
                continue
            touching = [c for c in found if sides.keys() & c.keys()]
            merged = {e: bits for c in [*touching, sides] for e, bits in c.items()}
            found = [c for c in found if c not in touching] + [merged]
        self.classes = found
        for i, leaf in enumerate(self.leaves):
            # Several of one relation are equal to each other: no join would see to that.
            same = [[e for e, bits in members.items() if bits == 1 << i] for members in found]
            equal = [_equal(mine[0], other) for mine in same if mine for other in mine[1:]]
            condition = conjunction(equal)
            if condition is not None:
                self.leaves[i] = Filter(leaf, condition)
        self.bases = [self._base(leaf) for leaf in self.leaves]
        for members in found:
            domain = float("inf")
            for e, bits in members.items():
                for i, leaf in enumerate(self.leaves):
                    if bits == 1 << i:
                        domain = min(domain, self.estimates.distinct(leaf, e))
            self.domains.append(max(domain, 1.0) if domain != float("inf") else 1.0)

    def _base(self, leaf: Node) -> float:
        """Rows of a relation before its filters."""
        while isinstance(leaf, (Filter, Project)):
            leaf = leaf.input
        return self.estimates.rows(leaf)

    def _crosses(self, node: Node) -> bool:
        """Has the query, as written, a join without any condition that another order would not have?"""
        if not isinstance(node, Join) or node.kind != "inner":
            return False
        cross = not node.keys and node.residual is None and bool(self.equalities)
        return cross or any(self._crosses(c) for c in inputs(node))

    # --- putting together

    def _joined_once(self, groups: list[_Group]) -> list[_Group]:
        """Join the two groups whose join is the smallest; those without a condition between them only at last."""
        best: tuple[tuple[bool, float, int, int], _Group, _Group] | None = None
        for i, a in enumerate(groups):
            for b in groups[i + 1 :]:
                keys = self._keys(a, b)
                rank = (not keys, self._size(a, b, keys), a.first, b.first)
                if best is None or rank < best[0]:
                    best = (rank, a, b)
        assert best is not None
        _, a, b = best
        return [g for g in groups if g is not a and g is not b] + [self._join(a, b, len(groups) == 2)]

    def _keys(self, a: _Group, b: _Group) -> list[tuple[int, JoinKey]]:
        """The equalities between two groups, one per class; with the class's number."""
        found = []
        for number, members in enumerate(self.classes):
            left = next((e for e, bits in members.items() if bits & a.relations), None)
            right = next((e for e, bits in members.items() if bits & b.relations), None)
            if left is not None and right is not None:
                found.append((number, JoinKey(left, right)))
        for x, y in self.mixed:
            reads = self._relation_of(x), self._relation_of(y)
            if reads[0] & ~a.relations == 0 and reads[1] & ~b.relations == 0:
                found.append((_MIXED, JoinKey(x, y)))
            elif reads[0] & ~b.relations == 0 and reads[1] & ~a.relations == 0:
                found.append((_MIXED, JoinKey(y, x)))
        return found

    def _size(self, a: _Group, b: _Group, keys: list[tuple[int, JoinKey]]) -> float:
        pairs = a.rows * b.rows
        if not keys:
            return pairs
        domains = [self.domains[n] if n != _MIXED else max(min(a.rows, b.rows), 1.0) for n, _ in keys]
        domain = math.prod(domains)
        if len(keys) > 1:
            # Several keys together have no more values than the smaller of the relations that they come from.
            limit = min(self._source_rows(a, keys, True), self._source_rows(b, keys, False))
            domain = min(domain, max(limit, *domains))
        return max(pairs / domain, 1.0)

    def _source_rows(self, group: _Group, keys: list[tuple[int, JoinKey]], left: bool) -> float:
        rows = 1.0
        bits = 0
        for _, key in keys:
            bits |= self._relation_of(key.left if left else key.right)
        for i, base in enumerate(self.bases):
            if bits >> i & 1:
                rows *= base
        return rows

    def _join(self, a: _Group, b: _Group, last: bool) -> _Group:
        keys = self._keys(a, b)
        relations = a.relations | b.relations
        ready = [c for c in self.rest if (bits := self._relation_of(c)) and bits & ~relations == 0]
        ready += [c for c in self.rest if last and not columns_of(c)]
        self.rest = [c for c in self.rest if c not in ready]
        used = {x for n, k in keys if n == _MIXED for x in ((k.left, k.right), (k.right, k.left))}
        for x, y in [m for m in self.mixed if m not in used]:
            # both sides read relations of both groups: no key of this join, nor of a later one
            if (self._relation_of(x) | self._relation_of(y)) & ~relations == 0:
                ready.append(_equal(x, y))
                used.add((x, y))
        self.mixed = [m for m in self.mixed if m not in used]
        size = self._size(a, b, keys)
        # The left side is probed and gives the order of the rows: in doubt the one that stands first in the query.
        if a.first > b.first:
            a, b = b, a
        if b.rows > a.rows * (_MUCH_LARGER if len(self.leaves) == 2 else 1.0):
            a, b = b, a
        pairs = tuple(k if self._relation_of(k.left) & a.relations else JoinKey(k.right, k.left) for _, k in keys)
        output = (*a.plan.output, *b.plan.output)
        for c in ready:
            size *= self.estimates.share(c, a.plan)
        plan = Join(a.plan, b.plan, "inner", pairs, conjunction(_plain_first(ready)), output)
        return _Group(plan, relations, max(size, 1.0), min(a.first, b.first))


def _equal(a: Expression, b: Expression) -> Expression:
    from velothread.kernels.functions import SCALARS

    return Call(SCALARS["="][0], (a, b), BOOLEAN)


def _is_simple(e: Expression) -> bool:
    return not is_volatile(e) and not may_raise(e)


def _plain_first(conditions: Iterable[Expression]) -> list[Expression]:
    return sorted(conditions, key=may_raise)
