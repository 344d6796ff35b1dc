"""JSON files as sources: schemas, splits, documents, errors."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from velothread.errors import BadValueError, SourceError
from velothread.sources import jsonl_source
from velothread.sources.files import open_bytes, resolve
from velothread.sources.jsonl_source import JsonSource, open_jsonl
from velothread.sources.source import Bound, ReadOptions, Scan


def opened(path: Any, **options: Any) -> JsonSource:
    given_options = ReadOptions(**options)
    return open_jsonl(resolve(path if isinstance(path, list) else str(path), given_options), given_options)


def rows_of(source: JsonSource, columns: list[str] | None = None, **scan: Any) -> list[dict[str, Any]]:
    names = tuple(source.schema.names if columns is None else columns)
    wanted = Scan(names, **scan)
    batches = [b for split in source.splits(wanted) for b in split.batches()]
    for batch in batches:
        assert batch.schema.names == list(names)
        assert batch.num_rows <= wanted.batch_rows
        assert [f.type for f in batch.schema] == [source.schema.field(n).type for n in names]
    return [row for b in batches for row in b.to_pylist()]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    return path


def types_of(path: Path, rows: list[Any], **options: Any) -> list[str]:
    return [str(f.type) for f in opened(write(path, rows), **options).schema]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([{"a": 1}, {"a": None}], "int64"),
        ([{"a": 1}, {"a": 1.5}], "double"),
        ([{"a": True}], "bool"),
        ([{"a": "x"}, {"a": "12"}], "string"),
        ([{"a": "12"}], "string"),
        ([{"a": None}], "string"),
        ([{"a": 1}, {"a": "x"}], "string"),
        ([{"a": 1 << 63}], "decimal128(38, 0)"),
        ([{"a": 1 << 100}], "double"),
        ([{"a": "2024-01-01"}], "date32[day]"),
        ([{"a": "2024-01-01 10:00:00"}, {"a": "2024-01-01T10:00:00"}], "timestamp[us]"),
        ([{"a": "2024-01-01T10:00:00Z"}], "timestamp[us, tz=UTC]"),
        ([{"a": "10:00:00"}], "time64[us]"),
        ([{"a": "2024-01-01"}, {"a": "x"}], "string"),
        ([{"a": "2024-01-01"}, {"a": ""}], "string"),
        ([{"a": [1, 2.5]}], "list<item: double>"),
        ([{"a": {"x": 1}}, {"a": {"y": "q"}}], "struct<x: int64, y: string>"),
        ([{"a": {}}], "map<string, string>"),
        ([{"a": "x"}, {"a": {"b": 1}}], "string"),
    ],
)
def test_types_are_found_as_duckdb_finds_them(tmp_path: Path, rows: list[Any], kind: str) -> None:
    assert types_of(tmp_path / "t.jsonl", rows) == [kind]


def test_keys_missing_in_some_rows_are_null(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"b": 1}, {"a": "x", "b": 2}, {}])
    assert rows_of(opened(path)) == [{"b": 1, "a": None}, {"b": 2, "a": "x"}, {"b": None, "a": None}]


def test_keys_that_differ_in_case_get_a_number(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": 1, "A": 2}])
    assert rows_of(opened(path)) == [{"a": 1, "A_1": 2}]


def test_mixed_values_are_json_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": "x"}, {"a": {"b": [1, 2]}}, {"a": 1.5}, {"a": None}])
    assert [r["a"] for r in rows_of(opened(path))] == ['"x"', '{"b":[1,2]}', "1.5", None]


def test_nested_values(tmp_path: Path) -> None:
    rows = [
        {"a": {"x": 1, "y": ["p"]}, "l": [[1], []]},
        {"a": None, "l": None},
        {"a": {"x": None, "y": None}, "l": [None]},
    ]
    assert rows_of(opened(write(tmp_path / "t.jsonl", rows))) == rows


def test_values_of_another_kind_after_the_sample(tmp_path: Path) -> None:
    rows = [{"a": 1, "s": "x", "d": 1.5}] * 5 + [
        {"a": "12", "s": 12.5, "d": "2.5"},
        {"a": 2.0, "s": {"k": [1]}, "d": 7},
    ]
    found = rows_of(opened(write(tmp_path / "t.jsonl", rows), sample_rows=5))
    assert found[5:] == [{"a": 12, "s": "12.5", "d": 2.5}, {"a": 2, "s": '{"k":[1]}', "d": 7.0}]


def test_a_key_after_the_sample_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": 1}] * 5 + [{"a": 1, "late": 2}])
    with pytest.raises(BadValueError, match="late") as caught:
        rows_of(opened(path, sample_rows=5))
    assert caught.value.line == 6 and "--sample-rows" in str(caught.value)
    assert len(rows_of(opened(path, sample_rows=5, on_error="null"))) == 6
    assert rows_of(opened(path, sample_rows=5, types=(("late", "BIGINT"),)))[-1] == {"a": 1, "late": 2}


@pytest.mark.parametrize(("on_error", "expected"), [("null", [1, 2, None, None, 5]), ("skip", [1, 2, 5])])
def test_bad_rows_can_be_passed_over_and_are_counted(tmp_path: Path, on_error: str, expected: list[Any]) -> None:
    path, rejects = tmp_path / "t.jsonl", tmp_path / "rejects.csv"
    path.write_text('{"a":1}\n{"a":2}\n{"a":"x"}\n{"a":\n{"a":5}\n')
    source = opened(path, on_error=on_error, rejects=str(rejects), types=(("a", "BIGINT"),))
    assert [r["a"] for r in rows_of(source)] == expected
    assert source.refusals.count == 2
    assert [(r.line, r.column) for r in source.refusals.rows()] == [(3, "a"), (4, None)]


def test_the_error_names_the_line_in_a_later_split(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": i} for i in range(200)] + [{"a": "x"}] + [{"a": 1}] * 20)
    with pytest.raises(BadValueError) as caught:
        rows_of(opened(path, sample_rows=50, split_bytes=100))
    assert (caught.value.line, caught.value.column, caught.value.value) == (201, "a", '"x"')


def test_all_text_and_given_types(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": 1, "b": 2.5, "c": True}])
    assert rows_of(opened(path, all_varchar=True)) == [{"a": "1", "b": "2.5", "c": "true"}]
    assert [str(f.type) for f in opened(path, types=(("B", "DECIMAL(5,2)"), ("a", "int"))).schema][:2] == [
        "int32",
        "decimal128(5, 2)",
    ]


json_rows = st.lists(
    st.fixed_dictionaries(
        {"a": st.none() | st.integers(-999, 999), "s": st.text(max_size=6)},
        optional={"n": st.lists(st.integers(0, 9), max_size=2)},
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=json_rows, last=st.booleans(), bom=st.booleans(), style=st.booleans())
def test_every_way_of_splitting_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], last: bool, bom: bool, style: bool
) -> None:
    folder = tmp_path_factory.mktemp("splits")
    separators = (",", ":") if style else None
    text = "\n".join(json.dumps(r, ensure_ascii=style, separators=separators) for r in rows) + ("\n" if last else "")
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    path = folder / "t.jsonl"
    path.write_bytes(data)
    with gzip.open(folder / "t.jsonl.gz", "wb") as out:
        out.write(data)
    told = (("a", "BIGINT"), ("s", "VARCHAR"))
    whole = rows_of(opened(path, types=told))
    assert [(r["a"], r["s"]) for r in whole] == [(r["a"], r["s"]) for r in rows]
    for size in (1, 3, 20, len(data) or 1):
        assert rows_of(opened(path, split_bytes=size, types=told)) == whole
        assert rows_of(opened(folder / "t.jsonl.gz", split_bytes=size, types=told)) == whole
        assert len(rows_of(opened(path, split_bytes=size, types=told), [])) == len(whole)


def test_rows_longer_than_a_block(tmp_path: Path) -> None:
    rows = [{"a": i, "s": "x" * n} for i, n in enumerate((3_000_000, 10, 1_500_000, 5))]
    assert rows_of(opened(write(tmp_path / "t.jsonl", rows), split_bytes=1 << 20)) == rows


def test_batches_are_cut_and_limited(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": i} for i in range(100)])
    source = opened(path)
    assert [b.num_rows for s in source.splits(Scan(("a",), batch_rows=30)) for b in s.batches()] == [30, 30, 30, 10]
    assert [r["a"] for r in rows_of(source, limit=7)] == list(range(7))


def test_columns_may_be_asked_for_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"a": 1, "b": "x", "c": 2.5}])
    assert rows_of(opened(path), ["c", "a"]) == [{"c": 2.5, "a": 1}]


@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_and_objects_over_several_lines(tmp_path: Path, indent: int | None) -> None:
    rows = [{"a": i, "s": "]},[{" * (i % 3), "n": {"x": [i]}} for i in range(50)]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(rows, indent=indent))
    assert rows_of(opened(path)) == rows
    path.write_text("\n".join(json.dumps(r, indent=2) for r in rows))
    assert rows_of(opened(path)) == rows


def test_a_large_array_is_read_in_pieces(tmp_path: Path) -> None:
    rows = [{"a": i, "s": "é" * 40} for i in range(40_000)]
    path = tmp_path / "t.json"
    path.write_text(json.dumps(rows, ensure_ascii=False))
    source = opened(path)
    batches = [b for s in source.splits(Scan(("a", "s"))) for b in s.batches()]
    assert len(batches) > 5 and pa.Table.from_batches(batches).to_pylist() == rows


def test_an_array_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('[{"a": 1},\n{"a": 2}')
    with pytest.raises(BadValueError, match="no end") as caught:
        rows_of(opened(path))
    assert caught.value.line == 2


def test_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for content in ("", "\n\n", "[]"):
        path.write_text(content)
        assert rows_of(opened(path)) == []


def test_several_files_hive_folders_and_file_names(tmp_path: Path) -> None:
    for year in (2023, 2024):
        folder = tmp_path / f"year={year}"
        folder.mkdir()
        write(folder / "t.jsonl", [{"a": year % 100}])
    source = opened(f"{tmp_path}/*/t.jsonl", filename=True)
    assert [(r["a"], r["year"]) for r in rows_of(source)] == [(23, 2023), (24, 2024)]
    assert [r["a"] for r in rows_of(source, ["a"], bounds=(Bound("year", "=", 2024),))] == [24]
    assert rows_of(source)[0]["filename"].endswith("year=2023/t.jsonl")


def test_types_of_several_files_are_joined(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", [{"a": 1}])
    write(tmp_path / "2.jsonl", [{"a": 1.5, "b": 2}])
    assert rows_of(opened(f"{tmp_path}/*.jsonl")) == [{"a": 1.0, "b": None}, {"a": 1.5, "b": 2}]


class Dribble:
    """A stream that gives at most `most` bytes at a time, as pipes do when their writer is slow."""

    def __init__(self, stream: Any, most: int) -> None:
        self.stream, self.most = stream, most

    def read(self, size: int = -1) -> bytes:
        return self.stream.read(min(size, self.most) if size >= 0 else self.most)

    def close(self) -> None:
        self.stream.close()


def test_splits_do_not_hang_on_how_fast_a_pipe_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # float sums are added up split by split: other splits would be another answer
    data = "".join(json.dumps({"a": i, "s": "x" * (i % 70)}) + "\n" for i in range(2000)).encode()
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(data))
    found = []
    for most in (1 << 20, 1000, 7):
        monkeypatch.setattr(jsonl_source, "open_bytes", lambda f, most=most: Dribble(open_bytes(f), most))
        source = opened(path, split_bytes=4096, sample_rows=10)
        scan = Scan(tuple(source.schema.names))
        found.append([[b.to_pydict() for b in split.batches()] for split in source.splits(scan)])
    assert len(found[0]) > 5
    assert found[0] == found[1] == found[2]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    rows = [{"a": i, "s": "x" * (i % 7)} for i in range(3000)]
    data = "".join(json.dumps(r) + "\n" for r in rows).encode()
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    source = opened(path, sample_rows=10)
    assert not source.splittable
    assert rows_of(source) == rows
    writer.join()
    with pytest.raises(SourceError, match="only once"):
        rows_of(source)
