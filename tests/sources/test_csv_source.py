"""CSV as a source: what is found in a file, what the rows are, and what is said when something doesn't fit."""

from __future__ import annotations

import bz2
import csv as stdcsv
import datetime
import gzip
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from velothread.errors import BadValueError, OptionError, SourceError
from velothread.sources.csv_arguments import READ_CSV_ARGUMENTS, apply_arguments
from velothread.sources.csv_source import CsvSource, open_csv
from velothread.sources.files import resolve
from velothread.sources.source import Bound, ReadOptions, Scan, Source, Split

Make = Callable[..., CsvSource]


@pytest.fixture
def opened(tmp_path: Path) -> Make:
    """A source over one file with the given content."""

    def make(content: str | bytes, options: ReadOptions | None = None, name: str = "x.csv") -> CsvSource:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        options = options or ReadOptions()
        return open_csv(resolve(str(path), options), options)

    return make


def read(source: Source, *columns: str, **scan: Any) -> list[tuple[Any, ...]]:
    """All rows as tuples."""
    names = columns or tuple(source.schema.names)
    wanted = Scan(names, **scan)
    batches = [batch for part in source.splits(wanted) for batch in part.batches()]
    for batch in batches:
        assert tuple(batch.schema.names) == names
        assert batch.schema.types == [source.schema.field(n).type for n in names]
    return [tuple(row[n] for n in names) for batch in batches for row in batch.to_pylist()]


def found(source: CsvSource) -> dict[str, str]:
    return {name: str(kind) for name, kind in zip(source.schema.names, source.types, strict=True)}


