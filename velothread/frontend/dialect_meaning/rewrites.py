"""Calls whose translation is no template: any number of arguments, or an argument that says what is meant.

A table names them with an @: `greatest(...) = @null_if_any`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from velothread.frontend.dialect_meaning.formats import JAVA
from velothread.frontend.dialect_meaning.meaning import Meaning, refuse
from velothread.frontend.dialect_meaning.nodes import date_moved, date_part
from velothread.frontend.dialect_meaning.sqlite_dates import SQLITE_DATES
from velothread.frontend.dialect_meaning.templates import call, expanded

Rewrite = Callable[[exp.Anonymous, Meaning, str], exp.Expr]


def _name(node: exp.Anonymous) -> str:
    return str(node.this).lower()


def _concat_null(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """concat(a, b) with a NULL in it is NULL."""
    items = [exp.cast(a.copy(), "VARCHAR") for a in node.expressions]
    joined: exp.Expr = items[0]
    for item in items[1:]:
        joined = exp.DPipe(this=joined, expression=item, safe=True)
    return exp.Paren(this=joined)


def _concat_ws_null(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    return _null_if_any(call("concat_ws", *node.expressions), meaning, sql)


def _null_if_any(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """greatest(a, b) is NULL as soon as one of them is."""
    nulls = [exp.Is(this=a.copy(), expression=exp.Null()) for a in node.expressions]
    return exp.Case(ifs=[exp.If(this=exp.or_(*nulls), true=exp.Null())], default=node.copy())


def _extreme(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """SQLite: min(x) is an aggregate, min(a, b) the smaller one, NULL when one is."""
    if len(node.expressions) < 2:
        return node
    return _null_if_any(call("least" if _name(node) == "min" else "greatest", *node.expressions), meaning, sql)


def _not_null(node: exp.Anonymous, name: str, *, distinct: bool = False) -> exp.Expr:
    """list(x) FILTER (WHERE x IS NOT NULL), an empty list for no rows."""
    (item,) = node.expressions
    value = item.this if isinstance(item, exp.Order) else item
    if isinstance(value, exp.Distinct):
        value = value.expressions[0]
    if distinct and not isinstance(item, exp.Distinct):
        item = exp.Distinct(expressions=[item.copy()])
    there = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    filtered = exp.Filter(this=call(name, item.copy()), expression=exp.Where(this=there))
    if isinstance(node.parent, (exp.Window, exp.Filter, exp.WithinGroup)) and node.arg_key == "this":
        return filtered
    return call("coalesce", filtered, exp.Array(expressions=[]))


def _collect(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """collect_list, groupArray, array_agg: without the NULLs."""
    if len(node.expressions) != 1:
        raise refuse(f"{node.name} takes one value", node, sql)
    return _not_null(node, "list")


def _collect_set(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if len(node.expressions) != 1:
        raise refuse(f"{node.name} takes one value", node, sql)
    return _not_null(node, "list", distinct=True)


def _joined(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """string_agg(x) and listagg(x) that the parser left as a call: the dialect's separator."""
    if len(node.expressions) == 1:
        separator = meaning.separator
        if separator is None:
            raise refuse("the separator must be said", node, sql)
        return call("string_agg", node.expressions[0].copy(), exp.Literal.string(separator))
    return call("string_agg", *(e.copy() for e in node.expressions))


