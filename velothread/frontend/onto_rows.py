"""LATERAL over what begins with a single row: it begins with the rows before it instead, and there is no join."""

from __future__ import annotations

from collections.abc import Sequence

from velothread.plan import nodes
from velothread.plan.expressions import Call, Column, Expression, Field
from velothread.plan.references import free_fields


def onto(left: nodes.Node, right: nodes.Node, keep: bool) -> nodes.Node | None:
    """`right`, when it begins with a single row, begins with left's rows instead: no join at all. None: it doesn't.

    FROM t, unnest(t.list)   ->   Unnest over t

    keep: a left row without any is kept.
    """
    if not set(free_fields(right)) & set(left.output):
        return None
    layers: list[nodes.Node] = []
    node = right
    while isinstance(node, (nodes.Project, nodes.Unnest, nodes.Filter)):
        layers.append(node)
        node = node.input
    if not (isinstance(node, nodes.Values) and node.rows == 1 and not node.output):
        return None
    if keep and not _keeps(layers, right):
        return None
    plan = left
    for layer in reversed(layers):
        match layer:
            case nodes.Filter():
                plan = nodes.Filter(plan, layer.predicate)
            case nodes.Project():
                columns = tuple(map(Column, plan.output))
                plan = nodes.Project(plan, (*plan.output, *layer.output), (*columns, *layer.expressions))
            case nodes.Unnest():
                made = layer.output[len(layer.input.output) :]
                plan = nodes.Unnest(plan, (*plan.output, *made), layer.lists, keep or layer.keep_empty, layer.ordinal)
    output = (*left.output, *right.output)
    return nodes.Project(plan, output, tuple(map(Column, output)))


def _keeps(layers: Sequence[nodes.Node], right: nodes.Node) -> bool:
    """May the rows without any just get NULLs? All columns of `right` come from the elements, as they are."""
    unnests = [i for i, layer in enumerate(layers) if isinstance(layer, nodes.Unnest)]
    if len(unnests) > 1 or any(isinstance(layer, nodes.Filter) for layer in layers):
        return False
    above = layers[: unnests[0]] if unnests else []
    made = {f for i in unnests for f in layers[i].output} - {
        f for i in unnests for x in nodes.inputs(layers[i]) for f in x.output
    }
    for p in reversed(above):
        if isinstance(p, nodes.Project):
            made |= {f for f, e in zip(p.output, p.expressions, strict=True) if _is_null_with(e, made)}
    return made >= set(right.output)


def _is_null_with(e: Expression, made: set[Field]) -> bool:
    """Is it one of `made`, or the field of a struct that is?"""
    of = e.arguments[0] if isinstance(e, Call) and e.function.name == "struct_extract" else e
    return isinstance(of, Column) and of.field in made
