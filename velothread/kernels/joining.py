"""Probing: which rows of a join's right side each left row meets.

A `JoinTable` holds the right side: an index of its keys, and for each key its rows, in order (compressed sparse rows).
Functions here take the keys of a batch and give pairs in chunks of bounded size, in the order of the left rows and for
each of the right rows: `(rows, left, right)`. `left` are positions in the batch, None where these are all its rows in
order; `right` are positions in the table, NULL where a left row has no partner.

A further condition comes as a function `on(rows, left, right)` that gives a BOOLEAN column (or constant) for pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.grouping import Codes
from velothread.kernels.key_index import KeyIndex, index_keys
from velothread.kernels.vectors import column as as_arrow

# Pairs that are made at once. A batch that meets one row each stays whole.
CHUNK_PAIRS = 1 << 17

On = Callable[[int, pa.Array, pa.Array], Any]
Pairs = tuple[int, pa.Array | None, pa.Array]
_TOO_MANY = "more than one row returned by a subquery used as an expression"


@dataclass(frozen=True, slots=True)
class JoinTable:
    """The right side of a join, ready for probing.

    columns: the payload, a contiguous array each. index: None where there are no keys: every row matches. order: the
    rows by key; None: as they stand. starts, counts: where a key's rows are in `order`, by the key's first row; None
    where each key has one row.

    Threading: immutable; shared by all receivers.
    """

    rows: int
    columns: tuple[pa.Array, ...]
    keys: tuple[pa.Array, ...]
    nulls_equal: tuple[bool, ...]
    index: KeyIndex | None
    order: Codes | None
    starts: Codes | None
    counts: Codes | None

    @classmethod
    def of(
        cls,
        rows: int,
        columns: Sequence[pa.Array],
        keys: Sequence[pa.Array],
        nulls_equal: Sequence[bool],
        existence: bool = False,
    ) -> JoinTable:
        """Index the rows by their keys. `existence`: as if each key had one row: only whether there is one matters."""
        found = (rows, tuple(columns), tuple(keys), tuple(nulls_equal))
        if not keys and rows == 1:
            return cls(*found, None, None, None, None)
        if not keys:
            return cls(*found, None, None, np.zeros(1, np.int64), np.full(1, rows, np.int64))
        index, first = index_keys(keys, nulls_equal)
        if rows == 0 or existence or bool((first == np.arange(rows, dtype=first.dtype)).all()):
            return cls(*found, index, None, None, None)
        usable = np.flatnonzero(first >= 0)
        owners = first if len(usable) == rows else first[usable]
        counts = np.bincount(owners, minlength=rows)
        if int(counts.max(initial=0)) <= 1:
            return cls(*found, index, None, None, None)  # NULLs aside, each key has one row
        starts = np.cumsum(counts) - counts
        return cls(*found, index, _by_owner(owners, usable, rows), starts, counts)

    @property
    def table(self) -> JoinTable:
        """Itself; `Watched` has the same."""
        return self

    def watched(self) -> Watched:
        """To be probed by one receiver of a full join."""
        return Watched.of(self)

    @property
    def unique(self) -> bool:
        """Has every key one row at most?"""
        return self.counts is None

    def first(self, rows: int, keys: Sequence[pa.Array]) -> Codes:
        """For each row of a batch the first row here with its keys, or -1."""
        if self.index is not None:
            return self.index.find(keys)
        return np.full(rows, 0 if self.rows else -1, np.int64)


@dataclass(frozen=True, slots=True)
class Watched:
    """A table, and which of its rows have met a partner.

    Threading: `seen` is written by one receiver; read by the coordinator when the receivers are done.
    """

    table: JoinTable
    seen: Codes

    @classmethod
    def of(cls, table: JoinTable) -> Watched:
        return cls(table, np.zeros(table.rows, bool))

    @property
    def columns(self) -> tuple[pa.Array, ...]:
        """The table's payload."""
        return self.table.columns


def _by_owner(owners: Codes, usable: Codes, rows: int) -> Codes | None:
    """Rows by the first row of their key, stable; None when that is how they stand."""
    if bool((owners[1:] >= owners[:-1]).all()):
        return None if len(usable) == rows else usable
    bits = max(1, (rows - 1).bit_length())
    if 2 * bits > 63:
        return usable[np.argsort(owners, kind="stable")]
    # Sorting integers that hold both is several times as fast as a stable sort of indices.
    both = (owners.astype(np.int64) << bits) | usable
    both.sort()
    return both & ((1 << bits) - 1)


