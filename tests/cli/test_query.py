"""`velothread query`: what it asks of the session, what it prints, and how it ends."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Call
from tests.cli.fake_session import ROWS, FakeResult, FakeSession
from velothread.errors import (
    BadValueError,
    BindError,
    ExecutionError,
    InternalError,
    OptionError,
    ParseError,
    Position,
    SinkError,
    SourceError,
    UnsupportedError,
)
from velothread.sources.source import ReadOptions

pytestmark = pytest.mark.thread_unsafe(reason="captures standard output and replaces velothread.connect")

CSV = 'n,s\n1,x\n2,\n3,"a""b"\n'


def test_results_are_csv_when_nobody_looks(call: Call) -> None:
    ended = call("query", "SELECT 1")
    assert (ended.code, ended.out, ended.err) == (0, CSV, "")


@pytest.mark.parametrize(
    ("format", "start"),
    [
        ("csv", "n,s\n"),
        ("tsv", "n\ts\n"),
        ("json", "[\n\t{"),
        ("jsonl", '{"n":1'),
        ("markdown", "| n |"),
        ("table", "┌──"),
    ],
)
def test_formats(call: Call, format: str, start: str) -> None:
    assert call("query", "SELECT 1", "--format", format).out.startswith(start)


def test_several_statements_print_one_after_the_other(call: Call) -> None:
    session = FakeSession(FakeResult(), FakeResult(is_query=False, message="3 rows written"), FakeResult())
    ended = call("query", "SELECT 1; COPY x; SELECT 2;", session=session)
    assert [statement for statement, _ in session.ran] == ["SELECT 1", "COPY x", "SELECT 2"]
    assert (ended.code, ended.out, ended.err) == (0, CSV + CSV, "3 rows written\n")
    assert session.closed


def test_sql_of_a_file_and_of_standard_input(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "q.sql"
    script.write_text("\ufeffSELECT 'é'", encoding="utf-8")
    session = FakeSession()
    assert call("query", "-f", str(script), session=session).code == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 2")))
    assert call("query", "-", session=session).code == 0
    assert [statement for statement, _ in session.ran] == ["SELECT 'é'", "SELECT 2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no SQL given"),
        (["SELECT 1", "-f", "q.sql"], "not both"),
        (["-f", "missing.sql"], "can't read the SQL file 'missing.sql'"),
        ([" "], "no statement in it"),
        (["SELECT 1", "--format", "cvs"], "'cvs' is not one of"),
        (["SELECT 1", "-o", "x.csv", "--format", "excel"], "'excel' is not one of"),
        (["SELECT 1", "--partitions", "0"], "0 is not in the range"),
        (["SELECT 1", "--max-rows", "few"], "neither a number from 1 nor 'all'"),
        (["SELECT 1", "--max-rows", "0"], "neither a number from 1 nor 'all'"),
        (["SELECT 1", "--table", "nopath"], "takes NAME=PATH"),
        (["SELECT 1", "--types", "a"], "takes COLUMN=TYPE"),
        (["SELECT 1", "--param", "x=1", "--param", "2"], "'2' has no name"),
        (["SELECT 1", "--rejects", "r.csv"], "needs --on-error"),
        (["SELECT 1", "--formt", "csv"], "--formt"),
    ],
)
def test_wrong_command_lines_exit_with_2_and_run_nothing(call: Call, arguments: list[str], said: str) -> None:
    session = FakeSession()
    ended = call("query", *arguments, session=session)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert said in ended.err
    assert (ended.out, session.ran) == ("", [])


def test_options_reach_the_session(call: Call) -> None:
    session = FakeSession()
    ended = call(
        "query", "SELECT 1", "--processor", "adaptive", "--partitions", "3", "--strategy", "hash", "--wait", "spin",
        "--state", "partitioned",
        "--batch-rows", "100", "--queue-depth", "5", "--dialect", "spark",
        "--table", "t=a b.csv", "--table", "u=x=y.csv",
        "--types", "id=BIGINT,p=DECIMAL(9,2)", "--types", "q=VARCHAR", "--nulls", "NA,-", "--nulls", "",
        "--delim", "\\t",
        "--no-header", "--input-format", "csv", "--on-error", "skip", "--rejects", "r.csv", "--sample-rows", "9",
        session=session,
    )  # fmt: skip
    assert ended.code == 0
    assert session.tables == [("t", "a b.csv"), ("u", "x=y.csv")]
    read = session.options.pop("read")
    assert read == ReadOptions(
        format="csv", delimiter="\t", header=False, nulls=("NA", "-", ""), on_error="skip", rejects="r.csv",
        sample_rows=9,
        types=(("id", "BIGINT"), ("p", "DECIMAL(9,2)"), ("q", "VARCHAR")),
    )  # fmt: skip
    assert session.options == {
        "processor": "adaptive", "partitions": 3, "strategy": "hash", "wait": "spin", "batch_rows": 100,
        "state": "partitioned",
        "queue_depth": 5, "dialect": "spark",
    }  # fmt: skip


def test_what_is_not_given_is_left_to_the_session(call: Call) -> None:
    session = FakeSession()
    call("query", "SELECT 1", session=session)
    assert session.options == {"read": ReadOptions()}
    assert session.ran == [("SELECT 1", None)]


def test_parameters(call: Call) -> None:
    session = FakeSession()
    call("query", "SELECT $a", "--param", "a=5", "--param", "b='5'", session=session)
    call("query", "SELECT ?", "--param", "1.5", "--param", "x y", session=session)
    assert [given for _, given in session.ran] == [{"a": 5, "b": "5"}, [1.5, "x y"]]


def test_statistics_timer_and_refused_rows_go_to_standard_error(call: Call) -> None:
    ended = call(
        "query", "SELECT 1", "--stats", "--timer", session=FakeSession(FakeResult(refusal_lines=["2 rows refused"]))
    )
    refused, stats, timer = ended.err.splitlines()
    assert (refused, stats) == ("2 rows refused", "processor: fake")
    assert timer.startswith("time: ")
    assert ended.out == CSV


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ParseError("unexpected end", Position(7, 8), sql="SELECT ("), 2),
        (BindError("no column 'x'"), 2),
        (UnsupportedError("not yet"), 2),
        (OptionError("wrong"), 2),
        (ExecutionError("division by zero"), 1),
        (SourceError("truncated"), 1),
        (BadValueError("not a number", file="f.csv", line=3, column="n", value="x", hint="--on-error null"), 1),
        (SinkError("full"), 1),
    ],
)
def test_errors_are_shown_without_a_traceback(call: Call, error: Exception, code: int) -> None:
    ended = call("query", "SELECT (", session=FakeSession(error))
    assert (ended.code, ended.out) == (code, "")
    assert ended.err == f"error: {error}\n"


@pytest.mark.parametrize("error", [InternalError("the plan has no end"), KeyError("what"), AssertionError()])
def test_our_own_faults_are_admitted(call: Call, error: Exception) -> None:
    ended = call("query", "SELECT 1", session=FakeSession(error))
    assert ended.code == 1
    assert ended.err.startswith("error: internal error: ")
    assert "velothread's fault" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("by", ["option", "environment"])
def test_debug_shows_the_traceback(call: Call, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    if by == "environment":
        monkeypatch.setenv("VELOTHREAD_DEBUG", "1")
    ended = call("query", "SELECT 1", *(["--debug"] if by == "option" else []), session=FakeSession(BindError("no")))
    assert "Traceback" in ended.err
    assert ended.err.endswith("error: no\n")


def test_the_first_failure_ends_it(call: Call) -> None:
    session = FakeSession(FakeResult(), SourceError("no"), FakeResult())
    ended = call("query", "A; B; C", session=session)
    assert (ended.code, ended.out, ended.err) == (1, CSV, "error: no\n")
    assert len(session.ran) == 2


def test_output_file(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    ended = call("query", "SELECT 1", "-o", str(path))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert pq.read_table(path).to_batches() == [ROWS]


def test_format_beats_the_suffix(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    assert call("query", "SELECT 1", "-o", str(path), "--format", "csv").code == 0
    assert path.read_text() == CSV


def test_a_failed_query_leaves_the_old_output(call: Call, tmp_path: Path) -> None:
    def fail() -> None:
        raise ExecutionError("overflow")

    path = tmp_path / "out.csv"
    path.write_text("old")
    ended = call("query", "SELECT 1", "-o", str(path), session=FakeSession(FakeResult((ROWS, ROWS), during=fail)))
    assert (ended.code, path.read_text(), os.listdir(tmp_path)) == (1, "old", ["out.csv"])


def test_a_folder_as_output(call: Call, tmp_path: Path) -> None:
    ended = call("query", "SELECT 1", "-o", str(tmp_path))
    assert ended.code == 1
    assert "it is a directory" in ended.err


def test_only_the_last_result_goes_to_a_file(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    session = FakeSession(FakeResult(is_query=False), FakeResult())
    assert call("query", "COPY x; SELECT 1", "-o", str(path), session=session).code == 0
    assert path.read_text() == CSV
    ended = call("query", "SELECT 1; SELECT 2", "-o", str(path))
    assert ended.code == 2
    assert "-o keeps one result" in ended.err


def test_binary_formats_hold_one_result(call: Call) -> None:
    ended = call(
        "query", "SELECT 1; SELECT 2", "--format", "arrow", session=FakeSession(FakeResult((ROWS.slice(0, 0),)))
    )
    assert ended.code == 2
    assert "several results" in ended.err


def test_rows_of_a_table(call: Call) -> None:
    many = FakeResult((pa.record_batch({"n": range(100)}),))
    assert "100 rows (40 shown)" in call("query", "SELECT 1", "--format", "table", session=FakeSession(many)).out
    assert (
        "100 rows (6 shown)"
        in call("query", "A", "--format", "table", "--max-rows", "6", session=FakeSession(many)).out
    )
    shown = call("query", "A", "--format", "table", "--max-rows", "all", session=FakeSession(many)).out
    assert shown.splitlines()[-1].startswith("  100 rows")
    assert "shown" not in shown


def test_colors(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in call("query", "A", "--format", "table").out
    assert "\x1b[" in call("query", "A", "--format", "table", "--color").out
    assert "\x1b[" in call("query", "A", "--color", session=FakeSession(BindError("no"))).err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert "\x1b[" in call("query", "A").out
    assert "\x1b[" not in call("query", "A", "--no-color").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in call("query", "A").out


def test_a_table_on_a_terminal_fits(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    wide = FakeResult((pa.record_batch({"text": ["y" * 100]}),))
    lines = call("query", "A", "--format", "table", session=FakeSession(wide)).out.splitlines()
    assert max(map(len, lines)) == 30
