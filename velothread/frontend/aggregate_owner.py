"""Which query an aggregate belongs to, when it stands in a subquery.

SELECT (SELECT sum(t.a)) FROM t   ->   one row: the sum over t, which the subquery then takes from around it
"""

from __future__ import annotations

from collections.abc import Sequence

from velothread.frontend.names import FieldMaker, Scope
from velothread.plan.expressions import AggregateCall, Column, Expression
from velothread.plan.references import fields_of


def owner_of(arguments: Sequence[Expression], scope: Scope) -> Scope:
    """The innermost query that has one of the columns that the aggregate reads; without any, the one it stands in."""
    reads = {f for e in arguments for f in fields_of(e)}
    around: Scope | None = scope
    while around is not None and reads:
        if reads & around.own_fields() or reads & set(around.unnests.values()):
            # what stands before a LATERAL in FROM can't be grouped by it
            return scope if around.lateral else around
        around = around.outer
    return scope


def lifted(call: Expression, owner: Scope, fields: FieldMaker) -> Expression:
    """The column that `owner` will have for the aggregate."""
    assert isinstance(call, AggregateCall)
    for f, known in owner.lifted.items():
        if known == call:
            return Column(f, call.position)
    place = fields(call.function.name, call.type)
    owner.lifted[place] = call
    return Column(place, call.position)
