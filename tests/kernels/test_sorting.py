"""Permutations equal those of a stable sort by tuples, for keys of any width and with ties."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velothread.kernels.sorting import Layout, SortKey, comparable, order, ranks, sort_permutation


@given(
    st.integers(0, 2**32), st.integers(2, 300), st.lists(st.sampled_from([1, 3, 40, 63, 64]), min_size=1, max_size=4)
)
def test_words_sort_as_tuples_do(seed: int, rows: int, widths: list[int]) -> None:
    chance = random.Random(seed)
    words = []
    for width in widths:
        pool = [chance.getrandbits(width) for _ in range(chance.choice([1, 3, rows]))]
        words.append(np.array([chance.choice(pool) for _ in range(rows)], np.uint64))
    expected = sorted(range(rows), key=lambda i: tuple(int(w[i]) for w in words))
    assert order(words, (), None).tolist() == expected


@given(st.integers(0, 2**32), st.integers(2, 60), st.sampled_from([0, 1, 5, 2**62 + 3, 2**63 - 1]))
def test_words_that_differ_in_their_last_bits_and_far_above_them(seed: int, rows: int, least: int) -> None:
    """The bits that don't fit beside the row number are sorted in a second step, by their distance from the least."""
    chance = random.Random(seed)
    pool = [least + near + far for near in range(4) for far in (0, 2**40, 2**62)]
    words = [np.array([chance.choice(pool) for _ in range(rows)], np.uint64) for _ in range(2)]
    expected = sorted(range(rows), key=lambda i: tuple(int(w[i]) for w in words))
    assert order(words, (), None).tolist() == expected
    assert order(words[:1], (), None).tolist() == sorted(range(rows), key=lambda i: int(words[0][i]))


@given(st.integers(0, 2**32), st.integers(2, 60))
def test_a_small_key_before_one_that_spans_all_of_int64(seed: int, rows: int) -> None:
    chance = random.Random(seed)
    small = [chance.randrange(5) for _ in range(rows)]
    wide = [chance.choice([-(2**63), -3, -2, -1, 0, 1, 2**40, 2**63 - 1]) for _ in range(rows)]
    found = sort_permutation((SortKey(0), SortKey(1)), (pa.array(small), pa.array(wide)))
    assert found.tolist() == sorted(range(rows), key=lambda i: (small[i], wide[i]))


def test_text_that_differs_only_far_behind_a_shared_start() -> None:
    words = [
        "https://example/" + w for w in ("", "a", "a\x00", "aaaaaaaaaa", "aaaaaaaaab", "b", "aaaaaaaaaaa", "é")
    ] * 2
    column = pa.array([*words, None])
    expected = sorted(range(len(words)), key=lambda i: words[i].encode())
    assert sort_permutation((SortKey(0),), (column,)).tolist() == [*expected, len(words)]
    assert not Layout.of((SortKey(0),), (column,)).exact


def test_all_of_int64_and_null() -> None:
    column = pa.array([None, 2**63 - 1, -(2**63), 0, None])
    assert sort_permutation((SortKey(0, True, True),), (column,)).tolist() == [0, 4, 1, 3, 2]
    assert comparable(SortKey(0), column)[0].type == pa.uint64()


@pytest.mark.parametrize("values", [[3.5, float("nan"), -0.0, 0.0, float("-inf")], ["b", "", "b", "a"], [True, False]])
def test_ranks_of_equal_values_are_equal(values: list[object]) -> None:
    found = ranks(pa.array(values)).tolist()
    for i, a in enumerate(values):
        for j, b in enumerate(values):
            if a == b or (a != a and b != b):
                assert found[i] == found[j]
            elif a == a and b == b:
                assert (found[i] < found[j]) == (a < b)  # type: ignore[operator]
            else:
                assert (found[i] < found[j]) == (b != b)
