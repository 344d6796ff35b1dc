"""Our SQL dialect: DuckDB's grammar as sqlglot reads it, with function calls left as written.

sqlglot turns well-known functions into its own nodes and renames what it knows; velothread has its own function tables,
so all calls stay `Anonymous(name, arguments)` and keep their positions. What has a syntax of its own (CAST, EXTRACT,
TRIM, SUBSTRING ... FROM, POSITION ... IN) is still parsed by sqlglot.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB

_SPECIAL_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "OVERLAY")


def _typed_literal(parser: Any, this: exp.Expression, to: exp.DataType) -> exp.Expression:
    """`DATE '2020-01-01'::TIMESTAMP`: the type in front belongs to the text alone, not to all that follows."""
    leaf = this
    while not isinstance(leaf, exp.Literal):
        leaf = leaf.this
    cast = exp.Cast(this=leaf.copy(), to=to)
    cast.meta["typed_literal"] = True
    if leaf is this:
        return cast
    leaf.replace(cast)
    return this


class PlacedParser:
    """Beside a parser of sqlglot's: calls stay as written, and what errors point at as a whole knows its place."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    TYPE_LITERAL_PARSERS: ClassVar[dict[Any, Any]] = dict.fromkeys(exp.DType, _typed_literal)
    # the path of an arrow stays as written
    JSON_OPERATORS: ClassVar[dict[Any, Any]] = {
        TokenType.ARROW: lambda self, this, path: self.expression(exp.JSONExtract(this=this, expression=path)),
        TokenType.DARROW: lambda self, this, path: self.expression(exp.JSONExtractScalar(this=this, expression=path)),
    }
    _curr: Any
    _prev: Any
    _tokens: Any
    _index: int

    def _parse_placeholder(self) -> exp.Expr | None:
        start = self._curr
        node: exp.Expr | None = super()._parse_placeholder()  # type: ignore[misc]
        return self._placed(start, node)

    def _parse_types(self, *args: Any, **options: Any) -> exp.Expr | None:
        start = self._curr
        node: exp.Expr | None = super()._parse_types(*args, **options)  # type: ignore[misc]
        if isinstance(node, exp.DataType) and start is not None:
            self._placed(start, node)
            node.meta["text"] = self._find_sql(start, self._prev)  # type: ignore[attr-defined]
        return node

    def _parse_cast(self, *args: Any, **options: Any) -> exp.Expr:
        name = self._tokens[self._index - 2]  # CAST, then the parenthesis
        node: exp.Expr = super()._parse_cast(*args, **options)  # type: ignore[misc]
        end = self._curr if self._curr is not None else self._prev
        node.meta["start"], node.meta["end"] = name.start, end.end
        return node

    def _parse_select(self, *args: Any, **options: Any) -> exp.Expr | None:
        start = self._curr
        node: exp.Expr | None = super()._parse_select(*args, **options)  # type: ignore[misc]
        return node if isinstance(node, exp.SetOperation) else self._placed(start, node)

    def _parse_function_call(self, *args: Any, **options: Any) -> exp.Expr | None:
        node: exp.Expr | None = super()._parse_function_call(*args, **options)  # type: ignore[misc]
        if isinstance(node, exp.Anonymous) and self._prev.token_type == TokenType.R_PAREN:
            node.meta["end"] = self._prev.end
        return node

    def _placed(self, start: Any, node: exp.Expr | None) -> exp.Expr | None:
        """`node`, knowing that it reaches from `start` to the last token that was read."""
        if node is not None and start is not None and "start" not in node.meta:
            node.meta["start"], node.meta["end"] = start.start, self._prev.end
        return node


