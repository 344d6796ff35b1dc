"""Threads in a known order: no test needs to sleep.

with Crowd() as crowd:
    blocked = crowd.run(handoff.get)          # in a thread of its own
    crowd.until(lambda: handoff.receiver_wait.parked)
    handoff.put("x")
    assert blocked.result() == "x"
"""

from __future__ import annotations

import faulthandler
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from velothread.processors.adaptive.wait import sched_yield

# Nothing here takes long; a test that gets here hangs, and says so with all stacks.
_HANG_S = 30.0


class HangError(AssertionError):
    """A thread did not get where the test wants it."""


class Task:
    """A call that runs in a thread.

    Threading: `result` by the thread that started it.
    """

    def __init__(self, call: Callable[[], Any], name: str) -> None:
        self._call = call
        self._value: Any = None
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error

    def join(self, timeout: float = _HANG_S) -> None:
        """Wait for the end.

        :raises HangError: it did not come; all stacks are on stderr.
        """
        self.thread.join(timeout)
        if self.thread.is_alive():
            faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
            raise HangError(f"{self.thread.name} hangs")

    def result(self) -> Any:
        """What the call returned, or raise what it raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._value


class Crowd:
    """Threads of a test, all joined at its end.

    Threading: owned by the test's thread.
    """

    def __init__(self) -> None:
        self._tasks: list[Task] = []

    def run(self, call: Callable[[], Any]) -> Task:
        """Call it in a new thread."""
        task = Task(call, f"test-{len(self._tasks)}")
        self._tasks.append(task)
        return task

    def until(self, condition: Callable[[], bool]) -> None:
        """Yield the processor until `condition` holds: a state of another thread that can be looked at.

        :raises HangError: it never does.
        """
        until(condition)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.join()


def until(condition: Callable[[], bool]) -> None:
    """Yield the processor until `condition` holds.

    :raises HangError: it never does.
    """
    expired = threading.Event()
    timer = threading.Timer(_HANG_S, expired.set)
    timer.daemon = True
    timer.start()
    try:
        while not condition():
            if expired.is_set():
                faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
                raise HangError("the condition never holds")
            sched_yield()
    finally:
        timer.cancel()
        timer.join()


class Sequencer:
    """Steps of several threads in one fixed order: step n waits until steps 0 to n-1 are over.

        with sequencer(0): ...      # in one thread
        with sequencer(1): ...      # in another

    Threading: any number of threads; each step once.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._next = 0

    @contextmanager
    def __call__(self, step: int) -> Iterator[None]:
        with self._condition:
            if not self._condition.wait_for(lambda: self._next == step, _HANG_S):
                raise HangError(f"step {step} waits for step {self._next}")
        try:
            yield
        finally:
            with self._condition:
                self._next += 1
                self._condition.notify_all()


def together(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run all calls in threads that start at the same moment (a barrier); their results in order, or the first
    error."""
    listed = list(calls)
    barrier = threading.Barrier(len(listed))

    def started(call: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            barrier.wait(_HANG_S)
            return call()

        return run

    tasks = [Task(started(call), f"together-{i}") for i, call in enumerate(listed)]
    return [task.result() for task in tasks]


@contextmanager
def no_thread_left() -> Iterator[None]:
    """What runs inside leaves no thread behind.

    :raises AssertionError: naming those that are left.
    """
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
    if left:
        faulthandler.dump_traceback(file=sys.__stderr__ or sys.stderr)
        raise AssertionError(f"threads are left: {', '.join(t.name for t in left)}")
