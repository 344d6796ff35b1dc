"""The command line on real files, through the whole engine."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from velothread.cli.main import run

pytestmark = pytest.mark.thread_unsafe(reason="captures standard output and changes the folder")

TRADES = 'symbol,qty,price\nABC,10,1.5\nXYZ,,2.25\nABC,5,1e+20\n"a,b",1,0.1\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trades.csv").write_text(TRADES)
    return tmp_path


@pytest.mark.parametrize("processor", ["simple", "adaptive"])
def test_a_query(capfdbinary: pytest.CaptureFixture[bytes], processor: str) -> None:
    sql = "SELECT symbol, count(*) AS n, sum(qty) AS qty FROM 'trades.csv' GROUP BY symbol"
    assert run(["query", sql, "--processor", processor, "--partitions", "2"]) == 0
    assert capfdbinary.readouterr().out == b'symbol,n,qty\nABC,2,15\nXYZ,1,\n"a,b",1,1\n'


def test_parameters_tables_and_types(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sql = "SELECT qty FROM t WHERE price < $most"
    arguments = ["--table", "t=trades.csv", "--param", "most=2", "--types", "qty=VARCHAR", "--format", "jsonl"]
    assert run(["query", sql, *arguments]) == 0
    assert capfdbinary.readouterr().out == b'{"qty":"10"}\n{"qty":"1"}\n'


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet", "out.arrow", "out.jsonl.zst"])
def test_what_is_written_is_read_back(capfdbinary: pytest.CaptureFixture[bytes], name: str) -> None:
    assert run(["query", "FROM 'trades.csv'", "-o", name]) == 0
    assert run(["query", f"FROM '{name}'"]) == 0
    assert capfdbinary.readouterr().out == TRADES.encode()


def test_copy(capfdbinary: pytest.CaptureFixture[bytes], folder: Path) -> None:
    sql = "COPY (SELECT symbol, qty FROM 'trades.csv') TO 'out.txt' (FORMAT csv, HEADER false, DELIMITER ';')"
    assert run(["query", sql]) == 0
    assert (folder / "out.txt").read_text() == "ABC;10\nXYZ;\nABC;5\na,b;1\n"
    captured = capfdbinary.readouterr()
    assert captured.out == b""
    assert b"4 rows written to out.txt" in captured.err
    assert run(["query", "COPY (SELECT 1 AS x) TO 'out.parquet' (COMPRESSION zstd)"]) == 0
    assert pq.read_table("out.parquet").to_pydict() == {"x": [1]}
    assert pq.read_metadata("out.parquet").row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(
    ("sql", "code", "said"),
    [
        ("SELECT FROM WHERE", 2, "error: syntax error"),
        ("SELECT symbl FROM 'trades.csv'", 2, "'symbol'"),
        ("SELECT uper(symbol) FROM 'trades.csv'", 2, "upper"),
        ("FROM 'trade.csv'", 2, "no such file"),
        ("FROM 'x*.csv'", 2, "no file matches"),
        ("SELECT CAST(symbol AS INTEGER) FROM 'trades.csv'", 1, "ABC"),
        ("COPY (SELECT 1) TO 'out.csv' (DELIMTER ';')", 2, "did you mean 'delimiter'"),
        ("COPY (SELECT 1) TO 'no/out.csv'", 1, "there is no folder"),
    ],
)
def test_errors(capfdbinary: pytest.CaptureFixture[bytes], folder: Path, sql: str, code: int, said: str) -> None:
    assert run(["query", sql]) == code
    captured = capfdbinary.readouterr()
    assert captured.out == b""
    assert said in captured.err.decode()
    assert "Traceback" not in captured.err.decode()
    assert [p.name for p in folder.iterdir()] == ["trades.csv"]


def test_a_failing_query_keeps_the_old_output(folder: Path) -> None:
    (folder / "out.csv").write_text("old")
    assert run(["query", "SELECT CAST(symbol AS INTEGER) FROM 'trades.csv'", "-o", "out.csv"]) == 1
    assert (folder / "out.csv").read_text() == "old"
    assert len(list(folder.iterdir())) == 2


def test_explain_and_describe(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for stage in ("parse", "bind", "plan", "code"):
        assert run(["explain", "SELECT qty + 1 FROM 'trades.csv'", "--stage", stage]) == 0
        assert capfdbinary.readouterr().out.strip()
    assert run(["explain", "SELECT count(*) FROM 'trades.csv'", "--analyze"]) == 0
    assert run(["describe", "trades.csv"]) == 0
    out = capfdbinary.readouterr().out.decode()
    for part in ("symbol", "VARCHAR", "BIGINT", "DOUBLE", "first rows:"):
        assert part in out


def test_describe_takes_what_an_unquoted_pattern_becomes(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "trades2.csv").write_bytes((folder / "trades.csv").read_bytes())
    assert run(["describe", "trades.csv", "trades2.csv"]) == 0
    several = capfdbinary.readouterr().out.decode()
    assert run(["describe", "trades*.csv"]) == 0
    pattern = capfdbinary.readouterr().out.decode()
    assert several.splitlines()[1:] == pattern.splitlines()[1:]  # the first line has the name
    assert run(["describe", "trades.csv", "nothing.csv"]) == 2
    assert run(["describe"]) == 2


@pytest.mark.parametrize("arguments", [["query"], ["explain", "--analyze"]])
def test_a_notice_is_one_line_on_standard_error(
    arguments: list[str], capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("velothread.processors.choose.gil_enabled", lambda: True)
    sql = "SELECT symbol FROM 'trades.csv'; SELECT qty FROM 'trades.csv'"
    assert run([*arguments, sql, "--processor", "adaptive", "--partitions", "2"]) == 0
    (line,) = capfdbinary.readouterr().err.decode().splitlines()
    assert line.startswith(("note: this Python runs with the GIL", "note: the GIL is on, though"))


def test_statistics_go_to_standard_error(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["query", "SELECT count(*) AS n FROM 'trades.csv'", "--stats", "--format", "json"]) == 0
    captured = capfdbinary.readouterr()
    assert json.loads(captured.out) == [{"n": 4}]
    assert b"processor:" in captured.err


def test_nested_values_in_text(capfdbinary: pytest.CaptureFixture[bytes], folder: Path) -> None:
    pq.write_table(pa.table({"l": [[1, None]], "s": [{"a": "x"}], "d": [1.0]}), folder / "n.parquet")
    assert run(["query", "FROM 'n.parquet'"]) == 0
    assert capfdbinary.readouterr().out == b"l,s,d\n\"[1, NULL]\",{'a': x},1.0\n"
