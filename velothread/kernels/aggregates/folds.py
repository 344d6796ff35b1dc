"""Aggregates that fold each row into a few numbers per group: counts, sums, means, bits, moments."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.aggregates.state import ArrayState, Rows, decimals, span, with_nulls
from velothread.kernels.grouping import Codes, integers, plain

_LOW32 = np.int64(0xFFFFFFFF)
_EXACT = 1 << 53  # float64 adds integers exactly up to here
_HUGE = 10**38
SHORT_DIGITS = 18  # decimals of so many fit into 64 bits


class Count(ArrayState):
    """count(*), count(x): the rows that reach it."""

    fills = ((np.int64, 0),)
    __slots__ = ()

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.tally(rows)

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        theirs = other.arrays[0]
        self.arrays[0][span(codes, len(theirs))] += theirs

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        return pa.array(self.arrays[0])


class IntegerSum(ArrayState):
    """Exact sum of integers, booleans and decimals, in 128 bits.

    Arrays: whether there are rows, then the sum as `low + (high << 32)` in two int64, low being 0 to 2**32-1. While a
    bound on the sums says that int64 holds them, there is no `high` and `low` is the sum. Decimals beyond 64 bits go
    through Python integers.
    """

    fills: ClassVar[tuple[tuple[Any, Any], ...]] = ((np.bool_, False), (np.int64, 0), (np.int64, 0))
    __slots__ = ("beyond", "bound", "target")

    def __init__(self, target: pa.DataType) -> None:
        super().__init__()
        self.arrays.pop()
        self.target = target
        self.bound = 0  # no |sum| is greater; 2**63 and more means that `high` is in use
        self.beyond: dict[int, int] = {}  # group -> what did not fit into 64-bit addends

    def _empty(self) -> Self:
        return type(self)(self.target)

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        if not rows.count:
            return
        self.tally(rows)
        column, codes = rows.columns[0], rows.codes
        values, wide, top = rows.once("words", lambda: _whole(column))
        if wide is not None:
            self._add_beyond(rows.places, wide, column)
        self._bound(self.bound + top * rows.count)
        if self.bound < 1 << 63 and rows.scattered:
            np.add.at(self.arrays[1], rows.places, values)
        elif top * rows.count < _EXACT:
            self._add(rows.once("sums", lambda: _sums(codes, values, rows.groups)))
        else:
            step = 1 << 20  # 2**20 halves of 32 bits add up to less than 2**53
            for start in range(0, rows.count, step):
                part = values[start : start + step]
                places = None if codes is None else codes[start : start + step]
                low = _sums(places, part & _LOW32, rows.groups)
                high = _sums(places, part >> np.int64(32), rows.groups)
                if self.bound < 1 << 63:
                    self._add(low + (high << np.int64(32)))
                else:
                    self._add(low, high)

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        n = len(other.arrays[0])
        codes = span(codes, n)
        self._bound(self.bound + other.bound)
        self.arrays[0][codes] += other.arrays[0]
        if self.bound < 1 << 63:
            self.arrays[1][codes] += other.arrays[1]
        else:
            low, high = (other.arrays[1], other.arrays[2]) if other.bound >= 1 << 63 else _halves(other.arrays[1])
            self.arrays[1][codes] += low
            self.arrays[2][codes] += high
            self._carry()
        for group, amount in other.beyond.items():
            here = group if isinstance(codes, slice) else int(codes[group])
            self.beyond[here] = self.beyond.get(here, 0) + amount

    def select(self, groups: Codes) -> Self:
        chosen = super().select(groups)
        chosen.bound = self.bound
        if self.beyond:
            turns = {int(g): i for i, g in enumerate(groups)}
            chosen.beyond = {turns[g]: v for g, v in self.beyond.items() if g in turns}
        return chosen

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        present = self.arrays[0] > 0
        if self.beyond:
            return self._finish_beyond(present)
        if self.bound < 1 << 63:
            return decimals([self.arrays[1]], present, self.target)
        low, high = self.arrays[1], self.arrays[2]
        return decimals([(high << np.int64(32)) | low, high >> np.int64(32)], present, self.target)

    def as_floats(self) -> Codes:
        """The sums, rounded to float64."""
        if self.beyond:
            return np.array([float(self._exact(g)) for g in range(len(self.arrays[0]))])
        if self.bound < 1 << 63:
            return self.arrays[1].astype(np.float64)
        return self.arrays[2].astype(np.float64) * 4294967296.0 + self.arrays[1].astype(np.float64)

    def _finish_beyond(self, present: Codes) -> pa.Array:
        sums = [self._exact(g) for g in range(len(present))]
        if any(abs(s) >= _HUGE for s in sums):
            raise ExecutionError(
                f"sum is out of range: it needs more than the 38 digits of {self.target}",
                hint="cast the argument to DOUBLE to get an approximate sum",
            )
        low = np.array([s & 0xFFFFFFFFFFFFFFFF for s in sums], np.uint64).view(np.int64)
        return decimals([low, np.array([s >> 64 for s in sums], np.int64)], present, self.target)

    def _exact(self, group: int) -> int:
        whole = int(self.arrays[1][group])
        if self.bound >= 1 << 63:
            whole += int(self.arrays[2][group]) << 32
        return whole + self.beyond.get(group, 0)

    def _add_beyond(self, places: Codes, wide: Codes, column: pa.Array) -> None:
        # A row loop: only for values that need more than 64 bits, which hardly occur.
        scale = column.type.scale
        for i, value in zip(wide.tolist(), column.take(pa.array(wide)).to_pylist(), strict=True):
            group = int(places[i])
            self.beyond[group] = self.beyond.get(group, 0) + unscaled(value, scale)

    def _add(self, low: Codes, high: Codes | None = None) -> None:
        if self.bound < 1 << 63:
            self.arrays[1] += low
            return
        if high is None:
            low, high = _halves(low)
        self.arrays[1] += low
        self.arrays[2] += high
        self._carry()

    def _bound(self, bound: int) -> None:
        if self.bound < 1 << 63 <= bound:
            self.arrays[1:] = _halves(self.arrays[1])
        self.bound = bound

    def _carry(self) -> None:
        self.arrays[2] += self.arrays[1] >> np.int64(32)
        self.arrays[1] &= _LOW32


def unscaled(value: Any, scale: int) -> int:
    """The integer behind a `decimal.Decimal` of this scale, exactly."""
    sign, digits, exponent = value.as_tuple()
    whole: int = int("".join(map(str, digits))) * 10 ** (scale + exponent)
    return -whole if sign else whole


def _halves(values: Codes) -> tuple[Codes, Codes]:
    return values & _LOW32, values >> np.int64(32)


def _sums(codes: Codes | None, values: Codes, groups: int) -> Codes:
    """Sums of integers per group; the caller knows that they stay below 2**53."""
    if codes is None:
        return np.array([values.sum(dtype=np.int64)])
    return np.bincount(codes, values, groups).astype(np.int64)


def _whole(column: pa.Array) -> tuple[Codes, Codes | None, int]:
    """The values as int64 and the rows of those that don't fit (None: all fit); no value is greater than the third."""
    found, wide = integers(column), None
    if found is None:
        found, wide = _words64(column)
    values: Codes = found.astype(np.int64, copy=False)
    return values, wide, max(-int(values.min()), int(values.max()))


