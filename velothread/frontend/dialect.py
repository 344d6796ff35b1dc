"""Our SQL dialect: DuckDB's grammar as sqlglot reads it, with function calls left as written.

sqlglot turns well-known functions into its own nodes and renames what it knows; velothread has its own function tables,
so all calls stay `Anonymous(name, arguments)` and keep their positions. What has a syntax of its own (CAST, EXTRACT,
TRIM, SUBSTRING ... FROM, POSITION ... IN) is still parsed by sqlglot.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot.dialects.duckdb import DuckDB

_SPECIAL_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "OVERLAY")


class Velothread(DuckDB):
    """`sqlglot.parse(sql, dialect=Velothread)`."""

    INDEX_OFFSET = 0  # subscripts stay as written

    class Parser(DuckDB.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            k: v for k, v in DuckDB.Parser.FUNCTION_PARSERS.items() if k in _SPECIAL_SYNTAX
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            k: v for k, v in DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS.items() if k in ("CASE", "ANY", "MAP")
        }
