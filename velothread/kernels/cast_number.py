"""Casts among BOOLEAN, integers, HUGEINT, DECIMAL, FLOAT and DOUBLE.

Each function gives NULL for a value that doesn't fit; `casts.cast` turns that into an error where the cast isn't TRY.
Rounding is DuckDB's: floats to integers go to the even neighbour, decimals (and floats to decimals) away from zero.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.vectors import DECIMAL_DTYPE, Numbers, column, null_out, valid_rows, view
from velothread.types import INTEGER_WIDTHS, SqlType

MAX_PRECISION = 38


def integer_range(t: SqlType) -> tuple[int, int]:
    """Smallest and largest value of an integer type (HUGEINT: of 38 digits)."""
    if t.kind == "HUGEINT":
        return -(10**MAX_PRECISION) + 1, 10**MAX_PRECISION - 1
    signed, bits = INTEGER_WIDTHS[t.kind]
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def is_decimal_held(t: SqlType) -> bool:
    """DECIMAL, or HUGEINT, which is held as decimal128(38, 0)."""
    return t.kind in ("DECIMAL", "HUGEINT")


def to_boolean(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """Zero is false, all else (NaN, too) is true."""
    return pc.not_equal(
        array, pa.scalar(Decimal(0), array.type) if is_decimal_held(source) else pa.scalar(0, array.type)
    )


def from_boolean(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """false is 0, true is 1."""
    if is_decimal_held(target):
        return integer_to_decimal(array.cast(pa.int8()), SqlType("TINYINT"), target)
    return array.cast(pa.int8()).cast(target.arrow)


def integer_to_integer(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    try:
        return pc.cast(array, target.arrow)
    except pa.ArrowInvalid:
        low, high = integer_range(target)
        data = view(array)
        # Comparing with Python integers is exact for every NumPy width (NEP 50), even where they are out of range.
        keep = np.greater_equal(data, low) & np.less_equal(data, high)
        return pc.cast(null_out(array, keep), target.arrow, safe=False)


def integer_to_float(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return pc.cast(array, target.arrow, safe=False)


def float_to_float(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    if target.kind == "DOUBLE":
        return pc.cast(array, target.arrow)
    with np.errstate(over="ignore", invalid="ignore"):
        data = view(array)
        narrow = data.astype(np.float32)
        lost = np.isinf(narrow) & np.isfinite(data)
    valid = valid_rows(array)
    if lost.any():
        valid = ~lost if valid is None else valid & ~lost
    return column(narrow, pa.float32(), valid)


def float_to_integer(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """To the nearest, ties to even."""
    low, high = integer_range(target)
    with np.errstate(invalid="ignore"):
        data = np.rint(view(array).astype(np.float64, copy=False))
        # The bounds are powers of two, exact as floats: `high + 1` is, `high` isn't always. NaN fails both.
        fits = (data >= float(low)) & (data < float(high + 1))
    valid = valid_rows(array)
    if not fits.all():
        data = np.where(fits, data, 0.0)
        valid = fits if valid is None else valid & fits
    dtype = np.uint64 if target.kind == "UBIGINT" else np.int64
    return column(data.astype(dtype), target.arrow, valid)


def float_to_decimal(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """Scaled in floating point, then rounded away from zero (HUGEINT, an integer: to even)."""
    ties_to_even = target.kind == "HUGEINT"
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = view(array).astype(np.float64) * 10.0**target.scale
        whole = np.rint(scaled) if ties_to_even else np.trunc(scaled)
        if not ties_to_even:
            whole += np.where(np.abs(scaled - whole) >= 0.5, np.copysign(1.0, scaled), 0.0)
        fits = np.abs(whole) < 10.0 ** (target.precision or MAX_PRECISION)
    valid = valid_rows(array)
    if not fits.all():
        whole = np.where(fits, whole, 0.0)
        valid = fits if valid is None else valid & fits
    return column(_wide_integers(whole), target.arrow, valid)


def _wide_integers(whole: Numbers) -> Numbers:
    """Whole floats as 128-bit integers; both halves are exact."""
    out = np.empty(len(whole), DECIMAL_DTYPE)
    if np.abs(whole).max(initial=0.0) < 2.0**63:
        return decimal_words(whole.astype(np.int64))
    high = np.floor(whole / 2.0**64)
    out["high"] = high.astype(np.int64)
    out["low"] = (whole - high * 2.0**64).astype(np.uint64)
    return out


def decimal_words(data: Numbers) -> Numbers:
    """int64 as the 128-bit integers of a decimal's buffer."""
    # Written as pairs of int64: assigning to the fields of a structured array is several times slower.
    out = np.empty((len(data), 2), np.int64)
    out[:, 0] = data
    np.right_shift(data, 63, out=out[:, 1])
    return out.reshape(-1).view(DECIMAL_DTYPE)


