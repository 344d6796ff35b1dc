"""Which types turn into which without being asked: implicit casts, their cost, and common types.

The order follows DuckDB: numbers widen (integers, then decimals, then FLOAT, DOUBLE), dates become timestamps, and a
string *literal* becomes whatever is wanted. Text columns do not turn into numbers by themselves.
"""

from __future__ import annotations

from velothread.types import (
    BIGINT,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTEGER_WIDTHS,
    NULL,
    SMALLINT,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    decimal,
    list_of,
    map_of,
    struct_of,
)

# The type of a quoted string before something else is known: turns into any type.
STRING_LITERAL = SqlType("STRING_LITERAL")

_INTEGER_ORDER = (
    "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT",
)  # fmt: skip
_DIGITS = {
    "TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10, "BIGINT": 19,
    "UBIGINT": 20, "HUGEINT": 38,
}  # fmt: skip
_TEMPORAL_COST = {
    ("DATE", "TIMESTAMP"): 1,
    ("DATE", "TIMESTAMP_NS"): 2,
    ("DATE", "TIMESTAMPTZ"): 3,
    ("TIMESTAMP", "TIMESTAMP_NS"): 1,
    ("TIMESTAMP_NS", "TIMESTAMP"): 2,
    ("TIMESTAMP", "TIMESTAMPTZ"): 2,
    ("TIMESTAMP_NS", "TIMESTAMPTZ"): 3,
}


def integer_fits(source: SqlType, target: SqlType) -> bool:
    """Does every value of integer type `source` fit into integer type `target`?"""
    signed_s, bits_s = INTEGER_WIDTHS[source.kind]
    signed_t, bits_t = INTEGER_WIDTHS[target.kind]
    if signed_s == signed_t:
        return bits_s <= bits_t
    return signed_t and bits_s < bits_t


def as_decimal(t: SqlType) -> SqlType:
    """The DECIMAL that holds every value of an integer or decimal type."""
    return t if t.kind == "DECIMAL" else decimal(_DIGITS[t.kind], 0)


def implicit_cost(source: SqlType, target: SqlType) -> int | None:
    """How far an implicit cast goes (0: the same type, small: near), or None when it needs an explicit CAST."""
    if source == target:
        return 0
    if source == NULL:
        return 1
    if source == STRING_LITERAL:
        return 1 if target == VARCHAR else 20
    if source.is_integer:
        if target.is_integer:
            if not integer_fits(source, target):
                return None
            return _INTEGER_ORDER.index(target.kind) - _INTEGER_ORDER.index(source.kind)
        if target.kind == "DECIMAL":
            return 11 if target.precision - target.scale >= _DIGITS[source.kind] else None
        return {"DOUBLE": 12, "FLOAT": 13}.get(target.kind)
    if source.kind == "DECIMAL":
        if target.kind == "DECIMAL":
            wider = target.scale >= source.scale and target.precision - target.scale >= source.precision - source.scale
            return 2 if wider else None
        return {"DOUBLE": 12, "FLOAT": 13}.get(target.kind)
    if source.kind == "FLOAT":
        return 1 if target == DOUBLE else None
    if (source.kind, target.kind) in _TEMPORAL_COST:
        return _TEMPORAL_COST[source.kind, target.kind]
    if source.kind in ("JSON", "UUID") and target == VARCHAR:
        return 3
    if source.kind == "LIST" and target.kind == "LIST":
        return implicit_cost(source.element, target.element)  # type: ignore[arg-type]
    if source.kind == "STRUCT" and target.kind == "STRUCT" and len(source.fields) == len(target.fields):
        costs = [implicit_cost(s, t) for (_, s), (_, t) in zip(source.fields, target.fields, strict=True)]
        return None if None in costs else sum(c for c in costs if c is not None)
    if source.kind == "MAP" and target.kind == "MAP":
        key = implicit_cost(source.key, target.key)  # type: ignore[arg-type]
        value = implicit_cost(source.element, target.element)  # type: ignore[arg-type]
        return None if key is None or value is None else key + value
    return None


def common_type(a: SqlType, b: SqlType) -> SqlType | None:
    """The type of a column that holds values of both (CASE, COALESCE, UNION, comparisons), or None.

    As in DuckDB, text wins over what has no other common type only where one side is a literal: callers that allow
    text and numbers side by side (UNION, CASE) say so by casting to VARCHAR themselves.
    """
    if a == b:
        return a
    if a == NULL:
        return VARCHAR if b == STRING_LITERAL else b
    if b == NULL:
        return VARCHAR if a == STRING_LITERAL else a
    if STRING_LITERAL in (a, b):
        other = b if a == STRING_LITERAL else a
        return VARCHAR if other == STRING_LITERAL else other
    if a.is_integer and b.is_integer:
        return _common_integer(a, b)
    if a.is_numeric and b.is_numeric:
        if a.is_float or b.is_float:
            return DOUBLE if DOUBLE in (a, b) or (not (a.is_float and b.is_float) and _wide(a, b)) else SqlType("FLOAT")
        da, db = as_decimal(a), as_decimal(b)
        scale = max(da.scale, db.scale)
        return decimal(min(38, max(da.precision - da.scale, db.precision - db.scale) + scale), scale)
    if a.is_temporal and b.is_temporal:
        if implicit_cost(a, b) is not None and (a.kind, b.kind) != ("TIMESTAMP_NS", "TIMESTAMP"):
            return b
        return a if implicit_cost(b, a) is not None else None
    if a.kind == b.kind == "LIST":
        element = common_type(a.element, b.element)  # type: ignore[arg-type]
        return None if element is None else list_of(VARCHAR if element == STRING_LITERAL else element)
    if a.kind == b.kind == "STRUCT" and len(a.fields) == len(b.fields):
        fields = []
        for (name, x), (_, y) in zip(a.fields, b.fields, strict=True):
            field = common_type(x, y)
            if field is None:
                return None
            fields.append((name, field))
        return struct_of(tuple(fields))
    if a.kind == b.kind == "MAP":
        key, value = common_type(a.key, b.key), common_type(a.element, b.element)  # type: ignore[arg-type]
        return None if key is None or value is None else map_of(key, value)
    if {a.kind, b.kind} <= {"VARCHAR", "JSON", "UUID"}:
        return VARCHAR
    return None


def _wide(a: SqlType, b: SqlType) -> bool:
    """FLOAT beside an integer or decimal stays FLOAT in DuckDB."""
    return not (a.kind == "FLOAT" or b.kind == "FLOAT")


def _common_integer(a: SqlType, b: SqlType) -> SqlType:
    for t in (a, b):
        other = b if t is a else a
        if integer_fits(other, t):
            return t
    bits = max(INTEGER_WIDTHS[a.kind][1], INTEGER_WIDTHS[b.kind][1])
    return {8: SMALLINT, 16: INTEGER, 32: BIGINT}.get(bits, HUGEINT)


__all__ = [
    "BIGINT",
    "INTEGER",
    "STRING_LITERAL",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "as_decimal",
    "common_type",
    "implicit_cost",
    "integer_fits",
]
