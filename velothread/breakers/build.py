"""The end of a pipeline that is the right side of a join: its rows, indexed by the join's keys, ready for probing.

Receivers keep their batches; the columns are put together in source order, one column a task. What comes out is no
batches but a table that all receivers of a later pipeline share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial as bind

import pyarrow as pa

from velothread.breakers.breaker import SPLIT_SHIFT, Run
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
class Piece:
    """Rows as they came, and the global position of the first.

    Threading: immutable.
    """

    position: int
    rows: int
    columns: tuple[pa.Array, ...]


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

    def collector(self) -> BuildCollector:
        return BuildCollector()

    def table(self, partials: Sequence[Sequence[Piece]], run: Run) -> Table:
        """The rows of all receivers in source order, indexed."""
        pieces = sorted((p for partial in partials for p in partial), key=lambda p: p.position)
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


class BuildCollector:
    """Keeps all rows.

    Threading: owned by one receiver.
    """

    __slots__ = ("_base", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._base = 0

    def begin(self, index: int) -> None:
        self._base = index << SPLIT_SHIFT

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        if rows:
            self._pieces.append(Piece(self._base, rows, columns))
            self._base += rows

    def finish(self) -> tuple[Piece, ...]:
        return tuple(self._pieces)
