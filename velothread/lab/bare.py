"""Two ways to run a stage with less than a processor: the engine alone, and a receiver that is fed directly."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from time import perf_counter_ns
from typing import Any

from velothread.pipeline_stage import PipelineStage
from velothread.processors.adaptive.receiver import PartitionReceiver
from velothread.processors.metrics import PartitionMetrics, Progress, QueryMetrics, StageMetrics
from velothread.processors.stage import Cancels, Part, Stage
from velothread.sources.source import Split
from velothread.splits import BranchSplit

# Batches that may wait at a receiver that is fed directly. (The study's queue has no bound.)
FED_DEPTH = 64


class _Bare:
    """What the two have in common with a processor.

    Threading: used by one thread.
    """

    name = "bare"
    partitions = 1

    def __init__(self) -> None:
        self.metrics = QueryMetrics()
        self.progress = Progress()
        self.cancels = Cancels()

    def close(self) -> None:
        """Nothing lasts over a run."""

    def cancel(self) -> None:
        """What runs is short."""
        self.cancels.cancel()


class EngineAlone(_Bare):
    """Calls the compiled function of a pipeline batch by batch, without a processor, a worker or a metric.

    Threading: used by one thread.
    """

    name = "engine alone"

    def run(self, stage: Stage, splits: Iterable[Split], **_how: Any) -> Generator[Part]:
        """See `Processor.run`."""
        # A worker is needed where calls of Python functions are counted by split.
        if isinstance(stage, PipelineStage) and stage.failures is None and not stage.compiled.watched:
            return _call_directly(stage, splits)
        return _call_worker(stage, splits)


def _call_directly(stage: PipelineStage, splits: Iterable[Split]) -> Generator[Part]:
    breaker, branches, builds = stage.compiled.breaker, stage.compiled.branches, dict(stage.builds)
    per_split = breaker.per_split
    collector: Any = None
    for index, split in enumerate(splits):
        assert isinstance(split, BranchSplit)
        if collector is None or per_split:
            collector = breaker.collector()
        branch = branches[split.branch]
        function = branch.function
        collector.begin(index)
        for batch in split.batches():
            if branch.probes:
                function(batch, collector, builds)
            else:
                function(batch, collector)
        if per_split:
            yield Part(index, collector.finish())
    if not per_split and collector is not None:
        yield Part(None, collector.finish())


def _call_worker(stage: Stage, splits: Iterable[Split]) -> Generator[Part]:
    worker = stage.open(0)
    for index, split in enumerate(splits):
        value = worker.process(index, split)
        if value is not None:
            yield Part(index, value)
    value = worker.finish()
    if value is not None:
        yield Part(None, value)


class FedDirectly(_Bare):
    """One receiver, whose queue is filled by the caller: no coordinator.

    Threading: used by one thread; the receiver has its own.
    """

    name = "receiver fed directly"

    def __init__(self, wait: str = "hybrid") -> None:
        super().__init__()
        self._wait = wait

    def run(self, stage: Stage, splits: Iterable[Split], **_how: Any) -> Generator[Part]:
        """See `Processor.run`."""
        receiver = PartitionReceiver(stage, depth=FED_DEPTH, wait=self._wait)
        feeder = PartitionMetrics(-1)
        feeder.waits = receiver.handoff.sender_wait.counters
        self.metrics.stages.append(
            StageMetrics(stage.name, "fed", [receiver.metrics], feeder, "fed", self._wait, "fed by the caller")
        )
        feeder.start()
        receiver.start()
        put = receiver.handoff.put
        for item in enumerate(splits):
            put(item)
        receiver.handoff.close()
        fed = perf_counter_ns()
        feeder.waiting_ns = feeder.waits.wait_ns
        feeder.handoff_ns = fed - feeder.started_ns - feeder.waiting_ns  # its thread's start, too
        receiver.join()
        joined = perf_counter_ns()
        feeder.waiting_ns += joined - fed
        for outcome in receiver.outbox:
            if outcome.value is not None:
                yield Part(outcome.at, outcome.value)
        feeder.sink_ns = perf_counter_ns() - joined
        feeder.end()


__all__ = ["FED_DEPTH", "EngineAlone", "FedDirectly"]
