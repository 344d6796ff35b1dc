"""How much two threads gain over one, and how much the machine has to give.

    python bench/scaling.py [--formats csv] [--rounds 5] [--query NAME] [--json OUT]

Per query and round, one after the other: `simple` alone; `adaptive` with 2 partitions; two `simple` processes at once,
each pinned to a core of its own. What the pair gets done in the time that one takes alone is the ceiling: processes
share no memory, no locks and no reference counts, only the machine's caches, memory, clock and neighbours. Serial parts
of a query (its start, its last merge, the write of its file) keep `adaptive` below it. A ratio is the median of the
ratios of the rounds. Answers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from queries import QUERIES, Query
from turns import Peer

import data


def asked(peers: Sequence[Peer], query: Query, path: Path, format: str, folder: str) -> tuple[float, list[Any]]:
    """The peers run the query at the same time: seconds until the last has it, and their answers."""
    outputs = [f"{folder}/{i}-{id(p)}.csv" if query.to_file else None for i, p in enumerate(peers)]
    with ThreadPoolExecutor(len(peers)) as pool:
        answers = list(pool.map(lambda po: po[0].ask(query, path, format, po[1]), zip(peers, outputs, strict=True)))
    for answer in answers:
        if "error" in answer:
            raise SystemExit(f"{query.name}: {answer['error']}")
    digests = [a["digest"] for a in answers]
    if query.to_file:
        digests = [_digest(Path(o)) for o in outputs if o is not None]
    return max(a["seconds"] for a in answers), digests


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--formats", default="csv")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--query", action="append")
    p.add_argument("--json", type=Path)
    args = p.parse_args()
    where = data.ensure()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pair = [Peer("velothread simple", sys.executable) for _ in range(2)]
    if len(cores) >= 2:
        for peer, core in zip(pair, cores, strict=False):
            os.sched_setaffinity(peer.process.pid, {core})
    both = Peer("velothread", sys.executable)
    results: dict[str, dict[str, Any]] = {}
    print(
        f"{data.ROWS:,} rows, {args.rounds} rounds after a warm-up; seconds, and how many times as fast as `simple`\n"
    )
    for format in args.formats.split(","):
        print(f"{format:18}{'simple':>10}{'adaptive':>10}{'ratio':>8}{'pair':>10}{'ceiling':>9}{'of it':>8}")
        for query in QUERIES:
            if args.query and query.name not in args.query:
                continue
            path = where / f"{query.table}.{format}"
            rounds: list[tuple[float, float, float]] = []
            differ = False
            with tempfile.TemporaryDirectory() as folder:
                for turn in range(args.rounds + 1):
                    # The cores take turns at being alone: they need not be equally fast.
                    alone, first = asked(pair[turn % 2 :][:1], query, path, format, folder)
                    adaptive, second = asked([both], query, path, format, folder)
                    together, third = asked(pair, query, path, format, folder)
                    differ = differ or any(d != first[0] for d in (*second, *third))
                    if turn:
                        rounds.append((alone, adaptive, together))
            simple, adaptive, together = (statistics.median(r[i] for r in rounds) for i in range(3))
            ratio = statistics.median(a / b for a, b, _ in rounds)
            ceiling = statistics.median(2 * a / c for a, _, c in rounds)
            results.setdefault(format, {})[query.name] = {
                "simple": simple, "adaptive": adaptive, "pair": together, "ratio": ratio, "ceiling": ceiling,
            }  # fmt: skip
            print(
                f"{query.name:18}{simple:10.3f}{adaptive:10.3f}{ratio:8.2f}{together:10.3f}{ceiling:9.2f}"
                f"{ratio / ceiling:8.0%}" + ("  ANSWERS DIFFER" if differ else ""),
                flush=True,
            )
    for peer in (*pair, both):
        peer.close()
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
