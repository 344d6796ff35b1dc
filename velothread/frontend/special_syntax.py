"""What has a syntax of its own: CAST, EXTRACT, SUBSTRING ... FROM, lists, structs, maps, subscripts.

One function a node class, in the table `SYNTAX`; the `ExpressionBinder` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL
from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend.folding import fold_here
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.frontend.type_names import bind_type
from velothread.plan.expressions import Cast, Column, Expression, Literal, literal

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder


_COARSE_TIMESTAMPS = {exp.DType.TIMESTAMP_S: ("second", 500_000), exp.DType.TIMESTAMP_MS: ("millisecond", 500)}


def bind_cast(binder: ExpressionBinder, node: exp.Cast, scope: Scope) -> Expression:
    target = bind_type(node.args["to"], binder.sql)
    e = binder.bind(node.this, scope)
    place = position(node)
    if isinstance(e, Literal) and e.type == STRING_LITERAL:
        e = binder.settle(e)
    if e.type != target:
        binder.calls.check_cast(e.type, target, place)
        e = fold_here(Cast(e, target, not isinstance(node, exp.TryCast), place))
    half = _COARSE_TIMESTAMPS.get(node.args["to"].this)
    return e if half is None else _rounded(binder, e, half[0], half[1], place)


def _rounded(binder: ExpressionBinder, e: Expression, unit: str, half_us: int, place: Position | None) -> Expression:
    """TIMESTAMP_S and TIMESTAMP_MS are held as TIMESTAMP, rounded."""
    half = literal(pa.scalar((0, 0, half_us * 1000), t.INTERVAL.arrow), t.INTERVAL)
    return binder.calls.call("date_trunc", [literal(unit, t.VARCHAR), binder.calls.call("+", [e, half], place)], place)


def bind_extract(binder: ExpressionBinder, node: exp.Extract, scope: Scope) -> Expression:
    part = literal(node.this.name.lower(), t.VARCHAR, position(node.this))
    return binder.calls.date_part([part, binder.bind(node.expression, scope)], position(node))


def bind_substring(binder: ExpressionBinder, node: exp.Substring, scope: Scope) -> Expression:
    start = node.args.get("start") or exp.Literal.number(1)
    parts = [node.this, start] + ([node.args["length"]] if node.args.get("length") is not None else [])
    return binder.calls.call("substring", [binder.bind(p, scope) for p in parts], position(node))


def bind_overlay(binder: ExpressionBinder, node: exp.Overlay, scope: Scope) -> Expression:
    parts = [node.this, node.expression, node.args["from_"], node.args.get("for_")]
    return binder.calls.call("overlay", [binder.bind(p, scope) for p in parts if p is not None], position(node))


def bind_trim(binder: ExpressionBinder, node: exp.Trim, scope: Scope) -> Expression:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get((node.args.get("position") or "").upper(), "trim")
    parts = [node.this] + ([node.expression] if node.expression is not None else [])
    return binder.calls.call(name, [binder.bind(p, scope) for p in parts], position(node))


def bind_strposition(binder: ExpressionBinder, node: exp.StrPosition, scope: Scope) -> Expression:
    return binder.calls.call(
        "strpos", [binder.bind(node.this, scope), binder.bind(node.args["substr"], scope)], position(node)
    )


def bind_attimezone(binder: ExpressionBinder, node: exp.AtTimeZone, scope: Scope) -> Expression:
    arguments = [binder.bind(node.args["zone"], scope), binder.bind(node.this, scope)]
    return binder.calls.call("timezone", arguments, position(node))


def bind_currentdate(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    return literal(binder.query_time.date(), t.DATE, position(node))


def bind_currenttimestamp(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    return literal(binder.query_time, t.TIMESTAMPTZ, position(node))


def bind_localtimestamp(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    return literal(binder.query_time.replace(tzinfo=None), t.TIMESTAMP, position(node))


def bind_currenttime(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    return literal(binder.query_time.time().replace(tzinfo=None), t.TIME, position(node))


def bind_array(binder: ExpressionBinder, node: exp.Array, scope: Scope) -> Expression:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Comprehension):
        return binder.bind(node.expressions[0], scope)
    return binder.calls.call("list_value", [binder.bind(x, scope) for x in node.expressions], position(node))


def bind_tomap(binder: ExpressionBinder, node: exp.ToMap, scope: Scope) -> Expression:
    place = position(node)
    if isinstance(node.this, exp.Bracket):  # MAP {'a': 1}['a'] is parsed with the subscript inside
        whole = exp.Bracket(this=exp.ToMap(this=node.this.this.copy()), expressions=node.this.expressions)
        return binder.bind(whole, scope)
    items = node.this.expressions
    keys = [binder.bind(x.this, scope) for x in items]
    values = [binder.bind(x.expression, scope) for x in items]
    return binder.calls.call("map", [binder.calls.call("list_value", x, place) for x in (keys, values)], place)


def bind_map(binder: ExpressionBinder, node: exp.Map, scope: Scope) -> Expression:
    parts = [node.args[k] for k in ("keys", "values") if node.args.get(k) is not None]
    if not parts:
        parts = [exp.Array(expressions=[]), exp.Array(expressions=[])]
    return binder.calls.call("map", [binder.bind(p, scope) for p in parts], position(node))


def bind_contained(binder: ExpressionBinder, node: exp.ArrayContainedBy, scope: Scope) -> Expression:
    sides = [binder.bind(node.this, scope), binder.bind(node.expression, scope)]
    return binder.calls.call("<@", sides, position(node))


def bind_tuple(binder: ExpressionBinder, node: exp.Tuple, scope: Scope) -> Expression:
    return binder.calls.call_special("row", [binder.bind(x, scope) for x in node.expressions], position(node))


def bind_struct(binder: ExpressionBinder, node: exp.Struct, scope: Scope) -> Expression:
    names: list[str] = []
    values: list[Expression] = []
    for item in node.expressions:
        names.append(item.this.name if isinstance(item, exp.PropertyEQ) else item.alias_or_name)
        values.append(binder.bind_value(item.expression if isinstance(item, exp.PropertyEQ) else item, scope))
    return binder.calls.struct_pack(names, values, position(node))


def _from_the_start(index: exp.Expr) -> exp.Expr:
    """`l[:n]`: sqlglot takes `:n` for a parameter."""
    if isinstance(index, exp.Placeholder) and index.this:
        return exp.Slice(expression=exp.column(exp.to_identifier(index.name)))
    return index


def bind_bracket(binder: ExpressionBinder, node: exp.Bracket, scope: Scope) -> Expression:
    base = binder.bind_value(node.this, scope)
    place = position(node)
    if len(node.expressions) != 1:
        raise UnsupportedError("a subscript takes one value or a range", place, sql=binder.sql)
    index = _from_the_start(node.expressions[0])
    if isinstance(index, exp.Slice):
        bounds = [index.this, index.expression]
        step = binder.bind(index.args["step"], scope) if index.args.get("step") is not None else None
        back = isinstance(step, Literal) and step.value.is_valid and step.type.is_integer and step.value.as_py() < 0
        low, high = (
            binder.bind(b, scope) if b is not None else literal(end, t.BIGINT)
            for b, end in zip(bounds, (-1, 1) if back else (1, -1), strict=True)
        )
        return binder.calls.call("array_slice", [base, low, high, *([step] if step is not None else [])], place)
    key = binder.bind(index, scope)
    if base.type == t.JSON:
        return binder.calls.call("json_extract", [base, key], place)
    if base.type.kind == "STRUCT" and isinstance(key, Literal) and key.type == STRING_LITERAL:
        return binder.calls.struct_field(base, key.text, place)
    return binder.calls.call("map_extract_value" if base.type.kind == "MAP" else "array_extract", [base, key], place)


def bind_positional(binder: ExpressionBinder, node: exp.PositionalColumn, scope: Scope) -> Expression:
    """#1: a column of FROM by its place."""
    columns = list(scope.columns())
    index = int(node.this.this)
    if not 1 <= index <= len(columns):
        message = f"#{index}: FROM gives {len(columns)} column{'s' if len(columns) != 1 else ''}"
        raise BindError(message, position(node) or position(node.this), sql=binder.sql)
    return Column(columns[index - 1][2], position(node.this))


