"""The operators: one line an overload. Names are as the binder asks for them (`negate` is the unary minus)."""

# ruff: noqa: E501 - a table reads best with one line a function

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow.compute as pc

from velothread.coercion import STRING_LITERAL, as_decimal, common_type
from velothread.kernels import arithmetic as arithmetic_kernels
from velothread.kernels import comparison, decimals, interval, matching
from velothread.kernels.cast_number import MAX_PRECISION
from velothread.kernels.function import Function, Kernel, Value
from velothread.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTERVAL,
    NULL,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
)

Resolution = tuple[tuple[SqlType, ...], SqlType] | None
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def _numbers(arguments: Sequence[SqlType]) -> tuple[SqlType, SqlType] | None:
    """Two numeric types, NULL and literals having taken the other's; None when they aren't numbers."""
    a, b = arguments
    open_types = (NULL, STRING_LITERAL)
    if a in open_types and b in open_types:
        return (BIGINT, BIGINT) if STRING_LITERAL not in (a, b) else None
    a, b = (b if a in open_types else a), (a if b in open_types else b)
    return (a, b) if a.is_numeric and b.is_numeric else None


def _common_integer(a: SqlType, b: SqlType) -> SqlType:
    common = common_type(a, b)
    assert common is not None
    # Signed beside unsigned of the same width goes to BIGINT, as in DuckDB, not to the next width.
    return common if common in (a, b) or common == HUGEINT else BIGINT


def _integers(arguments: tuple[SqlType, ...]) -> Resolution:
    """Integers of up to 64 bits keep their common type."""
    found = _numbers(arguments)
    if found is None or found[0].kind not in _WHOLE or found[1].kind not in _WHOLE:
        return None
    common = _common_integer(*found)
    return None if common == HUGEINT else ((common, common), common)


def _hugeints(arguments: tuple[SqlType, ...]) -> Resolution:
    found = _numbers(arguments)
    if found is None or not (found[0].is_integer and found[1].is_integer):
        return None
    return ((HUGEINT, HUGEINT), HUGEINT) if _common_integer(*found) == HUGEINT else None


def _of_kind(kind: SqlType, any_number: bool = False) -> Callable[[tuple[SqlType, ...]], Resolution]:
    """Both FLOAT or both DOUBLE: where one argument is a float (or always)."""

    def resolve(arguments: tuple[SqlType, ...]) -> Resolution:
        found = _numbers(arguments)
        if found is None:
            return None
        floats = {t.kind for t in found if t.is_float}
        result = FLOAT if floats == {"FLOAT"} else DOUBLE if floats or any_number else None
        return ((kind, kind), kind) if result == kind else None

    return resolve


def _decimals(rule: Callable[[SqlType, SqlType], Resolution]) -> Callable[[tuple[SqlType, ...]], Resolution]:
    """A rule for two DECIMALs, one of which may be an integer."""

    def resolve(arguments: tuple[SqlType, ...]) -> Resolution:
        found = _numbers(arguments)
        if found is None or all(t.kind != "DECIMAL" for t in found) or any(t.is_float for t in found):
            return None
        return rule(as_decimal(found[0]), as_decimal(found[1]))

    return resolve


def _sum(a: SqlType, b: SqlType) -> Resolution:
    operand, result = decimals.sum_types(a, b)
    return (operand, operand), result


def _product(a: SqlType, b: SqlType) -> Resolution:
    result = decimals.product_type(a, b)
    # A scale over 38 can't be exact: such operands go through DOUBLE instead.
    return None if result is None else ((a, b), result)


def _product_in_double(a: SqlType, b: SqlType) -> Resolution:
    return ((DOUBLE, DOUBLE), DOUBLE) if a.scale + b.scale > MAX_PRECISION else None


def _remainder(a: SqlType, b: SqlType) -> Resolution:
    result = decimals.remainder_type(a, b)
    return (result, result), result


