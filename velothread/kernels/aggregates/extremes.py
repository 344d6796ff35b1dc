"""min and max of what fits into a machine number; the rest goes through `rows.Chosen`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import ArrayState, Rows, span, with_nulls
from velothread.kernels.grouping import Codes

# Rows per group of a batch from which on it pays to look for those that matter.
_FEW_ROWS = 8


class Extreme(ArrayState):
    """min or max of integers, dates, times, booleans and floats. NaN is the greatest number.

    Arrays: whether there are rows, and the extreme so far, starting from the far end of the type's range.
    """

    __slots__ = ("largest", "target")

    def __init__(self, largest: bool, target: pa.DataType) -> None:
        self.largest = largest
        self.target = target
        self.arrays = [np.empty(0, dtype) for dtype, _ in self.fills]

    @property
    def fills(self) -> tuple[tuple[Any, Any], ...]:  # type: ignore[override]
        if pa.types.is_floating(self.target):
            floating = np.dtype(np.float64 if pa.types.is_float64(self.target) else np.float32)
            # fmin passes over NaN, so that it stays only where there is nothing else.
            return (np.bool_, False), (floating, -np.inf if self.largest else np.nan)
        if pa.types.is_boolean(self.target):
            name = "i1"
        else:
            sign = "u" if pa.types.is_unsigned_integer(self.target) else "i"
            name = f"{sign}{self.target.bit_width // 8}"
        limits: Any = np.iinfo(name)
        return (np.bool_, False), (np.dtype(name), limits.min if self.largest else limits.max)

    def _empty(self) -> Self:
        return type(self)(self.largest, self.target)

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        if not rows.count:
            return
        self.tally(rows)
        values = rows.numbers(0)
        if rows.codes is None:
            best = self.ufunc.reduce(values)
            self.arrays[1][0] = self.ufunc(self.arrays[1][0], best)
        else:
            self._fold(rows.codes, values)

    def _fold(self, codes: Codes, values: Codes) -> None:
        best = self.arrays[1]
        with np.errstate(invalid="ignore"):  # NaN is a value like others
            if len(codes) > _FEW_ROWS * len(best):
                # Most rows can't change anything: first leave out those that beat no group at all, then those that
                # don't beat their own. NaN compares as false, so it is never left out.
                codes, values = self._hopeful(codes, values, best.min() if self.largest else best.max())
                codes, values = self._hopeful(codes, values, best[codes])
            if self.largest:
                np.maximum.at(best, codes, values)
            elif best.dtype.kind != "f":
                np.minimum.at(best, codes, values)
            else:
                np.fmin.at(best, codes, values)

    def _hopeful(self, codes: Codes, values: Codes, mark: Codes) -> tuple[Codes, Codes]:
        rows = np.flatnonzero(~(values <= mark if self.largest else values >= mark))
        return codes[rows], values[rows]

    @property
    def ufunc(self) -> np.ufunc:
        """How two extremes become one."""
        return np.maximum if self.largest else np.fmin if self.arrays[1].dtype.kind == "f" else np.minimum

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        codes = span(codes, len(other.arrays[0]))
        self.arrays[0][codes] += other.arrays[0]
        self.arrays[1][codes] = self.ufunc(self.arrays[1][codes], other.arrays[1])

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        present = self.arrays[0] > 0
        values = np.where(present, self.arrays[1], np.zeros(1, self.arrays[1].dtype))
        if values.dtype.kind == "f":
            values = values + np.zeros(1, values.dtype)  # one zero, whichever came first
            values[np.isnan(values)] = np.nan
        return with_nulls(values, present, self.target)


def fits(target: pa.DataType) -> bool:
    """Does `Extreme` serve this Arrow type?"""
    t = pa.types
    return bool(
        t.is_floating(target)
        or (t.is_integer(target) and not t.is_uint64(target))
        or t.is_boolean(target)
        or (t.is_temporal(target) and not t.is_interval(target))
    )
