"""Binding of queries: SELECT, VALUES, UNION, WITH -> plan nodes.

The clauses are bound in the order in which they act: FROM, WHERE, GROUP BY, HAVING, SELECT, DISTINCT, ORDER BY, LIMIT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlglot import exp

from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend import lateral, row_limits, stars, union_order
from velothread.frontend.expressions import ExpressionBinder
from velothread.frontend.grouping import Grouping, bind_grouping, bind_having
from velothread.frontend.item_names import item_name
from velothread.frontend.joins import JoinBinder
from velothread.frontend.names import FieldMaker, Relation, Scope
from velothread.frontend.parse import position
from velothread.frontend.set_operations import SetOperationBinder
from velothread.frontend.subqueries import SubqueryBinder
from velothread.frontend.tables import Catalog, Cte, TableBinder
from velothread.frontend.values import bind_values
from velothread.frontend.windows import add_windows, refuse_windows, write_out_windows
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Ordering,
    is_constant,
)

# The clauses that are read; any other that is set is refused.
_CLAUSES = frozenset({
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_",
    "kind", "qualify", "windows",
})  # fmt: skip
_NOT_YET = {
    "laterals": "LATERAL is not supported yet",
    "connect": "CONNECT BY is not supported",
    "match": "MATCH_RECOGNIZE is not supported",
    "pivots": "PIVOT is not supported yet",
    "sample": "SAMPLE is not supported yet",
    "cluster": "CLUSTER BY is not supported",
    "locks": "FOR UPDATE is not supported",
    "into": "SELECT INTO is not supported",
}

Bound = tuple[nodes.Node, tuple[str, ...]]


class QueryBinder:
    """Binds one statement's query.

    Threading: owned by the thread that binds.
    """

    def __init__(self, sql: str, catalog: Catalog, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        self.sql = sql
        self.fields = FieldMaker()
        self.expressions = ExpressionBinder(sql, parameters)
        self.tables = TableBinder(self, catalog)
        self.joins = JoinBinder(self)
        self.subqueries = SubqueryBinder(self)
        self.expressions.subqueries = self.subqueries
        self.outer: Scope | None = None  # the scope around the query that is being bound
        self.ctes: dict[str, Cte] = {}  # the WITH items that it may name
        self._numbers = count()

    def bind_query(self, node: exp.Expr, ctes: dict[str, Cte] | None = None) -> Bound:
        """Any query -> its plan and the names of its columns.

        :raises SqlError: with the position of what doesn't fit.
        """
        ctes = self.with_items(node, ctes or {})
        before, self.ctes = self.ctes, ctes
        try:
            return self._query(node, ctes)
        finally:
            self.ctes = before

    def _query(self, node: exp.Expr, ctes: dict[str, Cte]) -> Bound:
        match node:
            case exp.Select():
                return self._select(node, ctes)
            case exp.Subquery():
                return self._modified(node, *self.bind_query(node.this, ctes))
            case exp.Values():
                return self._modified(node, *bind_values(self, node))
            case exp.Union():
                return self._modified(node, *SetOperationBinder(self).union(node, ctes))
            case exp.SetOperation():
                return self._modified(node, *SetOperationBinder(self).difference(node, ctes))
            case exp.Table():
                return self._select(exp.select("*").from_(node), ctes)
        raise UnsupportedError(f"{type(node).__name__} statements are not supported", position(node), sql=self.sql)

    def counted(self) -> AggregateCall:
        """count(*): makes a row for a group that is asked for nothing else."""
        call = self.expressions.calls.bind_call(exp.Anonymous(this="count"), Scope(()))
        assert isinstance(call, AggregateCall)
        return call

    def next_number(self) -> int:
        """A number for a plan that is shared."""
        return next(self._numbers)

    def scope(self, relations: tuple[Relation, ...], ctes: dict[str, Cte]) -> Scope:
        """The names of `relations`, inside the query that is being bound."""
        return Scope(relations, outer=self.outer, ctes=ctes)

    def with_items(self, node: exp.Expr, ctes: dict[str, Cte]) -> dict[str, Cte]:
        """The names that a query may use: those around it and those of its WITH."""
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        known = dict(ctes)
        recursive = bool(clause.args.get("recursive"))
        for item in clause.expressions:
            alias = item.args["alias"]
            columns = tuple(c.name for c in alias.columns)
            if alias.name.lower() in (x.args["alias"].name.lower() for x in clause.expressions if x is not item):
                raise BindError(f"WITH has {alias.name!r} twice", position(alias), sql=self.sql)
            cte = Cte(alias.name, item.this, columns, dict(known), number=self.next_number(), outer=self.outer)
            known[alias.name.lower()] = cte
            if recursive:
                cte.keys = tuple(item.args.get("key_expressions") or ())
                cte.recursive = True
        return known

    # --- SELECT

    def _select(self, node: exp.Select, ctes: dict[str, Cte]) -> Bound:
        for key, message in _NOT_YET.items():
            if node.args.get(key):
                value = node.args[key]
                raise UnsupportedError(message, position(value[0] if isinstance(value, list) else value), sql=self.sql)
        for key, value in node.args.items():
            if value and key not in _CLAUSES:
                raise UnsupportedError(f"{key.strip('_').upper()} is not supported", position(node), sql=self.sql)
        write_out_windows(node, self.sql)
        plan, scope = self.joins.bind(node, ctes)
        items = lateral.expand(self, stars.expand(self, node.expressions, scope), scope)
        scope.aliases = {n.lower(): x for n, x in items if n is not None and isinstance(x, exp.Expr)}

        where = node.args.get("where")
        if where is not None:
            parts = stars.written_out(self, where.this, scope)
            whole = exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]
            predicate = self.expressions.bind_condition(whole, scope, "WHERE")
            self.no_aggregates(predicate, "WHERE", position(where.this), scope)
            lateral.refuse(scope, "WHERE", position(where.this), self.sql)
            refuse_windows(predicate, "WHERE", self.sql)
            plan = self.subqueries.where(plan, predicate)

        bound = [self._item(item, scope) for item in items]
        names = [name or item_name(item) for name, item in items]  # type: ignore[arg-type]
        union_order.note(node, names, bound, scope)
        on = self._distinct_on(node, scope, items, bound)
        having = node.args.get("having")
        having_e = bind_having(self, node, scope, names, bound) if having is not None else None
        if having_e is not None:
            refuse_windows(having_e, "HAVING", self.sql)
            lateral.refuse_in(having_e, scope, "HAVING", self.sql)
        qualify = node.args.get("qualify")
        qualify_e = self.expressions.bind_condition(qualify.this, scope, "QUALIFY") if qualify is not None else None
        order = self._order(node, scope, items, bound)
        others = [*([qualify_e] if qualify_e is not None else []), *scope.unnests]
        above = [*order, *(Ordering(e, False, False) for e in others)]
        grouping = bind_grouping(self, node, scope, items, [*bound, *on], having_e, above)
        unnests = list(scope.unnests.items())
        if grouping is not None:
            plan, unnests = lateral.unnested_keys(self, plan, grouping, unnests)
            plan = grouping.plan(plan)
            bound = [grouping.rewrite(e) for e in bound]
            on = [grouping.rewrite(e) for e in on]
            order = [Ordering(grouping.rewrite(o.expression), o.descending, o.nulls_first) for o in order]
            if having_e is not None:
                plan = self.subqueries.where(plan, grouping.rewrite(having_e))
            qualify_e = grouping.rewrite(qualify_e) if qualify_e is not None else None
            unnests = [(grouping.rewrite(e), f) for e, f in unnests]
        plan, bound, on, order = add_windows(self, plan, bound, on, order, qualify_e)
        plan = lateral.unnested(self, plan, unnests)
        return self._project(node, plan, names, bound, order, on)

    def _item(self, item: stars.Item, scope: Scope) -> Expression:
        _, what = item
        if isinstance(what, Field):
            return Column(what)
        return self.expressions.bind_value(what, scope) if isinstance(what, exp.Expr) else what

    def no_aggregates(self, e: Expression, clause: str, place: Position | None, scope: Scope) -> None:
        """Refuse aggregates of this query, those that stand in a subquery included."""
        if Grouping.has_aggregate(e) or scope.lifted:
            raise BindError(f"aggregates can't stand in {clause}", place, hint="use HAVING", sql=self.sql)

    # --- ORDER BY

    def _order(self, node: exp.Expr, scope: Scope, items: list[stars.Item], bound: list[Expression]) -> list[Ordering]:
        clause = node.args.get("order")
        out: list[Ordering] = []
        for item in clause.expressions if clause is not None else []:
            key = item.this if isinstance(item, exp.Ordered) else item
            descending = isinstance(item, exp.Ordered) and bool(item.args.get("desc"))
            nulls_first = isinstance(item, exp.Ordered) and bool(item.args.get("nulls_first"))
            if _is_all(key):
                out.extend(Ordering(e, descending, nulls_first) for e in bound)
                continue
            for part in stars.written_out(self, key, scope):
                index = self.item_index(part, items, "ORDER BY")
                if index is not None:
                    e = bound[index]
                else:
                    scope.aliases_first = True
                    e = self.expressions.bind_value(part, scope)
                    scope.aliases_first = False
                out.append(Ordering(e, descending, nulls_first))
        return [o for o in out if not is_constant(o.expression)]

    def item_index(self, key: exp.Expr, items: Sequence[Any], clause: str) -> int | None:
        """ORDER BY 2, GROUP BY 1: the place in the SELECT list, or None when the key is no position."""
        if isinstance(key, exp.PositionalColumn):
            key = key.this
        if not isinstance(key, exp.Literal) or key.is_string or not key.this.isdigit():
            return None
        index = int(key.this)
        if not 1 <= index <= len(items):
            message = f"{clause} {index}: the SELECT list has {len(items)} item{'s' if len(items) != 1 else ''}"
            raise BindError(message, position(key), sql=self.sql)
        return index - 1

    # --- SELECT list, DISTINCT, ORDER BY, LIMIT

    def _distinct_on(
        self, node: exp.Select, scope: Scope, items: list[stars.Item], bound: list[Expression]
    ) -> list[Expression]:
        clause = node.args.get("distinct")
        on = clause.args.get("on") if clause is not None else None
        if on is None:
            return []
        out = []
        keys = on.expressions if isinstance(on, exp.Tuple) else [on]
        for key in (k for written in keys for k in stars.written_out(self, written, scope)):
            index = self.item_index(key, items, "DISTINCT ON")
            out.append(bound[index] if index is not None else self.expressions.bind_value(key, scope))
        return out

    def _project(
        self, node: exp.Select, plan: nodes.Node, names: list[str], bound: list[Expression], order: list[Ordering],
        on: list[Expression],
    ) -> Bound:  # fmt: skip
        output = [self.fields(n, e.type) for n, e in zip(names, bound, strict=True)]
        by_expression = dict(reversed(list(zip(bound, output, strict=True))))
        distinct = node.args.get("distinct") is not None and not on
        if distinct and any(o.expression not in by_expression for o in order):
            distinct, on = False, list(bound)  # the first row in that order of each that is selected
        hidden: dict[Expression, Field] = {}

        def field_of(e: Expression) -> Field:
            """The output column of `e`; one that is not selected goes along unseen."""
            if e in by_expression:
                return by_expression[e]
            return hidden.setdefault(e, self.fields("order_key", e.type))

        keys = [Ordering(Column(field_of(o.expression)), o.descending, o.nulls_first) for o in order]
        firsts = [field_of(e) for e in on]
        plan, expressions = self.subqueries.attach(plan, (*bound, *hidden))
        plan = nodes.Project(plan, (*output, *hidden.values()), tuple(expressions))
        if distinct:
            plan, output, keys = self._distinct(plan, output, keys)
        elif on:
            if keys:
                plan = nodes.Sort(plan, tuple(keys))
            plan, output, keys = self._first_of_each(plan, output, firsts)
        whole = plan.output
        plan = row_limits.ordered(self, node, plan, tuple(keys))
        output = [new for f in output for old, new in zip(whole, plan.output, strict=True) if old == f]
        if hidden and not on:
            visible = tuple(self.fields(f.name, f.type) for f in output)
            plan = nodes.Project(plan, visible, tuple(Column(f) for f in output))
        return plan, tuple(names)

    def _first_of_each(
        self, plan: nodes.Node, output: list[Field], keys: list[Field]
    ) -> tuple[nodes.Node, list[Field], list[Ordering]]:
        """DISTINCT ON: the first row of each group of `keys`. Groups keep the order of the (sorted) input."""
        from velothread.kernels.aggregates import resolve_aggregate

        unique = list(dict.fromkeys(keys))
        key_fields = [self.fields(f.name, f.type) for f in unique]
        new = [self.fields(f.name, f.type) for f in output]
        calls = []
        for f in output:
            found = resolve_aggregate("first", [f.type])
            assert found is not None
            calls.append(AggregateCall(found.function, (Column(f),), (), found.returns))
        groups = nodes.Aggregate(plan, (*key_fields, *new), tuple(Column(f) for f in unique), tuple(calls))
        visible = tuple(self.fields(f.name, f.type) for f in output)
        return nodes.Project(groups, visible, tuple(Column(f) for f in new)), list(visible), []

    def _distinct(
        self, plan: nodes.Node, output: list[Field], keys: list[Ordering]
    ) -> tuple[nodes.Node, list[Field], list[Ordering]]:
        new = [self.fields(f.name, f.type) for f in output]
        renamed = dict(zip(output, new, strict=True))
        plan = nodes.Aggregate(plan, tuple(new), tuple(Column(f) for f in output), ())
        keys = [
            Ordering(Column(renamed[k.expression.field]), k.descending, k.nulls_first)
            for k in keys
            if isinstance(k.expression, Column)
        ]
        return plan, new, keys

    # --- clauses around a query

    def _modified(self, node: exp.Expr, plan: nodes.Node, names: tuple[str, ...]) -> Bound:
        """ORDER BY and LIMIT over a UNION or a query in parentheses."""
        if node.args.get("order") is not None:
            if isinstance(node, exp.SetOperation):
                union_order.by_position(node, names)
            scope = self.scope((Relation(None, tuple(zip(names, plan.output, strict=True))),), self.ctes)
            items: list[stars.Item] = [(n, f) for n, f in zip(names, plan.output, strict=True)]
            order = self._order(node, scope, items, [Column(f) for f in plan.output])
            output = tuple(self.fields(f.name, f.type) for f in plan.output)
            extra = {o.expression: self.fields("order_key", o.expression.type) for o in order}
            columns = tuple(Column(f) for f in plan.output)
            plan, hidden = self.subqueries.attach(plan, tuple(extra))
            project = nodes.Project(plan, (*output, *extra.values()), (*columns, *hidden))
            keys = tuple(Ordering(Column(extra[o.expression]), o.descending, o.nulls_first) for o in order)
            sort = row_limits.ordered(self, node, project, keys)
            visible = tuple(self.fields(f.name, f.type) for f in output)
            return nodes.Project(sort, visible, tuple(map(Column, sort.output[: len(output)]))), names
        return row_limits.ordered(self, node, plan, ()), names


def _is_all(key: exp.Expr) -> bool:
    """ORDER BY ALL, ORDER BY *."""
    return (isinstance(key, exp.Star) and not any(key.args.values())) or (
        isinstance(key, (exp.Var, exp.Column, exp.Identifier))
        and key.name.upper() == "ALL"
        and (isinstance(key, exp.Var) or not getattr(key, "table", ""))
    )


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A bound query: its plan and column names."""

    plan: nodes.Node
    names: tuple[str, ...]
