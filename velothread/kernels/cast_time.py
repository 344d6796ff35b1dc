"""Casts among DATE, TIME, TIMESTAMP, TIMESTAMP_NS and TIMESTAMPTZ (the session's zone is UTC).

NULL where a value doesn't fit, as in `cast_number`. Infinities stay infinite.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.civil import DATE_INFINITY, MICROS_PER_DAY, TIMESTAMP_INFINITY
from velothread.kernels.vectors import Mask, Numbers, both_valid, column, null_out, valid_rows, view
from velothread.types import SqlType


def date_to_timestamp(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    data = view(array).astype(np.int64)
    limit = TIMESTAMP_INFINITY // (MICROS_PER_DAY * (1000 if target.kind == "TIMESTAMP_NS" else 1))
    fits = np.abs(data) <= limit
    endless = np.abs(data) == DATE_INFINITY
    per_day = MICROS_PER_DAY * (1000 if target.kind == "TIMESTAMP_NS" else 1)
    out = np.where(endless, np.sign(data) * TIMESTAMP_INFINITY, np.where(fits, data, 0) * per_day)
    keep = fits | endless
    return column(out, target.arrow, both_valid(valid_rows(array), None if keep.all() else keep))


def timestamp_to_date(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return column(timestamp_days(view(micros(array))), target.arrow, valid_rows(array))


def timestamp_days(data: Numbers) -> Numbers:
    """Days since 1970-01-01 of microseconds, as int32."""
    days = np.floor_divide(data, MICROS_PER_DAY)
    # No finite timestamp is that far away; the two ends are the infinities.
    endless = np.abs(data) == TIMESTAMP_INFINITY
    if endless.any():
        days = np.where(endless, np.sign(data) * DATE_INFINITY, days)
    return days.astype(np.int32)


def timestamp_to_time(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return column(np.mod(view(micros(array)), MICROS_PER_DAY), target.arrow, valid_rows(array))


def micros(array: pa.Array) -> pa.Array:
    """A timestamp of microseconds without zone: the instant that nanoseconds are nearest to."""
    if array.type.unit == "us":
        return array.view(pa.timestamp("us"))
    data = view(array)
    finite = np.abs(data) != TIMESTAMP_INFINITY
    out = np.where(finite, np.floor_divide(np.where(finite, data, 0) + 500, 1000), data)
    return column(out, pa.timestamp("us"), valid_rows(array))


def timestamp_to_timestamp(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """TIMESTAMP, TIMESTAMP_NS and TIMESTAMPTZ are the same instant in UTC."""
    if target.kind == "TIMESTAMP_NS":
        data = view(array)
        if array.type.unit == "ns":
            return array.view(target.arrow)
        endless = np.abs(data) == TIMESTAMP_INFINITY
        fits: Mask = (np.abs(data) <= TIMESTAMP_INFINITY // 1000) | endless
        if not fits.all():
            array = null_out(array, fits)
        out = np.where(endless, data, np.where(fits, data, 0) * 1000)
        return column(out, target.arrow, valid_rows(array))
    return micros(array).view(target.arrow)


def is_finite(array: pa.Array) -> pa.Array:
    """Not an infinity (DATE or TIMESTAMP)."""
    end = DATE_INFINITY if array.type == pa.date32() else TIMESTAMP_INFINITY
    return pc.fill_null(column(np.abs(view(array).astype(np.int64)) != end, pa.bool_()), True)
