"""Profiles of Python functions in SQL, for `--stats`: what a query with `profile=True` binds in place of
`BoundFunction`.

    profile = QueryProfile()
    catalog.bind = profile.bind          # ProfiledFunctions, which share a gate

The rows of a batch are cut into pieces of about half a millisecond. A sample of calls is timed one by one; the others
are made as always, and the piece is timed. Each piece knows whether other threads were inside a Python function of the
query at the time, or none; now and then the gate keeps the others out of one, at the borders of pieces. What a call
costs alone and in company, of the same function in the same query, tells what threads cost each other. A yardstick, a
loop that shares nothing, is timed after each piece: by how much it is slower in company is the machine's doing
(hyperthreads, memory, clock), not the function's.

Nothing of this is there in a query that is not profiled.
"""

from __future__ import annotations

import functools
import inspect
from collections import deque
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns, process_time_ns, thread_time_ns
from types import CodeType
from typing import Any

import pyarrow as pa

from velothread.functions.bound import BoundFunction, Caller
from velothread.functions.calling import CHUNK_ROWS, RowByRow
from velothread.functions.gate import Gate
from velothread.functions.refusals import FailedRow
from velothread.kernels.function import Value
from velothread.processors.metrics import LatencyHistogram

# Pieces are about so long. Shorter ones would be lost in their own cost; of longer ones, most would be interrupted by
# whatever else the machine has to do, and others would wait longer at the gate.
_PIECE_NS = 500_000
# Of each batch of a thread, later on of each so manyth, so many calls are timed one by one; of functions that take
# longer than this (ns), all: the clock is nothing beside them.
_SAMPLE = 64
_SAMPLED = 32
_SAMPLED_THEN = 8
_SLOW_NS = 20_000
# Pieces that should be shorter, and the first ones of a thread (caches are cold, code is not specialised), say nothing.
_LEAST_PIECE_NS = 50_000
_WARM_UP = 4
# A piece is at most so many times as big as the one before: a function that is slow after all is noticed early.
_GROWTH = 8


def yardstick() -> int:
    """A loop that shares nothing with other threads; the processor's time that it takes (ns)."""
    start = thread_time_ns()
    x = 1
    for i in range(600):
        x = (x * 5 + i) & 0xFFFF
    return thread_time_ns() - start


def _usage_of_thread() -> Callable[[], Any] | None:
    try:
        import resource

        return functools.partial(resource.getrusage, resource.RUSAGE_THREAD)
    except (ImportError, AttributeError):  # not everywhere
        return None


_usage = _usage_of_thread()


def interruptions() -> int:
    """How often the calling thread has lost its core to another, without having asked to wait; 0: that isn't known."""
    return 0 if _usage is None else _usage().ru_nivcsw


class Pieces:
    """What calls cost in pieces of one kind: per call, elapsed and processor time (ns); then the yardstick beside them
    (ns), the threads inside, and how many other threads of the process were at work, on average. Of very many pieces
    some are kept, evenly over the query.

    Threading: written by one thread, read by any.
    """

    __slots__ = ("_every", "count", "kept")
    most = 512

    def __init__(self) -> None:
        self.kept: list[tuple[float, float, int, int, float]] = []
        self.count = 0
        self._every = 1

    def add(self, elapsed: float, worked: float, yard: int, inside: int, others: float) -> None:
        """Count one piece."""
        if self.count % self._every == 0:
            self.kept.append((elapsed, worked, yard, inside, others))
            if len(self.kept) == self.most:
                self.kept = self.kept[::2]
                self._every *= 2
        self.count += 1


class CallRecord:
    """What one thread's calls of a profiled function were like. Durations in ns.

    rows: rows that wanted a result; by_value: those of them that shared the call of an equal value. fast_calls,
    fast_ns: calls that were not timed one by one. beside_ns: at the gate, and other costs of the measurement.
    interrupted: pieces during which the system gave the core to another thread.

    Threading: written by one thread, read by any.
    """

    __slots__ = (
        "alone",
        "beside_ns",
        "by_value",
        "company",
        "fast_calls",
        "fast_ns",
        "interrupted",
        "rows",
        "times",
    )

    def __init__(self) -> None:
        self.rows = 0
        self.by_value = 0
        self.fast_calls = 0
        self.fast_ns = 0
        self.beside_ns = 0
        self.interrupted = 0
        self.times = LatencyHistogram()
        self.alone = Pieces()
        self.company = Pieces()


