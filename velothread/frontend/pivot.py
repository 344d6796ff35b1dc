"""PIVOT and UNPIVOT, as clauses of FROM and as statements.

PIVOT t ON year USING sum(x) GROUP BY name
    ->   SELECT name, sum(x) FILTER (WHERE year = 2000) AS "2000", ... FROM t GROUP BY name
UNPIVOT t ON jan, feb INTO NAME month VALUE sales
    ->   for each row of t: its other columns, and a row ('jan', jan), a row ('feb', feb)

The columns of a PIVOT without IN are the values that the data have: a query for these runs while this one is bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, UnsupportedError
from velothread.frontend import stars
from velothread.frontend.item_names import item_name
from velothread.frontend.names import Relation, Scope
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import Call, Column, Expression, Field, Literal, Logical, fields_in, literal

if TYPE_CHECKING:
    from velothread.frontend.select import Bound, QueryBinder
    from velothread.frontend.tables import Cte

# More columns than anybody reads: a PIVOT over a key by mistake.
_MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of an ON expression: what its columns are called, and the condition for its rows."""

    name: str
    condition: Expression


def bind_pivot(query: QueryBinder, node: exp.Pivot, plan: nodes.Node, relation: Relation, ctes: dict[str, Cte]) -> Bound:
    """PIVOT or UNPIVOT over a bound source.

    :raises BindError: for values that don't fit together, or columns that aren't there.
    """
    scope = query.scope((relation,), ctes)
    if node.args.get("unpivot"):
        return _unpivot(query, node, plan, scope)
    return _pivot(query, node, plan, scope)


# --- PIVOT


def _pivot(query: QueryBinder, node: exp.Pivot, plan: nodes.Node, scope: Scope) -> Bound:
    from velothread.kernels.aggregates import AGGREGATES

    binder = query.expressions
    clause = bool(node.args.get("fields"))
    on = list(node.args["fields"] if clause else node.expressions)
    using = list(node.expressions if clause else node.args.get("using") or [])
    if not on:
        raise BindError("PIVOT wants ON", position(node), hint="PIVOT t ON year USING sum(x)", sql=query.sql)
    named = [(x.alias or None, x.this if isinstance(x, exp.Alias) else x) for x in using]
    named = named or [(None, exp.Anonymous(this="count", expressions=[exp.Star()]))]
    keys = [_values(query, item, plan, scope) for item in on]
    used = {f for item in on for f in fields_in(binder.bind_value(_what(item), scope))}
    columns = 1
    for values in keys:
        columns *= len(values)
    if columns * len(named) > _MOST_COLUMNS:
        message = f"PIVOT makes {columns * len(named)} columns"
        raise BindError(message, position(node), hint="choose values: ON x IN (...)", sql=query.sql)
    plain = [binder.bind_value(e, scope) for _, e in named]
    used |= {f for e in plain for f in fields_in(e)}
    items: list[tuple[str, Expression]] = _groups(query, node, scope, used)
    heads = len(items)
    for choice in product(*keys):
        tests = [v.condition for v in choice]
        condition = tests[0] if len(tests) == 1 else Logical("and", tuple(tests))
        value = "_".join(v.name for v in choice)
        for (alias, written), e in zip(named, plain, strict=True):
            name = value if alias is None and len(named) == 1 else f"{value}_{alias or item_name(written)}"
            items.append((name, filtered(e, condition)))
    del AGGREGATES
    return _grouped(query, plan, items, heads)


def _groups(query: QueryBinder, node: exp.Pivot, scope: Scope, used: set[Field]) -> list[tuple[str, Expression]]:
    """The columns of the groups: those of GROUP BY, else all that are used for nothing else."""
    group = node.args.get("group")
    if group is None or group.args.get("all"):
        return [(name, Column(f)) for _, name, f in scope.columns() if f not in used]
    return [(item_name(x), query.expressions.bind_value(x, scope)) for x in group.expressions]
