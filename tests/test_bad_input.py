"""Bad input, from the command line, under both processors: what the user is told, the exit code, and what stays."""

from __future__ import annotations

import bz2
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import velothread
from velothread.cli.main import run

pytestmark = pytest.mark.thread_unsafe(reason="captures standard output and changes the folder")

PROCESSORS = (("--processor", "simple"), ("--processor", "adaptive", "--partitions", "3"))
LATE = 100_000


@dataclass(frozen=True)
class Ended:
    """What a call left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str


Ask = Callable[..., Ended]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VELOTHREAD_DEBUG", raising=False)
    (tmp_path / "people.csv").write_text("name,age\nann,3\nbob,4\n")
    return tmp_path


@pytest.fixture
def ask(capfdbinary: pytest.CaptureFixture[bytes]) -> Ask:
    """`ask(sql, *options)` runs `velothread query` under both processors, which must say the same."""

    def both(sql: str, *options: str) -> Ended:
        found = []
        for processor in PROCESSORS:
            code = run(["query", sql, *options, *processor])
            captured = capfdbinary.readouterr()
            found.append(Ended(code, captured.out.decode(), captured.err.decode()))
        assert found[0] == found[1]
        assert "Traceback" not in found[0].err and "internal error" not in found[0].err
        return found[0]

    return both


# --- SQL


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "did you mean 'SELECT'?"),
        ("SELECT 1 +", "syntax error"),
        ("SELECT nam FROM 'people.csv'", "unknown column 'nam'"),
        ("SELECT nam FROM 'people.csv'", "did you mean 'name'?"),
        ("SELECT uper(name) FROM 'people.csv'", "did you mean 'upper'"),
        ("SELECT * FROM 'peple.csv'", "no such file: 'peple.csv'"),
        ("SELECT * FROM 'peple.csv'", "hint: did you mean 'people.csv'?"),
        ("SELECT * FROM 'nodir/*.csv'", "no file matches 'nodir/*.csv'"),
        ("SELECT * FROM read_csv('people.csv', delimm=';')", "did you mean 'delim'"),
        ("SELECT sum(name) FROM 'people.csv'", "no function fits sum(VARCHAR)"),
        ("SELECT name FROM 'people.csv' GROUP BY age", "use any_value(name)"),
        ("SELECT 1; SELEC 2", "syntax error at '2'"),
    ],
)
def test_sql_errors_are_underlined_and_nothing_runs(ask: Ask, sql: str, said: str) -> None:
    ended = ask(sql)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "\n  1 | " in ended.err and "^" in ended.err


def test_a_sql_error_stops_before_the_output_is_touched(ask: Ask, folder: Path) -> None:
    (folder / "old.csv").write_text("old")
    assert ask("SELECT nam FROM 'people.csv'", "-o", "old.csv").code == 2
    assert (folder / "old.csv").read_text() == "old"


def test_a_missing_parameter_says_how_to_give_one(ask: Ask) -> None:
    ended = ask("SELECT * FROM 'people.csv' WHERE age > $least")
    assert ended.code == 2
    assert "$least" in ended.err and "--param least=VALUE" in ended.err


# --- values and rows


def late_csv(folder: Path, bad: str) -> None:
    """A bad row far behind what the sample sees."""
    rows = "".join(f"{i},{i * 2}\n" for i in range(1, LATE))
    (folder / "late.csv").write_bytes(f"id,qty\n{rows}".encode() + bad.encode("latin1") + b"\n100001,5\n")


SUM = sum(i * 2 for i in range(1, LATE)) + 5


@pytest.mark.parametrize(
    ("bad", "where", "why", "way_out"),
    [
        ("100000,abc", "late.csv:100001, column 'qty'", "'abc' is not a BIGINT", "--types qty=VARCHAR"),
        ("100000", "late.csv:100001", "the row has 1 value, expected 2: '100000'", "--on-error skip"),
        ("100000,1,2", "late.csv:100001", "the row has 3 values, expected 2: '100000,1,2'", "--on-error skip"),
        ("100000,caf\xe9", "late.csv:100001, column 'qty'", "not UTF-8", "--on-error skip"),
    ],
)
def test_a_row_that_does_not_fit(ask: Ask, folder: Path, bad: str, where: str, why: str, way_out: str) -> None:
    late_csv(folder, bad)
    failed = ask("SELECT sum(qty) AS s FROM 'late.csv'")
    assert (failed.code, failed.out) == (1, "")
    assert where in failed.err and why in failed.err and way_out in failed.err
    skipped = ask("SELECT count(*) AS n, sum(qty) AS s FROM 'late.csv'", "--on-error", "skip")
    assert (skipped.code, skipped.out, skipped.err) == (0, f"n,s\n{LATE},{SUM}\n", "1 row refused\n")


def test_a_value_that_does_not_fit_can_be_null(ask: Ask, folder: Path) -> None:
    late_csv(folder, "100000,abc")
    ended = ask("SELECT count(*) AS n, count(qty) AS q, sum(qty) AS s FROM 'late.csv'", "--on-error", "null")
    assert (ended.code, ended.out, ended.err) == (0, f"n,q,s\n{LATE + 1},{LATE},{SUM}\n", "1 row refused\n")


def test_refused_rows_of_all_statements_are_kept(ask: Ask, folder: Path) -> None:
    late_csv(folder, "100000,abc")
    (folder / "text.csv").write_bytes(b"a,b\n1,caf\xe9\n2,tea\n")
    sql = "SELECT sum(qty) FROM 'late.csv'; SELECT count(b) FROM 'text.csv'; SELECT count(*) FROM 'people.csv'"
    ended = ask(sql, "--on-error", "skip", "--rejects", "refused.csv")
    assert (ended.code, ended.err) == (0, "1 row refused\n1 row refused\n")
    assert (folder / "refused.csv").read_text().splitlines() == [
        "file,line,column,value,reason,row",
        "late.csv,100001,qty,abc,'abc' is not a BIGINT,\"100000,abc\"",
        'text.csv,2,b,caf\\xe9,bytes that are not UTF-8,"1,caf\\xe9"',
    ]


def test_refused_rows_of_two_files_in_one_query(ask: Ask, folder: Path) -> None:
    (folder / "a.csv").write_text("x\n1\n2\nbad\n")
    (folder / "b.csv").write_text("x\n3\nworse\n")
    sql = "SELECT sum(x) AS s FROM (FROM 'a.csv' UNION ALL FROM 'b.csv')"
    ended = ask(sql, "--types", "x=BIGINT", "--on-error", "skip", "--rejects", "refused.csv")
    assert (ended.out, ended.err) == ("s\n6\n", "2 rows refused\n")
    assert [line.split(",")[:4] for line in (folder / "refused.csv").read_text().splitlines()[1:]] == [
        ["a.csv", "4", "x", "bad"],
        ["b.csv", "3", "x", "worse"],
    ]


def test_a_rejects_file_that_cannot_be_made_is_said_before_anything_is_read(ask: Ask) -> None:
    ended = ask("FROM 'people.csv'", "--on-error", "skip", "--rejects", "nodir/refused.csv")
    assert (ended.code, ended.out) == (1, "")
    assert "nodir/refused.csv: the rejects file can't be written" in ended.err


@pytest.mark.parametrize(
    ("line", "where", "why"),
    [
        ('{"a": "x"}', "late.jsonl:40001, column 'a'", '"x" is not a BIGINT'),
        ('{"a": ', "late.jsonl:40001", "not a whole JSON object"),
    ],
)
def test_a_json_line_that_does_not_fit(ask: Ask, folder: Path, line: str, where: str, why: str) -> None:
    (folder / "late.jsonl").write_text('{"a": 1}\n' * 40_000 + line + '\n{"a": 2}\n')
    failed = ask("SELECT sum(a) FROM 'late.jsonl'")
    assert (failed.code, failed.out) == (1, "")
    assert where in failed.err and why in failed.err and "--on-error" in failed.err
    skipped = ask("SELECT sum(a) AS s FROM 'late.jsonl'", "--on-error", "skip")
    assert (skipped.out, skipped.err) == ("s\n40002\n", "1 row refused\n")


# --- files that are damaged


@pytest.mark.parametrize(("suffix", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_truncated_compressed_data(ask: Ask, folder: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(b"id\n" + b"".join(b"%d\n" % (i * i) for i in range(300_000)))
    (folder / f"cut.csv.{suffix}").write_bytes(whole[: len(whole) // 2])
    ended = ask(f"SELECT count(*) FROM 'cut.csv.{suffix}'")
    assert (ended.code, ended.out) == (1, "")
    assert f"cut.csv.{suffix}: " in ended.err and "truncated" in ended.err and "hint: " in ended.err


def test_truncated_and_damaged_parquet(ask: Ask, folder: Path) -> None:
    table = pa.table({"a": list(range(80_000)), "s": [str(i) for i in range(80_000)]})
    pq.write_table(table, "whole.parquet", row_group_size=20_000)
    data = (folder / "whole.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(data[: len(data) // 2])
    assert "cut.parquet: not a whole Parquet file" in ask("SELECT count(*) FROM 'cut.parquet'").err
    damaged = bytearray(data)
    middle = pq.read_metadata("whole.parquet").row_group(2).column(1).data_page_offset
    damaged[middle : middle + 4000] = b"\xff" * 4000
    (folder / "damaged.parquet").write_bytes(bytes(damaged))
    ended = ask("SELECT max(s), sum(a) FROM 'damaged.parquet'")
    assert (ended.code, ended.out) == (1, "")
    assert "damaged.parquet, row group 2: can't be read" in ended.err
    (folder / "empty.parquet").write_bytes(b"")
    assert "it is empty" in ask("FROM 'empty.parquet'").err


# --- odd, but right


@pytest.mark.parametrize(
    ("data", "printed"),
    [
        (b"", "column0\n"),
        (b"a,b\n", "a,b\n"),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4", "a,b\n1,2\n3,4\n"),
        (b'a,b\n"x\ny, ""z""",1\nw,2\n', 'a,b\n"x\ny, ""z""",1\nw,2\n'),
        (b"a,a,,b,\n1,2,3,4,5\n", "a,a_1,column2,b,column4\n1,2,3,4,5\n"),
    ],
)
def test_odd_csv_is_read_right(ask: Ask, folder: Path, data: bytes, printed: str) -> None:
    (folder / "odd.csv").write_bytes(data)
    ended = ask("FROM 'odd.csv'")
    assert (ended.code, ended.out, ended.err) == (0, printed, "")


