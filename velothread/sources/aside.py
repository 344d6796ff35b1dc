"""Work that the main thread has done by another while it listens for Ctrl-C.

Threads wait a while for the next work: to start one takes longer than to parse a small block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

# Whoever waits looks for signals this often; after one, the work gets this long to end.
_LOOK_UP_S = 0.1
_GRACE_S = 0.1
# How long a thread waits for more work before it ends: from one block to the next of a query, and little more.
_IDLE_S = 0.05

_Outcome = tuple[Any, BaseException | None]
_Job = tuple[Callable[[], Any], "SimpleQueue[_Outcome]"]


class _Thread:
    """A daemon thread that does one job after another.

    Threading: whoever takes it off `_idle` may put one job; it puts itself back.
    """

    __slots__ = ("_thread", "jobs")

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="velothread-aside", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                work, done = self.jobs.get(True, _IDLE_S)
            except Empty:
                try:
                    _idle.remove(self)
                except ValueError:
                    continue  # somebody has just taken it, and a job is on the way
                return
            try:
                outcome: _Outcome = (work(), None)
            except BaseException as error:
                outcome = (None, error)
            _idle.append(self)
            done.put(outcome)
            del work, done, outcome  # while it waits, their memory is not its to keep


# Threads that wait. A list's append, pop and remove are atomic, so each thread has one taker.
_idle: list[_Thread] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # the child has no such threads


def aside[T](work: Callable[[], T]) -> T:
    """The result of `work`, done by another thread; what it raises is raised here. Ctrl-C leaves the work to itself."""
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()
    done: SimpleQueue[_Outcome] = SimpleQueue()
    thread.jobs.put((work, done))
    try:
        value, error = _outcome(done)
    except BaseException:
        with suppress(Empty):
            done.get(True, _GRACE_S)
        raise
    if error is not None:
        raise error
    result: T = value
    return result


def _outcome(done: SimpleQueue[_Outcome]) -> _Outcome:
    while True:
        try:
            return done.get(True, _LOOK_UP_S)
        except Empty:
            continue
