"""CAST and TRY_CAST between all types, and the text of values.

`cast` finds the converter of a pair of types in a table. A converter gives NULL for each value that doesn't fit, so
TRY_CAST is the converter alone, and CAST is the converter plus one look at the count of NULLs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError, UnsupportedError
from velothread.kernels import cast_nested, cast_number, cast_text, cast_time
from velothread.kernels.function import Value
from velothread.kernels.to_text import to_text
from velothread.kernels.vectors import first_row, null_out
from velothread.types import SqlType

Converter = Callable[[pa.Array, SqlType, SqlType], pa.Array]


def _text(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return to_text(array, source)


def _blob(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return array.cast(pa.binary())


def _same(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    return array


def _to_json(array: pa.Array, source: SqlType, target: SqlType) -> pa.Array:
    from velothread.kernels.cast_json import to_json

    return to_json(array, source)


_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_GROUPS = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(("HUGEINT", "DECIMAL"), "decimal"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ"), "timestamp"),
    "VARCHAR": "text",
    "STRING_LITERAL": "text",
}

# (group of the source, group or kind of the target) -> converter. Groups are in `_GROUPS`; other kinds stand alone.
_CONVERTERS: dict[tuple[str, str], Converter] = {
    ("BOOLEAN", "integer"): cast_number.from_boolean,
    ("BOOLEAN", "decimal"): cast_number.from_boolean,
    ("BOOLEAN", "float"): cast_number.from_boolean,
    ("integer", "BOOLEAN"): cast_number.to_boolean,
    ("decimal", "BOOLEAN"): cast_number.to_boolean,
    ("float", "BOOLEAN"): cast_number.to_boolean,
    ("integer", "integer"): cast_number.integer_to_integer,
    ("integer", "decimal"): cast_number.integer_to_decimal,
    ("integer", "float"): cast_number.integer_to_float,
    ("decimal", "integer"): cast_number.decimal_to_integer,
    ("decimal", "decimal"): cast_number.decimal_to_decimal,
    ("decimal", "float"): cast_number.decimal_to_float,
    ("float", "integer"): cast_number.float_to_integer,
    ("float", "decimal"): cast_number.float_to_decimal,
    ("float", "float"): cast_number.float_to_float,
    ("DATE", "timestamp"): cast_time.date_to_timestamp,
    ("timestamp", "DATE"): cast_time.timestamp_to_date,
    ("timestamp", "TIME"): cast_time.timestamp_to_time,
    ("timestamp", "timestamp"): cast_time.timestamp_to_timestamp,
    ("text", "BOOLEAN"): cast_text.text_to_boolean,
    ("text", "integer"): cast_text.text_to_integer,
    ("text", "decimal"): cast_text.text_to_decimal,
    ("text", "float"): cast_text.text_to_float,
    ("text", "DATE"): cast_text.text_to_date,
    ("text", "TIME"): cast_text.text_to_time,
    ("text", "timestamp"): cast_text.text_to_timestamp,
    ("text", "INTERVAL"): cast_text.text_to_interval,
    ("text", "UUID"): cast_text.text_to_uuid,
    ("text", "JSON"): cast_text.text_to_json,
    ("text", "BLOB"): cast_text.text_to_blob,
    ("UUID", "BLOB"): _blob,
}  # fmt: skip


def _converter(source: SqlType, target: SqlType) -> Converter | None:
    if target.kind == "VARCHAR":
        return _text
    if target.kind == "JSON" and source.kind not in ("VARCHAR", "STRING_LITERAL"):
        return _to_json
    if (source.kind, target.kind) == ("HUGEINT", "HUGEINT") or source.kind == target.kind == "BLOB":
        return _same
    return _CONVERTERS.get((_GROUPS.get(source.kind, source.kind), _GROUPS.get(target.kind, target.kind)))


def can_cast(source: SqlType, target: SqlType) -> bool:
    """Is there a cast at all? (Values may still fail.)"""
    if source == target or source.kind == "NULL":
        return True
    if target.is_nested and source.is_nested:
        if source.kind != target.kind:
            return False
        if source.kind == "STRUCT":
            have = {n.lower(): t for n, t in source.fields}
            if any(n.lower() in have for n, _ in target.fields):
                return all(n.lower() not in have or can_cast(have[n.lower()], t) for n, t in target.fields)
            if not source.is_tuple and not target.is_tuple:
                return False
            pairs = zip(source.fields, target.fields, strict=False)
            return len(source.fields) == len(target.fields) and all(can_cast(a, b) for (_, a), (_, b) in pairs)
        keys = source.kind == "LIST" or _both(source.key, target.key)
        return keys and _both(source.element, target.element)
    if target.is_nested:
        return source.kind in ("VARCHAR", "STRING_LITERAL", "JSON")
    return source.kind == "JSON" or _converter(source, target) is not None


def _both(source: SqlType | None, target: SqlType | None) -> bool:
    return source is not None and target is not None and can_cast(source, target)


def cast(value: Value, source: SqlType, target: SqlType, *, safe: bool = True) -> Value:
    """`value` of SQL type `source` as `target`: CAST when `safe`, else TRY_CAST (NULL for what doesn't fit).

    :returns: an Array or Scalar (as `value` is) of type `target.arrow`.
    :raises ExecutionError: a value doesn't fit (only when `safe`).
    :raises UnsupportedError: there is no such cast; ask `can_cast` at bind time.
    """
    if source == target:
        return value
    if isinstance(value, pa.Scalar):
        return cast(pa.repeat(value, 1), source, target, safe=safe)[0]
    if source.kind == "NULL" or value.null_count == len(value):
        return pa.nulls(len(value), target.arrow)
    if pa.types.is_dictionary(value.type):
        return _cast_dictionary(value, source, target, safe)
    if source.kind == "JSON" and target.kind != "VARCHAR":
        from velothread.kernels.cast_json import from_json

        return from_json(value, target, partial(cast, safe=safe), safe=safe)
    if target.is_nested:
        return _cast_nested(value, source, target, safe)
    convert = _converter(source, target)
    if convert is None:
        raise UnsupportedError(f"there is no cast from {source} to {target}")
    result = convert(value, source, target)
    if safe and result.null_count > value.null_count:
        _fail(value, result, source, target)
    return result


def _cast_dictionary(value: pa.Array, source: SqlType, target: SqlType, safe: bool) -> pa.Array:
    result = cast(value.dictionary, source, target, safe=False).take(value.indices)
    if safe and (target.is_nested or result.null_count > value.null_count):
        # Done again row by row, to find the row, and because an entry that no row uses may be bad.
        return cast(value.dictionary_decode(), source, target)
    return result


def _cast_nested(value: pa.Array, source: SqlType, target: SqlType, safe: bool) -> pa.Array:
    def items(array: pa.Array, have: SqlType, want: SqlType) -> pa.Array:
        return cast(array, have, want, safe=safe)

    if source.kind in ("VARCHAR", "STRING_LITERAL"):
        result = _sized(cast_nested.text_to_nested(value, source, target, items), source, target, safe)
        if safe and result.null_count > value.null_count:
            _fail(value, result, source, target)
        return result
    if source.kind != target.kind:
        raise UnsupportedError(f"there is no cast from {source} to {target}")
    if source.kind == "LIST":
        return _sized(cast_nested.list_to_list(value, source, target, items), source, target, safe)
    if source.kind == "MAP":
        return cast_nested.map_to_map(value, source, target, items)
    return cast_nested.struct_to_struct(value, source, target, items)


def _sized(lists: pa.Array, source: SqlType, target: SqlType, safe: bool) -> pa.Array:
    """Lists for an ARRAY must have its size."""
    if target.kind != "LIST" or target.size in (0, source.size):
        return lists
    lengths = pc.list_value_length(lists)
    fits = pc.fill_null(pc.equal(lengths, target.size), True)
    if pc.all(fits).as_py() is not False:
        return lists
    if safe:
        length = lengths.filter(pc.invert(fits))[0].as_py()
        message = f"cannot convert a list of {length} items to {target}"
        raise ExecutionError(message, hint="TRY_CAST gives NULL for such values; list_resize changes the length")
    return null_out(lists, fits)


def _fail(value: pa.Array, result: pa.Array, source: SqlType, target: SqlType) -> None:
    """Raise for the first row that became NULL."""
    lost = pc.and_(pc.is_valid(value), pc.is_null(result))
    row = first_row(np.asarray(lost.to_numpy(zero_copy_only=False)))
    text = to_text(value.slice(row, 1), source)[0].as_py()
    if source.kind in ("VARCHAR", "STRING_LITERAL", "JSON"):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise ExecutionError(f"cannot convert {shown!r} to {target}", hint="TRY_CAST gives NULL for such values")
    raise ExecutionError(
        f"cannot convert {source} value {text} to {target}: out of range", hint="TRY_CAST gives NULL for such values"
    )


__all__ = ["can_cast", "cast", "to_text"]
