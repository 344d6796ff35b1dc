"""Lambda functions over lists: the items of all rows go through the body at once.

A kernel here gets `compute`, the compiled body of the lambda, as its first argument: `compute(count, *parameters)`
gives a column of `count` values, or a constant. What the body wants of the row around comes as further arguments and is
brought to the length of the items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.lists import Flat, Indexes, build, flat
from velothread.kernels.shaping import rows_of, spread
from velothread.kernels.vectors import Mask, valid_rows, view

Compute = Callable[..., Value]


def _with_columns(kernel: Callable[..., pa.Array]) -> Callable[..., Value]:
    """The list becomes a column where it is a constant; what is captured may stay one."""

    def spreading(compute: Compute, lists: Value, *others: Value) -> Value:
        found = kernel(compute, spread(lists, rows_of((lists, *others))), *others)
        return found if any(isinstance(v, pa.Array) for v in (lists, *others)) else found[0]

    spreading.__name__ = kernel.__name__
    spreading.__doc__ = kernel.__doc__
    return spreading


def _of_items(parts: Flat, compute: Compute, captured: tuple[Value, ...], *, indexed: bool) -> tuple[pa.Array, Value]:
    """The items of all rows, and what the body makes of them."""
    items = parts.ordered()
    parameters: list[Value] = [items]
    if indexed:
        parameters.append(pa.array(parts.places() + 1))
    if any(isinstance(c, pa.Array) for c in captured):
        rows = pa.array(parts.row_numbers())
        captured = tuple(c.take(rows) if isinstance(c, pa.Array) else c for c in captured)
    return items, compute(len(items), *parameters, *captured)


def _mapped(compute: Compute, lists: pa.Array, captured: tuple[Value, ...], *, indexed: bool) -> pa.Array:
    parts = flat(lists)
    items, made = _of_items(parts, compute, captured, indexed=indexed)
    return build(parts.lengths, spread(made, len(items)), parts.valid)


def _kept(compute: Compute, lists: pa.Array, captured: tuple[Value, ...], *, indexed: bool) -> pa.Array:
    parts = flat(lists)
    items, made = _of_items(parts, compute, captured, indexed=indexed)
    flags = spread(made, len(items))
    on, known = view(flags), valid_rows(flags)
    wanted = on if known is None else on & known
    counts = np.bincount(parts.row_numbers()[wanted], minlength=parts.rows).astype(np.int64)
    return build(counts, items.filter(pa.array(wanted)), parts.valid)


@_with_columns
def transform(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """What the body makes of each item."""
    return _mapped(compute, lists, captured, indexed=False)


@_with_columns
def transform_indexed(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """What the body makes of each item and its place (from 1)."""
    return _mapped(compute, lists, captured, indexed=True)


@_with_columns
def keep(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """The items for which the body is true."""
    return _kept(compute, lists, captured, indexed=False)


@_with_columns
def keep_indexed(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """The items for which the body is true, being told their place as well."""
    return _kept(compute, lists, captured, indexed=True)


# What a kernel says of a value that it refuses: ours, and Arrow's own.
_FAILURES = (ExecutionError, pa.ArrowInvalid)


def attempt(compute: Compute, missing: pa.Scalar, *captured: Value) -> Value:
    """TRY: the body over the rows around; `missing` (NULL) for the rows where it fails."""
    if not any(isinstance(c, pa.Array) for c in captured):
        try:
            return compute(1, *captured)
        except _FAILURES:
            return missing
    return _attempted(compute, missing, rows_of(captured), captured)


def _attempted(compute: Compute, missing: pa.Scalar, rows: int, captured: tuple[Value, ...]) -> pa.Array:
    """All rows at once; where that fails, both halves, down to the rows that fail alone."""
    try:
        return spread(compute(rows, *captured), rows)
    except _FAILURES:
        if rows == 1:
            return pa.repeat(missing, 1)
    half = rows // 2
    parts = []
    for start, count in ((0, half), (half, rows - half)):
        cut = tuple(c.slice(start, count) if isinstance(c, pa.Array) else c for c in captured)
        parts.append(_attempted(compute, missing, count, cut))
    return pa.concat_arrays(parts)


def _reduced(
    compute: Compute, lists: pa.Array, start: Value | None, captured: tuple[Value, ...], *, indexed: bool
) -> pa.Array:
    """One step per place in the longest list, each over all the lists that reach so far."""
    parts = flat(lists)
    first = 0 if start is not None else 1
    if start is None and ((parts.lengths == 0) & (True if parts.valid is None else parts.valid)).any():
        raise ExecutionError("list_reduce of an empty list needs an initial value as its third argument")
    state = _first_of(parts) if start is None else spread(start, parts.rows)
    if parts.valid is not None:
        state = _only(state, parts.valid)
    for place in range(first, int(parts.lengths.max(initial=0))):
        rows = np.flatnonzero(parts.lengths > place)
        chosen = pa.array(rows)
        parameters: list[Any] = [state.take(chosen), parts.items.take(pa.array(parts.starts[rows] + place))]
        if indexed:
            parameters.append(pa.array(np.full(len(rows), place + 1, np.int64)))
        parameters += [c.take(chosen) if isinstance(c, pa.Array) else c for c in captured]
        made = spread(compute(len(rows), *parameters), len(rows))
        state = made if len(rows) == parts.rows else _replaced(state, rows, made)
    return state


def _first_of(parts: Flat) -> pa.Array:
    there = parts.lengths > 0
    return parts.items.take(pa.array(np.where(there, parts.starts, 0), mask=~there))


def _only(values: pa.Array, valid: Mask) -> pa.Array:
    return values.take(pa.array(np.arange(len(values)), mask=~valid))


def _replaced(values: pa.Array, rows: Indexes, new: pa.Array) -> pa.Array:
    at = np.arange(len(values))
    at[rows] = len(values) + np.arange(len(rows))
    return pa.concat_arrays([values, new]).take(pa.array(at))


@_with_columns
def reduce(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """The body over what there is so far and the next item, from the first item on."""
    return _reduced(compute, lists, None, captured, indexed=False)


@_with_columns
def reduce_indexed(compute: Compute, lists: pa.Array, *captured: Value) -> pa.Array:
    """`reduce` with the place of the next item."""
    return _reduced(compute, lists, None, captured, indexed=True)


@_with_columns
def reduce_from(compute: Compute, lists: pa.Array, start: Value, *captured: Value) -> pa.Array:
    """`reduce` from an initial value on."""
    return _reduced(compute, lists, start, captured, indexed=False)


@_with_columns
def reduce_from_indexed(compute: Compute, lists: pa.Array, start: Value, *captured: Value) -> pa.Array:
    """`reduce` from an initial value on, with the place of the next item."""
    return _reduced(compute, lists, start, captured, indexed=True)
