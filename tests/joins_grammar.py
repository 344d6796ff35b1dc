"""Random queries over two tables: joins of every kind, subqueries tied to the query around them, LATERAL.

`joined_queries(dialect)` draws SQL over tables `t` and `u` (both as `query_grammar.tables` makes them). Only what has
one answer in any order of rows is drawn for DuckDB; "velothread" adds LIMIT without ties broken, and lists.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# Conditions between the tables {a} and {b}; the first ones are equalities.
_TIES = [
    "{a}.k = {b}.k", "{a}.k = {b}.k", "{a}.g = {b}.g", "{a}.b = {b}.b", "{a}.k IS NOT DISTINCT FROM {b}.k",
    "{a}.k = {b}.i % 4", "{a}.k + 1 = {b}.k", "{a}.d = {b}.d", "{a}.m = {b}.m",
]  # fmt: skip
_LOOSE = [
    "{a}.k < {b}.k", "{a}.k <> {b}.k", "{a}.g >= {b}.g", "{a}.i + {b}.i > 3", "{a}.x < {b}.x",
    "coalesce({a}.k, 1) = coalesce({b}.k, 1)", "({a}.k = {b}.k OR {a}.g = {b}.g)", "{a}.k IS DISTINCT FROM {b}.k",
]  # fmt: skip
_LOCAL = ["{a}.k > 0", "{a}.i < 10", "{a}.g IS NOT NULL", "{a}.b", "{a}.k IN (1, 2, NULL)", "{a}.s = 'a'", "true"]
_VALUES = [
    "{a}.k",
    "{a}.i",
    "{a}.g",
    "{a}.k + 1",
    "coalesce({a}.k, -5)",
    "{a}.m",
    "{a}.b",
    "CASE WHEN {a}.b THEN {a}.k END",
]
_TOTALS = ["count(*)", "count({a}.k)", "sum({a}.k)", "max({a}.i)", "min({a}.g)", "count(DISTINCT {a}.g)",
           "count(*) FILTER (WHERE {a}.b)", "bool_or({a}.b)", "coalesce(sum({a}.i), 0) + 1"]  # fmt: skip
_JOINS = ["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]


class JoinGrammar:
    """Draws SQL; the names of the tables in scope are passed down."""

    def __init__(self, draw: st.DrawFn, dialect: str) -> None:
        self.draw = draw
        self.dialect = dialect
        self.names = 0

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def name(self) -> str:
        self.names += 1
        return f"q{self.names}"

    def tie(self, a: str, others: list[str], loose: bool = True) -> str:
        """A condition that ties table `a` to one of the others."""
        templates = _TIES + _LOOSE if loose else _TIES
        parts = [self.pick(*templates).format(a=a, b=self.pick(*others))]
        if self.pick(0, 0, 1):
            parts.append(self.pick(*_TIES, *_LOOSE, *_LOCAL).format(a=a, b=self.pick(*others)))
        return " AND ".join(parts)

    def value(self, name: str) -> str:
        return str(self.pick(*_VALUES)).format(a=name)

    # --- subqueries

    def subquery(self, outer: list[str], depth: int) -> str:
        """A value that a subquery gives."""
        a = self.name()
        table = self.pick("t", "u")
        where = self.where(a, outer, depth)
        total = self.pick(*_TOTALS).format(a=a)
        o = self.pick(*outer)
        operator = self.pick("<", ">=", "<>", "=") + self.pick(" ANY", " ALL")
        ranked = f"row_number() OVER (ORDER BY {a}.k, {a}.i) AS r"
        forms = [
            f"(SELECT {total} FROM {table} AS {a}{where})",
            f"EXISTS (SELECT 1 FROM {table} AS {a}{where})",
            f"NOT EXISTS (SELECT {a}.k FROM {table} AS {a}{where})",
            f"{o}.k IN (SELECT {a}.k FROM {table} AS {a}{where})",
            f"{o}.k NOT IN (SELECT {a}.k FROM {table} AS {a}{where})",
            f"({o}.k, {o}.g) IN (SELECT {a}.k, {a}.g FROM {table} AS {a}{where})",
            f"{o}.k {operator} (SELECT {a}.k FROM {table} AS {a}{where})",
            f"(SELECT {a}.k FROM {table} AS {a}{where} ORDER BY 1 {self.pick('', 'DESC')} NULLS LAST LIMIT 1)",
            f"(SELECT max(z.k) FROM (SELECT {a}.k FROM {table} AS {a}{where} ORDER BY 1 LIMIT 2 OFFSET 1) z)",
            f"(SELECT count(*) FROM (SELECT DISTINCT {a}.g FROM {table} AS {a}{where}) z)",
            f"(SELECT sum(n) FROM (SELECT g, count(*) AS n FROM {table} AS {a}{where} GROUP BY 1 HAVING n > {o}.k) z)",
            f"(SELECT sum(z.k) FROM (SELECT {a}.k FROM {table} AS {a}{where} UNION ALL SELECT {o}.k) z)",
            f"(SELECT count(*) FROM {table} AS {a} LEFT JOIN u AS w{a} ON w{a}.k = {a}.k AND w{a}.g = {o}.g{where})",
            f"(SELECT count(*) FROM {table} AS {a} FULL JOIN (SELECT * FROM u WHERE u.k = {o}.k) w ON w.g = {a}.g)",
            f"(SELECT sum(z.r) FROM (SELECT {ranked}, {a}.b FROM {table} AS {a}{where}) z WHERE z.b)",
        ]  # fmt: skip
        return str(self.pick(*forms))

    def where(self, a: str, outer: list[str], depth: int) -> str:
        parts = [self.tie(a, outer)] if self.pick(1, 1, 1, 0) else [self.pick(*_LOCAL).format(a=a)]
        if depth > 0 and self.pick(0, 0, 1):
            parts.append(self.condition([*outer, a], depth - 1))
        return " WHERE " + " AND ".join(parts)

    def condition(self, names: list[str], depth: int) -> str:
        """A condition with a subquery in it, perhaps."""
        if depth <= 0 or self.pick(0, 1, 1) == 0:
            return str(self.pick(*_LOCAL)).format(a=self.pick(*names))
        e = self.subquery(names, depth)
        if e.startswith("(SELECT"):
            e = self.pick(f"{e} IS NULL", f"{e} IS NOT NULL")
        return str(self.pick(e, e, f"NOT ({e})", f"({e} OR {self.pick(*names)}.k = 1)"))

    # --- FROM

    def source(self, depth: int) -> tuple[str, list[str]]:
        """FROM and the tables that it brings into scope."""
        text, names = "t AS a", ["a"]
        for number in range(self.pick(0, 1, 1, 2)):
            name = f"b{number}"
            table = self.pick("t", "u", "(SELECT * FROM u WHERE k > 0)")
            kind = self.pick(*_JOINS, ",", "SEMI JOIN", "ANTI JOIN", "LATERAL", "LEFT LATERAL")
            if kind == ",":
                text += f" CROSS JOIN {table} AS {name}"
                names.append(name)
            elif kind in ("SEMI JOIN", "ANTI JOIN"):
                text += f" {kind} {table} AS {name} ON {self.tie(name, names)}"
            elif kind == "LATERAL":
                inner = self.where(name, names, depth)
                columns = "k, i, g, b, m, d, x, s"
                text += f" CROSS JOIN LATERAL (SELECT {columns} FROM u AS {name}{inner}) AS {name}"
                names.append(name)
            elif kind == "LEFT LATERAL":
                inner = self.where(name, names, depth)
                columns = f"count(*) AS k, max({name}.i) AS i, min({name}.g) AS g, bool_or({name}.b) AS b"
                columns += f", sum({name}.m) AS m, min({name}.d) AS d, max({name}.x) AS x, min({name}.s) AS s"
                text += f" LEFT JOIN LATERAL (SELECT {columns} FROM u AS {name}{inner}) AS {name} ON true"
                names.append(name)
            else:
                on = self.tie(name, names, loose=kind not in ("FULL JOIN", "RIGHT JOIN"))
                if kind in ("JOIN", "LEFT JOIN") and depth > 0 and self.pick(0, 0, 1):
                    on += f" AND {self.condition([*names, name], 1)}"
                text += f" {kind} {table} AS {name} ON {on}"
                names.append(name)
        return text, names

    def query(self) -> str:
        """A query."""
        text, names = self.source(1)
        where = f" WHERE {self.condition(names, 2)}" if self.pick(True, False) else ""
        items = [self.value(n) for n in names]
        items += [self.subquery(names, 2) for _ in range(self.pick(0, 1, 1, 2))]
        if self.pick("rows", "rows", "groups") == "rows":
            shown = ", ".join(f"{e} AS c{n}" for n, e in enumerate(items))
            return f"SELECT {shown} FROM {text}{where}"
        calls = [self.pick(*_TOTALS).format(a=self.pick(*names)) for _ in range(self.pick(1, 2))]
        if self.pick(0, 1):
            calls.append(f"sum({self.pick(*names)}.k + (SELECT count(*) FROM u AS z WHERE z.k = {names[0]}.k))")
        a = self.name()
        tie = self.pick("{a}.k = {b}.k", "{a}.k < {b}.k", "{a}.k IS NOT DISTINCT FROM {b}.k").format(a=a, b=names[0])
        calls.append(f"(SELECT {self.pick(*_TOTALS).format(a=a)} FROM u AS {a} WHERE {tie})")
        having = f" HAVING count(*) > (SELECT min({a}.k) FROM u AS {a} WHERE {tie})" if self.pick(0, 1) else ""
        shown = ", ".join(f"{e} AS c{n}" for n, e in enumerate([f"{names[0]}.k", *calls]))
        return f"SELECT {shown} FROM {text}{where} GROUP BY {names[0]}.k{having}"


@st.composite
def joined_queries(draw: st.DrawFn, dialect: str = "velothread") -> str:
    """A random query over tables `t` and `u`."""
    sql = JoinGrammar(draw, dialect).query()
    if dialect == "velothread" and draw(st.booleans()):
        sql += draw(st.sampled_from([" ORDER BY 1", " ORDER BY 1 DESC LIMIT 4", " LIMIT 3 OFFSET 1"]))
    return sql
