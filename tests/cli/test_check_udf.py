"""`velothread check-udf` on real files; and the table of functions that `--stats` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from velothread.cli.main import run

pytestmark = pytest.mark.thread_unsafe(reason="captures standard output and changes the folder")

FUNCTIONS = """
import threading

import velothread

SEEN = []


def innocent(n: int) -> int:
    return 2 * n


@velothread.udf(share="process-wide", lift=False)
def who(n: int) -> bool:
    "Is this a receiver? With one partition, the thread that asks does all."
    SEEN.append(n)
    return threading.current_thread().name != "velothread-work"


def unfit(n):
    return n
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.py").write_text(FUNCTIONS)
    (tmp_path / "t.csv").write_text("n,s\n" + "".join(f"{n},some text that takes place\n" for n in range(5_000)))
    return tmp_path


def said(capfdbinary: pytest.CaptureFixture[bytes]) -> str:
    return capfdbinary.readouterr().out.decode()


def test_agreement(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["check-udf", "f.py", "SELECT sum(innocent(n)) AS s FROM 't.csv'", "--partitions", "2"]) == 0
    out = said(capfdbinary)
    assert "innocent(integer) -> BIGINT; a copy for each thread; lifted" in out
    lines = [line.split() for line in out.splitlines()]
    assert [line[:3] for line in lines if line and line[0] in ("1", "2", "8")] == [
        ["1", "3", "1"],
        ["2", "3", "1"],
        ["8", "3", "1"],
    ]
    assert "all 9 runs agree" in out


def test_a_difference(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sql = "SELECT n, who(n) AS receiver FROM 't.csv'"
    assert run(["check-udf", "f.py:who", sql, "--runs", "1", "--partitions", "2"]) == 1
    out = said(capfdbinary)
    assert "problem: the answer depends on the number of partitions" in out
    assert "first difference: row 1, column receiver" in out
    assert "    False  (run 1, 1 partition)" in out
    assert "    True  (run 2, 2 partitions)" in out
    assert "who changes SEEN, which all threads share" in out
    assert "threading.current_thread" in out


def test_share_is_overruled(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["check-udf", "f.py", "--share", "process-wide"]) == 0
    assert "innocent(integer) -> BIGINT; one copy for all threads" in said(capfdbinary)
    assert run(["check-udf", "f.py", "--share", "thread"]) == 0
    assert "who(integer) -> BOOLEAN; a copy for each thread" in said(capfdbinary)


def test_what_a_file_offers(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["check-udf", "f.py"]) == 0
    out = said(capfdbinary)
    assert "left out: unfit in f.py lacks annotations" in out
    assert "the GIL " in out


def test_the_library_of_another_file_and_a_parameter(capfdbinary: pytest.CaptureFixture[bytes], folder: Path) -> None:
    (folder / "g.py").write_text("def half(n: int) -> float:\n    return n / 2\n")
    sql = "SELECT sum(half(innocent(n))) AS s FROM t WHERE n < $most"
    options = ["--udf", "g.py", "--table", "t=t.csv", "--param", "most=3000", "--runs", "1"]
    assert run(["check-udf", "f.py", sql, *options]) == 0
    assert "half(integer) -> DOUBLE" in said(capfdbinary)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nope.py"], 2, "no such file of Python functions"),
        (["f.py", "SELECT n FROM 't.csv'"], 2, "calls no Python function"),
        (["f.py", "SELECT innocent(m) FROM 't.csv'"], 2, "unknown column"),
        (["f.py", "SELECT innocent(n) FROM 't.csv'", "--processor", "simple"], 2, "--processor doesn't fit"),
        (["f.py", "SELECT innocent(n) FROM 't.csv'; SELECT 1"], 2, "2 statements"),
        (["f.py", "SELECT innocent(s) FROM 't.csv'"], 2, "can't take VARCHAR"),
        ([], 2, "Missing argument"),
    ],
    ids=["no file", "no function", "no column", "processor", "statements", "types", "nothing"],
)
def test_mistakes(capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str], code: int, message: str) -> None:
    assert run(["check-udf", *arguments]) == code
    captured = capfdbinary.readouterr()
    assert message in captured.err.decode()
    assert "Traceback" not in captured.err.decode()


def test_stats_have_a_line_for_each_function(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sql = "SELECT sum(innocent(n)) AS s, count(*) FILTER (WHERE who(n)) AS w FROM 't.csv'"
    assert run(["query", sql, "--udf", "f.py", "--stats", "--processor", "simple"]) == 0
    lines = capfdbinary.readouterr().err.decode().splitlines()
    table = lines[lines.index("python functions (times in µs per call)") + 1 :]
    assert table[0].split()[:4] == ["function", "how", "module", "calls"]
    assert [line.split()[0] for line in table[1:3]] == ["innocent", "who"]
    assert "5,000" in table[1]


def test_stats_without_functions_have_no_such_table(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["query", "SELECT count(*) FROM 't.csv'", "--stats"]) == 0
    assert b"python functions" not in capfdbinary.readouterr().err


def test_explain_analyze_has_it_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["explain", "--analyze", "SELECT sum(innocent(n)) AS s FROM 't.csv'", "--udf", "f.py"]) == 0
    assert "python functions (times in µs per call)" in said(capfdbinary)