def _words64(column: pa.Array) -> tuple[Codes, Codes | None]:
    """uint64 or decimal128 values as int64, 0 for those that don't fit, and the rows of these (None: all fit)."""
    if pa.types.is_uint64(column.type):
        column = column.cast(pa.decimal128(38, 0))
    pairs = np.frombuffer(column.buffers()[1], np.int64, 2 * len(column), column.offset * 16).reshape(-1, 2)
    low, high = pairs[:, 0], pairs[:, 1]
    if column.type.precision <= SHORT_DIGITS:
        return np.ascontiguousarray(low), None
    # -2**63 has no positive counterpart: left to the slow way, so that bounds stay simple.
    fits = (high == low >> np.int64(63)) & (low != np.iinfo(np.int64).min)
    if fits.all():
        return np.ascontiguousarray(low), None
    return np.where(fits, low, 0), np.flatnonzero(~fits)


class FloatSum(ArrayState):
    """sum of FLOAT and DOUBLE: added one by one in row order, then split by split."""

    fills: ClassVar[tuple[tuple[Any, Any], ...]] = ((np.bool_, False), (np.float64, 0.0))
    __slots__ = ()

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.tally(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            self.arrays[1] += rows.totals(rows.floats(0))

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        with np.errstate(over="ignore", invalid="ignore"):  # infinities, as everywhere in DOUBLE
            for mine, theirs in zip(self.arrays, other.arrays, strict=True):
                mine[span(codes, len(theirs))] += theirs

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        return with_nulls(self.arrays[1], self.arrays[0] > 0, pa.float64())


class FloatAverage(FloatSum):
    """avg of FLOAT and DOUBLE."""

    fills = ((np.int64, 0), (np.float64, 0.0))
    __slots__ = ()

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        present = self.arrays[0] > 0
        return with_nulls(self.arrays[1] / np.maximum(self.arrays[0], 1), present, pa.float64())


class IntegerAverage(IntegerSum):
    """avg of integers and decimals: the exact sum, divided in DOUBLE."""

    fills = ((np.int64, 0), (np.int64, 0), (np.int64, 0))
    __slots__ = ()

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        counts = np.maximum(self.arrays[0], 1).astype(np.float64)
        if self.target.scale:
            counts *= float(10**self.target.scale)
        return with_nulls(self.as_floats() / counts, self.arrays[0] > 0, pa.float64())


class TemporalAverage(IntegerSum):
    """avg of dates and times: the mean of their microseconds, rounded to the nearest."""

    fills = ((np.int64, 0), (np.int64, 0), (np.int64, 0))
    __slots__ = ("result",)

    def __init__(self, result: pa.DataType) -> None:
        super().__init__(pa.decimal128(38, 0))
        self.result = result

    def _empty(self) -> Self:
        return type(self)(self.result)

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        counts = self.arrays[0]
        means = [(2 * self._exact(g) + int(n)) // (2 * int(n)) if n else 0 for g, n in enumerate(counts)]
        return with_nulls(np.array(means, np.int64), counts > 0, self.result)


class Product(ArrayState):
    """product(x) in DOUBLE."""

    fills = ((np.bool_, False), (np.float64, 1.0))
    __slots__ = ()

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.tally(rows)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            np.multiply.at(self.arrays[1], rows.places, rows.floats(0))

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        codes = span(codes, len(other.arrays[0]))
        self.arrays[0][codes] += other.arrays[0]
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            self.arrays[1][codes] *= other.arrays[1]

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        return with_nulls(self.arrays[1], self.arrays[0] > 0, pa.float64())


class Bits(ArrayState):
    """bit_and, bit_or, bit_xor, bool_and and bool_or."""

    fills = ((np.bool_, False), (np.int64, 0))
    __slots__ = ("initial", "target", "ufunc")

    def __init__(self, ufunc: np.ufunc, initial: int, target: pa.DataType) -> None:
        super().__init__()
        self.ufunc = ufunc
        self.initial = initial
        self.target = target

    def _empty(self) -> Self:
        return type(self)(self.ufunc, self.initial, self.target)

    def grow(self, groups: int) -> None:
        known = len(self.arrays[0])
        super().grow(groups)
        self.arrays[1][known:] = self.initial

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.tally(rows)
        column = plain(rows.columns[0])
        values = integers(column)
        if values is None:  # UBIGINT keeps its bits
            values = column.to_numpy(zero_copy_only=False).view(np.int64)
        self.ufunc.at(self.arrays[1], rows.places, values.astype(np.int64, copy=False))

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        codes = span(codes, len(other.arrays[0]))
        self.arrays[0][codes] += other.arrays[0]
        self.arrays[1][codes] = self.ufunc(self.arrays[1][codes], other.arrays[1])

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        present = self.arrays[0] > 0
        values = np.where(present, self.arrays[1], 0)
        if pa.types.is_uint64(self.target):
            values = values.view(np.uint64)
        elif pa.types.is_boolean(self.target):
            values = values != 0
        return with_nulls(values, present, self.target)
