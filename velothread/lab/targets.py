"""What was asked of this engine, measure by measure, beside the study's figure and what was measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from velothread.lab.found import Found, overhead, ratio
from velothread.lab.sweeps import LARGE_BATCH, STUDY_BATCH
from velothread.lab.words import percent, times, us

_FILTER = "filter"


def targets(
    found: Found, wakes: Sequence[Mapping[str, Any]] = (), idle: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Rows with what was asked; those for which nothing was measured are left out."""
    rows = [
        *_of_filter(found),
        _row(
            "yields per record", "50-60", "under 0.01", _yields(found), lambda v: v < 0.01, lambda v: f"{v:.5f}"
        ),
        _row(
            "partitions 2 against 1, CPU-bound query", "1.00x", "at least 1.8x",
            ratio(found.of("adaptive", "python", 10_000, partitions=2), found.of("adaptive", "python", 10_000)),
            lambda v: v >= 1.8, times,
        ),
        _row(
            "CPU burnt by an idle receiver", "a core", "under 1 %",
            None if idle is None else idle["cpu_share"]["hybrid"], lambda v: v < 0.01, percent,
        ),
        *_of_wakes(wakes),
    ]  # fmt: skip
    return [row for row in rows if row is not None]


def _of_filter(found: Found) -> list[dict[str, Any] | None]:
    small, large = (
        {k: found.of(k, _FILTER, n) for k in ("engine", "fed", "adaptive")} for n in (STUDY_BATCH, LARGE_BATCH)
    )

    def under(measure: str, study: str, limit: float, value: float | None) -> dict[str, Any] | None:
        asked = f"under {limit:g} µs"
        return _row(measure, study, asked, value, lambda v: v < limit, lambda v: f"{us(v)} a record")

    return [
        under("engine alone, 100-record batches", "5.45 µs a record", 0.5, _latency(small["engine"])),
        under("engine alone, 10,000-record batches", "-", 0.05, _latency(large["engine"])),
        under(
            "processor overhead over the engine, 100-record batches, hybrid", "55 µs a record", 0.3,
            overhead(small["adaptive"], small["engine"]),
        ),
        under(
            "processor overhead over the engine, 10,000-record batches, hybrid", "-", 0.01,
            overhead(large["adaptive"], large["engine"]),
        ),
        under(
            "direct receiver over the engine, 100-record batches", "20.7 µs a record", 0.2,
            overhead(small["fed"], small["engine"]),
        ),
        under("adaptive, batch size 10", "60.4 µs a record", 5, found.latency("adaptive", _FILTER, 10)),
    ]  # fmt: skip


def _of_wakes(wakes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
    """From signal to wake, as a ping-pong and after some idleness, against a ping-pong of `queue.SimpleQueue`."""
    p50 = {(w["wait"], w["case"]): w["p50_us"] for w in wakes if "case" in w}
    base = p50.get(("queue.SimpleQueue", "ping-pong"))
    rows: list[dict[str, Any] | None] = []
    for case, title in (("ping-pong", "ping-pong"), ("idle", "after 2 ms of idleness")):
        ours, theirs = p50.get(("hybrid", case)), p50.get(("queue.SimpleQueue", case))
        if not ours or not base:
            continue
        more = "" if case == "ping-pong" else f"; SimpleQueue after idleness: {us(theirs)}"
        said = f"{times(ours / base)} ({us(ours)} and {us(base)}{more})"
        asked = "at most 1.3 times a queue.SimpleQueue ping-pong"
        rows.append(
            _row(
                f"signal to wake, hybrid, p50, {title}",
                "-",
                asked,
                ours / base,
                lambda v: v <= 1.3,
                lambda _, s=said: s,
            )
        )
    return rows


def _yields(found: Found) -> float | None:
    one = found.of("adaptive", _FILTER, STUDY_BATCH)
    return None if one is None else one.waits.yields / (one.records * len(one.trials))


def _latency(one: Any) -> float | None:
    return None if one is None else float(one.latency_us.median)


def _row(measure: str, study: str, asked: str, value: float | None, met: Any, shown: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "measure": measure,
        "study": study,
        "asked": asked,
        "here": shown(value),
        "value": value,
        "met": bool(met(value)),
    }


__all__ = ["targets"]
