"""WITH RECURSIVE: a UNION whose second part names the item itself.

WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t WHERE x < 9) ...
->  Recursive t over (SELECT 1) and (SELECT x + 1 FROM rows of the last turn WHERE x < 9)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, UnsupportedError, did_you_mean
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import Column, Expression
from velothread.plan.references import every_node

if TYPE_CHECKING:
    from velothread.frontend.catalog import Cte
    from velothread.frontend.select import Bound, QueryBinder


def bind_recursive(query: QueryBinder, cte: Cte) -> Bound:
    """A WITH RECURSIVE item; one that doesn't name itself is bound as any other."""
    tree = cte.tree
    while isinstance(tree, exp.Subquery) and not _clauses(tree):
        tree = tree.this
    if not isinstance(tree, exp.Union) or not _names(tree, cte.name):
        if _names(tree, cte.name) and not isinstance(tree, exp.Union):
            message = f"{cte.name!r} names itself: a recursive query is a UNION of a start and a step"
            raise BindError(message, position(tree), sql=query.sql)
        return query.bind_query(cte.tree, cte.scope)
    if tree.args.get("order") or tree.args.get("limit") or tree.args.get("offset"):
        clause = tree.args.get("order") or tree.args.get("limit") or tree.args.get("offset")
        message = "a recursive query takes no ORDER BY and LIMIT"
        hint = f"write them behind FROM {cte.name}, or put the step in parentheses"
        raise BindError(message, position(clause), hint=hint, sql=query.sql)
    scope = cte.scope
    if tree.args.get("with_") is not None:
        scope = query.with_items(tree, scope)
    if tree.args.get("by_name"):
        raise UnsupportedError("UNION BY NAME is not supported in a recursion", position(tree), sql=query.sql)
    cte.state = "initial"
    initial, names = query.bind_query(tree.this, {**scope, cte.name.lower(): cte})
    names = cte.named(names)
    initial = _typed(query, initial, [t.INTEGER if f.type == t.NULL else f.type for f in initial.output])
    cte.types = tuple(f.type for f in initial.output)
    cte.names = names
    cte.state = "step"
    step, others = query.bind_query(tree.expression, {**scope, cte.name.lower(): cte})
    if len(others) != len(names):
        message = f"UNION: {len(names)} and {len(others)} columns"
        raise BindError(message, position(tree.expression), sql=query.sql)
    step = _typed(query, step, cte.types)
    output = tuple(query.fields(n, x) for n, x in zip(names, cte.types, strict=True))
    distinct = bool(tree.args.get("distinct"))
    if not any(isinstance(n, nodes.RecursiveRef) and n.number == cte.number for n in every_node(step)):
        raise BindError(f"the step of {cte.name!r} must name it in its FROM", position(tree), sql=query.sql)
    keys = tuple(_key(query, cte, key, names) for key in cte.keys)
    return nodes.Recursive(initial, step, output, cte.number, cte.name, distinct, keys), names


def reference(query: QueryBinder, cte: Cte, node: exp.Table, whole: bool) -> Bound:
    """The item inside of its own definition."""
    if cte.state != "step":
        message = f"{cte.name!r} can't name itself here: only the part behind UNION can"
        raise BindError(message, position(node), sql=query.sql)
    output = tuple(query.fields(n, x) for n, x in zip(cte.names, cte.types, strict=True))
    return nodes.RecursiveRef(output, cte.number, cte.name, whole), cte.names


def _key(query: QueryBinder, cte: Cte, node: exp.Expr, names: tuple[str, ...]) -> int:
    if not isinstance(node, (exp.Identifier, exp.Column)):
        message = "USING KEY takes names of columns; aggregates are not supported in it"
        raise UnsupportedError(message, position(node), sql=query.sql)
    lowered = [n.lower() for n in names]
    if node.name.lower() not in lowered:
        hint = did_you_mean(node.name, names)
        raise BindError(f"USING KEY: unknown column {node.name!r}", position(node), hint=hint, sql=query.sql)
    return lowered.index(node.name.lower())


def _typed(query: QueryBinder, plan: nodes.Node, types: object) -> nodes.Node:
    """The start decides the types of the columns."""
    wanted: list[t.SqlType] = list(types)  # type: ignore[call-overload]
    if [f.type for f in plan.output] == wanted:
        return plan
    items: list[Expression] = [query.expressions.coerce(Column(f), x) for f, x in zip(plan.output, wanted, strict=True)]
    output = tuple(query.fields(f.name, x) for f, x in zip(plan.output, wanted, strict=True))
    return nodes.Project(plan, output, tuple(items))


def _clauses(node: exp.Expr) -> bool:
    return any(node.args.get(k) for k in ("order", "limit", "offset", "with_"))


def _names(tree: exp.Expr, name: str) -> bool:
    return any(isinstance(x, exp.Table) and x.name.lower() == name.lower() for x in tree.walk())
