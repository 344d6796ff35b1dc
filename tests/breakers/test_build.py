"""The build of a join: rows in source order however they were dealt, columns, and what it says of the probe side."""

from __future__ import annotations

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.breakers.dealing import TYPES, cut, normal, partials, serial, tables
from velothread.breakers.build import BuildBreaker
from velothread.breakers.key_bounds import key_bounds
from velothread.kernels.joining import JoinTable
from velothread.plan.expressions import Column, Field
from velothread.plan.nodes import JoinKind, Scan
from velothread.plan.pipelines import Branch, Build, FromScan, Probe
from velothread.sources.registry import open_source
from velothread.sources.source import Bound, ReadOptions
from velothread.types import BIGINT, VARCHAR

ROWS = BuildBreaker(tuple(TYPES), Build((0,), (False,), tuple(range(len(TYPES)))))


@given(tables(TYPES), st.integers(1, 4), st.integers(0, 2**32))
def test_rows_stand_in_source_order_whoever_gathered_them(table: list[pa.Array], receivers: int, seed: int) -> None:
    chance = random.Random(seed)
    rows = len(table[0])
    splits = cut(table, rows, chance)
    built = ROWS.table(partials(ROWS, splits, receivers, chance), serial)  # type: ignore[arg-type]
    assert isinstance(built, JoinTable)
    assert built.rows == rows
    for t, kept, column in zip(TYPES, built.columns, table, strict=True):
        assert kept.type == t.arrow or pa.types.is_dictionary(kept.type)
        assert [normal(v) for v in kept.to_pylist()] == [normal(v) for v in column.to_pylist()]


def test_text_that_repeats_is_kept_once_per_value() -> None:
    breaker = BuildBreaker((VARCHAR,), Build((), (), (0,)))
    collector = breaker.collector()
    collector.begin(0)
    collector.add(200, (pa.array(["x", "y"] * 100),))
    built = breaker.table([collector.finish()], serial)  # type: ignore[arg-type]
    assert pa.types.is_dictionary(built.columns[0].type)


def bounds_of(kind: JoinKind, keys: list[int | None], nulls_equal: bool = False) -> list[Bound]:
    source = open_source(pa.table({"k": pa.array([1, 2], pa.int64())}), ReadOptions())
    field = Field(1, "k", BIGINT)
    probe = Probe(0, kind, (Column(field),), None, ())
    branch = Branch(FromScan(Scan(source, (field,), ("k",))), (field,), (probe,), ())
    table = JoinTable.of(len(keys), (), (pa.array(keys, pa.int64()),), (nulls_equal,))
    return list(key_bounds(branch, {0: table}))


def test_few_keys_are_told_one_by_one() -> None:
    assert bounds_of("inner", [7, None, 3, 7]) == [Bound("k", "in", (7, 3))]


def test_many_keys_by_their_range() -> None:
    assert bounds_of("semi", [*range(10, 200), None]) == [Bound("k", ">=", 10), Bound("k", "<=", 199)]


def test_no_bounds_where_rows_without_a_partner_are_wanted() -> None:
    for kind in ("left", "full", "anti", "mark", "single"):
        assert bounds_of(kind, [1, 2]) == []
    assert bounds_of("inner", [1, None], nulls_equal=True) == []
    assert bounds_of("inner", [None]) == []
