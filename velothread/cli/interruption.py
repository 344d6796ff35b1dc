"""Work that Ctrl-C stops at any moment.

The work runs in a thread of its own, and the main thread only waits for it. A signal is handled by the main thread
between
two of its bytecodes: were it deep in a sort of Arrow's, Ctrl-C would have to wait for its end.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from velothread.sinks.target import discard_unfinished

# After a signal, the work gets this many seconds to stop by itself. The issue of the signal to the end of the process
# takes no more than half a second in all.
_GRACE = 0.2
# How often `tick` is called while the work runs, in seconds. The end of the work is noticed at once.
_TICK = 0.1


class Stopped(BaseException):
    """SIGINT (Ctrl-C) or SIGTERM came, and the work has ended. `code`: the exit code that says so."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def run_interruptibly[T](work: Callable[[], T], tick: Callable[[], None], cancel: Callable[[], None]) -> T:
    """The result of `work`, which runs in another thread; whatever it raises is raised here.

    tick: called ten times a second by the main thread while the work runs.
    cancel: called by the main thread on Ctrl-C or SIGTERM; should make `work` end soon. If it doesn't, unfinished
    files are removed and the process ends on the spot.

    :raises Stopped: when such a signal came and the work has ended.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, name="velothread-work", daemon=True)
    stopped: Stopped | None = None
    with _sigterm_raises():
        try:
            thread.start()
            while thread.is_alive():
                thread.join(_TICK)
                if thread.is_alive():
                    gc.enable()  # `main` has switched it off for the start
                    tick()
        except KeyboardInterrupt:
            stopped = Stopped(130)
        except Stopped as stop:
            stopped = stop
        if stopped is not None:
            _stop(thread, cancel, stopped.code)
            raise stopped
    if failure:
        raise failure[0]
    return outcome[0]


def _stop(thread: threading.Thread, cancel: Callable[[], None], code: int) -> None:
    # Another signal while we wait means the same; it must not lead out of here before the files are gone.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(Exception):
        cancel()
    thread.join(_GRACE)
    if thread.is_alive():
        discard_unfinished()
        with contextlib.suppress(OSError, ValueError):
            print("interrupted", file=sys.stderr, flush=True)
        os._exit(code)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        raise Stopped(143)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers: tests that call commands in threads
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, before)
