"""SQL of other dialects: parsed by sqlglot, with calls left as written, then said in ours (`dialect_meaning`)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlglot import TokenType, exp
from sqlglot.dialects.dialect import Dialect

from velothread.errors import OptionError, did_you_mean
from velothread.frontend.dialect import PlacedParser
from velothread.frontend.dialect_meaning.families import FAMILIES, family_of, meaning_of
from velothread.frontend.dialect_meaning.translate import translate

# What has a syntax of its own in a dialect; sqlglot parses it, all other calls stay plain.
_SPECIAL_SYNTAX = (
    "CAST", "TRY_CAST", "SAFE_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "OVERLAY", "CONVERT", "TRY_CONVERT",
    "GROUP_CONCAT", "GROUPCONCAT", "STRING_AGG", "LISTAGG",
)  # fmt: skip


def known() -> list[str]:
    """The names of the dialects that are read."""
    return sorted(("velothread", "duckdb", *FAMILIES))


def parse_dialect(sql: str, dialect: str) -> list[exp.Expr]:
    """The statements of a text in another dialect, in our own dialect's trees; empty ones left out.

    :raises OptionError: for a dialect that is not read.
    :raises UnsupportedError: for what has no translation.
    """
    family = family_of(dialect, Dialect.classes)
    if family is None:
        hint = did_you_mean(dialect, known()) or f"known: {', '.join(known())}"
        raise OptionError(f"unknown SQL dialect {dialect!r}; {hint}")
    reader = Dialect.get_or_raise(dialect)
    reader.INDEX_OFFSET = 0  # of this instance: subscripts stay as written
    trees = _parser(dialect)(dialect=reader).parse(reader.tokenize(sql), sql)
    meaning = meaning_of(family)
    return [
        translate(tree, meaning, sql) if not isinstance(tree, exp.Command) else tree
        for tree in trees
        if tree is not None and not isinstance(tree, exp.Semicolon)
    ]


@cache
def _parser(dialect: str) -> Any:
    """The dialect's parser, with calls left as they were written."""
    base: Any = Dialect.get_or_raise(dialect).parser_class
    keep = frozenset(_SPECIAL_SYNTAX)
    if dialect == "bigquery":
        keep |= {"ARRAY"}
    elif dialect == "clickhouse":
        keep = frozenset({"CAST", "EXTRACT", "SUBSTRING", "TRIM", "GROUPCONCAT"})
    elif dialect == "snowflake":
        keep -= {"POSITION"}
    members: dict[str, Any] = {
        "FUNCTION_PARSERS": {k: v for k, v in base.FUNCTION_PARSERS.items() if k in keep},
        "NO_PAREN_FUNCTION_PARSERS": {
            k: v for k, v in base.NO_PAREN_FUNCTION_PARSERS.items() if k in ("CASE", "ANY", "MAP")
        },
        "NO_PAREN_FUNCTIONS": {
            k: v for k, v in base.NO_PAREN_FUNCTIONS.items() if k in _CLOCKS and v is not exp.CurrentDatetime
        },
        "FUNCTIONS": {},
        # ARRAY[1, 2] makes a list; where it isn't known, array(1, 2)[0] is a subscript
        "ARRAY_CONSTRUCTORS": {"ARRAY": exp.Array}
        if FAMILIES.get(dialect) in ("postgres", "trino", "bigquery")
        else {},
    }
    return type(f"{dialect.title()}Calls", (PlacedParser, base), members)


_CLOCKS = (
    TokenType.CURRENT_DATE, TokenType.CURRENT_TIMESTAMP, TokenType.CURRENT_TIME, TokenType.LOCALTIMESTAMP,
)  # fmt: skip
