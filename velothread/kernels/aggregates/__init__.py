"""The table of aggregate functions.

`AGGREGATES[name]` are the overloads of a function (under its aliases as well); `resolve_aggregate` picks one for
argument types. How each one computes is in `folds`, `moments`, `extremes` and `rows`; how calls are run is in
`breakers.aggregate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from velothread.kernels.aggregates.function import (
    AggregateFunction,
    ResolvedAggregate,
    match_aggregate,
    resolve_overload,
)
from velothread.kernels.aggregates.state import Rows, State
from velothread.kernels.aggregates.table import AGGREGATES
from velothread.types import SqlType


def resolve_aggregate(name: str, arguments: Sequence[SqlType]) -> ResolvedAggregate | None:
    """The overload of `name` for arguments of these types (constants included), or None when there is none."""
    return resolve_overload(AGGREGATES.get(name, ()), arguments)


__all__ = [
    "AGGREGATES",
    "AggregateFunction",
    "ResolvedAggregate",
    "Rows",
    "State",
    "match_aggregate",
    "resolve_aggregate",
    "resolve_overload",
]