def _one(test: Callable[[SqlType], bool]) -> Callable[[tuple[SqlType, ...]], Resolution]:
    def resolve(arguments: tuple[SqlType, ...]) -> Resolution:
        t = BIGINT if arguments[0] == NULL else arguments[0]
        return ((t,), t) if test(t) else None

    return resolve


def _shifts(arguments: tuple[SqlType, ...]) -> Resolution:
    return _integers(arguments)


def _texts(arguments: tuple[SqlType, ...]) -> Resolution:
    """`||` of text, with anything that isn't nested beside it."""
    if any(t.is_nested for t in arguments) or BLOB in arguments:
        return None
    return (VARCHAR, VARCHAR), VARCHAR


def _blobs(arguments: tuple[SqlType, ...]) -> Resolution:
    return (
        ((BLOB, BLOB), BLOB)
        if BLOB in arguments and all(t in (BLOB, NULL, STRING_LITERAL) for t in arguments)
        else None
    )


def _lists(arguments: tuple[SqlType, ...]) -> Resolution:
    if not any(t.kind == "LIST" for t in arguments) or not all(t.kind in ("LIST", "NULL") for t in arguments):
        return None
    common = common_type(arguments[0], arguments[1])
    return None if common is None else ((common, common), common)


def _arithmetic(sign: str, doc: str, examples: Sequence[str], kernels: Sequence[Kernel]) -> tuple[Function, ...]:
    """The overloads of +, - or *: integers, HUGEINT, DECIMAL, FLOAT, DOUBLE."""
    whole, exact, real = kernels
    decimal_rule = _decimals(_product if sign == "*" else _sum)
    return (
        Function(
            sign, ("integer", "integer"), BIGINT, whole, doc, examples[0], examples[1], raises=True, resolve=_integers
        ),
        Function(sign, (HUGEINT, HUGEINT), HUGEINT, exact, doc, raises=True, resolve=_hugeints),
        Function(
            sign,
            ("decimal", "decimal"),
            DOUBLE,
            exact,
            doc,
            examples[2],
            examples[3],
            raises=True,
            resolve=decimal_rule,
        ),
        Function(sign, (FLOAT, FLOAT), FLOAT, real, doc, resolve=_of_kind(FLOAT)),
        Function(sign, (DOUBLE, DOUBLE), DOUBLE, real, doc, resolve=_of_kind(DOUBLE)),
    )


def _compared(sign: str, kernel: Kernel, doc: str, example: str, result: str) -> Function:
    return Function(sign, ("T", "T"), BOOLEAN, kernel, doc, example, result)


def _bits(
    sign: str, kernel: Kernel, python: Callable[[int, int], int], doc: str, example: str, result: str
) -> tuple[Function, ...]:
    wide = decimals.hugeint_bits(python)
    return (
        Function(sign, ("integer", "integer"), BIGINT, kernel, doc, example, result, resolve=_integers),
        Function(sign, (HUGEINT, HUGEINT), HUGEINT, wide, doc, raises=True, resolve=_hugeints),
    )


def _invert(value: Value) -> Value:
    return pc.invert(value)


_MOVED = "A moment moved by an interval: months first, then days, then time"

