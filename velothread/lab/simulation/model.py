"""The adaptive processor as a model: a coordinator, receivers, and perhaps a reader, on a simulated machine.

Each follows its original step by step (`run.py`, `receiver.py`, `reader.py` of the adaptive processor): who looks at
what, how far ahead splits are dealt, how long a side spins, who signals whom. What they compute is only a time.

What the model leaves out: receivers that exchange rows by key, failures, splits of different sizes, and strategies
other than dealing by demand; what caches make of more threads than cores; what it costs to pass on a GIL.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final

from velothread.errors import OptionError
from velothread.lab.simulation.costs import Costs
from velothread.lab.simulation.machine import FREE, HELD, PYTHON, SLEEP, WAIT, Body, Machine, SimulatedThread

# As in run.py: a receiver gets this much work, or this many splits, at a time.
_QUEUED_US = 4_000.0
_MOST_QUEUED = 64
# As there: how long the coordinator waits before it looks by itself, and how much work receivers have left if it does.
_PATIENCE_US = 4_000.0
_WAKE_US = 150.0
# As in wait.py: a wait that took longer than this halves the time that a side spins; less than that is none.
_SHORT_WAIT_US = 40.0
_LEAST_SPIN_US = 2.0
# Of a normal distribution, in standard deviations.
_P99 = 2.3263

# Accounts.
_COORDINATOR, _SOURCE, _SINK, _MERGE = "coordinator", "source", "sink", "merge"
_RECEIVER, _ENGINE = "receiver", "engine"

# In place of a split's index: the receiver has finished.
_FINISHED: Final = -1

# Receivers queue for a core during at least this share of the time that they have work: then cores are what is scarce.
_LACK_OF_CORES = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated run came to.

    seconds: from the start until the last result is handed on. throughput: records per second. latency_*: µs from
    dealing a split until its result is handed on. in_flight: splits in between, on average over the time.
    wakes: how often a blocked side was woken.

    busy: shares of the run's time. coordinator: the thread's, with all that it does. source, sink, merge: parts of that
    (source: the reader's thread if there is one). receivers: their average. cores: of all, spinning included.
    interpreter: held. memory: of the receivers' time, what contention adds.

    bottleneck: what limits. The rule: the busiest of coordinator, receivers, source (a reader), merge, cores, and
    interpreter. Cores count only where receivers that could work queue for one for a tenth of that time or more:
    otherwise one more would be idle. If it is the coordinator, then whichever is most of its time: coordinator (dealing
    and collecting), source (listing), or sink. If it is receivers or cores, then memory, where contention takes more of
    the receivers' time than their work does.
    """

    seconds: float
    throughput: float
    latency_mean_us: float
    latency_p50_us: float
    latency_p99_us: float
    in_flight: float
    wakes: int
    busy: dict[str, float]
    bottleneck: str


def simulate(
    costs: Costs,
    *,
    cores: int,
    partitions: int,
    batches: int,
    records_per_batch: int,
    queue_depth: int = 2,
    coalesce_us: float = 1_000.0,
    seed: int = 1,
    trace: Callable[[int, float, float], object] | None = None,
) -> Outcome:
    """Run a stage with `batches` splits on `partitions` receivers and `cores` cores, as the adaptive processor would.

    queue_depth: the processor's option. coalesce_us: while receivers have enough to do, each wakes the coordinator only
    once per this much work, or when half of its queue is done; 0: for each outcome. seed: of the latencies of wake-ups;
    the same one gives the same outcome. trace: called with a split's index, and when it was dealt and handed on (µs),
    for each in the order in which they are handed on.

        >>> outcome = simulate(Costs(engine_us=100.0), cores=1, partitions=1, batches=100, records_per_batch=10)
        >>> round(outcome.throughput), outcome.bottleneck
        (100000, 'receivers')

    :raises OptionError: when a number is below 1.
    """
    for name, value in (("cores", cores), ("partitions", partitions), ("batches", batches), ("depth", queue_depth)):
        if value < 1:
            raise OptionError(f"{name} must be at least 1, not {value}")
    run = _Run(costs, cores, partitions, batches, queue_depth, coalesce_us, seed, trace)
    run.machine.run()
    return run.outcome(records_per_batch)