@pytest.mark.parametrize("field", [b"y" * 10_000_000, b'"' + b"y\n" * 5_000_000 + b'"'])
def test_a_field_of_ten_megabytes(ask: Ask, folder: Path, field: bytes) -> None:
    (folder / "big.csv").write_bytes(b"a,b\n" + field + b",1\nz,2\n")
    assert ask("SELECT length(a) AS n, b FROM 'big.csv'").out == "n,b\n10000000,1\n1,2\n"


def test_a_quote_that_never_ends(ask: Ask, folder: Path) -> None:
    (folder / "open.csv").write_text('a,b\n1,2\n"abc,3\n4,5\n')
    ended = ask("FROM 'open.csv'")
    assert ended.code == 1 and "open.csv:3: a quoted value never ends" in ended.err


# --- values that can't be computed


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("age + 9223372036854775805", "overflow"),
        ("age * 9223372036854775807", "overflow"),
        ("age // (age - 4)", "division by zero"),
        ("age % (age - 4)", "division by zero"),
        ("CAST(name AS INTEGER)", "cannot convert 'ann' to INTEGER"),
        ("CAST(age + 300 AS UTINYINT)", "out of range"),
        ("-CAST(age - 9223372036854775807 - 5 AS BIGINT)", "overflow"),
    ],
)
def test_what_cannot_be_computed_is_an_error(ask: Ask, item: str, said: str) -> None:
    ended = ask(f"SELECT {item} FROM 'people.csv'")
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err and "^" in ended.err and "hint: " in ended.err


