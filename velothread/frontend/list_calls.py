"""Aggregates over the items of lists: list_aggregate(l, 'sum'), and list_NAME for every aggregate that has no kernel
for lists of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from velothread import types as t
from velothread.errors import BindError, Position, did_you_mean
from velothread.frontend.folding import fold_here
from velothread.plan.expressions import Call, Expression, Literal, literal

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder


def bind_list_aggregate(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """list_aggregate(items, 'sum', ...) is list_sum(items, ...)."""
    name = arguments[1] if len(arguments) > 1 else None
    if not isinstance(name, Literal) or not isinstance(name.value.as_py(), str):
        raise BindError("list_aggregate takes a list and the name of an aggregate", place, sql=binder.sql)
    from velothread.kernels.aggregates import AGGREGATES
    from velothread.kernels.functions import SCALARS

    wanted = name.value.as_py().lower()
    if "list_" + wanted not in SCALARS and wanted not in AGGREGATES:
        hint = did_you_mean(wanted, AGGREGATES)
        raise BindError(f"unknown aggregate {wanted!r}", name.position or place, hint=hint, sql=binder.sql)
    return binder.calls.call("list_" + wanted, [arguments[0], *arguments[2:]], place)


def over_items(
    binder: ExpressionBinder, name: str, arguments: Sequence[Expression], place: Position | None
) -> Expression | None:
    """`list_NAME(items, constants...)` for an aggregate NAME that takes such items; None when it is no such call."""
    from velothread.kernels.aggregates import AGGREGATES, resolve_aggregate

    aggregate = name.removeprefix("list_").removeprefix("array_")
    if aggregate == name or aggregate not in AGGREGATES or not arguments:
        return None
    if arguments[0].type == t.NULL:
        return literal(None, t.NULL, place)
    item = arguments[0].type.element
    if arguments[0].type.kind != "LIST" or item is None:
        return None
    found = resolve_aggregate(aggregate, [item, *(a.type for a in arguments[1:])])
    if found is None or len(arguments) - 1 != found.function.constants:
        return None
    constants = [binder.coerce(a, p) for a, p in zip(arguments[1:], found.parameters[1:], strict=True)]
    if not all(isinstance(c, Literal) for c in constants):
        raise BindError(f"{name} takes constants behind the list", place, sql=binder.sql)
    from velothread.kernels.function import Function
    from velothread.kernels.list_any_aggregate import OfItems

    lists = t.list_of(found.parameters[0])
    text = ", ".join(c.text for c in constants if isinstance(c, Literal))
    values = tuple(c.value for c in constants if isinstance(c, Literal))
    kernel = OfItems(found.function, found.parameters, found.returns, values, text)
    function = Function(name, (lists,), found.returns, kernel, raises=True)
    return fold_here(Call(function, (binder.coerce(arguments[0], lists),), found.returns, place))
