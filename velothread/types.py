"""SQL types, and how each is held in Arrow.

A `SqlType` is DuckDB's notion of a type; `SqlType.arrow` is the one Arrow type that represents it inside the engine
("canonical"). Sources may bring other Arrow types (large strings, dictionaries, other time units); `from_arrow` says
which SQL type they are, and `canonical` casts arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SqlType:
    """One SQL type. `kind` is DuckDB's name (an ARRAY is a LIST of a size); the other fields belong to some kinds."""

    kind: str
    precision: int = 0
    scale: int = 0
    element: SqlType | None = None  # LIST: the item; MAP: the value
    key: SqlType | None = None  # MAP
    fields: tuple[tuple[str, SqlType], ...] = ()  # STRUCT
    size: int = 0  # LIST: an ARRAY of so many items each; 0: any number

    def __str__(self) -> str:
        if self.kind == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.kind == "LIST":
            return f"{self.element}[{self.size or ''}]"
        if self.kind == "MAP":
            return f"MAP({self.key}, {self.element})"
        if self.is_tuple:
            return f"TUPLE({', '.join(str(f) for _, f in self.fields)})"
        if self.kind == "STRUCT":
            return (
                "STRUCT("
                + ", ".join(f'"{n}" {t}' if not n.isidentifier() else f"{n} {t}" for n, t in self.fields)
                + ")"
            )
        if self.kind == "TIMESTAMPTZ":
            return "TIMESTAMP WITH TIME ZONE"
        return '"NULL"' if self.kind == "NULL" else self.kind

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type that holds this type inside the engine."""
        return _arrow(self)

    @property
    def is_integer(self) -> bool:
        return self.kind in INTEGER_WIDTHS

    @property
    def is_float(self) -> bool:
        return self.kind in ("FLOAT", "DOUBLE")

    @property
    def is_numeric(self) -> bool:
        return self.is_integer or self.is_float or self.kind == "DECIMAL"

    @property
    def is_temporal(self) -> bool:
        return self.kind in ("DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS")

    @property
    def is_nested(self) -> bool:
        return self.kind in ("LIST", "STRUCT", "MAP")

    @property
    def is_tuple(self) -> bool:
        """A struct without names, as row(1, 2) makes it: its fields are called element_1, element_2, ..."""
        return bool(self.fields) and all(n == f"element_{i}" for i, (n, _) in enumerate(self.fields, 1))


NULL = SqlType("NULL")
BOOLEAN = SqlType("BOOLEAN")
TINYINT = SqlType("TINYINT")
SMALLINT = SqlType("SMALLINT")
INTEGER = SqlType("INTEGER")
BIGINT = SqlType("BIGINT")
HUGEINT = SqlType("HUGEINT")
UTINYINT = SqlType("UTINYINT")
USMALLINT = SqlType("USMALLINT")
UINTEGER = SqlType("UINTEGER")
UBIGINT = SqlType("UBIGINT")
FLOAT = SqlType("FLOAT")
DOUBLE = SqlType("DOUBLE")
VARCHAR = SqlType("VARCHAR")
BLOB = SqlType("BLOB")
DATE = SqlType("DATE")
TIME = SqlType("TIME")
TIMESTAMP = SqlType("TIMESTAMP")
TIMESTAMP_NS = SqlType("TIMESTAMP_NS")
TIMESTAMPTZ = SqlType("TIMESTAMPTZ")
INTERVAL = SqlType("INTERVAL")
UUID = SqlType("UUID")
JSON = SqlType("JSON")

# Integer kinds -> (signed, bits); HUGEINT is held as decimal128(38, 0).
INTEGER_WIDTHS = {
    "TINYINT": (True, 8),
    "SMALLINT": (True, 16),
    "INTEGER": (True, 32),
    "BIGINT": (True, 64),
    "HUGEINT": (True, 128),
    "UTINYINT": (False, 8),
    "USMALLINT": (False, 16),
    "UINTEGER": (False, 32),
    "UBIGINT": (False, 64),
}


def decimal(precision: int, scale: int) -> SqlType:
    """DECIMAL(precision, scale); precision 1 to 38."""
    return SqlType("DECIMAL", precision=precision, scale=scale)


def list_of(element: SqlType) -> SqlType:
    """element[]."""
    return SqlType("LIST", element=element)


def array_of(element: SqlType, size: int) -> SqlType:
    """element[size]: lists that all have so many items."""
    return SqlType("LIST", element=element, size=size)


def struct_of(fields: tuple[tuple[str, SqlType], ...]) -> SqlType:
    """STRUCT(name type, ...)."""
    return SqlType("STRUCT", fields=fields)


def map_of(key: SqlType, value: SqlType) -> SqlType:
    """MAP(key, value)."""
    return SqlType("MAP", key=key, element=value)


@lru_cache(maxsize=256)
def _arrow(t: SqlType) -> pa.DataType:
    simple = _ARROW.get(t.kind)
    if simple is not None:
        return simple
    if t.kind == "DECIMAL":
        return pa.decimal128(t.precision, t.scale)
    if t.kind == "LIST" and t.element is not None:
        return pa.list_(t.element.arrow)
    if t.kind == "STRUCT":
        return pa.struct([pa.field(n, f.arrow) for n, f in t.fields])
    if t.kind == "MAP" and t.key is not None and t.element is not None:
        # Arrow wants keys that are not NULL: those of an empty map without a type have to be something else
        return pa.map_(pa.int32() if t.key.kind == "NULL" else t.key.arrow, t.element.arrow)
    raise ValueError(f"no Arrow type for {t.kind}")


_ARROW = {
    "NULL": pa.null(),
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "HUGEINT": pa.decimal128(38, 0),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "STRING_LITERAL": pa.string(),
    "JSON": pa.string(),
    "UUID": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
}
_FROM_ARROW = {
    a: SqlType(k)
    for k, a in _ARROW.items()
    if k not in ("STRING_LITERAL", "HUGEINT", "JSON", "UUID", "TIMESTAMP_NS", "TIMESTAMPTZ")
}


def from_arrow(t: pa.DataType) -> SqlType:
    """The SQL type of an Arrow type that a source brings.

    :raises ValueError: when SQL has no such type (unions, run-end-encoded of those, ...).
    """
    simple = _FROM_ARROW.get(t)
    if simple is not None:
        return simple
    is_ = pa.types
    if isinstance(t, pa.BaseExtensionType):
        if t.extension_name == "arrow.uuid":
            return UUID
        return JSON if t.extension_name == "arrow.json" else from_arrow(t.storage_type)
    if is_.is_dictionary(t) or is_.is_run_end_encoded(t):
        return from_arrow(t.value_type)
    if is_.is_string(t) or is_.is_large_string(t) or is_.is_string_view(t):
        return VARCHAR
    if is_.is_binary(t) or is_.is_large_binary(t) or is_.is_binary_view(t) or is_.is_fixed_size_binary(t):
        return BLOB
    if is_.is_decimal(t):
        return decimal(min(t.precision, 38), t.scale)
    if is_.is_date(t):
        return DATE
    if is_.is_time(t):
        return TIME
    if is_.is_timestamp(t):
        if t.tz is not None:
            return TIMESTAMPTZ
        return TIMESTAMP_NS if t.unit == "ns" else TIMESTAMP
    if is_.is_duration(t) or is_.is_interval(t):
        return INTERVAL
    if is_.is_float16(t):
        return FLOAT
    if is_.is_map(t):
        return map_of(from_arrow(t.key_type), from_arrow(t.item_type))
    if (
        is_.is_list(t)
        or is_.is_large_list(t)
        or is_.is_fixed_size_list(t)
        or is_.is_list_view(t)
        or is_.is_large_list_view(t)
    ):
        return list_of(from_arrow(t.value_type))
    if is_.is_struct(t):
        return struct_of(tuple((f.name, from_arrow(f.type)) for f in t))
    raise ValueError(f"columns of Arrow type {t} are not supported")
