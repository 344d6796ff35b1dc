"""List kernels: building, taking apart, slicing, joining. Positions are 1-based; negative ones count from the end.

A list column is laid flat: its items in one array, and for each row where they begin and how many they are. Kernels
compute which items go where with NumPy and take them at once; there is no loop over rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.shaping import columns_only
from velothread.kernels.vectors import Mask, column, valid_rows, view

Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Flat:
    """A list column laid flat.

    items: the items of all rows (and maybe others). starts, lengths: the items of each row; NULL rows have none.
    valid: the rows that are not NULL; None: all.
    """

    items: pa.Array
    starts: Indexes
    lengths: Indexes
    valid: Mask | None

    @property
    def rows(self) -> int:
        return len(self.lengths)

    def row_numbers(self) -> Indexes:
        """The row of each item, in order."""
        return np.repeat(np.arange(self.rows), self.lengths)

    def places(self) -> Indexes:
        """The 0-based place of each item in its list, in order."""
        return within(self.lengths)

    def indexes(self) -> Indexes:
        """Where each item is in `items`, in order."""
        return np.repeat(self.starts, self.lengths) + self.places()

    def ordered(self) -> pa.Array:
        """The items of all rows, in order, and no others."""
        total = int(self.lengths.sum())
        if not total:
            return self.items.slice(0, 0)
        begin = int(self.starts[np.argmax(self.lengths > 0)])
        at = self.indexes()
        # Lists mostly lie one behind the other: no copy then.
        if at[0] == begin and at[-1] - at[0] == total - 1 and (np.diff(at) == 1).all():
            return self.items.slice(begin, total)
        return self.items.take(pa.array(at))


def within(lengths: Indexes) -> Indexes:
    """0, 1, 2, ... for each length in turn."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def flat(array: pa.Array) -> Flat:
    """A list (or map) column laid flat."""
    rows = len(array)
    valid = valid_rows(array)
    if pa.types.is_null(array.type):
        zeros = np.zeros(rows, np.int64)
        return Flat(pa.nulls(0), zeros, zeros, np.zeros(rows, np.bool_))
    data = array.buffers()[1]
    if data is None or not data.size:
        offsets = np.zeros(rows + 1, np.int64)
    else:
        offsets = np.frombuffer(data, np.int32)[array.offset : array.offset + rows + 1].astype(np.int64)
    lengths = np.diff(offsets)
    if valid is not None:
        lengths = np.where(valid, lengths, 0)
    items = array.values if not pa.types.is_map(array.type) else array.keys
    return Flat(items, offsets[:-1], lengths, valid)


