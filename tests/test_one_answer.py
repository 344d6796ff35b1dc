"""The same bytes from every processor, partition count, partitioning strategy and wait strategy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.joins_grammar import joined_queries
from tests.query_grammar import queries, tables
from tests.running import outcome
from velothread import splits
from velothread.breakers import shared_groups
from velothread.options import STRATEGIES, WAITS
from velothread.sources import python_source

# Tables of tests are small, and would be one split each, read by one receiver.
SPLIT_ROWS = st.sampled_from([1, 4, 10, 1 << 18])


@contextmanager
def splits_of(rows: int) -> Iterator[None]:
    """Tables and results of earlier pipelines are cut into splits of so many rows."""
    with patch.object(python_source, "SPLIT_ROWS", rows), patch.object(splits, "SPLIT_ROWS", rows):
        yield


ADAPTIVE = st.fixed_dictionaries(
    {
        "processor": st.just("adaptive"),
        "partitions": st.sampled_from([1, 2, 3, 8]),
        "strategy": st.sampled_from([s for s in STRATEGIES if s not in ("hash", "smart")]),
        "wait": st.sampled_from(WAITS),
        "queue_depth": st.sampled_from([1, 2]),
    }
)


@settings(max_examples=150)
@given(table=tables(), sql=queries(), way=ADAPTIVE, batch_rows=st.sampled_from([1, 3, 7, 65536]), split_rows=SPLIT_ROWS)
def test_processors_agree(table: pa.Table, sql: str, way: dict[str, Any], batch_rows: int, split_rows: int) -> None:
    with splits_of(split_rows):
        simple = outcome(sql, {"t": table}, processor="simple", batch_rows=batch_rows)
        assert outcome(sql, {"t": table}, batch_rows=batch_rows, **way) == simple


@settings(max_examples=100)
@given(
    t=tables(max_rows=10),
    u=tables(max_rows=8),
    sql=joined_queries(),
    way=ADAPTIVE,
    batch_rows=st.sampled_from([1, 3, 7, 65536]),
    split_rows=SPLIT_ROWS,
)
def test_processors_agree_on_joins(
    t: pa.Table, u: pa.Table, sql: str, way: dict[str, Any], batch_rows: int, split_rows: int
) -> None:
    with splits_of(split_rows):
        simple = outcome(sql, {"t": t, "u": u}, processor="simple", batch_rows=batch_rows)
        assert outcome(sql, {"t": t, "u": u}, batch_rows=batch_rows, **way) == simple


@settings(max_examples=60)
@given(
    table=tables(),
    key=st.sampled_from(["g", "k", "s, b", "x", "d, m"]),
    strategy=st.sampled_from(["hash", "smart"]),
    partitions=st.sampled_from([2, 3, 8]),
    wait=st.sampled_from(WAITS),
    split_rows=SPLIT_ROWS,
)
def test_exchange_by_key_agrees(
    table: pa.Table, key: str, strategy: str, partitions: int, wait: str, split_rows: int
) -> None:
    sql = f"SELECT {key}, count(*), sum(x), avg(x), min(s), list(k), stddev(x) FROM t GROUP BY {key}"
    way: dict[str, Any] = {"strategy": strategy, "partitions": partitions, "wait": wait, "batch_rows": 3}
    with splits_of(split_rows):
        simple = outcome(sql, {"t": table}, processor="simple", batch_rows=3)
        assert outcome(sql, {"t": table}, processor="adaptive", **way) == simple


SHARED = st.one_of(
    st.fixed_dictionaries({"processor": st.just("simple")}),
    st.fixed_dictionaries(
        {
            "processor": st.just("adaptive"),
            "partitions": st.sampled_from([1, 2, 3, 8]),
            "strategy": st.sampled_from(["auto", "sticky", "round-robin", "fan-in"]),
            "wait": st.sampled_from(WAITS),
        }
    ),
)


def at_once(groups: int, waiting: int) -> AbstractContextManager[None]:
    """Stripes of a shared table merge as soon as this much waits, and not only at the end."""
    return patch.multiple(shared_groups, _FEW_GROUPS=groups, _MOST_WAITING=waiting)


@settings(max_examples=50)
@given(
    table=tables(),
    sql=queries(),
    way=SHARED,
    batch_rows=st.sampled_from([1, 3, 7, 65536]),
    split_rows=SPLIT_ROWS,
    merges=st.sampled_from([(1, 1), (3, 2), (1024, 64)]),
)
def test_shared_state_agrees(
    table: pa.Table, sql: str, way: dict[str, Any], batch_rows: int, split_rows: int, merges: tuple[int, int]
) -> None:
    with splits_of(split_rows), at_once(*merges):
        partitioned = outcome(sql, {"t": table}, batch_rows=batch_rows, **way)
        assert outcome(sql, {"t": table}, batch_rows=batch_rows, state="shared", **way) == partitioned


@settings(max_examples=50)
@given(
    table=tables(max_rows=80),
    key=st.sampled_from(["", "g", "k", "s, b", "x", "d, m", "[i % 3]"]),
    calls=st.sampled_from(
        [
            "count(*), sum(k), min(s), max(t)",
            "sum(x), avg(x), stddev(x), min(x)",
            "list(k), first(s), last(x), string_agg(g, ',')",
            "count(DISTINCT s), sum(DISTINCT x), list(i ORDER BY x, s), any_value(b) FILTER (WHERE i > 0)",
            "median(x), mode(g), histogram(g), arg_max(s, k), corr(x, k), bit_xor(i), sum(m)",
        ]
    ),
    way=SHARED,
    batch_rows=st.sampled_from([1, 3, 7]),
    split_rows=SPLIT_ROWS,
    merges=st.sampled_from([(1, 1), (3, 2), (1024, 64)]),
    many=st.booleans(),
)
def test_shared_groups_agree(
    table: pa.Table,
    key: str,
    calls: str,
    way: dict[str, Any],
    batch_rows: int,
    split_rows: int,
    merges: tuple[int, int],
    many: bool,
) -> None:
    sql = f"SELECT {key}, {calls} FROM t GROUP BY {key}" if key else f"SELECT {calls} FROM t"
    enough = patch.object(shared_groups, "MANY_GROUPS", 2 if many else 100_000)
    with splits_of(split_rows), at_once(*merges), enough:
        simple = outcome(sql, {"t": table}, processor="simple", batch_rows=batch_rows)
        assert outcome(sql, {"t": table}, batch_rows=batch_rows, state="shared", **way) == simple


@pytest.mark.parametrize("strategy", ["hash", "smart"])
def test_hash_without_keys_is_refused(strategy: str) -> None:
    table = pa.table({"k": [1, 2]})
    got = outcome("SELECT k FROM t", {"t": table}, processor="adaptive", partitions=2, strategy=strategy)
    assert isinstance(got, str)
    assert "no keys" in got
