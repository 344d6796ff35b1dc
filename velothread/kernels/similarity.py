"""How alike two texts are. As in DuckDB these compare bytes (UTF-8), not characters.

Distances are dynamic programs or set operations on pairs of values: Python, once per distinct pair of a column and a
constant.
"""

from __future__ import annotations

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.shaping import by_row


def _levenshtein(a: str, b: str) -> int:
    x, y = a.encode(), b.encode()
    if len(x) < len(y):
        x, y = y, x
    row = list(range(len(y) + 1))
    for i, byte in enumerate(x, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(y, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (byte != other))
    return row[-1]


def _damerau(a: str, b: str) -> int:
    """Edits with transpositions, unrestricted (Lowrance and Wagner, 1975)."""
    x, y = a.encode(), b.encode()
    far = len(x) + len(y)
    table = [[far] * (len(y) + 2) for _ in range(len(x) + 2)]
    for i in range(len(x) + 1):
        table[i + 1][1] = i
    for j in range(len(y) + 1):
        table[1][j + 1] = j
    last_row: dict[int, int] = {}
    for i, byte in enumerate(x, 1):
        last_match = 0
        for j, other in enumerate(y, 1):
            k, m = last_row.get(other, 0), last_match
            cost = 1
            if byte == other:
                cost, last_match = 0, j
            table[i + 1][j + 1] = min(
                table[i][j] + cost,
                table[i + 1][j] + 1,
                table[i][j + 1] + 1,
                table[k][m] + (i - k - 1) + 1 + (j - m - 1),
            )
        last_row[byte] = i
    return table[-1][-1]


def _hamming(a: str, b: str) -> int:
    x, y = a.encode(), b.encode()
    if len(x) != len(y) or not x:
        raise ExecutionError(f"hamming compares texts of one length, and not empty ones: {a!r}, {b!r}")
    return sum(i != j for i, j in zip(x, y, strict=True))


def _jaccard(a: str, b: str) -> float:
    x, y = set(a.encode()), set(b.encode())
    if not x or not y:
        raise ExecutionError("jaccard compares texts that are not empty")
    return len(x & y) / len(x | y)


def _jaro_parts(a: str, b: str) -> float:
    x, y = a.encode(), b.encode()
    if not x or not y:
        return 0.0
    window = max(max(len(x), len(y)) // 2 - 1, 0)
    taken = [False] * len(y)
    matched = []
    for i, byte in enumerate(x):
        for j in range(max(0, i - window), min(len(y), i + window + 1)):
            if not taken[j] and y[j] == byte:
                taken[j] = True
                matched.append(byte)
                break
    if not matched:
        return 0.0
    others = [byte for byte, used in zip(y, taken, strict=True) if used]
    swaps = sum(i != j for i, j in zip(matched, others, strict=True)) // 2
    count = len(matched)
    return (count / len(x) + count / len(y) + (count - swaps) / count) / 3


def _jaro(a: str, b: str, cutoff: float = 0.0) -> float:
    found = _jaro_parts(a, b)
    return found if found >= cutoff else 0.0


def _jaro_winkler(a: str, b: str, cutoff: float = 0.0) -> float:
    found = _jaro_parts(a, b)
    if found > 0.7:
        prefix = 0
        for i, j in zip(a.encode()[:4], b.encode()[:4], strict=False):
            if i != j:
                break
            prefix += 1
        found += prefix * 0.1 * (1 - found)
    return found if found >= cutoff else 0.0


levenshtein = by_row(_levenshtein, pa.int64())
damerau_levenshtein = by_row(_damerau, pa.int64())
hamming = by_row(_hamming, pa.int64())
jaccard = by_row(_jaccard, pa.float64())
jaro_similarity = by_row(_jaro, pa.float64())
jaro_winkler_similarity = by_row(_jaro_winkler, pa.float64())
