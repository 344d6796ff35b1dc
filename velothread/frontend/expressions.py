"""Binding of expressions: sqlglot nodes -> typed `plan.expressions`.

One method a node class, found by name (`_bind_between`). What isn't there raises `UnsupportedError` with its position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL, common_type
from velothread.errors import BindError, ExecutionError, Position, SqlError, UnsupportedError
from velothread.frontend.folding import fold, fold_here
from velothread.frontend.literals import LITERALS, number
from velothread.frontend.names import Scope
from velothread.frontend.node_arguments import ALWAYS, ARGUMENTS
from velothread.frontend.parse import position
from velothread.frontend.special_syntax import SYNTAX
from velothread.plan.expressions import (
    Case,
    Cast,
    Coalesce,
    Column,
    Expression,
    Literal,
    Logical,
    Membership,
    literal,
)
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.calls import CallBinder
    from velothread.frontend.select import QueryBinder
    from velothread.frontend.subqueries import SubqueryBinder
    from velothread.functions.library import Registered

_BINARY = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.Pow: "**",
    exp.DPipe: "||", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>", exp.BitwiseXor: "xor", exp.RegexpLike: "regexp_matches",
    exp.SimilarTo: "regexp_full_match", exp.Glob: "glob", exp.StartsWith: "starts_with",
    exp.ArrayContainsAll: "list_has_all", exp.ArrayOverlaps: "list_has_any", exp.Distance: "list_distance",
}  # fmt: skip
_COMPARISONS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "is_not_distinct_from", exp.NullSafeNEQ: "is_distinct_from",
}  # fmt: skip
# How deep an expression may be nested: well before Python's own limit.
MAX_DEPTH = 300


class ExpressionBinder:
    """Binds the expressions of one query.

    Threading: owned by the thread that binds.
    """

    def __init__(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        self.sql = sql
        self.parameters = parameters
        self.used_parameters = 0  # how many values by position the placeholders bound so far take
        self.used_names: set[str] = set()  # the parameters that they take by name
        self.query_time = datetime.now(UTC)
        self.query: QueryBinder  # whose expressions these are, which sets it
        self.functions: Mapping[str, Registered] = {}  # of the user's in Python, by lower-case name
        self.unfit: Mapping[str, str] = {}  # those that can't be called, with the reason
        self._depth = 0

    @cached_property
    def calls(self) -> CallBinder:
        """Binds calls; imported by the first one."""
        from velothread.frontend.calls import CallBinder

        return CallBinder(self)

    @property
    def subqueries(self) -> SubqueryBinder:
        """The query's own."""
        return self.query.subqueries

    # --- entry points

    def bind(self, node: exp.Expr, scope: Scope) -> Expression:
        """Bind, with constants folded. A string literal keeps its open type (`STRING_LITERAL`).

        :raises SqlError: with the position of what doesn't fit.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BindError("the expression is nested too deeply", position(node), sql=self.sql)
        try:
            method = self._method(node)
            if method != self._unsupported:
                self._refuse_unread(node)
            e = fold_here(method(node, scope))
            return self.negation(e, position(node)) if node.args.get("negate") else e
        except SqlError as e:
            if e.position is None:
                e.position = position(node)
            raise e.located(self.sql) from e.__cause__
        finally:
            self._depth -= 1

    def bind_value(self, node: exp.Expr, scope: Scope) -> Expression:
        """Bind, a string literal being text."""
        return self.settle(self.bind(node, scope))

    def bind_condition(self, node: exp.Expr, scope: Scope, clause: str) -> Expression:
        """Bind a boolean: WHERE, HAVING, FILTER, WHEN."""
        e = self.bind(node, scope)
        if e.type.kind not in ("BOOLEAN", "NULL", "STRING_LITERAL") and not e.type.is_numeric:
            raise BindError(f"{clause} wants a condition, not {e.type}", position(node), sql=self.sql)
        return self.coerce(e, t.BOOLEAN)

    def constant(self, node: exp.Expr, what: str) -> Any:
        """The Python value of a constant expression.

        :raises BindError: when it isn't constant.
        """
        e = self.bind(node, Scope(()))
        if not isinstance(e, Literal):
            raise BindError(f"{what} must be a constant", position(node), sql=self.sql)
        return e.value.as_py()

    # --- types

    def settle(self, e: Expression) -> Expression:
        """Give a string literal the type VARCHAR."""
        return (
            Literal(e.value, t.VARCHAR, e.text, e.position)
            if e.type == STRING_LITERAL and isinstance(e, Literal)
            else e
        )

    def coerce(self, e: Expression, target: SqlType, *, safe: bool = True) -> Expression:
        """`e` with type `target`: constants are converted now, columns by a Cast."""
        if e.type == target:
            return e
        if isinstance(e, Literal):
            if not e.value.is_valid:
                return literal(None, target, e.position)
            source = t.VARCHAR if e.type == STRING_LITERAL else e.type
            if source == target:
                return Literal(e.value, target, e.text, e.position)
            from velothread.kernels.casts import cast as cast_value

            try:
                return literal(cast_value(e.value, source, target, safe=safe), target, e.position)
            except ExecutionError as error:
                error.position = error.position or e.position
                raise error.located(self.sql) from None
        return Cast(e, target, safe, e.position if not isinstance(e, Cast) else None)

    def common(self, items: Sequence[Expression], what: str, place: Position | None) -> SqlType:
        """The type that all items turn into."""
        found = items[0].type
        for item in items[1:]:
            merged = common_type(found, item.type)
            if merged is None:
                if "VARCHAR" in (found.kind, item.type.kind):
                    merged = t.VARCHAR
                else:
                    raise BindError(
                        f"{what}: {found} and {item.type} have no common type", place, hint="add a CAST", sql=self.sql
                    )
            found = merged
        return t.VARCHAR if found == STRING_LITERAL else found

    # --- dispatch

    def _method(self, node: exp.Expr) -> Callable[[Any, Scope], Expression]:
        kind = type(node)
        if kind in _BINARY:
            return self._bind_binary
        if kind in _COMPARISONS:
            return self._bind_comparison
        special = SYNTAX.get(kind) or LITERALS.get(kind)
        if special is not None:
            return partial(special, self)
        method = getattr(self, "_bind_" + kind.__name__.lower(), None)
        if method is None:
            return self._unsupported
        return method  # type: ignore[no-any-return]

    def _refuse_unread(self, node: exp.Expr) -> None:
        if isinstance(node, exp.Query):  # its clauses are looked at where it is bound
            return
        known = ALWAYS | ARGUMENTS.get(type(node), frozenset())
        for name, value in node.args.items():
            if value and name not in known:
                kind = type(node).__name__.upper()
                raise UnsupportedError(f"{name.strip('_')} of {kind} is not supported", position(node), sql=self.sql)

    def _unsupported(self, node: exp.Expr, scope: Scope) -> Expression:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", type(node).__name__).lower()
        raise UnsupportedError(f"{name} expressions are not supported", position(node), sql=self.sql)

    # --- leaves

    def _bind_column(self, node: exp.Column, scope: Scope) -> Expression:
        if isinstance(node.this, exp.Star):
            raise BindError("* stands only in a SELECT list or in count(*)", position(node), sql=self.sql)
        parts = [p.name for p in node.parts]
        place = position(node)
        if len(parts) == 1 and (name := parts[0].lower()) in scope.lambda_names:
            return scope.lambda_names[name]
        if scope.aliases_first and len(parts) == 1:
            e = self._alias_value(parts[0], scope)
            if e is not None:
                return e
        around: Scope | None = scope
        while around is not None:  # a name is looked for here, then in the queries around
            e = self._bind_name(parts, around, place)
            if e is not None:
                return e
            around = around.outer
        if len(parts) == 1 and (e := self.calls.keyword(parts[0], place)) is not None:
            return e
        table, column = (None, parts[0]) if len(parts) == 1 else (parts[-2], parts[-1])
        raise scope.unknown(table, column, place, self.sql)

    def _bind_name(self, parts: list[str], scope: Scope, place: Position | None) -> Expression | None:
        """A column, an alias, a field of a struct, or a whole row (by its table's name); None: no such name."""
        if len(parts) > 1:
            found = scope.resolve(parts[-2], parts[-1], place, self.sql)
            return Column(found, place) if found is not None else self._bind_field_path(parts, scope, place)
        name = parts[0]
        found = scope.resolve(None, name, place, self.sql)
        if found is not None:
            return Column(found, place)
        e = self._alias_value(name, scope)
        relation = scope.relation(name) if e is None else None
        if relation is None:
            return e
        columns = relation.columns
        return self.calls.struct_pack([n for n, _ in columns], [Column(f, place) for _, f in columns], place)

    def _bind_identifier(self, node: exp.Identifier, scope: Scope) -> Expression:
        """A parameter of a lambda: sqlglot leaves these as bare names."""
        return self._bind_column(exp.Column(this=node.copy()), scope)

    def _bind_dot(self, node: exp.Dot, scope: Scope) -> Expression:
        base = self.bind_value(node.this, scope)
        return self.calls.struct_field(base, node.expression.name, position(node))

    def _bind_field_path(self, parts: list[str], scope: Scope, place: Position | None) -> Expression | None:
        """`s.a.b`: the fields of a struct column, or of a parameter of a lambda."""
        if (parameter := scope.lambda_names.get(parts[0].lower())) is not None:
            for name in parts[1:]:
                parameter = self.calls.struct_field(parameter, name, place)
            return parameter
        for used in (2, 1):
            if len(parts) <= used:
                continue
            table, column = (parts[0], parts[1]) if used == 2 else (None, parts[0])
            found = scope.resolve(table, column, place, self.sql)
            if found is not None and found.type.kind in ("STRUCT", "JSON"):
                e: Expression = Column(found, place)
                for name in parts[used:]:
                    e = self.calls.struct_field(e, name, place)
                return e
        return None

    def _alias_value(self, name: str, scope: Scope) -> Expression | None:
        lowered = name.lower()
        if lowered not in scope.aliases or lowered in scope.binding:
            return None
        scope.binding.add(lowered)
        try:
            return self.bind(scope.aliases[lowered], scope)
        finally:
            scope.binding.discard(lowered)

    def _bind_placeholder(self, node: exp.Placeholder, scope: Scope) -> Expression:
        from velothread.frontend.parameters import bind_parameter

        return bind_parameter(self, node)

    _bind_parameter = _bind_placeholder

    def _bind_paren(self, node: exp.Paren, scope: Scope) -> Expression:
        return self.bind(node.this, scope)

    def _bind_alias(self, node: exp.Alias, scope: Scope) -> Expression:
        return self.bind(node.this, scope)

    # --- operators

    def _bind_binary(self, node: exp.Binary, scope: Scope) -> Expression:
        left, right = self.bind(node.this, scope), self.bind(node.expression, scope)
        return self.calls.call(_BINARY[type(node)], [left, right], position(node))

    def _bind_comparison(self, node: exp.Binary, scope: Scope) -> Expression:
        if isinstance(node.expression, (exp.Any, exp.All)):
            if is_query(node.expression.this):
                operator, place = _COMPARISONS[type(node)], position(node)
                return self.subqueries.quantified(operator, node.this, node.expression, scope, place)
            raise UnsupportedError("ANY/ALL are not supported yet", position(node), sql=self.sql)
        left, right = self.bind(node.this, scope), self.bind(node.expression, scope)
        if left.type.kind == "LIST" and isinstance(node, exp.NullSafeEQ) and self._is_written(node, "<=>"):
            return self.calls.call("list_cosine_distance", [left, right], position(node))
        return self.compare(_COMPARISONS[type(node)], left, right, position(node))

    def _is_written(self, node: exp.Binary, sign: str) -> bool:
        """IS NOT DISTINCT FROM and <=> are the same node; of lists the latter is a distance."""
        left, right = position(node.this), position(node.expression)
        return left is not None and right is not None and sign in self.sql[left.start : right.end]

    def compare(self, operator: str, left: Expression, right: Expression, place: Position | None) -> Expression:
        """A comparison over a common type; text is not silently compared with numbers."""
        shared = common_type(left.type, right.type)
        if shared is None:
            raise BindError(
                f"can't compare {left.type} {operator} {right.type}", place, hint="add a CAST to one side", sql=self.sql
            )
        return self.calls.call(operator, [self.coerce(left, shared), self.coerce(right, shared)], place)

    def _bind_neg(self, node: exp.Neg, scope: Scope) -> Expression:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return number("-" + node.this.this, position(node))
        return self.calls.call("negate", [self.bind(node.this, scope)], position(node))

    def _bind_bitwisenot(self, node: exp.BitwiseNot, scope: Scope) -> Expression:
        return self.calls.call("~", [self.bind(node.this, scope)], position(node))

    def _bind_not(self, node: exp.Not, scope: Scope) -> Expression:
        return self.negation(self.bind_condition(node.this, scope, "NOT"), position(node))

    def negation(self, e: Expression, place: Position | None) -> Expression:
        return fold_here(self.calls.call("not", [e], place))

    def _bind_and(self, node: exp.Connector, scope: Scope) -> Expression:
        operator = "and" if isinstance(node, exp.And) else "or"
        arguments: list[Expression] = []
        # a long chain is a deep tree: flatten it, so that a thousand ORs don't recurse
        stack: list[exp.Expr] = [node]
        while stack:
            top = stack.pop()
            while isinstance(top, exp.Paren) and isinstance(top.this, type(node)):
                top = top.this
            if isinstance(top, type(node)):
                stack.append(top.expression)
                stack.append(top.this)
            else:
                arguments.append(self.bind_condition(top, scope, operator.upper()))
        return Logical(operator, tuple(arguments), position(node.expression))

    _bind_or = _bind_and

    def _bind_xor(self, node: exp.Xor, scope: Scope) -> Expression:
        return self.calls.call("xor", [self.bind(node.this, scope), self.bind(node.expression, scope)], position(node))

    def _bind_between(self, node: exp.Between, scope: Scope) -> Expression:
        value, low, high = (self.bind(node.args[k], scope) for k in ("this", "low", "high"))
        place = position(node)
        shared = self.common([value, low, high], "BETWEEN", place)
        value, low, high = (self.coerce(x, shared) for x in (value, low, high))
        parts = (self.calls.call(">=", [value, low], place), self.calls.call("<=", [value, high], place))
        return Logical("and", parts, place)

    def _bind_is(self, node: exp.Is, scope: Scope) -> Expression:
        value = self.bind_value(node.this, scope)
        right, place = node.expression, position(node)
        if isinstance(right, exp.Null):
            return self.calls.call("is_null", [value], place)
        if isinstance(right, exp.Boolean):
            shared = self.coerce(value, t.BOOLEAN)
            return self.calls.call("is_not_distinct_from", [shared, literal(bool(right.this), t.BOOLEAN)], place)
        return self.compare("is_not_distinct_from", value, self.bind(right, scope), place)

    def _bind_in(self, node: exp.In, scope: Scope) -> Expression:
        place = position(node)
        query = node.args.get("query") or (node.expressions[0] if len(node.expressions) == 1 else None)
        if query is not None and is_query(query):
            return self.subqueries.membership(node.this, query, scope, place)
        value = self.bind(node.this, scope)
        if node.args.get("unnest") is not None or node.args.get("field") is not None:
            items = self.bind_value(node.args.get("field") or node.args["unnest"], scope)
            if items.type.is_tuple:
                from velothread.frontend.struct_calls import STRUCT_CALLS

                return STRUCT_CALLS["struct_contains"](self, "IN", [("", items), ("", self.settle(value))], place)
            return self.calls.call("list_contains", [items, value], place)
        options = [self.bind(x, scope) for x in node.expressions]
        return self.membership(value, options, place)

    def membership(self, value: Expression, options: list[Expression], place: Position | None) -> Expression:
        """value IN (options): a set where all are constants, else a chain of comparisons."""
        shared = self.common([value, *options], "IN", place)
        value = self.coerce(value, shared)
        options = [self.coerce(o, shared) for o in options]
        if not all(isinstance(o, Literal) for o in options) or shared.is_nested or shared.kind in ("NULL", "INTERVAL"):
            tests = tuple(self.calls.call("=", [value, o], place) for o in options)
            return fold_here(Logical("or", tests, place)) if len(tests) > 1 else tests[0]
        constants = [o for o in options if isinstance(o, Literal)]
        present = [c for c in constants if c.value.is_valid]
        values = pa.array([c.value.as_py() for c in present], shared.arrow)
        return Membership(value, values, ", ".join(c.text for c in present), len(present) < len(constants), place)

    def _bind_like(self, node: exp.Binary, scope: Scope, escape: Expression | None = None) -> Expression:
        name = "ilike" if isinstance(node, exp.ILike) else "like"
        arguments = [self.bind(node.this, scope), self.bind(node.expression, scope)]
        if escape is not None:
            return self.calls.call(name + "_escape", [*arguments, escape], position(node))
        return self.calls.call(name, arguments, position(node))

    _bind_ilike = _bind_like

    def _bind_escape(self, node: exp.Escape, scope: Scope) -> Expression:
        inner = node.this
        negated = isinstance(inner, exp.Not) or bool(inner.args.get("negate"))
        like = inner.this if isinstance(inner, exp.Not) else inner
        e = self._bind_like(like, scope, self.bind(node.expression, scope))
        return self.negation(e, position(node)) if negated else e

    # --- conditionals

    def _bind_case(self, node: exp.Case, scope: Scope) -> Expression:
        place = position(node)
        subject = self.bind(node.this, scope) if node.this is not None else None
        conditions: list[Expression] = []
        values: list[Expression] = []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.bind_condition(branch.this, scope, "WHEN"))
            else:
                conditions.append(self.compare("=", subject, self.bind(branch.this, scope), position(branch.this)))
            values.append(self.bind(branch.args["true"], scope))
        default = node.args.get("default")
        values.append(self.bind(default, scope) if default is not None else literal(None, t.NULL))
        return self.case(conditions, values, place)

    def case(self, conditions: list[Expression], values: list[Expression], place: Position | None) -> Expression:
        """CASE over bound parts; the last of `values` is ELSE."""
        shared = self.common(values, "CASE", place)
        values = [self.coerce(v, shared) for v in values]
        branches = tuple(zip((fold(c) for c in conditions), values[:-1], strict=True))
        return fold_here(Case(branches, values[-1], shared, place))

    def _bind_if(self, node: exp.If, scope: Scope) -> Expression:
        values = [self.bind(node.args["true"], scope)]
        false = node.args.get("false")
        values.append(self.bind(false, scope) if false is not None else literal(None, t.NULL))
        return self.case([self.bind_condition(node.this, scope, "IF")], values, position(node))

    def coalesce(self, items: list[Expression], place: Position | None) -> Expression:
        shared = self.common(items, "COALESCE", place)
        return fold_here(Coalesce(tuple(self.coerce(i, shared) for i in items), shared, place))

    # --- subqueries

    def _bind_subquery(self, node: exp.Expr, scope: Scope) -> Expression:
        return self.subqueries.scalar(node, scope)

    _bind_select = _bind_subquery
    _bind_union = _bind_subquery
    _bind_except = _bind_subquery
    _bind_intersect = _bind_subquery

    def _bind_exists(self, node: exp.Exists, scope: Scope) -> Expression:
        return self.subqueries.exists(node, scope)

    # --- functions

    def _bind_anonymous(self, node: exp.Anonymous, scope: Scope) -> Expression:
        if str(node.this).lower() == "array" and len(node.expressions) == 1 and is_query(node.expressions[0]):
            return self.subqueries.array(node.expressions[0], scope)
        return self.calls.bind_call(node, scope)

    def _bind_filter(self, node: exp.Filter, scope: Scope) -> Expression:
        return self.calls.bind_call(node.this, scope, filter_=node.expression.this)

    def _bind_withingroup(self, node: exp.WithinGroup, scope: Scope) -> Expression:
        return self.calls.bind_call(node.this, scope, within=node.expression)


def is_query(node: exp.Expr | None) -> bool:
    """Is it a query, in parentheses or not?"""
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, (exp.Select, exp.Subquery, exp.SetOperation, exp.Values, exp.Table))