def test_try_cast_gives_null(ask: Ask) -> None:
    sql = "SELECT TRY_CAST(name AS INTEGER) AS x, TRY_CAST(age + 252 AS UTINYINT) AS y FROM 'people.csv'"
    assert ask(sql).out == "x,y\n,255\n,\n"


# --- outputs

FAILING = "SELECT CAST(qty AS BIGINT) AS qty FROM read_csv('late.csv', all_varchar=true)"


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet", "out.arrow"])
def test_the_old_output_stays_when_the_query_fails(ask: Ask, folder: Path, name: str) -> None:
    late_csv(folder, "100000,abc")
    (folder / name).write_text("old")
    for options in (("-o", name), ()):
        sql = FAILING if options else f"COPY ({FAILING}) TO '{name}'"
        assert ask(sql, *options).code == 1
        assert (folder / name).read_text() == "old"
    assert sorted(os.listdir()) == sorted(["people.csv", "late.csv", name])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("folder", "it is a directory"),
        ("nodir/x.csv", "there is no folder"),
        ("people.csv/x.csv", "not a folder"),
    ],
)
def test_outputs_that_cannot_be_made(ask: Ask, folder: Path, path: str, said: str) -> None:
    (folder / "folder").mkdir()
    ended = ask("FROM 'people.csv'", "-o", path)
    assert (ended.code, ended.out) == (1, "")
    assert path in ended.err and said in ended.err
    assert sorted(os.listdir()) == ["folder", "people.csv"] and not os.listdir("folder")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the platform has no /dev/full")
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "arrow"])
def test_a_full_disk(ask: Ask, format: str) -> None:
    for sql, options in (
        ("FROM 'people.csv'", ("-o", "/dev/full", "--format", format)),
        (f"COPY (FROM 'people.csv') TO '/dev/full' (FORMAT {format})", ()),
    ):
        ended = ask(sql, *options)
        assert ended.code == 1 and "no space left on the device" in ended.err
        assert os.path.exists("/dev/full")


# --- through Python


@pytest.mark.parametrize("processor", ["simple", "adaptive"])
def test_the_first_error_comes_after_the_rows_before_it(folder: Path, processor: str) -> None:
    """And with two bad values, it is the first one's, whichever thread is quicker."""
    rows = "".join(f"{i},{'x' if i == 60_000 else 'y' if i == 61_000 else i}\n" for i in range(100_000))
    (folder / "two.csv").write_text("id,v\n" + rows)
    with velothread.connect(processor=processor, partitions=3, batch_rows=1_000) as session:
        sql = "SELECT id FROM read_csv('two.csv', types={'id': 'BIGINT', 'v': 'BIGINT'}) WHERE v >= 0"
        batches = session.query(sql).batches()
        seen: list[int] = []
        with pytest.raises(velothread.BadValueError) as caught:
            for batch in batches:
                seen += batch.column(0).to_pylist()
        assert (caught.value.file, caught.value.line, caught.value.column) == ("two.csv", 60_002, "v")
        assert seen == list(range(len(seen))) and len(seen) <= 60_000
        assert session.query("SELECT count(*) FROM 'people.csv'").fetchall() == [(2,)]
