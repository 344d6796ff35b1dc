"""Reading of `.slt` files: cases as sqllogictest writes them, a small part of it.

    # a comment
    query            [ordered]
    SELECT 1 + 1
    ----
    2

    error near names
    SELECT x FROM t

    table t
    a,b
    1,x

A row is a line, its values between tabs, NULL and the empty text spelled `NULL` and `(empty)`. `error` takes a part of
the message, or, behind `----`, all of it. `table NAME` is a CSV that the rest of the file may use by this name.
`python -m tests.slt --complete FILE` writes the answers anew (look at the difference before you keep it).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Case:
    """One statement and what is expected of it."""

    line: int
    kind: str  # query, error
    argument: str
    sql: str
    rows: list[str] = field(default_factory=list)
    whole: bool = False  # all lines behind ---- are expected


@dataclass(slots=True)
class Script:
    """A file: its tables by name (CSV text), and its cases in order."""

    path: Path
    tables: dict[str, str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)


def read(path: Path) -> Script:
    """Parse a file."""
    script = Script(path)
    for start, block in blocks(path.read_text()):
        kind, _, argument = block[0].partition(" ")
        if kind == "table":
            script.tables[argument.strip()] = "\n".join(block[1:]) + "\n"
        elif kind in ("query", "error"):
            cut = block.index("----") if "----" in block else len(block)
            sql, rows = "\n".join(block[1:cut]), block[cut + 1 :]
            script.cases.append(Case(start, kind, argument.strip(), sql, rows, cut < len(block)))
        else:
            raise ValueError(f"{path}:{start}: {block[0]!r} is no query, error or table")
    return script


def blocks(text: str) -> list[tuple[int, list[str]]]:
    """Stretches of lines without a blank one, comments left out, each with its line number."""
    out: list[tuple[int, list[str]]] = []
    current: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            start = start if current else number
            current.append(line)
        elif current:
            out.append((start, current))
            current = []
    return out


def spell(rows: list[tuple[str | None, ...]]) -> list[str]:
    """Rows of text as lines of a file."""
    return ["\t".join("NULL" if v is None else v if v else "(empty)" for v in row) for row in rows]


def complete(path: Path) -> None:
    """Write the answers of a file anew."""
    from tests.running import answer_lines, error_lines

    script = read(path)
    lines = path.read_text().splitlines()
    for case in reversed(script.cases):
        if case.kind == "error" and not case.whole:
            continue
        first = case.line - 1
        last = first
        while last < len(lines) and lines[last].strip():
            last += 1
        sql = [x for x in lines[first:last] if not x.startswith("#")]
        head = sql[: sql.index("----")] if "----" in sql else sql
        answer = answer_lines if case.kind == "query" else error_lines
        lines[first:last] = [*head, "----", *answer(script, case, {})]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if name != "--complete":
            complete(Path(name))