class QueryProfile:
    """Makes the profiled functions of a query, which share a gate.

    Threading: used by the session's thread; the gate is for all.
    """

    def __init__(self) -> None:
        self.gate = Gate()

    def bind(self, *given: Any, **more: Any) -> ProfiledFunction:
        """As `BoundFunction(...)`."""
        return ProfiledFunction(self.gate, *given, **more)


class ProfiledFunction(BoundFunction):
    """A function whose calls are measured.

    Threading: as `BoundFunction`; each thread appends its own record to `records`.
    """

    def __init__(self, gate: Gate, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.gate = gate
        self.records: list[CallRecord] = []

    def _again(self, on_error: str) -> ProfiledFunction:
        found = ProfiledFunction(self.gate, self.registered, self.types, self.parameters, on_error)
        found.counters, found.records = self.counters, self.records
        return found

    def _caller(self) -> Caller:
        return ProfiledCaller(self)


class ProfiledCaller(Caller):
    """One thread's measured way of calling a function.

    Threading: owned by the thread that made it.
    """

    bound: ProfiledFunction

    def __init__(self, bound: ProfiledFunction) -> None:
        super().__init__(bound)
        self.record = CallRecord()
        bound.records.append(self.record)
        # Only calls of single rows by way of the interpreter can be cut and timed as one likes: what takes whole
        # columns might see the difference, and calls under way together (async) would no longer be. Of a function that
        # is inlined, those that are timed one by one are real calls.
        self._cut = type(self._way) is RowByRow
        self._async = bound.form.name == "async"
        self._timed = self._way
        self._clock = Clock(self.record.times)
        if self._cut or self._async:
            self._timed = self._way_of(timed(self.function, self._clock))
        # What a row took in the last pieces. The median counts: a thread that was not given a core is no slow function.
        self._lately: deque[float] = deque(maxlen=9)
        self._mean_ns = 0.0
        self._largest = 0
        self._pieces = 0
        if not self._async:
            bound.gate.join()

    def _found(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[Value, list[FailedRow]]:
        self.record.rows += rows
        return super()._found(rows, guard, arguments)

    def _by_value(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[pa.Array, list[FailedRow]] | None:
        found = super()._by_value(rows, guard, arguments)
        if found is not None:
            self.record.by_value += rows
        return found

    def _called(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        self.counters.batches += 1
        if self._async:
            return self._measured(rows, arguments, timed=True)[0]
        if not self._cut:
            return self._piece(rows, arguments, timed=False, worth=True)
        pieces: list[pa.Array] = []
        at = 0
        sample = self.counters.batches <= _SAMPLED or not self.counters.batches % _SAMPLED_THEN
        while at < rows or not pieces:
            slow, sampled = self._mean_ns > _SLOW_NS, sample and not at
            size = min(self._size(), rows - at, _SAMPLE if sampled and not slow else CHUNK_ROWS)
            self._refusing.first = at
            part = tuple(a.slice(at, size) if isinstance(a, pa.Array) else a for a in arguments)
            pieces.append(self._piece(size, part, timed=slow or sampled, worth=slow or not sampled))
            at += size
        self._refusing.first = 0
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)

    def _size(self) -> int:
        """Rows of the next piece."""
        if not self._largest:
            return 1
        return max(1, min(CHUNK_ROWS, int(_PIECE_NS / max(self._mean_ns, 1)), _GROWTH * self._largest))

    def _piece(self, rows: int, arguments: tuple[Value, ...], *, timed: bool, worth: bool) -> pa.Array:
        """worth: it may be long enough to be compared with others, and for others to wait for."""
        record, gate = self.record, self.bound.gate
        # By what it should take, not by what it took: else those would be chosen that were slow by chance.
        worth = worth and self._pieces >= _WARM_UP and rows * self._mean_ns >= _LEAST_PIECE_NS
        came = perf_counter_ns()
        ticket = gate.enter_alone() if worth and gate.due() else gate.enter()
        try:
            found, elapsed, worked, others, interrupted = self._measured(rows, arguments, timed)
            yard = yardstick() if worth else 0
        finally:
            visit = gate.leave(ticket)
        self._pieces += 1
        record.beside_ns += perf_counter_ns() - came - elapsed
        if worth:
            record.interrupted += interrupted
            if visit.alone:
                record.alone.add(elapsed / rows, worked / rows, yard, 1, others)
            elif visit.inside > 1:
                record.company.add(elapsed / rows, worked / rows, yard, visit.inside, others)
        return found

    def _measured(self, rows: int, arguments: tuple[Value, ...], timed: bool) -> tuple[pa.Array, int, int, float, bool]:
        """The results, and what they took: elapsed and processor time of this thread, how many other threads were at
        work meanwhile, and whether this one's core was taken from it."""
        way, slow = (self._timed if timed else self._way), self._mean_ns > _SLOW_NS
        losses = interruptions()
        of_all, worked = process_time_ns(), thread_time_ns()
        start = perf_counter_ns()
        try:
            found = way.run(rows, arguments)
        finally:
            elapsed = perf_counter_ns() - start
            worked = thread_time_ns() - worked
            of_all = process_time_ns() - of_all
            self.counters.ns += elapsed
        self.counters.calls += rows
        record = self.record
        if not timed:
            record.fast_calls += rows
            record.fast_ns += elapsed
        if self.bound.form.name == "columns":  # one call, of the batch
            record.times.record(elapsed)
        if rows and self._cut:
            # Of calls that were timed, only they count: a piece of a few rows takes long for its other costs.
            spent = self._clock.take() if timed else elapsed
            self._largest = max(self._largest, rows)
            if not timed or slow or len(self._lately) < _WARM_UP:
                self._lately.append(spent / rows)
                self._mean_ns = median(self._lately)
        return found, elapsed, worked, (of_all - worked) / max(elapsed, 1), interruptions() != losses


class Clock:
    """Notes how long calls took.

    Threading: owned by one thread.
    """

    __slots__ = ("_ns", "_times")

    def __init__(self, times: LatencyHistogram) -> None:
        self._times = times
        self._ns = 0

    def note(self, ns: int) -> None:
        """A call took so long."""
        self._times.record(ns)
        self._ns += ns

    def take(self) -> int:
        """All that was noted since the last `take`."""
        found, self._ns = self._ns, 0
        return found


class TimedCalls:
    """A function whose every call is timed; it looks like the function to whoever asks where it is defined.

    Threading: owned by one thread.
    """

    def __init__(self, function: Callable[..., Any], clock: Clock) -> None:
        self._function = function
        self._note = clock.note
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            self.__code__ = code

    def __call__(self, *arguments: Any) -> Any:
        start = perf_counter_ns()
        try:
            return self._function(*arguments)
        finally:
            self._note(perf_counter_ns() - start)


def timed(function: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    """The function, with each of its calls timed: of a coroutine function, from its start to its end."""
    if not inspect.iscoroutinefunction(function):
        return TimedCalls(function, clock)

    @functools.wraps(function)
    async def call(*arguments: Any) -> Any:
        start = perf_counter_ns()
        try:
            return await function(*arguments)
        finally:
            clock.note(perf_counter_ns() - start)

    return call


def how_called(function: BoundFunction) -> str:
    """In which form a function runs, in a word or two."""
    batch = function.registered.declaration.batch
    return f"batch, {batch}" if function.form.name == "columns" else function.form.name


__all__ = ["CallRecord", "Clock", "Pieces", "ProfiledFunction", "QueryProfile", "TimedCalls", "how_called", "timed"]
