"""The result of a query: bound and planned already, run when its rows are asked for."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from velothread.errors import ExecutionError, InternalError, OptionError
from velothread.execution import Execution
from velothread.sinks.sink import Sink
from velothread.sources.rejects import RejectsFiles
from velothread.statistics import Statistics
from velothread.types import SqlType

if TYPE_CHECKING:
    import pandas
    import polars

    from velothread.functions.bound import BoundFunction
    from velothread.functions.gil import GilWatch
    from velothread.functions.refusals import FunctionFailures


@dataclass(frozen=True, slots=True)
class ProgressReading:
    """How far a query is. `bytes_total` None: not known."""

    bytes_done: int
    bytes_total: int | None
    rows: int


class Result:
    """The rows of a query. Run once: lazily, by the first call that wants rows.

    Threading: used by one thread; `progress` may be read by any.
    """

    def __init__(
        self, names: tuple[str, ...], types: tuple[SqlType, ...], execution: Execution | None, statistics: Statistics,
        *, refusals: Sequence[Any] = (), failures: FunctionFailures | None = None, bytes_total: int | None = None,
        sink: Sink | None = None, target: str = "", rejects: RejectsFiles | None = None, gil: GilWatch | None = None,
        functions: Sequence[BoundFunction] = (),
    ) -> None:  # fmt: skip
        self.names, self.types = names, types
        self.stats = statistics
        self.message: str | None = None
        self._execution = execution
        # What inputs refused, and then what failed of the calls of functions.
        self._refusals = [*refusals, *([failures] if failures is not None else [])]
        self._failed = failures
        self._gil = gil  # where Python functions are called, which may import what turns it on
        self._rejects = rejects or RejectsFiles()
        self._bytes_total = bytes_total
        self._sink = sink
        self._target = target
        self._functions = functions
        self._table: pa.Table | None = None
        self._started = False
        self._failure: Exception | None = None
        self._bytes_before = 0

    # --- what it is

    @property
    def is_query(self) -> bool:
        """Does it have rows? False for COPY: `fetchall()` runs it, `message` says what it did."""
        return self._sink is None

    @property
    def execution(self) -> Execution:
        """What runs it: for those who measure.

        :raises InternalError: there is nothing to run.
        """
        if self._execution is None:
            raise InternalError("the result has nothing to run")
        return self._execution

    @property
    def functions(self) -> Sequence[BoundFunction]:
        """The Python functions that it calls."""
        return self._functions

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return pa.schema([pa.field(n, t.arrow) for n, t in zip(self.names, self.types, strict=True)])

    @property
    def refused(self) -> int:
        """Rows that were refused (`on_error`), so far: of inputs, and those for which a function failed."""
        return sum(r.count for r in self._refusals)

    @property
    def failures(self) -> dict[str, int]:
        """Per Python function that failed, so far: for how many rows, which then have NULL, or were left out."""
        return self._failed.by_name() if self._failed is not None else {}

    @property
    def refusal_lines(self) -> list[str]:
        """`refused` in words, a line for the inputs and one for each function that failed; none where all was well."""
        inputs = self.refused - sum(self.failures.values())
        lines = [f"{inputs} row{'' if inputs == 1 else 's'} refused"] if inputs else []
        return lines + (self._failed.lines() if self._failed is not None else [])

    @property
    def progress(self) -> ProgressReading | None:
        """How far the run is, or None before it."""
        if not self._started or self._execution is None:
            return None
        now = self._execution.processor.progress
        return ProgressReading(now.bytes_done, self._bytes_total, now.records)

    # --- its rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as they come, in order. Closing the iterator early stops the query."""
        if self._table is not None:
            return iter(self._table.to_batches())
        batches: Iterator[pa.RecordBatch] = self._run(lambda execution: execution.batches())
        return batches

    def arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        if self._table is None:
            if self._sink is not None:
                self._copy()
                self._table = pa.table({})
            else:
                self._table = pa.Table.from_batches(list(self.batches()), self.schema)
        return self._table

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows as Python tuples. HUGEINT comes as int."""
        if not self.is_query:
            self.arrow()
            return []
        table = self.arrow()
        columns = [_python(c, t) for c, t in zip(table.columns, self.types, strict=True)]
        return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row, or None."""
        rows = self.fetchall()
        return rows[0] if rows else None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Rows as Python tuples, batch by batch."""
        for batch in self.batches():
            columns = [_python(c, t) for c, t in zip(batch.columns, self.types, strict=True)]
            yield from zip(*columns, strict=True)

    def pandas(self) -> pandas.DataFrame:
        """All rows as a pandas DataFrame."""
        return self.arrow().to_pandas()

    def polars(self) -> polars.DataFrame:
        """All rows as a polars DataFrame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        if not isinstance(frame, pl.DataFrame):
            raise InternalError("polars made no DataFrame of the result")
        return frame

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow PyCapsule interface: anything that speaks it can read the result as it comes."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def write(self, sink: Sink) -> int:
        """Run the query into a sink; the number of rows given to it. On failure nothing of the output stays."""
        rows = 0
        try:
            sink.begin(self.schema, self.types)
            pieces = self._encoded(sink)
            try:
                for count, piece in pieces:
                    rows += count
                    if not sink.write(piece):
                        break
            finally:
                pieces.close()
            sink.finish()
        except BaseException:
            sink.abort()
            raise
        self.stats.rows = rows
        return rows

    def _encoded(self, sink: Sink) -> Any:
        if self._table is None:
            return self._run(lambda execution: execution.pieces(sink.encode))
        return ((b.num_rows, sink.encode(b)) for b in self._table.to_batches())

    def _copy(self) -> None:
        assert self._sink is not None
        rows = self.write(self._sink)
        self.message = f"{rows:,} row{'' if rows == 1 else 's'} written to {self._target}"

    def _run(self, pieces: Callable[[Execution], Iterator[Any]]) -> Any:
        if self._execution is None:
            raise InternalError("the result has nothing to run")
        if self._failure is not None:
            raise self._failure  # asked again, a query that failed fails as it did
        if self._started:
            raise OptionError("this result has been read already; keep result.arrow(), or run the query again")
        self._started = True
        self._rejects.begin(self._refusals)
        start = perf_counter()
        rows = self._measured(pieces(self._execution))
        # One that is left half-read is closed before the interpreter takes apart what its end needs.
        weakref.finalize(rows, _close, weakref.ref(rows))
        self.stats.prepare_s = perf_counter() - start
        return rows

    def _measured(self, pieces: Iterator[Any]) -> Iterator[Any]:
        assert self._execution is not None
        metrics = self._execution.processor.metrics
        first = len(metrics.stages)
        start = perf_counter()
        if self._gil is not None:
            self._gil.begin()
        try:
            for piece in pieces:
                if isinstance(piece, pa.RecordBatch):
                    self.stats.rows += piece.num_rows
                yield piece
        except Exception as e:
            self._failure = e
            raise
        finally:
            ending = perf_counter()
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
            self.stats.run_s = perf_counter() - start
            self.stats.merge_s = self._execution.regions.total_ns / 1e9
            self.stats.stages = metrics.stages[first:]
            self.stats.refused, self.stats.failures = self.refused, self.failures
            if self._functions:
                self.stats.measured(self._functions)
            del metrics.stages[first:]
            self._execution.forget()
            self._rejects.write(self._refusals)
            if self._gil is not None:
                self._gil.end()
            self.stats.prepare_s += self._execution.prepare_ns / 1e9 + perf_counter() - ending


def _close(rows: weakref.ref[Any]) -> None:
    """Close an iterator of rows, if it is still there: at the end of the interpreter."""
    found = rows()
    if found is not None:
        with contextlib.suppress(Exception):
            found.close()


def _python(column: pa.Array | pa.ChunkedArray, type_: SqlType) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError) as e:
        # Python's dates end in the year 9999, SQL's do not
        raise ExecutionError(f"a value of type {type_} is out of Python's range: {e}", hint="use .arrow()") from None
    if type_.kind == "HUGEINT":
        return [int(v) if isinstance(v, Decimal) else v for v in values]
    return values
