"""The same bytes from every processor, partition count, partitioning strategy and wait strategy."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.joins_grammar import joined_queries
from tests.query_grammar import queries, tables
from tests.running import outcome
from velothread.options import STRATEGIES, WAITS

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
@given(table=tables(), sql=queries(), way=ADAPTIVE, batch_rows=st.sampled_from([1, 3, 7, 65536]))
def test_processors_agree(table: pa.Table, sql: str, way: dict[str, Any], batch_rows: int) -> None:
    simple = outcome(sql, {"t": table}, processor="simple", batch_rows=batch_rows)
    assert outcome(sql, {"t": table}, batch_rows=batch_rows, **way) == simple


@settings(max_examples=100)
@given(
    t=tables(max_rows=10),
    u=tables(max_rows=8),
    sql=joined_queries(),
    way=ADAPTIVE,
    batch_rows=st.sampled_from([1, 3, 7, 65536]),
)
def test_processors_agree_on_joins(t: pa.Table, u: pa.Table, sql: str, way: dict[str, Any], batch_rows: int) -> None:
    simple = outcome(sql, {"t": t, "u": u}, processor="simple", batch_rows=batch_rows)
    assert outcome(sql, {"t": t, "u": u}, batch_rows=batch_rows, **way) == simple


@settings(max_examples=60)
@given(
    table=tables(),
    key=st.sampled_from(["g", "k", "s, b", "x", "d, m"]),
    strategy=st.sampled_from(["hash", "smart"]),
    partitions=st.sampled_from([2, 3, 8]),
    wait=st.sampled_from(WAITS),
)
def test_exchange_by_key_agrees(table: pa.Table, key: str, strategy: str, partitions: int, wait: str) -> None:
    sql = f"SELECT {key}, count(*), sum(x), avg(x), min(s), list(k), stddev(x) FROM t GROUP BY {key}"
    simple = outcome(sql, {"t": table}, processor="simple", batch_rows=3)
    way: dict[str, Any] = {"strategy": strategy, "partitions": partitions, "wait": wait, "batch_rows": 3}
    assert outcome(sql, {"t": table}, processor="adaptive", **way) == simple


@pytest.mark.parametrize("strategy", ["hash", "smart"])
def test_hash_without_keys_is_refused(strategy: str) -> None:
    table = pa.table({"k": [1, 2]})
    got = outcome("SELECT k FROM t", {"t": table}, processor="adaptive", partitions=2, strategy=strategy)
    assert isinstance(got, str)
    assert "no keys" in got
