"""What generated kernels call where one NumPy function isn't enough: columns in and out, checks, Python's arithmetic.

Numbers are NumPy arrays of one chunk; `out` is where the result goes, of the same length. Masks are bool arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.functions.lifting.libm import arrow_function
from velothread.functions.lifting.outcome import PythonDiffers
from velothread.kernels.function import Value
from velothread.kernels.rows import plain
from velothread.kernels.vectors import Mask, Numbers, as_column, bools, column, valid_rows, view

_EXACT = 2.0**53
_TWO_63 = 2.0**63
# One row of so many is few enough to jump for it.
_RARE = 32
# The least normal float.
_TINY = float(np.finfo(np.float64).tiny)


# --- columns in and out


def numbers(value: Value, rows: int) -> Numbers:
    """The numbers or bools of a column; a constant is seen `rows` times."""
    data = bools(value) if value.type == pa.bool_() else view(value)
    return data if isinstance(value, pa.Array) else np.broadcast_to(data, (rows,))


def unsigned(value: Value, rows: int) -> Numbers:
    """A UBIGINT column as signed integers.

    :raises PythonDiffers: when some don't fit.
    """
    data = numbers(value, rows)
    if data.max() > np.iinfo(np.int64).max:
        raise PythonDiffers
    return data.view(np.int64)


def texts(value: Value, rows: int) -> pa.Array:
    """A column of text as it is; a constant is repeated."""
    return plain(as_column(value, rows))


def nones(value: Value, rows: int) -> Mask:
    """True where a column is NULL."""
    valid = valid_rows(value)
    if valid is None:
        return np.zeros(rows, np.bool_)
    return ~valid if len(valid) == rows else np.broadcast_to(~valid, (rows,))


def wanted_rows(rows: int, *values: Value) -> Mask | None:
    """The rows in which none of the columns is NULL; None for all."""
    valid = valid_rows(*values)
    return valid if valid is None or len(valid) == rows else np.broadcast_to(valid, (rows,))


def finished(data: Any, t: pa.DataType, rows: int, wanted: Mask | None, none: Mask | None) -> pa.Array:
    """The result as a column: NULL where it is None, and where the function isn't asked."""
    valid = wanted if none is None else ~none if wanted is None else wanted & ~none
    if isinstance(data, np.ndarray):
        return column(data, t, valid, rows)
    data = as_column(data, rows)
    if data.null_count:
        # NULL without being None: of rows that nobody asked for, or something is wrong here and Python knows better
        filled = valid_rows(data)
        assert filled is not None
        if valid is None or (valid & ~filled).any():
            raise PythonDiffers
    return data if valid is None else pc.if_else(column(valid, pa.bool_()), data, pa.scalar(None, t))


# --- checks


def check(bad: Mask, wanted: Mask | None, *path: Any) -> None:
    """`path`: masks, each followed by what it has to be.

    :raises PythonDiffers: when a row that is wanted and takes this path is bad.
    """
    if wanted is not None:
        bad = bad & wanted
    for mask, polarity in zip(path[::2], path[1::2], strict=True):
        bad = bad & mask if polarity else bad & ~mask
    if bad.any():
        raise PythonDiffers


def overflowed(sign: str, *values: Numbers) -> Mask:
    """The rows in which an operation on integers left 64 bits; the last of `values` is what came out of it."""
    *arguments, result = values
    if len(arguments) == 1:  # negate, abs
        return np.asarray(arguments[0] == np.iinfo(np.int64).min)
    a, b = arguments
    match sign:
        case "+":
            return np.asarray(((a ^ result) & (b ^ result)) < 0)
        case "-":
            return np.asarray(((a ^ b) & (a ^ result)) < 0)
        case "//":
            return np.asarray((a == np.iinfo(np.int64).min) & (b == -1))
    # A product: floats tell it but for the last bits, where it is left to Python.
    return np.asarray(np.abs(np.multiply(a, b, dtype=np.float64)) >= _TWO_63 * (1 - 2.0**-50))


def inexact(data: Numbers) -> Mask:
    """The integers beyond 2**53."""
    return np.asarray((data > 2**53) | (data < -(2**53)))


def beyond(data: Numbers, out: Mask) -> None:
    """The floats from 2**53 on."""
    np.greater_equal(np.abs(data), _EXACT, out)


def outside(data: Numbers, out: Mask) -> None:
    """The floats that have no 64-bit integer: NaN, infinities, great ones."""
    inside = np.greater_equal(data, -_TWO_63)
    inside &= data < _TWO_63
    np.logical_not(inside, out)


# --- choosing


def choose(test: Mask, then: Numbers, otherwise: Numbers, out: Numbers, scratch: Numbers) -> None:
    """`then` where `test`, else `otherwise`; `out` may be `otherwise` itself. scratch: integers to spoil.

    NumPy and Arrow choose by jumps, which processors mispredict where a test comes out either way: bits are quicker.
    """
    hits, rows = np.count_nonzero(test), len(out)
    if min(hits, rows - hits) * _RARE < rows:
        if out is not otherwise:
            np.copyto(out, otherwise)
        np.putmask(out, test, then)
        return
    a, b, o = then.view(np.int64), otherwise.view(np.int64), out.view(np.int64)
    # all bits set where `otherwise` is wanted
    np.copyto(scratch, test)
    np.subtract(scratch, 1, scratch)
    np.bitwise_xor(b, a, o)
    np.bitwise_and(o, scratch, o)
    np.bitwise_xor(o, a, o)


