"""How a side of a handoff waits: five strategies with two methods, wait and signal.

    yield     a busy loop of scheduler yields
    spin      a tight spin, then one yield, then short sleeps
    sleep     sleep shortly and look again
    condvar   a condition variable
    hybrid    spins only as long as recent arrivals justify, then blocks (default)

The protocol. Each side owns one strategy object: it alone calls `wait(ready)`; the other sides make `ready` true
(append to a deque, set a flag) and *then* do `if strategy.parked: strategy.signal()`.

Why no wake-up is lost, without the GIL too. The waiter does A1: parked = True, A2: fence(), A3: ready() before it
blocks. A signaller does B1: publish, B2: read parked. `fence` is an operation that takes the lock under which B1
publishes (a deque's own lock, inside CPython: `rotate(0)` takes it as `append` does). That lock puts A2 and B1 in one
order: if B1 comes first, A3 sees what was published; if A2 comes first, B2 sees A1, and signals. With plain flags and
no common lock, both could miss each other on a processor that lets a load overtake a store. With the GIL, it is
trivial.

A side that is in no hurry waits patiently: it does not spin for what may as well come a little later.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import perf_counter_ns
from typing import Protocol

from velothread.errors import OptionError, did_you_mean
from velothread.processors.metrics import AT_ONCE, BLOCK, SLEEP, SPIN, YIELD, WaitCounters

Ready = Callable[[], bool]
Fence = Callable[[], object]

_SPIN_NS = 100_000
_SLEEP_S = 10e-6
# A hybrid side never spins longer than this: about what a blocking wake-up costs, so at worst waiting costs twice that.
_HYBRID_MAX_NS = 40_000
# Below this, a spin can't win anything over blocking.
_HYBRID_MIN_NS = 2_000
# A signal interrupts a blocked main thread, but not one that is just about to block: it has looked for signals, and the
# system call hasn't begun. On some platforms the signal goes to another thread. So the main thread, the only one that
# runs Python's signal handlers, looks up now and then. Others block without end.
_LOOK_UP_S = 0.1

sched_yield: Callable[[], object] = getattr(os, "sched_yield", lambda: time.sleep(0))


class WaitStrategy(Protocol):
    """How one side waits until something is ready.

    Threading: `wait` by the side that owns it; `signal` and `parked` by any other thread.
    """

    parked: bool
    counters: WaitCounters

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """Return True once `ready()` is true, or False after `timeout` seconds. Ctrl-C interrupts it.

        patient: nobody loses anything when this side finds out a wake-up later, so a strategy that has the choice does
        not spin.

        `ready` is cheap, has no effects, and once true stays so until the waiting side itself acts.
        """
        ...

    def signal(self) -> None:
        """Something has changed. Needed only if `parked`; harmless otherwise."""
        ...


class _Waiting:
    """What the strategies share.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ("counters", "fence", "parked")

    def __init__(self, fence: Fence) -> None:
        self.fence = fence
        self.parked = False
        self.counters = WaitCounters()

    def signal(self) -> None:
        """Nothing to do: the waiter looks by itself."""


class YieldWait(_Waiting):
    """A busy loop of scheduler yields: lowest latency while cores are free, one core per waiting side.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ()

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """See `WaitStrategy.wait`."""
        start = perf_counter_ns()
        end = None if timeout is None else start + int(timeout * 1e9)
        yields = 0
        while not (found := ready()) and (end is None or perf_counter_ns() < end):
            sched_yield()
            yields += 1
        took = self.counters.waited(start, perf_counter_ns(), YIELD if yields else AT_ONCE, found=found)
        self.counters.yields += yields
        # The loop does nothing but yield, so its time is theirs: no clock read per yield.
        self.counters.yield_ns += took if yields else 0
        return found


class SpinBackoff(_Waiting):
    """Three phases: a tight spin, one scheduler yield, then short sleeps.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ()

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """See `WaitStrategy.wait`."""
        counters = self.counters
        start = perf_counter_ns()
        end = None if timeout is None else start + int(timeout * 1e9)
        spin_end = start + _SPIN_NS if end is None else min(end, start + _SPIN_NS)
        spins = 0
        while not (found := ready()) and perf_counter_ns() < spin_end:
            spins += 1
        counters.spins += spins
        phase = SPIN if spins else AT_ONCE
        if not found:
            before = perf_counter_ns()
            sched_yield()
            counters.yields += 1
            counters.yield_ns += perf_counter_ns() - before
            phase = YIELD
            while not (found := ready()) and (end is None or perf_counter_ns() < end):
                time.sleep(_SLEEP_S)
                counters.sleeps += 1
                phase = SLEEP
        counters.waited(start, perf_counter_ns(), phase, found=found)
        return found


