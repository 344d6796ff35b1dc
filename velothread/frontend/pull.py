"""The simple cases of correlation: what ties a subquery to the query around it moves up into the join.

FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.x = t.a AND s.y < 3)   ->   t SEMI JOIN (... WHERE s.y < 3) ON x = a
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from velothread.frontend.joins import conjunction
from velothread.frontend.names import FieldMaker
from velothread.frontend.optimize.push_filters import conjuncts
from velothread.plan import nodes
from velothread.plan.expressions import (
    Call,
    Case,
    Column,
    Expression,
    Field,
    Logical,
    is_volatile,
    literal,
    transform,
)
from velothread.plan.references import expressions, fields_of, free_fields

Pulled = tuple[nodes.Node, list[Expression]]


@dataclass(slots=True)
class Puller:
    """Takes the conditions that read the fields `taken` out of a plan.

    Threading: owned by the thread that binds.
    """

    fields: FieldMaker
    taken: Collection[Field]

    def reads(self, *given: Expression | None) -> bool:
        return any(f in self.taken for e in given if e is not None for f in fields_of(e))

    def pull(self, node: nodes.Node) -> Pulled | None:
        """The plan without those conditions, and them; its output has all that they read. None: too hard."""
        if not any(f in self.taken for f in free_fields(node)):
            return node, []
        match node:
            case nodes.Filter():
                got = self.pull(node.input)
                if got is None:
                    return None
                parts = conjuncts(node.predicate)
                here = conjunction([c for c in parts if not self.reads(c)])
                plan = got[0] if here is None else nodes.Filter(got[0], here)
                return plan, [*got[1], *(c for c in parts if self.reads(c))]
            case nodes.Project():
                return None if self.reads(*node.expressions) else self._project(node)
            case nodes.Join():
                return self._join(node)
            case nodes.Aggregate() if node.keys:
                return None if self.reads(*expressions(node)) else self.grouped(node)
            case nodes.Sort() if node.limit is None and not node.offset:
                if self.reads(*expressions(node)) or (got := self.pull(node.input)) is None:
                    return None
                return replace(node, input=got[0]), got[1]
            case nodes.Unnest():
                if self.reads(*node.lists) or (got := self.pull(node.input)) is None:
                    return None
                made = node.output[len(node.input.output) :]
                return replace(node, input=got[0], output=(*got[0].output, *made)), got[1]
        return None

    def _project(self, node: nodes.Project) -> Pulled | None:
        got = self.pull(node.input)
        if got is None:
            return None
        plan, conditions = got
        there = set(plan.output)
        places = {e.field: f for f, e in zip(node.output, node.expressions, strict=True) if isinstance(e, Column)}
        extra: list[Field] = []
        for condition in conditions:
            for f in fields_of(condition):
                if f in there and f not in places:
                    extra.append(f)
                    places[f] = f
        output = (*node.output, *extra)
        project = nodes.Project(plan, output, (*node.expressions, *map(Column, extra)))
        return project, [_moved(c, places) for c in conditions]

    def _join(self, node: nodes.Join) -> Pulled | None:
        inner = node.kind == "inner" and node.asof is None
        tied = [x for k in node.keys for x in (k.left, k.right)]
        if self.reads(*tied) or (not inner and (self.reads(node.residual) or self._tied(node.right))):
            return None
        left = self.pull(node.left)
        right = self.pull(node.right) if inner else (node.right, [])
        if left is None or right is None:
            return None
        rest = conjuncts(node.residual) if node.residual is not None else []
        conditions = [*left[1], *right[1], *(c for c in rest if self.reads(c))]
        residual = conjunction([c for c in rest if not self.reads(c)])
        output = left[0].output
        if node.kind == "mark":
            output = (*output, node.output[-1])
        elif node.kind not in ("semi", "anti"):
            output = (*output, *right[0].output)
        joined = replace(node, left=left[0], right=right[0], residual=residual, output=output)
        return joined, conditions

    def _tied(self, node: nodes.Node) -> bool:
        return any(f in self.taken for f in free_fields(node))

    def grouped(self, node: nodes.Aggregate) -> Pulled | None:
        """An aggregate, by what its input's conditions equal as well; each must be an equality."""
        got = self.pull(node.input)
        if got is None:
            return None
        plan, conditions = got
        keys: dict[Expression, Field] = {}
        above: list[Expression] = []
        for condition in conditions:
            sides = self._equality(condition)
            if sides is None:
                return None
            inner, call = sides
            f = keys.setdefault(inner, self.fields("key", inner.type))
            above.append(replace(call, arguments=tuple(Column(f) if a is inner else a for a in call.arguments)))
        output = (*keys.values(), *node.output)
        return nodes.Aggregate(plan, output, (*keys, *node.keys), node.calls), above

    def _equality(self, condition: Expression) -> tuple[Expression, Call] | None:
        """inner = outer: the side that reads nothing of the outer query, and the whole."""
        if not (isinstance(condition, Call) and condition.function.name in ("=", "is_not_distinct_from")):
            return None
        for inner, outer in (condition.arguments, condition.arguments[::-1]):
            reads = fields_of(outer).keys()
            if fields_of(inner) and not self.reads(inner) and reads and all(f in self.taken for f in reads):
                return inner, condition
        return None


