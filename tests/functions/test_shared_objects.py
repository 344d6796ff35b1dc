"""What code shares with other threads, by its bytecode."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from math import sqrt

import pytest

from velothread.functions.shared_objects import called_names, changed_variables, hot_objects


class Model:
    weight = 2.0


TABLE = {"a": 1.25, "b": 2.5}
SEEN: list[int] = []
MODEL = Model()
SMALL = 3
NAME = "constant"
count = 0


def reads(x: str) -> float:
    return TABLE[x] * MODEL.weight + SMALL + len(NAME)


def by_way_of_another(x: str) -> float:
    return sqrt(reads(x))


def writes(x: int) -> int:
    global count
    count += 1
    SEEN.append(x)
    return count


def sets_items(x: str) -> float:
    TABLE[x] = TABLE.get(x, 0.0) + 1
    return TABLE[x]


def only_reads_a_list(x: int) -> int:
    own = []
    own.append(x)
    own[0] = SEEN[x]
    return own[0]


def in_a_comprehension(x: int) -> list[float]:
    return [TABLE[k] for k in ("a", "b") if x]


def in_an_inner_function(x: int) -> int:
    def inner() -> None:
        SEEN.append(x)

    inner()
    return x


def closure() -> Callable[[int], int]:
    total = [0]
    calls = 0

    def add(x: int) -> int:
        nonlocal calls
        calls += 1
        total[0] += x
        return total[0]

    return add


def by_chance(x: float) -> float:
    return x + random.random() + time.time()


class Callee:
    def __call__(self, x: str) -> float:
        return TABLE[x]


@pytest.mark.parametrize(
    ("function", "hot"),
    [
        (reads, ["TABLE (dict of 2)", "MODEL (Model)"]),
        (by_way_of_another, ["TABLE (dict of 2)", "MODEL (Model)"]),
        (in_a_comprehension, ["TABLE (dict of 2)"]),
        (closure(), ["total (list of 1, in a closure)"]),
        (Callee(), ["TABLE (dict of 2)"]),
        (len, []),
    ],
    ids=["globals", "called function", "comprehension", "closure", "instance", "built in"],
)
def test_hot_objects(function: Callable[..., object], hot: list[str]) -> None:
    assert hot_objects(function) == hot


@pytest.mark.parametrize(
    ("function", "changed"),
    [
        (reads, []),
        (writes, ["count", "SEEN"]),
        (sets_items, ["TABLE"]),
        (only_reads_a_list, []),
        (in_an_inner_function, ["SEEN"]),
        (closure(), ["calls", "total"]),
    ],
    ids=["reads", "globals", "items", "own list", "inner function", "closure"],
)
def test_changed_variables(function: Callable[..., object], changed: list[str]) -> None:
    assert changed_variables(function) == changed


def test_called_names() -> None:
    assert called_names(by_chance) == ["random.random", "time.time"]
    assert called_names(by_way_of_another) == ["math.sqrt"]
