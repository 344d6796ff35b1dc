"""What generated code needs around kernels: keeping rows, broadcasting constants, guarding, dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.comparison import is_in

Column = pa.Array


def keep(mask: Any, rows: int, columns: tuple[Any, ...]) -> tuple[int, tuple[Any, ...]]:
    """The rows for which `mask` is true (not false, not NULL; None: all), of all columns; constants stay constants."""
    if mask is None:
        return rows, columns
    if isinstance(mask, pa.Scalar):
        return (rows, columns) if mask.as_py() else (0, tuple(_empty(c) for c in columns))
    kept = mask.true_count
    if kept == rows:
        return rows, columns
    if kept == 0:
        return 0, tuple(_empty(c) for c in columns)
    arrays = [c for c in columns if isinstance(c, pa.Array)]
    if not arrays:
        return kept, columns
    if len(arrays) == 1:
        filtered = iter([arrays[0].filter(mask)])
    else:
        # one record batch: the mask is turned into row numbers once for all columns
        batch = pa.RecordBatch.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
        filtered = iter(batch.filter(mask).columns)
    return kept, tuple(next(filtered) if isinstance(c, pa.Array) else c for c in columns)


def _empty(column: Any) -> Any:
    return column.slice(0, 0) if isinstance(column, pa.Array) else column


def column(value: Any, rows: int) -> pa.Array:
    """A kernel's result as a column: constants are repeated."""
    return value if isinstance(value, pa.Array) else pa.repeat(value, rows)


def plain(value: Any) -> Any:
    """Dictionary-encoded text as plain text."""
    return value.dictionary_decode() if isinstance(value, pa.DictionaryArray) else value


def by_value(value: Any, compute: Callable[[Any], Any]) -> Any:
    """`compute` over a column: once per distinct value where the column is dictionary-encoded.

    Right for functions that give NULL for NULL and can't fail (unused dictionary entries are computed, too).
    """
    if not isinstance(value, pa.DictionaryArray):
        return compute(value)
    dictionary = value.dictionary
    if len(dictionary) > len(value):
        return compute(value.dictionary_decode())
    result = compute(dictionary)
    if isinstance(result, pa.Scalar):
        result = pa.repeat(result, len(dictionary))
    indices = value.indices
    if pa.types.is_boolean(result.type) and not result.null_count and not indices.null_count:
        # Arrow takes booleans bit by bit
        flags = pa.array(result.to_numpy(zero_copy_only=False).view(np.uint8))
        # One look at all indices (negative ones are great as unsigned ones) costs less than Arrow's at each.
        greatest = indices.cast(pa.int32()).to_numpy().view(np.uint32).max(initial=0)
        taken = pc.take(flags, indices, boundscheck=bool(greatest >= len(dictionary)))
        bits = pa.py_buffer(np.packbits(taken.to_numpy(), bitorder="little"))
        return pa.BooleanArray.from_buffers(pa.bool_(), len(indices), [None, bits])
    return result.take(indices)


def only_where(mask: Any, value: Any) -> Any:
    """`value` where `mask` is true, NULL elsewhere: what may fail is then computed for the wanted rows only."""
    value = plain(value)
    if isinstance(mask, pa.Array) and mask.true_count == len(mask):
        return value
    return pc.if_else(mask, value, pa.scalar(None, value.type))


def when_any(mask: Any, kernel: Callable[..., Any], type_: pa.DataType, *arguments: Any) -> Any:
    """A call over constants that may fail: made only if some row wants it."""
    wanted = mask.as_py() if isinstance(mask, pa.Scalar) else mask.true_count > 0
    return kernel(*arguments) if wanted else pa.scalar(None, type_)


def is_true(mask: Any) -> Any:
    """A condition with NULL as false."""
    if isinstance(mask, pa.Scalar):
        return pa.scalar(bool(mask.as_py()))
    return mask if mask.null_count == 0 else pc.fill_null(mask, False)


def true_and(left: Any, right: Any) -> Any:
    """AND of conditions without NULLs."""
    return pc.and_(left, right)


def but_not(left: Any, right: Any) -> Any:
    """`left` and not `right`, of conditions without NULLs; `left` None: all rows."""
    return pc.invert(right) if left is None else pc.and_not(left, right)


def both(left: Any, right: Any) -> Any:
    """AND of conditions without NULLs; None: true for all rows."""
    return right if left is None else left if right is None else pc.and_(left, right)


def first_valid(values: tuple[Any, ...], rows: int) -> Any:
    """COALESCE."""
    if all(isinstance(v, pa.Scalar) for v in values):
        return next((v for v in values if v.is_valid), values[-1])
    return pc.coalesce(*(plain(v) for v in values))


def choose(conditions: tuple[Any, ...], values: tuple[Any, ...], rows: int) -> Any:
    """CASE: the value of the first true condition, else the last value."""
    conditions = tuple(is_true(c) for c in conditions)
    if len(conditions) == 1 and not pa.types.is_nested(values[0].type):
        return pc.if_else(conditions[0], values[0], values[1])
    arrays = [column(c, rows) for c in conditions]
    struct = pa.StructArray.from_arrays(arrays, names=[str(i) for i in range(len(arrays))])
    return pc.case_when(struct, *(v if isinstance(v, pa.Scalar) else plain(v) for v in values))


def member(value: Any, values: pa.Array, has_null: bool) -> Any:
    """value IN (values): NULL for a NULL value; where nothing matches and the list held a NULL, NULL, too."""
    found = is_in(value, values)
    if not has_null:
        return found
    if isinstance(found, pa.Scalar):
        return found if found.as_py() else pa.scalar(None, pa.bool_())
    return pc.if_else(found, True, pa.scalar(None, pa.bool_()))


def all_of(conditions: tuple[Any, ...]) -> Any:
    """AND, three-valued."""
    result = conditions[0]
    for c in conditions[1:]:
        result = pc.and_kleene(result, c)
    return result


def any_of(conditions: tuple[Any, ...]) -> Any:
    """OR, three-valued."""
    result = conditions[0]
    for c in conditions[1:]:
        result = pc.or_kleene(result, c)
    return result
