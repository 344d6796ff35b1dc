"""The 22 queries of TPC-H, and how users of other dialects write them: one answer for all, from every processor."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.running import ipc_bytes, run
from tests.tpch_data import tables

QUERIES = Path(__file__).parents[1] / "sql" / "tpch"
NAMES = [f"q{n:02}" for n in range(1, 23)]
DIALECTS = sorted(p.name for p in QUERIES.iterdir() if p.is_dir())
_IN_DIALECTS = [(d, p.stem) for d in DIALECTS for p in sorted((QUERIES / d).glob("q*.sql"))]
# With so few rows these find nothing, in any engine.
_MAY_BE_EMPTY = {"q20"}


@cache
def own_answer(name: str) -> pa.Table:
    return run((QUERIES / f"{name}.sql").read_text(), tables(), processor="simple")


def plain_rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows, numbers as floats: dialects differ in the types of sums and quotients."""
    columns = [[float(v) if isinstance(v, (int, Decimal)) else v for v in c.to_pylist()] for c in table.columns]
    return sorted(zip(*columns, strict=True), key=repr)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return bool(left == right)


@pytest.mark.parametrize("name", NAMES)
def test_processors_agree(name: str) -> None:
    sql = (QUERIES / f"{name}.sql").read_text()
    adaptive = run(sql, tables(), processor="adaptive", partitions=3)
    assert ipc_bytes(adaptive) == ipc_bytes(own_answer(name))
    assert own_answer(name).num_rows or name in _MAY_BE_EMPTY


@pytest.mark.parametrize(("dialect", "name"), _IN_DIALECTS)
def test_dialects_agree(dialect: str, name: str) -> None:
    sql = (QUERIES / dialect / f"{name}.sql").read_text()
    answer = run(sql, tables(), processor="simple", dialect=dialect)
    assert ipc_bytes(run(sql, tables(), processor="adaptive", partitions=2, dialect=dialect)) == ipc_bytes(answer)
    got, wanted = plain_rows(answer), plain_rows(own_answer(name))
    assert len(got) == len(wanted)
    for left, right in zip(got, wanted, strict=True):
        assert len(left) == len(right)
        assert all(map(same, left, right)), (left, right)


def test_every_dialect_has_its_queries() -> None:
    assert len(DIALECTS) == 9
    assert all(len(list((QUERIES / d).glob("q*.sql"))) >= 17 for d in DIALECTS)
