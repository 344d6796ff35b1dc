"""What a user can choose about how a query runs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from velothread.errors import OptionError, did_you_mean
from velothread.sources.source import DEFAULT_BATCH_ROWS, ReadOptions

PROCESSORS = ("auto", "simple", "adaptive")
STRATEGIES = ("auto", "sticky", "hash", "smart", "round-robin", "fan-in")
WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")
STATES = ("partitioned", "shared")


@dataclass(frozen=True, slots=True)
class Options:
    """How queries of a session run.

    processor: `simple` (one thread), `adaptive` (receivers), `auto`.
    partitions: number of receivers of the adaptive processor; None: one per usable core.
    strategy: how work is dealt to receivers; wait: how a side of a handoff waits.
    state: `partitioned`: each receiver has groups of its own, to be merged; `shared`, an experiment: all are in one
        table, behind locks.
    batch_rows: the most rows in a batch. queue_depth: splits that wait at a receiver.
    dialect: the SQL dialect of the text; None: velothread's own (DuckDB's).
    profile: measure the Python functions in SQL closely: some of their calls one by one, and how they bear each other's
        company (`functions.profile`). The answer stays the same; queries take a little longer.
    trace: keep when each split, wait and result began and ended (`PartitionMetrics.spans` of `result.stats.stages`).
    """

    processor: Literal["auto", "simple", "adaptive"] = "auto"
    partitions: int | None = None
    strategy: Literal["auto", "sticky", "hash", "smart", "round-robin", "fan-in"] = "auto"
    wait: Literal["hybrid", "condvar", "spin", "yield", "sleep"] = "hybrid"
    state: Literal["partitioned", "shared"] = "partitioned"
    batch_rows: int = DEFAULT_BATCH_ROWS
    queue_depth: int = 2
    dialect: str | None = None
    profile: bool = False
    trace: bool = False
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        choices = (("processor", PROCESSORS), ("strategy", STRATEGIES), ("wait", WAITS), ("state", STATES))
        for name, known in choices:
            value = getattr(self, name)
            if value not in known:
                hint = did_you_mean(str(value), known) or f"choose one of {', '.join(known)}"
                raise OptionError(f"{name}={value!r} is not known; {hint}")
        for name in ("batch_rows", "queue_depth"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.state == "shared" and self.strategy in ("hash", "smart"):
            raise OptionError(
                f"strategy={self.strategy!r} exchanges states by key, and with state='shared' there is one table of "
                "them; use strategy 'sticky' or 'auto', or state 'partitioned'"
            )
        if self.partitions is not None and not 1 <= self.partitions <= 1024:
            raise OptionError(f"partitions must be between 1 and 1024, not {self.partitions}")

    @property
    def partition_count(self) -> int:
        """`partitions`, or the number of cores that this process may use."""
        return self.partitions or usable_cores()

    def with_changes(self, **changes: Any) -> Options:
        """A copy with some options changed; unknown names are refused."""
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(
                    f"unknown option {name!r}; {did_you_mean(name, known) or 'known: ' + ', '.join(known)}"
                )
        return replace(self, **changes)


def usable_cores() -> int:
    """Cores that this process may run on (cgroup affinity respected where the platform tells)."""
    count = os.process_cpu_count()
    return count or 1
