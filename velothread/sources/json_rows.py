"""JSON rows read one by one with Python's own parser: the exact way, for what the quick ways leave.

It reads what DuckDB reads: numbers in text columns, numbers written as text, values of another shape as JSON text. It
alone says what is wrong with a row, and where. It is slow: rows come here only when their block has something odd.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.sources.csv_convert import convert
from velothread.types import VARCHAR, SqlType

INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class JsonColumn:
    """A column: its name in SQL, its key in the objects, its type (JSON: any value, as JSON text)."""

    name: str
    key: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row (`row`: its place in the list); column and value are None when the row is no object."""

    row: int
    reason: str
    column: str | None = None
    value: str | None = None
    hint: str | None = None


class _Duplicate(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Duplicate(f"the key {key!r} is there twice")
            seen.add(key)
    return found


def _integer(text: str) -> Any:
    # As a double, "-0" has a sign.
    return -0.0 if text == "-0" else int(text)


def decoder() -> json.JSONDecoder:
    """A decoder that refuses duplicate keys. One per thread: it keeps a memo while it works."""
    return json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def as_json(value: Any) -> str:
    """A value as compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class RowReader:
    """Turns JSON objects into columns, and lists what doesn't fit.

    known: the keys that an object may have (others are problems), or None for any.

    Threading: owned by one receiver.
    """

    def __init__(self, columns: Sequence[JsonColumn], known: frozenset[str] | None) -> None:
        self._columns = columns
        self._known = known
        self._decoder = decoder()

    def parse(self, lines: Iterable[bytes]) -> tuple[list[dict[str, Any] | None], list[Problem]]:
        """One object per line (None for `null` and for what is no object)."""
        rows: list[dict[str, Any] | None] = []
        problems: list[Problem] = []
        for line in lines:
            try:
                value = self._decoder.decode(line.decode("utf-8"))
                rows.append(self._checked(value))
            except UnicodeDecodeError as error:
                reason = f"byte 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8"
                problems.append(Problem(len(rows), reason))
                rows.append(None)
            except _Wrong as error:
                problems.append(Problem(len(rows), str(error), hint=error.hint))
                rows.append(None)
            except _Duplicate as error:
                problems.append(Problem(len(rows), str(error)))
                rows.append(None)
            except json.JSONDecodeError as error:
                reason = f"not a whole JSON object: {error.msg.lower()} at character {error.pos + 1}"
                hint = "format 'json' reads objects that span lines; --on-error skip leaves such rows out"
                problems.append(Problem(len(rows), reason, hint=hint))
                rows.append(None)
            except RecursionError:
                problems.append(Problem(len(rows), "values are nested too deep"))
                rows.append(None)
        return rows, problems

    def checked(self, value: Any, row: int) -> tuple[dict[str, Any] | None, Problem | None]:
        """A decoded value as a row, or what is wrong with it."""
        try:
            return self._checked(value), None
        except _Wrong as error:
            return None, Problem(row, str(error), hint=error.hint)

    def _checked(self, value: Any) -> dict[str, Any] | None:
        if value is None or isinstance(value, dict):
            if value and self._known is not None and not self._known.issuperset(value):
                key = next(k for k in value if k not in self._known)
                raise _Wrong(
                    f"the key {key!r} was in no row of the sample",
                    f"--types {key}=VARCHAR adds the column, a larger --sample-rows finds it, "
                    "and --on-error null passes over it",
                )
            return value
        raise _Wrong(
            f"expected an object, found {_named(value)}", "rows that aren't objects can be left out: --on-error skip"
        )

    def columns(self, rows: Sequence[dict[str, Any] | None]) -> tuple[list[pa.Array], list[Problem]]:
        """The wanted columns of the rows, NULL where a value doesn't fit, and the problems in the order of the rows."""
        arrays: list[pa.Array] = []
        problems: list[tuple[int, int, Problem]] = []
        for place, column in enumerate(self._columns):
            values = [None if row is None else row.get(column.key) for row in rows]
            array, bad = column_of(values, column.type)
            arrays.append(array)
            for row, reason in bad.items():
                value = as_json(values[row])
                hint = f"--types {column.name}=VARCHAR reads it as text; --on-error null makes such values NULL"
                problems.append((row, place, Problem(row, reason, column.name, value, hint)))
        return arrays, [p for _, _, p in sorted(problems, key=lambda p: p[:2])]


class _Wrong(ValueError):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def column_of(values: Sequence[Any], kind: SqlType) -> tuple[pa.Array, dict[int, str]]:
    """Decoded JSON values as an array of `kind`; what doesn't fit is NULL and has a reason, by place."""
    if kind.kind == "LIST" and kind.element is not None:
        return _lists(values, kind, kind.element)
    if kind.kind == "STRUCT":
        return _structs(values, kind)
    if kind.kind == "MAP" and kind.element is not None:
        return _maps(values, kind, kind.element)
    bad: dict[int, str] = {}
    texts: list[str | None] = []
    text_of = as_json if kind.kind == "JSON" else _as_number if kind.is_numeric else _as_text
    for row, value in enumerate(values):
        if value is None:
            texts.append(None)
            continue
        try:
            text = text_of(value)
            text.encode()
            texts.append(text)
        except UnicodeEncodeError:
            bad[row] = "half of a surrogate pair is no character"
            texts.append(None)
        except _Misfit:
            bad[row] = f"is {_named(value)}, not {_a(kind)}"
            texts.append(None)
    if kind.is_integer:
        _whole(values, texts, bad, kind)
    array, wrong = convert(pa.array(texts, pa.string()), kind)
    if wrong is not None:
        for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist():
            bad[row] = f"is not {_a(kind)}"
    return array, bad


class _Misfit(ValueError):
    pass


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value == 0 and isinstance(value, float) and math.copysign(1, value) < 0:
        return "-0.0"
    return as_json(value)


def _as_number(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict | list):
        raise _Misfit
    return value if isinstance(value, str) else repr(value)


def _whole(values: Sequence[Any], texts: list[str | None], bad: dict[int, str], kind: SqlType) -> None:
    """Doubles in integer columns: whole ones are integers, others don't fit (they are never rounded in silence)."""
    for row, value in enumerate(values):
        if isinstance(value, float):
            if value.is_integer():
                texts[row] = str(int(value))
            else:
                texts[row] = None
                bad[row] = f"is not {_a(kind)}"


def _lists(values: Sequence[Any], kind: SqlType, element: SqlType) -> tuple[pa.Array, dict[int, str]]:
    bad: dict[int, str] = {}
    flat: list[Any] = []
    owners: list[int] = []
    offsets = [0]
    valid: list[bool] = []
    for row, value in enumerate(values):
        if isinstance(value, list):
            flat.extend(value)
            owners.extend([row] * len(value))
        elif value is not None:
            bad[row] = f"is {_named(value)}, not a list"
        valid.append(isinstance(value, list))
        offsets.append(len(flat))
    items, wrong = column_of(flat, element)
    for place, reason in wrong.items():
        bad.setdefault(owners[place], f"an element {reason}")
    mask = pa.array(~np.array(valid, np.bool_))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items, kind.arrow, mask=mask), bad