_ARITHMETIC = (
    *_arithmetic(
        "+", "Sum", ("40 + 2", "42", "1.5 + 2.25", "3.75"),
        (arithmetic_kernels.add, decimals.add_decimals, arithmetic_kernels.add_floats),
    ),
    *_arithmetic(
        "-", "Difference", ("40 - 2", "38", "1.5 - 2.25", "-0.75"),
        (arithmetic_kernels.subtract, decimals.subtract_decimals, arithmetic_kernels.subtract_floats),
    ),
    *_arithmetic(
        "*", "Product", ("6 * 7", "42", "1.5 * 2.25", "3.375"),
        (arithmetic_kernels.multiply, decimals.multiply_decimals, arithmetic_kernels.multiply_floats),
    ),
    Function("*", ("decimal", "decimal"), DOUBLE, arithmetic_kernels.multiply_floats, "Product", resolve=_decimals(_product_in_double)),
    Function("/", (FLOAT, FLOAT), FLOAT, arithmetic_kernels.divide_floats, "Quotient", resolve=_of_kind(FLOAT)),
    Function(
        "/", (DOUBLE, DOUBLE), DOUBLE, arithmetic_kernels.divide_floats,
        "Quotient as a float; by zero it is an infinity or NaN", "7 / 2", "3.5", resolve=_of_kind(DOUBLE, any_number=True),
    ),
    Function(
        "//", ("integer", "integer"), BIGINT, arithmetic_kernels.divide_whole,
        "Quotient without its fraction; by zero it is an error", "-7 // 2", "-3", raises=True, resolve=_integers,
    ),
    Function("//", (HUGEINT, HUGEINT), HUGEINT, decimals.divide_hugeints, "Quotient", raises=True, resolve=_hugeints),
    Function("//", (FLOAT, FLOAT), FLOAT, arithmetic_kernels.divide_floats_checked, "Quotient", raises=True, resolve=_of_kind(FLOAT)),
    Function(
        "//", (DOUBLE, DOUBLE), DOUBLE, arithmetic_kernels.divide_floats_checked,
        "Quotient; by zero it is an error", "7.5 // 2", "3.75", raises=True, resolve=_of_kind(DOUBLE, any_number=True),
    ),
    Function(
        "%", ("integer", "integer"), BIGINT, arithmetic_kernels.modulo,
        "Remainder, with the sign of the dividend; by zero it is an error", "-7 % 3", "-1", raises=True, resolve=_integers,
        aliases=("mod",),
    ),
    Function("%", (HUGEINT, HUGEINT), HUGEINT, decimals.modulo_decimals, "Remainder", raises=True, resolve=_hugeints, aliases=("mod",)),
    Function(
        "%", ("decimal", "decimal"), DOUBLE, decimals.modulo_decimals, "Remainder", "7.5 % 2", "1.5",
        raises=True, resolve=_decimals(_remainder), aliases=("mod",),
    ),
    Function("%", (FLOAT, FLOAT), FLOAT, arithmetic_kernels.modulo_floats, "Remainder", resolve=_of_kind(FLOAT), aliases=("mod",)),
    Function("%", (DOUBLE, DOUBLE), DOUBLE, arithmetic_kernels.modulo_floats, "Remainder", resolve=_of_kind(DOUBLE), aliases=("mod",)),
    Function("**", (DOUBLE, DOUBLE), DOUBLE, arithmetic_kernels.power, "Power", "2 ** 10", "1024.0", aliases=("^",)),
    Function(
        "negate", ("integer",), BIGINT, arithmetic_kernels.negate, "The opposite number", "-(5 + 1)", "-6",
        raises=True, resolve=_one(lambda t: t.kind in _WHOLE),
    ),
    Function("negate", ("decimal",), DOUBLE, decimals.negate_decimal, "The opposite number", resolve=_one(lambda t: t.kind in ("DECIMAL", "HUGEINT"))),
    Function("negate", (DOUBLE,), DOUBLE, pc.negate, "The opposite number", resolve=_one(lambda t: t.is_float)),
    Function("negate", (INTERVAL,), INTERVAL, interval.negate_interval, "The opposite interval", "-(INTERVAL 1 DAY)", "-1 day"),
)  # fmt: skip

