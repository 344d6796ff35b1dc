"""Aggregates that are classes of the user's: an object for each group, given rows one by one.

What calls the classes is elsewhere (`velothread.functions.aggregates`); here is what the engine sees of it: states that
are updated, merged and finished as all others, and frames of windows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.rows import RowState
from velothread.kernels.aggregates.state import Rows
from velothread.kernels.grouping import Codes

# Per row: the ranges of its frame, first to last (as in `kernels.windows.frames`).
Ranges = tuple[tuple[Codes, Codes], ...]


class Caller(Protocol):
    """How one thread calls a class.

    Threading: owned by that thread.
    """

    def several(self, count: int) -> list[Any]:
        """So many objects that have seen no rows.

        :raises ExecutionError: when one can't be made.
        """
        ...

    def left(self, columns: Sequence[pa.Array]) -> Codes | None:
        """The rows (rising) that are stepped over, NULLs having been left out; None: all."""
        ...

    def step(self, objects: Sequence[Any], codes: Codes | None, columns: Sequence[pa.Array], rows: int) -> None:
        """Give each row to the object that its code names (None: all to the first), in the order of the rows.

        :raises ExecutionError: when a call raises.
        """
        ...

    def merge(self, mine: list[Any], theirs: list[Any]) -> None:
        """Merge each of `theirs` into the one of `mine` beside it. Objects of other threads come through `owned` first.

        :raises ExecutionError: when a call raises.
        """
        ...

    def owned(self, objects: Sequence[Any]) -> list[Any]:
        """The same objects as instances of this thread's copy of the class."""
        ...

    def finish(self, objects: Sequence[Any]) -> pa.Array:
        """The result of each.

        :raises ExecutionError: when a call raises, or gives what was not declared.
        """
        ...

    def over_frames(self, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
        """The result of each frame of these rows.

        :raises ExecutionError: as `step` and `finish`.
        """
        ...


# Gives the calling thread's way of calling the class.
Here = Callable[[], Caller]


class OverFrames(ABC):
    """A state of an aggregate that has a way of its own over frames of windows."""

    __slots__ = ()

    @abstractmethod
    def over_frames(self, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
        """The result of each frame; the state itself stays as it is."""


class ClassState(OverFrames):
    """An object for each group that has rows.

    A group's object is taken over by the state that is merged with; it is then that of the thread which merges.

    Threading: owned by one thread until it is handed over as part of a partial, and by the one merge that gets it then.
    """

    __slots__ = ("here", "objects")

    def __init__(self, here: Here) -> None:
        self.here = here
        self.objects: list[Any] = []  # None: no rows yet

    def update(self, rows: Rows) -> None:
        if not rows.count:
            return
        caller, codes, columns, count = self.here(), rows.codes, rows.columns, rows.count
        kept = caller.left(columns)
        if kept is not None:
            columns, count = tuple(c.take(pa.array(kept)) for c in columns), len(kept)
            codes = None if codes is None else codes[kept]
            if not count:
                return
        self._grow(rows.groups)
        objects = self.objects
        groups = [0] if codes is None else np.unique(codes).tolist()
        missing = [g for g in groups if objects[g] is None]
        for group, made in zip(missing, caller.several(len(missing)), strict=True):
            objects[group] = made
        caller.step(objects, codes, columns, count)

    def merge(self, other: Self, codes: Codes, groups: int) -> None:
        self._grow(groups)
        caller, objects = self.here(), self.objects
        mine, theirs = [], []
        owned = caller.owned(other.objects)
        for group, found in zip(codes[: len(owned)].tolist(), owned, strict=True):
            if found is None:
                continue
            if objects[group] is None:
                objects[group] = found
            else:
                mine.append(objects[group])
                theirs.append(found)
        if mine:
            caller.merge(mine, theirs)

    def select(self, groups: Codes) -> Self:
        chosen = type(self)(self.here)
        self._grow(int(groups.max()) + 1 if len(groups) else 0)
        chosen.objects = [self.objects[g] for g in groups.tolist()]
        return chosen

    def finish(self, groups: int) -> pa.Array:
        self._grow(groups)
        caller = self.here()
        # a group without rows (FILTER, no input) is an object that has seen none
        objects = caller.owned(self.objects[:groups])
        if any(x is None for x in objects):
            objects = [caller.several(1)[0] if x is None else x for x in objects]
        return caller.finish(objects)

    def over_frames(self, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
        return self.here().over_frames(rows, columns, ranges)

    def _grow(self, groups: int) -> None:
        if groups > len(self.objects):
            self.objects.extend([None] * (groups - len(self.objects)))


class GatheredState(RowState, OverFrames):
    """For a class that can't merge: the rows of all groups are kept, and stepped through in order at the end."""

    __slots__ = ("here",)

    def __init__(self, here: Here) -> None:
        super().__init__()
        self.here = here

    def _empty(self) -> Self:
        return type(self)(self.here)

    def finish(self, groups: int) -> pa.Array:
        state = ClassState(self.here)
        kept = self.in_order()
        if kept is not None:
            state.update(Rows(len(kept.codes), kept.codes, groups, kept.columns))
        return state.finish(groups)

    def over_frames(self, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
        return self.here().over_frames(rows, columns, ranges)


__all__ = ["Caller", "ClassState", "GatheredState", "Here", "OverFrames", "Ranges"]
