"""ORDER BY over a UNION may use what any of its queries calls a column, or writes for it.

SELECT a - 10 AS k FROM t UNION SELECT a - 11 AS l FROM t ORDER BY l    ->    ORDER BY 1
SELECT * FROM t UNION SELECT * FROM u ORDER BY u.b                      ->    ORDER BY 1, where b is its first column
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from velothread.frontend.names import Scope
from velothread.plan.expressions import Column, Expression

_KEY = "select list"


def note(node: exp.Select, names: Sequence[str], bound: Sequence[Expression], scope: Scope) -> None:
    """Keep with a bound query what its items are called, and which column of which table each is."""
    places = {f: (table.lower() if table else None, name.lower()) for table, name, f in scope.columns()}
    columns = [places.get(e.field) if isinstance(e, Column) else None for e in bound]
    node.meta[_KEY] = list(zip((n.lower() for n in names), columns, strict=True))


def by_position(node: exp.SetOperation, names: tuple[str, ...]) -> None:
    """Write keys that are no name of the result, but an item of one of the queries, as positions."""
    known = [name.lower() for name in names]
    for ordered in node.args["order"].expressions:
        key = ordered.this if isinstance(ordered, exp.Ordered) else ordered
        if isinstance(key, (exp.Literal, exp.PositionalColumn)):
            continue  # a position already, even where an item is the same number
        if isinstance(key, exp.Column) and not key.table and key.name.lower() in known:
            continue
        for query, places in _queries(node)[1]:
            items = query.meta.get(_KEY, [])
            found = next((i for i in range(len(items)) if _is(query, items, i, key)), None)
            if found is not None:
                key.replace(exp.Literal.number(places[found] + 1))
                break


def _queries(node: exp.Expr) -> tuple[list[str], list[tuple[exp.Select, list[int]]]]:
    """The names of a query's columns, and each SELECT in it with the places that its items have among them."""
    match node:
        case exp.SetOperation():
            names, found = _queries(node.this)
            more_names, more = _queries(node.expression)
            if node.args.get("by_name"):
                names = list(dict.fromkeys([*names, *more_names]))
                more = [(query, [names.index(more_names[i]) for i in places]) for query, places in more]
            return names, [*found, *more]
        case exp.Subquery():
            return _queries(node.this)
        case exp.Select():
            own = [name for name, _ in node.meta.get(_KEY, [])]
            return own, [(node, list(range(len(own))))]
    return [], []


def _is(query: exp.Select, items: Sequence[tuple[str, tuple[str | None, str] | None]], i: int, key: exp.Expr) -> bool:
    name, column = items[i]
    if isinstance(key, exp.Column):
        wanted = key.name.lower()
        if (column == (key.table.lower(), wanted)) if key.table else (name == wanted):
            return True
    # as written, where no star has changed the places
    return len(query.expressions) == len(items) and bool(query.expressions[i].unalias() == key)
