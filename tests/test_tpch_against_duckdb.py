"""The 22 queries of TPC-H answer as DuckDB's do, on dbgen's data (`nox -s tests_duckdb`), from Parquet and from CSV."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import velothread

duckdb = pytest.importorskip("duckdb", reason="DuckDB has no wheel for this Python; nox -s tests_duckdb has the GIL")

QUERIES = Path(__file__).parents[1] / "sql" / "tpch"
_BESIDE = Path(sys.executable).with_name("tpchgen-cli")
_TOOL = str(_BESIDE) if _BESIDE.exists() else shutil.which("tpchgen-cli")
pytestmark = pytest.mark.skipif(_TOOL is None, reason="tpchgen-cli makes the data: pip install tpchgen-cli")


@pytest.fixture(scope="module", params=["parquet", "csv"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the eight tables, scale factor 0.01."""
    folder = tmp_path_factory.mktemp(request.param)
    command = [str(_TOOL), request.param, "-s", "0.01", "--output-dir", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


def rows_of(columns: list[list[Any]]) -> list[tuple[Any, ...]]:
    """Rows with numbers as floats, in an order of their own: equal keys of ORDER BY may come in any."""
    plain = [[float(v) if isinstance(v, (int, Decimal)) else v for v in c] for c in columns]
    return sorted(zip(*plain, strict=True), key=repr)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)


@pytest.mark.parametrize("number", range(1, 23))
def test_answers_as_duckdb(data: Path, number: int) -> None:
    sql = (QUERIES / f"q{number:02}.sql").read_text()
    con = duckdb.connect(config={"threads": 1})
    with velothread.connect(processor="simple") as session:
        for file in sorted(data.iterdir()):
            con.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
            session.register(file.stem, str(file))
        expected: pa.Table = con.sql(sql).to_arrow_table()
        answer = session.query(sql).arrow()
    assert answer.column_names == expected.column_names
    wanted, got = (rows_of([c.to_pylist() for c in x.columns]) for x in (expected, answer))
    assert len(got) == len(wanted)
    for left, right in zip(got, wanted, strict=True):
        assert all(map(same, left, right)), (left, right)
