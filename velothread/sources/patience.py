"""Reading what may have nothing to read for long (a pipe, a terminal) without being deaf to Ctrl-C.

A signal interrupts a read that is under way, and not one that is about to begin: Python has looked for signals, the
system call hasn't been made, and then it waits for a writer who may never write. A buffered reader doesn't look between
two reads either. So the main thread, the only one that runs Python's signal handlers, never waits in a read: it waits
for there to be something to read, and looks up now and then.
"""

from __future__ import annotations

import _thread
import io
import os
import select
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# How long a Ctrl-C that came at the wrong moment waits to be heard.
_LOOK_UP_S = 0.1


class PatientFile(io.FileIO):
    """A file whose reads, in the main thread, can be interrupted at any moment.

    Threading: owned by the thread that reads it; may be handed over.
    """

    def __init__(self, file: str | int) -> None:
        super().__init__(file, "rb", opener=_open)
        self._poll: Callable[[float], Any] | None = None
        # Regular files never keep one waiting. Where there is no `poll`, a read is only a read.
        if hasattr(select, "poll") and not stat.S_ISREG(os.fstat(self.fileno()).st_mode):
            poll = select.poll()
            poll.register(self.fileno(), select.POLLIN)
            self._poll = poll.poll

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, as soon as there are some; b"" at the end."""
        if size is None or size < 0:
            return self.readall()
        self._await()
        return super().read(size) or b""

    def readinto(self, buffer: Any, /) -> int:
        """See `read`."""
        self._await()
        return super().readinto(buffer) or 0

    def readall(self) -> bytes:
        """All that is left."""
        pieces = []
        while piece := self.read(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)

    def _await(self) -> None:
        if self._poll is not None and _in_main():
            # Anything at all (an error, a descriptor that can't be polled) is for the read to find out.
            while not self._poll(_LOOK_UP_S * 1000):
                pass


def _open(path: Any, flags: int) -> int:
    """Open a file; a FIFO without a writer can be interrupted, too."""
    if not (_in_main() and stat.S_ISFIFO(os.stat(path).st_mode)):
        return os.open(path, flags)
    opened: list[int] = []
    failure: list[BaseException] = []
    left = threading.Lock()  # held by whoever decides what becomes of the descriptor
    gone: list[bool] = []

    def body() -> None:
        try:
            descriptor = os.open(path, flags)
        except OSError as error:
            failure.append(error)
            return
        with left:
            if not gone:
                opened.append(descriptor)
                return
        os.close(descriptor)

    # A daemon: it may wait for a writer for ever, and the process can end without it.
    thread = threading.Thread(target=body, name="velothread-open", daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK_UP_S)
    except BaseException:
        with left:
            gone.append(True)
        with suppress(OSError, IndexError):
            os.close(opened.pop())
        raise
    if failure:
        raise failure[0]
    return opened[0]


def _in_main() -> bool:
    return _thread.get_ident() == threading.main_thread().ident