class _Side:
    """A thread, and how long it spins when it waits: longer while its waits are short."""

    __slots__ = ("_budget", "_run", "account", "thread")

    def __init__(self, run: _Run, account: str) -> None:
        self._run, self.account = run, account
        self.thread = SimulatedThread()
        self._budget = 0.0

    def rest(self, us: float) -> Body:
        """Without spinning: until notified, or the time is over."""
        yield SLEEP, us, ""
        if self.thread.woken:
            self._run.wakes += 1
        yield PYTHON, self._run.costs.block_us, self.account

    def wait(self, ready: Callable[[], object]) -> Body:
        """Until it is ready. The caller has looked: it is not."""
        run = self._run
        start, spin = run.machine.now, min(self._budget, run.spin_us)
        while True:
            yield WAIT, spin, ""
            if self.thread.woken:
                run.wakes += 1
                yield PYTHON, run.costs.block_us, self.account
            if ready():
                break
            spin = 0.0
        took = run.machine.now - start
        if took > _SHORT_WAIT_US:
            self._budget /= 2
            if self._budget < _LEAST_SPIN_US:
                self._budget = 0.0
        else:
            self._budget += (2 * took - self._budget) / 4


class _Receiver:
    """A partition receiver: `queue` is its handoff."""

    __slots__ = ("_quiet_us", "_run", "queue", "side")

    def __init__(self, run: _Run) -> None:
        self._run = run
        self.side = _Side(run, _RECEIVER)
        self.queue: deque[int] = deque()
        self._quiet_us = 0.0  # the work since it told the coordinator of an outcome

    def body(self, partition: int) -> Body:
        run, queue, machine, outbox = self._run, self.queue, self._run.machine, self._run.outbox
        costs = run.costs
        work = costs.engine_us + costs.read_us
        held, free = work * costs.interpreter, work * (1.0 - costs.interpreter)
        while True:
            if not queue:
                if run.closed:
                    break
                yield from self.side.wait(lambda: queue or run.closed)
                continue
            index = queue.popleft()
            yield PYTHON, costs.handoff_us, _RECEIVER
            start = machine.now
            yield HELD, held, _ENGINE
            yield FREE, free, _ENGINE
            took = machine.now - start
            outbox.append((partition, index, took))
            if not (run.coordinator.thread.parked and run.patient and self._can_wait(took)):
                yield from run.signal(run.coordinator, _RECEIVER)
        outbox.append((partition, _FINISHED, 0.0))
        yield from run.signal(run.coordinator, _RECEIVER)

    def _can_wait(self, took: float) -> bool:
        self._quiet_us += took
        if self._quiet_us < self._run.coalesce_us and len(self.queue) > self._run.low:
            return True
        self._quiet_us = 0.0
        return False


