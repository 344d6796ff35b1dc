"""List and map functions against Python's lists and dicts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.calls import call, values
from velothread.errors import ExecutionError
from velothread.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, VARCHAR, SqlType, list_of, map_of, struct_of

EXAMPLES = settings(deadline=None, max_examples=25)
INTS = list_of(INTEGER)
ITEM = st.none() | st.integers(-3, 3)
ROW = st.none() | st.lists(ITEM, max_size=5)
ROWS = st.lists(ROW, max_size=6)
Typed = tuple[Any, SqlType]


def lists(rows: list[Any], t: SqlType = INTS) -> Typed:
    """A column of these, sliced out of a longer one, with items that belong to no row at both ends."""
    filler: Any = [None, None]
    return pa.array([filler, *rows, filler], t.arrow).slice(1, len(rows)), t


def number(n: int | None) -> Typed:
    return pa.scalar(n, pa.int64()), BIGINT


def column(items: list[Any], t: SqlType) -> Typed:
    return pa.array(items, t.arrow), t


def each(name: str, rows: list[Any], expected: Callable[..., Any], *options: Typed, t: SqlType = INTS) -> None:
    """The function on a column and on its first value, as `expected` of each row that is not NULL."""
    plain = [o[0].as_py() for o in options]
    wanted = [None if row is None else expected(row, *plain) for row in rows]
    assert call(name, lists(rows, t), *options)[0].to_pylist() == wanted
    if rows:
        assert call(name, (pa.scalar(rows[0], t.arrow), t), *options)[0].as_py() == wanted[0]


def known(row: list[Any]) -> list[Any]:
    return [x for x in row if x is not None]


def distinct(row: list[Any]) -> list[Any]:
    return list(dict.fromkeys(known(row)))


@EXAMPLES
@given(ROWS)
def test_shape(rows: list[Any]) -> None:
    each("len", rows, len)
    each("list_reverse", rows, lambda row: row[::-1])
    each("list_distinct", rows, distinct)
    each("list_unique", rows, lambda row: len(distinct(row)))
    each("array_pop_back", rows, lambda row: row[:-1])
    each("array_pop_front", rows, lambda row: row[1:])


@EXAMPLES
@given(ROWS)
def test_sorting(rows: list[Any]) -> None:
    def in_order(row: list[Any], descending: bool = False, nulls_first: bool = False) -> list[Any]:
        nulls = [None] * row.count(None)
        ordered = sorted(known(row), reverse=descending)
        return nulls + ordered if nulls_first else ordered + nulls

    first = (pa.scalar("NULLS FIRST"), VARCHAR)
    each("list_sort", rows, in_order)
    each("list_sort", rows, lambda row, _: in_order(row, True), (pa.scalar("desc"), VARCHAR))
    each("list_sort", rows, lambda row, *_: in_order(row, True, True), (pa.scalar("DESC"), VARCHAR), first)
    each("list_reverse_sort", rows, lambda row, _: in_order(row, True, True), first)
    places = values("list_grade_up", lists(rows)).to_pylist()
    assert [None if p is None else [row[i - 1] for i in p] for p, row in zip(places, rows, strict=True)] == [
        None if row is None else in_order(row) for row in rows
    ]


def test_sorting_of_other_types() -> None:
    nan = math.nan
    assert (
        str(values("list_sort", lists([[2.0, nan, None, -1.0]], list_of(DOUBLE))).to_pylist())
        == "[[-1.0, 2.0, nan, None]]"
    )
    assert values("list_sort", lists([["b", "", "é", "B"]], list_of(VARCHAR))).to_pylist() == [["", "B", "b", "é"]]
    nested = list_of(list_of(INTEGER))
    assert values("list_sort", lists([[[2, 1], [1], None, [1, None]]], nested)).to_pylist() == [
        [[1], [1, None], [2, 1], None]
    ]
    assert values("list_sort", lists([[True, False]], list_of(BOOLEAN))).to_pylist() == [[False, True]]


def slice_(row: list[Any], begin: int, end: int, step: int = 1) -> list[Any]:
    size = len(row)
    places = range(1, size + 1)
    low = max(begin + size + 1 if begin < 0 else begin, 1)
    high = min(end + size + 1 if end < 0 else end, size)
    if step > 0:
        return [row[i - 1] for i in places[low - 1 : max(high, 0)]][::step]
    top = min(begin + size + 1 if begin < 0 else begin, size)
    bottom = max(end + size + 1 if end < 0 else end, 1)
    return [row[i - 1] for i in range(top, bottom - 1, step) if 1 <= i <= size]


@EXAMPLES
@given(ROWS, st.integers(-7, 7), st.integers(-7, 7), st.sampled_from([1, 2, 3, -1, -2]))
def test_element_and_slice(rows: list[Any], begin: int, end: int, step: int) -> None:
    def element(row: list[Any], n: int) -> Any:
        place = n - 1 if n > 0 else len(row) + n
        return row[place] if n and 0 <= place < len(row) else None

    each("list_extract", rows, element, number(begin))
    each("list_slice", rows, slice_, number(begin), number(end))
    each("list_slice", rows, slice_, number(begin), number(end), number(step))
    positions = [(i * begin) % 9 - 4 for i in range(len(rows))]
    got = values("list_extract", lists(rows), column(positions, BIGINT)).to_pylist()
    assert got == [None if r is None else element(r, n) for r, n in zip(rows, positions, strict=True)]


@EXAMPLES
@given(st.lists(st.tuples(ROW, ROW, ITEM), max_size=6))
def test_two_lists(pairs: list[tuple[Any, Any, Any]]) -> None:
    a, b = lists([p[0] for p in pairs]), lists([p[1] for p in pairs])
    item = column([p[2] for p in pairs], INTEGER)

    def expect(name: str, function: Callable[[Any, Any], Any], *given_: Typed, strict: bool = True) -> None:
        wanted = [None if strict and None in (x, y) else function(x, y) for x, y, _ in pairs]
        assert values(name, *given_).to_pylist() == wanted, name

    def joined(x: Any, y: Any) -> Any:
        return None if x is None and y is None else (x or []) + (y or [])

    expect("list_concat", joined, a, b, strict=False)
    expect("list_has_any", lambda x, y: bool(set(known(x)) & set(known(y))), a, b)
    expect("list_has_all", lambda x, y: set(known(y)) <= set(known(x)), a, b)
    wanted = [None if x is None else [i for i in distinct(x) if i in (y or [])] for x, y, _ in pairs]
    assert values("list_intersect", a, b).to_pylist() == wanted
    rows = [(x, i) for x, _, i in pairs]
    assert values("list_append", a, item).to_pylist() == [(x or []) + [i] for x, i in rows]
    assert values("list_prepend", item, a).to_pylist() == [[i] + (x or []) for x, i in rows]
    contains = [None if x is None or i is None else i in x for x, i in rows]
    assert values("list_contains", a, item).to_pylist() == contains
    position = [x.index(i) + 1 if x is not None and i in x else None for x, i in rows]
    assert values("list_position", a, item).to_pylist() == position


@EXAMPLES
@given(ROWS, st.integers(0, 6), ITEM)
def test_resize_and_repeat(rows: list[Any], size: int, filler: Any) -> None:
    each("list_resize", rows, lambda row, n: (row + [None] * n)[:n], number(size))
    each(
        "list_resize",
        rows,
        lambda row, n, f: (row + [f] * n)[:n],
        number(size),
        (pa.scalar(filler, pa.int32()), INTEGER),
    )
    each("repeat", rows, lambda row, n: row * n, number(size))


@EXAMPLES
@given(st.lists(st.none() | st.lists(ROW, max_size=3), max_size=4))
def test_flatten(rows: list[Any]) -> None:
    each("flatten", rows, lambda row: [x for inner in row for x in inner or []], t=list_of(INTS))


@EXAMPLES
@given(st.lists(st.tuples(ITEM, ITEM, ITEM), min_size=1, max_size=5))
def test_list_value(rows: list[tuple[Any, ...]]) -> None:
    columns = [column(list(c), INTEGER) for c in zip(*rows, strict=True)]
    assert values("list_value", *columns).to_pylist() == [list(row) for row in rows]


@EXAMPLES
@given(ROWS)
def test_aggregates(rows: list[Any]) -> None:
    def some(function: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        return lambda row: function(known(row)) if known(row) else None

    each("list_sum", rows, some(lambda row: Decimal(sum(row))))
    each("list_min", rows, some(min))
    each("list_max", rows, some(max))
    each("list_avg", rows, some(lambda row: sum(row) / len(row)))
    each("list_median", rows, some(lambda row: float(statistics.median(row))))
    each("list_product", rows, some(lambda row: float(math.prod(row))))
    each("list_count", rows, lambda row: len(known(row)))
    each("list_first", rows, lambda row: row[0] if row else None)
    each("list_last", rows, lambda row: row[-1] if row else None)
    each("list_any_value", rows, some(lambda row: row[0]))
    each("list_mode", rows, some(lambda row: max(distinct(row), key=row.count)))
    each("list_string_agg", [None if r is None else [None if x is None else str(x) for x in r] for r in rows],
         some(",".join), t=list_of(VARCHAR))  # fmt: skip
    each("list_bit_xor", rows, some(lambda row: _xor(row)))
    each("list_histogram", rows, some(lambda row: [(x, row.count(x)) for x in sorted(set(row))]))
    got = values("list_var_samp", lists(rows)).to_pylist()
    for row, variance in zip(rows, got, strict=True):
        if row is None or len(known(row)) < 2:
            assert variance is None
        else:
            assert variance == pytest.approx(statistics.variance(known(row)))


def _xor(row: list[int]) -> int:
    found = 0
    for x in row:
        found ^= x
    return found


def test_sums_are_exact_where_bigint_would_overflow() -> None:
    big = 2**63 - 1
    assert values("list_sum", lists([[big, big, None], [], None], list_of(BIGINT))).to_pylist() == [2 * big, None, None]


@EXAMPLES
@given(ROWS)
def test_array_to_string(rows: list[Any]) -> None:
    texts = [None if r is None else [None if x is None else str(x) for x in r] for r in rows]
    expected = lambda row, sep: sep.join(known(row)) if known(row) or not row else None  # noqa: E731
    each("array_to_string", texts, expected, (pa.scalar("-"), VARCHAR), t=list_of(VARCHAR))


@EXAMPLES
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4))
def test_series(start: int, stop: int, step: int) -> None:
    numbers = [column([n, None], BIGINT) for n in (start, stop, step)]
    wanted = list(range(start, stop, step)) if step else []
    assert values("range", *numbers).to_pylist() == [wanted, None]
    closed = list(range(start, stop + (1 if step > 0 else -1), step)) if step else []
    assert values("generate_series", *numbers).to_pylist() == [closed, None]


KEYS = st.none() | st.dictionaries(st.integers(0, 4), st.none() | st.text("ab", max_size=2), max_size=4)
MAP = map_of(INTEGER, VARCHAR)


@EXAMPLES
@given(st.lists(st.tuples(KEYS, KEYS, st.none() | st.integers(0, 5)), max_size=5))
def test_maps(rows: list[tuple[Any, Any, Any]]) -> None:
    def of(number_: int) -> Typed:
        pairs = [None if r[number_] is None else list(r[number_].items()) for r in rows]
        return lists_of_maps(pairs)

    a, b, key = of(0), of(1), column([r[2] for r in rows], INTEGER)
    maps = [r[0] for r in rows]
    assert values("map_keys", a).to_pylist() == [None if m is None else list(m) for m in maps]
    assert values("map_values", a).to_pylist() == [None if m is None else list(m.values()) for m in maps]
    assert values("cardinality", a).to_pylist() == [None if m is None else len(m) for m in maps]
    found = [None if m is None else m.get(k) for m, _, k in rows]
    assert values("map_extract_value", a, key).to_pylist() == found
    there = [None if m is None or k is None else k in m for m, _, k in rows]
    assert values("map_contains", a, key).to_pylist() == there
    listed = [None if m is None else [m[k]] if k in m else [] for m, _, k in rows]
    assert values("map_extract", a, key).to_pylist() == listed
    both = [None if m is None and n is None else list({**(m or {}), **(n or {})}.items()) for m, n, _ in rows]
    assert values("map_concat", a, b).to_pylist() == both
    again = call("map", call("map_keys", a), call("map_values", a))
    assert again[1] == MAP and again[0].to_pylist() == a[0].to_pylist()
    entries = call("map_from_entries", call("map_entries", a))
    assert entries[0].to_pylist() == a[0].to_pylist()


def lists_of_maps(rows: list[Any]) -> Typed:
    return pa.array([[(9, "x")], *rows, [(9, "y")]], MAP.arrow).slice(1, len(rows)), MAP


@EXAMPLES
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=5))
def test_vectors(pairs: list[tuple[float, float]]) -> None:
    x, y = [p[0] for p in pairs], [p[1] for p in pairs]
    a, b = (lists([v, None, v], list_of(DOUBLE)) for v in (x, y))
    dot = sum(p * q for p, q in pairs)
    assert values("list_dot_product", a, b).to_pylist() == [pytest.approx(dot), None, pytest.approx(dot)]
    distance = math.dist(x, y)
    assert values("list_distance", a, b).to_pylist()[0] == pytest.approx(distance)


def test_where_and_select() -> None:
    rows = lists([[1, 2, 3], [4], None])
    flags = lists([[True, False, True], [False], [True]], list_of(BOOLEAN))
    assert values("list_where", rows, flags).to_pylist() == [[1, 3], [], None]
    places = lists([[3, 1, 9], [1], [1]], list_of(BIGINT))
    assert values("list_select", rows, places).to_pylist() == [[3, 1, None], [4], None]


def test_equal_items() -> None:
    floats = list_of(DOUBLE)
    assert values(
        "list_contains", lists([[math.nan], [0.0]], floats), column([math.nan, -0.0], DOUBLE)
    ).to_pylist() == [True, True]
    pairs = list_of(struct_of((("a", INTEGER), ("b", VARCHAR))))
    rows = lists([[{"a": 1, "b": "x"}, {"a": 1, "b": "x"}, {"a": 1, "b": "y"}]], pairs)
    assert values("list_unique", rows).to_pylist() == [2]
    assert values("list_position", lists([[None, 1, None]]), (pa.scalar(None, pa.int32()), INTEGER)).to_pylist() == [1]


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("unique: 1 comes twice", lambda: values("map", lists([[1, 1]]), lists([[2, 3]]))),
        ("must not be NULL", lambda: values("map", lists([[None]]), lists([[2]]))),
        ("as many keys as values, not 1 and 2", lambda: values("map", lists([[1]]), lists([[2, 3]]))),
        ("step of a list slice", lambda: values("list_slice", lists([[1]]), number(1), number(2), number(0))),
        ("to -1 items", lambda: values("list_resize", lists([[1]]), number(-1))),
        ("'x' is not an order", lambda: values("list_sort", lists([[1]]), (pa.scalar("x"), VARCHAR))),
        ("too long", lambda: values("range", number(2**62))),
        (
            "one length, not of 1 and 2",
            lambda: values("list_distance", lists([[1.0]], list_of(DOUBLE)), lists([[1.0, 2.0]], list_of(DOUBLE))),
        ),
        (
            "without NULLs",
            lambda: values("list_distance", lists([[None]], list_of(DOUBLE)), lists([[1.0]], list_of(DOUBLE))),
        ),
        ("second list", lambda: values("list_where", lists([[1]]), lists([[None]], list_of(BOOLEAN)))),
    ],
)
def test_bad_values_say_what_is_wrong(says: str, make: Callable[[], Any]) -> None:
    with pytest.raises(ExecutionError, match=says):
        make()


def test_items_without_rows_do_not_count() -> None:
    hidden = pa.ListArray.from_arrays(
        pa.array([0, 2, 3], pa.int32()), pa.array([1, 2, 3], pa.int32()), mask=pa.array([True, False])
    )
    for name, expected in (("len", [None, 1]), ("list_sum", [None, 3]), ("list_reverse", [None, [3]])):
        assert values(name, (hidden, INTS)).to_pylist() == expected
