"""A session that records what the command line asks of it, and answers with prepared results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Self

import pyarrow as pa

from velothread.errors import Cancelled
from velothread.sinks.sink import Sink
from velothread.types import VARCHAR, from_arrow

ROWS = pa.record_batch({"n": [1, 2, 3], "s": ["x", None, 'a"b']})


@dataclass
class FakeStatistics:
    """Statistics of nothing."""

    def render(self) -> str:
        return "processor: fake"


@dataclass
class FakeResult:
    """Prepared batches. `during` is called before the last of them is written."""

    batches: Sequence[pa.RecordBatch] = (ROWS,)
    is_query: bool = True
    message: str | None = None
    refused: int = 0
    refusal_lines: Sequence[str] = ()
    during: Callable[[], None] | None = None
    stats: FakeStatistics = field(default_factory=FakeStatistics)
    progress: Any = field(default_factory=lambda: SimpleNamespace(bytes_done=50, bytes_total=100, rows=7))
    fetched: bool = False

    def write(self, sink: Sink) -> None:
        schema = self.batches[0].schema
        try:
            sink.begin(schema, tuple(from_arrow(t) for t in schema.types))
            for i, batch in enumerate(self.batches):
                if self.during is not None and i == len(self.batches) - 1:
                    self.during()
                if not sink.write(sink.encode(batch)):
                    break
            sink.finish()
        except BaseException:
            sink.abort()
            raise

    def fetchall(self) -> list[Any]:
        self.fetched = True
        return []


class FakeSession:
    """Gives one prepared result, or error, per statement; statements are what stands between semicolons.

    Threading: as the real one: used by one thread, `cancel` by any.
    """

    def __init__(self, *results: FakeResult | BaseException) -> None:
        self.results = list(results) or [FakeResult()]
        self.options: dict[str, Any] = {}
        self.tables: list[tuple[str, Any]] = []
        self.ran: list[tuple[str, Any]] = []
        self.explained: list[tuple[Any, ...]] = []
        self.cancelled = threading.Event()
        self.notify: Callable[[str], None] = lambda text: None
        self.closed = False

    def connect(self, **options: Any) -> Self:
        self.options = options
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def register(self, name: str, table: Any) -> None:
        self.tables.append((name, table))

    def statements(self, sql: str) -> list[str]:
        return [part.strip() for part in sql.split(";") if part.strip()]

    def run(self, statement: str, parameters: Any = None) -> FakeResult:
        self.ran.append((statement, parameters))
        result = self.results[min(len(self.ran), len(self.results)) - 1]
        if isinstance(result, BaseException):
            raise result
        return result

    def explain(self, statement: str, stage: str = "plan", analyze: bool = False, parameters: Any = None) -> str:
        self.explained.append((statement, stage, analyze, parameters))
        return f"{stage} of {statement}\n"

    def describe(self, path: str) -> Any:
        source = SimpleNamespace(name=path, size=2048, row_count=3, splittable=True, splits=lambda scan: iter(range(4)))
        columns = Columns([("n", from_arrow(pa.int64())), ("s", VARCHAR)])
        columns.source = source
        return columns

    def cancel(self) -> None:
        self.cancelled.set()

    def wait_for_cancel(self) -> None:
        """For `FakeResult.during`: a query that runs until it is cancelled."""
        assert self.cancelled.wait(30)
        raise Cancelled("the query was cancelled")


class Columns(list[Any]):
    """What `describe` gives."""

    source: Any = None
