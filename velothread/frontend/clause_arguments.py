"""Which arguments of sqlglot's clause nodes the binder of queries reads.

What else is set on a clause would be ignored, so it is refused instead, as `node_arguments` does it for expressions.
The clauses of a SELECT itself are in `select`.
"""

from __future__ import annotations

from sqlglot import exp

from velothread.errors import Position, UnsupportedError
from velothread.frontend.parse import position

_AROUND = frozenset({"with_", "order", "limit", "offset"})
_IN_FROM = frozenset({"alias", "joins", "pivots", "sample"})
_SETS = frozenset({"this", "expression", "distinct", "by_name"}) | _AROUND
_READ: dict[type[exp.Expr], frozenset[str]] = {
    exp.Limit: frozenset({"this", "expression", "limit_options"}), exp.LimitOptions: frozenset({"percent", "rows"}),
    exp.Fetch: frozenset({"count", "direction", "limit_options"}), exp.Offset: frozenset({"this", "expression"}),
    exp.Group: frozenset({"expressions", "all", "rollup", "cube", "grouping_sets"}),
    exp.Order: frozenset({"this", "expressions"}), exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.From: frozenset({"this"}), exp.Join: frozenset({"this", "on", "using", "method", "side", "kind"}),
    exp.Table: frozenset({"this", "db", "catalog", "ordinality"}) | _IN_FROM,
    exp.Subquery: frozenset({"this"}) | _IN_FROM | _AROUND, exp.Values: frozenset({"expressions"}) | _IN_FROM | _AROUND,
    exp.Unnest: frozenset({"expressions", "offset"}) | _IN_FROM, exp.Lateral: frozenset({"this"}) | _IN_FROM,
    exp.TableAlias: frozenset({"this", "columns"}), exp.TableSample: frozenset({"method", "percent", "size", "seed"}),
    exp.With: frozenset({"expressions", "recursive"}), exp.Distinct: frozenset({"expressions", "on"}),
    # MATERIALIZED or not: the rows are the same
    exp.CTE: frozenset({"this", "alias", "key_expressions", "materialized"}),
    exp.Union: _SETS, exp.Except: _SETS, exp.Intersect: _SETS, exp.Describe: frozenset({"this"}),
    exp.Copy: frozenset({"this", "kind", "files", "params", "credentials"}), exp.Credentials: frozenset(),
}  # fmt: skip
_JOINS = {
    "method": ("", "NATURAL", "ASOF", "POSITIONAL"), "side": ("", "LEFT", "RIGHT", "FULL"),
    "kind": ("", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"),
}  # fmt: skip
# What people call it; else the argument's own name says it.
_WORDS = {
    "with_ties": "WITH TIES", "totals": "WITH TOTALS", "with_fill": "WITH FILL", "version": "FOR SYSTEM_TIME",
    "when": "AT (time travel)", "rows_from": "ROWS FROM", "only": "ONLY", "hints": "a table hint (WITH ...)",
    "search": "SEARCH or CYCLE", "bucket_numerator": "TABLESAMPLE (BUCKET ...)", "cross_apply": "APPLY",
    "default_on_null": "DEFAULT ON NULL",
}  # fmt: skip


def refuse_unread(tree: exp.Expr, sql: str) -> None:
    """Look at every clause of a statement.

    :raises UnsupportedError: for one that asks for something that would be ignored.
    """
    for node in tree.walk():
        read = _READ.get(type(node))
        if isinstance(node, exp.Pivot) and node.args.get("default_on_null"):
            raise _unsupported("default_on_null", node, node.args["default_on_null"], sql)
        if read is None:
            continue
        for name, value in node.args.items():
            if name not in read and (value or (name == "cross_apply" and value is not None)):
                raise _unsupported(name, node, value, sql)
        if isinstance(node, exp.Group) and node.args.get("all") is False:
            raise UnsupportedError("GROUP BY DISTINCT is not supported", _place(node, None), sql=sql)
        if isinstance(node, exp.Join):
            for name, known in _JOINS.items():
                if (value := str(node.args.get(name) or "").upper()) not in known:
                    raise UnsupportedError(f"{value} JOIN is not supported", _place(node, None), sql=sql)
        elif isinstance(node, exp.TableAlias):
            for column in node.columns:
                if isinstance(column, exp.ColumnDef):
                    message = "types in a list of column names are not supported"
                    raise UnsupportedError(message, _place(column, None), hint="add a CAST", sql=sql)


def _unsupported(name: str, node: exp.Expr, value: object, sql: str) -> UnsupportedError:
    if isinstance(node, (exp.Limit, exp.Offset)) and name == "expressions":
        what, hint = "LIMIT ... BY", "QUALIFY row_number() OVER (PARTITION BY ...) <= n does the same"
    elif name == "with_ties":
        what, hint = _WORDS[name], "QUALIFY rank() OVER (ORDER BY ...) <= n does the same"
    elif isinstance(node, exp.SetOperation):
        what, hint = "OUTER UNION or CORRESPONDING", "UNION [ALL] BY NAME matches columns by their names"
    elif name == "totals":
        what, hint = _WORDS[name], "GROUP BY ROLLUP (...) or GROUPING SETS gives totals as well"
    else:
        words = name.strip("_").upper().replace("_", " ")
        what, hint = _WORDS.get(name, f"{words} of {type(node).__name__.upper()}"), None
    return UnsupportedError(f"{what} is not supported", _place(node, value), hint=hint, sql=sql)


def _place(node: exp.Expr, value: object) -> Position | None:
    """Where the argument stands, else the closest around it that has a place."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, exp.Expr) and (place := position(part)) is not None:
            return place
    around: exp.Expr | None = node
    while around is not None:
        if (place := position(around)) is not None:
            return place
        around = around.parent
    return None
