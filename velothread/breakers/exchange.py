"""Grouping with an exchange: each receiver owns a share of the keys, and is sent their states by all others.

The shares change where groups are put together, not how: an owner merges the states of its keys in the order of the
splits, as the coordinator does without an exchange, so the bytes are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Protocol

import pyarrow as pa

from velothread.breakers.breaker import Run
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.metrics import PartitionMetrics
from velothread.processors.stage import Part, Stage, Worker
from velothread.sources.source import Split


class Groups(Protocol):
    """What the exchange needs of a grouping breaker (`AggregateBreaker`)."""

    def partition_partial(self, partial: Any, n: int) -> Sequence[Any]: ...

    def merge(self, partials: Sequence[Any]) -> Any: ...

    def result(self, partials: Sequence[Any], run: Run) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True, slots=True)
class ExchangedGroups:
    """The stage `inner`, whose partial states meet by key in their owners.

    Threading: immutable and shared; the exchange itself says who may call what.
    """

    inner: Stage
    breaker: Groups
    partitions: int
    exchange: Exchange

    @classmethod
    def of(cls, inner: Stage, breaker: Groups, partitions: int, wait: str) -> ExchangedGroups:
        """With an exchange among `partitions` receivers."""
        return cls(inner, breaker, partitions, Exchange(partitions, wait=wait))

    @property
    def name(self) -> str:
        return self.inner.name

    def open(self, partition: int) -> ExchangeWorker:
        return ExchangeWorker(self, partition, self.inner.open(partition))

    def result(self, parts: Iterator[Part], run: Run) -> Iterator[pa.RecordBatch]:
        """The groups of all owners; each key is in one of them."""
        return self.breaker.result([part.value for part in parts], run)


@dataclass(slots=True)
class ExchangeWorker:
    """Sends the states of each split to their owners; in the end merges those it owns.

    Threading: owned by one receiver.
    """

    stage: ExchangedGroups
    partition: int
    inner: Worker
    metrics: PartitionMetrics = field(default_factory=PartitionMetrics)

    def process(self, index: int, split: Split) -> None:
        self.inner.metrics = self.metrics  # type: ignore[attr-defined]
        partial = self.inner.process(index, split)
        if partial is not None:
            self._send(index, partial)

    def _send(self, index: int, partial: Any) -> None:
        start = perf_counter_ns()
        for owner, share in enumerate(self.stage.breaker.partition_partial(partial, self.stage.partitions)):
            self.stage.exchange.send(self.partition, owner, index, share)
        self.metrics.exchange_ns += perf_counter_ns() - start

    def interrupt(self) -> None:
        """As of the worker inside. From any thread."""
        interrupt = getattr(self.inner, "interrupt", None)
        if interrupt is not None:
            interrupt()

    def finish(self) -> Any:
        partial = self.inner.finish()
        if partial is not None:
            # of a collector over all splits: its order among the receivers doesn't matter
            self._send(self.partition, partial)
        start = perf_counter_ns()
        exchange = self.stage.exchange
        exchange.done(self.partition)
        received = sorted(exchange.received(self.partition), key=lambda sent: sent[1])
        self.metrics.exchange_ns += perf_counter_ns() - start
        if not received:
            return None
        start = perf_counter_ns()
        merged = self.stage.breaker.merge([share for _, _, share in received])
        self.metrics.merge_ns += perf_counter_ns() - start
        return merged
