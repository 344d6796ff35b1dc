"""FROM: what stands in it, joined. Conditions are taken apart into keys (left = right) and the rest.

FROM a JOIN b ON a.x = b.y AND a.z < b.z   ->   Join inner on a.x = b.y AND (a.z < b.z)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.coercion import common_type
from velothread.errors import BindError, Position
from velothread.frontend.catalog import Cte
from velothread.frontend.names import Relation, Scope
from velothread.frontend.optimize.push_filters import conjuncts
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    Bound as FrameBound,
)
from velothread.plan.expressions import (
    Call,
    Coalesce,
    Column,
    Expression,
    Field,
    Frame,
    Logical,
    Ordering,
    WindowCall,
)
from velothread.plan.references import fields_of, free_fields, has_subquery

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

_UNNAMED = ("unnamed_subquery", "valueslist")


@dataclass(frozen=True, slots=True)
class FromItem:
    """A plan, and the names that it brings; `merged` and `shown` as in `Scope`."""

    plan: nodes.Node
    relations: tuple[Relation, ...]
    merged: Mapping[str, Field] = field(default_factory=dict)
    shown: Mapping[Field, Field | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a join asks for: equalities of the sides, and the rest. `using`: the names that both sides share."""

    keys: tuple[nodes.JoinKey, ...] = ()
    rest: tuple[Expression, ...] = ()
    using: tuple[tuple[str, Field, Field], ...] = ()


