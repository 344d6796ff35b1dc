"""One engine in a process of its own, running a Python function over a file: the peer.py of bench/udf.py.

    {"case": "score", "path": "calls-1000000.parquet", "options": {}}  ->  {"seconds": 1.2, "answer": [[1000000, 7]]}

Requests are JSON lines. Registering a function comes before the clock, and so does what SQLite needs its table for (it
reads no files) and the start of the pool of processes. The clock runs over the reading of the file, the calls and the
aggregate, until the answer is there as Python objects. Engines with threads have 2.

What each engine runs, as its documentation shows it:
- velothread: the file of functions is loaded (so each partition has its own globals); `options` go to the declaration.
- DuckDB: `create_function`, native (a call per row) or Arrow (arrays come; for a function of rows, a loop over
  `to_pylist()`, as its users must write it; for one of batches, NumPy arrays made of them).
- Polars: `map_elements` (of a struct where the function has several arguments); `map_batches` for functions of batches.
- pandas: `Series.apply`, or `DataFrame.apply(axis=1)` for several arguments, which is slow by nature: it makes a Series
  of each row. Functions of batches get the columns.
- SQLite: `create_function`.
- pool: `multiprocessing.Pool(2)`; chunks of 10,000 rows are pickled to it as lists of Python values (NumPy arrays for
  functions of batches), and the results come back likewise; they are aggregated here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from udf_cases import BY_NAME, Case

HERE = Path(__file__).resolve().parent
THREADS = 2
CHUNK = 10_000
Rows = list[tuple[Any, ...]]


def function_of(case: Case) -> Callable[..., Any]:
    """The function that engines other than velothread call."""
    function: Callable[..., Any] = getattr(importlib.import_module(case.module), case.function)
    return function


class Engine:
    """What `main` asks: `prepare` before the clock starts, `run` while it runs."""

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def run(self) -> Rows:
        raise NotImplementedError


class Velothread(Engine):
    """A session per function and options, kept. `reading`: the columns are read and no Python is called."""

    def __init__(self, partitions: int, **options: Any) -> None:
        self.partitions, self.options = partitions, options
        self.sessions: dict[str, Any] = {}

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        if options.get("reading"):
            self.session, self.sql = self._session(case, {}), case.reading.format(t=f"'{path}'")
            return
        key = f"{case.name} {json.dumps(options)}"
        if key not in self.sessions:
            self.sessions[key] = self._session(case, {**self.options, **options})
        self.session, self.sql = self.sessions[key], case.sql.format(f=case.function, t=f"'{path}'")

    def _session(self, case: Case, options: dict[str, Any]) -> Any:
        import velothread

        session = velothread.connect(processor="adaptive", partitions=self.partitions)
        if case.form == "batch":
            types = {"parameters": list(case.types), "returns": case.returns}
            session.register_function(function_of(case), batch="numpy", **types, **options)
        elif case.form == "async" and not options:
            asynchronous = importlib.import_module("udf_async")
            session.register_function(getattr(asynchronous, case.function), concurrency=64)
        elif options:
            session.register_function(function_of(case), **{"share": "thread", **options})
        else:
            session.load_functions(str(HERE / "udf_functions.py"))
        return session

    def run(self) -> Rows:
        return rows_of(self.session.query(self.sql).arrow())


class DuckDB(Engine):
    def __init__(self, arrow: bool) -> None:
        import duckdb

        self.arrow = arrow
        self.con = duckdb.connect(config={"threads": THREADS})
        self.known: set[str] = set()

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        name = case.name.replace("-", "_")
        if name not in self.known:
            self.known.add(name)
            function = function_of(case)
            if self.arrow:
                function = (arrays_called if case.form == "batch" else rows_called)(function, case)
            kind = "arrow" if self.arrow else "native"
            self.con.create_function(name, function, list(case.types), case.returns, type=kind)
        self.sql = case.sql.format(f=name, t=f"'{path}'")

    def run(self) -> Rows:
        return self.con.execute(self.sql).fetchall()


def rows_called(function: Callable[..., Any], case: Case) -> Callable[..., Any]:
    """A function of rows as one of Arrow arrays."""
    import pyarrow as pa

    type = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "VARCHAR": pa.string()}[case.returns]

    @functools.wraps(function)  # DuckDB counts the parameters
    def called(*columns: Any) -> Any:
        return pa.array([function(*row) for row in zip(*(c.to_pylist() for c in columns), strict=True)], type)

    return called


def arrays_called(function: Callable[..., Any], case: Case) -> Callable[..., Any]:
    """A function of NumPy arrays as one of Arrow arrays."""
    import pyarrow as pa

    @functools.wraps(function)  # DuckDB counts the parameters
    def called(*columns: Any) -> Any:
        return pa.array(function(*(c.to_numpy() for c in columns)))

    return called


class Polars(Engine):
    def __init__(self) -> None:
        os.environ["POLARS_MAX_THREADS"] = str(THREADS)
        import polars

        self.pl = polars

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        self.case, self.path, self.function = case, path, function_of(case)

    def run(self) -> Rows:
        pl, case, function = self.pl, self.case, self.function
        type = {"DOUBLE": pl.Float64, "BIGINT": pl.Int64, "VARCHAR": pl.String}[case.returns]
        if case.form == "batch":
            result = pl.map_batches(
                list(case.columns), lambda s: pl.Series(function(*(c.to_numpy() for c in s))), return_dtype=type
            )
        elif len(case.columns) == 1:
            result = pl.col(case.columns[0]).map_elements(function, return_dtype=type)
        else:
            result = pl.struct(case.columns).map_elements(lambda row: function(*row.values()), return_dtype=type)
        frame = pl.scan_parquet(self.path).select(result.alias("result"))
        if case.grouped:
            return frame.group_by("result").len().collect(engine="streaming").rows()
        return frame.select(pl.len(), pl.col("result").sum().alias("total")).collect(engine="streaming").rows()


class Pandas(Engine):
    def __init__(self) -> None:
        import pandas

        self.pd = pandas

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        self.case, self.path, self.function = case, path, function_of(case)

    def run(self) -> Rows:
        case, function = self.case, self.function
        frame = self.pd.read_parquet(self.path, columns=list(case.columns))
        if case.form == "batch":
            result = self.pd.Series(function(*(frame[c].to_numpy() for c in case.columns)))
        elif len(case.columns) == 1:
            result = frame[case.columns[0]].apply(function)
        else:
            result = frame.apply(lambda row: function(*row), axis=1)
        if case.grouped:
            return [(value, int(n)) for value, n in result.value_counts().items()]
        return [(len(result), result.sum().item())]


class SQLite(Engine):
    """Over a table that was loaded before the clock starts: SQLite reads no files. One thread."""

    def __init__(self) -> None:
        from peer import SQLite as Loaded

        self.loaded = Loaded()

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        self.loaded.load(path)
        self.loaded.con.create_function(case.function, len(case.columns), function_of(case), deterministic=True)
        self.sql = case.sql.format(f=case.function, t="t")

    def run(self) -> Rows:
        return self.loaded.con.execute(self.sql).fetchall()


class Pool(Engine):
    def __init__(self) -> None:
        self.pool = multiprocessing.get_context("spawn").Pool(THREADS)
        self.pool.map(int, range(2 * THREADS))  # they are up

    def prepare(self, case: Case, path: str, options: dict[str, Any]) -> None:
        self.case, self.path = case, path

    def chunks(self) -> Iterator[tuple[str, list[Any]]]:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(self.path, columns=list(self.case.columns))
        rows = min(CHUNK, -(-len(table) // (4 * THREADS)))  # a few for each, however small the table
        for start in range(0, len(table), rows):
            columns = table.slice(start, rows).select(self.case.columns).columns
            batch = self.case.form == "batch"
            yield self.case.name, [c.to_numpy() if batch else c.to_pylist() for c in columns]

    def run(self) -> Rows:
        counts: Counter[Any] = Counter()
        n, total = 0, 0
        for result in self.pool.imap(worked, self.chunks()):
            if self.case.grouped:
                counts.update(result)
            else:
                n, total = n + len(result), total + (result.sum().item() if self.case.form == "batch" else sum(result))
        return list(counts.items()) if self.case.grouped else [(n, total)]


def worked(task: tuple[str, list[Any]]) -> Any:
    """In a process of the pool: the results of a chunk."""
    case = BY_NAME[task[0]]
    function = function_of(case)
    return function(*task[1]) if case.form == "batch" else [function(*row) for row in zip(*task[1], strict=True)]


ENGINES: dict[str, Callable[[], Engine]] = {
    "velothread": lambda: Velothread(2), "velothread-1": lambda: Velothread(1),
    "velothread-called": lambda: Velothread(2, lift=False, inline=False),
    "velothread-gil": lambda: Velothread(2), "velothread-gil-1": lambda: Velothread(1),
    "duckdb-native": lambda: DuckDB(arrow=False), "duckdb-arrow": lambda: DuckDB(arrow=True),
    "polars": Polars, "pandas": Pandas, "sqlite": SQLite, "pool": Pool,
}  # fmt: skip


def rows_of(table: Any) -> Rows:
    return list(zip(*(c.to_pylist() for c in table.columns), strict=True))


def plain(value: Any) -> Any:
    """A sum of integers is a decimal in some engines."""
    return int(value) if isinstance(value, Decimal) else value


def main() -> None:
    # The protocol has stdout for itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = ENGINES[sys.argv[1]]()
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for text in sys.stdin:
        request = json.loads(text)
        case = BY_NAME[request["case"]]
        try:
            engine.prepare(case, request["path"], request.get("options", {}))
            start, cpu = time.perf_counter(), time.process_time()
            rows = engine.run()
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        except Exception as e:
            print(json.dumps({"error": f"{type(e).__name__}: {e}"[:600]}), file=answers, flush=True)
            continue
        answer = sorted([plain(v) for v in row] for row in rows)
        print(json.dumps({"seconds": seconds, "cpu": cpu, "answer": answer}), file=answers, flush=True)
    with contextlib.suppress(AttributeError):
        engine.pool.terminate()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
