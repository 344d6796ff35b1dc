"""median, quantile_cont and quantile_disc of frames, by the values at two places of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import decimals
from velothread.kernels.grouping import Codes, joined
from velothread.kernels.sorting import ranks
from velothread.kernels.windows.frames import Ranges, sizes
from velothread.kernels.windows.order_statistics import dense, nth_least


def quantiles(
    values: pa.Array, ranges: Ranges, fractions: Sequence[float], continuous: bool, as_list: bool, result: pa.DataType
) -> pa.Array:
    """The quantiles of each frame; NULL for an empty one. values: without NULLs; result: of one quantile.

    A negative fraction counts from the greatest value.
    """
    count = sizes(ranges)
    none = count == 0
    if not len(values):
        one = pa.nulls(len(count), result)
        return pa.nulls(len(count), pa.list_(result)) if as_list else one
    numbers, first = dense(ranks(values))
    n = np.maximum(count, 1)
    lows, highs, shares = [], [], []
    for fraction in fractions:
        flipped = fraction < 0 or (fraction == 0 and bool(np.signbit(fraction)))
        if continuous:
            exact = (n - 1) * (1.0 + fraction if flipped else fraction)
            low = np.floor(exact).astype(np.int64)
            shares.append(exact - low)
            lows.append(low)
            highs.append(np.ceil(exact).astype(np.int64))
        else:
            place = np.maximum(np.ceil(n * abs(fraction)).astype(np.int64) - 1, 0)
            lows.append(n - 1 - place if flipped else place)
    # of an empty frame any row will do
    found = [first.take(np.minimum(f, len(first) - 1)) for f in nth_least(numbers, ranges, [*lows, *highs])]
    if continuous:
        half = len(fractions)
        columns = [
            _between(values, low, high, share, none, result)
            for low, high, share in zip(found[:half], found[half:], shares, strict=True)
        ]
    else:
        columns = [values.take(pa.array(rows, mask=none)) for rows in found]
    columns = [c if c.type == result else c.cast(result, safe=False) for c in columns]
    if not as_list:
        return columns[0]
    turned = np.arange(len(count) * len(columns)).reshape(len(columns), len(count)).T.ravel()
    flat = joined(columns).take(pa.array(turned))
    ends = pa.array(np.arange(len(count) + 1, dtype=np.int32) * np.int32(len(columns)))
    return pa.ListArray.from_arrays(ends, flat, mask=pa.array(none) if none.any() else None)


def _between(values: pa.Array, low: Codes, high: Codes, share: Codes, none: Codes, result: pa.DataType) -> pa.Array:
    """The value `share` of the way from the row `low` to the row `high`."""
    if pa.types.is_temporal(values.type):
        unit = pa.timestamp("us") if pa.types.is_date(values.type) else values.type
        whole = values.cast(unit).view(pa.int64()).to_numpy(zero_copy_only=False)
        below, above = whole.take(low), whole.take(high)
        step = ((above - below) * share).astype(np.int64)
        return pa.array(below + step, mask=none).view(unit)
    if pa.types.is_decimal(values.type) and values.type.precision <= 18:
        # in units of the last digit, cut off there as DuckDB does
        pairs = np.frombuffer(values.buffers()[1], np.int64, 2 * len(values), values.offset * 16)
        below, above = pairs[::2].take(low), pairs[::2].take(high)
        return decimals([np.trunc(below + (above - below) * share).astype(np.int64)], ~none, values.type)
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    below, above = numbers.take(low), numbers.take(high)
    with np.errstate(invalid="ignore"):
        # infinities and equal neighbours need no step (inf - inf would be NaN)
        return pa.array(np.where((below == above) | (share == 0), below, below + (above - below) * share), mask=none)
