"""What the lab measures: a set-up, what one run of it took, and the figures over several rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from velothread.processors.metrics import PHASES, LatencyHistogram, WaitCounters

# Where wall time goes, in the order in which a batch meets them.
LEDGER = ("source", "engine", "routing", "handoff", "waiting", "merge", "sink", "unexplained")

# Kinds of set-ups: their names in documents, and for people.
KINDS = {
    "engine": "engine alone",
    "simple": "simple",
    "fed": "receiver fed directly",
    "passthrough": "passthrough",
    "adaptive": "adaptive",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """
        :raises statistics.StatisticsError: when there are no values.
        """
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is run, and how. batch_rows: rows in a batch, each handed over by itself; None: the input as it stands, from
    its files. cores: how many the process may use; None: all.
    """

    kind: str
    query: str
    records: int
    batch_rows: int | None
    partitions: int = 1
    wait: str = "hybrid"
    strategy: str = "auto"
    state: str = "partitioned"
    cores: int | None = None

    @property
    def title(self) -> str:
        """For people."""
        parts = [KINDS[self.kind]]
        if self.kind in ("passthrough", "adaptive"):
            parts.append(f"{self.partitions} partition{'s' if self.partitions > 1 else ''}")
        if self.kind not in ("engine", "simple"):
            parts.append(self.wait)
        if self.strategy != "auto":
            parts.append(self.strategy)
        if self.state != "partitioned":
            parts.append(f"{self.state} state")
        return ", ".join(parts)

    @property
    def workload(self) -> str:
        """For people: what is done, without how."""
        return f"{self.query}, " + ("from files" if self.batch_rows is None else f"{self.batch_rows:,}-record batches")


@dataclass(slots=True)
class Trial:
    """One run of a set-up. Times in ns; wall: from the first batch asked for to the last one had. answer: a digest of
    the rows; None: not looked at.

    ledger: time of all threads by part; their sum is `ledger_ns`. Empty where there is no account of it.
    """

    records: int
    wall_ns: int
    cpu_ns: int
    waits: WaitCounters = field(default_factory=WaitCounters)
    ledger: dict[str, int] = field(default_factory=dict)
    answer: str | None = None


@dataclass(slots=True)
class Measurement:
    """The trials of a set-up, one per round. tables: the sweeps that it belongs to."""

    setup: SetUp
    tables: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    answer: str | None = None

    @property
    def records(self) -> int:
        """Records of one trial."""
        return self.trials[0].records

    @property
    def latency_us(self) -> Spread:
        """Wall time per record."""
        return Spread.of([t.wall_ns / t.records / 1e3 for t in self.trials])

    @property
    def cpu_us(self) -> Spread:
        """CPU time of the process per record."""
        return Spread.of([t.cpu_ns / t.records / 1e3 for t in self.trials])

    @property
    def throughput(self) -> Spread:
        """Records per second."""
        return Spread.of([t.records / t.wall_ns * 1e9 for t in self.trials])

    @property
    def waits(self) -> WaitCounters:
        """Of all sides in all rounds."""
        merged = WaitCounters()
        for trial in self.trials:
            merged.merge(trial.waits)
        return merged

    @property
    def ledger(self) -> dict[str, float] | None:
        """Seconds by part, of the trial with the median wall time: one that was, no mean of several; None where there
        is no account."""
        kept = sorted((t for t in self.trials if t.ledger), key=lambda t: t.wall_ns)
        return {part: kept[len(kept) // 2].ledger[part] / 1e9 for part in LEDGER} if kept else None

    def as_dict(self) -> dict[str, Any]:
        """As the lab's JSON has it."""
        waits, records = self.waits, self.records * len(self.trials)
        ledger = self.ledger
        return {
            "setup": asdict(self.setup),
            "tables": self.tables,
            "latency_us": asdict(self.latency_us),
            "throughput": asdict(self.throughput),
            "cpu_us": asdict(self.cpu_us),
            **{n: getattr(waits, n) / records for n in ("waits", "spins", "yields", "sleeps", "blocks")},
            "mean_yield_us": waits.yield_ns / waits.yields / 1e3 if waits.yields else 0.0,
            "ended": dict(zip(PHASES, waits.ended, strict=True)),
            "wake_us": wakes_of(waits.wakes),
            "ledger": None if ledger is None else {"wall_s": sum(ledger.values()), "parts": ledger},
            "answer": self.answer,
        }


def wakes_of(wakes: LatencyHistogram) -> dict[str, float] | None:
    """From signal to wake: percentiles in µs."""
    if not wakes.total:
        return None
    p50, p99 = (wakes.percentile(f) or 0 for f in (0.5, 0.99))
    return {"p50": p50 / 1e3, "p99": p99 / 1e3, "max": wakes.most / 1e3}


__all__ = ["KINDS", "LEDGER", "Measurement", "SetUp", "Spread", "Trial", "wakes_of"]
