"""A tree of another dialect -> ours: calls by table, syntax by `nodes.py`, bottom up.

SELECT weekday(d) FROM t   ->   SELECT isodow("time of"(d)) - 1 AS "weekday(d)" FROM t

Places stay those of the user's text, so errors point into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from velothread.frontend.dialect_meaning import clauses
from velothread.frontend.dialect_meaning.meaning import Meaning, refuse
from velothread.frontend.dialect_meaning.nodes import NODES, value_of_predicate
from velothread.frontend.dialect_meaning.rewrites import REWRITES
from velothread.frontend.dialect_meaning.shared import SHARED
from velothread.frontend.dialect_meaning.templates import Template, call, expanded
from velothread.frontend.parse import position

_AROUND_AGGREGATES = (exp.Window, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)
_WITH_THE_CALL = (exp.Anonymous, exp.Filter, exp.IgnoreNulls)


def translate(tree: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    """The tree in our own dialect.

    :raises UnsupportedError: for what can't be said in it; the position is the place in `sql`.
    """
    for node in reversed(list(tree.walk(bfs=False))):
        _put(node, _plain_call(node), tree)
    before = _unnamed_items(tree)
    holder = exp.Paren(this=tree)
    for node in reversed(list(tree.walk(bfs=False))):
        if isinstance(node, meaning.refused):
            kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()
            raise refuse(f"a {kind} of {meaning.name} is not translated", node, sql)
        new = _call(node, meaning, sql) if isinstance(node, exp.Anonymous) else _node(node, meaning, sql)
        if new is not node:
            node.replace(new)
        if meaning.aggregates:
            typed = _typed_aggregate(new, meaning)
            if typed is not new:
                new.replace(typed)
                new = typed
        if meaning.predicates_are_numbers:
            value = value_of_predicate(new, meaning)
            if value is not new:
                new.replace(value)
    tree = holder.this
    _merge_filters(tree)
    _name_items(before)
    return tree


def _put(node: exp.Expr, new: exp.Expr, root: exp.Expr) -> None:
    if new is not node and node is not root:
        node.replace(new)


# --- calls


def _plain_call(node: exp.Expr) -> exp.Expr:
    """Calls that the parser gave a class of their own, as plain calls."""
    match node:
        case exp.Substring():
            parts = [node.this, node.args.get("start"), node.args.get("length")]
            new = call("substring", *(p for p in parts if p is not None))
        case exp.ParameterizedAgg() | exp.CombinedParameterizedAgg():
            # quantile(0.5)(x): the parameters behind the values
            new = call(str(node.this), *node.args["params"], *node.expressions)
            new.meta["parameters"] = len(node.expressions)
        case exp.AnonymousAggFunc() | exp.CombinedAggFunc():
            new = call(str(node.this), *node.expressions)
        case _:
            return node
    place = position(node)
    if place is not None:
        new.meta["start"], new.meta["end"] = place.start, place.end - 1
    return new


def _call(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    name = str(node.this.name if isinstance(node.this, exp.Identifier) else node.this).lower()
    templates = meaning.calls.get(name) or SHARED.get(name)
    if templates is None:
        if name in _ours():
            raise refuse(f"{node.name}() is not translated from {meaning.name}", node, sql)
        return node  # a function of the user's, or unknown: the binder says so
    if templates[0].parameters == ("...",):
        new = _any_arguments(templates[0], node, meaning, sql)
    else:
        new = _by_template(templates, node, meaning, sql)
    around = node.parent
    if isinstance(around, _AROUND_AGGREGATES) and node.arg_key == "this" and not isinstance(new, _WITH_THE_CALL):
        raise refuse(
            f"{node.name}() with OVER, FILTER or WITHIN GROUP is not translated from {meaning.name}", node, sql
        )
    place = position(node)
    if place is not None and new is not node:
        new.meta["start"], new.meta["end"] = place.start, place.end - 1
    return new


def _typed_aggregate(node: exp.Expr, meaning: Meaning) -> exp.Expr:
    """An aggregate whose type differs: the operation on it (with its OVER and FILTER) and on a value like it."""
    inside = isinstance(node.parent, _AROUND_AGGREGATES) and node.arg_key == "this"
    inner = node
    while isinstance(inner, (exp.Window, exp.Filter)):
        inner = inner.this
    name = str(inner.this).lower() if isinstance(inner, exp.Anonymous) else ""
    if inside or name not in meaning.aggregates or len(inner.expressions) != 1:
        return node
    like = node.copy()
    value: exp.Expr = like
    while not isinstance(value, exp.Anonymous):
        value = value.this
    argument = value.expressions[0]
    argument = argument.expressions[0] if isinstance(argument, exp.Distinct) else argument
    value.set("this", "any_value")
    value.set("expressions", [argument.copy()])
    typed = call(meaning.aggregates[name], node.copy(), like)
    typed.meta.update(inner.meta)
    return typed


def _any_arguments(template: Template, node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if not template.body:
        return node
    if template.body.startswith("@"):
        return REWRITES[template.body[1:]](node, meaning, sql)
    if template.body.startswith("!"):
        raise refuse(
            f"{node.name}() is not translated from {meaning.name}", node, sql, template.body[1:].strip() or None
        )
    return call(template.body, *(e.copy() for e in node.expressions))


def _by_template(templates: tuple[Template, ...], node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    arguments = node.expressions
    found = next((x for x in templates if len(x.parameters) == len(arguments)), None)
    if found is None:
        shown = ", ".join(f"{x.name}({', '.join(x.parameters)})" for x in templates)
        raise refuse(f"{node.name}() with {len(arguments)} arguments is not translated from {meaning.name}", node, sql,
                     f"there is {shown}")  # fmt: skip
    plain_aggregate = re.fullmatch(r"(\w+)\(x\)", found.body)
    if any(isinstance(a, (exp.Distinct, exp.Order)) for a in arguments):
        if plain_aggregate is None:
            raise refuse(f"DISTINCT and ORDER BY in {node.name}() are not translated from {meaning.name}", node, sql)
        return call(plain_aggregate[1], *(a.copy() for a in arguments))
    given = {p: _argument(p, a, meaning, sql) for p, a in zip(found.parameters, arguments, strict=True)}
    if found.body.startswith("!"):
        raise refuse(f"{node.name}() is not translated from {meaning.name}", node, sql, found.body[1:].strip() or None)
    return expanded(found.body, given)


def _argument(parameter: str, argument: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    if parameter == "unit":
        word = argument.name if isinstance(argument, (exp.Column, exp.Literal, exp.Var)) else ""
        unit = meaning.unit(word)
        if unit is None:
            raise refuse(f"{word or 'this'} is no unit that is translated from {meaning.name}", argument, sql)
        new: exp.Expr = exp.Literal.string(unit)
    elif parameter == "format":
        if meaning.formats is None or not isinstance(argument, exp.Literal) or not argument.is_string:
            raise refuse("a format of dates must be written out to be translated", argument, sql)
        try:
            new = exp.Literal.string(meaning.formats.translated(argument.name))
        except ValueError as e:
            raise refuse(f"{str(e)!r} in a format of {meaning.name} is not translated", argument, sql) from None
    else:
        return argument
    new.meta.update(argument.meta)
    return new


def _ours() -> frozenset[str]:
    """The names that mean something here: they are not taken for the same there unless a table says so."""
    from velothread.frontend import json_calls, lambdas, macros, struct_calls
    from velothread.kernels.aggregates import AGGREGATES
    from velothread.kernels.functions import SCALARS

    tables = (SCALARS, AGGREGATES, macros.MACROS, lambdas.NAMES, struct_calls.STRUCT_CALLS, json_calls.JSON_CALLS)
    special = ("round", "trunc", "if", "iif", "unnest", "now", "today", "date_part", "regexp_extract", "typeof", "row")
    return frozenset(name for table in tables for name in table) | frozenset(special)


# --- syntax


def _node(node: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    handler: Callable[..., exp.Expr] | None = NODES.get(type(node)) or clauses.CLAUSES.get(type(node))
    return node if handler is None else handler(node, meaning, sql)


def _merge_filters(tree: exp.Expr) -> None:
    """list(x) FILTER (WHERE x IS NOT NULL) FILTER (WHERE c): one condition."""
    for outer in list(tree.find_all(exp.Filter)):
        inner = outer.this
        if isinstance(inner, exp.Filter):
            both = exp.and_(inner.expression.this.copy(), outer.expression.this.copy())
            outer.set("this", inner.this)
            outer.set("expression", exp.Where(this=both))


# --- names of items


def _unnamed_items(tree: exp.Expr) -> list[tuple[exp.Select, int, exp.Expr]]:
    """The items of SELECT lists without a name, as they were written."""
    return [
        (select, i, item.copy().transform(_as_a_call))
        for select in tree.find_all(exp.Select)
        for i, item in enumerate(select.expressions)
        if not isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Aliases, exp.Dot))
    ]


def _as_a_call(node: exp.Expr) -> exp.Expr:
    """String aggregation has a node of its own, and a name in each dialect."""
    if not isinstance(node, exp.GroupConcat):
        return node
    parts = [node.this, node.args.get("separator")]
    return call("group_concat", *(p for p in parts if p is not None))


def _name_items(before: list[tuple[exp.Select, int, exp.Expr]]) -> None:
    """An item that was translated keeps the name of what was written."""
    from velothread.frontend.item_names import item_name

    for select, i, written in before:
        new = select.expressions[i]
        if isinstance(new, (exp.Alias, exp.Star)) or new == written:
            continue
        name = item_name(written)
        alias = exp.Alias(this=new.copy(), alias=exp.to_identifier(name, quoted=True))
        new.replace(alias)
