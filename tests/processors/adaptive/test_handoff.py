"""The handoff against a model, blocked sides in a known order, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import velothread
from velothread.errors import Cancelled, OptionError
from velothread.processors.adaptive.handoff import (
    BrokenHandoff,
    ClosedHandoff,
    EndOfStream,
    Handoff,
    WouldBlock,
)
from velothread.testing.sequencer import Crowd, Sequencer, no_thread_left, together

WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")
BLOCKING = ("hybrid", "condvar")


class HandoffModel(RuleBasedStateMachine):
    """One thread, all calls in any order: what a handoff says is what a list and a state say."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 3
        self.handoff = Handoff(self.depth)
        self.waiting: deque[int] = deque()
        self.state = "open"
        self.error: Exception | None = None
        self.count = 0
        self.taken = 0

    def refusal(self) -> type[Exception]:
        return {"closed": ClosedHandoff, "failed": BrokenHandoff, "cancelled": Cancelled}[self.state]

    @rule()
    def put(self) -> None:
        if self.state != "open":
            with pytest.raises(self.refusal()):
                self.handoff.put(self.count)
        elif len(self.waiting) == self.depth:
            with pytest.raises(WouldBlock):
                self.handoff.put_nowait(self.count)
            with pytest.raises(WouldBlock):
                self.handoff.put(self.count, 1e-4)
        else:
            self.handoff.put(self.count)
            self.waiting.append(self.count)
            self.count += 1

    @rule()
    def get(self) -> None:
        if self.state == "cancelled":
            with pytest.raises(Cancelled):
                self.handoff.get()
        elif self.waiting:
            assert self.handoff.get() == self.waiting.popleft()
            self.taken += 1
        elif self.state == "open":
            with pytest.raises(WouldBlock):
                self.handoff.get_nowait()
            with pytest.raises(WouldBlock):
                self.handoff.get(1e-4)
        else:
            with pytest.raises(EndOfStream if self.state == "closed" else BrokenHandoff) as caught:
                self.handoff.get()
            if isinstance(caught.value, BrokenHandoff):
                assert caught.value.error is self.error is caught.value.__cause__

    @rule()
    def close(self) -> None:
        self.handoff.close()
        if self.state == "open":
            self.state = "closed"

    @rule()
    def fail(self) -> None:
        error = ValueError("failed")
        self.handoff.fail(error)
        if self.state == "open":
            self.state, self.error = "failed", error

    @precondition(lambda self: self.count > 2)
    @rule()
    def cancel(self) -> None:
        self.handoff.cancel()
        self.state = "cancelled"

    @invariant()
    def statistics_agree(self) -> None:
        s = self.handoff.statistics()
        assert (s.put, s.taken, s.waiting, s.state) == (self.count, self.taken, len(self.waiting), self.state)
        assert s.waiting <= s.most_waiting <= s.depth


HandoffModel.TestCase.settings = settings(deadline=None, max_examples=80, stateful_step_count=30)
TestHandoffModel = HandoffModel.TestCase


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 300), st.integers(1, 5), st.sampled_from(WAITS), st.sampled_from(["close", "fail", "cancel"]))
def test_two_threads_lose_and_double_nothing(n: int, depth: int, wait: str, end: str) -> None:
    handoff = Handoff(depth, wait)

    def produce() -> None:
        for i in range(n):
            handoff.put(i)
        {"close": handoff.close, "fail": lambda: handoff.fail(ValueError("x")), "cancel": handoff.cancel}[end]()

    def consume() -> tuple[list[int], type[Exception]]:
        got: list[int] = []
        while True:
            try:
                got.append(handoff.get())
            except (EndOfStream, BrokenHandoff, Cancelled) as error:
                return got, type(error)

    with no_thread_left():
        _, (got, how) = together([produce, consume])
    assert how == {"close": EndOfStream, "fail": BrokenHandoff, "cancel": Cancelled}[end]
    # Cancelling overtakes what is waiting; nothing else does.
    assert got == list(range(len(got) if end == "cancel" else n))
    assert handoff.statistics().most_waiting <= depth


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("action", ["put", "close", "fail", "cancel"])
def test_blocked_consumer_is_woken(wait: str, action: str) -> None:
    handoff = Handoff(1, wait)
    with no_thread_left(), Crowd() as crowd:
        blocked = crowd.run(handoff.get)
        if wait in BLOCKING:
            crowd.until(lambda: handoff.receiver_wait.parked)
        {
            "put": lambda: handoff.put("x"),
            "close": handoff.close,
            "fail": lambda: handoff.fail(ValueError("x")),
            "cancel": handoff.cancel,
        }[action]()
        if action == "put":
            assert blocked.result() == "x"
        else:
            with pytest.raises({"close": EndOfStream, "fail": BrokenHandoff, "cancel": Cancelled}[action]):
                blocked.result()


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("action", ["get", "fail", "cancel"])
def test_blocked_producer_is_woken(wait: str, action: str) -> None:
    handoff = Handoff(1, wait)
    handoff.put("first")
    with no_thread_left(), Crowd() as crowd:
        blocked = crowd.run(lambda: handoff.put("second"))
        crowd.until(lambda: handoff.statistics().backpressure == 1)
        if wait in BLOCKING:
            crowd.until(lambda: handoff.sender_wait.parked)
        if action == "get":
            assert handoff.get() == "first"
            blocked.result()
            assert handoff.get() == "second"
            return
        if action == "fail":
            handoff.fail(ValueError("x"))
            with pytest.raises(BrokenHandoff):
                blocked.result()
            assert handoff.get() == "first"
        else:
            handoff.cancel()
            with pytest.raises(Cancelled):
                blocked.result()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.booleans(), max_size=24), st.sampled_from(BLOCKING))
