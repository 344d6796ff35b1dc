"""TPC-H, velothread beside DuckDB, Polars and DataFusion: 22 queries over Parquet files, 2 threads each.

    python bench/tpch.py --peers-python PATH [--scale 1] [--rounds 3] [--query 1,6] [--engines ...] [--json OUT]

The files are made by tpchgen-cli, once, in bench/data/tpch/, or where VELOTHREAD_BENCH_DATA says. Each engine runs in a
process of its own that stays; one warm-up run per query is not counted; then the engines take turns, `--rounds` times.
DuckDB reads our own text; Polars and DataFusion, which don't know all of its forms, read sql/tpch/postgres where there
is such a text.
Printed: medians in seconds, and the ratio of each engine's time to ours (over 1: we are faster); the peak of resident
memory while our query ran. Answers are compared with DuckDB's. It is a check and a comparison, not a TPC-H result.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers import OURS
from turns import Peer, geometric_mean, take_turns

ROOT = Path(__file__).resolve().parents[1]
TABLES = ("region", "nation", "customer", "supplier", "part", "partsupp", "orders", "lineitem")
ENGINES = ("velothread", "velothread simple", "duckdb", "polars", "datafusion")
_PLAIN = ("polars", "datafusion")
WANTED_MEAN, WANTED_LOWEST, WANTED_MEMORY = 0.5, 0.15, 4 * 2**30


def ensure(scale: str, format: str, python: str) -> dict[str, str]:
    """table -> its file; made when it isn't there, by the tpchgen-cli that is beside `python` or on PATH."""
    base = Path(os.environ.get("VELOTHREAD_BENCH_DATA", Path(__file__).parent / "data"))
    folder = base / "tpch" / f"sf{scale}" / format
    files = {t: str(folder / f"{t}.{format}") for t in TABLES}
    if not all(Path(f).exists() for f in files.values()):
        beside = Path(python).parent / "tpchgen-cli"
        tool = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
        if tool is None:
            raise SystemExit("tpchgen-cli makes the files: pip install tpchgen-cli")
        unfinished = folder.with_name(f"{format}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([tool, format, "-s", scale, "--output-dir", str(unfinished)], check=True)
        unfinished.rename(folder)
    return files


def measure(peers: list[Peer], request: dict[str, Any], plain: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Medians and peaks per engine; engines take turns. `plain`: the same request in plainer SQL."""
    out: dict[str, Any] = {}
    digests: dict[str, list[str]] = {}
    asks = {p.engine: partial(p.request, plain if p.engine in _PLAIN else request) for p in peers}
    for engine, taken in take_turns(asks, rounds).items():
        if taken.error:
            out[engine] = {"error": taken.error}
            continue
        out[engine] = {"memory": max(a["memory"] for a in taken.answers), "median": taken.median}
        digests[engine] = taken.answers[-1]["digest"]
    reference = digests.get("duckdb")
    out["disagree"] = [e for e, d in digests.items() if reference is not None and d != reference]
    return out


def texts(folder: Path, number: int) -> tuple[str, str]:
    """A query as we write it, and in plainer SQL (the same, where there is no other text)."""
    own, plain = folder / f"q{number:02d}.sql", folder / "postgres" / f"q{number:02d}.sql"
    first, second = (p.read_text().strip().rstrip(";") for p in (own, plain if plain.exists() else own))
    return first, second


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peers-python", default=sys.executable, help="interpreter that has the other engines")
    p.add_argument("--velothread-python", default=sys.executable, help="interpreter that has velothread")
    p.add_argument("--engines", default=",".join(ENGINES))
    p.add_argument("--scale", default="1")
    p.add_argument("--format", default="parquet", choices=("parquet", "csv"))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--query", help="numbers: 1,6,14")
    p.add_argument("--queries", type=Path, default=ROOT / "sql" / "tpch", help="folder of q01.sql ... q22.sql")
    p.add_argument("--json", type=Path)
    args = p.parse_args()
    files = ensure(args.scale, args.format, args.peers_python)
    engines = args.engines.split(",")
    peers = [Peer(e, args.velothread_python if e in OURS else args.peers_python) for e in engines]
    chosen = [int(n) for n in args.query.split(",")] if args.query else range(1, 23)
    print(
        f"TPC-H, scale factor {args.scale}, {args.format}, 2 threads, medians of {args.rounds} rounds after a warm-up; "
        "seconds, and (time / velothread's)\n"
    )
    print(f"{'query':6}" + "".join(f"{e:>21}" for e in engines) + "    our peak")
    results: dict[str, Any] = {}
    ratios, peaks = [], []
    for number in chosen:
        request, plain = (
            {"tables": files, "format": args.format, "sql": text, "output": None}
            for text in texts(args.queries, number)
        )
        found = results[f"q{number:02d}"] = measure(peers, request, plain, args.rounds)
        ours = found.get("velothread", {}).get("median")
        cells = []
        for e in engines:
            median = found[e].get("median")
            ratio = f"({median / ours:5.2f})" if median and ours else ""
            cells.append(f"{median:12.3f} {ratio:>8}" if median else f"{'error':>21}")
        memory = found.get("velothread", {}).get("memory", 0)
        peaks.append(memory)
        if ours and found.get("duckdb", {}).get("median"):
            ratios.append(found["duckdb"]["median"] / ours)
        wrong = f"  ANSWERS DIFFER: {', '.join(found['disagree'])}" if found["disagree"] else ""
        print(f"q{number:02d}   " + "".join(cells) + f"{memory / 2**20:9.0f} MB{wrong}", flush=True)
        for e in engines:
            if "error" in found[e]:
                print(f"       {e}: {found[e]['error']}", flush=True)
    if ratios:
        print(
            f"\n{len(ratios)} queries; geometric mean of DuckDB's time over ours: {geometric_mean(ratios):.2f} (wanted "
            f"{WANTED_MEAN}), lowest {min(ratios):.2f} (wanted {WANTED_LOWEST}), highest peak of ours "
            f"{max(peaks) / 2**20:.0f} MB (at most {WANTED_MEMORY / 2**20:.0f})"
        )
    for peer in peers:
        peer.close()
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