def build(lengths: Indexes, items: pa.Array, valid: Mask | None = None) -> pa.ListArray:
    """A list column of rows of these lengths; NULL where not `valid` (such rows must have no items)."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    mask = None if valid is None or valid.all() else pa.array(~valid)
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=mask)


def taken(items: pa.Array, at: Indexes, present: Mask | None = None) -> pa.Array:
    """Items by place; NULL where not `present`."""
    if present is None or present.all():
        return items.take(pa.array(at))
    return items.take(pa.array(np.where(present, at, 0), mask=~present))


@columns_only
def length(lists: pa.Array) -> pa.Array:
    """Items of each list."""
    parts = flat(lists)
    return column(parts.lengths, pa.int64(), parts.valid)


def value(*items: Value) -> Value:
    """A list of the arguments, all of one type."""
    if not items:
        return pa.scalar([], pa.list_(pa.null()))
    return _value(*items)


@columns_only
def _value(*items: pa.Array) -> pa.Array:
    rows = len(items[0])
    order = np.arange(rows * len(items)).reshape(len(items), rows).T.ravel()
    return build(np.full(rows, len(items)), pa.concat_arrays(items).take(pa.array(order)))


@columns_only
def element(lists: pa.Array, position: pa.Array) -> pa.Array:
    """One item of each list; NULL when there is none at that position."""
    parts, number = flat(lists), view(position)
    place = np.where(number > 0, number - 1, parts.lengths + number)
    there = (place >= 0) & (place < parts.lengths) & (number != 0)
    known = valid_rows(position)
    return taken(parts.items, parts.starts + place, there if known is None else there & known)


@columns_only
def slice_(lists: pa.Array, begin: pa.Array, end: pa.Array, step: pa.Array | None = None) -> pa.Array:
    """The items from one position to another, both included; every `step`th, backwards when it is negative."""
    parts, known = flat(lists), valid_rows(lists, begin, end, *([] if step is None else [step]))
    first, last = _clipped(view(begin), parts.lengths), view(end)
    stop = np.minimum(np.where(last < 0, parts.lengths + last + 1, last), parts.lengths)
    if step is None:
        counts = np.maximum(stop - first, 0)
        stride = np.ones(parts.rows, np.int64)
    else:
        stride = view(step)
        if ((stride == 0) & (True if known is None else known)).any():
            raise ExecutionError("the step of a list slice must not be 0")
        # Backwards, `begin` is the higher end: [5:1:-1] is all of a list of five, from its end.
        top = np.minimum(np.where(view(begin) < 0, parts.lengths + view(begin) + 1, view(begin)), parts.lengths)
        bottom = _clipped(last, parts.lengths)
        span = np.where(stride > 0, stop - first, top - bottom)
        first = np.where(stride > 0, first, top - 1)
        size = np.maximum(np.abs(stride), 1)
        counts = np.maximum(-(-span // size), 0)
    if known is not None:
        counts = np.where(known, counts, 0)
    at = np.repeat(parts.starts + first, counts) + within(counts) * np.repeat(stride, counts)
    return build(counts, taken(parts.items, at), known)


def _clipped(position: Indexes, lengths: Indexes) -> Indexes:
    """The 0-based place where a slice begins."""
    return np.maximum(np.where(position < 0, lengths + position, position - 1), 0)


@columns_only
def concat(*lists: pa.Array) -> pa.Array:
    """All lists one behind the other; NULL ones are left out; NULL when all are."""
    parts = [flat(one) for one in lists]
    bases = np.cumsum([0, *[len(p.items) for p in parts[:-1]]])
    starts = np.stack([p.starts + base for p, base in zip(parts, bases, strict=True)], axis=1)
    lengths = np.stack([p.lengths for p in parts], axis=1)
    at = np.repeat(starts.ravel(), lengths.ravel()) + within(lengths.ravel())
    valid = None
    if all(p.valid is not None for p in parts):
        valid = np.logical_or.reduce([p.valid for p in parts if p.valid is not None])
    return build(lengths.sum(axis=1), pa.concat_arrays([p.items for p in parts]).take(pa.array(at)), valid)


@columns_only
def append(lists: pa.Array, item: pa.Array) -> pa.Array:
    """The list with one more item at its end; a NULL list counts as empty."""
    return concat(lists, build(np.ones(len(item), np.int64), item))


@columns_only
def prepend(item: pa.Array, lists: pa.Array) -> pa.Array:
    """The list with one more item at its front; a NULL list counts as empty."""
    return concat(build(np.ones(len(item), np.int64), item), lists)


@columns_only
def without_last(lists: pa.Array) -> pa.Array:
    """The list without its last item."""
    parts = flat(lists)
    counts = np.maximum(parts.lengths - 1, 0)
    return build(counts, taken(parts.items, np.repeat(parts.starts, counts) + within(counts)), parts.valid)


@columns_only
def without_first(lists: pa.Array) -> pa.Array:
    """The list without its first item."""
    parts = flat(lists)
    counts = np.maximum(parts.lengths - 1, 0)
    return build(counts, taken(parts.items, np.repeat(parts.starts + 1, counts) + within(counts)), parts.valid)


@columns_only
def repeat(lists: pa.Array, times: pa.Array) -> pa.Array:
    """The list several times over."""
    parts, valid = flat(lists), valid_rows(lists, times)
    copies = np.maximum(view(times), 0)
    if valid is not None:
        copies = np.where(valid, copies, 0)
    lengths = np.repeat(parts.lengths, copies)
    at = np.repeat(np.repeat(parts.starts, copies), lengths) + within(lengths)
    return build(parts.lengths * copies, taken(parts.items, at), valid)


@columns_only
def reverse(lists: pa.Array) -> pa.Array:
    """The items in reverse order."""
    parts = flat(lists)
    at = np.repeat(parts.starts + parts.lengths - 1, parts.lengths) - parts.places()
    return build(parts.lengths, taken(parts.items, at), parts.valid)


@columns_only
def resize(lists: pa.Array, size: pa.Array, filler: pa.Array | None = None) -> pa.Array:
    """The list cut or filled up (with NULL or `filler`) to a size; a NULL size counts as 0."""
    parts, known = flat(lists), valid_rows(size)
    wanted = view(size) if known is None else np.where(known, view(size), 0)
    if (wanted < 0).any():
        raise ExecutionError(f"a list can't be resized to {int(wanted.min())} items")
    if parts.valid is not None:
        wanted = np.where(parts.valid, wanted, 0)
    place, row = within(wanted), np.repeat(np.arange(parts.rows), wanted)
    own = place < parts.lengths[row]
    at = parts.starts[row] + place
    if filler is None:
        return build(wanted, taken(parts.items, at, own), parts.valid)
    items = pa.concat_arrays([parts.items, filler])
    return build(wanted, taken(items, np.where(own, at, len(parts.items) + row)), parts.valid)


@columns_only
def flatten(lists: pa.Array) -> pa.Array:
    """Lists of lists as lists of their items; inner NULLs are left out."""
    outer = flat(lists)
    inner = flat(outer.ordered())
    rows = outer.row_numbers()
    counts = np.bincount(rows, inner.lengths, minlength=outer.rows).astype(np.int64)
    return build(counts, inner.ordered(), outer.valid)


@columns_only
def where(lists: pa.Array, wanted: pa.Array) -> pa.Array:
    """The items whose partner in `wanted` is true."""
    parts, flags = flat(lists), flat(wanted)
    marks = flags.ordered()
    _no_nulls(marks, "list_where")
    on = view(marks)
    row, place = flags.row_numbers()[on], flags.places()[on]
    there = place < parts.lengths[row]
    counts = np.bincount(row, minlength=parts.rows)
    return _both_valid(counts, row, taken(parts.items, parts.starts[row] + place, there), parts.valid, flags.valid)


@columns_only
def select(lists: pa.Array, positions: pa.Array) -> pa.Array:
    """The items at these positions; NULL where there is none."""
    parts, chosen = flat(lists), flat(positions)
    numbers = chosen.ordered()
    _no_nulls(numbers, "list_select")
    row, place = chosen.row_numbers(), view(numbers) - 1
    there = (place >= 0) & (place < parts.lengths[row])
    items = taken(parts.items, parts.starts[row] + place, there)
    return _both_valid(chosen.lengths, row, items, parts.valid, chosen.valid)


@columns_only
def zip_(*lists: pa.Array) -> pa.Array:
    """Rows of the items at the same place, as many as the longest has; a BOOLEAN last: true cuts at the shortest."""
    cut: Mask | None = None
    if pa.types.is_boolean(lists[-1].type):
        known = valid_rows(lists[-1])
        cut = view(lists[-1]) if known is None else view(lists[-1]) & known
        lists = lists[:-1]
    parts = [flat(one) for one in lists]
    lengths = np.stack([p.lengths for p in parts], axis=1)
    counts = lengths.max(axis=1) if cut is None else np.where(cut, lengths.min(axis=1), lengths.max(axis=1))
    place, row = within(counts), np.repeat(np.arange(len(counts)), counts)
    fields = [_padded(p, row, place) for p in parts]
    names = [f"element_{i}" for i in range(1, len(fields) + 1)]
    return build(counts, pa.StructArray.from_arrays(fields, names=names))


def _padded(parts: Flat, row: Indexes, place: Indexes) -> pa.Array:
    there = place < parts.lengths[row]
    if not len(parts.items):
        return pa.nulls(len(row), parts.items.type)
    return taken(parts.items, parts.starts[row] + place, there)


@columns_only
def length_of(lists: pa.Array, dimension: pa.Array) -> pa.Array:
    """Items of each list along its first dimension, the only one that lists have."""
    known = valid_rows(dimension)
    if ((view(dimension) != 1) & (True if known is None else known)).any():
        raise ExecutionError("array_length of lists knows dimension 1 only")
    return length(lists) if known is None else pc.if_else(pc.is_valid(dimension), length(lists), None)


def _no_nulls(items: pa.Array, name: str) -> None:
    if items.null_count:
        raise ExecutionError(f"the second list of {name} must not have NULLs in it")


def _both_valid(counts: Indexes, row: Indexes, items: pa.Array, a: Mask | None, b: Mask | None) -> pa.Array:
    if a is None and b is None:
        return build(counts, items)
    valid = np.ones(len(counts), np.bool_) if a is None else a
    valid = valid if b is None else valid & b
    return build(np.where(valid, counts, 0), items.filter(pa.array(valid[row])), valid)


@columns_only
def join(lists: pa.Array, separator: pa.Array) -> pa.Array:
    """The texts of each list with a separator between them, without the NULL ones; NULL when there are only NULLs."""
    parts = flat(lists)
    items, rows = parts.ordered(), parts.row_numbers()
    present = valid_rows(items)
    if present is not None:
        items, rows = items.drop_null(), rows[present]
    counts = np.bincount(rows, minlength=parts.rows)
    valid = (counts > 0) | (parts.lengths == 0)
    if parts.valid is not None:
        valid &= parts.valid
    return pc.binary_join(build(counts, items, valid), separator.fill_null(","))


def aggregate_join(lists: Value, separator: Value | None = None) -> Value:
    """string_agg of each list: NULL for an empty one."""
    joined = join(lists, pa.scalar(",") if separator is None else separator)
    return pc.if_else(pc.equal(length(lists), 0), pa.scalar(None, pa.string()), joined)
