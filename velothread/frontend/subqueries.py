"""Subqueries inside expressions: bound where they stand, then joined to the plan below the expression.

SELECT a FROM t WHERE x > (SELECT avg(y) FROM s)   ->   t JOIN (SELECT avg(y) FROM s) ... WHERE x > avg

`attach` chooses the join: nothing at all for a row without FROM, a semi or anti join for EXISTS and IN in WHERE, a
mark join for their value, a left join with a grouped plan for an aggregate that is tied by equalities, else a join
with what `decorrelate` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.coercion import common_type
from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend import pull
from velothread.frontend.decorrelate import dependent_join, or_empty
from velothread.frontend.joins import conjunction, split_keys
from velothread.frontend.names import Scope
from velothread.frontend.onto_rows import onto
from velothread.frontend.optimize.push_filters import conjuncts
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Coalesce,
    Column,
    Expression,
    Field,
    Logical,
    Subquery,
    is_volatile,
    literal,
    transform,
)
from velothread.plan.references import (
    every_node,
    fields_of,
    free_fields,
    has_subquery,
    refreshed,
    replace_fields,
)
from velothread.plan.references import expressions as expressions_of

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

_NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class SubqueryBinder:
    """Binds subqueries for a `QueryBinder`, and joins them to plans.

    Threading: owned by the thread that binds.
    """

    def __init__(self, query: QueryBinder) -> None:
        self.query = query
        # by identity; what is told apart by it is kept, so that no id comes again
        self._attached: dict[int, nodes.Node] = {}
        self._bound: dict[tuple[int, str], tuple[nodes.Node, Scope]] = {}

    # --- binding

    def scalar(self, node: exp.Expr, scope: Scope) -> Expression:
        """`(SELECT x ...)`: one value, NULL without a row."""
        plan = self._plan(node, scope)
        self._check_width(plan, 1, node)
        return Subquery(plan, "scalar", plan.output[0].type, position=position(node))

    def exists(self, node: exp.Exists, scope: Scope) -> Expression:
        return Subquery(self._plan(node.this, scope), "exists", t.BOOLEAN, position=position(node))

    def array(self, node: exp.Expr, scope: Scope) -> Expression:
        """`ARRAY(SELECT x ...)`: the values as a list, in the subquery's order."""
        plan = self._plan(node, scope)
        self._check_width(plan, 1, node)
        return Subquery(plan, "array", t.list_of(plan.output[0].type), position=position(node))

    def membership(self, value: exp.Expr, node: exp.Expr, scope: Scope, place: Position | None) -> Expression:
        """`x IN (SELECT y ...)`, `(a, b) IN (SELECT c, d ...)`."""
        return self._compared("=", value, node, scope, place)

    def quantified(
        self, operator: str, value: exp.Expr, node: exp.Any | exp.All, scope: Scope, place: Position | None
    ) -> Expression:
        """`x > ANY (SELECT y ...)`; ALL is the negation of ANY with the negated operator."""
        if operator not in _NEGATED:
            raise UnsupportedError(f"{operator} ANY/ALL is not supported", place, sql=self.query.sql)
        if isinstance(node, exp.Any):
            return self._compared(operator, value, node.this, scope, place)
        e = self._compared(_NEGATED[operator], value, node.this, scope, place)
        return self.query.expressions.negation(e, place)

    def _compared(
        self, operator: str, value: exp.Expr, node: exp.Expr, scope: Scope, place: Position | None
    ) -> Expression:
        plan = self._plan(node, scope)
        width = len(plan.output)
        items = _cells(value)
        if width == 1 and len(items) != 1 and plan.output[0].type.kind == "STRUCT":
            items = [value]
        self._check_width(plan, len(items), node)
        binder = self.query.expressions
        arguments, columns = [], []
        for item, f in zip(items, plan.output, strict=True):
            e = binder.bind(item, scope)
            shared = common_type(e.type, f.type)
            if shared is None:
                message = f"can't compare {e.type} {operator} {f.type}"
                raise BindError(message, place, hint="add a CAST to one side", sql=self.query.sql)
            arguments.append(binder.coerce(e, shared))
            columns.append(binder.coerce(Column(f), shared))
        if any(not isinstance(c, Column) for c in columns):
            output = tuple(self.query.fields(f.name, c.type) for f, c in zip(plan.output, columns, strict=True))
            plan = nodes.Project(plan, output, tuple(columns))
        kind = "in" if operator == "=" else "any"
        return Subquery(plan, kind, t.BOOLEAN, tuple(arguments), operator, place)

    def _plan(self, node: exp.Expr, scope: Scope) -> nodes.Node:
        # bound again (by its alias, in GROUP BY), it is the same one
        text = (id(scope), node.sql())
        if text in self._bound:
            return self._bound[text][0]
        outer, self.query.outer = self.query.outer, scope
        try:
            plan = self.query.bind_query(node, scope.ctes)[0]
        finally:
            self.query.outer = outer
        if not any(is_volatile(e) for n in every_node(plan) for e in expressions_of(n)):
            self._bound[text] = (plan, scope)
        return plan

    def _check_width(self, plan: nodes.Node, width: int, node: exp.Expr) -> None:
        if len(plan.output) != width:
            message = f"the subquery has {len(plan.output)} columns, here it must have {width}"
            raise BindError(message, position(node), sql=self.query.sql)

    # --- attaching

    def attach(self, plan: nodes.Node, expressions: Sequence[Expression]) -> tuple[nodes.Node, list[Expression]]:
        """The plan joined with the subqueries of `expressions`, and these over its columns."""
        done: dict[Subquery, Expression] = {}

        def step(x: Expression) -> Expression | None:
            nonlocal plan
            if not isinstance(x, Subquery):
                return None
            if x not in done:
                arguments = tuple(transform(a, step) for a in x.arguments)
                plan, done[x] = self._value(plan, replace(x, plan=self._own(x.plan), arguments=arguments))
            return done[x]

        new = [transform(e, step) if has_subquery(e) else e for e in expressions]
        return plan, new

    def where(self, plan: nodes.Node, predicate: Expression) -> nodes.Node:
        """Filter, with semi and anti joins for what it is asked to have."""
        parts = conjuncts(predicate)
        plain = conjunction([c for c in parts if not has_subquery(c)])
        if plain is not None:
            plan = nodes.Filter(plan, plain)
        for part in parts:
            if not has_subquery(part):
                continue
            wanted = part
            negated = isinstance(part, Call) and part.function.name == "not"
            if negated:
                wanted = part.arguments[0]  # type: ignore[union-attr]
            if isinstance(wanted, Subquery) and (wanted.kind == "exists" or (wanted.kind == "in" and not negated)):
                plan, arguments = self.attach(plan, wanted.arguments)
                sub = replace(wanted, plan=self._own(wanted.plan), arguments=tuple(arguments))
                joined = self._matched(plan, sub, "anti" if negated else "semi")
                if joined is not None:
                    plan = joined
                    continue
            output = plan.output
            plan, (condition,) = self.attach(plan, [part])
            plan = nodes.Filter(plan, condition)
            if len(plan.output) > len(output):  # what was joined for the condition alone isn't seen above it
                plan = nodes.Project(plan, output, tuple(map(Column, output)))
        return plan

    def _own(self, plan: nodes.Node) -> nodes.Node:
        """A subquery's plan for one place in the query: a second place gets a copy."""
        if id(plan) in self._attached:
            return refreshed(plan, self.query.fields)  # type: ignore[arg-type]
        self._attached[id(plan)] = plan
        return plan

    def _value(self, plan: nodes.Node, sub: Subquery) -> tuple[nodes.Node, Expression]:
        match sub.kind:
            case "scalar":
                plan, values = self.columns(plan, sub.plan)
                return plan, values[0]
            case "array":
                plan, values = self.columns(plan, self._aggregate(sub.plan, ["list"]))
                empty = self.query.expressions.coerce(
                    self.query.expressions.calls.call("list_value", [], None), sub.type
                )
                return plan, Coalesce((values[0], empty), sub.type, sub.position)
            case "any":
                return self._any(plan, sub)
        values_ = pull.one_row(sub.plan)
        if values_ is not None and sub.kind == "in":
            compare = self.query.expressions.compare
            tests = [compare("=", a, v, sub.position) for a, v in zip(sub.arguments, values_, strict=True)]
            return plan, tests[0] if len(tests) == 1 else Logical("and", tuple(tests), sub.position)
        joined = self._matched(plan, sub, "mark")
        if joined is None:
            return plan, literal(True, t.BOOLEAN, sub.position)
        return joined, Column(joined.output[-1], sub.position)

    def _any(self, plan: nodes.Node, sub: Subquery) -> tuple[nodes.Node, Expression]:
        """x > ANY (values): true when x is greater than the least; what the least or the greatest can't say is NULL."""
        if len(sub.arguments) > 1 or sub.plan.output[0].type.is_nested:
            return self._any_row(plan, sub)
        plan, (rows, known, least, greatest) = self.columns(
            plan, self._aggregate(sub.plan, ["count_star", "count", "min", "max"])
        )
        binder, (value,), place = self.query.expressions, sub.arguments, sub.position
        zero = literal(0, t.BIGINT)
        match sub.operator:
            case ">" | ">=":
                found = binder.compare(sub.operator, value, least, place)
            case "<" | "<=":
                found = binder.compare(sub.operator, value, greatest, place)
            case _:
                tests = (binder.compare("<>", value, x, place) for x in (least, greatest))
                found = Logical("or", tuple(tests), place)
        unknown = Logical(
            "or", (binder.calls.call("is_null", [value], place), binder.compare("<>", rows, known, place)), place
        )
        none = binder.compare("=", rows, zero, place)
        answers = [literal(x, t.BOOLEAN) for x in (False, True, None, False)]
        return plan, binder.case([none, found, unknown], answers, place)  # type: ignore[arg-type]

    def _any_row(self, plan: nodes.Node, sub: Subquery) -> tuple[nodes.Node, Expression]:
        """(a, b) < ANY (rows): compared with each row; true where one is, else NULL where one might be."""
        compare, place = self.query.expressions.compare, sub.position
        columns = list(map(Column, sub.plan.output))
        pairs = list(zip(sub.arguments, columns, strict=True))
        if sub.operator == "<>":
            met = _joined("or", [compare("<>", a, c, place) for a, c in pairs])
        else:  # by the first pair that differs
            strict = sub.operator[0]
            tests = []
            for i, (a, c) in enumerate(pairs):
                last = compare(sub.operator if i == len(pairs) - 1 else strict, a, c, place)
                tests.append(_joined("and", [*(compare("=", x, y, place) for x, y in pairs[:i]), last]))
            met = _joined("or", tests)
        compared = self.query.fields("met", t.BOOLEAN)
        below = nodes.Project(sub.plan, (compared,), (met,))
        plan, (rows, known, found) = self.columns(plan, self._aggregate(below, ["count_star", "count", "bool_or"]))
        binder = self.query.expressions
        conditions = [binder.coerce(found, t.BOOLEAN), compare("<>", rows, known, place)]
        return plan, binder.case(conditions, [literal(x, t.BOOLEAN) for x in (True, None, False)], place)

    def _aggregate(self, plan: nodes.Node, names: Sequence[str]) -> nodes.Aggregate:
        """Aggregates of a plan's only column."""
        from velothread.kernels.aggregates import resolve_aggregate

        (f,) = plan.output
        calls, output = [], []
        for name in names:
            arguments = () if name == "count_star" else (Column(f),)
            found = resolve_aggregate(name.removesuffix("_star"), [a.type for a in arguments])
            if found is None:
                raise UnsupportedError(f"ANY/ALL over {f.type} is not supported", sql=self.query.sql)
            cast = tuple(self.query.expressions.coerce(a, p) for a, p in zip(arguments, found.parameters, strict=True))
            calls.append(AggregateCall(found.function, cast, (), found.returns))
            output.append(self.query.fields(name, found.returns))
        return nodes.Aggregate(plan, tuple(output), (), tuple(calls))

    # --- one row for each row

    def columns(self, left: nodes.Node, right: nodes.Node) -> tuple[nodes.Node, tuple[Expression, ...]]:
        """`left` joined with the one row of `right`, and the values of that (NULL where there is none)."""
        right = pull.unordered(right)
        values = pull.one_row(right)
        if values is not None:
            return left, values
        shape = pull.over_aggregate(right)
        if shape is not None:
            layers, aggregate = shape
            left, cells = self._of_aggregate(left, aggregate)
            row, condition = pull.through(layers, cells)
            return left, tuple(pull.only_where(condition, e) for e in row)
        fields = tuple(map(Column, right.output))
        taken = _taken(left, right)
        if not taken:
            kind: nodes.JoinKind = "left" if pull.most_rows(right) is not None else "single"
            kind = "inner" if pull.just_one_row(right) else kind
            return nodes.Join(left, right, kind, (), None, (*left.output, *right.output)), fields
        pulled = pull.Puller(self.query.fields, taken).pull(right)
        if pulled is None:
            return dependent_join(self.query, left, right, "single"), fields
        right, conditions = pulled
        keys, rest = split_keys(conditions, set(left.output), set(right.output))
        output = (*left.output, *right.output)
        return nodes.Join(left, right, "single", tuple(keys), conjunction(rest), output), fields

    def _of_aggregate(self, left: nodes.Node, node: nodes.Aggregate) -> tuple[nodes.Node, dict[Field, Expression]]:
        """`left` with the values of an aggregate without keys: it always has a row."""
        plain: dict[Field, Expression] = {f: Column(f) for f in node.output}
        taken = _taken(left, node)
        if not taken:
            return nodes.Join(left, node, "inner", (), None, (*left.output, *node.output)), plain
        puller = pull.Puller(self.query.fields, taken)
        pulled = None if puller.reads(*node.calls) else puller.grouped(node)
        if pulled is None:
            return dependent_join(self.query, left, node, "inner"), plain
        groups, conditions = pulled
        keys, rest = split_keys(conditions, set(left.output), set(groups.output))
        joined = nodes.Join(left, groups, "left", tuple(keys), conjunction(rest), (*left.output, *groups.output))
        return joined, {f: or_empty(c, Column(f)) for f, c in zip(node.output, node.calls, strict=True)}

    # --- EXISTS, IN

    def _matched(self, left: nodes.Node, sub: Subquery, kind: nodes.JoinKind) -> nodes.Node | None:
        """`left` joined with the rows that EXISTS or IN looks for; None: EXISTS is always true."""
        right = pull.existing(sub.plan) if sub.kind == "exists" else pull.unordered(sub.plan)
        if right is None:
            return None if kind != "anti" else nodes.Limit(left, 0)
        keys: list[nodes.JoinKey] = []
        if sub.kind == "in":
            keys = [nodes.JoinKey(a, Column(f)) for a, f in zip(sub.arguments, right.output, strict=True)]
        three_valued = len(keys) if kind == "mark" else 0
        taken = _taken(left, right)
        rest: list[Expression] = []
        if taken:
            pulled = pull.Puller(self.query.fields, taken).pull(right)
            if pulled is None:
                return dependent_join(self.query, left, right, kind, tuple(keys), None, three_valued)
            right, conditions = pulled
            more, rest = split_keys(conditions, set(left.output), set(right.output))
            # an equality that must hold anyway leaves nothing unknown
            keys = [k for k in keys if k not in more]
            three_valued = len(keys) if kind == "mark" else 0
            keys += more
        elif not keys:
            right = nodes.Limit(right, 1)
        output = left.output
        if kind == "mark":
            output = (*output, self.query.fields("mark", t.BOOLEAN))
        return nodes.Join(left, right, kind, tuple(keys), conjunction(rest), output, three_valued=three_valued)

    # --- in FROM

    def join_on(
        self, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: Sequence[nodes.JoinKey],
        conditions: Sequence[Expression], node: exp.Expr,
    ) -> nodes.Node:  # fmt: skip
        """A join whose ON has subqueries in it."""
        join = self.query.joins
        if kind == "inner":
            plain = join.plain(left, right, kind, keys, [c for c in conditions if not has_subquery(c)])
            held = conjunction([c for c in conditions if has_subquery(c)])
            return plain if held is None else self.where(plain, held)
        lefts, rights = set(left.output), set(right.output)
        ready: list[Expression] = []
        for condition in conditions:
            reads = fields_of(condition).keys() if has_subquery(condition) else set()
            if reads & lefts and reads & rights:
                return self._numbered_join(left, right, kind, keys, conditions, node)
            if reads & lefts:
                left, (condition,) = self.attach(left, [condition])
            elif has_subquery(condition):
                right, (condition,) = self.attach(right, [condition])
            ready.append(condition)
        more, rest = split_keys(ready, set(left.output), set(right.output))
        return join.plain(left, right, kind, [*keys, *more], rest)

    def _numbered_join(
        self, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: Sequence[nodes.JoinKey],
        conditions: Sequence[Expression], node: exp.Expr,
    ) -> nodes.Node:  # fmt: skip
        """Subqueries over both sides of an outer join: the pairs are made first, then joined to the numbered rows."""
        if kind == "full":
            message = "a subquery over both sides is not supported in the ON of a FULL JOIN"
            raise UnsupportedError(message, position(node.args.get("on")) or position(node), sql=self.query.sql)
        join = self.query.joins
        rows, place = join.numbered(left)
        number = self.query.next_number()
        kept = nodes.Shared(rows, rows.output, number, "left rows")
        again = tuple(self.query.fields(f.name, f.type) for f in rows.output)
        mapping = dict(zip(rows.output, again, strict=True))
        moved = [nodes.JoinKey(replace_fields(k.left, mapping), k.right, k.nulls_equal) for k in keys]
        pairs = join.plain(nodes.Shared(rows, again, number, "left rows"), right, "inner", moved, [])
        held = conjunction([replace_fields(c, mapping) for c in conditions])
        assert held is not None
        pairs = self.where(pairs, held)
        on = (nodes.JoinKey(Column(place), Column(mapping[place])),)
        output = kept.output if kind in ("semi", "anti") else (*kept.output, *pairs.output)
        return nodes.Join(kept, pairs, kind, on, None, output)

    def lateral(
        self, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: tuple[nodes.JoinKey, ...],
        residual: Expression | None,
    ) -> nodes.Node:  # fmt: skip
        """A join whose right side reads columns of the left one."""
        free = not keys and (residual is None or _is_true(residual))
        if kind == "inner" or (kind == "left" and free):
            moved = onto(left, right, kind == "left")
            if moved is not None:
                tests = [self.query.expressions.compare("=", k.left, k.right, None) for k in keys]
                held = conjunction([*tests, *([residual] if residual is not None else [])])
                return moved if held is None else nodes.Filter(moved, held)
        taken = _taken(left, right)
        shape = pull.over_aggregate(right)
        if shape is not None and free and kind in ("inner", "left"):
            layers, aggregate = shape
            joined, cells = self._of_aggregate(left, aggregate)
            row, condition = pull.through(layers, cells)
            if condition is None:
                return nodes.Project(joined, (*left.output, *right.output), (*map(Column, left.output), *row))
        pulled = pull.Puller(self.query.fields, taken).pull(right)
        if pulled is None:
            return dependent_join(self.query, left, right, kind, keys, residual)
        plan, conditions = pulled
        rest = [*conditions, *([residual] if residual is not None else [])]
        more, rest = split_keys(rest, set(left.output), set(plan.output))
        output = left.output if kind in ("semi", "anti") else (*left.output, *plan.output)
        return nodes.Join(left, plan, kind, (*keys, *more), conjunction(rest), output)


def _cells(value: exp.Expr) -> list[exp.Expr]:
    """The parts of a row that is looked for: `(a, b)`, `row(a, b)`."""
    if isinstance(value, exp.Tuple) or (isinstance(value, exp.Anonymous) and str(value.this).lower() == "row"):
        return list(value.expressions)
    return [value]


def _joined(operator: str, parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Logical(operator, tuple(parts))


def _taken(left: nodes.Node, right: nodes.Node) -> set[Field]:
    """The fields of `left` that `right`'s plan reads."""
    return set(free_fields(right)) & set(left.output)


def _is_true(e: Expression) -> bool:
    from velothread.frontend.folding import is_true

    return is_true(e)
