"""Names of SELECT items without an alias: the column's own, or the text of the expression as DuckDB spells it.

Where the parser keeps too little (`1_000`, `^` for `**`, `ARRAY[1]`, an unary plus), the more usual spelling stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from velothread.frontend.dialect import Velothread
from velothread.frontend.keywords import KEYWORDS
from velothread.frontend.parameters import parameter_name
from velothread.plan.expressions import Field

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%", exp.Pow: "**",
    exp.DPipe: "||", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM", exp.Glob: "~~~",
    exp.StartsWith: "^@", exp.ArrayContainsAll: "@>", exp.ArrayOverlaps: "&&",
}  # fmt: skip
# DuckDB's grammar knows these types; all others keep the spelling of the query.
_TYPES = {
    exp.DType.INT: "INTEGER", exp.DType.BIGINT: "BIGINT", exp.DType.SMALLINT: "SMALLINT",
    exp.DType.BOOLEAN: "BOOLEAN", exp.DType.DECIMAL: "DECIMAL", exp.DType.FLOAT: "FLOAT", exp.DType.TEXT: "VARCHAR",
    exp.DType.VARCHAR: "VARCHAR", exp.DType.CHAR: "VARCHAR", exp.DType.TIME: "TIME", exp.DType.TIMESTAMP: "TIMESTAMP",
}  # fmt: skip
_GRAMMAR = frozenset({
    "int", "integer", "bigint", "smallint", "boolean", "decimal", "numeric", "dec", "float", "real", "varchar", "char",
    "time", "timestamp", "interval",
})  # fmt: skip
# INTERVAL n UNIT is a call of to_units(n), n being cast to this.
_UNIT_TYPES = {"seconds": "DOUBLE", "milliseconds": "DOUBLE", "hours": "BIGINT", "minutes": "BIGINT",
               "microseconds": "BIGINT"}  # fmt: skip


def item_name(item: exp.Expr | Field) -> str:
    """The name of an item: `count_star()`, `sum(qty)`, `(a + b)`, `CAST(a AS INTEGER)` ..."""
    if isinstance(item, exp.Paren):
        return item_name(item.this)
    if isinstance(item, (Field, exp.Column)):
        return item.name
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Identifier):
        return item.expression.name
    return _text(item)


def _text(node: exp.Expr) -> str:
    kind = type(node)
    spell = _SPELLINGS.get(kind)
    if spell is not None:
        return spell(node)
    operator = _OPERATORS.get(kind)
    if operator is not None:
        return f"({_text(node.this)} {operator} {_text(node.expression)})"
    return str(node.sql(dialect=Velothread))


def _list(nodes: list[exp.Expr]) -> str:
    return ", ".join(map(_text, nodes))


def _call(name: str, *arguments: exp.Expr | None) -> str:
    return f"{_quoted(name)}({_list([a for a in arguments if a is not None])})"


def _quoted(name: str) -> str:
    """A name in double quotes where it needs them."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name) is not None and name.lower() not in KEYWORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def _column(node: exp.Column) -> str:
    return ".".join(_quoted(part.name) for part in node.parts)


def _literal(node: exp.Expr) -> str:
    text = str(node.this)
    return "'" + text.replace("'", "''") + "'" if node.args.get("is_string", True) else text


def _anonymous(node: exp.Anonymous) -> str:
    if str(node.this).lower() in ("grouping", "grouping_id"):
        return f"GROUPING({_list(node.expressions)})"
    name = str(node.this).lower()
    arguments = node.expressions
    if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
        return "count_star()"
    if name in ("coalesce", "ifnull"):
        return f"COALESCE({_list(arguments)})"
    return _call(name, *arguments)


def _order(node: exp.Order) -> str:
    before = f"{_text(node.this)} " if node.this is not None else ""
    return f"{before}ORDER BY {_list(node.expressions)}"


def _ordered(node: exp.Ordered) -> str:
    written = node.args.get("desc")
    direction = "" if written is None else " DESC" if written else " ASC"
    return _text(node.this) + direction + (" NULLS FIRST" if node.args.get("nulls_first") else "")


