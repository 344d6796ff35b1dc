"""Groups and aggregates equal a naive computation, and don't depend on who read what."""

from __future__ import annotations

import decimal
import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.breakers.dealing import TYPES, column, cut, dealt, normal, partials, rows_of, serial, tables
from velothread.breakers import aggregate
from velothread.breakers.aggregate import AggregateBreaker, AggregateCall
from velothread.errors import ExecutionError
from velothread.frontend.parameters import type_of
from velothread.kernels.aggregates import AGGREGATES, resolve_aggregate
from velothread.kernels.sorting import SortKey
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    TINYINT,
    VARCHAR,
    SqlType,
    list_of,
)
from velothread.types import (
    decimal as decimal_type,
)

CHANCE = st.integers(0, 2**32).map(random.Random)


def call(name: str, types: Sequence[SqlType], arguments: Sequence[int], *constants: Any, **more: Any) -> AggregateCall:
    scalars = tuple(pa.scalar(c) for c in constants)
    found = resolve_aggregate(name, [*types, *(type_of(c) for c in constants)])
    assert found is not None, name
    # the caller casts columns to the parameters' types, so they have to be of them here
    assert found.parameters[: len(types)] == tuple(types), name
    return AggregateCall(found.function, found.parameters, found.returns, tuple(arguments), constants=scalars, **more)


def grouped(table: Sequence[pa.Array], rows: int, keys: int) -> dict[Any, list[tuple[Any, ...]]]:
    """Rows by normalised key, in order of first appearance."""
    groups: dict[Any, list[tuple[Any, ...]]] = {} if keys else {(): []}
    lists = [c.to_pylist() for c in table]
    for i in range(rows):
        row = tuple(c[i] for c in lists)
        groups.setdefault(tuple(normal(v) for v in row[:keys]), []).append(row)
    return groups


@settings(max_examples=80)
@given(st.data(), st.lists(st.sampled_from(TYPES), min_size=1, max_size=3), CHANCE)
def test_groups_come_in_order_of_first_appearance(
    data: st.DataObject, types: list[SqlType], chance: random.Random
) -> None:
    table = data.draw(tables(types))
    rows = len(table[0])
    breaker = AggregateBreaker(tuple(types), (call("count", (), ()),))
    found = dealt(breaker, cut(table, rows, chance), 3, chance)
    expected = {k: len(v) for k, v in grouped(table, rows, len(types)).items()}
    assert [(tuple(normal(v) for v in r[:-1]), r[-1]) for r in found] == list(expected.items())


def _least(values: list[Any], largest: bool) -> Any:
    def key(v: Any) -> Any:
        if isinstance(v, float):
            return (1, 0.0) if v != v else (0, v)
        if isinstance(v, list):
            return [(1, 0) if x is None else (0, x) for x in v]
        return v.encode() if isinstance(v, str) else v

    return (max if largest else min)(values, key=key) if values else None


REFERENCES: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "min": lambda v: _least(v, False),
    "max": lambda v: _least(v, True),
    "any_value": lambda v: v[0] if v else None,
    "list": lambda v: v or None,
    "mode": lambda v: max(v, key=lambda x: [normal(y) for y in v].count(normal(x))) if v else None,
    "approx_count_distinct": lambda v: len({repr(normal(x)) for x in v}),
}


@settings(max_examples=150)
@given(st.data(), st.sampled_from(TYPES), st.sampled_from(sorted(REFERENCES)), st.booleans(), CHANCE)
def test_aggregates_of_any_type(data: st.DataObject, t: SqlType, name: str, keyed: bool, chance: random.Random) -> None:
    table = data.draw(tables([INTEGER, t]))
    rows = len(table[0])
    keys = 1 if keyed else 0
    breaker = AggregateBreaker((INTEGER,) * keys, (call(name, [t], [1]),))
    found = dealt(breaker, cut(table, rows, chance), 3, chance)
    keep = AGGREGATES[name][-1].nulls == "keep"
    groups = grouped(table, rows, keys)
    expected = [REFERENCES[name]([r[1] for r in g if keep or r[1] is not None]) for g in groups.values()]
    assert [normal(r[-1]) for r in found] == [normal(e) for e in expected]


@given(st.data(), st.sampled_from([BIGINT, TINYINT, HUGEINT, BOOLEAN, decimal_type(9, 2), decimal_type(30, 3)]), CHANCE)
def test_exact_sums(data: st.DataObject, t: SqlType, chance: random.Random) -> None:
    table = data.draw(tables([INTEGER, t], most=60))
    breaker = AggregateBreaker((INTEGER,), (call("sum", [t], [1]), call("avg", [t], [1])))
    found = dealt(breaker, cut(table, len(table[0]), chance), 3, chance)
    for (_, total, mean), rows in zip(found, grouped(table, len(table[0]), 1).values(), strict=True):
        values = [r[1] for r in rows if r[1] is not None]
        with decimal.localcontext(prec=60):
            assert total == (sum((decimal.Decimal(v) for v in values), decimal.Decimal(0)) if values else None)
            assert mean == (pytest.approx(float(total / len(values)), rel=1e-14, abs=1e-14) if values else None)


