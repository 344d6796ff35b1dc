"""JSON of columns, built column by column.

Numbers are numbers, with all their digits (DECIMAL and HUGEINT, too); NaN and the infinities, which JSON doesn't have,
become null; dates, times, intervals, UUIDs and BLOBs are text; lists and structs without names are arrays, structs and
maps objects; a column of type JSON goes in as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.to_text import to_text
from velothread.types import SqlType

_ESCAPES = {chr(i): f"\\u{i:04x}" for i in range(32)} | {
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_BYTES_TO_ESCAPE = bytes(range(32)) + b'"\\'
# (column, type) -> its text; sinks bring one that is quicker for columns with few different values.
ToText = Callable[[pa.Array, SqlType], pa.Array]


def json_text(column: pa.Array, sql_type: SqlType, text_of: ToText = to_text) -> pa.Array:
    """JSON of each value as a string array without NULLs: a NULL is the text `null`."""
    if pa.types.is_dictionary(column.type):
        return pc.fill_null(pc.take(json_text(column.dictionary, sql_type, text_of), column.indices), "null")
    kind = sql_type.kind
    if kind == "LIST" and sql_type.element is not None:
        text = _lists(column, sql_type.element, text_of)
    elif kind == "STRUCT":
        fields = [json_text(pc.struct_field(column, [i]), f, text_of) for i, (_, f) in enumerate(sql_type.fields)]
        if sql_type.is_tuple:
            text = arrays(fields)
        else:
            text = objects(tuple(json.dumps(name, ensure_ascii=False) for name, _ in sql_type.fields), fields)
        text = _with_nulls_of(column, text)
    elif kind == "MAP" and sql_type.key is not None and sql_type.element is not None:
        text = _maps(column, sql_type.key, sql_type.element, text_of)
    elif kind in ("FLOAT", "DOUBLE"):
        finite = pc.is_finite(column)
        text = pc.if_else(finite, text_of(column, sql_type), None)
    elif kind == "DECIMAL":
        text = text_of(column, sql_type)
        if sql_type.precision == sql_type.scale:  # SQL writes `.5` there, JSON can't
            text = pc.replace_substring_regex(text, pattern=r"^(-?)\.", replacement=r"\10.")
    elif kind == "JSON" or kind == "BOOLEAN" or sql_type.is_numeric or kind == "NULL":
        text = text_of(column, sql_type)
    else:
        text = pc.binary_join_element_wise('"', escaped(text_of(column, sql_type)), '"', "")
    return pc.fill_null(text, "null") if text.null_count else text


def escaped(text: pa.Array) -> pa.Array:
    """Text as it stands between the quotes of a JSON string."""
    found = set(_bytes_of(text)) & set(_BYTES_TO_ESCAPE) if len(text) else set()
    if not found:
        return text
    if 0x5C in found:  # before all else, which brings backslashes in
        text = pc.replace_substring(text, "\\", "\\\\")
    if 0x22 in found:
        text = pc.replace_substring(text, '"', '\\"')
    for byte in sorted(found - {0x5C, 0x22}):
        text = pc.replace_substring(text, chr(byte), _ESCAPES[chr(byte)])
    return text


def _bytes_of(text: pa.Array) -> bytes:
    """The bytes of all texts."""
    _, offsets, data = text.buffers()
    if data is None:
        return b""
    ends = memoryview(offsets).cast("i")
    first, last = ends[text.offset], ends[text.offset + len(text)]
    return bytes(data.slice(first, last - first))


def objects(keys: tuple[str, ...], values: list[pa.Array]) -> pa.Array:
    """`{"a":1,"b":2}` of columns of JSON text; keys are JSON strings."""
    if not values:
        raise ValueError("an object without fields")
    parts: list[Any] = []
    for i, (key, value) in enumerate(zip(keys, values, strict=True)):
        parts += [f"{'{' if i == 0 else ','}{key}:", value]
    return pc.binary_join_element_wise(*parts, "}", "")


def arrays(values: list[pa.Array]) -> pa.Array:
    """`[1,2]` of columns of JSON text."""
    return pc.binary_join_element_wise("[", pc.binary_join_element_wise(*values, ","), "]", "")


def _lists(column: pa.Array, element: SqlType, text_of: ToText) -> pa.Array:
    column = _variable_list(column)
    items = json_text(column.flatten(), element, text_of)
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    offsets = np.zeros(len(column) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items), ",")
    return _with_nulls_of(column, pc.binary_join_element_wise("[", text, "]", ""))


def _maps(column: pa.Array, key: SqlType, value: SqlType, text_of: ToText) -> pa.Array:
    # The entries under NULL maps are left out of `keys` and `items` slices, as `flatten` does for lists.
    offsets = column.offsets.to_numpy()
    first, last = int(offsets[0]), int(offsets[-1])
    keys = escaped(text_of(column.keys.slice(first, last - first), key))
    values = json_text(column.items.slice(first, last - first), value, text_of)
    entries = pc.binary_join_element_wise('"', keys, '":', values, "")
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets - first, pa.int32()), entries), ",")
    return _with_nulls_of(column, pc.binary_join_element_wise("{", text, "}", ""))


def _variable_list(column: pa.Array) -> pa.Array:
    """Fixed-size lists as lists of any size, so that `flatten` leaves out what lies under a NULL."""
    if pa.types.is_fixed_size_list(column.type):
        return pc.cast(column, pa.list_(column.type.value_type))
    return column


def _with_nulls_of(column: pa.Array, text: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(column), text, None) if column.null_count else text
