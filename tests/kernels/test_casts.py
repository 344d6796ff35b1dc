"""Casts: text and back, rounding, range checks, nested values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread import types as t
from velothread.errors import ExecutionError
from velothread.kernels.casts import can_cast, cast, to_text

FEW = settings(max_examples=40, deadline=None)


def column(values: list[Any], type_: t.SqlType) -> pa.Array:
    return pa.array(values, type_.arrow)


def text_of(value: Any, type_: t.SqlType) -> Any:
    return to_text(column([value], type_), type_)[0].as_py()


def from_text(text: str, type_: t.SqlType) -> Any:
    """The text of the value that `text` is cast to."""
    return to_text(cast(pa.array([text]), t.VARCHAR, type_), type_)[0].as_py()


TYPES = [
    (t.BIGINT, st.integers(-(2**63), 2**63 - 1)),
    (t.UBIGINT, st.integers(0, 2**64 - 1)),
    (t.TINYINT, st.integers(-128, 127)),
    (t.HUGEINT, st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)),
    (t.DOUBLE, st.floats(allow_nan=False)),
    (t.FLOAT, st.floats(allow_nan=False, width=32)),
    (t.BOOLEAN, st.booleans()),
    (t.decimal(9, 4), st.decimals(-99999, 99999, places=4)),
    (t.decimal(38, 20), st.decimals(-(10**17), 10**17, places=20)),
    (t.DATE, st.dates()),
    (t.TIME, st.times()),
    (t.TIMESTAMP, st.datetimes()),
    (t.BLOB, st.binary(max_size=8)),
    (t.VARCHAR, st.text(max_size=8)),
]


@pytest.mark.parametrize(("type_", "values"), TYPES, ids=lambda x: str(x) if isinstance(x, t.SqlType) else "")
@FEW
@given(data=st.data())
def test_text_reads_back_as_the_same_value(type_: t.SqlType, values: Any, data: Any) -> None:
    array = column(data.draw(st.lists(st.none() | values, max_size=6)), type_)
    text = to_text(array, type_)
    assert cast(text, t.VARCHAR, type_).equals(array)


@pytest.mark.parametrize(("type_", "values"), TYPES[:-1], ids=lambda x: str(x) if isinstance(x, t.SqlType) else "")
@FEW
@given(data=st.data())
def test_lists_of_any_type_read_back_from_text(type_: t.SqlType, values: Any, data: Any) -> None:
    lists = t.list_of(type_)
    array = column(data.draw(st.lists(st.none() | st.lists(st.none() | values, max_size=3), max_size=4)), lists)
    assert cast(to_text(array, lists), t.VARCHAR, lists).equals(array)


@FEW
@given(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.sampled_from(["TINYINT", "USMALLINT", "INTEGER", "UBIGINT"]),
)
def test_integers_out_of_range_are_null_in_try_cast_and_an_error_in_cast(values: list[int | None], kind: str) -> None:
    target = t.SqlType(kind)
    signed, bits = t.INTEGER_WIDTHS[kind]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    expected = [v if v is not None and low <= v <= high else None for v in values]
    array = column(values, t.BIGINT)
    assert cast(array, t.BIGINT, target, safe=False).to_pylist() == expected
    if expected == values:
        assert cast(array, t.BIGINT, target).to_pylist() == expected
    else:
        with pytest.raises(ExecutionError, match="out of range"):
            cast(array, t.BIGINT, target)


@FEW
@given(st.decimals(-(10**6), 10**6, places=5), st.integers(0, 4))
def test_decimals_round_away_from_zero(value: Decimal, scale: int) -> None:
    expected = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    array = column([value], t.decimal(14, 5))
    assert cast(array, t.decimal(14, 5), t.decimal(14, scale))[0].as_py() == expected
    assert cast(array, t.decimal(14, 5), t.BIGINT)[0].as_py() == int(value.quantize(Decimal(1), ROUND_HALF_UP))


@FEW
@given(st.floats(-1e9, 1e9))
def test_floats_become_the_nearest_even_integer(value: float) -> None:
    assert cast(column([value], t.DOUBLE), t.DOUBLE, t.BIGINT)[0].as_py() == round(value)


@FEW
@given(st.lists(st.sampled_from(["1", " 2 ", "x", "3.5", "1e2", "", "9999999999", "1_000", None])))
def test_a_bad_value_does_not_touch_its_neighbours(texts: list[str | None]) -> None:
    meaning = {"1": 1, " 2 ": 2, "3.5": 4, "1e2": 100, "1_000": 1000}
    array = pa.array(texts, pa.string())
    assert cast(array, t.VARCHAR, t.INTEGER, safe=False).to_pylist() == [meaning.get(x or "?") for x in texts]


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        ("2.5", t.INTEGER, "3"),
        ("0x1F", t.INTEGER, "31"),
        ("1e39", t.FLOAT, "inf"),
        ("99.94", t.decimal(3, 1), "99.9"),
        ("-.5", t.decimal(3, 1), "-0.5"),
        ("yes", t.BOOLEAN, "true"),
        ("2024/1/2", t.DATE, "2024-01-02"),
        ("0044-03-15 (BC)", t.DATE, "0044-03-15 (BC)"),
        ("infinity", t.DATE, "infinity"),
        ("2024-01-02 03:04:05.123456789", t.TIMESTAMP, "2024-01-02 03:04:05.123456"),
        ("2024-01-02T03:04:05.120Z", t.TIMESTAMP, "2024-01-02 03:04:05.12"),
        ("2024-01-02 24:00:00", t.TIMESTAMP, "2024-01-03 00:00:00"),
        ("2024-01-02 03:04:05+05:30", t.TIMESTAMPTZ, "2024-01-01 21:34:05+00"),
        ("2024-01-02", t.TIMESTAMPTZ, "2024-01-02 00:00:00+00"),
        ("1:2:3.5", t.TIME, "01:02:03.5"),
        ("1 year 2 mons -3 days 04:05", t.INTERVAL, "1 year 2 months -3 days 04:05:00"),
        ("1.5 months", t.INTERVAL, "1 month 15 days"),
        ("{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", t.UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (r"a\x00b", t.BLOB, r"a\x00b"),
        ("[[1], NULL, [2,3]]", t.list_of(t.list_of(t.INTEGER)), "[[1], NULL, [2, 3]]"),
        ("{b: x, a: 1}", t.struct_of((("a", t.INTEGER), ("b", t.VARCHAR))), "{'a': 1, 'b': x}"),
        ("{k=1, 'l m'=NULL}", t.map_of(t.VARCHAR, t.INTEGER), "{k=1, l m=NULL}"),
    ],
)
def test_spellings(text: str, type_: t.SqlType, expected: str) -> None:
    assert from_text(text, type_) == expected


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("", t.INTEGER), ("1__0", t.INTEGER), ("1e", t.DOUBLE), ("infinite", t.DOUBLE), ("on", t.BOOLEAN),
        ("2024-02-30", t.DATE), ("2024-01-02 10", t.TIMESTAMP), ("25:00:00", t.TIME), ("1 foo", t.INTERVAL),
        ("x", t.UUID), ("{", t.JSON), ("99.95", t.decimal(3, 1)), ("300", t.TINYINT), ("[1", t.list_of(t.INTEGER)),
    ],
)  # fmt: skip
def test_bad_text_is_an_error_that_shows_it_and_null_in_try_cast(text: str, type_: t.SqlType) -> None:
    array = pa.array([text])
    assert cast(array, t.VARCHAR, type_, safe=False).to_pylist() == [None]
    with pytest.raises(ExecutionError) as caught:
        cast(array, t.VARCHAR, type_)
    assert repr(text) in str(caught.value) and str(type_) in str(caught.value)


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (1.0, t.DOUBLE, "1.0"), (1e15, t.DOUBLE, "1000000000000000.0"), (1e16, t.DOUBLE, "1e+16"),
        (1e-5, t.DOUBLE, "1e-05"),
        (-0.0, t.DOUBLE, "-0.0"), (float("nan"), t.DOUBLE, "nan"), (123456789.0, t.FLOAT, "123456790.0"),
        (Decimal("1E-8"), t.decimal(38, 10), "0.0000000100"),
        (datetime(2024, 1, 2), t.TIMESTAMP, "2024-01-02 00:00:00"),
        (["a", None, "", "x,y", "it's"], t.list_of(t.VARCHAR), r"[a, NULL, '', 'x,y', 'it\'s']"),
    ],
)  # fmt: skip
def test_text_of_values(value: Any, type_: t.SqlType, expected: str) -> None:
    assert text_of(value, type_) == expected


@FEW
@given(st.dates(date(1600, 1, 1), date(2300, 1, 1)), st.integers(0, 86_399_999_999))
def test_timestamps_split_into_date_and_time(day: date, micros: int) -> None:
    moment = datetime(day.year, day.month, day.day) + timedelta(microseconds=micros)
    array = column([moment], t.TIMESTAMP)
    assert cast(array, t.TIMESTAMP, t.DATE).to_pylist() == [day]
    assert cast(array, t.TIMESTAMP, t.TIME).to_pylist() == [moment.time()]
    nanos = cast(array, t.TIMESTAMP, t.TIMESTAMP_NS, safe=False)
    assert cast(nanos, t.TIMESTAMP_NS, t.TIMESTAMP).to_pylist() in ([moment], [None])


def test_scalars_stay_scalars_and_dictionaries_are_read() -> None:
    assert cast(pa.scalar("7"), t.VARCHAR, t.INTEGER) == pa.scalar(7, pa.int32())
    encoded = pa.array(["1", "2", "1", None]).dictionary_encode()
    assert cast(encoded, t.VARCHAR, t.INTEGER).to_pylist() == [1, 2, 1, None]


def test_slices_are_read_where_they_begin() -> None:
    array = column([[1], [2, 3], None, [4]], t.list_of(t.INTEGER)).slice(1)
    assert to_text(array, t.list_of(t.INTEGER)).to_pylist() == ["[2, 3]", None, "[4]"]
    assert cast(array, t.list_of(t.INTEGER), t.list_of(t.DOUBLE)).to_pylist() == [[2.0, 3.0], None, [4.0]]


def test_casts_that_make_no_sense_are_known_before() -> None:
    assert can_cast(t.INTEGER, t.DOUBLE)
    assert not can_cast(t.INTEGER, t.DATE)
    assert not can_cast(t.list_of(t.INTEGER), t.INTEGER)
