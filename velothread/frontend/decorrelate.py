"""A subquery that uses columns of the query around it becomes a join: Neumann, Kemper, "Unnesting Arbitrary Queries".

The *domain* is the distinct values of those columns. It is pushed into the subquery's plan, down to where they are
used; the subquery then gives its rows for each value, and is joined with the outer rows by them.

SELECT (SELECT count(*) FROM s WHERE s.x < t.a) FROM t
->  SELECT n FROM t JOIN (SELECT d.a, count(s.x) AS n FROM (SELECT DISTINCT a FROM t) d LEFT JOIN s ON s.x < d.a ...)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from velothread import types as t
from velothread.plan import nodes
from velothread.plan.expressions import AggregateCall, Coalesce, Column, Expression, Field, Ordering, literal
from velothread.plan.references import fields_of, free_fields, map_expressions, replace_fields

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

# What stands for a column of the outer query inside the subquery's plan.
Mapping = dict[Field, Field]


def empty_value(call: AggregateCall) -> Expression | None:
    """What an aggregate gives for no rows; None when that is NULL."""
    types = (*(a.type for a in call.arguments), *(c.type for c in call.constants))
    state = call.function.state(types, tuple(c.value for c in call.constants), call.type)
    value = state.finish(1)[0]
    return literal(value, call.type) if value.is_valid else None


def or_empty(call: AggregateCall, value: Expression) -> Expression:
    """An aggregate's value after a left join: no group is no rows."""
    empty = empty_value(call)
    return value if empty is None else Coalesce((value, empty), call.type)


def dependent_join(
    query: QueryBinder, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: Sequence[nodes.JoinKey] = (),
    residual: Expression | None = None, three_valued: int = 0,
) -> nodes.Join:  # fmt: skip
    """`left` joined with `right`, whose plan reads fields of `left`: for each left row, right's rows for its values."""
    own = set(left.output)
    taken = tuple(f for f in free_fields(right) if f in own)
    push = Decorrelation(query, left, taken)
    pushed, mapping = push.push(right)
    keys = (*keys, *(nodes.JoinKey(Column(f), Column(mapping[f]), nulls_equal=True) for f in taken))
    output: tuple[Field, ...] = left.output
    if kind == "mark":
        output = (*output, query.fields("mark", t.BOOLEAN))
    elif kind not in ("semi", "anti"):
        output = (*output, *pushed.output)
    return nodes.Join(push.left, pushed, kind, keys, residual, output, three_valued=three_valued)


@dataclass(slots=True)
class _Moved:
    """Something shared that the domain was pushed into: its new plan and number; the domain's fields in its output."""

    plan: nodes.Node
    number: int
    mapping: Mapping


