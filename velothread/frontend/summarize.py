"""SUMMARIZE t: a row per column of a table or query, with its least and greatest value, quantiles, NULLs.

It is a query of its own: the figures of all columns are computed as one group, whose values are then turned into rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.frontend.grouping import Grouping
from velothread.plan import nodes
from velothread.plan.expressions import Column, Expression, Field, literal
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.select import Bound, QueryBinder

_COLUMNS: tuple[tuple[str, SqlType], ...] = (
    ("column_name", t.VARCHAR), ("column_type", t.VARCHAR), ("min", t.VARCHAR), ("max", t.VARCHAR),
    ("approx_unique", t.BIGINT), ("avg", t.VARCHAR), ("std", t.VARCHAR), ("q25", t.VARCHAR), ("q50", t.VARCHAR),
    ("q75", t.VARCHAR), ("count", t.BIGINT), ("null_percentage", t.decimal(9, 2)),
)  # fmt: skip


def bind_summarize(query: QueryBinder, node: exp.Summarize) -> Bound:
    """A row per column of the table or query behind SUMMARIZE."""
    plan, names = query.bind_query(node.this, query.ctes)
    figures = [_figures(query, name, f) for name, f in zip(names, plan.output, strict=True)]
    grouping = Grouping(query, {}, own=set(plan.output))
    for row in figures:
        for e in row:
            grouping.collect(e)
    if not grouping.calls:
        grouping.collect(query.counted())
    groups = grouping.plan(plan)
    lists = []
    for i, (_, type_) in enumerate(_COLUMNS):
        cells = [query.expressions.coerce(grouping.rewrite(row[i]), type_) for row in figures]
        lists.append(query.expressions.calls.call("list_value", cells, None))
    made = tuple(query.fields(name, type_) for name, type_ in _COLUMNS)
    rows = nodes.Unnest(groups, (*groups.output, *made), tuple(lists))
    output = tuple(query.fields(name, type_) for name, type_ in _COLUMNS)
    return nodes.Project(rows, output, tuple(map(Column, made))), tuple(name for name, _ in _COLUMNS)


def _figures(query: QueryBinder, name: str, f: Field) -> list[Expression]:
    """The figures of a column, in the order of `_COLUMNS`."""
    binder = query.expressions
    column = Column(f)
    numeric, ordered = f.type.is_numeric, f.type.is_numeric or f.type.is_temporal
    nothing = literal(None, t.VARCHAR)

    def call(function: str, *arguments: Expression) -> Expression:
        return binder.calls.make_aggregate(function, [column, *arguments])

    def text(make: Callable[[], Expression], wanted: bool = True) -> Expression:
        return binder.coerce(make(), t.VARCHAR) if wanted else nothing

    def quantile(fraction: float) -> Expression:
        return text(lambda: call("quantile_disc", literal(fraction, t.DOUBLE)), ordered)

    total, present = query.counted(), call("count")
    missing = binder.calls.call("-", [total, present], None)
    share = binder.calls.call("/", [binder.calls.call("*", [missing, literal(100.0, t.DOUBLE)], None), total], None)
    return [
        literal(name, t.VARCHAR),
        literal(str(f.type), t.VARCHAR),
        text(lambda: call("min")),
        text(lambda: call("max")),
        call("approx_count_distinct"),
        text(lambda: call("avg"), ordered and f.type.kind != "INTERVAL"),
        text(lambda: call("stddev_samp"), numeric),
        quantile(0.25),
        quantile(0.5),
        quantile(0.75),
        total,
        share,
    ]
