"""Partials whose groups are addressed by their key, and their merge: whole arrays are added, nothing is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial as bind
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.breakers.breaker import SPLIT_SHIFT, Run
from velothread.breakers.tasks import in_parallel
from velothread.kernels.aggregates.state import ArrayState
from velothread.kernels.grouping import Codes
from velothread.kernels.slots import Slots, keys_of, moves, too_sparse

_NOWHERE = np.iinfo(np.int64).max
_TASK_ROWS = 1 << 17


@dataclass(frozen=True, slots=True)
class SlottedPartial:
    """States by slot; `appeared`: the slots in use in order of first appearance, at `first`.

    Threading: handed over to one merge, which may write into the states.
    """

    base: int
    size: int
    key: pa.DataType
    appeared: Codes
    first: Codes
    states: tuple[ArrayState, ...]

    @classmethod
    def of(cls, slots: Slots, states: tuple[ArrayState, ...]) -> SlottedPartial:
        """What a collector has gathered."""
        appeared, first = slots.appeared()
        for state in states:
            state.grow(slots.size)
        return cls(slots.base, slots.size, slots.type, appeared, first, states)

    @property
    def groups(self) -> int:
        return len(self.appeared)

    def part(self, start: int, stop: int) -> tuple[pa.Array, tuple[ArrayState, ...]]:
        """Keys and states of some groups in order of appearance."""
        slots = self.appeared[start:stop]
        return keys_of(slots, self.base, self.key), tuple(s.select(slots) for s in self.states)


def are_near(partials: Sequence[SlottedPartial]) -> bool:
    """Do their slots, put together, not get too many? Each receiver may have seen another part of a wide range."""
    low, high = min(p.base for p in partials), max(p.base + p.size for p in partials)
    return not too_sparse(high - low, sum(p.groups for p in partials))


def merged(partials: Sequence[SlottedPartial], fresh: Sequence[Callable[[], ArrayState]], run: Run) -> SlottedPartial:
    """One partial of several; `fresh` makes a state of each call. The first partial's states become the result's."""
    if len(partials) == 1:
        return partials[0]
    base = min(p.base for p in partials)
    size = max(p.base + p.size for p in partials) - base
    moved = [moves(p.base, p.size, base) for p in partials]
    at = [p.appeared if isinstance(m, slice) else m[p.appeared] for p, m in zip(partials, moved, strict=True)]
    first = [p.first for p in partials]
    tasks: list[Callable[[], Any]] = [bind(_opened, i, at, first, size) for i in range(len(partials))]
    for i, make in enumerate(fresh):
        tasks.append(bind(_added, [p.states[i] for p in partials], moved, size, make))
    done = list(in_parallel(run, "aggregate: merge", tasks))
    pieces = sorted((piece for found in done[: len(partials)] for piece in found), key=lambda piece: int(piece[1][0]))
    appeared, positions = (np.concatenate(pair) for pair in zip(*pieces, strict=True))
    return SlottedPartial(base, size, partials[0].key, appeared, positions, tuple(done[len(partials) :]))


def in_parts(
    partial: SlottedPartial, finish: Callable[[int, int], pa.RecordBatch], run: Run
) -> Iterator[pa.RecordBatch]:
    """The result's batches: `finish` gives those of a range of groups."""
    starts = range(0, partial.groups, _TASK_ROWS)
    yield from in_parallel(
        run, "aggregate: finish", [bind(finish, i, min(i + _TASK_ROWS, partial.groups)) for i in starts]
    )


def _added(
    states: Sequence[ArrayState], moved: Sequence[Codes | slice], size: int, make: Callable[[], ArrayState]
) -> ArrayState:
    whole, rest = make(), list(zip(states, moved, strict=True))
    if isinstance(moved[0], slice):
        (whole, _), *rest = rest
    whole.grow(size)
    for state, codes in rest:
        whole.merge(state, codes, size)
    return whole


def _opened(which: int, slots: Sequence[Codes], first: Sequence[Codes], size: int) -> list[tuple[Codes, Codes]]:
    """The slots that appeared first in partial `which`, split by split, and where that was.

    A split is read by one receiver, so what appeared in it is in order already: sorting the splits is enough.
    """
    elsewhere = np.full(size, _NOWHERE)
    others = [i for i in range(len(slots)) if i != which]
    for turn, i in enumerate(others):
        elsewhere[slots[i]] = np.minimum(elsewhere.take(slots[i]), first[i]) if turn else first[i]
    kept = np.flatnonzero(elsewhere.take(slots[which]) > first[which])
    if not len(kept):
        return []
    at, places = slots[which].take(kept), first[which].take(kept)
    splits = places >> SPLIT_SHIFT
    ends = np.flatnonzero(splits[1:] != splits[:-1]) + 1
    return list(zip(np.split(at, ends), np.split(places, ends), strict=True))
