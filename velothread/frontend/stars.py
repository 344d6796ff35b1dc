"""`*`, `t.*`, EXCLUDE, REPLACE, RENAME, LIKE and COLUMNS(...) in a SELECT list become single items.

SELECT * EXCLUDE (a), min(COLUMNS('x.*')) FROM t   ->   SELECT b, x1, x2, min(x1), min(x2) FROM t

COLUMNS may also stand in WHERE (all columns must fulfil it), ORDER BY, GROUP BY and DISTINCT ON; `*COLUMNS(...)` gives
all columns as arguments of one call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread.errors import BindError, UnsupportedError, did_you_mean
from velothread.frontend.item_names import item_name
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.plan.expressions import Column, Expression, Field

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

# An item of an expanded SELECT list: its name, and what it is (a column or an expression found already, or still SQL).
Item = tuple[str | None, exp.Expr | Field | Expression]
_PATTERNS = (exp.Like, exp.ILike, exp.SimilarTo, exp.Glob, exp.RegexpLike)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A column that a star or COLUMNS stands for: its name, what it is, and how its name matched the pattern."""

    name: str
    value: exp.Expr | Field | Expression
    match: re.Match[str] | None = None


def expand(query: QueryBinder, items: Sequence[exp.Expr], scope: Scope) -> list[Item]:
    """The SELECT list with all star forms written out; None as a name: none was given."""
    out: list[Item] = []
    for item in items:
        inner, alias = (item.this, item.alias) if isinstance(item, exp.Alias) else (item, None)
        chosen = _whole(query, inner, scope)
        if chosen is not None:
            out.extend((_aliased(alias, c), c.value) for c in chosen)
        elif _first_columns(item) is not None:
            for named, e, c in _written_out(query, inner, scope):
                own = c.name if c.name and not isinstance(c.value, exp.Expr) else item_name(named)
                out.append((_aliased(alias, c) if alias is not None else own, e))
        elif isinstance(item, exp.PositionalColumn):
            columns = [name for _, name, _ in scope.columns()]
            place = int(item.this.this)
            out.append((columns[place - 1] if 0 < place <= len(columns) else None, item))
        elif isinstance(item, exp.Alias):
            out.append((alias, inner))
        elif isinstance(item, exp.Aliases):
            raise UnsupportedError("several aliases for one item are not supported", position(item), sql=query.sql)
        else:
            out.append((None, item))
    if not out and items:
        raise BindError("EXCLUDE leaves no column", position(items[0]), sql=query.sql)
    return out


