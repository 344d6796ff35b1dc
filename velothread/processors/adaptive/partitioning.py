"""Partitioning strategies: which receiver gets the next split, and whether rows meet by key afterwards.

A strategy never changes an answer, only where work is done. `sticky` deals by demand; `round-robin` in strict turn;
`fan-in` gives all to one receiver. `hash` and `smart` deal as `sticky` does: their rows (or partial states) meet by key
after parsing, through an `Exchange` among the receivers; `smart` leaves that out where the source is partitioned by
the key already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from velothread.errors import OptionError, did_you_mean


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a stage when its strategy is chosen. None: not known.

    splits, bytes: how many parts the source has, and their size. splittable: False for what one thread must read.
    keys: does the query have keys by which rows must meet? partitioned: do the splits of the source never share a key?
    shared: do receivers share what they gather?
    """

    splits: int | None = None
    bytes: int | None = None
    splittable: bool = True
    keys: bool | None = None
    partitioned: bool = False
    shared: bool = False


class Dealer(Protocol):
    """Decides who gets the next split.

    Threading: the coordinator's alone.
    """

    def __call__(self, outstanding: Sequence[int], limit: int) -> int | None:
        """The receiver for the next split, or None: wait until someone has room.

        `outstanding`: splits dealt to each receiver and not yet done; none may come to more than `limit`.
        """
        ...


def deal_by_demand(outstanding: Sequence[int], limit: int) -> int | None:
    """The receiver with the least to do; the first of equals."""
    least = min(outstanding)
    return outstanding.index(least) if least < limit else None


def deal_to_first(outstanding: Sequence[int], limit: int) -> int | None:
    """Always receiver 0."""
    return 0 if outstanding[0] < limit else None


class DealInTurn:
    """Split i goes to receiver i modulo n, and waits for it.

    Threading: the coordinator's alone.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, outstanding: Sequence[int], limit: int) -> int | None:
        """See `Dealer`."""
        receiver = self._next
        if outstanding[receiver] >= limit:
            return None
        self._next = (receiver + 1) % len(outstanding)
        return receiver


@dataclass(frozen=True, slots=True)
class Strategy:
    """A partitioning strategy: how splits are dealt, and whether it needs keys to meet by.

    `by_demand`: any receiver may get any split, so the last ones can be kept for whoever is idle.
    """

    name: str
    dealer: Callable[[], Dealer]
    needs_keys: bool = False
    by_demand: bool = True
    doc: str = ""

    def refusal(self, facts: Facts) -> str | None:
        """Why this strategy can't serve a stage, or None when it can."""
        if self.needs_keys and facts.keys is False:
            return "the query has no keys (GROUP BY, DISTINCT, join keys) by which rows could be partitioned"
        return None

    def exchanges(self, facts: Facts) -> bool:
        """Do rows or partial states have to be exchanged by key among receivers?"""
        return self.needs_keys and not (self.name == "smart" and facts.partitioned)


STRATEGIES: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy("sticky", lambda: deal_by_demand, doc="a split stays with the receiver that is free for it"),
        Strategy("hash", lambda: deal_by_demand, True, doc="splits by demand, then states meet by the hash of the key"),
        Strategy("smart", lambda: deal_by_demand, True, doc="as hash, unless the source is partitioned by the key"),
        Strategy("round-robin", DealInTurn, by_demand=False, doc="splits in strict turn"),
        Strategy("fan-in", lambda: deal_to_first, by_demand=False, doc="all splits to one receiver"),
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy and a sentence why."""

    strategy: Strategy
    reason: str


def choose_strategy(name: str, facts: Facts) -> Choice:
    """The strategy of this name, or for `auto` the one that fits.

    :raises OptionError: when there is none of this name, or it can't serve the stage.
    """
    if name == "auto":
        return _choose(facts)
    strategy = STRATEGIES.get(name)
    if strategy is None:
        hint = did_you_mean(name, STRATEGIES) or f"choose one of auto, {', '.join(STRATEGIES)}"
        raise OptionError(f"strategy={name!r} is not known; {hint}")
    if (refusal := strategy.refusal(facts)) is not None:
        raise OptionError(f"strategy={name!r} can't serve this query: {refusal}; use 'sticky' or 'auto'")
    return Choice(strategy, "asked for")


def _choose(facts: Facts) -> Choice:
    if facts.shared:
        return Choice(STRATEGIES["sticky"], "splits go to whoever is free, and what they give to one table")
    if facts.keys and facts.partitioned:
        return Choice(STRATEGIES["smart"], "the source is partitioned by the key, so each key stays in its split")
    if facts.keys:
        return Choice(
            STRATEGIES["sticky"], "states stay where they are made, and are merged by key after the last split"
        )
    if not facts.splittable:
        return Choice(STRATEGIES["sticky"], "one thread reads the source; its blocks go to whoever is free")
    if facts.splits == 1:
        return Choice(STRATEGIES["sticky"], "the source is one split, so one receiver does it all")
    if facts.keys is None:
        return Choice(STRATEGIES["sticky"], "splits go to whoever is free; what must meet does so after the last one")
    return Choice(STRATEGIES["sticky"], "no rows have to meet, so splits go to whoever is free")
