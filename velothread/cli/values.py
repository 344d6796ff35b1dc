"""Texts of the command line as values: parameters, column types, lists, table names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from velothread.errors import OptionError

_NAMED = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)=(.*)", re.DOTALL)
_NUMBERED = re.compile(r"\$?([0-9]+)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?")


def parameters(given: Sequence[str]) -> list[Any] | dict[str, Any] | None:
    """The values of `--param`: a dict of named ones, a list of positional ones, None without any.

    :raises OptionError: when both kinds are given, or a name twice.
    """
    if not given:
        return None
    named = [_NAMED.fullmatch(text) for text in given]
    if all(named):
        values: dict[str, Any] = {}
        for found in named:
            if found is not None:
                if found[1] in values:
                    raise OptionError(f"--param {found[1]} is given twice")
                values[found[1]] = value(found[2])
        return values
    if any(named):
        wrong = next(text for text, found in zip(given, named, strict=True) if found is None)
        raise OptionError(
            f"--param {wrong!r} has no name and others have; use name=value for all ($name in the SQL)"
            " or for none (? or $1)"
        )
    numbered = [_NUMBERED.fullmatch(text) for text in given]
    if all(numbered):
        places = {int(found[1]): found[2] for found in numbered if found is not None}
        if sorted(places) != list(range(1, len(given) + 1)):
            raise OptionError(f"--param numbers must be 1 to {len(given)}, each once")
        return [value(places[i + 1]) for i in range(len(given))]
    return [value(text) for text in given]


def value(text: str) -> Any:
    """A number, true, false or null where `text` is one; `'...'` is always text; else the text itself."""
    lowered = text.lower()
    if lowered == "null":
        return None
    if lowered in ("true", "false"):
        return lowered == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def column_types(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`col=TYPE,col=TYPE` of `--types`; commas in parentheses belong to the type.

    :raises OptionError: for a part without `=`.
    """
    found = []
    for part in (p for text in given for p in _split(text)):
        name, equals, sql_type = part.partition("=")
        if not equals or not name.strip() or not sql_type.strip():
            raise OptionError(
                f"--types takes COLUMN=TYPE, separated by commas, not {part!r}; e.g. --types 'id=BIGINT,p=DECIMAL(9,2)'"
            )
        found.append((name.strip(), sql_type.strip()))
    return tuple(found)


def null_texts(given: Sequence[str]) -> tuple[str, ...] | None:
    """The texts that `--nulls` names, commas between them; None when it isn't given. `--nulls ''` is the empty text."""
    return tuple(part for text in given for part in text.split(",")) if given else None


def tables(given: Sequence[str]) -> list[tuple[str, str]]:
    """`NAME=PATH` of `--table`. :raises OptionError: for one without a name or path."""
    found: list[tuple[str, str]] = []
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise OptionError(f"--table takes NAME=PATH, not {text!r}; e.g. --table trades=data/trades.csv")
        if any(name == other for other, _ in found):
            raise OptionError(f"--table {name} is given twice; a glob, or read_csv(['a', 'b']), reads several files")
        found.append((name, path))
    return found


def delimiter(text: str | None) -> str | None:
    r"""`--delim`: `\t` and `tab` are a tab."""
    return {"\\t": "\t", "tab": "\t"}.get(text, text) if text is not None else None


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p for p in [*parts, text[start:]] if p.strip()]
