"""The n rows of each group with the least or greatest values: min(x, n), arg_max(x, y, n), arg_max_null(x, y)."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.rows import Kept, Thinned, ends_of
from velothread.kernels.aggregates.state import Rows
from velothread.kernels.grouping import Codes, plain
from velothread.kernels.sorting import SortKey, sort_permutation

Nulls = Literal["skip", "last"]


class Best(Thinned):
    """Keeps the `count` best rows of each group by the last column, and gives out their first column: a list of them,
    best first, or the one value where `count` is None.

    Of rows that are equally good the earlier ones stay; in the list the later of these come first, as in DuckDB.
    nulls: rows without a value in the last column are left out, or are worse than all others.
    """

    __slots__ = ("count", "greatest", "nulls")

    def __init__(self, greatest: bool, count: int | None, nulls: Nulls, result: pa.DataType) -> None:
        super().__init__(result)
        self.greatest = greatest
        self.count = count
        self.nulls = nulls

    def _empty(self) -> Self:
        return type(self)(self.greatest, self.count, self.nulls, self.result)

    def update(self, rows: Rows) -> None:
        worth = rows.columns[-1]
        if self.nulls == "skip" and worth.null_count:
            present = np.flatnonzero(worth.is_valid().to_numpy(zero_copy_only=False))
            kept = Kept(rows.places, rows.columns, rows.positions).take(present)
            rows = Rows(len(present), kept.codes, rows.groups, kept.columns, lambda: kept.positions)
        super().update(rows)

    def _values(self, kept: Kept, groups: int) -> pa.Array:
        if self.count is None:
            return super()._values(kept, groups)
        offsets = np.concatenate([[0], ends_of(kept.codes, groups)]).astype(np.int32)
        empty = offsets[1:] == offsets[:-1]
        taken = plain(kept.columns[0]).take(pa.array(self._latest_first(kept)))
        return pa.ListArray.from_arrays(pa.array(offsets), taken, mask=pa.array(empty) if empty.any() else None)

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
