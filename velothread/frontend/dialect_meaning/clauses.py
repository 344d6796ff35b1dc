"""Clauses of other dialects -> ours: LATERAL VIEW, APPLY, UNNEST with its words, ARRAY JOIN, PREWHERE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from velothread.frontend.dialect_meaning.meaning import Meaning, refuse

Handler = Callable[[Any, Meaning, str], exp.Expr]


def _select(node: exp.Select, meaning: Meaning, sql: str) -> exp.Expr:
    prewhere = node.args.pop("prewhere", None)
    if prewhere is not None:
        where = node.args.get("where")
        both = exp.and_(prewhere.this, where.this) if where is not None else prewhere.this
        node.set("where", exp.Where(this=both))
    node.args.pop("settings", None)  # hints for ClickHouse's execution
    if node.args.get("hint") is not None:
        node.args.pop("hint")
    views = node.args.pop("laterals", None) or []
    if views:
        node.set("joins", [*(node.args.get("joins") or []), *(_view(v, meaning, sql) for v in views)])
    return node


def _view(view: exp.Lateral, meaning: Meaning, sql: str) -> exp.Join:
    """LATERAL VIEW [OUTER] explode(l) t AS x -> CROSS (LEFT) JOIN unnest(l) AS t(x)."""
    called = view.this
    name = str(called.this).lower() if isinstance(called, exp.Anonymous) else ""
    if name not in ("unnest", "explode") or len(called.expressions) != 1:
        raise refuse("LATERAL VIEW takes explode() of a list", view, sql)
    alias = view.args.get("alias")
    unnest = exp.Unnest(expressions=[called.expressions[0].copy()], alias=alias.copy() if alias is not None else None)
    if view.args.get("outer"):
        return exp.Join(this=unnest, side="LEFT", on=exp.Boolean(this=True))
    return exp.Join(this=unnest, kind="CROSS")


def _join(node: exp.Join, meaning: Meaning, sql: str) -> exp.Expr:
    """CROSS APPLY and OUTER APPLY are lateral joins; ARRAY JOIN unnests."""
    inner = node.this
    if isinstance(inner, exp.Lateral) and inner.args.get("cross_apply") is not None:
        outer = not inner.args["cross_apply"]
        inner.args.pop("cross_apply")
        if outer:
            return exp.Join(this=inner, side="LEFT", on=exp.Boolean(this=True))
        return exp.Join(this=inner, kind="CROSS")
    if node.args.get("kind") == "ARRAY":
        return _array_join(node, meaning, sql)
    if node.args.get("global_"):
        node.args.pop("global_")
    if meaning.name == "clickhouse" and node.args.get("kind") in ("ANY", "ALL", "PASTE"):
        raise refuse(f"{node.args['kind']} JOIN is not translated", node, sql)
    return node


def _array_join(node: exp.Join, meaning: Meaning, sql: str) -> exp.Expr:
    items = node.expressions or [node.this]
    if len(items) != 1:
        raise refuse("ARRAY JOIN of several lists is not translated", node, sql)
    (item,) = items
    alias = item.args.get("alias")
    name = alias.name if isinstance(alias, exp.TableAlias) else item.alias
    if not name:
        raise refuse("ARRAY JOIN needs a name for the items", node, sql, "ARRAY JOIN list AS item")
    value = item.this.copy()
    if isinstance(item, exp.Table):
        value = exp.Column(this=value, table=item.args.get("db"))
    names = exp.TableAlias(this=exp.to_identifier(f"{name} of list"), columns=[exp.to_identifier(name)])
    unnest = exp.Unnest(expressions=[value], alias=names)
    if node.args.get("side") == "LEFT":
        return exp.Join(this=unnest, side="LEFT", on=exp.Boolean(this=True))
    return exp.Join(this=unnest, kind="CROSS")


def _unnest(node: exp.Unnest, meaning: Meaning, sql: str) -> exp.Expr:
    """BigQuery: UNNEST(l) AS x WITH OFFSET AS o, which counts from 0."""
    offset = node.args.get("offset")
    if meaning.name != "bigquery":
        return node
    alias = node.args.get("alias")
    if any(isinstance(x, exp.Struct) for e in node.expressions for x in e.walk()):
        raise refuse("UNNEST of structs, which gives a column for each field, is not translated", node, sql)
    item = alias.columns[0].name if alias is not None and alias.columns else (alias.name if alias is not None else "")
    item = item or "unnamed item"
    if not offset:
        table = alias.name if alias is not None and alias.columns and alias.name else f"{item} of list"
        names = exp.TableAlias(this=exp.to_identifier(table, quoted=True), columns=[exp.to_identifier(item)])
        return exp.Unnest(expressions=[e.copy() for e in node.expressions], alias=names)
    number = offset.name if isinstance(offset, exp.Identifier) else "offset"
    inner = exp.Unnest(
        expressions=[e.copy() for e in node.expressions], offset=True,
        alias=exp.TableAlias(this=exp.to_identifier("list"), columns=[exp.to_identifier("item")]),
    )  # fmt: skip
    numbered = exp.Sub(this=exp.column("ordinality"), expression=exp.Literal.number(1))
    query = exp.Select(
        expressions=[
            exp.Alias(this=exp.column("item"), alias=exp.to_identifier(item)),
            exp.Alias(this=numbered, alias=exp.to_identifier(number, quoted=True)),
        ]
    )
    query.set("from_", exp.From(this=inner))
    name = exp.TableAlias(this=exp.to_identifier(f"{item} of list", quoted=True))
    return exp.Lateral(this=exp.Subquery(this=query), alias=name)


def _group(node: exp.Group, meaning: Meaning, sql: str) -> exp.Expr:
    if node.args.get("totals"):
        raise refuse("WITH TOTALS is not supported", node, sql, "GROUP BY ROLLUP gives a row for all")
    return node


CLAUSES: Mapping[type[exp.Expr], Handler] = MappingProxyType(
    {exp.Group: _group, exp.Select: _select, exp.Join: _join, exp.Unnest: _unnest}
)
