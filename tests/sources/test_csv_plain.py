"""CSV by NumPy gives what Arrow's parser gives, bit for bit, or leaves the text to it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from velothread import types as t
from velothread.sources import csv_plain
from velothread.sources.csv_dialect import Dialect
from velothread.sources.csv_plain import PlainReader
from velothread.sources.csv_schema import CsvColumn, CsvLayout, convert_options
from velothread.sources.csv_splits import RangeBuffer
from velothread.sources.source import ReadOptions

_KINDS = (t.BIGINT, t.DOUBLE, t.VARCHAR)
_PLAIN = {
    t.BIGINT: st.one_of(
        st.integers(-999, 999),
        st.integers(-(2**63) - 2, 2**63 + 1),
        st.integers(10**15, 10**17),
        st.sampled_from(["", "007", "-0", "-00000000000000000000001"]),
    ).map(str),
    t.DOUBLE: st.one_of(
        st.decimals(-1000, 1000, places=1),
        st.decimals(-1000, 1000, places=4),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.integers(-(10**9), 10**9),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["", "-0", "-0.0", ".5", "5.", "-.25", "1e3", "nan", "-inf", "0.1", "1234567.", "123456.7"]),
    ).map(str),
    t.VARCHAR: st.text(st.characters(exclude_characters=',"\r\n', exclude_categories=["Cs"]), max_size=12),
}
_ODD = st.sampled_from(
    ["+1", " 7", "1.2.3", "-", "--1", "1-", ".", "-.", "0x1F", "1_0", '"a"', "a\rb", "a,b", "\n", "1..2"]
)


@st.composite
def _texts(draw: st.DrawFn) -> tuple[tuple[t.SqlType, ...], bytes]:
    kinds = tuple(draw(st.lists(st.sampled_from(_KINDS), min_size=2, max_size=5)))
    row = st.tuples(*(_PLAIN[k] for k in kinds)).map(list)
    rows = draw(st.lists(row, min_size=1, max_size=30))
    if draw(st.integers(0, 3)) == 0:
        rows[draw(st.integers(0, len(rows) - 1))][draw(st.integers(0, len(kinds) - 1))] = draw(_ODD)
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = end.join(",".join(row) for row in rows) + draw(st.sampled_from([end, ""]))
    return kinds, text.encode()


def _layout(kinds: tuple[t.SqlType, ...]) -> CsvLayout:
    return CsvLayout(Dialect(), tuple(CsvColumn(f"c{i}", k) for i, k in enumerate(kinds)), False, 0, 0)


def _plain(layout: CsvLayout, wanted: list[CsvColumn], text: bytes) -> tuple[list[pa.Array], int] | None:
    buffer = RangeBuffer()
    return PlainReader(layout, wanted, ReadOptions(), buffer.masks).read(*buffer.framed(text))


def _arrow(layout: CsvLayout, wanted: list[CsvColumn], text: bytes) -> pa.Table | None:
    types = {c.name: c.type.arrow for c in wanted}
    try:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(layout.names)),
            layout.dialect.parse_options(len(layout.names)),
            convert_options(layout, ReadOptions(), types, list(types)),
        )
    except pa.ArrowInvalid:
        return None


def _bits(array: pa.Array) -> list[object]:
    """Values that tell -0.0 from 0.0."""
    return [v.hex() if isinstance(v, float) else v for v in array.to_pylist()]


@settings(max_examples=300, deadline=None)
@given(_texts(), st.data(), st.sampled_from([8, 40, 1 << 19]), st.sampled_from([1, 5, 8192]))
def test_values_are_those_of_arrow(
    drawn: tuple[tuple[t.SqlType, ...], bytes], data: st.DataObject, piece: int, rows: int
) -> None:
    kinds, text = drawn
    layout = _layout(kinds)
    wanted = data.draw(st.lists(st.sampled_from(layout.columns), unique=True, min_size=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_plain, "PIECE", piece)
        patch.setattr(csv_plain, "_LEAST_ROWS", rows)
        found = _plain(layout, wanted, text)
    if found is None:
        return
    expected = _arrow(layout, wanted, text)
    assert expected is not None
    assert found[1] == expected.num_rows
    for array, column in zip(found[0], expected.columns, strict=True):
        assert array.type == column.type
        assert _bits(array) == _bits(column.combine_chunks())
        array.validate(full=True)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_plain_text_is_served(end: bytes) -> None:
    rows = [b"1,-2.5,a", b",,", b"1234567890123456789,0.125,Zo\xc3\xab", b"-7,1e3,x"]
    layout = _layout((t.BIGINT, t.DOUBLE, t.VARCHAR))
    found = _plain(layout, list(layout.columns), end.join(rows) + (end if end == b"\r\n" else b""))
    assert found is not None
    assert [a.to_pylist() for a in found[0]] == [
        [1, None, 1234567890123456789, -7],
        [-2.5, None, 0.125, 1000.0],
        ["a", None, "Zoë", "x"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        b'1,"a"\n',
        b"1,2,3\n4\n",
        b"1,a\n\n2,b\n",
        b"1,a\r2,b\n",
        b"1,a\r\n2,b\n",
        b"1,a\n2,b\r\n",
        b"1,a\n2,\xff\n",
        b"x,a\n",
        b"9223372036854775808,a\n",
    ],
)
def test_what_is_not_plain_is_left_to_arrow(text: bytes) -> None:
    layout = _layout((t.BIGINT, t.VARCHAR))
    assert _plain(layout, list(layout.columns), text) is None


def test_rows_are_counted_without_columns() -> None:
    layout = _layout((t.BIGINT, t.VARCHAR))
    assert _plain(layout, [], b"1,a\n2,\xff\n3,") == ([], 3)


def test_serves_few_columns_of_plain_types() -> None:
    layout = _layout((t.BIGINT, t.DOUBLE, t.VARCHAR, t.DATE, t.BIGINT, t.BIGINT))
    columns = layout.columns
    assert PlainReader.serves(layout, columns[:2], ReadOptions())
    assert not PlainReader.serves(layout, columns[:3], ReadOptions())
    assert not PlainReader.serves(layout, columns[3:4], ReadOptions())
    assert not PlainReader.serves(layout, columns[:1], ReadOptions(nulls=("-",)))