# --- what generated code calls


def pick(column: Any, positions: pa.Array | None) -> Any:
    """A column's values at these positions, NULL where the position is; None: all of it. Constants stay."""
    if positions is None or isinstance(column, pa.Scalar):
        return column
    return column.take(positions)


def inner_pairs(table: JoinTable, rows: int, keys: Sequence[pa.Array]) -> Iterator[Pairs]:
    """All pairs with equal keys."""
    first = table.first(rows, keys)
    if table.unique:
        matched = np.flatnonzero(first >= 0)
        if len(matched) == rows:
            yield rows, None, pa.array(first)
        elif len(matched):
            yield len(matched), pa.array(matched), pa.array(first.take(matched))
        return
    for left, right in pairs_of(table, first):
        if len(left):
            yield len(left), pa.array(left), pa.array(right)


def left_pairs(
    table: JoinTable, rows: int, keys: Sequence[pa.Array], on: On | None = None, single: bool = False
) -> Iterator[Pairs]:
    """All pairs with equal keys for which `on` holds, and left rows without any with NULL.

    :raises ExecutionError: where `single` and a left row has two partners.
    """
    first = table.first(rows, keys)
    if on is None:
        yield from _left_pairs_by_key(table, rows, first, single)
        return
    for left, right in _outer(table, first, on, single):
        if len(left):
            yield len(left), pa.array(left), nullable(right)


def full_pairs(watched: Watched, rows: int, keys: Sequence[pa.Array], on: On | None = None) -> Iterator[Pairs]:
    """As `left_pairs`; the right rows that have a partner are noted."""
    for count, left, right in left_pairs(watched.table, rows, keys, on):
        met = right.drop_null() if right.null_count else right
        watched.seen[met.to_numpy()] = True
        yield count, left, right


def meet(watched: Watched, rows: int, keys: Sequence[pa.Array], on: On | None = None) -> None:
    """Note which rows of the table have a partner among these rows."""
    table, seen = watched.table, watched.seen
    first = table.first(rows, keys)
    if on is None:
        owners = first[first >= 0]
        if table.unique:
            seen[owners] = True
            return
        first = np.unique(owners[~seen.take(owners)])  # a key's rows are met together
    for left, right in pairs_of(table, first):
        if on is not None:
            fresh = ~seen.take(right)
            left, right = left[fresh], right[fresh]
            right = right[passing_pairs(on, left, right)]
        seen[right] = True


def unmatched(table: JoinTable, seen: Sequence[Codes], batch_rows: int, met: bool = False) -> Iterator[pa.RecordBatch]:
    """The rows of a table that no receiver has seen with a partner, or with `met` the others, in order."""
    flags = np.zeros(table.rows, bool)
    for noted in seen:
        flags |= noted
    alone = np.flatnonzero(flags if met else ~flags)
    for begin in range(0, len(alone), batch_rows):
        places = pa.array(alone[begin : begin + batch_rows])
        # a batch without columns would have no rows
        columns = [c.take(places) for c in table.columns] or [pa.nulls(len(places))]
        yield pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])


def has_partner(table: JoinTable, rows: int, keys: Sequence[pa.Array], on: On | None = None) -> pa.Array:
    """For each left row: is there a right row with equal keys for which `on` holds?"""
    return as_arrow(partnered(table, table.first(rows, keys), on), pa.bool_())


def has_no_partner(table: JoinTable, rows: int, keys: Sequence[pa.Array], on: On | None = None) -> pa.Array:
    """The opposite of `has_partner`."""
    return as_arrow(~partnered(table, table.first(rows, keys), on), pa.bool_())


def partnered(table: JoinTable, first: Codes, on: On | None) -> Codes:
    """As `has_partner`, from the first rows with equal keys."""
    if on is None:
        found: Codes = first >= 0
        return found
    flags = np.zeros(len(first), bool)
    for left, right in pairs_of(table, first):
        flags[left[passing_pairs(on, left, right)]] = True
    return flags


# --- pairs in chunks


