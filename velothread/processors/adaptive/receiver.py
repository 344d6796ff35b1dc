"""A partition receiver: takes splits from its handoff, runs a stage's worker on them, emits the results.

It works without a coordinator, fed directly:

    receiver = PartitionReceiver(stage)
    receiver.start()
    receiver.handoff.put((0, split))
    receiver.handoff.close()
    receiver.join()                      # raises what the worker raised
    receiver.outbox                      # the outcomes: of each split, then of Worker.finish
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, NamedTuple

from velothread.errors import Cancelled
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.adaptive.handoff import EndOfStream, Handoff, HandoffError
from velothread.processors.metrics import PartitionMetrics
from velothread.processors.stage import Stage, Worker

# In place of a split's index: the worker could not be opened.
OPENING = -1


class Outcome(NamedTuple):
    """What a receiver emits: the value of split `at` (or its error), or that of the worker's `finish` (`at` None).

    `took`: ns that the worker had it.
    """

    partition: int
    at: int | None
    value: Any
    error: BaseException | None
    took: int


class PartitionReceiver:
    """Runs a stage's worker on the splits that come through `handoff` as `(index, split)`, in order.

    `emit` is called in the receiver's thread with each `Outcome`; without it, they are appended to `outbox`. A failure
    of the worker is emitted, breaks the handoff (its producer gets `BrokenHandoff`) and ends the receiver; cancelling
    the handoff ends it, too, without `finish`.

    Threading: `handoff` belongs to one producer; `run` to one thread (`start` makes one). `stop_after` may be set by
    the producer: splits beyond that index are dropped. `interrupt` may be called by any thread. `outbox` may be read at
    any time, `metrics` too.
    """

    def __init__(
        self,
        stage: Stage,
        emit: Callable[[Outcome], None] | None = None,
        *,
        partition: int = 0,
        depth: int = 2,
        wait: str = "hybrid",
    ) -> None:
        self.stage = stage
        self.partition = partition
        exchange = getattr(stage, "exchange", None)
        self._exchange = exchange if isinstance(exchange, Exchange) else None
        self.handoff = Handoff(depth, wait)
        if self._exchange is not None:
            self.handoff.receiver_wait = self._exchange.joined(partition, self.handoff.fence)
        self.outbox: deque[Outcome] = deque()
        self.emit = emit or self.outbox.append
        self.metrics = PartitionMetrics(partition)
        self.metrics.waits = self.handoff.receiver_wait.counters
        self.stop_after: int | None = None
        # Kept by whoever `emit` belongs to, in this receiver's thread: the work since it told somebody of an outcome.
        self.quiet_ns = 0
        self.error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._worker: Worker | None = None
        self._interrupted = False

    def start(self) -> None:
        """Run in a thread of its own (a daemon, so that a stuck kernel can't keep the process from ending)."""
        name = f"velothread-{self.stage.name}-{self.partition}"
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the receiver has ended.

        :raises BaseException: what the worker raised, if it failed.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        """Process everything, in the calling thread. Errors are emitted, not raised."""
        metrics = self.metrics
        metrics.start()
        try:
            self._run(metrics)
        finally:
            statistics = self.handoff.statistics()
            metrics.queue_depth = statistics.most_waiting
            metrics.backpressure = statistics.backpressure
            metrics.end()

    def _run(self, metrics: PartitionMetrics) -> None:
        try:
            worker = self.stage.open(self.partition)
        except BaseException as error:
            self._fail(OPENING, error, 0)
            return
        self._worker = worker
        if self._interrupted:  # after this is set, `interrupt` finds the worker
            self.interrupt()
        reports = hasattr(worker, "metrics")
        if reports:
            worker.metrics = metrics  # type: ignore[attr-defined]
        partition, emit, process = self.partition, self.emit, worker.process
        get = self.handoff.get if self._exchange is None else self._get_attending
        waits = metrics.waits
        busy = waited = handing = 0
        spans = metrics.spans
        index: int | None = None
        start = done = perf_counter_ns()
        try:
            while True:
                before = waits.wait_ns
                try:
                    index, split = get()
                except EndOfStream:
                    index = None
                except (HandoffError, Cancelled):
                    return
                finally:
                    # Only here: a worker that waits in an exchange is at work, in this account.
                    waited += waits.wait_ns - before
                    start = perf_counter_ns()
                    # What is neither the worker's nor waiting: emitting the last outcome, and taking from the handoff.
                    handing += start - done - (waits.wait_ns - before)
                    done = start
                if index is None:
                    break
                if self.stop_after is not None and index > self.stop_after:
                    continue
                value = process(index, split)
                done = perf_counter_ns()
                busy += done - start
                metrics.splits += 1
                if spans is not None:
                    spans.append(("split", start, done, index))
                emit(Outcome(partition, index, value, None, done - start))
                # While this thread waits for the next split, the last one's memory is not its to keep.
                split = value = None
            value = worker.finish()
            done = perf_counter_ns()
            busy += done - start
            if spans is not None:
                spans.append(("finish", start, done, -1))
            emit(Outcome(partition, None, value, None, done - start))
            handing += perf_counter_ns() - done
        except BaseException as error:
            # Any kind: Python functions in SQL may raise SystemExit, and the coordinator must hear of it.
            self._fail(index, error, perf_counter_ns() - start)
        finally:
            metrics.handoff_ns = handing
            metrics.waiting_ns = waited
            if not reports:
                metrics.engine_ns = busy

    def interrupt(self) -> None:
        """Have the worker stop waiting for whatever it waits for by itself. From any thread."""
        self._interrupted = True
        interrupt = getattr(self._worker, "interrupt", None)
        if interrupt is not None:
            interrupt()

    def _get_attending(self) -> Any:
        """Take from the handoff; while it is empty, go on taking what other receivers send through the exchange."""
        assert self._exchange is not None
        self._exchange.attend(self.partition, self.handoff.has_item)
        return self.handoff.get()

    def _fail(self, index: int | None, error: BaseException, took: int) -> None:
        self.error = error
        place = "at the end" if index is None else "opening" if index == OPENING else f"split {index}"
        error.add_note(f"in stage {self.stage.name!r}, partition {self.partition}, {place}")
        self.handoff.fail(error)
        self.emit(Outcome(self.partition, index, None, error, took))
