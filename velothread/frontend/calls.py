"""Binding of function calls: scalar functions and operators by table, aggregates, and the few with rules of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL
from velothread.errors import BindError, Position, UnsupportedError, did_you_mean
from velothread.frontend.folding import fold_here
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.kernels.aggregates import AGGREGATES, resolve_aggregate
from velothread.kernels.function import Function, resolve
from velothread.kernels.functions import SCALARS
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Expression,
    Literal,
    Ordering,
    literal,
    walk,
)
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

_KEYWORDS = ("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime", "today", "now")


class CallBinder:
    """Binds calls for an `ExpressionBinder`.

    Threading: owned by the thread that binds.
    """

    def __init__(self, binder: ExpressionBinder) -> None:
        self.binder = binder
        # Functions that aren't a table line: they bind arguments in another way, or know the query.
        self.special: dict[str, Callable[[list[Expression], Position | None], Expression]] = {
            "coalesce": self._coalesce, "ifnull": self._coalesce, "nvl": self._coalesce,
            "if": self._if, "iif": self._if, "nullif": self._nullif,
            "now": self._now, "current_timestamp": self._now, "get_current_timestamp": self._now,
            "transaction_timestamp": self._now, "today": self._today, "current_date": self._today,
            "current_localtimestamp": self._local_now, "typeof": self._typeof, "row": self._row,
            "struct_extract": self._struct_extract,
        }  # fmt: skip

    # --- calls by name

    def bind_call(
        self, node: exp.Expression, scope: Scope, *, filter_: exp.Expression | None = None, within: exp.Expression | None = None
    ) -> Expression:
        """A call as written: `name(arguments)`, with FILTER or WITHIN GROUP around it."""
        sql, place = self.binder.sql, position(node)
        if not isinstance(node, exp.Anonymous):
            raise UnsupportedError(f"{type(node).__name__} is not supported here", place, sql=sql)
        name = str(node.this).lower()
        if name in AGGREGATES:
            return self._aggregate(name, node, scope, filter_, within)
        if filter_ is not None or within is not None:
            raise BindError(f"{name} is not an aggregate: FILTER and WITHIN GROUP don't fit", place, sql=sql)
        arguments_ = node.expressions
        if name == "struct_pack":
            names = [a.this.name if isinstance(a, (exp.PropertyEQ, exp.EQ)) else a.alias_or_name for a in arguments_]
            nodes = [a.expression if isinstance(a, (exp.PropertyEQ, exp.EQ)) else a for a in arguments_]
            return self.struct_pack(names, [self.binder.bind_value(a, scope) for a in nodes], place)
        for argument in arguments_:
            if isinstance(argument, exp.Lambda):
                raise UnsupportedError("lambda functions are not supported yet", position(argument) or place, sql=sql)
            if isinstance(argument, (exp.Distinct, exp.Order)):
                raise BindError(f"DISTINCT and ORDER BY only fit into aggregates, {name} is none", place, sql=sql)
        arguments = [self.binder.bind(a, scope) for a in arguments_]
        if name in self.special:
            return self.special[name](arguments, place)
        return self.call(name, arguments, place)

    def call(self, name: str, arguments: Sequence[Expression], place: Position | None) -> Expression:
        """A scalar call over bound arguments: choose the overload, cast, fold.

        :raises BindError: for an unknown name or arguments that fit no overload.
        """
        overloads: Sequence[Function] = SCALARS.get(name, ())
        sql = self.binder.sql
        if not overloads:
            hint = did_you_mean(name, [*SCALARS, *AGGREGATES, *self.special])
            raise BindError(f"unknown function {name}", place, hint=hint, sql=sql)
        found = resolve(overloads, [a.type for a in arguments])
        if found is None:
            raise BindError(*self._misfit(name, arguments, [f.signature() for f in overloads]), place, sql=sql)  # type: ignore[misc]
        cast = tuple(self.binder.coerce(a, p) for a, p in zip(arguments, found.parameters, strict=True))
        return fold_here(Call(found.function, cast, found.returns, place))

    @staticmethod
    def _misfit(name: str, arguments: Sequence[Expression], signatures: list[str]) -> tuple[str]:
        given = ", ".join("VARCHAR" if a.type == STRING_LITERAL else str(a.type) for a in arguments)
        label = f"{name}({given})"
        if len(arguments) == 2 and not name[0].isalpha():
            label = f"{_type(arguments[0])} {name} {_type(arguments[1])}"
        shown = "\n    ".join(dict.fromkeys(signatures))
        return (f"no function fits {label}; there are\n    {shown}",)

    def keyword(self, name: str, place: Position | None) -> Expression | None:
        """`current_date` and the like, written without parentheses."""
        lowered = name.lower()
        return self.special[lowered]([], place) if lowered in _KEYWORDS and lowered in self.special else None

    def check_cast(self, source: SqlType, target: SqlType, place: Position | None) -> None:
        """Refuse casts that make no sense, before anything runs."""
        from velothread.kernels.casts import can_cast

        if not can_cast(source, target):
            raise BindError(f"can't cast {source} to {target}", place, sql=self.binder.sql)

    # --- aggregates

    def _aggregate(
        self, name: str, node: exp.Anonymous, scope: Scope, filter_: exp.Expression | None, within: exp.Expression | None
    ) -> Expression:
        binder, place = self.binder, position(node)
        items = list(node.expressions)
        distinct = False
        order: list[exp.Expression] = []
        if items and isinstance(items[-1], exp.Order):
            ordered = items.pop()
            order = ordered.expressions
            items.append(ordered.this)
        if items and isinstance(items[0], exp.Distinct):
            distinct = True
            items = [*items[0].expressions, *items[1:]]
            if items and isinstance(items[-1], exp.Order):
                ordered = items.pop()
                order = ordered.expressions
                items.append(ordered.this)
        if within is not None:
            order = within.expressions
            # percentile_cont(0.5) WITHIN GROUP (ORDER BY x) is quantile_cont(x, 0.5 ORDER BY x)
            items = [order[0].this, *items]
        if name == "count" and (not items or isinstance(items[0], exp.Star)):
            items = []
        if any(isinstance(i, exp.Star) for i in items):
            raise BindError(f"{name}(*) makes no sense; only count(*) does", place, sql=binder.sql)
        arguments = [binder.bind(i, scope) for i in items]
        condition = binder.bind_condition(filter_, scope, "FILTER") if filter_ is not None else None
        orderings = tuple(self.ordering(o, scope) for o in order)
        for e in (*arguments, *([condition] if condition is not None else []), *(o.expression for o in orderings)):
            if any(isinstance(x, AggregateCall) for x in walk(e)):
                raise BindError("an aggregate can't stand inside another", e.position or place, sql=binder.sql)  # type: ignore[union-attr]
        return self._make_aggregate(name, arguments, distinct, condition, orderings, place, within is not None)

    def _make_aggregate(
        self, name: str, arguments: list[Expression], distinct: bool, condition: Expression | None,
        orderings: tuple[Ordering, ...], place: Position | None, within: bool,
    ) -> Expression:  # fmt: skip
        binder = self.binder
        found = resolve_aggregate(name, [a.type for a in arguments])
        if found is None:
            signatures = [f.signature() for f in AGGREGATES[name]]
            raise BindError(*self._misfit(name, arguments, signatures), place, sql=binder.sql)  # type: ignore[misc]
        cast = [binder.coerce(a, p) for a, p in zip(arguments, found.parameters, strict=True)]
        function = found.function
        columns = len(cast) - function.constants
        constants: list[Literal] = []
        for c in cast[columns:]:
            if not isinstance(c, Literal):
                raise BindError(f"this argument of {name} must be a constant", c.position or place, sql=binder.sql)  # type: ignore[union-attr]
            constants.append(c)
        if within and orderings and orderings[0].descending and "quantile" in function.name:
            constants = [literal(1 - c.value.as_py(), c.type) if not c.type.is_nested else c for c in constants]
        return AggregateCall(
            function, tuple(cast[:columns]), tuple(constants), found.returns, distinct, condition,
            () if within else orderings, place,
        )  # fmt: skip

    def ordering(self, node: exp.Expression, scope: Scope) -> Ordering:
        """An ORDER BY item; NULLS LAST unless said otherwise."""
        if not isinstance(node, exp.Ordered):
            return Ordering(self.binder.bind_value(node, scope), False, False)
        e = self.binder.bind_value(node.this, scope)
        return Ordering(e, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))

    # --- functions with rules of their own

    def _coalesce(self, arguments: list[Expression], place: Position | None) -> Expression:
        self._count("coalesce", arguments, 1, None, place)
        return self.binder.coalesce(arguments, place)

    def _if(self, arguments: list[Expression], place: Position | None) -> Expression:
        self._count("if", arguments, 3, 3, place)
        condition = self.binder.coerce(arguments[0], t.BOOLEAN)
        return self.binder.case([condition], arguments[1:], place)

    def _nullif(self, arguments: list[Expression], place: Position | None) -> Expression:
        self._count("nullif", arguments, 2, 2, place)
        equal = self.binder.compare("=", arguments[0], arguments[1], place)
        first = self.binder.settle(arguments[0])
        return self.binder.case([equal], [literal(None, first.type), first], place)

    def _now(self, arguments: list[Expression], place: Position | None) -> Expression:
        return literal(self.binder.query_time, t.TIMESTAMPTZ, place)

    def _local_now(self, arguments: list[Expression], place: Position | None) -> Expression:
        return literal(self.binder.query_time.replace(tzinfo=None), t.TIMESTAMP, place)

    def _today(self, arguments: list[Expression], place: Position | None) -> Expression:
        return literal(self.binder.query_time.date(), t.DATE, place)

    def _typeof(self, arguments: list[Expression], place: Position | None) -> Expression:
        self._count("typeof", arguments, 1, 1, place)
        return literal(str(self.binder.settle(arguments[0]).type), t.VARCHAR, place)

    def _row(self, arguments: list[Expression], place: Position | None) -> Expression:
        names = [f"element_{i + 1}" for i in range(len(arguments))]
        return self.struct_pack(names, [self.binder.settle(a) for a in arguments], place)

    def _struct_extract(self, arguments: list[Expression], place: Position | None) -> Expression:
        self._count("struct_extract", arguments, 2, 2, place)
        key = arguments[1]
        if not isinstance(key, Literal):
            raise BindError("the field of struct_extract must be a constant", place, sql=self.binder.sql)
        if key.type.is_integer:
            fields = arguments[0].type.fields
            index = key.value.as_py()
            if not 1 <= index <= len(fields):
                raise BindError(f"the struct has {len(fields)} fields, not {index}", place, sql=self.binder.sql)
            return self.struct_field(arguments[0], fields[index - 1][0], place)
        return self.struct_field(arguments[0], key.text, place)

    def struct_pack(self, names: list[str], values: list[Expression], place: Position | None) -> Expression:
        """{'a': x, 'b': y}."""
        from velothread.kernels.structs import pack

        fields = tuple(zip(names, (v.type for v in values), strict=True))
        type_ = t.struct_of(fields)
        function = Function(
            "struct_pack", tuple(v.type for v in values), type_, pack(tuple(names)), strict=False
        )
        return fold_here(Call(function, tuple(values), type_, place))

    def struct_field(self, base: Expression, name: str, place: Position | None) -> Expression:
        """s.name."""
        from velothread.kernels.structs import extract

        sql = self.binder.sql
        if base.type.kind != "STRUCT":
            raise BindError(f"{base.type} has no field {name!r}: it is no struct", place, sql=sql)
        names = [n for n, _ in base.type.fields]
        index = next((i for i, n in enumerate(names) if n.lower() == name.lower()), None)
        if index is None:
            hint = did_you_mean(name, names) or f"fields: {', '.join(names)}"
            raise BindError(f"the struct has no field {name!r}", place, hint=hint, sql=sql)
        type_ = base.type.fields[index][1]
        function = Function("struct_extract", (base.type,), type_, extract(index), name)
        return fold_here(Call(function, (base,), type_, place))

    def _count(self, name: str, arguments: list[Any], low: int, high: int | None, place: Position | None) -> None:
        if len(arguments) < low or (high is not None and len(arguments) > high):
            wanted = f"{low}" if high == low else f"at least {low}"
            raise BindError(f"{name} takes {wanted} arguments, not {len(arguments)}", place, sql=self.binder.sql)


def _type(e: Expression) -> str:
    return "VARCHAR" if e.type == STRING_LITERAL else str(e.type)
