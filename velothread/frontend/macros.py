"""Functions that are written in SQL, in terms of others: a line in a table each.

    Macro("fdiv", ("x", "y"), "floor(x / y)", ...)

A call becomes the body with the arguments in place of the parameters. What goes wrong inside is shown at the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import sqlglot
from sqlglot import exp

from velothread.errors import BindError
from velothread.frontend.dialect import Velothread
from velothread.frontend.parse import position


@dataclass(frozen=True, slots=True)
class Macro:
    """name(parameters) stands for `body`; `defaults`: SQL of the last parameters, where they may be left out."""

    name: str
    parameters: tuple[str, ...]
    body: str
    doc: str
    example: str = ""
    result: str = ""
    defaults: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    group: str = "generic"

    def signature(self) -> str:
        """`fdiv(x, y)`."""
        return f"{self.name}({', '.join(self.parameters)})"


_TABLE = (
    Macro("fdiv", ("x", "y"), "floor(x / y)", "Division rounded down", "fdiv(7, 2)", "3.0", group="numeric"),
    Macro("array_to_string_comma_default", ("arr", "sep"), "array_to_string(arr, coalesce(sep, ','))",
          "array_to_string, with a comma when nothing else is said", "array_to_string_comma_default([1, 2])", "1,2",
          defaults=("','",), group="list"),
    Macro("date", ("x",), "CAST(x AS DATE)", "The date of a text or a time", "date('2024-02-10')", "2024-02-10",
          group="date"),
    Macro("days_in_month", ("date",), "day(last_day(date))", "How many days the month has",
          "days_in_month(DATE '2024-02-10')", "29", group="date"),
    Macro("ago", ("i",), "current_timestamp - CAST(i AS INTERVAL)", "The time so long before now", group="date"),
    Macro("map_contains_entry", ("m", "key", "value"), "coalesce(map_extract_value(m, key) = value, false)",
          "Has the map this key with this value?", "map_contains_entry(map([1], ['a']), 1, 'a')", "true", group="list"),
    Macro("map_contains_value", ("m", "value"), "list_contains(map_values(m), value)", "Has the map this value?",
          "map_contains_value(map([1], ['a']), 'a')", "true", group="list"),
    Macro("weighted_avg", ("value", "weight"), "sum(value * weight) / sum(CASE WHEN value IS NOT NULL THEN weight END)",
          "Mean with a weight for each value", aliases=("wavg",), group="aggregate"),
    Macro("generate_subscripts", ("arr", "dim"), "unnest(generate_series(1, array_length(arr, dim)))",
          "The positions of the items, a row each", group="list"),
    Macro("regexp_split_to_table", ("text", "pattern"), "unnest(regexp_split_to_array(text, pattern))",
          "The parts of a text between matches of a pattern, a row each", group="text"),
    Macro("pg_size_pretty", ("bytes",), "format_bytes(bytes)", "A number of bytes for people", "pg_size_pretty(2048)",
          "2.0 KiB", group="text"),
    Macro("pg_typeof", ("value",), "lower(typeof(value))", "The name of the type in lower case", "pg_typeof(1)",
          "integer"),
    Macro("switch", ("key", "cases", "otherwise"), "coalesce(map_extract_value(cases, key), otherwise)",
          "The value of a key in a map, else another value", "switch(2, map([1, 2], ['a', 'b']))", "b",
          defaults=("NULL",)),
    Macro("assert_true", ("condition", "message"), "CASE WHEN condition THEN NULL ELSE error(message) END",
          "Fails where the condition is not true", defaults=("'the condition is not true'",)),
    Macro("json_group_array", ("x",), "to_json(list(x))", "The values as a JSON array", group="aggregate"),
    Macro("json_group_object", ("key", "value"), "to_json(map(list(key), list(value)))",
          "Names and values as a JSON object", group="aggregate"),
    Macro("json_group_structure", ("x",), "json_extract(json_structure(to_json(list(CAST(x AS JSON)))), 0)",
          "The types in all documents together", group="aggregate"),
)  # fmt: skip

MACROS: Mapping[str, Macro] = MappingProxyType({n: m for m in _TABLE for n in (m.name, *m.aliases)})


@lru_cache(maxsize=256)
def _parsed(body: str) -> exp.Expr:
    tree: exp.Expr = sqlglot.parse_one(body, dialect=Velothread)
    for node in tree.walk():
        node.meta.clear()  # places in the body are none in the user's text
    return tree


def expanded(macro: Macro, node: exp.Anonymous, sql: str) -> exp.Expr:
    """The body for a call.

    :raises BindError: for too many or too few arguments, and for names that are no parameters.
    """
    place = position(node)
    given: dict[str, exp.Expr] = {}
    for i, argument in enumerate(node.expressions):
        named = isinstance(argument, exp.PropertyEQ)
        name = argument.this.name.lower() if named else macro.parameters[i] if i < len(macro.parameters) else ""
        if name not in macro.parameters or name in given:
            raise BindError(f"there is only {macro.signature()}", place, sql=sql)
        given[name] = argument.expression if named else argument
    first = len(macro.parameters) - len(macro.defaults)
    for name, default in zip(macro.parameters[first:], macro.defaults, strict=True):
        given.setdefault(name, _parsed(default))
    missing = [p for p in macro.parameters if p not in given]
    if missing:
        raise BindError(f"{macro.signature()} wants {missing[0]!r} as well", place, sql=sql)

    def put(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Column) and not part.args.get("table") and part.name in given:
            return exp.Paren(this=given[part.name].copy())
        return part

    body: exp.Expr = _parsed(macro.body).copy().transform(put)
    if place is not None:
        body.meta["start"], body.meta["end"] = place.start, place.end - 1
    return body