def test_every_interleaving_of_steps(puts: list[bool], wait: str) -> None:
    """A producer and a consumer take turns as the sequencer says; each step does what a queue of the same length
    does."""
    handoff, sequencer = Handoff(2, wait), Sequencer()
    model: deque[int] = deque()
    expected: list[object] = []
    for i, is_put in enumerate(puts):
        if is_put and len(model) < 2:
            model.append(i)
        elif not is_put:
            expected.append(model.popleft() if model else None)

    def produce() -> None:
        for i, is_put in enumerate(puts):
            if is_put:
                with sequencer(i), suppress(WouldBlock):
                    handoff.put_nowait(i)

    def consume() -> list[object]:
        got: list[object] = []
        for i, is_put in enumerate(puts):
            if not is_put:
                with sequencer(i):
                    try:
                        got.append(handoff.get_nowait())
                    except WouldBlock:
                        got.append(None)
        return got

    assert together([produce, consume])[1] == expected


def test_two_sides_that_share_one_waiter() -> None:
    """One consumer waits for two handoffs at once, as the coordinator does for receivers and reader."""
    first = Handoff(4)
    second: Handoff = Handoff(4, receiver=first.receiver_wait)
    first.receiver_wait.fence = lambda: (first.fence(), second.fence())  # type: ignore[attr-defined]
    got: list[int] = []

    def consume() -> None:
        while len(got) < 400:
            first.receiver_wait.wait(lambda: first.has_item() or second.has_item())
            for handoff in (first, second):
                if handoff.has_item():
                    got.append(handoff.get_nowait())

    together([consume, lambda: [first.put(i) for i in range(200)], lambda: [second.put(i) for i in range(200, 400)]])
    assert sorted(got) == list(range(400))
    assert [i for i in got if i < 200] == list(range(200))


def test_wrong_arguments() -> None:
    with pytest.raises(OptionError, match="depth"):
        Handoff(0)
    with pytest.raises(OptionError, match="did you mean 'hybrid'"):
        Handoff(1, "hybird")


INTERRUPTED = """
import sys, threading
from velothread.processors.adaptive.handoff import Handoff
handoff = Handoff(1, sys.argv[1])
side = handoff.receiver_wait if sys.argv[2] == "get" else handoff.sender_wait
def tell(ready):
    # Called by the waiting side itself, from inside its wait: now it is there.
    def told():
        if not said:
            said.append(1)
            print("waiting", flush=True)
        return ready()
    return told
said = []
inner = side.wait
class Telling:
    parked = property(lambda self: side.parked)
    signal = side.signal
    def wait(self, ready, timeout=None, *, patient=False):
        return inner(tell(ready), timeout)
if sys.argv[2] == "get":
    handoff.receiver_wait = Telling()
else:
    handoff.sender_wait = Telling()
    handoff.put(1)
try:
    handoff.get() if sys.argv[2] == "get" else handoff.put(2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("side", ["get", "put"])
@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_interrupts_a_wait(wait: str, side: str) -> None:
    root = str(Path(velothread.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, wait, side],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
            assert (out, process.returncode) == ("interrupted\n", 0)
        finally:
            process.kill()


@pytest.mark.parametrize("wait", BLOCKING)
def test_blocked_producer_is_woken_when_half_is_taken(wait: str) -> None:
    handoff = Handoff(8, wait)
    signals = []
    original = handoff.sender_wait

    class Telling:
        counters = original.counters
        parked = property(lambda self: original.parked)

        def wait(self, ready, timeout=None, *, patient=False):
            return original.wait(ready, timeout, patient=patient)

        def signal(self) -> None:
            signals.append(handoff.waiting())
            original.signal()

    handoff.sender_wait = Telling()
    for i in range(8):
        handoff.put(i)
    with no_thread_left(), Crowd() as crowd:
        blocked = crowd.run(lambda: handoff.put(8))
        crowd.until(lambda: original.parked)
        assert [handoff.get() for _ in range(3)] == [0, 1, 2]
        assert not signals  # there is room, but the consumer has enough to do
        assert handoff.get() == 3
        blocked.result()
        assert signals == [4]
        assert [handoff.get() for _ in range(5)] == [4, 5, 6, 7, 8]
