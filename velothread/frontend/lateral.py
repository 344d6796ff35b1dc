"""unnest(), range() and generate_series() in FROM over any values; unnest() in a SELECT list.

SELECT a, unnest(l) FROM t   ->   Project a, item over Unnest l over t
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, Position
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import Column, Expression, Field, literal
from velothread.plan.references import fields_of

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder
    from velothread.frontend.grouping import Grouping
    from velothread.frontend.select import Bound, QueryBinder
    from velothread.frontend.stars import Item

_NAMES = ("unnest", "unlist", "generate_subscripts")


def is_unnest(node: object) -> bool:
    """Is it a call of unnest() (which gives several rows)?"""
    return isinstance(node, exp.Anonymous) and str(node.this).lower() in _NAMES


# --- in FROM


def bind_unnest(query: QueryBinder, node: exp.Unnest) -> Bound:
    """FROM unnest(list) [WITH ORDINALITY]: a row per item."""
    place = position(node)
    if len(node.expressions) != 1:
        raise BindError("unnest in FROM takes one list", place, sql=query.sql)
    e = query.expressions.bind_value(node.expressions[0], query.scope((), query.ctes))
    if e.type.kind != "LIST":
        raise BindError(f"unnest in FROM takes a list, not {e.type}", place, sql=query.sql)
    return _rows(query, e, "unnest", bool(node.args.get("offset")))


def bind_series(query: QueryBinder, name: str, node: exp.Anonymous, ordinal: bool) -> Bound:
    """FROM range(...), generate_series(...) over any values: numbers or times."""
    scope = query.scope((), query.ctes)
    arguments = [query.expressions.bind(a, scope) for a in node.expressions]
    return _rows(query, query.expressions.calls.call(name, arguments, position(node)), name, ordinal)


def _rows(query: QueryBinder, items: Expression, name: str, ordinal: bool) -> Bound:
    plan, (items,) = query.subqueries.attach(nodes.Values((), None, 1), [items])
    item = query.fields(name, item_type(items.type))
    made = (item, query.fields("ordinality", t.BIGINT)) if ordinal else (item,)
    unnest = nodes.Unnest(plan, (*plan.output, *made), (items,), ordinal=ordinal)
    names = (name, "ordinality")[: len(made)]
    return nodes.Project(unnest, made, tuple(map(Column, made))) if plan.output else unnest, names


def item_type(type_: t.SqlType) -> t.SqlType:
    """The type of a list's items."""
    return type_.element if type_.kind == "LIST" and type_.element is not None else t.NULL


# --- in a SELECT list


def bind_call(binder: ExpressionBinder, node: exp.Anonymous, scope: Scope) -> Expression:
    """unnest(list) as a value: the field that holds the item."""
    name, place = str(node.this).lower(), position(node)
    if name == "generate_subscripts":
        items = binder.bind_value(node.expressions[0], scope)
        length = binder.calls.call("len", [items], place)
        return _item(binder, binder.calls.call("generate_series", [literal(1, t.BIGINT), length], place), scope)
    e, depth, _ = _argument(binder, node, scope)
    if e.type.kind == "STRUCT":
        raise BindError("unnest of a struct stands alone in a SELECT list", place, sql=binder.sql)
    return _deep(binder, e, depth, scope, place)


def _argument(binder: ExpressionBinder, node: exp.Anonymous, scope: Scope) -> tuple[Expression, int, bool]:
    """The value, how many levels of it are unnested, and whether structs are, too."""
    depth, recursive = 1, False
    values = []
    for argument in node.expressions:
        if isinstance(argument, (exp.PropertyEQ, exp.EQ, exp.Kwarg)):
            option = argument.this.name.lower()
            value = binder.constant(argument.expression, option)
            if option == "recursive":
                if not isinstance(value, bool):
                    raise BindError("recursive takes true or false", position(node), sql=binder.sql)
                depth, recursive = (1000, True) if value else (1, False)
            elif option == "max_depth":
                depth, recursive = int(value), True
            else:
                raise BindError(f"unnest has no option {option!r}", position(node), sql=binder.sql)
        else:
            values.append(argument)
    if len(values) != 1:
        raise BindError("unnest takes one value", position(node), sql=binder.sql)
    e = binder.bind_value(values[0], scope)
    if e.type.kind not in ("LIST", "ARRAY", "STRUCT", "NULL"):
        message = f"unnest takes a list or a struct, not {e.type}"
        raise BindError(message, position(node), sql=binder.sql)
    return e, depth, recursive