def _within_group(node: exp.WithinGroup) -> str:
    name, ordered = str(node.this.this).lower(), _order(node.expression)
    if name in ("percentile_cont", "percentile_disc"):
        return f"{name.replace('percentile', 'quantile')}({_list(node.this.expressions)} {ordered})"
    return f"{_text(node.this)} WITHIN GROUP ( {ordered})"


def _connector(node: exp.Connector) -> str:
    """`a AND b AND c` is one list. A chain of a thousand must not recurse."""
    items: list[exp.Expr] = []
    stack: list[exp.Expr] = [node]
    while stack:
        top = stack.pop()
        while isinstance(top, exp.Paren):
            top = top.this
        if isinstance(top, type(node)):
            stack += [top.expression, top.this]
        else:
            items.append(top)
    return "(" + (" AND " if isinstance(node, exp.And) else " OR ").join(map(_text, items)) + ")"


def _not(node: exp.Not) -> str:
    below = node.this
    if isinstance(below, exp.Is):  # x IS NOT ...; sqlglot reads NOT x IS ... as the same
        if isinstance(below.expression, exp.Null):
            return f"({_text(below.this)} IS NOT NULL)"
        return f"(CAST({_text(below.this)} AS BOOLEAN) IS DISTINCT FROM {_text(below.expression)})"
    return f"(NOT {_text(below)})"


def _is(node: exp.Is) -> str:
    if isinstance(node.expression, exp.Null):
        return f"({_text(node.this)} IS NULL)"
    return f"(CAST({_text(node.this)} AS BOOLEAN) IS NOT DISTINCT FROM {_text(node.expression)})"


def _negative(node: exp.Neg) -> str:
    number = node.this.unnest()
    return f"-{number.this}" if isinstance(number, exp.Literal) else f"(-({_text(number)}))"


def _like(node: exp.Binary) -> str:
    sign = "~~*" if isinstance(node, exp.ILike) else "~~"
    return f"({_text(node.this)} {'!' if node.args.get('negate') else ''}{sign} {_text(node.expression)})"


def _escape(node: exp.Escape) -> str:
    like = node.this.this if isinstance(node.this, exp.Not) else node.this
    name = "ilike_escape" if isinstance(like, exp.ILike) else "like_escape"
    text = _call(name, like.this, like.expression, node.expression)
    return f"(NOT {text})" if like is not node.this or like.args.get("negate") else text


def _case(node: exp.Case) -> str:
    subject = f"{_text(node.this)} = " if node.this is not None else ""
    out = "CASE "
    for branch in node.args["ifs"]:
        condition = f"({subject}{_text(branch.this)})" if subject else _text(branch.this)
        out += f" WHEN ({condition}) THEN ({_text(branch.args['true'])})"
    default = node.args.get("default")
    return f"{out} ELSE {_text(default) if default is not None else 'NULL'} END"


def _cast(node: exp.Cast) -> str:
    word = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
    return f"{word}({_text(node.this)} AS {_type(node.args['to'])})"


def _type(node: exp.Expr) -> str:
    if not isinstance(node, exp.DataType):
        return str(node.sql(dialect=Velothread)).upper()
    kind, inner = node.this, node.expressions
    if kind in (exp.DType.ARRAY, exp.DType.LIST) and inner:
        return f"{_type(inner[0])}[{_list(node.args.get('values') or [])}]"
    if kind == exp.DType.STRUCT:
        return f"STRUCT({', '.join(f'{_quoted(f.name)} {_type(f.args["kind"])}' for f in inner)})"
    if kind == exp.DType.MAP:
        return f"MAP({', '.join(map(_type, inner))})"
    written, parenthesis, _ = str(node.meta.get("text", "")).partition("(")
    written = written.strip()
    if not written or written.lower() in _GRAMMAR:
        name = _TYPES.get(kind) or str(node.sql(dialect=Velothread)).partition("(")[0]
    elif " " in written:
        name = written.upper()
    else:
        name = f'"{written}"' if kind == exp.DType.JSON else written.strip('"')
    return f"{name}({', '.join(x.sql(dialect=Velothread) for x in inner)})" if inner and parenthesis else name


