"""What it takes to call a Python function for every row, to run it inlined in the loop, and to run it lifted.

    python bench/lifting.py [--rows 65536] [--rounds 15] [--function NAME] [--json OUT]

Nanoseconds a row, for a batch of random columns, in one thread and without the engine around. Called and inlined
include what they need of columns as Python values and back: NumPy's `tolist`, and Arrow or NumPy for the results. The
ways take turns, round by round. Time is that of the thread on its core; a figure is the quickest run of all rounds, a
gain the ratio of two such: what else the machine does only ever adds. Answers are compared, to the bit.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.freed_memory import keep_freed_memory
from velothread.functions.inlining import Inlined, inline
from velothread.functions.lifting import Lifted, compile_lifted, lift
from velothread.plan.expressions import Field
from velothread.types import BIGINT, BOOLEAN, DOUBLE, VARCHAR, SqlType

SQUARES = {i: i * i for i in range(0, 2000, 3)}


def doubled(a: float) -> float:
    return a * 2 + 1


def product(a: int, b: int) -> int:
    return a * b


def scored(a: float, b: float) -> float:
    t = a * 1.5 + b
    return t * t - a / 3.0 if t > 10.0 else t + 2.0


def counted(a: int, b: int) -> int:
    t = a * 3 + b
    if t > 100:
        return t % 7 - a
    return t + 2


def ratio(a: int, b: int) -> float:
    return a / b if b != 0 else 0.0


def clamped(a: float, b: float) -> float:
    return min(max(a, 0.0), b)


def rounded(a: float) -> float:
    return round(a * 1.19, 2)


def distance(a: float, b: float) -> float:
    return math.sqrt(a * a + b * b) * math.sin(a)


def power(a: float, b: float) -> float:
    return abs(a) ** 1.5 + b


def trimmed(s: str) -> str:
    return s.strip().upper()


def flagged(s: str) -> bool:
    return s.startswith("ab") or s in ("x-1", "x-2", "x-3")


def looked_up(a: int) -> int:
    return SQUARES.get(a, 0)


FUNCTIONS: tuple[tuple[FunctionType, tuple[SqlType, ...], SqlType], ...] = (
    (doubled, (DOUBLE,), DOUBLE),
    (product, (BIGINT, BIGINT), BIGINT),
    (scored, (DOUBLE, DOUBLE), DOUBLE),
    (counted, (BIGINT, BIGINT), BIGINT),
    (ratio, (BIGINT, BIGINT), DOUBLE),
    (clamped, (DOUBLE, DOUBLE), DOUBLE),
    (rounded, (DOUBLE,), DOUBLE),
    (distance, (DOUBLE, DOUBLE), DOUBLE),
    (power, (DOUBLE, DOUBLE), DOUBLE),
    (trimmed, (VARCHAR,), VARCHAR),
    (flagged, (VARCHAR,), BOOLEAN),
    (looked_up, (BIGINT,), BIGINT),
)


def column(t: SqlType, rows: int, random: np.random.Generator) -> pa.Array:
    if t == DOUBLE:
        return pa.array(random.normal(5, 10, rows))
    if t == BIGINT:
        return pa.array(random.integers(-1000, 1000, rows))
    return pa.array([f" ab-{i} " if i % 3 else f"x-{i}" for i in random.integers(0, 500, rows)])


def values(array: pa.Array) -> list[Any]:
    found: list[Any] = array.to_numpy(zero_copy_only=False).tolist()
    return found


def back(found: list[Any], t: SqlType) -> pa.Array:
    if t in (DOUBLE, BIGINT):
        return pa.array(np.fromiter(found, np.float64 if t == DOUBLE else np.int64, len(found)))
    return pa.array(found, t.arrow)


def ways(
    function: FunctionType, types: tuple[SqlType, ...], returns: SqlType, columns: list[pa.Array]
) -> dict[str, Any]:
    """Name -> the batch computed that way, or the reason why it can't be."""

    def called() -> pa.Array:
        found: list[Any] = []
        found.extend(map(function, *map(values, columns)))
        return back(found, returns)

    ids = count()
    found: dict[str, Any] = {"called": called}
    inlined = inline(function)
    if isinstance(inlined, Inlined):
        loop = inlined.loop(function)
        found["inlined"] = lambda: back(loop(*(iter(values(c)) for c in columns)), returns)
    else:
        found["inlined"] = str(inlined)
    lifted = lift(function, types, (False,) * len(types), returns, lambda name, t: Field(next(ids), name, t))
    if isinstance(lifted, Lifted):
        compute = compile_lifted(lifted)
        found["lifted"] = lambda: compute(len(columns[0]), *columns)
    else:
        found["lifted"] = str(lifted)
    return found


def bits(array: pa.Array) -> Any:
    return array.view(pa.int64()) if array.type == pa.float64() else array


def measured(way: Callable[[], Any], rows: int) -> float:
    """Nanoseconds a row, of the quicker of two runs: the first may have to fetch its columns."""
    best = math.inf
    for _ in range(2):
        start = time.thread_time()
        way()
        best = min(best, time.thread_time() - start)
    return best / rows * 1e9


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", type=int, default=65_536)
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--function", action="append")
    p.add_argument("--json", type=Path)
    args = p.parse_args()
    keep_freed_memory()  # as the engine does
    random = np.random.default_rng(7)
    results: dict[str, dict[str, Any]] = {}
    print(f"{'ns a row':12s} {'called':>8s} {'inlined':>8s} {'gain':>6s} {'lifted':>8s} {'gain':>6s}")
    for function, types, returns in FUNCTIONS:
        if args.function and function.__name__ not in args.function:
            continue
        columns = [column(t, args.rows, random) for t in types]
        every = ways(function, types, returns, columns)
        run = {name: way for name, way in every.items() if callable(way)}
        answers = {name: bits(way()) for name, way in run.items()}
        if any(a != answers["called"] for a in answers.values()):
            raise SystemExit(f"{function.__name__}: answers differ")
        times: dict[str, list[float]] = {name: [] for name in run}
        for _ in range(args.rounds):
            for name, way in run.items():
                times[name].append(measured(way, args.rows))
        row: dict[str, Any] = {name: reason for name, reason in every.items() if name not in run}
        shown = f"{function.__name__:12s} {min(times['called']):8.1f}"
        for name in ("inlined", "lifted"):
            if name not in run:
                shown += f" {'-':>8s} {'':6s}"
                continue
            row[name] = min(times[name])
            row[name + " gain"] = min(times["called"]) / row[name]
            shown += f" {row[name]:8.1f} {row[name + ' gain']:5.1f}x"
        print(shown + "".join(f"  {n}: {r}" for n, r in row.items() if isinstance(r, str)))
        results[function.__name__] = {"called": min(times["called"]), **row}
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