class Velothread(DuckDB):
    """`sqlglot.parse(sql, dialect=Velothread)`."""

    INDEX_OFFSET = 0  # subscripts stay as written

    class Tokenizer(DuckDB.Tokenizer):
        # Not HEX_STRINGS: with these, 0x41 would be a number, which in DuckDB is `0 AS x41`.
        BYTE_STRINGS: ClassVar[list[str | tuple[str, str]]] = [*DuckDB.Tokenizer.BYTE_STRINGS, ("x'", "'"), ("X'", "'")]

    class Parser(PlacedParser, DuckDB.Parser):  # type: ignore[misc,valid-type]
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            k: v for k, v in DuckDB.Parser.FUNCTION_PARSERS.items() if k in _SPECIAL_SYNTAX
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            k: v for k, v in DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS.items() if k in ("CASE", "ANY", "MAP")
        }
        PRIMARY_PARSERS: ClassVar[dict[Any, Any]] = {
            **DuckDB.Parser.PRIMARY_PARSERS,
            TokenType.BYTE_STRING: lambda self, token: self._byte_string(token),
        }
        ARRAY_CONSTRUCTORS: ClassVar[dict[str, Any]] = {"ARRAY": exp.Array}  # list(x)[1] is the aggregate's first item

        def _parse_join(self, *args: Any, **options: Any) -> exp.Join | None:
            """`a, b` and `a JOIN b` are the same node: which it was decides whether ON may be missing."""
            comma = self._curr is not None and self._curr.token_type == TokenType.COMMA
            node: exp.Join | None = super()._parse_join(*args, **options)
            if node is not None and not comma:
                node.meta["join"] = True
            return node

        def _parse_interval_span(self, this: exp.Expression, parse_function_unit: bool = True) -> exp.Interval:
            """The text stays whole: `INTERVAL '2 days 03:04'`. A unit is one only behind it."""
            text = this.name if isinstance(this, exp.Literal) and this.is_string else None
            if text is not None and not text.replace(".", "", 1).strip().lstrip("+-").isdigit():
                return exp.Interval(this=this)
            is_unit = self._curr is not None and self._curr.token_type in (TokenType.VAR, *self.ID_VAR_TOKENS)
            unit = self._parse_var(any_token=True, upper=True) if is_unit else None
            return exp.Interval(this=this, unit=unit)

        def _parse_star_ops(self) -> exp.Expr | None:
            """`*` with EXCLUDE, REPLACE, RENAME; `*COLUMNS(...)` is marked; patterns stay operators, as LIKE is one."""
            star = self._prev
            if self._match_text_seq("COLUMNS", "(", advance=False):
                call: exp.Expr | None = self._parse_function()
                if call is not None:
                    call.meta["unpack"] = True
                return call
            node: exp.Expr = self.expression(exp.Star())
            for key, words in (("except_", ("EXCEPT", "EXCLUDE")), ("replace", ("REPLACE",)), ("rename", ("RENAME",))):
                found = self._parse_star_op(*words)
                if found:
                    node.set(key, found)
            placed: exp.Expr = node.update_positions(star)
            return placed

        def _parse_simplified_pivot(self, is_unpivot: bool | None = None) -> exp.Expr:
            """PIVOT t ON x IN (1, 2 AS two) USING sum(y) GROUP BY z ORDER BY z: sqlglot knows less of it."""
            this = self._parse_table()
            include_nulls = self._match_text_seq("INCLUDE", "NULLS")
            on = self._parse_csv(self._parse_pivot_on) if self._match(TokenType.ON) else None
            into = self._parse_unpivot_columns()
            using = self._parse_csv(self._parse_expression) if self._match(TokenType.USING) else None
            node: exp.Expr = exp.Pivot(
                this=this, expressions=on, into=into, using=using, group=self._parse_group(), unpivot=is_unpivot,
                include_nulls=include_nulls,
            )  # fmt: skip
            if self._curr is not None and self._curr.token_type in (TokenType.ORDER_BY, TokenType.LIMIT):
                node = self._parse_query_modifiers(exp.Subquery(this=node))
            return node

        def _parse_pivot_on(self) -> exp.Expr | None:
            this = self._parse_bitwise()
            if self._match(TokenType.IN):
                values = self._parse_wrapped_csv(lambda: self._parse_alias(self._parse_select_or_expression()))
                return exp.In(this=this, expressions=values)
            named: exp.Expr | None = self._parse_alias(this) if self._match(TokenType.ALIAS, advance=False) else this
            return named

        def _parse_unary(self) -> exp.Expr | None:
            """`5!` is a factorial, `@x` an absolute value."""
            start = self._curr
            if start is not None and start.text == "@":
                self._advance()
                return self._placed(start, exp.Anonymous(this="abs", expressions=[self._parse_unary()]))
            node: exp.Expr | None = super()._parse_unary()
            while node is not None and self._curr is not None and self._curr.text == "!" and not self._glued():
                self._advance()
                node = self._placed(start, exp.Anonymous(this="factorial", expressions=[node]))
            return node

        def _glued(self) -> bool:
            """Is the next token a part of this operator, as in `a !~ b`?"""
            follows = self._next is not None and self._next.start == self._curr.end + 1
            return follows and self._next.text not in (",", ")", ";", ":", "]", "}", "!")

        def _byte_string(self, token: Any) -> exp.Expr:
            """`x'41'` is a BLOB; others are left to sqlglot."""
            if self.sql[token.start] not in "xX":
                return exp.ByteString(this=token.text)
            if len(token.text) % 2 or not set(token.text) <= set("0123456789abcdefABCDEF"):
                self.raise_error("a BLOB in hexadecimal has two digits (0 to 9, a to f) for each byte", token)
            node = exp.HexString(this=token.text, is_integer=False)
            node.meta["start"], node.meta["end"] = token.start, token.end
            return node
