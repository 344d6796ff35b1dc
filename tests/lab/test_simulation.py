"""The simulation: closed forms that queueing theory has, what must never happen, and what the tables say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from velothread.errors import OptionError
from velothread.lab.simulation import Costs, Outcome, fitted, predict, simulate, validate

# A plausible machine, in which everything costs something.
PLAUSIBLE = Costs(
    engine_us=50.0, read_us=20.0, handoff_us=1.0, coordinator_us=4.0, per_receiver_us=0.02, sink_us=1.0, signal_us=3.0,
    wake_p50_us=15.0, wake_p99_us=90.0, block_us=3.0, spin_us=40.0, start_us=40.0, merge_us=100.0, contention=0.02,
)  # fmt: skip

costs = st.builds(
    Costs,
    engine_us=st.floats(1.0, 5_000.0),
    handoff_us=st.floats(0.0, 5.0),
    coordinator_us=st.floats(0.0, 50.0),
    sink_us=st.floats(0.0, 50.0),
    signal_us=st.floats(0.0, 5.0),
    wake_p50_us=st.floats(0.0, 50.0),
    wake_p99_us=st.floats(0.0, 500.0),
    spin_us=st.sampled_from([0.0, 40.0]),
    source_us=st.floats(0.0, 20.0),
    reader=st.booleans(),
    interpreter=st.sampled_from([0.0, 0.3, 1.0]),
    contention=st.sampled_from([0.0, 0.1]),
)


def run(costs: Costs, cores: int, partitions: int | None = None, batches: int = 2_000, seed: int = 1) -> Outcome:
    return simulate(
        costs, cores=cores, partitions=partitions or cores, batches=batches, records_per_batch=1, seed=seed
    )  # fmt: skip


# Closed forms


def test_one_receiver_takes_the_sum_of_its_costs() -> None:
    outcome = run(Costs(engine_us=70.0, read_us=20.0, handoff_us=10.0), 2, 1)
    assert outcome.throughput == pytest.approx(1e6 / 100)
    assert outcome.bottleneck == "receivers" and outcome.busy["receivers"] == pytest.approx(1.0)


def test_on_one_core_all_costs_add_up() -> None:
    outcome = run(Costs(engine_us=70.0, handoff_us=5.0, coordinator_us=15.0, sink_us=10.0, spin_us=40.0), 1)
    # And the receiver's end is collected, like the outcome of a split.
    assert outcome.seconds * 1e6 == pytest.approx(2_000 * 100 + 15 / 2)


@pytest.mark.parametrize(
    ("costs", "serial", "bottleneck"),
    [
        (Costs(engine_us=100.0, coordinator_us=20.0), 20.0, "coordinator"),
        (Costs(engine_us=100.0, coordinator_us=5.0, sink_us=20.0), 25.0, "sink"),
        (Costs(engine_us=100.0, coordinator_us=5.0, source_us=20.0), 25.0, "source"),
        (Costs(engine_us=100.0, coordinator_us=5.0, source_us=20.0, reader=True), 20.0, "source"),
        (Costs(engine_us=100.0, coordinator_us=2.0, per_receiver_us=2.0), 32.0, "coordinator"),
    ],
)
def test_what_is_serial_limits_many_receivers(costs: Costs, serial: float, bottleneck: str) -> None:
    outcome = run(costs, 18, 16, batches=5_000)
    assert outcome.throughput == pytest.approx(1e6 / serial, rel=0.02)
    assert outcome.bottleneck == bottleneck


@pytest.mark.parametrize("cores", [1, 2, 4, 16])
def test_amdahls_law_with_a_serial_merge(cores: int) -> None:
    # The merge is proportional to the number of receivers; so that all of it is the same, so is its cost the inverse.
    outcome = run(Costs(engine_us=100.0, merge_us=40_000.0 / cores), cores, batches=3_200)
    assert outcome.seconds * 1e6 == pytest.approx(320_000 / cores + 40_000, rel=0.02)
    assert outcome.bottleneck == ("merge" if 320_000 / cores < 40_000 else "receivers")


@pytest.mark.parametrize(("cores", "partitions"), [(1, 2), (2, 8), (3, 8), (4, 128)])
def test_more_threads_than_cores_are_worth_the_cores(cores: int, partitions: int) -> None:
    outcome = run(Costs(engine_us=100.0), cores, partitions, batches=10_000)
    assert outcome.throughput == pytest.approx(cores * 1e4, rel=0.03)
    assert outcome.bottleneck == "cores" and outcome.busy["cores"] > 0.97
    assert outcome.busy["receivers"] == pytest.approx(cores / partitions, rel=0.03)


@pytest.mark.parametrize("held", [0.25, 0.5, 1.0])
def test_the_interpreter_serves_one_at_a_time(held: float) -> None:
    outcome = run(Costs(engine_us=100.0, interpreter=held), 8)
    assert outcome.throughput == pytest.approx(1e6 / (100 * held), rel=0.02)
    assert outcome.bottleneck == "interpreter" and outcome.busy["interpreter"] > 0.98


def test_a_little_of_the_interpreter_is_enough() -> None:
    assert run(Costs(engine_us=100.0, interpreter=0.05), 8).throughput == pytest.approx(8e4, rel=0.02)


@pytest.mark.parametrize("cores", [2, 8, 64])
def test_contention_slows_down_by_its_slope(cores: int) -> None:
    # One core more than receivers, for the coordinator, which costs nothing.
    outcome = run(Costs(engine_us=100.0, contention=0.05), cores + 1, cores, batches=100 * cores)
    assert outcome.throughput == pytest.approx(cores * 1e4 / (1 + 0.05 * (cores - 1)), rel=0.02)
    assert outcome.bottleneck == ("memory" if 0.05 * (cores - 1) > 1 else "receivers")


def test_coherence_has_a_best_number_of_cores() -> None:
    rows = predict(Costs(engine_us=1_000.0, coherence=0.001), cores=(8, 32, 128), batches=5_000)
    assert rows[0]["throughput"] < rows[1]["throughput"] > rows[2]["throughput"]


@pytest.mark.parametrize(("cores", "partitions"), [(1, 1), (4, 3), (16, 16)])
def test_utilisation_law(cores: int, partitions: int) -> None:
    costs = Costs(engine_us=60.0, handoff_us=3.0, coordinator_us=5.0, sink_us=2.0, wake_p50_us=20.0)
    outcome = run(costs, cores, partitions)
    ends = partitions * 2.5 / outcome.seconds / 1e6  # the receivers' ends are collected, too
    assert outcome.busy["coordinator"] == pytest.approx(outcome.throughput * 7.0 / 1e6 + ends)
    assert outcome.busy["sink"] == pytest.approx(outcome.throughput * 2.0 / 1e6)
    assert outcome.busy["receivers"] * partitions == pytest.approx(outcome.throughput * 63.0 / 1e6)


@settings(max_examples=50)
@given(costs, st.integers(1, 6), st.integers(1, 6), st.integers(1, 300))
def test_littles_law(costs: Costs, cores: int, partitions: int, batches: int) -> None:
    outcome = run(costs, cores, partitions, batches)
    assert outcome.in_flight == pytest.approx(outcome.throughput * outcome.latency_mean_us / 1e6)


def test_blocked_sides_pay_for_signals_and_wake_ups() -> None:
    # One split at a time: each is a wake-up of the receiver and one of the coordinator.
    costs = Costs(engine_us=5_000.0, signal_us=3.0, wake_p50_us=20.0, wake_p99_us=20.0, block_us=2.0)
    outcome = simulate(costs, cores=2, partitions=1, batches=1, records_per_batch=1, queue_depth=1)
    assert outcome.wakes == 3  # two of the coordinator: for the split, and for the end
    # Two signals on the way (to the receiver and to the coordinator) and three latencies with those of the start.
    assert 5_000 + 2 * 20 + 3 < outcome.seconds * 1e6 < 5_000 + 4 * (20 + 3 + 2)


def test_who_spins_is_not_woken() -> None:
    quick = replace(PLAUSIBLE, engine_us=5.0, read_us=0.0, contention=0.0, coordinator_us=10.0)
    assert run(quick, 4).wakes < run(replace(quick, spin_us=0.0), 4).wakes / 2


def test_outcomes_are_collected_several_at_a_time() -> None:
    def wakes(coalesce_us: float) -> int:
        return simulate(
            replace(PLAUSIBLE, spin_us=0.0), cores=8, partitions=4, batches=4_000, records_per_batch=1,
            coalesce_us=coalesce_us,
        ).wakes  # fmt: skip

    assert wakes(500.0) < wakes(0.0) / 2


# Properties


@example(Costs(engine_us=1.0, wake_p99_us=5e-324), 1, 1, 1, 0)
@settings(max_examples=50)
@given(costs, st.integers(1, 8), st.integers(1, 8), st.integers(1, 100), st.integers(0, 5))
def test_each_split_is_handed_on_once_and_in_order(
    costs: Costs, cores: int, partitions: int, batches: int, seed: int
) -> None:
    seen: list[tuple[int, float, float]] = []
    outcome = simulate(
        costs, cores=cores, partitions=partitions, batches=batches, records_per_batch=1, seed=seed,
        trace=lambda *split: seen.append(split),
    )  # fmt: skip
    assert [index for index, _, _ in seen] == list(range(batches))
    assert all(dealt < handed_on for _, dealt, handed_on in seen)
    handed_on = [at for _, _, at in seen]
    assert handed_on == sorted(handed_on) and handed_on[-1] <= outcome.seconds * 1e6 * (1 + 1e-9)
    for part, share in outcome.busy.items():
        assert 0.0 <= share <= 1.0 + 1e-9, part


@settings(max_examples=40)
@given(st.floats(10.0, 1_000.0), st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_more_cores_never_slow_down_without_contention(engine: float, coordinator: float, sink: float) -> None:
    costs = Costs(engine_us=engine, coordinator_us=coordinator, sink_us=sink)
    rows = [run(costs, cores, 8, batches=1_000).throughput for cores in (1, 2, 4, 8, 16)]
    # The end of a run, when some receivers have no more to do, depends a little on who had what.
    assert all(more >= fewer * 0.97 for fewer, more in pairwise(rows))


@settings(max_examples=40)
@given(costs, st.integers(1, 8))
def test_nothing_is_faster_than_its_busiest_part(costs: Costs, cores: int) -> None:
    work = costs.engine_us + costs.handoff_us
    serial = costs.coordinator_us + costs.sink_us + (0.0 if costs.reader else costs.source_us)
    limit = min(cores / work, 1 / serial if serial else 1.0, (cores / (work + serial)))
    if costs.interpreter:
        limit = min(limit, 1 / (costs.engine_us * costs.interpreter + costs.handoff_us + serial))
    assert run(costs, cores, batches=200).throughput <= limit * 1e6 * (1 + 1e-9)


@settings(max_examples=20)
@given(st.integers(4, 24))
def test_the_coordinator_limits_from_the_computed_number_of_receivers_on(most: int) -> None:
    # A receiver needs `most` times as long for a split as the coordinator does.
    costs = Costs(engine_us=10.0 * most, coordinator_us=10.0)
    assert run(costs, most, most - 2).bottleneck == "receivers"
    assert run(costs, most + 4, most + 2).bottleneck == "coordinator"


@given(st.integers(0, 1_000))
@settings(max_examples=10)
def test_the_seed_decides(seed: int) -> None:
    first, again = run(PLAUSIBLE, 4, seed=seed), run(PLAUSIBLE, 4, seed=seed)
    assert first == again
    assert run(PLAUSIBLE, 4, seed=seed + 1).seconds != first.seconds


# Tables


def test_predictions_have_a_row_per_number_of_cores() -> None:
    rows = predict(PLAUSIBLE, cores=(2, 8, 64), batches=2_000, records_per_batch=100)
    assert [(row["cores"], row["partitions"]) for row in rows] == [(2, 2), (8, 8), (64, 64)]
    one = predict(PLAUSIBLE, cores=(1,), batches=2_000, records_per_batch=100)[0]
    assert one["speed_up"] == 1.0
    for row in rows:
        assert row["speed_up"] == row["throughput"] / one["throughput"]
        assert 0 < row["latency_p50_us"] <= row["latency_p99_us"]
        assert 0 < row["busy"]["coordinator"] <= 1 and 0 < row["busy"]["receivers"] <= 1


def measured(costs: Costs, *points: tuple[int, int]) -> list[dict[str, float]]:
    return [
        {"cores": cores, "partitions": partitions, "throughput": run(costs, cores, partitions).throughput}
        for cores, partitions in points
    ]


def test_validation_tells_the_error() -> None:
    rows = measured(PLAUSIBLE, (1, 1), (2, 2))
    rows[1]["throughput"] /= 1.1
    first, second = validate(PLAUSIBLE, rows, batches=2_000, records_per_batch=1)
    assert first["error"] == 0.0 and second["error"] == pytest.approx(0.1)
    assert set(first) == {"cores", "partitions", "measured", "predicted", "error"}


@pytest.mark.parametrize("contention", [0.0, 0.03, 0.4])
def test_fitting_finds_the_contention_and_holds_out_the_rest(contention: float) -> None:
    rows = measured(replace(PLAUSIBLE, contention=contention), (1, 1), (2, 2), (2, 4), (1, 4))
    fit = fitted(PLAUSIBLE, rows, batches=2_000, records_per_batch=1)
    assert fit.costs.contention == pytest.approx(contention, abs=0.01)
    assert fit.used == tuple(rows[:2]) and fit.held_out == tuple(rows[2:])
    assert all(abs(row["error"]) < 0.02 for row in validate(fit.costs, rows, batches=2_000, records_per_batch=1))


def test_fitting_needs_one_and_two_cores() -> None:
    with pytest.raises(OptionError, match="2 cores"):
        fitted(PLAUSIBLE, measured(PLAUSIBLE, (1, 1), (2, 4)), batches=2_000, records_per_batch=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"engine_us": 0.0}, "nothing to do"),
        ({"engine_us": 1.0, "sink_us": -1.0}, "sink_us"),
        ({"engine_us": 1.0, "interpreter": 1.5}, "0 to 1"),
        ({"engine_us": float("nan")}, "engine_us"),
    ],
)
def test_costs_that_make_no_sense_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Costs(**wrong)


@pytest.mark.parametrize("name", ["cores", "partitions", "batches", "queue_depth"])
def test_numbers_are_at_least_one(name: str) -> None:
    numbers = {"cores": 1, "partitions": 1, "batches": 1, "records_per_batch": 1, "queue_depth": 1, name: 0}
    with pytest.raises(OptionError, match="at least 1"):
        simulate(PLAUSIBLE, **numbers)
