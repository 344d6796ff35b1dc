"""What a run cost and where the time went: counters with one writer each, merged when they are read.

    PartitionMetrics   one receiver (or the coordinator) in one stage; written by its thread alone
    StageMetrics       the partitions and the coordinator of one run of a stage
    QueryMetrics       the stages of a query: `.as_dict()` for programs, `.rows()` for the table of `--stats`

Readers in other threads see counters that may be a little old, never torn: each is one Python int.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from time import perf_counter_ns
from typing import Any

# A histogram bucket per quarter of a power of two of nanoseconds: percentiles are right within 25 %.
_BUCKETS = 40 * 4


class LatencyHistogram:
    """Counts durations (ns) in logarithmic buckets of fixed number.

    Threading: `record` by one thread; the rest by any.
    """

    __slots__ = ("counts", "most")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.most = 0  # the longest of all

    def record(self, nanoseconds: int) -> None:
        """Count one duration."""
        bits = nanoseconds.bit_length()
        bucket = nanoseconds if bits < 3 else (bits - 2) * 4 + (nanoseconds >> (bits - 3) & 3)
        self.counts[max(0, min(bucket, _BUCKETS - 1))] += 1
        if nanoseconds > self.most:
            self.most = nanoseconds

    def merge(self, other: LatencyHistogram) -> None:
        """Add the counts of another one."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.most = max(self.most, other.most)

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def percentile(self, fraction: float) -> int | None:
        """The duration (ns, upper end of its bucket) that `fraction` of all do not exceed; None without any."""
        total = self.total
        if not total:
            return None
        left = fraction * total
        for bucket, count in enumerate(self.counts):
            left -= count
            if count and left <= 0:
                return _upper(bucket)
        return _upper(_BUCKETS - 1)


def _upper(bucket: int) -> int:
    if bucket < 4:
        return bucket
    bits = bucket // 4 + 2
    return (5 + bucket % 4 << bits - 3) - 1


# Where a wait may end: what was waited for was there at once, or came while the side spun, yielded, slept or blocked.
PHASES = ("at once", "spin", "yield", "sleep", "block")
AT_ONCE, SPIN, YIELD, SLEEP, BLOCK = range(len(PHASES))


