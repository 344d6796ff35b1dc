"""Groups addressed by their key give what numbered groups give, wherever keys lie and whoever read them."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.breakers.dealing import column, cut, dealt, partials, rows_of, serial
from tests.breakers.test_aggregate import call
from velothread.breakers import aggregate
from velothread.breakers.aggregate import AggregateBreaker
from velothread.breakers.slotted import SlottedPartial
from velothread.kernels import slots
from velothread.types import BIGINT, BOOLEAN, DATE, DOUBLE, HUGEINT, INTEGER, TIMESTAMP, TINYINT, SqlType, decimal

CHANCE = st.integers(0, 2**32).map(random.Random)
_KEYS = (BIGINT, INTEGER, TINYINT, BOOLEAN, DATE, TIMESTAMP)


def _near(chance: random.Random, rows: int) -> pa.Array:
    """Keys that move up and down, so that ranges grow in both directions, or jump away."""
    start, keys = chance.choice([0, -5, 2**63 - 60, -(2**63) + 60]), []
    for _ in range(rows):
        start = max(-(2**63), min(2**63 - 1, start + chance.choice([-7, -1, 0, 1, 1, 2])))
        keys.append(None if chance.random() < 0.1 else start)
    if rows and chance.random() < 0.2:
        keys[chance.randrange(rows)] = chance.choice([10**9, -(10**15), 2**63 - 1])
    return pa.array(keys, pa.int64())


def _calls(table: list[pa.Array]) -> tuple[aggregate.AggregateCall, ...]:
    return (
        call("count", (), ()),
        call("count", [BIGINT], [1]),
        call("sum", [BIGINT], [1]),
        call("sum", [BIGINT], [1], filter=4),
        call("avg", [INTEGER], [2]),
        call("min", [DOUBLE], [3]),
        call("max", [DOUBLE], [3]),
        call("sum", [decimal(30, 3)], [5]),
        call("sum", [HUGEINT], [6]),
        call("count_if", [BOOLEAN], [4]),
        call("bit_xor", [INTEGER], [2]),
        call("bool_or", [BOOLEAN], [4]),
    )


def _table(key: SqlType, rows: int, chance: random.Random) -> list[pa.Array]:
    keys = _near(chance, rows) if key == BIGINT and chance.random() < 0.8 else column(key, rows, chance)
    types = (BIGINT, INTEGER, DOUBLE, BOOLEAN, decimal(30, 3), HUGEINT)
    return [keys, *(column(t, rows, chance) for t in types)]


@settings(max_examples=30)
@given(st.sampled_from(_KEYS), st.integers(0, 90), st.sampled_from([1, 4, 64]), CHANCE)
def test_slots_and_numbers_agree(key: SqlType, rows: int, sparse: int, chance: random.Random) -> None:
    table = _table(key, rows, chance)
    breaker = AggregateBreaker((key,), _calls(table))
    splits = cut(table, rows, chance)
    numbered = dealt(breaker, splits, 1, chance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate, "_FLUSH_ROWS", 1)
        patch.setattr(slots, "_SPARSE", sparse)
        patch.setattr(slots, "_RISING", sparse)
        patch.setattr(slots, "_FEW_SLOTS", chance.choice([8, 64, 1024]))
        for receivers in (1, 2, 3):
            assert repr(dealt(breaker, splits, receivers, chance)) == repr(numbered)


def test_slots_are_taken_up_and_merge_in_order_of_appearance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "_FLUSH_ROWS", 8)
    chance = random.Random(3)
    keys = [chance.choice([None, *range(50, 200)]) for _ in range(2000)]
    splits = cut([pa.array(keys, pa.int64())], 2000, chance)
    breaker = AggregateBreaker((BIGINT,), (call("count", (), ()),))
    found = partials(breaker, splits, 3, chance)
    assert all(isinstance(p, SlottedPartial) for p in found)
    result = [row for batch in breaker.result(found, serial) for row in rows_of(batch)]
    assert [r[0] for r in result] == list(dict.fromkeys(keys))
    assert [r[1] for r in result] == [keys.count(k) for k, _ in result]


def test_keys_that_jump_away_return_to_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "_FLUSH_ROWS", 8)
    monkeypatch.setattr(slots, "_FEW_SLOTS", 64)
    keys = [*range(32), *range(10**9, 10**9 + 32)]
    breaker = AggregateBreaker((BIGINT,), (call("count", (), ()),))
    batches = [[(8, (pa.array(keys[i : i + 8]),)) for i in range(0, 64, 8)]]
    found = partials(breaker, batches, 1, random.Random(0))
    assert not isinstance(found[0], SlottedPartial)
    assert dealt(breaker, batches, 1, random.Random(0)) == [(k, 1) for k in keys]


@settings(max_examples=60)
@given(st.sampled_from([BIGINT, INTEGER, DATE, BOOLEAN, TIMESTAMP]), st.integers(0, 80), CHANCE)
def test_distinct_without_keys(argument: SqlType, rows: int, chance: random.Random) -> None:
    values = _near(chance, rows) if argument == BIGINT else column(argument, rows, chance)
    calls = [call("count", [argument], [0], distinct=True)]
    if argument in (BIGINT, INTEGER):
        calls.append(call("sum", [argument], [0], distinct=True))
    breaker = AggregateBreaker((), tuple(calls))
    present = {v for v in values.to_pylist() if v is not None}
    for flush, receivers in ((1, 1), (1, 3), (32768, 2)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(aggregate, "_FLUSH_ROWS", flush)
            patch.setattr("velothread.kernels.value_set._FEW_FLAGS", chance.choice([4, 100]))
            (found,) = dealt(breaker, cut([values], rows, chance), receivers, chance)
        assert found[0] == len(present)
        if len(found) > 1:
            assert found[1] == (sum(present) if present else None)


@settings(max_examples=30)
@given(CHANCE)
def test_extremes_that_few_rows_can_change(chance: random.Random) -> None:
    rows = 300
    odd = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0]
    keys = [chance.randrange(3) for _ in range(rows)]
    floats = [chance.choice(odd) if chance.random() < 0.05 else chance.uniform(-9, 9) for _ in range(rows)]
    whole = [chance.randint(-(2**31), 2**31 - 1) for _ in range(rows)]
    table = [pa.array(keys, pa.int64()), pa.array(floats, pa.float64()), pa.array(whole, pa.int32())]
    names = [("min", DOUBLE, 1), ("max", DOUBLE, 1), ("min", INTEGER, 2), ("max", INTEGER, 2)]
    breaker = AggregateBreaker((BIGINT,), tuple(call(n, [t], [i]) for n, t, i in names))
    collector = breaker.collector()
    collector.begin(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate, "_FLUSH_ROWS", 1)
        for start in range(0, rows, 60):
            collector.add(60, tuple(c.slice(start, 60) for c in table))
    (batch,) = breaker.result([collector.finish()], serial)

    def rank(v: float) -> tuple[bool, float]:
        return (v != v, 0.0 if v != v else v)

    for key, low, high, least, most in rows_of(batch):
        mine = [f for k, f in zip(keys, floats, strict=True) if k == key]
        assert repr(low) == repr(min(mine, key=rank) + 0.0)
        assert repr(high) == repr(max(mine, key=rank) + 0.0)
        ints = [w for k, w in zip(keys, whole, strict=True) if k == key]
        assert (least, most) == (min(ints), max(ints))
