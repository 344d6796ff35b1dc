"""Arithmetic on integers and floats: +, -, *, /, //, %, **, and bits.

Both arguments have the same type (the binder casts). Integers that overflow are errors. Before Arrow's checked kernels
run, the bounds of both columns are looked at: where they show that nothing can overflow, the unchecked kernels are
several times quicker.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.cast_number import integer_range
from velothread.kernels.function import Value
from velothread.kernels.vectors import (
    Mask,
    Numbers,
    as_column,
    both_valid,
    column,
    first_row,
    like_arguments,
    row_count,
    valid_rows,
    view,
)
from velothread.types import from_arrow

# `//` and `%` of whole numbers and decimals by zero: an error, or NULL when this is False.
DIVISION_BY_ZERO_IS_ERROR = True

_WORDS = {"+": "addition", "-": "subtraction", "*": "multiplication"}
_EXACT: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def overflow(sign: str, left: Any, right: Any, t: pa.DataType) -> ExecutionError:
    """The error for a result that doesn't fit its type."""
    kind = from_arrow(t)
    return ExecutionError(
        f"overflow in {_WORDS.get(sign, sign)} of {kind}: {left} {sign} {right}",
        hint="cast the operands to a wider type",
    )


def _bounds(value: Value) -> tuple[int, int]:
    data = view(value)
    return (int(data.min()), int(data.max())) if len(data) else (0, 0)


def _cannot_overflow(sign: str, left: Value, right: Value) -> bool:
    # What lies under NULLs counts, too: that can only make the answer more careful.
    (a, b), (c, d) = _bounds(left), _bounds(right)
    low, high = integer_range(from_arrow(left.type))
    if sign == "+":
        return low <= a + c and b + d <= high
    if sign == "-":
        return low <= a - d and b - c <= high
    products = (a * c, a * d, b * c, b * d)
    return low <= min(products) and max(products) <= high


def _checked(sign: str, quick: Callable[..., Any], checked: Callable[..., Any]) -> Callable[[Value, Value], Value]:
    def kernel(left: Value, right: Value) -> Value:
        if _cannot_overflow(sign, left, right):
            return quick(left, right)
        try:
            return checked(left, right)
        except pa.ArrowInvalid:
            raise _first_overflow(sign, left, right) from None

    return kernel


def _first_overflow(sign: str, left: Value, right: Value) -> ExecutionError:
    rows = row_count(left, right) or 1
    low, high = integer_range(from_arrow(left.type))
    # Row by row, with Python's unbounded integers, to name the culprit of a query that fails anyway.
    for a, b in zip(as_column(left, rows).to_pylist(), as_column(right, rows).to_pylist(), strict=True):
        if a is not None and b is not None and not low <= _EXACT[sign](a, b) <= high:
            return overflow(sign, a, b, left.type)
    raise AssertionError("Arrow reported an overflow that isn't there")


add = _checked("+", pc.add, pc.add_checked)
subtract = _checked("-", pc.subtract, pc.subtract_checked)
multiply = _checked("*", pc.multiply, pc.multiply_checked)
add_floats = pc.add
subtract_floats = pc.subtract
multiply_floats = pc.multiply


def negate(value: Value) -> Value:
    """-x of an integer; the lowest value has no opposite, and unsigned values have none but zero."""
    return subtract(pa.scalar(0, value.type), value)


def divide_floats(left: Value, right: Value) -> Value:
    """x / y: by zero gives an infinity or NaN, as IEEE 754 says."""
    return pc.divide(left, right)


def division_by_zero(sign: str, left: Value, row: int) -> ExecutionError:
    """The error that names the dividend."""
    shown = as_column(left)[row if isinstance(left, pa.Array) else 0].as_py()
    return ExecutionError(f"division by zero: {shown} {sign} 0", hint="nullif(divisor, 0) gives NULL for such rows")


