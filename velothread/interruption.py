"""How work that waits in its own way (an event loop) is told to stop: a call from any thread wakes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from velothread.errors import Cancelled


class Interruption:
    """Whether the work of one worker is to stop, and how to wake it.

    Threading: `interrupt` by any thread; the rest by the thread that does the work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # once per batch of calls that wait
        self._wake: Callable[[], object] | None = None
        self.interrupted = False

    def interrupt(self) -> None:
        """Stop soon, whatever is waited for now or later."""
        with self._lock:
            self.interrupted = True
            # Under the lock: what it wakes is still there.
            if self._wake is not None:
                self._wake()

    @contextmanager
    def listening(self, wake: Callable[[], object]) -> Iterator[None]:
        """In here, an interrupt calls `wake`, in the thread that interrupts.

        :raises Cancelled: there was one before.
        """
        with self._lock:
            if self.interrupted:
                raise Cancelled("the query was cancelled")
            self._wake = wake
        try:
            yield
        finally:
            with self._lock:
                self._wake = None


__all__ = ["Interruption"]
