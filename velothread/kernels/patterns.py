"""Kernels with a pattern or a separator: regular expressions (RE2), LIKE with ESCAPE, splitting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels.function import Value
from velothread.kernels.regex_syntax import (
    capturing_only,
    for_python,
    group_count,
    like_to_regex,
    with_flags,
)
from velothread.kernels.shaping import by_row, lift, with_options
from velothread.kernels.text import TEXT

TEXTS = pa.list_(TEXT)


@contextmanager
def _explained(pattern: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        raise ExecutionError(
            f"{pattern!r} is not a regular expression or replacement that works: {error}",
            hint="the syntax is RE2's; \\. is a dot",
        ) from None


def _matches(text: pa.Array, pattern: str, options: str | None = "") -> pa.Array:
    with _explained(pattern):
        return pc.match_substring_regex(text, with_flags(pattern, options)[0])


def _full_match(text: pa.Array, pattern: str, options: str | None = "") -> pa.Array:
    flagged = with_flags(pattern, options)[0]
    with _explained(pattern):
        return pc.match_substring_regex(text, rf"\A(?:{flagged})\z")


def _replace(text: pa.Array, pattern: str, replacement: str, options: str | None = "") -> pa.Array:
    flagged, everything = with_flags(pattern, options, replace=True)
    with _explained(pattern):
        return pc.replace_substring_regex(text, flagged, replacement, max_replacements=None if everything else 1)


def _extract(text: pa.Array, pattern: str, group: int = 0, options: str | None = "") -> pa.Array:
    if not 0 <= group <= 9:
        raise ExecutionError(f"regexp_extract has groups 0 (all) to 9, not {group}")
    flagged = with_flags(pattern, options)[0]
    with _explained(pattern):
        if group > group_count(flagged):
            return pc.if_else(text.is_null(), pa.scalar(None, TEXT), "")
        found = pc.extract_regex(text, capturing_only(flagged, group)).field("g")
    # No match is the empty text; NULL stays NULL.
    found = found.fill_null("")
    return pc.if_else(text.is_null(), pa.scalar(None, TEXT), found) if text.null_count else found


regexp_matches = with_options(_matches, pa.bool_())
regexp_full_match = with_options(_full_match, pa.bool_())
regexp_replace = with_options(_replace, TEXT)
regexp_extract = with_options(_extract, TEXT)


def _extract_all(text: pa.Array, pattern: str | None, group: int | None = 0, options: str | None = "") -> pa.Array:
    if pattern is None or group is None:
        return pa.nulls(len(text), TEXTS)
    flagged = with_flags(pattern, options)[0]
    compiled = for_python(flagged)
    if group > compiled.groups:
        raise ExecutionError(f"{pattern!r} has {compiled.groups} groups: there is no group {group}")

    def matches(value: str) -> list[str | None]:
        # Arrow has no kernel for all matches: Python's re, once per distinct text.
        return [] if group < 0 else [m.group(group) for m in compiled.finditer(value)]

    return by_row(matches, TEXTS)(text)


regexp_extract_all = with_options(_extract_all, TEXTS, strict=False)


def extract_struct(names: Sequence[str]) -> Callable[..., Value]:
    """regexp_extract(text, pattern, ['name', ...]): a kernel (text, pattern[, options]) that gives a STRUCT."""
    fields = pa.struct([pa.field(name, TEXT) for name in names])

    def kernel(text: pa.Array, pattern: str, options: str | None = "") -> pa.Array:
        flagged = with_flags(pattern, options)[0]
        if group_count(flagged) < len(names):
            raise ExecutionError(f"{pattern!r} has {group_count(flagged)} groups for {len(names)} names")
        groups = [_extract(text, pattern, i + 1, options) for i in range(len(names))]
        mask = text.is_null() if text.null_count else None
        return pa.StructArray.from_arrays(groups, fields=list(fields), mask=mask)

    return with_options(kernel, fields)


def extract_all_structs(names: Sequence[str]) -> Callable[..., Value]:
    """regexp_extract_all(text, pattern, ['name', ...]): a kernel that gives lists of STRUCTs; unset groups are NULL."""
    returns = pa.list_(pa.struct([pa.field(name, TEXT) for name in names]))

    def kernel(text: pa.Array, pattern: str, options: str | None = "") -> pa.Array:
        compiled = for_python(with_flags(pattern, options)[0])
        if compiled.groups < len(names):
            raise ExecutionError(f"{pattern!r} has {compiled.groups} groups for {len(names)} names")

        def matches(value: str) -> list[dict[str, str | None]]:
            return [dict(zip(names, m.groups(), strict=False)) for m in compiled.finditer(value)]

        return by_row(matches, returns)(text)

    return with_options(kernel, returns)


@lift
def regexp_escape(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, r"([^\pL\pN_\x{80}-\x{10FFFF}])", r"\\\1")


def _like(text: pa.Array, pattern: str, escape_character: str) -> pa.Array:
    return pc.match_substring_regex(text, like_to_regex(pattern, escape_character))


def _ilike(text: pa.Array, pattern: str, escape_character: str) -> pa.Array:
    return pc.match_substring_regex(text, like_to_regex(pattern, escape_character), ignore_case=True)


def _negated(kernel: Callable[..., pa.Array]) -> Callable[..., pa.Array]:
    return lambda *arguments: pc.invert(kernel(*arguments))


like_escape = with_options(_like, pa.bool_())
ilike_escape = with_options(_ilike, pa.bool_())
not_like_escape = with_options(_negated(_like), pa.bool_())
not_ilike_escape = with_options(_negated(_ilike), pa.bool_())


_letters = by_row(lambda text: list(text) or [""], TEXTS)


def _split(text: pa.Array, separator: str | None) -> pa.Array:
    if separator is None:
        return _single(text)
    return pc.split_pattern(text, separator) if separator else _letters(text)


def _single(text: pa.Array) -> pa.Array:
    mask = text.is_null()
    lengths = pc.invert(mask).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), text.drop_null(), mask=mask if text.null_count else None)


def _split_regex(text: pa.Array, pattern: str | None, options: str | None = "") -> pa.Array:
    if pattern is None:
        return _single(text)
    if not pattern:
        return _letters(text)
    flagged = with_flags(pattern, options)[0]
    with _explained(pattern):
        if not pc.match_substring_regex(pa.scalar(""), flagged).as_py():
            return pc.split_pattern_regex(text, flagged)
    compiled = for_python(flagged)
    return by_row(lambda value: _split_nonempty(compiled, value), TEXTS)(text)


def _split_nonempty(compiled: re.Pattern[str], value: str) -> list[str]:
    # A pattern that matches nothing at all splits between characters.
    pieces, begin = [], 0
    for match in compiled.finditer(value):
        if match.end() == 0 or match.start() == len(value):
            continue
        pieces.append(value[begin : match.start()])
        begin = match.end()
    return [*pieces, value[begin:]]


string_split = with_options(_split, TEXTS, strict=False)
string_split_regex = with_options(_split_regex, TEXTS, strict=False)


def _split_part(text: pa.Array, separator: str, number: int) -> pa.Array:
    if number == 0:
        return pc.if_else(text.is_null(), pa.scalar(None, TEXT), "")
    if not separator:
        start = number - 1 if number > 0 else number
        parts = _letters(text)
    elif number == 1:  # the commonest part needs no list
        parts = pc.split_pattern(text, separator, max_splits=1)
        start = 0
    else:
        parts = pc.split_pattern(text, separator)
        start = number - 1 if number > 0 else number
    offsets = parts.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(offsets)
    at = offsets[:-1] + start if start >= 0 else offsets[1:] + start
    inside = (start < lengths) if start >= 0 else (-start <= lengths)
    picked = parts.values.take(pa.array(np.where(inside, at, 0), mask=~inside)).fill_null("")
    return pc.if_else(text.is_null(), pa.scalar(None, TEXT), picked) if text.null_count else picked


split_part = with_options(_split_part, TEXT)
