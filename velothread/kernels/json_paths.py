"""Paths into JSON documents: `$.a[0].b`, `/a/0/b`, or a key or position by itself.

A path is parsed once; walking one is Python over the parsed document, since Arrow has no JSON values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from velothread.errors import ExecutionError


class _Every:
    """The steps `*` and `..`, which lead to any number of values."""

    def __init__(self, sign: str) -> None:
        self.sign = sign


EVERY: Final = _Every("*")
BELOW: Final = _Every("..")  # all values below, and the value itself; the next step is tried on each
# What a path leads to when it leads nowhere: NULL in SQL, unlike a JSON null.
MISSING: Final = _Every("")

Step = str | int | _Every
Path = tuple[Step, ...]

_STEP = re.compile(
    r"""(?P<below>\.\.)?(?:
        \[(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<every>\*)|\#?(?P<index>-?\d+))\]
      | \.?"(?P<quoted>(?:[^"\\]|\\.)*)"
      | \.?(?P<any>\*)
      | \.?(?P<key>[^.\[\]"*]+)
    )""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """The steps of a path.

    :raises ExecutionError: when it is none.
    """
    if text.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    if not text.startswith("$"):
        return (text,)
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (found["key"] is not None and text[at] != "."):
            raise ExecutionError(
                f"{text!r} is not a JSON path: {text[at:]!r} makes no sense", hint="such as '$.a[0].b', '/a/0/b' or 'a'"
            )
        if found["below"]:
            steps.append(BELOW)
        if found["every"] or found["any"]:
            steps.append(EVERY)
        elif found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            names = (found["single"], found["double"], found["quoted"], found["key"])
            name = next(n for n in names if n is not None)
            steps.append(re.sub(r"\\(.)", r"\1", name) if found["key"] is None else name)
        at = found.end()
    return tuple(steps)


def has_wildcard(path: Path) -> bool:
    """May it lead to several values?"""
    return any(isinstance(step, _Every) for step in path)


def at(value: Any, path: Path) -> Any:
    """The value that a path without wildcards leads to, or MISSING."""
    for step in path:
        value = _one(value, step)
        if value is MISSING:
            return MISSING
    return value


def _one(value: Any, step: Step) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING) if isinstance(step, str) else MISSING
    if not isinstance(value, list):
        return MISSING
    if isinstance(step, str):
        if not step.isdigit():
            return MISSING
        step = int(step)
    if isinstance(step, _Every):
        return MISSING
    return value[step] if -len(value) <= step < len(value) else MISSING


def all_at(value: Any, path: Path) -> list[Any]:
    """All values that a path leads to, in the order of the document."""
    found = [value]
    for number, step in enumerate(path):
        if step is BELOW:
            rest = path[number + 1 :]
            return [hit for v in found for below in _below(v) for hit in all_at(below, rest)]
        if step is EVERY:
            found = [child for v in found for child in _children(v)]
        else:
            found = [child for v in found if (child := _one(v, step)) is not MISSING]
    return found


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []


def _below(value: Any) -> Iterator[Any]:
    yield value
    for child in _children(value):
        yield from _below(child)


def put(value: Any, path: Path, new: Any, *, there: bool, absent: bool) -> Any:
    """`value` with `new` at a path: where something is (`there`), where nothing is (`absent`). Changes `value`."""
    if not path:
        return new if there else value
    step, rest = path[0], path[1:]
    if isinstance(step, _Every):
        raise ExecutionError("a path to be written to must not have wildcards in it")
    below = _one(value, step)
    if below is not MISSING:
        changed = put(below, rest, new, there=there, absent=absent)
        if isinstance(value, dict) and isinstance(step, str):
            value[step] = changed
        elif isinstance(value, list):
            value[int(step)] = changed
        return value
    if not absent:
        return value
    made = put({} if rest else None, rest, new, there=True, absent=True) if rest else new
    if isinstance(value, dict) and isinstance(step, str):
        value[step] = made
    elif isinstance(value, list) and not isinstance(step, str) and step >= len(value):
        value.append(made)
    return value


def without(value: Any, path: Path) -> Any:
    """`value` without what a path leads to. Changes `value`."""
    parent = at(value, path[:-1]) if path else MISSING
    last = path[-1] if path else None
    if isinstance(parent, dict) and isinstance(last, str):
        parent.pop(last, None)
    elif isinstance(parent, list) and isinstance(last, int) and -len(parent) <= last < len(parent):
        del parent[last]
    return value
