"""What EXPLAIN ANALYZE measures: rows and time of each step, in each receiver, and of what breakers do besides.

Functions that are compiled with `measured=True` note a lap after every step; others know nothing of it. What belongs to
no step (a breaker that puts partials together, the listing of splits) is timed where `Execution` asks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, Protocol

from velothread.plan.cutting import cut
from velothread.plan.nodes import Node
from velothread.plan.origins import Origins
from velothread.plan.pipelines import Pipeline
from velothread.processors.metrics import PartitionMetrics
from velothread.processors.stage import Stage, Worker
from velothread.regions import Regions
from velothread.sources.source import Scan, Source, Split

# The coordinator, where partitions are told by number.
COORDINATOR = -1


@dataclass(slots=True)
class Laps:
    """Of one branch in one receiver: rows that each step gave, and nanoseconds in it. The last place is the breaker's.

    Threading: owned by one receiver; read by the coordinator when the query is over.
    """

    rows: list[int]
    ns: list[int]
    read_rows: int = 0
    read_ns: int = 0
    _last: int = 0

    @classmethod
    def of(cls, steps: int) -> Laps:
        return cls([0] * (steps + 1), [0] * (steps + 1))

    def begin(self) -> None:
        """A batch begins."""
        self._last = perf_counter_ns()

    def end(self, step: int, rows: int) -> None:
        """A step is done with some rows: the time since the lap before is its."""
        now = perf_counter_ns()
        self.ns[step] += now - self._last
        self.rows[step] += rows
        self._last = now

    def read(self, rows: int, ns: int) -> None:
        """A split was read."""
        self.read_rows += rows
        self.read_ns += ns


class Measurable(Protocol):
    """A worker that keeps metrics."""

    metrics: PartitionMetrics


@dataclass(frozen=True, slots=True)
class Reading:
    """A receiver's laps of a pipeline, by branch, and its worker, whose metrics say what else its time went to."""

    pipeline: int
    partition: int
    laps: tuple[Laps, ...]
    worker: Measurable

    @property
    def end_ns(self) -> int:
        """Nanoseconds in the breaker: whatever the engine did that was no step."""
        metrics = self.worker.metrics
        steps = sum(ns for laps in self.laps for ns in laps.ns[:-1])
        return max(metrics.engine_ns + metrics.merge_ns + metrics.encode_ns - steps, 0)


@dataclass(slots=True)
class Meter(Regions):
    """The measurements of one run.

    Threading: owned by the coordinator, but for `readings` and `tasks`, to which receivers append, and `listing`, which
    whoever iterates the splits of a branch adds to.
    """

    origins: Origins = field(default_factory=Origins)
    plan: Node | None = None
    pipelines: tuple[Pipeline, ...] = ()
    readings: list[Reading] = field(default_factory=list)
    tasks: list[tuple[int, int, list[int]]] = field(default_factory=list)  # pipeline, partition, nanoseconds
    listing: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    rows: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def cut(self, plan: Node) -> tuple[Pipeline, ...]:
        """The pipelines of a plan; what is of which node is kept."""
        self.plan = plan
        self.pipelines = cut(plan, self.origins)
        return self.pipelines

    # --- receivers

    def opened(self, pipeline: int, partition: int, steps: Sequence[int], worker: Measurable) -> tuple[Laps, ...]:
        """Laps for a worker: per branch, which has so many steps."""
        laps = tuple(map(Laps.of, steps))
        self.readings.append(Reading(pipeline, partition, laps, worker))
        return laps

    # --- the coordinator

    def counted(self, pipeline: int, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches that a pipeline gives, timed and counted."""
        for batch in self.timed(pipeline, batches):
            self.rows[pipeline] += batch.num_rows
            yield batch

    def turned(self, pipeline: int, turns: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """The new rows of each turn of a recursion, timed and counted."""
        for fresh in self.timed(pipeline, turns):
            self.rows[pipeline] += sum(b.num_rows for b in fresh)
            yield fresh

    def listed(self, pipeline: int, branch: int, source: Source, scan: Scan) -> Iterator[Split]:
        """The splits of a source, and how long it takes to find them."""
        splits = iter(source.splits(scan))
        while True:
            start = perf_counter_ns()
            split = next(splits, None)
            self.listing[pipeline, branch] += perf_counter_ns() - start
            if split is None:
                return
            yield split

    def stage(self, stage: Stage) -> Stage:
        """A stage of tasks that a breaker runs: its time is that of the pipeline under way."""
        return MeasuredTasks(stage, self.pipeline, self.tasks)


@dataclass(frozen=True, slots=True)
class MeasuredTasks:
    """A stage whose workers note how long they work.

    Threading: immutable, but for `tasks`, to which receivers append.
    """

    inner: Stage
    pipeline: int
    tasks: list[tuple[int, int, list[int]]]

    @property
    def name(self) -> str:
        return self.inner.name

    def open(self, partition: int) -> MeasuredWorker:
        spent = [0]
        self.tasks.append((self.pipeline, partition, spent))
        return MeasuredWorker(self.inner.open(partition), spent)


@dataclass(frozen=True, slots=True)
class MeasuredWorker:
    """A worker and the nanoseconds that it has worked.

    Threading: owned by one receiver; `spent` is read when the query is over.
    """

    inner: Worker
    spent: list[int]

    def process(self, index: int, split: Split) -> Any:
        return self._timed(lambda: self.inner.process(index, split))

    def finish(self) -> Any:
        return self._timed(self.inner.finish)

    def _timed(self, work: Callable[[], Any]) -> Any:
        start = perf_counter_ns()
        try:
            return work()
        finally:
            self.spent[0] += perf_counter_ns() - start


__all__ = ["COORDINATOR", "Laps", "Meter", "Reading"]
