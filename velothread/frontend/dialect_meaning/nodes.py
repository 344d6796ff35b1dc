"""Syntax of other dialects -> ours, a function for each class of sqlglot's nodes that hides a difference.

Each gets a node whose parts are translated already, and gives what stands in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from velothread.frontend.dialect_meaning.likeness import like, regexp, regexp_ilike
from velothread.frontend.dialect_meaning.meaning import Meaning, refuse
from velothread.frontend.dialect_meaning.templates import call, expanded, same_place

Handler = Callable[[Any, Meaning, str], exp.Expr]
_INTEGERS = {
    exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT, exp.DType.UINT, exp.DType.UBIGINT,
    exp.DType.USMALLINT, exp.DType.UTINYINT, exp.DType.INT128, exp.DType.MEDIUMINT,
}  # fmt: skip
_TEXTS = {exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.NVARCHAR, exp.DType.NCHAR}
_PREDICATES = (
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.And, exp.Or, exp.Not,
    exp.In, exp.Between, exp.Like, exp.ILike, exp.Is, exp.Exists, exp.RegexpLike, exp.Boolean, exp.Escape, exp.Glob,
)  # fmt: skip
_PREDICATE_CALLS = ("regexp_matches", "regexp_full_match", "list_contains", "starts_with", "ends_with", "contains")
# Where a predicate stands as a condition, by the class of the node around it.
_CONDITIONS = (
    exp.And, exp.Or, exp.Not, exp.Where, exp.Having, exp.Qualify, exp.Join, exp.Filter, exp.Escape, exp.If, exp.Is,
)  # fmt: skip


def _operator(attribute: str) -> Handler:
    """The typed operation that a dialect has for an operator."""

    def handler(node: exp.Binary, meaning: Meaning, sql: str) -> exp.Expr:
        name = getattr(meaning, attribute)
        return same_place(call(name, node.this, node.expression), node) if name else node

    return handler


def _sum(node: exp.Binary, meaning: Meaning, sql: str) -> exp.Expr:
    """`date + INTERVAL 1 DAY` stays a DATE; texts are put together in T-SQL."""
    interval = node.expression
    if isinstance(interval, exp.Interval) and interval.args.get("unit") is not None and meaning.interval_keeps_date:
        return _moved(node, node.this, interval, meaning, sql, back=isinstance(node, exp.Sub))
    if isinstance(node.this, exp.Interval) and isinstance(node, exp.Add) and meaning.interval_keeps_date:
        return _sum(exp.Add(this=node.expression, expression=node.this), meaning, sql)
    return _operator("minus" if isinstance(node, exp.Sub) else "plus")(node, meaning, sql)


def _moved(
    node: exp.Expr, when: exp.Expr, interval: exp.Interval, meaning: Meaning, sql: str, *, back: bool
) -> exp.Expr:
    unit = interval.args.get("unit")
    word = meaning.unit(unit.name) if isinstance(unit, exp.Var) else None
    if word is None or interval.this is None:
        raise refuse("this interval has no translation", unit if unit is not None else node, sql)
    count = interval.this.copy()
    if isinstance(count, exp.Literal) and count.is_string and count.name.strip().lstrip("+-").isdigit():
        count = exp.Literal.number(abs(int(count.name)))
        if int(interval.this.name) < 0:
            count = exp.Neg(this=count)
    elif isinstance(count, exp.Literal) and count.is_string:
        raise refuse(f"{count.name!r} is no whole number of units", interval, sql)
    if back:
        count = exp.Neg(this=exp.Paren(this=count) if not isinstance(count, exp.Literal) else count)
    return same_place(call("date plus", exp.Literal.string(word), count, when), node)


def date_moved(node: exp.Anonymous, meaning: Meaning, sql: str, *, back: bool) -> exp.Expr:
    """date_add(d, INTERVAL 1 DAY) and date_sub."""
    when, interval = node.expressions
    if not isinstance(interval, exp.Interval) or interval.args.get("unit") is None:
        raise refuse(f"{node.name} takes a date and an interval with a unit", node, sql)
    return _moved(node, when, interval, meaning, sql, back=back)


def _bracket(node: exp.Bracket, meaning: Meaning, sql: str) -> exp.Expr:
    """Subscripts count from 1 here. An index below the first is NULL there, and the end of the list here."""
    if len(node.expressions) != 1:
        raise refuse("a subscript takes one value", node, sql)
    (index,) = node.expressions
    offset = node.args.get("offset")
    first = meaning.first_index if offset is None else offset
    safe = node.args.get("safe")
    if isinstance(index, exp.Slice):
        if first != 1 or meaning.name not in ("postgres",):
            raise refuse("ranges of a subscript are not translated", node, sql)
        return exp.Bracket(this=node.this, expressions=[index])
    if first is None:
        raise refuse(f"{meaning.name} has no subscripts", node, sql)
    if isinstance(index, exp.Literal) and index.is_string:  # a field, or a key of a map
        return exp.Bracket(this=node.this, expressions=[index])
    known = index if isinstance(index, exp.Literal) and str(index.name).isdigit() else None
    if meaning.name == "snowflake":
        return same_place(call("item from 0", node.this, index), node)
    if meaning.name == "clickhouse":
        return exp.Bracket(this=node.this, expressions=[index])
    if known is not None:
        at: exp.Expr = exp.Literal.number(int(known.name) - first + 1)
        if at.name == "0":
            at = exp.Null()
    else:
        body = "CASE WHEN i >= first THEN i - first + 1 END" if first != 1 else "CASE WHEN i >= 1 THEN i END"
        at = expanded(body, {"i": index, "first": exp.Literal.number(first)})
    strict = meaning.name in ("bigquery", "trino") and not safe
    new = exp.Bracket(this=node.this.copy(), expressions=[at])
    if not strict:
        return same_place(new, node)
    outside = "l IS NOT NULL AND coalesce(a > len(l), i IS NOT NULL)"
    body = f"CASE WHEN {outside} THEN error('array index out of range') ELSE x END"
    return same_place(expanded(body, {"l": node.this, "i": index, "a": at, "x": new}), node)


def _cast(node: exp.Cast, meaning: Meaning, sql: str) -> exp.Expr:
    """The type in our words; numbers to integers by the dialect's rule; VARCHAR(n) cuts where it does."""
    to = node.args["to"]
    if not isinstance(to, exp.DataType):
        return node
    for extra in ("format", "action", "default"):
        if node.args.get(extra) is not None:
            raise refuse(f"CAST with {extra.upper()} is not translated", node, sql)
    width = to.expressions[0].name if to.this in _TEXTS and to.expressions else ""
    if node.meta.get("typed_literal") and to.this == exp.DType.DECIMAL and not to.expressions:
        return exp.Literal.number(node.this.name)  # DECIMAL '1.50' has the digits that are written
    new_type = our_type(to, meaning, sql)
    inner = node.this
    if new_type.meta.get("numeric"):
        return same_place(call("numeric", inner), node)
    safe = isinstance(node, exp.TryCast) and (meaning.name != "databricks" or bool(node.args.get("safe")))
    if meaning.strict_text and new_type.this in _INTEGERS:
        inner = call("digits, null" if safe else "digits, error", inner)
    if meaning.whole and new_type.this in _INTEGERS:
        inner = call(f"whole, {meaning.whole}", inner)
    is_text = new_type.this in (*_TEXTS, exp.DType.TEXT)
    if meaning.name == "snowflake" and isinstance(inner, exp.JSONExtract) and is_text:
        inner = exp.JSONExtractScalar(this=inner.this, expression=inner.expression)  # without the quotes
    kind: type[exp.Cast] = exp.TryCast if safe else exp.Cast
    new = kind(this=inner, to=new_type)
    new.meta.update(node.meta)
    if width.isdigit() and meaning.cuts_text:
        return same_place(call("left", new, exp.Literal.number(int(width))), node)
    return new


