"""Figures over rounds, and what is derived from them."""

from __future__ import annotations

import pytest

from velothread.lab.figures import LEDGER, Measurement, SetUp, Spread, Trial
from velothread.lab.found import Found, overhead, ratio
from velothread.lab.hybrid import hybrid_against_best
from velothread.lab.recommendation import recommendation
from velothread.lab.study import study_tables
from velothread.lab.targets import targets
from velothread.processors.metrics import WaitCounters


def measured(
    kind: str, us: list[float], *, cpu: float = 1.0, batch_rows: int = 100, query: str = "filter", records: int = 1000,
    tables: tuple[str, ...] = (), **more: object,
) -> Measurement:  # fmt: skip
    """A measurement with so many µs per record in each round; CPU: as a multiple of that."""
    setup = SetUp(kind, query, records, batch_rows, **more)  # type: ignore[arg-type]
    trials = [Trial(records, int(x * records * 1e3), int(x * cpu * records * 1e3)) for x in us]
    return Measurement(setup, list(tables), trials)


def test_figures_are_per_record_and_medians_of_the_rounds() -> None:
    one = measured("simple", [3.0, 1.0, 2.0], cpu=0.5)
    assert one.latency_us == Spread(2.0, 1.0, 3.0)
    assert one.throughput == Spread(500_000.0, pytest.approx(333_333.3), 1_000_000.0)
    assert one.cpu_us.median == 1.0


def test_counts_of_all_rounds_are_per_record() -> None:
    one = measured("adaptive", [1.0, 1.0], records=100)
    for trial in one.trials:
        trial.waits = WaitCounters(waits=4, yields=50, yield_ns=100_000, ended=[1, 0, 3, 0, 0])
        trial.waits.wakes.record(5_000)
    found = one.as_dict()
    assert (found["waits"], found["yields"], found["mean_yield_us"]) == (0.04, 0.5, 2.0)
    assert found["ended"] == {"at once": 2, "spin": 0, "yield": 6, "sleep": 0, "block": 0}
    assert found["wake_us"]["max"] == 5.0
    assert found["ledger"] is None


def test_the_ledger_is_that_of_the_median_round_and_adds_up() -> None:
    one = measured("simple", [1.0, 9.0, 2.0])
    for trial, engine in zip(one.trials, (600, 100, 700), strict=True):
        trial.ledger = {**dict.fromkeys(LEDGER, 0), "engine": engine, "unexplained": 1000 - engine}
    assert one.ledger is not None
    assert one.ledger["engine"] == pytest.approx(700e-9)
    assert sum(one.ledger.values()) == pytest.approx(1e-6)
    assert one.ledger["unexplained"] == pytest.approx(300e-9)


def test_overhead_and_ratio_compare_round_by_round() -> None:
    noisy, other = measured("adaptive", [2.0, 20.0, 3.0]), measured("engine", [1.0, 10.0, 1.0])
    assert overhead(noisy, other) == 2.0  # 1, 10 and 2
    assert ratio(other, noisy) == 2.0
    assert overhead(None, other) is None
    assert ratio(noisy, None) is None


def test_found_gives_the_one_with_the_most_records() -> None:
    few, many = measured("engine", [1.0], records=10), measured("engine", [2.0], records=1000)
    assert Found([few, many]).of("engine", "filter", 100) is many
    assert Found([few, many]).of("engine", "filter", 10) is None
    assert Found([few, many]).setup(few.setup) is few


def test_hybrid_is_held_against_the_best_in_throughput_and_in_cpu() -> None:
    ways = {"hybrid": (1.05, 1.0), "yield": (1.0, 2.0), "sleep": (2.0, 0.4)}
    found = Found([
        measured("adaptive", [us], cpu=cpu, tables=("waits",), wait=wait) for wait, (us, cpu) in ways.items()
    ])  # fmt: skip
    [row] = hybrid_against_best(found)
    assert (row["best_throughput"], row["best_cpu"]) == ("yield", "sleep")
    assert row["throughput_of_best"] == pytest.approx(1 / 1.05)
    assert row["cpu_of_best"] == pytest.approx(1.05 / 0.8)
    assert not row["met"]


