"""Binding of calls: scalar functions and operators by table, aggregates, and the few with rules of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL
from velothread.errors import BindError, Position, UnsupportedError, did_you_mean
from velothread.frontend import json_calls, lambdas, lateral, list_calls, macros, meta_calls, struct_calls
from velothread.frontend.aggregate_owner import lifted, owner_of
from velothread.frontend.dialect_meaning.typed import TYPED
from velothread.frontend.folding import fold_here
from velothread.frontend.grouping_sets import grouping_call
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.frontend.placement import refuse_windows
from velothread.frontend.windows import NAMES as WINDOW_FUNCTIONS
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Cast,
    Expression,
    Literal,
    Ordering,
    literal,
    walk,
)
from velothread.types import SqlType

# The function tables and their kernels are imported by the first call that is bound: a query without any starts sooner.
if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder
    from velothread.kernels.function import Function

# Operators whose integer literals adapt to the other side.
_ADAPTING = frozenset({"+", "-", "*", "//", "%", "&", "|", "xor"})
_LIST_AGGREGATE = ("list_aggregate", "list_aggr", "array_aggregate", "array_aggr", "aggregate")
_KEYWORDS = ("current_date", "current_timestamp", "current_time", "localtimestamp", "localtime", "today", "now")

# Aggregates that join texts, and turn any value into one first.
_TAKE_TEXT = frozenset({"string_agg", "group_concat", "listagg"})


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
            "current_localtimestamp": self._local_now, "row": self._row,
            "struct_extract": self._struct_extract, "array_extract": self._array_extract,
            "date_part": self.date_part, "datepart": self.date_part,
            "round": partial(self._round, "round"), "trunc": partial(self._round, "trunc"),
            **{name: partial(self._regexp_extract, name) for name in ("regexp_extract", "regexp_extract_all")},
            **dict.fromkeys(_LIST_AGGREGATE, partial(list_calls.bind_list_aggregate, self.binder)),
            "grouping": grouping_call, "grouping_id": grouping_call,
        }  # fmt: skip

    # --- calls by name

    def bind_call(
        self, node: exp.Expr, scope: Scope, *, filter_: exp.Expr | None = None, within: exp.Expr | None = None
    ) -> Expression:
        """A call as written: `name(arguments)`, with FILTER or WITHIN GROUP around it."""
        from velothread.kernels.aggregates import AGGREGATES

        sql, place = self.binder.sql, position(node)
        if not isinstance(node, exp.Anonymous):
            raise UnsupportedError(f"{type(node).__name__} is not supported here", place, sql=sql)
        name = str(node.this).lower()
        if name in self.binder.functions:
            from velothread.frontend.python_calls import bind_python_call, is_python_aggregate

            if is_python_aggregate(self.binder, name):
                return self.bind_aggregate(name, node, scope, filter_, within)
            return bind_python_call(self.binder, name, node, scope, clauses=filter_ is not None or within is not None)
        if name in macros.MACROS and filter_ is None and within is None:
            return self.binder.bind(macros.expanded(macros.MACROS[name], node, sql), scope)
        if lateral.is_unnest(node):
            return lateral.bind_call(self.binder, node, scope)
        if name in AGGREGATES:
            return self.bind_aggregate(name, node, scope, filter_, within)
        if filter_ is not None or within is not None:
            raise BindError(f"{name} is not an aggregate: FILTER and WITHIN GROUP don't fit", place, sql=sql)
        arguments_ = node.expressions
        if name in meta_calls.META_CALLS:
            return meta_calls.bind_meta_call(self.binder, name, arguments_, scope, node)
        if name in struct_calls.STRUCT_CALLS:
            return struct_calls.bind_struct_call(self.binder, name, arguments_, scope, node)
        if name == "try":
            return lambdas.bind_try(self.binder, arguments_, scope, node)
        if name in lambdas.NAMES:
            return lambdas.bind_lambda_call(self.binder, name, arguments_, scope, node)
        for argument in arguments_:
            if isinstance(argument, (exp.Distinct, exp.Order)):
                raise BindError(f"DISTINCT and ORDER BY only fit into aggregates, {name} is none", place, sql=sql)
        arguments_ = [json_calls.arrow_of(a) if isinstance(a, exp.Lambda) else a for a in arguments_]
        arguments = [self.binder.bind(a, scope) for a in arguments_]
        if name in json_calls.JSON_CALLS:
            return json_calls.JSON_CALLS[name](self.binder, name, arguments, place)
        if name in self.special:
            return self.special[name](arguments, place)
        if name in TYPED:
            return TYPED[name](self.binder, arguments, place)
        return self.call(name, arguments, place)

    def call(self, name: str, arguments: Sequence[Expression], place: Position | None) -> Expression:
        """A scalar call over bound arguments: choose the overload, cast, fold.

        :raises BindError: for an unknown name or arguments that fit no overload.
        """
        from velothread.kernels.function import resolve
        from velothread.kernels.functions import SCALARS

        overloads: Sequence[Function] = SCALARS.get(name, ())
        sql = self.binder.sql
        if name == "||" and any(a.type == t.NULL for a in arguments):
            return literal(None, t.NULL, place)
        if not overloads:
            if (over_items := list_calls.over_items(self.binder, name, arguments, place)) is not None:
                return over_items
            from velothread.kernels.aggregates import AGGREGATES

            if name in WINDOW_FUNCTIONS:
                raise BindError(f"{name} is a window function: it needs OVER (...)", place, sql=sql)
            known = [*self.binder.functions, *SCALARS, *AGGREGATES, *self.special]
            hint = self.binder.unfit.get(name) or did_you_mean(name, known)
            raise BindError(f"unknown function {name}", place, hint=hint, sql=sql)
        if name in _ADAPTING and len(arguments) == 2:
            arguments = self._adapted(arguments)
        found = resolve(overloads, [a.type for a in arguments])
        if found is None:
            if (over_items := list_calls.over_items(self.binder, name, arguments, place)) is not None:
                return over_items
            raise BindError(*self._misfit(name, arguments, [f.signature() for f in overloads]), place, sql=sql)
        cast = tuple(self.binder.coerce(a, p) for a, p in zip(arguments, found.parameters, strict=True))
        return fold_here(Call(found.function, cast, found.returns, place))

    def _adapted(self, arguments: Sequence[Expression]) -> Sequence[Expression]:
        """An integer literal takes the type of the other side where it fits: `tinyint_column + 1` stays TINYINT."""
        left, right = arguments
        if isinstance(left, Literal) == isinstance(right, Literal):
            return arguments
        constant, other = (left, right) if isinstance(left, Literal) else (right, left)
        if not isinstance(constant, Literal) or not constant.type.is_integer or not constant.value.is_valid:
            return arguments
        value = int(constant.value.as_py())
        if other.type.kind == "DECIMAL" and other.type.precision > 27:  # a DECIMAL(10,0) beside it would not fit
            new = literal(Decimal(value), t.decimal(len(str(abs(value))), 0), constant.position)
        elif other.type.is_integer and other.type.kind != "HUGEINT":
            signed, bits = t.INTEGER_WIDTHS[other.type.kind]
            low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
            if not low <= value < high:
                return arguments
            new = literal(value, other.type, constant.position)
        else:
            return arguments
        return [new if a is constant else a for a in arguments]

    @staticmethod
    def _misfit(name: str, arguments: Sequence[Expression], signatures: list[str]) -> tuple[str]:
        given = ", ".join("VARCHAR" if a.type == STRING_LITERAL else str(a.type) for a in arguments)
        label = f"{name}({given})"
        if len(arguments) == 2 and not name[0].isalpha():
            label = f"{_type(arguments[0])} {name} {_type(arguments[1])}"
        # an alias is shown by the name that was written; operators stay as they are
        signatures = [re.sub(r"^\w+\(", f"{name}(", s) for s in signatures]
        shown = "\n    ".join(dict.fromkeys(signatures))
        return (f"no function fits {label}; there are\n    {shown}",)

    def keyword(self, name: str, place: Position | None) -> Expression | None:
        """`current_date` and the like, written without parentheses."""
        lowered = name.lower()
        if lowered in ("user", "current_role"):
            return literal("velothread", t.VARCHAR, place)
        return self.special[lowered]([], place) if lowered in _KEYWORDS and lowered in self.special else None

    def check_cast(self, source: SqlType, target: SqlType, place: Position | None) -> None:
        """Refuse casts that make no sense, before anything runs."""
        from velothread.kernels.casts import can_cast

        if not can_cast(source, target):
            raise BindError(f"can't cast {source} to {target}", place, sql=self.binder.sql)

    # --- aggregates

    def bind_aggregate(
        self, name: str, node: exp.Anonymous, scope: Scope, filter_: exp.Expr | None, within: exp.Expr | None,
        *, windowed: bool = False,
    ) -> Expression:  # fmt: skip
        """An aggregate call. windowed: it stands before OVER, so its arguments may be aggregates."""
        binder, place = self.binder, position(node)
        items = [json_calls.arrow_of(a) if isinstance(a, exp.Lambda) else a for a in node.expressions]
        distinct = False
        order: list[exp.Expr] = []
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
        owner = scope if windowed else owner_of(arguments, scope)
        condition = binder.bind_condition(filter_, scope, "FILTER") if filter_ is not None else None
        orderings = tuple(self.ordering(o, scope) for o in order)
        for e in (*arguments, *([condition] if condition is not None else []), *(o.expression for o in orderings)):
            if not windowed and any(isinstance(x, AggregateCall) for x in walk(e)):
                raise BindError("an aggregate can't stand inside another", e.position or place, sql=binder.sql)
            if not windowed:
                refuse_windows(e, "an aggregate", binder.sql)
        registered = binder.functions.get(name)
        if registered is not None:
            from velothread.frontend.python_calls import bind_python_aggregate

            call: Expression = bind_python_aggregate(
                binder, registered, arguments, distinct, condition, orderings, place
            )
        else:
            call = self._make_aggregate(name, arguments, distinct, condition, orderings, place, within is not None)
        return call if owner is scope else lifted(call, owner, binder.subqueries.query.fields)

    def make_aggregate(self, name: str, arguments: list[Expression]) -> Expression:
        """An aggregate over bound arguments."""
        return self._make_aggregate(name, arguments, False, None, (), None, False)

    def _make_aggregate(
        self, name: str, arguments: list[Expression], distinct: bool, condition: Expression | None,
        orderings: tuple[Ordering, ...], place: Position | None, within: bool,
    ) -> Expression:  # fmt: skip
        from velothread.kernels.aggregates import AGGREGATES, resolve_aggregate

        binder = self.binder
        if name in _TAKE_TEXT and arguments and arguments[0].type not in (t.VARCHAR, t.NULL, STRING_LITERAL):
            arguments = [Cast(arguments[0], t.VARCHAR, position=place), *arguments[1:]]
        found = resolve_aggregate(name, [a.type for a in arguments])
        if found is None:
            signatures = [f.signature() for f in AGGREGATES[name]]
            raise BindError(*self._misfit(name, arguments, signatures), place, sql=binder.sql)
        cast = [binder.coerce(a, p) for a, p in zip(arguments, found.parameters, strict=True)]
        function = found.function
        columns = len(cast) - function.constants
        constants: list[Literal] = []
        for c in cast[columns:]:
            if not isinstance(c, Literal):
                raise BindError(f"this argument of {name} must be a constant", c.position or place, sql=binder.sql)
            constants.append(c)
        if within and orderings and orderings[0].descending and "quantile" in function.name:
            constants = [_from_the_top(c) for c in constants]
        try:  # constants are judged by the state that they are for
            function.state(found.parameters, tuple(c.value for c in constants), found.returns)
        except BindError as error:
            at = constants[0].position if constants else None
            raise BindError(error.message, at or place, hint=error.hint, sql=binder.sql) from None
        # mode() WITHIN GROUP (ORDER BY x) takes the first of equally frequent values; a quantile sorts by itself.
        within = within and not function.ordered
        return AggregateCall(
            function, tuple(cast[:columns]), tuple(constants), found.returns, distinct, condition,
            () if within else orderings, place,
        )  # fmt: skip

    def ordering(self, node: exp.Expr, scope: Scope) -> Ordering:
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

    def _regexp_extract(self, name: str, arguments: list[Expression], place: Position | None) -> Expression:
        """With a list of names, the groups come as a struct."""
        from velothread.kernels.function import Function
        from velothread.kernels.patterns import extract_all_structs, extract_struct

        if len(arguments) < 3 or arguments[2].type.kind != "LIST":
            return self.call(name, arguments, place)
        names = arguments[2]
        if not isinstance(names, Literal):
            raise BindError("the names of the groups must be constants", place, sql=self.binder.sql)
        fields = tuple(names.value.as_py())
        type_ = t.struct_of(tuple((n, t.VARCHAR) for n in fields))
        others = [self.binder.coerce(a, t.VARCHAR) for a in (*arguments[:2], *arguments[3:])]
        everything = name == "regexp_extract_all"
        kernel = extract_all_structs(fields) if everything else extract_struct(fields)
        type_ = t.list_of(type_) if everything else type_
        function = Function(name, tuple(a.type for a in others), type_, kernel, raises=True)
        return fold_here(Call(function, tuple(others), type_, place))

    def call_special(self, name: str, arguments: list[Expression], place: Position | None) -> Expression:
        """A call of a function that has rules of its own."""
        return self.special[name](arguments, place)

    def date_part(self, arguments: list[Expression], place: Position | None) -> Expression:
        """date_part(part, x); the parts that are DOUBLE have functions of their own."""
        part = arguments[0] if len(arguments) == 2 else None
        if isinstance(part, Literal) and part.value.is_valid and str(part.value.as_py()).lower() in ("epoch", "julian"):
            return self.call(str(part.value.as_py()).lower(), arguments[1:], place)
        if isinstance(part, Literal) and part.type.kind == "LIST":  # date_part(['year', 'month'], x): a struct
            names = [str(name) for name in part.value.as_py()]
            parts = [self.date_part([literal(n, t.VARCHAR, place), arguments[1]], place) for n in names]
            return self.struct_pack(names, parts, place)
        return self.call("date_part", arguments, place)

    def _round(self, name: str, arguments: list[Expression], place: Position | None) -> Expression:
        """round(DECIMAL(p, s), n) with a constant n is a DECIMAL(p, n)."""
        from velothread.kernels.numeric import rounded_type

        e = self.call(name, arguments, place)
        if len(arguments) != 2 or arguments[0].type.kind != "DECIMAL" or not isinstance(arguments[1], Literal):
            return e
        digits = arguments[1].value.as_py()
        target = rounded_type(arguments[0].type, digits) if isinstance(digits, int) else e.type
        return e if target == e.type else fold_here(Cast(e, target, True, place))

    def _row(self, arguments: list[Expression], place: Position | None) -> Expression:
        names = [f"element_{i + 1}" for i in range(len(arguments))]
        return self.struct_pack(names, [self.binder.settle(a) for a in arguments], place)

    def _array_extract(self, arguments: list[Expression], place: Position | None) -> Expression:
        """Of a list, a text, a map or a struct."""
        kind = arguments[0].type.kind if arguments else ""
        if kind == "STRUCT":
            return self._struct_extract(arguments, place)
        return self.call("map_extract_value" if kind == "MAP" else "array_extract", arguments, place)

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
        from velothread.kernels.function import Function
        from velothread.kernels.structs import pack

        fields = tuple(zip(names, (v.type for v in values), strict=True))
        type_ = t.struct_of(fields)
        function = Function("struct_pack", tuple(v.type for v in values), type_, pack(tuple(names)), strict=False)
        return fold_here(Call(function, tuple(values), type_, place))

    def struct_field(self, base: Expression, name: str, place: Position | None) -> Expression:
        """s.name."""
        from velothread.kernels.function import Function
        from velothread.kernels.structs import extract

        sql = self.binder.sql
        if base.type == t.JSON:
            return json_calls.field_of(self.binder, base, name, place)
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


def _from_the_top(fraction: Literal) -> Literal:
    """The fraction (or list of them) of a quantile counted from the greatest value: the kernels take it as negative."""
    value = fraction.value.as_py()
    if value is None:
        return fraction
    turned = [None if f is None else -f for f in value] if isinstance(value, list) else -value
    return literal(turned, fraction.type, fraction.position)


def _type(e: Expression) -> str:
    return "VARCHAR" if e.type == STRING_LITERAL else str(e.type)
