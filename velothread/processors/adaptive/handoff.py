"""A bounded channel between one producer and one consumer.

    handoff = Handoff(depth=2)
    handoff.put(item)       # producer; blocks while `depth` items wait
    handoff.close()         # producer: that was all
    handoff.get()           # consumer; raises EndOfStream after the last item

Four outcomes that are not an item are four different errors, as in anyio's memory streams: `WouldBlock` (not now),
`EndOfStream` (the producer has closed, all was taken), `ClosedHandoff` (a mistake of the caller: it has closed this
itself), `BrokenHandoff` (a side has failed; `.error` says how). A cancelled handoff raises `Cancelled` on both sides.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from velothread.errors import Cancelled, OptionError, VelothreadError
from velothread.processors.adaptive.wait import WaitStrategy, wait_strategy


class HandoffError(VelothreadError):
    """Something other than an item."""


class WouldBlock(HandoffError):
    """Nothing to take, or no room, right now (or within the timeout)."""


class EndOfStream(HandoffError):
    """The producer has closed and all items were taken."""


class ClosedHandoff(HandoffError):
    """`put` after `close`: a mistake of the producer."""


class BrokenHandoff(HandoffError):
    """A side has failed. `error` is how, and the cause of this one."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the handoff is broken: {error}")
        self.error = error
        self.__cause__ = error


class _End:
    """The type of the mark that no item follows."""


_END: Final = _End()

# With so many items left, the consumer has enough to do until a blocked producer is awake.
_MANY: Final = 4


@dataclass(frozen=True, slots=True)
class HandoffStatistics:
    """A look at a handoff: items waiting now and at most, items put and taken, puts that had to wait for room."""

    depth: int
    waiting: int
    most_waiting: int
    put: int
    taken: int
    backpressure: int
    state: str


