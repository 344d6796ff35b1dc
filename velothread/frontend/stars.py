"""`*`, `t.*`, EXCLUDE, REPLACE, RENAME and COLUMNS('regex') in a SELECT list become single items."""

from __future__ import annotations

import re

from sqlglot import exp

from velothread.errors import BindError, UnsupportedError, did_you_mean
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import Expression, Field

_PATTERNS = (exp.Like, exp.ILike, exp.SimilarTo)
# An item of an expanded SELECT list: its name, and what it is (a column or an expression found already, or still SQL).
Item = tuple[str | None, exp.Expr | Field | Expression]


def expand(items: list[exp.Expr], scope: Scope, sql: str) -> list[Item]:
    """The SELECT list with all star forms written out; None as a name: none was given."""
    out: list[Item] = []
    for item in items:
        star = _star(item)
        if star is not None and star.args.get("ilike") is not None:
            out.extend(_matching(exp.ILike(this=star, expression=star.args["ilike"]), scope, sql))
        elif isinstance(item, _PATTERNS) and isinstance(item.this, exp.Star):
            out.extend(_matching(item, scope, sql))
        elif star is not None:
            out.extend(_expand_star(star, item.args.get("table") if isinstance(item, exp.Column) else None, scope, sql))
        elif any(map(_is_columns, item.find_all(exp.Anonymous))):
            out.extend(_expand_columns(item, scope, sql))
        elif isinstance(item, exp.Alias):
            out.append((item.alias, item.this))
        elif isinstance(item, exp.Aliases):
            raise UnsupportedError("several aliases for one item are not supported", position(item), sql=sql)
        else:
            out.append((None, item))
    return out


def _star(item: exp.Expr) -> exp.Star | None:
    if isinstance(item, exp.Star):
        return item
    return item.this if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else None


def _expand_star(star: exp.Star, table: exp.Expr | None, scope: Scope, sql: str) -> list[Item]:
    place = position(star) or position(table)
    columns = list(scope.star() if table is None else scope.columns())
    if table is None and (name := scope.twice()) is not None:
        message = f"* is ambiguous: there are two tables {name!r}"
        raise BindError(message, place, hint="give one of them another name (AS ...)", sql=sql)
    if table is not None:
        columns = [c for c in columns if c[0] is not None and c[0].lower() == table.name.lower()]
        if not columns:
            tables = [r.name for r in scope.relations if r.name]
            raise BindError(f"unknown table {table.name!r}", place, hint=did_you_mean(table.name, tables), sql=sql)
    if not columns:
        raise BindError("SELECT * needs a FROM clause", place, sql=sql)
    known = {name.lower() for _, name, _ in columns}
    excluded = {e.name.lower(): e for e in star.args.get("except_") or []}
    replaced = {r.alias.lower(): r for r in star.args.get("replace") or []}
    renamed = {r.this.name.lower(): r.alias for r in star.args.get("rename") or []}
    for what, names in (("EXCLUDE", excluded), ("REPLACE", replaced), ("RENAME", renamed)):
        for name in names:
            if name not in known:
                hint = did_you_mean(name, [n for _, n, _ in columns])
                raise BindError(f"{what}: there is no column {name!r}", place, hint=hint, sql=sql)
    out: list[Item] = []
    for _, name, field in columns:
        lowered = name.lower()
        if lowered in excluded:
            continue
        if lowered in replaced:
            out.append((replaced[lowered].alias, replaced[lowered].this))
        else:
            out.append((renamed.get(lowered, name), field))
    return out


def _matching(item: exp.Expr, scope: Scope, sql: str) -> list[Item]:
    """`* LIKE 'price%'`: the columns whose names match."""
    pattern = item.expression
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise UnsupportedError("the pattern behind * must be a text", position(pattern), sql=sql)
    text = str(pattern.this)
    if not isinstance(item, exp.SimilarTo):
        text = "".join({"%": ".*", "_": "."}.get(c) or re.escape(c) for c in text)
    flags = re.DOTALL | (re.IGNORECASE if isinstance(item, exp.ILike) else 0)
    negated = bool(item.args.get("negate"))
    out: list[Item] = [
        (name, what)
        for name, what in _expand_star(item.this, None, scope, sql)
        if name is not None and (re.fullmatch(text, name, flags) is None) == negated
    ]
    if not out:
        raise BindError(f"no column matches {pattern.this!r}", position(pattern), sql=sql)
    return out


def _is_columns(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "columns"


def _expand_columns(item: exp.Expr, scope: Scope, sql: str) -> list[Item]:
    """`min(COLUMNS('a.*'))`: the item once per matching column."""
    found = next(x for x in item.find_all(exp.Anonymous) if _is_columns(x))
    argument = found.expressions[0] if len(found.expressions) == 1 else None
    if isinstance(argument, exp.Literal) and argument.is_string:
        try:
            pattern = re.compile(argument.this)
        except re.error as e:
            raise BindError(f"COLUMNS: {e}", position(argument), sql=sql) from None
        columns = [c for c in scope.star() if pattern.search(c[1])]
    elif isinstance(argument, exp.Star):
        kept = {name for name, _ in _expand_star(argument, None, scope, sql)}
        columns = [c for c in scope.star() if c[1] in kept]
    else:
        raise UnsupportedError("COLUMNS takes a regular expression or *", position(found), sql=sql)
    if not columns:
        raise BindError("COLUMNS matches no column", position(found), sql=sql)
    if item is found:
        return [(name, field) for _, name, field in columns]
    out: list[Item] = []
    for relation, name, _ in columns:
        copy = item.copy()
        for x in list(copy.find_all(exp.Anonymous)):
            if _is_columns(x):
                x.replace(exp.column(exp.to_identifier(name, quoted=True), table=relation))
        out.append((copy.alias or None, copy.this if isinstance(copy, exp.Alias) else copy))
    return out
