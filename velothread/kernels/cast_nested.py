"""Casts of LIST, STRUCT and MAP, item by item, and from their text.

Items are cast with the `cast` that is passed in (it is `casts.cast`, which uses this module): a bad item fails a CAST
and becomes NULL in a TRY_CAST.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.vectors import by_distinct, view
from velothread.types import NULL, VARCHAR, SqlType, list_of, map_of, struct_of

# cast(array, source, target) with TRY or not bound in.
CastItems = Callable[[pa.Array, SqlType, SqlType], pa.Array]


def list_to_list(array: pa.Array, source: SqlType, target: SqlType, cast: CastItems) -> pa.Array:
    # `flatten` leaves out what lies under NULL lists, so that nothing there can fail.
    if source.element == target.element:
        return array
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    items = cast(array.flatten(), source.element or NULL, target.element or NULL)
    mask = pc.is_null(array) if array.null_count else None
    return pa.ListArray.from_arrays(_offsets(lengths), items, type=target.arrow, mask=mask)


def _offsets(lengths: pa.Array) -> pa.Array:
    out = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(view(lengths), out=out[1:])
    return pa.array(out)


def struct_to_struct(array: pa.Array, source: SqlType, target: SqlType, cast: CastItems) -> pa.Array:
    """By name where any name is the same (what is missing is NULL), else by position."""
    parts = dict(
        zip((n.lower() for n, _ in source.fields), zip(array.flatten(), source.fields, strict=True), strict=True)
    )
    by_name = any(n.lower() in parts for n, _ in target.fields)
    fields = []
    for place, (name, want) in enumerate(target.fields):
        if by_name:
            part, (_, have) = parts.get(name.lower(), (pa.nulls(len(array)), ("", NULL)))
        else:
            part, (_, have) = list(parts.values())[place]
        fields.append(cast(part, have, want))
    mask = pc.is_null(array) if array.null_count else None
    if not fields:
        return array
    return pa.StructArray.from_arrays(fields, fields=list(target.arrow), mask=mask)


def map_to_map(array: pa.Array, source: SqlType, target: SqlType, cast: CastItems) -> pa.Array:
    offsets = array.offsets
    first, last = (offsets[0].as_py(), offsets[-1].as_py()) if len(array) else (0, 0)
    keys = cast(array.keys.slice(first, last - first), source.key or NULL, target.key or NULL)
    values = cast(array.items.slice(first, last - first), source.element or NULL, target.element or NULL)
    mask = pc.is_null(array) if array.null_count else None
    moved = pc.subtract(offsets, pa.scalar(first, pa.int32()))
    return pa.MapArray.from_arrays(moved, keys, values, type=target.arrow, mask=mask)


def text_to_nested(array: pa.Array, source: SqlType, target: SqlType, cast: CastItems) -> pa.Array:
    """`[1, 2]`, `{a: 1}`, `{k=v}`: cut into texts of items (each distinct text once), which are cast in turn."""
    if target.kind == "LIST":
        raw = list_of(VARCHAR)
        return list_to_list(by_distinct(array, _split_list, raw.arrow), raw, target, cast)
    if target.kind == "MAP":
        raw = map_of(VARCHAR, VARCHAR)
        return map_to_map(by_distinct(array, lambda text: _split_pairs(text, "="), raw.arrow), raw, target, cast)
    raw = struct_of(tuple((name, VARCHAR) for name, _ in target.fields))
    if target.is_tuple:

        def row(text: str) -> dict[str, str | None] | None:
            pieces = _pieces(text, "()")
            if pieces is None or len(pieces) != len(target.fields):
                return None
            return {name: _unquoted(p) for (name, _), p in zip(target.fields, pieces, strict=True)}

        return struct_to_struct(by_distinct(array, row, raw.arrow), raw, target, cast)
    names = {name.lower(): name for name, _ in target.fields}

    def split(text: str) -> dict[str, str | None] | None:
        pairs = _split_pairs(text, ":")
        if pairs is None or any(k.lower() not in names for k, _ in pairs):
            return None
        return {names[k.lower()]: v for k, v in pairs}

    return struct_to_struct(by_distinct(array, split, raw.arrow), raw, target, cast)


def _split_list(text: str) -> list[str | None] | None:
    pieces = _pieces(text, "[]")
    return None if pieces is None else [_unquoted(p) for p in pieces]


def _split_pairs(text: str, sign: str) -> list[tuple[str, str | None]] | None:
    pieces = _pieces(text, "{}")
    if pieces is None:
        return None
    pairs = []
    for piece in pieces:
        halves = _cut(piece, sign)
        if len(halves) != 2:
            return None
        key = _unquoted(halves[0])
        if key is None:
            return None
        pairs.append((key, _unquoted(halves[1])))
    return pairs


def _pieces(text: str, brackets: str) -> list[str] | None:
    text = text.strip()
    if len(text) < 2 or text[0] != brackets[0] or text[-1] != brackets[1]:
        return None
    inner = text[1:-1]
    return _cut(inner, ",") if inner.strip() else []


def _cut(text: str, sign: str) -> list[str]:
    """Cut at each `sign` that is neither quoted nor in brackets."""
    out, start, depth, quote, place = [], 0, 0, "", 0
    while place < len(text):
        c = text[place]
        if c == "\\":
            place += 1
        elif quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "[{(":
            depth += 1
        elif c in "]})":
            depth -= 1
        elif c == sign and depth == 0:
            out.append(text[start:place])
            start = place + 1
        place += 1
    return [*out, text[start:]]


def _unquoted(text: str) -> str | None:
    text = text.strip()
    if text.lower() == "null":
        return None
    if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]:
        out, place = [], 1
        while place < len(text) - 1:
            place += text[place] == "\\"
            out.append(text[place])
            place += 1
        return "".join(out)
    return text
