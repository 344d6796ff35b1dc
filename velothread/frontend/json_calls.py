"""JSON calls with rules of their own: what is made of any types, paths with wildcards, structures as types."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, ExecutionError, Position
from velothread.frontend.folding import fold_here
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import Call, Cast, Expression, Literal, literal

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

_WITH_PATHS = (
    "json_extract", "json_extract_path", "json_extract_string", "json_extract_path_text", "json_value", "json_type",
    "json_array_length", "json_keys", "->", "->>",
)  # fmt: skip


def _by_path(binder: ExpressionBinder, name: str, arguments: list[Expression], place: Position | None) -> Expression:
    """A constant path is looked at now: one with wildcards gives a list, one that is none is an error."""
    path = arguments[1] if len(arguments) == 2 else None
    if isinstance(path, Literal) and path.value.is_valid and isinstance(path.value.as_py(), str):
        from velothread.kernels.json_paths import has_wildcard, parse_path

        try:
            wild = has_wildcard(parse_path(path.value.as_py()))
        except ExecutionError as e:
            raise BindError(e.message, path.position or place, hint=e.hint, sql=binder.sql) from None
        if wild:
            return binder.calls.call(name + "*", arguments, place)
    return binder.calls.call(name, arguments, place)


def _to_json(binder: ExpressionBinder, name: str, arguments: list[Expression], place: Position | None) -> Expression:
    if len(arguments) != 1:
        raise BindError(f"{name} takes one value", place, sql=binder.sql)
    value = binder.settle(arguments[0])
    if value.type == t.VARCHAR:  # a cast would read the text as a document
        return _made(binder, "to_json", [value], place)
    return fold_here(Cast(value, t.JSON, True, place)) if value.type != t.JSON else value


def _made(binder: ExpressionBinder, name: str, values: list[Expression], place: Position | None) -> Expression:
    from velothread.kernels.cast_json import to_json
    from velothread.kernels.function import Function
    from velothread.kernels.functions.json_documents import array_of, object_of
    from velothread.kernels.shaping import lift

    types = tuple(v.type for v in values)
    if name == "to_json":
        function = Function(name, types, t.JSON, lift(lambda x: to_json(x, types[0])))
    else:
        kernel = array_of(types) if name == "json_array" else object_of(types)
        function = Function(name, types, t.JSON, kernel, strict=False)
    return fold_here(Call(function, tuple(values), t.JSON, place))


def _array(binder: ExpressionBinder, name: str, arguments: list[Expression], place: Position | None) -> Expression:
    values = [binder.settle(a) for a in arguments]
    return _made(binder, "json_array", values, place) if values else literal("[]", t.JSON, place)


def _object(binder: ExpressionBinder, name: str, arguments: list[Expression], place: Position | None) -> Expression:
    values = [binder.settle(a) for a in arguments]
    if len(values) % 2:
        raise BindError("json_object takes names and values in turn: a value is missing", place, sql=binder.sql)
    for key in values[::2]:
        if key.type != t.VARCHAR:
            raise BindError(
                f"the names of json_object are texts, not {key.type}", key.position or place, hint="add a CAST",
                sql=binder.sql,
            )  # fmt: skip
    return _made(binder, "json_object", values, place) if values else literal("{}", t.JSON, place)


def _transform(binder: ExpressionBinder, name: str, arguments: list[Expression], place: Position | None) -> Expression:
    """json_transform(document, structure): a cast to the type that the structure stands for."""
    from velothread.frontend.type_names import type_from_text
    from velothread.kernels.cast_json import type_text

    structure = arguments[1] if len(arguments) == 2 else None
    if not isinstance(structure, Literal) or not structure.value.is_valid:
        raise BindError(f"{name} takes a document and a constant structure", place, sql=binder.sql)
    try:
        target = type_from_text(type_text(structure.value.as_py()))
    except ExecutionError as e:
        raise BindError(e.message, structure.position or place, hint=e.hint, sql=binder.sql) from None
    document = binder.coerce(arguments[0], t.JSON)
    return fold_here(Cast(document, target, name.endswith("strict"), place))


_Bind = Callable[["ExpressionBinder", str, list[Expression], Position | None], Expression]
JSON_CALLS: MappingProxyType[str, _Bind] = MappingProxyType(
    {
        **dict.fromkeys(_WITH_PATHS, _by_path),
        **dict.fromkeys(("to_json", "json_quote", "array_to_json", "row_to_json"), _to_json),
        "json_array": _array, "json_object": _object,
        **dict.fromkeys(("json_transform", "json_transform_strict", "from_json", "from_json_strict"), _transform),
    }
)  # fmt: skip


def bind_arrow(binder: ExpressionBinder, node: exp.Binary, scope: Scope) -> Expression:
    """`document -> path` and `document ->> path`."""
    sign = "->" if isinstance(node, exp.JSONExtract) else "->>"
    sides = [binder.bind(node.this, scope), binder.bind(node.expression, scope)]
    return _by_path(binder, sign, sides, position(node))


def arrow_of(node: exp.Lambda) -> exp.Expr:
    """`j -> 'a'` as an argument reads like a lambda: as what it is where no lambda can be.

    The arrow binds its left side to the first operand of what follows: `j -> 'a' -> 'b'`, `j -> 'a' = '1'`.
    """
    name = node.expressions[0]
    base = exp.Column(this=name.copy())
    body: exp.Expr = node.this.copy()
    first = body
    while isinstance(first, (exp.Binary, exp.Cast, exp.Is, exp.In, exp.Between)):
        first = first.this
    arrow = exp.JSONExtract(this=base, expression=first.copy())
    if first is body:
        return arrow
    first.replace(arrow)
    return body


def field_of(binder: ExpressionBinder, base: Expression, name: str, place: Position | None) -> Expression:
    """`document.name`."""
    path = literal("/" + name.replace("~", "~0").replace("/", "~1"), t.VARCHAR, place)
    return _by_path(binder, "json_extract", [base, path], place)