def _interval(node: exp.Interval) -> str:
    unit = node.args.get("unit")
    if unit is None:
        return f"CAST({_text(node.this)} AS INTERVAL)"
    units = unit.name.lower().removesuffix("s") + "s"
    count = f"CAST({_text(node.this)} AS DOUBLE)"
    type_ = _UNIT_TYPES.get(units, "INTEGER")
    return f"to_{units}({count if type_ == 'DOUBLE' else f'CAST(trunc({count}) AS {type_})'})"


def _extract(node: exp.Extract) -> str:
    part = node.this.name
    if not isinstance(node.this, exp.Literal) and part.lower() in KEYWORDS:
        part = part.upper().removesuffix("S")
    elif not isinstance(node.this, exp.Literal):
        part = part.lower()
    return f"date_part('{part}', {_text(node.expression)})"


def _trim(node: exp.Trim) -> str:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    return _call(name, node.this, node.expression)


def _struct(node: exp.Struct) -> str:
    fields = []
    for item in node.expressions:
        name, value = (item.this.name, item.expression) if isinstance(item, exp.PropertyEQ) else (item.alias, item.this)
        fields.append(f"{_quoted(name)} := {_text(value)}")
    return f"struct_pack({', '.join(fields)})"


def _map(node: exp.ToMap) -> str:
    if isinstance(node.this, exp.Bracket):  # MAP {'a': 1}['a'] is parsed with the subscript inside
        return _map(exp.ToMap(this=node.this.this.copy())) + _subscript(node.this)
    items = node.this.expressions
    return f'"map"(list_value({_list([x.this for x in items])}), list_value({_list([x.expression for x in items])}))'


def _subscript(node: exp.Bracket) -> str:
    return f"[{_list(node.expressions)}]"


def _lambda(node: exp.Lambda) -> str:
    return f"(lambda {_list(node.expressions)}: {_text(node.this)})"


def _comprehension(node: exp.Comprehension) -> str:
    names = _text(node.expression) + (f", {_text(node.args['position'])}" if node.args.get("position") else "")
    condition = f" IF {_text(node.args['condition'])}" if node.args.get("condition") else ""
    return f"[{_text(node.this)} FOR {names} IN {_text(node.args['iterator'])}{condition}]"


def _array(node: exp.Array) -> str:
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Comprehension):
        return _text(node.expressions[0])
    return f"list_value({_list(node.expressions)})"


def _window(node: exp.Window) -> str:
    """`sum(b) OVER (PARTITION BY a ORDER BY b)`; a frame that is the usual one is left out."""
    inner = []
    if node.args.get("partition_by"):
        inner.append("PARTITION BY " + _list(node.args["partition_by"]))
    if node.args.get("order") is not None:
        inner.append("ORDER BY " + _list(node.args["order"].expressions))
    if (spec := node.args.get("spec")) is not None:
        inner.append(_frame(spec))
    name, parenthesis, arguments = _text(node.this).partition("(")
    name = name.strip('"')
    name = {"first": "first_value", "last": "last_value", "count_star": "count"}.get(name, name)
    return f"{name}{parenthesis}{arguments} OVER ({' '.join(filter(None, inner))})"


def _frame(spec: exp.WindowSpec) -> str:
    sides = []
    for side in ("start", "end"):
        bound = spec.args.get(side) or "CURRENT ROW"
        text = bound if isinstance(bound, str) else _text(bound)
        text = text.upper() if isinstance(bound, str) else text
        sides.append(text if text == "CURRENT ROW" else f"{text} {(spec.args.get(side + '_side') or '').upper()}")
    kind = (spec.args.get("kind") or "").upper()
    exclude = spec.args["exclude"].name.upper() if spec.args.get("exclude") is not None else ""
    exclude = "" if exclude in ("", "NO OTHERS") else f"EXCLUDE {exclude}"
    if (kind, *sides, exclude) == ("RANGE", "UNBOUNDED PRECEDING", "CURRENT ROW", ""):
        return ""
    return f"{kind} BETWEEN {sides[0]} AND {sides[1]} {exclude}".rstrip()


