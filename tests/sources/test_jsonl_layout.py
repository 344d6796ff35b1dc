"""The quick way of reading JSON lines gives what a JSON parser gives, for every kind of row."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread import types as t
from velothread.errors import BadValueError
from velothread.sources.files import File
from velothread.sources.json_block import BlockReader, JsonPlan, Where, framed
from velothread.sources.json_layout import LayoutReader, layout_of
from velothread.sources.json_rows import JsonColumn
from velothread.sources.rejects import Refusals
from velothread.sources.source import ReadOptions
from velothread.sources.text_cells import BACK, FRONT

COLUMNS = (
    JsonColumn("a", "a", t.BIGINT),
    JsonColumn("b", "b", t.DOUBLE),
    JsonColumn("s", "s", t.VARCHAR),
    JsonColumn("f", "f", t.BOOLEAN),
    JsonColumn("gone", "gone", t.VARCHAR),
)
WHERE = Where(File("x.jsonl"), 0, 0, 1)


def read(data: bytes, columns: tuple[JsonColumn, ...] = COLUMNS) -> list[dict[str, Any]]:
    plan = JsonPlan(columns, columns, None, ReadOptions(), Refusals())
    buffer = framed([data])
    arrays, rows = BlockReader(plan).read(buffer, FRONT, len(buffer) - BACK, WHERE)
    for array in arrays:
        array.validate(full=True)
    values = [a.to_pylist() for a in arrays]
    return [{c.name: v[i] for c, v in zip(columns, values, strict=True)} for i in range(rows)]


def expected(data: bytes, columns: tuple[JsonColumn, ...] = COLUMNS) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in data.split(b"\n") if line.strip()]
    result = []
    for row in rows:
        out = {c.name: row.get(c.key) for c in columns}
        if out.get("b") is not None:
            out["b"] = float(out["b"])
        result.append(out)
    return result


def same(x: Any, y: Any) -> bool:
    if isinstance(x, float) and isinstance(y, float):
        return x == y or (math.isnan(x) and math.isnan(y))
    return type(x) is type(y) and bool(x == y)


def agree(data: bytes, columns: tuple[JsonColumn, ...] = COLUMNS) -> None:
    got, want = read(data, columns), expected(data, columns)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert all(same(g[k], w[k]) for k in w), (g, w)


integers = st.one_of(
    st.integers(-(10**4), 10**4),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, (1 << 63) - 1, -(1 << 63), 10**8, 99_999_999, 10**16 - 1, 10**16, 10**18]),
).map(str) | st.just("-0")
doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-9999, 9999, places=2, allow_nan=False).map(str),
    st.decimals(-99, 99, places=1, allow_nan=False).map(str),
    integers,
    st.sampled_from(["0.0", "-0.0", "1e3", "1E-2", "2.5e+7", "0.1", "1234567.", "12345678.25", "0.0000001"]),
).filter(lambda s: not s.endswith("."))
tricky = st.sampled_from(
    [
        '"',
        "\\",
        ",",
        "{",
        "}",
        ":",
        '","a":1',
        '\\","a":',
        '{"a":1}',
        "\n",
        "\t",
        "é",
        "😀",
        " ",
        "null",
        "[1,2]",
        ',"b":2',
    ]
)
texts = st.one_of(st.text(max_size=12), st.lists(tricky, max_size=4).map("".join), st.text("ab ,", max_size=6))
nested = st.sampled_from(
    [
        '{"a":1,"b":2}',
        '[1,2,"x"]',
        "[]",
        "{}",
        '{"a":{"s":"x,y"}}',
        '[{"a":7},{"a":8}]',
        '"plain"',
        "null",
        "true",
        "12",
    ]
)


@st.composite
def members(draw: st.DrawFn) -> list[tuple[str, str]]:
    """The members of one object as text: key and value."""
    ascii_only = draw(st.booleans())
    nulls = draw(st.integers(0, 5))
    values = {
        "a": draw(integers),
        "b": draw(doubles),
        "s": json.dumps(draw(texts), ensure_ascii=ascii_only),
        "f": draw(st.sampled_from(["true", "false"])),
    }
    if nulls < 4:
        values["absf"[nulls]] = "null"
    return list(values.items())


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Mostly of one layout; some rows have another order, other spacing, missing, more or nested keys, or are blank."""
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (" : ", " ,")]))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    oddness = draw(st.integers(0, 9))
    out = []
    for row in draw(st.lists(members(), min_size=1, max_size=12)):
        c, s = colon, comma
        if draw(st.integers(0, 9)) < oddness:
            how = draw(st.integers(0, 6))
            if how == 0:
                row = draw(st.permutations(row))
            elif how == 1:
                row = row[1:] if draw(st.booleans()) else row[:-1]
            elif how == 2:
                row = [*row, ("more", draw(nested))]
            elif how == 3:
                row = [("more", draw(nested)), *row]
            elif how == 4:
                c, s = draw(st.sampled_from([("  :", ",  "), (":", ", ")]))
            elif how == 5:
                out.append(draw(st.sampled_from(["", "  ", "\t"])))
            else:
                row = [(k, draw(nested)) if k == "gone" else (k, v) for k, v in [*row, ("x", draw(nested))]]
        out.append("{" + s.join(f'"{k}"{c}{v}' for k, v in row) + "}")
    return (newline.join(out) + newline).encode()


@settings(max_examples=150, deadline=None)
@given(lines())
def test_every_row_is_read_as_a_json_parser_reads_it(data: bytes) -> None:
    agree(data)


