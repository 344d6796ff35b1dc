"""A class of the user's over the frames of a window.

A frame that goes on where the one before it ended is given its new rows only: so frames that begin with their partition
cost a step for each row. Others are stepped through from their beginning, unless they are long and the class can merge:
then a tree of objects has one for each block of rows, and a frame is put together from its rows at both ends and the
blocks between. An object that is used again is copied before it is merged, so a `merge` that keeps parts of `other`
does no harm.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from velothread.functions.failures import raise_interrupt
from velothread.kernels.grouping import Codes

if TYPE_CHECKING:
    from velothread.functions.aggregates import ClassCaller
    from velothread.kernels.aggregates.python_state import Ranges

# Rows in a block, the leaves of the tree.
BLOCK_ROWS = 64
# A frame must cost more steps than this, on average, for a tree to pay.
LONG_FRAME = 1024

Lists = list[list[Any]]


def over_frames(caller: ClassCaller, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
    """See `python_state.Caller.over_frames`."""
    kept = caller.left(columns)
    if kept is not None:
        before = np.zeros(rows + 1, np.int64)
        np.add.at(before, kept + 1, 1)
        before = np.cumsum(before)
        columns = [c.take(pa.array(kept)) for c in columns]
        ranges = tuple((before.take(begin), before.take(end)) for begin, end in ranges)
        rows = len(kept)
    lists = caller.values(columns)
    frames = len(ranges[0][0])
    if caller.merges and _steps(ranges) > LONG_FRAME * frames:
        longest = max(int((end - begin).max(initial=0)) for begin, end in ranges)
        with suppress(NoCopyError):
            tree = Tree(caller, lists, rows, longest)
            return _results(caller, (tree.frame(frame) for frame in _listed(ranges)))
    if len(ranges) == 1:
        return _results(caller, Going(caller, lists).objects(*ranges[0]))
    return _results(caller, (_stepped(caller, lists, frame) for frame in _listed(ranges)))


def _steps(ranges: Ranges) -> int:
    """How many rows are given to objects when frames go on where they can."""
    total = 0
    for begin, end in ranges:
        size = end - begin
        if len(ranges) == 1 and len(begin):
            on = (begin[1:] == begin[:-1]) & (end[1:] >= end[:-1])
            size = size.copy()
            size[1:][on] = (end[1:] - end[:-1])[on]
        total += int(size.sum())
    return total


def _listed(ranges: Ranges) -> Any:
    """The (begin, end) pairs of each frame."""
    sides = [list(zip(begin.tolist(), end.tolist(), strict=True)) for begin, end in ranges]
    return zip(*sides, strict=True)


def _results(caller: ClassCaller, objects: Any) -> pa.Array:
    """`finish` of each object, as they come: an object may be stepped on afterwards."""
    nested = bool(caller.returns.inner)
    results: list[Any] = []
    pieces: list[pa.Array] = []
    finish = caller.finish_method
    for x in objects:
        try:
            found = finish(x)
        except BaseException as error:
            raise_interrupt(error)
            raise caller.failed_finish(x, error) from error
        if nested:  # what it gave may be a list of its own that later rows change
            pieces.append(caller.entered([found]))
        else:
            results.append(found)
    return pa.concat_arrays(pieces) if pieces else caller.entered(results)


def _step(caller: ClassCaller, into: Any, lists: Lists, begin: int, end: int) -> None:
    if end > begin:
        caller.stepped(repeat(into, end - begin), [v[begin:end] for v in lists], end - begin)


def _stepped(caller: ClassCaller, lists: Lists, frame: Sequence[tuple[int, int]]) -> Any:
    found = caller.fresh()
    for begin, end in frame:
        _step(caller, found, lists, begin, end)
    return found


class Going:
    """Frames of one range, each going on from the one before where it can.

    Threading: owned by one thread.
    """

    def __init__(self, caller: ClassCaller, lists: Lists) -> None:
        self.caller = caller
        self.lists = lists

    def objects(self, begins: Codes, ends: Codes) -> Any:
        """The object of each frame, to be looked at before the next is asked for."""
        caller, lists, step = self.caller, self.lists, self.caller.step_method
        rows = list(zip(*lists, strict=True)) if lists else None
        first, last, found = -1, -1, None
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            if begin != first or end < last:
                found, first, last = caller.fresh(), begin, begin
            if end - last == 1:
                values = rows[last] if rows is not None else ()
                try:
                    step(found, *values)
                except BaseException as error:
                    raise_interrupt(error)
                    raise caller.failed_step(values, error) from error
            else:
                _step(caller, found, lists, last, end)
            last = end
            yield found


class NoCopyError(Exception):
    """An object that can't be copied."""


