"""Order of rows: keys to words of bits that compare as the keys do, and sorting of such words.

    layout = Layout.of(keys, columns)          # how many bits each key needs, from its least and greatest value
    words = layout.words(columns)              # uint64 arrays, most significant first
    permutation = order(words, ...)            # stable

Order is SQL's: NULLs first or last as each key says, NaN greatest of all numbers, -0.0 equal to 0.0, text by code
point. Numbers, dates and text of few values need few bits, so that the keys and the row's number mostly fit into one
uint64 and one sort of plain integers gives the answer. Other text takes part with a prefix; ties are then sorted
exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.grouping import Codes, integers, normalised, offsets, plain, valid_mask


@dataclass(frozen=True, slots=True)
class SortKey:
    """Sort by column number `column`."""

    column: int
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """How one key of a `Layout` becomes an unsigned number of `bits` bits.

    `top` is the greatest of its non-NULL values' numbers.
    """

    kind: Literal["integer", "float", "rank", "prefix", "null"]
    bits: int
    top: int
    base: int = 0
    nulls: bool = False
    descending: bool = False
    nulls_first: bool = False
    skip: int = 0  # prefix: bytes that all values begin with
    ranks: Codes | None = None  # rank: of each dictionary entry


@dataclass(frozen=True, slots=True)
class Layout:
    """Bits per key, for columns whose values all lie between those that it was made from.

    exact: words decide the order wholly. False: rows with equal words have to be compared by their keys.

    Threading: immutable.
    """

    fields: tuple[Field, ...]
    exact: bool

    @staticmethod
    def of(keys: Sequence[SortKey], columns: Sequence[pa.Array], exact: bool = False) -> Layout:
        """The layout for these key columns (in the order of `keys`). `exact`: ranks instead of prefixes."""
        return Layout.made_of(_field(key, column, exact) for key, column in zip(keys, columns, strict=True))

    @staticmethod
    def made_of(fields: Iterable[Field]) -> Layout:
        """The layout with these fields, most significant first."""
        used = []
        for field in fields:
            used.append(field)
            if field.kind == "prefix":
                # What follows counts only among equal text, which a prefix doesn't know.
                return Layout(tuple(used), False)
        return Layout(tuple(used), True)

    def words(self, columns: Sequence[pa.Array]) -> list[Codes]:
        """The keys of each row as one or several uint64, most significant first, filled from the top bit downwards."""
        words: list[Codes] = []
        current: Codes = np.zeros(len(columns[0]), np.uint64)
        room = 64
        for field, column in zip(self.fields, columns, strict=False):
            if not field.bits:
                continue
            value = _encode(field, column)
            if field.bits <= room:
                current = _shifted(current, field.bits) | value
                room -= field.bits
            else:
                rest = field.bits - room
                if room:
                    current = _shifted(current, room) | (value >> np.uint64(rest))
                words.append(current)
                current, room = value & np.uint64((1 << rest) - 1), 64 - rest
        words.append(_shifted(current, room))
        return words


def order(words: Sequence[Codes], keys: Sequence[SortKey], columns: Sequence[pa.Array] | None) -> Codes:
    """The stable permutation that sorts rows by `words`; `columns` are the key columns where words are not exact."""
    first = words[0]
    n = len(first)
    if n < 2:
        return np.arange(n, dtype=np.intp)
    low = first.min()
    width = int(first.max() - low).bit_length()
    row_bits = (n - 1).bit_length()
    # Of the first word, trailing zeros that all rows share need no place.
    rest = np.bitwise_or.reduce(first - low)
    spare = (int(rest) & -int(rest)).bit_length() - 1 if rest else 0
    lost = max(spare if width else 0, width + row_bits - 64)
    packed = ((first - low) >> np.uint64(min(lost, 63))) << np.uint64(row_bits)
    packed |= np.arange(n, dtype=np.uint64)
    packed.sort()
    permutation: Codes = (packed & np.uint64((1 << row_bits) - 1)).astype(np.intp)
    if lost <= spare and len(words) == 1 and columns is None:
        return permutation
    # Ties: neighbours that agree in all bits that were sorted by. Each run of them is put in order by what is left.
    packed >>= np.uint64(row_bits)
    same = packed[1:] == packed[:-1]
    if not same.any():
        return permutation
    if columns is None:
        # Rows that are equal in every bit are in place already: only runs with an unequal pair are left.
        unequal = np.zeros(n - 1, bool)
        at = np.flatnonzero(same)
        left, right = permutation[at], permutation[at + 1]
        differs = words[0][left] != words[0][right]
        for word in words[1:]:
            differs |= word[left] != word[right]
        if not differs.any():
            return permutation
        unequal[at[differs]] = True
        run = np.concatenate([[0], np.cumsum(~same)])
        tied = np.bincount(run[1:], unequal, run[-1] + 1).astype(bool)[run]
    else:
        tied = np.zeros(n, bool)
        tied[1:] = same
        tied[:-1] |= same
    places = np.flatnonzero(tied)
    runs = packed[places]
    rows = permutation[places]
    # What was sorted by are the bits of the distance from `low`, so those that are left are of it, too.
    levels = [(words[0][rows] - low) & np.uint64((1 << min(lost, 63)) - 1), *(w[rows] for w in words[1:])]
    if columns is not None:
        taken = [plain(c).take(pa.array(rows)) for c in columns]
        levels = Layout.of(keys, taken, exact=True).words(taken)
    # The sort is stable, and `rows` rise within a run.
    steps = np.zeros(len(runs), np.uint64)
    np.cumsum(runs[1:] != runs[:-1], out=steps[1:])
    permutation[places] = rows[_by_passes([steps, *levels])]
    return permutation


def _by_passes(words: Sequence[Codes]) -> Codes:
    """The stable permutation by several words: as many bits as fit beside a row number at a time, lowest first.

    A sort of plain integers is several times as fast as an indirect one, so that a few of them still are.
    """
    n = len(words[0])
    row_bits = max(1, (n - 1).bit_length())
    at_once = 64 - row_bits
    numbers = np.arange(n, dtype=np.uint64)
    permutation: Codes = np.arange(n)
    for word in reversed(words):
        low = word.min()
        reduced = word - low
        width = int(reduced.max()).bit_length()
        for shift in range(0, width, at_once):
            part = reduced >> np.uint64(shift)
            if width - shift > at_once:
                part &= np.uint64((1 << at_once) - 1)
            packed = (part[permutation] << np.uint64(row_bits)) | numbers
            packed.sort()
            permutation = permutation[(packed & np.uint64((1 << row_bits) - 1)).view(np.int64)]
    return permutation


def sort_permutation(keys: Sequence[SortKey], columns: Sequence[pa.Array]) -> Codes:
    """The stable permutation that sorts rows by key columns, given in the order of `keys`."""
    layout = Layout.of(keys, columns)
    return order(layout.words(columns), keys, None if layout.exact else columns)


def ranks(column: pa.Array) -> Codes:
    """Numbers (uint64) that compare as the values of a column without NULLs do; equal for equal values."""
    words = Layout.of((SortKey(0),), (column,), exact=True).words((column,))
    return words[0]


def comparable(key: SortKey, column: pa.Array) -> tuple[pa.Array, Field]:
    """A key column with its field of a `Layout` that serves any slice of it.

    The column has ranks in place of values whose order can't be told from parts of it (lists, great decimals, ...).
    """
    field = _field(key, column, False)
    if field.kind != "rank" or field.ranks is not None:
        return column, field
    present = column.drop_null()
    numbers = np.zeros(len(column), np.uint64)
    numbers[valid_mask(column)] = _encode_ranked(Field("rank", 64, 0), present)
    ranked = pa.array(numbers, mask=~valid_mask(column))
    return ranked, _field(key, ranked, False)


def is_small_text(column: pa.Array) -> bool:
    """Does text repeat so much, by a sample, that a dictionary pays?"""
    t = column.type
    if not (pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_binary(t)):
        return False
    sample = column.slice(0, 2048)
    return len(column) >= 64 and pc.count_distinct(sample).as_py() * 2 <= len(sample)


def _shifted(words: Codes, bits: int) -> Codes:
    return words << np.uint64(bits) if bits < 64 else np.zeros_like(words)


def _field(key: SortKey, column: pa.Array, exact: bool) -> Field:
    nulls = column.null_count > 0
    if column.null_count == len(column):
        return Field("null", 0, 0)
    shared: dict[str, Any] = {"nulls": nulls, "descending": key.descending, "nulls_first": key.nulls_first}
    t = column.type
    if pa.types.is_dictionary(t):
        numbers = _dictionary_ranks(column.dictionary)
        top = int(numbers.max())
        return Field("rank", (top + nulls).bit_length(), top, ranks=numbers, **shared)
    if pa.types.is_floating(t):
        codes = _float_codes(_ends(column.drop_null() if nulls else column))
    elif pa.types.is_uint64(t):
        codes = (column.drop_null() if nulls else column).to_numpy(zero_copy_only=False)
    else:
        found = integers(column)
        if found is None and pa.types.is_decimal128(t) and t.precision <= 18:
            found = _decimal_words(column)
        if found is not None:
            present = found[valid_mask(column)] if nulls else found
            base = int(present.min())
            top = int(present.max()) - base
            return _wide("integer", top, base, shared)
        if not exact and (pa.types.is_string(t) or pa.types.is_binary(t)):
            least, greatest = (_bytes(v) for v in pc.min_max(column.cast(pa.binary())).values())
            skip = _shared_start(least, greatest)
            # With NULLs, one value more: a bit less of the prefix.
            bits = 63 if nulls else 64
            return Field("prefix", 64, (1 << bits) - 1, skip=skip, **shared)
        return Field("rank", len(column).bit_length(), 0, **shared)
    base = int(codes.min())
    return _wide("float" if pa.types.is_floating(t) else "integer", int(codes.max()) - base, base, shared)


def _wide(kind: Literal["integer", "float"], top: int, base: int, shared: dict[str, Any]) -> Field:
    bits = (top + shared["nulls"]).bit_length()
    if bits > 64:  # all of 64 bits and NULL: give the extreme value's neighbour the same number? No: rank it.
        return Field("rank", 64, 0, **shared)
    return Field(kind, bits, top, base, **shared)


def _shared_start(a: bytes, b: bytes) -> int:
    """How many bytes both begin with: all that lie between them do, too."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _bytes(value: pa.Scalar) -> bytes:
    return bytes(value.as_py())


