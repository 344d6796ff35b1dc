"""Operations of other dialects whose meaning depends on the types of their operands: chosen while binding.

Each takes the bound arguments and gives an expression of ours. The names can't be mistaken for a function of SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from velothread import types as t
from velothread.errors import BindError, Position, UnsupportedError
from velothread.plan.expressions import Cast, Expression, Literal, literal

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

Typed = Callable[["ExpressionBinder", list[Expression], Position | None], Expression]
_DIGITS = {"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "HUGEINT": 38}
_DAY_UNITS = ("year", "quarter", "month", "week", "day", "decade", "century")
_INTERVALS = {
    "year": "to_years", "quarter": "to_quarters", "month": "to_months", "week": "to_weeks", "day": "to_days",
    "hour": "to_hours", "minute": "to_minutes", "second": "to_seconds", "millisecond": "to_milliseconds",
    "microsecond": "to_microseconds", "decade": "to_decades", "century": "to_centuries",
}  # fmt: skip


def _number(e: Expression) -> bool:
    return e.type.is_numeric or e.type.kind == "NULL"


def _inexact(e: Expression) -> bool:
    return e.type.kind in ("FLOAT", "DOUBLE")


def _text(e: Expression) -> bool:
    return e.type.kind in ("VARCHAR", "STRING_LITERAL")


def _nonzero(e: Expression) -> bool:
    return isinstance(e, Literal) and e.value.is_valid and _number(e) and e.value.as_py() != 0


def _guarded(
    binder: ExpressionBinder, operator: str, a: Expression, b: Expression, zero: str, place: Position | None
) -> Expression:
    """`a operator b`; for b = 0: "error" is one, "null" is NULL, "infinite" is what the operator gives."""
    call = binder.calls.call
    if zero == "infinite" or _nonzero(b) or not (_number(a) and _number(b)):
        return call(operator, [a, b], place)
    is_zero = binder.compare("=", b, literal(0, t.INTEGER), place)
    result = call(operator, [a, b], place)
    if zero == "null":
        return binder.case([is_zero], [literal(None, result.type), result], place)
    error = call("error", [literal("division by zero", t.VARCHAR)], place)
    return binder.case([is_zero], [error, result], place)


def _divide(
    whole: bool, zero: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None
) -> Expression:
    """`/`. whole: integers give an integer, the fraction cut off."""
    a, b = arguments
    if whole and a.type.is_integer and b.type.is_integer:
        return _guarded(binder, "//", a, b, zero, place)
    return _guarded(binder, "/", a, b, zero, place)


def _divide_scaled(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """Trino's `/`: decimals give a decimal with the larger scale of both, rounded."""
    a, b = arguments
    exact = all(x.type.is_integer or x.type.kind == "DECIMAL" for x in arguments)
    if not exact or (a.type.is_integer and b.type.is_integer):
        zero = "infinite" if _inexact(a) or _inexact(b) else "error"
        return _divide(True, zero, binder, arguments, place)
    scale = max(x.type.scale if x.type.kind == "DECIMAL" else 0 for x in arguments)
    return Cast(_guarded(binder, "/", a, b, "error", place), t.decimal(38, scale), True, place)


def _whole_quotient(
    zero: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None
) -> Expression:
    """DIV: an integer, the fraction cut off."""
    a, b = arguments
    if a.type.is_integer and b.type.is_integer:
        return _guarded(binder, "//", a, b, zero, place)
    cut = binder.calls.call("trunc", [_guarded(binder, "/", a, b, zero, place)], place)
    return Cast(cut, t.BIGINT, True, place)