def test_recommendations_follow_the_figures() -> None:
    slow_receivers = [
        measured("simple", [1.0], batch_rows=100), measured("adaptive", [1.5], batch_rows=100, cpu=1.5),
        measured("simple", [0.5], batch_rows=10_000),
        measured("adaptive", [0.25], batch_rows=10_000, cpu=2, partitions=2),
    ]  # fmt: skip
    latency, throughput, balance = recommendation(Found(slow_receivers), "filter")
    assert latency["settings"] == "--processor simple --batch-rows 100"
    assert throughput["settings"] == "--processor adaptive --partitions 2 --batch-rows 10000"
    assert "2.00x the best of one thread" in throughput["because"]
    assert balance["processor"] == "adaptive"
    wakes = [{"wait": "hybrid", "case": "idle", "p50_us": 7.0}]
    latency, *_ = recommendation(Found(slow_receivers), "filter", wakes)
    assert "is done in 100 µs" in latency["because"]
    assert "two wake-ups more, 114 µs" in latency["because"]
    assert recommendation(Found([]), "filter") == []


def test_of_equals_the_plainest_is_recommended() -> None:
    equal = [
        measured("adaptive", [1.0], partitions=2), measured("adaptive", [0.99], partitions=2, wait="yield"),
        measured("simple", [1.01]),
    ]  # fmt: skip
    assert [r["settings"] for r in recommendation(Found(equal), "filter")][1] == "--processor simple --batch-rows 100"


def test_targets_say_what_is_met_and_leave_out_what_was_not_measured() -> None:
    found = Found([measured("engine", [0.3]), measured("adaptive", [0.7])])
    rows = {row["measure"]: row for row in targets(found)}
    assert rows["engine alone, 100-record batches"]["met"]
    missed = rows["processor overhead over the engine, 100-record batches, hybrid"]
    assert (missed["met"], missed["here"]) == (False, "0.400 µs a record")
    assert "engine alone, 10,000-record batches" not in rows
    p50 = {("hybrid", "ping-pong"): 13.1, ("hybrid", "idle"): 12.9}
    p50 |= {("queue.SimpleQueue", "ping-pong"): 10.0, ("queue.SimpleQueue", "idle"): 8.0}
    wakes = [{"wait": wait, "case": case, "p50_us": us} for (wait, case), us in p50.items()]
    playing, idle = targets(Found([]), wakes)
    assert (playing["met"], idle["met"]) == (False, True)
    assert playing["here"].startswith("1.31x")
    assert idle["here"] == "1.29x (12.9 µs and 10.0 µs; SimpleQueue after idleness: 8.00 µs)"


def test_each_table_of_the_study_has_its_figures_beside_ours() -> None:
    kinds = ("engine", "simple", "fed", "passthrough", "adaptive")
    found = Found([
        *(measured(k, [0.5], records=n, tables=("batch size",)) for k in kinds for n in (10_000, 1_000_000)),
        *(measured("adaptive", [1 / n], query="python", batch_rows=10_000, partitions=n) for n in (1, 2)),
        *(measured("adaptive", [0.4], wait=w, tables=("waits",)) for w in ("spin", "yield")),
    ])  # fmt: skip
    parts = [{"name": "lock", "what": "w", "ns": {"median": 30.0}, "study_us": 0.06}]
    tables = {t["title"]: t for t in study_tables(found, parts, recommendation(found, "filter"))}
    assert list(tables) == [
        "Direct execution", "The processor with a passthrough engine", "Overhead analysis", "Components", "Batch size",
        "Partition count", "Yields", "Direct receiver against coordinator", "Three phases of waiting",
        "Recommendation",
    ]  # fmt: skip
    assert tables["Components"]["rows"][0] == ["lock", "0.0600 µs", "0.0300 µs", "w"]
    assert tables["Partition count"]["rows"][1][1:] == ["60.4 µs (1.00x)", "- (-)", "0.500 µs (2.00x)"]
    for table in tables.values():
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
        assert table["finding"].endswith(".")
