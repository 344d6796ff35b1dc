"""The file that bench/udf.py reads: rides, reviews and log lines, made once (fixed seed) for a number of rows.

calls-N.parquet   N rows without NULLs: id, review, line, zone, distance, minutes, passengers, f1 ... f6

Its row groups are a sixteenth of the rows each (at least 500), so that engines that read by row group share the work.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

BLOCK = 50_000
# fmt: off
PLAIN = (
    "the", "a", "this", "that", "product", "arrived", "box", "with", "from", "my", "our", "order", "and", "it", "was",
    "is", "have", "again", "today", "week", "color", "size", "handle", "screen", "battery", "price", "shop", "sent",
    "back", "twice", "for", "use", "at", "home", "in", "office", "after", "before", "some", "any", "more", "less",
)
WEIGHED = (
    "excellent", "great", "good", "solid", "fine", "slow", "poor", "bad", "broken", "terrible",
    "not", "never", "hardly", "very", "really", "truly",
)
PATHS = (
    "/api", "/login", "/search", "/cart", "/item", "/user", "/static", "/images", "/help", "/about", "/news", "/feed",
)
# fmt: on


def calls(rows: int) -> pa.Table:
    """Rows in blocks that are made one by one: the first rows are the same however many there are."""
    blocks = [block(i) for i in range(-(-rows // BLOCK))]
    return pa.concat_tables(blocks).slice(0, rows).combine_chunks()


def block(number: int) -> pa.Table:
    rng = np.random.default_rng((3, number))
    start = number * BLOCK
    columns = {
        "id": np.arange(start, start + BLOCK),
        "review": [review(rng) for _ in range(BLOCK)],
        "line": [line(rng) for _ in range(BLOCK)],
        "zone": [f"zone-{z:03d}" for z in rng.integers(0, 520, BLOCK).tolist()],  # the last 20 are not in the table
        "distance": np.round(rng.gamma(2.0, 4.0, BLOCK), 2),
        "minutes": np.round(rng.gamma(3.0, 8.0, BLOCK), 1),
        "passengers": rng.integers(1, 7, BLOCK),
    }
    columns |= {f"f{i}": rng.normal(0.0, 1.0, BLOCK) for i in range(1, 7)}
    return pa.table(columns)


def review(rng: np.random.Generator) -> str:
    chances = rng.random(int(rng.integers(6, 18))).tolist()
    lists = [(WEIGHED if chance < 0.3 else PLAIN, int(chance * 9973)) for chance in chances]
    words = [among[place % len(among)] for among, place in lists]
    return " ".join(words) + ("!" if chances[0] < 0.1 else "")


def line(rng: np.random.Generator) -> str:
    a, b, c, d, e, f, g = rng.integers(0, 1 << 16, 7).tolist()
    if a % 100 == 0:
        return f"- malformed {b}"
    method = ("GET", "GET", "GET", "POST", "HEAD")[b % 5]
    path = f"{PATHS[c % len(PATHS)]}/{d}" + (f"?page={e % 50}" if e % 3 == 0 else "")
    when = f"{1 + f % 28:02d}/Nov/2026:{f % 24:02d}:{e % 60:02d}:{d % 60:02d} +0000"
    status = (200, 200, 200, 304, 404, 500)[g % 6]
    return f'10.{a % 256}.{b % 256}.{c % 256} - - [{when}] "{method} {path} HTTP/1.1" {status} {g}'


def ensure(rows: int) -> Path:
    """The file of so many rows; made when it isn't there."""
    base = Path(os.environ.get("VELOTHREAD_BENCH_DATA", Path(__file__).parent / "data"))
    path = base / "udf" / f"calls-{rows}.parquet"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        pyarrow.parquet.write_table(calls(rows), unfinished, row_group_size=max(500, -(-rows // 16)))
        unfinished.rename(path)
    return path


if __name__ == "__main__":
    print(ensure(1_000_000))
