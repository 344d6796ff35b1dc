"""What a thread sleeps at until another one opens it."""

from __future__ import annotations

import os
import select
from queue import Empty, SimpleQueue
from typing import Protocol


class Gate(Protocol):
    """One thread waits, any opens. Opened before it is waited for, it lets the next wait pass at once.

    Threading: `wait` by one thread, `open` by any.
    """

    def wait(self, timeout: float | None) -> bool:
        """Sleep until it is opened; False after `timeout` seconds. Ctrl-C interrupts it in the main thread."""
        ...

    def open(self) -> None:
        """Let the waiting one pass. Several times before it has: once is enough."""
        ...


class EventGate:
    """An eventfd of Linux: a counter in the kernel. The waiting thread holds no lock of Python's while it sleeps, so it
    runs as soon as it is woken, even on the core of the one that wakes it.

    Threading: as `Gate`.
    """

    __slots__ = ("_descriptor", "_poll")

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll: select.poll | None = None

    def wait(self, timeout: float | None) -> bool:
        """See `Gate`."""
        if timeout is not None:
            if self._poll is None:
                self._poll = select.poll()
                self._poll.register(self._descriptor, select.POLLIN)
            if not self._poll.poll(max(0.0, timeout * 1e3)):
                return False
        os.eventfd_read(self._descriptor)
        return True

    def open(self) -> None:
        """See `Gate`."""
        os.eventfd_write(self._descriptor, 1)

    def __del__(self) -> None:
        # Not there when the process has no descriptor left.
        if (descriptor := getattr(self, "_descriptor", None)) is not None:
            os.close(descriptor)


class QueueGate:
    """A queue of the standard library, used as a semaphore, where there is no eventfd.

    Threading: as `Gate`.
    """

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()

    def wait(self, timeout: float | None) -> bool:
        """See `Gate`."""
        try:
            self._queue.get(True, timeout)
        except Empty:
            return False
        return True

    def open(self) -> None:
        """See `Gate`."""
        self._queue.put(None)


def make_gate() -> Gate:
    """The quickest gate that this platform has, and that the process has a descriptor for."""
    if hasattr(os, "eventfd"):
        try:
            return EventGate()
        except OSError:  # too many open files
            pass
    return QueueGate()


__all__ = ["EventGate", "Gate", "QueueGate", "make_gate"]
