"""Parquet and Arrow IPC files and streams."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from tests.sinks.outputs import batches, few, run, sql_types, written
from velothread.errors import OptionError, SinkError, UnsupportedError
from velothread.sinks.formats import make_sink, sink_for_file

NUMBERS = pa.record_batch({"n": pa.array(range(1000), pa.int64()), "s": pa.array([str(i % 7) for i in range(1000)])})


@few
@given(batches())
def test_parquet_gives_back_what_was_written(parts: list[pa.RecordBatch]) -> None:
    found = pq.read_table(io.BytesIO(written("parquet", parts)), use_threads=False)
    assert found.equals(pa.Table.from_batches(parts))


@few
@given(batches())
def test_an_arrow_stream_gives_back_what_was_written(parts: list[pa.RecordBatch]) -> None:
    found = pa.ipc.open_stream(written("arrow", parts)).read_all()
    assert found.equals(pa.Table.from_batches(parts))


@pytest.mark.parametrize("codec", ["none", "lz4", "zstd"])
def test_arrow_files(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "n.arrow"
    run(sink_for_file(path, options={"compression": codec}), [NUMBERS])
    assert pa.ipc.open_file(path).read_all().to_batches() == [NUMBERS]


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none"])
def test_parquet_codecs_and_row_groups(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "n.parquet"
    run(
        sink_for_file(path, options={"COMPRESSION": codec, "ROW_GROUP_SIZE": 300}),
        [NUMBERS.slice(0, 450), NUMBERS.slice(450)],
    )
    meta = pq.read_metadata(path)
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [300, 300, 300, 100]
    assert meta.row_group(0).column(0).compression.lower() == {"none": "uncompressed"}.get(codec, codec)
    assert pq.read_table(path).equals(pa.Table.from_batches([NUMBERS]))


@pytest.mark.parametrize("cuts", [[1000], [1, 999], [300] * 3 + [100], [7] * 142 + [6]])
def test_the_file_depends_on_the_rows_and_not_on_the_batches(cuts: list[int]) -> None:
    parts, start = [], 0
    for rows in cuts:
        parts.append(NUMBERS.slice(start, rows))
        start += rows
    assert written("parquet", parts, row_group_size=256) == written("parquet", [NUMBERS], row_group_size=256)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_dictionary_encoded_text_is_written_as_text(format: str) -> None:
    sink_input = pa.RecordBatch.from_arrays([NUMBERS["n"], NUMBERS["s"].dictionary_encode()], names=["n", "s"])
    out = io.BytesIO()
    sink = make_sink(format, out)
    sink.begin(NUMBERS.schema, sql_types(NUMBERS.schema))
    sink.write(sink.encode(sink_input))
    sink.finish()
    data = io.BytesIO(out.getvalue())
    table = pq.read_table(data) if format == "parquet" else pa.ipc.open_stream(data).read_all()
    assert table.equals(pa.Table.from_batches([NUMBERS]))


def test_no_rows() -> None:
    empty = NUMBERS.slice(0, 0)
    assert pq.read_table(io.BytesIO(written("parquet", [empty]))).schema == NUMBERS.schema
    assert pa.ipc.open_stream(written("arrow", [empty])).read_all().num_rows == 0


def test_intervals_are_refused_with_the_way_out() -> None:
    batch = pa.record_batch({"i": pa.array([pa.MonthDayNano([1, 2, 3])])})
    with pytest.raises(UnsupportedError, match="cast it to VARCHAR"):
        written("parquet", [batch])


def test_a_name_that_is_there_twice_is_refused_in_parquet() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(SinkError, match="'x' is there twice"):
        written("parquet", [batch])


@pytest.mark.parametrize(
    ("format", "options", "said"),
    [
        ("parquet", {"compression": "zst d"}, "did you mean 'zstd'"),
        ("parquet", {"compression": "snappy", "compression_level": 3}, "no levels"),
        ("parquet", {"row_group_size": 0}, "at least 1"),
        ("parquet", {"row_group_size": "many"}, "whole number"),
        ("arrow", {"compression": "gzip"}, "known: lz4, zstd"),
    ],
)
def test_wrong_options(format: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        make_sink(format, io.BytesIO(), options)
