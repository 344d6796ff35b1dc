"""What the simulation is fed with, from what the lab has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from velothread.errors import OptionError
from velothread.lab.figures import Measurement
from velothread.lab.found import Found
from velothread.lab.simulation import Costs, fitted, predict, validate
from velothread.lab.sweeps import CORES

# A hybrid side spins no longer than this (processors/adaptive/wait.py).
_SPIN_US = 40.0
# A system call to wake somebody, and to go to sleep and come back: no ledger tells them apart from what is around them.
_SIGNAL_US, _BLOCK_US = 3.0, 5.0


def simulation(
    found: Found, query: str, batch_rows: int, wakes: Sequence[Mapping[str, Any]] = (), *, gil: bool = False
) -> dict[str, Any] | None:
    """The "simulation" of a lab report: costs, validation on the cores at hand, predictions; None when what it is made
    from was not measured."""
    costs = costs_of(found, query, batch_rows, wakes, gil=gil)
    measured = [
        {"cores": m.setup.cores, "partitions": m.setup.partitions, "throughput": m.throughput.median}
        for m in found.table(CORES)
        if m.setup.batch_rows == batch_rows and m.setup.query == query
    ]
    if costs is None or not measured:
        return None
    one = next(m for m in found.table(CORES) if m.setup.batch_rows == batch_rows and m.setup.query == query)
    batches = max(1, one.records // batch_rows)
    used: tuple[Mapping[str, Any], ...] = ()
    if not gil:
        try:
            fit = fitted(costs, measured, batches=batches, records_per_batch=batch_rows)
            costs, used = fit.costs, fit.used
        except OptionError:
            pass  # there is one core only
    validation = validate(costs, measured, batches=batches, records_per_batch=batch_rows)
    for row, real in zip(validation, measured, strict=True):
        row["fitted"] = any(real is u for u in used)
    return {
        "workload": f"{query}, {batch_rows:,}-record batches",
        "validation": validation,
        "predictions": predict(costs, batches=batches, records_per_batch=batch_rows),
        "costs": asdict(costs),
    }


def costs_of(
    found: Found, query: str, batch_rows: int, wakes: Sequence[Mapping[str, Any]] = (), *, gil: bool = False
) -> Costs | None:
    """µs per batch, from ledgers: reading and engine from the simple processor; handing over, dealing and the consumer
    from the adaptive one with one receiver."""
    simple = found.of("simple", query, batch_rows)
    full = found.of("adaptive", query, batch_rows)
    if simple is None or full is None or simple.ledger is None or full.ledger is None:
        return None
    hybrid = next((w for w in wakes if w["wait"] == "hybrid" and w.get("case") == "idle"), None)
    return Costs(
        engine_us=_per_batch(simple, "engine", batch_rows),
        read_us=_per_batch(simple, "source", batch_rows),
        handoff_us=_per_batch(full, "handoff", batch_rows),
        coordinator_us=_per_batch(full, "routing", batch_rows),
        sink_us=_per_batch(full, "sink", batch_rows),
        wake_p50_us=hybrid["p50_us"] if hybrid else 20.0,
        wake_p99_us=hybrid["p99_us"] if hybrid else 100.0,
        spin_us=0.0 if gil else _SPIN_US,
        merge_us=(simple.ledger["merge"] * 1e6),
        interpreter=1.0 if gil else 0.0,
        signal_us=_SIGNAL_US,
        block_us=_BLOCK_US,
    )


def _per_batch(one: Measurement, part: str, batch_rows: int) -> float:
    ledger = one.ledger
    assert ledger is not None
    return max(0.0, ledger[part]) * 1e6 * batch_rows / one.records


__all__ = ["costs_of", "simulation"]
