"""Which types turn into which without being asked: implicit casts, their cost, and common types.

The order follows DuckDB: numbers widen (integers, then decimals, then FLOAT, DOUBLE), dates become timestamps, and a
string *literal* becomes whatever is wanted. Text columns do not turn into numbers by themselves.
"""

from __future__ import annotations

from velothread.types import (
    BIGINT,
    BOOLEAN,
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
    array_of,
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
    if source == BOOLEAN and target.is_integer:
        return 25  # where both stand side by side: [true, 1]
    if source.kind == "FLOAT":
        return 1 if target == DOUBLE else None
    if (source.kind, target.kind) in _TEMPORAL_COST:
        return _TEMPORAL_COST[source.kind, target.kind]
    if source.kind in ("JSON", "UUID") and target == VARCHAR:
        return 3
    if source.kind == "LIST" and target.kind == "LIST":
        cost = implicit_cost(source.element, target.element)  # type: ignore[arg-type]
        if cost is None or source.size == target.size:
            return cost
        return None if target.size else cost + 1
    if source.kind == "STRUCT" and target.kind == "STRUCT":
        return _struct_cost(source, target)
    if source.kind == "MAP" and target.kind == "MAP":
        key = implicit_cost(source.key, target.key)  # type: ignore[arg-type]
        value = implicit_cost(source.element, target.element)  # type: ignore[arg-type]
        return None if key is None or value is None else key + value
    return None


def _same_names(a: SqlType, b: SqlType) -> bool:
    """Do the fields correspond by position?"""
    if len(a.fields) != len(b.fields):
        return False
    named = zip(a.fields, b.fields, strict=True)
    return a.is_tuple or b.is_tuple or all(x.lower() == y.lower() for (x, _), (y, _) in named)


def _struct_cost(source: SqlType, target: SqlType) -> int | None:
    have = {n.lower(): t for n, t in source.fields}
    if _same_names(source, target):
        pairs = [(s, t) for (_, s), (_, t) in zip(source.fields, target.fields, strict=True)]
    elif have.keys() <= {n.lower() for n, _ in target.fields}:
        pairs = [(have[n.lower()], t) for n, t in target.fields if n.lower() in have]
    else:
        return None
    costs = [implicit_cost(s, t) for s, t in pairs]
    return None if None in costs else sum(c for c in costs if c is not None)


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
        if element is None:
            return None
        element = VARCHAR if element == STRING_LITERAL else element
        return array_of(element, a.size) if a.size == b.size else list_of(element)
    if a.kind == b.kind == "STRUCT":
        return _common_struct(a, b)
    if a.kind == b.kind == "MAP":
        key, value = common_type(a.key, b.key), common_type(a.element, b.element)  # type: ignore[arg-type]
        return None if key is None or value is None else map_of(key, value)
    if "JSON" in (a.kind, b.kind) and (a.is_numeric or b.is_numeric or BOOLEAN in (a, b)):
        return b if a.kind == "JSON" else a
    if {a.kind, b.kind} <= {"VARCHAR", "JSON", "UUID"}:
        return VARCHAR
    if BOOLEAN in (a, b) and (a.is_integer or b.is_integer):
        return b if a == BOOLEAN else a
    return None


def _common_struct(a: SqlType, b: SqlType) -> SqlType | None:
    """By position where one has no names or all names are the same; else the fields of both, by name."""
    if _same_names(a, b):
        names = b.fields if a.is_tuple else a.fields
        pairs = [(n, x, y) for (n, _), (_, x), (_, y) in zip(names, a.fields, b.fields, strict=True)]
    elif a.is_tuple or b.is_tuple:
        return None
    else:
        left, right = ({n.lower(): t for n, t in s.fields} for s in (a, b))
        pairs = [(n, t, right.get(n.lower(), t)) for n, t in a.fields]
        pairs += [(n, t, t) for n, t in b.fields if n.lower() not in left]
    # fields that have nothing else in common meet in text
    found = [(n, common_type(x, y) or (VARCHAR if VARCHAR in (x, y) else None)) for n, x, y in pairs]
    return struct_of(tuple((n, t) for n, t in found if t is not None)) if all(t for _, t in found) else None


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
