"""Aggregates that keep rows: the best one of each group, or all of them until the end.

Rows are kept with their global positions and put into source order at the end, so it doesn't matter who read them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import Rows
from velothread.kernels.grouping import Codes, joined, plain
from velothread.kernels.sorting import order, ranks


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of several groups: sorted by group and then by position once they are in a `Computation`'s hands."""

    codes: Codes
    columns: tuple[pa.Array, ...]
    positions: Codes

    def take(self, rows: Codes) -> Kept:
        places = pa.array(rows)
        return Kept(self.codes[rows], tuple(c.take(places) for c in self.columns), self.positions[rows])


class RowState:
    """Keeps chunks of rows."""

    __slots__ = ("chunks",)

    def __init__(self) -> None:
        self.chunks: list[Kept] = []

    def _empty(self) -> Self:
        return type(self)()

    def update(self, rows: Rows) -> None:
        if rows.count:
            self.chunks.append(Kept(rows.places, rows.columns, rows.positions))

    def merge(self, other: Self, codes: Codes, groups: int) -> None:
        self.chunks.extend(Kept(codes[c.codes], c.columns, c.positions) for c in other.chunks)

    def select(self, groups: Codes) -> Self:
        chosen = self._empty()
        kept = self.together()
        if kept is not None:
            turns = np.full(max(int(kept.codes.max()), int(groups.max()) if len(groups) else 0) + 1, -1, np.intp)
            turns[groups] = np.arange(len(groups))
            codes = turns[kept.codes]
            rows = np.flatnonzero(codes >= 0)
            if len(rows):
                picked = kept.take(rows)
                chosen.chunks = [Kept(codes[rows], picked.columns, picked.positions)]
        return chosen

    def together(self) -> Kept | None:
        """All rows as one chunk, in the order in which they came."""
        if not self.chunks:
            return None
        if len(self.chunks) > 1:
            columns = [joined(pieces) for pieces in zip(*(c.columns for c in self.chunks), strict=True)]
            codes = np.concatenate([c.codes for c in self.chunks])
            positions = np.concatenate([c.positions for c in self.chunks])
            self.chunks = [Kept(codes, tuple(columns), positions)]
        return self.chunks[0]

    def in_order(self) -> Kept | None:
        """All rows by group, then by position."""
        kept = self.together()
        if kept is None:
            return None
        words = [kept.codes.astype(np.uint64)]
        if len(kept.positions) > 1 and (kept.positions[1:] < kept.positions[:-1]).any():
            words.append(kept.positions.astype(np.uint64))
        return kept.take(order(words, (), None))


# (rows by group and position, number of groups) -> a result per group.
Computation = Callable[[Kept, int], pa.Array]


class Holistic(RowState):
    """All rows of a group at once: list, string_agg, quantiles, mode."""

    __slots__ = ("computation", "in_any_order", "nothing", "result")

    def __init__(
        self, computation: Computation, result: pa.DataType, nothing: Any = None, in_any_order: bool = False
    ) -> None:
        super().__init__()
        self.in_any_order = in_any_order  # the computation sorts the rows itself
        self.computation = computation
        self.result = result
        self.nothing = nothing  # the result for no rows

    def _empty(self) -> Self:
        return type(self)(self.computation, self.result, self.nothing, self.in_any_order)

    def finish(self, groups: int) -> pa.Array:
        kept = self.together() if self.in_any_order else self.in_order()
        if kept is None:
            return pa.repeat(pa.scalar(self.nothing, self.result), groups)
        found = self.computation(Kept(kept.codes, tuple(plain(c) for c in kept.columns), kept.positions), groups)
        # safe=False: interpolated decimals are rounded to their scale
        return found if found.type == self.result else found.cast(self.result, safe=False)


class Thinned(RowState, ABC):
    """Keeps the few rows of each group that decide (`_reduce`); thins them out whenever so many have gathered that it
    pays."""

    __slots__ = ("pending", "reduced", "result")

    def __init__(self, result: pa.DataType) -> None:
        super().__init__()
        self.result = result
        self.pending = 0  # rows since they were last thinned out, and how many those left
        self.reduced = 0

    def update(self, rows: Rows) -> None:
        super().update(rows)
        self.pending += rows.count
        if self.pending > 32_768 + 2 * self.reduced:
            self._reduce()

    def select(self, groups: Codes) -> Self:
        self._reduce()
        return super().select(groups)

    def finish(self, groups: int) -> pa.Array:
        kept = self._reduce()
        if kept is None:
            return pa.nulls(groups, self.result)
        found = self._values(kept, groups)
        return found if found.type == self.result else found.cast(self.result)

    @abstractmethod
    def _reduce(self) -> Kept | None:
        """The rows that decide, as one chunk; `pending` and `reduced` are set anew."""

    def _values(self, kept: Kept, groups: int) -> pa.Array:
        """A result per group of the rows that decide: column 0 of the one row of each group."""
        places = np.full(groups, -1, np.int64)
        places[kept.codes] = np.arange(len(kept.codes))
        return plain(kept.columns[0]).take(pa.array(places, mask=places < 0))


