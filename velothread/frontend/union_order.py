"""ORDER BY over a UNION may use what any of its queries calls a column, or writes for it.

SELECT a - 10 AS k FROM t UNION SELECT a - 11 AS l FROM t ORDER BY l    ->    ORDER BY 1
"""

from __future__ import annotations

from sqlglot import exp


def by_position(node: exp.SetOperation, names: tuple[str, ...]) -> None:
    """Write keys that are no name of the result, but an item of one of the queries, as positions."""
    known = {name.lower() for name in names}
    queries = list(_queries(node))
    for ordered in node.args["order"].expressions:
        key = ordered.this if isinstance(ordered, exp.Ordered) else ordered
        if isinstance(key, exp.Literal):
            continue  # a position already, even where an item is the same number
        if isinstance(key, exp.Column) and not key.table and key.name.lower() in known:
            continue
        for query in queries:
            found = next((i for i, item in enumerate(query.expressions) if _is(item, key)), None)
            if found is not None:
                key.replace(exp.Literal.number(found + 1))
                break


def _queries(node: exp.Expr) -> list[exp.Select]:
    match node:
        case exp.SetOperation():
            return _queries(node.this) + _queries(node.expression)
        case exp.Subquery():
            return _queries(node.this)
        case exp.Select():
            return [node]
    return []


def _is(item: exp.Expr, key: exp.Expr) -> bool:
    if isinstance(key, exp.Column) and not key.table and item.alias_or_name.lower() == key.name.lower():
        return True
    return bool(item.unalias() == key)
