"""Which Parquet row groups can be left out, by the statistics in the footer.

Statistics are bounds, not always exact (long text is cut off), may be missing, and know nothing of NaN, which SQL puts
above all numbers. In doubt a row group is read: the engine filters again anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from velothread.sources.source import Bound


def may_match(
    metadata: Any,
    group: int,
    own: Mapping[str, str],
    bounds: Iterable[Bound],
    schema: pa.Schema,
    places: Mapping[str, tuple[int, ...]] | None = None,
) -> bool:
    """False when no row of the row group can meet all bounds. `own`: the file's names of SQL's columns; `places`: of
    the chunks of those names, where that is known."""
    bounds = [b for b in bounds if b.column in own]
    if not bounds:
        return True
    found = metadata.row_group(group)
    if places is None:
        places = {found.column(i).path_in_schema: (i,) for i in range(found.num_columns)}
    for bound in bounds:
        at = places.get(own[bound.column], ())
        if len(at) != 1 or bound.column not in schema.names:
            continue
        kind = schema.field(bound.column).type
        if pa.types.is_nested(kind):
            continue
        try:
            if not _chunk_may_match(found.column(at[0]), found.num_rows, bound, pa.types.is_floating(kind)):
                return False
        except (TypeError, ValueError, ArithmeticError, NotImplementedError, pa.ArrowException):
            continue  # not comparable: read it
    return True


def _chunk_may_match(chunk: Any, rows: int, bound: Bound, floating: bool) -> bool:
    statistics = chunk.statistics
    if statistics is None:
        return True
    if statistics.has_null_count and statistics.null_count == rows:
        return False  # NULL meets no condition
    if bound.op == "is not null" or not statistics.has_min_max:
        return True
    low, high = statistics.min, statistics.max
    if low is None or high is None or _is_nan(low) or _is_nan(high):
        return True
    if getattr(low, "nanosecond", 0) or getattr(high, "nanosecond", 0):
        return True  # finer than SQL's timestamps: what is above a bound here may be equal to it there
    values = list(bound.value) if bound.op == "in" else [bound.value]
    if any(_is_nan(v) for v in values):
        return True
    values = [v for v in values if v is not None]
    if bound.op in ("=", "in"):
        return any(low <= v <= high for v in values)
    if not values:
        return False
    value = values[0]
    if bound.op == "<":
        return bool(low < value)
    if bound.op == "<=":
        return bool(low <= value)
    if floating:
        return True  # there may be NaN, which is greater than any number and not in the statistics
    return bool(high > value) if bound.op == ">" else bool(high >= value)


def merged_range(metadata: Any, places: Sequence[int]) -> tuple[Any, Any] | None:
    """The least and the greatest value of the column at `places` in a file; None: unknown, or there are no rows."""
    low = high = None
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(places[0]).statistics if len(places) == 1 else None
        if statistics is None or not statistics.has_min_max:
            return None
        low = statistics.min if low is None else min(low, statistics.min)
        high = statistics.max if high is None else max(high, statistics.max)
    return None if low is None else (low, high)


def united(ranges: Sequence[tuple[Any, Any] | None]) -> tuple[Any, Any] | None:
    """The range of all; None when one is unknown."""
    known = [r for r in ranges if r is not None]
    if not known or len(known) < len(ranges):
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
