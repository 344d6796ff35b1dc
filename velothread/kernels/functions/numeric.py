"""The table of numeric functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels import binning, numeric, random_values
from velothread.kernels.function import Function
from velothread.kernels.shaping import by_row
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    TIMESTAMPTZ,
    TINYINT,
    UINTEGER,
    UUID,
    SqlType,
    list_of,
)

_line = partial(Function, group="numeric")


def _first(arguments: tuple[SqlType, ...]) -> SqlType:
    return arguments[0]


def _to_whole(
    name: str, kernel: Callable[..., Any], doc: str, example: str, result: str, *aliases: str
) -> tuple[Function, ...]:
    """ceil and floor: integers become DOUBLE, floats stay, decimals lose their scale."""
    return (
        _line(name, (DOUBLE,), DOUBLE, kernel, doc, aliases=aliases),
        _line(name, (FLOAT,), FLOAT, kernel, doc, aliases=aliases),
        _line(name, ("decimal",), numeric.whole_type, kernel, doc, example, result, raises=True, aliases=aliases),
    )


def _real(name: str, kernel: Callable[..., Any], doc: str, example: str, result: str, *aliases: str) -> Function:
    """A function of one DOUBLE."""
    return _line(name, (DOUBLE,), DOUBLE, kernel, doc, example, result, aliases=aliases)


_ROUNDING = (
    _line(
        "abs", ("numeric",), _first, numeric.absolute, "Value without its sign", "abs(-17)", "17", raises=True,
        aliases=("@",),
    ),
    _line("sign", ("numeric",), TINYINT, numeric.sign, "-1, 0 or 1", "sign(-3)", "-1"),
    _line(
        "signbit", (DOUBLE,), BOOLEAN, numeric.signbit, "Is the sign bit set? (also for -0.0)", "signbit(-0.5)",
        "true",
    ),
    *_to_whole("ceil", numeric.ceil, "Rounded up", "ceil(17.2)", "18", "ceiling"),
    *_to_whole("floor", numeric.floor, "Rounded down", "floor(17.8)", "17"),
    _line(
        "round", ("numeric",), numeric.whole_type, numeric.round_, "Rounded to a whole number, halves away from zero",
        "round(2.5)", "3", raises=True,
    ),
    _line(
        "round", ("numeric", INTEGER), numeric.roomy_type, numeric.round_digits,
        "Rounded to so many digits after the point; negative: before it", "round(1250, -2)", "1300", raises=True,
    ),
    _line(
        "trunc", ("numeric",), numeric.whole_type, numeric.trunc, "Without the fraction", "trunc(-1.9)", "-1",
        raises=True,
    ),
    _line(
        "trunc", ("numeric", INTEGER), numeric.roomy_type, numeric.trunc_digits, "Cut to so many digits",
        "trunc(1234, -2)", "1200", raises=True,
    ),
    _line(
        "round_even", ("numeric", INTEGER), numeric.roomy_type, numeric.round_even, "Rounded, halves to the even digit",
        "round_even(1250, -2)", "1200", raises=True, aliases=("roundbankers",),
    ),
    _line(
        "even", (DOUBLE,), DOUBLE, numeric.even, "Rounded to the next even number away from zero", "even(2.9)", "4.0",
    ),
    _line(
        "nextafter", (DOUBLE, DOUBLE), DOUBLE, numeric.nextafter, "The next floating point number towards another",
        "nextafter(1.0, 2)", "1.0000000000000002",
    ),
    _line("nextafter", (FLOAT, FLOAT), FLOAT, numeric.nextafter, "The next floating point number towards another"),
)  # fmt: skip

_POWERS = (
    _real("sqrt", pc.sqrt, "Square root; NaN for negative numbers", "sqrt(2)", "1.4142135623730951", "|/"),
    _real("cbrt", numeric.cbrt, "Cube root", "cbrt(8)", "2.0", "||/"),
    _real("exp", pc.exp, "e to a power", "exp(1)", "2.718281828459045"),
    _real("ln", pc.ln, "Natural logarithm; -inf for 0, NaN below", "ln(2)", "0.6931471805599453"),
    _real("log10", pc.log10, "Logarithm to base 10", "log10(1000)", "3.0", "log"),
    _real("log2", pc.log2, "Logarithm to base 2", "log2(8)", "3.0"),
    _line(
        "log", (DOUBLE, DOUBLE), DOUBLE, numeric.log_to_base, "Logarithm to a base (first argument)", "log(2, 64)",
        "6.0",
    ),
    _line("pow", (DOUBLE, DOUBLE), DOUBLE, pc.power, "A number to a power", "pow(2, 3)", "8.0", aliases=("power",)),
    _line(
        "fmod", (DOUBLE, DOUBLE), DOUBLE, numeric.fmod, "Remainder, with the sign of the divisor", "fmod(-7, 3)",
        "2.0",
    ),
    _line("pi", (), DOUBLE, lambda: pa.scalar(math.pi), "The number pi", "pi()", "3.141592653589793"),
    _real("gamma", numeric.gamma, "Gamma function, (x - 1)! for whole numbers", "gamma(5)", "24.0"),
    _real("lgamma", numeric.lgamma, "Logarithm of the gamma function", "lgamma(2)", "0.0"),
)  # fmt: skip

_TRIGONOMETRY = (
    _real("sin", pc.sin, "Sine", "sin(1)", "0.8414709848078965"),
    _real("cos", pc.cos, "Cosine", "cos(1)", "0.5403023058681398"),
    _real("tan", pc.tan, "Tangent", "tan(1)", "1.5574077246549023"),
    _real("cot", numeric.cot, "Cotangent", "cot(1)", "0.6420926159343306"),
    _real("asin", pc.asin, "Arc sine; NaN outside -1 to 1", "asin(0.5)", "0.5235987755982989"),
    _real("acos", pc.acos, "Arc cosine; NaN outside -1 to 1", "acos(1)", "0.0"),
    _real("atan", pc.atan, "Arc tangent", "atan(1)", "0.7853981633974483"),
    _line("atan2", (DOUBLE, DOUBLE), DOUBLE, pc.atan2, "Arc tangent of y and x", "atan2(1, 2)", "0.4636476090008061"),
    _real("sinh", pc.sinh, "Hyperbolic sine", "sinh(1)", "1.1752011936438014"),
    _real("cosh", pc.cosh, "Hyperbolic cosine", "cosh(1)", "1.5430806348152437"),
    _real("tanh", pc.tanh, "Hyperbolic tangent", "tanh(1)", "0.7615941559557649"),
    _real("asinh", pc.asinh, "Inverse hyperbolic sine", "asinh(1)", "0.881373587019543"),
    _real("acosh", pc.acosh, "Inverse hyperbolic cosine", "acosh(2)", "1.3169578969248166"),
    _real("atanh", pc.atanh, "Inverse hyperbolic tangent", "atanh(0.5)", "0.5493061443340548"),
    _real("degrees", numeric.degrees, "Radians in degrees", "degrees(pi())", "180.0"),
    _real("radians", numeric.radians, "Degrees in radians", "radians(180)", "3.141592653589793"),
)  # fmt: skip


def _tests(name: str, kernel: Callable[..., Any], doc: str, example: str, result: str) -> tuple[Function, ...]:
    """A question about a floating point number."""
    return (
        _line(name, (DOUBLE,), BOOLEAN, kernel, doc, example, result),
        _line(name, (FLOAT,), BOOLEAN, kernel, doc),
    )


_NUMBER_THEORY = (
    _line(
        "factorial", (INTEGER,), HUGEINT, numeric.factorial, "n! for n from 0 to 33", "factorial(5)", "120",
        raises=True, aliases=("!",),
    ),
    _line(
        "gcd", (BIGINT, BIGINT), BIGINT, numeric.gcd, "Greatest common divisor", "gcd(42, 57)", "3", raises=True,
        aliases=("greatest_common_divisor",),
    ),
    _line(
        "gcd", (HUGEINT, HUGEINT), HUGEINT, numeric.huge_gcd, "Greatest common divisor",
        aliases=("greatest_common_divisor",),
    ),
    _line(
        "lcm", (BIGINT, BIGINT), BIGINT, numeric.lcm, "Least common multiple", "lcm(6, 4)", "12", raises=True,
        aliases=("least_common_multiple",),
    ),
    _line(
        "lcm", (HUGEINT, HUGEINT), HUGEINT, numeric.huge_lcm, "Least common multiple", raises=True,
        aliases=("least_common_multiple",),
    ),
    _line(
        "binom", (INTEGER, INTEGER), HUGEINT, numeric.binom, "Ways to choose k of n", "binom(5, 2)", "10",
        raises=True,
    ),
    _line("bit_count", (HUGEINT,), TINYINT, numeric.huge_bit_count, "Number of bits that are set"),
    _line("bit_count", ("integer",), TINYINT, numeric.bit_count, "Number of bits that are set", "bit_count(31)", "5"),
    *_tests("isnan", pc.is_nan, "Is it not a number?", "isnan('nan'::DOUBLE)", "true"),
    *_tests("isinf", pc.is_inf, "Is it infinite?", "isinf('-inf'::DOUBLE)", "true"),
    *_tests("isfinite", pc.is_finite, "Is it neither infinite nor NaN?", "isfinite('nan'::DOUBLE)", "false"),
)  # fmt: skip

_RANDOM = (
    _line("random", (), DOUBLE, random_values.random, "A random number from 0 to 1 on each row", volatile=True),
    _line(
        "uuid", (), UUID, random_values.uuid4, "A random UUID on each row", volatile=True,
        aliases=("gen_random_uuid", "uuidv4"),
    ),
    _line("uuidv7", (), UUID, random_values.uuid7, "A UUID that begins with the time", volatile=True),
    _line(
        "uuid_extract_version", (UUID,), UINTEGER, by_row(random_values.version_of, pa.uint32()),
        "The version of a UUID",
    ),
    _line(
        "uuid_extract_timestamp", (UUID,), TIMESTAMPTZ, by_row(random_values.time_of, pa.timestamp("us", "UTC")),
        "The time in a UUID of version 7", "uuid_extract_timestamp('0190163d-8694-7bef-b6b5-b1ef4ae5b7e9'::UUID)",
        "2024-06-14 10:14:09.3+00",
    ),
)  # fmt: skip

_BINS = (
    _line(
        "equi_width_bins", (BIGINT, BIGINT, BIGINT, BOOLEAN), list_of(BIGINT), binning.integers,
        "The upper ends of so many bins from a lowest to a highest value; true: about so many, at round numbers",
        "equi_width_bins(0, 10, 4, true)", "[2, 4, 6, 8, 10]", raises=True,
    ),
    _line(
        "equi_width_bins", (DOUBLE, DOUBLE, BIGINT, BOOLEAN), list_of(DOUBLE), binning.floats,
        "The upper ends of so many bins from a lowest to a highest value; true: about so many, at round numbers",
        "equi_width_bins(0.0, 1.0, 2, false)", "[0.5, 1.0]", raises=True,
    ),
)  # fmt: skip

NUMERIC: tuple[Function, ...] = (*_ROUNDING, *_POWERS, *_TRIGONOMETRY, *_NUMBER_THEORY, *_RANDOM, *_BINS)
