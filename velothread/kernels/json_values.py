"""JSON functions: documents are text, parsed by Python's parser, each distinct document once per batch.

There is no columnar way to take a document apart; what builds documents is columnar and in `json_text`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.json_columns import field_texts, filled
from velothread.kernels.json_paths import MISSING, Path, all_at, at, parse_path, put, without
from velothread.kernels.shaping import by_row, with_options

TEXT, TEXTS = pa.string(), pa.list_(pa.string())
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_EXPONENT = re.compile(r"\d[eE][+-]?\d")


def read(document: str) -> Any:
    """The value of a document.

    :raises ExecutionError: when it isn't JSON.
    """
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        shown = document if len(document) <= 60 else document[:57] + "..."
        hint = "json_valid tells, TRY_CAST(x AS JSON) gives NULL"
        raise ExecutionError(f"{shown!r} is not JSON", hint=hint) from None


def write(value: Any) -> str:
    """The document of a value, without spaces."""
    text = _encode(value)
    return _written(value) if _EXPONENT.search(text) else text


def _written(value: Any) -> str:
    """`write` with DuckDB's spelling of floats: `1e22` and `0.00001` where Python has `1e+22` and `1e-05`."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if not isinstance(value, float):
        return json.dumps(value, ensure_ascii=False)
    text = repr(value)
    digits, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = int(exponent)
    if 15 <= power <= 20:
        return f"{value:.1f}"
    if -6 < power < 0:
        return f"{value:.{len(digits.replace('-', '').replace('.', '')) - power - 1}f}"
    return f"{digits}e{power}"


def _text(value: Any) -> str | None:
    """What `->>` gives: strings without quotes, NULL for null."""
    return None if value is None else value if isinstance(value, str) else write(value)


def _by_path(function: Callable[[Any], Any], returns: pa.DataType) -> Callable[..., Value]:
    """A kernel (document[, path or position]): `function` of what is there; NULL where nothing is."""
    in_columns = function in (write, _text)

    def kernel(documents: pa.Array, path: str | int | None = "$") -> pa.Array:
        if path is None:
            return pa.nulls(len(documents), returns)
        steps: Path = (path,) if isinstance(path, int) else parse_path(path)

        def one(document: str) -> Any:
            found = at(read(document), steps)
            return None if found is MISSING else function(found)

        slow = by_row(one, returns)
        keys = tuple(s for s in steps if isinstance(s, str) and s)
        if not in_columns or len(keys) != len(steps):
            return slow(documents)
        return _fields(documents, keys, slow, as_json=function is write)

    return with_options(kernel, returns)


def _fields(documents: pa.Array, keys: tuple[str, ...], slow: Callable[..., Any], *, as_json: bool) -> pa.Array:
    """A field by Arrow's parser where it can; `slow` for the rest."""
    present = documents.is_valid() if documents.null_count else None
    whole = documents if present is None else documents.filter(present)
    found = field_texts(whole, keys, as_json=as_json)
    if found is None:
        return slow(documents)
    texts, missing = found
    if as_json and texts.null_count:  # `null` and nothing at all are not the same here
        texts = filled(texts, missing, slow(whole.filter(missing)))
    if present is None:
        return texts
    return filled(pa.nulls(len(documents), TEXT), present, texts)


def _by_paths(function: Callable[[Any], Any], returns: pa.DataType) -> Callable[..., Value]:
    """A kernel (document, list of paths): a list of what `_by_path` gives for each."""

    def one(document: str, paths: list[str]) -> list[Any]:
        value = read(document)
        found = [at(value, parse_path(p)) for p in paths]
        return [None if v is MISSING else function(v) for v in found]

    return by_row(one, pa.list_(returns))


def _everywhere(function: Callable[[Any], Any], returns: pa.DataType) -> Callable[..., Value]:
    """A kernel (document, path with wildcards): a list of all that is found."""

    def kernel(documents: pa.Array, path: str) -> pa.Array:
        steps = parse_path(path)
        return by_row(lambda d: [function(v) for v in all_at(read(d), steps)], pa.list_(returns))(documents)

    return with_options(kernel, pa.list_(returns))


