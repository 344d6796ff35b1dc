"""What a receiver costs that has nothing to do."""

from __future__ import annotations

from threading import Event
from time import perf_counter_ns, sleep, thread_time_ns
from typing import Any

from velothread.options import WAITS
from velothread.processors.adaptive.receiver import PartitionReceiver
from velothread.sources.source import Split


class _Watch:
    """A stage and its worker: how much CPU its receiver's thread used, and how long it took. Nothing is processed.

    Threading: written by the receiver's thread; `share` is read after its end.
    """

    __slots__ = ("_cpu_ns", "_start_ns", "opened", "share")

    name = "idle"

    def __init__(self) -> None:
        self.opened = Event()
        self.share = 0.0
        self._cpu_ns = self._start_ns = 0

    def open(self, partition: int) -> _Watch:
        self._start_ns = perf_counter_ns()
        self._cpu_ns = thread_time_ns()
        self.opened.set()
        return self

    def process(self, index: int, split: Split) -> None:
        return None

    def finish(self) -> None:
        cpu = thread_time_ns() - self._cpu_ns
        self.share = cpu / max(1, perf_counter_ns() - self._start_ns)


def idle(seconds: float = 1.0) -> dict[str, Any]:
    """The CPU that one idle receiver uses, by strategy, as a share of one core: `{"seconds": ..., "cpu_share": {...}}`.

    Each is started, gets no split for so many seconds, and is ended; one after the other.
    """
    return {"seconds": seconds, "cpu_share": {wait: _share(wait, seconds) for wait in WAITS}}


def _share(wait: str, seconds: float) -> float:
    watch = _Watch()
    receiver = PartitionReceiver(watch, wait=wait)
    receiver.start()
    try:
        watch.opened.wait()
        sleep(seconds)
    finally:
        receiver.handoff.close()
        receiver.join()
    return watch.share
