"""Exact sums of integers and decimals over frames: differences of running sums, in as many 32-bit limbs as needed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.aggregates.state import decimals
from velothread.kernels.grouping import Codes, integers
from velothread.kernels.windows.frames import Ranges

_LOW32 = np.int64(0xFFFFFFFF)
_LIMBS = 4


def limbs(column: pa.Array) -> list[Codes]:
    """The values of a column without NULLs (integers, booleans, decimals): value = sum of limb[k] * 2**(32k).

    One limb where int64 holds any sum of them, else four; all but the last lie between 0 and 2**32 - 1.
    """
    values = integers(column)
    if values is not None:
        values = values.astype(np.int64, copy=False)
        if not len(values) or max(-int(values.min()), int(values.max())) * len(values) < 1 << 63:
            return [values]
        high = values >> np.int64(63)
        return [values & _LOW32, (values >> np.int64(32)) & _LOW32, high & _LOW32, high]
    if pa.types.is_uint64(column.type):
        column = column.cast(pa.decimal128(38, 0))
    pairs = np.frombuffer(column.buffers()[1], np.int64, 2 * len(column), column.offset * 16).reshape(-1, 2)
    low, high = pairs[:, 0], pairs[:, 1]
    if (high == low >> np.int64(63)).all():
        small = np.ascontiguousarray(low)
        if not len(small) or max(-int(small.min()), int(small.max())) * len(small) < 1 << 63:
            return [small]
    return [low & _LOW32, (low >> np.int64(32)) & _LOW32, high & _LOW32, high >> np.int64(32)]


def frame_sums(parts: list[Codes], ranges: Ranges) -> list[Codes]:
    """The sum of each frame in the same limbs, carried."""
    sums = []
    for part in parts:
        running = np.zeros(len(part) + 1, np.int64)
        np.cumsum(part, out=running[1:])
        total: Codes = np.zeros(len(ranges[0][0]), np.int64)
        for begin, end in ranges:
            total += running.take(end) - running.take(begin)
        sums.append(total)
    for k in range(len(sums) - 1):
        sums[k + 1] += sums[k] >> np.int64(32)
        sums[k] &= _LOW32
    return sums


def as_decimals(sums: list[Codes], present: Codes, target: pa.DataType) -> pa.Array:
    """The sums as decimal128, NULL where not `present`.

    :raises ExecutionError: for a sum of more than 38 digits.
    """
    if len(sums) == 1:
        return decimals(sums, present, target)
    if ((sums[3] < -(1 << 31)) | (sums[3] >= 1 << 31)).any() or (np.abs(as_floats(sums)) >= 1e38).any():
        raise ExecutionError(
            f"sum is out of range: it needs more than the 38 digits of {target}",
            hint="cast the argument to DOUBLE to get an approximate sum",
        )
    words = [(sums[1] << np.int64(32)) | sums[0], (sums[3] << np.int64(32)) | sums[2]]
    return decimals(words, present, target)


def as_floats(sums: list[Codes]) -> Codes:
    """The sums, rounded to float64."""
    total: Codes = np.zeros(len(sums[0]), np.float64)
    for k in reversed(range(len(sums))):
        total += sums[k].astype(np.float64) * 2.0 ** (32 * k)
    return total


def running_float_sums(values: Codes, firsts: Codes) -> Codes:
    """Sums from the start of each run up to each row, added one by one in row order. firsts: where runs begin."""
    sums = values.astype(np.float64)
    lengths = np.diff(np.append(firsts, len(values)))
    with np.errstate(over="ignore", invalid="ignore"):
        # Long runs one at a time; short ones all at once, row by row: either way a number of steps far below the rows'.
        for run in np.flatnonzero(lengths > _LONG):
            first = int(firsts[run])
            np.cumsum(values[first : first + int(lengths[run])], out=sums[first : first + int(lengths[run])])
        short = np.flatnonzero(lengths <= _LONG)
        starts, left = firsts[short], lengths[short]
        for step in range(1, int(left.max()) if len(left) else 0):
            going = left > step
            starts, left = starts[going], left[going]
            sums[starts + step] += sums[starts + step - 1]
    return sums


_LONG = 64
