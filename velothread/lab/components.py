"""What the small parts of the engine cost: the study's component benchmarks, on ourselves.

Each component is timed in a loop of about `round_ms`; rounds are interleaved, so that a noisy moment hits one round of
many components rather than all rounds of one. Loops are the standard library's `timeit`: names are locals, the garbage
collector is off. The cost of an empty loop is taken off.

The study's figures are in µs of a Rust program; where it gives a range, `study_us` is the upper end. Its costs are
per record; ours per batch are given per record of a batch of 100, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from queue import Empty, SimpleQueue
from statistics import median
from threading import Lock, Thread
from time import perf_counter_ns, sleep
from timeit import Timer
from typing import Any

import pyarrow as pa

from velothread.kernels.bucketing import parts_by, spread
from velothread.lab.pinning import cores, pin
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.adaptive.handoff import Handoff
from velothread.processors.adaptive.partitioning import STRATEGIES
from velothread.processors.adaptive.wait import sched_yield
from velothread.sources.source import BatchSplit, Split
from velothread.testing.sequencer import together

BATCH_ROWS = 100

# Among so many receivers splits are routed, and keys partitioned.
_RECEIVERS = 4
# A component is tried with ever more turns until it takes this share of a round; from that, the turns of a round.
_TRIAL_SHARE = 0.05

_CLONE = (0.34, "record.clone()")
_LOCK = (0.06, "Lock (Mutex)")
_QUEUE = (0.05, "SegQueue ops")
_CHANNEL = (0.038, "Channel send + recv (tokio)")
_ROUTING = (0.30, "Routing strategy")
_COORDINATION = (0.2, "Batch coordination (0.1-0.2)")
_SWITCH = (0.5, "Context switching (0.1-0.5)")
_TASK = (1.01, "Task spawn + join (tokio)")
_YIELD = (1.30, "yield_now() (tokio)")
_SLEEP = (1175.0, "10 µs sleep (phase 3)")

Study = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Component:
    """Something to be timed.

    measure: does it n times, returns the ns of all. looped: `measure` is a loop whose own cost is to be taken off.
    records: also to be given per record, of so many. study: the study's figure (µs; per record if `records`) and its
    name for it.

    Threading: immutable; `measure` is called by one thread at a time.
    """

    name: str
    what: str
    measure: Callable[[int], float]
    looped: bool = True
    records: int = 0
    study: Study | None = None


def components(rounds: int = 5, *, round_ms: float = 20.0) -> list[dict[str, Any]]:
    """The cost of each component, in ns: the median, the lowest and the highest of the rounds.

    The first one is the empty loop. `round_ms`: about how long a component runs in each round.
    """
    with ExitStack() as stack:
        listed = list(_components(stack))
        turns = [_turns(component, round_ms * 1e6) for component in listed]
        measured: list[list[float]] = [[] for _ in listed]
        for _ in range(rounds):
            for component, n, found in zip(listed, turns, measured, strict=True):
                found.append(component.measure(n) / n)
    empty = median(measured[0])
    return [entry for c, found in zip(listed, measured, strict=True) for entry in _entries(c, found, empty)]


def _turns(component: Component, target_ns: float) -> int:
    turns = 1
    while (took := component.measure(turns)) < target_ns * _TRIAL_SHARE:
        turns *= 4
    return max(1, int(turns * target_ns / took))


def _entries(component: Component, found: list[float], empty: float) -> Iterator[dict[str, Any]]:
    if component.looped:
        found = [max(0.0, ns - empty) for ns in found]
    per_record = component.records > 0
    yield _entry(component.name, component.what, found, None if per_record else component.study)
    if per_record:
        records = component.records
        what = f"{component.what}; divided by its {records} records"
        yield _entry(f"{component.name}, per record", what, [ns / records for ns in found], component.study)


def _entry(name: str, what: str, found: list[float], study: Study | None) -> dict[str, Any]:
    return {
        "name": name,
        "what": what,
        "ns": {"median": median(found), "low": min(found), "high": max(found)},
        "study_us": study[0] if study else None,
        "study_name": study[1] if study else None,
    }


def _loop(statement: str, **names: Any) -> Callable[[int], float]:
    """A loop over the statement, in which these names are local variables."""
    setup = "; ".join([f"{name} = _{name}" for name in names])
    timer = Timer(statement, setup or "pass", perf_counter_ns, {f"_{name}": value for name, value in names.items()})
    return timer.timeit


def _components(stack: ExitStack) -> Iterator[Component]:
    yield Component(
        "loop", "an empty turn of the loop; taken off from what is timed in such a loop", _loop("pass"), False
    )
    yield from _batches()
    yield from _locks()
    yield from _queues()
    yield from _routing()
    yield from _coordination(stack)
    yield from _threads()
    yield from _calls()


def _batches() -> Iterator[Component]:
    table = _batch(64 * BATCH_ROWS)
    batch = table.slice(32 * BATCH_ROWS, BATCH_ROWS)
    every = pa.array(range(BATCH_ROWS), pa.int32())
    yield Component(
        "batch slice", "cut a batch of 100 records of 4 columns out of a larger one, sharing its memory",
        _loop("cut(3200, 100)", cut=table.slice), records=BATCH_ROWS,
    )  # fmt: skip
    yield Component(
        "batch select", "the same 4 columns of a batch of 100 records as a batch of their own, by name, sharing memory",
        _loop("select(names)", select=batch.select, names=batch.schema.names), records=BATCH_ROWS, study=_CLONE,
    )  # fmt: skip
    yield Component(
        "batch from arrays", "a batch made of 4 arrays of 100 records and a schema, sharing memory",
        _loop(
            "make(arrays, schema=schema)", make=pa.RecordBatch.from_arrays, arrays=batch.columns, schema=batch.schema
        ),
        records=BATCH_ROWS, study=_CLONE,
    )  # fmt: skip
    yield Component(
        "batch copy", "copy the values of a batch of 100 records of 4 columns into new memory (take of all rows)",
        _loop("take(every)", take=batch.take, every=every), records=BATCH_ROWS, study=_CLONE,
    )  # fmt: skip


def _batch(rows: int) -> pa.RecordBatch:
    symbols = ("ACME", "BOLT", "CRUX", "DYNE", "EMBR", "FLUX")
    return pa.RecordBatch.from_pydict(
        {
            "symbol": [symbols[i * 7919 % 6] for i in range(rows)],
            "side": [("buy", "sell")[i * 31 % 2] for i in range(rows)],
            "price": [i * 7919 % 10_000 / 100 for i in range(rows)],
            "qty": [i * 104_729 % 500 for i in range(rows)],
        }
    )


def _locks() -> Iterator[Component]:
    lock = Lock()
    yield Component(
        "lock", "take and release a threading.Lock that nobody else wants",
        _loop("take(); release()", take=lock.acquire, release=lock.release), study=_LOCK,
    )  # fmt: skip
    yield Component(
        "lock, contended", "two threads take and release one threading.Lock at once: wall time by all takings of both",
        _contended, looped=False,
    )  # fmt: skip


def _contended(turns: int) -> float:
    lock = Lock()
    each = max(1, turns // 2)
    spans = together([partial(_take, lock, each)] * 2)
    took = max(end for _, end in spans) - min(start for start, _ in spans)
    return float(took) * turns / (2 * each)


def _take(lock: Lock, turns: int) -> tuple[int, int]:
    take, release = lock.acquire, lock.release
    start = perf_counter_ns()
    for _ in repeat(None, turns):
        take()
        release()
    return start, perf_counter_ns()


def _queues() -> Iterator[Component]:
    handoff = Handoff()
    yield Component(
        "handoff", "put an item into a Handoff and get it, in one thread: nobody waits",
        _loop("put(1); get()", put=handoff.put, get=handoff.get), study=_QUEUE,
    )  # fmt: skip
    items: deque[int] = deque()
    yield Component(
        "deque", "append an item to a collections.deque and take it from the other end, in one thread",
        _loop("put(1); get()", put=items.append, get=items.popleft), study=_QUEUE,
    )  # fmt: skip
    queue: SimpleQueue[int] = SimpleQueue()
    yield Component(
        "queue.SimpleQueue", "put an item into a queue.SimpleQueue and get it, in one thread: nobody waits",
        _loop("put(1); get()", put=queue.put, get=queue.get), study=_CHANNEL,
    )  # fmt: skip
    yield Component(
        "spin", "one turn of a spinning wait: look whether a Handoff has an item, and read the clock",
        _loop("ready(); clock()", ready=Handoff().has_item, clock=perf_counter_ns),
    )  # fmt: skip


def _routing() -> Iterator[Component]:
    # All have room, so that each strategy finds one.
    outstanding = [1, 2, 3, 2]
    for strategy in STRATEGIES.values():
        yield Component(
            f"routing {strategy.name}", f"decide by strategy {strategy.name!r} which of 4 receivers gets a batch",
            _loop("deal(outstanding, 64)", deal=strategy.dealer(), outstanding=outstanding),
            records=BATCH_ROWS, study=_ROUTING,
        )  # fmt: skip
    yield Component(
        "partitioning by key", "find which rows of a batch of 100 go to which of 4 receivers, by the hash of a text",
        _loop("partition(keys)", partition=_partition, keys=[_batch(BATCH_ROWS).column(0)]),
        records=BATCH_ROWS, study=_ROUTING,
    )  # fmt: skip


def _partition(keys: list[pa.Array]) -> list[Any]:
    return list(parts_by(spread(keys, _RECEIVERS), _RECEIVERS))


class _Empty:
    """A stage and its worker: nothing is done, and handed on.

    Threading: immutable.
    """

    __slots__ = ()

    name = "empty"

    def open(self, partition: int) -> _Empty:
        return self

    def process(self, index: int, split: Split) -> int:
        return index

    def finish(self) -> None:
        return None


def _coordination(stack: ExitStack) -> Iterator[Component]:
    processor = AdaptiveProcessor(1, strategy="sticky")
    stack.callback(processor.close)
    batch = _batch(BATCH_ROWS)
    split = BatchSplit((batch,), batch.nbytes)
    yield Component(
        "batch coordination",
        "the coordinator's own work on a split of one batch: deal it, collect its result, order it",
        lambda n: _coordinate(processor, split, n)[0], looped=False, records=BATCH_ROWS, study=_COORDINATION,
    )  # fmt: skip
    yield Component(
        "empty stage",
        "a split of one batch in a processor with one receiver and an empty stage: wall time",
        lambda n: _coordinate(processor, split, n)[1], looped=False, records=BATCH_ROWS,
    )  # fmt: skip


def _coordinate(processor: AdaptiveProcessor, split: Split, turns: int) -> tuple[int, int]:
    """ns of the coordinator's own work, and of all."""
    start = perf_counter_ns()
    for _ in processor.run(_Empty(), [split] * turns):
        pass
    took = perf_counter_ns() - start
    return processor.metrics.stages.pop().coordinator.routing_ns, took


