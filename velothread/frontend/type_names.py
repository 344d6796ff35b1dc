"""Type names in SQL -> `SqlType`."""

from __future__ import annotations

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, UnsupportedError, did_you_mean
from velothread.frontend.parse import position
from velothread.types import SqlType

_BY_NAME: dict[str, SqlType] = {
    "BOOLEAN": t.BOOLEAN, "BOOL": t.BOOLEAN, "LOGICAL": t.BOOLEAN,
    "TINYINT": t.TINYINT, "INT1": t.TINYINT, "SMALLINT": t.SMALLINT, "INT2": t.SMALLINT, "SHORT": t.SMALLINT,
    "INT": t.INTEGER, "INTEGER": t.INTEGER, "INT4": t.INTEGER, "SIGNED": t.INTEGER,
    "BIGINT": t.BIGINT, "INT8": t.BIGINT, "LONG": t.BIGINT, "INT128": t.HUGEINT, "HUGEINT": t.HUGEINT,
    "UHUGEINT": t.HUGEINT, "UINT128": t.HUGEINT,
    "UTINYINT": t.UTINYINT, "UINT8": t.UTINYINT, "USMALLINT": t.USMALLINT, "UINT16": t.USMALLINT,
    "UINTEGER": t.UINTEGER, "UINT": t.UINTEGER, "UINT32": t.UINTEGER, "UBIGINT": t.UBIGINT, "UINT64": t.UBIGINT,
    "FLOAT": t.FLOAT, "REAL": t.FLOAT, "FLOAT4": t.FLOAT, "DOUBLE": t.DOUBLE, "FLOAT8": t.DOUBLE,
    "VARCHAR": t.VARCHAR, "TEXT": t.VARCHAR, "STRING": t.VARCHAR, "CHAR": t.VARCHAR, "BPCHAR": t.VARCHAR,
    "NVARCHAR": t.VARCHAR, "NCHAR": t.VARCHAR, "NAME": t.VARCHAR,
    "BLOB": t.BLOB, "BYTEA": t.BLOB, "BINARY": t.BLOB, "VARBINARY": t.BLOB,
    "DATE": t.DATE, "TIME": t.TIME, "TIMESTAMP": t.TIMESTAMP, "DATETIME": t.TIMESTAMP, "TIMESTAMPNTZ": t.TIMESTAMP,
    "TIMESTAMP_US": t.TIMESTAMP, "TIMESTAMP_S": t.TIMESTAMP, "TIMESTAMP_MS": t.TIMESTAMP,
    "TIMESTAMP_NS": t.TIMESTAMP_NS, "TIMESTAMPTZ": t.TIMESTAMPTZ, "TIMESTAMPLTZ": t.TIMESTAMPTZ,
    "INTERVAL": t.INTERVAL, "UUID": t.UUID, "JSON": t.JSON,
}  # fmt: skip


def bind_type(node: exp.Expr, sql: str) -> SqlType:
    """A sqlglot DataType -> SqlType.

    :raises UnsupportedError: for types that we don't have; the near names are listed.
    """
    kind = node.this
    name = (
        (kind.value if isinstance(kind, exp.DType) else str(kind)).upper()
        if not isinstance(node, exp.Identifier)
        else ""
    )
    if isinstance(node, exp.Interval) or isinstance(kind, exp.Interval):
        return t.INTERVAL
    arguments = node.expressions
    if name in ("DECIMAL", "NUMERIC", "DEC"):
        numbers = [int(a.name or a.this.name) for a in arguments]
        precision, scale = (numbers + [0])[:2] if numbers else (18, 3)
        if not 1 <= precision <= 38 or not 0 <= scale <= precision:
            raise BindError(f"DECIMAL({precision},{scale}): width 1 to 38, scale 0 to width", position(node), sql=sql)
        return t.decimal(precision, scale)
    if name in ("ARRAY", "LIST"):
        element, sizes = bind_type(arguments[0], sql), node.args.get("values")
        if not sizes:
            return t.list_of(element)
        size = int(sizes[0].name)
        if not 1 <= size <= 100_000:
            raise BindError(f"an array has 1 to 100000 items, not {size}", position(node), sql=sql)
        return t.array_of(element, size)
    if name == "STRUCT":
        fields = []
        for field in arguments:
            type_node = field.args.get("kind") or field.expression
            fields.append((field.name, bind_type(type_node, sql)))
        return t.struct_of(tuple(fields))
    if name == "MAP":
        return t.map_of(bind_type(arguments[0], sql), bind_type(arguments[1], sql))
    if kind == exp.DType.USERDEFINED:
        name = str(node.args.get("kind") or "").upper()
    found = _BY_NAME.get(name)
    if found is None:
        raise UnsupportedError(
            f"type {name or node.sql()} is not supported",
            position(node),
            hint=did_you_mean(name, _BY_NAME),
            sql=sql,
        )
    return found


def type_from_text(text: str) -> SqlType:
    """`'DECIMAL(10,2)'`, `'INT[]'` ... as users write types in options.

    :raises BindError, UnsupportedError: when it is not a type.
    """
    import sqlglot

    from velothread.frontend.dialect import Velothread

    try:
        node = exp.DataType.build(text, dialect=Velothread, udt=True)
    except sqlglot.errors.SqlglotError:
        raise BindError(f"{text!r} is not a type", hint=did_you_mean(text, _BY_NAME)) from None
    return bind_type(node, text)
