"""What only a process of its own shows: Ctrl-C, SIGTERM, closed pipes, a full disk, the time that imports take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="signals are those of POSIX"),
    pytest.mark.thread_unsafe(reason="starts processes; a copy at the same time shows nothing more"),
]

# Runs the command line on a fake session; `during` runs in the query, after the output has been begun.
PROGRAM = """
import sys, threading
import velothread
from tests.cli.fake_session import ROWS, FakeResult, FakeSession
from velothread.cli.main import main

def ready():
    print("ready", file=sys.stderr, flush=True)

def cancellable():
    ready()
    session.wait_for_cancel()

def deaf():
    ready()
    threading.Event().wait(60)

session = FakeSession(FakeResult([ROWS] * {batches}, during={during}))
velothread.connect = session.connect
main(sys.argv[1:])
"""


def start(
    *arguments: str, during: str = "None", batches: int = 2, stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    program = textwrap.dedent(PROGRAM).format(during=during, batches=batches)
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("during", ["cancellable", "deaf"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_no_file_stays(tmp_path: Path, during: str, number: int, code: int) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    process = start("query", "SELECT 1", "-o", str(path), during=during)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    assert len(os.listdir(tmp_path)) == 2
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert (out, err.replace("interrupted\n", "")) == ("", "")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("format", ["csv", "jsonl", "table", "parquet", "arrow"])
def test_a_closed_pipe_is_silent(format: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("query", "SELECT 1", "--format", format, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == -signal.SIGPIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["query", "SELECT 1"], ["query", "SELECT 1", "--format", "table"], ["--help"]])
def test_a_full_disk_behind_standard_output_is_an_error(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        process = start(*arguments, stdout=full.fileno())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "error: can't write to standard output: no space left" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_a_query_into_a_pipe_imports_only_what_it_needs() -> None:
    program = textwrap.dedent(PROGRAM).format(during="None", batches=1).replace("main(sys.argv[1:])", "")
    program += "from velothread.cli.main import run\nrun(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, "query", "SELECT 1"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"rich", "pandas", "polars", "pyarrow.parquet", "pyarrow.dataset", "velothread.cli.doctor"}


def test_completion_knows_commands_and_options() -> None:
    words = {"COMP_WORDS": "velothread query --for", "COMP_CWORD": "2", "_VELOTHREAD_COMPLETE": "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", "from velothread.cli.main import main; main([])"], cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, **words}, check=False,
    )  # fmt: skip
    assert "--format" in done.stdout
