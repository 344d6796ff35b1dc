"""One engine in a process of its own: reads requests (JSON lines) on stdin, runs queries, answers with times.

    {"path": "...", "format": "csv", "sql": "... {t} ...", "output": null}   ->   {"seconds": 0.4, "digest": [...]}
    {"tables": {"orders": "...", ...}, "format": "parquet", "sql": "... orders ..."}   (several tables, by their names)

Run by `peers.py` with the interpreter that has the engine. Each engine is limited to 2 threads (SQLite has one), reads
the file anew for each request, and gives its answer as an Arrow table, whose rows are digested for comparison after the
clock stops.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))


class Velothread:
    def __init__(self, **options: Any) -> None:
        import velothread

        self.session = velothread.connect(**options)

    def tables(self, files: dict[str, str], format: str) -> None:
        for name, path in files.items():
            self.session.register(name, path)

    def named(self, sql: str) -> Any:
        return self.session.query(sql).arrow()

    def run(self, path: str, format: str, sql: str, output: str | None) -> Any:
        sql = sql.format(t=f"'{path}'")
        if output is not None:
            return self.session.query(f"COPY ({sql}) TO '{output}'").arrow()
        return self.session.query(sql).arrow()


class DuckDB:
    def __init__(self) -> None:
        import duckdb

        self.con = duckdb.connect(config={"threads": THREADS})

    def tables(self, files: dict[str, str], format: str) -> None:
        for name, path in files.items():
            self.con.execute(f"CREATE OR REPLACE VIEW {name} AS FROM '{path}'")

    def named(self, sql: str) -> Any:
        return self.con.sql(sql).to_arrow_table()

    def run(self, path: str, format: str, sql: str, output: str | None) -> Any:
        sql = sql.format(t=f"'{path}'")
        if output is not None:
            return self.con.execute(f"COPY ({sql}) TO '{output}'").fetchall()
        return self.con.sql(sql).to_arrow_table()


class Polars:
    def __init__(self) -> None:
        os.environ["POLARS_MAX_THREADS"] = str(THREADS)
        import polars

        self.pl = polars
        self.frames: dict[str, Any] = {}

    def tables(self, files: dict[str, str], format: str) -> None:
        read = {"csv": partial(self.pl.scan_csv, try_parse_dates=True), "parquet": self.pl.scan_parquet}[format]
        self.frames = {name: read(path) for name, path in files.items()}

    def named(self, sql: str) -> Any:
        return self.pl.SQLContext(self.frames).execute(sql).collect(engine="streaming").to_arrow()

    def run(self, path: str, format: str, sql: str, output: str | None) -> Any:
        pl = self.pl
        frame = {"csv": pl.scan_csv, "jsonl": pl.scan_ndjson, "parquet": pl.scan_parquet}[format](path)
        lazy = pl.SQLContext(t=frame).execute(sql.format(t="t"))
        if output is not None:
            return lazy.sink_csv(output)
        return lazy.collect(engine="streaming").to_arrow()


class DataFusion:
    def __init__(self) -> None:
        import datafusion

        self.module = datafusion

    def tables(self, files: dict[str, str], format: str) -> None:
        self.context = self.module.SessionContext(self.module.SessionConfig().with_target_partitions(THREADS))
        for name, path in files.items():
            (self.context.register_csv if format == "csv" else self.context.register_parquet)(name, path)

    def named(self, sql: str) -> Any:
        return self.context.sql(sql).to_arrow_table()

    def run(self, path: str, format: str, sql: str, output: str | None) -> Any:
        config = self.module.SessionConfig().with_target_partitions(THREADS)
        context = self.module.SessionContext(config)
        if format == "csv":
            context.register_csv("t", path)
        elif format == "jsonl":
            context.register_json("t", path, file_extension=".jsonl")
        else:
            context.register_parquet("t", path)
        sql = sql.format(t="t")
        if output is not None:
            return context.sql(f"COPY ({sql}) TO '{output}' STORED AS CSV").collect()
        return context.sql(sql).to_arrow_table()


class SQLite:
    """Over a table that was loaded before the clock starts: SQLite reads no files. One thread."""

    def __init__(self) -> None:
        import sqlite3

        self.con = sqlite3.connect(":memory:")
        self.loaded = ""

    def load(self, path: str) -> None:
        import pyarrow.parquet

        if self.loaded == path:
            return
        self.con.execute("DROP TABLE IF EXISTS t")
        table = pyarrow.parquet.read_table(path)
        self.con.execute(f"CREATE TABLE t ({', '.join(table.column_names)})")
        marks = ", ".join("?" * table.num_columns)
        for batch in table.to_batches(max_chunksize=100_000):
            self.con.executemany(
                f"INSERT INTO t VALUES ({marks})", zip(*(c.to_pylist() for c in batch.columns), strict=True)
            )
        self.loaded = path

    def run(self, path: str, format: str, sql: str, output: str | None) -> Any:
        return self.con.execute(sql.format(t="t")).fetchall()


ENGINES = {
    "velothread": lambda: Velothread(processor="adaptive", partitions=THREADS),
    "velothread simple": lambda: Velothread(processor="simple"),
    "duckdb": DuckDB, "polars": Polars, "datafusion": DataFusion, "sqlite": SQLite,
}  # fmt: skip


def digest(answer: Any) -> list[str]:
    """Rows as text, floats to 9 digits, sorted: what engines must agree on. Long answers: their number and sums."""
    if isinstance(answer, list):
        rows = [tuple(r) for r in answer] if answer and isinstance(answer[0], (tuple, list)) else []
    elif answer is None or not hasattr(answer, "columns"):
        return []
    elif answer.num_rows > 2000:
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = [c for c in answer.columns if pa.types.is_integer(c.type) or pa.types.is_decimal(c.type)]
        return [str(answer.num_rows), *(f"{float(pc.sum(c.cast(pa.float64())).as_py()):.12g}" for c in numbers)]
    else:
        rows = list(zip(*(c.to_pylist() for c in answer.columns), strict=True))
    if len(rows) > 2000:
        return [str(len(rows)), *(f"{float(sum(c)):.12g}" for c in zip(*rows, strict=True) if isinstance(c[0], int))]
    return sorted("|".join(map(spell, row)) for row in rows)


def spell(value: Any) -> str:
    """A value as text: numbers to 9 digits; a date as the midnight that some engines make of it."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return f"{value} 00:00:00"
    return f"{float(value):.9g}" if isinstance(value, (int, float, Decimal)) else str(value)


def forget_peak() -> None:
    """Start anew with the peak of resident memory (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """Peak of resident memory in bytes since `forget_peak` (elsewhere than on Linux: since the start)."""
    try:
        found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(found.split()[1]) * 1024


def main() -> None:
    engine = ENGINES[sys.argv[1]]()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        path = request.get("path")
        if path is None:
            engine.tables(request["tables"], request["format"])
        forget_peak()
        if isinstance(engine, SQLite):
            engine.load(path)
        start = time.perf_counter()
        cpu = time.process_time()
        try:
            if path is None:
                answer = engine.named(request["sql"])
            else:
                answer = engine.run(path, request["format"], request["sql"], request["output"])
        except Exception as e:
            print(json.dumps({"error": f"{type(e).__name__}: {e}"[:300]}), flush=True)
            continue
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        memory = peak()
        print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory, "digest": digest(answer)}), flush=True)


if __name__ == "__main__":
    main()
