"""Groups of a single integer key, addressed by its value: no numbering of groups, no look-up.

    slots = Slots.of(keys, rows)            # None: they are far apart
    index = slots.index(column)             # a slot per row, or None: the values are too far apart
    slots.note(index, positions)            # remembers where each slot occurred first

Slot 0 is NULL, slot i the value `base + i - 1`. States indexed by slot are merged by adding whole arrays, and the key
is known from the slot. It pays while most slots are in use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes, Direct

# At least every so manyth slot has to be in use for slots to be taken up: fewer while most rows still open a group.
_SPARSE = 4
_RISING = 16
# They are given up when they would have to be this many times as many as groups.
_SPARSEST = 32
_FEW_SLOTS = 1 << 16
_MOST_EMPTY = 1 << 22


def too_sparse(slots: int, groups: int) -> bool:
    """Are these more slots than so many groups are worth?"""
    return slots > max(_FEW_SLOTS, _SPARSEST * groups)


class Slots:
    """The slots in use, in order of first appearance.

    Threading: owned by one thread.
    """

    __slots__ = ("_appeared", "_direct", "_positions", "_seen", "_turns", "groups", "type")

    def __init__(self, direct: Direct, key: pa.DataType) -> None:
        self.type = key
        self.groups = 0
        self._direct = direct
        self._appeared: list[Codes] = []
        self._positions: list[Codes] = []
        self._seen = np.zeros(direct.size, bool)
        self._turns = np.empty(direct.size, np.int32)

    @classmethod
    def of(cls, keys: pa.Array, rows: int) -> Slots | None:
        """For the keys of so many rows, each of them once; None when they lie too far apart."""
        direct = Direct()
        sparse = _RISING if len(keys) * 2 > rows else _SPARSE
        if (
            direct.index(keys, max(_SPARSE * len(keys), min(sparse * len(keys), _MOST_EMPTY))) is None
            or not direct.size
        ):
            return None
        # Some room around: ranges found apart then mostly begin alike, and need not grow.
        step = 1 << max(direct.size.bit_length() - 4, 0)
        low = direct.base // step * step
        direct.base, direct.size = low, (direct.base - low + direct.size + step) // step * step
        return cls(direct, keys.type)

    @property
    def base(self) -> int:
        return self._direct.base

    @property
    def size(self) -> int:
        return self._direct.size

    def index(self, column: pa.Array) -> Codes | None:
        """A slot per row; None when it would take too many slots. `base` and `size` may be others afterwards."""
        base, size = self.base, self.size
        index = self._direct.index(column, max(_FEW_SLOTS, _SPARSEST * self.groups))
        if (self.base, self.size) != (base, size):
            moved = moves(base, size, self.base)
            seen = np.zeros(self.size, bool)
            seen[moved] = self._seen
            self._seen, self._turns = seen, np.empty(self.size, np.int32)
            self._appeared = [a if isinstance(moved, slice) else moved[a] for a in self._appeared]
        return index

    def note(self, index: Codes, positions: Callable[[], Codes]) -> None:
        """Rows of these slots come, at these positions, which rise from call to call."""
        unseen = np.flatnonzero(~self._seen.take(index))
        if not len(unseen):
            return
        at = index.take(unseen)
        # Of several writes to one slot the last one stays: written backwards, it is the first row.
        turns = np.arange(len(at), dtype=np.int32)
        self._turns[at[::-1]] = turns[::-1]
        first = self._turns.take(at) == turns
        fresh = at[first]
        self._seen[fresh] = True
        self._appeared.append(fresh)
        self._positions.append(positions()[unseen[first]])
        self.groups += len(fresh)

    def appeared(self) -> tuple[Codes, Codes]:
        """The slots in use in order of first appearance, and the positions where that was."""
        if not self._appeared:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(self._appeared), np.concatenate(self._positions)


def moves(base: int, size: int, to: int) -> Codes | slice:
    """Where slots counted from `base` are when counted from `to`, which is not greater."""
    if base == to:
        return slice(0, size)
    moved = np.arange(size) + (base - to)
    moved[0] = 0
    return moved


def keys_of(slots: Codes, base: int, key: pa.DataType) -> pa.Array:
    """The keys of these slots."""
    # Modulo 2**64, since base - 1 may lie outside of int64.
    values = (slots.view(np.uint64) + np.uint64((base - 1) % 2**64)).view(np.int64)
    nulls = slots == 0
    if pa.types.is_boolean(key):
        return pa.array(values.astype(bool), mask=nulls)
    bitmap = pa.py_buffer(np.packbits(~nulls, bitorder="little")) if nulls.any() else None
    sign = "u" if pa.types.is_unsigned_integer(key) else "i"
    data = pa.py_buffer(values.astype(f"{sign}{key.bit_width // 8}"))
    return pa.Array.from_buffers(key, len(slots), [bitmap, data])
