"""Conditions become others that are true of the same rows and cost less, or say more to other rules.

WHERE CAST(day AS TIMESTAMP) < TIMESTAMP '2024-05-01 00:00:00'   ->   WHERE day < DATE '2024-05-01'
WHERE (a, b) = ('x', 'y')                                        ->   WHERE a = 'x' AND b = 'y'

What is neither true nor NULL may become the other: only what decides whether rows stay is rewritten.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa

from velothread.frontend.optimize.conditions import conjunction
from velothread.kernels.civil import MICROS_PER_DAY
from velothread.plan.expressions import Call, Cast, Expression, Literal, Logical, literal, may_raise
from velothread.plan.nodes import Filter, Join, Node, inputs, with_inputs
from velothread.types import BOOLEAN, DATE, TIMESTAMP

_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# Days that Python has, with some to spare at both ends.
_FIRST_DAY, _LAST_DAY = -719_000, 2_932_000


def simplify(plan: Node) -> Node:
    """Simplify the conditions of filters and inner joins."""
    plan = with_inputs(plan, tuple(simplify(c) for c in inputs(plan)))
    if isinstance(plan, Filter):
        simpler = simplified(plan.predicate)
        return plan if simpler is plan.predicate else replace(plan, predicate=simpler)
    if isinstance(plan, Join) and plan.residual is not None and not plan.three_valued:
        return replace(plan, residual=simplified(plan.residual))
    return plan


def simplified(e: Expression) -> Expression:
    """A condition that is true where `e` is."""
    if isinstance(e, Logical):
        new = tuple(simplified(a) for a in e.arguments)
        return e if all(a is b for a, b in zip(e.arguments, new, strict=True)) else replace(e, arguments=new)
    if isinstance(e, Call) and e.function.name in _FLIPPED and len(e.arguments) == 2:
        left, right = e.arguments
        return _by_day(e, left, right) or _by_part(e, left, right) or _by_part(e, right, left) or e
    return e


def _by_day(e: Call, left: Expression, right: Expression) -> Expression | None:
    """A date compared with a timestamp that is constant: compared with its day."""
    sign = e.function.name
    if isinstance(left, Literal):
        left, right, sign = right, left, _FLIPPED[sign]
    if not (isinstance(left, Cast) and isinstance(right, Literal) and left.safe and right.value.is_valid):
        return None
    if left.type != TIMESTAMP or left.argument.type != DATE:
        return None
    micros = right.value.cast(pa.int64()).as_py()
    day, rest = divmod(micros, MICROS_PER_DAY)
    if not _FIRST_DAY <= day <= _LAST_DAY or (rest and sign in ("=", "<>")):
        return None
    if rest and sign in ("<", ">="):
        day += 1
    constant = literal(dt.date(1970, 1, 1) + dt.timedelta(days=day), DATE, right.position)
    from velothread.kernels.functions import SCALARS

    return replace(e, function=SCALARS[sign][0], arguments=(left.argument, constant))


def _by_part(e: Call, row: Expression, constant: Expression) -> Expression | None:
    """Equality with a row of constants: of each part."""
    if e.function.name != "=" or not isinstance(row, Call) or row.function.name != "struct_pack":
        return None
    if not isinstance(constant, Literal) or not constant.value.is_valid or any(map(may_raise, row.arguments)):
        return None
    from velothread.kernels.functions import SCALARS

    equal = SCALARS["="][0]
    parts: list[Expression] = []
    for value, given, (_, kind) in zip(row.arguments, constant.value.values(), row.type.fields, strict=True):
        if not given.is_valid or given.type != kind.arrow or kind.kind == "STRUCT":
            return None
        parts.append(Call(equal, (value, literal(given, kind, constant.position)), BOOLEAN, e.position))
    return conjunction(parts)
