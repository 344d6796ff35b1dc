"""Map kernels: a map is a list of keys beside a list of values of the same lengths; keys are unique, never NULL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.list_search import codes
from velothread.kernels.lists import Flat, Indexes, build, flat, taken
from velothread.kernels.shaping import columns_only
from velothread.kernels.vectors import Mask, column, valid_rows


def _assembled(lengths: Indexes, keys: pa.Array, values: pa.Array, valid: Mask | None) -> pa.MapArray:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    mask = None if valid is None or valid.all() else pa.array(~valid)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, values, mask=mask)


def _checked(lengths: Indexes, keys: pa.Array, values: pa.Array, valid: Mask | None) -> pa.MapArray:
    if keys.null_count:
        raise ExecutionError("the keys of a map must not be NULL")
    rows, code = np.repeat(np.arange(len(lengths)), lengths), codes(keys)
    numbers = rows * (int(code.max(initial=0)) + 1) + code
    if len(np.unique(numbers)) != len(numbers):
        order = np.argsort(numbers, kind="stable")
        twice = order[1:][np.diff(numbers[order]) == 0][0]
        raise ExecutionError(f"the keys of a map must be unique: {keys[int(twice)].as_py()!r} comes twice")
    return _assembled(lengths, keys, values, valid)


@columns_only
def from_lists(keys: pa.Array, values: pa.Array) -> pa.Array:
    """A map of a list of keys and a list of values."""
    a, b, valid = flat(keys), flat(values), valid_rows(keys, values)
    if valid is not None:
        a = replace(a, lengths=np.where(valid, a.lengths, 0))
        b = replace(b, lengths=np.where(valid, b.lengths, 0))
    if (a.lengths != b.lengths).any():
        row = int(np.argmax(a.lengths != b.lengths))
        raise ExecutionError(f"a map takes as many keys as values, not {a.lengths[row]} and {b.lengths[row]}")
    return _checked(a.lengths, a.ordered(), b.ordered(), valid)


@columns_only
def from_entries(entries: pa.Array) -> pa.Array:
    """A map of a list of structs of a key and a value."""
    parts = flat(entries)
    pairs = parts.ordered()
    key, value = pairs.flatten()
    return _checked(parts.lengths, key, value, parts.valid)


def _items(maps: pa.MapArray) -> tuple[Flat, pa.Array]:
    """The keys of a map column laid flat, and all its values beside them."""
    return flat(maps), maps.items


@columns_only
def keys(maps: pa.Array) -> pa.Array:
    """The keys of each map."""
    parts, _ = _items(maps)
    return build(parts.lengths, parts.ordered(), parts.valid)


@columns_only
def values(maps: pa.Array) -> pa.Array:
    """The values of each map."""
    parts, items = _items(maps)
    return build(parts.lengths, taken(items, parts.indexes()), parts.valid)


@columns_only
def entries(maps: pa.Array) -> pa.Array:
    """The entries of each map as structs of key and value."""
    parts, items = _items(maps)
    pairs = [parts.ordered(), taken(items, parts.indexes())]
    return build(parts.lengths, pa.StructArray.from_arrays(pairs, names=["key", "value"]), parts.valid)


@columns_only
def cardinality(maps: pa.Array) -> pa.Array:
    """How many entries each map has."""
    parts, _ = _items(maps)
    return column(parts.lengths.astype(np.uint64), pa.uint64(), parts.valid)


def _found(maps: pa.Array, key: pa.Array) -> tuple[Flat, pa.Array, Indexes, Mask]:
    """For each row, where its key is among the values, and whether it is there at all."""
    parts, items = _items(maps)
    own = parts.ordered()
    code = codes(pa.concat_arrays([own, key]))
    have, want = code[: len(own)], code[len(own) :]
    rows = parts.row_numbers()
    hit = (have == want[rows]) & (have >= 0)
    at, there = np.zeros(parts.rows, np.int64), np.zeros(parts.rows, np.bool_)
    at[rows[hit]] = parts.indexes()[hit]
    there[rows[hit]] = True
    return parts, items, at, there


@columns_only
def value_of(maps: pa.Array, key: pa.Array) -> pa.Array:
    """The value of a key; NULL when there is none."""
    _, items, at, there = _found(maps, key)
    return taken(items, at, there)


@columns_only
def values_of(maps: pa.Array, key: pa.Array) -> pa.Array:
    """A list of the value of a key, empty when there is none."""
    parts, items, at, there = _found(maps, key)
    return build(there.astype(np.int64), items.take(pa.array(at[there])), parts.valid)


@columns_only
def contains(maps: pa.Array, key: pa.Array) -> pa.Array:
    """Has the map this key? NULL for a NULL key."""
    *_, there = _found(maps, key)
    return column(there, pa.bool_(), valid_rows(maps, key))


@columns_only
def concat(*maps: pa.Array) -> pa.Array:
    """All entries of the maps; of equal keys the last one's value, at the first one's place; NULL maps are empty."""
    split = [_items(one) for one in maps]
    rows = np.concatenate([parts.row_numbers() for parts, _ in split])
    all_keys = pa.concat_arrays([parts.ordered() for parts, _ in split])
    all_values = pa.concat_arrays([taken(items, parts.indexes()) for parts, items in split])
    code = codes(all_keys)
    number = rows * (int(code.max(initial=0)) + 1) + code
    unique, first, which = np.unique(number, return_index=True, return_inverse=True)
    last = np.zeros(len(unique), np.int64)
    last[which] = np.arange(len(number))
    order = np.lexsort((first, rows[first]))
    at, winner = first[order], last[order]
    count = len(maps[0])
    valid = None
    if all(parts.valid is not None for parts, _ in split):
        valid = np.logical_or.reduce([parts.valid for parts, _ in split if parts.valid is not None])
    lengths = np.bincount(rows[at], minlength=count)
    return _assembled(lengths, taken(all_keys, at), taken(all_values, winner), valid)
