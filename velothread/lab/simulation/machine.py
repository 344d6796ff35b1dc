"""A simulated machine: threads that share cores, and the interpreter's lock where there is one.

A thread is a generator that yields what it does next, `(kind, us, part)`: compute for `us`, or wait. `part` is the
account to which the core time goes. The machine decides when that is done, and resumes the generator:

- Threads that find no free core queue for one. A thread keeps its core until it blocks, or until its time slice is over
  and another one queues: then it goes to the end of the queue. A thread that wakes up takes nobody's core away. So one
  that hands out work hands out a lot of it before those who do it get its core.
- Contended computing slows down with the number of busy cores, which changes meanwhile. It is timed on a clock that
  slows down by as much, so what a thread finishes at is known when it begins.
- With a GIL, computing of the kinds `PYTHON` and `HELD` needs the interpreter. Threads get it in order of arrival. A
  holder gives it up when it does something else, or after the switch interval if another one waits for it.

All times are in µs. Events at the same time are handled in the order in which they were made: a run is deterministic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from math import inf

# Kinds of requests. PYTHON: own code, which others don't slow down. HELD, FREE: contended work, with the interpreter
# held and not (the same without a GIL). WAIT: until notified; spinning for `us` at first. SLEEP: until notified, but
# no longer than `us`.
PYTHON, HELD, FREE, WAIT, SLEEP = range(5)

type Request = tuple[int, float, str]
type Body = Generator[Request]

# States of a thread. RUNNING: it has a core, or queues for one, or for the interpreter.
_RUNNING, _SPINNING, _PARKED, _SIGNALLED = range(4)

# How long a thread keeps a core that others want. Linux looks at its timer's ticks: every 1 to 4 ms.
_TIME_SLICE_US = 4_000.0
# CPython's sys.getswitchinterval().
_SWITCH_INTERVAL_US = 5_000.0


class SimulatedThread:
    """A thread of the simulated machine.

    busy_us: how long it was computing on a core (time, contention included). queued_us: how long it queued for a core.
    woken: its last wait ended by a signal, not while it spun.
    """

    __slots__ = (
        "_began",
        "_body",
        "_held",
        "_kind",
        "_left",
        "_part",
        "_piece",
        "_queued",
        "_slice",
        "_state",
        "_timer",
        "busy_us",
        "queued_us",
        "woken",
    )

    def __init__(self) -> None:
        self.busy_us = self.queued_us = 0.0
        self.woken = False
        self._body: Body = iter(())  # type: ignore[assignment]
        self._state = _SIGNALLED
        self._timer = 0  # the number of the timer that counts for it; others are stale
        self._kind, self._part = PYTHON, ""
        self._left = 0.0  # of what it computes
        self._piece = 0.0  # of it, what it computes without a break
        self._began = 0.0  # with that piece
        self._slice = 0.0  # left of its time slice
        self._queued = 0.0  # for a core, since when
        self._held = 0.0  # how long it has had the interpreter

    @property
    def parked(self) -> bool:
        """Blocked, and nobody has signalled yet."""
        return self._state == _PARKED


class Machine:
    """Cores, threads and a clock.

    cores: how many. latency: draws the µs from a signal until the woken thread can run. contention: by what share
    contended work slows down per further busy core. coherence: the same per pair of busy cores (so it grows with their
    square). gil: is there an interpreter lock?

    `now` is the time. `spent` is core time by part. `cores_us` is core time in all, spinning included; `contention_us`
    what contention has added to it; `held_us` how long the interpreter was held.
    """

    def __init__(
        self,
        cores: int,
        latency: Callable[[], float],
        *,
        contention: float = 0.0,
        coherence: float = 0.0,
        gil: bool = False,
    ) -> None:
        self.cores, self.latency = cores, latency
        self.contention, self.coherence, self.gil = contention, coherence, gil
        self.now = 0.0
        self.spent: dict[str, float] = {}
        self.cores_us = self.contention_us = self.held_us = 0.0
        # Heaps of (when, number, thread): what computes, by the time and by the contended clock; timers.
        self._plain: list[tuple[float, int, SimulatedThread]] = []
        self._contended: list[tuple[float, int, SimulatedThread]] = []
        self._timers: list[tuple[float, int, SimulatedThread]] = []
        self._clock = 0.0  # the contended one
        self._number = 0
        self._idle = cores
        self._runnable: deque[SimulatedThread] = deque()  # queues for a core
        self._ready: deque[SimulatedThread] = deque()  # has a core; goes on now
        self._holder: SimulatedThread | None = None
        self._waiting: deque[SimulatedThread] = deque()  # queues for the interpreter

    # What threads call

    def add(self, thread: SimulatedThread, body: Body, *, asleep: bool = False) -> None:
        """A thread that begins now, or (asleep) when it is woken."""
        thread._body = body
        if not asleep:
            self._want_core(thread)

    def notify(self, thread: SimulatedThread) -> bool:
        """Say that what `thread` waits for may be there. True: it is blocked; the caller signals, then calls `wake`."""
        if thread._state not in (_PARKED, _SPINNING):
            return False
        thread._timer = 0
        if thread._state == _PARKED:
            thread._state = _SIGNALLED
            return True
        thread._state = _RUNNING
        self._ready.append(thread)
        return False

    def wake(self, thread: SimulatedThread) -> None:
        """The signal to a blocked thread has been given: after the latency, it can run."""
        self._set_timer(thread, self.latency())

    # What happens

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        ready, plain, contended, timers = self._ready, self._plain, self._contended, self._timers
        contention, coherence = self.contention, self.coherence
        while True:
            while ready:
                self._go_on(ready.popleft())
            slow = len(contended)
            busy = len(plain) + slow
            factor = 1.0 + (busy - 1) * (contention + coherence * busy) if busy > 1 else 1.0
            step, source = inf, timers
            if timers:
                step = timers[0][0] - self.now
            if plain and (until := plain[0][0] - self.now) < step:
                step, source = until, plain
            if slow and (until := (contended[0][0] - self._clock) * factor) < step:
                step, source = until, contended
            if step == inf:
                return
            if step > 0.0:
                self.now += step
                self._clock += step / factor
                self.cores_us += step * (self.cores - self._idle)
                self.contention_us += step * slow * (1.0 - 1.0 / factor)
                if self._holder is not None:
                    self.held_us += step
            _, number, thread = heappop(source)
            if source is not timers:
                self._computed(thread)
            elif thread._timer == number:
                self._timed(thread)

    def _timed(self, thread: SimulatedThread) -> None:
        if thread._state == _SPINNING:
            thread._state = _PARKED
            self._free_core()
        else:
            thread.woken = thread._state == _SIGNALLED
            self._want_core(thread)

    def _set_timer(self, thread: SimulatedThread, us: float) -> None:
        self._number += 1
        thread._timer = self._number
        heappush(self._timers, (self.now + us, self._number, thread))

    def _go_on(self, thread: SimulatedThread) -> None:
        """Of a thread that has a core: with what it computes, or with its body."""
        if thread._left > 0.0:
            self._compute(thread)
            return
        for kind, us, part in thread._body:
            if kind >= WAIT:
                self._wait(thread, us, spin=kind == WAIT)
                return
            if us > 0.0:
                thread._kind, thread._left, thread._part = kind, us, part
                self._compute(thread)
                return
        if self._holder is thread:
            self._release()
        self._free_core()

    def _wait(self, thread: SimulatedThread, us: float, *, spin: bool) -> None:
        if self._holder is thread:
            self._release()
        thread.woken = False
        thread._state = _PARKED
        if us > 0.0:
            self._set_timer(thread, us)
            if spin:
                thread._state = _SPINNING
                return
        self._free_core()

    def _compute(self, thread: SimulatedThread) -> None:
        piece = min(thread._left, thread._slice)
        if self.gil:
            if not self._has_interpreter(thread):
                self._free_core()
                return
            if thread._kind != FREE:
                piece = min(piece, _SWITCH_INTERVAL_US - thread._held)
        thread._piece, thread._began = piece, self.now
        self._number += 1
        if thread._kind == PYTHON:
            heappush(self._plain, (self.now + piece, self._number, thread))
        else:
            heappush(self._contended, (self._clock + piece, self._number, thread))

    def _computed(self, thread: SimulatedThread) -> None:
        took = self.now - thread._began
        thread.busy_us += took
        self.spent[thread._part] = self.spent.get(thread._part, 0.0) + took
        thread._left = thread._left - thread._piece
        thread._slice -= max(took, thread._piece)
        thread._held += thread._piece
        if thread._slice <= 0.0:
            thread._slice = _TIME_SLICE_US
            if self._runnable:
                self._queue(thread)
                self._free_core()
                return
        self._go_on(thread)

    # Cores

    def _want_core(self, thread: SimulatedThread) -> None:
        thread._state = _RUNNING
        thread._slice = _TIME_SLICE_US
        if self._idle:
            self._idle -= 1
            self._ready.append(thread)
        else:
            self._queue(thread)

    def _queue(self, thread: SimulatedThread) -> None:
        thread._queued = self.now
        self._runnable.append(thread)

    def _free_core(self) -> None:
        if self._runnable:
            thread = self._runnable.popleft()
            thread.queued_us += self.now - thread._queued
            self._ready.append(thread)
        else:
            self._idle += 1

    # The interpreter

    def _has_interpreter(self, thread: SimulatedThread) -> bool:
        """Can a thread compute? It may get the interpreter, or give it up. False: it queues for it."""
        if thread._kind == FREE:
            if self._holder is thread:
                self._release()
            return True
        if self._holder is thread and thread._held >= _SWITCH_INTERVAL_US:
            if self._waiting:
                self._release()
            else:
                thread._held = 0.0
        if self._holder is None:
            self._holder, thread._held = thread, 0.0
        if self._holder is thread:
            return True
        self._waiting.append(thread)
        return False

    def _release(self) -> None:
        self._holder = None
        if self._waiting:
            thread = self._waiting.popleft()
            self._holder, thread._held = thread, 0.0
            self._want_core(thread)