@settings(max_examples=150, deadline=None)
@given(st.lists(members(), min_size=1, max_size=30), st.sampled_from([(":", ","), (": ", ", ")]))
def test_rows_of_one_layout_without_escapes_are_all_read_by_layout(rows: list[Any], style: tuple[str, str]) -> None:
    colon, comma = style
    text = [(k, v) for row in rows for k, v in row]
    data = ("\n".join("{" + comma.join(f'"{k}"{colon}{v}' for k, v in row) + "}" for row in rows) + "\n").encode()
    if (
        b"\\" in data
        or any(k == "s" and "," in v for k, v in text)
        or any(k == "b" and "e" in v.lower() for k, v in text)
    ):
        return
    layout = layout_of(data[: data.find(b"\n")])
    assert layout is not None
    wanted = [(c.key, c.type) for c in COLUMNS]
    buffer = framed([data])
    found = LayoutReader(layout, wanted).read(buffer, FRONT, len(buffer) - BACK)
    assert found is not None and found.regular is None
    want = expected(data)
    for column, array in zip(COLUMNS, found.arrays, strict=True):
        assert all(same(g, w[column.name]) for g, w in zip(array.to_pylist(), want, strict=True))


KEYS = ("a", "c", "é", "abcdefg", "abcdefgh", "temperature_in_degrees")


@st.composite
def same_types(draw: st.DrawFn) -> bytes:
    """Rows whose values could all stand for each other, so that only the keys tell which is which."""
    keys = draw(st.permutations(KEYS))[: draw(st.integers(2, 6))]
    out = []
    for _ in range(draw(st.integers(3, 12))):
        row = list(keys)
        how = draw(st.integers(0, 7))
        if how == 0:
            row = draw(st.permutations(row))
        elif how == 1:
            row[draw(st.integers(0, len(row) - 1))] = draw(
                st.sampled_from(["A", "abcdefgi", "temperature_in_degreeS", "x"])
            )
        values = [draw(st.sampled_from(["0", "7", "-12", "123456", "null"])) for _ in row]
        if how == 2:
            values[draw(st.integers(0, len(row) - 1))] = draw(st.sampled_from(["[3]", "{}", '{"a":9}']))
        out.append("{" + ",".join(f'"{k}":{v}' for k, v in zip(row, values, strict=True)) + "}\n")
    return "".join(out).encode()


@settings(max_examples=150, deadline=None)
@given(same_types(), st.sets(st.sampled_from(KEYS), min_size=1))
def test_values_are_told_apart_by_their_keys_alone(data: bytes, wanted: set[str]) -> None:
    columns = tuple(JsonColumn(k, k, t.BIGINT) for k in sorted(wanted))
    if any(isinstance(row[k], dict | list) for row in expected(data, columns) for k in wanted):
        with pytest.raises(BadValueError):
            read(data, columns)
    else:
        agree(data, columns)


@settings(max_examples=80, deadline=None)
@given(st.lists(doubles, min_size=1, max_size=20))
def test_doubles_of_any_spelling(values: list[str]) -> None:
    data = "".join(f'{{"b":{v}}}\n' for v in values).encode()
    agree(data, (COLUMNS[1],))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.decimals(-9999, 9999, places=2, allow_nan=False).map(str) | integers, min_size=1, max_size=20))
def test_short_doubles_with_and_without_a_fraction(values: list[str]) -> None:
    agree("".join(f'{{"b":{v},"a":1}}\n' for v in values).encode(), COLUMNS[:2])


@settings(max_examples=80, deadline=None)
@given(st.lists(integers, min_size=1, max_size=20))
def test_integers_of_any_length(values: list[str]) -> None:
    agree("".join(f'{{"a":{v}}}\n' for v in values).encode(), (COLUMNS[0],))


@pytest.mark.parametrize(
    "value", ["9223372036854775808", "-9223372036854775809", "99999999999999999999", "1.5", '"x"', "[1]"]
)
def test_what_is_no_integer_is_refused_with_its_place(value: str) -> None:
    data = ('{"a":1}\n' * 3 + f'{{"a":{value}}}\n').encode()
    with pytest.raises(BadValueError) as caught:
        read(data, (COLUMNS[0],))
    assert (caught.value.line, caught.value.column) == (4, "a")


@pytest.mark.parametrize(
    "row",
    [
        '{"a":1,"a":2}', '{"a":1,"b":2', '{"a":1 "b":2}', '{"a":1,"b":2}}', "[1]", "5", '{"a":tru}', '{"a":1}{"a":2}',
        '{"a":1,"s":"x"y"}', '{"a":1,"s":"\\ud83d"}',
    ],
)  # fmt: skip
def test_rows_that_are_no_object_are_refused(row: str) -> None:
    data = ('{"a":1,"s":"x"}\n' * 5 + row + "\n" + '{"a":1,"s":"x"}\n').encode()
    with pytest.raises(BadValueError) as caught:
        read(data, COLUMNS[:3])
    assert caught.value.line == 6


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(BadValueError, match="UTF-8") as caught:
        read(b'{"s":"a"}\n{"s":"\xff"}\n', (COLUMNS[2],))
    assert caught.value.line == 2


def test_strings_with_the_text_of_a_key_inside() -> None:
    rows = [{"a": 1, "s": x, "b": 2.5} for x in ('x","a":5,"s":"y', ',"b":', "{", '"', "a,b", "\\")]
    agree("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in rows).encode())


def test_a_nested_line_has_no_layout() -> None:
    for line in (b'{"a":{"b":1}}', b'{"a":[1]}', b'{"a":"\\n"}', b"[1]", b'{"a":1,"a":2}', b"{}", b'{"a":1'):
        assert layout_of(line) is None