def our_type(to: exp.DataType, meaning: Meaning, sql: str) -> exp.DataType:
    """A type in our words."""
    text = str(to.meta.get("text") or to.sql()).upper()
    name = re.sub(r"\s*\(.*", "", text).strip()
    name = re.sub(r"^(NULLABLE|LOWCARDINALITY)$", "", name)
    if not name:
        inner = to
        text = text.partition("(")[2].rpartition(")")[0].strip()
        name = re.sub(r"\s*\(.*", "", text)
        del inner
    ours = meaning.types.get(text) or meaning.types.get(name)
    if ours == "!":
        raise refuse(f"the type {name} of {meaning.name} is not translated", to, sql)
    if ours == "numeric":
        if to.expressions:
            return to
        marked = exp.DataType(this=exp.DType.DECIMAL)
        marked.meta["numeric"] = True
        return marked
    if ours is None or ("(" in text and "DECIMAL" in ours and to.expressions):
        new = to.copy()
        new.args.pop("nullable", None)
        for inner in list(new.find_all(exp.DataType)):
            inner.args.pop("nullable", None)
        return new
    new = exp.DataType.build(ours, dialect="duckdb")
    new.meta.update(to.meta)
    return new


def _extract(node: exp.Extract, meaning: Meaning, sql: str) -> exp.Expr:
    return date_part(node.this.name, node.expression, node, meaning, sql)