def _dot(node: exp.Dot) -> str:
    return f"({_text(node.this)}).{_quoted(node.expression.name)}"


def _placeholder(node: exp.Expr) -> str:
    return f"${parameter_name(node) or node.meta.get('number', 1)}"


_SPELLINGS: Mapping[type[exp.Expr], Callable[[Any], str]] = MappingProxyType({
    exp.Column: _column,
    exp.Identifier: lambda n: _quoted(n.name),
    exp.Paren: lambda n: _text(n.this),
    exp.Literal: _literal,
    exp.RawString: _literal,
    exp.National: _literal,
    exp.ByteString: _literal,
    exp.HexString: lambda n: f"X'{n.this}'",
    exp.Boolean: lambda n: "true" if n.this else "false",
    exp.Null: lambda n: "NULL",
    exp.Placeholder: _placeholder,
    exp.Parameter: _placeholder,
    exp.Anonymous: _anonymous,
    exp.Distinct: lambda n: "DISTINCT " + _list(n.expressions),
    exp.Filter: lambda n: f"{_text(n.this)} FILTER (WHERE {_text(n.expression.this)})",
    exp.Order: _order,
    exp.Ordered: _ordered,
    exp.WithinGroup: _within_group,
    exp.Window: _window,
    exp.IgnoreNulls: lambda n: f"{_text(n.this)} IGNORE NULLS",
    exp.RespectNulls: lambda n: f"{_text(n.this)} RESPECT NULLS",
    exp.And: _connector,
    exp.Or: _connector,
    exp.Not: _not,
    exp.Is: _is,
    exp.Neg: _negative,
    exp.BitwiseNot: lambda n: f"(~({_text(n.this)}))",
    exp.Between: lambda n: f"({_text(n.this)} BETWEEN {_text(n.args['low'])} AND {_text(n.args['high'])})",
    exp.In: lambda n: f"({_text(n.this)} IN ({_list(n.expressions)}))" if n.expressions else n.sql(dialect=Velothread),
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.RegexpLike: lambda n: _call("regexp_matches", n.this, n.expression),
    exp.SimilarTo: lambda n: _call("regexp_full_match", n.this, n.expression),
    exp.Case: _case,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Interval: _interval,
    exp.Extract: _extract,
    exp.Substring: lambda n: _call("substring", n.this, n.args.get("start"), n.args.get("length")),
    exp.Trim: _trim,
    exp.StrPosition: lambda n: _call("position", n.this, n.args["substr"]),
    exp.AtTimeZone: lambda n: _call("timezone", n.args["zone"], n.this),
    exp.CurrentDate: lambda n: "current_date",
    exp.CurrentTimestamp: lambda n: "current_timestamp",
    exp.CurrentTime: lambda n: "current_time",
    exp.Localtimestamp: lambda n: "localtimestamp",
    exp.Array: _array,
    exp.Comprehension: _comprehension,
    exp.Lambda: _lambda,
    exp.JSONExtract: lambda n: f"({_text(n.this)} -> {_text(n.expression)})",
    exp.JSONExtractScalar: lambda n: f"({_text(n.this)} ->> {_text(n.expression)})",
    exp.PropertyEQ: lambda n: f"{_text(n.this)} := {_text(n.expression)}",
    exp.Tuple: lambda n: f'"row"({_list(n.expressions)})',
    exp.Struct: _struct,
    exp.ToMap: _map,
    exp.Bracket: lambda n: _text(n.this) + _subscript(n),
    exp.Slice: lambda n: (
        ":".join(_text(p) if p else "" for p in (n.this, n.expression))
        + (f":{_text(n.args['step'])}" if n.args.get("step") else "")
    ),
    exp.Dot: _dot,
})  # fmt: skip