class Handoff:
    """A bounded channel between one producer and one consumer.

    `depth`: how many items may wait. `wait`: how a side waits (see `wait.py`). `receiver`, `sender`: strategy objects
    to be used instead, for a side that waits for several things at once; their fence must cover `fence` of this. They
    are `receiver_wait` and `sender_wait`, with their counters.

    The quick path is a deque's append and popleft, which are atomic in CPython with and without the GIL (each takes
    the deque's own lock), a length check and a look at the other side's `parked`. The length check needs no lock: only
    the producer adds items, so room that it sees stays until it uses it; only the consumer takes, so an item that it
    sees stays.

    A producer that found it full is woken when half of it is taken, so that it puts several items in each time; until
    then the consumer has work.

    The end travels as a mark behind the last item. It is put back when it is met, so each later `get` meets it again.

    Threading: `put*`, `close` by the producer; `get*` by the consumer; `fail`, `cancel`, `statistics` by any thread.
    """

    __slots__ = (
        "_backpressure",
        "_cancelled",
        "_closed",
        "_error",
        "_items",
        "_most",
        "_put",
        "_resume",
        "_sealed",
        "_taken",
        "depth",
        "fence",
        "receiver_wait",
        "sender_wait",
    )

    def __init__(
        self,
        depth: int = 2,
        wait: str = "hybrid",
        *,
        receiver: WaitStrategy | None = None,
        sender: WaitStrategy | None = None,
    ) -> None:
        if depth < 1:
            raise OptionError(f"depth must be at least 1, not {depth}")
        self.depth = depth
        self._resume = depth // 2  # so many items are left when a producer that waits for room is woken
        self._items: deque[Any] = deque()
        self.fence = partial(self._items.rotate, 0)
        self.receiver_wait: WaitStrategy = receiver or wait_strategy(wait, self.fence)
        self.sender_wait: WaitStrategy = sender or wait_strategy(wait, self.fence)
        self._sealed = False  # closed, failed or cancelled: one look tells the producer
        self._closed = False
        self._cancelled = False
        self._error: BaseException | None = None
        self._put = self._taken = self._most = self._backpressure = 0

    # Producer's side

    def put(self, item: Any, timeout: float | None = None) -> None:
        """Hand over an item; wait for room, at most `timeout` seconds.

        :raises WouldBlock: no room within `timeout`.
        :raises ClosedHandoff: `close` was called.
        :raises BrokenHandoff: a side has failed.
        :raises Cancelled: `cancel` was called.
        """
        if self._sealed:
            raise self._refusal()
        items = self._items
        waiting = len(items)
        if waiting >= self.depth:
            waiting = self._await_room(timeout)
        items.append(item)
        self._put += 1
        if waiting >= self._most:
            self._most = waiting + 1
        if self.receiver_wait.parked:
            self.receiver_wait.signal()

    def put_nowait(self, item: Any) -> None:
        """Hand over an item if there is room.

        :raises WouldBlock: there is none. Else as `put`.
        """
        self.put(item, 0.0)

    def close(self) -> None:
        """No item follows. The consumer gets what is waiting, then `EndOfStream`. May be called twice."""
        if not self._sealed:
            self._closed = self._sealed = True
            self._items.append(_END)
            self._wake()

    def _await_room(self, timeout: float | None) -> int:
        self._backpressure += 1
        patient = self._resume >= _MANY
        if timeout != 0.0 and not self.sender_wait.wait(self.has_room, timeout, patient=patient):
            raise WouldBlock(f"no room within {timeout} s: {self.depth} items are waiting")
        if self._sealed:
            raise self._refusal()
        waiting = len(self._items)
        if waiting >= self.depth:
            raise WouldBlock(f"no room: {self.depth} items are waiting")
        return waiting

    def has_room(self) -> bool:
        """Would `put` return (or raise) at once? For the producer."""
        return len(self._items) < self.depth or self._sealed

    def _refusal(self) -> Exception:
        if self._cancelled:
            return Cancelled("cancelled")
        if self._error is not None:
            return BrokenHandoff(self._error)
        return ClosedHandoff("put after close")

    # Consumer's side

    def get(self, timeout: float | None = None) -> Any:
        """Take the next item; wait for it, at most `timeout` seconds.

        :raises WouldBlock: there is none within `timeout`.
        :raises EndOfStream: the producer has closed and all was taken.
        :raises BrokenHandoff: a side has failed and all that came before was taken.
        :raises Cancelled: `cancel` was called, whatever is waiting.
        """
        try:
            item = self._items.popleft()
        except IndexError:
            if timeout == 0.0 or not self.receiver_wait.wait(self.has_item, timeout):
                raise WouldBlock("nothing is waiting") from None
            item = self._items.popleft()
        if item is _END:
            self._items.appendleft(_END)
            raise self._ending()
        self._taken += 1
        if self.sender_wait.parked and len(self._items) <= self._resume:
            self.sender_wait.signal()
        return item

    def get_nowait(self) -> Any:
        """Take the next item if there is one.

        :raises WouldBlock: there is none. Else as `get`.
        """
        return self.get(0.0)

    def has_item(self) -> bool:
        """Would `get` return (or raise) at once? For the consumer."""
        return len(self._items) > 0

    def waiting(self) -> int:
        """How many items wait now. Exact for the side that acts on it: see above."""
        return len(self._items)

    def _ending(self) -> Exception:
        if self._cancelled:
            return Cancelled("cancelled")
        if self._error is not None:
            return BrokenHandoff(self._error)
        return EndOfStream("the producer has closed")

    # Either side

    def fail(self, error: BaseException) -> None:
        """A side has failed: the producer is refused from now on; the consumer hears of it after the waiting items.

        The first of several failures counts; after `close` or `cancel` it does nothing.
        """
        if not self._sealed:
            self._error = error
            self._sealed = True
            self._items.append(_END)
            self._wake()

    def cancel(self) -> None:
        """Stop both sides now: each `put` and `get` raises `Cancelled`, under way or later. May be called twice."""
        if not self._cancelled:
            self._cancelled = self._sealed = True
            # In front of all items; also the fence between the flags and the looks at `parked`.
            self._items.appendleft(_END)
            self._wake()

    def _wake(self) -> None:
        if self.receiver_wait.parked:
            self.receiver_wait.signal()
        if self.sender_wait.parked:
            self.sender_wait.signal()

    def statistics(self) -> HandoffStatistics:
        """A look from any thread; exact when nothing is under way."""
        state = "cancelled" if self._cancelled else "failed" if self._error is not None else "closed"
        return HandoffStatistics(
            depth=self.depth,
            waiting=max(0, self._put - self._taken),
            most_waiting=self._most,
            put=self._put,
            taken=self._taken,
            backpressure=self._backpressure,
            state=state if self._sealed else "open",
        )
