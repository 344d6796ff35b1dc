"""GROUPING SETS, ROLLUP and CUBE: the sets that a GROUP BY clause means, and a plan that groups by each of them.

GROUP BY ROLLUP (a, b)   ->   the groups by (a, b), then those by (a), then the one of all rows

The rows below are computed once; the result has the groups set by set, as the sets are written (ROLLUP and CUBE: the
full set first), and within a set in order of first appearance. Keys that are not in a set are NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import UnsupportedError
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Column,
    Expression,
    Field,
    columns_of,
    literal,
    transform,
)

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

GroupingSet = tuple[Expression, ...]
_MOST_SETS = 4096


def sets_of(item: exp.Expr, bind: Callable[[exp.Expr], Expression], sql: str) -> list[GroupingSet]:
    """The sets that an item of GROUP BY stands for; a plain key is one set of one key.

    :raises UnsupportedError: for more sets than are reasonable.
    """
    match item:
        case exp.GroupingSets():
            return [s for child in item.expressions for s in sets_of(child, bind, sql)]
        case exp.Rollup():
            parts = [_composite(x, bind) for x in item.expressions]
            return [_joined(parts[:n]) for n in range(len(parts), -1, -1)]
        case exp.Cube():
            parts = [_composite(x, bind) for x in item.expressions]
            if 1 << len(parts) > _MOST_SETS:
                raise UnsupportedError(f"CUBE of {len(parts)} keys is too much", position(item), sql=sql)
            choices = product((True, False), repeat=len(parts))
            return [_joined([p for p, chosen in zip(parts, choice, strict=True) if chosen]) for choice in choices]
    return [_composite(item, bind)]


def crossed(items: Sequence[list[GroupingSet]], node: exp.Expr, sql: str) -> list[GroupingSet]:
    """The sets of a whole clause: each set of an item with each one of the others.

    :raises UnsupportedError: for more sets than are reasonable.
    """
    count = 1
    for sets in items:
        count *= len(sets)
    if count > _MOST_SETS:
        raise UnsupportedError(f"GROUP BY makes {count} grouping sets; at most {_MOST_SETS}", position(node), sql=sql)
    return [_joined(choice) for choice in product(*items)]


def _composite(item: exp.Expr, bind: Callable[[exp.Expr], Expression]) -> GroupingSet:
    """`(a, b)` counts as one."""
    if isinstance(item, exp.Tuple):
        return tuple(bind(x) for x in item.expressions)
    return (bind(item.this if isinstance(item, exp.Paren) else item),)


def _joined(parts: Sequence[GroupingSet]) -> GroupingSet:
    return tuple(dict.fromkeys(e for part in parts for e in part))


# --- GROUPING(a, b)


def grouping_call(arguments: Sequence[Expression], place: object) -> Call:
    """GROUPING(a, b) until the groups are known: it never runs."""
    from velothread.kernels.function import Function

    def never(*arguments: object, rows: int) -> object:
        raise AssertionError("GROUPING is known when the query is planned")

    function = Function("grouping", tuple(a.type for a in arguments), t.BIGINT, never, volatile=True)
    return Call(function, tuple(arguments), t.BIGINT, place)  # type: ignore[arg-type]


def grouping_bits(arguments: Sequence[Expression], chosen: GroupingSet) -> int:
    """A bit per argument, the first one highest: is it left out of the set?"""
    bits = 0
    for e in arguments:
        bits = bits << 1 | (e not in chosen)
    return bits


# --- the plan


def union_of_groups(
    query: QueryBinder, below: nodes.Node, keys: Sequence[tuple[Expression, Expression, Field]],
    calls: Sequence[tuple[AggregateCall, Field]], groupings: Sequence[tuple[Sequence[Expression], Field]],
    sets: Sequence[GroupingSet],
) -> nodes.Node:  # fmt: skip
    """A union with the groups of each set. keys: as written, as computed over `below`, and the result's field;
    groupings: the arguments of each GROUPING."""
    made = [query.fields(f.name, f.type) for _, _, f in keys]
    read = list(dict.fromkeys(f for call, _ in calls for f in columns_of(call)))
    items: list[Expression] = [*(e for _, e, _ in keys), *map(Column, read)]
    output = [*made, *(query.fields(f.name, f.type) for f in read)]
    if not items:  # rows without columns can't be kept
        items, output = [literal(True, t.BOOLEAN)], [query.fields("row", t.BOOLEAN)]
    shared = nodes.Project(below, tuple(output), tuple(items))
    renamed = dict(zip(read, output[len(keys) :], strict=False))
    number = query.next_number()
    inputs = [
        _groups(query, shared, number, [k for k, _, _ in keys], renamed, [c for c, _ in calls],
                [a for a, _ in groupings], chosen)
        for chosen in sets
    ]  # fmt: skip
    return nodes.UnionAll(tuple(inputs), (*(f for _, _, f in keys), *(f for _, f in groupings), *(f for _, f in calls)))


def _groups(
    query: QueryBinder, shared: nodes.Project, number: int, keys: Sequence[Expression], read: dict[Field, Field],
    calls: Sequence[AggregateCall], groupings: Sequence[Sequence[Expression]], chosen: GroupingSet,
) -> nodes.Node:  # fmt: skip
    """The groups of one set, with NULL for the other keys."""
    own = {f: query.fields(f.name, f.type) for f in shared.output}
    rows = nodes.Shared(shared, tuple(own.values()), number, "rows to group")

    def moved(x: Expression) -> Expression | None:
        return Column(own[read[x.field]], x.position) if isinstance(x, Column) else None

    by = {k: own[f] for k, f in zip(keys, shared.output, strict=False) if k in chosen}
    over = [c for c in (transform(call, moved) for call in calls) if isinstance(c, AggregateCall)]
    fields = [query.fields(c.function.name, c.type) for c in over]
    if not by and not over:
        over, fields = [query.counted()], [query.fields("count", t.BIGINT)]
    heads = {k: query.fields(f.name, f.type) for k, f in by.items()}
    groups = nodes.Aggregate(rows, (*heads.values(), *fields), tuple(map(Column, by.values())), tuple(over))
    values: list[Expression] = [Column(heads[k]) if k in heads else literal(None, k.type) for k in keys]
    values += [literal(grouping_bits(arguments, chosen), t.BIGINT) for arguments in groupings]
    values += [Column(f) for f in fields[: len(calls)]]
    return nodes.Project(groups, tuple(query.fields("group", v.type) for v in values), tuple(values))