# Values that a copy may share.
_SIMPLE = frozenset({int, float, bool, str, bytes, complex, type(None)})
_COPYING = ("__reduce_ex__", "__reduce__", "__getstate__")


def _is_plain(made: type) -> bool:
    """Is all that an object holds in its `__dict__`, and its copying left to Python?"""
    kinds = made.__mro__[:-1]
    own = not any("__slots__" in vars(k) or not k.__flags__ & 1 << 9 for k in kinds)  # made by a class statement
    usual = all(getattr(made, n) is getattr(object, n) for n in _COPYING)
    return own and usual and not any(hasattr(made, n) for n in ("__deepcopy__", "__setstate__"))


class Tree:
    """Level k has an object for each 2**k blocks of rows, counted from the first row that the kernel was given.

    Threading: owned by one thread.
    """

    def __init__(self, caller: ClassCaller, lists: Lists, rows: int, longest: int) -> None:
        self.caller = caller
        self.lists = lists
        self._is_plain = _is_plain(caller.made)
        blocks = rows // BLOCK_ROWS
        leaves = [caller.fresh() for _ in range(blocks)]
        for i, leaf in enumerate(leaves):
            _step(caller, leaf, lists, i * BLOCK_ROWS, (i + 1) * BLOCK_ROWS)
        self.levels = [leaves]
        while BLOCK_ROWS << len(self.levels) <= longest:
            below = self.levels[-1]
            pairs = len(below) // 2
            lefts = [self._copied(x) for x in below[0 : 2 * pairs : 2]]
            self._merge(lefts, below[1 : 2 * pairs : 2])
            self.levels.append(lefts)

    def _copied(self, x: Any) -> Any:
        if type(x) is self.caller.made and self._is_plain:
            content = x.__dict__
            if _SIMPLE.issuperset(map(type, content.values())):  # what a deep copy comes to, in a tenth of the time
                found: Any = object.__new__(self.caller.made)
                found.__dict__.update(content)
                return found
        try:
            return copy.deepcopy(x)
        except Exception as error:
            raise NoCopyError from error

    def _merge(self, mine: list[Any], theirs: Sequence[Any]) -> None:
        self.caller.merge(mine, [self._copied(x) for x in theirs])

    def frame(self, ranges: Sequence[tuple[int, int]]) -> Any:
        """An object that has seen the rows of a frame, in order."""
        found = self.caller.fresh()
        for begin, end in ranges:
            left, right = -(-begin // BLOCK_ROWS), end // BLOCK_ROWS
            if left >= right:
                _step(self.caller, found, self.lists, begin, end)
                continue
            _step(self.caller, found, self.lists, begin, left * BLOCK_ROWS)
            for block in self._blocks(left, right):
                self._merge([found], [block])
            _step(self.caller, found, self.lists, right * BLOCK_ROWS, end)
        return found

    def _blocks(self, left: int, right: int) -> list[Any]:
        """Objects that together are the blocks [left, right), in order."""
        head, tail = [], []
        for level in self.levels:
            last = level is self.levels[-1]
            while left < right and (last or left & 1):
                head.append(level[left])
                left += 1
            if left < right and right & 1:
                right -= 1
                tail.append(level[right])
            left, right = left >> 1, right >> 1
            if left >= right:
                break
        return [*head, *reversed(tail)]


__all__ = ["over_frames"]
