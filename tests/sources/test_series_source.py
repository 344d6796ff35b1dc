"""Long series of numbers as a source."""

from __future__ import annotations

import pyarrow as pa
import pytest

import velothread
from velothread.sources.series_source import SPLIT_ROWS, SeriesSource
from velothread.sources.source import Scan


@pytest.mark.parametrize(
    "values",
    [
        range(0),
        range(5),
        range(10, 0, -3),
        range(SPLIT_ROWS * 2 + 1),
        range(2**63 - 3, 2**63),
        range(-(2**63), 2**63, 2**62),
    ],
    ids=str,
)
@pytest.mark.parametrize("limit", [None, 0, 3])
def test_numbers_in_order(values: range, limit: int | None) -> None:
    source = SeriesSource("range", values)
    batches = [b for s in source.splits(Scan(("range",), limit=limit)) for b in s.batches()]
    assert [n for b in batches for n in b.column(0).to_pylist()] == list(values[:limit])
    assert all(b.num_rows <= Scan(()).batch_rows for b in batches)


def test_rows_without_columns() -> None:
    source = SeriesSource("range", range(100_001))
    assert sum(b.num_rows for s in source.splits(Scan(())) for b in s.batches()) == 100_001


@pytest.mark.parametrize("processor", ["simple", "adaptive"])
def test_a_series_that_fits_nowhere_can_be_limited(processor: str) -> None:
    with velothread.connect(processor=processor) as session:
        sql = "SELECT range + 1 AS n FROM range(100000000000) WHERE range % 2 = 0 LIMIT 3"
        assert session.query(sql).arrow() == pa.table({"n": [1, 3, 5]})
        assert session.query("FROM generate_series(3000000, 1, -1) LIMIT 0").arrow().num_rows == 0
        assert session.query("SELECT count(*), sum(range) FROM range(3000000)").fetchall() == [(3000000, 4499998500000)]
