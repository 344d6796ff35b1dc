"""Quantiles and what is made of them: median, quantile_cont, quantile_disc, mad.

The rows of a group may come in any order: they are sorted by value, and of the values that are equal and yet differ
(-0.0 and 0.0, NaNs of other bits) one form is given out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.folds import unscaled
from velothread.kernels.aggregates.rows import Computation, Kept
from velothread.kernels.aggregates.state import decimals
from velothread.kernels.cast_time import date_to_timestamp
from velothread.kernels.grouping import Codes, joined, normalised
from velothread.kernels.sorting import SortKey, sort_permutation
from velothread.types import DATE, TIMESTAMP

_MICROS_PER_DAY = 86_400_000_000
_GREATEST = np.nextafter(2.0**63, 0.0)  # the greatest double that an int64 holds


def quantiles(fractions: tuple[float, ...], continuous: bool, as_list: bool) -> Computation:
    """quantile_cont (interpolated) or quantile_disc (a value that occurs) at these fractions.

    A negative fraction counts from the greatest value, as in DuckDB.
    """

    def compute(kept: Kept, groups: int) -> pa.Array:
        values = kept.columns[0]
        if continuous and pa.types.is_date(values.type):
            values = date_to_timestamp(values, DATE, TIMESTAMP)
        counts = np.bincount(kept.codes, minlength=groups)
        none = counts == 0
        if fractions:
            by_value = sort_permutation((SortKey(0), SortKey(1)), (pa.array(kept.codes), values))
            starts = np.cumsum(counts) - counts
            found = [_at(values, by_value, starts, counts, none, f, continuous) for f in fractions]
        else:
            found = [values.slice(0, 0)]
        if not as_list:
            return found[0]
        # fraction by fraction -> group by group
        turned = np.arange(groups * len(fractions)).reshape(len(fractions), groups).T.ravel()
        flat = joined(found).take(pa.array(turned))
        offsets = np.arange(groups + 1, dtype=np.int32) * np.int32(len(fractions))
        return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(none) if none.any() else None)

    return compute


def _at(
    values: pa.Array, by_value: Codes, starts: Codes, counts: Codes, none: Codes, fraction: float, continuous: bool
) -> pa.Array:
    n = np.maximum(counts, 1)
    flipped = fraction < 0 or (fraction == 0 and np.signbit(fraction))
    q = 1.0 + fraction if flipped else fraction
    last = len(by_value) - 1
    if not continuous:
        place = np.maximum(np.ceil(n * abs(fraction)).astype(np.int64) - 1, 0)
        if flipped:
            place = n - 1 - place
        return normalised(values.take(pa.array(by_value[np.minimum(starts + place, last)], mask=none)))
    exact = (n - 1) * q
    low, high = np.floor(exact).astype(np.int64), np.ceil(exact).astype(np.int64)
    below, above = (by_value[np.minimum(starts + places, last)] for places in (low, high))
    share = exact - low
    if pa.types.is_decimal(values.type):
        return _between_decimals(values, below, above, share, none)
    if pa.types.is_temporal(values.type):
        whole = values.view(pa.int64()).to_numpy(zero_copy_only=False)
        return pa.array(_between_times(whole[below], whole[above], share), mask=none).view(values.type)
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return normalised(pa.array(_between(numbers[below], numbers[above], share), mask=none))


def _between(below: Codes, above: Codes, share: Codes) -> Codes:
    """The numbers at `share` of the way. Infinities and equal neighbours need no step (inf - inf would be NaN)."""
    with np.errstate(invalid="ignore"):
        found: Codes = np.where((below == above) | (share == 0), below, below * (1.0 - share) + above * share)
    return found


def _between_times(below: Codes, above: Codes, share: Codes) -> Codes:
    """As `_between`, of microseconds: rounded, halves away from zero. Only what is interpolated goes through doubles,
    as in DuckDB."""
    between = _between(below.astype(np.float64), above.astype(np.float64), share)
    size = np.abs(between)
    whole = np.floor(size)
    rounded = np.copysign(np.minimum(whole + (size - whole >= 0.5), _GREATEST), between).astype(np.int64)
    return np.where((below == above) | (share == 0), below, rounded)


def _between_decimals(values: pa.Array, below: Codes, above: Codes, share: Codes, none: Codes) -> pa.Array:
    """As `_between`, in the units of the last digit; the rest of a unit is dropped, as in DuckDB."""
    t = values.type
    if t.precision <= 18:
        units = np.frombuffer(values.buffers()[1], np.int64, 2 * len(values), values.offset * 16)[::2]
        low, high = units[below], units[above]
        exact = (share == 0) | (low == high)
        found = np.where(exact, low, np.trunc(low + (high - low) * share).astype(np.int64))
        return decimals([found], ~none, t)
    low_values, high_values = (values.take(pa.array(rows)).to_pylist() for rows in (below, above))
    # A loop over groups: only decimals of more than 18 digits, which NumPy has no numbers for.
    wide = []
    for least, greatest, part in zip(low_values, high_values, share.tolist(), strict=True):
        unit = unscaled(least, t.scale)
        wide.append(unit + int((unscaled(greatest, t.scale) - unit) * part))
    low_words = np.array([u & 0xFFFFFFFFFFFFFFFF for u in wide], np.uint64).view(np.int64)
    return decimals([low_words, np.array([u >> 64 for u in wide], np.int64)], ~none, t)


def median_deviation(kept: Kept, groups: int) -> pa.Array:
    """mad: the median of the distances from the median; of dates and times an INTERVAL."""
    values = kept.columns[0]
    median = quantiles((0.5,), True, False)
    middle = median(kept, groups)
    # Every group that has rows has a median.
    centre = middle.take(pa.array(kept.codes))
    t = middle.type
    if pa.types.is_temporal(t):
        moments = date_to_timestamp(values, DATE, TIMESTAMP) if pa.types.is_date(values.type) else values
        units = moments.view(pa.int64())
        away = np.abs(units.to_numpy(zero_copy_only=False) - centre.view(pa.int64()).to_numpy(zero_copy_only=False))
        distances = pa.array(away).view(pa.timestamp("us"))
    elif pa.types.is_decimal(t):
        import pyarrow.compute as pc

        distances = pc.abs(pc.subtract(values, centre)).cast(t)
    else:
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        with np.errstate(invalid="ignore"):
            distances = pa.array(np.abs(numbers - centre.to_numpy(zero_copy_only=False)))
    found = median(Kept(kept.codes, (distances,), kept.positions), groups)
    return _intervals(found) if pa.types.is_temporal(t) else found


def _intervals(micros: pa.Array) -> pa.Array:
    """Microseconds as intervals of whole days and the rest of a day."""
    mask = micros.is_null().to_numpy(zero_copy_only=False)
    count = micros.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    layout = np.dtype([("months", "i4"), ("days", "i4"), ("nanoseconds", "i8")])
    parts = np.zeros(len(count), layout)
    parts["days"] = count // _MICROS_PER_DAY
    parts["nanoseconds"] = count % _MICROS_PER_DAY * 1000
    bitmap = pa.py_buffer(np.packbits(~mask, bitorder="little").tobytes()) if mask.any() else None
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(count), [bitmap, pa.py_buffer(parts)])
