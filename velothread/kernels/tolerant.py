"""Kernels that give NULL for the rows where they would fail."""

from __future__ import annotations

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.function import Kernel, Value
from velothread.kernels.vectors import row_count


def tolerant(kernel: Kernel, result: pa.DataType) -> Kernel:
    """`kernel` without its errors.

    A batch without a bad row costs no more than before; else halves are tried, so that each bad row costs about as many
    calls as the batch has halves of halves.
    """

    def call(*values: Value) -> Value:
        try:
            return kernel(*values)
        except (ExecutionError, pa.ArrowInvalid):
            rows = row_count(*values)
            if rows is None:
                return pa.scalar(None, result)
            if rows <= 1:
                return pa.nulls(rows, result)
            middle = rows // 2
            halves = [call(*(_slice(v, a, n) for v in values)) for a, n in ((0, middle), (middle, rows - middle))]
            return pa.concat_arrays(halves)

    return call


def _slice(value: Value, start: int, count: int) -> Value:
    return value.slice(start, count) if isinstance(value, pa.Array) else value
