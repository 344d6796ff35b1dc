"""VALUES: constant rows as a batch, others as a union of one-row projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from velothread.errors import BindError
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import Expression, Literal
from velothread.plan.references import has_subquery

if TYPE_CHECKING:
    from velothread.frontend.select import Bound, QueryBinder
    from velothread.types import SqlType


def bind_values(query: QueryBinder, node: exp.Values) -> Bound:
    """VALUES (1, 'a'), (2, 'b'): columns col0, col1, ..."""
    rows: list[list[Expression]] = []
    scope = query.scope((), query.ctes)
    for row in node.expressions:
        cells = row.expressions if isinstance(row, exp.Tuple) else [row.this if isinstance(row, exp.Paren) else row]
        rows.append([query.expressions.bind(c, scope) for c in cells])
        if len(rows[-1]) != len(rows[0]):
            raise BindError("VALUES: the rows differ in length", position(row), sql=query.sql)
    width = len(rows[0])
    types = [query.expressions.common([r[i] for r in rows], "VALUES", position(node)) for i in range(width)]
    if any(has_subquery(c) for row in rows for c in row):
        return _with_subqueries(query, rows, types)
    cast = [[query.expressions.coerce(c, types[i]) for i, c in enumerate(row)] for row in rows]
    names = tuple(f"col{i}" for i in range(width))
    if all(isinstance(c, Literal) for row in cast for c in row):
        arrays = []
        for i, type_ in enumerate(types):
            scalars = [row[i].value for row in cast]  # type: ignore[union-attr]
            arrays.append(array_of(scalars, type_.arrow))
        batch = pa.RecordBatch.from_arrays(arrays, names=list(names))
        return nodes.Values(
            tuple(query.fields(n, type_) for n, type_ in zip(names, types, strict=True)), batch, len(rows)
        ), names
    parts = []
    for row in cast:
        output = tuple(query.fields(n, type_) for n, type_ in zip(names, types, strict=True))
        parts.append(nodes.Project(nodes.Values((), None, 1), output, tuple(row)))
    if len(parts) == 1:
        return parts[0], names
    return nodes.UnionAll(tuple(parts), tuple(query.fields(n, x) for n, x in zip(names, types, strict=True))), names


def _with_subqueries(query: QueryBinder, rows: list[list[Expression]], types: list[SqlType]) -> Bound:
    """Each row is a query of its own."""
    names = tuple(f"col{i}" for i in range(len(types)))
    parts: list[nodes.Node] = []
    for row in rows:
        cast = [query.expressions.coerce(c, x) for c, x in zip(row, types, strict=True)]
        plan, cells = query.subqueries.attach(nodes.Values((), None, 1), cast)
        output = tuple(query.fields(n, x) for n, x in zip(names, types, strict=True))
        parts.append(nodes.Project(plan, output, tuple(cells)))
    if len(parts) == 1:
        return parts[0], names
    return nodes.UnionAll(tuple(parts), tuple(query.fields(n, x) for n, x in zip(names, types, strict=True))), names


def array_of(scalars: Sequence[pa.Scalar], type_: pa.DataType) -> pa.Array:
    """Scalars of one type as an array (all types, intervals and nested included)."""
    if not scalars:
        return pa.array([], type_)
    return pa.concat_arrays([pa.repeat(s if s.type == type_ else pa.scalar(None, type_), 1) for s in scalars])