def _threads() -> Iterator[Component]:
    where = "one core" if cores() else "any core (this system can't pin threads)"
    yield Component(
        "context switch", f"half of a round trip of a token between two threads on {where}, through queue.SimpleQueues",
        _switch_by_queues, looped=False, study=_SWITCH,
    )  # fmt: skip
    yield Component(
        "context switch, locks", f"the same through two threading.Locks, on {where}",
        _switch_by_locks, looped=False, study=_SWITCH,
    )  # fmt: skip
    yield Component(
        "thread start and join", "make a threading.Thread that does nothing, start it and join it",
        _loop("thread = make(target=nothing); thread.start(); thread.join()", make=Thread, nothing=_nothing),
        study=_TASK,
    )  # fmt: skip


def _nothing() -> None:
    pass


def _switch_by_queues(turns: int) -> float:
    there: SimpleQueue[None] = SimpleQueue()
    back: SimpleQueue[None] = SimpleQueue()
    return _switch(partial(there.put, None), there.get, partial(back.put, None), back.get, turns)


def _switch_by_locks(turns: int) -> float:
    there, back = Lock(), Lock()
    there.acquire()
    back.acquire()
    return _switch(there.release, there.acquire, back.release, back.acquire, turns)


def _switch(
    go: Callable[[], object],
    arrive: Callable[[], object],
    come: Callable[[], object],
    end: Callable[[], object],
    turns: int,
) -> float:
    rounds = max(1, turns // 2)
    core = next(iter(cores()), None)
    took = together([partial(_play, rounds, (go, end), core), partial(_play, rounds, (arrive, come), core)])
    return float(took[0]) * turns / (2 * rounds)


def _play(rounds: int, moves: tuple[Callable[[], object], Callable[[], object]], core: int | None) -> int:
    pin(core)
    first, second = moves
    start = perf_counter_ns()
    for _ in repeat(None, rounds):
        first()
        second()
    return perf_counter_ns() - start


def _calls() -> Iterator[Component]:
    yield Component("function call", "call a Python function that does nothing", _loop("call()", call=_nothing))
    yield Component("clock read", "read time.perf_counter_ns", _loop("clock()", clock=perf_counter_ns))
    yield Component(
        "scheduler yield", "os.sched_yield: another thread may run, if one wants to",
        _loop("pause()", pause=sched_yield), study=_YIELD,
    )  # fmt: skip
    yield Component(
        "sleep", "time.sleep of 10 µs: what it really takes", _loop("pause(1e-5)", pause=sleep), study=_SLEEP
    )
    queue: SimpleQueue[None] = SimpleQueue()
    yield Component(
        "timer", "wait at most 10 µs for an item of an empty queue.SimpleQueue: what it really takes",
        _loop("expire(get)", expire=_expire, get=queue.get),
    )  # fmt: skip


def _expire(get: Callable[..., None]) -> None:
    with suppress(Empty):
        get(True, 1e-5)
