"""Keys to dense group numbers, in order of first appearance.

    grouper = Grouper(2)
    codes, new = grouper.codes(rows, (station, day))     # codes[i]: the group of row i; new: rows that opened a group

Each key column is mapped to small numbers by a *coder*; several columns are combined by mixed radix. As long as the
product of the ranges is small, groups are found by direct addressing (one gather per batch); else by Arrow's hash
table. NULLs form a group, NaN equals NaN, -0.0 equals 0.0.

Cost: a call is O(rows) with direct addressing and O(rows + groups) otherwise, so callers gather at least as many rows
as there are groups before they call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Direct addressing stops at tables of this many slots (4 bytes each), and earlier while few rows were seen.
_MOST_SLOTS = 1 << 24
_FEW_SLOTS = 1 << 18
# 62 bits, so that packed keys stay positive int64.
_PACKED_BITS = 62

Codes = np.ndarray[Any, np.dtype[Any]]
_NO_ROWS: Codes = np.empty(0, np.intp)


def normalised(column: pa.Array) -> pa.Array:
    """`column` with one NaN and one zero: what equal keys look like. Other types are returned as they are."""
    if not pa.types.is_floating(column.type):
        return column
    zeroed = pc.add(column, pa.scalar(0.0, column.type))  # -0.0 + 0.0 is 0.0
    nans = pc.is_nan(zeroed)
    return pc.if_else(nans, pa.scalar(float("nan"), column.type), zeroed) if pc.any(nans).as_py() else zeroed


def plain(column: pa.Array) -> pa.Array:
    """`column` without dictionary encoding."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def joined(pieces: Sequence[pa.Array]) -> pa.Array:
    """One array of the pieces in order; stays dictionary-encoded when all of them are."""
    if len(pieces) == 1:
        return pieces[0]
    if len({p.type for p in pieces}) > 1:
        pieces = [plain(p) for p in pieces]
    return pa.concat_arrays(pieces)


def integers(column: pa.Array) -> Codes | None:
    """The fixed-width values as integers that keep equality and order, NULLs as anything; None for other types."""
    t = column.type
    if pa.types.is_boolean(t):
        flags: Codes = pc.fill_null(column, False).cast(pa.int8()).to_numpy(zero_copy_only=False)
        return flags
    if pa.types.is_uint64(t) or not (pa.types.is_integer(t) or pa.types.is_temporal(t)) or pa.types.is_interval(t):
        return None
    dtype = np.dtype(f"{'u' if pa.types.is_unsigned_integer(t) else 'i'}{t.bit_width // 8}")
    data = column.buffers()[1]
    if data is None or not len(column):
        return np.zeros(len(column), dtype)
    return np.frombuffer(data, dtype, len(column), column.offset * dtype.itemsize)


def offsets(indices: pa.Array) -> Codes:
    """Dictionary indices as int64, NULLs as 0. NumPy gathers by indices of its own width many times as fast."""
    filled = pc.fill_null(indices, 0) if indices.null_count else indices
    wide: Codes = filled.to_numpy(zero_copy_only=False).astype(np.int64)
    return wide


def valid_mask(column: pa.Array) -> Codes:
    """True where `column` is not NULL."""
    mask: Codes = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return mask


