"""GROUP BY: keys by name, alias, position or ALL; what stands above the groups is written over keys and aggregates.

GROUPING SETS, ROLLUP and CUBE are in `grouping_sets`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError
from velothread.frontend.grouping_sets import GroupingSet, crossed, sets_of, union_of_groups
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.frontend.placement import has_aggregate, has_grouping, has_window, is_grouping, refuse_windows
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Column,
    Expression,
    Field,
    Literal,
    Ordering,
    Subquery,
    children,
    literal,
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
    sets: list[GroupingSet] | None = None
    groupings: dict[tuple[Expression, ...], Field] = field(default_factory=dict)
    _rewritten: dict[nodes.Node, nodes.Node] = field(default_factory=dict)

    def rewrite(self, e: Expression) -> Expression:
        """`e` over the groups: keys and aggregates become columns.

        :raises BindError: for a column that is neither.
        """

        def step(x: Expression) -> Expression | None:
            if x in self.keys and not isinstance(x, Literal):
                return Column(self.keys[x])
            if isinstance(x, AggregateCall):
                return Column(self._call(x))
            if isinstance(x, Call) and is_grouping(x):
                return literal(0, t.BIGINT) if self.sets is None else Column(self.groupings[x.arguments])
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

        if self.sets is not None and e in self.keys:  # a constant, too, is NULL where its set leaves it out
            return Column(self.keys[e])
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
        """Note the aggregates in `e`, in order, and the GROUPINGs.

        :raises BindError: for a GROUPING of what is no key, or inside an aggregate.
        """
        for x in walk(e):
            if isinstance(x, AggregateCall):
                self._call(x)
                if has_grouping(x):
                    raise BindError("GROUPING can't stand inside an aggregate", x.position, sql=self.query.sql)
            elif isinstance(x, Call) and is_grouping(x):
                for argument in x.arguments:
                    if argument not in self.keys:
                        message = "GROUPING takes what stands in GROUP BY"
                        raise BindError(message, argument.position or x.position, sql=self.query.sql)
                self.groupings.setdefault(x.arguments, self.query.fields("grouping", t.BIGINT))

    def plan(self, below: nodes.Node) -> nodes.Node:
        """The groups; all aggregates must have been collected."""
        output = (*self.keys.values(), *self.calls.values())
        below, e = self.query.attached(below, (*self.keys, *self.calls))
        keys, calls = e[: len(self.keys)], e[len(self.keys) :]
        if self.sets is not None:
            heads = list(zip(self.keys, keys, self.keys.values(), strict=True))
            made = [c for c in calls if isinstance(c, AggregateCall)]
            results = list(zip(made, self.calls.values(), strict=True))
            return union_of_groups(self.query, below, heads, results, list(self.groupings.items()), self.sets)
        return nodes.Aggregate(below, output, tuple(keys), tuple(calls))  # type: ignore[arg-type]


def bind_grouping(
    query: QueryBinder, node: exp.Select, scope: Scope, items: list[Any], bound: list[Expression],
    having: Expression | None, order: list[Ordering],
) -> Grouping | None:  # fmt: skip
    """The grouping of a SELECT, or None when it has neither GROUP BY nor aggregates."""
    clause = node.args.get("group")
    above = [*bound, *([having] if having is not None else []), *(o.expression for o in order)]
    if clause is None and (found := next((x for e in above for x in walk(e) if is_grouping(x)), None)) is not None:
        raise BindError("GROUPING wants a GROUP BY", getattr(found, "position", None), sql=query.sql)
    if clause is None and having is None and not scope.lifted and not any(has_aggregate(e) for e in above):
        return None
    keys: list[Expression] = []
    sets: list[GroupingSet] | None = None
    if clause is not None:
        keys, sets = _keys(query, clause, scope, items, bound, having)
    fields = {}
    for key in keys:
        if key not in fields:
            name = key.field.name if isinstance(key, Column) else "key"
            fields[key] = query.fields(name, key.type)
    grouping = Grouping(query, fields, own=scope.own_fields(), sets=sets)
    for f, call in scope.lifted.items():
        grouping.calls.setdefault(call, f)
    for e in above:
        grouping.collect(e)
    if not fields and not grouping.calls:
        # HAVING alone makes one group of all rows: something has to be counted for it to be there
        grouping.collect(query.counted())
    return grouping


def bind_having(
    query: QueryBinder, node: exp.Select, scope: Scope, names: list[str], bound: list[Expression]
) -> Expression:
    """HAVING: a name that is a column and an aggregate of the SELECT list means the latter, unless it is a key.

    SELECT b, sum(a) AS a FROM t GROUP BY b HAVING a > 0   ->   HAVING sum(a) > 0
    """
    condition = node.args["having"].this
    e = query.expressions.bind_condition(condition, scope, "HAVING")
    totals = {n.lower() for n, x in zip(names, bound, strict=True) if has_aggregate(x)} & scope.aliases.keys()
    named = {f: name.lower() for _, name, f in scope.columns()}
    group = node.args.get("group")
    written = [x for x in (group.expressions if group is not None else []) if isinstance(x, exp.Column)]
    keys = {query.expressions.bind_value(x, scope) for x in written} if totals else set()
    if any(named.get(c.field) in totals and c not in keys for c in _plain_columns(e)):
        scope.aliases_first = True
        e = query.expressions.bind_condition(condition, scope, "HAVING")
        scope.aliases_first = False
    return e


def _plain_columns(e: Expression) -> list[Column]:
    """The columns of `e` that stand in no aggregate."""
    if isinstance(e, AggregateCall):
        return []
    return [e] if isinstance(e, Column) else [c for x in children(e) for c in _plain_columns(x)]


def _keys(
    query: QueryBinder, clause: exp.Group, scope: Scope, items: list[Any], bound: list[Expression],
    having: Expression | None,
) -> tuple[list[Expression], list[GroupingSet] | None]:  # fmt: skip
    """All keys of GROUP BY, and the grouping sets (None: there is one, of all keys)."""

    def key(item: exp.Expr) -> Expression:
        index = query.item_index(item, items, "GROUP BY")
        e = bound[index] if index is not None else query.expressions.bind_value(item, scope)
        if has_aggregate(e):
            raise BindError("GROUP BY can't hold an aggregate", position(item), sql=query.sql)
        refuse_windows(e, "GROUP BY", query.sql)
        return e

    if clause.args.get("all") or any(isinstance(x, exp.Star) for x in clause.expressions):
        keys = [e for e in bound if not has_aggregate(e) and not has_window(e)]
        asked = _plain_columns(having) if having is not None else []
        return [*keys, *(c for c in asked if not any(c in walk(k) for k in keys))], None
    written = [sets_of(item, key, query.sql) for item in clause.expressions]
    for kind, make in (("rollup", exp.Rollup), ("cube", exp.Cube), ("grouping_sets", exp.GroupingSets)):
        for part in clause.args.get(kind) or []:
            # GROUP BY a, b WITH ROLLUP
            whole = part.expressions or clause.expressions
            more = sets_of(make(expressions=[x.copy() for x in whole]), key, query.sql)
            written = [*written, more] if part.expressions else [more]
    keys = [e for sets in written for one in sets for e in one]
    if all(len(sets) == 1 for sets in written) and not any(_has_sets(x) for x in clause.expressions):
        return keys, None
    return keys, crossed(written, clause, query.sql)


def _has_sets(item: exp.Expr) -> bool:
    return isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets))
