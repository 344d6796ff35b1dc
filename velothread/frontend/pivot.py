"""PIVOT and UNPIVOT, as clauses of FROM and as statements.

PIVOT t ON year USING sum(x) GROUP BY name
    ->   SELECT name, sum(x) FILTER (WHERE year = 2000) AS "2000", ... FROM t GROUP BY name
UNPIVOT t ON jan, feb INTO NAME month VALUE sales
    ->   for each row of t: its other columns, and a row ('jan', jan), a row ('feb', feb)

The columns of a PIVOT without IN are the values that the data have: a query for these runs while this one is bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend import stars
from velothread.frontend.grouping import Grouping
from velothread.frontend.item_names import item_name
from velothread.frontend.names import Relation, Scope
from velothread.frontend.parse import position
from velothread.frontend.placement import has_aggregate
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Literal,
    Logical,
    Ordering,
    literal,
    transform,
)
from velothread.plan.references import fields_of

if TYPE_CHECKING:
    from velothread.frontend.select import Bound, QueryBinder

# More columns than anybody reads: a PIVOT over a key by mistake.
_MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of an ON expression: what its columns are called, and the condition for its rows."""

    name: str
    condition: Expression


def bind_pivot(query: QueryBinder, node: exp.Pivot, plan: nodes.Node, relation: Relation) -> Bound:
    """PIVOT or UNPIVOT over a bound source.

    :raises BindError: for values that don't fit together, or columns that aren't there.
    """
    scope = query.scope((relation,), query.ctes)
    return _unpivot(query, node, plan, scope) if node.args.get("unpivot") else _pivot(query, node, plan, scope)


# --- PIVOT


def _pivot(query: QueryBinder, node: exp.Pivot, plan: nodes.Node, scope: Scope) -> Bound:
    binder = query.expressions
    clause = bool(node.args.get("fields"))
    on = list(node.args["fields"] if clause else node.expressions or [])
    using = list(node.expressions if clause else node.args.get("using") or [])
    if not on:
        raise BindError("PIVOT wants ON", position(node), hint="PIVOT t ON year USING sum(x)", sql=query.sql)
    using = using or [exp.Anonymous(this="count", expressions=[exp.Star()])]
    totals = [(x.alias or None, x.unalias(), binder.bind_value(x.unalias(), scope)) for x in using]
    for _, written, e in totals:
        if not has_aggregate(e):
            raise BindError("PIVOT wants aggregates in USING", position(written) or position(node), sql=query.sql)
    keys = [_values(query, item, plan, scope) for item in on]
    columns = len(totals)
    for values, _ in keys:
        columns *= len(values)
    if columns > _MOST_COLUMNS:
        hint = "choose values: ON x IN (...)"
        raise BindError(f"PIVOT makes {columns} columns", position(node), hint=hint, sql=query.sql)
    used = {f for _, read in keys for f in read} | {f for _, _, e in totals for f in fields_of(e)}
    heads = _groups(query, node, scope, used)
    items = list(heads)
    for choice in product(*(values for values, _ in keys)):
        tests = [v.condition for v in choice]
        condition = tests[0] if len(tests) == 1 else Logical("and", tuple(tests))
        value = "_".join(v.name for v in choice)
        for alias, written, e in totals:
            name = value if alias is None and len(totals) == 1 else f"{value}_{alias or item_name(written)}"
            items.append((name, _only_where(e, condition)))
    grouping = Grouping(query, {e: query.fields(n, e.type) for n, e in heads}, own=scope.own_fields())
    for _, e in items:
        grouping.collect(e)
    groups = grouping.plan(plan)
    output = tuple(query.fields(n, e.type) for n, e in items)
    return nodes.Project(groups, output, tuple(grouping.rewrite(e) for _, e in items)), tuple(n for n, _ in items)


def _groups(query: QueryBinder, node: exp.Pivot, scope: Scope, used: set[Field]) -> list[tuple[str, Expression]]:
    """The columns of the groups: those of GROUP BY, else all that are used for nothing else."""
    group = node.args.get("group")
    if group is None or group.args.get("all"):
        return [(name, Column(f)) for _, name, f in scope.columns() if f not in used]
    return [(item_name(x), query.expressions.bind_value(x, scope)) for x in group.expressions]


