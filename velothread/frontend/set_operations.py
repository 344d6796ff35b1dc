"""Set operations: UNION, EXCEPT, INTERSECT over queries whose columns are brought to equal types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, UnsupportedError
from velothread.frontend.catalog import Cte
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Bound,
    Column,
    Expression,
    Frame,
    Logical,
    WindowCall,
    literal,
)

if TYPE_CHECKING:
    from velothread.frontend.select import Bound as Query
    from velothread.frontend.select import QueryBinder


class SetOperationBinder:
    """Binds set operations for a `QueryBinder`.

    Threading: owned by the thread that binds.
    """

    def __init__(self, query: QueryBinder) -> None:
        self.query = query

    def union(self, node: exp.Union, ctes: dict[str, Cte]) -> Query:
        # a long chain of UNION ALL is a deep tree on the left: flatten what has the same kind
        parts: list[exp.Expr] = []
        distinct, by_name = bool(node.args.get("distinct")), bool(node.args.get("by_name"))
        top: exp.Expr = node
        while (
            isinstance(top, exp.Union)
            and bool(top.args.get("distinct")) == distinct
            and (top is node or (_plain(top) and not by_name))
        ):
            parts.append(top.expression)
            top = top.this
        parts.append(top)
        bound = [self.query.bind_query(p, ctes) for p in reversed(parts)]
        if by_name:
            bound = self._by_name(bound)
        names = bound[0][1]
        inputs = self._aligned(node, bound, list(reversed(parts)))
        output = tuple(self.query.fields(n, f.type) for n, f in zip(names, inputs[0].output, strict=True))
        union: nodes.Node = nodes.UnionAll(inputs, output)
        if distinct:
            new = tuple(self.query.fields(f.name, f.type) for f in output)
            union = nodes.Aggregate(union, new, tuple(Column(f) for f in output), ())
        return union, names

    def _aligned(self, node: exp.Expr, bound: Sequence[Query], parts: Sequence[exp.Expr]) -> tuple[nodes.Node, ...]:
        """The inputs of a set operation with equal types, column by column."""
        width = len(bound[0][1])
        kind = type(node).__name__.upper()
        for part, (_, other) in zip(parts, bound, strict=True):
            if len(other) != width:
                raise BindError(f"{kind}: {width} and {len(other)} columns", position(part), sql=self.query.sql)
        types = []
        for i in range(width):
            columns: list[Expression] = [Column(plan.output[i]) for plan, _ in bound]
            types.append(self.query.expressions.common(columns, kind, position(node)))
        return tuple(self._cast_to(plan, types) for plan, _ in bound)

    def _by_name(self, bound: Sequence[Query]) -> list[Query]:
        """UNION BY NAME: columns of one name go together; where an input has none of a name, it gives NULL."""
        names = {n.lower(): n for _, columns in reversed(bound) for n in columns}
        order = list(dict.fromkeys(n.lower() for _, columns in bound for n in columns))
        out: list[Query] = []
        for plan, columns in bound:
            by_name = {n.lower(): f for n, f in zip(columns, plan.output, strict=True)}
            items = [Column(by_name[n]) if n in by_name else literal(None, t.NULL) for n in order]
            fields = tuple(self.query.fields(names[n], e.type) for n, e in zip(order, items, strict=True))
            out.append((nodes.Project(plan, fields, tuple(items)), tuple(names[n] for n in order)))
        return out

    def difference(self, node: exp.SetOperation, ctes: dict[str, Cte]) -> Query:
        """EXCEPT and INTERSECT: rows are grouped, and a group is kept by the sides on which it was seen.

        With ALL, equal rows of a side are numbered first: those of one number are one group.
        """
        from velothread.kernels.aggregates import resolve_aggregate

        if node.args.get("by_name"):
            kind = type(node).__name__.upper()
            raise UnsupportedError(f"{kind} BY NAME is not supported", position(node), sql=self.query.sql)
        bound = [self.query.bind_query(p, ctes) for p in (node.this, node.expression)]
        inputs = []
        aligned = self._aligned(node, bound, [node.this, node.expression])
        width = len(aligned[0].output)
        if not node.args.get("distinct"):
            aligned = tuple(map(self._numbered, aligned))
        for left, plan in zip((True, False), aligned, strict=True):
            side = self.query.fields("left", t.BOOLEAN)
            output = tuple(self.query.fields(f.name, f.type) for f in plan.output)
            items: tuple[Expression, ...] = (*(Column(f) for f in plan.output), literal(left, t.BOOLEAN))
            inputs.append(nodes.Project(plan, (*output, side), items))
        output = tuple(self.query.fields(f.name, f.type) for f in inputs[0].output)
        union = nodes.UnionAll(tuple(inputs), output)
        seen = [resolve_aggregate(n, [t.BOOLEAN]) for n in ("bool_or", "bool_and")]
        calls = tuple(AggregateCall(f.function, (Column(output[-1]),), (), t.BOOLEAN) for f in seen if f is not None)
        new = tuple(self.query.fields(f.name, f.type) for f in output[:-1])
        some, only = self.query.fields("some_left", t.BOOLEAN), self.query.fields("only_left", t.BOOLEAN)
        groups = nodes.Aggregate(union, (*new, some, only), tuple(Column(f) for f in output[:-1]), calls)
        wanted: Expression = Column(only)
        if isinstance(node, exp.Intersect):
            wanted = Logical("and", (Column(some), self.query.expressions.negation(Column(only), None)))
        visible = tuple(self.query.fields(f.name, f.type) for f in new[:width])
        kept = nodes.Project(nodes.Filter(groups, wanted), visible, tuple(Column(f) for f in new[:width]))
        return kept, bound[0][1]

    def _numbered(self, plan: nodes.Node) -> nodes.Node:
        """A number for each row, from 1 among those that are equal to it."""
        frame = Frame("rows", Bound("unbounded"), Bound("unbounded"))
        by = tuple(map(Column, plan.output))
        call = WindowCall("row_number", None, (), (), t.BIGINT, by, (), frame)
        return nodes.Window(plan, (*plan.output, self.query.fields("number", t.BIGINT)), (call,))

    def _cast_to(self, plan: nodes.Node, types: Sequence[t.SqlType]) -> nodes.Node:
        if all(f.type == type_ for f, type_ in zip(plan.output, types, strict=True)):
            return plan
        output = tuple(self.query.fields(f.name, type_) for f, type_ in zip(plan.output, types, strict=True))
        casts = tuple(
            self.query.expressions.coerce(Column(f), type_) for f, type_ in zip(plan.output, types, strict=True)
        )
        return nodes.Project(plan, output, casts)


def _plain(node: exp.Expr) -> bool:
    """No clause of its own (ORDER BY, LIMIT, WITH): may be flattened into the UNION above it."""
    return not any(node.args.get(k) for k in ("order", "limit", "offset", "with_", "by_name"))
