"""Which processor, from the figures: for latency, for throughput, for both at little CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velothread.lab.figures import Measurement
from velothread.lab.found import Found
from velothread.lab.words import digits, rate, times, us

# Set-ups that a user can choose.
_CHOICES = ("simple", "adaptive")
# Less than this between two set-ups is noise.
_NOISE = 0.03


def recommendation(found: Found, query: str) -> list[dict[str, Any]]:
    """Three answers for a query, each with the figures that it is made from. Empty when there is nothing to choose.

    latency: the shortest time until the result of a small batch is there (the smallest of 100 records or more that was
    measured with both processors). throughput: the most records per second of all. balance: the most records per second
    for its CPU time.
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
    rows = []
    small = _small_batches(choices)
    if small:
        quick = _best(small, lambda m: m.latency_us.median)
        other = _best([m for m in small if m.setup.kind != quick.setup.kind], lambda m: m.latency_us.median)
        rows.append(_row("latency", quick, f"{_batch_time(quick)} for a batch of {quick.setup.batch_rows:,}; "
                         f"{other.setup.title} takes {_batch_time(other)}"))  # fmt: skip
    simple = [m for m in choices if m.setup.kind == "simple"]
    one = _best(simple, lambda m: m.latency_us.median) if simple else best
    rows.append(
        _row(
            "throughput", best,
            f"{rate(best.throughput.median)}, {times(one.latency_us.median / best.latency_us.median)} "
            f"the best of one thread, for {us(best.cpu_us.median)} of CPU a record",
        )
    )  # fmt: skip
    rows.append(
        _row(
            "balance", lean,
            f"{rate(lean.throughput.median)} for {us(lean.cpu_us.median)} of CPU a record: "
            f"{digits(lean.cpu_us.median / lean.latency_us.median)} cores busy",
        )
    )  # fmt: skip
    return rows


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


def _small_batches(choices: Sequence[Measurement]) -> list[Measurement]:
    """Those with the smallest batches that both processors ran; of few rows, a batch is there soon."""
    sizes = [{m.setup.batch_rows or 0 for m in choices if m.setup.kind == kind} for kind in _CHOICES]
    # A batch of one record says how long a call takes, and nobody runs like that.
    wanted = min((s for s in sizes[0] & sizes[1] if s >= 100), default=None)
    return [m for m in choices if m.setup.batch_rows == wanted] if wanted is not None else []


def _batch_time(one: Measurement) -> str:
    return us(one.latency_us.median * (one.setup.batch_rows or 1))


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
