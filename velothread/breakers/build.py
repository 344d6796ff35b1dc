"""The end of a pipeline that is the right side of a join: its rows, indexed by the join's keys, ready for probing.

Receivers keep their batches; the columns are put together in source order, one column a task. What comes out is no
batches but a table that all receivers of a later pipeline share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial as bind

import pyarrow as pa

from velothread.breakers.breaker import Run
from velothread.breakers.gathering import GatheringCollector, Piece, in_source_order
from velothread.breakers.tasks import in_parallel
from velothread.kernels.grouping import joined, plain
from velothread.kernels.joining import JoinTable
from velothread.kernels.marking import InTable
from velothread.kernels.nearest import NearestTable
from velothread.kernels.sorting import is_small_text
from velothread.plan.pipelines import Build
from velothread.types import SqlType

Table = JoinTable | InTable | NearestTable

# Below so many rows, tasks cost more than they save.
_FEW_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class BuildBreaker:
    """types: of the columns of `add`; end: which of them are keys and which payload.

    Threading: immutable.
    """

    types: tuple[SqlType, ...]
    end: Build

    @property
    def per_split(self) -> bool:
        return False

    def collector(self) -> GatheringCollector:
        return GatheringCollector(compact=False)

    def table(self, partials: Sequence[Sequence[Piece]], run: Run) -> Table:
        """The rows of all receivers in source order, indexed."""
        pieces = in_source_order(partials)
        rows = sum(p.rows for p in pieces)
        parts = [[p.columns[i] for p in pieces] for i in range(len(self.types))]
        keys = {*self.end.keys, self.end.nearest}
        tasks = [
            bind(_whole, part, t.arrow, i in keys) for i, (part, t) in enumerate(zip(parts, self.types, strict=True))
        ]
        columns = (
            list(in_parallel(run, "build: join columns", tasks)) if rows > _FEW_ROWS and tasks else [t() for t in tasks]
        )
        end = self.end
        key_columns, payload = [columns[i] for i in end.keys], [columns[i] for i in end.payload]
        if end.nearest is not None:
            bare = JoinTable(rows, tuple(payload), tuple(key_columns), end.nulls_equal, None, None, None, None)
            return NearestTable.of(bare, columns[end.nearest], end.operator)
        table = JoinTable.of(rows, payload, key_columns, end.nulls_equal, end.existence)
        return InTable.of(table, end.three_valued) if end.three_valued else table


def _whole(pieces: list[pa.Array], kind: pa.DataType, key: bool) -> pa.Array:
    """A column put together. Text that repeats is kept as a dictionary: less to move for each row that is met."""
    if not pieces:
        return pa.array([], kind)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        if sum(p.nbytes for p in pieces) > 2**31 - 1:
            # beyond what 32-bit offsets reach
            wide = pa.large_string() if pa.types.is_string(kind) else pa.large_binary()
            return joined([plain(p).cast(wide) for p in pieces])
        column = joined(pieces)
        return column.dictionary_encode() if not key and is_small_text(column) else column
    return joined([p if p.type == kind else plain(p).cast(kind) for p in pieces])