_Bind = Callable[["ExpressionBinder", Any, Scope], Expression]


def _in(module: str, name: str) -> _Bind:
    """What binds a rarer kind of node: its module is imported by the first one."""

    def bind(binder: ExpressionBinder, node: Any, scope: Scope) -> Expression:
        e: Expression = getattr(import_module(f"velothread.frontend.{module}"), name)(binder, node, scope)
        return e

    return bind


SYNTAX: Mapping[type[exp.Expr], _Bind] = MappingProxyType(
    {
        exp.Window: _in("windows", "bind_window"),
        exp.PositionalColumn: bind_positional,
        exp.Cast: bind_cast,
        exp.TryCast: bind_cast,
        exp.Extract: bind_extract,
        exp.Substring: bind_substring,
        exp.Overlay: bind_overlay,
        exp.Trim: bind_trim,
        exp.StrPosition: bind_strposition,
        exp.AtTimeZone: bind_attimezone,
        exp.CurrentDate: bind_currentdate,
        exp.CurrentTimestamp: bind_currenttimestamp,
        exp.Localtimestamp: bind_localtimestamp,
        exp.CurrentTime: bind_currenttime,
        exp.Array: bind_array,
        exp.CurrentUser: _in("meta_calls", "bind_user"),
        exp.SessionUser: _in("meta_calls", "bind_user"),
        exp.ToMap: bind_tomap,
        exp.Map: bind_map,
        exp.ArrayContainedBy: bind_contained,
        exp.Tuple: bind_tuple,
        exp.Struct: bind_struct,
        exp.Bracket: bind_bracket,
        exp.JSONExtract: _in("json_calls", "bind_arrow"),
        exp.JSONExtractScalar: _in("json_calls", "bind_arrow"),
        exp.Comprehension: _in("lambdas", "bind_comprehension"),
    }
)
