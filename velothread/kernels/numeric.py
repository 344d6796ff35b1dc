"""Numeric kernels: sign, rounding, powers and logarithms, trigonometry, number theory.

Floating point follows IEEE as DuckDB does: sqrt(-1) is NaN and ln(0) is -inf, not errors. Results of integers and
decimals that don't fit are errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.shaping import by_row, lift, with_options
from velothread.kernels.vectors import Numbers, column, columnar, valid_rows, view
from velothread.types import SqlType, decimal, from_arrow

HUGE = pa.decimal128(38, 0)
_LARGEST = {True: 2**63 - 1, False: 2**64 - 1}


def elementwise(function: Callable[..., Numbers], returns: pa.DataType | None = None) -> Callable[..., Value]:
    """A kernel from a NumPy function of the values, NULL where any argument is NULL.

    returns: the Arrow type of the result; None: that of the first argument.
    """

    @columnar
    def kernel(*values: pa.Array) -> pa.Array:
        # What lies under a NULL is arbitrary and may well be a division by zero.
        with np.errstate(all="ignore"):
            found = function(*[view(v) for v in values])
        return column(found, returns or values[0].type, valid_rows(*values))

    return kernel


def _fits(found: Numbers, wrong: Numbers, valid: Any, what: str) -> None:
    if valid is not None:
        wrong = wrong & valid
    if wrong.any():
        raise ExecutionError(f"{what} is out of range of BIGINT", hint="cast the arguments to HUGEINT")


def absolute(value: Value) -> Value:
    """The value without its sign; the least integer has none: an error."""
    if pa.types.is_unsigned_integer(value.type):
        return value
    if pa.types.is_integer(value.type):
        try:
            return pc.abs_checked(value)
        except pa.ArrowInvalid:
            least = -(2 ** (value.type.bit_width - 1))
            kind = from_arrow(value.type)
            raise ExecutionError(
                f"abs({least}) is out of range of {kind}", hint="cast the argument to a wider type"
            ) from None
    return pc.abs(value)


def sign(value: Value) -> Value:
    """-1, 0 or 1 (0 for NaN), as TINYINT."""
    if pa.types.is_floating(value.type):
        return _float_sign(value)
    return pc.cast(pc.sign(value), pa.int8())


_float_sign = elementwise(lambda x: np.where(np.isnan(x), 0, np.sign(x)).astype(np.int8), pa.int8())


def _decimal_to(value: Value, rounding: Callable[[Value], Value], t: pa.DataType) -> Value:
    # A digit more while it is rounded: 9.9 becomes 10.
    roomy = pc.cast(value, pa.decimal256(value.type.precision + 1, value.type.scale))
    try:
        return pc.cast(rounding(roomy), t)
    except pa.ArrowInvalid:
        raise ExecutionError(f"a rounded value is out of range of {from_arrow(t)}") from None


def _whole(rounding: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """A kernel to whole numbers: DECIMAL(p, s) becomes DECIMAL(p, 0), floats stay floats."""

    def kernel(value: Value) -> Value:
        if pa.types.is_decimal(value.type):
            return _decimal_to(value, rounding, pa.decimal128(value.type.precision, 0))
        if pa.types.is_integer(value.type):
            return value
        return rounding(value)

    return kernel


def whole_type(arguments: tuple[SqlType, ...]) -> SqlType:
    """The type of ceil, floor, and round and trunc without digits."""
    t = arguments[0]
    return decimal(t.precision, 0) if t.kind == "DECIMAL" else t


def roomy_type(arguments: tuple[SqlType, ...]) -> SqlType:
    """What the kernels with digits give: decimals keep their scale and have a digit more, since 9.9 may become 10.0."""
    t = arguments[0]
    return decimal(min(38, t.precision + 1), t.scale) if t.kind == "DECIMAL" else t


def rounded_type(argument: SqlType, digits: int) -> SqlType:
    """The SQL type of round(argument, digits) where digits is a constant: cast what the kernel gives to it."""
    if argument.kind != "DECIMAL":
        return argument
    return decimal(argument.precision, min(argument.scale, max(digits, 0)))


ceil = _whole(pc.ceil)
floor = _whole(pc.floor)
trunc = _whole(pc.trunc)
round_ = _whole(lambda value: pc.round(value, 0, round_mode="half_towards_infinity"))


def _digits_kernel(mode: str, name: str) -> Callable[..., pa.Array]:
    def kernel(values: pa.Array, digits: int) -> pa.Array:
        t = values.type
        if pa.types.is_floating(t):
            return _float_digits(values, digits, mode)
        scale = t.scale if pa.types.is_decimal(t) else 0
        returns = pa.decimal128(min(38, t.precision + 1), scale) if pa.types.is_decimal(t) else t
        if digits >= scale:
            return values if returns == t else pc.cast(values, returns)
        room = t.precision - scale if pa.types.is_decimal(t) else 19
        if -digits > room:
            return _zeros(values, returns)
        if pa.types.is_decimal(t):
            return _decimal_to(values, lambda v: pc.round(v, digits, round_mode=mode), returns)
        try:
            wide = pc.round(pc.cast(values, pa.decimal128(20, 0)), digits, round_mode=mode)
            return pc.cast(wide, t)
        except pa.ArrowInvalid:
            raise ExecutionError(
                f"{name} to {digits} digits is out of range of {from_arrow(t)}",
                hint="cast the argument to a wider type",
            ) from None

    return kernel


def _zeros(values: pa.Array, t: pa.DataType) -> pa.Array:
    return pc.if_else(values.is_valid(), pa.scalar(0, t), pa.scalar(None, t))


def _float_digits(values: pa.Array, digits: int, mode: str) -> pa.Array:
    """Scaled, rounded, scaled back in DOUBLE, and left alone where that overflows."""
    given = view(values).astype(np.float64, copy=False)
    with np.errstate(all="ignore"):
        factor = np.float64(10.0) ** abs(digits)
        scaled = given * factor if digits >= 0 else given / factor
        rounded = pc.round(pa.array(scaled), 0, round_mode=mode).to_numpy(zero_copy_only=False)
        back = rounded / factor if digits >= 0 else rounded * factor
        if not math.isfinite(factor):
            back = given if digits > 0 else np.zeros_like(given)
        found = np.where(np.isfinite(back), back, given if digits >= 0 else 0.0)
    if digits < 0:
        found = np.where(np.isfinite(given), found, given)
    return column(found, values.type, valid_rows(values))


def digits_kernel(mode: str, name: str) -> Callable[[Value, Value], Value]:
    """A kernel (value, digits) that rounds in Arrow's `mode`; negative digits are tens, hundreds, ..."""
    rounding = _digits_kernel(mode, name)

    def kernel(value: Value, digits: Value) -> Value:
        t = value.type
        returns = pa.decimal128(min(38, t.precision + 1), t.scale) if pa.types.is_decimal(t) else t
        return with_options(rounding, returns)(value, digits)

    return kernel


