"""Places and counts within many ranges at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from velothread.kernels.windows.extremes import least_row
from velothread.kernels.windows.frames import Ranges
from velothread.kernels.windows.order_statistics import count_less, nth_least
from velothread.kernels.windows.sums import running_float_sums

VALUES = st.lists(st.integers(0, 20), min_size=1, max_size=30)


def some_ranges(data: st.DataObject, rows: int, parts: int) -> tuple[Ranges, list[list[int]]]:
    """Frames of up to `parts` ranges in order, and the rows in each."""
    frames = data.draw(st.integers(1, 8))
    cuts = [
        sorted(data.draw(st.lists(st.integers(0, rows), min_size=2 * parts, max_size=2 * parts))) for _ in range(frames)
    ]
    ranges = tuple((np.array([c[2 * p] for c in cuts]), np.array([c[2 * p + 1] for c in cuts])) for p in range(parts))
    members = [[i for p in range(parts) for i in range(c[2 * p], c[2 * p + 1])] for c in cuts]
    return ranges, members


@given(values=VALUES, parts=st.integers(1, 3), data=st.data())
def test_nth_least(values: list[int], parts: int, data: st.DataObject) -> None:
    ranges, members = some_ranges(data, len(values), parts)
    wanted = np.array([data.draw(st.integers(0, max(len(m) - 1, 0))) for m in members])
    (got,) = nth_least(np.array(values), ranges, [wanted])
    for found, chosen, n in zip(got, members, wanted, strict=True):
        if chosen:
            assert found == sorted(values[i] for i in chosen)[n]


@given(values=VALUES, parts=st.integers(1, 3), data=st.data())
def test_count_less(values: list[int], parts: int, data: st.DataObject) -> None:
    ranges, members = some_ranges(data, len(values), parts)
    limits = np.array([data.draw(st.integers(0, 40)) for _ in members])
    expected = [sum(values[i] < limit for i in chosen) for chosen, limit in zip(members, limits, strict=True)]
    assert count_less(np.array(values), ranges, limits).tolist() == expected


@given(values=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30), parts=st.integers(1, 3), data=st.data())
def test_least_row(values: list[int], parts: int, data: st.DataObject) -> None:
    ranges, members = some_ranges(data, len(values), parts)
    expected = [min(chosen, key=lambda i: (values[i], i), default=-1) for chosen in members]
    assert least_row(np.array(values, np.uint64), ranges).tolist() == expected


@given(lengths=st.lists(st.integers(1, 150), min_size=1, max_size=6), data=st.data())
def test_running_sums_are_added_in_row_order(lengths: list[int], data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 99))
    values = np.random.default_rng(seed).normal(size=sum(lengths))
    firsts = np.cumsum([0, *lengths[:-1]])
    expected = []
    for first, length in zip(firsts, lengths, strict=True):
        total = 0.0
        for v in values[first : first + length].tolist():
            total += v
            expected.append(total)
    assert running_float_sums(values, firsts).tolist() == expected
