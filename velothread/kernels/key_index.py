"""An index of keys: which rows of a build have which key, found for a whole batch of keys at once.

    index, rows = index_keys((orders.id,), (False,))
    index.find((lines.order_id,))      # for each row: the first indexed row with an equal key, or -1

A row with a NULL in a key matches nothing, unless NULLs of that key are equal. Small ranges of packed integers are
found by direct addressing (one gather), others in a hash table with open addressing (Knuth, The Art of Computer
Programming, vol. 3, 6.4), probed for all rows together, round by round over those not yet settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import InternalError
from velothread.kernels.comparison import equal, is_not_distinct_from
from velothread.kernels.grouping import Codes, offsets, plain
from velothread.kernels.key_words import Word, digest, exact_words, is_exact, valid_of

# Direct addressing takes at most so many slots (4 bytes each) per row, and some for free. While slots are not too many
# there may be more of them: to clear them costs less than to hash.
_SLOTS_PER_ROW = 16
_FREE_SLOTS = 1 << 20
_SLOTS_PER_ROW_OF_FEW, _FEW_SLOTS = 128, 1 << 25
_MOST_SLOTS = 1 << 28
# Of the keys that are hashed, those in no greater a range are flagged, a byte each, if few of them are there.
_MOST_FLAGS, _FLAGS_PER_ROW = 1 << 25, 16
# Of several keys, one screens the rows if it leaves no greater a share of them.
_MOST_SCREENED = 0.5
_PACKED_BITS = 62
_SPREAD = Word(0x9E3779B97F4A7C15)


class KeyIndex:
    """Finds rows by key.

    Threading: immutable; shared by all receivers.
    """

    __slots__ = ("_keys", "_nulls_equal", "_packing", "_screen", "_seed", "_table")

    def __init__(
        self,
        table: _Direct | _Hashed | _Flagged,
        packing: _Packing | None,
        keys: tuple[pa.Array, ...],
        nulls_equal: tuple[bool, ...],
        seed: int,
        screen: _Screen | None = None,
    ) -> None:
        self._table = table
        self._packing = packing
        self._keys = keys  # to compare with, where words are digests; else ()
        self._nulls_equal = nulls_equal
        self._seed = seed
        self._screen = screen

    def find(self, columns: Sequence[pa.Array]) -> Codes:
        """The first indexed row with an equal key for each row, or -1 (int32 or int64)."""
        if self._packing is not None:
            column = columns[0]
            if len(columns) == 1 and pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
                return _spread(self.find((column.dictionary,)), column, self._null_row())
            maybe = self._screen.passing(columns) if self._screen is not None else None
            if maybe is None:
                return self._table.find(self._packing.words(columns))
            found = np.full(len(columns[0]), -1, np.int64)
            if len(maybe):
                places = pa.array(maybe)
                found[maybe] = self._table.find(self._packing.words([c.take(places) for c in columns]))
            return found
        if len(columns) == 1 and pa.types.is_dictionary(columns[0].type):
            column = columns[0]
            if len(column.dictionary) <= len(column):
                return _spread(self._by_digest((column.dictionary,)), column, self._null_row())
        return self._by_digest(columns)

    def _null_row(self) -> int:
        """What a NULL finds, where there is one key."""
        if not self._nulls_equal[0] or not len(self._keys):
            return -1
        return int(self._by_digest((pa.nulls(1, self._keys[0].type),))[0])

    def _by_digest(self, columns: Sequence[pa.Array]) -> Codes:
        found = self._table.find(_words(columns, self._seed, bool(self._keys)))
        for column, nulls_equal in zip(columns, self._nulls_equal, strict=True):
            valid = None if nulls_equal else valid_of(column)
            if valid is not None:
                found[~valid] = -1
        if not self._keys:
            return found
        matched = np.flatnonzero(found >= 0)
        if len(matched):
            same = _same_keys(self._keys, found[matched], columns, matched, self._nulls_equal)
            if same is not None:
                found[matched[~same]] = -1
        return found


def index_keys(columns: Sequence[pa.Array], nulls_equal: Sequence[bool]) -> tuple[KeyIndex, Codes]:
    """An index of rows by their key (at least one column), and for each row the first row with an equal key, or -1
    where it can match nothing."""
    nulls_equal = tuple(nulls_equal)
    packing = _Packing.of(columns, nulls_equal)
    if packing is not None:
        words = packing.words(columns)
        usable = None
        if int(words.max(initial=0)) >= packing.size:
            usable = words < packing.size
        rows = len(words)
        few = min(_SLOTS_PER_ROW_OF_FEW * rows, _FEW_SLOTS)
        if packing.size <= min(max(_FREE_SLOTS, few, _SLOTS_PER_ROW * rows), _MOST_SLOTS):
            direct, first = _Direct.of(words, packing.size)
            return KeyIndex(direct, packing, (), nulls_equal, 0), first
        hashed, first = _Hashed.of(words, usable)
        if packing.size <= _MOST_FLAGS and _FLAGS_PER_ROW * rows <= packing.size:
            return KeyIndex(_Flagged.of(words, packing.size, hashed), packing, (), nulls_equal, 0), first
        return KeyIndex(hashed, packing, (), nulls_equal, 0, _Screen.of(columns, packing)), first
    return _by_digest(columns, nulls_equal)


def _by_digest(columns: Sequence[pa.Array], nulls_equal: tuple[bool, ...]) -> tuple[KeyIndex, Codes]:
    usable: Codes | None = None
    for column, equal_nulls in zip(columns, nulls_equal, strict=True):
        valid = None if equal_nulls else valid_of(column)
        if valid is not None:
            usable = valid if usable is None else usable & valid
    exact = len(columns) == 1 and not nulls_equal[0] and is_exact(columns[0].type)
    keys = () if exact else tuple(columns)
    for seed in range(1, 100):
        hashed, first = _Hashed.of(_words(columns, seed, not exact), usable)
        if exact:
            break
        # Rows of one word have one key, or else another seed has to be found.
        rows = np.flatnonzero((first >= 0) & (first != np.arange(len(first))))
        same = _same_keys(keys, first[rows], columns, rows, nulls_equal) if len(rows) else None
        if same is None:
            break
    else:
        raise InternalError("join keys collide whatever the seed of their hashes")
    return KeyIndex(hashed, None, keys, nulls_equal, seed), first


def _words(columns: Sequence[pa.Array], seed: int, mix: bool) -> Codes:
    if mix:
        return digest(columns, seed)
    words = exact_words(plain(columns[0]))
    assert words is not None
    return words


def _same_keys(
    keys: Sequence[pa.Array], at: Codes, columns: Sequence[pa.Array], rows: Codes, nulls_equal: Sequence[bool]
) -> Codes | None:
    """Are keys[at[i]] and columns[rows[i]] equal? None: all of them."""
    same: Codes | None = None
    whole = len(rows) == len(columns[0])
    for key, column, nulls in zip(keys, columns, nulls_equal, strict=True):
        left = plain(column if whole else column.take(pa.array(rows)))
        right = plain(key.take(pa.array(at)))
        answer = (is_not_distinct_from if nulls else equal)(left, right)
        if answer.true_count == len(answer):
            continue
        flags: Codes = pc.fill_null(answer, False).to_numpy(zero_copy_only=False)
        same = flags if same is None else same & flags
    return same


def _spread(found: Codes, column: pa.DictionaryArray, null_row: int) -> Codes:
    """What was found for a dictionary's entries, for the rows."""
    if not len(found):
        return np.full(len(column), null_row, np.int64)
    by_row: Codes = found.take(offsets(column.indices))
    if column.indices.null_count:
        valid = valid_of(column.indices)
        by_row[~valid] = null_row  # type: ignore[operator]
    return by_row


