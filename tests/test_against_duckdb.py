"""The same answers as DuckDB, where DuckDB is installed (`nox -s tests_duckdb`: it has no free-threaded wheels)."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, note, settings

import velothread
from tests.joins_grammar import joined_queries
from tests.query_grammar import queries, tables
from tests.running import run
from tests.window_grammar import window_queries, window_tables

duckdb = pytest.importorskip(
    "duckdb", reason="DuckDB has no wheel for this Python; nox -s tests_duckdb runs this with the GIL"
)


def rows_of(table: pa.Table) -> Counter[tuple[Any, ...]]:
    """The rows as a multiset; floats to 9 digits, since both engines add in an order of their own."""
    columns = [[_plain(v) for v in c.to_pylist()] for c in table.columns]
    return Counter(zip(*columns, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        if math.isnan(value):
            return "nan"
        return 0.0 if value == 0 else float(f"{value:.9g}")
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return value


@settings(max_examples=200)
@given(table=tables(), sql=queries("duckdb"))
def test_same_rows_as_duckdb(table: pa.Table, sql: str) -> None:
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    con.register("t", table)
    try:
        expected = con.sql(sql).to_arrow_table()
    except duckdb.Error as e:
        note(str(e))
        expected = None
    if expected is None:
        # what DuckDB refuses to compute (overflow, a bad cast) we refuse as well, or compute exactly
        return
    try:
        got = run(sql, {"t": table}, processor="simple", batch_rows=7)
    except velothread.ExecutionError as e:
        # an error where DuckDB gives NULL: division by zero in integers (docs/semantics.md)
        assert "division by zero" in str(e), (sql, e)
        return
    assert rows_of(got) == rows_of(expected), sql


@settings(max_examples=200)
@given(table=window_tables(), sql=window_queries())
def test_same_windows_as_duckdb(table: pa.Table, sql: str) -> None:
    con = duckdb.connect(config={"threads": 1})
    con.register("t", table)
    try:
        expected = con.sql(sql).to_arrow_table()
    except duckdb.BinderException as e:
        assert "EXCLUDE is not supported" in str(e), sql  # for lag and lead: we take it, and it says nothing
        return
    assert rows_of(run(sql, {"t": table}, processor="simple", batch_rows=7)) == rows_of(expected), sql


@settings(max_examples=200)
@given(t=tables(max_rows=9), u=tables(max_rows=7), sql=joined_queries("duckdb"))
def test_same_joins_as_duckdb(t: pa.Table, u: pa.Table, sql: str) -> None:
    con = duckdb.connect(config={"threads": 1})
    con.register("t", t)
    con.register("u", u)
    try:
        expected = con.sql(sql).to_arrow_table()
    except duckdb.Error as e:
        note(str(e))
        return
    assert rows_of(run(sql, {"t": t, "u": u}, processor="simple", batch_rows=7)) == rows_of(expected), sql
