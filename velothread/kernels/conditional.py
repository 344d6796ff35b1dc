"""Kernels that choose among values: CASE, COALESCE, NULLIF, GREATEST and LEAST."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.comparison import comparison
from velothread.kernels.comparison import equal as equal_values
from velothread.kernels.function import Value
from velothread.kernels.vectors import as_column, row_count


def if_else(condition: Value, then: Value, otherwise: Value) -> Value:
    """`then` where the condition is true, `otherwise` where it is false or NULL."""
    if isinstance(condition, pa.Scalar):
        rows = row_count(then, otherwise)
        chosen = then if condition.as_py() else otherwise
        return chosen if rows is None else as_column(chosen, rows)
    if condition.null_count:
        condition = pc.fill_null(condition, False)
    return pc.if_else(condition, then, otherwise)


def case_when(conditions: Sequence[Value], values: Sequence[Value], default: Value) -> Value:
    """The value of the first true condition, else `default`; constants are spread. All values have one type."""
    if len(conditions) == 1:
        return if_else(conditions[0], values[0], default)
    rows = row_count(*conditions, *values, default)
    if rows is None:
        for condition, value in zip(conditions, values, strict=True):
            if condition.as_py():
                return value
        return default
    columns = [as_column(c, rows) for c in conditions]
    chosen = pa.StructArray.from_arrays(columns, names=[str(i) for i in range(len(columns))])
    return pc.case_when(chosen, *values, default)


def coalesce(*values: Value) -> Value:
    """The first value that is not NULL."""
    if all(isinstance(v, pa.Scalar) for v in values):
        return next((v for v in values if v.is_valid), values[-1])
    return pc.coalesce(*values)


def nullif(left: Value, right: Value) -> Value:
    """NULL where both are equal, else `left`."""
    same = equal_values(left, right)
    return if_else(same, pa.scalar(None, left.type), left)


# Types whose order Arrow's min/max kernels share with SQL: no NaN, no nesting.
_PLAIN = (
    pa.types.is_integer,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_time,
)


def _extreme(sign: str, arrow: str, *values: Value) -> Value:
    t = values[0].type
    if any(test(t) for test in _PLAIN):
        return getattr(pc, arrow)(*values, skip_nulls=True)
    better = comparison(sign)
    rows = row_count(*values)
    best = values[0]
    for value in values[1:]:
        # NULL on either side leaves the other one.
        wins = pc.or_kleene(better(value, best), is_null(best))
        best = if_else(pc.and_kleene(wins, pc.is_valid(value)), value, best)
    return best if rows is None else as_column(best, rows)


def is_null(value: Value) -> Value:
    """IS NULL; NaN is not NULL."""
    return pc.is_null(value)


def greatest(*values: Value) -> Value:
    """The greatest value; NULLs don't count."""
    return _extreme(">", "max_element_wise", *values)


def least(*values: Value) -> Value:
    """The least value; NULLs don't count."""
    return _extreme("<", "min_element_wise", *values)
