"""Sorting equals a naive stable sort, and doesn't depend on who read what."""

from __future__ import annotations

import functools
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.breakers.dealing import TYPES, column, cut, dealt, tables
from velothread.breakers import sort
from velothread.breakers.sort import SortBreaker, SortKey
from velothread.types import BIGINT, DOUBLE, INTEGER, VARCHAR, SqlType

CHANCE = st.integers(0, 2**32).map(random.Random)


def compare(a: Any, b: Any) -> int:
    """SQL's order of two values that are not NULL."""
    if isinstance(a, float) and (a != a or b != b):
        return (a != a) - (b != b)
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    if isinstance(a, list):
        for x, y in zip(a, b, strict=False):
            if x is None or y is None:
                if (x is None) != (y is None):
                    return 1 if x is None else -1
            elif x != y:
                return -1 if x < y else 1
        return (len(a) > len(b)) - (len(a) < len(b))
    return (a > b) - (a < b)


def reference(rows: list[tuple[Any, ...]], keys: tuple[SortKey, ...]) -> list[tuple[Any, ...]]:
    def order(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
        for key in keys:
            x, y = a[key.column], b[key.column]
            if x is None or y is None:
                step = ((y is None) - (x is None)) * (1 if not key.nulls_first else -1) * -1
            else:
                step = compare(x, y) * (-1 if key.descending else 1)
            if step:
                return step
        return 0

    return sorted(rows, key=functools.cmp_to_key(order))


@st.composite
def sort_keys(draw: st.DrawFn, width: int) -> tuple[SortKey, ...]:
    count = draw(st.integers(1, width))
    return tuple(
        SortKey(draw(st.integers(0, width - 1)), draw(st.booleans()), draw(st.booleans())) for _ in range(count)
    )


@settings(max_examples=120)
@given(
    st.data(),
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=3),
    CHANCE,
    st.one_of(st.none(), st.integers(0, 5)),
    st.integers(0, 3),
    st.booleans(),
)
def test_rows_come_in_order(
    data: st.DataObject, types: list[SqlType], chance: random.Random, limit: int | None, offset: int, in_ranges: bool
) -> None:
    table = data.draw(tables(types))
    rows = len(table[0])
    keys = data.draw(sort_keys(len(types)))
    # A number of its own for each row shows whether equal rows keep their order.
    numbered = [*table, pa.array(range(rows), pa.int64())]
    breaker = SortBreaker((*types, BIGINT), keys, limit, offset)
    with pytest.MonkeyPatch.context() as patch:
        if in_ranges:
            patch.setattr(sort, "_ONE_PIECE", 0)
            patch.setattr(sort, "_CHUNK_ROWS", 7)
            patch.setattr(sort, "_RANGES", 3)
        found = dealt(breaker, cut(numbered, rows, chance), 3, chance)
    expected = reference(list(zip(*(c.to_pylist() for c in numbered), strict=True)), keys)
    end = None if limit is None else offset + limit
    assert [r[-1] for r in found] == [r[-1] for r in expected[offset:end]]
    assert repr(found) == repr(expected[offset:end])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_first", [False, True])
def test_the_best_rows_of_many_batches(descending: bool, nulls_first: bool) -> None:
    chance = random.Random(3)
    values = [chance.choice([None, float("nan"), chance.random(), float(chance.randrange(5))]) for _ in range(9000)]
    table = [pa.array(values, pa.float64()), pa.array(range(9000), pa.int64())]
    keys = (SortKey(0, descending, nulls_first),)
    splits = [[(1500, tuple(c.slice(i + j, 1500) for c in table)) for j in (0, 1500)] for i in range(0, 9000, 3000)]
    found = dealt(SortBreaker((DOUBLE, BIGINT), keys, 40, 0), splits, 2, chance)
    expected = reference(list(zip(*(c.to_pylist() for c in table), strict=True)), keys)[:40]
    assert [r[1] for r in found] == [r[1] for r in expected]


def test_only_the_output_columns_come_out_under_their_names() -> None:
    schema = pa.schema([("name", pa.string())])
    breaker = SortBreaker((VARCHAR, INTEGER), (SortKey(1),), outputs=(0,), schema=schema)
    table = (pa.array(["b", "a"]).dictionary_encode(), pa.array([2, 1], pa.int32()))
    assert dealt(breaker, [[(2, table)]], 1, random.Random(0)) == [("a",), ("b",)]


@settings(max_examples=20)
@given(st.integers(1, 30), st.booleans(), st.booleans(), st.sampled_from([BIGINT, VARCHAR, DOUBLE]), CHANCE)
def test_first_rows_of_many_with_ties(
    limit: int, descending: bool, nulls_first: bool, first: SqlType, chance: random.Random
) -> None:
    rows = 3000
    table = [column(first, rows, chance), column(INTEGER, rows, chance), pa.array(range(rows), pa.int64())]
    keys = (SortKey(0, descending, nulls_first), SortKey(1))
    splits = [[(1500, tuple(c.slice(start, 1500) for c in table))] for start in (0, 1500)]
    some = SortBreaker((first, INTEGER, BIGINT), keys, limit=limit)
    every = SortBreaker((first, INTEGER, BIGINT), keys)
    found = dealt(some, splits, 2, chance)
    assert repr(found) == repr(dealt(every, splits, 1, chance)[:limit])
