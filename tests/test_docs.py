"""The examples of README.md and docs/ are true: each runs, and gives what the page shows.

    ```sql        every statement runs; `-- → 1, x` behind it are its rows (one a line), `-- ✗ part` a part of its error
    ```console    `$ command` runs in a shell; what follows is all that it prints. A line `...` is any number of lines
    ```python     the blocks of a page run in order, in one namespace; the ```text blocks are what they print

All run beside data/, sql/ and examples/, with `velothread` on PATH. ```sql no-run (or console, python) is only shown.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import velothread
from tests.slt import spell
from velothread.cli.main import run
from velothread.kernels.casts import cast
from velothread.types import VARCHAR

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w+)( no-run)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page; `line` is where its text begins."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages in these languages."""
    found = []
    for page in PAGES:
        text = page.read_text() if page.exists() else ""
        for match in _FENCE.finditer(text):
            if match[1] in languages and not match[2]:
                found.append(Block(page, text.count("\n", 0, match.start(3)) + 1, match[1], match[3]))
    return found


def statements(text: str) -> list[tuple[str, list[str]]]:
    """Each statement of an SQL block with its marked lines: `→ ...` and `✗ ...`."""
    out: list[tuple[str, list[str]]] = []
    sql: list[str] = []
    for line in text.splitlines():
        marked = re.match(r"-- ([→✗] ?.*)", line)
        if marked is None:
            if line.strip():
                if not sql:
                    out.append(("", []))
                sql.append(line)
                out[-1] = ("\n".join(sql), out[-1][1])
                if line.rstrip().endswith(";"):
                    sql = []
        elif out:
            sql = []
            out[-1][1].append(marked[1])
    return out


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block with the lines that it prints. An open quote or `\\` goes on on the next line."""
    out: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if out and not out[-1][1] and _open(out[-1][0]):
            out[-1] = (f"{out[-1][0]}\n{line}", [])
        elif line.startswith("$ "):
            out.append((line[2:], []))
        else:
            out[-1][1].append(line)
    return out


def _open(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return command.endswith("\\")


def matches(got: list[str], expected: list[str]) -> bool:
    """Are they the same lines, `...` standing for any number of them?"""
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in got)) is not None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: as in the root of the repository, but what they write goes away."""
    place = tmp_path / "velothread"
    place.mkdir()
    for name in ("data", "sql", "examples"):
        (place / name).symlink_to(ROOT / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "velothread"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m velothread "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(place)
    return place


def rows(sql: str) -> list[str]:
    """The rows of a statement as a page shows them."""
    with velothread.connect(processor="simple") as session:
        result = session.query(sql)
        table = result.arrow()
        columns = [
            cast(c.combine_chunks(), t, VARCHAR).to_pylist() for c, t in zip(table.columns, result.types, strict=True)
        ]
    return [line.replace("\t", ", ") for line in spell(list(zip(*columns, strict=True)))]


SQL = blocks("sql")


@pytest.mark.parametrize("block", SQL, ids=[b.place for b in SQL])
def test_sql(block: Block, folder: Path) -> None:
    for sql, marked in statements(block.text):
        errors = [m[2:] for m in marked if m.startswith("✗")]
        if errors:
            with pytest.raises(velothread.UserError) as caught:
                rows(sql)
            assert all(e in str(caught.value) for e in errors), f"{block.place}: {sql}\n{caught.value}"
        else:
            got = rows(sql)
            assert not marked or got == [m[2:] for m in marked], f"{block.place}: {sql}"


def plain(command: str) -> list[str] | None:
    """The arguments of a command that needs no shell: `velothread`, then words and quoted texts; else None."""
    unquoted = re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "q", command)
    if not re.fullmatch(r"velothread[\w\s.,:=/+-]*", unquoted):
        return None
    return shlex.split(command)[1:]


def in_process(arguments: list[str], output: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the command line prints, standard output and error in one, as `2>&1` of a shell gives it."""
    with monkeypatch.context() as patch, output.open("wb", buffering=0) as raw:
        # both go to one open file, and standard output is buffered, as it is in a pipe
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8"))
        patch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
        run(arguments)
        sys.stdout.flush()
        sys.stdout.detach().detach()
        sys.stderr.detach()
    return output.read_text()


def in_shell(command: str) -> str:
    """The same, from a shell."""
    return subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    ).stdout


CONSOLE = blocks("console")


@pytest.mark.thread_unsafe(reason="takes standard output and changes the folder")
@pytest.mark.parametrize("block", CONSOLE, ids=[b.place for b in CONSOLE])
def test_console(block: Block, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, expected in commands(block.text):
        arguments = plain(command)
        if arguments is None:
            printed = in_shell(command)
        else:  # a process for each would take most of the time of these tests
            printed = in_process(arguments, tmp_path / "printed", monkeypatch)
        assert matches(printed.splitlines(), expected), f"{block.place}: $ {command}\n{printed}"


@pytest.mark.thread_unsafe(reason="takes standard output and changes the folder")
@pytest.mark.parametrize(
    "command",
    [
        """velothread query "SELECT 1 AS a, 'ü' AS b" --timer --format csv --no-such""",
        """velothread query "SELECT count(*) AS n FROM 'data/trades-*.csv'; SELECT x" """,
        """velothread query "FROM read_csv('data/trades-2024-01.csv', types = {'symbol': 'INTEGER'}) LIMIT 1" \\
            --on-error null""".replace("\\\n", " "),
    ],
    ids=["an option that isn't there", "rows, then an error", "rows, then a message"],
)
def test_a_process_prints_the_same(command: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = plain(command)
    assert arguments is not None
    assert in_process(arguments, tmp_path / "printed", monkeypatch) == in_shell(command) != ""


@pytest.mark.parametrize(
    "command",
    ["velothread query 'FROM x' | cat", 'velothread query "SELECT $1"', "velothread describe *.csv", "echo velothread"],
)
def test_what_a_shell_does_goes_to_a_shell(command: str) -> None:
    assert plain(command) is None


PYTHON = {page: [b for b in blocks("python", "text") if b.page == page] for page in PAGES}
PYTHON_PAGES = [page for page, found in PYTHON.items() if any(b.language == "python" for b in found)]


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=[p.name for p in PYTHON_PAGES])
def test_python(page: Path, folder: Path) -> None:
    code = [b.text for b in PYTHON[page] if b.language == "python"]
    printed = "".join(b.text for b in PYTHON[page] if b.language == "text")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{page.name}: {done.stderr}"
    assert not printed or matches(done.stdout.splitlines(), printed.splitlines()), f"{page.name}: {done.stdout}"


def test_there_are_examples() -> None:
    assert len(SQL) + len(CONSOLE) + len(PYTHON_PAGES) > 10


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "x", "b"], ["a", "...", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a", "..."], True),
    ],
)
def test_matching_of_lines(got: list[str], expected: list[str], same: bool) -> None:
    assert matches(got, expected) == same


def test_commands_go_on_over_open_quotes() -> None:
    text = '$ echo "a\nb"\na\nb\n$ echo c \\\n  d\nc d\n'
    assert commands(text) == [('echo "a\nb"', ["a", "b"]), ("echo c \\\n  d", ["c d"])]


def test_statements_end_at_their_answers() -> None:
    assert statements("SELECT 1;\n-- → 1\nSELECT\n  2\n-- → 2\n") == [("SELECT 1;", ["→ 1"]), ("SELECT\n  2", ["→ 2"])]