def integer_to_decimal(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    precision = MAX_PRECISION if target.kind == "HUGEINT" else target.precision
    scale = target.scale
    room = precision - scale
    data = view(array)
    if room < 20:
        limit = 10**room
        fits = np.less(data, limit) & np.greater(data, -limit)
        if not fits.all():
            array = null_out(array, fits)
            data = np.where(fits, data, 0)
    if precision <= 18 and data.dtype != np.uint64:
        return column(decimal_words(data.astype(np.int64) * 10**scale), target.arrow, valid_rows(array))
    if scale == 0 and data.dtype != np.uint64:
        return column(decimal_words(data.astype(np.int64)), target.arrow, valid_rows(array))
    return array.cast(pa.decimal256(20 + scale, scale)).cast(target.arrow)


def decimal_to_decimal(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """Rounds away from zero when digits go."""
    have, want = array.type, target.arrow
    if have == want:
        return array
    if want.scale < have.scale:
        # One digit more: rounding can carry (9.99 -> 10.0).
        wide = pa.decimal128(have.precision + 1, have.scale) if have.precision < MAX_PRECISION else None
        array = array.cast(wide if wide is not None else pa.decimal256(have.precision + 1, have.scale))
        array = pc.round(array, want.scale, round_mode="half_towards_infinity")
    room = want.precision - want.scale
    if array.type == want:
        return array
    if room < array.type.precision - array.type.scale:
        limit = pa.scalar(Decimal(10) ** room, array.type)
        fits = pc.and_(pc.less(array, limit), pc.greater(array, pc.negate(limit)))
        if pc.all(fits).as_py() is False:
            array = null_out(array, fits)
    if want.scale > have.scale and have.precision - have.scale + want.scale > MAX_PRECISION:
        # The scaled value may pass 128 bits on its way, though the result fits.
        array = array.cast(pa.decimal256(have.precision - have.scale + want.scale, want.scale))
    return array.cast(want, safe=False)


def decimal_to_integer(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    whole = decimal_to_decimal(array, source, SqlType("DECIMAL", precision=MAX_PRECISION, scale=0))
    if target.kind == "HUGEINT":
        return whole
    try:
        return pc.cast(whole, target.arrow)
    except pa.ArrowInvalid:
        low, high = (pa.scalar(Decimal(bound), whole.type) for bound in integer_range(target))
        fits = pc.and_(pc.greater_equal(whole, low), pc.less_equal(whole, high))
        return pc.cast(null_out(whole, fits), target.arrow)


def decimal_to_float(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    """The nearest float: 0.3 as a decimal is 0.3 as a float."""
    scale = array.type.scale
    if scale == 0:
        return pc.cast(array, target.arrow, safe=False)
    # Arrow multiplies by 0.1 ** scale, which is not exact: 0.3 would become 0.30000000000000004. A whole number below
    # 2**53 divided by a power of ten up to 10**22 (both exact as floats) is rounded once, to the nearest.
    whole = pc.cast(array.view(pa.decimal128(array.type.precision, 0)), pa.float64(), safe=False)
    data = view(whole) / 10.0**scale
    return column(data, pa.float64(), valid_rows(array)).cast(target.arrow, safe=False)
