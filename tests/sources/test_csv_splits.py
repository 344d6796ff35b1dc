"""Cutting CSV: the rows of all splits together are the rows of the file, wherever it is cut."""

from __future__ import annotations

import io
import tempfile
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from velothread.errors import SourceError
from velothread.sources.csv_dialect import Dialect, _parity_end, exact_end, fields, last_record_end, records
from velothread.sources.csv_source import open_csv
from velothread.sources.csv_splits import RangeBuffer, blocks, range_size, ranges
from velothread.sources.files import File, resolve
from velothread.sources.source import ReadOptions, Scan

# Pieces that make quotes, newlines and delimiters meet in every way.
PIECES = st.sampled_from(['"', '""', "a", "bc", ",", "\n", "\r\n", "\r", " ", 'x" ', "é"])
TEXTS = st.lists(PIECES, max_size=40).map("".join)


def whole(data: bytes, dialect: Dialect, columns: int) -> list[dict[str, str | None]]:
    """The records by Arrow's parser over the whole text; rows of another width left out."""
    if not data:
        return []
    names = [f"c{i}" for i in range(columns)]
    return csv.read_csv(
        io.BytesIO(data),
        read_options=csv.ReadOptions(use_threads=False, column_names=names, block_size=1 << 20),
        parse_options=dialect.parse_options(columns, lambda row: "skip"),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True),
    ).to_pylist()


@settings(max_examples=30, deadline=None)
@given(
    TEXTS, st.sampled_from([Dialect(), Dialect(crlf=True), Dialect(quote=""), Dialect(escape="\\")]), st.integers(1, 2)
)
def test_the_parts_before_and_after_any_cut_are_the_whole(text: str, dialect: Dialect, columns: int) -> None:
    data = text.encode()
    expected = whole(data, dialect, columns)
    for size in range(1, len(data) + 1):
        end = last_record_end(data[:size], dialect)
        assert end <= size
        assert whole(data[:end], dialect, columns) + whole(data[end:], dialect, columns) == expected, (size, end)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_counting_quotes_finds_an_end_of_a_record_or_gives_up(text: str) -> None:
    data = text.encode() + b","
    found = _parity_end(data, Dialect())
    # It may find an earlier end than the last one (before a stray quote, or a lone "\r"), never a wrong one.
    if found:
        assert found <= exact_end(data, Dialect())
        assert whole(data[:found], Dialect(), 2) + whole(data[found:], Dialect(), 2) == whole(data, Dialect(), 2)


@pytest.mark.parametrize("length", [1, 62, 63, 64, 65, 127, 128, 129, 4000])
def test_quotes_across_words_of_bits(length: int) -> None:
    record = b'"' + b"x\n" * length + b'",1\n'
    assert last_record_end(record * 3, Dialect()) == 3 * len(record)
    assert _parity_end(record * 3, Dialect()) == 3 * len(record)
    assert last_record_end(record + record[:-1], Dialect()) == len(record)


def test_a_stray_quote_within_a_value_is_text() -> None:
    data = b'1,5" pipe\n2,"a\nb"\n3,6" pi'
    assert _parity_end(data[:19], Dialect()) is None
    assert last_record_end(data, Dialect()) == data.index(b"3,")


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_ranges_and_blocks_cover_the_file_without_gaps(text: str, size: int) -> None:
    data = text.encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_bytes(data)
        file = File(str(path), len(data))
        found = list(ranges(file, 0, Dialect(), size, 0))
        assert b"".join(bytes(RangeBuffer().load(file, a, b)) for a, b, _ in found) == data
        assert [lines for _, _, lines in found] == [data.count(b"\n", 0, a) for a, _, _ in found]
        pieces = [piece for piece, _ in blocks(io.BytesIO(data), b"", Dialect(), size)]
        assert b"".join(pieces) == data
        for parts in ([data[a:b] for a, b, _ in found], pieces):
            rows = [row for part in parts for row in whole(part, Dialect(), 2)]
            assert rows == whole(data, Dialect(), 2)


VALUES = st.one_of(
    st.none(), st.text(st.sampled_from("ab \",\n\r;é'"), min_size=1, max_size=12), st.integers().map(str)
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=20)


def written(rows: list[tuple[str | None, ...]], newline: str, last: bool) -> str:
    def quoted(value: str | None) -> str:
        if value is None:
            return ""
        return '"' + value.replace('"', '""') + '"' if set(value) & set('",\n\r') else value

    lines = [",".join(quoted(v) for v in row) for row in [("x", "y", "z"), *rows]]
    return newline.join(lines) + (newline if last else "")


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 200), st.integers(1, 5))
def test_reading_in_splits_gives_the_rows_written(
    rows: list[tuple[str | None, ...]], newline: str, last: bool, split: int, batch_rows: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text(written(rows, newline, last), newline="")
        options = ReadOptions(all_varchar=True, split_bytes=split, header=True, delimiter=",", escape='"')
        source = open_csv(resolve(str(path), options), options)
        scan = Scan(("z", "x"), batch_rows=batch_rows)
        batches = [batch for part in source.splits(scan) for batch in part.batches()]
        assert all(batch.num_rows <= batch_rows for batch in batches)
        assert [(b["z"], b["x"]) for batch in batches for b in batch.to_pylist()] == [(z, x) for x, _, z in rows]
        counted = [batch for part in source.splits(Scan(())) for batch in part.batches()]
        assert sum(batch.num_rows for batch in counted) == len(rows)
        assert all(batch.num_columns == 0 for batch in counted)


def test_records_and_fields_for_messages() -> None:
    data = b'a,"b\nc",d"e\r\n\r\n"x""y"z,\rlast'
    assert [data[a:b] for a, b in records(data, Dialect())] == [b'a,"b\nc",d"e\r\n', b"\r\n", b'"x""y"z,\r', b"last"]
    assert fields(b'a,"b\nc",d"e\r\n', Dialect()) == [b"a", b"b\nc", b'd"e']
    assert fields(b'"x""y"z,', Dialect()) == [b'x"yz', b""]
    assert fields(b"a\\,b,c", Dialect(escape="\\")) == [b"a,b", b"c"]


def test_range_size_depends_on_the_file_alone() -> None:
    assert range_size(0) == 1 << 20
    assert range_size(32 << 20) == 2 << 20
    assert range_size(10 << 30) == 4 << 20


def test_ranges_get_smaller_towards_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"12345,123456789\n" * (12 << 16))  # 12 MB
    found = [end - start for start, end, _ in ranges(File(str(path), 12 << 20), 0, Dialect(), 4 << 20, None)]
    assert sum(found) == 12 << 20
    assert found[0] > 2 << 20
    assert all(a >= b for a, b in pairwise(found))
    assert found[-1] <= 1 << 20
    even = [end - start for start, end, _ in ranges(File(str(path), 12 << 20), 0, Dialect(), 1 << 20, None)]
    assert len(even) == 12


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * 100)
    options = ReadOptions(split_bytes=64)
    parts = list(open_csv(resolve(str(path), options), options).splits(Scan(("a",))))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="became shorter"):
        list(parts[-1].batches())
