"""The ledger of a run: the wall time of all its threads, split into what it was spent on.

The caller's thread has the run's wall time, each receiver (and a reader) its own. Parts are measured where they happen:
by the worker (source, engine, routing, merge), by the receiver's loop (handoff: taking a split, emitting its outcome),
by the sides that wait, by the coordinator (routing: dealing and ordering; handoff: threads and their jobs; sink: what
the consumer does with a result), and between stages (merge). What is left is unexplained.
"""

from __future__ import annotations

from collections.abc import Sequence

from velothread.lab.figures import LEDGER
from velothread.processors.metrics import PartitionMetrics, StageMetrics

# Times of a partition -> part of the ledger.
_PARTS = {
    "source": "source",
    "engine": "engine",
    "encode": "engine",
    "routing": "routing",
    "exchange": "handoff",
    "handoff": "handoff",
    "locks": "waiting",
    "merge": "merge",
    "sink": "sink",
    "waiting": "waiting",
}


def ledger_of(stages: Sequence[StageMetrics], wall_ns: int, merge_ns: int = 0) -> dict[str, int]:
    """Nanoseconds by part. wall_ns: of the run, in the caller's thread; merge_ns: of it, between stages."""
    parts = dict.fromkeys(LEDGER, 0)
    parts["merge"] = merge_ns
    total = wall_ns
    for stage in stages:
        # With one thread, the only partition is the caller.
        others = [] if stage.processor == "simple" else [*stage.partitions, *([stage.reader] if stage.reader else [])]
        total += sum(part.wall_ns for part in others)
        merging = ": " in stage.name  # tasks of a breaker, as in "aggregate: merge"
        for part in (*others, stage.partitions[0] if stage.processor == "simple" else stage.coordinator):
            _add(parts, part, merging=merging)
    parts["unexplained"] = total - sum(parts.values())
    return parts


def _add(parts: dict[str, int], metrics: PartitionMetrics, *, merging: bool) -> None:
    for name, part in _PARTS.items():
        spent: int = getattr(metrics, f"{name}_ns", 0)
        parts["merge" if merging and part == "engine" else part] += spent


__all__ = ["ledger_of"]
