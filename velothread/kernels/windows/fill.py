"""fill(x): NULLs filled in along the order key, on the line through the nearest two known values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes, plain, valid_mask
from velothread.kernels.sorting import SortKey, sort_permutation
from velothread.kernels.windows.layout import Layout


def fill(column: pa.Array, key: pa.Array, own_order: Sequence[SortKey], layout: Layout) -> pa.Array:
    """x where it is not NULL; else the value at the row's key on the line through the known neighbours: one on each
    side, or the nearest two where it lies outside; the only one where there is no other. NULL for a NULL key."""
    column, key = plain(column), plain(key)
    missing = ~valid_mask(column) & valid_mask(key)
    if own_order:
        # along its own order: sort the rows of each partition by it, and back
        flipped = SortKey(1, own_order[0].descending, own_order[0].nulls_first)
        rows = sort_permutation([SortKey(0), flipped], [pa.array(layout.partitions.number), key])
    else:
        rows = layout.row
    places = pa.array(rows)
    number = layout.partitions.number[rows]
    x, y = _numbers(key.take(places)), _numbers(column.take(places))
    known = (valid_mask(column) & valid_mask(key))[rows]
    wanted = np.flatnonzero(missing[rows])
    at = np.flatnonzero(known)
    if not len(at) or not len(wanted):
        return column
    after = np.searchsorted(at, wanted)
    owner = number[at]
    mine = number[wanted]

    def of_mine(place: Codes) -> Codes:
        there: Codes = (place >= 0) & (place < len(at)) & (owner.take(np.clip(place, 0, len(at) - 1)) == mine)
        return there

    # two neighbours: before and after, else two after, else two before
    one, two = after - 1, after
    one = np.where(of_mine(one), one, after + 1)
    two = np.where(of_mine(two), two, after - 2)
    have_one, have_two = of_mine(one), of_mine(two)
    first = at.take(np.clip(np.where(have_one, one, two), 0, len(at) - 1))
    second = at.take(np.clip(np.where(have_two, two, one), 0, len(at) - 1))
    with np.errstate(all="ignore"):
        share = np.where(first == second, 0.0, (x[wanted] - x[first]) / (x[second] - x[first]))
        share = np.where(x[first] == x[second], 0.0, share)
        value = y[first] * (1.0 - share) + y[second] * share
        value = np.where((share == 0) | (y[first] == y[second]), y[first], value)
    found = np.flatnonzero(have_one | have_two)
    values = _like(value[found], (share[found] >= 0) & (share[found] <= 1), column.type)
    source = np.arange(len(column))
    source[rows[wanted[found]]] = len(column) + np.arange(len(found))
    return pa.concat_arrays([column, values]).take(pa.array(source))


def _numbers(column: pa.Array) -> Codes:
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(column.type):
        column = column.view(pa.int64())
    found: Codes = column.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
    return found


def _like(values: Codes, between: Codes, target: pa.DataType) -> pa.Array:
    """Numbers as values of a column's type. What has no more digits is cut off between the known values, and rounded
    beyond them, as DuckDB does."""
    if pa.types.is_floating(target):
        return pa.array(values).cast(target, safe=False)
    if pa.types.is_decimal(target):
        units = values * 10.0**target.scale
        rounded = np.copysign(np.floor(np.abs(units) + 0.5), units)
        return pa.array(np.where(between, np.trunc(units), rounded) / 10.0**target.scale).cast(target, safe=False)
    whole = np.where(between, np.trunc(values), np.floor(values + 0.5)).astype(np.int64)
    if pa.types.is_date(target):
        return pa.array(whole.astype(np.int32)).view(target)
    numbers = pa.array(whole)
    return numbers.view(target) if pa.types.is_temporal(target) else numbers.cast(target)
