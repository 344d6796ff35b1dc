"""Window functions in one piece, in buckets, and from receivers in any turn: the same rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

import velothread.breakers.window
from tests.running import outcome, run
from tests.test_one_answer import ADAPTIVE
from tests.window_grammar import window_queries, window_tables


@settings(max_examples=60)
@given(table=window_tables(), sql=window_queries(), way=ADAPTIVE)
def test_processors_agree(table: pa.Table, sql: str, way: dict[str, Any]) -> None:
    simple = outcome(sql, {"t": table}, processor="simple", batch_rows=7)
    assert outcome(sql, {"t": table}, batch_rows=3, **way) == simple


@settings(max_examples=60)
@given(table=window_tables(), sql=window_queries())
def test_buckets_give_the_same_rows(table: pa.Table, sql: str) -> None:
    whole = outcome(sql, {"t": table}, processor="simple")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(velothread.breakers.window, "_ONE_PIECE", 2)
        assert outcome(sql, {"t": table}, processor="simple") == whole
        assert outcome(sql, {"t": table}, processor="adaptive", partitions=3, batch_rows=3) == whole


def test_rows_keep_the_order_of_the_source() -> None:
    table = pa.table({"k": [3, 1, 2, 1], "v": [1, 2, 3, 4]})
    got = run("SELECT v, sum(v) OVER (PARTITION BY k ORDER BY v DESC) AS s FROM t", {"t": table}, processor="simple")
    assert got.column("v").to_pylist() == [1, 2, 3, 4]
    assert [int(x) for x in got.column("s").to_pylist()] == [1, 6, 3, 4]


def test_an_unused_call_is_not_computed() -> None:
    sql = "SELECT v FROM (SELECT v, ntile(v - 1) OVER (ORDER BY v) FROM t)"
    got = run(sql, {"t": pa.table({"v": [1, 2]})}, processor="simple")
    assert got.column("v").to_pylist() == [1, 2]


def test_an_error_says_where_in_the_sql() -> None:
    sql = "SELECT v, ntile(v - 1) OVER (ORDER BY v) FROM t"
    error = outcome(sql, {"t": pa.table({"v": [1, 2]})}, processor="simple")
    assert "greater than 0, not 0" in str(error)
    assert "^^^" in str(error)
