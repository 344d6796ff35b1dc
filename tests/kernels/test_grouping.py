"""Groups are numbered in order of first appearance, whatever the keys look like and however they grow."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velothread.kernels import grouping
from velothread.kernels.bucketing import spread
from velothread.kernels.grouping import Grouper

CHANCE = st.integers(0, 2**32).map(random.Random)


def check(batches: Sequence[Sequence[pa.Array]], keys: int) -> None:
    grouper = Grouper(keys)
    numbers: dict[Any, int] = {}
    for columns in batches:
        rows = list(zip(*(c.to_pylist() for c in columns), strict=True))
        expected, opened = [], []
        for i, row in enumerate(rows):
            if row not in numbers:
                numbers[row] = len(numbers)
                opened.append(i)
            expected.append(numbers[row])
        codes, new = grouper.codes(len(rows), columns)
        assert codes.tolist() == expected
        assert new.tolist() == opened
        assert grouper.groups == len(numbers)
    if numbers:
        keys_by_group = grouper.keys()
        assert list(zip(*(k.to_pylist() for k in keys_by_group), strict=True)) == list(numbers)


@given(CHANCE, st.integers(1, 4), st.integers(1, 6))
def test_integers_whose_range_grows(chance: random.Random, keys: int, count: int) -> None:
    batches = []
    for i in range(count):
        reach = 10 ** (i * chance.randint(0, 3))
        rows = chance.randint(0, 20)
        columns = [[chance.choice([None, chance.randint(-reach, reach)]) for _ in range(rows)] for _ in range(keys)]
        batches.append([pa.array(c, pa.int64()) for c in columns])
    check(batches, keys)


@pytest.mark.parametrize("end", [2**63 - 1, -(2**63)])
def test_integers_at_the_ends_of_their_type(end: int) -> None:
    step = -1 if end > 0 else 1
    check([[pa.array([end])], [pa.array([end + step, end, None])], [pa.array([end + 900 * step, 0])]], 1)


@pytest.mark.parametrize("most_slots", [1, 1 << 24])
@given(chance=CHANCE)
def test_more_keys_than_bits(most_slots: int, chance: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "_MOST_SLOTS", most_slots)
        patch.setattr(grouping, "_FEW_SLOTS", most_slots)
        words = ["", "a", "b", None, "c"]
        batches = [
            [pa.array(chance.choices(words, k=12), pa.string()) for _ in range(9)] for _ in range(chance.randint(1, 4))
        ]
        batches = [[c.dictionary_encode() if chance.random() < 0.3 else c for c in b] for b in batches]
        plain = [[c if not pa.types.is_dictionary(c.type) else c.dictionary_decode() for c in b] for b in batches]
        check(plain, 9)
        grouper, other = Grouper(9), Grouper(9)
        for encoded, decoded in zip(batches, plain, strict=True):
            assert grouper.codes(12, encoded)[0].tolist() == other.codes(12, decoded)[0].tolist()


def test_packed_keys_with_many_rows_and_repeats() -> None:
    chance = np.random.default_rng(5)
    batches = []
    for reach in (5, 3000, 50):
        first, second = chance.integers(0, reach, 3000), chance.integers(0, reach, 3000) * 10**6
        batches.append([pa.array(first), pa.array(second)])
    check(batches, 2)


@given(CHANCE)
def test_equal_keys_are_spread_to_equal_buckets(chance: random.Random) -> None:
    words = ["", "a", "12345678", "123456789", "a longer one with a middle", "x" * 30, None]
    texts = pa.array(chance.choices(words, k=30), pa.string())
    zeros = pa.array(chance.choices([0.0, -0.0, float("nan"), None], k=30), pa.float64())
    buckets = spread((texts, zeros), 7)
    # Other places in memory, other neighbours
    order = list(range(30))
    chance.shuffle(order)
    again = spread(
        (pa.concat_arrays([pa.array(["pad"]), texts]).slice(1).take(pa.array(order)), zeros.take(pa.array(order))), 7
    )
    assert again.tolist() == buckets[order].tolist()
    same = {}
    for text, zero, bucket in zip(texts.to_pylist(), zeros.to_pylist(), buckets.tolist(), strict=True):
        assert same.setdefault((text, repr(zero).replace("-", "")), bucket) == bucket