class JoinBinder:
    """Binds FROM clauses for a `QueryBinder`.

    Threading: owned by the thread that binds.
    """

    def __init__(self, query: QueryBinder) -> None:
        self.query = query

    def bind(self, node: exp.Select, ctes: dict[str, Cte]) -> tuple[nodes.Node, Scope]:
        """FROM (which there is) and its joins -> their plan, and the scope of the SELECT."""
        item = self.chain(self.item(node.args["from_"].this, ctes, None), node.args.get("joins") or [], ctes)
        return item.plan, self.scope(item, ctes)

    def scope(self, item: FromItem, ctes: dict[str, Cte]) -> Scope:
        """The names that `item` brings."""
        scope = self.query.scope(item.relations, ctes)
        scope.merged, scope.shown = item.merged, item.shown
        return scope

    def chain(self, item: FromItem, joins: Sequence[exp.Join], ctes: dict[str, Cte]) -> FromItem:
        """`item` joined with what follows it. A comma binds weaker than JOIN, which only RIGHT and FULL can tell."""
        groups: list[list[exp.Join]] = [[]]
        for join in joins:
            if _is_comma(join):
                groups.append([])
            groups[-1].append(join)
        for number, group in enumerate(groups):
            if number and any(j.side in ("RIGHT", "FULL") for j in group):
                first, *rest = group
                right = self.chain(self.item(first.this, ctes, item), rest, ctes)
                item = self._cross(item, right)
                continue
            for join in group:
                item = self.join(item, join, ctes)
        return item

    def item(self, node: exp.Expr, ctes: dict[str, Cte], left: FromItem | None) -> FromItem:
        """A table, subquery or function in FROM; `left`: what stands before it, whose columns it may use."""
        joins = node.args.get("joins")
        if joins:  # `(a JOIN b ...)`, `FROM a JOIN b SELECT ...`: they hang on the table
            return self.chain(self._one(node, ctes, left), joins, ctes)
        return self._one(node, ctes, left)

    def _one(self, node: exp.Expr, ctes: dict[str, Cte], left: FromItem | None) -> FromItem:
        if isinstance(node, exp.Subquery) and _is_from_item(node.this):
            inner = self.item(node.this, ctes, left)
            if not node.alias:
                return inner
            columns = [(n, f) for _, n, f in self.scope(inner, ctes).star()]
            relation = self.query.tables.relation(node, tuple(n for n, _ in columns), tuple(f for _, f in columns))
            return FromItem(inner.plan, (relation,))
        outer = self.query.outer
        if left is not None:
            self.query.outer = self.scope(left, ctes)
            self.query.outer.lateral = True
        try:
            plan, relation = self.query.tables.bind(node, ctes)
        finally:
            self.query.outer = outer
        return FromItem(plan, (_renamed(relation, left),))

    # --- one join

    def join(self, left: FromItem, node: exp.Join, ctes: dict[str, Cte]) -> FromItem:
        """`left [kind] JOIN right ON ...`."""
        right = self.item(node.this, ctes, left)
        kind = _kind(node)
        if kind == "POSITIONAL":
            return self._positional(left, right)
        if node.method == "ASOF":
            return self._asof(left, right, node, ctes)
        condition = self._condition(left, right, node, ctes)
        try:
            return self.joined(left, right, kind, condition, node)
        except BindError as e:
            e.position = e.position or position(node.this)
            raise

    def joined(self, left: FromItem, right: FromItem, kind: str, condition: Condition, node: exp.Expr) -> FromItem:
        """The join of two bound sides."""
        if kind in ("SEMI", "ANTI"):
            plan = self._plan(left.plan, right.plan, "semi" if kind == "SEMI" else "anti", condition, node)
            return FromItem(plan, left.relations, left.merged, left.shown)
        if kind == "RIGHT":
            swapped = tuple(nodes.JoinKey(k.right, k.left, k.nulls_equal) for k in condition.keys)
            plan = self._plan(right.plan, left.plan, "left", Condition(swapped, condition.rest), node)
        else:
            names: dict[str, nodes.JoinKind] = {"LEFT": "left", "FULL": "full"}
            plan = self._plan(left.plan, right.plan, names.get(kind, "inner"), condition, node)
        return self._named(plan, left, right, kind, condition.using)

    def _named(
        self, plan: nodes.Node, left: FromItem, right: FromItem, kind: str, using: Sequence[tuple[str, Field, Field]]
    ) -> FromItem:
        """The names of a join's columns: those of USING are merged."""
        merged = {**left.merged, **right.merged}
        shown: dict[Field, Field | None] = {**left.shown, **right.shown}
        # a name that the other side has as well is ambiguous again
        for side, other in ((left, right), (right, left)):
            for name in side.merged:
                if any(r.find(name) is not None for r in other.relations):
                    del merged[name]
        new: list[tuple[Field, Expression]] = []
        for name, a, b in using:
            if kind == "FULL":
                place = self.query.fields(name, a.type)
                new.append((place, Coalesce((Column(a), Column(b)), a.type)))
            else:
                place = b if kind == "RIGHT" else a
            merged[name.lower()] = place
            _show_instead(shown, left, a, place)
            shown[b] = None
        if new:
            fields = plan.output
            items = (*map(Column, fields), *(e for _, e in new))
            plan = nodes.Project(plan, (*fields, *(f for f, _ in new)), items)
        return FromItem(plan, (*left.relations, *right.relations), merged, shown)

    def _cross(self, left: FromItem, right: FromItem) -> FromItem:
        return self.joined(left, right, "INNER", Condition(), exp.Join())

    # --- conditions

    def _condition(self, left: FromItem, right: FromItem, node: exp.Join, ctes: dict[str, Cte]) -> Condition:
        names = self._shared_names(left, right, node)
        if names is not None:
            return self._using(left, right, names, node)
        on = node.args.get("on")
        if on is None:
            if node.meta.get("join") and node.kind != "CROSS" and node.method != "POSITIONAL":
                hint = "CROSS JOIN makes all pairs"
                raise BindError("a JOIN wants ON or USING", position(node.this), hint=hint, sql=self.query.sql)
            return Condition()
        scope = self.scope(self._named(left.plan, left, right, "INNER", ()), ctes)
        e = self.query.expressions.bind_condition(on, scope, "ON")
        self.query.no_aggregates(e, "ON", position(on), scope)
        if scope.unnests:
            from velothread.frontend import lateral

            lateral.refuse(scope, "ON", position(on), self.query.sql)
        return self.taken_apart(left.plan, right.plan, e)

    def _shared_names(self, left: FromItem, right: FromItem, node: exp.Join) -> list[exp.Expr] | None:
        if node.args.get("using"):
            return list(node.args["using"])
        if node.method != "NATURAL":
            return None
        names = {n.lower() for r in left.relations for n, _ in r.columns}
        ours = [n for r in right.relations for n, _ in r.columns if n.lower() in names]
        if not ours:
            message = "NATURAL JOIN: the sides have no column in common"
            raise BindError(message, position(node), hint="write JOIN ... ON, or CROSS JOIN", sql=self.query.sql)
        return [exp.to_identifier(n, quoted=True) for n in dict.fromkeys(ours)]

    def _using(self, left: FromItem, right: FromItem, names: Sequence[exp.Expr], node: exp.Join) -> Condition:
        keys, using = [], []
        for name in names:
            place = position(name) or position(node)
            a, b = (
                self._column_of(item, name.name, where, place) for item, where in ((left, "left"), (right, "right"))
            )
            keys.append(self.key(Column(a, place), Column(b, place), place))
            using.append((name.name, a, b))
        return Condition(tuple(keys), (), tuple(using))

    def _column_of(self, item: FromItem, name: str, side: str, place: Position | None) -> Field:
        scope = Scope(item.relations, merged=item.merged)
        found = scope.resolve(None, name, place, self.query.sql)
        if found is None:
            error = scope.unknown(None, name, place, self.query.sql)
            message = f"USING: the {side} side has no column {name!r}"
            raise BindError(message, error.position, hint=error.hint, sql=self.query.sql)
        return found

    def key(self, left: Expression, right: Expression, place: Position | None) -> nodes.JoinKey:
        """left = right, both of one type."""
        shared = common_type(left.type, right.type)
        if shared is None:
            raise BindError(
                f"can't compare {left.type} = {right.type}",
                place,
                hint="add a CAST",
                sql=self.query.sql,
            )
        coerce = self.query.expressions.coerce
        return nodes.JoinKey(coerce(left, shared), coerce(right, shared))

    def taken_apart(self, left: nodes.Node, right: nodes.Node, condition: Expression) -> Condition:
        """ON as keys and the rest."""
        keys, rest = split_keys(conjuncts(condition), set(left.output), set(right.output))
        return Condition(tuple(keys), tuple(rest))

    # --- plans

    def _plan(
        self, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, condition: Condition, node: exp.Expr
    ) -> nodes.Node:
        """A Join; what only one side is asked for is a filter there, where the kind allows it."""
        rest = list(condition.rest)
        if any(has_subquery(e) for e in rest):
            return self.query.subqueries.join_on(left, right, kind, condition.keys, rest, node)
        lefts, rights = set(left.output), set(right.output)
        if kind in ("inner", "left", "semi", "anti"):
            right, rest = self.filtered(right, rest, rights)
        if kind in ("inner", "semi"):
            left, rest = self.filtered(left, rest, lefts)
        return self.plain(left, right, kind, condition.keys, rest)

    def plain(
        self, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: Sequence[nodes.JoinKey],
        rest: Sequence[Expression],
    ) -> nodes.Node:  # fmt: skip
        """A Join of two plans, where the right one may use columns of the left one."""
        taken = free_fields(right).keys() & set(left.output)
        if taken:
            return self.query.subqueries.lateral(left, right, kind, tuple(keys), conjunction(rest))
        backwards = free_fields(left).keys() & set(right.output)
        if backwards:
            # RIGHT JOIN LATERAL: every row of what doesn't exist yet
            name = next(iter(backwards)).name
            message = f"this side of a RIGHT or FULL JOIN can't use {name!r} of the other side"
            raise BindError(message, sql=self.query.sql)
        output = left.output if kind in ("semi", "anti") else (*left.output, *right.output)
        return nodes.Join(left, right, kind, tuple(keys), conjunction(rest), output)

    # --- ASOF, POSITIONAL

    def _asof(self, left: FromItem, right: FromItem, node: exp.Join, ctes: dict[str, Cte]) -> FromItem:
        from velothread.frontend import asof

        kind = _kind(node)
        condition = self._condition(left, right, node, ctes)
        keys, rest = list(condition.keys), list(condition.rest)
        nearest: nodes.Asof | None = None
        if condition.using:  # the last column is the one that is compared
            last = keys.pop()
            nearest = nodes.Asof(last.left, ">=", last.right)
        lefts, rights = set(left.plan.output), set(right.plan.output)
        for e in list(rest):
            found = asof.inequality(e, lefts, rights)
            if found is not None and nearest is None:
                nearest = found
                rest.remove(e)
        if nearest is None:
            if asof.is_never(rest):
                return self.joined(left, right, kind, condition, node)
            message = "ASOF JOIN wants a condition with >=, >, <= or < between the sides"
            raise BindError(message, position(node.args.get("on")) or position(node), sql=self.query.sql)
        plan = asof.asof_join(self.query, left.plan, right.plan, kind, tuple(keys), nearest, rest)
        if kind in ("SEMI", "ANTI"):
            return FromItem(plan, left.relations, left.merged, left.shown)
        return self._named(plan, left, right, kind, condition.using)

    def _positional(self, left: FromItem, right: FromItem) -> FromItem:
        """The n-th row of one side with the n-th of the other, the longer one's last rows with NULLs."""
        numbered = [self.numbered(item.plan) for item in (left, right)]
        (a, row_a), (b, row_b) = numbered
        plan = nodes.Join(a, b, "full", (nodes.JoinKey(Column(row_a), Column(row_b)),), None, (*a.output, *b.output))
        return self._named(plan, left, right, "FULL", ())

    @staticmethod
    def filtered(plan: nodes.Node, rest: list[Expression], own: set[Field]) -> tuple[nodes.Node, list[Expression]]:
        """`plan` with those conditions that read nothing else, and the others."""
        here = [e for e in rest if (reads := fields_of(e).keys()) and reads <= own]
        condition = conjunction(here)
        if condition is None:
            return plan, rest
        return nodes.Filter(plan, condition), [e for e in rest if e not in here]

    def numbered(
        self, plan: nodes.Node, partition_by: Sequence[Field] = (), order_by: tuple[Ordering, ...] = ()
    ) -> tuple[nodes.Node, Field]:
        """A plan whose rows are numbered from 1 in an order (or as they stand), for each value of `partition_by`."""
        place = self.query.fields("row_number", t.BIGINT)
        frame = Frame("rows", FrameBound("unbounded"), FrameBound("current"))
        call = WindowCall("row_number", None, (), (), t.BIGINT, tuple(map(Column, partition_by)), order_by, frame)
        return nodes.Window(plan, (*plan.output, place), (call,)), place


