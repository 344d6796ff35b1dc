"""What a session keeps from query to query: how files looked when they were sniffed, and memory to read into.

known = Remembered()
layout = known.layout(file, (options, dialect), sniff)      # calls `sniff` unless it knows
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from velothread.sources.files import File

_MOST_FILES = 512
# A file may be written twice within one tick of its file system's clock. One that was changed this recently (ns) is
# sniffed, and not remembered: its next change might leave no trace.
_RECENT_NS = 3_000_000_000

# What tells a file from what it was: device, inode, size, and when its content and its inode changed last.
Identity = tuple[int, int, int, int, int]


class Remembered:
    """Findings by file and by what they were asked with; those not used for the longest time are dropped first.

    Threading: owned by the session's thread.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._kept: dict[str, Any] = {}
        self._found: OrderedDict[tuple[str, Hashable], tuple[Identity, Any]] = OrderedDict()

    def kept[T](self, name: str, make: Callable[[], T]) -> T:
        """What is made once per session, such as memory that receivers read into: fresh pages cost every query time."""
        if name not in self._kept:
            self._kept[name] = make()
        thing: T = self._kept[name]
        return thing

    def layout[T](self, file: File, asked: Hashable, sniff: Callable[[], T]) -> T:
        """What `sniff` said about the file as it is now, or says."""
        identity = self._identity(file)
        if identity is None:
            return sniff()
        key = (os.path.abspath(file.path), asked)
        known = self._found.get(key)
        if known is not None and known[0] == identity:
            self._found.move_to_end(key)
            layout: T = known[1]
            return layout
        # The identity is older than what is read now: a change in between is one that the next query sees.
        layout = sniff()
        if abs(self._clock() - max(identity[3:])) > _RECENT_NS:
            self._found[key] = (identity, layout)
            self._found.move_to_end(key)
            if len(self._found) > _MOST_FILES:
                self._found.popitem(last=False)
        return layout

    @staticmethod
    def _identity(file: File) -> Identity | None:
        if not file.seekable:
            return None
        try:
            status = os.stat(file.path)
        except OSError:
            return None  # who opens it says what is wrong
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
