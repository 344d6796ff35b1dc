"""CSV and TSV: DuckDB's bytes, and nothing lost on the way there and back."""

from __future__ import annotations

import datetime as dt
import io

import pyarrow as pa
import pyarrow.csv as pcsv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.outputs import DECIMAL, batches, few, text, texts, written
from velothread.errors import BindError, OptionError
from velothread.types import FLOAT, INTERVAL, TIMESTAMPTZ, from_arrow


def read_back(data: bytes, schema: pa.Schema, delimiter: str = ",", quote: str = '"') -> pa.Table:
    return pcsv.read_csv(
        io.BytesIO(data),
        pcsv.ReadOptions(use_threads=False),
        pcsv.ParseOptions(delimiter=delimiter, quote_char=quote, newlines_in_values=True, ignore_empty_lines=False),
        pcsv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


@few
@given(batches())
def test_what_is_written_is_read_back(parts: list[pa.RecordBatch]) -> None:
    schema = parts[0].schema
    assert read_back(written("csv", parts), schema).equals(pa.Table.from_batches(parts).combine_chunks())


@few
@given(batches(), st.sampled_from([(";", "'"), ("|", '"'), ("\t", '"'), (" ", "~")]))
def test_any_delimiter_and_quote(parts: list[pa.RecordBatch], marks: tuple[str, str]) -> None:
    data = written("csv", parts, delimiter=marks[0], quote=marks[1])
    assert read_back(data, parts[0].schema, *marks).equals(pa.Table.from_batches(parts).combine_chunks())


@few
@given(st.lists(st.none() | texts, min_size=1, max_size=12))
def test_slices_and_dictionaries_are_written_as_the_plain_column(values: list[str | None]) -> None:
    plain = pa.array(values, pa.string())
    padded = pa.array(["pad,", None, *values, '"'], pa.string()).slice(2, len(values))
    expected = text("csv", plain)
    assert text("csv", padded) == expected
    assert text("csv", plain.dictionary_encode()) == expected


@few
@given(st.lists(st.floats(), min_size=1, max_size=40))
def test_floats_come_back_bit_for_bit_and_look_as_in_python(values: list[float]) -> None:
    lines = text("csv", pa.array(values, pa.float64()), header=False).splitlines()
    assert lines == [repr(v) for v in values]


def test_a_repetitive_column_is_written_as_any_other() -> None:
    few = pa.array([[1.5, -0.0, 0.0, None, 1e20, float("nan")][i % 6] for i in range(20_000)])
    lines = text("csv", few, header=False).splitlines()
    assert lines == (["1.5", "-0.0", "0.0", "", "1e+20", "nan"] * 3334)[:20_000]


def test_texts_are_duckdbs() -> None:
    line = text(
        "csv",
        pa.array([28.6], pa.float32()),
        [True],
        [dt.datetime(2024, 1, 2, 3, 4, 5, 120_000)],
        [DECIMAL("1.50")],
        [[1, 2]],
        [{"a": 1, "b": "x y"}],
        [b"\x00\xaa"],
        header=False,
    )
    assert line == "28.6,true,2024-01-02 03:04:05.12,1.50,\"[1, 2]\",\"{'a': 1, 'b': x y}\",\\x00\\xAA\n"


def test_zoned_times_and_intervals() -> None:
    zoned = pa.array([dt.datetime(2024, 1, 2, 1, 4, 5)], pa.timestamp("us", "UTC"))
    interval = pa.array([pa.MonthDayNano([1, 2, 3_000_000_000])])
    line = text("csv", zoned, interval, types=(TIMESTAMPTZ, INTERVAL), header=False)
    assert line == "2024-01-02 01:04:05+00,1 month 2 days 00:00:03\n"


def test_quotes_only_where_needed() -> None:
    values = ["plain", 'a"b', "a,b", "a\nb", "a\rb", " lead", "NULL", "a#b", "", None, "a'b", "a;b"]
    expected = ["plain", '"a""b"', '"a,b"', '"a\nb"', '"a\rb"', " lead", "NULL", '"a#b"', '""', "", "a'b", "a;b"]
    assert text("csv", values, header=False) == "".join(f"{e}\n" for e in expected)


def test_header_names_are_quoted_where_needed() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1])] * 4, names=["a,b", 'c"d', "x#", " y"])
    assert written("csv", [batch]) == b'"a,b","c""d","x#", y\n1,1,1,1\n'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 'a,b\n1,x\n,"p,q"\n3,""\n'),
        ({"header": False}, '1,x\n,"p,q"\n3,""\n'),
        ({"DELIM": ";"}, 'a;b\n1;x\n;p,q\n3;""\n'),
        ({"Sep": "\\t"}, 'a\tb\n1\tx\n\tp,q\n3\t""\n'),
        ({"nullstr": "NA"}, 'a,b\n1,x\nNA,"p,q"\n3,\n'),
        ({"nullstr": "x"}, 'a,b\n1,"x"\nx,"p,q"\n3,\n'),
        ({"quote": "'"}, "a,b\n1,x\n,'p,q'\n3,''\n"),
        ({"force_quote": ["b"]}, 'a,"b"\n1,"x"\n,"p,q"\n3,""\n'),
        ({"force_quote": "*"}, '"a","b"\n"1","x"\n,"p,q"\n"3",""\n'),
        ({"delimiter": "||"}, 'a||b\n1||x\n||p,q\n3||""\n'),
        ({"delimiter": "1"}, 'a1b\n"1"1x\n1p,q\n31""\n'),
    ],
)
def test_options(options: dict[str, object], expected: str) -> None:
    assert text("csv", [1, None, 3], ["x", "p,q", ""], **options) == expected


