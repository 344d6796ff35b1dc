"""All exceptions of velothread, in one tree.

    VelothreadError                     anything that velothread raises on purpose
    ├── UserError                       the caller can mend it: the SQL, the options or the data
    │   ├── SqlError                    something about the SQL text, with a position where one is known
    │   │   ├── ParseError              the text is not SQL that we read
    │   │   ├── BindError               a name, type or clause does not fit
    │   │   └── UnsupportedError        valid SQL that velothread does not do (yet)
    │   ├── OptionError                 an option has a wrong value, or options do not fit together
    │   ├── SourceError                 an input can't be opened or read
    │   │   └── BadValueError           one value or row of an input doesn't fit its schema
    │   ├── ExecutionError              a value can't be computed: overflow, division by zero, bad cast
    │   └── SinkError                   an output can't be written
    ├── Cancelled                       the query was stopped: Ctrl-C, `close()`, or a failure elsewhere
    └── InternalError                   our fault: please report it

Errors that point into SQL carry a `Position` and print the line with the place underlined.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A stretch of SQL text: 0-based offsets, `end` exclusive."""

    start: int
    end: int


class VelothreadError(Exception):
    """Anything that velothread raises on purpose."""


class UserError(VelothreadError):
    """The caller can mend it: the SQL, the options or the data."""


class SqlError(UserError):
    """Something about the SQL text.

    `message` is one sentence; `hint` says what to do; `position` is where in `sql`. `str()` shows all of them, with the
    line of SQL underlined. `sql` may be filled in later by whoever knows the text (`located`).
    """

    def __init__(
        self, message: str, position: Position | None = None, *, hint: str | None = None, sql: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint
        self.sql = sql

    def located(self, sql: str) -> SqlError:
        """The same error, knowing the SQL text that its position points into."""
        if self.sql is None:
            self.sql = sql
        return self

    def __str__(self) -> str:
        return render(self.message, self.sql, self.position, self.hint)


class ParseError(SqlError):
    """The text is not SQL that we read."""


class BindError(SqlError):
    """A name, type or clause does not fit: unknown column, wrong argument types, misplaced aggregate."""


class UnsupportedError(SqlError):
    """Valid SQL that velothread does not do (yet). Raised before anything is read."""


class OptionError(UserError):
    """An option has a wrong value, or options do not fit together."""


class SourceError(UserError):
    """An input can't be opened or read: missing, no permission, truncated, of another format."""


class BadValueError(SourceError):
    """One value or row of an input doesn't fit its schema.

    `file`, `line` (1-based), `column` and `value` are set where they are known.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = file or ""
        if line is not None:
            where += f":{line}"
        if column is not None:
            where += f", column {column!r}" if where else f"column {column!r}"
        text = f"{where}: {message}" if where else message
        super().__init__(f"{text}\n  hint: {hint}" if hint else text)
        self.file, self.line, self.column, self.value, self.hint = file, line, column, value, hint


class ExecutionError(SqlError):
    """A value can't be computed: overflow, division by zero, bad cast."""


class SinkError(UserError):
    """An output can't be written: no permission, full disk, a directory in its place."""


class Cancelled(VelothreadError):
    """The query was stopped: Ctrl-C, `close()`, or a failure elsewhere."""


class InternalError(VelothreadError):
    """Our fault. Please report it with the query."""


def render(message: str, sql: str | None, position: Position | None, hint: str | None = None) -> str:
    """`message`, then the line of `sql` with `position` underlined, then the hint."""
    parts = [message]
    if sql is not None and position is not None and 0 <= position.start <= len(sql):
        line_start = sql.rfind("\n", 0, position.start) + 1
        line_end = sql.find("\n", position.start)
        line_end = len(sql) if line_end < 0 else line_end
        number = sql.count("\n", 0, position.start) + 1
        width = max(1, min(position.end, line_end) - position.start)
        prefix = f"  {number} | "
        lead = "".join("\t" if ch == "\t" else " " for ch in sql[line_start : position.start])
        parts.append(f"{prefix}{sql[line_start:line_end]}")
        parts.append(f"{' ' * len(prefix)}{lead}{'^' * width}")
    if hint:
        parts.append(f"  hint: {hint}")
    return "\n".join(parts)


def near_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The names in `known` that `name` was probably meant to be, best first."""
    by_lower = {k.lower(): k for k in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=limit, cutoff=0.6)
    return [by_lower[m] for m in matches]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint line that lists the near names, or None when there is none."""
    names = near_names(name, known)
    return f"did you mean {' or '.join(repr(n) for n in names)}?" if names else None
