"""The simple processor: one thread, no queue, no lock on the path. The reference for answers and for latency."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sized
from time import perf_counter_ns
from typing import TYPE_CHECKING

from velothread.errors import Cancelled
from velothread.processors.metrics import PartitionMetrics, Progress, QueryMetrics, StageMetrics
from velothread.processors.stage import Cancels, Part, Stage, Worker, note_of
from velothread.sources.source import Split

if TYPE_CHECKING:
    from velothread.processors.adaptive.partitioning import Facts


class SimpleProcessor:
    """Runs each stage in the calling thread, split by split. trace: keep when each began and ended.

    Threading: used by one thread; `cancel`, `progress` and `metrics` by any.
    """

    def __init__(self, *, trace: bool = False) -> None:
        self._trace = trace
        self.metrics = QueryMetrics()
        self.progress = Progress()
        self.cancels = Cancels()

    @property
    def name(self) -> str:
        """For messages and metrics."""
        return "simple"

    @property
    def partitions(self) -> int:
        """One: there is one worker."""
        return 1

    def run(
        self,
        stage: Stage,
        splits: Iterable[Split],
        *,
        prefetch: bool | None = None,
        facts: Facts | None = None,
        since: int | None = None,
    ) -> Generator[Part]:
        """Process all splits; yield their results in order, then the worker's `finish` result.

        `prefetch` and `facts` are for processors with more threads. since: see `Processor.run`.

        :raises Cancelled: `cancel` was called.
        """
        return self._run(stage, splits, self.cancels.count if since is None else since)

    def _run(self, stage: Stage, splits: Iterable[Split], since: int) -> Generator[Part]:
        began = perf_counter_ns()
        metrics = PartitionMetrics(0)
        # Another result of the session may be read in between, with metrics of its own.
        mine = StageMetrics(stage.name, "simple", [metrics], PartitionMetrics(0), "none", "none", note_of(stage))
        if self._trace:
            metrics.trace()
        self.metrics.stages.append(mine)
        self.progress = progress = Progress(stage.name, parts=[metrics])
        if isinstance(splits, Sized):
            progress.splits = len(splits)
            progress.bytes = sum([split.bytes for split in splits])
        metrics.started_ns = began
        mine.coordinator.start()
        try:
            yield from self._parts(stage, splits, metrics, progress, since)
        finally:
            metrics.end()
            mine.coordinator.end()

    def _parts(
        self, stage: Stage, splits: Iterable[Split], metrics: PartitionMetrics, progress: Progress, since: int
    ) -> Generator[Part]:
        worker = stage.open(0)
        metrics.routing_ns += perf_counter_ns() - metrics.started_ns
        if (interrupt := getattr(worker, "interrupt", None)) is not None:
            self.cancels.wakers.append(interrupt)
        try:
            yield from self._through(worker, splits, metrics, progress, since)
        finally:
            if interrupt is not None:
                self.cancels.wakers.remove(interrupt)

    def _through(
        self, worker: Worker, splits: Iterable[Split], metrics: PartitionMetrics, progress: Progress, since: int
    ) -> Generator[Part]:
        reports = hasattr(worker, "metrics")
        if reports:
            worker.metrics = metrics  # type: ignore[attr-defined]
        iterator = iter(splits)
        index = 0
        mark = perf_counter_ns()
        try:
            while True:
                if self.cancels.count != since:
                    raise Cancelled("the query was cancelled")
                start = perf_counter_ns()
                metrics.routing_ns += start - mark
                try:
                    split = next(iterator)
                except StopIteration:
                    break
                read = perf_counter_ns()
                metrics.source_ns += read - start
                value = worker.process(index, split)
                mark = done = perf_counter_ns()
                if not reports:
                    metrics.engine_ns += done - read
                if metrics.spans is not None:
                    metrics.spans.append(("split", read, done, index))
                metrics.splits += 1
                progress.splits_done += 1
                progress.bytes_done += split.bytes
                if value is not None:
                    yield Part(index, value)
                    mark = perf_counter_ns()
                    metrics.sink_ns += mark - done
                index += 1
        finally:
            if (close := getattr(iterator, "close", None)) is not None:
                close()
        start = perf_counter_ns()
        value = worker.finish()
        done = perf_counter_ns()
        if not reports:
            metrics.engine_ns += done - start
        if value is not None:
            yield Part(None, value)
            metrics.sink_ns += perf_counter_ns() - done

    def close(self) -> None:
        """Nothing to stop: there are no threads."""

    def cancel(self) -> None:
        """Make what runs raise `Cancelled` before its next split. From any thread."""
        self.cancels.cancel()
