"""Which processor, from the figures: for latency, for throughput, for both at little CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from velothread.lab.figures import Measurement
from velothread.lab.found import Found
from velothread.lab.words import digits, rate, times, us

# Set-ups that a user can choose.
_CHOICES = ("simple", "adaptive")
# Less than this between two set-ups is noise.
_NOISE = 0.03


def recommendation(found: Found, query: str, wakes: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Three answers for a query, each with the figures that it is made from. Empty when there is nothing to choose.

    latency: the shortest time until the result of a small batch is there (100 records, or the smallest above that),
    while little comes: through a receiver, it takes the same work and two wake-ups. throughput: the most records per
    second of all. balance: the most records per second for its CPU time.
    Where a simpler set-up is within 3 % of the best, it is recommended.
    """
    choices = [
        m for m in found.measurements
        if m.setup.query == query and m.setup.kind in _CHOICES and m.setup.cores is None
    ]  # fmt: skip
    if not choices:
        return []
    best = _best(choices, lambda m: m.latency_us.median)
    lean = _best(choices, lambda m: m.latency_us.median * m.cpu_us.median)
    simple = [m for m in choices if m.setup.kind == "simple"]
    one = _best(simple, lambda m: m.latency_us.median) if simple else best
    return [
        *_latency(simple, wakes),
        _row(
            "throughput", best,
            f"{rate(best.throughput.median)}, {times(one.latency_us.median / best.latency_us.median)} "
            f"the best of one thread, for {us(best.cpu_us.median)} of CPU a record",
        ),
        _row(
            "balance", lean,
            f"{rate(lean.throughput.median)} for {us(lean.cpu_us.median)} of CPU a record: "
            f"{digits(lean.cpu_us.median / lean.latency_us.median)} cores busy",
        ),
    ]  # fmt: skip


def _latency(simple: Sequence[Measurement], wakes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    # A batch of a few records says how long a call takes, and nobody runs like that.
    small = [m for m in simple if m.setup.batch_rows is not None and m.setup.batch_rows >= 100]
    if not small:
        return []
    one = min(small, key=lambda m: (m.setup.batch_rows or 0, -m.setup.records))
    size = one.setup.batch_rows or 1
    work = one.latency_us.median * size
    said = f"a batch of {size:,} is done in {us(work)}"
    woken = next((w["p50_us"] for w in wakes if w["wait"] == "hybrid" and w.get("case") == "idle"), None)
    if woken is not None:
        said += f"; through a receiver that sleeps it takes two wake-ups more, {us(work + 2 * woken)}"
    return [_row("latency", one, said + ", and queues make it longer where much comes")]


def _best(choices: Sequence[Measurement], cost: Any) -> Measurement:
    """The least cost; of those that are as good, the one with the fewest threads, then the default ways."""
    least = min(cost(m) for m in choices)
    good = [m for m in choices if cost(m) <= least * (1 + _NOISE)]

    def plainness(m: Measurement) -> tuple[Any, ...]:
        s = m.setup
        return (
            s.kind != "simple", s.partitions, s.wait != "hybrid", s.strategy != "auto", s.state != "partitioned",
            s.batch_rows is not None, cost(m),
        )  # fmt: skip

    return min(good, key=plainness)


def _row(purpose: str, one: Measurement, because: str) -> dict[str, Any]:
    setup = one.setup
    settings = [f"--processor {setup.kind}"]
    if setup.kind == "adaptive":
        settings.append(f"--partitions {setup.partitions}")
        settings += [f"--wait {setup.wait}"] if setup.wait != "hybrid" else []
        settings += [f"--strategy {setup.strategy}"] if setup.strategy != "auto" else []
        settings += [f"--state {setup.state}"] if setup.state != "partitioned" else []
    if setup.batch_rows is not None:
        settings.append(f"--batch-rows {setup.batch_rows}")
    return {"for": purpose, "processor": setup.kind, "settings": " ".join(settings), "because": because}


__all__ = ["recommendation"]
