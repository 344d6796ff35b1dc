"""Parameters of a statement: `?`, `$1`, `$name` become constants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL
from velothread.errors import BindError, did_you_mean
from velothread.frontend.parse import position
from velothread.plan.expressions import Expression, Literal, literal
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder


def bind_parameter(binder: ExpressionBinder, node: exp.Expr) -> Expression:
    """The constant for a placeholder.

    :raises BindError: when no value was given for it.
    """
    place = position(node)
    name = parameter_name(node)
    given = binder.parameters
    if given is None:
        what = f"${name}" if name else "?"
        raise BindError(f"no value was given for parameter {what}", place, hint=_how(name), sql=binder.sql)
    if isinstance(given, Mapping):
        if name not in given:
            hint = did_you_mean(name, given) or f"given: {', '.join(map(str, given)) or 'none'}"
            raise BindError(f"no value was given for parameter ${name}", place, hint=hint, sql=binder.sql)
        binder.used_names.add(name)
        return constant(given[name], place)
    if name and not name.isdigit():
        raise BindError(f"parameter ${name} has a name, but the values have none", place, sql=binder.sql)
    index = (int(name) if name else int(node.meta.get("number", 1))) - 1
    binder.used_parameters = max(binder.used_parameters, index + 1)
    if not 0 <= index < len(given):
        raise BindError(f"parameter {index + 1} has no value: {len(given)} given", place, sql=binder.sql)
    return constant(given[index], place)


def parameter_name(node: exp.Expr) -> str:
    """`limit` of `$limit`, `1` of `$1`; empty for `?`."""
    return str(node.this.name if isinstance(node.this, exp.Expr) else node.this or "")


def refuse_surplus(binder: ExpressionBinder) -> None:
    """Refuse values that no placeholder of a statement takes.

    :raises BindError: when there are any.
    """
    given, used = binder.parameters, binder.used_parameters
    if given is None:
        return
    if isinstance(given, Mapping):
        _refuse_surplus_names([str(name) for name in given if name not in binder.used_names], binder)
        return
    if len(given) <= used:
        return
    values = f"{len(given)} parameter value{'s were' if len(given) != 1 else ' was'} given"
    hint = "write ? or $1 in the SQL where a value should stand" if not used else None
    raise BindError(f"{values}, but the statement takes {used or 'none'}", hint=hint, sql=binder.sql)


def _refuse_surplus_names(surplus: list[str], binder: ExpressionBinder) -> None:
    if not surplus:
        return
    names = ", ".join(f"${name}" for name in surplus)
    taken = ", ".join(f"${name}" for name in sorted(binder.used_names))
    hint = f"it takes {taken}" if taken else f"write ${surplus[0]} in the SQL where the value should stand"
    what = f"parameter {names} is" if len(surplus) == 1 else f"parameters {names} are"
    raise BindError(f"{what} not in the statement", hint=hint, sql=binder.sql)


def _how(name: str) -> str:
    example = f"parameters={{'{name}': ...}}" if name and not name.isdigit() else "parameters=[...]"
    value = f"{name}=VALUE" if name and not name.isdigit() else "VALUE"
    return f"give one with --param {value}, in Python with session.query(sql, {example})"


def constant(value: Any, place: Any = None) -> Literal:
    """A Python value as a literal of the type that SQL has for it."""
    if isinstance(value, str):
        import pyarrow as pa

        return Literal(pa.scalar(value), STRING_LITERAL, value, place)
    return literal(value, type_of(value), place)


def type_of(value: Any) -> SqlType:
    """The SQL type of a Python value.

    :raises BindError: when there is none.
    """
    if value is None:
        return t.NULL
    if isinstance(value, bool):
        return t.BOOLEAN
    if isinstance(value, int):
        return t.INTEGER if -(1 << 31) <= value < 1 << 31 else t.BIGINT if -(1 << 63) <= value < 1 << 63 else t.HUGEINT
    simple = {
        float: t.DOUBLE,
        str: t.VARCHAR,
        bytes: t.BLOB,
        dt.date: t.DATE,
        dt.time: t.TIME,
        dt.timedelta: t.INTERVAL,
    }
    found = simple.get(type(value))
    if found is not None:
        return found
    if isinstance(value, dt.datetime):
        return t.TIMESTAMP if value.tzinfo is None else t.TIMESTAMPTZ
    if isinstance(value, Decimal):
        _, digits, exponent = value.as_tuple()
        scale = max(0, -int(exponent))
        return t.decimal(max(len(digits), scale, 1), scale)
    if isinstance(value, (list, tuple)):
        return t.list_of(type_of(value[0]) if value else t.NULL)
    raise BindError(f"a parameter of type {type(value).__name__} has no SQL type")
