"""A split that several receivers share: each gets its rows, read once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velothread.errors import SourceError
from velothread.sources.portions import Portion, Reading, in_portions


@dataclass
class Scripted:
    """Batches of these lengths, numbered on; then an error, maybe."""

    lengths: list[int]
    fails: bool = False
    bytes: int = 100
    opened: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        self.opened += 1
        first = 0
        for length in self.lengths:
            yield pa.record_batch({"n": pa.array(range(first, first + length), pa.int64())})
            first += length
        if self.fails:
            raise SourceError("damaged")


def _rows(portion: Portion) -> list[int]:
    return [n for b in portion.batches() for n in b.column(0).to_pylist()]


@given(st.lists(st.integers(0, 30)), st.integers(1, 20), st.randoms(use_true_random=False))
def test_all_rows_in_order_whoever_asks_first(lengths: list[int], step: int, order: random.Random) -> None:
    split = Scripted(lengths)
    portions = list(in_portions(split, sum(lengths), step))
    turns = list(range(len(portions)))
    order.shuffle(turns)
    found = {i: _rows(portions[i]) for i in turns}  # type: ignore[arg-type]
    assert [n for i in sorted(found) for n in found[i]] == list(range(sum(lengths)))
    assert split.opened == 1


def test_threads_share_a_reading() -> None:
    split = Scripted([7] * 100)
    portions = list(in_portions(split, 700, 50))
    found: dict[int, list[int]] = {}
    start = threading.Barrier(4)

    def work(mine: int) -> None:
        start.wait()
        for i in range(mine, len(portions), 4):
            found[i] = _rows(portions[i])  # type: ignore[arg-type]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [n for i in sorted(found) for n in found[i]] == list(range(700))


def test_an_error_belongs_to_the_rows_that_it_stands_for() -> None:
    reading = Reading(Scripted([4, 4], fails=True), 3)
    with pytest.raises(SourceError):
        _rows(Portion(reading, 3, 0))
    assert _rows(Portion(reading, 0, 0)) == [0, 1, 2]
    assert _rows(Portion(reading, 1, 0)) == [3, 4, 5]
    with pytest.raises(SourceError):
        _rows(Portion(reading, 2, 0))


def test_a_short_split_stays_whole() -> None:
    split = Scripted([4])
    assert list(in_portions(split, 4, 2)) == [split]