def date_part(word: str, when: exp.Expr, node: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    """The part `word` of a time, counted as the dialect does."""
    body = meaning.part(word) or meaning.part(meaning.unit(word) or "")
    if not body:
        known = ", ".join(sorted({*meaning.parts, "year", "month", "day"}))
        raise refuse(
            f"the part {word} of a time is not translated from {meaning.name}", node, sql, f"there are {known}"
        )
    return same_place(expanded(body, {"d": when}), node)


def _group_concat(node: exp.GroupConcat, meaning: Meaning, sql: str) -> exp.Expr:
    """string_agg(x, separator ORDER BY ...), however it was written."""
    inner, order = node.this, None
    if isinstance(inner, exp.Order):
        inner, order = inner.this, inner
    distinct = isinstance(inner, exp.Distinct)
    if distinct and isinstance(inner.expressions[-1], exp.Order):
        order = inner.expressions[-1]
        inner.expressions[-1].replace(order.this)
    value = inner.expressions[0] if distinct else inner
    if isinstance(value, exp.Concat) or (distinct and len(inner.expressions) != 1):
        raise refuse("string aggregation takes one value", node, sql, "put the values together with concat first")
    if node.args.get("on_overflow") is not None:
        raise refuse("ON OVERFLOW is not translated", node, sql)
    separator = node.args.get("separator")
    if separator is None:
        if meaning.separator is None:
            raise refuse("the separator must be said", node, sql)
        separator = exp.Literal.string(meaning.separator)
    value = exp.cast(value.copy(), "VARCHAR")
    first: exp.Expr = exp.Distinct(expressions=[value]) if distinct else value
    last: exp.Expr = exp.Order(this=separator, expressions=order.expressions) if order is not None else separator
    return same_place(call("string_agg", first, last), node)


def _substring(node: exp.Substring, meaning: Meaning, sql: str) -> exp.Expr:
    parts = [node.this, node.args.get("start") or exp.Literal.number(1), node.args.get("length")]
    return same_place(call("substring", *(p for p in parts if p is not None)), node)


def _array(node: exp.Array, meaning: Meaning, sql: str) -> exp.Expr:
    """ARRAY(SELECT ...) is the rows of a query."""
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
        return call("array", node.expressions[0])
    return node


def _similar(node: exp.SimilarTo, meaning: Meaning, sql: str) -> exp.Expr:
    """SIMILAR TO: % and _ of LIKE among signs of regular expressions."""
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or not pattern.is_string or set(pattern.name) & set("\\^$.[{"):
        raise refuse("SIMILAR TO takes a pattern that is written out, without [ { ^ $ . and \\", node, sql)
    regex = "(?s)(?:" + pattern.name.replace("%", ".*").replace("_", ".") + ")"
    return same_place(call("regexp_full_match", node.this, exp.Literal.string(regex)), node)


def _xor(node: exp.Xor, meaning: Meaning, sql: str) -> exp.Expr:
    return expanded("CAST(a AS BOOLEAN) <> CAST(b AS BOOLEAN)", {"a": node.this, "b": node.expression})


def _concat(node: exp.DPipe, meaning: Meaning, sql: str) -> exp.Expr:
    return exp.DPipe(this=node.this, expression=node.expression, safe=True)


def _limit(node: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    options = node.args.get("limit_options")
    if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
        raise refuse("WITH TIES and PERCENT are not supported", node, sql, "QUALIFY rank() OVER (ORDER BY ...) <= n")
    if isinstance(node, exp.Limit) and node.expressions:
        hint = "QUALIFY row_number() OVER (PARTITION BY ...) <= n"
        raise refuse("LIMIT n BY is not supported", node, sql, hint)
    return node


def _json_path(node: exp.JSONExtract, meaning: Meaning, sql: str) -> exp.Expr:
    path = node.expression
    if not isinstance(path, exp.JSONPath):
        return type(node)(this=node.this, expression=path)
    text = path.sql(dialect="duckdb").strip("'")
    return same_place(type(node)(this=node.this, expression=exp.Literal.string(text)), node)


def _within_group(node: exp.WithinGroup, meaning: Meaning, sql: str) -> exp.Expr:
    """array_agg(x) WITHIN GROUP (ORDER BY y), where array_agg leaves NULLs out."""
    inner = node.this
    if not isinstance(inner, exp.Filter):
        return node
    called = inner.this
    ordered = exp.Order(this=called.expressions[0].copy(), expressions=node.expression.expressions)
    filtered = exp.Filter(this=call(called.this, ordered), expression=inner.expression)
    if isinstance(node.parent, (exp.Window, exp.Filter)) and node.arg_key == "this":
        return filtered
    return call("coalesce", filtered, exp.Array(expressions=[]))


def _final(node: exp.Expr, meaning: Meaning, sql: str) -> exp.Expr:
    """ClickHouse's FINAL merges parts of a table: files have none."""
    inner: exp.Expr = node.this
    return inner


def _table(node: exp.Table, meaning: Meaning, sql: str) -> exp.Expr:
    """Hints about locks say nothing about files; a file's name in quotes may have been taken apart at its dots."""
    node.args.pop("hints", None)
    if node.args.get("final"):
        node.args.pop("final")
    parts = [p for p in (node.args.get("catalog"), node.args.get("db"), node.this) if isinstance(p, exp.Identifier)]
    if len(parts) > 1 and all(p.args.get("quoted") for p in parts) and meaning.name == "bigquery":
        name = exp.to_identifier(".".join(p.name for p in parts), quoted=True)
        name.meta.update(parts[0].meta)
        node.set("this", name)
        node.set("db", None)
        node.set("catalog", None)
    return node


def value_of_predicate(node: exp.Expr, meaning: Meaning) -> exp.Expr:
    """`SELECT a = b` gives 1 or 0 in some dialects: a predicate that stands as a value is cast to an integer."""
    by_name = isinstance(node, exp.Anonymous) and node.this in _PREDICATE_CALLS
    if not isinstance(node, _PREDICATES) and not by_name:
        return node
    around = node.parent
    while isinstance(around, exp.Paren):
        around = around.parent
    if around is None or (
        isinstance(around, (*_CONDITIONS, exp.Paren)) and not (isinstance(around, exp.If) and node.arg_key != "this")
    ):
        return node
    if (
        isinstance(around, exp.Anonymous)
        and around.name.lower() in ("if", "iif", "multiif", "countif")
        and node.arg_key == "expressions"
    ):
        return node  # a condition, or a value that is shown as it is compared
    return exp.cast(node.copy(), "INTEGER")


# T-SQL: the styles of CONVERT between texts and dates
_STYLES = {
    "1": "%m/%d/%y", "3": "%d/%m/%y", "12": "%y%m%d", "23": "%Y-%m-%d", "101": "%m/%d/%Y", "102": "%Y.%m.%d",
    "103": "%d/%m/%Y", "104": "%d.%m.%Y", "105": "%d-%m-%Y", "108": "%H:%M:%S", "110": "%m-%d-%Y", "111": "%Y/%m/%d",
    "112": "%Y%m%d", "120": "%Y-%m-%d %H:%M:%S", "121": "%Y-%m-%d %H:%M:%S.%g", "126": "%Y-%m-%dT%H:%M:%S",
}  # fmt: skip


def _convert(node: exp.Convert, meaning: Meaning, sql: str) -> exp.Expr:
    """CONVERT(type, x, style)."""
    to, style = node.this, node.args.get("style")
    if not isinstance(to, exp.DataType):
        raise refuse("CONVERT takes a type", node, sql)
    value = node.expression
    if style is not None:
        how = _STYLES.get(style.name)
        if how is None:
            raise refuse(f"style {style.name} of CONVERT is not translated", style, sql)
        if to.this in _TEXTS:
            value = expanded('strftime("time of"(d), f)', {"d": value, "f": exp.Literal.string(how)})
        else:
            body = "try_strptime(s, f)" if node.args.get("safe") else "strptime(s, f)"
            value = expanded(body, {"s": value, "f": exp.Literal.string(how)})
    kind = exp.TryCast if node.args.get("safe") else exp.Cast
    cast = kind(this=value, to=to)
    return same_place(_cast(cast, meaning, sql), node)


NODES: Mapping[type[exp.Expr], Handler] = MappingProxyType({
    exp.Div: _operator("divide"),
    exp.IntDiv: _operator("div"),
    exp.Mod: _operator("mod"),
    exp.Add: _sum,
    exp.Sub: _sum,
    exp.Like: like,
    exp.ILike: lambda node, meaning, sql: like(node, meaning, sql) if meaning.like == "exact" else node,
    exp.RegexpLike: regexp,
    exp.RegexpILike: regexp_ilike,
    exp.Bracket: _bracket,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Convert: _convert,
    exp.Extract: _extract,
    exp.GroupConcat: _group_concat,
    exp.Xor: _xor,
    exp.Array: _array,
    exp.SimilarTo: _similar,
    exp.WithinGroup: _within_group,
    exp.Final: _final,
    exp.DPipe: _concat,
    exp.Limit: _limit,
    exp.Fetch: _limit,
    exp.JSONExtract: _json_path,
    exp.JSONExtractScalar: _json_path,
    exp.Table: _table,
})  # fmt: skip
