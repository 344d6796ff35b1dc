"""ASOF JOIN: each row of one side with the nearest row of the other.

FROM trades t ASOF JOIN quotes q ON t.symbol = q.symbol AND t.at >= q.at   ->   the last quote before each trade
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from velothread import types as t
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Case,
    Column,
    Expression,
    Field,
    Literal,
    literal,
)
from velothread.plan.references import fields_of, replace_fields

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

_FLIPPED = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}


def inequality(e: Expression, left: set[Field], right: set[Field]) -> nodes.Asof | None:
    """The condition as what ASOF compares: left op right."""
    if not (isinstance(e, Call) and e.function.name in _FLIPPED):
        return None
    a, b = e.arguments
    reads = [fields_of(x).keys() for x in (a, b)]
    if not all(reads):
        return None
    if reads[0] <= left and reads[1] <= right:
        return nodes.Asof(a, e.function.name, b)
    if reads[0] <= right and reads[1] <= left:
        return nodes.Asof(b, _FLIPPED[e.function.name], a)
    return None


def is_never(conditions: Sequence[Expression]) -> bool:
    """Is one of them the constant false (or NULL)?"""
    return any(isinstance(e, Literal) and e.value.as_py() is not True for e in conditions)


def asof_join(
    query: QueryBinder, left: nodes.Node, right: nodes.Node, kind: str, keys: tuple[nodes.JoinKey, ...],
    nearest: nodes.Asof, rest: list[Expression],
) -> nodes.Node:  # fmt: skip
    """The plan of an ASOF join; `rest`: what a row must be like besides, to be looked at as the nearest one."""
    join = query.joins
    if kind in ("SEMI", "ANTI"):  # some row is the nearest one if there is any
        compared = query.expressions.compare(nearest.operator, nearest.left, nearest.right, None)
        return join.plain(left, right, "semi" if kind == "SEMI" else "anti", keys, [compared, *rest])
    if kind in ("RIGHT", "FULL"):
        return _right(query, left, right, kind, keys, nearest, rest)
    name: nodes.JoinKind = "left" if kind == "LEFT" else "inner"
    rights, lefts = set(right.output), set(left.output)
    right, rest = join.filtered(right, rest, rights)
    if name == "inner":
        left, rest = join.filtered(left, rest, lefts)
    else:
        for e in list(rest):  # a left row that fails is looked up with NULL, which is near to nothing
            if fields_of(e).keys() <= lefts:
                rest.remove(e)
                value = Case(((e, nearest.left),), literal(None, nearest.left.type), nearest.left.type)
                nearest = nodes.Asof(value, nearest.operator, nearest.right)
    if rest:
        return _among(query, left, right, name, keys, nearest, rest)
    return nodes.Join(left, right, name, keys, None, (*left.output, *right.output), nearest)


def _right(
    query: QueryBinder, left: nodes.Node, right: nodes.Node, kind: str, keys: tuple[nodes.JoinKey, ...],
    nearest: nodes.Asof, rest: list[Expression],
) -> nodes.Node:  # fmt: skip
    """The right rows, each with all left rows that it is the nearest one of."""
    rows, place = query.joins.numbered(right)
    number = query.next_number()
    kept = nodes.Shared(rows, rows.output, number, "right rows")
    again, mapping = _again(query, rows, number, "right rows")
    moved = tuple(nodes.JoinKey(k.left, replace_fields(k.right, mapping), k.nulls_equal) for k in keys)
    near = nodes.Asof(nearest.left, nearest.operator, replace_fields(nearest.right, mapping))
    held = [replace_fields(e, mapping) for e in rest]
    pairs = asof_join(query, left, again, "LEFT" if kind == "FULL" else "INNER", moved, near, held)
    on = (nodes.JoinKey(Column(place), Column(mapping[place])),)
    if kind == "FULL":
        swapped = (nodes.JoinKey(Column(mapping[place]), Column(place)),)
        return nodes.Join(pairs, kept, "full", swapped, None, (*pairs.output, *kept.output))
    return nodes.Join(kept, pairs, "left", on, None, (*kept.output, *pairs.output))


def _among(
    query: QueryBinder, left: nodes.Node, right: nodes.Node, kind: nodes.JoinKind, keys: tuple[nodes.JoinKey, ...],
    nearest: nodes.Asof, rest: list[Expression],
) -> nodes.Node:  # fmt: skip
    """With conditions over both sides: all pairs that hold, and of those of each left row the nearest one."""
    from velothread.kernels.aggregates import resolve_aggregate

    join = query.joins
    rows, place = join.numbered(left)
    number = query.next_number()
    kept = nodes.Shared(rows, rows.output, number, "left rows")
    again, mapping = _again(query, rows, number, "left rows")
    moved = tuple(nodes.JoinKey(replace_fields(k.left, mapping), k.right, k.nulls_equal) for k in keys)
    compared = query.expressions.compare(nearest.operator, replace_fields(nearest.left, mapping), nearest.right, None)
    held = [compared, *(replace_fields(e, mapping) for e in rest)]
    pairs: nodes.Node = join.plain(again, right, "inner", moved, held)
    # each right row goes along as a struct, so that one aggregate takes all of it
    packed = query.expressions.calls.struct_pack(
        [f"f{i}" for i in range(len(right.output))], list(map(Column, right.output)), None
    )
    name = "arg_max" if nearest.operator in (">=", ">") else "arg_min"
    found = resolve_aggregate(name, [packed.type, nearest.right.type])
    assert found is not None
    cast = tuple(query.expressions.coerce(a, p) for a, p in zip((packed, nearest.right), found.parameters, strict=True))
    row = query.fields("right_row", found.returns)
    key = query.fields("row_number", t.BIGINT)
    groups = nodes.Aggregate(
        pairs, (key, row), (Column(mapping[place]),), (AggregateCall(found.function, cast, (), found.returns),)
    )
    output = (key, *right.output)
    fields = (query.expressions.calls.struct_field(Column(row), f"f{i}", None) for i in range(len(right.output)))
    nearest_rows = nodes.Project(groups, output, (Column(key), *fields))
    on = (nodes.JoinKey(Column(place), Column(key)),)
    return nodes.Join(kept, nearest_rows, kind, on, None, (*kept.output, *output))


def _again(query: QueryBinder, rows: nodes.Node, number: int, name: str) -> tuple[nodes.Shared, dict[Field, Field]]:
    """A second use of shared rows, under fields of its own."""
    again = tuple(query.fields(f.name, f.type) for f in rows.output)
    return nodes.Shared(rows, again, number, name), dict(zip(rows.output, again, strict=True))
