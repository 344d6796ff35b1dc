"""Choosing a sink by name, suffix and options; compression; Markdown."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.outputs import batches, few, run, text, written
from velothread.errors import OptionError, UnsupportedError
from velothread.sinks.formats import format_of_path, make_sink, sink_for_file

BATCH = pa.record_batch({"n": [1, 2], "s": ["x", None]})
CSV = b"n,s\n1,x\n2,\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "csv"), ("a.CSV.gz", "csv"), ("a.tsv", "tsv"), ("a.jsonl.zst", "jsonl"), ("a.ndjson", "jsonl"),
        ("a.json", "json"), ("a.md", "markdown"), ("d.x/a.parquet", "parquet"), ("a.feather", "arrow"),
        ("a.txt", "table"), ("a", None), ("a.gz", None), ("a.data", None),
    ],
)  # fmt: skip
def test_formats_of_suffixes(name: str, expected: str | None) -> None:
    assert format_of_path(name) == expected


@pytest.mark.parametrize(
    ("name", "format", "options", "expected"),
    [
        ("a.csv", None, {}, CSV),
        ("a", None, {}, CSV),
        ("a.csv", "tsv", {}, b"n\ts\n1\tx\n2\t\n"),
        ("a.csv", None, {"FORMAT": "json"}, b'{"n":1,"s":"x"}\n{"n":2,"s":null}\n'),
        ("a.csv", None, {"format": "JSON", "ARRAY": True}, b'[\n\t{"n":1,"s":"x"},\n\t{"n":2,"s":null}\n]\n'),
        ("a.md", None, {}, b"| n | s |\n|--:|---|\n| 1 | x |\n| 2 | NULL |\n"),
        ("a.csv", None, {"HEADER": 0, "DELIMITER": ";"}, b"1;x\n2;\n"),
        ("a.csv", None, {"HEADER": "false"}, b"1,x\n2,\n"),
        ("a.csv.gz", None, {"COMPRESSION": "none"}, CSV),
    ],
)
def test_files(tmp_path: Path, name: str, format: str | None, options: dict[str, Any], expected: bytes) -> None:
    run(sink_for_file(tmp_path / name, format, options), [BATCH])
    assert (tmp_path / name).read_bytes() == expected


def decompressed(codec: str, data: bytes) -> bytes:
    if codec == "gz":
        return gzip.decompress(data)
    if codec == "bz2":
        return bz2.decompress(data)
    stream = pa.CompressedInputStream(pa.BufferReader(data), {"zst": "zstd"}.get(codec, codec))
    return stream.read()


@few
@given(batches(), st.sampled_from(["gz", "bz2", "zst", "lz4"]), st.sampled_from(["csv", "jsonl", "json"]))
def test_compressed_pieces_are_one_whole(parts: list[pa.RecordBatch], codec: str, format: str) -> None:
    assert decompressed(codec, written(format, parts, compression=codec)) == written(format, parts)


@pytest.mark.parametrize("codec", ["gz", "bz2", "zst", "lz4"])
def test_suffix_says_the_compression(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"a.csv.{codec}"
    run(sink_for_file(path), [BATCH, BATCH])
    assert decompressed(codec, path.read_bytes()) == CSV + b"1,x\n2,\n"


@pytest.mark.parametrize("codec", ["gz", "bz2", "zst", "lz4"])
def test_an_empty_output_is_a_valid_compressed_file(codec: str) -> None:
    assert decompressed(codec, written("csv", [BATCH.slice(0, 0)], compression=codec, header=False)) == b""


def test_the_same_rows_give_the_same_gzip_file() -> None:
    assert written("csv", [BATCH], compression="gzip") == written("csv", [BATCH], compression="gzip")


@pytest.mark.parametrize(
    ("format", "options", "said"),
    [
        ("csv", {"delimeter": ";"}, "did you mean 'delimiter'"),
        ("csv", {"compresion": "gzip"}, "did you mean 'compression'"),
        ("csv", {"row_group_size": 5}, "it belongs to parquet"),
        ("csv", {"compression": "zsdt"}, "did you mean"),
        ("csv", {"compression": "zstd", "compression_level": 99}, "-7 to 22"),
        ("csv", {"header": "maybe"}, "true or false"),
        ("csv", {"delim": ";", "sep": ","}, "given twice"),
        ("csv", {"delimiter": 3}, "takes a text"),
        ("csv", {"force_quote": 3}, "column names"),
        ("cvs", {}, "did you mean 'csv'"),
        ("excel", {}, "known: table"),
    ],
)
def test_wrong_options_are_refused_with_the_way_out(format: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        make_sink(format, io.BytesIO(), options)


def test_options_of_duckdb_that_we_lack_are_said_to_be_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="PARTITION_BY is not supported"):
        sink_for_file("a.csv", options={"PARTITION_BY": "x"})


def test_choosing_a_sink_touches_no_file(tmp_path: Path) -> None:
    sink_for_file(tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_markdown_escapes_what_would_break_the_table() -> None:
    assert (
        text("markdown", ["a|b\nc\\", None], [1.5, 2.0])
        == "| a | b |\n|---|--:|\n| a\\|b<br>c\\\\ | 1.5 |\n| NULL | 2.0 |\n"
    )


def test_a_table_file_holds_all_rows(tmp_path: Path) -> None:
    run(sink_for_file(tmp_path / "a.txt"), [pa.record_batch({"n": range(300)})])
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 306


def test_json_in_a_json_file_is_valid(tmp_path: Path) -> None:
    run(sink_for_file(tmp_path / "a.json"), [BATCH, BATCH])
    assert len(json.loads((tmp_path / "a.json").read_text())) == 4