def _moved(e: Expression, places: dict[Field, Field]) -> Expression:
    return transform(
        e, lambda x: Column(places[x.field], x.position) if isinstance(x, Column) and x.field in places else None
    )


# --- shapes of subqueries


def unordered(node: nodes.Node) -> nodes.Node:
    """A plan without an order that nothing can see."""
    match node:
        case nodes.Sort() if node.limit is None and not node.offset:
            return unordered(node.input)
        case nodes.Project():
            below = unordered(node.input)
            return node if below is node.input else replace(node, input=below)
    return node


def existing(node: nodes.Node) -> nodes.Node | None:
    """A plan that has rows exactly when `node` has some; None: it always has one."""
    match node:
        case nodes.Project() | nodes.Window():
            return existing(node.input)
        case nodes.Sort() | nodes.Limit() if not node.offset and (node.limit is None or node.limit > 0):
            return existing(node.input)
        case nodes.Aggregate():
            return existing(node.input) if node.keys else None
        case nodes.Unnest() if node.keep_empty:
            return existing(node.input)
        case nodes.Values() if node.rows:
            return None
    return node


def most_rows(node: nodes.Node) -> int | None:
    """0, 1: a plan gives at most so many rows; None: perhaps more."""
    match node:
        case nodes.Project() | nodes.Filter() | nodes.Window() | nodes.Shared():
            return most_rows(node.input)
        case nodes.Sort() | nodes.Limit():
            if node.limit is not None and node.limit <= 1:
                return node.limit
            return most_rows(node.input)
        case nodes.Aggregate():
            return most_rows(node.input) if node.keys else 1
        case nodes.Values():
            return node.rows if node.rows <= 1 else None
        case nodes.Join() if node.kind in ("semi", "anti", "mark", "single"):
            return most_rows(node.left)
        case nodes.Join() if most_rows(node.right) is not None:
            return most_rows(node.left)
    return None


def just_one_row(node: nodes.Node) -> bool:
    """Does a plan give one row, whatever the data?"""
    match node:
        case nodes.Project() | nodes.Window() | nodes.Shared():
            return just_one_row(node.input)
        case nodes.Sort() | nodes.Limit() if not node.offset and node.limit != 0:
            return just_one_row(node.input)
        case nodes.Aggregate():
            return not node.keys or just_one_row(node.input)
        case nodes.Values():
            return node.rows == 1
    return False


def one_row(node: nodes.Node) -> tuple[Expression, ...] | None:
    """The values of `SELECT a, b` without FROM: expressions over the query around it."""
    layers: list[nodes.Project] = []
    while isinstance(node, nodes.Project):
        layers.append(node)
        node = node.input
    if not (isinstance(node, nodes.Values) and node.rows == 1 and not node.output):
        return None
    values, condition = through(layers, {})
    assert condition is None
    return None if any(is_volatile(e) for e in values) else values


def over_aggregate(node: nodes.Node) -> tuple[list[nodes.Node], nodes.Aggregate] | None:
    """A plan as projections and filters (the last step first) over an aggregate without keys."""
    layers: list[nodes.Node] = []
    while isinstance(node, (nodes.Project, nodes.Filter)):
        layers.append(node)
        node = node.input
    return (layers, node) if isinstance(node, nodes.Aggregate) and not node.keys else None


def through(
    layers: list[nodes.Project] | list[nodes.Node], values: dict[Field, Expression]
) -> tuple[tuple[Expression, ...], Expression | None]:
    """What projections and filters over one row of `values` give, and the condition of there being a row."""
    conditions: list[Expression] = []
    row: tuple[Expression, ...] = tuple(values.values())
    for layer in reversed(layers):
        now = values
        if isinstance(layer, nodes.Filter):
            conditions.append(_over(layer.predicate, now))
        elif isinstance(layer, nodes.Project):
            row = tuple(_over(e, now) for e in layer.expressions)
            values = dict(zip(layer.output, row, strict=True))
    return row, conjunction(conditions)


def _over(e: Expression, values: dict[Field, Expression]) -> Expression:
    return transform(e, lambda x: values.get(x.field) if isinstance(x, Column) else None)


def only_where(condition: Expression | None, value: Expression) -> Expression:
    """The value where there is a row, else NULL."""
    if condition is None:
        return value
    return Case(((condition, value),), literal(None, value.type), value.type)


__all__ = ["Logical", "Puller", "existing", "just_one_row", "most_rows", "one_row", "only_where", "over_aggregate",
           "through", "unordered"]  # fmt: skip