class SleepWait(_Waiting):
    """Sleep shortly and look again.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ()

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """See `WaitStrategy.wait`."""
        start = perf_counter_ns()
        end = None if timeout is None else start + int(timeout * 1e9)
        sleeps = 0
        while not (found := ready()) and (end is None or perf_counter_ns() < end):
            time.sleep(_SLEEP_S)
            sleeps += 1
        self.counters.sleeps += sleeps
        self.counters.waited(start, perf_counter_ns(), SLEEP if sleeps else AT_ONCE, found=found)
        return found


class ConditionWait(_Waiting):
    """A condition variable, from the standard library.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ("_condition", "_signalled")

    def __init__(self, fence: Fence) -> None:
        super().__init__(fence)
        self._condition = threading.Condition()
        self._signalled = 0

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """See `WaitStrategy.wait`."""
        counters = self.counters
        start = perf_counter_ns()
        blocks = counters.blocks
        with self._condition:
            # `parked` stays true until the end: a signaller that saw it needs the condition's lock, which is free only
            # while this side sleeps in it (or has left, and then needs no wake-up).
            self.parked = True
            try:
                self.fence()
                while not (found := ready()):
                    left = _left(start, timeout)
                    if left == 0.0:
                        break
                    counters.blocks += 1
                    self._signalled = 0
                    self._condition.wait(left if left > 0 else None)
                    if self._signalled:
                        counters.wakes.record(perf_counter_ns() - self._signalled)
            finally:
                self.parked = False
        counters.waited(start, perf_counter_ns(), AT_ONCE if counters.blocks == blocks else BLOCK, found=found)
        return found

    def signal(self) -> None:
        """Wake the waiter."""
        with self._condition:
            self._signalled = perf_counter_ns()
            self._condition.notify_all()


class HybridWait(_Waiting):
    """Spins only as long as recent arrivals justify, then blocks.

    The spin budget follows the waits: one that ended soon moves it towards twice its length, a long one halves it. So a
    side whose work comes in quick succession finds it without a system call, and an idle one does not spin at all.
    With the GIL, or on one core, it never spins: that would only keep the other side from running.

    Threading: as `WaitStrategy`.
    """

    __slots__ = ("_budget", "_gate", "_signalled", "_spins")

    def __init__(self, fence: Fence) -> None:
        super().__init__(fence)
        # Used as a semaphore: it wakes its waiter faster than a `_thread.lock` does, above all on busy machines.
        self._gate: SimpleQueue[None] = SimpleQueue()
        self._signalled = 0
        self._budget = 0
        self._spins = may_spin()

    def wait(self, ready: Ready, timeout: float | None = None, *, patient: bool = False) -> bool:
        """See `WaitStrategy.wait`."""
        counters = self.counters
        start = perf_counter_ns()
        spins, blocks = counters.spins, counters.blocks
        found = self._spin(ready, start) if self._budget and not patient else False
        if not found:
            found = self._block(ready, start, timeout)
        phase = BLOCK if counters.blocks > blocks else SPIN if counters.spins > spins else AT_ONCE
        took = counters.waited(start, perf_counter_ns(), phase, found=found)
        if patient:
            return found  # how long it took says nothing about when it came
        if took > _HYBRID_MAX_NS:
            self._budget >>= 1
            if self._budget < _HYBRID_MIN_NS:
                self._budget = 0
        elif self._spins:
            self._budget += (2 * took - self._budget) // 4
        return found

    def _spin(self, ready: Ready, start: int) -> bool:
        end = start + min(self._budget, _HYBRID_MAX_NS)
        spins = 0
        while not (found := ready()) and perf_counter_ns() < end:
            spins += 1
        self.counters.spins += spins
        return found

    def _block(self, ready: Ready, start: int, timeout: float | None) -> bool:
        counters = self.counters
        try:
            while True:
                # Set anew in each round: a signaller clears it, so that several rarely open the gate more than once.
                self.parked = True
                self.fence()
                if ready():
                    return True
                left = _left(start, timeout)
                if left == 0.0:
                    return False
                counters.blocks += 1
                # A signaller that saw `parked` in an earlier round may have left the gate open, or open it late: a
                # wake-up for nothing, after which the loop looks again. It can't take a wake-up away: whoever clears
                # `parked` opens the gate afterwards.
                try:
                    self._gate.get(True, left if left > 0 else None)
                except Empty:
                    continue
                if self._signalled:
                    counters.wakes.record(perf_counter_ns() - self._signalled)
                    self._signalled = 0
        finally:
            self.parked = False

    def signal(self) -> None:
        """Wake the waiter."""
        self.parked = False
        self._signalled = perf_counter_ns()
        self._gate.put(None)


def _left(start: int, timeout: float | None) -> float:
    """Seconds to block for: 0.0 when the time is up, negative for no end."""
    in_main = _thread.get_ident() == threading.main_thread().ident
    if timeout is None:
        return _LOOK_UP_S if in_main else -1.0
    left = max(0.0, timeout - (perf_counter_ns() - start) / 1e9)
    return min(left, _LOOK_UP_S) if in_main else left


def may_spin() -> bool:
    """Can another thread make progress while this one spins?"""
    enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return not enabled() and (os.process_cpu_count() or 1) > 1


_STRATEGIES: dict[str, Callable[[Fence], WaitStrategy]] = {
    "hybrid": HybridWait,
    "condvar": ConditionWait,
    "spin": SpinBackoff,
    "yield": YieldWait,
    "sleep": SleepWait,
}


def wait_strategy(name: str, fence: Fence) -> WaitStrategy:
    """A new strategy object for one side. `fence`: see the module's docstring.

    :raises OptionError: when there is none of this name.
    """
    try:
        return _STRATEGIES[name](fence)
    except KeyError:
        hint = did_you_mean(name, _STRATEGIES) or f"choose one of {', '.join(_STRATEGIES)}"
        raise OptionError(f"wait={name!r} is not known; {hint}") from None
