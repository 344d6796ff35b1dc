"""The threads of an adaptive processor: they last over stages and queries, and are lent to one run at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from time import perf_counter

from velothread.processors.adaptive.handoff import Handoff, HandoffError

Job = Callable[[], None]

_numbers = itertools.count()


class CrewThread:
    """A daemon thread that does one job after another. Jobs deal with their own errors. at_end: called last, in it.

    Threading: `submit` and `dismiss` by the thread that has borrowed it.
    """

    __slots__ = ("_at_end", "_jobs", "_thread")

    def __init__(self, at_end: Job | None = None) -> None:
        self._jobs = Handoff(1)
        self._at_end = at_end
        name = f"velothread-receiver-{next(_numbers)}"
        # A daemon: a kernel or a Python function in SQL that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Do this next."""
        self._jobs.put(job)

    def dismiss(self) -> None:
        """End after the job under way."""
        self._jobs.close()

    def join(self, timeout: float) -> bool:
        """Wait for the end; False if it is not there after `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                job: Job | None = self._jobs.get()
            except HandoffError:
                break
            assert job is not None
            job()
            job = None  # what the job refers to (a stage, its data) must not live until the next one comes
        if self._at_end is not None:
            self._at_end()


class Crew:
    """The threads that are there. A run borrows as many as it needs; more are made when all are lent.

    Threading: one thread, the coordinator's.
    """

    __slots__ = ("_idle", "_lent", "_stray", "at_end", "closed", "interrupted")

    def __init__(self) -> None:
        self._idle: list[CrewThread] = []
        self._lent: list[CrewThread] = []
        self._stray: list[CrewThread] = []  # let go, and perhaps still in a kernel
        self.at_end: Job | None = None  # for the threads that are made
        self.closed = False
        self.interrupted = False

    def borrow(self, n: int) -> list[CrewThread]:
        """`n` threads for one run."""
        found = [self._idle.pop() if self._idle else CrewThread(self.at_end) for _ in range(n)]
        self._lent += found
        return found

    def give_back(self, thread: CrewThread, *, free: bool) -> None:
        """The run is over. A thread that is not `free` (stuck in a kernel) is let go: it ends when it gets out."""
        self._lent.remove(thread)
        if free and not self.closed:
            self._idle.append(thread)
        else:
            thread.dismiss()
            self._stray.append(thread)

    def abandon(self) -> None:
        """Dismiss the idle threads, without waiting: nobody is left who could close."""
        while self._idle:
            self._idle.pop().dismiss()

    def close(self, timeout: float) -> bool:
        """Dismiss and join all; False if some thread did not end within `timeout` seconds."""
        self.closed = True
        threads = self._idle + self._lent + self._stray
        self._idle = []
        for thread in threads:
            thread.dismiss()
        end = perf_counter() + timeout
        # A list, so that each is joined, whatever became of the others.
        ended = [thread.join(max(0.0, end - perf_counter())) for thread in threads]
        return all(ended)
