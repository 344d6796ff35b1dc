"""velothread beside DuckDB, Polars, DataFusion and SQLite: the same queries over the same files, 2 threads each.

    python bench/peers.py --peers-python PATH [--formats csv,jsonl,parquet] [--rounds 5] [--query NAME] [--json OUT]
                          [--cold]

Each engine runs in a process of its own that stays for all queries (so the times are without start-up); one warm-up run
per query is not counted; then the engines take turns, `--rounds` times; medians are printed, and the ratio of each
engine's time to ours (over 1: we are faster). Answers are compared. `--cold` also times whole processes: start, import,
one query.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from queries import QUERIES, Query
from turns import Answer, Peer, geometric_mean, take_turns

import data

OURS = ("velothread", "velothread simple")
RIVALS = ("duckdb", "polars", "datafusion", "sqlite")
TARGETS = {"csv": 1.3, "jsonl": 1.3, "parquet": 0.8}


def measure(peers: list[Peer], query: Query, path: Path, format: str, rounds: int) -> dict[str, Any]:
    """Medians per engine; engines take turns. SQLite reads the Parquet file into its table beforehand."""
    out: dict[str, Any] = {}
    digests: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        outputs = {p.engine: Path(folder, f"{p.engine}.csv") if query.to_file else None for p in peers}

        def asked(peer: Peer) -> Answer:
            where = path.with_suffix(".parquet") if peer.engine == "sqlite" else path
            output = outputs[peer.engine]
            return peer.ask(query, where, format, None if output is None else str(output))

        able = [p for p in peers if p.engine != "sqlite" or (format == "csv" and not query.to_file)]
        for engine, taken in take_turns({p.engine: partial(asked, p) for p in able}, rounds).items():
            if taken.error:
                out[engine] = {"error": taken.error}
                continue
            out[engine] = {"median": taken.median, "spread": taken.spread}
            digests[engine], output = taken.answers[-1]["digest"], outputs[engine]
            if output is not None:
                digests[engine] = [str(output.stat().st_size > 0)] if output.exists() else ["a folder"]
    reference = digests.get("duckdb")
    out["disagree"] = [e for e, d in digests.items() if reference is not None and d != reference]
    return out


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peers-python", default=sys.executable, help="interpreter that has the other engines")
    p.add_argument("--velothread-python", default=sys.executable, help="interpreter that has velothread")
    p.add_argument("--formats", default="csv,jsonl,parquet")
    p.add_argument("--engines", default=",".join((*OURS, *RIVALS)))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--query", action="append")
    p.add_argument("--json", type=Path)
    p.add_argument("--cold", action="store_true")
    args = p.parse_args()
    where = data.ensure()
    engines = args.engines.split(",")
    peers = [Peer(e, args.velothread_python if e in OURS else args.peers_python) for e in engines]
    results: dict[str, dict[str, Any]] = {}
    print(
        f"{data.ROWS:,} rows, 2 threads, medians of {args.rounds} rounds after a warm-up; "
        "seconds, and (time / velothread's)\n"
    )
    for format in args.formats.split(","):
        print(f"{format:18}" + "".join(f"{e:>21}" for e in engines))
        ratios: list[float] = []
        for query in QUERIES:
            if args.query and query.name not in args.query:
                continue
            path = where / f"{query.table}.{format}"
            found = measure(peers, query, path, format, args.rounds)
            results.setdefault(format, {})[query.name] = found
            ours = found.get("velothread", {}).get("median")
            cells = []
            for e in engines:
                median = found.get(e, {}).get("median")
                ratio = f"({median / ours:5.2f})" if median and ours else ""
                cells.append(f"{median:12.3f} {ratio:>8}" if median else f"{'error' if e in found else '-':>21}")
            if ours and "median" in found.get("duckdb", {}):
                ratios.append(found["duckdb"]["median"] / ours)
            print(
                f"{query.name:18}"
                + "".join(cells)
                + (f"  ANSWERS DIFFER: {found['disagree']}" if found["disagree"] else ""),
                flush=True,
            )
        if ratios:
            print(
                f"geometric mean of DuckDB's time over ours: {geometric_mean(ratios):.2f} "
                f"(wanted {TARGETS[format]}), lowest {min(ratios):.2f}\n"
            )
    if args.cold:
        print("whole processes (start, import, the first query), seconds:")
        query = QUERIES[0]
        for peer in peers:
            seconds = statistics.median(peer.cold(query, where / f"{query.table}.csv", "csv") for _ in range(3))
            results.setdefault("cold", {})[peer.engine] = seconds
            print(f"  {peer.engine:20}{seconds:8.3f}")
    for peer in peers:
        peer.close()
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