def choose_flags(test: Mask, then: Mask, otherwise: Mask, out: Mask) -> None:
    """The same for bools."""
    np.bitwise_xor(otherwise, then, out)
    np.bitwise_and(out, ~test, out)
    np.bitwise_xor(out, then, out)


# --- floats


def power(a: Numbers, b: Numbers, out: Numbers) -> None:
    """a ** b by libm's pow."""
    out[:] = _arrow("pow", a, b, len(out))


def atan2(a: Numbers, b: Numbers, out: Numbers) -> None:
    """By libm's atan2."""
    out[:] = _arrow("atan2", a, b, len(out))


def _arrow(name: str, a: Numbers, b: Numbers, rows: int) -> Numbers:
    function = arrow_function(name)
    assert function is not None
    # pow and atan2 take constants as Arrow scalars
    left, right = (pa.scalar(float(v)) if v.ndim == 0 else pa.array(np.ascontiguousarray(v)) for v in (a, b))
    found: Numbers = function(left, right).to_numpy(zero_copy_only=False)
    return found


def power_differs(a: Numbers, b: Numbers, result: Numbers, out: Mask) -> None:
    """Where Python's ** raises, gives a complex number, or may set errno: overflow, 0 ** -1, (-8) ** 0.5."""
    np.less_equal(np.abs(result), _TINY, out)
    np.logical_and(out, result != 0, out)
    np.logical_or(out, np.isinf(result), out)
    # Python has a rule of its own for these, for signalling NaNs as well: NaN ** 0 and 1 ** NaN are 1
    np.logical_or(out, np.isnan(result) & ((b == 0) | (a == 1)), out)
    base = a <= 0
    if base.any():
        np.logical_or(out, np.where(a == 0, b < 0, base & (b != np.floor(b))), out)


def libm(name: str, a: Numbers, out: Numbers) -> None:
    """A function of one float by libm."""
    function = arrow_function(name)
    assert function is not None
    out[:] = function(pa.array(np.ascontiguousarray(a))).to_numpy(zero_copy_only=False)


def libm_differs(domain: str | None, a: Numbers, result: Numbers, out: Mask) -> None:
    """Where Python raises: outside of the domain, or at an infinite result of a finite argument."""
    match domain:
        case "positive":
            np.less_equal(a, 0.0, out)
        case "above -1":
            np.less_equal(a, -1.0, out)
        case "finite":
            np.isinf(a, out)
        case "unit":
            np.greater(np.abs(a), 1.0, out)
        case _:
            np.isinf(result, out)
            np.logical_and(out, np.isfinite(a), out)


def rounded(digits: int, a: Numbers, out: Numbers) -> None:
    """round(a, digits): the float nearest to the nearest decimal, of two equally near ones the even one.

    a * 10**digits is computed exactly, as a sum of two floats (Dekker's product), so that the side of a half is known;
    both the integer next to it and the power of ten are exact, so one division rounds like the decimal's text does.
    """
    scale = 10.0**digits
    high = a * scale
    whole = np.rint(high)
    # Where the rounded product is near to a half, what was lost decides; ties that are none go the wrong way.
    rest = high - whole
    near = np.abs(np.abs(rest) - 0.5) <= np.abs(high) * 2.0**-50
    if near.any():
        # fractions beyond 2**45 are too coarse for this
        low = _product_error(a, scale, high)
        half = np.abs(rest) - 0.5
        beyond_half = half + np.where(rest > 0, low, -low)
        nearest = np.where(rest > 0, 1.0, -1.0)
        toward = whole + nearest
        even = np.remainder(whole, 2.0) == 0.0
        moved = (beyond_half > 0) | ((beyond_half == 0) & ~even)
        # at rest == -0.5 and 0.5 `whole` is the even side already
        whole = np.where(near & moved, toward, whole)
    np.divide(whole, scale, out)
    # NaN, infinities and what has no fraction stay as they are
    np.copyto(out, a, where=~(np.abs(a) < 2.0**52))


def round_differs(digits: int, a: Numbers, out: Mask) -> None:
    """Where `rounded` isn't sure: numbers that have a fraction, but too great a product for it to be exact."""
    size = np.abs(a)
    np.greater_equal(size, 2.0**49 / 10.0**digits, out)
    np.logical_and(out, size < 2.0**52, out)


def _product_error(a: Numbers, b: float, product: Numbers) -> Numbers:
    """a * b - product, exactly (Dekker 1971), for products far from overflow and underflow."""
    splitter = 134217729.0  # 2**27 + 1
    t = a * splitter
    a_high = t - (t - a)
    a_low = a - a_high
    s = b * splitter
    b_high = s - (s - b)
    b_low = b - b_high
    found: Numbers = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return found


def int_modulo(a: Numbers, b: Numbers, out: Numbers) -> None:
    """a % b by a constant: NumPy's own has no fast way for it; what wraps around on the way wraps back."""
    quotient = np.floor_divide(a, b)
    quotient *= b
    np.subtract(a, quotient, out)
