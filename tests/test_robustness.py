"""Ctrl-C, closed pipes, standard input, dropped sessions: what a user does to a program, in its own process."""

from __future__ import annotations

import gc
import gzip
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import velothread

ROOT = str(Path(velothread.__file__).parents[1])
QUERY = [sys.executable, "-m", "velothread", "query"]
PROCESSORS = ("simple", "adaptive")
ROWS = 400_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "large.csv"
    path.write_text("id,qty\n" + "".join(f"{i},{i % 7}\n" for i in range(ROWS)))
    return path


def start(command: list[str], folder: Path, **changes: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": ROOT}
    environment.pop("VELOTHREAD_DEBUG", None)
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **changes}
    return subprocess.Popen(command, cwd=folder, env=environment, **options)


def ended(process: subprocess.Popen[bytes], given: bytes | None = None) -> tuple[int, bytes, bytes]:
    with process:
        try:
            out, err = process.communicate(given, timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


def interrupted(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C; the process must end as the shell expects, without a traceback."""
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130
    assert b"Traceback" not in err
    assert err.strip() == b"interrupted"


# --- Ctrl-C

AT_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            sys.argv[2:] = []
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from velothread.cli.main import main
main(["query", "SELECT 1"])
"""


@pytest.mark.parametrize("module", ["click", "sqlglot", "pyarrow.compute"])
def test_ctrl_c_during_imports(tmp_path: Path, module: str) -> None:
    code, out, err = ended(start([sys.executable, "-c", AT_IMPORT, "-", module], tmp_path))
    assert (code, out, err.strip()) == (130, b"", b"interrupted")


@pytest.mark.parametrize("processor", PROCESSORS)
def test_ctrl_c_while_a_pipe_is_read(tmp_path: Path, processor: str) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    process = start([*QUERY, "SELECT sum(a) FROM 'pipe.csv'", "--processor", processor, "-o", "out.csv"], tmp_path)
    with open(tmp_path / "pipe.csv", "wb") as pipe:  # goes on when the other side has opened it
        pipe.write(b"a\n" + b"1\n" * 100_000)
        pipe.flush()
        interrupted(process)
    assert os.listdir(tmp_path) == ["pipe.csv"]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_ctrl_c_while_the_reader_of_the_result_sleeps(large: Path, processor: str) -> None:
    process = start([*QUERY, f"FROM '{large.name}'", "--processor", processor], large.parent)
    assert process.stdout is not None
    assert process.stdout.read(10) == b"id,qty\n0,0"  # it is at work; the pipe fills up, and the write blocks
    interrupted(process)


def test_ctrl_c_while_the_sql_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sql")
    process = start([*QUERY, "-f", "sql"], tmp_path)
    with open(tmp_path / "sql", "wb"):
        interrupted(process)


# --- pipes


def test_a_reader_that_goes_is_no_error(large: Path) -> None:
    process = start([*QUERY, f"FROM '{large.name}'"], large.parent)
    assert process.stdout is not None
    assert process.stdout.readline() == b"id,qty\n"
    process.stdout.close()
    process.stdout = None
    code, _, err = ended(process)
    assert (code, err) == (-signal.SIGPIPE, b"")


CSV = b"name,age\nann,3\nbob,4\n"


@pytest.mark.parametrize("data", [gzip.compress(CSV), b'{"name":"ann","age":3}\n{"name":"bob","age":4}\n'])
def test_standard_input_tells_its_format(tmp_path: Path, data: bytes) -> None:
    found = ended(start([*QUERY, "FROM '-'"], tmp_path, stdin=subprocess.PIPE), data)
    assert found == (0, CSV, b"")


def test_compressed_standard_input_that_is_cut(tmp_path: Path) -> None:
    data = gzip.compress(b"id\n" + b"".join(b"%d\n" % (i * i) for i in range(200_000)))
    process = start([*QUERY, "SELECT count(*) FROM '-'"], tmp_path, stdin=subprocess.PIPE)
    code, out, err = ended(process, data[: len(data) // 2])
    assert (code, out) == (1, b"")
    assert b"stdin: the gzip data is truncated" in err


def test_standard_input_that_is_empty_or_closed(tmp_path: Path) -> None:
    code, out, err = ended(start([*QUERY, "FROM '-'"], tmp_path))
    assert (code, out) == (1, b"") and b"stdin: it is empty" in err and b"--input-format csv" in err
    shell = ["/bin/sh", "-c", 'exec "$0" "$@" <&-', *QUERY, "FROM '-'"]
    code, out, err = ended(start(shell, tmp_path))
    assert (code, out) == (1, b"") and b"stdin: it is closed" in err


def test_standard_output_that_is_closed(tmp_path: Path) -> None:
    shell = ["/bin/sh", "-c", 'exec "$0" "$@" >&-', *QUERY, "SELECT 1 AS x"]
    code, _, err = ended(start(shell, tmp_path))
    assert code == 1 and b"standard output is closed" in err
    code, _, err = ended(start([*shell, "-o", "x.csv"], tmp_path))
    assert (code, err, (tmp_path / "x.csv").read_text()) == (0, b"", "x\n1\n")


def test_two_results_of_one_name_are_refused(tmp_path: Path) -> None:
    code, _, err = ended(start([*QUERY, "FROM t", "--table", "t=a.csv", "--table", "t=b.csv"], tmp_path))
    assert code == 2 and b"--table t is given twice" in err


def test_sql_that_begins_with_a_comment(tmp_path: Path) -> None:
    code, _, err = ended(start([*QUERY, "-- how many\nSELECT 1"], tmp_path))
    assert code == 2 and b"velothread query -- " in err
    assert ended(start([*QUERY, "--", "-- how many\nSELECT 1 AS x"], tmp_path)) == (0, b"x\n1\n", b"")


# --- the Python side

HALF = """
import sys, velothread
session = velothread.connect(processor=sys.argv[1], partitions=2, batch_rows=1000)
rows = session.query(f"FROM '{sys.argv[2]}'").batches()
print(next(rows).num_rows)
"""


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_program_may_end_with_a_half_read_result(large: Path, processor: str) -> None:
    found = ended(start([sys.executable, "-c", HALF, processor, large.name], large.parent))
    assert found == (0, b"1000\n", b"")


INTERRUPTED = """
import sys, velothread
with velothread.connect(processor=sys.argv[1], partitions=2) as session:
    try:
        result = session.query("SELECT sum(a) FROM 'pipe.csv'")
        list(result.batches()) if sys.argv[2] == "batches" else getattr(result, sys.argv[2])()
    except KeyboardInterrupt:
        print("interrupted")
    print(session.query("SELECT sum(x) FROM (VALUES (1), (2)) t(x)").fetchall())
"""


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("way", ["arrow", "fetchall", "batches"])
def test_a_session_can_be_used_after_ctrl_c(tmp_path: Path, processor: str, way: str) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    process = start([sys.executable, "-c", INTERRUPTED, processor, way], tmp_path)
    with open(tmp_path / "pipe.csv", "wb") as pipe:
        # More than pipes and the look at the first rows take: the query runs when all of it is written.
        pipe.write(b"a\n" + b"1\n" * 4_000_000)
        pipe.flush()
        process.send_signal(signal.SIGINT)
        found = ended(process)
    assert found == (0, b"interrupted\n[(3,)]\n", b"")


@pytest.mark.parametrize("processor", PROCESSORS)
def test_ctrl_c_while_the_first_rows_are_awaited(tmp_path: Path, processor: str) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    process = start([sys.executable, "-c", INTERRUPTED, processor, "arrow"], tmp_path)
    with open(tmp_path / "pipe.csv", "wb") as pipe:  # goes on when the other side opens it; nothing is written
        process.send_signal(signal.SIGINT)
        found = ended(process)
        assert pipe.writable()
    assert found == (0, b"interrupted\n[(3,)]\n", b"")


# What is called from C one after the other: no bytecode between them, at which Python would look for signals. (A signal
# sent from without comes at such a moment once in some ten or hundred times.)
AT_ONCE = """
import ctypes, operator, os
ctrl_c = ctypes.pythonapi.PyErr_SetInterrupt
def at_once(*calls):
    return list(map(operator.call, calls))[-1]
"""

BEFORE_READING = """
from functools import partial
from velothread.sources.patience import PatientFile
source, _writer = os.pipe()
file = PatientFile(source)
poll = file._poll
file._poll = lambda ms: at_once(ctrl_c, partial(poll, ms))
try:
    {0}
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("read", ["file.read(9)", "file.read()", "file.readinto(bytearray(9))"])
def test_ctrl_c_just_before_a_read_that_blocks(tmp_path: Path, read: str) -> None:
    program = AT_ONCE + BEFORE_READING.replace("{0}", read)
    assert ended(start([sys.executable, "-c", program], tmp_path)) == (0, b"interrupted\n", b"")


OPENING = """
import os, signal, threading
from velothread.sources.patience import PatientFile
main = threading.get_ident()
real = os.open
def opening(*arguments):
    assert threading.get_ident() != main
    os.kill(os.getpid(), signal.SIGINT)
    return real(*arguments)
os.open = opening
try:
    PatientFile("pipe.csv")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_while_a_fifo_has_no_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert ended(start([sys.executable, "-c", OPENING], tmp_path)) == (0, b"interrupted\n", b"")


IN_ARROW = r"""
import os, signal
import pyarrow as pa
from pyarrow import csv
from velothread.sources.csv_arrow import read_csv
def press(row):
    os.kill(os.getpid(), signal.SIGINT)
    return "error"
try:
    try:
        read_csv(b"1,2\n3\n", read_options=csv.ReadOptions(use_threads=False, column_names=["a", "b"]),
                 parse_options=csv.ParseOptions(invalid_row_handler=press))
    except pa.ArrowInvalid:
        print("refused")  # the engine looks at the row more closely then
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_while_arrow_refuses_a_row(tmp_path: Path) -> None:
    code, out, err = ended(start([sys.executable, "-c", IN_ARROW], tmp_path))
    assert (code, err, out.splitlines()[-1]) == (0, b"", b"interrupted")


@pytest.mark.parametrize("processor", PROCESSORS)
def test_cancelling_an_idle_session_does_nothing(large: Path, processor: str) -> None:
    with velothread.connect(processor=processor, partitions=2) as session:
        session.cancel()
        result = session.query(f"SELECT count(*) FROM '{large}'")
        session.cancel()
        assert result.fetchall() == [(ROWS,)]
        session.cancel()
        assert session.query("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_cancelling_a_result_that_is_being_read(tmp_path: Path, processor: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"a":1}\n' * 200)
    with velothread.connect(processor=processor, partitions=2, read=velothread.ReadOptions(split_bytes=64)) as session:
        rows = session.query(f"FROM '{tmp_path}/a.jsonl'").batches()
        next(rows)
        session.cancel()
        with pytest.raises(velothread.Cancelled):
            list(rows)
        assert session.query(f"SELECT count(*) FROM '{tmp_path}/a.jsonl'").fetchall() == [(200,)]


def receivers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("velothread-receiver-")]


@pytest.mark.thread_unsafe(reason="counts the threads of the process")
def test_a_session_that_is_dropped_leaves_no_thread(large: Path) -> None:
    before = set(receivers())
    session = velothread.connect(processor="adaptive", partitions=2)
    assert session.query(f"SELECT count(*) FROM '{large}'").fetchall() == [(ROWS,)]
    started = set(receivers()) - before
    assert started
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.thread_unsafe(reason="counts the descriptors of the process")
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_sessions_leak_neither_threads_nor_descriptors(large: Path) -> None:
    def once() -> tuple[int, int]:
        with velothread.connect(processor="adaptive", partitions=2) as session:
            session.query(f"SELECT qty, count(*) FROM '{large}' GROUP BY qty LIMIT 3").arrow()
            next(iter(session.query(f"FROM '{large}'").batches()))
        gc.collect()
        for thread in threading.enumerate():
            if thread.name == "velothread-aside":
                thread.join(30)  # it ends by itself, soon
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    first = once()
    for _ in range(5):
        last = once()
    assert last == first


def test_sessions_in_several_threads_at_once(large: Path) -> None:
    sql = f"SELECT qty, count(*) AS n, sum(id) AS s, avg(id) AS a FROM '{large}' GROUP BY qty"
    expected = velothread.query(sql, processor="simple").arrow()
    found: dict[int, Any] = {}
    together = threading.Barrier(4)

    def work(number: int) -> None:
        together.wait()
        found[number] = velothread.query(sql, processor="adaptive", partitions=2).arrow()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n].equals(expected) for n in range(4)] == [True] * 4


# --- what starting up may import


def test_a_small_query_imports_only_what_it_needs(tmp_path: Path) -> None:
    program = "import sys; from velothread.cli.main import run; run(['query', 'SELECT 1']); print(*sys.modules)"
    code, out, err = ended(start([sys.executable, "-c", program], tmp_path))
    assert (code, err) == (0, b"")
    imported = set(out.decode().split())
    heavy = {
        "rich", "pandas", "polars", "pyarrow.parquet", "pyarrow.json", "pyarrow.dataset", "hashlib",
        "velothread.kernels.functions", "velothread.kernels.aggregates", "velothread.breakers.sort",
        "velothread.processors.adaptive.coordinator", "velothread.sinks.table", "velothread.sinks.arrow_files",
        "velothread.sources.csv_source", "velothread.sources.parquet_source", "velothread.kernels.grouping",
        "velothread.kernels.joining", "velothread.breakers.tasks", "velothread.breakers.key_bounds",
        "velothread.processors.adaptive.partitioning", "velothread.frontend.optimize.push_filters",
        "velothread.frontend.optimize.join_order", "velothread.frontend.optimize.estimates",
        *(f"velothread.frontend.{name}" for name in (
            "asof", "calls", "decorrelate", "dialect_meaning", "dialects", "grouping", "grouping_sets", "joins",
            "json_calls", "lambdas", "lateral", "list_calls", "macros", "meta_calls", "pivot", "pull", "recursion",
            "sampling", "set_operations", "statements", "struct_calls", "subqueries", "summarize", "tables",
            "union_order", "values", "windows",
        )),
    }  # fmt: skip
    assert "velothread.session" in imported
    assert not heavy & imported
    # a name that no longer exists would prove nothing
    assert all(importlib.util.find_spec(name) is not None for name in heavy if name.startswith("velothread."))


def test_importing_the_package_imports_next_to_nothing(tmp_path: Path) -> None:
    program = "import sys, velothread; print(*sys.modules)"
    code, out, err = ended(start([sys.executable, "-c", program], tmp_path))
    assert (code, err) == (0, b"")
    assert not {"pyarrow", "numpy", "sqlglot"} & set(out.decode().split())


def test_every_public_name_is_there() -> None:
    for name in velothread.__all__:
        assert getattr(velothread, name).__name__ == name
        assert name in dir(velothread)
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        velothread.conect  # noqa: B018
