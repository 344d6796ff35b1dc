"""An exchange: bounded channels from each receiver to each, for rows or states that must meet by key.

    exchange.send(me, owner, index, piece)      # as often as needed, to anyone
    exchange.done(me)                           # nothing more from me
    for sender, index, piece in exchange.received(me): ...

It can't deadlock when all its channels are full, as long as each member comes back to it: in every call, a member takes
what has come for it into its own store, also while it waits for room, so each full channel has a taker. A member that
waits for something else (a receiver, for its next split) does so with `attend`, which goes on taking. Items keep their
order per sender and receiver; sequence numbers (`index`) are the users' way to one order over all senders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from velothread.errors import Cancelled
from velothread.processors.adaptive.handoff import EndOfStream, WouldBlock
from velothread.processors.adaptive.wait import Fence, Ready, WaitStrategy, wait_strategy
from velothread.processors.metrics import WaitCounters

Sent = tuple[int, int, Any]


class _Member:
    """A receiver's place in an exchange.

    Threading: owned by the receiver; others look at `wait.parked` and signal.
    """

    __slots__ = ("fences", "inbound", "open", "store", "wait", "watched")

    def __init__(self, inbound: list[tuple[int, deque[Sent | None]]], outbound: list[deque[Sent | None]], wait: str):
        self.inbound = inbound
        self.open = len(inbound)
        self.store: deque[Sent] = deque()
        # This member waits for its inbound channels (an item) and outbound ones (room): the fence takes the locks of
        # all.
        self.watched = [channel for _, channel in inbound] + outbound
        self.fences: list[Fence] = []
        self.wait: WaitStrategy = wait_strategy(wait, self.fence)

    def fence(self) -> None:
        for channel in self.watched:
            channel.rotate(0)
        for fence in self.fences:
            fence()


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
        member = self._members[sender]
        if to == sender:
            member.store.append((sender, index, item))
            return
        self._drain(member)
        channel = self._channels[sender][to]
        if len(channel) >= self.depth:
            self._await_room(member, channel)
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

    def joined(self, me: int, fence: Fence) -> WaitStrategy:
        """How `me` waits, for a handoff that `me` will `attend` to; `fence` is the handoff's."""
        self._members[me].fences.append(fence)
        return self._members[me].wait

    def attend(self, me: int, ready: Ready) -> None:
        """Wait until `ready()`, something outside the exchange, and meanwhile take what comes for `me`.

        Returns early, too, when the exchange was failed. The waiting side is `joined`.
        """
        member = self._members[me]

        def news() -> bool:
            return ready() or self._has_news(member)

        while not ready() and self._error is None:
            self._drain(member)
            member.wait.wait(news)

    def fail(self, error: BaseException) -> None:
        """Stop everyone: each call raises `Cancelled` caused by `error`. The first failure counts."""
        if self._error is not None:
            return
        self._error = error
        for member in self._members:
            # A lock that the member's fence takes, too, orders the error before the look at `parked`: see `wait.py`.
            # Those in `fences` are not ours to use; with one member, there is nobody to wake.
            for channel in member.watched:
                channel.rotate(0)
            if member.wait.parked:
                member.wait.signal()

    def cancel(self) -> None:
        """Stop everyone: each call raises `Cancelled`."""
        self.fail(Cancelled("cancelled"))

    def waits(self, me: int) -> WaitCounters:
        """How `me` has waited."""
        return self._members[me].wait.counters

    def _await_room(self, member: _Member, channel: deque[Sent | None]) -> None:
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
