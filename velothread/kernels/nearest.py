"""ASOF joins: of the rows with equal keys, the nearest one by an ordered column, found by binary search.

All rows of a batch search at once; each within the rows of its key, which are sorted by the ordered column. Of several
rows that are equally near the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.grouping import Codes, joined, plain
from velothread.kernels.joining import JoinTable, On, Pairs, nullable, passing_pairs
from velothread.kernels.key_index import index_keys
from velothread.kernels.key_words import exact_words, valid_of


@dataclass(frozen=True, slots=True)
class NearestTable:
    """A right side sorted by the ordered column within each key.

    table: without an order of its own. order: the table's rows by key and value; starts, counts: where those of a key
    are in it, by the key's first row among the usable ones. values: the ordered column in that order; words: integers
    that compare as it does, None where the type has none. heads: for each place the first one of equal key and value.

    Threading: immutable; shared by all receivers.
    """

    table: JoinTable
    operator: str
    order: Codes
    starts: Codes
    counts: Codes
    values: pa.Array
    words: Codes | None
    heads: Codes

    @classmethod
    def of(cls, table: JoinTable, nearest: pa.Array, operator: str) -> NearestTable:
        """Of rows that are indexed only after those without a value are left out."""
        nearest = plain(nearest)
        valid = valid_of(nearest)
        usable = np.arange(table.rows) if valid is None else np.flatnonzero(valid)
        places = pa.array(usable)
        keys = [k.take(places) for k in table.keys]
        inner = JoinTable.of(len(usable), table.columns, keys, table.nulls_equal)
        first = index_keys(keys, table.nulls_equal)[1] if keys else np.zeros(len(usable), np.int64)
        values = nearest.take(places)
        words = ordered_words(values)
        by = words if words is not None else _ranks(values)
        order = np.lexsort((by, first))
        order = order[first[order] >= 0]
        counts = np.bincount(first[first >= 0], minlength=max(len(usable), 1))
        starts = np.cumsum(counts) - counts
        sorted_values = values.take(pa.array(order))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (np.diff(first[order]) != 0) | (np.diff(by[order]) != 0)
        heads = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
        in_order = None if words is None else words[order]
        return cls(inner, operator, usable[order], starts, counts, sorted_values, in_order, heads)

    @property
    def rows(self) -> int:
        """How many can be met."""
        return len(self.order)

    @property
    def columns(self) -> tuple[pa.Array, ...]:
        """The table's payload."""
        return self.table.columns


def nearest_pairs(
    table: NearestTable, rows: int, keys: Sequence[pa.Array], nearest: pa.Array, outer: bool, on: On | None = None
) -> Iterator[Pairs]:
    """Each row with the nearest one for which `on` holds; `outer`: those without one with NULL."""
    first = table.table.first(rows, keys)
    nearest = plain(nearest)
    valid = valid_of(nearest)
    possible = first >= 0 if valid is None else (first >= 0) & valid
    begin = table.starts.take(first, mode="clip")
    end = begin + np.where(possible, table.counts.take(first, mode="clip"), 0)
    theirs, mine = table.words, ordered_words(nearest)
    if theirs is None or mine is None:
        # Text and the like: ranked together with the batch, which takes a pass over the right side for each batch.
        both = _ranks(joined([table.values, nearest.cast(table.values.type)]))
        theirs, mine = both[: len(table.values)], both[len(table.values) :]
    at = _searched(theirs, mine, begin, end, after_equal=table.operator in (">=", "<"))
    if table.operator in (">=", ">"):
        at -= 1
        hit = at >= begin
        at = table.heads.take(at, mode="clip") if len(table.heads) else at
    else:
        hit = at < end
    hit &= possible
    if on is not None:
        _settle(table, on, at, hit, begin, end)
    found = np.where(hit, table.order.take(at, mode="clip") if len(table.order) else -1, -1)
    if outer:
        yield rows, None, nullable(found)
        return
    matched = np.flatnonzero(found >= 0)
    if len(matched) == rows:
        yield rows, None, pa.array(found)
    elif len(matched):
        yield len(matched), pa.array(matched), pa.array(found[matched])


def _settle(table: NearestTable, on: On, at: Codes, hit: Codes, begin: Codes, end: Codes) -> None:
    """Move on to the next nearest row, again and again, wherever `on` does not hold; changes `at` and `hit`."""
    pending = np.flatnonzero(hit)
    while len(pending):
        here = at[pending]
        pending = pending[~passing_pairs(on, pending, table.order[here])]
        here = at[pending]
        following = here + 1
        if table.operator in (">=", ">"):
            # the rest of those that are equally near, then the ones before
            run = table.heads[here]
            tied = (following < end[pending]) & (table.heads.take(following, mode="clip") == run)
            before = table.heads.take(run - 1, mode="clip")
            following = np.where(tied, following, np.where(run > begin[pending], before, -1))
            hit[pending] = following >= 0
        else:
            hit[pending] = following < end[pending]
        at[pending] = following
        pending = pending[hit[pending]]


def ordered_words(values: pa.Array) -> Codes | None:
    """Integers (int64) in the order of the values, NaN last; None for types that have none."""
    words = exact_words(values)
    if words is None:
        return None
    t = values.type
    if pa.types.is_uint64(t):
        return words ^ np.int64(-(2**63))
    if pa.types.is_floating(t):
        # the bits of negative floats count downwards
        return np.where(words < 0, words ^ np.int64(2**63 - 1), words)
    return words


def _ranks(values: pa.Array) -> Codes:
    ranks: Codes = pc.rank(values, tiebreaker="dense").to_numpy(zero_copy_only=False).astype(np.int64)
    return ranks


def _searched(values: Codes, wanted: Codes, begin: Codes, end: Codes, after_equal: bool) -> Codes:
    """For each wanted value its place between begin and end of the sorted values: before or after equal ones."""
    low, high = begin.copy(), end.copy()
    while True:
        open_ = np.flatnonzero(low < high)
        if not len(open_):
            return low
        middle = (low[open_] + high[open_]) >> 1
        there, here = values.take(middle), wanted.take(open_)
        up = there <= here if after_equal else there < here
        low[open_[up]] = middle[up] + 1
        high[open_[~up]] = middle[~up]