_MOMENTS = (
    Function("+", (DATE, BIGINT), DATE, interval.add_days, "Days later", "DATE '2024-02-28' + 2", "2024-03-01", raises=True),
    Function("+", (BIGINT, DATE), DATE, interval.add_date, "Days later", raises=True),
    Function("-", (DATE, BIGINT), DATE, interval.subtract_days, "Days earlier", "DATE '2024-03-01' - 1", "2024-02-29", raises=True),
    Function("-", (DATE, DATE), BIGINT, interval.subtract_dates, "Days between", "DATE '2024-03-01' - DATE '2024-02-01'", "29"),
    Function("+", (TIMESTAMP, INTERVAL), TIMESTAMP, interval.add_to_timestamp, _MOVED, "DATE '2024-01-31' + INTERVAL 1 MONTH", "2024-02-29 00:00:00", raises=True),
    Function("+", (INTERVAL, TIMESTAMP), TIMESTAMP, interval.add_timestamp, _MOVED, raises=True),
    Function("-", (TIMESTAMP, INTERVAL), TIMESTAMP, interval.subtract_from_timestamp, _MOVED, "TIMESTAMP '2024-03-31 12:00:00' - INTERVAL 1 MONTH", "2024-02-29 12:00:00", raises=True),
    Function("+", (TIMESTAMPTZ, INTERVAL), TIMESTAMPTZ, interval.add_to_timestamp, _MOVED, raises=True),
    Function("+", (INTERVAL, TIMESTAMPTZ), TIMESTAMPTZ, interval.add_timestamp, _MOVED, raises=True),
    Function("-", (TIMESTAMPTZ, INTERVAL), TIMESTAMPTZ, interval.subtract_from_timestamp, _MOVED, raises=True),
    Function("-", (TIMESTAMP, TIMESTAMP), INTERVAL, interval.subtract_timestamps, "Time between, in days and time", "TIMESTAMP '2024-01-02 12:00:00' - DATE '2024-01-01'", "1 day 12:00:00", raises=True),
    Function("-", (TIMESTAMPTZ, TIMESTAMPTZ), INTERVAL, interval.subtract_timestamps, "Time between, in days and time", raises=True),
    Function("+", (TIME, INTERVAL), TIME, interval.add_to_time, "Around the clock", "TIME '23:00:00' + INTERVAL 2 HOURS", "01:00:00"),
    Function("+", (INTERVAL, TIME), TIME, interval.add_time, "Around the clock"),
    Function("-", (TIME, INTERVAL), TIME, interval.subtract_from_time, "Around the clock", "TIME '01:00:00' - INTERVAL 2 HOURS", "23:00:00"),
    Function("+", (DATE, TIME), TIMESTAMP, interval.add_time_to_date, "A day and a time", "DATE '2024-01-02' + TIME '10:00:00'", "2024-01-02 10:00:00", raises=True),
    Function("+", (TIME, DATE), TIMESTAMP, interval.add_date_to_time, "A time and a day", raises=True),
    Function("+", (INTERVAL, INTERVAL), INTERVAL, interval.add_intervals, "Sum", "INTERVAL 1 DAY + INTERVAL 1 MONTH", "1 month 1 day", raises=True),
    Function("-", (INTERVAL, INTERVAL), INTERVAL, interval.subtract_intervals, "Difference", "INTERVAL 1 YEAR - INTERVAL 13 MONTHS", "-1 month", raises=True),
    Function("*", (INTERVAL, DOUBLE), INTERVAL, interval.multiply_interval, "Multiple; fractions go to the smaller units", "INTERVAL 1 MONTH * 1.5", "1 month 15 days", raises=True),
    Function("*", (DOUBLE, INTERVAL), INTERVAL, interval.multiply_by_interval, "Multiple", "3 * INTERVAL 1 DAY", "3 days", raises=True),
    Function("/", (INTERVAL, DOUBLE), INTERVAL, interval.divide_interval, "Part; fractions go to the smaller units", "INTERVAL 1 DAY / 3", "08:00:00", raises=True),
)  # fmt: skip

