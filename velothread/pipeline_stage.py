"""A compiled pipeline as a stage: what a receiver does with the splits that it is dealt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from velothread.breakers.breaker import Breaker
from velothread.codegen.pipeline import CompiledBranch
from velothread.errors import Cancelled, ExecutionError, SqlError
from velothread.functions.refusals import FunctionFailures, begin
from velothread.interruption import Interruption
from velothread.plan.pipelines import Pipeline, Probe
from velothread.processors.metrics import PartitionMetrics
from velothread.sources.source import Bound, Split
from velothread.splits import BranchSplit

if TYPE_CHECKING:
    from velothread.breakers.build import BuildBreaker
    from velothread.metering import Laps, Meter

Encode = Callable[[pa.RecordBatch], Any]


@dataclass(frozen=True, slots=True)
class CompiledPipeline:
    """A pipeline with its functions and its breaker.

    Threading: immutable; shared by all threads.
    """

    pipeline: Pipeline
    branches: tuple[CompiledBranch, ...]
    breaker: Breaker | BuildBreaker
    steps: tuple[CompiledPipeline, ...] = ()  # those of a recursion

    @property
    def watched(self) -> frozenset[int]:
        """The builds of which it is noted which rows have met a partner."""
        steps = (s for b in self.pipeline.branches for s in b.steps)
        return frozenset(s.build for s in steps if isinstance(s, Probe) and s.kind in ("full", "meet"))


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """A compiled pipeline as a stage. `encode`: what the sink wants of each batch that is emitted. `builds`: the tables
    that are probed, by pipeline. `meter`: of a run that is measured. `run`: its number among those of the query;
    `failures`: of the Python functions that are called in it. `note`: what is to be known of it, for its statistics.

    Threading: immutable; shared by all receivers, but for `watches`: receivers append what each of them notes.
    """

    compiled: CompiledPipeline
    sql: str
    encode: Encode | None = None
    builds: Mapping[int, Any] = field(default_factory=dict)
    watches: list[tuple[int, Any]] = field(default_factory=list)
    meter: Meter | None = None
    run: int = 0
    failures: FunctionFailures | None = None
    note: str = ""

    @property
    def name(self) -> str:
        return f"pipeline {self.compiled.pipeline.number}"

    def open(self, partition: int) -> PipelineWorker:
        builds = dict(self.builds)
        for number in self.compiled.watched:
            builds[number] = builds[number].watched()
            self.watches.append((number, builds[number].seen))
        worker = PipelineWorker(self, builds)
        if self.meter is not None:
            steps = [b.steps for b in self.compiled.branches]
            worker.laps = self.meter.opened(self.compiled.pipeline.number, partition, steps, worker)
        return worker


@dataclass(slots=True)
class PipelineWorker:
    """Runs the generated function over the batches of its splits.

    Threading: owned by one receiver; `interrupt` may be called by any thread.
    """

    stage: PipelineStage
    builds: Mapping[int, Any] = field(default_factory=dict)
    metrics: PartitionMetrics = field(default_factory=PartitionMetrics)
    collector: Any = None
    laps: tuple[Laps, ...] = ()  # per branch, when the run is measured
    interruption: Interruption = field(default_factory=Interruption)

    def process(self, index: int, split: Split) -> Any:
        failures = self.stage.failures
        if failures is None:
            return self._process(index, split)
        begin(self.stage.run, index, self.interruption)
        try:
            return self._process(index, split)
        except Cancelled:
            raise
        except BaseException:
            failures.stop(self.stage.run, index)
            raise

    def interrupt(self) -> None:
        """Stop waiting for calls of async functions, now and later. From any thread."""
        self.interruption.interrupt()

    def _process(self, index: int, split: Split) -> Any:
        assert isinstance(split, BranchSplit)
        breaker = self.stage.compiled.breaker
        start = perf_counter_ns()
        collector = self.collector
        if collector is None:
            collector = breaker.collector()
            if not breaker.per_split:
                self.collector = collector
        collector.begin(index)
        start = self._feed(split, collector, start)
        if not breaker.per_split:
            return None
        partial = collector.finish()
        self.metrics.engine_ns += perf_counter_ns() - start
        if self.stage.encode is None:
            return partial
        return self._encode(partial)

    def _feed(self, split: BranchSplit, collector: Any, start: int) -> int:
        """All batches of a split through its function. start: since when (ns) the engine works on it; gives the same
        for what follows."""
        branch = self.stage.compiled.branches[split.branch]
        function, metrics = branch.function, self.metrics
        more: tuple[Any, ...] = (self.builds,) if branch.probes else ()
        if self.laps:
            more = (*more, self.laps[split.branch])
        records, source_ns = metrics.records, metrics.source_ns
        late = branch.choose is not None and getattr(split.inner, "early", None) is not None
        batches = split.inner.chosen(Choice(branch, collector, self)) if late else split.batches()  # type: ignore[attr-defined]
        # Two clock readings a batch: what is not the source's time is the engine's.
        while True:
            asked = perf_counter_ns()
            metrics.engine_ns += asked - start
            batch = next(batches, None)
            start = perf_counter_ns()
            metrics.source_ns += start - asked
            if batch is None:
                break
            self.call(branch, function, batch, collector, *more)
            if not late:
                metrics.records += batch.num_rows
                metrics.batches += 1
        metrics.bytes += split.bytes
        if self.laps:
            self.laps[split.branch].read(metrics.records - records, metrics.source_ns - source_ns)
        return start

    def call(self, branch: CompiledBranch, function: Callable[..., Any], *arguments: Any) -> Any:
        """A function of the branch over a batch; errors get their place in the SQL."""
        try:
            return function(*arguments)
        except SqlError as e:
            if e.position is None:
                e.position = branch.locate(e.__traceback__)
            raise e.located(self.stage.sql) from e.__cause__
        except pa.ArrowInvalid as e:
            # a kernel of Arrow's own refused a value; ours say it in SQL's words
            raise ExecutionError(str(e), branch.locate(e.__traceback__), sql=self.stage.sql) from e

    def _encode(self, batches: Sequence[pa.RecordBatch]) -> list[tuple[int, Any]]:
        encode = self.stage.encode
        assert encode is not None
        start = perf_counter_ns()
        pieces = [(b.num_rows, encode(b)) for b in batches]
        self.metrics.encode_ns += perf_counter_ns() - start
        return pieces

    def finish(self) -> Any:
        if self.collector is None:
            return None
        start = perf_counter_ns()
        partial = self.collector.finish()
        self.metrics.engine_ns += perf_counter_ns() - start
        return partial


@dataclass(slots=True)
class Choice:
    """What a branch wants of a split that reads some columns late.

    Threading: owned by the receiver that reads the split.
    """

    branch: CompiledBranch
    collector: Any
    worker: PipelineWorker

    def bounds(self) -> tuple[Bound, ...]:
        """By the first key, when that is a column of the source."""
        column = self.branch.first_key
        return () if column is None else tuple(Bound(column, *b) for b in self.collector.bounds())

    def rows(self, batch: pa.RecordBatch, *, again: bool = False) -> Any:
        """The wanted rows of a batch of early columns; the time is the engine's, though the source calls."""
        metrics = self.worker.metrics
        start = perf_counter_ns()
        rows = self.worker.call(self.branch, self.branch.choose, batch, self.collector)  # type: ignore[arg-type]
        spent = perf_counter_ns() - start
        metrics.engine_ns += spent
        metrics.source_ns -= spent
        if not again:
            metrics.records += batch.num_rows
            metrics.batches += 1
        return rows


__all__ = ["Choice", "CompiledPipeline", "Encode", "PipelineStage", "PipelineWorker"]
