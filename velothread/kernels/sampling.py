"""Numbers between 0 and 1 that depend on a row's number and a seed alone: samples that come out alike everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Codes

_GOLDEN = 0x9E3779B97F4A7C15
_ALL = (1 << 64) - 1


def shares(seed: int) -> Callable[[pa.Array], pa.Array]:
    """A kernel: row numbers to DOUBLE in [0, 1), as if by chance."""
    # scattered, so that the seeds 1 and 2 don't give the same stream, one row apart
    start = np.uint64(int(_mixed(np.array([seed & _ALL], np.uint64) + np.uint64(_GOLDEN))[0]))

    def kernel(rows: pa.Array) -> pa.Array:
        places = rows.to_numpy(zero_copy_only=False).astype(np.uint64)
        found = _mixed(places * np.uint64(_GOLDEN) + start)
        return pa.array((found >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    return kernel


def _mixed(words: Codes) -> Codes:
    # The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Codes = words ^ (words >> np.uint64(31))
    return mixed
