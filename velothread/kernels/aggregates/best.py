"""The n rows of each group with the least or greatest values: min(x, n), arg_max(x, y, n), arg_max_null(x, y)."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.rows import Kept, RowState, ends_of
from velothread.kernels.aggregates.state import Rows
from velothread.kernels.grouping import Codes, plain
from velothread.kernels.sorting import SortKey, sort_permutation

Nulls = Literal["skip", "last"]


class Best(RowState):
    """Keeps the `count` best rows of each group by the last column, and gives out their first column: a list of them,
    best first, or the one value where `count` is None.

    Of rows that are equally good the earlier ones stay; in the list the later of these come first, as in DuckDB.
    nulls: rows without a value in the last column are left out, or are worse than all others.
    """

    __slots__ = ("count", "greatest", "nulls", "pending", "reduced", "result")

    def __init__(self, greatest: bool, count: int | None, nulls: Nulls, result: pa.DataType) -> None:
        super().__init__()
        self.greatest = greatest
        self.count = count
        self.nulls = nulls
        self.result = result
        self.pending = 0
        self.reduced = 0

    def _empty(self) -> Self:
        return type(self)(self.greatest, self.count, self.nulls, self.result)

    def update(self, rows: Rows) -> None:
        worth = rows.columns[-1]
        if self.nulls == "skip" and worth.null_count:
            present = np.flatnonzero(worth.is_valid().to_numpy(zero_copy_only=False))
            kept = Kept(rows.places, rows.columns, rows.positions).take(present)
            if len(present):
                self.chunks.append(kept)
        else:
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
        values = plain(kept.columns[0])
        if self.count is None:
            places = np.full(groups, -1, np.int64)
            places[kept.codes] = np.arange(len(kept.codes))
            found = values.take(pa.array(places, mask=places < 0))
        else:
            offsets = np.concatenate([[0], ends_of(kept.codes, groups)]).astype(np.int32)
            empty = offsets[1:] == offsets[:-1]
            taken = values.take(pa.array(self._latest_first(kept)))
            found = pa.ListArray.from_arrays(pa.array(offsets), taken, mask=pa.array(empty) if empty.any() else None)
        return found if found.type == self.result else found.cast(self.result)

    def _reduce(self) -> Kept | None:
        """The best rows so far as one chunk: by group, then by worth, equally good ones by position."""
        kept = self.in_order()
        if kept is None:
            return None
        ranked = kept.take(self._ranking(kept))
        ends = ends_of(ranked.codes, int(ranked.codes[-1]) + 1)
        starts = np.concatenate([[0], ends[:-1]])
        turns = np.arange(len(ranked.codes)) - starts[ranked.codes]
        best = np.flatnonzero(turns < (self.count or 1))
        kept = ranked.take(best) if len(best) < len(turns) else ranked
        self.chunks = [kept]
        self.pending, self.reduced = 0, len(best)
        return kept

    def _ranking(self, kept: Kept) -> Codes:
        keys = SortKey(0), SortKey(1, descending=self.greatest)
        return sort_permutation(keys, (pa.array(kept.codes), kept.columns[-1]))

    def _latest_first(self, kept: Kept) -> Codes:
        """The permutation of ranked rows that turns each run of equally good ones around."""
        backwards = np.arange(len(kept.codes))[::-1]
        found: Codes = backwards[self._ranking(kept.take(backwards))]
        return found
