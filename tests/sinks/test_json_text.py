"""JSON: valid, complete, as Python's own reader sees it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.sinks.outputs import DECIMAL, batches, few, text, texts, written
from velothread.types import DOUBLE, HUGEINT, JSON, decimal


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (dt.date, dt.datetime)):
        shown = str(value)
        return shown.rstrip("0") if "." in shown else shown
    return value


@few
@given(batches())
def test_jsonl_holds_every_value(parts: list[pa.RecordBatch]) -> None:
    lines = written("jsonl", parts).decode().split("\n")
    assert lines.pop() == ""
    found = [json.loads(line, parse_float=lambda s: DECIMAL(s)) for line in lines]
    rows = pa.Table.from_batches(parts).to_pylist()
    assert len(found) == len(rows)
    for got, row in zip(found, rows, strict=True):
        assert list(got) == list(row)
        for name, value in row.items():
            expected = plain(value)
            assert (float(got[name]) if isinstance(expected, float) else got[name]) == expected


@few
@given(batches())
def test_json_is_one_array_of_the_same_objects(parts: list[pa.RecordBatch]) -> None:
    lines = written("jsonl", parts).decode().split("\n")[:-1]
    assert json.loads(written("json", parts)) == [json.loads(line) for line in lines]


nested = st.fixed_dictionaries(
    {
        "list": st.none() | st.lists(st.none() | st.integers(-9, 9), max_size=3),
        "texts": st.none() | st.lists(st.none() | texts, max_size=3),
        "struct": st.none() | st.fixed_dictionaries({"x": st.none() | st.booleans(), 'a "y"': st.none() | texts}),
        "deep": st.none() | st.lists(st.none() | st.lists(st.fixed_dictionaries({"k": st.integers(0, 3)}), max_size=2)),
        "map": st.none() | st.dictionaries(texts, st.none() | st.integers(0, 5), max_size=3),
    }
)
NESTED = pa.schema(
    [
        ("list", pa.list_(pa.int64())),
        ("texts", pa.list_(pa.string())),
        ("struct", pa.struct([("x", pa.bool_()), ('a "y"', pa.string())])),
        ("deep", pa.list_(pa.list_(pa.struct([("k", pa.int64())])))),
        ("map", pa.map_(pa.string(), pa.int64())),
    ]
)


@few
@given(st.lists(nested, min_size=1, max_size=6), st.integers(0, 2))
def test_nested_values_and_slices_of_them(rows: list[dict[str, Any]], cut: int) -> None:
    maps = [{**r, "map": None if r["map"] is None else list(r["map"].items())} for r in rows]
    batch = pa.RecordBatch.from_pylist(maps, NESTED)
    lines = written("jsonl", [batch.slice(cut)]).decode().split("\n")[:-1]
    assert [json.loads(line) for line in lines] == rows[cut:]


def test_numbers_keep_their_digits() -> None:
    line = text(
        "jsonl", [DECIMAL("1.50")], pa.array([DECIMAL(2**120)], pa.decimal128(38, 0)), [0.1],
        pa.array([DECIMAL("-0.25")], pa.decimal128(2, 2)), types=(decimal(3, 2), HUGEINT, DOUBLE, decimal(2, 2)),
    )  # fmt: skip
    assert line == '{"a":1.50,"b":1329227995784915872903807060280344576,"c":0.1,"d":-0.25}\n'


def test_what_json_has_no_number_for_is_null() -> None:
    assert text("jsonl", [float("nan"), float("inf"), 1.0]) == '{"a":null}\n{"a":null}\n{"a":1.0}\n'


def test_json_columns_go_in_as_they_are() -> None:
    assert text("jsonl", ['{"x": [1]}', None], types=(JSON,)) == '{"a":{"x": [1]}}\n{"a":null}\n'


def test_an_empty_result() -> None:
    empty = pa.record_batch({"a": pa.array([], pa.int64())})
    assert written("jsonl", [empty]) == b""
    assert json.loads(written("json", [empty])) == []


def test_array_option_turns_lines_into_an_array() -> None:
    assert text("jsonl", [1, 2], array=True) == '[\n\t{"a":1},\n\t{"a":2}\n]\n'


def test_control_characters_are_escaped() -> None:
    values = ["".join(map(chr, range(1, 32))) + '"\\/é漢']
    assert json.loads(text("jsonl", values))["a"] == values[0]