def test_escape_that_is_not_the_quote() -> None:
    assert text("csv", ['a"b', "a\\b", "x,\\y"], header=False, escape="\\") == '"a\\"b"\na\\b\n"x,\\\\y"\n'


def test_formats_of_dates_and_timestamps() -> None:
    line = text(
        "csv", [dt.date(2024, 1, 2)], [dt.datetime(2024, 1, 2, 3, 4)], header=False, dateformat="%d/%m/%Y",
        timestampformat="%Y, %H:%M",
    )  # fmt: skip
    assert line == '02/01/2024,"2024, 03:04"\n'


def test_an_empty_result_has_a_header() -> None:
    assert written("csv", [pa.record_batch({"a": pa.array([], pa.int64())})]) == b"a\n"


def test_tsv() -> None:
    assert text("tsv", [1], ["x\ty"]) == 'a\tb\n1\t"x\ty"\n'


def test_without_a_quote_what_needs_one_is_refused() -> None:
    assert text("csv", ["a"], quote="") == "a\na\n"
    with pytest.raises(OptionError, match="'p,q' needs quotes"):
        text("csv", ["p,q"], quote="")


def test_force_quote_of_an_unknown_column_names_the_near_one() -> None:
    batch = pa.record_batch({"station": [1]})
    with pytest.raises(BindError, match="'station'"):
        written("csv", [batch], force_quote=["statoin"])


@pytest.mark.parametrize(
    "options",
    [{"delimiter": ""}, {"delimiter": "\n"}, {"quote": "ab"}, {"escape": "é"}, {"delimiter": '"'}, {"nullstr": "a,b"}],
)
def test_options_that_make_no_readable_file_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        text("csv", [1], **options)


def test_more_text_than_a_32_bit_offset_is_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("velothread.sinks.text_sink._LARGE_BATCH", 50)
    values = [f"value {i}" for i in range(40)]
    assert text("csv", values, header=False).splitlines() == values
    assert text("json", values).count("value") == 40


def test_float32_is_as_short_as_can_be() -> None:
    values = pa.array([0.1, 16777216, 3.4e38, 1e-5], pa.float32())
    assert from_arrow(values.type) == FLOAT
    assert text("csv", values, header=False).split() == ["0.1", "16777216.0", "3.4e+38", "1e-05"]
