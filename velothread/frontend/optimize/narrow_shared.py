"""What is computed once for several uses keeps the columns that some use needs.

WITH c AS (SELECT * FROM t) SELECT x.a FROM c x JOIN c y ON x.a = y.b   ->   c has a and b
"""

from __future__ import annotations

from velothread.plan.expressions import Column, Field, columns_of, literal
from velothread.plan.nodes import (
    Aggregate,
    Node,
    Project,
    Recursive,
    Shared,
    UnionAll,
    Window,
    inputs,
    with_inputs,
)
from velothread.plan.references import expressions

# The places in the output of each shared plan that are needed.
Wanted = dict[int, set[int]]


def narrow_shared(plan: Node) -> Node:
    """Drop the columns of shared plans that no use needs."""
    wanted: Wanted = {}
    _demand(plan, set(plan.output), wanted)
    return _narrowed(plan, wanted, {}) if wanted else plan


def _demand(node: Node, needed: set[Field], wanted: Wanted) -> None:
    """Note what the shared plans below `node` must have, when of its output only `needed` is."""
    match node:
        case Shared():
            places = {i for i, f in enumerate(node.output) if f in needed} or {0}
            before = wanted.get(node.number, set())
            if places <= before:
                return
            wanted[node.number] = before | places
            _demand(node.input, {node.input.output[i] for i in wanted[node.number]}, wanted)
        case Project():
            pairs = zip(node.output, node.expressions, strict=True)
            _demand(node.input, {f for o, e in pairs if o in needed for f in columns_of(e)}, wanted)
        case Aggregate():
            calls = zip(node.output[len(node.keys) :], node.calls, strict=True)
            read = {f for e in node.keys for f in columns_of(e)}
            read |= {f for o, c in calls if o in needed or not node.keys for f in columns_of(c)}
            _demand(node.input, read, wanted)
        case UnionAll():
            kept = [i for i, f in enumerate(node.output) if f in needed]
            for child in node.inputs:
                _demand(child, {child.output[i] for i in kept}, wanted)
        case Window():
            calls_ = zip(node.output[len(node.input.output) :], node.calls, strict=True)
            _demand(node.input, needed | {f for o, c in calls_ if o in needed for f in columns_of(c)}, wanted)
        case Recursive():
            for child in inputs(node):
                _demand(child, set(child.output), wanted)
        case _:
            read = needed | {f for e in expressions(node) for f in columns_of(e)}
            for child in inputs(node):
                _demand(child, read, wanted)


def _narrowed(node: Node, wanted: Wanted, done: dict[int, Node]) -> Node:
    if not isinstance(node, Shared):
        return with_inputs(node, tuple(_narrowed(n, wanted, done) for n in inputs(node)))
    places = sorted(wanted.get(node.number, {0}))
    if node.number not in done:
        kept = tuple(node.input.output[i] for i in places)
        below = _narrowed(node.input, wanted, done)
        if len(kept) < len(node.input.output):
            below = Project(below, kept, tuple(map(Column, kept)))
        done[node.number] = below
    narrow = Shared(done[node.number], tuple(node.output[i] for i in places), node.number, node.name)
    if len(places) == len(node.output):
        return narrow
    # the nodes above may still list what they don't need; pruning takes that away
    there = set(narrow.output)
    items = tuple(Column(f) if f in there else literal(None, f.type) for f in node.output)
    return Project(narrow, node.output, items)