def test_a_sum_beyond_38_digits_is_an_error() -> None:
    t = decimal_type(38, 0)
    column = pa.array([decimal.Decimal(9 * 10**37)] * 2, t.arrow)
    with pytest.raises(ExecutionError, match="out of range"):
        dealt(AggregateBreaker((), (call("sum", [t], [0]),)), [[(2, (column,))]], 1, random.Random(0))


def test_sums_that_pass_64_bits() -> None:
    top = 2**63 - 1
    column = pa.array([top] * 5 + [-3], pa.int64())
    splits = [[(3, (column.slice(0, 3),))], [(3, (column.slice(3),))]]
    assert dealt(AggregateBreaker((), (call("sum", [BIGINT], [0]),)), splits, 2, random.Random(0)) == [(5 * top - 3,)]


ALL_CALLS = [
    call("count", (), ()),
    call("sum", [DOUBLE], [1]),
    call("avg", [DOUBLE], [1]),
    call("min", [DOUBLE], [1]),
    call("max", [VARCHAR], [2]),
    call("sum", [BIGINT], [3]),
    call("count", [VARCHAR], [2], distinct=True),
    call("sum", [DOUBLE], [1], distinct=True),
    call("list", [DOUBLE], [1], distinct=True),
    call("string_agg", [VARCHAR], [2], "|", order_by=(SortKey(1, True, True),)),
    call("string_agg", [VARCHAR], [2], "-", filter=4),
    call("first", [VARCHAR], [2]),
    call("last", [VARCHAR], [2]),
    call("last", [DOUBLE], [1], filter=4),
    call("arg_min", [VARCHAR, BIGINT], [2, 3]),
    call("arg_max", [VARCHAR, DOUBLE], [2, 1]),
    call("median", [DOUBLE], [1]),
    call("quantile_disc", [BIGINT], [3], 0.5),
    call("quantile_disc", [DOUBLE], [1], [0.25, 0.75]),
    call("mad", [DOUBLE], [1]),
    call("mode", [DOUBLE], [1]),
    call("histogram", [DOUBLE], [1]),
    call("histogram", [BIGINT], [3], [0, 5]),
    call("approx_top_k", [VARCHAR], [2], 2),
    call("max", [DOUBLE], [1], 3),
    call("arg_min", [VARCHAR, BIGINT], [2, 3], 2),
    call("arg_max_nulls_last", [DOUBLE, VARCHAR], [1, 2], 2),
    call("arg_min_null", [DOUBLE, VARCHAR], [1, 2]),
    call("weighted_avg", [DOUBLE, DOUBLE], [1, 1]),
    call("regr_sxy", [DOUBLE, DOUBLE], [1, 1]),
    call("favg", [DOUBLE], [1]),
    call("quantile_disc", [VARCHAR], [2], [0.0, 0.5, 1.0]),
    call("product", [DOUBLE], [1]),
    call("bool_or", [BOOLEAN], [4]),
    call("bool_and", [BOOLEAN], [4]),
    call("bit_xor", [BIGINT], [3]),
    call("count_if", [BOOLEAN], [4]),
    call("fsum", [DOUBLE], [1]),
    call("entropy", [VARCHAR], [2]),
    call("covar_pop", [DOUBLE, DOUBLE], [1, 1]),
    call("skewness", [DOUBLE], [1]),
]


@settings(max_examples=60)
@given(st.data(), st.lists(st.sampled_from(ALL_CALLS), min_size=1, max_size=4), st.integers(0, 2), CHANCE)
def test_one_answer_however_splits_are_dealt(
    data: st.DataObject, calls: list[AggregateCall], keys: int, chance: random.Random
) -> None:
    table = data.draw(tables([VARCHAR, DOUBLE, VARCHAR, BIGINT, BOOLEAN], most=24))
    layout = [(), (VARCHAR,), (VARCHAR, DOUBLE)][keys]
    breaker = AggregateBreaker(layout, tuple(calls))
    splits = cut(table, len(table[0]), chance)
    once = dealt(breaker, splits, 1, chance)
    assert repr(dealt(breaker, splits, 3, chance)) == repr(once)
    # by key, as with many groups
    several = partials(breaker, splits, 4, chance)
    if keys:
        again = [row for b in breaker._merged_by_key(several, serial) for row in rows_of(b)]
        assert repr(again) == repr(once)
        # and exchanged among receivers
        parts = [breaker.partition_partial(p, 3) for p in several]
        owners = [breaker.merge([p[i] for p in parts]) for i in range(3)]
        exchanged = [row for b in breaker.result(owners, serial) for row in rows_of(b)]
        assert repr(exchanged) == repr(once)