def _only_where(e: Expression, condition: Expression) -> Expression:
    """An expression whose aggregates see only the rows that fulfil the condition."""

    def step(x: Expression) -> Expression | None:
        if not isinstance(x, AggregateCall):
            return None
        return replace(x, filter=condition if x.filter is None else Logical("and", (x.filter, condition)))

    return transform(e, step)


def _values(query: QueryBinder, item: exp.Expr, plan: nodes.Node, scope: Scope) -> tuple[list[_Value], list[Field]]:
    """The values of an ON expression, as IN lists them or as the data have them; and the columns that it reads."""
    binder = query.expressions
    listed = isinstance(item, exp.In)
    if listed and item.args.get("field") is not None:
        raise UnsupportedError("PIVOT: IN wants a list of values", position(item), sql=query.sql)
    what = item.this if isinstance(item, exp.In) else item
    parts = [binder.bind_value(x, scope) for x in (what.expressions if isinstance(what, exp.Tuple) else [what])]
    read = [f for e in parts for f in fields_of(e)]
    choices = item.expressions if isinstance(item, exp.In) else []
    if listed and choices and not isinstance(choices[0], exp.Query):
        return [_listed(query, parts, x, scope) for x in choices], read
    if isinstance(item, exp.In):
        inner = item.args.get("query") or choices[0]
        found, _ = query.bind_query(inner.this if isinstance(inner, exp.Subquery) else inner, query.ctes)
        parts_of_query: list[Expression] = [Column(f) for f in found.output]
        rows = _distinct(query, found, parts_of_query, position(item))
    else:
        rows = _distinct(query, plan, parts, position(item))
    return [_value(query, parts, row, None, position(item)) for row in rows], read


def _listed(query: QueryBinder, parts: Sequence[Expression], item: exp.Expr, scope: Scope) -> _Value:
    """A value of an IN list, with or without a name. A bare word is a text."""
    alias = item.alias or None
    inner = item.this if isinstance(item, (exp.PivotAlias, exp.Alias)) else item
    cells = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
    if len(cells) != len(parts):
        message = f"PIVOT: {len(cells)} values for {len(parts)} expressions"
        raise BindError(message, position(inner), sql=query.sql)
    values = []
    for cell in cells:
        if isinstance(cell, (exp.Column, exp.Identifier)) and not cell.args.get("table"):
            cell = exp.Literal.string(cell.name)
        e = query.expressions.bind(cell, Scope(()))
        if not isinstance(e, Literal):
            raise BindError("PIVOT: the values of IN must be constants", position(inner), sql=query.sql)
        values.append(e)
    return _value(query, parts, values, alias, position(inner))


def _value(
    query: QueryBinder, parts: Sequence[Expression], values: Sequence[Literal], name: str | None, place: Position | None
) -> _Value:
    binder = query.expressions
    tests = []
    for e, v in zip(parts, values, strict=True):
        tests.append(binder.compare("=" if v.value.is_valid else "is_not_distinct_from", e, v, place))
    texts = [binder.coerce(v, t.VARCHAR) for v in values]
    name = name or "_".join(x.text for x in texts if isinstance(x, Literal))
    return _Value(name, tests[0] if len(tests) == 1 else Logical("and", tuple(tests)))


def _distinct(
    query: QueryBinder, plan: nodes.Node, parts: Sequence[Expression], place: Position | None
) -> list[list[Literal]]:
    """The different values that the data have, in order, without NULLs: found now."""
    if query.tables.catalog.evaluate is None:
        raise UnsupportedError("PIVOT wants IN (...) here", place, sql=query.sql)
    fields = tuple(query.fields("value", e.type) for e in parts)
    values = nodes.Filter(nodes.Project(plan, fields, tuple(parts)), _all_known(query, fields))
    output = tuple(query.fields("value", f.type) for f in fields)
    groups = nodes.Aggregate(values, output, tuple(map(Column, fields)), ())
    table = query.tables.catalog.evaluate(nodes.Sort(groups, tuple(Ordering(Column(f), False, False) for f in output)))
    if table.num_rows > _MOST_COLUMNS:
        hint = "choose values: ON x IN (...)"
        raise BindError(f"PIVOT makes {table.num_rows} columns", place, hint=hint, sql=query.sql)
    columns = [column.combine_chunks() for column in table.columns]
    return [
        [literal(column[i], f.type) for column, f in zip(columns, fields, strict=True)] for i in range(table.num_rows)
    ]


