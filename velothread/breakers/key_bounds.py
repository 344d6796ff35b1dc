"""What a finished build says of the rows that will probe it: the range of its keys bounds what need be read.

    orders JOIN (days of May)   ->   scan orders, skip by: day >= 2024-05-01 AND day <= 2024-05-31

Sources skip row groups and folders by it; the probe drops the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from velothread.plan.expressions import Cast, Column, Expression
from velothread.plan.pipelines import Branch, Explode, FromScan, Probe
from velothread.sources.source import Bound

# So few keys are told one by one.
_FEW_KEYS = 64


def key_bounds(branch: Branch, builds: Mapping[int, Any]) -> Iterator[Bound]:
    """The bounds of a scan that follow from the joins that it is read for."""
    if not isinstance(branch.input, FromScan):
        return
    scan = branch.input.scan
    names = dict(zip(scan.output, scan.columns, strict=True))
    for step in branch.steps:
        if isinstance(step, Explode):
            return  # a later key may be an element
        if not isinstance(step, Probe) or step.kind not in ("inner", "semi", "meet"):
            continue
        table = builds[step.build].table
        for left, right, nulls_equal in zip(step.keys, table.keys, table.nulls_equal, strict=True):
            column = _scanned(left)
            if column is not None and column.field in names and not nulls_equal and len(right):
                yield from _bounds(names[column.field], right)


def _scanned(e: Expression) -> Column | None:
    """The column whose order is that of `e`."""
    if isinstance(e, Cast) and e.type.is_integer and e.argument.type.is_integer:
        e = e.argument
    return e if isinstance(e, Column) else None


def _bounds(name: str, keys: pa.Array) -> Iterator[Bound]:
    import pyarrow.compute as pc

    t = keys.type
    if pa.types.is_dictionary(t):
        keys, t = keys.dictionary, t.value_type
    # NaN is beyond all bounds, and Arrow orders no nested values.
    micros = pa.types.is_timestamp(t) and t.unit == "us"
    if not (pa.types.is_integer(t) or pa.types.is_date(t) or micros or pa.types.is_string(t)):
        return
    few = len(keys) <= _FEW_KEYS
    try:
        values = keys.drop_null().unique().to_pylist() if few else list(pc.min_max(keys).as_py().values())
    except (ValueError, OverflowError):
        return  # a date that Python has not
    if not values or None in values:
        return
    if few:
        yield Bound(name, "in", tuple(values))
        return
    yield Bound(name, ">=", values[0])
    yield Bound(name, "<=", values[1])