class Grouper:
    """Finds or makes the group of each row.

    Threading: owned by one thread.
    """

    __slots__ = ("_chunks", "_coders", "_dense", "_entries", "_layout", "_slots", "groups", "rows")

    def __init__(self, keys: int) -> None:
        self.groups = 0
        self._coders: list[_Coder] = [_Unknown() for _ in range(keys)]
        self._chunks: list[tuple[pa.Array, ...]] = []
        self._slots: Codes | None = np.full(1, -1, np.int32)  # None: too wide for direct addressing
        self._dense: list[_Packed] = []  # wide keys: one per time that the packed bits were full
        self._layout: tuple[int, ...] = ()
        self._entries: tuple[pa.Array, Codes] | None = None  # a dictionary, and the groups of its entries (-1: unknown)
        self.rows = 0

    def codes(self, rows: int, columns: Sequence[pa.Array]) -> tuple[Codes, Codes]:
        """The group of each row, and the rows (rising) that opened groups, which are numbered in that order."""
        self.rows += rows
        if len(columns) == 1 and pa.types.is_dictionary(columns[0].type) and rows:
            return self._by_entry(rows, columns[0])
        if len(columns) == 1 and self.groups * 4 < rows and _is_text(columns[0].type):
            return self._by_value(columns[0])
        return self._found(rows, columns)

    def _by_entry(self, rows: int, column: pa.DictionaryArray) -> tuple[Codes, Codes]:
        """As `codes`, in one gather while all entries of the dictionary that occur are known."""
        nulls = column.null_count
        values = column.dictionary
        if self._entries is None or not _same(self._entries[0], values):
            self._entries = (values, np.full(len(values) + 1, -1, np.intp))
        table = self._entries[1]
        at = offsets(column.indices)
        if nulls:
            at[~valid_mask(column.indices)] = len(values)
        codes = table.take(at)
        if codes.min() >= 0:
            return codes, _NO_ROWS
        codes, new = self._found(rows, (column,))
        table[at] = codes
        return codes, new

    def _by_value(self, column: pa.Array) -> tuple[Codes, Codes]:
        """As `codes`, for text that repeats: only its different values are looked up."""
        encoded = column.dictionary_encode(null_encoding="encode" if column.null_count else "mask")
        # Values are in order of first appearance, and so are the groups that they open.
        groups, new = self._found(len(encoded.dictionary), (encoded.dictionary,))
        at = offsets(encoded.indices)
        if not len(new):
            return groups.take(at), new
        first = np.empty(len(groups), np.intp)
        first[at[::-1]] = np.arange(len(at) - 1, -1, -1)  # of several writes the last one stays
        return groups.take(at), first[new]

    def _found(self, rows: int, columns: Sequence[pa.Array]) -> tuple[Codes, Codes]:
        columns = [normalised(c) for c in columns]
        indexes = [self._index(i, c) for i, c in enumerate(columns)]
        self._lay_out()
        codes, new = self._assign(self._combined(indexes))
        if len(new):
            taken = columns if len(new) == rows else [c.take(pa.array(new)) for c in columns]
            self._chunks.append(tuple(plain(c) for c in taken))
        return codes, new

    def keys(self) -> tuple[pa.Array, ...]:
        """The key columns, one row per group. Not to be called before there is a group."""
        if len(self._chunks) > 1:
            self._chunks = [tuple(pa.concat_arrays(list(pieces)) for pieces in zip(*self._chunks, strict=True))]
        return self._chunks[0]

    @property
    def is_direct(self) -> bool:
        """Is the key a single integer (or date, or the like)?"""
        return len(self._coders) == 1 and isinstance(self._coders[0], Direct)

    def _index(self, i: int, column: pa.Array) -> Codes:
        coder = self._coders[i]
        index = coder.index(column, max(_FEW_SLOTS, min(_MOST_SLOTS, 16 * self.rows)))
        if index is None:  # the coder can't go on: another one takes over, and is shown the keys so far
            coder = Direct() if isinstance(coder, _Unknown) and is_direct(column) else _Encoded()
            self._coders[i] = coder
            self._layout = ()
            if self._chunks:
                coder.index(self.keys()[i], _MOST_SLOTS)
            return self._index(i, column)
        return index

    def _lay_out(self) -> None:
        """Rebuild the table of groups when a coder's range has changed (they double, so that is rare)."""
        layout = tuple(n for c in self._coders for n in (c.size, c.base))
        if layout == self._layout:
            return
        self._layout = layout
        slots = 1
        for coder in self._coders:
            slots *= coder.size
        limit = max(_FEW_SLOTS, min(_MOST_SLOTS, 16 * self.rows))
        self._slots = np.full(slots, -1, np.int32) if slots <= limit else None
        self._dense = []
        if self.groups:
            known = [c.index(k, _MOST_SLOTS) for c, k in zip(self._coders, self.keys(), strict=True)]
            indexes = [k for k in known if k is not None]
            combined = self._combined(indexes)
            if self._slots is not None:
                self._slots[combined] = np.arange(self.groups, dtype=np.int32)

    def _combined(self, indexes: list[Codes]) -> Codes:
        if self._slots is not None:
            total = indexes[0]
            for coder, index in zip(self._coders[1:], indexes[1:], strict=True):
                total = total * np.int64(coder.size) + index
            return total
        packed, bits, turn = indexes[0].astype(np.int64), self._coders[0].bits, 0
        for coder, index in zip(self._coders[1:], indexes[1:], strict=True):
            if bits + coder.bits > _PACKED_BITS:
                packed, bits, turn = self._densified(packed, turn), 32, turn + 1
            packed = (packed << np.int64(coder.bits)) | index
            bits += coder.bits
        return self._densified(packed, turn)

    def _densified(self, packed: Codes, turn: int) -> Codes:
        if turn == len(self._dense):
            self._dense.append(_Packed())
        return self._dense[turn].index(packed)

    def _assign(self, index: Codes) -> tuple[Codes, Codes]:
        if self._slots is None:
            # Packed keys are numbered as they appear: these are the groups already.
            top = np.maximum.accumulate(index) if len(index) else index
            before = np.empty_like(top)
            if len(top):
                before[0] = self.groups - 1
                np.maximum(top[:-1], self.groups - 1, out=before[1:])
            new = np.flatnonzero(index > before)
            self.groups += len(new)
            return index.astype(np.intp, copy=False), new
        codes = self._slots.take(index)
        unseen = np.flatnonzero(codes < 0)
        if not len(unseen):
            return codes.astype(np.intp), unseen
        at = index.take(unseen)
        # Of several writes to one slot the last one stays: written backwards, it is the first row of each new key.
        turns = np.arange(len(at), dtype=np.int32)
        self._slots[at[::-1]] = turns[::-1]
        first = self._slots.take(at) == turns
        new = unseen[first]
        self._slots[at[first]] = np.arange(self.groups, self.groups + len(new), dtype=np.int32)
        codes[unseen] = self._slots.take(at)
        self.groups += len(new)
        return codes.astype(np.intp), new