def _structs(values: Sequence[Any], kind: SqlType) -> tuple[pa.Array, dict[int, str]]:
    bad: dict[int, str] = {}
    objects = [v if isinstance(v, dict) else None for v in values]
    for row, value in enumerate(values):
        if value is not None and objects[row] is None:
            bad[row] = f"is {_named(value)}, not an object"
    children: list[pa.Array] = []
    for name, child in kind.fields:
        array, wrong = column_of([None if o is None else o.get(name) for o in objects], child)
        children.append(array)
        for row, reason in wrong.items():
            bad.setdefault(row, f"its field {name!r} {reason}")
    mask = pa.array([o is None for o in objects], pa.bool_())
    return pa.StructArray.from_arrays(children, fields=list(kind.arrow), mask=mask), bad


def _maps(values: Sequence[Any], kind: SqlType, element: SqlType) -> tuple[pa.Array, dict[int, str]]:
    pairs = [list(v.items()) if isinstance(v, dict) else None for v in values]
    bad = {
        row: f"is {_named(v)}, not an object"
        for row, v in enumerate(values)
        if v is not None and not isinstance(v, dict)
    }
    flat = [pair for row in pairs for pair in row or ()]
    owners = [row for row, found in enumerate(pairs) for _ in found or ()]
    items, wrong = column_of([v for _, v in flat], element)
    keys, _ = column_of([k for k, _ in flat], VARCHAR)
    for place, reason in wrong.items():
        bad.setdefault(owners[place], f"an entry {reason}")
    ends = np.cumsum([0] + [len(p or ()) for p in pairs])
    offsets = pa.array(ends, pa.int32(), mask=np.array([p is None for p in pairs] + [False]))
    return pa.MapArray.from_arrays(offsets, keys, items), bad


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return {str: "text", dict: "an object", list: "a list", type(None): "null"}[type(value)]


def _a(kind: SqlType) -> str:
    name = str(kind)
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"
