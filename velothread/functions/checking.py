"""Does a query that calls Python functions give the same answer however many threads run it? Run it again and again,
with one partition and with several, and compare whole results, byte for byte: a race detector for people's functions.

    check = check_query(open_session, sql, partitions=(1, 2, 8), runs=3)
    check.agrees, check.difference

All that may change an answer besides the number of threads is kept as it is: options, batches, splits. Every run has a
session of its own, and so the state of its functions' files; what modules that they import keep is the process's.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter_ns
from typing import Any

import pyarrow as pa

from velothread.errors import OptionError, UserError
from velothread.functions.bound import BoundFunction, Caller
from velothread.functions.gate import Gate
from velothread.functions.library import OneForAll, Registered
from velothread.functions.shared_objects import called_names, changed_variables
from velothread.kernels.function import Value
from velothread.session import Session

# The threads of a run wait for each other before their first call, but no longer than this, in seconds: there may be
# fewer of them than partitions.
_PATIENCE_S = 0.25
# Before each batch they wait for one other to come, this long (ns), and no more when nobody came so many times.
_COMPANY_NS = 2_000_000
_GIVE_UP = 25
_ROWS_AT_A_TIME = 4096


class Meeting:
    """Makes the bound functions of one run: its threads begin to call together, again with every batch, and it is noted
    whether their calls overlap.

    Threading: `bind` by the session's thread; the rest by all.
    """

    def __init__(self, partitions: int) -> None:
        self.gate = Gate()
        self.functions: list[MetFunction] = []
        self._start = threading.Barrier(partitions)
        self._pairing = threading.Lock()
        self._waiter: list[bool] | None = None  # of one that waits: filled by the one that comes
        self._nobody = 0 if partitions > 1 else _GIVE_UP

    def bind(self, *given: Any, **more: Any) -> BoundFunction:
        """As `BoundFunction(...)`."""
        found = MetFunction(self, *given, **more)
        self.functions.append(found)
        return found

    def arrive(self) -> None:
        """Wait for the others, once; not for ever."""
        try:
            self._start.wait(_PATIENCE_S)
        except threading.BrokenBarrierError:
            return

    def pair_up(self) -> None:
        """Wait for one other thread to come here: both go on at the same moment, since the first one doesn't sleep."""
        if self._nobody >= _GIVE_UP:
            return
        with self._pairing:
            if self._waiter is not None:
                self._waiter.append(True)
                self._waiter, self._nobody = None, 0
                return
            mine = self._waiter = []
        until = perf_counter_ns() + _COMPANY_NS
        while not mine:
            if perf_counter_ns() > until:
                with self._pairing:
                    if self._waiter is mine:
                        self._waiter = None
                        self._nobody += 1
                return
            time.sleep(0)


