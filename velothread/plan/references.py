"""What a plan reads and makes: its expressions, the fields that come from around it, and copies with other fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from velothread.plan import nodes
from velothread.plan.expressions import Column, Expression, Field, Ordering, Subquery, transform, walk

Rewrite = Callable[[Expression], Expression]


def expressions(node: nodes.Node) -> tuple[Expression, ...]:
    """The expressions that stand in a node itself."""
    match node:
        case nodes.Filter():
            return (node.predicate,)
        case nodes.Project():
            return node.expressions
        case nodes.Aggregate():
            return (*node.keys, *node.calls)
        case nodes.Sort():
            return tuple(k.expression for k in node.keys)
        case nodes.Join():
            pairs = [x for k in node.keys for x in (k.left, k.right)]
            nearest = (node.asof.left, node.asof.right) if node.asof is not None else ()
            return (*pairs, *nearest, *((node.residual,) if node.residual is not None else ()))
        case nodes.Window():
            return node.calls
        case nodes.Unnest():
            return node.lists
    return ()


def map_expressions(node: nodes.Node, change: Rewrite) -> nodes.Node:
    """`node` with `change` done to each of its own expressions."""
    match node:
        case nodes.Filter():
            return replace(node, predicate=change(node.predicate))
        case nodes.Project():
            return replace(node, expressions=tuple(map(change, node.expressions)))
        case nodes.Aggregate():
            calls = tuple(map(change, node.calls))
            return replace(node, keys=tuple(map(change, node.keys)), calls=calls)  # type: ignore[arg-type]
        case nodes.Sort():
            return replace(node, keys=map_orderings(node.keys, change))
        case nodes.Join():
            keys = tuple(replace(k, left=change(k.left), right=change(k.right)) for k in node.keys)
            asof = node.asof
            if asof is not None:
                asof = replace(asof, left=change(asof.left), right=change(asof.right))
            residual = change(node.residual) if node.residual is not None else None
            return replace(node, keys=keys, asof=asof, residual=residual)
        case nodes.Window():
            return replace(node, calls=tuple(map(change, node.calls)))  # type: ignore[arg-type]
        case nodes.Unnest():
            return replace(node, lists=tuple(map(change, node.lists)))
    return node


def map_orderings(keys: tuple[Ordering, ...], change: Rewrite) -> tuple[Ordering, ...]:
    """Sort keys over other expressions."""
    return tuple(Ordering(change(k.expression), k.descending, k.nulls_first) for k in keys)


def every_node(plan: nodes.Node) -> Iterator[nodes.Node]:
    """A plan's nodes; what is shared is given once."""
    seen: set[int] = set()
    stack = [plan]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, nodes.Shared):
            if node.number in seen:
                continue
            seen.add(node.number)
        stack.extend(reversed(nodes.inputs(node)))


def free_fields(plan: nodes.Node) -> dict[Field, None]:
    """The fields that a plan reads but doesn't make: those of the queries around it, in order of appearance."""
    made: set[Field] = set()
    read: dict[Field, None] = {}
    for node in every_node(plan):
        made.update(node.output)
        for e in expressions(node):
            read.update(fields_of(e))
    return {f: None for f in read if f not in made}


def fields_of(e: Expression) -> dict[Field, None]:
    """The fields that an expression reads, those that its subqueries take from around them included; in order."""
    out: dict[Field, None] = {}
    for x in walk(e):
        if isinstance(x, Column):
            out[x.field] = None
        elif isinstance(x, Subquery):
            out.update(free_fields(x.plan))
    return out


def has_subquery(e: Expression) -> bool:
    """Is there a query inside the expression?"""
    return any(isinstance(x, Subquery) for x in walk(e))


def replace_fields(e: Expression, mapping: dict[Field, Field]) -> Expression:
    """`e` over other fields, inside its subqueries as well."""
    if not mapping:
        return e

    def step(x: Expression) -> Expression | None:
        if isinstance(x, Column) and x.field in mapping:
            return Column(mapping[x.field], x.position)
        if isinstance(x, Subquery):
            arguments = tuple(replace_fields(a, mapping) for a in x.arguments)
            return replace(x, plan=rewritten(x.plan, lambda y: replace_fields(y, mapping)), arguments=arguments)
        return None

    return transform(e, step)


def rewritten(plan: nodes.Node, change: Rewrite) -> nodes.Node:
    """A plan with `change` done to all its expressions."""
    below = tuple(rewritten(n, change) for n in nodes.inputs(plan))
    return map_expressions(nodes.with_inputs(plan, below), change)


def refreshed(plan: nodes.Node, fields: Callable[[str, object], Field]) -> nodes.Node:
    """A copy of a plan whose fields are all new, so that both can stand in one query."""
    made: dict[Field, Field] = {}
    return _refreshed(plan, made, fields)


def _refreshed(node: nodes.Node, made: dict[Field, Field], fields: Callable[..., Field]) -> nodes.Node:
    if isinstance(node, nodes.Shared):  # its input is computed once, whoever reads it
        return replace(node, output=_new(node.output, made, fields))
    node = nodes.with_inputs(node, tuple(_refreshed(n, made, fields) for n in nodes.inputs(node)))
    node = map_expressions(node, lambda e: replace_fields(e, made))
    if isinstance(node, (nodes.Filter, nodes.Sort, nodes.Limit)):
        return node
    return replace(node, output=_new(node.output, made, fields))


def _new(output: tuple[Field, ...], made: dict[Field, Field], fields: Callable[..., Field]) -> tuple[Field, ...]:
    for f in output:
        if f not in made:
            made[f] = fields(f.name, f.type)
    return tuple(made[f] for f in output)
