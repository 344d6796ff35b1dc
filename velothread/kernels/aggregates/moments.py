"""Variance, covariance and their kin.

Means and squared deviations per batch, combined by the method of Chan, Golub and LeVeque (1979): stable, and the same
for every way of dealing out splits, because batches and splits are combined in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.state import ArrayState, Rows, span, with_nulls
from velothread.kernels.grouping import Codes


class Variance(ArrayState):
    """Arrays: count, mean, sum of squared deviations. `reading` turns them into the result."""

    fills = ((np.int64, 0), (np.float64, 0.0), (np.float64, 0.0))
    __slots__ = ("name", "sample")

    def __init__(self, name: str, sample: int) -> None:
        super().__init__()
        self.name = name  # "variance", "stddev" or "sem"
        self.sample = sample  # 1: divided by n - 1

    def _empty(self) -> Self:
        return type(self)(self.name, self.sample)

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        counts = rows.counts
        values = rows.floats(0)
        with np.errstate(all="ignore"):
            means = rows.totals(values) / np.maximum(counts, 1)
            apart = values - (means[0] if rows.codes is None else means[rows.codes])
            self._combine(np.s_[:], counts, means, rows.totals(apart * apart))

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        with np.errstate(all="ignore"):
            self._combine(span(codes, len(other.arrays[0])), *other.arrays)

    def _combine(self, where: Codes | slice, counts: Codes, means: Codes, squares: Codes) -> None:
        n, mean, square = (a[where] for a in self.arrays)
        total = np.maximum(n + counts, 1)
        delta = means - mean
        self.arrays[1][where] = np.where(n == 0, means, np.where(counts == 0, mean, mean + delta * (counts / total)))
        apart = square + squares + delta * delta * (n * (counts / total))
        self.arrays[2][where] = np.where(n == 0, squares, np.where(counts == 0, square, apart))
        self.arrays[0][where] = n + counts

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        n, _, squares = self.arrays
        present = n > self.sample
        values = squares / np.maximum(n - self.sample, 1)
        if self.name != "variance":
            values = np.sqrt(values)
        if self.name == "sem":
            values = values / np.sqrt(np.maximum(n, 1))
        return with_nulls(values, present, pa.float64())


# What is read from (n, mean x, mean y, Sxx, Syy, Sxy): values, and where they are not NULL.
Reading = Callable[[Codes, Codes, Codes, Codes, Codes, Codes], tuple[Codes, Codes]]


class Covariance(ArrayState):
    """Two columns (y, x): count, means, and sums of products of deviations."""

    fills = ((np.int64, 0), *[(np.float64, 0.0)] * 5)
    __slots__ = ("reading",)

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading

    def _empty(self) -> Self:
        return type(self)(self.reading)

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        counts, places = rows.counts, rows.places
        y, x = rows.floats(0), rows.floats(1)
        n = np.maximum(counts, 1)
        with np.errstate(all="ignore"):
            mean_x, mean_y = rows.totals(x) / n, rows.totals(y) / n
            dx, dy = x - mean_x[places], y - mean_y[places]
            sums = rows.totals(dx * dx), rows.totals(dy * dy), rows.totals(dx * dy)
            self._combine(np.s_[:], counts, mean_x, mean_y, *sums)

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        with np.errstate(all="ignore"):
            self._combine(span(codes, len(other.arrays[0])), *other.arrays)

    def _combine(
        self, where: Codes | slice, m: Codes, mean_x: Codes, mean_y: Codes, sxx: Codes, syy: Codes, sxy: Codes
    ) -> None:
        n, old_x, old_y, old_sxx, old_syy, old_sxy = (a[where] for a in self.arrays)
        total = np.maximum(n + m, 1)
        dx, dy, part, weight = mean_x - old_x, mean_y - old_y, m / total, n * (m / total)
        new = (
            (mean_x, old_x, old_x + dx * part),
            (mean_y, old_y, old_y + dy * part),
            (sxx, old_sxx, old_sxx + sxx + dx * dx * weight),
            (syy, old_syy, old_syy + syy + dy * dy * weight),
            (sxy, old_sxy, old_sxy + sxy + dx * dy * weight),
        )
        for array, (theirs, mine, both) in zip(self.arrays[1:], new, strict=True):
            array[where] = np.where(n == 0, theirs, np.where(m == 0, mine, both))
        self.arrays[0][where] = n + m

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        with np.errstate(all="ignore"):
            values, present = self.reading(*self.arrays)
        return with_nulls(np.where(present, values, 0.0), present, pa.float64())


def covar_pop(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return sxy / n, n > 0


def covar_samp(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return sxy / (n - 1), n > 1


def corr(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    spread = np.sqrt(sxx / n) * np.sqrt(syy / n)
    return np.where(spread == 0, np.nan, sxy / n / spread), n > 0


def regr_slope(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return sxy / sxx, n > 0


def regr_intercept(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return my - sxy / sxx * mx, n > 0


def regr_r2(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return np.where(syy == 0, 1.0, sxy * sxy / (sxx * syy)), (n > 0) & (sxx > 0)


def regr_avgx(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return mx, n > 0


def regr_avgy(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return my, n > 0


def regr_sxx(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return sxx, n > 0


def regr_syy(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return syy, n > 0


def regr_sxy(n: Codes, mx: Codes, my: Codes, sxx: Codes, syy: Codes, sxy: Codes) -> tuple[Codes, Codes]:
    return sxy, n > 0


class WeightedAverage(ArrayState):
    """weighted_avg(x, weight): whether there are rows, the sum of weights, the sum of weighted values."""

    fills = ((np.bool_, False), (np.float64, 0.0), (np.float64, 0.0))
    __slots__ = ()

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.tally(rows)
        weights = rows.floats(1)
        with np.errstate(over="ignore", invalid="ignore"):
            self.arrays[1] += rows.totals(weights)
            self.arrays[2] += rows.totals(rows.floats(0) * weights)

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        with np.errstate(over="ignore", invalid="ignore"):
            for mine, theirs in zip(self.arrays, other.arrays, strict=True):
                mine[span(codes, len(theirs))] += theirs

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        present = self.arrays[0] > 0
        with np.errstate(all="ignore"):
            means = self.arrays[2] / self.arrays[1]
        return with_nulls(np.where(present, means, 0.0), present, pa.float64())


class PowerSums(ArrayState):
    """skewness, kurtosis and kurtosis_pop, from the sums of the first four powers."""

    fills = ((np.int64, 0), *[(np.float64, 0.0)] * 4)
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def _empty(self) -> Self:
        return type(self)(self.name)

    def update(self, rows: Rows) -> None:
        self.grow(rows.groups)
        self.arrays[0] += rows.counts
        values = rows.floats(0)
        power = values
        with np.errstate(all="ignore"):
            for i in range(1, 5):
                self.arrays[i] += rows.totals(power)
                power = power * values

    def merge(self, other: Self, codes: Codes | slice, groups: int) -> None:
        self.grow(groups)
        with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN, as everywhere in DOUBLE
            for mine, theirs in zip(self.arrays, other.arrays, strict=True):
                mine[span(codes, len(theirs))] += theirs

    def finish(self, groups: int) -> pa.Array:
        self.grow(groups)
        n, s1, s2, s3, s4 = (a.astype(np.float64) for a in self.arrays)
        with np.errstate(all="ignore"):
            if self.name == "skewness":
                spread = (s2 - s1 * s1 / n) / n
                mean = s1 / n
                third = (s3 - 3 * s2 * mean + 3 * s1 * mean * mean - n * mean**3) / n
                values = np.sqrt(n * (n - 1)) / (n - 2) * third / np.sqrt(spread**3)
                present = (n > 2) & (spread > 0)
            else:
                m4 = (s4 - 4 * s3 * s1 / n + 6 * s2 * s1 * s1 / (n * n) - 3 * s1**4 / n**3) / n
                m2 = (s2 - s1 * s1 / n) / n
                values = m4 / (m2 * m2) - 3
                present = (n > 1) & (m2 > 0)
                if self.name == "kurtosis":
                    values = (n - 1) * ((n + 1) * (values + 3) - 3 * (n - 1)) / ((n - 2) * (n - 3))
                    present = (n > 3) & (m2 > 0)
        return with_nulls(np.where(present, values, 0.0), present, pa.float64())
