"""A simulated machine: threads that share cores, and the interpreter's lock where there is one.

A thread is a generator that yields what it does next, `(kind, us, part)`: compute for `us`, or wait. `part` is the
account to which the core time goes. The machine decides when that is done, and resumes the generator:

- Processor sharing: `n` threads that could run on `c` cores get `min(1, c / n)` of a core each. That is the limit of
  fair time slices that get ever shorter. All threads run at this one rate, so a clock that runs at it tells when a
  thread is done as soon as it begins (Kleinrock's virtual time), however often the rate changes.
- Contended computing has a clock of its own, which slows down with the number of busy cores.
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

# States of a thread.
_RUNNING, _SPINNING, _PARKED, _SIGNALLED = range(4)

# CPython's sys.getswitchinterval().
_SWITCH_INTERVAL_US = 5_000.0


class SimulatedThread:
    """A thread of the simulated machine.

    busy_us: how long it was computing on a core. woken: its last wait ended by a signal, not while it spun.
    """

    __slots__ = (
        "_began",
        "_body",
        "_kind",
        "_left",
        "_part",
        "_piece",
        "_slice",
        "_state",
        "_timer",
        "busy_us",
        "woken",
    )

    def __init__(self) -> None:
        self.busy_us = 0.0
        self.woken = False
        self._body: Body = iter(())  # type: ignore[assignment]
        self._state = _SIGNALLED
        self._timer = 0  # the number of the timer that counts for it; others are stale
        self._kind, self._part = PYTHON, ""
        self._left = 0.0  # of what it computes
        self._piece = 0.0  # of it, what it computes without a break
        self._began = 0.0  # on the plain clock
        self._slice = 0.0  # how long it has had the interpreter

    @property
    def parked(self) -> bool:
        """Blocked, and nobody has signalled yet."""
        return self._state == _PARKED


class Machine:
    """Cores, threads and a clock.

    cores: how many. latency: draws the µs from a signal until the woken thread runs. contention: by what share
    contended work slows down per further busy core. coherence: the same per pair of busy cores (so it grows with their
    square). gil: is there an interpreter lock?

    `now` is the time. `spent` is core time by part. `cores_us` is core time in all, spinning included; `wanted_us` what
    it would be if each thread had a core whenever it can run; `contention_us` what contention has added; `held_us` how
    long the interpreter was held.
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
        self.cores_us = self.wanted_us = self.contention_us = self.held_us = 0.0
        # Heaps of (when, number, thread): by the plain clock, by the contended clock, by the time.
        self._plain: list[tuple[float, int, SimulatedThread]] = []
        self._contended: list[tuple[float, int, SimulatedThread]] = []
        self._timers: list[tuple[float, int, SimulatedThread]] = []
        self._plain_clock = self._contended_clock = 0.0
        self._number = 0
        self._spinning = 0
        self._ready: deque[SimulatedThread] = deque()  # to be resumed now
        self._holder: SimulatedThread | None = None
        self._queue: deque[SimulatedThread] = deque()  # for the interpreter

    # What threads call

    def add(self, thread: SimulatedThread, body: Body, *, asleep: bool = False) -> None:
        """A thread that begins now, or (asleep) when it is woken."""
        thread._body = body
        if not asleep:
            thread._state = _RUNNING
            self._ready.append(thread)

    def notify(self, thread: SimulatedThread) -> bool:
        """Say that what `thread` waits for may be there. True: it is blocked; the caller signals, then calls `wake`."""
        if thread._state == _PARKED:
            thread._state = _SIGNALLED
            thread._timer = 0
            return True
        if thread._state == _SPINNING:
            thread._state = _RUNNING
            self._spinning -= 1
            self._ready.append(thread)
        return False

    def wake(self, thread: SimulatedThread) -> None:
        """The signal to a blocked thread has been given: it will run after the latency."""
        self._set_timer(thread, self.latency())

    # What happens

    def run(self) -> None:
        """Go on until nothing is left to happen."""
        ready, plain, contended, timers = self._ready, self._plain, self._contended, self._timers
        cores, contention, coherence = self.cores, self.contention, self.coherence
        while True:
            while ready:
                self._resume(ready.popleft())
            running = len(plain) + len(contended) + self._spinning
            rate = 1.0 if running <= cores else cores / running
            busy = (running - self._spinning) * rate
            factor = 1.0 + (busy - 1.0) * (contention + coherence * busy) if busy > 1.0 else 1.0
            step, source = inf, timers
            if timers:
                step = timers[0][0] - self.now
            if plain and (until := (plain[0][0] - self._plain_clock) / rate) < step:
                step, source = until, plain
            if contended and (until := (contended[0][0] - self._contended_clock) * factor / rate) < step:
                step, source = until, contended
            if step == inf:
                return
            if step > 0.0:
                self.now += step
                on_cores = step * rate
                self._plain_clock += on_cores
                self._contended_clock += on_cores / factor
                self.cores_us += on_cores * running
                self.wanted_us += step * running
                self.contention_us += on_cores * len(contended) * (1.0 - 1.0 / factor)
                if self._holder is not None:
                    self.held_us += step
            _, number, thread = heappop(source)
            if source is not timers:
                self._computed(thread)
            elif thread._timer == number:
                if thread._state == _SPINNING:
                    self._spinning -= 1
                    thread._state = _PARKED
                else:
                    thread.woken = thread._state == _SIGNALLED
                    thread._state = _RUNNING
                    self._resume(thread)

    def _resume(self, thread: SimulatedThread) -> None:
        for kind, us, part in thread._body:
            if kind >= WAIT:
                if self._holder is thread:
                    self._release()
                thread.woken = False
                thread._state = _PARKED
                if us > 0.0:
                    self._set_timer(thread, us)
                    if kind == WAIT:
                        thread._state = _SPINNING
                        self._spinning += 1
                return
            if us > 0.0:
                thread._kind, thread._left, thread._part = kind, us, part
                if self.gil:
                    self._take_interpreter(thread)
                else:
                    self._compute(thread, us)
                return
        if self._holder is thread:
            self._release()

    def _compute(self, thread: SimulatedThread, us: float) -> None:
        thread._piece, thread._began = us, self._plain_clock
        self._number += 1
        if thread._kind == PYTHON:
            heappush(self._plain, (self._plain_clock + us, self._number, thread))
        else:
            heappush(self._contended, (self._contended_clock + us, self._number, thread))

    def _computed(self, thread: SimulatedThread) -> None:
        took = self._plain_clock - thread._began
        thread.busy_us += took
        self.spent[thread._part] = self.spent.get(thread._part, 0.0) + took
        thread._left -= thread._piece
        thread._slice += thread._piece
        if thread._left > 0.0:
            self._take_interpreter(thread)
        else:
            self._resume(thread)

    def _set_timer(self, thread: SimulatedThread, us: float) -> None:
        self._number += 1
        thread._timer = self._number
        heappush(self._timers, (self.now + us, self._number, thread))

    # The interpreter

    def _take_interpreter(self, thread: SimulatedThread) -> None:
        """Let a thread compute, which may mean that it gets or gives up the interpreter, or has to wait for it."""
        if thread._kind == FREE:
            if self._holder is thread:
                self._release()
            self._compute(thread, thread._left)
        elif self._holder is None:
            self._hold(thread)
        elif self._holder is not thread:
            self._queue.append(thread)
        elif thread._slice < _SWITCH_INTERVAL_US:
            self._compute(thread, min(thread._left, _SWITCH_INTERVAL_US - thread._slice))
        elif self._queue:
            self._queue.append(thread)
            self._release()
        else:
            self._hold(thread)

    def _hold(self, thread: SimulatedThread) -> None:
        self._holder, thread._slice = thread, 0.0
        self._compute(thread, min(thread._left, _SWITCH_INTERVAL_US))

    def _release(self) -> None:
        self._holder = None
        if self._queue:
            self._hold(self._queue.popleft())