def nonzero(sign: str, left: Value, right: Value, zero: Mask) -> Mask | None:
    """The rows to compute: all, or those without a zero divisor.

    :raises ExecutionError: when a valid row divides by zero (and that is an error).
    """
    if not zero.any():
        return None
    valid = valid_rows(left, right)
    guilty = np.broadcast_to(zero, (row_count(left, right) or 1,)) & (True if valid is None else valid)
    if DIVISION_BY_ZERO_IS_ERROR and guilty.any():
        raise division_by_zero(sign, left, first_row(guilty))
    return ~guilty


def divide_whole(left: Value, right: Value) -> Value:
    """x // y of integers, towards zero."""
    keep = nonzero("//", left, right, view(right) == 0)
    if keep is not None:
        right = pc.if_else(view(right) == 0, pa.scalar(None, right.type), right)
    try:
        return pc.divide_checked(left, right)
    except pa.ArrowInvalid:
        raise overflow("//", integer_range(from_arrow(left.type))[0], -1, left.type) from None


def divide_floats_checked(left: Value, right: Value) -> Value:
    """x // y of floats: as in DuckDB 2.0 a division that refuses zero."""
    keep = nonzero("//", left, right, view(right) == 0)
    result = pc.divide(left, right)
    return result if keep is None else pc.if_else(column(keep, pa.bool_()), result, pa.scalar(None, result.type))


def modulo(left: Value, right: Value) -> Value:
    """x % y of integers; the sign is the dividend's."""
    divisor = view(right)
    zero = divisor == 0
    keep = nonzero("%", left, right, zero)
    if zero.any():
        divisor = np.where(zero, np.ones_like(divisor), divisor)
    rows = row_count(left, right) or 1
    result = column(np.fmod(view(left), divisor), left.type, both_valid(valid_rows(left, right), keep), rows)
    return like_arguments(result, left, right)


def modulo_floats(left: Value, right: Value) -> Value:
    """x % y of floats; by zero it is NaN."""
    with np.errstate(invalid="ignore"):
        data = np.fmod(view(left), view(right))
    return like_arguments(column(data, left.type, valid_rows(left, right), row_count(left, right) or 1), left, right)


def power(left: Value, right: Value) -> Value:
    """x ** y of DOUBLEs."""
    with np.errstate(all="ignore"):
        data = np.power(view(left), view(right))
    return like_arguments(column(data, left.type, valid_rows(left, right), row_count(left, right) or 1), left, right)


def shift_left(left: Value, right: Value) -> Value:
    """x << n: like a multiplication by 2**n, of non-negative numbers."""
    data, by = view(left), view(right)
    bits = data.dtype.itemsize * 8 - (data.dtype.kind == "i")
    valid = valid_rows(left, right)
    safe_by = np.clip(by, 0, bits - 1)
    bad = (data != 0) & (
        (by < 0) | (data < 0) | (by >= bits) | (data > np.right_shift(np.iinfo(data.dtype).max, safe_by))
    )
    if valid is not None:
        bad = bad & valid
    if bad.any():
        row = first_row(bad)
        x, n = (int(v[row if len(v) > 1 else 0]) for v in (data, by))
        raise ExecutionError(
            f"{x} << {n} is out of range for {from_arrow(left.type)}", hint="cast the number to a wider type"
        )
    rows = row_count(left, right) or 1
    return like_arguments(column(np.left_shift(data, safe_by), left.type, valid, rows), left, right)


def shift_right(left: Value, right: Value) -> Value:
    """x >> n: floor(x / 2**n); 0 where n is negative or not smaller than the width."""
    data, by = view(left), view(right)
    width = data.dtype.itemsize * 8
    inside = (by >= 0) & (by < width)
    shifted: Numbers = np.where(inside, np.right_shift(data, np.clip(by, 0, width - 1)), 0)
    result = column(shifted.astype(data.dtype), left.type, valid_rows(left, right), row_count(left, right) or 1)
    return like_arguments(result, left, right)


bit_and = pc.bit_wise_and
bit_or = pc.bit_wise_or
bit_xor = pc.bit_wise_xor
bit_not = pc.bit_wise_not