@dataclass(frozen=True, slots=True)
class _Packing:
    """Exact words of all key columns packed into one: value - low, by mixed radix. What lies outside becomes `size`.

    Threading: immutable.
    """

    lows: tuple[int, ...]
    sizes: tuple[int, ...]
    nulls_equal: tuple[bool, ...]
    size: int

    @classmethod
    def of(cls, columns: Sequence[pa.Array], nulls_equal: tuple[bool, ...]) -> _Packing | None:
        """Of these columns; None where their words are not exact or take too many bits together."""
        if not all(is_exact(c.type) for c in columns):
            return None
        lows, sizes, size = [], [], 1
        for column, nulls in zip(columns, nulls_equal, strict=True):
            words = exact_words(column)
            assert words is not None
            valid = valid_of(column)
            seen = words if valid is None else words[valid]
            low, high = (int(seen.min()), int(seen.max())) if len(seen) else (0, -1)
            lows.append(low)
            sizes.append(max(high - low + 1 + nulls, 1))
            size *= sizes[-1]
        if size.bit_length() > _PACKED_BITS:
            return None
        return cls(tuple(lows), tuple(sizes), nulls_equal, size)

    def words(self, columns: Sequence[pa.Array]) -> Codes:
        """A word per row, 0 to size - 1; `size` where no indexed row can have this key."""
        total: Codes | None = None
        outside: Codes | None = None
        for column, low, size, nulls in zip(columns, self.lows, self.sizes, self.nulls_equal, strict=True):
            column = plain(column)
            found = exact_words(column)
            assert found is not None
            # Modulo 2**64: what lies below the range comes out above it.
            word = found.view(np.uint64) - Word(low % 2**64)
            valid = valid_of(column)
            if valid is not None:
                word = np.where(valid, word, Word(size - 1 if nulls else size))
            if nulls:
                # a value right above the range is not to be taken for NULL
                beyond = word >= Word(size - 1)
                if valid is not None:
                    beyond &= valid
            elif len(columns) == 1:
                near: Codes = np.minimum(word, Word(size))
                return near.view(np.int64)
            else:
                beyond = word >= Word(size)
            outside = beyond if outside is None else outside | beyond
            total = word if total is None else total * Word(size) + word
        assert total is not None
        assert outside is not None
        if outside.any():
            total = np.where(outside, Word(self.size), total)
        return total.view(np.int64)