def _encode(field: Field, column: pa.Array) -> Codes:
    nulls = column.null_count > 0
    if field.kind == "rank" and field.ranks is None:
        return _encode_ranked(field, column)
    if field.kind == "rank":
        assert field.ranks is not None
        value = field.ranks.take(offsets(column.indices))
    elif field.kind == "prefix":
        value = _prefixes(column, field.skip)
        if field.nulls:
            value >>= np.uint64(1)
    elif field.kind == "float":
        value = _float_codes(column) - np.uint64(field.base)
    else:
        if pa.types.is_uint64(column.type):
            filled = pc.fill_null(column, 0) if nulls else column
            value = filled.to_numpy(zero_copy_only=False) - np.uint64(field.base)
        else:
            found = integers(column)
            if found is None:
                found = _decimal_words(column)
            # Subtraction modulo 2**64 is right even where it would overflow int64.
            value = found.astype(np.int64).view(np.uint64) - np.uint64(field.base & 0xFFFFFFFFFFFFFFFF)
    return _placed(field, value, column)


def _placed(field: Field, value: Codes, column: pa.Array) -> Codes:
    if field.descending:
        value = np.uint64(field.top) - value
    if field.nulls:
        if field.nulls_first:
            value = value + np.uint64(1)
        if column.null_count:
            value[~valid_mask(column)] = 0 if field.nulls_first else field.top + 1
    return value


