"""Random tables and random queries over them, for property tests.

`tables()` draws Arrow tables with every type, NULLs, NaN, odd text, skewed keys; `queries(dialect)` draws SQL from a
grammar of what velothread does. Dialects other than "velothread" leave out what means something else there (SQLite), or
what depends on the order of rows (DuckDB runs in parallel).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

COLUMNS: dict[str, tuple[str, pa.DataType]] = {
    "k": ("int", pa.int64()),
    "i": ("int", pa.int32()),
    "x": ("float", pa.float64()),
    "s": ("text", pa.string()),
    "g": ("text", pa.string()),
    "b": ("bool", pa.bool_()),
    "d": ("date", pa.date32()),
    "t": ("timestamp", pa.timestamp("us")),
    "m": ("decimal", pa.decimal128(10, 2)),
}
_ODD_TEXT = [
    "",
    "a",
    "A",
    "ab",
    "b",
    "é",
    "ß",
    "日本",
    "a b",
    " a ",
    "%",
    "_",
    "'",
    '"',
    "\\",
    "\n",
    "0",
    "12",
    "NULL",
    "🙂",
    "zz",
]
_GROUPS = ["red", "green", "blue", "", "Red"]


def _values(kind: str, type_: pa.DataType) -> st.SearchStrategy[Any]:
    match kind:
        case "int" if type_ == pa.int64():
            return st.one_of(st.sampled_from([0, 1, 1, 1, 2, 3, -1]), st.integers(-1000, 1000))
        case "int":
            return st.integers(-50, 50)
        case "float":
            odd = st.sampled_from([0.0, -0.0, float("nan"), float("inf"), float("-inf"), 0.1, 1e300, 1e-300])
            return st.one_of(st.floats(-1e6, 1e6, allow_nan=False), odd)
        case "text":
            return st.one_of(st.sampled_from(_ODD_TEXT), st.text(st.characters(codec="utf-8"), max_size=5))
        case "bool":
            return st.booleans()
        case "date":
            return st.dates(dt.date(1990, 1, 1), dt.date(2030, 12, 31))
        case "timestamp":
            return st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 12, 31))
        case _:
            return st.decimals(Decimal("-99999.99"), Decimal("99999.99"), places=2)


@st.composite
def tables(draw: st.DrawFn, *, max_rows: int = 40, odd: bool = True) -> pa.Table:
    """A table with all columns; few rows, in several batches. Without `odd`: no NaN, infinity, -0.0, control text."""
    rows = draw(st.integers(0, max_rows))
    arrays = []
    for name, (kind, type_) in COLUMNS.items():
        values = st.sampled_from(_GROUPS) if name == "g" else _values(kind, type_)
        if not odd and kind == "float":
            values = st.integers(-1000, 1000).map(lambda v: v / 4)
        if not odd and kind == "text" and name != "g":
            values = st.sampled_from([x for x in _ODD_TEXT if x.isprintable()])
        nulls = draw(st.sampled_from([0, 0, 1, 3]))
        cell = values if not nulls else st.one_of(*[st.none()] * nulls, *[values] * 3)
        arrays.append(pa.array(draw(st.lists(cell, min_size=rows, max_size=rows)), type_))
    table = pa.table(dict(zip(COLUMNS, arrays, strict=True)))
    cuts = sorted(draw(st.lists(st.integers(0, rows), max_size=4)))
    pieces = [table.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, rows], strict=True)]
    return pa.concat_tables([p for p in pieces if p.num_rows] or [table])


def _text_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# kind -> what stands at the leaves, and templates of one level; {kind} is an expression of that kind, one level down.
LEAVES: dict[str, list[str]] = {
    "int": ["k", "i", "1", "-3", "7"], "float": ["x", "0.5", "-3.0"], "decimal": ["m", "1.50", "-0.01"],
    "text": ["s", "g", *map(_text_literal, _ODD_TEXT[:12])], "bool": ["i > 0", "s = 'a'", "x < 1", "g IS NULL"],
    "date": ["d", "DATE '2020-02-29'"], "timestamp": ["t"],
}  # fmt: skip
EVERYWHERE: dict[str, list[str]] = {
    "int": [
        "({int} + {int})", "({int} - {int})", "abs({int})", "length({text})", "coalesce({int}, {int})",
        "nullif({int}, {int})",
        "CASE WHEN {bool} THEN {int} ELSE {int} END", "CASE WHEN {bool} THEN {int} WHEN {bool} THEN {int} END",
    ],
    "float": [
        "({float} + {float})", "({float} - {float})", "coalesce({float}, {float})", "abs({float})",
        "CASE WHEN {bool} THEN {float} END",
    ],
    "decimal": ["(m + {decimal})", "abs({decimal})", "coalesce({decimal}, 0.00)", "(m - 1.50)"],
    "text": [
        "({text} || {text})", "coalesce({text}, {text})", "CASE WHEN {bool} THEN {text} ELSE {text} END",
        "substr({text}, 1, 2)", "replace({text}, 'a', 'xy')",
    ],
    "bool": [
        "({int} = {int})", "({int} < {int})", "({text} = {text})", "({text} >= {text})", "({int} IS NULL)",
        "({text} IS NOT NULL)",
        "NOT ({bool})", "({bool} AND {bool})", "({bool} OR {bool})", "({int} BETWEEN -1 AND 2)",
        "({int} IN (1, 2, NULL))", "({text} IN ('a', 'red'))",
    ],
    "date": ["coalesce({date}, d)"], "timestamp": ["coalesce({timestamp}, t)"],
}  # fmt: skip
NOT_IN_SQLITE: dict[str, list[str]] = {
    "int": [
        "({int} % 7)", "greatest({int}, {int})", "sign({int})", "year({date})", "date_part('dow', {timestamp})",
        "TRY_CAST({text} AS INT)",
        "strpos({text}, 'a')", "({int} // 3)", "CAST({bool} AS INT)", "datediff('day', {date}, DATE '2020-02-29')",
        "(-({int}))",
        "CASE WHEN i <> 0 THEN 100 // i END",
    ],
    "float": [
        "({float} * {float})", "({float} / {float})", "floor({float})", "round({float}, 1)", "CAST({int} AS DOUBLE)",
        "({int} / 4)", "sqrt(abs({float}))", "least({float}, {float})",
    ],
    "decimal": ["(m * 2)", "(m * 0.5)"],
    "text": [
        "upper({text})", "lower({text})", "trim({text})", "left({text}, 2)", "right({text}, 1)", "reverse({text})",
        "lpad({text}, 3, '*')", "concat({text}, {text})",
        "CAST({int} AS VARCHAR)", "regexp_replace({text}, '[aeiou]', '-')", "CAST({date} AS VARCHAR)",
        "split_part({text}, 'a', 1)", "CAST({decimal} AS VARCHAR)",
    ],
    "bool": [
        "b", "({float} > {float})", "({date} < {date})", "({text} LIKE '%a%')", "({text} ILIKE 'R_d')",
        "regexp_matches({text}, '[a-z]')", "starts_with({text}, 'a')",
        "({int} IS DISTINCT FROM {int})", "contains({text}, 'e')", "({text} NOT LIKE 'a%')", "({float} = {float})",
    ],
    "date": [
        "({date} + 1)", "CAST(date_trunc('month', {date}) AS DATE)", "CAST({date} + INTERVAL 1 MONTH AS DATE)",
        "last_day({date})",
    ],
    "timestamp": [
        "date_trunc('hour', {timestamp})", "({timestamp} + INTERVAL 90 MINUTES)",
        "coalesce({timestamp}, TIMESTAMP '2020-01-01 12:00:00')", "CAST({date} AS TIMESTAMP)",
    ],
}  # fmt: skip
AGGREGATES: dict[str, list[str]] = {
    "sqlite": [
        "count(*)", "count({text})", "sum({int})", "min({int})", "max({int})", "min({text})", "max({text})",
        "count(DISTINCT {text})",
    ],
    "duckdb": [
        "bool_and({bool})", "bool_or({bool})", "min(d)", "max(t)", "sum(m)", "count(*) FILTER (WHERE {bool})",
        "sum({int}) FILTER (WHERE {bool})",
        "avg({int})", "sum(DISTINCT {int})", "min({float})", "max({float})", "count_if({bool})",
        "median({int})", "quantile_disc({int}, 0.3)", "regr_count({int}, i)",
    ],
    "velothread": [
        "sum({float})", "avg({float})", "stddev(i / 2)", "var_pop(i * 0.1)", "median({int})",
        "quantile_cont({float}, 0.25)", "first({text})", "last({int})",
        "any_value({text})", "string_agg({text}, ',')", "list({int})", "string_agg({text}, '|' ORDER BY {int} DESC, s)",
        "list(DISTINCT {text})", "max({int}, 2)", "arg_max({text}, {int}, 2)", "histogram({text})", "mad({int})",
        "sum({float}) FILTER (WHERE b)", "stddev_pop({int})", "arg_min({text}, {int})",
    ],
}  # fmt: skip
# Rows that are equal in the window's order stand as the source has them: a rule of ours.
WINDOWS = [
    "row_number() OVER (PARTITION BY {text} ORDER BY {int})", "rank() OVER (ORDER BY {float} DESC)",
    "sum({int}) OVER (ORDER BY {int} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)", "count(*) OVER (PARTITION BY {int})",
    "lag({text}) OVER (PARTITION BY g ORDER BY {int})", "avg({float}) OVER (PARTITION BY {text} ORDER BY d)",
    "max({text}) OVER (PARTITION BY b ORDER BY {int} GROUPS 1 PRECEDING)", "stddev({int}) OVER (ORDER BY k)",
    "list({int}) OVER (PARTITION BY g ORDER BY d ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)",
    "first_value({text} IGNORE NULLS) OVER (PARTITION BY k ORDER BY {int} DESC)", "sum({float}) OVER (PARTITION BY g)",
    "median({int}) OVER (ORDER BY t ROWS 4 PRECEDING)", "count(DISTINCT {text}) OVER (ORDER BY {int})",
]  # fmt: skip
_HOLE = re.compile(r"\{(\w+)\}")


class Grammar:
    """Draws SQL of a dialect: "velothread", "duckdb" or "sqlite"."""

    def __init__(self, draw: st.DrawFn, dialect: str) -> None:
        self.draw = draw
        self.dialect = dialect
        self.full = dialect != "sqlite"

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def fill(self, template: str, depth: int) -> str:
        """A template with an expression in each hole."""
        return _HOLE.sub(lambda m: self.expression(m[1], depth), template)

    def expression(self, kind: str, depth: int) -> str:
        """An expression of a kind, at most `depth` levels above its leaves."""
        if depth <= 0 or self.pick(0, 1, 1, 1) == 0:
            return str(self.pick(*LEAVES[kind]))
        templates = EVERYWHERE[kind] + (NOT_IN_SQLITE[kind] if self.full else [])
        return self.fill(self.pick(*templates), depth - 1)

    def any_expression(self, depth: int) -> str:
        kinds = ("int", "float", "text", "bool", "date", "timestamp", "decimal") if self.full else ("int", "text")
        return self.expression(self.pick(*kinds), depth)

    def aggregate(self) -> str:
        """An aggregate call."""
        levels = {
            "sqlite": ["sqlite"],
            "duckdb": ["sqlite", "duckdb"],
            "velothread": ["sqlite", "duckdb", "velothread"],
        }
        templates = [x for level in levels[self.dialect] for x in AGGREGATES[level]]
        return self.fill(self.pick(*templates), 1)

    def source(self) -> str:
        """What stands in FROM: always with the columns of the table."""
        return self.fill(self.pick(
            "t", "t", "t", "(SELECT * FROM t WHERE {bool}) AS t", "(SELECT * FROM t UNION ALL SELECT * FROM t) AS t",
        ), 1)  # fmt: skip

    def query(self) -> str:
        """A query."""
        where = f" WHERE {self.expression('bool', 2)}" if self.pick(True, True, False) else ""
        source = self.source()
        forms = ["rows", "groups", "distinct", "total", *(["sets", "operation"] if self.full else [])]
        form = self.pick(*forms, *(["windows"] if self.dialect == "velothread" else []))
        if form == "operation":
            kinds = ("UNION ALL", "UNION", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL")
            sides = [f"SELECT {_named(['k % 3', 'g'])} FROM {self.source()}{where}", "SELECT i, s FROM t"]
            return f" {self.pick(*kinds)} ".join(sides if self.pick(True, False) else sides[::-1])
        if form == "windows":
            items = ["k", *(self.fill(self.pick(*WINDOWS), 1) for _ in range(self.pick(1, 2)))]
            return f"SELECT {_named(items)} FROM {source}{where}" + self.tail(len(items))
        if form == "rows":
            items = [self.any_expression(2) for _ in range(self.pick(1, 2, 3))]
            return f"SELECT {_named(items)} FROM {source}{where}" + self.tail(len(items))
        if form == "distinct":
            items = [self.any_expression(1) for _ in range(self.pick(1, 2))]
            return f"SELECT DISTINCT {_named(items)} FROM {source}{where}" + self.tail(len(items))
        calls = [self.aggregate() for _ in range(self.pick(1, 2, 3))]
        if form == "total":
            return f"SELECT {_named(calls)} FROM {source}{where}"
        keys = [self.fill(self.pick("g", "k", "i", "{int}", "{text}"), 1) for _ in range(self.pick(1, 1, 2))]
        if form == "sets":
            keys = list(dict.fromkeys(keys))  # one key twice in a ROLLUP: engines differ
        having = self.pick("", "", " HAVING count(*) > 1")
        by = ", ".join(str(n + 1) for n in range(len(keys)))
        if form == "sets":
            by = self.pick(f"ROLLUP ({by})", f"CUBE ({by})", f"GROUPING SETS (({by}), (), 1)")
        items = [*keys, *calls]
        return f"SELECT {_named(items)} FROM {source}{where} GROUP BY {by}{having}" + self.tail(len(items))

    def tail(self, width: int) -> str:
        """ORDER BY and LIMIT. Ties are broken by source order here, by nothing elsewhere."""
        if self.dialect != "velothread":
            return ""
        order = ""
        if self.pick(False, True):
            keys = [
                f"{n + 1}{self.pick('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST')}"
                for n in range(self.pick(1, width))
            ]
            order = f" ORDER BY {', '.join(keys)}"
        return order + str(self.pick("", "", " LIMIT 0", " LIMIT 3", " LIMIT 5 OFFSET 4"))


def _named(items: list[str]) -> str:
    return ", ".join(f"{e} AS c{n}" for n, e in enumerate(items))


@st.composite
def queries(draw: st.DrawFn, dialect: str = "velothread") -> str:
    """A random query over table `t` (see `COLUMNS`)."""
    return Grammar(draw, dialect).query()
