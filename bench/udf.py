"""Python functions in SQL: velothread beside DuckDB, Polars, pandas, SQLite and a pool of processes.

    python bench/udf.py --peers-python PATH --gil-python PATH [--function score] [--rows N] [--rounds 5]
                        [--engines ...] [--json OUT]
    python bench/udf.py --forms     velothread alone: the same function lifted into SQL, inlined, called
    python bench/udf.py --shared    velothread alone: a global table read by all threads, or by each its own

`nox -s peers -- udf` makes the three environments. The functions (udf_functions.py) are the same source for all; what
each engine needs around them is in udf_peer.py. A query aggregates a function's results over a Parquet file that is
made once. Each engine runs in a process of its own that stays; one warm-up run per function is not counted; then the
engines take turns, `--rounds` times. Printed: rows per second (of the median), and how many times as fast velothread
with 2 partitions on the free-threaded build is. Engines with threads have 2, the pool has 2 processes.
Answers are compared: integers and text exactly, floats to 9 digits.

velothread runs a function as it chooses to (as SQL, inlined, called); "calls only" is the same with that switched off.
Functions that are also written for batches are tables of their own, with the engines that have batches. `ask` is an
HTTP request a row, to a process on this machine that answers after 2 ms: velothread runs a coroutine there, 64 at a
time, the others (and "calls only") a plain function with a connection that a thread keeps.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import udf_data
import udf_forms
from turns import Peer, Taken, take_turns
from udf_cases import CASES, REQUESTS, ROWS, SHARED_ROWS, Case

HERE = Path(__file__).resolve().parent
MILLISECONDS = 2.0
TITLES = {
    "velothread": "velothread, 2 partitions", "velothread-1": "velothread, 1 partition",
    "velothread-called": "velothread, 2, calls only", "velothread-gil": "velothread, 2, with GIL",
    "velothread-gil-1": "velothread, 1, with GIL", "duckdb-native": "DuckDB, native", "duckdb-arrow": "DuckDB, Arrow",
    "polars": "Polars", "pandas": "pandas", "sqlite": "SQLite", "pool": "pool of 2 processes",
}  # fmt: skip
ROWS_ONLY = ("velothread-called", "duckdb-native", "sqlite")  # the other engines have batches
WANTED_SCALING = 1.8


def ours(engine: str) -> bool:
    return engine.startswith("velothread")


@contextmanager
def server(python: str) -> Iterator[None]:
    """The HTTP server of `ask`; its port is in the environment of the peers that start later."""
    command = [python, str(HERE / "udf_server.py"), "--milliseconds", str(MILLISECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.environ["BENCH_HTTP_PORT"] = process.stdout.readline().strip()
        yield
        process.stdin.close()


def measure(peers: list[Peer], case: Case, path: Path, rounds: int) -> dict[str, Taken]:
    request = {"case": case.name, "path": str(path)}
    able = [p for p in peers if case.form != "batch" or p.engine not in ROWS_ONLY]
    return take_turns({p.engine: partial(p.request, request) for p in able}, rounds)


def agree(one: Any, other: Any) -> bool:
    """Whether two answers are the same: floats to 9 digits."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(agree, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def disagreeing(taken: dict[str, Taken]) -> list[str]:
    """Those who ever answered otherwise than the first rival (or, without one, the first of us)."""
    answers = {name: [a["answer"] for a in one.answers] for name, one in taken.items() if one.answers}
    if not answers:
        return []
    reference = next((a for name, a in answers.items() if not ours(name)), next(iter(answers.values())))[0]
    return [name for name, given in answers.items() if not all(agree(a, reference) for a in given)]


def show(case: Case, taken: dict[str, Taken], rows: int) -> dict[str, Any]:
    """Print a function's table; what is kept of it."""
    print(f"{case.name}: {case.title}; {rows:,} rows; {case.sql.format(f=case.function, t='t')}")
    print(f"  {'':28}{'rows/s':>12}{'seconds':>10}{'spread':>9}{'ours over it':>14}")
    best = taken["velothread"].median if "velothread" in taken else math.nan
    for name, one in taken.items():
        if one.error:
            print(f"  {TITLES[name]:28}error: {one.error.splitlines()[0]}")
        elif one.seconds:
            ratio = "" if math.isnan(best) or name == "velothread" else f"{one.median / best:14.2f}"
            print(f"  {TITLES[name]:28}{rows / one.median:12,.0f}{one.median:10.3f}{one.spread:9.3f}{ratio}")
    kept = verdict(taken)
    wrong = kept["disagree"] = disagreeing(taken)
    for line in kept["said"]:
        print(f"  {line}")
    print(f"  ANSWERS DIFFER: {', '.join(wrong)}\n" if wrong else "  answers agree\n", flush=True)
    kept["engines"] = {
        name: {"error": one.error}
        if one.error
        else {"rows/s": rows / one.median, "seconds": one.seconds, "cpu": one.cpu}
        for name, one in taken.items()
    }
    return {"rows": rows, **kept}


