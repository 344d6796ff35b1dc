"""The table of JSON functions. Documents are of type JSON or VARCHAR."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa

from velothread.kernels import json_text, json_values
from velothread.kernels.function import Function, Value
from velothread.kernels.json_values import Family
from velothread.kernels.shaping import rows_of, spread
from velothread.types import BIGINT, BOOLEAN, JSON, UBIGINT, VARCHAR, SqlType, list_of

Types = tuple[SqlType, ...]
TEXTS = list_of(VARCHAR)
_line = partial(Function, group="json")


def _family(
    name: str, family: Family, returns: SqlType, doc: str, example: str, result: str, *,
    whole: bool = True, aliases: tuple[str, ...] = (),
) -> tuple[Function, ...]:  # fmt: skip
    """A function with a path, a position, a list of paths, and, where that makes sense, of the whole document."""
    line = partial(_line, name, raises=True, aliases=aliases)
    rest = (
        line((VARCHAR, VARCHAR), returns, family.one, doc, example, result),
        line((VARCHAR, BIGINT), returns, family.one, doc + ", by position"),
        line((VARCHAR, TEXTS), list_of(returns), family.many, doc + ", for each path"),
        _line(name + "*", (VARCHAR, VARCHAR), list_of(returns), family.every, raises=True, aliases=_starred(aliases)),
    )
    return (line((VARCHAR,), returns, family.one, doc), *rest) if whole else rest


def _starred(names: tuple[str, ...]) -> tuple[str, ...]:
    # Paths with wildcards are known when a call is bound, which then asks for this name.
    return tuple(n + "*" for n in names)


_TAKE_APART = (
    *_family(
        "json_extract", json_values.extract, JSON, "What a path leads to", "json_extract('{\"a\": [1, 2]}', '$.a[0]')",
        "1", whole=False, aliases=("json_extract_path", "->"),
    ),
    *_family(
        "json_extract_string", json_values.extract_string, VARCHAR, "What a path leads to, as text",
        "json_extract_string('{\"a\": \"x\"}', 'a')", "x", whole=False, aliases=("json_extract_path_text", "->>"),
    ),
    *_family(
        "json_value", json_values.value_of, VARCHAR, "What a path leads to, if it is neither an array nor an object",
        "json_value('{\"a\": 1}', 'a')", "1", whole=False,
    ),
    *_family(
        "json_type", json_values.type_of, VARCHAR, "The name of a value's type", "json_type('{\"a\": true}', 'a')",
        "BOOLEAN",
    ),
    *_family(
        "json_array_length", json_values.array_length, UBIGINT, "How many items an array has",
        "json_array_length('{\"a\": [1, 2]}', 'a')", "2",
    ),
    *_family(
        "json_keys", json_values.keys, TEXTS, "The names of an object", "json_keys('{\"a\": {\"b\": 1}}', 'a')", "[b]",
    ),
    _line(
        "json_exists", (VARCHAR, VARCHAR), BOOLEAN, json_values.exists, "Does a path lead to anything?",
        "json_exists('{\"a\": 1}', '$.b')", "false", raises=True,
    ),
    _line(
        "json_contains", (VARCHAR, VARCHAR), BOOLEAN, json_values.contains, "Is the second document in the first?",
        "json_contains('{\"a\": [1, 2]}', '2')", "true", raises=True,
    ),
    _line(
        "json_valid", (VARCHAR,), BOOLEAN, json_values.valid, "Is the text JSON?", "json_valid('{')", "false",
    ),
    _line(
        "json_structure", (VARCHAR,), JSON, json_values.structure, "The types in a document",
        "json_structure('{\"a\": [1, 2.5]}')", '{"a":["DOUBLE"]}', raises=True,
    ),
)  # fmt: skip

_CHANGE = (
    _line(
        "json_merge_patch", (VARCHAR, VARCHAR), JSON, json_values.merge_patch,
        "Objects merged; null in a later one takes a name away", "json_merge_patch('{\"a\": 1}', '{\"b\": 2}')",
        '{"a":1,"b":2}', variadic=VARCHAR, strict=False, raises=True,
    ),
    _line(
        "json_merge_patch_diff", (VARCHAR, VARCHAR), JSON, json_values.merge_patch_diff,
        "The patch that makes the second document of the first", "json_merge_patch_diff('{\"a\": 1}', '{\"a\": 2}')",
        '{"a":2}', raises=True,
    ),
    _line(
        "json_deep_merge", (VARCHAR, VARCHAR), JSON, json_values.deep_merge, "Objects merged, nulls included",
        "json_deep_merge('{\"a\": {\"x\": 1}}', '{\"a\": {\"y\": 2}}')", '{"a":{"x":1,"y":2}}', variadic=VARCHAR,
        raises=True,
    ),
    _line(
        "json_set", (VARCHAR, VARCHAR, VARCHAR), JSON, json_values.set_, "A document with a value at a path",
        "json_set('{\"a\": 1}', '$.b', '2')", '{"a":1,"b":2}', raises=True,
    ),
    _line(
        "json_insert", (VARCHAR, VARCHAR, VARCHAR), JSON, json_values.insert, "json_set, only where nothing is",
        "json_insert('{\"a\": 1}', '$.a', '2')", '{"a":1}', raises=True,
    ),
    _line(
        "json_replace", (VARCHAR, VARCHAR, VARCHAR), JSON, json_values.replace, "json_set, only where something is",
        "json_replace('{\"a\": 1}', '$.a', '2')", '{"a":2}', raises=True,
    ),
    _line(
        "json_remove", (VARCHAR, VARCHAR), JSON, json_values.remove, "A document without what a path leads to",
        "json_remove('{\"a\": 1, \"b\": 2}', '$.a')", '{"b":2}', raises=True,
    ),
    _line(
        "json_strip_nulls", (VARCHAR,), JSON, json_values.strip_nulls, "Objects without the names of nulls",
        "json_strip_nulls('{\"a\": null, \"b\": 1}')", '{"b":1}', raises=True,
    ),
    _line(
        "json_normalize", (VARCHAR,), VARCHAR, json_values.normalize, "Names sorted, spaces gone",
        "json_normalize('{\"b\": 1, \"a\": 2}')", '{"a":2,"b":1}', raises=True,
    ),
    _line("json_pretty", (VARCHAR,), VARCHAR, json_values.pretty, "A document over several lines", raises=True),
    _line(
        "json", (VARCHAR,), JSON, json_values.minified, "A document without spaces", "json('{ \"a\" : 1 }')",
        '{"a":1}', raises=True,
    ),
)  # fmt: skip


def _columns(values: tuple[Value, ...], types: Types) -> list[pa.Array]:
    rows = rows_of(values)
    return [json_text.json_text(spread(v, rows), t) for v, t in zip(values, types, strict=True)]


def _shaped(values: tuple[Value, ...], text: pa.Array) -> Value:
    return text if any(isinstance(v, pa.Array) for v in values) else text[0]


def array_of(types: Types) -> Callable[..., Value]:
    """A kernel that makes an array of values of these types."""

    def json_array(*values: Value) -> Value:
        return _shaped(values, json_text.arrays(_columns(values, types)))

    return json_array


def object_of(types: Types) -> Callable[..., Value]:
    """A kernel that makes an object of names and values, in turn; names of NULL are left as they are: an error."""

    def json_object(*values: Value) -> Any:
        import pyarrow.compute as pc

        columns = _columns(values, types)
        parts: list[Any] = []
        for i, (name, value) in enumerate(zip(columns[::2], columns[1::2], strict=True)):
            parts += ["," if i else "{", name, ":", value]
        return _shaped(values, pc.binary_join_element_wise(*parts, "}", ""))

    return json_object


JSON_DOCUMENTS: tuple[Function, ...] = (*_TAKE_APART, *_CHANGE)
