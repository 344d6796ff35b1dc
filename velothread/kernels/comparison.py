"""Comparisons of two values of one type, as SQL orders them.

NaN equals NaN and is the greatest float; -0.0 equals 0.0; text goes by code point (the order of its UTF-8 bytes);
intervals by their length (a month is 30 days, a day 24 hours); lists, structs and maps item by item, NULL last.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.civil import NANOS_PER_DAY
from velothread.kernels.function import Value
from velothread.kernels.vectors import Numbers, as_column, column, like_arguments, row_count, valid_rows, view

# Decimals of so many digits fit into 64 bits.
_SHORT = 18
Comparison = Callable[[Value, Value], Value]
_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ARROW: dict[str, Callable[..., Any]] = {
    "=": pc.equal, "<>": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def comparison(sign: str) -> Comparison:
    """The kernel of `=`, `<>`, `<`, `<=`, `>` or `>=`, for any type."""
    arrow, python = _ARROW[sign], _PYTHON[sign]
    with_number = _above_numbers(sign) if sign in (">", ">=") else arrow

    def kernel(left: Value, right: Value) -> Value:
        t = left.type
        if t == pa.float64() or t == pa.float32():
            if isinstance(right, pa.Scalar) and isinstance(left, pa.Array) and right.as_py() == right.as_py():
                return with_number(left, right)
            if _has_nan(left) or _has_nan(right):
                return _compare_nan(sign, left, right)
            return arrow(left, right)
        if t == pa.month_day_nano_interval():
            return _compare_intervals(sign, left, right)
        if pa.types.is_decimal128(t) and t.precision <= _SHORT:
            return _compare_words(python, left, right)
        if pa.types.is_nested(t):
            return _compare_nested(python, left, right)
        if t == pa.null():
            rows = row_count(left, right)
            return pa.scalar(None, pa.bool_()) if rows is None else pa.nulls(rows, pa.bool_())
        return arrow(left, right)

    return kernel


def _above_numbers(sign: str) -> Comparison:
    """`>` or `>=` with a constant that isn't NaN: of NaN, which Arrow finds neither less nor equal, it is true."""
    opposite = _ARROW["<=" if sign == ">" else "<"]
    return lambda left, right: pc.invert(opposite(left, right))


def _has_nan(value: Value) -> bool:
    # The sum is NaN if any is; infinities of both signs make NaN too, which only means a slower way.
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isnan(view(value).sum()))


def _compare_nan(sign: str, left: Value, right: Value) -> Value:
    a, b = view(left), view(right)
    a_nan, b_nan = np.isnan(a), np.isnan(b)
    with np.errstate(invalid="ignore"):
        equal = (a == b) | (a_nan & b_nan)
        less = (a < b) | (~a_nan & b_nan)
    return _answer(sign, less, equal, left, right)


def _answer(sign: str, less: Numbers, equal: Numbers, left: Value, right: Value) -> Value:
    if sign in ("=", "<>"):
        data = equal if sign == "=" else ~equal
    elif sign in ("<", ">="):
        data = less if sign == "<" else ~less
    else:
        data = less | equal if sign == "<=" else ~(less | equal)
    result = column(data, pa.bool_(), valid_rows(left, right), row_count(left, right) or 1)
    return like_arguments(result, left, right)


def interval_length(value: Value) -> tuple[Numbers, Numbers]:
    """Days (a month is 30) and nanoseconds of the day: intervals of the same length are equal in both."""
    parts = view(value)
    days = np.floor_divide(parts["nanos"], NANOS_PER_DAY)
    whole = parts["months"].astype(np.int64) * 30 + parts["days"] + days
    return whole, parts["nanos"] - days * NANOS_PER_DAY


def _compare_intervals(sign: str, left: Value, right: Value) -> Value:
    (a_days, a_rest), (b_days, b_rest) = interval_length(left), interval_length(right)
    same_day = a_days == b_days
    less = (a_days < b_days) | (same_day & (a_rest < b_rest))
    return _answer(sign, less, same_day & (a_rest == b_rest), left, right)


def order_key(value: Any) -> Any:
    """What a Python value compares by: NULL is the greatest, then NaN; nested values go item by item."""
    if value is None:
        return (2,)
    if isinstance(value, float) and value != value:
        return (1,)
    if isinstance(value, dict):
        return (0, tuple(order_key(v) for v in value.values()))
    if isinstance(value, (list, tuple)):
        return (0, tuple(order_key(v) for v in value))
    # Python orders str by code point, which is the order of the UTF-8 bytes.
    return (0, value)


def _compare_words(python: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    """Short decimals of one scale, by their low words: several times as fast as by all 128 bits."""
    a, b = (view(v)["low"].view(np.int64) for v in (left, right))
    return like_arguments(column(python(a, b), pa.bool_(), valid_rows(left, right)), left, right)


def _compare_nested(python: Callable[[Any, Any], Any], left: Value, right: Value) -> Value:
    # Row by row: Arrow compares no nested values.
    rows = row_count(left, right) or 1
    pairs = zip(as_column(left, rows).to_pylist(), as_column(right, rows).to_pylist(), strict=True)
    found = [None if a is None or b is None else python(order_key(a), order_key(b)) for a, b in pairs]
    return like_arguments(pa.array(found, pa.bool_()), left, right)


equal = comparison("=")
not_equal = comparison("<>")
less = comparison("<")
less_equal = comparison("<=")
greater = comparison(">")
greater_equal = comparison(">=")


def is_distinct_from(left: Value, right: Value) -> Value:
    """Like <>, but NULL is a value like others: never NULL."""
    return pc.invert(is_not_distinct_from(left, right))


def is_not_distinct_from(left: Value, right: Value) -> Value:
    """Like =, but NULL equals NULL: never NULL."""
    same = equal(left, right)
    if isinstance(same, pa.Scalar):
        return same if same.is_valid else pa.scalar(not left.is_valid and not right.is_valid)
    if same.null_count == 0:
        return same
    rows = len(same)
    return pc.fill_null(
        pc.or_kleene(same, pc.and_(pc.is_null(as_column(left, rows)), pc.is_null(as_column(right, rows)))), False
    )


def is_in(value: Value, values: pa.Array) -> Value:
    """Is `value` among `values` (of its type)? NULL for NULL, and where only a NULL in `values` could match."""
    found = pc.is_in(value, value_set=values.drop_null())
    unknown = values.null_count > 0
    if value.type in (pa.float32(), pa.float64()) and pc.any(pc.equal(values, 0.0)).as_py():
        # Arrow's set tells -0.0 from 0.0.
        found = pc.or_(found, pc.fill_null(pc.equal(value, pa.scalar(0.0, value.type)), False))
    if isinstance(value, pa.Scalar):
        return found if value.is_valid and (found.as_py() or not unknown) else pa.scalar(None, pa.bool_())
    keep = found if unknown else None
    if value.null_count:
        keep = pc.is_valid(value) if keep is None else keep
    return found if keep is None else pc.if_else(keep, found, pa.scalar(None, pa.bool_()))
