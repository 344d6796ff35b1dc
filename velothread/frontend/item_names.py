"""Names of SELECT items without an alias: the column's own, or the text of the expression as DuckDB spells it."""

from __future__ import annotations

from sqlglot import exp

from velothread.frontend.dialect import Velothread
from velothread.plan.expressions import Field

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.Pow: "**", exp.DPipe: "||",
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "AND", exp.Or: "OR",
}  # fmt: skip


def item_name(item: exp.Expr | Field) -> str:
    """The name of an item: `count_star()`, `sum(qty)`, `(a + b)`, `CAST(a AS INTEGER)` ..."""
    match item:
        case Field():
            return item.name
        case exp.Column():
            return item.name
        case exp.Paren():
            return item_name(item.this)
        case exp.Anonymous():
            if str(item.this).lower() == "count" and (
                not item.expressions or isinstance(item.expressions[0], exp.Star)
            ):
                return "count_star()"
            return f"{str(item.this).lower()}({', '.join(item_name(x) for x in item.expressions)})"
        case exp.Distinct():
            return "DISTINCT " + ", ".join(item_name(x) for x in item.expressions)
        case exp.Literal() if item.is_string:
            return f"'{item.this}'"
        case exp.Literal():
            return str(item.this)
        case exp.Cast():
            return f"CAST({item_name(item.this)} AS {item.args['to'].sql(dialect=Velothread)})"
        case exp.Neg():
            return f"-{item_name(item.this)}"
        case exp.Dot():
            return str(item.expression.name)
    operator = _OPERATORS.get(type(item))
    if operator is not None:
        return f"({item_name(item.this)} {operator} {item_name(item.expression)})"
    return item.sql(dialect=Velothread)


def unique_names(names: list[str]) -> list[str]:
    """A result may have two columns of one name, as in DuckDB; they are left as they are."""
    return names
