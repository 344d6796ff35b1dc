"""TABLESAMPLE and USING SAMPLE: rows chosen by their number and a seed.

SELECT * FROM t TABLESAMPLE 10%   ->   the rows of t whose share (a number from 0 to 1, as if by chance) is below 0.1

The same seed chooses the same rows, whatever the processor. `system` takes or leaves blocks of rows, `bernoulli` single
rows, `reservoir` exactly as many as asked for; the rows keep their order.
"""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, UnsupportedError
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import (
    Bound,
    Call,
    Column,
    Expression,
    Field,
    Frame,
    Ordering,
    WindowCall,
    literal,
)

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

# Rows of a block, as in DuckDB.
_BLOCK = 2048
_ALL_ROWS = Frame("rows", Bound("unbounded"), Bound("unbounded"))


def sampled(query: QueryBinder, node: exp.TableSample | None, plan: nodes.Node) -> nodes.Node:
    """`plan`, of which a sample is taken; None: all of it.

    :raises BindError: for a size that is no number of rows or percentage.
    """
    if node is None:
        return plan
    method = node.args["method"].name.lower() if node.args.get("method") is not None else ""
    if method not in ("", "system", "bernoulli", "reservoir"):
        raise UnsupportedError(f"sampling method {method!r} is not known", position(node), sql=query.sql)
    percent, size = node.args.get("percent"), node.args.get("size")
    if percent is None and size is not None and method in ("system", "bernoulli"):
        percent, size = size, None  # bernoulli(10) is a percentage
    written = percent if percent is not None else size
    amount = query.expressions.constant(written, "the size of a sample") if isinstance(written, exp.Expr) else None
    if amount is None or amount < 0 or (percent is not None and amount > 100):
        raise BindError(f"a sample of {amount} makes no sense", position(node), sql=query.sql)
    seed = node.args.get("seed")
    chance = SystemRandom().randrange(1 << 32)
    start = query.expressions.constant(seed, "the seed") if isinstance(seed, exp.Expr) else chance
    number = query.fields("row_number", t.BIGINT)
    call = WindowCall("row_number", None, (), (), t.BIGINT, (), (), _ALL_ROWS)
    numbered = nodes.Window(plan, (*plan.output, number), (call,))
    if percent is not None and method != "reservoir":
        unit: Expression = Column(number)
        if method != "bernoulli":
            row = query.expressions.calls.call("-", [unit, literal(1, t.BIGINT)], None)
            unit = query.expressions.calls.call("//", [row, literal(_BLOCK, t.BIGINT)], None)
        test = query.expressions.compare("<", _share(unit, int(start)), literal(float(amount) / 100, t.DOUBLE), None)
        return _without(query, nodes.Filter(numbered, test), plan.output)
    return _reservoir(query, numbered, plan, number, int(start), float(amount), percent is not None)


def _reservoir(
    query: QueryBinder, numbered: nodes.Node, plan: nodes.Node, number: Field, seed: int, amount: float, percent: bool
) -> nodes.Node:
    """So many rows, or that percentage: those with the least shares."""
    call = query.expressions.calls.call
    share = _share(Column(number), seed)
    order = (Ordering(share, False, False), Ordering(Column(number), False, False))
    place, total = query.fields("place", t.BIGINT), query.fields("count", t.BIGINT)
    calls = {place: WindowCall("row_number", None, (), (), t.BIGINT, (), order, _ALL_ROWS)}
    limit: Expression = literal(int(amount), t.BIGINT)
    if percent:
        calls[total] = WindowCall("count", query.counted().function, (), (), t.BIGINT, (), (), _ALL_ROWS)
        rows = query.expressions.coerce(Column(total), t.DOUBLE)
        limit = call("floor", [call("*", [rows, literal(amount / 100, t.DOUBLE)], None)], None)
    ranked = nodes.Window(numbered, (*numbered.output, *calls), tuple(calls.values()))
    test = query.expressions.compare("<=", Column(place), limit, None)
    return _without(query, nodes.Filter(ranked, test), plan.output)


def _share(unit: Expression, seed: int) -> Expression:
    from velothread.kernels.function import Function
    from velothread.kernels.sampling import shares

    function = Function(f"share_{seed}", (t.BIGINT,), t.DOUBLE, shares(seed))
    return Call(function, (unit,), t.DOUBLE)


def _without(query: QueryBinder, plan: nodes.Node, output: tuple[Field, ...]) -> nodes.Node:
    """The sample's own columns end here."""
    return nodes.Project(plan, output, tuple(map(Column, output)))
