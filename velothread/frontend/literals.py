"""Constants as they are written: numbers, texts, TRUE, NULL, INTERVAL. One function a node class, in `LITERALS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL
from velothread.errors import Position
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import Expression, Literal, literal

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder

_INTERVAL_UNITS = {
    "century": "centuries", "millennium": "millennia", "centuries": "centuries", "millennia": "millennia",
    "sec": "seconds", "secs": "seconds", "s": "seconds", "min": "minutes", "mins": "minutes", "m": "minutes",
    "hr": "hours", "hrs": "hours", "h": "hours", "d": "days", "w": "weeks", "mon": "months", "mons": "months",
    "y": "years", "yr": "years", "yrs": "years", "ms": "milliseconds", "us": "microseconds",
}  # fmt: skip


def number(text: str, place: Position | None) -> Literal:
    """A numeric literal: the smallest of INTEGER, BIGINT, HUGEINT; DECIMAL with a point; else DOUBLE."""
    digits = text.replace("_", "")
    if re.fullmatch(r"-?\d+", digits):
        value = int(digits)
        for type_, bits in ((t.INTEGER, 31), (t.BIGINT, 63)):
            if -(1 << bits) <= value < 1 << bits:
                return literal(value, type_, place)
        if abs(value) < 10**38:
            return literal(Decimal(value), t.HUGEINT, place)
    elif re.fullmatch(r"-?(\d+\.\d*|\.\d+)", digits):
        value_ = Decimal(digits)
        scale = max(0, -value_.as_tuple().exponent)  # type: ignore[operator]
        precision = max(len(digits.lstrip("-").replace(".", "")), 1)  # 0.1 has two digits, as in DuckDB
        if precision <= 38:
            return literal(value_, t.decimal(precision, scale), place)
    return literal(float(digits), t.DOUBLE, place)


def _literal(binder: ExpressionBinder, node: exp.Literal, scope: Scope) -> Expression:
    place = position(node)
    if node.is_string:
        return Literal(pa.scalar(node.this), STRING_LITERAL, node.this, place)
    return number(node.this, place)


def _text(binder: ExpressionBinder, node: exp.Expr, scope: Scope) -> Expression:
    return Literal(pa.scalar(str(node.this)), STRING_LITERAL, str(node.this), position(node))


def _hexadecimal(binder: ExpressionBinder, node: exp.HexString, scope: Scope) -> Expression:
    if node.args.get("is_integer") is False:  # x'41'
        return literal(bytes.fromhex(str(node.this)), t.BLOB, position(node))
    return number(str(int(str(node.this), 16)), position(node))


def _boolean(binder: ExpressionBinder, node: exp.Boolean, scope: Scope) -> Expression:
    return literal(bool(node.this), t.BOOLEAN, position(node))


def _null(binder: ExpressionBinder, node: exp.Null, scope: Scope) -> Expression:
    return literal(None, t.NULL, position(node))


def _interval(binder: ExpressionBinder, node: exp.Interval, scope: Scope) -> Expression:
    unit, place = node.args.get("unit"), position(node)
    count = binder.bind(node.this, scope)
    if unit is None:
        return binder.coerce(count, t.INTERVAL)
    name = _INTERVAL_UNITS.get(unit.name.lower(), unit.name.lower().removesuffix("s") + "s")
    if count.type == STRING_LITERAL or not count.type.is_integer:
        count = binder.coerce(count, t.DOUBLE)
        if name not in ("seconds", "milliseconds"):  # these two have fractions
            wanted = t.BIGINT if name in ("hours", "minutes", "microseconds") else t.INTEGER
            count = binder.coerce(binder.calls.call("trunc", [count], place), wanted)
    return binder.calls.call("to_" + name, [count], place)


LITERALS: Mapping[type[exp.Expr], Callable[[ExpressionBinder, Any, Scope], Expression]] = MappingProxyType(
    {
        exp.Literal: _literal,
        exp.RawString: _text,
        exp.National: _text,
        exp.ByteString: _text,
        exp.UnicodeString: _text,
        exp.HexString: _hexadecimal,
        exp.Boolean: _boolean,
        exp.Null: _null,
        exp.Interval: _interval,
    }
)
