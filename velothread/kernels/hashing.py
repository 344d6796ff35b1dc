"""hash(): 64-bit hashes of values of any type.

Equal values have equal hashes within one type, on every machine and thread count. The numbers are velothread's own,
not DuckDB's. Text goes by a polynomial over its bytes (Karp and Rabin, 1987), all through splitmix64's finaliser.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread.kernels.function import Value
from velothread.kernels.shaping import rows_of, spread
from velothread.kernels.vectors import column, valid_rows, view

Hashes = npt.NDArray[np.uint64]
_NULL = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0x100000001B3)


def mixed(x: Hashes) -> Hashes:
    """The bits of each number spread over all of it."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _hash_bytes(array: pa.Array) -> Hashes:
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    begin, end = int(offsets[0]), int(offsets[-1])
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)[begin:end].astype(np.uint64) + np.uint64(1)
    lengths = np.diff(offsets)
    longest = int(lengths.max(initial=0))
    powers = np.ones(longest + 1, np.uint64)
    np.multiply.accumulate(np.full(longest, _BASE), out=powers[1:])
    place = np.arange(end - begin) - np.repeat(offsets[:-1] - begin, lengths)
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(data * powers[place], dtype=np.uint64)))
    return mixed(sums[offsets[1:] - begin] - sums[offsets[:-1] - begin] + lengths.astype(np.uint64))


def _hash_column(array: pa.Array) -> Hashes:
    t = array.type
    if not len(array):
        return np.empty(0, np.uint64)
    if pa.types.is_null(t):
        return np.full(len(array), _NULL)
    if pa.types.is_string(t) or pa.types.is_binary(t):
        found = _hash_bytes(array)
    elif pa.types.is_nested(t):
        found = np.array([_hash_object(v) for v in array.to_pylist()], np.uint64)
    else:
        data = view(array)
        if data.dtype.kind == "f":
            data = data.astype(np.float64) + 0.0  # -0.0 equals 0.0
            data[np.isnan(data)] = np.nan
        if data.dtype.kind == "V":  # decimals and intervals: structures of 16 bytes
            words = np.ascontiguousarray(data).view(np.uint64).reshape(-1, 2)
            found = mixed(mixed(words[:, 0] + _NULL) + words[:, 1])
        else:
            wide = data.view(np.uint64) if data.dtype.itemsize == 8 else data.astype(np.int64).view(np.uint64)
            found = mixed(wide + _NULL)
    valid = valid_rows(array)
    return found if valid is None else np.where(valid, found, _NULL)


def _hash_object(value: Any) -> int:
    # Nested values: rare as keys, and of any shape.
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "little")


def hash_(*values: Value) -> Value:
    """One UBIGINT for each row of all `values` together; NULL has a hash as well."""
    rows = rows_of(values)
    found = np.zeros(rows, np.uint64)
    for value in values:
        found = mixed(found * np.uint64(31) + _hash_column(spread(value, rows)))
    result = column(found, pa.uint64())
    return result if any(isinstance(v, pa.Array) for v in values) else result[0]
