"""The queries in sql/ run, over the data that ships with the repository, and give one answer under every processor."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import velothread
from tests.running import WAYS, ipc_bytes

ROOT = Path(__file__).resolve().parents[2]
# TPC-H has tables of its own, and tests/test_tpch.py.
QUERIES = sorted(p for p in (ROOT / "sql").rglob("*.sql") if "tpch" not in p.parts)


def answer(path: Path, **options: object) -> pa.Table:
    with velothread.connect(**options) as session:
        session.register("trades", str(ROOT / "data" / "trades-*.csv"))
        stations = session.query(f"SELECT station, high AS temp FROM '{ROOT / 'data' / 'stations.parquet'}'").arrow()
        session.register("measurements", stations)
        return session.query(path.read_text()).arrow()


@pytest.mark.parametrize("path", QUERIES, ids=[p.stem for p in QUERIES])
def test_one_answer(path: Path) -> None:
    first, *others = (answer(path, **way) for way in WAYS)
    assert first.num_rows > 0
    for other in others:
        assert ipc_bytes(other) == ipc_bytes(first)


def trades() -> pa.Table:
    with velothread.connect(processor="simple") as session:
        return session.query(f"FROM '{ROOT / 'data' / 'trades-*.csv'}'").arrow()


def test_filter_keeps_what_it_says() -> None:
    table = trades()
    expected = table.filter(pc.and_(pc.equal(table["side"], "buy"), pc.greater(table["qty"], 100)))
    got = answer(ROOT / "sql" / "study" / "filter.sql", processor="simple")
    assert got.to_pylist() == expected.select(["symbol", "price", "qty"]).to_pylist()


def test_group_by_totals_are_those_of_arrow() -> None:
    table = trades()
    got = answer(ROOT / "sql" / "study" / "group_by.sql", processor="simple")
    by_arrow = table.group_by("symbol", use_threads=False).aggregate(
        [([], "count_all"), ("qty", "sum"), ("price", "min")]
    )
    expected = {r["symbol"]: (r["count_all"], r["qty_sum"], r["price_min"]) for r in by_arrow.to_pylist()}
    assert {r["symbol"]: (r["trades"], int(r["volume"]), r["low"]) for r in got.to_pylist()} == expected
