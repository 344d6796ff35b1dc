"""The exchange: everything arrives once, in order per sender and receiver, whatever is full."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import Cancelled
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.adaptive.handoff import EndOfStream, WouldBlock
from velothread.testing.sequencer import Crowd, no_thread_left, together

WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")


@st.composite
def plans(draw: st.DrawFn) -> list[list[int]]:
    """For each member, to whom it sends, in order."""
    n = draw(st.integers(1, 5))
    return draw(st.lists(st.lists(st.integers(0, n - 1), max_size=40), min_size=n, max_size=n))


@settings(deadline=None, max_examples=80)
@given(plans(), st.integers(1, 3), st.sampled_from(WAITS))
def test_all_to_all(plan: list[list[int]], depth: int, wait: str) -> None:
    n = len(plan)
    exchange = Exchange(n, depth, wait)

    def member(me: int) -> list[tuple[int, int, str]]:
        for index, to in enumerate(plan[me]):
            exchange.send(me, to, index, f"{me}>{to}#{index}")
        exchange.done(me)
        return list(exchange.received(me))

    with no_thread_left():
        received = together([lambda me=me: member(me) for me in range(n)])
    for me, got in enumerate(received):
        by_sender: dict[int, list[int]] = defaultdict(list)
        for sender, index, item in got:
            assert item == f"{sender}>{me}#{index}"
            by_sender[sender].append(index)
        for sender in range(n):
            assert by_sender[sender] == [i for i, to in enumerate(plan[sender]) if to == me]


@pytest.mark.parametrize("wait", WAITS)
def test_all_channels_full_at_once(wait: str) -> None:
    """Everyone sends to everyone else before anyone receives: a design that only waits for room stops here."""
    n, exchange = 3, Exchange(3, 1, wait)

    def member(me: int) -> int:
        for index in range(50):
            for to in range(n):
                exchange.send(me, to, index, None)
        exchange.done(me)
        return len(list(exchange.received(me)))

    assert together([lambda me=me: member(me) for me in range(n)]) == [150] * 3


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("blocked_in", ["send", "receive", "attend"])
def test_failure_frees_everyone(wait: str, blocked_in: str) -> None:
    exchange = Exchange(2, 1, wait)

    def blocked() -> object:
        if blocked_in == "receive":
            return exchange.receive(0)
        if blocked_in == "attend":
            exchange.attend(0, lambda: False)
        exchange.send(0, 1, 0, "fills the channel")
        return exchange.send(0, 1, 1, "has no room")

    with no_thread_left(), Crowd() as crowd:
        task = crowd.run(blocked)
        if wait in ("hybrid", "condvar"):
            crowd.until(lambda: exchange._members[0].wait.parked)
        cause = ValueError("another one failed")
        exchange.fail(cause)
        exchange.fail(ValueError("too late"))
        with pytest.raises(Cancelled) as caught:
            task.result()
        assert caught.value.__cause__ is cause
    with pytest.raises(Cancelled):
        exchange.receive(1)


def test_attending_makes_room_for_senders() -> None:
    exchange = Exchange(2, 1)
    finished: list[int] = []
    with no_thread_left(), Crowd() as crowd:
        task = crowd.run(lambda: exchange.attend(1, lambda: bool(finished)))
        for index in range(100):
            exchange.send(0, 1, index, index)
        exchange.done(0)
        finished.append(1)
        exchange._members[1].wait.signal()
        task.result()
    assert [item for _, _, item in exchange.received(1)] == list(range(100))


def test_alone() -> None:
    exchange = Exchange(1)
    exchange.send(0, 0, 0, "x")
    exchange.done(0)
    assert exchange.receive(0) == (0, 0, "x")
    with pytest.raises(EndOfStream):
        exchange.receive(0)
    exchange.cancel()
    with pytest.raises(Cancelled):
        exchange.send(0, 0, 1, "y")


def test_receive_gives_up_after_its_timeout() -> None:
    with pytest.raises(WouldBlock):
        Exchange(2).receive(0, timeout=1e-4)
