"""Rows for which a function failed: what becomes of them, how many there were, and what `--rejects` keeps of them.

Where in the data a failure was is (number of the stage's run, split, turn in the split, row): the same on one thread
and on many. A query with a LIMIT may have worked on splits whose rows nobody wanted any more: what failed there does
not count.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from velothread.functions.failures import Failure
from velothread.interruption import Interruption
from velothread.sources.rejects import Refused

if TYPE_CHECKING:
    from velothread.functions.bound import BoundFunction

# A row of a batch for which a call failed, and what is kept of it for `--rejects`.
FailedRow = tuple[int, Refused | None]


class _Here(threading.local):
    """What the calling thread works on: the run of a stage, a split of it, and how many calls were made in it.

    interruption: tells the thread to stop, wherever it waits.
    """

    run = 0
    split = 0
    turn = 0
    interruption: Interruption | None = None


_here = _Here()


def begin(run: int, split: int, interruption: Interruption | None = None) -> None:
    """The calling thread begins to work on a split."""
    _here.run, _here.split, _here.turn, _here.interruption = run, split, 0, interruption


def interruption() -> Interruption:
    """What tells the calling thread to stop."""
    return _here.interruption or Interruption()


class Refusing:
    """What becomes of a row for which a function of this name failed: by `on_error`, an error, or NULL.

    keeps: does `--rejects` want to have the rows?

    Threading: owned by one thread.
    """

    def __init__(self, name: str, on_error: str, *, keeps: bool = False) -> None:
        self.name = name
        self.on_error = on_error
        self._keeps = keeps and on_error in ("null", "skip")
        self._rows: list[FailedRow] = []
        self.first = 0  # the row that counts as the first, for one who calls with a part of a batch

    @property
    def fails(self) -> bool:
        """Does the first failure end the query?"""
        return self.on_error == "fail"

    def refuse(self, row: int, failure: Failure, rows: int = 1) -> None:
        """The row (or so many from there on) becomes NULL, unless this raises the failure.

        :raises ExecutionError: when failures end the query.
        """
        if self.fails:
            raise failure.error()
        kept = failure.kept() if self._keeps else None
        self._rows.extend((self.first + row + i, kept) for i in range(rows))

    def taken(self) -> list[FailedRow]:
        """The rows refused since this was last called, in order."""
        if not self._rows:
            return []
        found, self._rows = self._rows, []
        found.sort(key=lambda r: r[0])
        return found


class _Entry(NamedTuple):
    run: int
    split: int
    turn: int
    failed: int
    rows: list[Refused]


class FailureLog:
    """What failed of the calls of one function in a query.

    Threading: `add` by any receiver (an append to a list); the rest by the coordinator.
    """

    def __init__(self, name: str, on_error: str) -> None:
        self.name = name
        self.on_error = on_error
        self.entries: list[_Entry] = []

    def add(self, failed: Sequence[FailedRow]) -> None:
        """Note the failed rows of a batch, in order. TRY has asked for NULL: then there is nothing to note."""
        if self.on_error == "try":
            return
        _here.turn += 1
        rows = [r for _, r in failed if r is not None]
        self.entries.append(_Entry(_here.run, _here.split, _here.turn, len(failed), rows))


class FunctionFailures:
    """What failed of the calls of Python functions in a query. It is to them what `sources.rejects.Refusals` is to a
    source.

    Threading: `stop` by any receiver (an append to a list); the rest by the coordinator, `count` by any.
    """

    def __init__(self, functions: Sequence[BoundFunction], path: str | None) -> None:
        self.path = path
        self._logs = [f.log for f in functions]
        self._stops: list[tuple[int, int]] = []

    def stop(self, run: int, split: int) -> None:
        """In this run of a stage, nothing beyond this split counts: nobody wanted it, or it failed."""
        self._stops.append((run, split))

    def _counted(self, log: FailureLog) -> list[_Entry]:
        last: dict[int, int] = {}
        for run, split in list(self._stops):
            last[run] = min(split, last.get(run, split))
        return [e for e in list(log.entries) if e.run not in last or e.split <= last[e.run]]

    @property
    def count(self) -> int:
        """Rows that were left out, or in which a result became NULL, so far."""
        return sum(e.failed for log in self._logs for e in self._counted(log))

    def by_name(self) -> dict[str, int]:
        """Per function that failed: for how many rows."""
        found: dict[str, int] = {}
        for log in self._logs:
            count = sum(e.failed for e in self._counted(log))
            if count:
                found[log.name] = found.get(log.name, 0) + count
        return dict(sorted(found.items()))

    def lines(self) -> list[str]:
        """`3 calls of score failed: NULL` or `3 rows left out: score failed`: one for each function that failed."""
        found: dict[tuple[str, str], int] = {}
        for log in self._logs:
            count = sum(e.failed for e in self._counted(log))
            if count:
                found[log.name, log.on_error] = found.get((log.name, log.on_error), 0) + count
        return [_line(name, on_error, count) for (name, on_error), count in sorted(found.items())]

    def rows(self) -> list[Refused]:
        """What `--rejects` keeps, in the order of the data."""
        entries = [e for log in self._logs for e in self._counted(log)]
        entries.sort(key=lambda e: e[:3])
        return [replace(r, order=(e.run, e.split)) for e in entries for r in e.rows]


def _line(name: str, on_error: str, count: int) -> str:
    if on_error == "skip":
        return f"{count:,} row{'' if count == 1 else 's'} left out: {name} failed"
    return f"{count:,} call{'' if count == 1 else 's'} of {name} failed: NULL"


__all__ = ["FailedRow", "FailureLog", "FunctionFailures", "Refusing", "begin"]