Choice = Literal["first", "last", "least", "greatest"]


class Chosen(Thinned):
    """One row of each group: the first or last one, or the first of those with the least or greatest value in the last
    column (min and max: the only one; arg_min and arg_max: the second). The result is column 0 of it.
    """

    __slots__ = ("choice",)

    def __init__(self, choice: Choice, result: pa.DataType) -> None:
        super().__init__(result)
        self.choice = choice

    def _empty(self) -> Self:
        return type(self)(self.choice, self.result)

    def _reduce(self) -> Kept | None:
        kept = self.together()
        if kept is None:
            return None
        n = len(kept.codes)
        groups = int(kept.codes.max()) + 1
        best = np.full(groups, -1, np.int64)
        rising = n < 2 or not (kept.positions[1:] < kept.positions[:-1]).any()
        rows = np.arange(n)
        if self.choice in ("least", "greatest"):
            worth = ranks(kept.columns[-1])
            limit = np.zeros(groups, np.uint64) if self.choice == "greatest" else np.full(groups, ~np.uint64(0))
            (np.maximum if self.choice == "greatest" else np.minimum).at(limit, kept.codes, worth)
            rows = np.flatnonzero(worth == limit[kept.codes])
        if not rising:
            rows = rows[np.argsort(kept.positions[rows], kind="stable")]
        # Of several writes to one place the last one stays.
        ordered = rows if self.choice == "last" else rows[::-1]
        best[kept.codes[ordered]] = ordered
        winners = np.sort(best[best >= 0])
        if len(winners) < n:
            kept = kept.take(winners)
            self.chunks = [kept]
        self.pending, self.reduced = 0, len(winners)
        return kept


def ends_of(codes: Codes, groups: int) -> Codes:
    """Where each group's rows end, for rows sorted by group."""
    return np.cumsum(np.bincount(codes, minlength=groups))


def lists(kept: Kept, groups: int) -> pa.Array:
    """list(x): NULL for a group without rows, as in DuckDB."""
    ends = ends_of(kept.codes, groups)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    empty = offsets[1:] == offsets[:-1]
    values = kept.columns[0]
    mask = pa.array(empty) if empty.any() else None
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=mask)


def joined_text(separator: str) -> Computation:
    """string_agg(x, separator)."""

    def compute(kept: Kept, groups: int) -> pa.Array:
        import pyarrow.compute as pc

        return pc.binary_join(lists(kept, groups), separator)

    return compute


def exact_float_sum(kept: Kept, groups: int) -> pa.Array:
    """fsum: the sum as if computed exactly and then rounded."""
    import math

    values = kept.columns[0].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    ends = ends_of(kept.codes, groups)
    starts = np.concatenate([[0], ends[:-1]])
    # A loop over groups, not rows; fsum itself is C.
    sums: list[float | None] = []
    for start, end in zip(starts, ends, strict=True):
        part = values[start:end]
        try:
            sums.append(math.fsum(part.tolist()) if len(part) else None)
        except (ValueError, OverflowError):  # infinities of both signs, or partial sums beyond the greatest number
            with np.errstate(all="ignore"):
                sums.append(float(np.add.reduce(part)))
    return pa.array(sums, pa.float64())


def exact_float_mean(kept: Kept, groups: int) -> pa.Array:
    """favg: the exact sum by the number of rows."""
    counts = np.maximum(np.bincount(kept.codes, minlength=groups), 1)
    sums = exact_float_sum(kept, groups)
    return pa.array(sums.to_numpy(zero_copy_only=False) / counts, mask=sums.is_null().to_numpy(zero_copy_only=False))


def geometric_mean(kept: Kept, groups: int) -> pa.Array:
    """geomean: exp of the mean of logarithms."""
    counts = np.bincount(kept.codes, minlength=groups)
    values = kept.columns[0].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(all="ignore"):
        logs = np.bincount(kept.codes, np.log(values), groups)
        means = np.exp(logs / counts)
    return pa.array(means, mask=counts == 0)
