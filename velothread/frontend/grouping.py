"""GROUP BY: keys by name, alias, position or ALL; what stands above the groups is written over keys and aggregates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread.errors import BindError, UnsupportedError
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.frontend.windows import has_window, refuse_windows
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Literal,
    Ordering,
    Subquery,
    transform,
    walk,
)
from velothread.plan.references import fields_of, rewritten

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder


@dataclass(slots=True)
class Grouping:
    """The keys and aggregates of one SELECT, each with its field."""

    query: QueryBinder
    keys: dict[Expression, Field]
    calls: dict[AggregateCall, Field] = field(default_factory=dict)
    own: set[Field] = field(default_factory=set)
    _rewritten: dict[nodes.Node, nodes.Node] = field(default_factory=dict)

    @staticmethod
    def has_aggregate(e: Expression) -> bool:
        return any(isinstance(x, AggregateCall) for x in walk(e))

    def rewrite(self, e: Expression) -> Expression:
        """`e` over the groups: keys and aggregates become columns.

        :raises BindError: for a column that is neither.
        """

        def step(x: Expression) -> Expression | None:
            if x in self.keys and not isinstance(x, Literal):
                return Column(self.keys[x])
            if isinstance(x, AggregateCall):
                return Column(self._call(x))
            if isinstance(x, Subquery):
                return self._inside(x)
            if isinstance(x, Column) and x.field in self.own:
                raise BindError(
                    f"column {x.field.name!r} is neither in GROUP BY nor inside an aggregate",
                    x.position,
                    hint=f"add it to GROUP BY, or use any_value({x.field.name})",
                    sql=self.query.sql,
                )
            return None

        return transform(e, step)

    def _inside(self, x: Subquery) -> Subquery:
        """A subquery over the groups: what it takes from this query is a key or an aggregate of it."""
        if x.plan not in self._rewritten:
            self._rewritten[x.plan] = rewritten(x.plan, self._rewrite_inside)
        return replace(x, plan=self._rewritten[x.plan], arguments=tuple(map(self.rewrite, x.arguments)))

    def _rewrite_inside(self, e: Expression) -> Expression:
        def step(x: Expression) -> Expression | None:
            if isinstance(x, AggregateCall) or not self.own & fields_of(x).keys():
                return None
            return self.rewrite(x) if x in self.keys or isinstance(x, (Column, Subquery)) else None

        return transform(e, step)

    def _call(self, call: AggregateCall) -> Field:
        if call not in self.calls:
            self.calls[call] = self.query.fields(call.function.name, call.type)
        return self.calls[call]

    def collect(self, e: Expression) -> None:
        """Note the aggregates in `e`, in order."""
        for x in walk(e):
            if isinstance(x, AggregateCall):
                self._call(x)

    def plan(self, below: nodes.Node) -> nodes.Aggregate:
        """The Aggregate node; all aggregates must have been collected."""
        output = (*self.keys.values(), *self.calls.values())
        below, e = self.query.subqueries.attach(below, (*self.keys, *self.calls))
        keys, calls = e[: len(self.keys)], e[len(self.keys) :]
        return nodes.Aggregate(below, output, tuple(keys), tuple(calls))  # type: ignore[arg-type]


def bind_grouping(
    query: QueryBinder, node: exp.Select, scope: Scope, items: list[Any], bound: list[Expression],
    having: Expression | None, order: list[Ordering],
) -> Grouping | None:  # fmt: skip
    """The grouping of a SELECT, or None when it has neither GROUP BY nor aggregates."""
    clause = node.args.get("group")
    above = [*bound, *([having] if having is not None else []), *(o.expression for o in order)]
    if clause is None and having is None and not scope.lifted and not any(Grouping.has_aggregate(e) for e in above):
        return None
    keys: list[Expression] = []
    if clause is not None:
        for kind in ("grouping_sets", "rollup", "cube"):
            if clause.args.get(kind):
                raise UnsupportedError(
                    f"{kind.replace('_', ' ').upper()} is not supported yet", position(clause), sql=query.sql
                )
        if clause.args.get("all"):
            keys.extend(e for e in bound if not Grouping.has_aggregate(e) and not has_window(e))
        for item in clause.expressions:
            if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets)):
                kind = {exp.Rollup: "ROLLUP", exp.Cube: "CUBE"}.get(type(item), "GROUPING SETS")
                raise UnsupportedError(f"{kind} is not supported yet", position(item), sql=query.sql)
            index = query.item_index(item, items, "GROUP BY")
            e = bound[index] if index is not None else query.expressions.bind_value(item, scope)
            if Grouping.has_aggregate(e):
                raise BindError("GROUP BY can't hold an aggregate", position(item), sql=query.sql)
            refuse_windows(e, "GROUP BY", query.sql)
            keys.append(e)
    fields = {}
    for key in keys:
        if key not in fields:
            name = key.field.name if isinstance(key, Column) else "key"
            fields[key] = query.fields(name, key.type)
    grouping = Grouping(query, fields, own=scope.own_fields())
    for f, call in scope.lifted.items():
        grouping.calls.setdefault(call, f)
    for e in above:
        grouping.collect(e)
    if not fields and not grouping.calls:
        # HAVING alone makes one group of all rows: something has to be counted for it to be there
        grouping.collect(query.expressions.calls.bind_call(exp.Anonymous(this="count"), scope))
    return grouping