@dataclass(slots=True)
class Decorrelation:
    """Pushes the domain of `left`'s fields `taken` into a plan that reads them.

    Threading: owned by the thread that binds.
    """

    query: QueryBinder
    left: nodes.Node
    taken: tuple[Field, ...]
    domain: nodes.Node = field(init=False)
    number: int = field(init=False)
    moved: dict[int, _Moved] = field(default_factory=dict)
    recursions: dict[int, Mapping] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = _outer_rows(self.left, self.taken)
        if rows is None:
            rows = self.left = nodes.Shared(self.left, self.left.output, self.query.next_number(), "outer rows")
        again = tuple(self._fresh(f) for f in rows.output)
        values = {f: Column(a) for f, a in zip(rows.output, again, strict=True)}
        output = tuple(map(self._fresh, self.taken))
        read = nodes.Shared(rows.input, again, rows.number, "outer rows")
        self.domain = nodes.Aggregate(read, output, tuple(values[f] for f in self.taken), ())
        self.number = self.query.next_number()

    def _fresh(self, f: Field) -> Field:
        return self.query.fields(f.name, f.type)

    def _use(self) -> tuple[nodes.Node, Mapping]:
        """The domain, under fields of its own."""
        output = tuple(map(self._fresh, self.taken))
        return nodes.Shared(self.domain, output, self.number, "outer values"), dict(
            zip(self.taken, output, strict=True)
        )

    def _reads(self, node: nodes.Node) -> bool:
        return any(f in self.taken for f in free_fields(node)) or any(self._references(node))

    def _references(self, node: nodes.Node) -> Iterator[bool]:
        """Is the working table of a recursion in it that carries the domain?"""
        if isinstance(node, nodes.RecursiveRef) and node.number in self.recursions:
            yield True
        for child in nodes.inputs(node):
            yield from self._references(child)

    def _is_taken(self, *given: Expression | None) -> bool:
        return any(f in self.taken for e in given if e is not None for f in fields_of(e))

    # --- the push

    def push(self, node: nodes.Node) -> tuple[nodes.Node, Mapping]:
        """`node`'s rows for each value of the domain, and where the values are in its output."""
        if not self._reads(node):
            dom, mapping = self._use()
            if isinstance(node, nodes.Values) and node.rows == 1 and not node.output:
                return dom, mapping
            return nodes.Join(dom, node, "inner", (), None, (*dom.output, *node.output)), mapping
        match node:
            case nodes.Join():
                return self._join(node)
            case nodes.Aggregate():
                return self._aggregate(node)
            case nodes.UnionAll():
                return self._union(node)
            case nodes.Shared():
                return self._shared(node)
            case nodes.Recursive():
                return self._recursive(node)
            case nodes.RecursiveRef():
                mapping = {f: self._fresh(d) for f, d in self.recursions[node.number].items()}
                return replace(node, output=(*node.output, *mapping.values())), mapping
            case nodes.Limit():
                pushed, mapping = self.push(node.input)
                return self._first(pushed, mapping, node.limit, node.offset), mapping
        (below,) = nodes.inputs(node)
        pushed, mapping = self.push(below)
        over = map_expressions(nodes.with_inputs(node, (pushed,)), lambda e: replace_fields(e, mapping))
        places = tuple(mapping.values())
        match over:
            case nodes.Project():
                items = (*over.expressions, *map(Column, places))
                return replace(over, output=(*over.output, *places), expressions=items), mapping
            case nodes.Sort() if over.limit is not None or over.offset:
                first = self._first(pushed, mapping, over.limit, over.offset, over.keys)
                return nodes.Sort(first, over.keys), mapping
            case nodes.Window():
                calls = tuple(replace(c, partition_by=(*c.partition_by, *map(Column, places))) for c in over.calls)
                made = over.output[len(below.output) :]
                return replace(over, output=(*pushed.output, *made), calls=calls), mapping
            case nodes.Unnest():
                return replace(over, output=(*pushed.output, *over.output[len(below.output) :])), mapping
        return over, mapping

    def _join(self, node: nodes.Join) -> tuple[nodes.Node, Mapping]:
        asof = (node.asof.left, node.asof.right) if node.asof is not None else (None, None)
        in_right = self._reads(node.right) or self._is_taken(*(k.right for k in node.keys), asof[1])
        in_left = self._reads(node.left) or self._is_taken(*(k.left for k in node.keys), asof[0])
        # what keeps left rows without a partner needs them for each value; so does ASOF, which takes one right row each
        in_left = in_left or not in_right or node.kind != "inner" or node.asof is not None
        in_right = in_right or node.kind == "full"
        left, lefts = self.push(node.left) if in_left else (node.left, {})
        right, rights = self.push(node.right) if in_right else (node.right, {})
        keys = tuple(
            replace(k, left=replace_fields(k.left, lefts), right=replace_fields(k.right, rights)) for k in node.keys
        )
        if in_left and in_right:
            both = (nodes.JoinKey(Column(lefts[f]), Column(rights[f]), nulls_equal=True) for f in self.taken)
            keys = (*keys, *both)
        mapping = lefts if in_left else rights
        residual = replace_fields(node.residual, mapping) if node.residual is not None else None
        nearest = node.asof
        if nearest is not None:
            sides = replace_fields(nearest.left, lefts), replace_fields(nearest.right, rights)
            nearest = nodes.Asof(sides[0], nearest.operator, sides[1])
        output = left.output
        if node.kind == "mark":
            output = (*output, node.output[-1])
        elif node.kind not in ("semi", "anti"):
            output = (*output, *right.output)
        joined = replace(node, left=left, right=right, keys=keys, residual=residual, output=output, asof=nearest)
        if node.kind != "full":
            return joined, mapping
        new = {f: self._fresh(f) for f in self.taken}
        items = [Coalesce((Column(lefts[f]), Column(rights[f])), f.type) for f in self.taken]
        columns = tuple(map(Column, output))
        return nodes.Project(joined, (*output, *new.values()), (*columns, *items)), new

    def _aggregate(self, node: nodes.Aggregate) -> tuple[nodes.Node, Mapping]:
        pushed, mapping = self.push(node.input)
        over = map_expressions(node, lambda e: replace_fields(e, mapping))
        assert isinstance(over, nodes.Aggregate)
        places = {f: self._fresh(f) for f in self.taken}
        keys = (*(Column(mapping[f]) for f in self.taken), *over.keys)
        if node.keys:
            return nodes.Aggregate(pushed, (*places.values(), *node.output), keys, over.calls), places
        # without keys there is a row for each value, be there rows or not
        made = tuple(map(self._fresh, node.output))
        groups = nodes.Aggregate(pushed, (*places.values(), *made), keys, over.calls)
        dom, values = self._use()
        on = tuple(nodes.JoinKey(Column(values[f]), Column(places[f]), nulls_equal=True) for f in self.taken)
        joined = nodes.Join(dom, groups, "left", on, None, (*dom.output, *groups.output))
        items = [or_empty(c, Column(f)) for c, f in zip(over.calls, made, strict=True)]
        return nodes.Project(joined, (*dom.output, *node.output), (*map(Column, dom.output), *items)), values

    def _union(self, node: nodes.UnionAll) -> tuple[nodes.Node, Mapping]:
        parts = []
        for child in node.inputs:
            pushed, mapping = self.push(child)
            parts.append(_project(pushed, (*child.output, *(mapping[f] for f in self.taken))))
        new = {f: self._fresh(f) for f in self.taken}
        return nodes.UnionAll(tuple(parts), (*node.output, *new.values())), new

    def _shared(self, node: nodes.Shared) -> tuple[nodes.Node, Mapping]:
        if node.number not in self.moved:
            pushed, mapping = self.push(node.input)
            plan = _project(pushed, (*node.input.output, *(mapping[f] for f in self.taken)))
            self.moved[node.number] = _Moved(plan, self.query.next_number(), mapping)
        moved = self.moved[node.number]
        new = {f: self._fresh(f) for f in self.taken}
        return nodes.Shared(moved.plan, (*node.output, *new.values()), moved.number, node.name), new

    def _recursive(self, node: nodes.Recursive) -> tuple[nodes.Node, Mapping]:
        first, mapping = self.push(node.initial)
        first = _project(first, (*node.initial.output, *(mapping[f] for f in self.taken)))
        self.recursions[node.number] = {f: self._fresh(f) for f in self.taken}
        step, mapping = self.push(node.step)
        step = _project(step, (*node.step.output, *(mapping[f] for f in self.taken)))
        del self.recursions[node.number]
        new = {f: self._fresh(f) for f in self.taken}
        # rows with a key replace those of the same outer values only
        more = range(len(node.output), len(node.output) + len(self.taken))
        keys = (*node.keys, *more) if node.keys else ()
        return replace(node, initial=first, step=step, output=(*node.output, *new.values()), keys=keys), new

    def _first(
        self, pushed: nodes.Node, mapping: Mapping, limit: int | None, offset: int, keys: tuple[Ordering, ...] = ()
    ) -> nodes.Node:
        """LIMIT for each value: the rows are numbered by `keys`, or as they stand."""
        numbered, place = self.query.joins.numbered(pushed, tuple(mapping.values()), keys)
        compare = self.query.expressions.compare
        kept = numbered
        if offset:
            kept = nodes.Filter(kept, compare(">", Column(place), literal(offset, t.BIGINT), None))
        if limit is not None:
            kept = nodes.Filter(kept, compare("<=", Column(place), literal(offset + limit, t.BIGINT), None))
        return _project(kept, pushed.output)


def _outer_rows(left: nodes.Node, taken: Sequence[Field]) -> nodes.Shared | None:
    """The rows that an earlier subquery was joined to: those of the next one take the same values from them."""
    while isinstance(left, nodes.Join) and left.kind in ("inner", "left", "single", "mark"):
        left = left.left
    found = isinstance(left, nodes.Shared) and left.name == "outer rows" and set(taken) <= set(left.output)
    return left if isinstance(left, nodes.Shared) and found else None


def _project(node: nodes.Node, fields: Sequence[Field]) -> nodes.Node:
    """Just these columns, in this order."""
    if tuple(node.output) == tuple(fields):
        return node
    return nodes.Project(node, tuple(fields), tuple(map(Column, fields)))


__all__ = ["Decorrelation", "dependent_join", "empty_value", "or_empty"]