def _deep(binder: ExpressionBinder, e: Expression, depth: int, scope: Scope, place: Position | None) -> Expression:
    """The items of a list, and of the lists in it down to `depth`."""
    if e.type == t.NULL:
        e = binder.coerce(e, t.list_of(t.NULL))
    while depth and e.type.kind == "LIST":
        e = _item(binder, e, scope)
        depth -= 1
    return e


def _item(binder: ExpressionBinder, items: Expression, scope: Scope) -> Expression:
    if items not in scope.unnests:
        scope.unnests[items] = binder.subqueries.query.fields("unnest", item_type(items.type))
    return Column(scope.unnests[items], items.position)


def expand(query: QueryBinder, items: list[Item], scope: Scope) -> list[Item]:
    """A SELECT list in which unnest() of structs became their fields."""
    out: list[Item] = []
    for name, what in items:
        if not (is_unnest(what) and str(what.this).lower() != "generate_subscripts"):  # type: ignore[union-attr]
            out.append((name, what))
            continue
        assert isinstance(what, exp.Anonymous)
        e, depth, recursive = _argument(query.expressions, what, scope)
        lists = _levels(e.type)
        if not (e.type.kind == "STRUCT" or (recursive and _inner(e.type).kind == "STRUCT" and depth > lists)):
            out.append((name, what))
            continue
        e = _deep(query.expressions, e, depth, scope, position(what))
        out.extend((n, x) for n, x in _fields(query, e, depth - lists, position(what)))
    return out


def _levels(type_: t.SqlType) -> int:
    return 1 + _levels(item_type(type_)) if type_.kind == "LIST" else 0


def _inner(type_: t.SqlType) -> t.SqlType:
    return _inner(item_type(type_)) if type_.kind == "LIST" else type_


def _fields(query: QueryBinder, e: Expression, depth: int, place: Position | None) -> Iterable[tuple[str, Expression]]:
    for name, type_ in e.type.fields:
        value = query.expressions.calls.struct_field(e, name, place)
        if type_.kind == "STRUCT" and depth > 1:
            yield from _fields(query, value, depth - 1, place)
        else:
            yield name, value


def refuse(scope: Scope, clause: str, place: Position | None, sql: str) -> None:
    """unnest() makes rows after WHERE and HAVING have chosen theirs."""
    if scope.unnests:
        raise BindError(f"unnest() can't stand in {clause}", place, hint="unnest in a subquery in FROM", sql=sql)


def refuse_in(e: Expression, scope: Scope, clause: str, sql: str) -> None:
    """As `refuse`, for one expression."""
    if set(fields_of(e)) & set(scope.unnests.values()):
        refuse(scope, clause, e.position if hasattr(e, "position") else None, sql)


def unnested_keys(
    query: QueryBinder, plan: nodes.Node, grouping: Grouping, calls: Sequence[tuple[Expression, Field]]
) -> tuple[nodes.Node, list[tuple[Expression, Field]]]:
    """GROUP BY unnest(l): such calls come before the groups. The plan with them, and the other calls."""
    made = {f: e for e, f in calls}
    wanted = {f for key in grouping.keys for f in fields_of(key) if f in made}
    for call in grouping.calls:
        if set(fields_of(call)) & made.keys():
            raise BindError("unnest() can't stand in an aggregate", call.position, sql=query.sql)
    while more := {f for w in wanted for f in fields_of(made[w]) if f in made} - wanted:
        wanted |= more
    before = [(e, f) for e, f in calls if f in wanted]
    return (unnested(query, plan, before) if before else plan), [(e, f) for e, f in calls if f not in wanted]


def unnested(query: QueryBinder, plan: nodes.Node, calls: Sequence[tuple[Expression, Field]]) -> nodes.Node:
    """A plan with the items of lists: those that stand side by side in one step, lists of items in the next."""
    waiting = list(calls)
    while waiting:
        later = {f for _, f in waiting}
        now = [(e, f) for e, f in waiting if not any(x in later for x in fields_of(e))]
        waiting = [x for x in waiting if x not in now]
        plan, lists = query.subqueries.attach(plan, [e for e, _ in now])
        plan = nodes.Unnest(plan, (*plan.output, *(f for _, f in now)), tuple(lists))
    return plan
