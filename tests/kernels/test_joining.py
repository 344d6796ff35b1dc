"""Keys as words, the index of keys, and pairs in chunks."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.breakers.dealing import TYPES, column, normal
from velothread.kernels import key_index, key_words
from velothread.kernels.joining import CHUNK_PAIRS, JoinTable, inner_pairs, left_pairs
from velothread.kernels.key_index import index_keys
from velothread.kernels.key_words import digest


def expected_first(build: list[tuple[Any, ...]], probe: list[tuple[Any, ...]], nulls_equal: list[bool]) -> list[int]:
    """The first row of `build` with an equal key for each row of `probe`, or -1."""
    first: dict[tuple[Any, ...], int] = {}

    def matches(key: tuple[Any, ...]) -> bool:
        return all(v is not None or nulls for v, nulls in zip(key, nulls_equal, strict=True))

    for i, key in enumerate(build):
        if matches(key):
            first.setdefault(tuple(map(normal, key)), i)
    return [first.get(tuple(map(normal, k)), -1) if matches(k) else -1 for k in probe]


@given(st.integers(0, 2**32))
def test_find_gives_the_first_row_with_an_equal_key(seed: int) -> None:
    chance = random.Random(seed)
    types = [chance.choice(TYPES) for _ in range(chance.choice([1, 1, 2, 3]))]
    nulls_equal = [chance.random() < 0.3 for _ in types]
    pools = [column(t, 15, chance) for t in types]

    def side(rows: int) -> list[pa.Array]:
        taken = [p.take(pa.array([chance.randrange(15) for _ in range(rows)], pa.int64())) for p in pools]
        return [c.dictionary_encode() if pa.types.is_string(c.type) and chance.random() < 0.5 else c for c in taken]

    build, probe = side(chance.choice([0, 1, 40])), side(chance.choice([0, 1, 40]))
    rows = [list(zip(*(c.to_pylist() for c in s), strict=True)) for s in (build, probe)]
    index, first = index_keys(build, nulls_equal)
    assert first.tolist() == expected_first(rows[0], rows[0], nulls_equal)
    assert index.find(probe).tolist() == expected_first(rows[0], rows[1], nulls_equal)


@given(st.integers(0, 2**32))
def test_hashing_and_direct_addressing_find_the_same(seed: int) -> None:
    chance = random.Random(seed)
    build = [pa.array([chance.choice([None, *range(-20, 20)]) for _ in range(50)], pa.int64()) for _ in range(2)]
    probe = [pa.array([chance.choice([None, *range(-30, 30)]) for _ in range(50)], pa.int64()) for _ in range(2)]
    direct = index_keys(build, (False, True))[0].find(probe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_index, "_FREE_SLOTS", 0)
        patch.setattr(key_index, "_SLOTS_PER_ROW", 0)
        patch.setattr(key_index, "_FEW_SLOTS", 0)
        patch.setattr(key_index, "_FLAGS_PER_ROW", chance.choice([0, 2**40]))
        patch.setattr(key_index, "_MOST_SCREENED", chance.choice([0.0, 2.0]))
        hashed = index_keys(build, (False, True))[0].find(probe)
        patch.setattr(key_index, "_PACKED_BITS", 0)
        digested = index_keys(build, (False, True))[0].find(probe)
    assert direct.tolist() == hashed.tolist() == digested.tolist()


def test_keys_whose_digests_collide_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    real = key_words.digest

    def poor(columns: Any, seed: int) -> Any:
        # the first two seeds tell nothing apart, the third one tells rows of the build apart
        return real(columns, seed) if seed > 2 else np.zeros(len(columns[0]), np.int64)

    monkeypatch.setattr(key_index, "digest", poor)
    index, first = index_keys((pa.array(["x", "y", "x", "z"]),), (False,))
    assert first.tolist() == [0, 1, 0, 3]
    assert index.find((pa.array(["z", "w", "y"]),)).tolist() == [3, -1, 1]


def test_a_probed_key_of_an_equal_digest_is_not_taken_for_the_build_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "digest", lambda columns, seed: np.zeros(len(columns[0]), np.int64))
    index, _ = index_keys((pa.array(["x", None]),), (False,))
    assert index.find((pa.array(["x", "y", None]),)).tolist() == [0, -1, -1]


@given(st.lists(st.one_of(st.none(), st.text(max_size=30), st.text("a", min_size=500, max_size=600)), max_size=12))
def test_digests_of_text_depend_on_the_text_alone(values: list[str | None]) -> None:
    whole = digest((pa.array(["?", *values, "?"], pa.string()).slice(1, len(values)),), 1)
    assert whole.tolist() == [digest((pa.array([v], pa.string()),), 1)[0] for v in values]


def test_one_nan_one_zero() -> None:
    build = pa.array([math.nan, 0.0])
    odd = pa.array(np.array([0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64))
    index, _ = index_keys((build,), (False,))
    assert index.find((odd,)).tolist() == [0, 0]
    assert index.find((pa.array([-0.0, math.inf]),)).tolist() == [1, -1]


@pytest.mark.parametrize("keys", [[2**63 - 1, -(2**63), 0], [2**63 - 2, 2**63 - 1], [-(2**63)], []])
def test_keys_at_the_ends_of_the_range(keys: list[int]) -> None:
    index, _ = index_keys((pa.array(keys, pa.int64()),), (False,))
    probe = [0, 1, -1, 2**63 - 1, -(2**63), 2**63 - 2, None]
    found = index.find((pa.array(probe, pa.int64()),))
    assert found.tolist() == [keys.index(p) if p in keys else -1 for p in probe]


def test_pairs_come_in_bounded_chunks() -> None:
    table = JoinTable.of(1000, (), (), ())
    sizes = [rows for rows, _, _ in inner_pairs(table, 1000, ())]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= CHUNK_PAIRS


def test_a_row_each_needs_no_positions_on_the_left() -> None:
    table = JoinTable.of(3, (), (pa.array([5, 6, 7]),), (False,))
    ((rows, left, right),) = inner_pairs(table, 2, (pa.array([7, 5]),))
    assert (rows, left, right.to_pylist()) == (2, None, [2, 0])
    ((rows, left, right),) = left_pairs(table, 2, (pa.array([7, 8]),))
    assert (rows, left, right.to_pylist()) == (2, None, [2, None])