def kind(value: Any) -> str:
    """The name of a value's type."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "UBIGINT" if 0 <= value < 1 << 64 else "BIGINT" if -(1 << 63) <= value < 0 else "DOUBLE"
    if isinstance(value, float):
        return "DOUBLE"
    return "VARCHAR" if isinstance(value, str) else "ARRAY" if isinstance(value, list) else "OBJECT"


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _scalar(value: Any) -> str | None:
    return None if isinstance(value, dict | list) else write(value)


class Family:
    """A function of a document in its forms: whole or with a path, with a list of paths, with wildcards.

    Threading: immutable.
    """

    __slots__ = ("every", "many", "one", "returns")

    def __init__(self, function: Callable[[Any], Any], returns: pa.DataType) -> None:
        self.returns = returns
        self.one = _by_path(function, returns)
        self.many = _by_paths(function, returns)
        self.every = _everywhere(function, returns)


extract = Family(write, TEXT)
extract_string = Family(_text, TEXT)
type_of = Family(kind, TEXT)
array_length = Family(_length, pa.uint64())
keys = Family(_keys, TEXTS)
value_of = Family(_scalar, TEXT)


def _exists(document: str, path: str = "$") -> bool:
    return bool(all_at(read(document), parse_path(path)))


exists = by_row(_exists, pa.bool_())


def _valid(document: str) -> bool:
    try:
        json.loads(document)
    except (ValueError, RecursionError):
        return False
    return True


valid = by_row(_valid, pa.bool_())
minified = by_row(lambda d: write(read(d)), TEXT)


# --- structure

_NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE")


def _structure(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _structure(v) for k, v in value.items()} or "JSON"
    if isinstance(value, list):
        merged: Any = "NULL"
        for item in value:
            merged = _merged(merged, _structure(item))
        return [merged]
    return kind(value)


def _merged(a: Any, b: Any) -> Any:
    """The structure that fits values of both."""
    if a == b or b == "NULL":
        return a
    if a == "NULL":
        return b
    if isinstance(a, dict) and isinstance(b, dict):
        return {k: _merged(a.get(k, "NULL"), b.get(k, "NULL")) for k in (*a, *(k for k in b if k not in a))}
    if isinstance(a, list) and isinstance(b, list):
        return [_merged(a[0], b[0])]
    if isinstance(a, str) and isinstance(b, str) and a in _NUMBERS and b in _NUMBERS:
        return "DOUBLE" if "DOUBLE" in (a, b) else "HUGEINT"
    return "JSON"


structure = by_row(lambda d: write(_structure(read(d))), TEXT)


# --- changing documents


def _patched(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _patched(result.get(name), value)
    return result


def _merge_patch(first: str | None, *patches: str | None) -> str | None:
    result = None if first is None else read(first)
    missing = first is None
    for patch in patches:
        if patch is None:
            missing = True
            continue
        result = _patched(None if missing else result, read(patch))
        missing = False
    return None if missing else write(result)


merge_patch = by_row(_merge_patch, TEXT, strict=False)


def _deep(a: Any, b: Any) -> Any:
    if not isinstance(a, dict) or not isinstance(b, dict):
        return b
    both = {k: _deep(v, b[k]) if k in b else v for k, v in a.items()}
    return {**both, **{k: v for k, v in b.items() if k not in a}}


def _deep_merge(*documents: str) -> str:
    result = read(documents[0])
    for document in documents[1:]:
        result = _deep(result, read(document))
    return write(result)


deep_merge = by_row(_deep_merge, TEXT)


def _difference(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {k: _difference(old[k], v) if k in old else v for k, v in new.items() if k not in old or old[k] != v}
    return {**changed, **{k: None for k in old if k not in new}}


merge_patch_diff = by_row(lambda old, new: write(_difference(read(old), read(new))), TEXT)


def _writer(*, there: bool, absent: bool) -> Callable[..., Value]:
    def changed(document: str, path: str, value: str) -> str:
        return write(put(read(document), parse_path(path), read(value), there=there, absent=absent))

    return by_row(changed, TEXT)


set_ = _writer(there=True, absent=True)
insert = _writer(there=False, absent=True)
replace = _writer(there=True, absent=False)
remove = by_row(lambda document, path: write(without(read(document), parse_path(path))), TEXT)


def _contains(value: Any, needle: Any) -> bool:
    if _covers(value, needle):
        return True
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_contains(child, needle) for child in below)


def _covers(value: Any, needle: Any) -> bool:
    if isinstance(value, dict) and isinstance(needle, dict):
        return all(k in value and _covers(value[k], v) for k, v in needle.items())
    if isinstance(value, list) and isinstance(needle, list):
        return all(any(_covers(item, wanted) for item in value) for wanted in needle)
    return type(value) is type(needle) and bool(value == needle)


contains = by_row(lambda d, needle: _contains(read(d), read(needle)), pa.bool_())


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _stripped(v) for k, v in value.items() if v is not None}
    return [_stripped(v) for v in value] if isinstance(value, list) else value


strip_nulls = by_row(lambda d: write(_stripped(read(d))), TEXT)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _sorted(value[k]) for k in sorted(value)}
    return [_sorted(v) for v in value] if isinstance(value, list) else value


normalize = by_row(lambda d: write(_sorted(read(d))), TEXT)
pretty = by_row(lambda d: json.dumps(read(d), ensure_ascii=False, indent=4), TEXT)