def _remainder(zero: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    a, b = arguments
    return _guarded(binder, "%", a, b, zero, place)


def _time_of(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """Text is read as a TIMESTAMP; dates and times stay."""
    (e,) = arguments
    if not _text(e):
        return e
    if isinstance(e, Literal) and e.value.is_valid and len(e.value.as_py()) == 10:
        return binder.coerce(e, t.DATE)
    return binder.coerce(binder.settle(e), t.TIMESTAMP)


def _timestamp_of(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """A DATE as a TIMESTAMP."""
    (e,) = arguments
    return Cast(e, t.TIMESTAMP, True, place) if e.type == t.DATE else e


def _as_given(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(result, argument): a DATE where the argument is one."""
    result, given = arguments
    return Cast(result, t.DATE, True, place) if given.type == t.DATE else result


def _date_plus(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(unit, count, time): a DATE plus whole days stays a DATE."""
    unit = _constant(binder, arguments[0], place)
    if unit not in _INTERVALS:
        raise UnsupportedError(f"{unit!r} is no unit that can be added", place, sql=binder.sql)
    count, when = arguments[1], _time_of(binder, [arguments[2]], place)
    if isinstance(count, Literal) and _text(count):
        text = count.value.as_py().strip()
        if not text.lstrip("+-").isdigit():
            raise UnsupportedError(f"{text!r} is no whole number of units", place, sql=binder.sql)
        count = literal(int(text), t.BIGINT, place)
    if not _number(count):
        raise BindError(f"the number of units can't be {count.type}", place, sql=binder.sql)
    added = binder.calls.call("+", [when, binder.calls.call(_INTERVALS[unit], [count], place)], place)
    return Cast(added, t.DATE, True, place) if when.type == t.DATE and unit in _DAY_UNITS else added


def _difference(
    dates: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None
) -> Expression:
    """`-`. Between dates: "days", an "interval", or refused."""
    a, b = arguments
    times = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")
    if a.type.kind in times and b.type.kind in times:
        if dates == "refused":
            raise UnsupportedError(
                "a date minus a date means something else in this dialect", place,
                hint="use its function for differences of dates", sql=binder.sql,
            )  # fmt: skip
        if dates == "interval" and a.type == b.type == t.DATE:
            return binder.calls.call("to_days", [binder.calls.call("-", arguments, place)], place)
    return binder.calls.call("-", arguments, place)


def _plus_or_concat(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """T-SQL's `+`: texts are put together."""
    texts = [_text(a) for a in arguments]
    if all(texts):
        return binder.calls.call("||", arguments, place)
    if any(texts):  # the text turns into the other's type
        other = next(a.type for a in arguments if not _text(a))
        arguments = [binder.coerce(binder.settle(a), other) if _text(a) else a for a in arguments]
    return binder.calls.call("+", arguments, place)


def _whole(rule: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """What is cast to an integer. cut: towards zero; away: halves away from zero; half: as ours.

    Of texts: "lenient" reads fractions, NULL for no number; "leading" takes the number in front.
    """
    (e,) = arguments
    call = binder.calls.call
    if _text(e) and "leading" in rule:
        return _leading_number(binder, e, place)
    if _text(e) and "lenient" in rule:
        return call("trunc", [Cast(binder.settle(e), t.decimal(38, 10), False, place)], place)
    if e.type.kind not in ("FLOAT", "DOUBLE", "DECIMAL") or "half" in rule:
        return e
    return call("round" if rule == "away" else "trunc", [e], place)


def _digits(
    otherwise: str, binder: ExpressionBinder, arguments: list[Expression], place: Position | None
) -> Expression:
    """A text that is cast to an integer must be one: '12.7' isn't."""
    (e,) = arguments
    if not _text(e):
        return e
    e = binder.settle(e)
    call = binder.calls.call
    fraction = call("regexp_matches", [e, literal(r"^\s*[-+]?[0-9]*[.eE][0-9]", t.VARCHAR)], place)
    if otherwise == "null":
        return binder.case([fraction], [literal(None, t.VARCHAR), e], place)
    error = call("error", [literal("a text with a fraction can't be cast to an integer", t.VARCHAR)], place)
    return binder.case([fraction], [error, e], place)


def _leading_number(binder: ExpressionBinder, e: Expression, place: Position | None) -> Expression:
    """CAST('12 apples' AS INTEGER) is 12, and of a text without a number 0."""
    call = binder.calls.call
    pattern = literal(r"^\s*([+-]?[0-9]+)", t.VARCHAR)
    digits = call("regexp_extract", [binder.settle(e), pattern, literal(1, t.INTEGER)], place)
    none = binder.compare("=", digits, literal("", t.VARCHAR), place)
    return Cast(binder.case([none], [literal("0", t.VARCHAR), digits], place), t.BIGINT, True, place)


def _round(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """round(): of halves, DOUBLE goes to the even neighbour, DECIMAL away from zero."""
    if _inexact(arguments[0]):
        digits = arguments[1] if len(arguments) > 1 else literal(0, t.INTEGER)
        return binder.calls.call("round_even", [arguments[0], digits], place)
    return binder.calls.special["round"](arguments, place)


def _numeric(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """CAST(x AS numeric), which has no bounds there: as many digits as we have."""
    (e,) = arguments
    if e.type.kind == "DECIMAL":
        return e
    if e.type.is_integer:
        return Cast(e, t.decimal(_DIGITS.get(e.type.kind, 19), 0), True, place)
    return Cast(binder.settle(e), t.decimal(38, 10), True, place)


def _mean(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(mean, one value): of integers it is one as well, the fraction cut off."""
    mean, value = arguments
    if not value.type.is_integer:
        return mean
    return Cast(binder.calls.call("trunc", [mean], place), value.type, True, place)


def _mean_scaled(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(mean, one value): of decimals it has their scale, rounded."""
    mean, value = arguments
    return Cast(mean, value.type, True, place) if value.type.kind == "DECIMAL" else mean


def _sum_type(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(sum, one value): PostgreSQL's sum of BIGINT is numeric, of smaller integers BIGINT. It shows in divisions."""
    total, value = arguments
    if not value.type.is_integer:
        return total
    big = value.type.kind in ("BIGINT", "HUGEINT", "UBIGINT")
    return Cast(total, t.decimal(38, 0) if big else t.BIGINT, True, place)


def _item_from_0(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """(list or document, index or name): documents count from 0 as well, lists from 1."""
    base, key = arguments
    call = binder.calls.call
    if base.type == t.JSON:
        return call("json_extract", [base, key], place)
    if base.type.kind == "MAP" or not key.type.is_integer:
        return call("map_extract_value" if base.type.kind == "MAP" else "array_extract", [base, key], place)
    below = binder.compare("<", key, literal(0, t.INTEGER), place)
    item = call("array_extract", [base, call("+", [key, literal(1, t.INTEGER)], place)], place)
    return binder.case([below], [literal(None, item.type), item], place)


def _isnt_text(binder: ExpressionBinder, arguments: list[Expression], place: Position | None) -> Expression:
    """A number or boolean as a number (the value that SUM and arithmetic take)."""
    (e,) = arguments
    return Cast(e, t.INTEGER, True, place) if e.type.kind == "BOOLEAN" else e


def _constant(binder: ExpressionBinder, e: Expression, place: Position | None) -> str:
    if not isinstance(e, Literal) or not e.value.is_valid:
        raise BindError("the unit must be written out", place, sql=binder.sql)
    return str(e.value.as_py()).lower()


_ZERO = ("error", "null", "infinite")

TYPED: Mapping[str, Typed] = MappingProxyType(
    {
        **{f"divide, {w} {z}": partial(_divide, w == "whole", z) for w in ("whole", "exact") for z in _ZERO},
        "divide, scaled": _divide_scaled,
        **{f"div, {z}": partial(_whole_quotient, z) for z in _ZERO},
        **{f"mod, {z}": partial(_remainder, z) for z in _ZERO},
        **{f"minus, {d}": partial(_difference, d) for d in ("days", "interval", "refused")},
        **{f"whole, {r}": partial(_whole, r) for r in ("cut", "cut, lenient", "away", "cut, leading", "half, leading")},
        **{f"digits, {o}": partial(_digits, o) for o in ("error", "null")},
        "time of": _time_of,
        "timestamp of": _timestamp_of,
        "as given": _as_given,
        "date plus": _date_plus,
        "plus or concat": _plus_or_concat,
        "round, even": _round,
        "numeric": _numeric,
        "whole mean": _mean,
        "mean, scaled": _mean_scaled,
        "sum type": _sum_type,
        "item from 0": _item_from_0,
        "number of": _isnt_text,
    }
)
