"""Tables of functions of other dialects: a line for each, the meaning written in velothread's SQL.

    weekday(d) = isodow("time of"(d)) - 1

A name may have several lines with different numbers of parameters. `...` alone between the parentheses: the call has
the same meaning here, whatever its arguments (behind it: another name, `@` a rewrite, `!` a refusal with a hint).
Names in double quotes are the typed operations of `typed.py`. A parameter called `unit` is a word (`day`, `'day'`), one
called `format` a format of dates written as a text: both come in ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import sqlglot
from sqlglot import exp

from velothread.frontend.dialect import Velothread

# What a name stands for: its templates, or a function of the call.
Rewrite = Callable[[exp.Anonymous], exp.Expr]


@dataclass(frozen=True, slots=True)
class Template:
    """name(parameters) = body; `body` is empty where the call stays as it is."""

    name: str
    parameters: tuple[str, ...]
    body: str


Templates = Mapping[str, tuple[Template, ...]]


def table(*texts: str) -> Templates:
    """The templates of some texts, by name in lower case; a later text replaces the lines of an earlier one."""
    out: dict[str, tuple[Template, ...]] = {}
    for text in texts:
        found: dict[str, list[Template]] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            head, _, body = line.partition(" = ")
            name, _, rest = head.partition("(")
            parameters = tuple(p.strip() for p in rest.rstrip(" )").split(",") if p.strip())
            found.setdefault(name.lower(), []).append(Template(name, parameters, body.strip()))
        out.update({name: tuple(templates) for name, templates in found.items()})
    return MappingProxyType(out)


@lru_cache(maxsize=1024)
def _parsed(body: str) -> exp.Expr:
    tree: exp.Expr = sqlglot.parse_one(body, dialect=Velothread)
    for node in tree.walk():
        node.meta.clear()  # places in the body are none in the user's text
        if isinstance(node, exp.Anonymous) and isinstance(node.this, exp.Identifier):
            node.set("this", node.this.name)  # "time of"(x)
    return tree


def expanded(body: str, given: Mapping[str, exp.Expr]) -> exp.Expr:
    """The body with `given` in place of the parameters."""

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Column) and not part.args.get("table") and part.name in given:
            argument = given[part.name].copy()
            return argument if _is_closed(argument) else exp.Paren(this=argument)
        return part

    return _parsed(body).copy().transform(put)


def _is_closed(node: exp.Expr) -> bool:
    """Needs it no parentheses? (An interval's count must not have any: it would be no literal.)"""
    return not isinstance(node, (exp.Binary, exp.Connector, exp.Unary, exp.Interval)) or isinstance(node, exp.Paren)


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a function of ours, or of a typed operation."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def same_place(new: exp.Expr, old: exp.Expr) -> exp.Expr:
    """`new`, standing where `old` stood in the user's text."""
    for part in old.walk():
        if "start" in part.meta and "start" not in new.meta:
            new.meta["start"], new.meta["end"] = part.meta["start"], part.meta["end"]
        elif "end" in part.meta and "start" in part.meta:
            new.meta["start"] = min(new.meta["start"], part.meta["start"])
            new.meta["end"] = max(new.meta["end"], part.meta["end"])
    return new
