"""ORDER BY with LIMIT and OFFSET over a plan: constants end up in the sort; the rest becomes a filter on row numbers.

SELECT * FROM t LIMIT 10%   ->   row_number() OVER () <= floor(count(*) OVER () * 0.1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    Bound,
    Coalesce,
    Column,
    Expression,
    Frame,
    Literal,
    Logical,
    Ordering,
    WindowCall,
    literal,
)

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

_ALL_ROWS = Frame("rows", Bound("unbounded"), Bound("unbounded"))


def ordered(query: QueryBinder, node: exp.Expr, plan: nodes.Node, keys: tuple[Ordering, ...]) -> nodes.Node:
    """`plan` sorted by `keys`, cut by the LIMIT and OFFSET of `node`.

    :raises BindError: for a limit that is negative or no number.
    """
    limit, percent = _limit(node)
    offset = node.args["offset"].expression if node.args.get("offset") is not None else None
    most = _bound(query, limit, "LIMIT", percent)
    skipped = _bound(query, offset, "OFFSET", False)
    if not percent and isinstance(most, Literal | None) and isinstance(skipped, Literal | None):
        rows, start = _value(most), _value(skipped) or 0
        if keys:
            return nodes.Sort(plan, keys, rows, start)
        return plan if rows is None and not start else nodes.Limit(plan, rows, start)
    if keys:
        plan = nodes.Sort(plan, keys)
    return _numbered(query, plan, most, skipped, percent)


def _limit(node: exp.Expr) -> tuple[exp.Expr | None, bool]:
    """The limit, and whether it is a percentage."""
    limit = node.args.get("limit")
    if limit is None:
        return None, False
    options = limit.args.get("limit_options")
    percent = options is not None and bool(options.args.get("percent"))
    return (limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression), percent


def _bound(query: QueryBinder, node: exp.Expr | None, clause: str, percent: bool) -> Expression | None:
    if node is None:
        return None
    target = t.DOUBLE if percent else t.BIGINT
    scope = query.scope((), query.ctes)
    e = query.expressions.coerce(query.expressions.bind(node, scope), target)
    if isinstance(e, Literal) and e.value.is_valid:
        value = e.value.as_py()
        if value < 0:
            raise BindError(f"{clause} can't be negative", position(node), sql=query.sql)
        if percent and not value <= 100:
            raise BindError(f"{clause} {value:g}%: at most 100%", position(node), sql=query.sql)
    return e


def _value(e: Literal | None) -> int | None:
    return None if e is None or not e.value.is_valid else int(e.value.as_py())


def _numbered(
    query: QueryBinder, plan: nodes.Node, most: Expression | None, skipped: Expression | None, percent: bool
) -> nodes.Node:
    """The rows whose number lies within limits that are known only when the query runs. NULL is no limit."""
    call = query.expressions.calls.call
    output = plan.output
    number, total = query.fields("row_number", t.BIGINT), query.fields("count", t.BIGINT)
    counted = query.counted()
    calls = {number: WindowCall("row_number", None, (), (), t.BIGINT, (), (), _ALL_ROWS)}
    if percent:
        calls[total] = WindowCall("count", counted.function, (), (), t.BIGINT, (), (), _ALL_ROWS)
    plan = nodes.Window(plan, (*output, *calls), tuple(calls.values()))
    row: Expression = Column(number)
    tests: list[Expression] = []
    if skipped is not None:
        start = Coalesce((skipped, literal(0, t.BIGINT)), t.BIGINT)
        row = call("-", [row, start], None)
        tests.append(call(">", [row, literal(0, t.BIGINT)], None))
    if most is not None:
        if percent:
            rows = query.expressions.coerce(Column(total), t.DOUBLE)
            most = call("floor", [call("*", [rows, call("/", [most, literal(100.0, t.DOUBLE)], None)], None)], None)
        within = query.expressions.compare("<=", row, most, None)
        tests.append(Coalesce((within, literal(True, t.BOOLEAN)), t.BOOLEAN))
    predicate = tests[0] if len(tests) == 1 else Logical("and", tuple(tests))
    kept = query.subqueries.where(plan, predicate)
    fields = tuple(query.fields(f.name, f.type) for f in output)
    return nodes.Project(kept, fields, tuple(map(Column, output)))