def _decode(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """decode(x, a, 1, b, 2, 3): CASE, in which NULL is equal to NULL."""
    subject, *rest = node.expressions
    if len(rest) < 2:
        raise refuse("decode takes a value, then what it is compared with and turns into", node, sql)
    ifs = [
        exp.If(this=exp.NullSafeEQ(this=subject.copy(), expression=rest[i].copy()), true=rest[i + 1].copy())
        for i in range(0, len(rest) - 1, 2)
    ]
    return exp.Case(ifs=ifs, default=rest[-1].copy() if len(rest) % 2 else None)


def _multi_if(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """multiIf(a, 1, b, 2, 3): CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END."""
    items = node.expressions
    if len(items) < 3 or len(items) % 2 == 0:
        raise refuse(f"{node.name} takes conditions and values in turn, then a last value", node, sql)
    ifs = [exp.If(this=items[i].copy(), true=items[i + 1].copy()) for i in range(0, len(items) - 1, 2)]
    return exp.Case(ifs=ifs, default=items[-1].copy())


def _array(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        return node
    return exp.Array(expressions=[e.copy() for e in node.expressions])


def _map_of_pairs(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """map(k, v, k, v)."""
    items = node.expressions
    if len(items) % 2:
        raise refuse("map takes keys and values in turn", node, sql)
    lists = [exp.Array(expressions=[e.copy() for e in items[i::2]]) for i in (0, 1)]
    return call("map", *lists)


def _named_struct(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """named_struct('a', 1, 'b', 2)."""
    items = node.expressions
    if len(items) % 2 or not all(isinstance(k, exp.Literal) and k.is_string for k in items[::2]):
        raise refuse(f"{node.name} takes names (texts that are written out) and values in turn", node, sql)
    pairs = zip(items[::2], items[1::2], strict=True)
    return exp.Struct(
        expressions=[exp.PropertyEQ(this=exp.to_identifier(k.name, quoted=True), expression=v.copy()) for k, v in pairs]
    )


def _struct(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """struct(a, 1 AS b): fields are named by their aliases and columns."""
    fields = []
    for i, e in enumerate(node.expressions, 1):
        name = e.alias_or_name if isinstance(e, (exp.Alias, exp.Column)) else f"col{i}"
        value = e.this if isinstance(e, exp.Alias) else e
        fields.append(exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value.copy()))
    return exp.Struct(expressions=fields)


def _date_add(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if len(node.expressions) == 2 and not isinstance(node.expressions[1], exp.Interval):  # adddate(d, 3): days
        return call("date plus", exp.Literal.string("day"), node.expressions[1].copy(), node.expressions[0].copy())
    if len(node.expressions) != 2:
        raise refuse(f"{node.name} takes a date and an interval", node, sql)
    return date_moved(node, meaning, sql, back=False)


def _date_sub(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if len(node.expressions) == 2 and not isinstance(node.expressions[1], exp.Interval):
        body = "\"date plus\"('day', -(n), d)"
        return expanded(body, {"n": node.expressions[1], "d": node.expressions[0]})
    if len(node.expressions) != 2:
        raise refuse(f"{node.name} takes a date and an interval", node, sql)
    return date_moved(node, meaning, sql, back=True)


def _part(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """date_part('dow', d), datepart(weekday, d)."""
    if len(node.expressions) != 2:
        raise refuse(f"{node.name} takes a part and a time", node, sql)
    word, when = node.expressions
    if not isinstance(word, (exp.Column, exp.Literal, exp.Var)):
        raise refuse("the part must be written out", word, sql)
    return date_part(word.name, when, node, meaning, sql)


def _coalesce(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    return call("coalesce", *(e.copy() for e in node.expressions))


def _first(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """first(x, true): the first that is not NULL."""
    name = "first" if _name(node) in ("first", "first_value") else "last"
    window = isinstance(node.parent, exp.Window) and node.arg_key == "this"
    if window:
        name += "_value"
    value, *ignore = node.expressions
    inner = call(name, value.copy())
    if not ignore or (isinstance(ignore[0], exp.Boolean) and not ignore[0].this):
        return inner
    if not isinstance(ignore[0], exp.Boolean):
        raise refuse("whether NULLs are ignored must be written out", ignore[0], sql)
    if window:
        return exp.IgnoreNulls(this=inner)
    there = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    return exp.Filter(this=inner, expression=exp.Where(this=there))


def _count_rows(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """count(a, b): rows in which none is NULL; DISTINCT: so many different ones."""
    items = node.expressions
    if len(items) == 1 and isinstance(items[0], exp.Distinct) and len(items[0].expressions) > 1:
        values = items[0].expressions
    elif len(items) > 1:
        values = items
    else:
        return call("count", *(i.copy() for i in items))
    there = exp.and_(*(exp.Not(this=exp.Is(this=v.copy(), expression=exp.Null())) for v in values))
    distinct = isinstance(items[0], exp.Distinct)
    row = exp.Tuple(expressions=[v.copy() for v in values])
    inner = call("count", exp.Distinct(expressions=[row]) if distinct else exp.Star())
    return exp.Filter(this=inner, expression=exp.Where(this=there))


def _count_different(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """uniqExact(a, b): count(DISTINCT (a, b))."""
    values = [e.copy() for e in node.expressions]
    return _count_rows(call("count", exp.Distinct(expressions=values)), meaning, sql)


def _explode(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    return call("unnest", *(e.copy() for e in node.expressions))


def _array_agg_with_limit(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """BigQuery's ARRAY_AGG(x IGNORE NULLS ORDER BY y LIMIT n): NULLs in the list are an error there."""
    (item,) = node.expressions
    count: exp.Expr | None = None
    if isinstance(item, exp.Limit):
        count, item = item.expression, item.this
    ignored = bool(list(item.find_all(exp.IgnoreNulls)))
    for around in list(item.find_all(exp.IgnoreNulls, exp.RespectNulls)):
        if around is item:
            item = around.this
        else:
            around.replace(around.this)
    plain = call("list", item.copy())
    listed = _not_null(call("array_agg", item.copy()), "list").expressions[0] if ignored else plain
    if count is None:
        return listed
    return expanded("array_slice(l, 1, n)", {"l": listed, "n": count})


def _concat_or_lists(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """Trino's concat puts texts or lists together; NULL as soon as one of them is."""
    joined: exp.Expr = node.expressions[0].copy()
    for item in node.expressions[1:]:
        joined = exp.DPipe(this=joined, expression=item.copy(), safe=True)
    return exp.Paren(this=joined)


def _joda_format(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """format_datetime(d, 'yyyy-MM-dd')."""
    if len(node.expressions) != 2 or not isinstance(node.expressions[1], exp.Literal):
        raise refuse("a format of dates must be written out to be translated", node, sql)
    try:
        text = JAVA.translated(node.expressions[1].name)
    except ValueError as e:
        message = f"{str(e)!r} in a format of {meaning.name} is not translated"
        raise refuse(message, node.expressions[1], sql) from None
    return expanded('strftime("time of"(d), f)', {"d": node.expressions[0], "f": exp.Literal.string(text)})


def _reduce(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    """reduce(list, start, (state, item) -> state, state -> result): only with state -> state."""
    if len(node.expressions) != 4:
        raise refuse("reduce takes a list, a start and two functions", node, sql)
    items, start, step, last = node.expressions
    if not isinstance(last, exp.Lambda) or last.this != last.expressions[0]:
        raise refuse("the last function of reduce must give its parameter", last, sql)
    return call("list_reduce", items.copy(), step.copy(), start.copy())


REWRITES: Mapping[str, Rewrite] = MappingProxyType({
    "concat_null": _concat_null, "concat_ws_null": _concat_ws_null, "null_if_any": _null_if_any, "extreme": _extreme,
    "collect": _collect, "collect_set": _collect_set, "joined": _joined, "decode": _decode, "multi_if": _multi_if,
    "array": _array, "map_of_pairs": _map_of_pairs, "named_struct": _named_struct, "struct": _struct,
    "date_add": _date_add, "date_sub": _date_sub, "part": _part, "coalesce": _coalesce, "first": _first,
    "count_rows": _count_rows, "count_different": _count_different, "explode": _explode,
    "bigquery_array_agg": _array_agg_with_limit,     "concat_or_lists": _concat_or_lists,
    "joda_format": _joda_format, "trino_reduce": _reduce, **SQLITE_DATES,
})  # fmt: skip
