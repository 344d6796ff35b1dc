"""SQLite's date(), time(), datetime(), julianday(), unixepoch(), strftime(): a time and modifiers that act in turn.

date(d, 'start of month', '+1 month', '-1 day')   ->   CAST(... AS DATE)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from velothread.frontend.dialect_meaning.formats import SQLITE
from velothread.frontend.dialect_meaning.meaning import Meaning, refuse
from velothread.frontend.dialect_meaning.templates import expanded

_UNITS = ("year", "month", "day", "hour", "minute", "second")


def _time(items: list[exp.Expr], node: exp.Expr, sql: str) -> exp.Expr:
    """The time that the arguments say."""
    if not items:
        return expanded("current_localtimestamp()", {})
    first, *modifiers = items
    if isinstance(first, exp.Literal) and first.is_string and first.name.lower() == "now":
        when = expanded("current_localtimestamp()", {})
    elif isinstance(first, exp.Literal) and not first.is_string:
        raise refuse("numbers as times (Julian days) are not translated", first, sql)
    else:
        when = expanded("CAST(d AS TIMESTAMP)", {"d": first})
    for modifier in modifiers:
        when = _modified(when, modifier, sql)
    return when


def _modified(when: exp.Expr, modifier: exp.Expr, sql: str) -> exp.Expr:
    text = modifier.name.lower().strip() if isinstance(modifier, exp.Literal) and modifier.is_string else ""
    if m := re.fullmatch(r"start of (year|month|day)", text):
        return expanded(f"CAST(date_trunc('{m[1]}', d) AS TIMESTAMP)", {"d": when})
    if (m := re.fullmatch(r"([+-]?\d+) +(\w+?)s?", text)) and m[2] in _UNITS:
        if m[2] in ("year", "month"):  # the 31st of a shorter month runs over into the next
            months = int(m[1]) * (12 if m[2] == "year" else 1)
            body = f"date_trunc('month', d) + to_months({months}) + (d - date_trunc('month', d))"
            return expanded(body, {"d": when})
        return expanded(f"d + to_{m[2]}s({int(m[1])})", {"d": when})
    if text in ("utc", "localtime", "auto", "subsec"):
        return when
    if m := re.fullmatch(r"weekday ([0-6])", text):
        return expanded(f"d + to_days(({m[1]} - dayofweek(d) + 7) % 7)", {"d": when})
    raise refuse("this modifier of a time is not translated", modifier, sql)


def _as(body: str) -> Callable[[exp.Anonymous, Meaning, str], exp.Expr]:
    def rewrite(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
        return expanded(body, {"d": _time(node.expressions, node, sql)})

    return rewrite


def _strftime(node: exp.Anonymous, meaning: Meaning, sql: str) -> exp.Expr:
    if not node.expressions:
        raise refuse("strftime takes a format", node, sql)
    format_, *items = node.expressions
    if not isinstance(format_, exp.Literal) or not format_.is_string:
        raise refuse("a format of dates must be written out to be translated", format_, sql)
    when = _time(items, node, sql)
    if format_.name == "%s":
        return expanded("CAST(CAST(floor(epoch(d)) AS BIGINT) AS VARCHAR)", {"d": when})
    try:
        text = SQLITE.translated(format_.name)
    except ValueError as e:
        raise refuse(f"{str(e)!r} in a format of sqlite is not translated", format_, sql) from None
    return expanded("strftime(d, f)", {"d": when, "f": exp.Literal.string(text)})


SQLITE_DATES: Mapping[str, Callable[[exp.Anonymous, Meaning, str], exp.Expr]] = MappingProxyType({
    "sqlite_date": _as("CAST(d AS DATE)"),
    "sqlite_datetime": _as("date_trunc('second', d)"),
    "sqlite_time": _as("strftime(d, '%H:%M:%S')"),
    "sqlite_julianday": _as("epoch(d) / 86400 + 2440587.5"),
    "sqlite_unixepoch": _as("CAST(floor(epoch(d)) AS BIGINT)"),
    "sqlite_strftime": _strftime,
})  # fmt: skip
