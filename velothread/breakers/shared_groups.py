"""GROUP BY in one table that all receivers share: `--state shared`, an experiment beside states that each keeps.

The table is divided into stripes by the hash of the key, each behind a lock. A receiver groups the rows of a split by
itself, cuts the groups by stripe, and takes the lock of each stripe that they touch once: the stripes that are free
first, beginning at a place of its own. What it adds waits in the stripe until there is about as much of it as there are
groups, as a merge costs more than an append; whoever adds last merges it, under the lock.

Where the order of splits matters (float sums), only splits before which none is missing are merged, in their order.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter_ns

import pyarrow as pa

from velothread.breakers.aggregate import MANY_GROUPS, AggregateBreaker, AggregateCollector
from velothread.breakers.breaker import Run
from velothread.breakers.merged_groups import AggregatePartial, MergedGroups
from velothread.breakers.slotted import SlottedPartial
from velothread.pipeline_stage import PipelineStage, PipelineWorker
from velothread.processors.metrics import PartitionMetrics
from velothread.processors.stage import Part
from velothread.sources.source import Split

# Stripes per receiver: with fewer, two of them meet often; with more, a split is cut into more shares.
_STRIPES = 4
# A merge costs about as much as this many groups, however few it is of.
_FEW_GROUPS = 1024
# And so many shares wait at most, unless a split before them is missing.
_MOST_WAITING = 64


def refusal(breaker: object) -> str | None:
    """Why the groups of a breaker can't be shared, in a few words; None: they can."""
    if not isinstance(breaker, AggregateBreaker):
        return "only groups can be shared"
    if any(call.function.python for call in breaker.calls):
        return "objects of Python aggregates belong to their receivers"
    return None


class SplitOrder:
    """How far the splits are there without a gap.

    Threading: `add` by any receiver; `complete` may be read by any at any time, as it only grows.
    """

    __slots__ = ("_beyond", "_lock", "complete")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beyond: set[int] = set()
        self.complete = 0  # all splits before this one are there

    def add(self, index: int) -> None:
        """All groups of a split are in their stripes."""
        with self._lock:
            self._beyond.add(index)
            complete = self.complete
            while complete in self._beyond:
                self._beyond.remove(complete)
                complete += 1
            self.complete = complete


class Stripe:
    """A part of the keys: their groups, and shares of splits that are not merged yet.

    Threading: whoever has `lock`. After the last split: one thread.
    """

    __slots__ = ("_breaker", "_merged", "_waiting", "_waiting_groups", "lock")

    def __init__(self, breaker: AggregateBreaker) -> None:
        self.lock = threading.Lock()
        self._breaker = breaker
        self._merged: MergedGroups | None = None
        self._waiting: list[tuple[int, AggregatePartial]] = []
        self._waiting_groups = 0

    @property
    def groups(self) -> int:
        """How many groups it has, at most: keys that wait may be known already."""
        return self._waiting_groups + (self._merged.groups if self._merged is not None else 0)

    def add(self, index: int, share: AggregatePartial, order: SplitOrder | None) -> None:
        """Take the share of a split, and merge what waits if it is time to. order: only merge what is in order."""
        self._waiting.append((index, share))
        self._waiting_groups += share.groups
        merged = self._merged.groups if self._merged is not None else 0
        if self._waiting_groups >= max(_FEW_GROUPS, merged) or len(self._waiting) >= _MOST_WAITING:
            self._merge(None if order is None else order.complete)

    def partial(self) -> AggregatePartial:
        """All its groups, when all splits are there."""
        if self._waiting:
            self._merge(None)
        return self._merged.partial() if self._merged is not None else self._breaker.nothing()

    def _merge(self, before: int | None) -> None:
        ready = [w for w in self._waiting if before is None or w[0] < before]
        if not ready:
            return
        # Another receiver may note a split as complete only when it has no share to add any more, so none of a split
        # before these is still to come; see `SplitOrder`.
        ready.sort(key=lambda w: w[0])
        if self._merged is None:
            self._merged = MergedGroups(self._breaker)
        self._merged.add([share for _, share in ready])
        self._waiting = [w for w in self._waiting if before is not None and w[0] >= before]
        self._waiting_groups = sum([share.groups for _, share in self._waiting])


