"""List kernels that compare items: contains, position, distinct, sets, sorting.

Items get codes (equal items, equal codes) or ranks first, so that what follows is arithmetic on integers. NULL items
are equal to nothing; NaN equals NaN and is the greatest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.lists import Flat, Indexes, build, flat, taken
from velothread.kernels.shaping import columns_only
from velothread.kernels.vectors import Mask, column, valid_rows


def codes(items: pa.Array) -> Indexes:
    """Numbers that are equal where items are; -1 for NULL."""
    if pa.types.is_null(items.type):
        return np.full(len(items), -1)
    if pa.types.is_nested(items.type):
        # Arrow encodes no nested values; their text tells them apart.
        known: dict[str, int] = {}
        found = [-1 if v is None else known.setdefault(repr(v), len(known)) for v in items.to_pylist()]
        return np.array(found, np.int64)
    if pa.types.is_floating(items.type):
        items = pc.add(items, pa.scalar(0.0, items.type))  # -0.0 equals 0.0
    encoded = items.dictionary_encode().indices.fill_null(-1)
    return np.asarray(encoded, np.int64)


def _order_key(value: Any) -> Any:
    if value is None:
        return (1,)
    if isinstance(value, dict):
        return (0, [_order_key(v) for v in value.values()])
    return (0, [_order_key(v) for v in value] if isinstance(value, list | tuple) else value)


def ranks(items: pa.Array) -> Indexes:
    """Numbers in the order of the items; equal items have equal ones; arbitrary for NULL."""
    if pa.types.is_null(items.type):
        return np.zeros(len(items), np.int64)
    if pa.types.is_nested(items.type):
        keys = [_order_key(v) for v in items.to_pylist()]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        found = np.zeros(len(keys), np.int64)
        for before, here in pairwise(order):
            found[here] = found[before] + (keys[before] != keys[here])
        return found
    if pa.types.is_boolean(items.type):
        items = items.cast(pa.int8())
    if pa.types.is_floating(items.type):
        items = pc.add(items, pa.scalar(0.0, items.type))
    return np.asarray(pc.rank(items, sort_keys="ascending", null_placement="at_end", tiebreaker="dense"), np.int64)


def _paired(left: pa.Array, right: pa.Array) -> tuple[Flat, Flat, Indexes, Indexes]:
    """Two list columns, and keys of their items: equal in the same row and with equal values; -1 for NULL."""
    a, b = flat(left), flat(right)
    items = pa.concat_arrays([a.ordered(), b.ordered()])
    code = codes(items)
    width = int(code.max(initial=0)) + 1
    split = int(a.lengths.sum())
    rows = np.concatenate((a.row_numbers(), b.row_numbers()))
    keys = np.where(code < 0, -1, rows * width + code)
    return a, b, keys[:split], keys[split:]


def _matches(lists: pa.Array, item: pa.Array) -> tuple[Flat, Indexes, Indexes]:
    """The rows and places of the items of `lists` that equal the `item` of their row."""
    a, _, keys, wanted = _paired(lists, build(np.ones(len(item), np.int64), item))
    row = a.row_numbers()
    hit = (keys >= 0) & (keys == wanted[row])
    return a, row[hit], a.places()[hit]


@columns_only
def contains(lists: pa.Array, item: pa.Array) -> pa.Array:
    """Is the item in the list? NULL for a NULL item."""
    parts, row, _ = _matches(lists, item)
    return column(np.bincount(row, minlength=parts.rows) > 0, pa.bool_(), valid_rows(lists, item))


@columns_only
def position(lists: pa.Array, item: pa.Array) -> pa.Array:
    """The position of the first such item, NULL when there is none; a NULL item finds the first NULL."""
    parts, row, place = _matches(lists, item)
    items = parts.ordered()
    if item.null_count and items.null_count:
        rows = parts.row_numbers()
        both = ~_known(items) & ~_known(item)[rows]
        row, place = np.concatenate((row, rows[both])), np.concatenate((place, parts.places()[both]))
    found = np.zeros(parts.rows, np.int32)
    # Written from the last to the first, so that the first one stays.
    found[row[::-1]] = place[::-1] + 1
    return column(found, pa.int32(), found > 0)


def _known(array: pa.Array) -> Mask:
    found = valid_rows(array)
    return np.ones(len(array), np.bool_) if found is None else found


def _first_of_each(keys: Indexes) -> Indexes:
    """The places of the first occurrence of each key that is not -1, in order."""
    unique, first = np.unique(keys, return_index=True)
    return np.sort(first[unique >= 0])


@columns_only
def distinct(lists: pa.Array) -> pa.Array:
    """The different items, without NULL, in the order in which they first come."""
    parts = flat(lists)
    items, row = parts.ordered(), parts.row_numbers()
    code = codes(items)
    keep = _first_of_each(np.where(code < 0, -1, row * (int(code.max(initial=0)) + 1) + code))
    return build(np.bincount(row[keep], minlength=parts.rows), taken(items, keep), parts.valid)


@columns_only
def unique_count(lists: pa.Array) -> pa.Array:
    """How many different items there are, without NULL."""
    parts = flat(distinct(lists))
    return column(parts.lengths.astype(np.uint64), pa.uint64(), parts.valid)


@columns_only
def has_any(left: pa.Array, right: pa.Array) -> pa.Array:
    """Have the lists an item in common?"""
    a, _, keys, others = _paired(left, right)
    hit = np.isin(keys, others[others >= 0])
    return column(np.bincount(a.row_numbers()[hit], minlength=a.rows) > 0, pa.bool_(), valid_rows(left, right))


@columns_only
def has_all(left: pa.Array, right: pa.Array) -> pa.Array:
    """Are all items of the second list (but NULLs) in the first?"""
    _, b, keys, others = _paired(left, right)
    missing = (others >= 0) & ~np.isin(others, keys)
    return column(np.bincount(b.row_numbers()[missing], minlength=b.rows) == 0, pa.bool_(), valid_rows(left, right))


def within_all(left: Value, right: Value) -> Value:
    """Are all items of the first list in the second?"""
    return has_all(right, left)


@columns_only
def intersect(left: pa.Array, right: pa.Array) -> pa.Array:
    """The different items that are in both lists, in the order of the first."""
    a, _, keys, others = _paired(left, right)
    keep = _first_of_each(np.where(np.isin(keys, others), keys, -1))
    return build(np.bincount(a.row_numbers()[keep], minlength=a.rows), taken(a.ordered(), keep), a.valid)


def _option(texts: pa.Array, what: str, choices: dict[str, bool]) -> bool:
    values = set(texts.to_pylist()) if len(texts) < 2 else set(pc.unique(texts).to_pylist())
    if len(values) > 1:
        raise ExecutionError(f"the {what} of list_sort must be the same for all rows")
    given = next(iter(values), next(iter(choices)))
    found = choices.get(str(given).upper())
    if found is None:
        raise ExecutionError(f"{given!r} is not an {what} of list_sort", hint=f"choose one of {', '.join(choices)}")
    return found


_ORDERS = {"ASC": False, "DESC": True, "ASCENDING": False, "DESCENDING": True, "DEFAULT": False}
_NULLS = {"NULLS LAST": False, "NULLS FIRST": True, "DEFAULT": False}


def order(parts: Flat, items: pa.Array, descending: bool, nulls_first: bool) -> Indexes:
    """The places of `items` (all of them, in order) sorted within their rows; equal ones keep their order."""
    key = ranks(items)
    null = ~_known(items)
    key = np.where(null, 0, -key if descending else key)
    return np.lexsort((key, ~null if nulls_first else null, parts.row_numbers()))


def _sorted(lists: pa.Array, descending: bool, nulls_first: bool) -> pa.Array:
    parts = flat(lists)
    items = parts.ordered()
    return build(parts.lengths, taken(items, order(parts, items, descending, nulls_first)), parts.valid)


@columns_only
def sort(lists: pa.Array, direction: pa.Array | None = None, nulls: pa.Array | None = None) -> pa.Array:
    """The items in order; NULLs last unless told otherwise."""
    descending = direction is not None and _option(direction, "order", _ORDERS)
    return _sorted(lists, descending, nulls is not None and _option(nulls, "order of NULLs", _NULLS))


@columns_only
def reverse_sort(lists: pa.Array, nulls: pa.Array | None = None) -> pa.Array:
    """The items in descending order; NULLs last unless told otherwise."""
    return _sorted(lists, True, nulls is not None and _option(nulls, "order of NULLs", _NULLS))


@columns_only
def grade_up(lists: pa.Array) -> pa.Array:
    """The positions of the items in sorted order."""
    parts = flat(lists)
    places = parts.places()[order(parts, parts.ordered(), False, False)] + 1
    return build(parts.lengths, pa.array(places, pa.int64()), parts.valid)
