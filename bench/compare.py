"""The same benchmarks on a GIL and a free-threaded build of one Python: one table, with ratios.

    python bench/compare.py --gil PYTHON --nogil PYTHON [--rounds 5] [--formats csv,parquet]

Each build runs in processes of its own, with the simple processor and with 2 partitions; the builds take turns.
Columns: seconds (medians), how much slower one thread is without the GIL, and what the second partition brings on each
build.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from queries import QUERIES, Query
from turns import Peer, geometric_mean

import data

# Functions that hold the interpreter rather than a kernel: what the GIL is about.
PYTHON_BOUND = Query(
    "python rows", "measurements",
    "SELECT count(*) AS n FROM {t}"
    " WHERE jaro_winkler_similarity(station || CAST(id AS VARCHAR), 'Station 123') > 0.99 AND id < 20000",
)  # fmt: skip


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--gil", required=True)
    p.add_argument("--nogil", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--formats", default="csv,parquet")
    p.add_argument("--query", action="append")
    args = p.parse_args()
    where = data.ensure()
    for python in (args.gil, args.nogil):
        code = "import sys; print(sys.version.split()[0], 'GIL', 'on' if sys._is_gil_enabled() else 'off')"
        print(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    peers = {
        (build, engine): Peer(engine, python)
        for build, python in (("gil", args.gil), ("nogil", args.nogil))
        for engine in ("velothread simple", "velothread")
    }
    print(f"\n{data.ROWS:,} rows, medians of {args.rounds} rounds after a warm-up, seconds\n")
    print(
        f"{'':28}{'GIL: simple':>12}{'2 part.':>9}{'no GIL: simple':>16}{'2 part.':>9}"
        f"{'no GIL / GIL':>14}{'2 with GIL':>12}{'2 without':>11}"
    )
    slower, with_gil, without = [], [], []
    for format in args.formats.split(","):
        for query in (*QUERIES, PYTHON_BOUND):
            if query.to_file or (args.query and query.name not in args.query):
                continue
            path = where / f"{query.table}.{format}"
            times: dict[tuple[str, str], list[float]] = {k: [] for k in peers}
            answers = set()
            for turn in range(args.rounds + 1):
                for key, peer in peers.items():
                    answer = peer.ask(query, path, format, None)
                    if "error" in answer:
                        raise SystemExit(f"{query.name}: {answer['error']}")
                    answers.add(tuple(answer["digest"]))
                    if turn:
                        times[key].append(answer["seconds"])
            m = {k: statistics.median(v) for k, v in times.items()}
            g1, g2, n1, n2 = (m[b, e] for b in ("gil", "nogil") for e in ("velothread simple", "velothread"))
            slower.append(n1 / g1)
            with_gil.append(g1 / g2)
            without.append(n1 / n2)
            differ = "" if len(answers) == 1 else "  ANSWERS DIFFER"
            print(
                f"{format + ' ' + query.name:28}{g1:12.3f}{g2:9.3f}{n1:16.3f}{n2:9.3f}"
                f"{n1 / g1:13.2f}x{g1 / g2:11.2f}x{n1 / n2:10.2f}x{differ}",
                flush=True,
            )
    print(
        f"\ngeometric means: one thread without the GIL takes {geometric_mean(slower):.2f} times as long; "
        f"a second partition is {geometric_mean(with_gil):.2f}x with the GIL, {geometric_mean(without):.2f}x without"
    )
    for peer in peers.values():
        peer.close()


if __name__ == "__main__":
    main()
