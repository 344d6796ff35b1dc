"""A progress bar on standard error, for work that takes more than a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

_BAR = 24
_FIRST_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the work is. `bytes_total` None: not known."""

    bytes_done: int
    bytes_total: int | None
    rows: int


class ProgressBar:
    """Draws over its own line, and wipes it at the end.

    Threading: `tick` is called by the main thread, `watch` and `clear` by the thread that runs the query, which wants
    the line gone before it prints. A lock keeps them apart.
    """

    def __init__(self, stream: TextIO, *, enabled: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._enabled = enabled
        self._clock = clock
        self._source: Any = None
        self._started = clock()
        self._drawn = False
        self._lock = threading.Lock()

    def watch(self, result: Any) -> None:
        """Show the progress of this result from now on."""
        with self._lock:
            self._started = self._clock()
            self._source = result

    def tick(self) -> None:
        """Draw anew if it is time to."""
        with self._lock:
            result = self._source
            elapsed = self._clock() - self._started
            if not self._enabled or result is None or elapsed < _FIRST_AFTER:
                return
            now = result.progress
            if now is None:
                return
            self._stream.write("\r" + line(Reading(now.bytes_done, now.bytes_total, now.rows), elapsed) + "\x1b[K")
            self._stream.flush()
            self._drawn = True

    def clear(self) -> None:
        """Wipe the line, and draw no more until the next `watch`."""
        with self._lock:
            self._source = None
            if self._drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._drawn = False


def line(now: Reading, elapsed: float) -> str:
    """One line: bar, share, bytes, rows per second, time left; as far as they are known."""
    parts = []
    if now.bytes_total:
        share = min(now.bytes_done / now.bytes_total, 1.0)
        full = int(share * _BAR)
        parts.append(f"{'━' * full}{'─' * (_BAR - full)} {share:4.0%}")
        parts.append(f"{size(now.bytes_done)} of {size(now.bytes_total)}")
    else:
        parts.append(size(now.bytes_done))
    if elapsed > 0:
        parts.append(f"{now.rows / elapsed:,.0f} rows/s")
    if now.bytes_total and now.bytes_done:
        left = elapsed * (now.bytes_total - now.bytes_done) / now.bytes_done
        parts.append(f"{duration(max(left, 0.0))} left")
    else:
        parts.append(duration(elapsed))
    return "  ".join(parts)


def size(count: int) -> str:
    """Bytes for people: `147.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds for people: `7 s`, `2 min 05 s`, `1 h 02 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