_COMPARISONS = (
    _compared("=", comparison.equal, "Equal; NaN equals NaN", "1 = 1.0", "true"),
    _compared("<>", comparison.not_equal, "Not equal", "1 <> 2", "true"),
    _compared("<", comparison.less, "Less", "'B' < 'a'", "true"),
    _compared("<=", comparison.less_equal, "Less or equal", "2 <= 1", "false"),
    _compared(">", comparison.greater, "Greater; NaN is greater than all other numbers", "'nan'::DOUBLE > 1.0::DOUBLE", "true"),
    _compared(">=", comparison.greater_equal, "Greater or equal", "[1, 2] >= [1]", "true"),
    Function("is_distinct_from", ("T", "T"), BOOLEAN, comparison.is_distinct_from, "Not equal, NULL being a value like others", "1 IS DISTINCT FROM NULL", "true", strict=False),
    Function("is_not_distinct_from", ("T", "T"), BOOLEAN, comparison.is_not_distinct_from, "Equal, NULL being a value like others", "NULL IS NOT DISTINCT FROM NULL", "true", strict=False),
)  # fmt: skip

_LOGIC = (
    Function("not", (BOOLEAN,), BOOLEAN, _invert, "The opposite; NULL stays NULL", "NOT true", "false"),
    Function("and", (BOOLEAN, BOOLEAN), BOOLEAN, pc.and_kleene, "Both", "true AND NULL", "NULL", strict=False),
    Function("or", (BOOLEAN, BOOLEAN), BOOLEAN, pc.or_kleene, "Either", "true OR NULL", "true", strict=False),
    Function("xor", (BOOLEAN, BOOLEAN), BOOLEAN, pc.xor, "One, but not both"),
    Function("is_null", ("any",), BOOLEAN, pc.is_null, "Is it NULL?", "NULL IS NULL", "true", strict=False),
    Function(
        "is_not_null", ("any",), BOOLEAN, pc.is_valid, "Is it a value?", "NULL IS NOT NULL", "false", strict=False
    ),
)

_BITS = (
    *_bits("&", arithmetic_kernels.bit_and, lambda a, b: a & b, "Bits that both have", "5 & 3", "1"),
    *_bits("|", arithmetic_kernels.bit_or, lambda a, b: a | b, "Bits that either has", "5 | 3", "7"),
    *_bits("xor", arithmetic_kernels.bit_xor, lambda a, b: a ^ b, "Bits that one has", "xor(5, 3)", "6"),
    Function("~", ("integer",), BIGINT, arithmetic_kernels.bit_not, "All bits turned", "~5", "-6", resolve=_one(lambda t: t.kind in _WHOLE)),
    Function("<<", ("integer", "integer"), BIGINT, arithmetic_kernels.shift_left, "Bits moved left; what falls off is an error", "5 << 2", "20", raises=True, resolve=_shifts),
    Function(">>", ("integer", "integer"), BIGINT, arithmetic_kernels.shift_right, "Bits moved right", "-8 >> 1", "-4", resolve=_shifts),
)  # fmt: skip

_TEXT = (
    Function("||", (VARCHAR, VARCHAR), VARCHAR, matching.concat_text, "One after the other; NULL if either is", "'a' || 1", "a1", resolve=_texts),
    Function("||", (BLOB, BLOB), BLOB, matching.concat_text, "One after the other", resolve=_blobs),
    Function("||", ("list", "list"), NULL, matching.concat_lists, "The items of both lists", "[1, 2] || [3]", "[1, 2, 3]", resolve=_lists),
    Function("like", (VARCHAR, VARCHAR), BOOLEAN, matching.like, "% is any text, _ any character", "'abc' LIKE 'a%'", "true"),
    Function("ilike", (VARCHAR, VARCHAR), BOOLEAN, matching.ilike, "LIKE in any case", "'ABC' ILIKE 'a_c'", "true"),
    Function("glob", (VARCHAR, VARCHAR), BOOLEAN, matching.glob, "* is any text, ? any character, [a-c] one of these", "'abc' GLOB 'a[a-c]*'", "true"),
)  # fmt: skip

OPERATORS: tuple[Function, ...] = (*_ARITHMETIC, *_MOMENTS, *_COMPARISONS, *_LOGIC, *_BITS, *_TEXT)
