"""SQL text -> statements (sqlglot trees that know their place in the text)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError as SqlglotParseError
from sqlglot.errors import SqlglotError, TokenError

from velothread.errors import ParseError, Position, did_you_mean
from velothread.frontend.dialect import Velothread


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement.

    `sql` is the whole text that positions point into; `parse_s` what parsing it took; `alone`: the text has no other.
    """

    tree: exp.Expr
    sql: str
    parse_s: float = 0.0
    alone: bool = True


def parse(sql: str, dialect: str | None = None) -> list[Statement]:
    """All statements of a text, in order; empty ones left out.

    What another dialect says is translated into ours; positions stay those of `sql`.

    :raises ParseError: with the position of the first error.
    """
    start = perf_counter()
    try:
        if dialect is None or dialect in ("velothread", "duckdb"):
            trees: Sequence[exp.Expr | None] = sqlglot.parse(sql, dialect=Velothread)
        else:
            from velothread.frontend.dialects import parse_dialect  # only a text in another dialect loads the tables

            trees = parse_dialect(sql, dialect)
    except (SqlglotParseError, TokenError) as e:
        raise _error(e, sql) from None
    except RecursionError:
        raise ParseError("the SQL is nested too deeply", sql=sql) from None
    seconds = perf_counter() - start
    found = [t for t in trees if t is not None and not isinstance(t, exp.Semicolon)]
    statements = [Statement(t, sql, seconds, len(found) == 1) for t in found]
    for statement in statements:
        _refuse_raw_commands(statement)
        if "?" in sql:
            _number_placeholders(statement.tree)
    return statements


def position(node: exp.Expr | None) -> Position | None:
    """Where a node stands in the text: the stretch that its known parts cover."""
    if node is None:
        return None
    start: int | None = None
    end = 0
    for part in node.walk():
        at = part.meta.get("start") if part.meta else None
        if at is not None:
            start = at if start is None else min(start, at)
            end = max(end, part.meta["end"] + 1)
    return None if start is None else Position(start, end)


def _number_placeholders(tree: exp.Expr) -> None:
    """The first `?` of a statement's text is parameter 1, and so on: clauses are bound in another order."""
    found = [p for p in tree.find_all(exp.Placeholder) if not p.this]
    for number, node in enumerate(sorted(found, key=lambda p: p.meta.get("start", 0)), 1):
        node.meta["number"] = number


def _error(e: SqlglotError, sql: str) -> ParseError:
    if isinstance(e, TokenError):
        start, what = _unclosed(sql)
        message = f"syntax error: {what} that begins here does not end"
        return ParseError(message, Position(start, start + 1), sql=sql)
    details = getattr(e, "errors", None) or [{}]
    first = details[0]
    place: Position | None = None
    if first.get("line"):
        lines = sql.split("\n")
        line = min(first["line"], len(lines))
        # sqlglot counts columns at the end of the token that it stumbled on
        end = sum(len(x) + 1 for x in lines[: line - 1]) + first.get("col", 1)
        place = Position(max(0, end - max(1, len(first.get("highlight") or ""))), end)
    word = sql[place.start : place.end] if place is not None else ""
    near = f" at {word!r}" if word.strip() else ""
    message = _in_our_words(first.get("description") or str(e).splitlines()[0])
    return ParseError(f"syntax error{near}: {message}", place, hint=_first_word_hint(sql), sql=sql)


def _in_our_words(message: str) -> str:
    """sqlglot's message without its class names."""
    if message.startswith("Required keyword"):
        return "something is missing after this"
    if message.startswith("Invalid expression"):
        return "this is not expected here"
    if message.startswith("Expecting "):
        return "expected " + message.removeprefix("Expecting ").rstrip(".") + " after this"
    if message.startswith("Expected "):
        # its tokens print as Python objects: "... but got <Token token_type: ...>"
        return "expected " + message.removeprefix("Expected ").partition(" but got ")[0].rstrip(".")
    return message.rstrip(".")


def _unclosed(sql: str) -> tuple[int, str]:
    """Where the quote or comment begins that the text ends in."""
    names = {"'": "a text", '"': "a name", "/*": "a comment", "$$": "a text"}
    closers = {"'": "'", '"': '"', "/*": "*/", "$$": "$$", "--": "\n"}
    i = 0
    while i < len(sql):
        opener = next((o for o in closers if sql.startswith(o, i)), None)
        if opener is None:
            i += 1
            continue
        end = sql.find(closers[opener], i + len(opener))
        if end < 0 and opener != "--":
            return i, names[opener]
        i = len(sql) if end < 0 else end + len(closers[opener])
    return max(0, len(sql) - 1), "something"


_FIRST_WORDS = ("SELECT", "FROM", "WITH", "VALUES", "COPY", "DESCRIBE")


def _first_word_hint(sql: str) -> str | None:
    """`SELEC 1`: what the statement was probably meant to begin with."""
    word = sql.split(maxsplit=1)[0] if sql.split() else ""
    if not word.isalpha() or word.upper() in _FIRST_WORDS:
        return None
    return did_you_mean(word, _FIRST_WORDS)


def _refuse_raw_commands(statement: Statement) -> None:
    if isinstance(statement.tree, exp.Command):
        word = str(statement.tree.this)
        from velothread.errors import UnsupportedError

        raise UnsupportedError(
            f"{word} statements are not supported",
            position(statement.tree) or _find(statement.sql, word),
            hint="velothread runs SELECT, FROM, WITH, VALUES, DESCRIBE and COPY ... TO",
            sql=statement.sql,
        )


def _find(sql: str, word: str) -> Position | None:
    at = sql.upper().find(word.upper())
    return Position(at, at + len(word)) if at >= 0 else None