def written_out(query: QueryBinder, node: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """An expression once for each column that a COLUMNS in it stands for; without any, as it is."""
    return [e for _, e, _ in _written_out(query, node, scope)] if _first_columns(node) is not None else [node]


def _aliased(alias: str | None, chosen: _Chosen) -> str:
    r"""The name of an item: `COLUMNS('(.*)_id') AS '\1'` takes parts of what was matched."""
    if alias is None:
        return chosen.name
    if chosen.match is None or "\\" not in alias:
        return alias
    groups = chosen.match

    def part(found: re.Match[str]) -> str:
        number = int(found[1])
        return (groups[number] or "") if number <= len(groups.groups()) else ""

    return re.sub(r"\\(\d)", part, alias)


# --- items that are a star


def _whole(query: QueryBinder, item: exp.Expr, scope: Scope) -> list[_Chosen] | None:
    """The columns of an item that is a star, a star with a pattern, or COLUMNS and nothing else."""
    while isinstance(item, exp.Paren):
        item = item.this
    if isinstance(item, exp.Star) and item.args.get("ilike") is not None:  # as other dialects read it
        star = item.copy()
        return _matching(query, exp.ILike(this=star, expression=star.args.pop("ilike")), scope)
    if isinstance(item, exp.Star):
        return _star(query, item, None, scope)
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return _star(query, item.this, item.args.get("table"), scope)
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
        return _fields(query, query.expressions.bind_value(item.this, scope), item.expression, item)
    if _is_pattern(item):
        return _matching(query, item, scope)
    if _is_columns(item) and not item.meta.get("unpack"):
        return _columns(query, item, scope)
    if isinstance(item, exp.Dot) and _is_columns(item.expression):
        return _columns(query, item.expression, scope, item.this)
    return None


def _star(query: QueryBinder, star: exp.Star, table: exp.Expr | None, scope: Scope) -> list[_Chosen]:
    sql, place = query.sql, position(star) or position(table)
    columns = list(scope.star() if table is None else scope.columns())
    if table is None and (twice := scope.twice()) is not None:
        message = f"* is ambiguous: there are two tables {twice!r}"
        raise BindError(message, place, hint="give one of them another name (AS ...)", sql=sql)
    if table is not None:
        columns = [c for c in columns if c[0] is not None and c[0].lower() == table.name.lower()]
        if not columns:
            struct = scope.resolve(None, table.name, place, sql)
            if struct is not None and struct.type.kind == "STRUCT":
                return _fields(query, Column(struct, place), star, table)
            tables = [r.name for r in scope.relations if r.name]
            raise BindError(f"unknown table {table.name!r}", place, hint=did_you_mean(table.name, tables), sql=sql)
    if not columns:
        raise BindError("SELECT * needs a FROM clause", place, sql=sql)
    return _modified(query, star, [(r, _Chosen(name, f)) for r, name, f in columns], position(star) or place, scope)


def _fields(query: QueryBinder, struct: Expression, star: exp.Star, node: exp.Expr) -> list[_Chosen]:
    """`s.*`: the fields of a struct."""
    place = position(node)
    if struct.type.kind != "STRUCT":
        raise BindError(f"{struct.type} has no fields for *: it is no struct", place, sql=query.sql)
    calls = query.expressions.calls
    names = [n for n, _ in struct.type.fields]
    return _modified(query, star, [(None, _Chosen(n, calls.struct_field(struct, n, place))) for n in names], place)


def _modified(
    query: QueryBinder,
    star: exp.Star,
    columns: Sequence[tuple[str | None, _Chosen]],
    place: object,
    scope: Scope | None = None,
) -> list[_Chosen]:
    """EXCLUDE, REPLACE and RENAME."""

    def named(key: str) -> dict[tuple[str | None, str], exp.Expr]:
        found = {}
        for e in star.args.get(key) or []:
            column = e.this if key == "rename" else e
            table = column.args.get("table") if isinstance(column, exp.Column) else None
            name = e.alias if key == "replace" else column.name
            found[table.name.lower() if table is not None else None, name.lower()] = e
        return found

    def of(known: dict[tuple[str | None, str], exp.Expr], table: str | None, name: str) -> exp.Expr | None:
        return known.get((None, name.lower())) or known.get(((table or "").lower(), name.lower()))

    excluded, replaced, renamed = named("except_"), named("replace"), named("rename")
    for what, known in (("EXCLUDE", excluded), ("REPLACE", replaced), ("RENAME", renamed)):
        for table, name in known:
            owner = scope.relation(table) if scope is not None and table is not None else None
            if owner is not None and owner.find(name) is not None:
                continue  # of USING, a column is shown once, as one of the tables'
            if not any(c.name.lower() == name and table in (None, (r or "").lower()) for r, c in columns):
                hint = did_you_mean(name, [c.name for _, c in columns])
                message = f"{what}: there is no column {name!r}"
                raise BindError(message, place, hint=hint, sql=query.sql)  # type: ignore[arg-type]
    out = []
    for table, c in columns:
        if of(excluded, table, c.name) is not None:
            continue
        if (new := of(replaced, table, c.name)) is not None:
            c = _Chosen(new.alias, new.this)
        elif (new := of(renamed, table, c.name)) is not None:
            c = replace(c, name=new.alias)
        out.append(c)
    return out


# --- patterns


def _is_pattern(item: exp.Expr) -> bool:
    """Is it `* LIKE 'a%'`, with or without ESCAPE and NOT?"""
    inner = item
    while isinstance(inner, (exp.Escape, exp.Not, exp.Paren)):
        inner = inner.this
    this = inner.this if isinstance(inner, _PATTERNS) else None
    return isinstance(this, exp.Star) or (isinstance(this, exp.Column) and isinstance(this.this, exp.Star))


def _matching(query: QueryBinder, item: exp.Expr, scope: Scope) -> list[_Chosen]:
    """`* LIKE 'price%'`: the columns whose names match."""
    negated, escape = False, None
    while not isinstance(item, _PATTERNS):
        if isinstance(item, exp.Not):
            negated = not negated
        elif isinstance(item, exp.Escape):
            escape = str(query.expressions.constant(item.expression, "ESCAPE"))
        item = item.this
    negated ^= bool(item.args.get("negate"))
    pattern = item.expression
    text = query.expressions.constant(pattern, "the pattern behind *")
    if not isinstance(text, str):
        raise BindError("the pattern behind * must be a text", position(pattern), sql=query.sql)
    flags = re.DOTALL | (re.IGNORECASE if isinstance(item, exp.ILike) else 0)
    if isinstance(item, exp.Glob):
        text = "".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in text)
    elif isinstance(item, (exp.Like, exp.ILike)):
        text = _like(text, escape)
    compiled = _compiled(query, text, pattern, flags)
    search = compiled.search if isinstance(item, exp.RegexpLike) else compiled.fullmatch
    columns = _whole(query, item.this, scope) or []
    out = [replace(c, match=search(c.name)) for c in columns]
    out = [c for c in out if (c.match is None) == negated]
    if not out:
        raise BindError(f"no column matches {pattern.this!r}", position(pattern), sql=query.sql)
    return out


