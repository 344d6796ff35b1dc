"""Arrow values seen as NumPy arrays, and back: the bridge that the NumPy kernels stand on.

`view` shows the fixed-width values of an Array without copying (a Scalar becomes one element, which broadcasts); what
lies under a NULL is arbitrary, so kernels ask `valid_rows` before they complain about a value. `column` builds an Array
from NumPy values and a mask of valid rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread.kernels.function import Value

Numbers = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

INTERVAL_DTYPE = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
DECIMAL_DTYPE = np.dtype([("low", "<u8"), ("high", "<i8")])
_DTYPES: dict[pa.DataType, np.dtype[Any]] = {
    pa.int8(): np.dtype("i1"),
    pa.int16(): np.dtype("i2"),
    pa.int32(): np.dtype("i4"),
    pa.int64(): np.dtype("i8"),
    pa.uint8(): np.dtype("u1"),
    pa.uint16(): np.dtype("u2"),
    pa.uint32(): np.dtype("u4"),
    pa.uint64(): np.dtype("u8"),
    pa.float32(): np.dtype("f4"),
    pa.float64(): np.dtype("f8"),
    pa.date32(): np.dtype("i4"),
    pa.time64("us"): np.dtype("i8"),
    pa.month_day_nano_interval(): INTERVAL_DTYPE,
}


def dtype_of(t: pa.DataType) -> np.dtype[Any]:
    """The NumPy dtype of the values buffer of a fixed-width Arrow type (not BOOLEAN)."""
    found = _DTYPES.get(t)
    if found is not None:
        return found
    if pa.types.is_decimal128(t):
        return DECIMAL_DTYPE
    if pa.types.is_timestamp(t) or pa.types.is_duration(t) or pa.types.is_time64(t):
        return np.dtype("i8")
    raise TypeError(f"no fixed-width NumPy view of {t}")


def as_column(value: Value, rows: int = 1) -> pa.Array:
    """An Array: a Scalar is repeated."""
    return value if isinstance(value, pa.Array) else pa.repeat(value, rows)


def row_count(*values: Value) -> int | None:
    """The length of the Arrays among `values`, or None when all are Scalars."""
    for value in values:
        if isinstance(value, pa.Array):
            return len(value)
    return None


def view(value: Value) -> Numbers:
    """The values of a fixed-width Array, or the one of a Scalar; arbitrary where NULL."""
    array = as_column(value)
    if array.type == pa.bool_():
        return bools(array)
    dtype = dtype_of(array.type)
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, count=len(array), offset=array.offset * dtype.itemsize)


def bools(value: Value) -> Mask:
    """The values of a BOOLEAN Array as a NumPy array; arbitrary where NULL."""
    array = as_column(value)
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(len(array), np.bool_)
    return _unpack(data, array.offset, len(array))


def _unpack(bits: pa.Buffer, offset: int, rows: int) -> Mask:
    first = offset // 8
    raw = np.frombuffer(bits, np.uint8, count=(offset + rows + 7) // 8 - first, offset=first)
    skip = offset - first * 8
    return np.unpackbits(raw, bitorder="little", count=skip + rows)[skip:].view(np.bool_)


def valid_rows(*values: Value) -> Mask | None:
    """True where no value is NULL, as long as the Arrays; None when that is everywhere."""
    found: Mask | None = None
    rows = row_count(*values) or 1
    for value in values:
        if isinstance(value, pa.Scalar):
            if not value.is_valid:
                return np.zeros(rows, np.bool_)
            continue
        if value.null_count == 0:
            continue
        bits = value.buffers()[0]
        mask = np.zeros(rows, np.bool_) if bits is None else _unpack(bits, value.offset, len(value))
        found = mask if found is None else found & mask
    return found


def column(data: Numbers, t: pa.DataType, valid: Mask | None = None, rows: int | None = None) -> pa.Array:
    """An Array of type `t` of NumPy values (of the dtype of `t`), NULL where not `valid`; one value is repeated."""
    rows = len(data) if rows is None else rows
    if len(data) != rows:
        data = np.repeat(data, rows)
    bits, nulls = None, 0
    if valid is not None:
        nulls = rows - int(np.count_nonzero(valid))
        if nulls:
            bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    if t == pa.bool_():
        values = pa.py_buffer(np.packbits(data.astype(np.bool_, copy=False), bitorder="little"))
    else:
        values = pa.py_buffer(np.ascontiguousarray(data, dtype_of(t)))
    return pa.Array.from_buffers(t, rows, [bits, values], nulls)


def like_arguments(result: pa.Array, *values: Value) -> Value:
    """`result` as kernels give it: a Scalar when all arguments were Scalars."""
    return result if row_count(*values) is not None else result[0]


def both_valid(a: Mask | None, b: Mask | None) -> Mask | None:
    """The rows that are valid in both masks (None: all rows)."""
    return b if a is None else a if b is None else a & b


def columnar(kernel: Callable[..., pa.Array]) -> Callable[..., Any]:
    """A kernel written for Arrays, made to take Scalars as well (they are repeated)."""

    @wraps(kernel)
    def call(*values: Value, **options: Any) -> Value:
        rows = row_count(*values)
        result = kernel(*[as_column(v, 1 if rows is None else rows) for v in values], **options)
        return result[0] if rows is None else result

    return call


def by_distinct(array: pa.Array, function: Callable[[Any], Any], t: pa.DataType) -> pa.Array:
    """`function` of each distinct valid value (a Python object), spread over the rows; it gives NULL by None.

    The one place where casts loop over rows: for what has no columnar way, and only once per distinct value.
    """
    encoded = array.dictionary_encode()
    values = pa.array([function(v) for v in encoded.dictionary.to_pylist()], t)
    return values.take(encoded.indices)


def null_out(array: pa.Array, keep: pa.Array | Mask) -> pa.Array:
    """`array` with NULL where not `keep`."""
    import pyarrow.compute as pc

    mask = keep if isinstance(keep, pa.Array) else column(keep, pa.bool_())
    return pc.if_else(mask, array, pa.scalar(None, array.type))


def first_row(flags: Mask) -> int:
    """The place of the first True."""
    return int(np.argmax(flags))


__all__: Sequence[str] = [
    "DECIMAL_DTYPE",
    "INTERVAL_DTYPE",
    "Mask",
    "Numbers",
    "as_column",
    "bools",
    "both_valid",
    "by_distinct",
    "column",
    "columnar",
    "dtype_of",
    "first_row",
    "like_arguments",
    "null_out",
    "row_count",
    "valid_rows",
    "view",
]