@dataclass(frozen=True, slots=True)
class _Screen:
    """Flags of the values of one of several keys: most rows that can't have a partner are known by it alone.

    Threading: immutable.
    """

    place: int
    low: int
    flags: Codes

    @classmethod
    def of(cls, columns: Sequence[pa.Array], packing: _Packing) -> _Screen | None:
        """By the key of whose range the smallest share is there; None where every key has most of its range."""
        best, share = None, _MOST_SCREENED
        if len(columns) < 2 or len(columns[0]) > _MOST_FLAGS:
            return None
        for i, (column, low, size) in enumerate(zip(columns, packing.lows, packing.sizes, strict=True)):
            if packing.nulls_equal[i] or size > _MOST_FLAGS:
                continue
            words = exact_words(column.drop_null())
            assert words is not None
            flags = np.zeros(size + 1, bool)  # the last one is for what lies outside
            flags[words - low] = True
            dense = int(np.count_nonzero(flags)) / size
            if dense < share:
                best, share = cls(i, low, flags), dense
        return best

    def passing(self, columns: Sequence[pa.Array]) -> Codes | None:
        """The rows that may have a partner; None: too many to tell them apart."""
        column = plain(columns[self.place])
        words = exact_words(column)
        assert words is not None
        outside = Word(len(self.flags) - 1)
        near = np.minimum(words.view(np.uint64) - Word(self.low % 2**64), outside).view(np.int64)
        maybe = np.flatnonzero(self.flags.take(near))
        return maybe if len(maybe) < _MOST_SCREENED * len(words) else None


def _row_type(rows: int) -> type[np.signedinteger]:
    return np.int32 if rows < 2**31 - 1 else np.int64


@dataclass(frozen=True, slots=True)
class _Direct:
    """A slot per word; the last slot, for what lies outside, stays empty.

    Threading: immutable.
    """

    slots: Codes

    @classmethod
    def of(cls, words: Codes, size: int) -> tuple[_Direct, Codes]:
        rows = _row_type(len(words))
        slots = np.full(size + 1, -1, rows)
        # Of several writes to one slot the last one stays: written backwards, it is the first row.
        slots[words[::-1]] = np.arange(len(words) - 1, -1, -1, dtype=rows)
        slots[size] = -1
        return cls(slots), slots.take(words)

    def find(self, words: Codes) -> Codes:
        found: Codes = self.slots.take(words)
        return found


@dataclass(frozen=True, slots=True)
class _Hashed:
    """Open addressing with linear probing: a slot has a word and the first row that has it (-1: free).

    Threading: immutable.
    """

    words: Codes
    rows: Codes
    shift: np.uint64

    @classmethod
    def of(cls, words: Codes, usable: Codes | None) -> tuple[_Hashed, Codes]:
        """Of the usable rows, and the first row with an equal word for each row."""
        bits = max(4, (2 * len(words)).bit_length())
        kind = _row_type(len(words))
        slots = np.full(1 << bits, -1, kind)
        shift = Word(64 - bits)
        first = np.full(len(words), -1, kind)
        left = np.arange(len(words), dtype=np.intp) if usable is None else np.flatnonzero(usable)
        at = _slots_of(words.take(left), shift)
        while len(left):
            free = slots.take(at) < 0
            taking = left[free]
            slots[at[free][::-1]] = taking[::-1]
            owner = slots.take(at)
            same = words.take(owner) == words.take(left)
            first[left[same]] = owner[same]
            left, at = left[~same], (at[~same] + 1) & ((1 << bits) - 1)
        held = np.where(slots >= 0, words.take(slots, mode="clip"), 0) if len(words) else np.zeros(1 << bits, np.int64)
        return cls(held, slots, shift), first

    def find(self, words: Codes) -> Codes:
        """The row for each word, or -1; a fresh array."""
        at = _slots_of(words, self.shift)
        found = self.rows.take(at)
        open_ = np.flatnonzero((self.words.take(at) != words) & (found >= 0))
        mask = len(self.rows) - 1
        at = at.take(open_)
        while len(open_):
            at = (at + 1) & mask
            wanted = words.take(open_)
            rows = self.rows.take(at)
            found[open_] = rows
            more = (self.words.take(at) != wanted) & (rows >= 0)
            open_, at = open_[more], at[more]
        return found


@dataclass(frozen=True, slots=True)
class _Flagged:
    """Flags of the words that are there, before a hash table: most rows that look for a partner are then done.

    Threading: immutable.
    """

    flags: Codes
    hashed: _Hashed

    @classmethod
    def of(cls, words: Codes, size: int, hashed: _Hashed) -> _Flagged:
        flags = np.zeros(size + 1, bool)
        flags[words] = True
        flags[size] = False
        return cls(flags, hashed)

    def find(self, words: Codes) -> Codes:
        """As `_Hashed.find`."""
        there = np.flatnonzero(self.flags.take(words))
        found = np.full(len(words), -1, self.hashed.rows.dtype)
        if len(there):
            found[there] = self.hashed.find(words.take(there))
        return found


def _slots_of(words: Codes, shift: np.uint64) -> Codes:
    return ((words.view(np.uint64) * _SPREAD) >> shift).view(np.int64)
