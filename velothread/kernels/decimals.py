"""Exact arithmetic on DECIMAL and HUGEINT (held as decimal128(38, 0)).

Sums and remainders take arguments of one scale; products add the scales. A result has the precision that DuckDB gives
it (`sum_types`, `product_type`); what needs more than 38 digits is an error. Arrow widens its results by itself up to
38 digits; past that the work is done in 256 bits and narrowed with a check.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.arithmetic import _EXACT, nonzero, overflow
from velothread.kernels.cast_number import MAX_PRECISION, decimal_words
from velothread.kernels.function import Value
from velothread.kernels.vectors import (
    Numbers,
    as_column,
    both_valid,
    column,
    columnar,
    like_arguments,
    row_count,
    valid_rows,
    view,
)
from velothread.types import SqlType, decimal

# Decimals of up to 18 digits fit into 64 bits.
SHORT = 18


def sum_types(a: SqlType, b: SqlType) -> tuple[SqlType, SqlType]:
    """The type that both operands of + and - are cast to, and the result's: one digit more."""
    scale = max(a.scale, b.scale)
    precision = max(a.precision - a.scale, b.precision - b.scale) + scale + 1
    if precision > MAX_PRECISION:
        return decimal(MAX_PRECISION, scale), decimal(MAX_PRECISION, scale)
    return decimal(precision - 1, scale), decimal(precision, scale)


def product_type(a: SqlType, b: SqlType) -> SqlType | None:
    """The type of a product, or None when its scale doesn't fit."""
    precision, scale = a.precision + b.precision, a.scale + b.scale
    if scale > MAX_PRECISION:
        return None
    if precision > SHORT >= max(a.precision, b.precision) and scale < SHORT:
        return decimal(SHORT, scale)
    return decimal(min(precision, MAX_PRECISION), scale)


def remainder_type(a: SqlType, b: SqlType) -> SqlType:
    """The type of both operands and of the result of %."""
    scale = max(a.scale, b.scale)
    return decimal(min(MAX_PRECISION, max(a.precision - a.scale, b.precision - b.scale) + scale), scale)


def _add_or_subtract(sign: str) -> Any:
    function = pc.add if sign == "+" else pc.subtract

    def kernel(left: Value, right: Value) -> Value:
        if left.type.precision < MAX_PRECISION:
            return function(left, right)
        if (short := _as_short(left, right)) is not None:
            a, b = short
            # Halving keeps the sum of the bounds inside 64 bits.
            if max(np.abs(a >> 1).max(initial=0), np.abs(b >> 1).max(initial=0)) < 2**61:
                data = a + b if sign == "+" else a - b
                result = column(decimal_words(data), left.type, valid_rows(left, right), row_count(left, right) or 1)
                return like_arguments(result, left, right)
        wide = pa.decimal256(MAX_PRECISION, left.type.scale)
        return _narrow(sign, function(left.cast(wide), right.cast(wide)), left, right, left.type)

    return kernel


add_decimals = _add_or_subtract("+")
subtract_decimals = _add_or_subtract("-")


def multiply_decimals(left: Value, right: Value) -> Value:
    """Exact product; precision as `product_type` says."""
    a, b = left.type, right.type
    found = product_type(decimal(a.precision, a.scale), decimal(b.precision, b.scale))
    assert found is not None, "the binder refuses scales over 38"
    target = found.arrow
    if a.precision + b.precision <= SHORT:
        # The product of short operands fits into 64 bits: the low words are all there is.
        data = view(left)["low"].view(np.int64) * view(right)["low"].view(np.int64)
        result = column(decimal_words(data), target, valid_rows(left, right), row_count(left, right) or 1)
        return like_arguments(result, left, right)
    if max(a.precision, b.precision) <= SHORT:
        x, y = (np.ascontiguousarray(view(v)["low"]).view(np.int64) for v in (left, right))
        # What lies under NULLs counts, too: that can only make the answer more careful.
        if _most(x) * _most(y) < 10 ** min(target.precision, SHORT):
            return like_arguments(column(decimal_words(x * y), target, valid_rows(left, right)), left, right)
    if a.precision + b.precision < MAX_PRECISION:
        product = pc.multiply(left, right)
    else:
        # Arrow promises itself one digit more than the product can have; 76 is the most it takes.
        p = min(a.precision, 2 * MAX_PRECISION - 1 - b.precision)
        try:
            product = pc.multiply(left.cast(pa.decimal256(p, a.scale)), right.cast(pa.decimal256(b.precision, b.scale)))
        except pa.ArrowInvalid:
            # A value of 38 digits, which may still have a small factor beside it: row by row.
            product = _by_row(left, right, lambda x, y: x * y, pa.decimal256(2 * MAX_PRECISION, a.scale + b.scale))
    return _narrow("*", product, left, right, target)