class _Coder(Protocol):
    """Maps a column's values to 0..size-1; equal values to equal numbers."""

    @property
    def size(self) -> int: ...
    @property
    def base(self) -> int: ...
    @property
    def bits(self) -> int: ...
    def index(self, column: pa.Array, limit: int) -> Codes | None: ...


class _Unknown:
    """Before the first value: all rows are NULL."""

    __slots__ = ()
    size, base, bits = 1, 0, 1

    def index(self, column: pa.Array, limit: int) -> Codes | None:
        return np.zeros(len(column), np.int64) if column.null_count == len(column) else None


class Direct:
    """Integers in a small range: value - base + 1; 0 is NULL."""

    __slots__ = ("base", "size")

    def __init__(self) -> None:
        self.base = 0
        self.size = 0

    @property
    def bits(self) -> int:
        return self.size.bit_length()

    def index(self, column: pa.Array, limit: int) -> Codes | None:
        values = integers(column)
        if values is None:
            return None
        nulls = column.null_count
        if nulls:
            present = valid_mask(column)
            seen = values[present]
        else:
            seen = values
        if not len(seen):
            return np.zeros(len(column), np.int64)
        low, high = int(seen.min()), int(seen.max())
        if not self._cover(low, high, limit):
            return None
        # A table of int64 offsets would be read twice as slowly as it needs to: narrow types stay narrow until here.
        # Modulo 2**64, since base - 1 may lie outside of int64.
        index = (values.astype(np.int64, copy=False).view(np.uint64) - np.uint64((self.base - 1) % 2**64)).view(
            np.int64
        )
        if nulls:
            index[~present] = 0
        return index

    def _cover(self, low: int, high: int, limit: int) -> bool:
        first, last = (self.base, self.base + self.size - 2) if self.size else (low, high)
        if self.size and first <= low and high <= last:
            return True
        if max(high, last) - min(low, first) + 2 > limit:
            return False
        # Room in the direction of growth, so that a rising key doesn't lay out the table at each batch.
        span = max(high, last) - min(low, first) + 1
        grown = self.size > 0
        self.base = min(first, low - span // 2) if grown and low < first else min(low, first)
        top = max(last, high + span // 2) if grown and high > last else max(high, last)
        self.size = top - self.base + 2
        return True


class _Encoded:
    """Any values, by Arrow's hash table: numbers from 1 in order of appearance; 0 is NULL. Nested values by a loop."""

    __slots__ = ("_known", "_last", "_rows", "size")
    base = 0

    def __init__(self) -> None:
        self.size = 256
        self._known: pa.Array | None = None
        self._last: tuple[pa.Array, Codes] | None = None
        self._rows: dict[str, int] = {}

    @property
    def bits(self) -> int:
        return self.size.bit_length()

    def index(self, column: pa.Array, limit: int) -> Codes | None:
        if pa.types.is_dictionary(column.type):
            return self._mapped(column)
        if pa.types.is_nested(column.type):
            return self._nested(column)
        if self._known is None:
            encoded = column.dictionary_encode()
            self._known = encoded.dictionary
        else:
            # The known values come first and are distinct, so they keep their numbers.
            chunks = pa.chunked_array([self._known, column.cast(self._known.type)]).dictionary_encode()
            encoded = chunks.chunk(chunks.num_chunks - 1)
            if not len(column):
                return np.zeros(0, np.int64)
            self._known = encoded.dictionary
        self._grow(len(self._known))
        return _raised(encoded.indices)

    def _mapped(self, column: pa.DictionaryArray) -> Codes:
        values = column.dictionary
        if self._last is not None and _same(self._last[0], values):
            numbers = self._last[1]
        else:
            found = self.index(normalised(values), _MOST_SLOTS)
            assert found is not None
            numbers = found
            self._last = (values, numbers)
        indices = column.indices
        if not indices.null_count:
            mapped: Codes = numbers.take(offsets(indices))
            return mapped
        index: Codes = numbers.take(offsets(indices)) if len(numbers) else np.zeros(len(indices), np.int64)
        index[~valid_mask(indices)] = 0
        return index

    def _nested(self, column: pa.Array) -> Codes:
        # A row loop: Arrow can't hash lists and structs, and they are rare as keys.
        rows = self._rows
        index = np.fromiter(
            (0 if v is None else rows.setdefault(repr(v), len(rows) + 1) for v in column.to_pylist()),
            np.int64,
            len(column),
        )
        self._grow(len(rows))
        return index

    def _grow(self, known: int) -> None:
        while self.size <= known:
            self.size *= 2


class _Packed:
    """Packed keys (int64, not negative): numbers from 0 in order of appearance, found by sorting.

    Sorting integers is several times as fast as hashing them once a hash table outgrows the caches.
    """

    __slots__ = ("_hashed", "_numbers", "_sorted")

    def __init__(self) -> None:
        self._sorted: Codes = np.empty(0, np.int64)
        self._numbers: Codes = np.empty(0, np.int64)
        self._hashed: _Encoded | None = None  # from when keys and row numbers no longer fit into 64 bits together

    def index(self, packed: Codes) -> Codes:
        """The number of each key."""
        rows = len(packed)
        if not rows:
            return packed
        row_bits = max(1, (rows - 1).bit_length())
        if self._hashed is not None or int(packed.max()).bit_length() + row_bits > 64:
            return self._by_hash(packed)
        both = (packed.view(np.uint64) << np.uint64(row_bits)) | np.arange(rows, dtype=np.uint64)
        both.sort()
        keys = (both >> np.uint64(row_bits)).view(np.int64)
        order = (both & np.uint64((1 << row_bits) - 1)).view(np.int64)
        starts = np.empty(rows, bool)
        starts[0] = True
        np.not_equal(keys[1:], keys[:-1], out=starts[1:])
        heads = np.flatnonzero(starts)
        distinct = keys[heads]
        places = np.searchsorted(self._sorted, distinct)
        known = np.zeros(len(distinct), bool)
        inside = places < len(self._sorted)
        known[inside] = self._sorted[places[inside]] == distinct[inside]
        numbers = np.empty(len(distinct), np.int64)
        numbers[known] = self._numbers[places[known]]
        fresh = np.flatnonzero(~known)
        if len(fresh):
            # Rows rise within equal keys, so the head is where a key appeared first.
            appeared = np.zeros(rows, bool)
            appeared[order[heads[fresh]]] = True
            rank = np.cumsum(appeared)
            numbers[fresh] = rank[order[heads[fresh]]] + (len(self._sorted) - 1)
            self._sorted = np.insert(self._sorted, places[fresh], distinct[fresh])
            self._numbers = np.insert(self._numbers, places[fresh], numbers[fresh])
        index = np.empty(rows, np.int64)
        index[order] = np.repeat(numbers, np.diff(np.append(heads, rows)))
        return index

    def _by_hash(self, packed: Codes) -> Codes:
        if self._hashed is None:
            self._hashed = _Encoded()
            by_number = np.empty_like(self._sorted)
            by_number[self._numbers] = self._sorted
            self._hashed.index(pa.array(by_number), _MOST_SLOTS)
        found = self._hashed.index(pa.array(packed), _MOST_SLOTS)
        assert found is not None
        return found - 1


def _raised(indices: pa.Array) -> Codes:
    """Dictionary indices plus one, NULLs as 0."""
    if indices.null_count:
        indices = pc.fill_null(indices, -1)
    raised: Codes = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    raised += 1
    return raised


def _same(a: pa.Array, b: pa.Array) -> bool:
    """Are these the same memory? Batches of one file part share their dictionary."""
    if len(a) != len(b) or a.offset != b.offset or a.type != b.type:
        return False
    places = zip(a.buffers(), b.buffers(), strict=True)
    return all((x is None) == (y is None) and (x is None or x.address == y.address) for x, y in places)


def _is_text(t: pa.DataType) -> bool:
    return bool(pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_binary(t))


def is_direct(column: pa.Array) -> bool:
    """Does `Direct` serve such values?"""
    return not pa.types.is_dictionary(column.type) and integers(column.slice(0, 0)) is not None
