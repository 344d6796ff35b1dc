"""Profiles of Python functions in SQL, for `--stats`: what a query with `profile=True` binds in place of `BoundFunction`.

    profile = QueryProfile()
    catalog.bind = profile.bind          # ProfiledFunctions, which share a gate

The rows of a batch are cut into pieces of about a millisecond. A sample of calls is timed one by one; the others are made
as always, and the piece is timed. Each piece knows whether other threads were inside a Python function of the query at
the time, or none; now and then the gate keeps the others out of one, at the borders of pieces. What a call costs alone
and in company, of the same function in the same query, tells what threads cost each other.

Nothing of this is there in a query that is not profiled.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from time import perf_counter_ns, thread_time_ns
from types import CodeType
from typing import Any

import pyarrow as pa

from velothread.functions.annotations import Parameter
from velothread.functions.bound import BoundFunction, Caller
from velothread.functions.calling import CHUNK_ROWS, RowByRow
from velothread.functions.gate import Gate
from velothread.functions.library import Registered
from velothread.kernels.function import Value
from velothread.processors.metrics import LatencyHistogram
from velothread.types import SqlType

# Pieces are about so long. Shorter ones would be lost in their own cost; others wait at the gate for the longer ones.
_PIECE_NS = 1_500_000
# Of each batch, so many calls are timed one by one; of functions that take longer than this (ns), all: the clock is
# nothing beside them.
_SAMPLE = 64
_SLOW_NS = 20_000
# Pieces that are shorter, and the first ones of a thread (caches are cold, code is not specialised), say nothing.
_LEAST_PIECE_NS = 50_000
_WARM_UP = 4
# A piece is at most so many times as big as the one before: a function that is slow after all is noticed early.
_GROWTH = 8


class Pieces:
    """What calls cost in pieces of one kind: per call, elapsed and processor time (ns), and the threads inside. Of very
    many pieces some are kept, evenly over the query.

    Threading: written by one thread, read by any.
    """

    __slots__ = ("_every", "count", "kept")
    most = 512

    def __init__(self) -> None:
        self.kept: list[tuple[float, float, int]] = []
        self.count = 0
        self._every = 1

    def add(self, elapsed: float, worked: float, inside: int) -> None:
        """Count one piece."""
        if self.count % self._every == 0:
            self.kept.append((elapsed, worked, inside))
            if len(self.kept) == self.most:
                self.kept = self.kept[::2]
                self._every *= 2
        self.count += 1


class CallRecord:
    """What one thread's calls of a profiled function were like. Durations in ns.

    rows: rows that wanted a result; by_value: those of them that shared the call of an equal value. fast_calls, fast_ns:
    calls that were not timed one by one. waited_ns: at the gate.

    Threading: written by one thread, read by any.
    """

    __slots__ = ("alone", "by_value", "company", "fast_calls", "fast_ns", "how", "rows", "times", "waited_ns")

    def __init__(self, how: str) -> None:
        self.how = how
        self.rows = 0
        self.by_value = 0
        self.fast_calls = 0
        self.fast_ns = 0
        self.waited_ns = 0
        self.times = LatencyHistogram()
        self.alone = Pieces()
        self.company = Pieces()


class QueryProfile:
    """Makes the profiled functions of a query, which share a gate.

    Threading: used by the session's thread; the gate is for all.
    """

    def __init__(self) -> None:
        self.gate = Gate()

    def bind(
        self, registered: Registered, types: tuple[SqlType, ...], parameters: tuple[Parameter, ...], on_error: str
    ) -> ProfiledFunction:
        """As `BoundFunction(...)`."""
        return ProfiledFunction(registered, types, parameters, on_error, self.gate)


class ProfiledFunction(BoundFunction):
    """A function whose calls are measured.

    Threading: as `BoundFunction`; each thread appends its own record to `records`.
    """

    def __init__(
        self,
        registered: Registered,
        types: tuple[SqlType, ...],
        parameters: tuple[Parameter, ...],
        on_error: str,
        gate: Gate,
    ) -> None:
        super().__init__(registered, types, parameters, on_error)
        self.gate = gate
        self.records: list[CallRecord] = []

    def _caller(self) -> Caller:
        return ProfiledCaller(self)


class ProfiledCaller(Caller):
    """One thread's measured way of calling a function.

    Threading: owned by the thread that made it.
    """

    bound: ProfiledFunction

    def __init__(self, bound: ProfiledFunction) -> None:
        super().__init__(bound)
        self.record = CallRecord(how_called(bound.registered, self._way))
        bound.records.append(self.record)
        # Only calls of single rows by way of the interpreter can be cut and timed as one likes: what takes whole columns
        # might see the difference, and calls under way together (async) would no longer be.
        self._cut = type(self._way) is RowByRow
        self._async = bound.registered.kind == "async"
        self._timed = self._way
        if self._cut or self._async:
            self._timed = self._way_of(timed(self.function, self.record.times))
        self._mean_ns = 0.0
        self._last = 0
        self._pieces = 0
        if not self._async:
            bound.gate.join()

    def column(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> Value:
        self.record.rows += rows
        return super().column(rows, guard, arguments)

    def _by_value(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> pa.Array | None:
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
        pieces = []
        at = 0
        while at < rows or not pieces:
            slow = self._mean_ns > _SLOW_NS
            size = min(self._size(), rows - at, CHUNK_ROWS if slow or at else _SAMPLE)
            part = tuple(a.slice(at, size) if isinstance(a, pa.Array) else a for a in arguments)
            pieces.append(self._piece(size, part, timed=slow or not at, worth=slow or at > 0))
            at += size
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)

    def _size(self) -> int:
        """Rows of the next piece."""
        if not self._last:
            return 1
        return max(1, min(CHUNK_ROWS, int(_PIECE_NS / max(self._mean_ns, 1)), _GROWTH * self._last))

    def _piece(self, rows: int, arguments: tuple[Value, ...], *, timed: bool, worth: bool) -> pa.Array:
        """worth: it is long enough to be compared with others, and for others to wait for."""
        record, gate = self.record, self.bound.gate
        worth = worth and self._pieces >= _WARM_UP
        came = perf_counter_ns()
        ticket = gate.enter_alone() if worth and gate.due() else gate.enter()
        record.waited_ns += perf_counter_ns() - came
        try:
            found, elapsed, worked = self._measured(rows, arguments, timed)
        finally:
            visit = gate.leave(ticket)
        self._pieces += 1
        if worth and rows and elapsed >= _LEAST_PIECE_NS:
            if visit.alone:
                record.alone.add(elapsed / rows, worked / rows, 1)
            elif visit.inside > 1:
                record.company.add(elapsed / rows, worked / rows, visit.inside)
        return found

    def _measured(self, rows: int, arguments: tuple[Value, ...], timed: bool) -> tuple[pa.Array, int, int]:
        """The results, and what they took: elapsed and processor time of this thread."""
        way = self._timed if timed else self._way
        worked = thread_time_ns()
        start = perf_counter_ns()
        try:
            found = way.run(rows, arguments)
        finally:
            elapsed = perf_counter_ns() - start
            worked = thread_time_ns() - worked
            self.counters.ns += elapsed
        self.counters.calls += rows
        record = self.record
        if not timed:
            record.fast_calls += rows
            record.fast_ns += elapsed
        if not (self._cut or self._async):  # one call, of the batch
            record.times.record(elapsed)
        if rows > self._last:
            self._mean_ns, self._last = elapsed / rows, rows
        elif rows and (not timed or self._mean_ns > _SLOW_NS):
            self._mean_ns += (elapsed / rows - self._mean_ns) / 8
        return found, elapsed, worked


class TimedCalls:
    """A function whose every call is timed; it looks like the function to whoever asks where it is defined.

    Threading: owned by one thread.
    """

    def __init__(self, function: Callable[..., Any], times: LatencyHistogram) -> None:
        self._function = function
        self._record = times.record
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            self.__code__ = code

    def __call__(self, *arguments: Any) -> Any:
        start = perf_counter_ns()
        try:
            return self._function(*arguments)
        finally:
            self._record(perf_counter_ns() - start)


def timed(function: Callable[..., Any], times: LatencyHistogram) -> Callable[..., Any]:
    """The function, with each of its calls timed: of a coroutine function, from its start to its end."""
    if not inspect.iscoroutinefunction(function):
        return TimedCalls(function, times)

    @functools.wraps(function)
    async def call(*arguments: Any) -> Any:
        start = perf_counter_ns()
        try:
            return await function(*arguments)
        finally:
            times.record(perf_counter_ns() - start)

    return call


def how_called(registered: Registered, way: Any) -> str:
    """In which way a function runs, in a word or two. A `Way` may say it itself, in its attribute `how`."""
    said = getattr(way, "how", None)
    if isinstance(said, str):
        return said
    if registered.kind == "async":
        return "async"
    batch = registered.declaration.batch
    return "called" if batch is None else f"batch, {batch}"


__all__ = ["CallRecord", "Pieces", "ProfiledFunction", "QueryProfile", "TimedCalls", "how_called", "timed"]
