"""Lists of numbers or times from a start to a stop: range (stop left out) and generate_series (stop included)."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.lists import build, within
from velothread.kernels.shaping import by_row, columns_only
from velothread.kernels.vectors import valid_rows, view

_MOST_ITEMS = 2**31 - 1


def _numbers(inclusive: bool) -> Callable[..., Value]:
    @columns_only
    def kernel(*given: pa.Array) -> pa.Array:
        if len(given) == 1:
            given = (pa.repeat(pa.scalar(0, pa.int64()), len(given[0])), *given)
        valid = valid_rows(*given)
        start, stop = (view(g).astype(np.float64) for g in given[:2])
        step = view(given[2]) if len(given) > 2 else np.ones(len(start), np.int64)
        size = np.where(step == 0, 1, step)
        # In DOUBLE first: the difference of two BIGINTs may not fit one.
        guess = np.where(step == 0, 0, (stop - start) / size + 1)
        if valid is not None:
            guess = np.where(valid, guess, 0)
        if guess.max(initial=0) > _MOST_ITEMS or np.maximum(guess, 0).sum() > _MOST_ITEMS:
            raise ExecutionError(f"range: lists of {guess.max():.0f} items are too long", hint="use range() in FROM")
        whole = view(given[1]) - view(given[0])
        counts = whole // size + 1 if inclusive else -(-whole // size)
        counts = np.where((guess <= 0) | (step == 0), 0, np.maximum(counts, 0))
        items = np.repeat(view(given[0]), counts) + within(counts) * np.repeat(size, counts)
        return build(counts, pa.array(items, pa.int64()), valid)

    return kernel


range_ = _numbers(False)
generate_series = _numbers(True)


def _plus(time: datetime.datetime, step: Any) -> datetime.datetime:
    month = time.month - 1 + step.months
    year, month = time.year + month // 12, month % 12 + 1
    day = min(time.day, calendar.monthrange(year, month)[1])
    moved = time.replace(year=year, month=month, day=day)
    return moved + datetime.timedelta(days=step.days, microseconds=step.nanoseconds // 1000)


def _times(inclusive: bool) -> Callable[..., list[datetime.datetime]]:
    def series(start: datetime.datetime, stop: datetime.datetime, step: Any) -> list[datetime.datetime]:
        parts = (step.months, step.days, step.nanoseconds)
        if not any(parts):
            return []
        if max(parts) > 0 > min(parts):
            raise ExecutionError("range: the interval mixes steps forwards and backwards")
        return list(_walk(start, stop, step, max(parts) > 0, inclusive))

    return series


def _walk(
    here: datetime.datetime, stop: datetime.datetime, step: Any, forward: bool, inclusive: bool
) -> Iterator[datetime.datetime]:
    # Months have no fixed length: each time comes from the one before.
    while (here < stop if forward else here > stop) or (inclusive and here == stop):
        yield here
        here = _plus(here, step)


time_range = by_row(_times(False), pa.list_(pa.timestamp("us")))
time_series = by_row(_times(True), pa.list_(pa.timestamp("us")))
zoned_range = by_row(_times(False), pa.list_(pa.timestamp("us", "UTC")))
zoned_series = by_row(_times(True), pa.list_(pa.timestamp("us", "UTC")))
