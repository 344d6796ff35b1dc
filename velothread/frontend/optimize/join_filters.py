"""Conditions around a join: each goes to the side that it is about, or becomes a key, or stays.

SELECT * FROM a, b WHERE a.x = b.y AND a.z > 3 AND b.y < 9
->  (a WHERE z > 3 AND x < 9) JOIN (b WHERE y < 9) ON a.x = b.y
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from velothread.frontend.folding import is_true
from velothread.frontend.optimize.conditions import conjunction, factored, implied, refuses_null, substitute
from velothread.plan.expressions import (
    Call,
    Column,
    Expression,
    Field,
    columns_of,
    is_volatile,
    literal,
    may_raise,
)
from velothread.plan.nodes import Join, JoinKey, JoinKind, Node, Project
from velothread.types import BOOLEAN

Push = Callable[[Node, list[Expression]], Node]


@dataclass(slots=True)
class _Sides:
    """What the conditions become."""

    left: list[Expression]
    right: list[Expression]
    keys: list[JoinKey]
    rest: list[Expression]  # stays at the join
    above: list[Expression]  # stays after it


def push_through_join(node: Join, conditions: list[Expression], push: Push) -> tuple[Node, list[Expression]]:
    """The join with all conditions, as `push` moves them into its sides; and the conditions that stay above it."""
    conditions = [part for c in conditions for part in factored(c)]
    node = _narrowed(node, conditions)
    if node.kind == "mark" and (found := _unmarked(node, conditions)) is not None:
        return push(*found), []
    own = factored(node.residual) if node.residual is not None else []
    sides = _Sides([], [], list(node.keys), [], [])
    left, right = set(node.left.output), set(node.right.output)
    if node.kind == "inner" and node.asof is None:
        _sort_inner([*own, *conditions], sides, left, right)
    else:
        _sort_outer(node, own, conditions, sides, left, right)
    if node.kind != "full" and not node.three_valued:
        _across_keys(sides, node.kind in ("inner", "semi"))
    new = replace(
        node,
        left=push(node.left, _distinct(sides.left)),
        right=push(node.right, _distinct(sides.right)),
        # by place, the first keys of a three-valued mark are others than the rest
        keys=tuple(sides.keys if node.three_valued else dict.fromkeys(sides.keys)),
        residual=conjunction(_distinct(sides.rest)),
    )
    return new, sides.above


def _distinct(conditions: Sequence[Expression]) -> list[Expression]:
    return list(dict.fromkeys(c for c in conditions if not is_true(c)))


def _sort_inner(
    conditions: list[Expression], sides: _Sides, left: AbstractSet[Field], right: AbstractSet[Field]
) -> None:
    for c in conditions:
        reads = columns_of(c)
        if is_volatile(c):
            sides.rest.append(c)
        elif not reads:
            # A constant: false on either side leaves nothing of the join.
            (sides.rest if may_raise(c) else sides.left).append(c)
        elif reads <= left:
            sides.left.append(c)
        elif reads <= right:
            sides.right.append(c)
        elif (key := key_of(c, left, right)) is not None:
            sides.keys.append(key)
        else:
            sides.rest.append(c)
            _add_implied(c, sides, left, right)


def _add_implied(c: Expression, sides: _Sides, left: AbstractSet[Field], right: AbstractSet[Field]) -> None:
    for fields, side in ((left, sides.left), (right, sides.right)):
        weaker = implied(c, fields)
        if weaker is not None:
            side.append(weaker)


def _sort_outer(
    node: Join,
    own: list[Expression],
    conditions: list[Expression],
    sides: _Sides,
    left: AbstractSet[Field],
    right: AbstractSet[Field],
) -> None:
    """Of all but inner joins: what is about the left rows alone goes left; ON about right rows alone goes right."""
    for c in conditions:
        reads = columns_of(c)
        # Every left row of an ASOF join is on its own, so these may be filtered, too.
        goes = node.kind != "full" and reads and reads <= left and not is_volatile(c)
        (sides.left if goes else sides.above).append(c)
    for c in own:
        reads = columns_of(c)
        if node.asof is not None or node.kind == "full" or is_volatile(c) or not reads:
            sides.rest.append(c)
        elif reads <= right:
            # what can't be a partner of any row need not be there, not even as one that might be
            sides.right.append(c)
        elif reads <= left and node.kind == "semi":
            sides.left.append(c)
        elif not node.three_valued and (key := key_of(c, left, right)) is not None:
            sides.keys.append(key)
        else:
            sides.rest.append(c)
            weaker = implied(c, right)
            if weaker is not None:
                sides.right.append(weaker)


def key_of(c: Expression, left: AbstractSet[Field], right: AbstractSet[Field]) -> JoinKey | None:
    """The condition as an equality of the sides, where it is one."""
    if not (isinstance(c, Call) and c.function.name in ("=", "is_not_distinct_from")):
        return None
    a, b = c.arguments
    reads = [columns_of(a), columns_of(b)]
    if not all(reads) or a.type != b.type or is_volatile(c):
        return None
    nulls_equal = c.function.name != "="
    if reads[0] <= left and reads[1] <= right:
        return JoinKey(a, b, nulls_equal)
    if reads[0] <= right and reads[1] <= left:
        return JoinKey(b, a, nulls_equal)
    return None


def _across_keys(sides: _Sides, both: bool) -> None:
    """What is asked of a key on one side holds for the other side's, too; where left rows without a partner stay, only
    from left to right."""
    to_right = {k.left: k.right for k in sides.keys if not k.nulls_equal and isinstance(k.left, Column)}
    to_left = {k.right: k.left for k in sides.keys if not k.nulls_equal and isinstance(k.right, Column)}
    lefts, rights = list(sides.left), list(sides.right)
    sides.right.extend(_translated(lefts, to_right))
    if both:
        sides.left.extend(_translated(rights, to_left))


def _translated(conditions: Sequence[Expression], mapping: Mapping[Column, Expression]) -> list[Expression]:
    fields = {k.field: v for k, v in mapping.items()}
    return [
        substitute(c, fields)
        for c in conditions
        if (reads := columns_of(c)) and reads <= fields.keys() and not may_raise(c)
    ]


# --- kinds that turn out to be others


def _narrowed(node: Join, conditions: Sequence[Expression]) -> Join:
    """An outer join of which no row with NULLs in place of a partner is wanted."""
    if node.kind not in ("left", "single", "full"):
        return node
    left, right = frozenset(node.left.output), frozenset(node.right.output)
    no_right = any(refuses_null(c, right) for c in conditions)
    no_left = any(refuses_null(c, left) for c in conditions)
    if node.kind == "left":
        return replace(node, kind="inner") if no_right else node
    if node.kind == "single":
        # not inner: that a row has two partners would go unseen
        return node
    if no_right and no_left:
        return replace(node, kind="inner")
    return replace(node, kind="left") if no_left else node


def _unmarked(node: Join, conditions: Sequence[Expression]) -> tuple[Node, list[Expression]] | None:
    """WHERE mark, or WHERE NOT mark: a semi or anti join. (NOT IN stays: its mark may be NULL.)"""
    mark = node.output[-1]
    for c in conditions:
        if c == Column(mark):
            kind: JoinKind = "semi"
        elif isinstance(c, Call) and c.function.name == "not" and c.arguments[0] == Column(mark):
            if node.three_valued:
                continue
            kind = "anti"
        else:
            continue
        join = replace(node, kind=kind, output=node.left.output, three_valued=0)
        value = literal(kind == "semi", BOOLEAN)
        project = Project(join, node.output, (*map(Column, node.left.output), value))
        others = [x for x in conditions if x is not c]
        return project, others
    return None


__all__ = ["key_of", "push_through_join"]