def split_keys(
    conditions: Sequence[Expression], left: set[Field], right: set[Field]
) -> tuple[list[nodes.JoinKey], list[Expression]]:
    """The conditions that are equalities of the sides, and the others."""
    keys: list[nodes.JoinKey] = []
    rest: list[Expression] = []
    for e in conditions:
        if isinstance(e, Call) and e.function.name in ("=", "is_not_distinct_from") and not has_subquery(e):
            a, b = e.arguments
            reads = [fields_of(x).keys() for x in (a, b)]
            if all(reads) and reads[0] <= right and reads[1] <= left:
                a, b = b, a
                reads.reverse()
            if all(reads) and reads[0] <= left and reads[1] <= right:
                keys.append(nodes.JoinKey(a, b, e.function.name != "="))
                continue
        rest.append(e)
    return keys, rest


def conjunction(conditions: Sequence[Expression]) -> Expression | None:
    """The conditions as one; None for none."""
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else Logical("and", tuple(conditions))


def _show_instead(shown: dict[Field, Field | None], left: FromItem, a: Field, place: Field) -> None:
    """Where `*` showed `a` (or what it was merged from), it shows `place`."""
    for f, now in list(shown.items()):
        if now == a:
            shown[f] = place
    if shown.get(a, a) is not None:
        shown[a] = place


def _is_from_item(node: exp.Expr) -> bool:
    """Is what stands in parentheses in FROM no query, but a table or a join?"""
    if isinstance(node, exp.Subquery):
        return bool(node.args.get("joins") or node.args.get("alias"))
    return isinstance(node, (exp.Table, exp.Values, exp.Unnest, exp.Lateral))


def _renamed(relation: Relation, left: FromItem | None) -> Relation:
    """Subqueries without a name are unnamed_subquery, unnamed_subquery2, ..."""
    if left is None or relation.name not in _UNNAMED:
        return relation
    taken = {r.name for r in left.relations}
    number = next(i for i in count(1) if f"{relation.name}{i if i > 1 else ''}" not in taken)
    return replace(relation, name=relation.name if number == 1 else f"{relation.name}{number}")


def _kind(node: exp.Join) -> str:
    if node.method == "POSITIONAL":
        return "POSITIONAL"
    if node.kind in ("SEMI", "ANTI"):
        return str(node.kind)
    return str(node.side or "INNER")


def _is_comma(node: exp.Join) -> bool:
    return not any(node.args.get(k) for k in ("method", "side", "kind", "on", "using"))
