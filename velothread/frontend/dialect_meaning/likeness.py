"""LIKE and regular expressions of other dialects: escapes, case, sets in brackets, ANY and ALL."""

from __future__ import annotations

import re

from sqlglot import exp

from velothread.frontend.dialect_meaning.meaning import Meaning, refuse
from velothread.frontend.dialect_meaning.templates import call, expanded, same_place


def like(node: exp.Binary, meaning: Meaning, sql: str) -> exp.Expr:
    pattern = node.expression
    if isinstance(pattern, (exp.Any, exp.All)):
        return _like_each(node, meaning, sql)
    if isinstance(node.parent, exp.Escape) or isinstance(node.parent and node.parent.parent, exp.Escape):
        if meaning.like == "exact":
            return node
        raise refuse("LIKE with ESCAPE has no translation from this dialect", node, sql)
    known = pattern.name if isinstance(pattern, exp.Literal) and pattern.is_string else None
    if meaning.like == "brackets" and (known is None or "[" in known):
        return _like_brackets(node, known, sql)
    if meaning.like == "ascii":
        return _like_ascii(node)
    if meaning.escape and (known is None or meaning.escape in known):
        if known is not None and known.replace("\\\\", "").endswith("\\"):
            raise refuse("the pattern ends in its escape character", pattern, sql)
        return exp.Escape(this=node.copy(), expression=exp.Literal.string(meaning.escape))
    return node


def _like_each(node: exp.Binary, meaning: Meaning, sql: str) -> exp.Expr:
    """x LIKE ANY (a, b) -> x LIKE a OR x LIKE b."""
    quantified = node.expression
    inner = quantified.this
    items = inner.expressions if isinstance(inner, exp.Tuple) else [inner.this] if isinstance(inner, exp.Paren) else []
    if not items:
        raise refuse("LIKE ANY takes a list of patterns", node, sql)
    parts = [like(type(node)(this=node.this.copy(), expression=i.copy()), meaning, sql) for i in items]
    joined = exp.or_(*parts) if isinstance(quantified, exp.Any) else exp.and_(*parts)
    return exp.Paren(this=joined)


_ASCII = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def _like_ascii(node: exp.Binary) -> exp.Expr:
    upper, lower = (exp.Literal.string(x) for x in _ASCII)
    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        pattern = exp.Literal.string("".join(c.lower() if c.isascii() else c for c in pattern.name))
        pattern.meta.update(node.expression.meta)
    else:
        pattern = call("translate", exp.cast(pattern.copy(), "VARCHAR"), upper.copy(), lower.copy())
    text = call("translate", exp.cast(node.this.copy(), "VARCHAR"), upper, lower)
    return exp.Like(this=text, expression=pattern)


def _like_brackets(node: exp.Binary, pattern: str | None, sql: str) -> exp.Expr:
    """T-SQL: `[a-c]` in a pattern is a set of characters."""
    if pattern is None:  # what it holds is seen while running
        message = "LIKE: [...] in a pattern that is not written out is not supported"
        body = f"CASE WHEN contains(p, '[') THEN error('{message}') ELSE s LIKE p END"
        return expanded(body, {"s": node.this, "p": node.expression})
    out, i = "", 0
    while i < len(pattern):
        c = pattern[i]
        end = pattern.find("]", i + 2) if c == "[" else -1
        if c == "[" and end < 0:
            raise refuse("LIKE: a [ without its ]", node.expression, sql)
        if end >= 0:
            inner = pattern[i + 1 : end]
            negated = inner.startswith("^")
            inner = re.sub(r"([\\\[\]&~|])", r"\\\1", inner.removeprefix("^"))
            out, i = out + ("[^" if negated else "[") + inner + "]", end + 1
            continue
        out, i = out + {"%": ".*", "_": "."}.get(c, re.escape(c)), i + 1
    return call("regexp_full_match", node.this.copy(), exp.Literal.string(f"(?s){out}"))


def regexp(node: exp.RegexpLike, meaning: Meaning, sql: str) -> exp.Expr:
    if node.args.get("flag") is not None:
        raise refuse("flags of a regular expression are not translated", node, sql)
    name = "regexp_full_match" if node.args.get("full_match") else "regexp_matches"
    return same_place(call(name, node.this, node.expression), node)


def regexp_ilike(node: exp.RegexpILike, meaning: Meaning, sql: str) -> exp.Expr:
    return same_place(call("regexp_matches", node.this, node.expression, exp.Literal.string("i")), node)
