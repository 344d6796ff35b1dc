"""Upper ends of bins of equal width: equi_width_bins. Row by row: it is for a few constants."""

from __future__ import annotations

import math

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.shaping import by_row

_MOST = 1_000_000


def _check(low: float, high: float, bins: int) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ExecutionError("equi_width_bins takes finite bounds")
    if high < low:
        raise ExecutionError(f"equi_width_bins: the upper bound {high} is below the lower one, {low}")
    if not 1 <= bins <= _MOST:
        raise ExecutionError(f"equi_width_bins makes 1 to {_MOST} bins, not {bins}")


def _nice(width: float) -> float:
    """The nearest of 1, 2, 5 and 10 times a power of ten (Heckbert, Graphics Gems, 1990)."""
    power = math.floor(math.log10(width))
    part = width / 10.0**power
    factor = 1 if part < 1.5 else 2 if part < 3 else 5 if part < 7 else 10
    # by division where that is exact: 2 / 10, not 2 * 0.1
    return factor * 10.0**power if power >= 0 else factor / 10.0**-power


def _floats(low: float, high: float, bins: int, nice: bool) -> list[float]:
    _check(low, high, bins)
    if high == low:
        return [high]
    width = (high - low) / bins
    if nice:
        width = _nice(width)
        first = math.ceil(high / width)
        count = first - math.floor(low / width)
        return [x for i in range(count, -1, -1) if (x := round((first - i) * width, 12)) > low]
    found = [high]
    while len(found) < bins:
        found.append(found[-1] - width)
    return found[::-1]


def _integers(low: int, high: int, bins: int, nice: bool) -> list[int]:
    _check(low, high, bins)
    if high == low:
        return [high]
    width = _nice((high - low) / bins) if nice else 0.0
    if width >= 1:
        step = int(width)
        top = -(-high // step) * step
        return list(range(top, low, -step))[::-1]
    # evenly, cut to whole numbers towards zero
    ends = (high * bins - i * (high - low) for i in range(bins))
    return sorted({abs(end) // bins * (1 if end >= 0 else -1) for end in ends})


floats = by_row(_floats, pa.list_(pa.float64()))
integers = by_row(_integers, pa.list_(pa.int64()))