@given(st.data(), CHANCE)
def test_float_figures_are_near_the_reference(data: st.DataObject, chance: random.Random) -> None:
    rows = data.draw(st.integers(0, 40))
    table = [column(INTEGER, rows, chance), pa.array([chance.uniform(-1e3, 1e3) for _ in range(rows)], pa.float64())]
    names = ["sum", "avg", "var_pop", "stddev_samp", "median", "geomean", "fsum"]
    breaker = AggregateBreaker((INTEGER,), tuple(call(n, [DOUBLE], [1]) for n in names))
    found = dealt(breaker, cut(table, rows, chance), 2, chance)
    for row, group in zip(found, grouped(table, rows, 1).values(), strict=True):
        v = [r[1] for r in group]
        near = {"rel": 1e-6, "abs": 1e-6}
        assert row[1] == pytest.approx(math.fsum(v), **near)
        assert row[2] == pytest.approx(statistics.fmean(v), **near)
        assert row[3] == pytest.approx(statistics.pvariance(v), **near)
        assert row[4] == (pytest.approx(statistics.stdev(v), **near) if len(v) > 1 else None)
        assert row[5] == pytest.approx(statistics.median(v), **near)
        assert row[7] == math.fsum(v)


def test_many_groups_are_merged_by_key_to_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    table = [
        pa.array([chance.randrange(10**12) % 700 for _ in range(3000)]),
        pa.array([chance.random() for _ in range(3000)]),
    ]
    breaker = AggregateBreaker((BIGINT,), (call("sum", [DOUBLE], [1]), call("count", (), ())))
    splits = cut(table, 3000, chance)
    once = dealt(breaker, splits, 1, chance)
    monkeypatch.setattr(aggregate, "MANY_GROUPS", 10)
    assert repr(dealt(breaker, splits, 3, chance)) == repr(once)


def test_no_keys_give_one_row_even_without_input() -> None:
    breaker = AggregateBreaker((), (call("count", (), ()), call("sum", [BIGINT], [0]), call("list", [BIGINT], [0])))
    assert dealt(breaker, [[]], 2, random.Random(0)) == [(0, None, None)]
    assert next(iter(breaker.result([], serial))).to_pylist() == [{"a0": 0, "a1": None, "a2": None}]


def test_keys_give_no_row_without_input() -> None:
    breaker = AggregateBreaker((BIGINT,), (call("count", (), ()),))
    assert dealt(breaker, [[]], 2, random.Random(0)) == []


def test_a_filter_that_leaves_nothing() -> None:
    table = (pa.array([1, 2]), pa.array([False, None]))
    calls = (
        call("sum", [BIGINT], [0], filter=1),
        call("count", (), (), filter=1),
        call("max", [BIGINT], [0], filter=1),
    )
    assert dealt(AggregateBreaker((), calls), [[(2, table)]], 1, random.Random(0)) == [(None, 0, None)]


@pytest.mark.parametrize(
    ("name", "fraction", "expected"),
    [("quantile_cont", 0.25, 1.75), ("quantile_disc", 0.25, 1.0), ("quantile_disc", 0.26, 2.0),
     ("quantile_cont", 1.0, 4.0), ("quantile_disc", -0.25, 4.0),
     ("quantile_disc", 0.0, 1.0), ("quantile_cont", [0.0, 0.5], [1.0, 2.5])],
)  # fmt: skip
def test_quantiles(name: str, fraction: Any, expected: Any) -> None:
    column = pa.array([4.0, 1.0, 3.0, 2.0, None])
    breaker = AggregateBreaker((), (call(name, [DOUBLE], [0], fraction),))
    assert dealt(breaker, [[(5, (column,))]], 1, random.Random(0)) == [(expected,)]


_EXAMPLES = {VARCHAR: ",", DOUBLE: 0.5, BIGINT: 2, list_of(BIGINT): [1, 2]}


def test_every_aggregate_answers_for_no_rows() -> None:
    for name, overloads in AGGREGATES.items():
        for function in overloads:
            types = [
                p if isinstance(p, SqlType) else list_of(BIGINT) if p == "list" else BIGINT for p in function.parameters
            ]
            found = resolve_aggregate(name, types)
            assert found is not None, name
            columns_ = len(types) - found.function.constants
            constants = tuple(pa.scalar(_EXAMPLES[t]) for t in types[columns_:])
            one = AggregateCall(
                found.function, found.parameters, found.returns, tuple(range(columns_)), constants=constants
            )
            batch = next(AggregateBreaker((), (one,)).result([], serial))
            assert batch.num_rows == 1
            assert batch.schema.field(0).type == found.returns.arrow
