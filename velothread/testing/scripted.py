"""Sources and stages that do what a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from velothread.processors.adaptive.exchange import Exchange
from velothread.sources.source import Split


@dataclass(frozen=True, slots=True)
class ScriptedSplit:
    """A split of given rows that may do something before, or fail.

    `before` is called by the receiver that reads the split (wait for an event, note the thread); then `error` is
    raised, or a batch of one column `value` yielded.

    Threading: immutable; `before` is the test's business.
    """

    values: tuple[int, ...] = ()
    error: BaseException | None = None
    before: Callable[[], object] | None = None
    bytes: int = 1

    def batches(self) -> Iterator[pa.RecordBatch]:
        """As scripted."""
        if self.before is not None:
            self.before()
        if self.error is not None:
            raise self.error
        yield pa.record_batch({"value": pa.array(self.values, pa.int64())})


class ScriptedSplits:
    """Splits that come lazily: an item that is a split comes, an exception is raised, an event is waited for.

    `closed` is set when the iterator ends, fails or is closed.

    Threading: iterated by one thread; events are set by any.
    """

    def __init__(self, script: Sequence[Split | BaseException | threading.Event], *, prefetch: bool = False) -> None:
        self._script = script
        self.prefetch = prefetch
        self.closed = threading.Event()
        self.taken = 0

    def __iter__(self) -> Iterator[Split]:
        try:
            for item in self._script:
                if isinstance(item, threading.Event):
                    item.wait()
                elif isinstance(item, BaseException):
                    raise item
                else:
                    self.taken += 1
                    yield item
        finally:
            self.closed.set()


@dataclass(slots=True)
class _SumWorker:
    stage: SumStage
    partition: int
    seen: list[int] = field(default_factory=list)

    def process(self, index: int, split: Split) -> Any:
        rows = [row for batch in split.batches() for row in batch.column(0).to_pylist()]
        self.seen.append(index)
        return (index, rows) if rows else None

    def finish(self) -> Any:
        if self.stage.finish_error is not None:
            raise self.stage.finish_error
        return ("finish", tuple(self.seen))


@dataclass(frozen=True, slots=True)
class SumStage:
    """Hands on (index, rows) per split, and at the end the splits that the worker has seen.

    Threading: immutable.
    """

    name: str = "scripted"
    open_error: BaseException | None = None
    finish_error: BaseException | None = None

    def open(self, partition: int) -> _SumWorker:
        """A worker, or the scripted error."""
        if self.open_error is not None:
            raise self.open_error
        return _SumWorker(self, partition)


@dataclass(slots=True)
class _ExchangeWorker:
    exchange: Exchange
    me: int

    def process(self, index: int, split: Split) -> Any:
        for batch in split.batches():
            for row in batch.column(0).to_pylist():
                self.exchange.send(self.me, row % self.exchange.n, index, row)

    def finish(self) -> Any:
        self.exchange.done(self.me)
        # By sequence number: the order of the source, whoever sent it.
        received = sorted((index, row) for _, index, row in self.exchange.received(self.me))
        return tuple(row for _, row in received)


@dataclass(frozen=True, slots=True)
class ExchangeStage:
    """Sends each row to the receiver `row % n`; at the end, each hands on what it got.

    Threading: immutable; the exchange is shared.
    """

    exchange: Exchange
    name: str = "exchange"

    def open(self, partition: int) -> _ExchangeWorker:
        """A worker."""
        return _ExchangeWorker(self.exchange, partition)
