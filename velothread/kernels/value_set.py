"""The distinct values of an integer column, as one flag per value of its range."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes, Direct
from velothread.kernels.slots import keys_of

# A flag is a byte: a range is too wide when it has more values than this, or by far more than rows.
_MOST_FLAGS = 1 << 25
_FEW_FLAGS = 1 << 18
_FLAGS_PER_ROW = 32


class ValueSet:
    """Integers, dates and the like, without NULL.

    Threading: owned by one thread.
    """

    __slots__ = ("_direct", "_rows", "flags", "type")

    def __init__(self, values: pa.DataType) -> None:
        self.type = values
        self.flags: Codes = np.zeros(0, bool)  # by slot, as in `Slots`
        self._direct = Direct()
        self._rows = 0

    @property
    def base(self) -> int:
        return self._direct.base

    def add(self, column: pa.Array) -> bool:
        """Take the values; False, and nothing is taken, when they lie too far apart."""
        self._rows += len(column)
        base, size = self.base, self._direct.size
        index = self._direct.index(column, max(_FEW_FLAGS, min(_MOST_FLAGS, _FLAGS_PER_ROW * self._rows)))
        if index is None:
            return False
        self._move(base, size)
        self.flags[index] = True
        return True

    def unite(self, other: Self) -> bool:
        """Take all values of `other`; False, and nothing is taken, when they lie too far apart."""
        if not len(other.flags):
            return True
        self._rows += other._rows
        theirs, mine = other._direct, self._direct
        low = min(theirs.base, mine.base) if mine.size else theirs.base
        size = max(theirs.base + theirs.size, mine.base + mine.size if mine.size else theirs.base) - low
        if size > max(_FEW_FLAGS, min(_MOST_FLAGS, _FLAGS_PER_ROW * self._rows)):
            return False
        base, before = mine.base, mine.size
        mine.base, mine.size = low, size
        self._move(base, before)
        start = theirs.base - low + 1  # slot 0 is NULL, which is nowhere
        self.flags[start : start + theirs.size - 1] |= other.flags[1:]
        return True

    @property
    def count(self) -> int:
        """How many values there are."""
        return int(np.count_nonzero(self.flags))

    def values(self) -> pa.Array:
        """The values, rising."""
        return keys_of(np.flatnonzero(self.flags), self.base, self.type)

    def _move(self, base: int, size: int) -> None:
        if (self.base, self._direct.size) != (base, size):
            flags = np.zeros(self._direct.size, bool)
            if size:
                flags[base - self.base + 1 : base - self.base + size] = self.flags[1:]
            self.flags = flags
