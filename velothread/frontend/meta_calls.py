"""Calls whose answer is known while binding: types, names, the query and the session."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import implicit_cost
from velothread.errors import BindError
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import AggregateCall, Case, Expression, Literal, WindowCall, literal, walk

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

_USER = "velothread"
# What current_setting knows; there is one answer of each.
_SETTINGS = {"timezone": "UTC", "calendar": "gregorian", "default_order": "asc", "default_null_order": "nulls_last"}


def bind_meta_call(binder: ExpressionBinder, name: str, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    """A call of one of `META_CALLS`."""
    low, high, bind = META_CALLS[name]
    if not low <= len(nodes) <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        message = f"{name} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(nodes)}"
        raise BindError(message, position(node), sql=binder.sql)
    return bind(binder, nodes, scope, node)


def _alias(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    from velothread.frontend.item_names import item_name

    binder.bind(nodes[0], scope)  # it must exist
    return literal(item_name(nodes[0]), t.VARCHAR, position(node))


def _typeof(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    value, place = binder.bind_value(nodes[0], scope), position(node)
    name = literal(str(value.type), t.VARCHAR, place)
    if not any(isinstance(x, AggregateCall | WindowCall) for x in walk(value)):
        return name
    # the aggregate must stay: it makes the query one over groups
    null = binder.calls.call("is_null", [value], place)
    return Case(((null, name),), name, t.VARCHAR, place)


def _can_cast(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    source, target = (binder.bind_value(n, scope).type for n in nodes)
    return literal(implicit_cost(source, target) is not None, t.BOOLEAN, position(node))


def _cast_to(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    value, like = (binder.bind_value(n, scope) for n in nodes)
    binder.calls.check_cast(value.type, like.type, position(node))
    return binder.coerce(value, like.type)


def _query(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    return literal(binder.sql, t.VARCHAR, position(node))


def _setting(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    name = binder.bind_value(nodes[0], scope)
    text = name.value.as_py() if isinstance(name, Literal) else None
    value = _SETTINGS.get(str(text).lower())
    if value is None:
        known = ", ".join(_SETTINGS)
        raise BindError(f"there is no setting {text!r}", position(node), hint=f"there are {known}", sql=binder.sql)
    return literal(value, t.VARCHAR, position(node))


def _user(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    return literal(_USER, t.VARCHAR, position(node))


def _clock(binder: ExpressionBinder, nodes: list[Any], scope: Scope, node: exp.Expr) -> Expression:
    return literal(binder.query_time.time().replace(tzinfo=None), t.TIME, position(node))


_Bind = Callable[["ExpressionBinder", list[Any], Scope, exp.Expr], Expression]
# name -> (fewest arguments, most arguments, how it is bound)
META_CALLS: MappingProxyType[str, tuple[int, int, _Bind]] = MappingProxyType(
    {
        "alias": (1, 1, _alias),
        "typeof": (1, 1, _typeof),
        "can_cast_implicitly": (2, 2, _can_cast),
        "cast_to_type": (2, 2, _cast_to),
        "current_query": (0, 0, _query),
        "current_setting": (1, 1, _setting),
        **dict.fromkeys(("current_user", "session_user", "current_role", "user"), (0, 0, _user)),
        **dict.fromkeys(("current_localtime", "get_current_time"), (0, 0, _clock)),
    }
)


def bind_user(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    """CURRENT_USER and its like, which are written without parentheses."""
    return _user(binder, [], scope, node)
