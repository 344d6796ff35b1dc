"""What an aggregate is made of: `Rows` in, a `State` per call, an Arrow column out.

A state holds all groups at once, as arrays indexed by group. It is fed with `update` in the order of the rows of a
split (or of several splits, in order), put together with `merge`, and read with `finish`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes, integers


class Rows:
    """The rows that one or several calls get: FILTER applied, and NULL arguments left out where the calls say so.

    `codes` is None when there are no keys: all rows are of group 0. Figures that several calls need are computed once.

    Threading: owned by one thread.
    """

    __slots__ = ("_alike", "_counts", "_numbers", "_once", "_positions", "codes", "columns", "count", "groups")

    def __init__(
        self,
        count: int,
        codes: Codes | None,
        groups: int,
        columns: tuple[pa.Array, ...],
        positions: Callable[[], Codes] | None = None,
    ) -> None:
        self.count = count
        self.codes = codes
        self.groups = groups
        self.columns = columns
        self._positions = positions
        self._counts: Codes | None = None
        self._alike: Rows | None = None
        self._numbers: dict[int, Codes] = {}
        self._once: dict[str, Any] = {}

    def share_counts(self, other: Rows) -> None:
        """`other` has the same rows: take its counts."""
        self._alike = other

    @property
    def counts(self) -> Codes:
        """Rows per group (int64). Not to be written to."""
        if self._counts is None:
            if self._alike is not None:
                self._counts = self._alike.counts
            elif self.codes is None:
                self._counts = np.array([self.count], np.int64)
            else:
                self._counts = np.bincount(self.codes, minlength=self.groups)
        return self._counts

    @property
    def scattered(self) -> bool:
        """Fewer rows than groups: they are better added one by one than through an array of all groups."""
        return self.codes is not None and self.count < self.groups

    @property
    def positions(self) -> Codes:
        """Global position per row (int64)."""
        return self._positions() if self._positions is not None else np.arange(self.count, dtype=np.int64)

    @property
    def places(self) -> Codes:
        """Group per row, also where there are no keys."""
        return np.zeros(self.count, np.intp) if self.codes is None else self.codes

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        """What `compute` gives, computed for the first of the calls that get these rows. Not to be written to."""
        if name not in self._once:
            self._once[name] = compute()
        return self._once[name]

    def numbers(self, i: int) -> Codes:
        """Column `i` as float64 (floats, and decimals as their nearest), or as integers of its own width."""
        found = self._numbers.get(i)
        if found is None:
            found = self._numbers[i] = numbers(self.columns[i])
        return found

    def floats(self, i: int) -> Codes:
        """Column `i` as float64."""
        return self.numbers(i).astype(np.float64, copy=False)

    def totals(self, values: Codes) -> Codes:
        """Sum of float64 `values` per group, one by one in row order."""
        if self.codes is None:
            # np.add.reduce adds pairwise: the shape depends on the batch alone, so it is as repeatable as one by one.
            with np.errstate(over="ignore", invalid="ignore"):
                return np.array([np.add.reduce(values)], np.float64)
        return np.bincount(self.codes, values, self.groups)


def numbers(column: pa.Array) -> Codes:
    """A column without NULLs as NumPy numbers."""
    if pa.types.is_floating(column.type):
        floats: Codes = column.to_numpy(zero_copy_only=False)
        return floats
    if pa.types.is_decimal(column.type) or pa.types.is_uint64(column.type):
        nearest: Codes = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return nearest
    found = integers(column)
    assert found is not None
    return found


class State(Protocol):
    """The groups of one aggregate call.

    Threading: owned by one thread until it is handed over as part of a partial; immutable from then on.
    """

    def update(self, rows: Rows) -> None:
        """Take rows; `rows.groups` never shrinks."""
        ...

    def merge(self, other: Self, codes: Codes, groups: int) -> None:
        """Group g of `other` is group codes[g] here, of `groups` in all. Each code occurs once."""
        ...

    def select(self, groups: Codes) -> Self:
        """A state of these groups only, renumbered from 0."""
        ...

    def finish(self, groups: int) -> pa.Array:
        """The result of each group."""
        ...


class ArrayState(ABC):
    """A state whose figures per group are NumPy arrays.

    `fills` gives the type and the value of a group without rows for each array; subclasses name them by position.
    """

    fills: ClassVar[tuple[tuple[Any, Any], ...]] = ()
    __slots__ = ("arrays",)

    def __init__(self) -> None:
        self.arrays: list[Codes] = [np.empty(0, dtype) for dtype, _ in self.fills]

    def grow(self, groups: int) -> None:
        """Make room for `groups` groups."""
        missing = groups - len(self.arrays[0])
        if missing > 0:
            # Some have fewer arrays than fills, until they need them.
            self.arrays = [
                np.concatenate([a, np.full(missing, fill, dtype)])
                for a, (dtype, fill) in zip(self.arrays, self.fills, strict=False)
            ]

    def tally(self, rows: Rows) -> None:
        """Note the rows in the first array: how many (int64), or whether there are any (bool)."""
        seen = self.arrays[0]
        if seen.dtype == np.bool_:
            if rows.scattered:
                seen[rows.codes] = True
            else:
                seen |= rows.counts > 0
        elif rows.scattered:
            np.add.at(seen, rows.places, 1)
        else:
            seen += rows.counts

    @abstractmethod
    def update(self, rows: Rows) -> None:
        """As `State.update`."""

    @abstractmethod
    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        """As `State.merge`; `slice(None)`: group g of `other` is group g here."""

    @abstractmethod
    def finish(self, groups: int) -> pa.Array:
        """As `State.finish`."""

    def select(self, groups: Codes) -> Self:
        chosen = self._empty()
        chosen.arrays = [a.take(groups) for a in self.padded(groups)]
        return chosen

    def padded(self, groups: Codes) -> list[Codes]:
        """The arrays, long enough for these groups: late groups may not have reached a filtered call."""
        self.grow(int(groups.max()) + 1 if len(groups) else 0)
        return self.arrays

    def _empty(self) -> Self:
        return type(self)()


def span(codes: Codes | slice, count: int) -> Codes | slice:
    """The codes of the first `count` groups of a state that is merged."""
    return slice(0, count) if isinstance(codes, slice) else codes[:count]


def with_nulls(values: Codes, present: Codes, target: pa.DataType) -> pa.Array:
    """An Arrow array of `values`, NULL where not `present`."""
    mask = None if present.all() else ~present
    if pa.types.is_temporal(target) or pa.types.is_boolean(target) or pa.types.is_decimal(target):
        physical = pa.array(values, mask=mask)
        if pa.types.is_boolean(target):
            return physical.cast(pa.bool_())
        if pa.types.is_decimal(target):
            return decimals([values.astype(np.int64)], present, target)
        return physical.view(target)
    array = pa.array(values, mask=mask)
    return array if array.type == target else array.cast(target)


def decimals(words: list[Codes], present: Codes, target: pa.DataType) -> pa.Array:
    """decimal128 of (low, high) int64 words, or of one int64 word; NULL where not `present`."""
    low = words[0]
    pairs = np.empty((len(low), 2), np.int64)
    pairs[:, 0] = low
    pairs[:, 1] = words[1] if len(words) > 1 else low >> np.int64(63)
    bitmap = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(target, len(low), [bitmap, pa.py_buffer(pairs)])
