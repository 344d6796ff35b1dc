"""Calls of scalar functions as the engine makes them, without the engine: resolve, cast, call the kernel."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.coercion import STRING_LITERAL
from velothread.kernels.function import Value, resolve
from velothread.kernels.functions import SCALARS
from velothread.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    NULL,
    TIMESTAMP,
    TINYINT,
    VARCHAR,
    SqlType,
    decimal,
    from_arrow,
    list_of,
)

Typed = tuple[Value, SqlType]


def call(name: str, *arguments: Typed) -> Typed:
    """The result of function `name`, with its type, checked against the type that the table promises."""
    types = [t for _, t in arguments]
    found = resolve(SCALARS[name.lower()], types)
    assert found is not None, f"no {name}({', '.join(map(str, types))})"
    values = [cast(v, t) for (v, _), t in zip(arguments, found.parameters, strict=True)]
    rows = {"rows": 1} if found.function.volatile else {}
    result = found.function.kernel(*values, **rows)
    assert result.type == found.returns.arrow, f"{name}: {result.type} is not {found.returns}"
    whole = any(isinstance(v, pa.Array) for v in values) or found.function.volatile
    assert isinstance(result, pa.Array if whole else pa.Scalar), f"{name}: a result of the wrong shape"
    return result, found.returns


def values(name: str, *arguments: Any) -> Any:
    """The Python value(s) of a call with Python values: a list is a column, all else a constant."""
    return call(name, *[typed(a) for a in arguments])[0]


def typed(value: Any) -> Typed:
    """An Arrow value and its SQL type from a Python value, an Arrow one, or such a pair."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, list):
        value = pa.array(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return pa.scalar(value, pa.int32()), INTEGER
    if not isinstance(value, pa.Array | pa.Scalar):
        value = pa.scalar(value)
    return value, from_arrow(value.type)


def cast(value: Value, target: SqlType) -> Value:
    """`value` in the Arrow type of `target`."""
    if value.type == target.arrow:
        return value
    if target == VARCHAR and not pa.types.is_string(value.type) and isinstance(value, pa.Scalar):
        return pa.scalar(None if not value.is_valid else shown(value.as_py()), pa.string())
    if isinstance(value, pa.Scalar) and not value.is_valid:
        return pa.scalar(None, target.arrow)
    if pa.types.is_integer(value.type) and pa.types.is_decimal(target.arrow):
        return pc.cast(pc.cast(value, pa.decimal128(20, 0)), target.arrow)
    return pc.cast(value, target.arrow)


def shown(value: Any, inside: bool = False) -> str:
    """A Python value as SQL shows it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02X}" for b in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{k}': {shown(v, True)}" for k, v in value.items()) + "}"
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return "{" + ", ".join(f"{shown(k)}={shown(v)}" for k, v in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(v, True) for v in value) + "]"
    if inside and value == "":
        return "''"
    return str(value)


# Just enough SQL for the examples of the tables: calls, literals, lists, casts, minus.
_TOKEN = re.compile(r"\s*(?:(\d+\.\d+|\d+)|'((?:[^']|'')*)'|([A-Za-z_^@][\w@]*)|(::|:=|.))")
_TYPES = {
    "DOUBLE": DOUBLE, "FLOAT": FLOAT, "BLOB": BLOB, "INTEGER": INTEGER, "INT": INTEGER, "BIGINT": BIGINT,
    "HUGEINT": HUGEINT, "VARCHAR": VARCHAR, "TINYINT": TINYINT, "DATE": DATE, "TIMESTAMP": TIMESTAMP,
}  # fmt: skip


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [m.groups() for m in _TOKEN.finditer(text)]
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at][3] if self.at < len(self.tokens) else None

    def accept(self, sign: str) -> bool:
        if self.peek() == sign:
            self.at += 1
            return True
        return False

    def value(self) -> Typed:
        found = self.atom()
        while self.accept("::"):
            target = _TYPES[self.tokens[self.at][2].upper()]
            self.at += 1
            while self.accept("["):
                self.at += 1
                target = list_of(target)
            found = cast(found[0], target), target
        return found

    def items(self, close: str) -> list[Typed]:
        found: list[Typed] = []
        while not self.accept(close):
            found.append(self.value())
            self.accept(",")
        return found

    def atom(self) -> Typed:
        number, text, name, sign = self.tokens[self.at]
        self.at += 1
        if number is not None:
            return _number(number)
        if text is not None:
            return pa.scalar(text.replace("''", "'")), STRING_LITERAL
        if sign == "-":
            number = self.tokens[self.at][0]
            self.at += 1
            return _number("-" + number)
        if sign == "[":
            return call("list_value", *self.items("]"))
        assert name is not None, (number, text, name, sign)
        if self.accept("("):
            return call(name, *self.items(")"))
        if name.upper() == "NULL":
            return pa.scalar(None), NULL
        if name.upper() in ("DATE", "TIMESTAMP"):
            target = _TYPES[name.upper()]
            return cast(self.atom()[0], target), target
        return pa.scalar({"true": True, "false": False}[name.lower()]), BOOLEAN


def _number(text: str) -> Typed:
    if "." in text:
        from decimal import Decimal

        digits = text.lstrip("-")
        scale = len(digits.split(".")[1])
        t = decimal(len(digits.replace(".", "").lstrip("0")) or 1, scale)
        t = decimal(max(t.precision, scale), scale)
        return pa.scalar(Decimal(text), t.arrow), t
    t = INTEGER if abs(int(text)) < 2**31 else BIGINT
    return pa.scalar(int(text), t.arrow), t


def evaluate(example: str) -> Typed:
    """The result of an example such as `upper('ab')`."""
    return _Reader(example).value()
