"""Window functions the slow and obvious way: row by row, frame by frame, over Python lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[Any, ...]


@dataclass(frozen=True)
class NaiveFrame:
    """unit: rows, range, groups; start and end: (kind, offset)."""

    unit: str
    start: tuple[str, int]
    end: tuple[str, int]
    exclude: str = ""


def frames(keys: Sequence[Any], frame: NaiveFrame, descending: bool) -> list[list[int]]:
    """For each row of one sorted partition, the rows of its frame. keys: the order key of each row (None: NULL)."""
    return [[j for j in range(len(keys)) if _inside(i, j, keys, frame, descending)] for i in range(len(keys))]


def _inside(i: int, j: int, keys: Sequence[Any], frame: NaiveFrame, descending: bool) -> bool:
    if not (_after_start(i, j, keys, frame, descending) and _before_end(i, j, keys, frame, descending)):
        return False
    peers = keys[i] == keys[j]
    return not (
        (frame.exclude == "current row" and i == j)
        or (frame.exclude == "group" and peers)
        or (frame.exclude == "ties" and peers and i != j)
    )


def _distance(i: int, j: int, keys: Sequence[Any], unit: str, descending: bool) -> float:
    """How far row j is behind row i (negative: before)."""
    if unit == "rows":
        return j - i
    if unit == "groups":
        step = 1 if j > i else -1
        low, high = min(i, j), max(i, j)
        return step * len({keys[k] for k in range(low, high + 1)}) - step if keys[i] != keys[j] else 0
    if keys[i] is None or keys[j] is None:
        return 0 if keys[i] is keys[j] else float("inf") if j > i else float("-inf")
    return (keys[i] - keys[j]) if descending else (keys[j] - keys[i])


def _after_start(i: int, j: int, keys: Sequence[Any], frame: NaiveFrame, descending: bool) -> bool:
    kind, n = frame.start
    if kind == "unbounded":
        return True
    if frame.unit == "range" and keys[i] is None:
        n = 0
    least = {"preceding": -n, "current": 0, "following": n}[kind]
    return _distance(i, j, keys, frame.unit, descending) >= least


def _before_end(i: int, j: int, keys: Sequence[Any], frame: NaiveFrame, descending: bool) -> bool:
    kind, n = frame.end
    if kind == "unbounded":
        return True
    if frame.unit == "range" and keys[i] is None:
        n = 0
    most = {"preceding": -n, "current": 0, "following": n}[kind]
    return _distance(i, j, keys, frame.unit, descending) <= most


def present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


# name -> (values of the frame in order) -> result
AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "sum": lambda v: sum(present(v)) if present(v) else None,
    "count": lambda v: len(present(v)),
    "min": lambda v: min(present(v), default=None),
    "max": lambda v: max(present(v), default=None),
    "list": lambda v: v or None,
    "first": lambda v: v[0] if v else None,
    "last": lambda v: v[-1] if v else None,
    "any_value": lambda v: present(v)[0] if present(v) else None,
    "bit_xor": lambda v: _xor(present(v)) if present(v) else None,
    "avg": lambda v: sum(present(v)) / len(present(v)) if present(v) else None,
    "quantile_disc": lambda v: sorted(present(v))[max(-(-len(present(v)) // 2) - 1, 0)] if present(v) else None,
}


def _xor(values: list[int]) -> int:
    total = 0
    for v in values:
        total ^= v
    return total