def _encode_ranked(field: Field, column: pa.Array) -> Codes:
    column = normalised(column)
    if pa.types.is_nested(column.type) or pa.types.is_interval(column.type):
        numbers, _ = _loop_ranks(column.to_pylist())
        value = numbers
    else:
        encoded = column.dictionary_encode()
        value = _dictionary_ranks(encoded.dictionary).take(offsets(encoded.indices))
    top = int(value.max()) if len(value) else 0
    return _placed(Field("rank", 64, top, 0, field.nulls, field.descending, field.nulls_first), value, column)


def _dictionary_ranks(values: pa.Array) -> Codes:
    """The rank of each value among all of them; equal values get equal ranks."""
    if pa.types.is_nested(values.type) or pa.types.is_interval(values.type):
        return _loop_ranks(values.to_pylist())[0]
    if pa.types.is_floating(values.type) or not len(values):
        codes = _float_codes(values) if len(values) else np.zeros(0)
        return np.unique(codes, return_inverse=True)[1].astype(np.uint64)
    by_rank = pc.array_sort_indices(values)
    places = by_rank.to_numpy(zero_copy_only=False)
    ascending = values.take(by_rank)
    steps = np.zeros(len(values), np.uint64)
    if len(values) > 1:
        # Dictionaries may hold a value twice; those rank the same.
        differs = pc.not_equal(ascending.slice(1), ascending.slice(0, len(values) - 1))
        steps[1:] = np.cumsum(pc.fill_null(differs, False).to_numpy(zero_copy_only=False))
    numbers = np.empty(len(values), np.uint64)
    numbers[places] = steps
    return numbers