# Each line is what DuckDB 2.0 finds for the same text.
SNIFFED: list[tuple[str, dict[str, str], list[tuple[Any, ...]]]] = [
    ('a,b,c\n1,"",x\n2,,y\n', {"a": "BIGINT", "b": "VARCHAR", "c": "VARCHAR"}, [(1, None, "x"), (2, None, "y")]),
    ("a\n007\n1\n", {"a": "VARCHAR"}, [("007",), ("1",)]),
    ("a,b\n+1,00.5\n2,01.5\n", {"a": "VARCHAR", "b": "VARCHAR"}, [("+1", "00.5"), ("2", "01.5")]),
    ("a,b,c\ntRuE,T,1\nfalse,no,0\n", {"a": "BOOLEAN", "b": "BOOLEAN", "c": "BIGINT"},
     [(True, True, 1), (False, False, 0)]),
    ("a,b\n2024-01-02,2024/1/2\n2024-01-03,2024/1/3\n", {"a": "DATE", "b": "DATE"},
     [(datetime.date(2024, 1, d), datetime.date(2024, 1, d)) for d in (2, 3)]),
    ("a,b\n01/02/2024,x\n25/03/2024,y\n", {"a": "DATE", "b": "VARCHAR"},
     [(datetime.date(2024, 2, 1), "x"), (datetime.date(2024, 3, 25), "y")]),
    ("a,b\n01/02/2024,x\n03/25/2024,y\n", {"a": "DATE", "b": "VARCHAR"},
     [(datetime.date(2024, 1, 2), "x"), (datetime.date(2024, 3, 25), "y")]),
    ("a\n2024-13-45\n2024-01-01\n", {"a": "VARCHAR"}, [("2024-13-45",), ("2024-01-01",)]),
    ("a\n2024-01-02 10:11:12.123456789\n2024-01-02 10:12\n", {"a": "TIMESTAMP"},
     [(datetime.datetime(2024, 1, 2, 10, 11, 12, 123456),), (datetime.datetime(2024, 1, 2, 10, 12),)]),
    ("a\n2024-01-02 10:11:12+02:30\n", {"a": "TIMESTAMP WITH TIME ZONE"},
     [(datetime.datetime(2024, 1, 2, 7, 41, 12, tzinfo=datetime.UTC),)]),
    ("a,b\n10:11:12.5,9:10\n1:02:03,10:10\n", {"a": "TIME", "b": "TIME"},
     [(datetime.time(10, 11, 12, 500000), datetime.time(9, 10)), (datetime.time(1, 2, 3), datetime.time(10, 10))]),
    ("a,b\n1,.5\n1.5,1e5\n", {"a": "DOUBLE", "b": "DOUBLE"}, [(1.0, 0.5), (1.5, 1e5)]),
    ("a\n9223372036854775808\n1\n", {"a": "HUGEINT"}, [(9223372036854775808,), (1,)]),
    ("a,a,b,a\n1,2,3,4\n", {"a": "BIGINT", "a_1": "BIGINT", "b": "BIGINT", "a_2": "BIGINT"}, [(1, 2, 3, 4)]),
    ("a,A,a_1\n1,2,3\n", {"a": "BIGINT", "A_1": "BIGINT", "a_1_1": "BIGINT"}, [(1, 2, 3)]),
    ("a,,b,\n1,2,3,4\n", {"a": "BIGINT", "column1": "BIGINT", "b": "BIGINT", "column3": "BIGINT"}, [(1, 2, 3, 4)]),
    ("1,2\n4,5\n", {"column0": "BIGINT", "column1": "BIGINT"}, [(1, 2), (4, 5)]),
    ("x,1.5\na,2.5\n", {"column0": "VARCHAR", "column1": "DOUBLE"}, [("x", 1.5), ("a", 2.5)]),
    ("name,city\nbob,paris\n", {"name": "VARCHAR", "city": "VARCHAR"}, [("bob", "paris")]),
    ("a,b,c", {"a": "VARCHAR", "b": "VARCHAR", "c": "VARCHAR"}, []),
    ("a,b\n", {"a": "VARCHAR", "b": "VARCHAR"}, []),
    ("", {"column0": "VARCHAR"}, []),
    ("\ufeffa,b\r\n1,2\r\n\r\n3,4", {"a": "BIGINT", "b": "BIGINT"}, [(1, 2), (3, 4)]),
    ("a\n1\n\n3\n", {"a": "BIGINT"}, [(1,), (None,), (3,)]),
    ('a,b\n"1","2.5"\n', {"a": "BIGINT", "b": "DOUBLE"}, [(1, 2.5)]),
    ('a;b\n"x;y";2.5\n"3";4\n', {"a": "VARCHAR", "b": "DOUBLE"}, [("x;y", 2.5), ("3", 4.0)]),
    ("a|b\nx|1\n", {"a": "VARCHAR", "b": "BIGINT"}, [("x", 1)]),
    ("a\tb\nx\t1\n", {"a": "VARCHAR", "b": "BIGINT"}, [("x", 1)]),
    ('a,b\n1,5" pipe\n2,NULL\n', {"a": "BIGINT", "b": "VARCHAR"}, [(1, '5" pipe'), (2, "NULL")]),
    ("a,b\n'x,1',2\n'y,2',3\n", {"a": "VARCHAR", "b": "BIGINT"}, [("x,1", 2), ("y,2", 3)]),
    ('a,b\n"x\ny",1\n"q""r",2\n', {"a": "VARCHAR", "b": "BIGINT"}, [("x\ny", 1), ('q"r', 2)]),
    ('a,b\n1,"x\\"y"\n2,z\n', {"a": "BIGINT", "b": "VARCHAR"}, [(1, 'x"y'), (2, "z")]),
    ("# hi\na,b\n1,2\n# x\n3,4\n", {"a": "BIGINT", "b": "BIGINT"}, [(1, 2), (3, 4)]),
    ("a title\n\na,b\n1,2\n", {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    ("a,b,\n1,2,\n", {"a": "BIGINT", "b": "BIGINT", "column2": "VARCHAR"}, [(1, 2, None)]),
    ("hello world\nfoo bar\n", {"hello world": "VARCHAR"}, [("foo bar",)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "types", "rows"), SNIFFED, ids=range(len(SNIFFED)))
@pytest.mark.parametrize("split_bytes", [None, 3])
def test_names_types_and_rows_are_found(
    opened: Make, text: str, types: dict[str, str], rows: list[tuple[Any, ...]], split_bytes: int | None
) -> None:
    source = opened(text, ReadOptions(split_bytes=split_bytes))
    assert found(source) == types
    assert read(source) == rows


OPTIONS: list[tuple[str, dict[str, Any], dict[str, str], list[tuple[Any, ...]]]] = [
    ("a,b\n1,2\n", {"types": {"b": "VARCHAR"}}, {"a": "BIGINT", "b": "VARCHAR"}, [(1, "2")]),
    ("a,b\n1,2\n", {"types": ["DOUBLE", "int"]}, {"a": "DOUBLE", "b": "INTEGER"}, [(1.0, 2)]),
    ("a,b\n1,2\n", {"all_varchar": True}, {"a": "VARCHAR", "b": "VARCHAR"}, [("1", "2")]),
    ("a,b\n1,2\n", {"header": False}, {"column0": "VARCHAR", "column1": "VARCHAR"}, [("a", "b"), ("1", "2")]),
    ("1,2\n3,4\n", {"header": True}, {"1": "BIGINT", "2": "BIGINT"}, [(3, 4)]),
    ("a,b\n1,2\n", {"names": ["x"]}, {"x": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    ("1,2\n", {"columns": {"x": "INTEGER", "y": "VARCHAR"}}, {"x": "INTEGER", "y": "VARCHAR"}, [(1, "2")]),
    ("junk\na,b\n1,2\n", {"skip": 1}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    ("a,b\n1,x;2\n", {"sep": ";"}, {"a,b": "VARCHAR"}, None),
    ('a,b\n1,"NA"\n2,\n3,-\n', {"nullstr": ["NA", "-"]}, {"a": "BIGINT", "b": "VARCHAR"},
     [(1, None), (2, ""), (3, None)]),
    ("a;b\n1,5;x\n", {"decimal_separator": ","}, {"a": "DOUBLE", "b": "VARCHAR"}, [(1.5, "x")]),
    ("a\n05.03.2024\n", {"dateformat": "%d.%m.%Y"}, {"a": "DATE"}, [(datetime.date(2024, 3, 5),)]),
    ("a\n5 Mar 2024 10:11\n", {"timestampformat": "%d %b %Y %H:%M"}, {"a": "TIMESTAMP"},
     [(datetime.datetime(2024, 3, 5, 10, 11),)]),
    ("a,b\n% x\n1,2\n", {"comment": "%"}, {"a": "BIGINT", "b": "BIGINT"}, [(1, 2)]),
    ('a,b\n"x,1\n', {"quote": ""}, {"a": "VARCHAR", "b": "BIGINT"}, [('"x', 1)]),
    ("a\n1.005\n2\n", {"types": {"a": "DECIMAL(10,2)"}}, {"a": "DECIMAL(10,2)"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "arguments", "types", "rows"), OPTIONS, ids=range(len(OPTIONS)))
def test_options_come_before_what_is_found(
    opened: Make, text: str, arguments: dict[str, Any], types: dict[str, str], rows: list[tuple[Any, ...]] | None
) -> None:
    if arguments.get("sep") == ";":
        text = "a,b\n1,x\n"
    source = opened(text, apply_arguments(ReadOptions(), arguments))
    assert found(source) == types
    if rows is not None:
        assert read(source) == rows


def test_what_arrow_refuses_but_duckdb_reads(opened: Make) -> None:
    text = "a,b,c\n+3,1.005,2024/1/2\n2.5,2,2024-01-03\n,,\n"
    options = ReadOptions(types=(("a", "BIGINT"), ("b", "DECIMAL(10,2)"), ("c", "DATE")))
    rows = [(str(a), str(b), str(c)) for a, b, c in read(opened(text, options))]
    assert rows == [("3", "1.01", "2024-01-02"), ("3", "2.00", "2024-01-03"), ("None", "None", "None")]


def test_columns_come_in_the_order_asked_and_limits_and_batch_sizes_hold(opened: Make) -> None:
    source = opened("a,b,c\n" + "".join(f"{i},x{i},{i / 2}\n" for i in range(100)))
    assert read(source, "c", "a", batch_rows=7)[:2] == [(0.0, 0), (0.5, 1)]
    assert read(source, "b", limit=3) == [("x0",), ("x1",), ("x2",)]
    batches = [b for part in source.splits(Scan(("a",), batch_rows=7)) for b in part.batches()]
    assert {b.num_rows for b in batches} == {7, 2}


def test_a_ten_megabyte_field(opened: Make) -> None:
    big = "x\n" * 5_000_000
    source = opened(f'a,b\n1,"{big}"\n2,y\n')
    assert read(source) == [(1, big), (2, "y")]


def test_splits_read_by_several_threads_are_the_same_rows(opened: Make) -> None:
    source = opened("a,b\n" + "".join(f'{i},"x\n{i}"\n' for i in range(2000)), ReadOptions(split_bytes=500))
    parts: list[Split] = list(source.splits(Scan(("a", "b"))))
    results: list[list[Any]] = [[] for _ in parts]

    def receiver(first: int) -> None:
        for place in range(first, len(parts), 3):
            results[place] = [row for batch in parts[place].batches() for row in batch.to_pylist()]

    threads = [threading.Thread(target=receiver, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(parts) > 10
    assert [r["a"] for result in results for r in result] == list(range(2000))
    assert source.size == sum(p.bytes for p in parts) + len("a,b\n")


# --- compressed, streams, several files ---


@pytest.mark.parametrize("codec", ["gzip", "zstd", "bz2", "lz4"])
def test_compressed_files_are_read_in_blocks(opened: Make, codec: str) -> None:
    text = ("a,b\n" + "".join(f'{i},"y\n"\n' for i in range(500))).encode()
    suffix = {"gzip": "gz", "zstd": "zst", "bz2": "bz2", "lz4": "lz4"}[codec]
    if codec in ("gzip", "bz2"):
        module = gzip if codec == "gzip" else bz2
        packed = module.compress(text[:700]) + module.compress(text[700:])  # two members
    else:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(text)
        packed = sink.getvalue().to_pybytes()
    source = opened(packed, ReadOptions(split_bytes=64), name=f"x.csv.{suffix}")
    assert not source.splittable
    assert read(source) == [(i, "y\n") for i in range(500)]
    assert len(list(source.splits(Scan(())))) > 10


def test_truncated_gzip_names_the_file(opened: Make) -> None:
    packed = gzip.compress(os.urandom(4000).hex().encode() * 2)
    with pytest.raises(SourceError, match=r"x\.csv\.gz: the gzip data is truncated"):
        opened(packed[:-20], name="x.csv.gz")
    with pytest.raises(SourceError, match=r"x\.csv\.gz: not valid gzip"):
        opened(b"a,b\n1,2\n", name="x.csv.gz")


def test_many_compressed_files_are_a_split_each(tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"{i}.csv.gz").write_bytes(gzip.compress(f"a\n{i}\n{i}\n".encode()))
    options = ReadOptions()
    source = open_csv(resolve(str(tmp_path / "*.csv.gz"), options), options)
    assert source.splittable
    assert len(list(source.splits(Scan(("a",))))) == 5
    assert read(source) == [(i,) for i in range(5) for _ in range(2)]


def test_a_fifo_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("a,b\n" + "1,x\n" * 1000))
    writer.start()
    options = ReadOptions(split_bytes=100)
    source = open_csv(resolve(str(path), options), options)
    assert source.size is None
    assert read(source) == [(1, "x")] * 1000
    writer.join()
    with pytest.raises(SourceError, match="only once"):
        read(source)


def test_files_of_a_glob_are_matched_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("b,a\ny,2.5\n")
    options = ReadOptions()
    source = open_csv(resolve(str(tmp_path / "*.csv"), options), options)
    assert found(source) == {"a": "DOUBLE", "b": "VARCHAR"}
    assert read(source) == [(1.0, "x"), (2.5, "y")]


def test_other_columns_need_union_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("a,c\n2,3\n")
    options = ReadOptions()
    with pytest.raises(SourceError, match=r"2\.csv: has other columns.*'b'(.|\n)*union_by_name"):
        open_csv(resolve(str(tmp_path / "*.csv"), options), options)
    options = ReadOptions(union_by_name=True)
    source = open_csv(resolve(str(tmp_path / "*.csv"), options), options)
    assert found(source) == {"a": "BIGINT", "b": "VARCHAR", "c": "BIGINT"}
    assert read(source) == [(1, "x", None), (2, None, 3)]


def test_a_file_far_down_a_glob_with_other_columns(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"{i:02}.csv").write_text("a,b\n1,x\n" if i < 11 else "a,z\n1,x\n")
    options = ReadOptions()
    source = open_csv(resolve(str(tmp_path / "*.csv"), options), options)
    with pytest.raises(SourceError, match=r"11\.csv: has other columns"):
        read(source)


def test_hive_folders_and_file_names_are_columns(tmp_path: Path) -> None:
    for year in (2023, 2024):
        folder = tmp_path / f"year={year}" / "kind=a%20b"
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text(f"v\n{year - 2000}\n")
    options = ReadOptions(filename=True)
    source = open_csv(resolve(str(tmp_path / "**" / "*.csv"), options), options)
    assert found(source) == {"v": "BIGINT", "year": "BIGINT", "kind": "VARCHAR", "filename": "VARCHAR"}
    assert read(source, "year", "v", "kind") == [(2023, 23, "a b"), (2024, 24, "a b")]
    assert read(source, "filename")[0][0].endswith("year=2023/kind=a%20b/x.csv")
    assert read(source, "v", bounds=(Bound("year", "=", 2024),)) == [(24,)]
    assert read(source, "year", bounds=(Bound("year", "<", 2024),)) == [(2023,)]


# --- what doesn't fit ---

BAD = "a,b\n1,x\n" + 'y,"two\nlines"\n' + "3,x\nz,x\n"


@pytest.mark.parametrize("split_bytes", [None, 1, 9])
def test_a_bad_value_is_named_with_file_line_and_column(opened: Make, split_bytes: int | None) -> None:
    options = ReadOptions(types=(("a", "BIGINT"),), split_bytes=split_bytes)
    with pytest.raises(BadValueError) as caught:
        read(opened(BAD, options))
    error = caught.value
    assert (Path(error.file or "").name, error.line, error.column, error.value) == ("x.csv", 3, "a", "y")
    assert "x.csv:3, column 'a': 'y' is not a BIGINT" in str(error)
    assert "--types a=VARCHAR" in str(error) and "--nulls 'y'" in str(error) and "--on-error" in str(error)


def test_lines_count_newlines_within_quotes_and_in_compressed_blocks(opened: Make) -> None:
    text = "a,b\n" + '1,"two\nlines"\n' * 50 + "bad,x\n"
    types = (("a", "BIGINT"),)
    for options, name, content in [
        (ReadOptions(types=types, split_bytes=40), "x.csv", text.encode()),
        (ReadOptions(types=types, split_bytes=40), "x.csv.gz", gzip.compress(text.encode())),
    ]:
        with pytest.raises(BadValueError, match=r":102, column 'a'"):
            read(opened(content, options, name=name))


def test_a_value_beyond_the_sample_names_the_sample(opened: Make) -> None:
    text = "a,b\n" + "1,2\n" * 300 + "1,oops\n"
    with pytest.raises(BadValueError, match=r"x\.csv:302, column 'b': 'oops'(.|\n)*first 100 rows"):
        read(opened(text, ReadOptions(sample_rows=100)))
    assert len(read(opened(text, ReadOptions(sample_rows=100)), "a")) == 301  # b isn't read


@pytest.mark.parametrize(("row", "reason"), [("4,5,6", "has 3 values, expected 2"), ("4", "has 1 value, expected 2")])
def test_a_ragged_row(opened: Make, row: str, reason: str) -> None:
    text = f"a,b\n1,2\n\n{row}\n7,8\n"
    with pytest.raises(BadValueError, match=rf"x\.csv:4: the row {reason}"):
        read(opened(text))
    source = opened(text, ReadOptions(on_error="skip"))
    assert read(source) == [(1, 2), (7, 8)]
    assert source.refusals.count == 1


def test_bytes_that_are_not_utf8(opened: Make) -> None:
    content = b"a,b\n1,x\n2,\xff\xfe\n3,y\n"
    with pytest.raises(BadValueError, match=r"x\.csv:3, column 'b': bytes that are not UTF-8(.|\n)*iconv"):
        read(opened(content))
    assert read(opened(content, ReadOptions(on_error="null"))) == [(1, "x"), (2, None), (3, "y")]
    assert read(opened(content), "a") == [(1,), (2,), (3,)]


def test_a_quote_that_never_ends(opened: Make) -> None:
    with pytest.raises(BadValueError, match=r"x\.csv:3: a quoted value never ends"):
        read(opened('a,b\n1,2\n2,"oops\n3,4\n5,6\n', ReadOptions(delimiter=",")))


def test_the_first_of_several_problems_is_reported(opened: Make) -> None:
    options = ReadOptions(types=(("a", "BIGINT"), ("b", "BIGINT")))
    with pytest.raises(BadValueError, match=r":3, column 'b'"):
        read(opened("a,b\n1,2\n3,x\ny,4\n5,6,7\n", options))
    with pytest.raises(BadValueError, match=r":2: the row"):
        read(opened("a,b\n5,6,7\n3,x\ny,4\n", options))


@pytest.mark.parametrize("split_bytes", [None, 1, 12])
def test_on_error_skip_null_and_rejects(opened: Make, tmp_path: Path, split_bytes: int | None) -> None:
    rejects = tmp_path / "bad.csv"
    options = ReadOptions(
        types=(("a", "BIGINT"),), on_error="skip", rejects=str(rejects), split_bytes=split_bytes, delimiter=","
    )
    text = BAD + "1,2,3\n4,x\n"
    source = opened(text, options)
    assert read(source) == [(1, "x"), (3, "x"), (4, "x")]
    assert source.refusals.count == 3
    source.refusals.write()
    with rejects.open(newline="") as file:
        rows = list(stdcsv.reader(file))
    assert rows[0] == ["file", "line", "column", "value", "reason", "row"]
    assert [r[1:] for r in rows[1:]] == [
        ["3", "a", "y", "'y' is not a BIGINT", 'y,"two\nlines"'],
        ["6", "a", "z", "'z' is not a BIGINT", "z,x"],
        ["7", "", "", "the row has 3 values, expected 2", "1,2,3"],
    ]
    source = opened(text, replace(options, on_error="null"))
    assert read(source) == [(1, "x"), (None, "two\nlines"), (3, "x"), (None, "x"), (4, "x")]
    assert source.refusals.count == 3


def test_ignore_errors_skips(opened: Make) -> None:
    text = "a,b\n1,2\nx,4\n5,6,7\n8,9\n"
    options = apply_arguments(ReadOptions(), {"ignore_errors": True, "types": {"a": "BIGINT"}})
    assert read(opened(text, options)) == [(1, 2), (8, 9)]


def test_a_long_value_is_shortened(opened: Make) -> None:
    with pytest.raises(BadValueError) as caught:
        read(opened("a,b\n1,2\n" + "x" * 5000 + ",1\n", ReadOptions(types=(("a", "BIGINT"),))))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"PAR1\0\0\0\0", "is a parquet file"),
        (gzip.compress(b"a,b\n"), "is gzip data"),
    ],
)
def test_what_is_not_csv(opened: Make, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        opened(content)


def test_wrong_options_are_refused_with_near_names(opened: Make) -> None:
    with pytest.raises(OptionError, match=r"no column 'statoin'.*'station'"):
        opened("station,b\n1,2\n", ReadOptions(types=(("statoin", "BIGINT"),)))
    with pytest.raises(OptionError, match=r"'BIGIN'.*'BIGINT'"):
        opened("a,b\n1,2\n", ReadOptions(types=(("a", "BIGIN"),)))
    with pytest.raises(OptionError, match=r"3 names.*2 columns"):
        opened("a,b\n1,2\n", ReadOptions(names=("x", "y", "z"), header=True))
    with pytest.raises(OptionError, match="one ASCII character"):
        opened("a,b\n1,2\n", ReadOptions(delimiter="||"))
    with pytest.raises(OptionError, match=r"'delimm'.*'delim'"):
        apply_arguments(ReadOptions(), {"delimm": ";"})
    with pytest.raises(OptionError, match="header must be true or false"):
        apply_arguments(ReadOptions(), {"header": "maybe"})
    assert "delim" in READ_CSV_ARGUMENTS
