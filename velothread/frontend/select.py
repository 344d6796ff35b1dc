"""Binding of queries: SELECT, VALUES, UNION, WITH -> plan nodes.

The clauses are bound in the order in which they act: FROM, WHERE, GROUP BY, HAVING, SELECT, DISTINCT, ORDER BY, LIMIT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend import row_limits, stars
from velothread.frontend.catalog import Catalog, Cte
from velothread.frontend.clause_arguments import refuse_unread
from velothread.frontend.expressions import ExpressionBinder
from velothread.frontend.item_names import item_name
from velothread.frontend.names import FieldMaker, Relation, Scope
from velothread.frontend.parse import position
from velothread.frontend.placement import has_aggregate, has_window, refuse_windows
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Ordering,
    is_constant,
)
from velothread.plan.references import has_subquery

# What binds clauses that not every query has is imported by the first of them: a small query starts sooner.
if TYPE_CHECKING:
    from velothread.frontend.grouping import Grouping
    from velothread.frontend.joins import JoinBinder
    from velothread.frontend.subqueries import SubqueryBinder
    from velothread.frontend.tables import TableBinder

# The clauses that are read; any other that is set is refused.
_CLAUSES = frozenset({
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_",
    "qualify", "windows", "sample",
})  # fmt: skip
_NOT_YET = {
    "laterals": "LATERAL is not supported yet",
    "connect": "CONNECT BY is not supported",
    "match": "MATCH_RECOGNIZE is not supported",
    "cluster": "CLUSTER BY is not supported",
    "locks": "FOR UPDATE is not supported",
    "into": "SELECT INTO is not supported",
    "kind": "SELECT AS STRUCT is not supported",
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
        self.expressions.query = self
        self.expressions.functions, self.expressions.unfit = catalog.functions, catalog.unfit
        self.catalog = catalog
        self.outer: Scope | None = None  # the scope around the query that is being bound
        self.ctes: dict[str, Cte] = {}  # the WITH items that it may name
        self._numbers = count()
        self._looked_at = False  # the statement, for what is never read

    @cached_property
    def tables(self) -> TableBinder:
        from velothread.frontend.tables import TableBinder

        return TableBinder(self, self.catalog)

    @cached_property
    def joins(self) -> JoinBinder:
        from velothread.frontend.joins import JoinBinder

        return JoinBinder(self)

    @cached_property
    def subqueries(self) -> SubqueryBinder:
        from velothread.frontend.subqueries import SubqueryBinder

        return SubqueryBinder(self)

    def bind_query(self, node: exp.Expr, ctes: dict[str, Cte] | None = None) -> Bound:
        """Any query -> its plan and the names of its columns.

        :raises SqlError: with the position of what doesn't fit.
        """
        if not self._looked_at:
            self._looked_at = True
            refuse_unread(node.root(), self.sql)
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
                return self._modified(node, *self.bind_rows(node))
            case exp.SetOperation():
                from velothread.frontend.set_operations import SetOperationBinder

                sets = SetOperationBinder(self)
                bound = sets.union(node, ctes) if isinstance(node, exp.Union) else sets.difference(node, ctes)
                return self._modified(node, *bound)
            case exp.Table():
                return self._select(exp.select("*").from_(node), ctes)
            case exp.Pivot():
                from velothread.frontend.pivot import bind_pivot

                return bind_pivot(self, node, *self.tables.bind(node.this, ctes))
            case exp.Summarize():
                from velothread.frontend.summarize import bind_summarize

                return bind_summarize(self, node)
        raise UnsupportedError(f"{type(node).__name__} statements are not supported", position(node), sql=self.sql)

    def bind_rows(self, node: exp.Values) -> Bound:
        """VALUES."""
        from velothread.frontend.values import bind_values

        return bind_values(self, node)

    def attached(self, plan: nodes.Node, expressions: Sequence[Expression]) -> tuple[nodes.Node, list[Expression]]:
        """The plan joined with the subqueries of `expressions`, and these over its columns."""
        if not any(map(has_subquery, expressions)):
            return plan, list(expressions)
        return self.subqueries.attach(plan, expressions)

    def filtered(self, plan: nodes.Node, predicate: Expression) -> nodes.Node:
        """The rows that fulfil a condition, which may have subqueries in it."""
        if has_subquery(predicate):
            return self.subqueries.where(plan, predicate)
        from velothread.frontend.optimize.conditions import conjunction, conjuncts

        condition = conjunction(conjuncts(predicate))
        return nodes.Filter(plan, condition) if condition is not None else plan

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
                part = value[0] if isinstance(value, list) else value
                place = (position(part) if isinstance(part, exp.Expr) else None) or position(node)
                raise UnsupportedError(message, place, sql=self.sql)
        for key, value in node.args.items():
            if value and key not in _CLAUSES:
                raise UnsupportedError(f"{key.strip('_').upper()} is not supported", position(node), sql=self.sql)
        if node.args.get("windows") or node.find(exp.Window) is not None:
            from velothread.frontend.windows import write_out_windows

            write_out_windows(node, self.sql)
        plan: nodes.Node = nodes.Values((), None, 1)
        scope = self.scope((), ctes)
        if node.args.get("from_") is not None:
            plan, scope = self.joins.bind(node, ctes)
        if node.args.get("sample") is not None:
            from velothread.frontend.sampling import sampled

            plan = sampled(self, node.args["sample"], plan)
        items = self._items(node, scope)
        scope.aliases = {n.lower(): x for n, x in items if n is not None and isinstance(x, exp.Expr)}

        where = node.args.get("where")
        if where is not None:
            parts = stars.written_out(self, where.this, scope)
            whole = exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]
            predicate = self.expressions.bind_condition(whole, scope, "WHERE")
            self.no_aggregates(predicate, "WHERE", position(where.this), scope)
            if scope.unnests:
                from velothread.frontend.lateral import refuse

                refuse(scope, "WHERE", position(where.this), self.sql)
            refuse_windows(predicate, "WHERE", self.sql)
            plan = self.filtered(plan, predicate)

        bound = [self._item(item, scope) for item in items]
        names = [name or item_name(item) for name, item in items]  # type: ignore[arg-type]
        if node.parent is not None:  # perhaps a UNION, whose ORDER BY may name these
            from velothread.frontend.union_order import note

            note(node, names, bound, scope)
        on = self._distinct_on(node, scope, items, bound)
        having = node.args.get("having")
        having_e = self._having(node, scope, names, bound) if having is not None else None
        qualify = node.args.get("qualify")
        qualify_e = self.expressions.bind_condition(qualify.this, scope, "QUALIFY") if qualify is not None else None
        order = self._order(node, scope, items, bound)
        others = [*([qualify_e] if qualify_e is not None else []), *scope.unnests]
        above = [*order, *(Ordering(e, False, False) for e in others)]
        grouping = self._grouping(node, scope, items, [*bound, *on], having_e, above)
        unnests = list(scope.unnests.items())
        if grouping is not None:
            if unnests:
                from velothread.frontend.lateral import unnested_keys

                plan, unnests = unnested_keys(self, plan, grouping, unnests)
            plan = grouping.plan(plan)
            bound = [grouping.rewrite(e) for e in bound]
            on = [grouping.rewrite(e) for e in on]
            order = [Ordering(grouping.rewrite(o.expression), o.descending, o.nulls_first) for o in order]
            if having_e is not None:
                plan = self.filtered(plan, grouping.rewrite(having_e))
            qualify_e = grouping.rewrite(qualify_e) if qualify_e is not None else None
            unnests = [(grouping.rewrite(e), f) for e, f in unnests]
        if qualify_e is not None or any(map(has_window, (*bound, *on, *(o.expression for o in order)))):
            from velothread.frontend.windows import add_windows

            plan, bound, on, order = add_windows(self, plan, bound, on, order, qualify_e)
        if unnests:
            from velothread.frontend.lateral import unnested

            plan = unnested(self, plan, unnests)
        return self._project(node, plan, names, bound, order, on)

    def _items(self, node: exp.Select, scope: Scope) -> list[stars.Item]:
        """The SELECT list, with stars and structs that are unnested written out."""
        items = stars.expand(self, node.expressions, scope)
        if not any(isinstance(what, exp.Anonymous) for _, what in items):
            return items
        from velothread.frontend.lateral import expand

        return expand(self, items, scope)

    def _having(self, node: exp.Select, scope: Scope, names: list[str], bound: list[Expression]) -> Expression:
        from velothread.frontend.grouping import bind_having

        e = bind_having(self, node, scope, names, bound)
        refuse_windows(e, "HAVING", self.sql)
        if scope.unnests:
            from velothread.frontend.lateral import refuse_in

            refuse_in(e, scope, "HAVING", self.sql)
        return e

    def _grouping(
        self, node: exp.Select, scope: Scope, items: list[stars.Item], bound: list[Expression],
        having: Expression | None, above: list[Ordering],
    ) -> Grouping | None:  # fmt: skip
        every = (*bound, *(o.expression for o in above))
        grouped = node.args.get("group") is not None or having is not None or bool(scope.lifted)
        if not grouped and not any(map(has_aggregate, every)):
            return None
        from velothread.frontend.grouping import bind_grouping

        return bind_grouping(self, node, scope, items, bound, having, above)

    def _item(self, item: stars.Item, scope: Scope) -> Expression:
        _, what = item
        if isinstance(what, Field):
            return Column(what)
        return self.expressions.bind_value(what, scope) if isinstance(what, exp.Expr) else what

    def no_aggregates(self, e: Expression, clause: str, place: Position | None, scope: Scope) -> None:
        """Refuse aggregates of this query, those that stand in a subquery included."""
        if has_aggregate(e) or scope.lifted:
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
        if isinstance(key, exp.Neg) and isinstance(key.this, exp.Literal) and key.this.is_int and clause == "ORDER BY":
            raise BindError(f"{clause} -{key.this.this}: positions count from 1", position(key), sql=self.sql)
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
        plan, expressions = self.attached(plan, (*bound, *hidden))
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
                from velothread.frontend.union_order import by_position

                by_position(node, names)
            scope = self.scope((Relation(None, tuple(zip(names, plan.output, strict=True))),), self.ctes)
            items: list[stars.Item] = [(n, f) for n, f in zip(names, plan.output, strict=True)]
            order = self._order(node, scope, items, [Column(f) for f in plan.output])
            output = tuple(self.fields(f.name, f.type) for f in plan.output)
            extra = {o.expression: self.fields("order_key", o.expression.type) for o in order}
            columns = tuple(Column(f) for f in plan.output)
            plan, hidden = self.attached(plan, tuple(extra))
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
