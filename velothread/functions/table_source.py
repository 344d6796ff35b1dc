"""A function that gives a table, with constant arguments in FROM: a source, read as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from velothread.errors import ExecutionError, Position
from velothread.functions.failures import call_text, described, frames_of, more_of, raise_interrupt
from velothread.functions.results import WrongResultError
from velothread.functions.table_rows import RowColumns, batch_columns
from velothread.functions.tables import TableShape
from velothread.sources.arrow_batches import Conform, rows_only
from velothread.sources.source import Scan, Split

if TYPE_CHECKING:
    from velothread.functions.library import Registered

# Rows of the first split; each has twice as many as the one before, up to a batch. So a LIMIT behind a filter, or a
# reader of the result, need not wait for many rows of a slow function.
FIRST_ROWS = 64

_ONE = {"rows": "row", "batches": "batch"}


@dataclass(frozen=True, slots=True)
class RowsSplit:
    """Rows that a function yielded; they become columns in the receiver.

    Threading: immutable.
    """

    rows: list[Any]
    first: int
    source: FunctionSource
    wanted: tuple[int, ...]
    bytes: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield RowColumns(self.source.shape, self.wanted).batch(self.rows)
        except WrongResultError as wrong:
            raise self.source.wrong(wrong, f"row {self.first + wrong.row + 1:,}") from None


@dataclass(frozen=True, slots=True)
class ArrowRowsSplit:
    """A batch or table that a function yielded.

    Threading: immutable.
    """

    given: Any
    first: int
    source: FunctionSource
    conform: Conform
    wanted: tuple[int, ...]
    limit: int | None
    bytes: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            columns = batch_columns(self.source.shape, self.given)
        except WrongResultError as wrong:
            raise self.source.wrong(wrong, f"batch {self.first + 1:,}") from None
        rows = self.given.num_rows if self.limit is None else min(self.given.num_rows, self.limit)
        if not self.wanted:
            for start in range(0, rows, self.conform.batch_rows):
                yield rows_only(min(self.conform.batch_rows, rows - start))
        else:
            yield from self.conform.batches([columns[i].slice(0, rows) for i in self.wanted], rows)


@dataclass(frozen=True, slots=True, eq=False)
class FunctionSource:
    """The table of a call. Each scan calls the function anew, in the thread that iterates the splits.

    Threading: immutable; `splits` is iterated by one thread, with its own copy of the function.
    """

    registered: Registered
    shape: TableShape
    arguments: tuple[Any, ...]
    position: Position | None
    sql: str

    @property
    def name(self) -> str:
        return call_text(self.registered.name, self.arguments)

    @property
    def schema(self) -> pa.Schema:
        pairs = zip(self.shape.names, self.shape.shapes, strict=True)
        return pa.schema([pa.field(n, s.type.arrow) for n, s in pairs])

    @property
    def row_count(self) -> int | None:
        return None

    @property
    def size(self) -> int | None:
        return None

    @property
    def splittable(self) -> bool:
        return False

    def splits(self, scan: Scan) -> Iterator[Split]:
        """The rows as the function yields them; it is closed when no more are wanted.

        :raises ExecutionError: when it raises, after the rows that it yielded before.
        """
        wanted = tuple(self.shape.names.index(n) for n in scan.columns)
        given = self._iterator()
        try:
            if self.shape.items == "batches":
                yield from self._batches(given, scan, wanted)
            else:
                yield from self._rows(given, scan, wanted)
        finally:
            if (close := getattr(given, "close", None)) is not None:
                with suppress(Exception):  # the rows are there; what a generator does at its end is its own matter
                    close()

    def _iterator(self) -> Iterator[Any]:
        try:
            return iter(self.registered.origin.mine()(*self.arguments))
        except BaseException as error:
            raise_interrupt(error)
            raise self._failed(error, 0) from error

    def _rows(self, given: Iterator[Any], scan: Scan, wanted: tuple[int, ...]) -> Iterator[Split]:
        size, done = min(FIRST_ROWS, scan.batch_rows), 0
        while scan.limit is None or done < scan.limit:
            most = size if scan.limit is None else min(size, scan.limit - done)
            rows: list[Any] = []
            failure: BaseException | None = None
            try:
                rows.extend(islice(given, most))
            except BaseException as error:
                raise_interrupt(error)
                failure = error
            if rows:
                yield RowsSplit(rows, done, self, wanted)
            done += len(rows)
            if failure is not None:
                raise self._failed(failure, done) from failure
            if len(rows) < most:
                return
            size = min(size * 2, scan.batch_rows)

    def _batches(self, given: Iterator[Any], scan: Scan, wanted: tuple[int, ...]) -> Iterator[Split]:
        conform = Conform.of(self.name, self.schema, scan)
        left = scan.limit
        number = 0
        while left is None or left > 0:
            try:
                batch = next(given)
            except StopIteration:
                return
            except BaseException as error:
                raise_interrupt(error)
                raise self._failed(error, number, "batches") from error
            yield ArrowRowsSplit(batch, number, self, conform, wanted, left)
            left = None if left is None else left - getattr(batch, "num_rows", 0)
            number += 1

    def _failed(self, error: BaseException, done: int, what: str = "rows") -> ExecutionError:
        after = f" after {done:,} {what if done > 1 else _ONE[what]}" if done else ""
        said = f"{self.name} raised {described(error)}{after}"
        message = "\n".join([said, *frames_of(error), *more_of(error)])
        return ExecutionError(message, self.position, sql=self.sql)

    def wrong(self, wrong: WrongResultError, where: str) -> ExecutionError:
        """The error of a row that isn't what was declared."""
        return ExecutionError(f"{self.name}, {where}: {wrong.problem}", self.position, sql=self.sql)


__all__ = ["FunctionSource"]