class MetFunction(BoundFunction):
    """A function whose threads begin together.

    Threading: as `BoundFunction`; each thread appends its caller to `callers`.
    """

    def __init__(self, meeting: Meeting, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.meeting = meeting
        self.callers: list[MetCaller] = []

    def _again(self, on_error: str) -> MetFunction:
        found = MetFunction(self.meeting, self.registered, self.types, self.parameters, on_error)
        found.counters, found.callers = self.counters, self.callers
        return found

    def _caller(self) -> Caller:
        return MetCaller(self)


class MetCaller(Caller):
    """One thread's way of calling. overlapped: batches during which another thread called a Python function, too.

    Threading: owned by the thread that made it.
    """

    def __init__(self, bound: MetFunction) -> None:
        super().__init__(bound)
        self._meeting = bound.meeting
        self._gate = bound.meeting.gate
        self.batches = 0
        self.overlapped = 0
        bound.callers.append(self)

    def _called(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        if not self.batches:
            self._meeting.arrive()
        self._meeting.pair_up()
        ticket = self._gate.enter()
        try:
            return super()._called(rows, arguments)
        finally:
            self.batches += 1
            self.overlapped += not self._gate.leave(ticket).alone


@dataclass(frozen=True, slots=True)
class Run:
    """One run. number: from 1. table: its answer; or error: the text of the one it ended with. digest: of either.

    threads: the most that called one of the functions; batches, overlapped: as in `MetCaller`, over all of them.
    """

    number: int
    partitions: int
    digest: str
    table: pa.Table | None
    error: str | None
    threads: int
    batches: int
    overlapped: int

    @property
    def title(self) -> str:
        """`run 4, 2 partitions`."""
        return f"run {self.number}, {self.partitions} partition{'' if self.partitions == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place in which two answers differ. row: from 1; None: not in a row, but as `what` says."""

    first: Run
    second: Run
    row: int | None
    column: str
    values: tuple[str, str]
    what: str = ""


@dataclass(slots=True)
class Check:
    """All runs, and what became of them. functions: those that the query calls, each once, with the forms in which it
    runs, and what in its code may be why answers differ.

    Threading: owned by one thread.
    """

    runs: list[Run] = field(default_factory=list)
    functions: list[tuple[Registered, str, list[str]]] = field(default_factory=list)
    difference: Difference | None = None

    @property
    def agrees(self) -> bool:
        """Did all runs give the same bytes?"""
        return self.difference is None

    def with_partitions(self, partitions: int) -> list[Run]:
        """The runs with so many."""
        return [r for r in self.runs if r.partitions == partitions]

    @property
    def verdict(self) -> str:
        """In a sentence: do they agree, and if not, in which way not?"""
        counts = list(dict.fromkeys(r.partitions for r in self.runs))
        digests = {n: {r.digest for r in self.with_partitions(n)} for n in counts}
        if self.agrees:
            return f"all {len(self.runs)} runs agree"
        if len(digests[counts[0]]) > 1:
            return "not deterministic with one partition either: runs that are alike give different answers"
        if any(len(found) > 1 for found in digests.values()):
            return "the answer changes from run to run with several partitions, and never with one: a race"
        return "the answer depends on the number of partitions: with each of them it is the same in every run"

    @property
    def caution(self) -> str | None:
        """Why agreement may mean little; None where it needn't."""
        several = [r for r in self.runs if r.partitions > 1]
        if not any(r.batches for r in several):
            return "no function was called: no row needed one"
        if all(r.threads < 2 for r in several):
            return (
                "all calls were made by one thread, since the input is one split: more rows are needed to find a race"
            )
        if not any(r.overlapped for r in several):
            return "no two calls were ever under way at once: more rows are needed to find a race"
        return None


def check_query(
    open_session: Callable[..., Session], sql: str, *, partitions: Sequence[int], runs: int, parameters: Any = None
) -> Check:
    """Run a query `runs` times with each number of partitions, the first of which is 1.

    open_session: a new session with tables and functions, given `processor` and `partitions`.

    :raises OptionError: when it is no query, or calls no Python function.
    :raises UserError: when the very first run fails: there is nothing to compare.
    """
    check = Check()
    for count in partitions:
        for _ in range(runs):
            _one(check, open_session, sql, count, parameters)
    return check


def _one(check: Check, open_session: Callable[..., Session], sql: str, partitions: int, parameters: Any) -> None:
    meeting = Meeting(partitions)
    how: dict[str, Any] = (
        {"processor": "simple"} if partitions == 1 else {"processor": "adaptive", "partitions": partitions}
    )
    table = error = None
    with open_session(**how) as session:
        session.bind_functions = meeting.bind
        statements = session.statements(sql)
        if len(statements) != 1:
            raise OptionError(f"check-udf runs one query, and this is {len(statements)} statements")
        try:
            result = session.run(statements[0], parameters)
            if not result.is_query:
                raise OptionError("check-udf compares answers, and this statement has none: give it the query alone")
            if not meeting.functions:
                raise OptionError("the SQL calls no Python function, so there is nothing to check")
            table = result.arrow()
        except UserError as failure:
            if not check.runs:
                raise
            error = str(failure)
        if not check.runs:  # now: a session that is closed has emptied the modules of its functions
            check.functions = _functions(meeting)
    callers = [c for f in meeting.functions for c in f.callers]
    run = Run(
        len(check.runs) + 1, partitions, digest(table, error), table, error,
        max((len(f.callers) for f in meeting.functions), default=0),
        sum(c.batches for c in callers), sum(c.overlapped for c in callers),
    )  # fmt: skip
    if check.runs and check.difference is None and run.digest != check.runs[0].digest:
        check.difference = first_difference(check.runs[0], run)
    if check.runs:  # the first answer is kept to compare with; of the others, the digest is enough
        run = Run(run.number, run.partitions, run.digest, None, error, run.threads, run.batches, run.overlapped)
    check.runs.append(run)


# Names of functions that give another result each time, by what their module is.
_BY_CHANCE = ("random.", "secrets.", "time.", "uuid.uuid", "os.getpid", "os.urandom", "threading.", "datetime.")


def hints_of(function: Registered) -> Iterator[str]:
    """What in a function's code may be why its result doesn't depend on its arguments alone."""
    changed = changed_variables(function.sample)
    if changed:
        names = ", ".join(changed)
        if isinstance(function.origin, OneForAll):
            yield f"{function.name} changes {names}, which all threads share: a lock, or share='thread', or none of it"
        else:
            yield f"{function.name} changes {names}, of which each partition has its own: results must not depend on it"
    chance = [n for n in called_names(function.sample) if n.startswith(_BY_CHANCE)]
    if chance:
        yield f"{function.name} calls {', '.join(chance)}: not the same each time, or in each thread"


def _functions(meeting: Meeting) -> list[tuple[Registered, str, list[str]]]:
    forms: dict[Registered, dict[str, None]] = {}
    for f in meeting.functions:
        forms.setdefault(f.registered, {})[f.form.name] = None
    return [(registered, ", ".join(names), list(hints_of(registered))) for registered, names in forms.items()]


def digest(table: pa.Table | None, error: str | None) -> str:
    """Of an answer's names, types, values and order; the first digits of a SHA-256."""
    data = f"error: {error}".encode() if table is None else _bytes(table)
    return hashlib.sha256(data).hexdigest()[:12]


def _bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    whole = table.combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        for batch in whole.to_batches():
            # Taken, not sliced: buffers then hold these rows alone, and nothing where there is NULL.
            writer.write_batch(batch.take(pa.array(range(batch.num_rows), pa.int64())))
    return sink.getvalue()


def first_difference(one: Run, other: Run) -> Difference:
    """Where two answers differ first: by rows, then by columns."""
    if one.table is None or other.table is None:
        return Difference(one, other, None, "", (one.error or "an answer", other.error or "an answer"))
    most = min(one.table.num_rows, other.table.num_rows)
    for start in range(0, most, _ROWS_AT_A_TIME):
        parts = [t.slice(start, min(_ROWS_AT_A_TIME, most - start)) for t in (one.table, other.table)]
        if _bytes(parts[0]) == _bytes(parts[1]):
            continue
        rows = [zip(*[map(_spelled, c.to_pylist()) for c in p.columns], strict=True) for p in parts]
        for i, (left, right) in enumerate(zip(*rows, strict=True)):
            for name, a, b in zip(one.table.column_names, left, right, strict=True):
                if a != b:
                    return Difference(one, other, start + i + 1, name, (a, b))
    counts = (f"{one.table.num_rows:,} rows", f"{other.table.num_rows:,} rows")
    return Difference(one, other, None, "", counts)


def _spelled(value: Any) -> str:
    """A value for people, and to compare: it tells -0.0 from 0.0, and holds NaN equal to NaN."""
    return str(value) if isinstance(value, Decimal) else repr(value)


__all__ = ["Check", "Difference", "Meeting", "Run", "check_query", "digest", "first_difference", "hints_of"]
