"""What was refused while reading: the count, and the rows for `--rejects`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
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
        files = RejectsFiles()
        files.begin([self])
        files.write([self])


class RejectsFiles:
    """The rejects files of a session: made by its first query that reads with them, later ones add their rows.

    Threading: used by one thread, the coordinator's.
    """

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def begin(self, refusals: Iterable[Refusals]) -> None:
        """Make the files that these sources want, before anything is read: CSV, with a line of names.

        :raises SinkError: when one can't be written.
        """
        for path in dict.fromkeys(r.path for r in refusals if r.path is not None and r.path not in self._begun):
            _put(path, "w", [("file", "line", "column", "value", "reason", "row")])
            self._begun.add(path)

    def write(self, refusals: Iterable[Refusals]) -> None:
        """Add what was refused, source by source, in the order of the data.

        :raises SinkError: when a file can't be written.
        """
        for r in refusals:
            rows = r.rows() if r.path is not None else []
            if r.path is not None and rows:
                values = [(x.file, x.line, x.column or "", x.value or "", x.reason, x.row) for x in rows]
                _put(r.path, "a", values)


def _put(path: str, mode: str, rows: Iterable[tuple[object, ...]]) -> None:
    import csv

    try:
        with open(path, mode, newline="", encoding="utf-8") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)
    except OSError as error:
        hint = "--rejects names a file in a folder that is there and can be written to"
        raise SinkError(f"{path}: the rejects file can't be written ({error.strerror})\n  hint: {hint}") from error
