"""Only what is needed is computed and read.

SELECT a FROM (SELECT a, f(b) AS x, count(*) OVER ... FROM t)   ->   SELECT a FROM (SELECT a FROM t)
"""

from __future__ import annotations

from dataclasses import replace

from velothread.plan.expressions import Field, columns_of
from velothread.plan.nodes import (
    Aggregate,
    Filter,
    Join,
    Limit,
    Node,
    Project,
    Recursive,
    RecursiveRef,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Unnest,
    Values,
    Window,
)


def prune_columns(plan: Node) -> Node:
    """Drop the columns that no step above uses. The plan's own output stays whole."""
    return _prune(plan, set(plan.output))


def _prune(node: Node, needed: set[Field]) -> Node:
    match node:
        case Scan():
            kept = [(f, c) for f, c in zip(node.output, node.columns, strict=True) if f in needed]
            return replace(node, output=tuple(f for f, _ in kept), columns=tuple(c for _, c in kept))
        case Values():
            return node
        case Filter():
            return replace(node, input=_prune(node.input, needed | columns_of(node.predicate)))
        case Project():
            kept_ = [(f, e) for f, e in zip(node.output, node.expressions, strict=True) if f in needed]
            below = {f for _, e in kept_ for f in columns_of(e)}
            return Project(_prune(node.input, below), tuple(f for f, _ in kept_), tuple(e for _, e in kept_))
        case Aggregate():
            keys = len(node.keys)
            calls = [(f, c) for f, c in zip(node.output[keys:], node.calls, strict=True) if f in needed]
            if not keys and not calls:
                # without keys there is always one group, which some call has to make
                calls = [(node.output[0], node.calls[0])]
            below = {f for e in (*node.keys, *(c for _, c in calls)) for f in columns_of(e)}
            output = (*node.output[:keys], *(f for f, _ in calls))
            return Aggregate(_prune(node.input, below), output, node.keys, tuple(c for _, c in calls))
        case Sort():
            below = {f for k in node.keys for f in columns_of(k.expression)}
            return replace(node, input=_prune(node.input, needed | below))
        case Limit():
            return replace(node, input=_prune(node.input, needed))
        case UnionAll():
            places = [i for i, f in enumerate(node.output) if f in needed]
            inputs = []
            for child in node.inputs:
                wanted = [child.output[i] for i in places]
                pruned = _prune(child, set(wanted))
                # columns by place: put them in the union's order, whatever the child kept beside them
                if list(pruned.output) != wanted:
                    from velothread.plan.expressions import Column

                    pruned = Project(pruned, tuple(wanted), tuple(Column(f) for f in wanted))
                inputs.append(pruned)
            return UnionAll(tuple(inputs), tuple(node.output[i] for i in places))
        case Join():
            return _prune_join(node, needed)
        case Unnest():
            below = needed | {f for e in node.lists for f in columns_of(e)}
            pruned = _prune(node.input, below)
            own = node.output[len(node.output) - len(node.lists) - node.ordinal :]
            return replace(node, input=pruned, output=(*pruned.output, *own))
        case Window():
            return _prune_window(node, needed)
        case Recursive():
            # its turns read what they give
            first, step = (_prune(n, set(n.output)) for n in (node.initial, node.step))
            return replace(node, initial=first, step=step)
        case RecursiveRef():
            return node
        case Shared():
            # all uses share one result: it keeps all its columns
            return replace(node, input=_prune(node.input, set(node.input.output)))


def _prune_join(node: Join, needed: set[Field]) -> Join:
    read = {f for k in node.keys for e in (k.left, k.right) for f in columns_of(e)}
    more = [node.residual, *((node.asof.left, node.asof.right) if node.asof is not None else ())]
    read |= {f for e in more if e is not None for f in columns_of(e)}
    left, right = _prune(node.left, needed | read), _prune(node.right, needed | read)
    # what only the conditions read ends here; a mark is the join's own
    kept = tuple(f for f in node.output if f in needed or f not in {*node.left.output, *node.right.output})
    return replace(node, left=left, right=right, output=kept)


def _prune_window(node: Window, needed: set[Field]) -> Node:
    width = len(node.input.output)
    calls = [(f, c) for f, c in zip(node.output[width:], node.calls, strict=True) if f in needed]
    if not calls:
        return _prune(node.input, needed)
    pruned = _prune(node.input, needed | {f for _, c in calls for f in columns_of(c)})
    return replace(
        node, input=pruned, output=(*pruned.output, *(f for f, _ in calls)), calls=tuple(c for _, c in calls)
    )
