"""Groups that partials are merged into, several at once or as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import State
from velothread.kernels.grouping import Codes, Grouper, joined

if TYPE_CHECKING:
    from velothread.breakers.aggregate import AggregateBreaker

_NOWHERE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class AggregatePartial:
    """Groups of some rows: keys, the position where each group appeared first, and a state per call.

    Threading: immutable.
    """

    groups: int
    keys: tuple[pa.Array, ...]
    first: Codes
    states: tuple[State, ...]


class MergedGroups:
    """What `AggregateBreaker.merge` makes, as long as it grows: the bytes don't depend on how many are added at a time.

    Threading: owned by one thread at a time.
    """

    __slots__ = ("_breaker", "_first", "_grouper", "_states")

    def __init__(self, breaker: AggregateBreaker) -> None:
        self._breaker = breaker
        self._grouper = Grouper(len(breaker.keys)) if breaker.keys else None
        self._states = tuple(call.state() for call in breaker.calls)
        self._first: list[Codes] = []

    @property
    def groups(self) -> int:
        """How many there are by now."""
        return self._grouper.groups if self._grouper is not None else len(self._first)

    def add(self, partials: Sequence[AggregatePartial]) -> None:
        """Merge these, none of them empty: in split order where the breaker is `per_split`, in any order otherwise."""
        first = np.concatenate([p.first for p in partials])
        if self._grouper is None:
            codes, groups = np.zeros(len(first), np.intp), 1
            self._first = [np.concatenate([*self._first, first]).min(keepdims=True)]
        else:
            columns = [joined(pieces) for pieces in zip(*(p.keys for p in partials), strict=True)]
            codes, new = self._grouper.codes(len(first), columns)
            groups = self._grouper.groups
            if self._breaker.per_split:
                self._first.append(first[new])
            else:
                earliest = np.concatenate([*self._first, np.full(len(new), _NOWHERE)])
                np.minimum.at(earliest, codes, first)
                self._first = [earliest]
        start = 0
        for p in partials:
            places = codes[start : start + p.groups]
            start += p.groups
            for mine, theirs in zip(self._states, p.states, strict=True):
                mine.merge(theirs, places, groups)

    def partial(self) -> AggregatePartial:
        """All groups, once something was added. Nothing is to be added after this."""
        keys = self._grouper.keys() if self._grouper is not None else ()
        return AggregatePartial(self.groups, keys, np.concatenate(self._first), self._states)
