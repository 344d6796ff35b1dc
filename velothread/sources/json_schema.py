"""Column names and types of JSON rows, from a sample.

As DuckDB finds them: BIGINT, HUGEINT, DOUBLE, BOOLEAN, VARCHAR, dates and times where all text of the sample is one,
objects as STRUCT, lists; what has no common type is JSON (as text). A column of nulls alone is VARCHAR. Keys that
differ in case only are told apart by a number: `a`, `A_1`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread import types as t
from velothread.sources.csv_detect import detect, type_named
from velothread.sources.json_layout import Layout, LayoutReader, layout_of
from velothread.sources.json_rows import INT64, JsonColumn
from velothread.sources.source import ReadOptions
from velothread.sources.text_cells import BACK, FRONT
from velothread.types import SqlType

# Objects with more distinct keys than this are dictionaries, not records.
MAP_KEYS = 200
_LIKELY_LINES = 50

# A key and its type; with its values.
_Wanted = tuple[str, SqlType]
_Column = tuple[_Wanted, pa.Array]


class Seen:
    """What the values at one place of the rows looked like."""

    __slots__ = ("big", "booleans", "doubles", "fields", "integers", "items", "lists", "objects", "texts")

    def __init__(self) -> None:
        self.booleans = self.integers = self.big = self.doubles = self.lists = self.objects = 0
        self.texts: list[str] = []
        self.items: Seen | None = None
        self.fields: dict[str, Seen] = {}

    def add(self, value: Any) -> None:
        kind = type(value)
        if kind is str:
            self.texts.append(value)
        elif kind is bool:
            self.booleans += 1
        elif kind is int:
            self.integers += 1
            if value not in INT64:
                # DuckDB goes to HUGEINT for one digit more, and to DOUBLE beyond.
                self.big = max(self.big, abs(value))
        elif kind is float:
            self.doubles += 1
        elif kind is list:
            self.lists += 1
            if self.items is None:
                self.items = Seen()
            for item in value:
                self.items.add(item)
        elif kind is dict:
            self.objects += 1
            for key, item in value.items():
                seen = self.fields.get(key)
                if seen is None:
                    seen = self.fields[key] = Seen()
                seen.add(item)

    def type(self, empty: SqlType = t.JSON) -> SqlType:
        """The type that holds all values seen; `empty` where there were none but nulls."""
        numbers = self.integers + self.doubles
        present = [bool(self.texts), bool(self.booleans), bool(numbers), bool(self.lists), bool(self.objects)]
        if sum(present) != 1:
            return t.JSON if any(present) else empty
        if self.booleans:
            return t.BOOLEAN
        if numbers:
            if self.doubles:
                return t.DOUBLE
            return t.BIGINT if not self.big else t.HUGEINT if self.big < 1 << 64 else t.DOUBLE
        if self.lists:
            return t.list_of(self.items.type() if self.items is not None else t.JSON)
        if self.objects:
            if not self.fields or len(self.fields) > MAP_KEYS:
                return self._map()
            return t.struct_of(tuple((k, s.type()) for k, s in self.fields.items()))
        return text_type(pa.array(self.texts, pa.string()))

    def _map(self) -> SqlType:
        kinds = {s.type() for s in self.fields.values()} - {t.JSON}
        return t.map_of(t.VARCHAR, kinds.pop() if len(kinds) == 1 else t.JSON)


def text_type(values: pa.Array) -> SqlType:
    """VARCHAR, or the type of dates and times that all of the text is."""
    kind = detect(values)
    return kind.type if kind.type.is_temporal and kind.format is None else t.VARCHAR


def infer_rows(rows: Sequence[dict[str, Any] | None], options: ReadOptions) -> list[JsonColumn]:
    """The columns of decoded rows."""
    seen = Seen()
    for row in rows:
        if row is not None:
            seen.add(row)
    found = {key: s.type(t.VARCHAR) for key, s in seen.fields.items()}
    # No row, no key: a file still has a column, as in DuckDB.
    return _columns(found or {"json": t.JSON}, options)


def infer_lines(data: bytes, options: ReadOptions) -> list[JsonColumn] | None:
    """The columns of machine-written lines without decoding each row; None: they have to be decoded."""
    layout = layout_of(data[: data.find(b"\n")])
    if layout is None:
        return None
    buffer = bytes(FRONT) + data + bytes(BACK)

    def read(wanted: list[_Wanted]) -> list[pa.Array] | None:
        found = LayoutReader(layout, wanted).read(buffer, FRONT, FRONT + len(data))
        return found.arrays if found is not None and found.regular is None else None

    likely = _likely(data, layout)
    arrays = read(likely)
    # Where some guess is wrong, each key is tried alone.
    pairs: list[_Column | None] = []
    if arrays is not None:
        pairs.extend(zip(likely, arrays, strict=True))
    else:
        pairs.extend(_narrowest(key, read) for key in layout.keys)
    found: dict[str, SqlType] = {}
    for pair in pairs:
        if pair is None:
            return None
        (key, kind), values = pair
        if values.null_count == len(values):
            kind = t.VARCHAR
        elif kind == t.VARCHAR:
            kind = text_type(values)
        elif kind == t.DOUBLE and bool(pc.any(pc.greater_equal(pc.abs(values), 2.0**63)).as_py()):
            return None  # perhaps integers, too long for 64 bits
        found[key] = kind
    return _columns(found, options)


def _narrowest(key: str, read: Callable[[list[_Wanted]], list[pa.Array] | None]) -> _Column | None:
    for kind in (t.BIGINT, t.DOUBLE, t.VARCHAR, t.BOOLEAN):
        arrays = read([(key, kind)])
        if arrays is not None:
            return (key, kind), arrays[0]
    return None


def _likely(data: bytes, layout: Layout) -> list[_Wanted]:
    """The kinds of values by the first lines: the narrowest that these need, so that no other is right for all."""
    seen = Seen()
    for line in data.split(b"\n", _LIKELY_LINES)[:_LIKELY_LINES]:
        try:
            seen.add(json.loads(line))
        except ValueError:
            break
    order: list[_Wanted] = []
    for key in layout.keys:
        values = seen.fields.get(key, Seen())
        kind = t.VARCHAR if values.texts else t.BOOLEAN if values.booleans else t.DOUBLE if values.doubles else t.BIGINT
        order.append((key, kind))
    return order


def _columns(found: dict[str, SqlType], options: ReadOptions) -> list[JsonColumn]:
    if options.all_varchar:
        found = dict.fromkeys(found, t.VARCHAR)
    told = dict(options.types)
    if options.names is not None:
        # `columns={...}`: these and no others, whether they are in the sample or not.
        found = {name: found.get(name, t.VARCHAR) for name in options.names}
    for name, text in told.items():
        match = next((k for k in found if k.lower() == name.lower()), name)
        found[match] = type_named(text, name)
    columns: list[JsonColumn] = []
    names: set[str] = set()
    for key, kind in found.items():
        name, number = key, 0
        while name.lower() in names:
            number += 1
            name = f"{key}_{number}"
        names.add(name.lower())
        columns.append(JsonColumn(name, key, kind))
    return columns