@dataclass(slots=True)
class WaitCounters:
    """How one side of a handoff waited. Durations in ns. `ended`: how many waits ended in each of PHASES (those that
    ended for lack of time not counted). `spans`: (start, end, phase) of each wait, when they are traced.

    Threading: written by the side that waits; read by any.
    """

    waits: int = 0
    wait_ns: int = 0
    spins: int = 0
    yields: int = 0
    yield_ns: int = 0
    sleeps: int = 0
    blocks: int = 0
    wakes: LatencyHistogram = field(default_factory=LatencyHistogram)
    ended: list[int] = field(default_factory=lambda: [0] * len(PHASES))
    spans: list[tuple[int, int, int]] | None = None

    def waited(self, start: int, end: int, phase: int, *, found: bool = True) -> int:
        """A wait from `start` to `end` is over; how long it took."""
        self.waits += 1
        self.wait_ns += end - start
        if found:
            self.ended[phase] += 1
        if self.spans is not None:
            self.spans.append((start, end, phase))
        return end - start

    def merge(self, other: WaitCounters) -> None:
        """Add the counts of another one."""
        for name in ("waits", "wait_ns", "spins", "yields", "yield_ns", "sleeps", "blocks"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.wakes.merge(other.wakes)
        self.ended = [a + b for a, b in zip(self.ended, other.ended, strict=True)]


# Where time goes. A worker that has a `metrics` attribute adds to the first seven itself; the processor to the others.
TIMES = ("source", "engine", "routing", "encode", "merge", "exchange", "locks", "handoff", "sink", "waiting")

_COUNTERS = (
    "records", "batches", "bytes", "splits", "queue_depth", "backpressure", "locks", "locks_busy", "lock_waits",
)  # fmt: skip


@dataclass(slots=True)
class PartitionMetrics:
    """The counters of one receiver, or of the coordinator, in one stage. Times in ns.

    A stage's worker gets it in its attribute `metrics` (if it has one) and adds what it knows: `records`, `batches`,
    `bytes`, `source_ns`, `engine_ns`, `routing_ns`, `encode_ns`, `merge_ns`. The rest is the processor's. What is in
    no part is `other_ns`, so that the parts add up to `wall_ns`. `spans`: (what, start, end, split) of each split's
    work, when it is traced.

    Threading: written by the thread of the partition alone; read by any.
    """

    partition: int = 0
    records: int = 0
    batches: int = 0
    bytes: int = 0
    splits: int = 0
    queue_depth: int = 0
    backpressure: int = 0
    # Of a shared table: locks taken, those that were busy at first, and those that had to be waited for.
    locks: int = 0
    locks_busy: int = 0
    lock_waits: int = 0
    source_ns: int = 0
    engine_ns: int = 0
    routing_ns: int = 0
    encode_ns: int = 0
    merge_ns: int = 0
    exchange_ns: int = 0
    locks_ns: int = 0
    handoff_ns: int = 0
    sink_ns: int = 0
    waiting_ns: int = 0
    started_ns: int = 0
    ended_ns: int = 0
    waits: WaitCounters = field(default_factory=WaitCounters)
    spans: list[tuple[str, int, int, int]] | None = None

    def trace(self) -> None:
        """Keep spans from now on."""
        self.spans, self.waits.spans = [], []

    def start(self) -> None:
        """The partition begins its stage."""
        self.started_ns = perf_counter_ns()

    def end(self) -> None:
        """The partition has nothing more to do in this stage."""
        self.ended_ns = perf_counter_ns()

    @property
    def wall_ns(self) -> int:
        """From `start` to `end` (or to now)."""
        return (self.ended_ns or perf_counter_ns()) - self.started_ns if self.started_ns else 0

    @property
    def other_ns(self) -> int:
        """Wall time that is in none of the parts."""
        parts: list[int] = [getattr(self, f"{name}_ns") for name in TIMES]
        return self.wall_ns - sum(parts)

    def as_dict(self) -> dict[str, Any]:
        """Counters and times (seconds) by name."""
        return _described(self, self.wall_ns, self.other_ns)


def total(parts: list[PartitionMetrics]) -> tuple[PartitionMetrics, int]:
    """All partitions in one (the deepest queue, sums of all else) and the sum of their wall times (ns)."""
    found = PartitionMetrics(partition=-1)
    for part in parts:
        for f in fields(PartitionMetrics):
            if f.name == "queue_depth":
                found.queue_depth = max(found.queue_depth, part.queue_depth)
            elif f.name == "waits":
                found.waits.merge(part.waits)
            elif f.name not in ("partition", "started_ns", "ended_ns", "spans"):
                setattr(found, f.name, getattr(found, f.name) + getattr(part, f.name))
    return found, sum(part.wall_ns for part in parts)


def _described(part: PartitionMetrics, wall: int, other: int) -> dict[str, Any]:
    waits = part.waits
    found: dict[str, Any] = {name: getattr(part, name) for name in _COUNTERS}
    found |= {name: getattr(waits, name) for name in ("waits", "spins", "yields", "sleeps", "blocks")}
    found["yields_per_record"] = waits.yields / part.records if part.records else 0.0
    found["mean_yield_us"] = waits.yield_ns / waits.yields / 1e3 if waits.yields else 0.0
    for name, fraction in (("wake_p50_us", 0.5), ("wake_p90_us", 0.9), ("wake_p99_us", 0.99)):
        found[name] = None if (ns := waits.wakes.percentile(fraction)) is None else ns / 1e3
    found |= {f"{name}_s": getattr(part, f"{name}_ns") / 1e9 for name in TIMES}
    found["other_s"] = other / 1e9
    found["wall_s"] = wall / 1e9
    return found


@dataclass(slots=True)
class StageMetrics:
    """One run of a stage.

    `choice`: why the strategy was chosen, for people, and how state is kept if that was asked. `reader`: of the thread
    that reads ahead, where there is one.

    Threading: made by the coordinator; each part has its own writer.
    """

    name: str
    processor: str
    partitions: list[PartitionMetrics]
    coordinator: PartitionMetrics
    strategy: str = ""
    wait: str = ""
    choice: str = ""
    reader: PartitionMetrics | None = None

    def as_dict(self) -> dict[str, Any]:
        """The stage, its partitions, the coordinator and the total of the partitions."""
        summed, wall = total(self.partitions)
        return {
            "stage": self.name,
            "processor": self.processor,
            "strategy": self.strategy,
            "wait": self.wait,
            "choice": self.choice,
            "wall_s": self.coordinator.wall_ns / 1e9,
            "partitions": [p.as_dict() for p in self.partitions],
            "coordinator": self.coordinator.as_dict(),
            "reader": self.reader.as_dict() if self.reader else None,
            "total": _described(summed, wall, wall - sum(getattr(summed, f"{name}_ns") for name in TIMES)),
        }


@dataclass(slots=True)
class QueryMetrics:
    """All stages of a query, in the order in which they ran.

    Threading: appended to by the coordinator; read by any.
    """

    stages: list[StageMetrics] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {"stages": [stage.as_dict() for stage in self.stages]}

    def rows(self) -> list[dict[str, Any]]:
        """A row per partition, coordinator and total of each stage, all with the same keys."""
        found: list[dict[str, Any]] = []
        for stage in self.stages:
            described = stage.as_dict()
            for partition in stage.partitions:
                found.append({"stage": stage.name, "partition": str(partition.partition), **partition.as_dict()})
            for role in ("coordinator", "reader"):
                if described[role] is not None:
                    found.append({"stage": stage.name, "partition": role, **described[role]})
            found.append({"stage": stage.name, "partition": "total", **described["total"]})
        return found


@dataclass(slots=True)
class Progress:
    """How far the running stage is. `splits` and `bytes` are totals where they are known, else None.

    Threading: written by the coordinator; read by any (a progress bar's thread).
    """

    stage: str = ""
    splits_done: int = 0
    splits: int | None = None
    bytes_done: int = 0
    bytes: int | None = None
    parts: list[PartitionMetrics] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Records read so far by all receivers."""
        return sum(part.records for part in self.parts)

    @property
    def fraction(self) -> float | None:
        """Done, from 0 to 1, by bytes if they are known, else by splits, else None."""
        if self.bytes:
            return min(1.0, self.bytes_done / self.bytes)
        return self.splits_done / self.splits if self.splits else None
