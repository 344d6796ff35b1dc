"""Aggregates of the items of each list: list_sum, list_avg, list_min, ... NULL items are left out.

Items are summed per row by NumPy in their order, so results don't depend on how a column is cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.list_search import codes, order, unique_count
from velothread.kernels.lists import Flat, Indexes, build, flat, taken
from velothread.kernels.shaping import columns_only
from velothread.kernels.vectors import Mask, column, valid_rows, view
from velothread.types import DOUBLE, HUGEINT, SqlType, decimal

Doubles = npt.NDArray[np.float64]


def _items(lists: pa.Array) -> tuple[Flat, pa.Array, Indexes]:
    """The list column, its items that are not NULL, and their rows."""
    parts = flat(lists)
    items, rows = parts.ordered(), parts.row_numbers()
    present = valid_rows(items)
    return (parts, items, rows) if present is None else (parts, items.drop_null(), rows[present])


def _doubles(items: pa.Array) -> Doubles:
    found: Doubles = pc.cast(items, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _totals(rows: Indexes, values: Doubles, count: int) -> Doubles:
    return np.bincount(rows, values, minlength=count).astype(np.float64)


def count(lists: Value) -> Value:
    """How many items are not NULL."""
    return _count(lists)


@columns_only
def _count(lists: pa.Array) -> pa.Array:
    parts, _, rows = _items(lists)
    return column(np.bincount(rows, minlength=parts.rows), pa.int64(), parts.valid)


def sum_type(arguments: tuple[SqlType, ...]) -> SqlType:
    """HUGEINT for integers, DECIMAL(38, s) for decimals, DOUBLE for floats."""
    item = arguments[0].element
    if item is None or item.is_float:
        return DOUBLE
    return decimal(38, item.scale) if item.kind == "DECIMAL" else HUGEINT


@columns_only
def sum_(lists: pa.Array) -> pa.Array:
    """The sum of the items, exact for integers and decimals; NULL for none."""
    parts, items, rows = _items(lists)
    counts = np.bincount(rows, minlength=parts.rows)
    t = items.type
    if pa.types.is_floating(t):
        return column(_totals(rows, _doubles(items), parts.rows), pa.float64(), counts > 0)
    target = pa.decimal128(38, t.scale if pa.types.is_decimal(t) else 0)
    if pa.types.is_boolean(t):
        items = items.cast(pa.int8())
    if pa.types.is_boolean(t) or (pa.types.is_integer(t) and t.bit_width <= 32):
        # Fewer than 2**31 items of 32 bits can't overflow 64: differences of running sums.
        running = np.concatenate((np.zeros(1, np.int64), np.cumsum(view(items), dtype=np.int64)))
        ends = np.cumsum(counts)
        sums = column(running[ends] - running[ends - counts], pa.int64(), counts > 0)
        return pc.cast(pc.cast(sums, pa.decimal128(20, 0)), target)
    wide = pc.cast(pc.cast(items, pa.decimal128(20, 0)), target) if pa.types.is_integer(t) else pc.cast(items, target)
    grouped = pa.table({"row": rows, "item": wide}).group_by("row", use_threads=False).aggregate([("item", "sum")])
    at = np.zeros(parts.rows, np.int64)
    at[grouped["row"].to_numpy()] = np.arange(grouped.num_rows)
    sums = grouped["item_sum"].combine_chunks()
    sums = pa.concat_arrays(sums.chunks) if isinstance(sums, pa.ChunkedArray) else sums
    return pc.cast(taken(sums, at, counts > 0), target)


@columns_only
def average(lists: pa.Array) -> pa.Array:
    """The mean of the items as DOUBLE; NULL for none."""
    parts, items, rows = _items(lists)
    counts = np.bincount(rows, minlength=parts.rows)
    totals = _totals(rows, _doubles(items), parts.rows)
    return column(totals / np.maximum(counts, 1), pa.float64(), counts > 0)


@columns_only
def product(lists: pa.Array) -> pa.Array:
    """The product of the items as DOUBLE; NULL for none."""
    parts, items, rows = _items(lists)
    found = np.ones(parts.rows)
    np.multiply.at(found, rows, _doubles(items))
    return column(found, pa.float64(), np.bincount(rows, minlength=parts.rows) > 0)


def _moments(lists: pa.Array) -> tuple[Indexes, Doubles]:
    """For each row: how many items, and the sum of squares of their distances from the mean."""
    parts, items, rows = _items(lists)
    values = _doubles(items)
    counts = np.bincount(rows, minlength=parts.rows)
    means = _totals(rows, values, parts.rows) / np.maximum(counts, 1)
    return counts, _totals(rows, (values - means[rows]) ** 2, parts.rows)


def _spread(lists: pa.Array, *, sample: bool, root: bool) -> pa.Array:
    counts, squares = _moments(lists)
    found = squares / np.maximum(counts - sample, 1)
    return column(np.sqrt(found) if root else found, pa.float64(), counts > int(sample))


var_pop = columns_only(partial(_spread, sample=False, root=False))
var_samp = columns_only(partial(_spread, sample=True, root=False))
stddev_pop = columns_only(partial(_spread, sample=False, root=True))
stddev_samp = columns_only(partial(_spread, sample=True, root=True))


def _ends(rows: Indexes, total: int) -> tuple[Indexes, Mask]:
    """For rows in order: where each of `total` rows begins, and which have items at all."""
    counts = np.bincount(rows, minlength=total)
    return np.cumsum(counts) - counts, counts > 0


def _in_order(parts: Flat, items: pa.Array, rows: Indexes) -> pa.Array:
    counts = np.bincount(rows, minlength=parts.rows)
    whole = Flat(items, np.cumsum(counts) - counts, counts, None)
    return items.take(pa.array(order(whole, items, False, False)))


@columns_only
def least(lists: pa.Array) -> pa.Array:
    """The least item; NaN is the greatest."""
    parts, items, rows = _items(lists)
    begins, some = _ends(rows, parts.rows)
    return taken(_in_order(parts, items, rows), begins, some)


@columns_only
def greatest(lists: pa.Array) -> pa.Array:
    """The greatest item; NaN is the greatest."""
    parts, items, rows = _items(lists)
    counts = np.bincount(rows, minlength=parts.rows)
    return taken(_in_order(parts, items, rows), np.cumsum(counts) - 1, counts > 0)


def median_type(arguments: tuple[SqlType, ...]) -> SqlType:
    """DOUBLE for integers; floats, decimals and all else keep their type."""
    item = arguments[0].element
    return DOUBLE if item is None or item.is_integer else item


@columns_only
def median(lists: pa.Array) -> pa.Array:
    """The middle item, or the mean of the middle two (the lower one of what has no mean)."""
    parts, items, rows = _items(lists)
    counts = np.bincount(rows, minlength=parts.rows)
    begins, some = np.cumsum(counts) - counts, counts > 0
    ordered = _in_order(parts, items, rows)
    low = taken(ordered, begins + np.maximum(counts - 1, 0) // 2, some)
    t = items.type
    if not (pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t)):
        return low
    high = taken(ordered, begins + counts // 2, some)
    mean = pc.divide(pc.add(pc.cast(low, pa.float64(), safe=False), pc.cast(high, pa.float64(), safe=False)), 2.0)
    if pa.types.is_decimal(t):
        return pc.cast(pc.round(mean, t.scale), t, safe=False)
    return mean if pa.types.is_integer(t) else mean.cast(t)


@columns_only
def first(lists: pa.Array) -> pa.Array:
    """The first item, even when it is NULL."""
    parts = flat(lists)
    return taken(parts.items, parts.starts, parts.lengths > 0)


@columns_only
def last(lists: pa.Array) -> pa.Array:
    """The last item, even when it is NULL."""
    parts = flat(lists)
    return taken(parts.items, parts.starts + parts.lengths - 1, parts.lengths > 0)


@columns_only
def any_value(lists: pa.Array) -> pa.Array:
    """The first item that is not NULL."""
    parts, items, rows = _items(lists)
    begins, some = _ends(rows, parts.rows)
    return taken(items, begins, some)


def _counted(lists: pa.Array) -> tuple[Flat, pa.Array, Indexes, Indexes, Indexes]:
    """The different items of each row: their rows, where each first comes in the items, and how often it comes."""
    parts, items, rows = _items(lists)
    code = codes(items)
    keys = rows * (int(code.max(initial=0)) + 1) + code
    _, at, often = np.unique(keys, return_index=True, return_counts=True)
    return parts, items, rows[at], at, often


@columns_only
def mode(lists: pa.Array) -> pa.Array:
    """The item that comes most often, the first of equals."""
    parts, items, rows, at, often = _counted(lists)
    ranked = np.lexsort((at, -often, rows))
    begins, some = _ends(rows, parts.rows)
    best = np.zeros(parts.rows, np.int64)
    best[some] = at[ranked][begins[some]]
    return taken(items, best, some)


@columns_only
def histogram(lists: pa.Array) -> pa.Array:
    """How often each item comes, as a MAP in the order of the items."""
    parts, items, rows, at, often = _counted(lists)
    counts = np.bincount(rows, minlength=parts.rows)
    keys = items.take(pa.array(at))
    by_value = order(Flat(keys, np.cumsum(counts) - counts, counts, None), keys, False, False)
    values = pa.array(often[by_value], pa.uint64())
    listed = build(counts, keys.take(pa.array(by_value)), counts > 0)
    mask = pa.array(counts == 0) if (counts == 0).any() else None
    return pa.MapArray.from_arrays(listed.offsets, listed.values, values, mask=mask)


@columns_only
def entropy(lists: pa.Array) -> pa.Array:
    """The entropy of the items in bits."""
    parts, _, rows, _, often = _counted(lists)
    totals = np.bincount(rows, often, minlength=parts.rows)
    share = often / totals[rows]
    found = _totals(rows, -share * np.log2(share), parts.rows)
    return column(found, pa.float64(), parts.valid)


@columns_only
def distinct_count(lists: pa.Array) -> pa.Array:
    """How many different items, as BIGINT."""
    return unique_count(lists).cast(pa.int64())


def _all_or_any(everything: bool) -> Callable[[Value], Value]:
    @columns_only
    def kernel(lists: pa.Array) -> pa.Array:
        parts, items, rows = _items(lists)
        flags = view(items)
        counts = np.bincount(rows, minlength=parts.rows)
        hits = np.bincount(rows[flags], minlength=parts.rows)
        return column(hits == counts if everything else hits > 0, pa.bool_(), counts > 0)

    return kernel


bool_and = _all_or_any(True)
bool_or = _all_or_any(False)


def _bits(operation: np.ufunc) -> Callable[[Value], Value]:
    @columns_only
    def kernel(lists: pa.Array) -> pa.Array:
        parts, items, rows = _items(lists)
        begins, some = _ends(rows, parts.rows)
        found = np.zeros(parts.rows, view(items).dtype)
        if some.any():
            found[some] = operation.reduceat(view(items), begins[some])
        return column(found, items.type, some)

    return kernel


bit_and = _bits(np.bitwise_and)
bit_or = _bits(np.bitwise_or)
bit_xor = _bits(np.bitwise_xor)


def _pairs(
    name: str, combine: Callable[[Doubles, Doubles, Callable[[Doubles], Doubles]], Doubles]
) -> Callable[..., Value]:
    """A kernel of two lists of numbers of one length."""

    @columns_only
    def kernel(left: pa.Array, right: pa.Array) -> pa.Array:
        a, b, valid = flat(left), flat(right), valid_rows(left, right)
        uneven = a.lengths != b.lengths if valid is None else (a.lengths != b.lengths) & valid
        if uneven.any():
            row = int(np.argmax(uneven))
            raise ExecutionError(
                f"{name} takes lists of one length, not of {a.lengths[row]} and {b.lengths[row]} items"
            )
        keep = np.ones(a.rows, np.bool_) if valid is None else valid
        x, y = a.ordered().filter(pa.array(keep[a.row_numbers()])), b.ordered().filter(pa.array(keep[b.row_numbers()]))
        if x.null_count or y.null_count:
            raise ExecutionError(f"{name} takes lists without NULLs in them")
        rows = a.row_numbers()[keep[a.row_numbers()]]
        with np.errstate(all="ignore"):
            found = combine(_doubles(x), _doubles(y), lambda values: _totals(rows, values, a.rows))
        t = left.type.value_type
        return column(found.astype(view(pa.nulls(0, t)).dtype), t, valid)

    return kernel


@columns_only
def cross_product(left: pa.Array, right: pa.Array) -> pa.Array:
    """The cross product of lists of three numbers."""
    valid = valid_rows(left, right)
    keep = np.ones(len(left), np.bool_) if valid is None else valid
    x, y = (flat(side.filter(pa.array(keep))).ordered() for side in (left, right))
    if x.null_count or y.null_count:
        raise ExecutionError("array_cross_product takes arrays without NULLs in them")
    found = np.cross(view(x).reshape(-1, 3), view(y).reshape(-1, 3))
    return build(np.where(keep, 3, 0), column(np.ascontiguousarray(found).ravel(), x.type), valid)


def _cosine(x: Doubles, y: Doubles, total: Callable[[Doubles], Doubles]) -> Doubles:
    found = total(x * y) / np.sqrt(total(x * x) * total(y * y))
    return np.clip(found, -1.0, 1.0)


dot_product = _pairs("list_dot_product", lambda x, y, total: total(x * y))
negative_dot_product = _pairs("list_negative_dot_product", lambda x, y, total: -total(x * y))
distance = _pairs("list_distance", lambda x, y, total: np.sqrt(total((x - y) ** 2)))
cosine_similarity = _pairs("list_cosine_similarity", _cosine)
cosine_distance = _pairs("list_cosine_distance", lambda x, y, total: 1.0 - _cosine(x, y, total))
