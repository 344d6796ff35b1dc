"""From costs to tables: what more cores would bring, and how far the model is from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from velothread.errors import OptionError
from velothread.lab.simulation.costs import Costs
from velothread.lab.simulation.model import Outcome, simulate

_MOST_CONTENTION = 1.0
_FIT_STEPS = 20


def predict(
    costs: Costs,
    *,
    cores: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128),
    batches: int = 10_000,
    records_per_batch: int = 100,
    queue_depth: int = 2,
    coalesce_us: float = 1_000.0,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """A row per number of cores, with as many partitions: throughput (records/s), latency of a batch (µs from dealing
    to handing on), speed-up over one core, the bottleneck, and how busy each part is (see `Outcome`).

        >>> rows = predict(Costs(engine_us=100.0, coordinator_us=10.0), cores=(1, 4, 16), batches=2_000)
        >>> [(row["cores"], row["bottleneck"]) for row in rows]
        [(1, 'receivers'), (4, 'receivers'), (16, 'coordinator')]

    The number of batches counts: costs per query (start, merge) weigh more when there are few.

    :raises OptionError: when a number is below 1.
    """

    def run(n: int) -> Outcome:
        return simulate(
            costs, cores=n, partitions=n, batches=batches, records_per_batch=records_per_batch,
            queue_depth=queue_depth, coalesce_us=coalesce_us, seed=seed,
        )  # fmt: skip

    outcomes = {n: run(n) for n in dict.fromkeys((1, *cores))}
    return [
        {
            "cores": n,
            "partitions": n,
            "throughput": outcomes[n].throughput,
            "latency_p50_us": outcomes[n].latency_p50_us,
            "latency_p99_us": outcomes[n].latency_p99_us,
            "speed_up": outcomes[n].throughput / outcomes[1].throughput,
            "bottleneck": outcomes[n].bottleneck,
            "busy": outcomes[n].busy,
        }
        for n in cores
    ]


def validate(
    costs: Costs,
    measured: Sequence[Mapping[str, Any]],
    *,
    batches: int,
    records_per_batch: int,
    queue_depth: int = 2,
    coalesce_us: float = 1_000.0,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """The model beside what was measured. measured: rows with cores, partitions and throughput (records/s) of a run of
    `batches` splits. error: predicted / measured - 1.
    """
    rows = []
    for row in measured:
        predicted = simulate(
            costs, cores=row["cores"], partitions=row["partitions"], batches=batches,
            records_per_batch=records_per_batch, queue_depth=queue_depth, coalesce_us=coalesce_us, seed=seed,
        ).throughput  # fmt: skip
        rows.append(
            {
                "cores": row["cores"],
                "partitions": row["partitions"],
                "measured": row["throughput"],
                "predicted": predicted,
                "error": predicted / row["throughput"] - 1,
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class Fit:
    """Costs with the contention that fits. used: the two rows that it was fitted to; held_out: the others, which the
    model has not seen, so that they can be used to validate it."""

    costs: Costs
    used: tuple[Mapping[str, Any], ...]
    held_out: tuple[Mapping[str, Any], ...]


def fitted(
    costs: Costs,
    measured: Sequence[Mapping[str, Any]],
    *,
    batches: int,
    records_per_batch: int,
    queue_depth: int = 2,
    coalesce_us: float = 1_000.0,
    seed: int = 1,
) -> Fit:
    """Costs with `contention` such that the speed-up from 1 to 2 cores (as many partitions) is what was measured.

    Only the ratio of the two is used, so costs that are too high or low as a whole are not hidden in it. A speed-up
    that is better than the model's without contention gives 0.

    :raises OptionError: 1 core with 1 partition, or 2 with 2, was not measured.
    """
    one, two = _row(measured, 1), _row(measured, 2)
    wanted = two["throughput"] / one["throughput"]

    def speed_up(contention: float) -> float:
        rows = predict(
            replace(costs, contention=contention), cores=(2,), batches=batches, records_per_batch=records_per_batch,
            queue_depth=queue_depth, coalesce_us=coalesce_us, seed=seed,
        )  # fmt: skip
        return float(rows[0]["speed_up"])

    low, high = 0.0, _MOST_CONTENTION
    if speed_up(low) <= wanted:
        high = low
    for _ in range(_FIT_STEPS if high else 0):
        middle = (low + high) / 2
        if speed_up(middle) > wanted:
            low = middle
        else:
            high = middle
    used = (one, two)
    held_out = tuple([row for row in measured if row is not one and row is not two])
    return Fit(replace(costs, contention=(low + high) / 2), used, held_out)


def _row(measured: Sequence[Mapping[str, Any]], cores: int) -> Mapping[str, Any]:
    for row in measured:
        if row["cores"] == row["partitions"] == cores:
            return row
    raise OptionError(f"contention can't be fitted: nothing was measured with {cores} cores and as many partitions")