def verdict(taken: dict[str, Taken]) -> dict[str, Any]:
    """The targets of a function: numbers, and the lines that say them."""
    medians = {name: one.median for name, one in taken.items() if not math.isnan(one.median)}

    def ratio(slow: str, fast: str) -> float:
        return medians[slow] / medians[fast] if slow in medians and fast in medians else math.nan

    rivals = {name: ratio(name, "velothread") for name in medians if not ours(name)}
    scaling, with_gil = ratio("velothread-1", "velothread"), ratio("velothread-gil-1", "velothread-gil")
    one, two = ratio("velothread-gil-1", "velothread-1"), ratio("velothread-gil", "velothread")
    said = []
    closest = min(rivals, key=lambda name: rivals[name], default="")
    if closest and "velothread" in medians:
        says = "yes" if rivals[closest] > 1 else "NO"
        said.append(f"ahead of every engine: {says}; closest: {TITLES[closest]}, {rivals[closest]:.2f}")
    if not math.isnan(scaling):
        says = "yes" if scaling >= WANTED_SCALING else "NO"
        told = "" if math.isnan(with_gil) else f" (with the GIL {with_gil:.2f})"
        said.append(f"2 partitions at least {WANTED_SCALING} times 1: {says}, {scaling:.2f}{told}")
    for partitions, gain in (("1 partition", one), ("2 partitions", two)):
        if not math.isnan(gain):
            loses = f", loses {1 - gain:.0%}" if gain < 1 else ""
            said.append(f"without the GIL over with it, {partitions}: {gain:.2f}{loses}")
    if not math.isnan(scaling):
        # What threads fight for costs CPU; what a busy machine takes away doesn't.
        cpu = taken["velothread"].cpu / taken["velothread-1"].cpu
        said.append(f"CPU time of 2 partitions over that of 1: {cpu:.2f}")
    scalings = {"scaling": scaling, "scaling with GIL": with_gil}
    return {"lead": rivals, **scalings, "no GIL over GIL": [one, two], "said": said}


def summary(results: dict[str, dict[str, Any]]) -> None:
    """The verdicts of all functions, a line each."""
    print(f"{'':18}{'least lead':>12}{'2 over 1':>10}{'with GIL':>10}{'no GIL/GIL, 1':>15}{'2':>8}")
    for name, kept in results.items():
        one, two = kept["no GIL over GIL"]
        least = min(kept["lead"].values(), default=math.nan)
        print(f"{name:18}{least:12.2f}{kept['scaling']:10.2f}{kept['scaling with GIL']:10.2f}{one:15.2f}{two:8.2f}")


def without_nan(value: Any) -> Any:
    """What isn't known is null in JSON."""
    if isinstance(value, dict):
        return {str(k): without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peers-python", default=sys.executable, help="interpreter that has the other engines")
    p.add_argument("--velothread-python", default=sys.executable, help="free-threaded interpreter that has velothread")
    p.add_argument("--gil-python", default=sys.executable, help="interpreter with the GIL that has velothread")
    p.add_argument("--engines", default=",".join(TITLES))
    p.add_argument("--function", action="append", choices=[case.name for case in CASES], metavar="NAME")
    p.add_argument("--rows", type=int, help=f"{ROWS:,} by default; {SHARED_ROWS:,} for --shared")
    p.add_argument("--requests", type=int, default=REQUESTS, help="rows of `ask`")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--json", type=Path)
    p.add_argument("--forms", action="store_true", help="velothread alone: lifted, inlined, called")
    p.add_argument("--shared", action="store_true", help="velothread alone: a global table, shared or not")
    args = p.parse_args()
    args.rows = args.rows or (SHARED_ROWS if args.shared and not args.forms else ROWS)
    if args.forms or args.shared:
        results = udf_forms.run(args)
    else:
        chosen = [case for case in CASES if not args.function or case.name in args.function]
        with ExitStack() as stack:
            if any(case.form == "async" for case in chosen):
                stack.enter_context(server(args.peers_python))
            results = run(args, chosen)
    if args.json:
        args.json.write_text(json.dumps(without_nan(results), indent=1, allow_nan=False))


def run(args: argparse.Namespace, chosen: list[Case]) -> dict[str, dict[str, Any]]:
    pythons = {"velothread-gil": args.gil_python, "velothread-gil-1": args.gil_python}
    peers = []
    for engine in args.engines.split(","):
        python = pythons.get(engine, args.velothread_python if ours(engine) else args.peers_python)
        peers.append(Peer(engine, python, "udf_peer.py"))
    print(f"medians of {args.rounds} rounds after a warm-up; engines take turns; 2 threads or processes each")
    if hasattr(os, "getloadavg"):
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print()
    results = {}
    for case in chosen:
        rows = args.requests if case.form == "async" else args.rows
        taken = measure(peers, case, udf_data.ensure(rows), args.rounds)
        results[case.name] = show(case, taken, rows)
    summary(results)
    for peer in peers:
        peer.close()
    return results


if __name__ == "__main__":
    main()
