"""TRY(expression): NULL for the rows where the expression fails.

    TRY(1 // x)            ->   1 // x, by a kernel that gives NULL where it would fail
    TRY(CAST(s AS INT))    ->   TRY_CAST(s AS INT)

Every function and cast inside is exchanged for one that gives NULL. That is the same as NULL for the whole only if all
functions around it pass NULL on; others (coalesce, CASE, AND) are refused.
"""

from __future__ import annotations

import dataclasses

from velothread.errors import BindError, Position, UnsupportedError
from velothread.frontend.folding import fold_here
from velothread.kernels.tolerant import tolerant
from velothread.plan.expressions import (
    AggregateCall,
    Call,
    Cast,
    Expression,
    children,
    walk,
    with_children,
)


def try_of(e: Expression, place: Position | None, sql: str) -> Expression:
    """The expression that gives NULL where `e` fails.

    :raises SqlError: for what TRY can't stand around.
    """
    if any(isinstance(x, AggregateCall) for x in walk(e)):
        raise BindError("TRY can't stand around an aggregate", place, sql=sql)
    if any(isinstance(x, Call) and x.function.volatile for x in walk(e)):
        raise BindError("TRY can't stand around a function that is volatile, like random()", place, sql=sql)
    return _tolerant(e, place, sql)


def _fails(e: Expression) -> bool:
    return any((isinstance(x, Call) and x.function.raises) or (isinstance(x, Cast) and x.safe) for x in walk(e))


def _tolerant(e: Expression, place: Position | None, sql: str) -> Expression:
    below = children(e)
    if any(_fails(c) for c in below):
        if not (isinstance(e, Cast) or (isinstance(e, Call) and e.function.strict)):
            what = e.function.name if isinstance(e, Call) else type(e).__name__.upper()
            raise UnsupportedError(
                f"TRY around {what} over something that can fail is not supported",
                e.position if isinstance(e, Call) else place,
                hint="write TRY around the part that can fail",
                sql=sql,
            )
        e = with_children(e, tuple(_tolerant(c, place, sql) for c in below))
    match e:
        case Cast(safe=True):
            return fold_here(dataclasses.replace(e, safe=False))
        case Call() if e.function.raises:
            kernel = tolerant(e.function.kernel, e.type.arrow)
            function = dataclasses.replace(e.function, name=f"try_{e.function.name}", kernel=kernel, raises=False)
            return fold_here(dataclasses.replace(e, function=function))
    return e
