"""Regular expressions as text: options, capture groups, and what Python's `re` says otherwise than RE2.

Arrow matches with RE2, whose syntax is the SQL one here. Arrow can't list all matches of a pattern, nor match with an
unnamed group, so patterns are rewritten on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from velothread.errors import ExecutionError

_POSIX = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": r"\w", "blank": r" \t",
}  # fmt: skip
OPTIONS_HINT = "the options are i and c (case), l (literal), s (. matches newlines), n, m, p, and g for regexp_replace"


def with_flags(pattern: str, options: str | None, *, replace: bool = False) -> tuple[str, bool]:
    """The pattern with its option letters written into it, and whether all matches are meant ('g').

    :raises ExecutionError: for a letter that is not an option.
    """
    if options is None:
        raise ExecutionError("the options of a regular expression must not be NULL")
    literal = ignore_case = newlines = everything = False
    for letter in options:
        if letter in "ci":
            ignore_case = letter == "i"
        elif letter == "l":
            literal = True
        elif letter in "mnp":
            newlines = False
        elif letter == "s":
            newlines = True
        elif letter == "g" and replace:
            everything = True
        elif not letter.isspace():
            raise ExecutionError(f"{letter!r} is not an option of this regular expression", hint=OPTIONS_HINT)
    if literal:
        pattern = escape(pattern)
    flags = ("i" if ignore_case else "") + ("s" if newlines else "")
    return (f"(?{flags}){pattern}" if flags else pattern), everything


def escape(text: str) -> str:
    """`text` so that a pattern matches it literally."""
    return "".join(c if c.isalnum() or c == "_" or ord(c) > 127 else f"\\{c}" for c in text)


def tokens(pattern: str) -> Iterator[str]:
    """`pattern` in pieces: escapes, whole character classes, openings of groups, single characters."""
    i, n = 0, len(pattern)
    while i < n:
        end = i + 1
        if pattern[i] == "\\":
            end = i + 2
            if pattern[i + 1 : i + 2] == "Q":
                close = pattern.find("\\E", i)
                end = n if close < 0 else close + 2
        elif pattern[i] == "[":
            end = i + 2 if pattern[i + 1 : i + 2] == "^" else i + 1
            end += pattern[end : end + 1] == "]"
            while end < n and pattern[end] != "]":
                if pattern.startswith("[:", end) and ":]" in pattern[end:]:
                    end = pattern.index(":]", end) + 2
                else:
                    end += 2 if pattern[end] == "\\" else 1
            end += 1
        elif pattern[i] == "(" and pattern[i + 1 : i + 2] == "?":
            named = re.compile(r"\(\?P?<[^>]*>").match(pattern, i)
            end = named.end() if named else i + 2
        yield pattern[i:end]
        i = end


def _captures(token: str) -> bool:
    return token == "(" or (token.startswith("(?") and token.endswith(">"))


@lru_cache(maxsize=256)
def group_count(pattern: str) -> int:
    """How many capture groups `pattern` has."""
    return sum(_captures(token) for token in tokens(pattern))


@lru_cache(maxsize=256)
def capturing_only(pattern: str, group: int) -> str:
    """`pattern` with one capture group, named `g`: number `group`, or all of the match for 0."""
    parts, seen = [], 0
    for token in tokens(pattern):
        if _captures(token):
            seen += 1
            token = "(?P<g>" if seen == group else "(?:"
        parts.append(token)
    text = "".join(parts)
    return f"(?P<g>{text})" if group == 0 else text


@lru_cache(maxsize=256)
def for_python(pattern: str) -> re.Pattern[str]:
    """`pattern` compiled by Python, with RE2's meaning of classes, \\z, \\Q..\\E and named groups.

    :raises ExecutionError: when it isn't a regular expression.
    """
    parts = []
    for token in tokens(pattern):
        if token.startswith("[") and "[:" in token:
            token = re.sub(r"\[:(\w+):\]", lambda m: _POSIX.get(str(m[1]), str(m[0])), token)
        elif token == "\\z":
            token = "\\Z"
        elif token == "$":
            token = "\\Z"  # Python's $ also matches before a last newline
        elif token.startswith("\\Q"):
            token = re.escape(token.removeprefix("\\Q").removesuffix("\\E"))
        elif token.startswith("(?<") and token.endswith(">"):
            token = "(?P<" + token[3:]
        parts.append(token)
    try:
        # RE2's \d, \w, \s and \b are ASCII, its letters compare by Unicode case.
        return re.compile(_ascii_classes("".join(parts)))
    except re.error as error:
        raise ExecutionError(f"{pattern!r} is not a regular expression: {error}") from None


_ASCII = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\f\r"}


def _ascii_classes(pattern: str) -> str:
    parts = []
    for token in tokens(pattern):
        if len(token) == 2 and token[0] == "\\" and token[1] in "dws":
            parts.append(f"[{_ASCII[token[1]]}]")
        elif len(token) == 2 and token[0] == "\\" and token[1] in "DWS":
            parts.append(f"[^{_ASCII[token[1].lower()]}]")
        elif token.startswith("["):
            parts.append(re.sub(r"\\([dws])", lambda m: _ASCII[str(m[1])], token))
        else:
            parts.append(token)
    return "".join(parts)


@lru_cache(maxsize=256)
def like_to_regex(pattern: str, escape_character: str) -> str:
    """An RE2 pattern that matches what LIKE `pattern` ESCAPE `escape_character` does.

    :raises ExecutionError: when the pattern ends with the escape character, or that is not one character.
    """
    if len(escape_character) > 1:
        raise ExecutionError(f"the ESCAPE of LIKE must be one character, not {escape_character!r}")
    parts, characters = [], iter(pattern)
    for character in characters:
        if character == escape_character:
            literal = next(characters, None)
            if literal is None:
                raise ExecutionError(f"the LIKE pattern {pattern!r} ends with its escape character")
            parts.append(escape(literal))
        elif character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        else:
            parts.append(escape(character))
    return r"(?s)\A" + "".join(parts) + r"\z"
