"""Which SQL type a column of text has, and types written as text.

The choice is DuckDB's: BOOLEAN, BIGINT, HUGEINT, DOUBLE, TIME, DATE, TIMESTAMP, TIMESTAMPTZ, else VARCHAR. Numbers with
a leading zero or plus sign are codes (phone, postal), not numbers; a column without any value is VARCHAR.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from velothread import types as t
from velothread.errors import OptionError, did_you_mean
from velothread.sources import csv_convert
from velothread.sources.plain_numbers import plain_numbers
from velothread.types import SqlType

_DATE = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
_TIME = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_ZONE = r" ?(Z|[+-]\d{2}(:?\d{2})?)"
# Tried in this order; each with the pattern that every value must match.
_PATTERNS: tuple[tuple[SqlType, str], ...] = (
    (t.BOOLEAN, r"(?i)^(true|false|t|f|yes|no)$"),
    (t.BIGINT, r"^ *-?(0|[1-9]\d*) *$"),
    (t.DOUBLE, r"^ *-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)? *$|^ *(?i:-?inf(inity)?|nan) *$"),
    (t.TIME, f"^{_TIME}$"),
    (t.DATE, f"^{_DATE}$"),
    (t.TIMESTAMP, f"^{_DATE}[ T]{_TIME}$"),
    (t.TIMESTAMPTZ, f"^{_DATE}[ T]{_TIME}{_ZONE}$"),
)
_OTHER_DATES = (
    (r"^\d{1,2}/\d{1,2}/\d{4}$", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"^\d{1,2}-\d{1,2}-\d{4}$", ("%d-%m-%Y", "%m-%d-%Y")),
)
_COMMA_DOUBLE = r"^ *-?((0|[1-9]\d*)(,\d*)?|,\d+)([eE][+-]?\d+)? *$"


@dataclass(frozen=True, slots=True)
class Detected:
    """A type, and the strptime format of its text where it is not ISO 8601.

    odd: Arrow's CSV reader doesn't take the text as it is, `csv_convert` does.
    """

    type: SqlType
    format: str | None = None
    odd: bool = False


def detect(
    values: pa.Array, *, decimal: str = ".", date_format: str | None = None, timestamp_format: str | None = None
) -> Detected:
    """The narrowest type that all values of a string array (NULLs aside) have; VARCHAR when there are none."""
    values = pc.drop_null(values)
    if not len(values):
        return Detected(t.VARCHAR)
    first = values[0].as_py()
    for kind, fmt in ((t.DATE, date_format), (t.TIMESTAMP, timestamp_format)):
        if fmt is not None and csv_convert.fits(values, kind, fmt, decimal):
            return Detected(kind, fmt, odd=True)
    plain = plain_numbers(values) if decimal == "." else None
    if plain is not None:
        return Detected(plain)
    for kind, pattern in _PATTERNS:
        if kind == t.DOUBLE and decimal == ",":
            pattern = _COMMA_DOUBLE
        # One value rules most types out; the rest of the sample is looked at for those that remain.
        if re.search(pattern, first) is None or not _all_match(values, pattern):
            continue
        if kind == t.BIGINT:
            return Detected(_integer(values))
        if csv_convert.fits(values, kind, None, decimal):
            return Detected(kind, odd=not csv_convert.reads_directly(values, kind))
    for pattern, formats in _OTHER_DATES if date_format is None else ():
        if re.search(pattern, first) is not None and _all_match(values, pattern):
            for fmt in formats:
                if csv_convert.fits(values, t.DATE, fmt, decimal):
                    return Detected(t.DATE, fmt, odd=True)
    return Detected(t.VARCHAR)


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _integer(values: pa.Array) -> SqlType:
    for kind in (t.BIGINT, t.HUGEINT):
        if csv_convert.fits(values, kind, None, "."):
            return kind
    return t.DOUBLE


_ALIASES = {
    "INT": "INTEGER", "INT4": "INTEGER", "SIGNED": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT",
    "INT2": "SMALLINT", "SHORT": "SMALLINT", "INT1": "TINYINT", "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN",
    "TEXT": "VARCHAR", "STRING": "VARCHAR", "CHAR": "VARCHAR", "BPCHAR": "VARCHAR", "REAL": "FLOAT",
    "FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "DOUBLE PRECISION": "DOUBLE", "DATETIME": "TIMESTAMP",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "NUMERIC": "DECIMAL",
    "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB", "INT16": "SMALLINT", "INT32": "INTEGER",
    "INT64": "BIGINT", "INT128": "HUGEINT", "UINT8": "UTINYINT", "UINT16": "USMALLINT", "UINT32": "UINTEGER",
    "UINT64": "UBIGINT",
}  # fmt: skip
_READABLE = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS",
    "TIMESTAMPTZ", "UUID", "JSON",
)  # fmt: skip


def type_named(text: str, column: str) -> SqlType:
    """The type that a user wrote for a column: `BIGINT`, `decimal(10, 2)`, `text`.

    :raises OptionError: when it is not a type that text can be read as.
    """
    match = re.fullmatch(r"\s*([A-Za-z_][\w ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", text)
    name = " ".join(match.group(1).upper().split()) if match else text
    kind = _ALIASES.get(name, name)
    if match is None or kind not in _READABLE:
        hint = did_you_mean(name, [*_READABLE, *_ALIASES]) or f"known: {', '.join(_READABLE)}"
        raise OptionError(f"type {text!r} of column {column!r} can't be read from text; {hint}")
    if kind != "DECIMAL":
        return SqlType(kind)
    precision, scale = int(match.group(2) or 18), int(match.group(3) or (0 if match.group(2) else 3))
    if not 1 <= precision <= 38 or scale > precision:
        raise OptionError(f"type {text!r} of column {column!r}: precision is 1 to 38, scale at most the precision")
    return t.decimal(precision, scale)
