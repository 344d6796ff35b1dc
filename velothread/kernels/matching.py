"""LIKE, ILIKE and GLOB without ESCAPE, and the operator `||`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.function import Value
from velothread.kernels.regex_syntax import like_to_regex
from velothread.kernels.shaping import with_options
from velothread.kernels.vectors import column, columnar, view

_SPECIAL_IN_REGEX = frozenset(r"\.+*?()|[]{}^$")


def _plain(part: str) -> bool:
    return "%" not in part and "_" not in part


def _like(text: pa.Array, pattern: str) -> pa.Array:
    # The frequent shapes have kernels that are much quicker than regular expressions.
    if _plain(pattern):
        return pc.equal(text, pattern)
    inner = pattern.strip("%")
    if _plain(inner):
        if not inner:
            return pc.is_valid(text) if not text.null_count else pc.greater_equal(pc.binary_length(text), 0)
        before, after = pattern.startswith("%"), pattern.endswith("%")
        if before and after:
            return pc.match_substring(text, inner)
        return pc.ends_with(text, inner) if before else pc.starts_with(text, inner)
    return pc.match_substring_regex(text, like_to_regex(pattern, ""))


def _ilike(text: pa.Array, pattern: str) -> pa.Array:
    if pattern.isascii() and _only_ascii(text):
        return _like(pc.ascii_lower(text), pattern.lower())
    return pc.match_substring_regex(text, like_to_regex(pattern, ""), ignore_case=True)


def _only_ascii(text: pa.Array) -> bool:
    data = text.buffers()[2]
    if data is None or len(text) == 0:
        return True
    offsets = np.frombuffer(text.buffers()[1], np.int32, count=len(text) + 1, offset=text.offset * 4)
    used = np.frombuffer(data, np.uint8, count=int(offsets[-1] - offsets[0]), offset=int(offsets[0]))
    return bool(used.max(initial=0) < 128)


def _glob(text: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(text, glob_to_regex(pattern))


def glob_to_regex(pattern: str) -> str:
    r"""An RE2 pattern for GLOB: `*` any text, `?` one character, `[a-c]`, `[!x]` sets, `\` takes the next as it is."""
    out, place = [r"(?s)\A"], 0
    while place < len(pattern):
        c = pattern[place]
        place += 1
        if c == "*":
            out.append(".*")
        elif c == "?":
            out.append(".")
        elif c == "\\" and place < len(pattern):
            out.append(_quoted(pattern[place]))
            place += 1
        elif c == "[" and (end := pattern.find("]", place + 1 + (pattern[place : place + 1] == "!"))) > 0:
            inside = pattern[place:end]
            negated = inside.startswith("!")
            escaped = "".join("\\" + x if x in "\\^[]&~" else x for x in inside[negated:])
            out.append(f"[{'^' if negated else ''}{escaped}]")
            place = end + 1
        else:
            out.append(_quoted(c))
    return "".join(out) + r"\z"


def _quoted(character: str) -> str:
    return "\\" + character if character in _SPECIAL_IN_REGEX else character


like = with_options(_like, pa.bool_())
ilike = with_options(_ilike, pa.bool_())
glob = with_options(_glob, pa.bool_())


def concat_text(left: Value, right: Value) -> Value:
    """a || b of VARCHAR or BLOB; NULL if either is."""
    return pc.binary_join_element_wise(left, right, pa.scalar("" if left.type == pa.string() else b"", left.type))


def _concat_lists(left: pa.Array, right: pa.Array) -> pa.Array:
    rows = len(left)
    both = pc.and_(pc.is_valid(left), pc.is_valid(right))
    parts = []
    for lists in (left, right):
        lengths = view(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)
        parts.append((lists.flatten(), lengths, np.cumsum(lengths) - lengths))
    (a, a_lengths, a_starts), (b, b_lengths, b_starts) = parts
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(a_lengths + b_lengths, out=offsets[1:])
    places = np.arange(offsets[-1])
    row = np.repeat(np.arange(rows), a_lengths + b_lengths)
    within = places - offsets[:-1][row]
    from_left = within < a_lengths[row]
    take = np.where(from_left, a_starts[row] + within, len(a) + b_starts[row] + within - a_lengths[row])
    items = pa.concat_arrays([a, b]).take(column(take, pa.int64()))
    mask = pc.invert(both) if left.null_count or right.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), items, type=left.type, mask=mask)


concat_lists = columnar(_concat_lists)
