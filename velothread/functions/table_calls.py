"""A function that gives a table, called for each row of another: FROM t, words(t.text). A row's table is a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat, starmap
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.functions.annotations import Shape
from velothread.functions.calling import CHUNK_ROWS, Arguments
from velothread.functions.failures import FailedCall, WrongResult, raise_interrupt
from velothread.functions.refusals import Refusing
from velothread.functions.results import WrongResultError
from velothread.functions.table_rows import RowColumns, batch_columns
from velothread.functions.tables import TableShape
from velothread.kernels.function import Value
from velothread.types import SqlType


class TablesOfRows:
    """Calls the function once for each row, and keeps all that it gives: a `calling.Way`.

    Threading: owned by one thread.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        types: Sequence[SqlType],
        shapes: Sequence[Shape],
        table: TableShape,
        refusing: Refusing,
    ) -> None:
        self._function = function
        self._arguments = Arguments(types, shapes)
        self._table = table
        self._columns = RowColumns(table)
        self._refusing = refusing
        self._item = table.row.type.arrow
        self._first = 0  # of the rows that are Python values now, its place in the batch

    def run(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        pieces = []
        for first in range(0, rows, CHUNK_ROWS):
            self._first, count = first, min(CHUNK_ROWS, rows - first)
            self._arguments.take([a.slice(first, count) if isinstance(a, pa.Array) else a for a in arguments])
            pieces.append(self._lists(self._tables(count)))
        if not pieces:
            return pa.nulls(0, pa.list_(self._item))
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)

    def _tables(self, rows: int) -> list[list[Any]]:
        """What the function yielded for each row."""
        tables: list[list[Any]] = []
        given = self._arguments
        calls: Iterator[Any]
        if given.constant:
            calls = starmap(self._function, repeat(tuple(given.constants), rows))
        else:
            calls = map(self._function, *given.iterables(rows))
        lists = map(list, calls)
        while True:
            failure: BaseException
            try:
                tables.extend(lists)
                if len(tables) == rows:
                    return tables
                failure = StopIteration()  # raised by the function, it ends the `map`
            except BaseException as error:
                raise_interrupt(error)
                failure = error
            row = len(tables)
            self._refusing.refuse(self._first + row, FailedCall(self._refusing.name, given.of_row(row), failure))
            tables.append([])

    def _lists(self, tables: list[list[Any]]) -> pa.Array:
        while True:
            flat = list(chain.from_iterable(tables))
            try:
                if self._table.items == "batches":
                    items, lengths = self._of_batches(tables)
                else:
                    lengths = np.fromiter(map(len, tables), np.int64, len(tables))
                    items = self._struct(self._columns.arrays(flat), len(flat))
            except WrongResultError as wrong:
                if self._table.items == "batches":
                    row = wrong.row
                else:
                    row = int(np.searchsorted(np.cumsum([len(x) for x in tables]), wrong.row, side="right"))
                values = self._arguments.of_row(row)
                failure = WrongResult(self._refusing.name, values, wrong.problem, self._function)
                self._refusing.refuse(self._first + row, failure)
                tables[row] = []
                continue
            offsets = np.zeros(len(tables) + 1, np.int64)
            np.cumsum(lengths, out=offsets[1:])
            if offsets[-1] >= 1 << 31:
                raise ExecutionError(
                    f"{self._refusing.name} gave too many rows for {len(tables):,} rows: {offsets[-1]:,}"
                )
            return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), items)

    def _of_batches(self, tables: list[list[Any]]) -> tuple[pa.Array, np.ndarray[Any, Any]]:
        structs, lengths = [pa.nulls(0, self._item)], np.zeros(len(tables), np.int64)
        for row, given in enumerate(tables):
            for batch in given:
                try:
                    columns = batch_columns(self._table, batch)
                except WrongResultError as wrong:
                    raise WrongResultError(row, wrong.problem) from None
                structs.append(self._struct(columns, batch.num_rows))
                lengths[row] += batch.num_rows
        return pa.concat_arrays(structs), lengths

    def _struct(self, columns: list[pa.Array], rows: int) -> pa.Array:
        if not rows:
            return pa.nulls(0, self._item)
        return pa.StructArray.from_arrays(columns, fields=list(self._item))


__all__ = ["TablesOfRows"]