def _left_pairs_by_key(table: JoinTable, rows: int, first: Codes, single: bool) -> Iterator[Pairs]:
    if single and table.counts is not None:
        counts = table.counts.take(first, mode="clip")
        if bool(((counts > 1) & (first >= 0)).any()):
            raise ExecutionError(_TOO_MANY)
    if table.unique or single:
        yield rows, None, nullable(first)
        return
    for left, right in pairs_of(table, first, outer=True):
        yield len(left), pa.array(left), nullable(right)


def nullable(positions: Codes) -> pa.Array:
    valid = positions >= 0
    kind = pa.int32() if positions.dtype == np.int32 else pa.int64()
    return as_arrow(positions, kind, None if bool(valid.all()) else valid)


def passing_pairs(on: On, left: Codes, right: Codes) -> Codes:
    """Which pairs the condition holds for."""
    if not len(left):
        return np.zeros(0, bool)
    answer = on(len(left), pa.array(left), pa.array(right))
    if isinstance(answer, pa.Scalar):
        return np.full(len(left), bool(answer.as_py()))
    flags: Codes = pc.fill_null(answer, False).to_numpy(zero_copy_only=False)
    return flags


def counts_of(table: JoinTable, first: Codes) -> Codes:
    """How many right rows have the key of each left row."""
    matched = first >= 0
    if table.counts is None:
        return matched.astype(np.int64)
    found: Codes = table.counts.take(first, mode="clip")
    return found if bool(matched.all()) else np.where(matched, found, 0)


def pairs_of(table: JoinTable, first: Codes, outer: bool = False) -> Iterator[tuple[Codes, Codes]]:
    """All pairs of equal keys in chunks; `outer`: rows without any give one with -1."""
    counts = counts_of(table, first)
    alone = counts == 0 if outer else None
    if alone is not None and alone.any():
        counts = np.where(alone, 1, counts)
    else:
        alone = None
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    for begin in range(0, total, CHUNK_PAIRS):
        left, right = _chunk(table, first, ends, counts, begin, min(begin + CHUNK_PAIRS, total))
        if alone is not None:
            right[alone.take(left)] = -1
        yield left, right


def _chunk(table: JoinTable, first: Codes, ends: Codes, counts: Codes, begin: int, end: int) -> tuple[Codes, Codes]:
    """The pairs numbered begin to end."""
    a = int(np.searchsorted(ends, begin, "right"))
    b = int(np.searchsorted(ends, end, "left")) + 1
    portions = counts[a:b].copy()
    before = ends[a:b] - portions
    portions[0] -= begin - before[0]
    portions[-1] -= ends[b - 1] - end
    left = np.repeat(np.arange(a, b), portions)
    owners = first[a:b]
    if table.starts is None:
        return left, np.repeat(owners, portions).astype(np.int64)
    starts = table.starts.take(owners, mode="clip")
    right = np.repeat(starts - before, portions) + np.arange(begin, end)
    if table.order is not None:
        right = table.order.take(right, mode="clip")
    return left, right


def _outer(table: JoinTable, first: Codes, on: On, single: bool) -> Iterator[tuple[Codes, Codes]]:
    """Pairs for which `on` holds, and (row, -1) in their place for rows without any, in the order of the rows."""
    counts = counts_of(table, first)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    done = 0  # rows before this one are dealt with
    carried = False  # has row `done` a partner in an earlier chunk?
    for begin in range(0, max(total, 1), CHUNK_PAIRS):
        end = min(begin + CHUNK_PAIRS, total)
        if total:
            left, right = _chunk(table, first, ends, counts, begin, end)
            passing = passing_pairs(on, left, right)
            left, right = left[passing], right[passing]
        else:
            left = right = np.zeros(0, np.int64)
        complete = len(first) if end == total else int(np.searchsorted(ends, end, "right"))
        met = np.zeros(complete - done + 1, bool)
        met[left - done] = True
        if single and (bool((left[1:] == left[:-1]).any()) or (carried and len(left) and left[0] == done)):
            raise ExecutionError(_TOO_MANY)
        met[0] |= carried
        alone = np.flatnonzero(~met[: complete - done]) + done
        carried, done = bool(met[-1]), complete
        if len(alone):
            left = np.concatenate([left, alone])
            by_row = np.argsort(left, kind="stable")
            right = np.concatenate([right, np.full(len(alone), -1, np.int64)])[by_row]
            left = left[by_row]
        yield left, right
