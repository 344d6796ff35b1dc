"""A box table for people: fits the width, cuts long cells, and says what it doesn't show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pyarrow as pa

from velothread.sinks.celltext import cell_text
from velothread.sinks.table_layout import Column, Layout, lay_out
from velothread.sinks.target import Target
from velothread.types import SqlType

# DuckDB's names where they differ from the SQL names in lower case.
_TYPE_NAMES = {
    "TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32", "BIGINT": "int64", "HUGEINT": "int128",
    "UTINYINT": "uint8", "USMALLINT": "uint16", "UINTEGER": "uint32", "UBIGINT": "uint64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableOptions:
    """`max_rows`: rows shown (the first and the last half of them), None: all. `width`: columns of the terminal,
    None: no limit. `color`: with ANSI colours."""

    max_rows: int | None = 40
    width: int | None = None
    color: bool = False


class TableSink:
    """The first and last rows of a result, and how many there are in all. Nothing is written before the result is
    complete.

    Threading: `encode` may be called by any thread and touches nothing; all else by one thread.
    """

    def __init__(self, target: Target, options: TableOptions) -> None:
        self._target = target
        self._options = options
        self._schema = pa.schema([])
        self._types: tuple[SqlType, ...] = ()
        self._head: list[pa.RecordBatch] = []
        self._tail: deque[pa.RecordBatch] = deque()
        self._head_rows = 0
        self._tail_rows = 0
        self._rows = 0

    def begin(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> None:
        self._schema, self._types = schema, types
        self._target.open()

    def encode(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch

    def write(self, piece: pa.RecordBatch) -> bool:
        self._rows += piece.num_rows
        limit = self._options.max_rows
        wanted = piece.num_rows if limit is None else min(piece.num_rows, limit - self._head_rows)
        if wanted > 0:
            self._head.append(piece.slice(0, wanted))
            self._head_rows += wanted
        if wanted < piece.num_rows and limit is not None:
            # The last rows: as many as half of the table. Older batches are let go as newer ones come.
            last = piece.slice(max(wanted, piece.num_rows - limit // 2))
            self._tail.append(last)
            self._tail_rows += last.num_rows
            while self._tail and self._tail_rows - self._tail[0].num_rows >= limit // 2:
                self._tail_rows -= self._tail.popleft().num_rows
        return True

    def finish(self) -> None:
        self._target.write(self.render().encode())
        self._target.commit()

    def abort(self) -> None:
        self._target.discard()

    def render(self) -> str:
        """The table as text, with its footer."""
        limit = self._options.max_rows
        if limit is None or self._rows <= limit:
            shown, top = self._head, self._rows
        else:
            top = limit - limit // 2
            tail = _last_rows([*self._head, *self._tail], limit // 2)
            shown = [*_first_rows(self._head, top), *tail]
        cells = [
            [c for batch in shown for c in _cells(batch.column(i), self._types[i])] for i in range(len(self._types))
        ]
        columns = [
            Column(name, type_name(t), cells[i], right=t.is_numeric)
            for i, (name, t) in enumerate(zip(self._schema.names, self._types, strict=True))
        ]
        shown_rows = self._rows if limit is None else min(self._rows, limit)
        gap = top if shown_rows < self._rows else None
        return lay_out(columns, Layout(self._rows, shown_rows, gap, self._options.width, self._options.color))


def type_name(sql_type: SqlType) -> str:
    """How a table's head names a type: DuckDB's short names."""
    if sql_type.kind == "LIST" and sql_type.element is not None:
        return f"{type_name(sql_type.element)}[]"
    return _TYPE_NAMES.get(sql_type.kind) or str(sql_type).lower()


def _cells(column: pa.Array, sql_type: SqlType) -> list[str]:
    found: list[str | None] = cell_text(column, sql_type).to_pylist()
    return ["NULL" if c is None else c for c in found]


def _first_rows(batches: list[pa.RecordBatch], rows: int) -> list[pa.RecordBatch]:
    found = []
    for batch in batches:
        if rows > 0:
            found.append(batch.slice(0, rows))
            rows -= batch.num_rows
    return found


def _last_rows(batches: list[pa.RecordBatch], rows: int) -> list[pa.RecordBatch]:
    found: list[pa.RecordBatch] = []
    for batch in reversed(batches):
        if rows > 0:
            found.append(batch.slice(max(0, batch.num_rows - rows)))
            rows -= batch.num_rows
    return found[::-1]
