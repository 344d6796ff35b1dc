"""How often values occur: mode, approx_top_k, entropy, histogram."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.rows import Computation, Kept, ends_of
from velothread.kernels.civil import DATE_INFINITY, TIMESTAMP_INFINITY
from velothread.kernels.grouping import Codes, Grouper, joined, normalised
from velothread.kernels.sorting import SortKey, ranks, sort_permutation


def _pairs(kept: Kept) -> tuple[Codes, Codes, Codes]:
    """The different values of each group: the row where each appears first, its group, and how often it occurs."""
    grouper = Grouper(2)
    pairs, first = grouper.codes(len(kept.codes), (pa.array(kept.codes), kept.columns[0]))
    return first, kept.codes[first], np.bincount(pairs)


def mode(kept: Kept, groups: int) -> pa.Array:
    """The most frequent value; of several the one that appears first."""
    first, owners, counts = _pairs(kept)
    by_worth = np.lexsort((-first, counts, owners))
    ends = ends_of(owners, groups)
    starts = np.concatenate([[0], ends[:-1]])
    places = np.where(ends > starts, first[by_worth[np.maximum(ends - 1, 0)]], 0)
    return kept.columns[0].take(pa.array(places, mask=ends == starts))


def most_frequent(count: int) -> Computation:
    """approx_top_k(x, k), exact: the most frequent values, those that appear first before others as frequent."""

    def compute(kept: Kept, groups: int) -> pa.Array:
        first, owners, counts = _pairs(kept)
        by_worth = np.lexsort((first, -counts, owners))
        ends = ends_of(owners, groups)
        starts = np.concatenate([[0], ends[:-1]])
        turns = np.arange(len(owners)) - starts[owners[by_worth]]
        chosen = by_worth[turns < count]
        offsets = np.concatenate([[0], ends_of(owners[chosen], groups)]).astype(np.int32)
        values = kept.columns[0].take(pa.array(first[chosen]))
        empty = ends == starts
        return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(empty) if empty.any() else None)

    return compute


def entropy(kept: Kept, groups: int) -> pa.Array:
    """Shannon entropy of the values' frequencies, in bits."""
    _, owners, counts = _pairs(kept)
    totals = np.bincount(kept.codes, minlength=groups).astype(np.float64)
    share = counts / totals[owners]
    return pa.array(np.abs(np.bincount(owners, -share * np.log2(share), groups)))


def histogram(kept: Kept, groups: int) -> pa.Array:
    """histogram(x): a map of each value to its number of rows, by value."""
    kept = Kept(kept.codes, (normalised(kept.columns[0]),), kept.positions)
    first, owners, counts = _pairs(kept)
    values = kept.columns[0].take(pa.array(first))
    by_value = sort_permutation((SortKey(0), SortKey(1)), (pa.array(owners), values))
    return _maps(ends_of(owners, groups), values.take(pa.array(by_value)), counts[by_value])


def binned(bins: pa.Array, exactly: bool) -> Computation:
    """histogram(x, bins): rows up to each upper bound, or equal to it (`exactly`); what fits none under the bin for
    others, which is there only if it has rows."""

    def compute(kept: Kept, groups: int) -> pa.Array:
        values = kept.columns[0]
        edges = _sorted(normalised(bins.cast(values.type)))
        other = bin_for_others(values.type)
        n = len(edges)
        worth = ranks(joined([edges, normalised(values)]))
        bounds, found = worth[:n], worth[n:]
        place = np.searchsorted(bounds, found)
        if exactly and n:
            hit = bounds[np.minimum(place, n - 1)] == found
            place = np.where((place < n) & hit, place, n)
        counts = np.bincount(kept.codes * (n + 1) + place, minlength=groups * (n + 1)).reshape(groups, n + 1)
        some = counts.sum(axis=1) > 0
        shown = np.repeat(some[:, None], n + 1, axis=1)
        shown[:, n] = counts[:, n] > 0
        keys = joined([edges, other])
        return _maps(np.cumsum(shown.sum(axis=1)), keys.take(pa.array(np.nonzero(shown)[1])), counts[shown])

    return compute


def _maps(ends: Codes, keys: pa.Array, counts: Codes) -> pa.Array:
    """Maps of each group's keys to counts; NULL for a group without any."""
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    empty = offsets[1:] == offsets[:-1]
    mask = pa.array(empty) if empty.any() else None
    return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(counts, pa.uint64()), mask=mask)


def _sorted(values: pa.Array) -> pa.Array:
    """The values in order, each once."""
    if not len(values):
        return values
    _, first = np.unique(ranks(values), return_index=True)
    return values.take(pa.array(first))


def bin_for_others(t: pa.DataType) -> pa.Array:
    """One value: the key for what fits no bin. It is DuckDB's: the greatest of numbers and times, or an empty text."""
    if pa.types.is_floating(t):
        return pa.array([np.inf], t)
    if pa.types.is_integer(t):
        return pa.array([(1 << t.bit_width - (not pa.types.is_unsigned_integer(t))) - 1], t)
    if pa.types.is_boolean(t):
        return pa.array([True], t)
    if pa.types.is_date(t):
        return pa.array([DATE_INFINITY], pa.int32()).view(t)
    if pa.types.is_timestamp(t):
        return pa.array([TIMESTAMP_INFINITY], pa.int64()).view(t)
    if pa.types.is_time(t):
        return pa.array([86_400_000_000], pa.int64()).view(t)
    if pa.types.is_list(t):
        return pa.array([[]], t)
    return pa.array([b""], pa.binary()).cast(t) if pa.types.is_string(t) or pa.types.is_binary(t) else pa.nulls(1, t)
