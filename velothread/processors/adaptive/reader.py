"""A reader thread: iterates a source whose splits come lazily and block (stdin, gzip), ahead of the receivers."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from time import perf_counter_ns

from velothread.errors import Cancelled
from velothread.processors.adaptive.handoff import Handoff, HandoffError
from velothread.processors.adaptive.wait import WaitStrategy
from velothread.processors.metrics import PartitionMetrics
from velothread.sources.source import Split


class SplitReader:
    """Puts the splits of an iterable into `handoff`, in order; at most `depth` of them wait.

    Cancelling never waits for a read: a thread that is blocked in one finds out when it returns, or dies with the
    process.

    Threading: a thread of its own iterates; `handoff.get*`, `cancel` and `join` are the coordinator's.
    """

    def __init__(self, splits: Iterable[Split], depth: int, wait: str, receiver: WaitStrategy) -> None:
        self.handoff = Handoff(depth, wait, receiver=receiver)
        self.metrics = PartitionMetrics(0)
        self.metrics.waits = self.handoff.sender_wait.counters
        self._splits = splits
        self._thread = threading.Thread(target=self._run, name="velothread-reader", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def cancel(self) -> None:
        """Read no more."""
        self.handoff.cancel()

    def join(self, timeout: float) -> bool:
        """Wait for the end; False if it is not there after `timeout` seconds (blocked in a read)."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        metrics = self.metrics
        metrics.start()
        try:
            iterator = iter(self._splits)
            try:
                while True:
                    start = perf_counter_ns()
                    try:
                        split = next(iterator)
                    except StopIteration:
                        break
                    metrics.source_ns += perf_counter_ns() - start
                    metrics.splits += 1
                    metrics.bytes += split.bytes
                    self.handoff.put(split)
            finally:
                if (close := getattr(iterator, "close", None)) is not None:
                    close()
            self.handoff.close()
        except (HandoffError, Cancelled):
            # Cancelled by the coordinator; or a source says so by itself, and then the coordinator has to know.
            self.handoff.fail(Cancelled("the source was cancelled"))
        except BaseException as error:
            self.handoff.fail(error)
        finally:
            statistics = self.handoff.statistics()
            metrics.waiting_ns = metrics.waits.wait_ns
            metrics.queue_depth = statistics.most_waiting
            metrics.backpressure = statistics.backpressure
            metrics.end()
