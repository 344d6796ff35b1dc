"""An exchange: bounded channels from each receiver to each, for rows or states that must meet by key.

    exchange.send(me, owner, index, piece)      # as often as needed, to anyone
    exchange.done(me)                           # nothing more from me
    for sender, index, piece in exchange.received(me): ...

It can't deadlock when all its channels are full: a sender that finds a channel full takes what has come for itself into
its own store while it waits, so each full channel has a taker. Items keep their order per sender and receiver; sequence
numbers (`index`) are the users' way to one order over all senders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from velothread.errors import Cancelled
from velothread.processors.adaptive.handoff import EndOfStream, WouldBlock
from velothread.processors.adaptive.wait import WaitStrategy, wait_strategy
from velothread.processors.metrics import WaitCounters

Sent = tuple[int, int, Any]


class _Member:
    """A receiver's place in an exchange.

    Threading: owned by the receiver; others look at `wait.parked` and signal.
    """

    __slots__ = ("inbound", "open", "store", "wait")

    def __init__(self, inbound: list[tuple[int, deque[Sent | None]]], outbound: list[deque[Sent | None]], wait: str):
        self.inbound = inbound
        self.open = len(inbound)
        self.store: deque[Sent] = deque()
        # This member waits for its inbound channels (an item) and outbound ones (room): the fence takes the locks of
        # all.
        watched = [channel for _, channel in inbound] + outbound
        self.wait: WaitStrategy = wait_strategy(wait, partial(_fence, watched))


def _fence(channels: list[deque[Sent | None]]) -> None:
    for channel in channels:
        channel.rotate(0)


class Exchange:
    """All-to-all channels among `n` receivers, `depth` items each.

    Threading: `send`, `done`, `receive`, `received` with number i by receiver i's thread alone; `fail` and `cancel` by
    any.
    """

    __slots__ = ("_channels", "_error", "_members", "depth", "n")

    def __init__(self, n: int, depth: int = 4, wait: str = "hybrid") -> None:
        if n < 1 or depth < 1:
            raise ValueError(f"an exchange needs n and depth of at least 1, not {n} and {depth}")
        self.n, self.depth = n, depth
        self._error: BaseException | None = None
        # channels[sender][to]; None in a channel: the sender is done.
        self._channels: list[list[deque[Sent | None]]] = [[deque() for _ in range(n)] for _ in range(n)]
        self._members = [
            _Member(
                [(s, self._channels[s][i]) for s in range(n) if s != i],
                [self._channels[i][to] for to in range(n) if to != i],
                wait,
            )
            for i in range(n)
        ]

    def send(self, sender: int, to: int, index: int, item: Any) -> None:
        """Send an item; wait while its channel is full.

        :raises Cancelled: the exchange was failed or cancelled; the cause is the failure.
        """
        if self._error is not None:
            raise self._stopped()
        if to == sender:
            self._members[sender].store.append((sender, index, item))
            return
        channel = self._channels[sender][to]
        if len(channel) >= self.depth:
            self._await_room(sender, channel)
        channel.append((sender, index, item))
        wait = self._members[to].wait
        if wait.parked:
            wait.signal()

    def done(self, sender: int) -> None:
        """Nothing more comes from `sender`. The mark needs no room."""
        for to, channel in enumerate(self._channels[sender]):
            if to != sender:
                channel.append(None)
                wait = self._members[to].wait
                if wait.parked:
                    wait.signal()

    def receive(self, me: int, timeout: float | None = None) -> Sent:
        """The next (sender, index, item) for `me`. Call it when `me` sends nothing more, or in between.

        :raises EndOfStream: all other senders are done and everything was received.
        :raises WouldBlock: nothing came within `timeout` seconds.
        :raises Cancelled: the exchange was failed or cancelled; the cause is the failure.
        """
        member = self._members[me]
        while True:
            if self._error is not None:
                raise self._stopped()
            if member.store:
                return member.store.popleft()
            self._drain(member)
            if member.store:
                continue
            if not member.open:
                raise EndOfStream("all senders are done")
            if not member.wait.wait(partial(self._has_news, member), timeout):
                raise WouldBlock("nothing was sent")

    def received(self, me: int) -> Iterator[Sent]:
        """Everything for `me`, until all senders are done."""
        while True:
            try:
                sent = self.receive(me)
            except EndOfStream:
                return
            yield sent

    def fail(self, error: BaseException) -> None:
        """Stop everyone: each call raises `Cancelled` caused by `error`. The first failure counts."""
        if self._error is not None:
            return
        self._error = error
        for member in self._members:
            # The member's fence orders the error before the look at `parked`: see `wait.py`.
            _fence([channel for _, channel in member.inbound])
            if member.wait.parked:
                member.wait.signal()

    def cancel(self) -> None:
        """Stop everyone: each call raises `Cancelled`."""
        self.fail(Cancelled("cancelled"))

    def waits(self, me: int) -> WaitCounters:
        """How `me` has waited."""
        return self._members[me].wait.counters

    def _await_room(self, sender: int, channel: deque[Sent | None]) -> None:
        member = self._members[sender]

        def ready() -> bool:
            return len(channel) < self.depth or self._has_news(member)

        while True:
            self._drain(member)
            if self._error is not None:
                raise self._stopped()
            if len(channel) < self.depth:
                return
            member.wait.wait(ready)

    def _has_news(self, member: _Member) -> bool:
        return self._error is not None or any(channel for _, channel in member.inbound)

    def _drain(self, member: _Member) -> None:
        for sender, channel in member.inbound:
            if not channel:
                continue
            while channel:
                sent = channel.popleft()
                if sent is None:
                    member.open -= 1
                else:
                    member.store.append(sent)
            wait = self._members[sender].wait
            if wait.parked:
                wait.signal()

    def _stopped(self) -> Cancelled:
        stopped = Cancelled("the exchange was stopped")
        stopped.__cause__ = self._error
        return stopped
