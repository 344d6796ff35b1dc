"""What the parts of the adaptive processor cost on a machine: the simulation's input."""

from __future__ import annotations

from dataclasses import dataclass, fields

from velothread.errors import OptionError


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs in µs of CPU time, measured on one core unless it says otherwise. A batch is what is handed over: a split.

    Parts that are measured by themselves, in a loop, have their caches to themselves and come out some per cent lower
    than in company. An adaptive run with one partition on one core has them all in its metrics.

    Per batch, in a receiver:
        engine_us: the compiled pipeline. The time of `Worker.process` in the simple processor, without reading.
        read_us: reading and parsing the batch. The same, its part in the source.
        handoff_us: taking from the handoff and emitting the outcome while nobody waits. A receiver that is fed directly
            with a full queue, less what its worker takes.
    Per batch, in one thread:
        source_us: what only one thread can do of the reading: listing a split, or reading a block.
        reader: that is done in a thread of its own (what can't be split), not by the coordinator.
        coordinator_us: dealing a split and collecting its outcome: half of it before, half after the receiver's work.
            A pass-through run with one partition: the coordinator's time in routing.
        per_receiver_us: what each further receiver adds to that (it looks for the one with the least to do). From
            pass-through runs with 1 and many partitions.
        sink_us: what the consumer does with a result before it takes the next one.
    Per wake-up of a blocked side:
        signal_us: for the one who signals.
        wake_p50_us, wake_p99_us: from the signal until the other side runs: median and 99th percentile. Not CPU time.
        block_us: for the one who blocks: going to sleep, and coming back.
        spin_us: how long a side at most looks for work before it blocks (0: it blocks at once, as it does with a GIL or
            on one core, whatever is said here).
    Per receiver:
        start_us: starting its work in a query, by the coordinator. merge_us: what is done with its state in the end,
            one after the other.
    How all that changes with the number of busy cores:
        contention: by which share reading and engine slow down per further busy core (memory bandwidth, shared caches,
            locks): 0.05 means 1.05 times the work with 2 busy cores, 1.15 with 4.
        coherence: the same per pair of busy cores, so that it grows with their square; as in the universal scalability
            law. Two cores can't tell it from `contention`.
    interpreter: the share of reading and engine during which the interpreter is held, 0 to 1. Above 0 means that there
        is a GIL, which all other parts need, too; 0 is the free-threaded build.
    """

    engine_us: float
    read_us: float = 0.0
    handoff_us: float = 0.0
    source_us: float = 0.0
    reader: bool = False
    coordinator_us: float = 0.0
    per_receiver_us: float = 0.0
    sink_us: float = 0.0
    signal_us: float = 0.0
    wake_p50_us: float = 0.0
    wake_p99_us: float = 0.0
    block_us: float = 0.0
    spin_us: float = 0.0
    start_us: float = 0.0
    merge_us: float = 0.0
    contention: float = 0.0
    coherence: float = 0.0
    interpreter: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise OptionError(f"costs can't be negative: {field.name}={getattr(self, field.name)}")
        if self.engine_us + self.read_us <= 0:
            raise OptionError("engine_us and read_us are both 0: a receiver has nothing to do")
        if self.interpreter > 1:
            raise OptionError(f"interpreter is a share of the time, 0 to 1, not {self.interpreter}")
