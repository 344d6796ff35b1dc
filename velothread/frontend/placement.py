"""Which calls stand in an expression that may not stand everywhere: aggregates, GROUPING, window functions.

Every clause asks; what binds such calls is imported only for a query that has them.
"""

from __future__ import annotations

from velothread.errors import BindError
from velothread.plan.expressions import AggregateCall, Call, Expression, WindowCall, walk


def is_grouping(e: Expression) -> bool:
    """Is it a call of GROUPING?"""
    return isinstance(e, Call) and e.function.name == "grouping"


def has_grouping(e: Expression) -> bool:
    """Is there a GROUPING in it?"""
    return any(map(is_grouping, walk(e)))


def has_aggregate(e: Expression) -> bool:
    """Is there an aggregate in it, or a GROUPING?"""
    return any(isinstance(x, AggregateCall) or is_grouping(x) for x in walk(e))


def has_window(e: Expression) -> bool:
    """Is there a window function in `e`?"""
    return any(isinstance(x, WindowCall) for x in walk(e))


def refuse_windows(e: Expression, clause: str, sql: str) -> None:
    """:raises BindError: when a window function stands in a clause that is evaluated before them."""
    found = next((x for x in walk(e) if isinstance(x, WindowCall)), None)
    if found is not None:
        hint = "use QUALIFY" if clause in ("WHERE", "HAVING") else "compute it in a subquery"
        raise BindError(f"window functions can't stand in {clause}", found.position, hint=hint, sql=sql)