class _Run:
    """The coordinator, and what it shares with receivers and the reader."""

    def __init__(
        self,
        costs: Costs,
        cores: int,
        partitions: int,
        batches: int,
        depth: int,
        coalesce_us: float,
        seed: int,
        trace: Callable[[int, float, float], object] | None,
    ) -> None:
        self.costs, self.n, self.batches, self.depth = costs, partitions, batches, depth
        self.coalesce_us, self.trace = coalesce_us, trace
        self.machine = Machine(
            cores, _latencies(costs, seed),
            contention=costs.contention, coherence=costs.coherence, gil=costs.interpreter > 0,
        )  # fmt: skip
        self.spin_us = costs.spin_us if cores > 1 and costs.interpreter == 0 else 0.0
        self.wakes = 0
        self.outbox: deque[tuple[int, int, float]] = deque()  # partition, index, time that it took
        self.closed = False  # all is dealt
        # Need the coordinator not hear of every outcome, and how few splits must a receiver have left to tell it?
        self.patient, self.low = False, 0
        self.coordinator = _Side(self, _COORDINATOR)
        self._receivers = [_Receiver(self) for _ in range(partitions)]
        self._reader = _Side(self, _SOURCE) if costs.reader else None
        self._deal_us = (costs.coordinator_us + costs.per_receiver_us * (partitions - 1)) / 2
        self._room = max(2, depth)  # of the handoff between the reader and the coordinator
        self._unlisted = batches
        self._ahead = 0  # listed, or read by the reader, and not dealt
        self._outstanding = [0] * partitions
        self._dealt = self._turn = self._finished = 0
        self._results: set[int] = set()
        self._mean_us = _QUEUED_US
        self._dealt_at: deque[float] = deque()  # of splits from `_turn` on
        self._latencies: list[float] = []
        self._in_flight_us = self._counted = 0.0
        self._end = 0.0
        machine = self.machine
        machine.add(self.coordinator.thread, self._coordinate())
        for partition, receiver in enumerate(self._receivers):
            machine.add(receiver.side.thread, receiver.body(partition), asleep=True)
        if self._reader is not None:
            machine.add(self._reader.thread, self._read(self._reader), asleep=True)

    def signal(self, side: _Side, account: str) -> Body:
        """Something has come for `side`. If it is blocked, that costs a signal."""
        if self.machine.notify(side.thread):
            yield PYTHON, self.costs.signal_us, account
            self.machine.wake(side.thread)

    # The reader

    def _read(self, reader: _Side) -> Body:
        room = self._room
        while self._unlisted:
            yield PYTHON, self.costs.source_us, _SOURCE
            if self._ahead >= room:
                yield from reader.wait(lambda: self._ahead < room)
            self._unlisted -= 1
            self._ahead += 1
            yield from self.signal(self.coordinator, _SOURCE)

    # The coordinator

    def _coordinate(self) -> Body:
        for receiver in self._receivers:
            yield PYTHON, self.costs.start_us, _COORDINATOR
            self.machine.wake(receiver.side.thread)
        if self._reader is not None:
            self.machine.wake(self._reader.thread)
        yield from self._hand_on_splits()
        while self._finished < self.n:
            yield from self._collect()
            if self._finished < self.n and not self.outbox:
                yield from self.coordinator.wait(lambda: self.outbox)
        yield PYTHON, self.costs.merge_us * self.n, _MERGE
        self._end = self.machine.now

    def _hand_on_splits(self) -> Body:
        results = self._results
        while True:
            yield from self._collect()
            while self._turn in results:
                results.remove(self._turn)
                self._turn += 1
                yield from self._deal()
                self._note_handed_on()
                yield PYTHON, self.costs.sink_us, _SINK
                yield from self._collect()
            yield from self._deal()
            if self.closed and self._turn == self._dealt:
                return
            if not self._has_work():
                if self._reader is None and self._unlisted and self._ahead < self.n * self.depth:
                    yield from self._list_one()
                    continue
                yield from self._await_news()

    def _await_news(self) -> Body:
        self.low = -1 if self.closed else self._limit() // 2
        least, mean = min(self._outstanding), self._mean_us
        self.patient = mean < self.coalesce_us and least > self.low and least * mean > _WAKE_US
        if self.patient:
            yield from self.coordinator.rest(_PATIENCE_US)
            if self._has_work():
                return
            self.patient = False
        yield from self.coordinator.wait(self._has_work)

    def _has_work(self) -> bool:
        if self.outbox:
            return True
        return self._reader is not None and not self.closed and self._has_room() and self._has_split()

    def _has_split(self) -> bool:
        """Is there one from the reader, or its end?"""
        return self._ahead > 0 or not self._unlisted

    def _collect(self) -> Body:
        outbox = self.outbox
        while outbox:
            outcomes = list(outbox)
            outbox.clear()
            yield PYTHON, self._deal_us * len(outcomes), _COORDINATOR
            for partition, index, took in outcomes:
                if index == _FINISHED:
                    self._finished += 1
                else:
                    self._results.add(index)
                    self._outstanding[partition] -= 1
                    self._mean_us += (took - self._mean_us) / 8

    def _limit(self) -> int:
        limit = max(self.depth, int(min(_MOST_QUEUED, _QUEUED_US / self._mean_us)))
        if self._reader is None and not self._unlisted:
            limit = max(1, min(limit, self._ahead // self.n))
        return limit

    def _has_room(self) -> bool:
        limit = self._limit()
        return self._dealt - self._turn < max(8, 2 * self.n * limit) and min(self._outstanding) < limit

    def _deal(self) -> Body:
        outstanding = self._outstanding
        while not self.closed and self._has_room():
            if self._reader is None:
                if not self._ahead and self._unlisted:
                    yield from self._list_one()
            elif not self._has_split():
                return
            if not self._ahead:
                yield from self._close()
                return
            self._ahead -= 1
            if self._reader is not None and self._ahead <= self._room // 2:
                yield from self.signal(self._reader, _COORDINATOR)
            yield PYTHON, self._deal_us, _COORDINATOR
            target = outstanding.index(min(outstanding))
            outstanding[target] += 1
            receiver = self._receivers[target]
            receiver.queue.append(self._dealt)
            self._dealt += 1
            self._note_dealt()
            yield from self.signal(receiver.side, _COORDINATOR)

    def _list_one(self) -> Body:
        self._unlisted -= 1
        yield PYTHON, self.costs.source_us, _SOURCE
        self._ahead += 1

    def _close(self) -> Body:
        self.closed = True
        for receiver in self._receivers:
            yield from self.signal(receiver.side, _COORDINATOR)

    # What came of it

    def _note_dealt(self) -> None:
        self._count_in_flight()
        self._dealt_at.append(self.machine.now)

    def _note_handed_on(self) -> None:
        self._count_in_flight()
        now, dealt = self.machine.now, self._dealt_at.popleft()
        self._latencies.append(now - dealt)
        if self.trace is not None:
            self.trace(self._turn - 1, dealt, now)

    def _count_in_flight(self) -> None:
        self._in_flight_us += len(self._dealt_at) * (self.machine.now - self._counted)
        self._counted = self.machine.now

    def outcome(self, records_per_batch: int) -> Outcome:
        """Once the machine has run."""
        machine, spent, end = self.machine, self.machine.spent, self._end
        receivers = sum([receiver.side.thread.busy_us for receiver in self._receivers])
        busy = {
            "coordinator": (self.coordinator.thread.busy_us - spent.get(_MERGE, 0.0)) / end,
            "receivers": receivers / self.n / end,
            "source": spent.get(_SOURCE, 0.0) / end,
            "sink": spent.get(_SINK, 0.0) / end,
            "merge": spent.get(_MERGE, 0.0) / end,
            "cores": machine.cores_us / machine.cores / end,
            "interpreter": machine.held_us / end,
            "memory": machine.contention_us / receivers if receivers else 0.0,
        }
        latencies = sorted(self._latencies)
        return Outcome(
            seconds=end / 1e6,
            throughput=self.batches * records_per_batch / end * 1e6,
            latency_mean_us=sum(latencies) / len(latencies),
            latency_p50_us=latencies[len(latencies) // 2],
            latency_p99_us=latencies[len(latencies) * 99 // 100],
            in_flight=self._in_flight_us / end,
            wakes=self.wakes,
            busy=busy,
            bottleneck=self._bottleneck(busy),
        )

    def _bottleneck(self, busy: dict[str, float]) -> str:
        candidates = ["receivers", "coordinator", "merge", "interpreter"]
        if self._reader is not None:
            candidates.append("source")
        threads = [receiver.side.thread for receiver in self._receivers]
        queued = sum([thread.queued_us for thread in threads])
        if queued > _LACK_OF_CORES * (queued + sum([thread.busy_us for thread in threads])):
            candidates.append("cores")
        name = max(candidates, key=busy.__getitem__)
        if name == "coordinator":
            own = busy["coordinator"] - busy["sink"] - (0.0 if self._reader is not None else busy["source"])
            parts = {"coordinator": own, "sink": busy["sink"]}
            if self._reader is None:
                parts["source"] = busy["source"]
            return max(parts, key=parts.__getitem__)
        if name in ("receivers", "cores") and busy["memory"] > 0.5:
            return "memory"
        return name


def _latencies(costs: Costs, seed: int) -> Callable[[], float]:
    """Draws of the latency of wake-ups: log-normal, with the median and the 99th percentile that were measured."""
    median, p99 = costs.wake_p50_us, max(costs.wake_p50_us, costs.wake_p99_us)
    if p99 < 1e-9:  # nothing, or a figure too small to divide
        return lambda: 0.0
    median = max(median, p99 / 1_000)
    mu, sigma = log(median), log(p99 / median) / _P99
    if sigma == 0:
        return lambda: median
    gauss = Random(seed).gauss
    return lambda: exp(gauss(mu, sigma))