def _most(values: Numbers) -> int:
    """No value is greater, nor smaller than its opposite."""
    return max(-int(values.min()), int(values.max())) if len(values) else 0


def _narrow(sign: str, result: Value, left: Value, right: Value, target: pa.DataType) -> Value:
    try:
        return result.cast(target)
    except pa.ArrowInvalid:
        raise _first_overflow(sign, left, right, target) from None


def _first_overflow(sign: str, left: Value, right: Value, target: pa.DataType) -> ExecutionError:
    rows = row_count(left, right) or 1
    limit = Decimal(10) ** (target.precision - target.scale)
    # Row by row, to name the culprit of a query that fails anyway.
    with localcontext(prec=80):
        for a, b in zip(as_column(left, rows).to_pylist(), as_column(right, rows).to_pylist(), strict=True):
            if a is not None and b is not None and abs(_EXACT[sign](a, b)) >= limit:
                return overflow(sign, a, b, target)
    raise AssertionError("Arrow reported an overflow that isn't there")


def _as_short(*values: Value) -> list[Numbers] | None:
    """The values as int64, if all fit."""
    out = []
    for value in values:
        words = view(value)
        low = words["low"].view(np.int64)
        if not np.array_equal(words["high"], low >> 63):
            return None
        out.append(low)
    return out


def negate_decimal(value: Value) -> Value:
    """-x; every decimal has an opposite."""
    return pc.negate(value)


def modulo_decimals(left: Value, right: Value) -> Value:
    """x % y of one type; the sign is the dividend's."""
    divisor = view(right)
    zero = (divisor["low"] == 0) & (divisor["high"] == 0)
    keep = nonzero("%", left, right, zero)
    short = _as_short(left, right)
    if short is None:
        return _by_row(left, right, lambda a, b: a % b, divides=True)
    a, b = short
    data = np.fmod(a, np.where(b == 0, 1, b))
    result = column(
        decimal_words(data), left.type, both_valid(valid_rows(left, right), keep), row_count(left, right) or 1
    )
    return like_arguments(result, left, right)


def divide_hugeints(left: Value, right: Value) -> Value:
    """x // y of HUGEINT, towards zero."""
    divisor = view(right)
    zero = (divisor["low"] == 0) & (divisor["high"] == 0)
    nonzero("//", left, right, zero)
    return _by_row(left, right, lambda a, b: a // b, divides=True)


def _by_row(left: Value, right: Value, function: Any, t: pa.DataType | None = None, divides: bool = False) -> Value:
    """Row by row in Python's decimals, whose // and % are towards zero: values of over 64 bits are rare."""

    def kernel(a: pa.Array, b: pa.Array) -> pa.Array:
        with localcontext(prec=80):
            pairs = zip(a.to_pylist(), b.to_pylist(), strict=True)
            found = [None if x is None or y is None or (divides and not y) else function(x, y) for x, y in pairs]
            return pa.array(found, t or a.type)

    return columnar(kernel)(left, right)


def hugeint_bits(function: Any) -> Any:
    """A bit operation on HUGEINTs, row by row in Python's integers."""

    def kernel(*columns: pa.Array) -> pa.Array:
        rows = zip(*(c.to_pylist() for c in columns), strict=True)
        return pa.array([None if None in r else Decimal(function(*map(int, r))) for r in rows], pa.decimal128(38, 0))

    return columnar(kernel)
