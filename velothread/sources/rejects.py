"""What was refused while reading: the count, and the rows for `--rejects`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from velothread.errors import SinkError


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was left out, or had a value set to NULL.

    order: (file's place, byte offset); `line` is 1-based; column and value are None when the row as a whole is bad.
    """

    order: tuple[int, int]
    file: str
    line: int
    column: str | None
    value: str | None
    reason: str
    row: str


class Refusals:
    """The refused rows of one source.

    Threading: `add` may be called by any receiver (a lock, but only in splits that have bad rows); the rest is called
    by the coordinator, `count` at any time, `write` when all splits are done.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._count = 0
        self._rows: list[Refused] = []

    @property
    def count(self) -> int:
        """How many rows were refused so far."""
        with self._lock:
            return self._count

    @property
    def keeps(self) -> bool:
        """Are the rows themselves wanted?"""
        return self.path is not None

    def add(self, count: int, rows: Callable[[], list[Refused]]) -> None:
        """Count refused rows of one split; `rows` is called only when they are kept."""
        kept = rows() if self.keeps else []
        with self._lock:
            self._count += count
            self._rows.extend(kept)

    def rows(self) -> list[Refused]:
        """Those kept, in the order of the data."""
        with self._lock:
            return sorted(self._rows, key=lambda r: r.order)

    def write(self) -> None:
        """Write the rejects file: CSV with file, line, column, value, reason, row.

        :raises SinkError: when it can't be written.
        """
        import csv

        if self.path is None:
            return
        try:
            with open(self.path, "w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerow(("file", "line", "column", "value", "reason", "row"))
                for r in self.rows():
                    writer.writerow((r.file, r.line, r.column or "", r.value or "", r.reason, r.row))
        except OSError as error:
            raise SinkError(f"{self.path}: the rejects file can't be written ({error.strerror})") from error