def _all_known(query: QueryBinder, fields: Sequence[Field]) -> Expression:
    binder = query.expressions
    tests = tuple(binder.negation(binder.calls.call("is_null", [Column(f)], None), None) for f in fields)
    return tests[0] if len(tests) == 1 else Logical("and", tests)


# --- UNPIVOT


def _unpivot(query: QueryBinder, node: exp.Pivot, plan: nodes.Node, scope: Scope) -> Bound:
    binder = query.expressions
    if node.args.get("fields"):
        if len(node.args["fields"]) != 1:
            raise UnsupportedError("UNPIVOT takes one FOR", position(node), sql=query.sql)
        choice = node.args["fields"][0]
        name, written = choice.this.name, choice.expressions
        into = node.expressions[0]
        values = [x.name for x in (into.expressions if isinstance(into, exp.Tuple) else node.expressions)]
    else:
        columns = node.args.get("into")
        name = columns.this.name if columns is not None else "name"
        values = [x.name for x in columns.expressions] if columns is not None else ["value"]
        written = node.expressions or []
    entries = [entry for item in written for entry in _entries(query, item, scope)]
    if not entries:
        raise BindError("UNPIVOT wants ON", position(node), hint="UNPIVOT t ON a, b", sql=query.sql)
    for label, cells in entries:
        if len(cells) != len(values):
            message = f"UNPIVOT: {label!r} has {len(cells)} columns for {len(values)} values"
            raise BindError(message, position(node), sql=query.sql)
    lists = [binder.calls.call("list_value", [literal(label, t.VARCHAR) for label, _ in entries], position(node))]
    for i in range(len(values)):
        cells = [entry[i] for _, entry in entries]
        kinds = {e.type.kind == "VARCHAR" for e in cells if e.type != t.NULL}
        shared = binder.common(cells, "UNPIVOT", position(node))
        if len(kinds) > 1:
            message = f"UNPIVOT: can't put {' and '.join(sorted({str(e.type) for e in cells}))} into one column"
            raise BindError(message, position(node), hint="add a CAST", sql=query.sql)
        items = [binder.coerce(e, shared) for e in cells]
        lists.append(binder.calls.call("list_value", items, position(node)))
    used = {f for _, cells in entries for e in cells for f in fields_of(e)}
    made = [query.fields(name, t.VARCHAR)]
    made += [query.fields(n, e.type.element or t.NULL) for n, e in zip(values, lists[1:], strict=True)]
    rows: nodes.Node = nodes.Unnest(plan, (*plan.output, *made), tuple(lists))
    if not node.args.get("include_nulls"):
        rows = nodes.Filter(rows, _all_known(query, made[1:]))
    kept = [(n, f) for _, n, f in scope.columns() if f not in used] + list(zip([name, *values], made, strict=True))
    output = tuple(query.fields(n, f.type) for n, f in kept)
    return nodes.Project(rows, output, tuple(Column(f) for _, f in kept)), tuple(n for n, _ in kept)


def _entries(query: QueryBinder, item: exp.Expr, scope: Scope) -> list[tuple[str, list[Expression]]]:
    """An item of ON: its name and its columns; COLUMNS and stars stand for several."""
    binder = query.expressions
    alias = item.alias or None
    inner = item.this if isinstance(item, (exp.PivotAlias, exp.Alias)) else item
    if isinstance(inner, exp.Tuple):
        names = [alias] if alias else [item_name(x) for x in inner.expressions]
        return [("_".join(names), [binder.bind_value(x, scope) for x in inner.expressions])]
    out: list[tuple[str, list[Expression]]] = []
    for name, what in stars.expand(query, [inner], scope):
        if isinstance(what, Field):
            out.append((alias or name or what.name, [Column(what)]))
        elif isinstance(what, exp.Expr):
            out.append((alias or name or item_name(what), [binder.bind_value(what, scope)]))
        else:
            out.append((alias or name or "value", [what]))
    return out