def _like(pattern: str, escape: str | None) -> str:
    out, rest = [], iter(pattern)
    for c in rest:
        out.append(re.escape(next(rest, "")) if c == escape else {"%": ".*", "_": "."}.get(c) or re.escape(c))
    return "".join(out)


def _compiled(query: QueryBinder, text: str, node: exp.Expr, flags: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(text, flags)
    except re.error as e:
        raise BindError(f"{text!r} is no regular expression: {e}", position(node), sql=query.sql) from None


# --- COLUMNS(...)


def _is_columns(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "columns"


def _first_columns(node: exp.Expr) -> exp.Expr | None:
    """A COLUMNS of this query in an expression."""
    return next((x for x in node.walk(prune=lambda x: isinstance(x, exp.Query)) if _is_columns(x)), None)


def _columns(query: QueryBinder, node: exp.Expr, scope: Scope, table: exp.Expr | None = None) -> list[_Chosen]:
    """The columns that a COLUMNS stands for."""
    argument = node.expressions[0] if len(node.expressions) == 1 else None
    star = _star(query, exp.Star(), table, scope)
    out: list[_Chosen] | None = None
    match argument:
        case exp.Literal() if argument.is_string:
            pattern = _compiled(query, str(argument.this), argument)
            out = [replace(c, match=m) for c in star if (m := pattern.search(c.name)) is not None]
        case exp.Lambda():
            parameter = argument.expressions[0].name
            out = [c for c in star if _holds(query, argument.this, parameter, c.name)]
        case exp.Array() if len(argument.expressions) == 1 and isinstance(argument.expressions[0], exp.Comprehension):
            each = argument.expressions[0]
            condition, parameter = each.args.get("condition"), each.expression.name
            out = [c for c in star if condition is None or _holds(query, condition, parameter, c.name)]
        case exp.Array() | exp.Tuple():
            names = [str(query.expressions.constant(x, "a name of COLUMNS")).lower() for x in argument.expressions]
            for name in names:
                if name not in (known := [c.name.lower() for c in star]):
                    hint = did_you_mean(name, known)
                    raise BindError(f"COLUMNS: there is no column {name!r}", position(node), hint=hint, sql=query.sql)
            out = [c for c in star if c.name.lower() in names]
        case exp.Expr() if not _is_columns(argument):
            out = _whole(query, argument, scope)
    if out is None:
        message = "COLUMNS takes a regular expression, *, a list of names or a lambda"
        raise BindError(message, position(node), sql=query.sql)
    if not out:
        raise BindError("COLUMNS matches no column", position(node), sql=query.sql)
    return out


def _holds(query: QueryBinder, condition: exp.Expr, parameter: str, name: str) -> bool:
    """A condition on the name of a column."""

    def bound(x: exp.Expr) -> exp.Expr:
        is_name = isinstance(x, (exp.Column, exp.Identifier)) and x.name.lower() == parameter.lower()
        return exp.Literal.string(name) if is_name and not isinstance(x.parent, exp.Column) else x

    return bool(query.expressions.constant(condition.copy().transform(bound), "the condition of COLUMNS"))


def _written_out(query: QueryBinder, item: exp.Expr, scope: Scope) -> list[tuple[exp.Expr, exp.Expr, _Chosen]]:
    """An expression with COLUMNS in it, per column: as it is named, as it is bound, and the column.

    In what is bound, stand-ins stand for columns that were found already: a name may be there twice.
    """
    unpacked = [x for x in item.find_all(exp.Anonymous) if _is_columns(x) and x.meta.get("unpack")]
    first = next((x for x in item.find_all(exp.Anonymous) if _is_columns(x) and not x.meta.get("unpack")), None)
    chosen = _columns(query, first, scope, _table_of(first)) if first is not None else [_Chosen("", exp.Null())]
    out = []
    for c in chosen:
        pair = []
        for bind in (False, True):
            copy = item.copy()
            for x in [x for x in copy.find_all(exp.Anonymous) if _is_columns(x)]:
                target = x.parent if isinstance(x.parent, exp.Dot) and x.parent.expression is x else x
                if x.meta.get("unpack"):
                    named = isinstance(x.parent, exp.Anonymous) and x.parent.name.lower() == "struct_pack"
                    every = []
                    for u in _columns(query, x, scope, _table_of(x)):
                        column = _reference(scope, u, bind)
                        every.append(
                            exp.PropertyEQ(this=exp.to_identifier(u.name), expression=column) if named else column
                        )
                    _unpack(target, every, query.sql)
                elif target is copy:
                    copy = _reference(scope, c, bind)
                else:
                    target.replace(_reference(scope, c, bind))
            pair.append(copy)
        out.append((pair[0], pair[1], c))
    assert unpacked or first is not None
    return out


def _table_of(node: exp.Expr | None) -> exp.Expr | None:
    parent = node.parent if node is not None else None
    return parent.this if isinstance(parent, exp.Dot) and parent.expression is node else None


def _named(name: str, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value)


def _unpack(target: exp.Expr, columns: list[exp.Expr], sql: str) -> None:
    """Put the columns in place of `*COLUMNS(...)` among the arguments of a call."""
    parent = target.parent
    places = parent.expressions if parent is not None else []
    index = next((i for i, x in enumerate(places) if x is target), None)
    if index is None and parent is not None and len(columns) == 1:
        target.replace(columns[0])
        return
    if parent is None or index is None:
        raise BindError("*COLUMNS stands only among the arguments of a call", position(target), sql=sql)
    parent.set("expressions", [*places[:index], *columns, *places[index + 1 :]])


def _reference(scope: Scope, chosen: _Chosen, bind: bool) -> exp.Expr:
    """A column in SQL: by its name, or by a stand-in."""
    if isinstance(chosen.value, exp.Expr):
        return exp.Paren(this=chosen.value.copy()) if bind else chosen.value.copy()
    if not bind:
        return exp.column(exp.to_identifier(chosen.name, quoted=True))
    name = f"\0{len(scope.lambda_names)}"
    value = Column(chosen.value) if isinstance(chosen.value, Field) else chosen.value
    scope.lambda_names = {**scope.lambda_names, name: value}
    return exp.column(exp.to_identifier(name, quoted=True))
