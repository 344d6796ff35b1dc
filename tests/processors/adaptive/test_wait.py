"""Wait strategies: each wakes, counts what it does, and gives up in time; the hybrid stops spinning when idle."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import OptionError
from velothread.processors.adaptive import wait as module
from velothread.processors.adaptive.wait import HybridWait, WaitStrategy, wait_strategy
from velothread.testing.sequencer import Crowd, together

WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")
# What a strategy does at least once in a wait that finds nothing for a while.
COUNTER = {"hybrid": "blocks", "condvar": "blocks", "spin": "yields", "yield": "yields", "sleep": "sleeps"}


def nothing() -> None:
    """A fence for flags that are guarded by nothing: these tests wait until the waiter is parked."""


@pytest.mark.parametrize("name", WAITS)
def test_returns_at_once_when_ready(name: str) -> None:
    strategy = wait_strategy(name, nothing)
    assert strategy.wait(lambda: True)
    assert strategy.counters.waits == 1 and not strategy.parked
    assert getattr(strategy.counters, COUNTER[name]) == 0


@pytest.mark.parametrize("name", WAITS)
def test_gives_up_after_its_timeout(name: str) -> None:
    strategy = wait_strategy(name, nothing)
    assert not strategy.wait(lambda: False, 2e-3)
    assert getattr(strategy.counters, COUNTER[name]) >= 1
    assert strategy.counters.wait_ns >= 2_000_000 and not strategy.parked


@pytest.mark.parametrize("name", WAITS)
def test_wakes_when_it_becomes_ready(name: str) -> None:
    strategy = wait_strategy(name, nothing)
    ready = threading.Event()
    with Crowd() as crowd:
        for _ in range(5):
            ready.clear()
            task = crowd.run(lambda: strategy.wait(ready.is_set))
            if name in ("hybrid", "condvar"):
                crowd.until(lambda: strategy.parked)
            ready.set()
            if strategy.parked:
                strategy.signal()
            assert task.result()
    assert strategy.counters.waits == 5
    if name in ("hybrid", "condvar"):
        assert strategy.counters.wakes.total >= 1


@pytest.mark.parametrize("name", WAITS)
def test_signals_for_nothing_are_harmless(name: str) -> None:
    strategy = wait_strategy(name, nothing)
    for _ in range(3):
        strategy.signal()
    assert not strategy.wait(lambda: False, 1e-3)
    assert strategy.wait(lambda: True)


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(["hybrid", "condvar"]), st.integers(1, 4), st.integers(1, 60))
def test_many_signallers_lose_no_wakeup(name: str, signallers: int, rounds: int) -> None:
    """Each appends to one deque and signals if parked: the waiter sees all, though it blocks in between."""
    from collections import deque

    items: deque[int] = deque()
    strategy: WaitStrategy = wait_strategy(name, lambda: items.rotate(0))

    def signaller() -> None:
        for i in range(rounds):
            items.append(i)
            if strategy.parked:
                strategy.signal()

    def waiter() -> int:
        got = 0
        while got < signallers * rounds:
            strategy.wait(lambda: len(items) > 0)
            while items:
                items.popleft()
                got += 1
        return got

    assert together([waiter, *[signaller] * signallers])[0] == signallers * rounds


def test_hybrid_spins_only_while_arrivals_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Driven by a clock of its own: the budget follows short waits and is gone after long ones."""
    now = [0]
    monkeypatch.setattr(module, "perf_counter_ns", lambda: now[0])
    monkeypatch.setattr(module, "may_spin", lambda: True)
    strategy = HybridWait(nothing)

    def arriving_after(nanoseconds: int) -> int:
        """Wait once; the number of spins it took."""
        start, before = now[0], strategy.counters.spins

        def ready() -> bool:
            now[0] += 500
            return now[0] - start >= nanoseconds

        # Blocking is left out: the fence lets the time pass instead.
        strategy.fence = lambda: now.__setitem__(0, max(now[0], start + nanoseconds))
        assert strategy.wait(ready)
        return strategy.counters.spins - before

    assert arriving_after(5_000) == 0  # it has seen nothing yet, so it does not spin
    for _ in range(20):
        arriving_after(5_000)
    assert arriving_after(5_000) > 0  # quick arrivals are spun for
    for _ in range(20):
        arriving_after(50_000_000)
    assert arriving_after(50_000_000) == 0  # idle: blocks at once


def test_who_is_patient_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "may_spin", lambda: True)
    strategy = HybridWait(nothing)
    for _ in range(10):
        strategy.wait(lambda: True)  # quick arrivals, for which it would spin
    assert not strategy.wait(lambda: False, 1e-6, patient=True)
    assert strategy.counters.spins == 0
    assert not strategy.wait(lambda: False, 1e-6)
    assert strategy.counters.spins > 0


@pytest.mark.parametrize("name", WAITS)
def test_each_wait_ends_in_one_phase(name: str) -> None:
    strategy = wait_strategy(name, nothing)
    strategy.counters.spans = []
    strategy.wait(lambda: True)
    assert strategy.counters.ended == [1, 0, 0, 0, 0]  # it was there at once
    looks = iter([False, False, True])
    with Crowd() as crowd:
        task = crowd.run(lambda: strategy.wait(lambda: next(looks, True)))
        crowd.until(lambda: strategy.parked or strategy.counters.waits == 2)
        while strategy.counters.waits < 2:
            strategy.signal()
        assert task.result()
    strategy.wait(lambda: False, 1e-6)  # in vain: it ended in none
    assert sum(strategy.counters.ended) == 2
    assert strategy.counters.waits == 3
    assert [start <= end for start, end, _ in strategy.counters.spans] == [True] * 3
    assert sum(end - start for start, end, _ in strategy.counters.spans) == strategy.counters.wait_ns


def test_hybrid_never_spins_where_nobody_else_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "may_spin", lambda: False)
    strategy = HybridWait(nothing)
    for _ in range(50):
        strategy.wait(lambda: True)
        strategy.wait(lambda: False, 1e-6)
    assert strategy.counters.spins == 0


def test_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(OptionError, match="did you mean 'condvar'"):
        wait_strategy("condvars", nothing)