class GroupTable:
    """All groups of a query's aggregate, in stripes by the hash of the key. Without keys there is one stripe.

    Threading: shared by all receivers. `add` by any; `result` by the coordinator, after the last split.
    """

    __slots__ = ("_breaker", "_order", "stripes")

    def __init__(self, breaker: AggregateBreaker, receivers: int) -> None:
        self._breaker = breaker
        count = 1 << (_STRIPES * receivers - 1).bit_length() if breaker.keys else 1
        self.stripes = tuple(Stripe(breaker) for _ in range(count))
        self._order = SplitOrder() if breaker.per_split else None

    def add(
        self, index: int, partial: AggregatePartial | SlottedPartial, place: int, metrics: PartitionMetrics
    ) -> None:
        """Add the groups of a split. place: the stripe to begin with, another one for each receiver."""
        start = perf_counter_ns()
        shares = list(self._breaker.shares(partial, len(self.stripes)))
        cut = perf_counter_ns()
        metrics.routing_ns += cut - start
        waited = metrics.locks_ns
        shares.sort(key=lambda share: share[0] < place)
        busy = []
        for number, share in shares:
            stripe = self.stripes[number]
            if stripe.lock.acquire(blocking=False):
                self._put(stripe, index, share)
            else:
                busy.append((stripe, share))
        for stripe, share in busy:
            if not stripe.lock.acquire(blocking=False):
                before = perf_counter_ns()
                stripe.lock.acquire()
                metrics.locks_ns += perf_counter_ns() - before
                metrics.lock_waits += 1
            self._put(stripe, index, share)
        if self._order is not None:
            self._order.add(index)
        metrics.locks += len(shares)
        metrics.locks_busy += len(busy)
        metrics.merge_ns += perf_counter_ns() - cut - (metrics.locks_ns - waited)

    def _put(self, stripe: Stripe, index: int, share: AggregatePartial) -> None:
        """Add to a stripe whose lock is taken, and give the lock back."""
        try:
            stripe.add(index, share, self._order)
        finally:
            stripe.lock.release()

    def result(self, run: Run) -> Iterator[pa.RecordBatch]:
        """The groups in order of first appearance; of many, the stripes are finished in parallel."""
        if sum([stripe.groups for stripe in self.stripes]) > MANY_GROUPS:
            return self._breaker.result_of_shares([stripe.partial for stripe in self.stripes], run)
        return self._breaker.result([stripe.partial() for stripe in self.stripes], run)


@dataclass(frozen=True, slots=True)
class _SplitBySplit:
    """The breaker with a collector for each split, whatever it would do without a shared table.

    Threading: immutable.
    """

    breaker: AggregateBreaker

    @property
    def per_split(self) -> bool:
        return True

    def collector(self) -> AggregateCollector:
        return self.breaker.collector()

    def result(self, partials: Iterable[AggregatePartial], run: Run) -> Iterator[pa.RecordBatch]:
        return self.breaker.result(list(partials), run)


@dataclass(frozen=True, slots=True)
class SharedGroups:
    """The stage `inner`, the groups of whose splits go into `table`.

    Threading: immutable and shared; the table says who may call what.
    """

    inner: PipelineStage
    table: GroupTable
    receivers: int

    @classmethod
    def of(cls, inner: PipelineStage, breaker: AggregateBreaker, receivers: int) -> SharedGroups:
        """With a table for so many receivers."""
        compiled = replace(inner.compiled, breaker=_SplitBySplit(breaker))
        return cls(replace(inner, compiled=compiled), GroupTable(breaker, receivers), receivers)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def note(self) -> str:
        """For the statistics of the stage."""
        count = len(self.table.stripes)
        return f"state shared in {count} stripe{'' if count == 1 else 's'}"

    def open(self, partition: int) -> SharedWorker:
        place = len(self.table.stripes) * partition // self.receivers
        return SharedWorker(self.table, place, self.inner.open(partition))

    def result(self, parts: Iterator[Part], run: Run) -> Iterator[pa.RecordBatch]:
        """Run through all splits, and give the groups."""
        for _ in parts:
            pass
        return self.table.result(run)


@dataclass(slots=True)
class SharedWorker:
    """Adds the groups of each split to the table. place: the stripe it begins with.

    Threading: owned by one receiver; `interrupt` may be called by any thread.
    """

    table: GroupTable
    place: int
    inner: PipelineWorker
    metrics: PartitionMetrics = field(default_factory=PartitionMetrics)

    def process(self, index: int, split: Split) -> None:
        self.inner.metrics = self.metrics
        self.table.add(index, self.inner.process(index, split), self.place, self.metrics)

    def interrupt(self) -> None:
        """As of the worker inside. From any thread."""
        self.inner.interrupt()

    def finish(self) -> None:
        return None


__all__ = ["GroupTable", "SharedGroups", "SharedWorker", "SplitOrder", "Stripe", "refusal"]
