"""Lambda functions and list comprehensions -> `OverItems`.

    list_transform(l, lambda x: x + a)   ->   body: item + captured; arguments: l, a

The body reads its parameters only: what it takes from the row around (the largest parts without a parameter in them)
becomes an argument, so that all else in a plan sees an ordinary call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import common_type
from velothread.errors import BindError, Position
from velothread.frontend.folding import fold
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Literal,
    OverItems,
    PythonCall,
    Subquery,
    WindowCall,
    columns_of,
    is_volatile,
    literal,
    may_raise,
    transform,
    walk,
)
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

NAMES = {
    **dict.fromkeys(("list_transform", "list_apply", "array_transform", "array_apply"), "list_transform"),
    **dict.fromkeys(("list_filter", "array_filter", "filter"), "list_filter"),
    **dict.fromkeys(("list_reduce", "array_reduce", "reduce"), "list_reduce"),
}
# Parameters get ids of their own below zero, away from those of columns.
_ids = count(-1_000_000, -1)


@dataclass(frozen=True, slots=True)
class _Body:
    """A bound body over parameters with fixed ids, and what it captures."""

    parameters: tuple[Field, ...]
    value: Expression
    captured: tuple[Expression, ...]


def bind_lambda_call(binder: ExpressionBinder, name: str, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    """A call of one of `NAMES`.

    :raises BindError: when the arguments are not a list and a lambda with as many parameters as the function has.
    """
    place = position(node)
    canonical = NAMES[name]
    most = 3 if canonical == "list_reduce" else 2
    if len(nodes) not in range(2, most + 1) or not isinstance(nodes[1], exp.Lambda):
        raise BindError(
            f"{name} takes a list and a lambda", place, hint=f"such as {name}(l, lambda x: x + 1)", sql=binder.sql
        )
    lists = binder.bind_value(nodes[0], scope)
    if lists.type == t.NULL:
        return literal(None, t.NULL, place)
    if lists.type.kind != "LIST":
        raise BindError(f"{name} goes over a list, not over {lists.type}", lists.position or place, sql=binder.sql)
    names = [p.name for p in nodes[1].expressions]
    least = 2 if canonical == "list_reduce" else 1
    if len(names) not in (least, least + 1):
        message = f"the lambda of {name} takes {least} or {least + 1} parameters, not {len(names)}"
        raise BindError(message, position(nodes[1]) or place, sql=binder.sql)
    if canonical == "list_reduce":
        return _reduce(binder, lists, names, nodes, scope, node)
    item = lists.type.element or t.NULL
    body = _body(binder, nodes[1].this, scope, names, [item, t.BIGINT][: len(names)], canonical == "list_filter")
    type_ = lists.type if canonical == "list_filter" else t.list_of(body.value.type)
    return _over(canonical, [lists], body, type_, indexed=len(names) > 1, place=place)


def bind_comprehension(binder: ExpressionBinder, node: exp.Comprehension, scope: Scope) -> Expression:
    """`[f(x) for x in l if g(x)]`: a transform of a filter."""
    place = position(node)
    lists = binder.bind_value(node.args["iterator"], scope)
    if lists.type == t.NULL:
        return literal(None, t.NULL, place)
    if lists.type.kind != "LIST":
        raise BindError(f"a comprehension goes over a list, not over {lists.type}", place, sql=binder.sql)
    index = node.args.get("position")
    names = [node.expression.name, *([index.name] if index is not None else [])]
    types = [lists.type.element or t.NULL, t.BIGINT][: len(names)]
    indexed = len(names) > 1
    if (condition := node.args.get("condition")) is not None:
        test = _body(binder, condition, scope, names, types, True)
        lists = _over("list_filter", [lists], test, lists.type, indexed=indexed, place=place)
    body = _body(binder, node.this, scope, names, types, False)
    return _over("list_transform", [lists], body, t.list_of(body.value.type), indexed=indexed, place=place)


def bind_try(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    """TRY(expression): NULL where computing it fails."""
    from velothread.kernels.list_lambdas import attempt

    place = position(node)
    if len(nodes) != 1:
        raise BindError("try takes one expression", place, sql=binder.sql)
    value = binder.bind_value(nodes[0], scope)
    if is_volatile(value):
        raise BindError("TRY can't stand around a function that is volatile", place, sql=binder.sql)
    if any(isinstance(x, AggregateCall | WindowCall | Subquery) for x in walk(value)):
        raise BindError("TRY can't stand around an aggregate, a window or a subquery", place, sql=binder.sql)
    if not may_raise(value):
        return value
    if isinstance(value, PythonCall) and not any(map(may_raise, value.arguments)):
        return replace(value, function=value.function.under_try())
    # Inside of TRY, what fails makes the whole of it NULL.
    value = transform(value, _failing)
    body = _closed(value, [])
    missing = literal(None, value.type)
    return OverItems("try", attempt, (missing, *body.captured), body.parameters, body.value, value.type, False, place)


def _failing(e: Expression) -> Expression | None:
    if not isinstance(e, PythonCall) or e.function.on_error != "skip":
        return None
    return replace(e, function=e.function.failing(), arguments=tuple(transform(a, _failing) for a in e.arguments))


def over_list(lists: Expression, make: Callable[[Expression], Expression], place: Position | None) -> Expression:
    """`make` over each item of a list, as list_transform does."""
    item = Field(next(_ids), "item", lists.type.element or t.NULL)
    body = _closed(make(Column(item)), [item])
    return _over("list_transform", [lists], body, t.list_of(body.value.type), indexed=False, place=place)


def _reduce(
    binder: ExpressionBinder, lists: Expression, names: list[str], nodes: list[Any], scope: Scope, node: exp.Expr
) -> Expression:
    shared = lists.type.element or t.NULL
    start = binder.bind_value(nodes[2], scope) if len(nodes) > 2 else None
    if start is not None:
        shared = _common(binder, shared, start.type, node)
    types = [shared, shared, t.BIGINT][: len(names)]
    body = _body(binder, nodes[1].this, scope, names, types, False)
    wider = _common(binder, shared, body.value.type, node)
    if wider != shared:  # INTEGER + 0.5: what there is so far has the type of the result
        shared = wider
        body = _body(binder, nodes[1].this, scope, names, [shared, shared, t.BIGINT][: len(names)], False)
    body = replace(body, value=fold(binder.coerce(body.value, shared)))
    arguments = [binder.coerce(lists, t.list_of(shared))]
    if start is not None:
        arguments.append(binder.coerce(start, shared))
    name = "list_reduce_from" if start is not None else "list_reduce"
    return _over(name, arguments, body, shared, indexed=len(names) > 2, place=position(node))


def _common(binder: ExpressionBinder, a: SqlType, b: SqlType, node: exp.Expr) -> SqlType:
    found = common_type(a, b)
    if found is None:
        message = f"list_reduce: {a} and {b}, of the items and of the lambda's result, have no common type"
        raise BindError(message, position(node), hint="add a CAST", sql=binder.sql)
    return found


def _body(
    binder: ExpressionBinder, node: exp.Expr, scope: Scope, names: list[str], types: list[SqlType], condition: bool
) -> _Body:
    fields = [Field(next(_ids), n, type_) for n, type_ in zip(names, types, strict=True)]
    known = {n.lower(): Column(f) for n, f in zip(names, fields, strict=True)}
    inner = replace(scope, lambda_names={**scope.lambda_names, **known})
    value = binder.bind_condition(node, inner, "a lambda") if condition else binder.bind_value(node, inner)
    return _closed(value, fields)


def _closed(value: Expression, own: list[Field]) -> _Body:
    """The body with parameters numbered -1, -2, ..., and further ones for what it captures."""
    parameters = [replace(f, id=-1 - i) for i, f in enumerate(own)]
    renamed = dict(zip(own, parameters, strict=True))
    captured: dict[Expression, Field] = {}

    def rewrite(e: Expression) -> Expression | None:
        if isinstance(e, Column) and e.field in renamed:
            return Column(renamed[e.field], e.position)
        if isinstance(e, Literal) or columns_of(e) & renamed.keys():
            return None
        rows = (Column, AggregateCall, WindowCall, Subquery)
        if not any(isinstance(x, rows) for x in walk(e)) or (not isinstance(e, rows) and not _early(e)):
            return None
        if e not in captured:
            name = e.field.name if isinstance(e, Column) else "captured"
            captured[e] = Field(-1 - len(own) - len(captured), name, e.type)
        return Column(captured[e], e.position if isinstance(e, Column) else None)

    closed = transform(value, rewrite)
    return _Body((*parameters, *captured.values()), closed, tuple(captured))


def _early(e: Expression) -> bool:
    """May it be computed once for the row, instead of for each item?"""
    return not may_raise(e) and not is_volatile(e)


def _over(
    name: str, arguments: list[Expression], body: _Body, type_: SqlType, *, indexed: bool, place: Any
) -> OverItems:
    from velothread.kernels import list_lambdas as kernels

    kernel: Callable[..., Any] = {
        ("list_transform", False): kernels.transform,
        ("list_transform", True): kernels.transform_indexed,
        ("list_filter", False): kernels.keep,
        ("list_filter", True): kernels.keep_indexed,
        ("list_reduce", False): kernels.reduce,
        ("list_reduce", True): kernels.reduce_indexed,
        ("list_reduce_from", False): kernels.reduce_from,
        ("list_reduce_from", True): kernels.reduce_from_indexed,
    }[name, indexed]
    raises = name == "list_reduce"
    called = name.removesuffix("_from")
    return OverItems(
        called, kernel, (*arguments, *body.captured), body.parameters, body.value, type_, raises, place
    )  # fmt: skip