def _loop_ranks(values: list[Any]) -> tuple[Codes, int]:
    # A row loop: lists, structs and intervals have no order in Arrow, and are rare as sort keys.
    keyed = [_comparable(v) for v in values]
    distinct = {k: i for i, k in enumerate(sorted(set(keyed)))}
    return np.array([distinct[k] for k in keyed], np.uint64), len(distinct)


def _comparable(value: Any) -> Any:
    """A Python value as something that compares in SQL's order inside lists and structs: NULLs last, NaN before."""
    if value is None:
        return (2, 0)
    if isinstance(value, float):
        return (1, 0) if value != value else (0, value)
    if isinstance(value, pa.MonthDayNano):
        days, nanos = value.months * 30 + value.days, value.nanoseconds
        return (0, days * 86_400_000_000_000 + nanos)
    if isinstance(value, dict):
        return (0, tuple(_comparable(v) for v in value.values()))
    if isinstance(value, list | tuple):
        return (0, tuple(_comparable(v) for v in value))
    return (0, value)


def _float_codes(column: pa.Array) -> Codes:
    """IEEE bits rearranged so that they compare as unsigned integers: NaN greatest, zeros equal. NULLs: anything."""
    values = (pc.fill_null(column, 0.0) if column.null_count else column).to_numpy(zero_copy_only=False)
    values = values.astype(np.float64)  # a copy, also of float64
    values += 0.0
    codes: Codes = values.view(np.uint64)
    negative = (codes >> np.uint64(63)).astype(bool)
    flips = np.where(negative, ~np.uint64(0), np.uint64(1 << 63))
    nans = np.isnan(values) if np.isnan(np.max(values, initial=0.0)) else None
    codes ^= flips
    if nans is not None:
        codes[nans] = np.uint64(0xFFF8000000000000)
    return codes


def _ends(column: pa.Array) -> pa.Array:
    """The least and the greatest value of floats without NULL; NaN is the greatest."""
    values = column.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        return pa.array([np.fmin.reduce(values), np.max(values)], pa.float64())


def _decimal_words(column: pa.Array) -> Codes:
    data = column.buffers()[1]
    return np.frombuffer(data, np.int64, 2 * len(column), column.offset * 16)[::2]


def _prefixes(column: pa.Array, skip: int) -> Codes:
    """The 8 bytes after the first `skip` of each value, as a big-endian number; shorter ones end in zeros."""
    column = column.cast(pa.binary())
    buffers = column.buffers()
    offsets = np.frombuffer(buffers[1], np.int32, len(column) + 1, column.offset * 4).astype(np.int64)
    data = buffers[2]
    size = len(data) if data is not None else 0
    padded = np.zeros(size + 8, np.uint8)
    if data is not None:
        padded[:size] = np.frombuffer(data, np.uint8)
    length = np.clip(offsets[1:] - offsets[:-1] - skip, 0, 8).astype(np.uint64)
    starts = np.minimum(offsets[:-1] + skip, size)
    words_at = np.lib.stride_tricks.as_strided(padded[:8].view(">u8"), (size + 1,), (1,))
    words = words_at[starts].astype(np.uint64)
    # Bytes beyond the end belong to the next value.
    cut = (np.uint64(8) - length) * np.uint64(8)
    some = length > 0
    words = np.where(
        some, words >> np.where(some, cut, 0).astype(np.uint64) << np.where(some, cut, 0).astype(np.uint64), 0
    )
    return words.astype(np.uint64, copy=False)
