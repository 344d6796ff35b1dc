"""Histograms, merging and the accounts of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from velothread.processors.metrics import (
    TIMES,
    LatencyHistogram,
    PartitionMetrics,
    Progress,
    QueryMetrics,
    StageMetrics,
    total,
)

durations = st.lists(st.integers(0, 1 << 38), min_size=1, max_size=50)


@given(durations, st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_percentiles_are_right_within_a_quarter(values: list[int], fraction: float) -> None:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    rank = max(0, -int(-fraction * len(values) // 1) - 1)
    exact = sorted(values)[rank]
    found = histogram.percentile(fraction)
    assert found is not None and exact <= found <= exact * 1.25 + 1


@given(durations, durations)
def test_merged_histograms_count_all(a: list[int], b: list[int]) -> None:
    left, right, both = LatencyHistogram(), LatencyHistogram(), LatencyHistogram()
    for values, histogram in ((a, left), (b, right), (a + b, both)):
        for value in values:
            histogram.record(value)
    left.merge(right)
    assert left.counts == both.counts and left.total == len(a) + len(b)


def test_no_percentile_of_nothing() -> None:
    assert LatencyHistogram().percentile(0.5) is None


def test_total_adds_up_and_keeps_the_deepest_queue() -> None:
    parts = [PartitionMetrics(i, records=10, queue_depth=i, engine_ns=5, started_ns=100, ended_ns=120) for i in (1, 4)]
    parts[0].waits.yields = 8
    parts[0].waits.yield_ns = 16_000
    summed, wall = total(parts)
    assert (summed.records, summed.queue_depth, summed.engine_ns, wall) == (20, 4, 10, 40)
    assert [part.other_ns for part in parts] == [15, 15]
    described = StageMetrics("s", "adaptive", parts, PartitionMetrics(-1)).as_dict()["total"]
    assert (described["yields_per_record"], described["mean_yield_us"]) == (0.4, 2.0)
    assert described["wall_s"] == sum(described[f"{name}_s"] for name in TIMES) + described["other_s"]


def test_rows_have_the_same_keys() -> None:
    stage = StageMetrics("s", "adaptive", [PartitionMetrics(0), PartitionMetrics(1)], PartitionMetrics(-1))
    stage.reader = PartitionMetrics(0)
    rows = QueryMetrics([stage]).rows()
    assert [row["partition"] for row in rows] == ["0", "1", "coordinator", "reader", "total"]
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_progress() -> None:
    assert Progress().fraction is None
    assert Progress(bytes=200, bytes_done=50, splits=2, splits_done=2).fraction == 0.25
    assert Progress(splits=4, splits_done=1).fraction == 0.25
    assert Progress(bytes=10, bytes_done=20).fraction == 1.0  # sizes are estimates
