"""The files that benchmarks read, made once (fixed seed) in bench/data/, or where VELOTHREAD_BENCH_DATA says.

measurements.{csv,jsonl,parquet}   5,000,000 rows: station (413 names), temp, qty, id (1,000,000 values)
wide.{csv,parquet,jsonl}           1,000,000 rows, 50 columns: c00 ... c49 (integers, floats and text by turns)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

ROWS = int(os.environ.get("VELOTHREAD_BENCH_ROWS", "5000000"))
WIDE_ROWS = ROWS // 5


def folder() -> Path:
    """Where the files are."""
    path = Path(os.environ.get("VELOTHREAD_BENCH_DATA", Path(__file__).parent / "data")) / str(ROWS)
    path.mkdir(parents=True, exist_ok=True)
    return path


def measurements() -> pa.Table:
    rng = np.random.default_rng(1)
    stations = pa.array([f"Station {i:03d}" for i in range(413)])
    return pa.table(
        {
            "station": stations.take(pa.array(rng.integers(0, 413, ROWS))),
            "temp": np.round(rng.normal(15, 12, ROWS), 1),
            "qty": rng.integers(1, 1000, ROWS),
            "id": rng.integers(0, 1_000_000, ROWS),
        }
    )


def wide() -> pa.Table:
    rng = np.random.default_rng(2)
    words = pa.array([f"word{i}" for i in range(1000)])
    columns = {}
    for i in range(50):
        if i % 3 == 0:
            columns[f"c{i:02d}"] = pa.array(rng.integers(0, 100_000, WIDE_ROWS))
        elif i % 3 == 1:
            columns[f"c{i:02d}"] = pa.array(np.round(rng.normal(0, 1000, WIDE_ROWS), 2))
        else:
            columns[f"c{i:02d}"] = words.take(pa.array(rng.integers(0, 1000, WIDE_ROWS)))
    return pa.table(columns)


def write_jsonl(table: pa.Table, path: Path) -> None:
    """One object per line, as other programs write them."""
    import velothread

    with velothread.connect(processor="simple") as session:
        session.register("t", table)
        session.query(f"COPY (FROM t) TO '{path}' (FORMAT json)").fetchall()


def ensure() -> Path:
    """Make what isn't there yet; the folder."""
    where = folder()
    for name, make in (("measurements", measurements), ("wide", wide)):
        wanted = [where / f"{name}.{suffix}" for suffix in ("csv", "parquet", "jsonl")]
        if all(p.exists() for p in wanted):
            continue
        table = make()
        # no text needs quotes here, so none are written: as pandas, DuckDB and most programs do
        pyarrow.csv.write_csv(table, wanted[0], pyarrow.csv.WriteOptions(quoting_style="none"))
        pyarrow.parquet.write_table(table, wanted[1], row_group_size=500_000)
        write_jsonl(table, wanted[2])
    return where


if __name__ == "__main__":
    print(ensure())