round_digits = digits_kernel("half_towards_infinity", "round")
round_even = digits_kernel("half_to_even", "round_even")
trunc_digits = digits_kernel("towards_zero", "trunc")


def log_to_base(base: Value, value: Value) -> Value:
    """The logarithm of `value` to `base`."""
    return pc.divide(pc.log10(value), pc.log10(base))


def _cube_root(x: Any) -> Any:
    """Rounded to the nearest, as a step of Newton's method makes it: NumPy's own last bit depends on the processor."""
    root = np.cbrt(x)
    with np.errstate(all="ignore"):
        step = (root * root * root - x) / (3 * root * root)
    return np.where(np.isfinite(step), root - step, root)


cbrt = elementwise(_cube_root, pa.float64())
cot = elementwise(lambda x: 1.0 / np.tan(x), pa.float64())
degrees = elementwise(np.degrees, pa.float64())
radians = elementwise(np.radians, pa.float64())
fmod = elementwise(np.mod, pa.float64())
nextafter = elementwise(np.nextafter)
signbit = elementwise(np.signbit, pa.bool_())


def _even(x: Numbers) -> Numbers:
    up = np.ceil(np.abs(x))
    return np.copysign(np.where(np.isfinite(up), up + np.fmod(up, 2), up), x)


even = elementwise(_even, pa.float64())


def _gamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (OverflowError, ValueError):
        return math.inf


gamma = by_row(_gamma, pa.float64())
lgamma = by_row(_lgamma, pa.float64())

_FACTORIALS = pa.array([math.factorial(n) for n in range(34)], HUGE)


@lift
def factorial(n: pa.Array) -> pa.Array:
    """n! as HUGEINT, for n from 0 to 33."""
    bounds = pc.min_max(n).as_py()
    if bounds["min"] is not None and bounds["min"] < 0:
        raise ExecutionError(f"the factorial of a negative number ({bounds['min']}) is not defined")
    if bounds["max"] is not None and bounds["max"] > 33:
        raise ExecutionError(f"the factorial of {bounds['max']} is out of range of HUGEINT (33! is the last that fits)")
    return _FACTORIALS.take(n)


@columnar
def gcd(a: pa.Array, b: pa.Array) -> pa.Array:
    """The greatest common divisor of BIGINTs."""
    found, valid = np.gcd(view(a), view(b)), valid_rows(a, b)
    _fits(found, found < 0, valid, "a gcd")
    return column(found, pa.int64(), valid)


@columnar
def lcm(a: pa.Array, b: pa.Array) -> pa.Array:
    """The least common multiple of BIGINTs."""
    x, y, valid = view(a), view(b), valid_rows(a, b)
    with np.errstate(all="ignore"):
        divisor = np.maximum(np.gcd(x, y), 1)
        quotient = x // divisor
        found = np.abs(quotient * y)
        wrong = (quotient != 0) & ((found // np.where(quotient == 0, 1, np.abs(quotient)) != np.abs(y)) | (found < 0))
    _fits(found, wrong, valid, "an lcm")
    return column(found, pa.int64(), valid)


def _huge_lcm(a: Any, b: Any) -> int:
    found = math.lcm(int(a), int(b))
    if found >= 10**38:
        raise ExecutionError("an lcm is out of range of HUGEINT")
    return found


def _binomial(n: int, k: int) -> int:
    found = math.comb(n, k) if n >= 0 and k >= 0 else 0
    if found >= 10**38:
        raise ExecutionError(f"binom({n}, {k}) is out of range of HUGEINT")
    return found


# HUGEINT is a decimal in Arrow: Python's integers do these, on distinct values.
huge_gcd = by_row(lambda a, b: math.gcd(int(a), int(b)), HUGE)
huge_lcm = by_row(_huge_lcm, HUGE)
huge_bit_count = by_row(lambda n: (int(n) & ((1 << 128) - 1)).bit_count(), pa.int8())
binom = by_row(_binomial, HUGE)


def _bit_count(x: Numbers) -> Numbers:
    # NumPy counts the bits of the absolute value of signed numbers; SQL those of the two's complement.
    unsigned = x.view(np.dtype(f"u{x.dtype.itemsize}"))
    return np.asarray(np.bitwise_count(unsigned), np.int8)


bit_count = elementwise(_bit_count, pa.int8())
