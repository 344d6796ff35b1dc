"""The same rows as SQLite, for queries that mean the same in both.

SQLite has no booleans, dates or decimals, rounds integer sums through no wider type, and ignores the case of ASCII in
LIKE; what the grammar draws for "sqlite" stays clear of these. Only integers, floats and text are compared.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from tests.query_grammar import queries, tables
from tests.running import run

# Columns that both hold alike.
SHARED = ("k", "i", "x", "s", "g")


def by_sqlite(sql: str, table: pa.Table) -> list[tuple[Any, ...]]:
    """The answer of SQLite over the table."""
    with closing(sqlite3.connect(":memory:")) as con:
        con.execute("CREATE TABLE t (k INTEGER, i INTEGER, x REAL, s TEXT, g TEXT)")
        con.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?, ?)", zip(*(table[c].to_pylist() for c in SHARED), strict=True)
        )
        return con.execute(sql).fetchall()


def plain(rows: Iterator[tuple[Any, ...]] | list[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """Rows as a multiset, with the numbers of both engines alike (HUGEINT comes as a decimal, TRUE as 1)."""
    return Counter(tuple(int(v) if isinstance(v, (Decimal, bool)) else v for v in row) for row in rows)


@settings(max_examples=150)
@given(table=tables(odd=False), sql=queries("sqlite"))
def test_same_rows_as_sqlite(table: pa.Table, sql: str) -> None:
    table = table.select(SHARED)
    got = run(sql, {"t": table}, processor="simple", batch_rows=7)
    assert plain(list(zip(*(c.to_pylist() for c in got.columns), strict=True))) == plain(by_sqlite(sql, table)), sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT g, k, count(*) AS n FROM t GROUP BY g, k HAVING count(*) > 1 ORDER BY n DESC, g, k",
        "SELECT k FROM t WHERE k IS NOT NULL ORDER BY k DESC LIMIT 3 OFFSET 1",
        "SELECT DISTINCT g FROM t WHERE g IS NOT NULL ORDER BY g",
    ],
)
@settings(max_examples=20)
@given(table=tables(odd=False))
def test_same_order_as_sqlite(sql: str, table: pa.Table) -> None:
    """ORDER BY over all that is selected leaves no choice but where NULLs go."""
    table = table.select(SHARED).filter(pc.and_(table["g"].is_valid(), table["k"].is_valid()))
    got = run(sql, {"t": table}, processor="simple", batch_rows=7)
    assert list(zip(*(c.to_pylist() for c in got.columns), strict=True)) == by_sqlite(sql, table)
