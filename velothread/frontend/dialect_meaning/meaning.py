"""The rules of one dialect: where it means something else than velothread does by the same text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from velothread.errors import UnsupportedError
from velothread.frontend.dialect_meaning.formats import Formats
from velothread.frontend.dialect_meaning.templates import Templates
from velothread.frontend.parse import position

_UNITS = ("century", "decade", "year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond",
          "microsecond")  # fmt: skip
UNITS: Mapping[str, str] = {**{u: u for u in _UNITS}, **{u + "s": u for u in _UNITS}}
# Part of a time -> what it is of `d`, in all dialects that have it.
PARTS: Mapping[str, str] = {
    **{p: f'{p}("time of"(d))' for p in ("year", "quarter", "month", "day", "hour", "minute", "second")},
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a dialect is read.

    calls: its functions. units, parts, formats: its words for units, for parts of a time, for formats of dates.
    divide, div, mod, minus, plus: the typed operation behind an operator; "": ours is the same.
    first_index: of arrays; None: it has none. whole: how a number turns into an integer, "" as here.
    cuts_text: CAST to VARCHAR(n) keeps n characters. escape: LIKE has it without ESCAPE. like: "exact", "ascii" (case
    of ASCII letters ignored), "brackets" ([a-z] in patterns). predicates_are_numbers: `a = b` is 1 or 0 as a value.
    strict_text: CAST('12.7' AS INTEGER) is an error.
    separator: what string aggregation puts between; None: it must be said. types: names of types -> ours, "!": refused.
    aggregates: name of an aggregate -> the typed operation on its result and a value.
    interval_keeps_date: DATE + INTERVAL 1 DAY is a DATE.
    """

    name: str
    calls: Templates
    formats: Formats | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    divide: str = "divide, exact infinite"
    div: str = "div, error"
    mod: str = ""
    minus: str = ""
    plus: str = ""
    first_index: int | None = 1
    whole: str = ""
    strict_text: bool = False
    cuts_text: bool = False
    escape: str = ""
    like: str = "exact"
    predicates_are_numbers: bool = False
    separator: str | None = ","
    types: Mapping[str, str] = field(default_factory=dict)
    interval_keeps_date: bool = True
    aggregates: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[type[exp.Expr], ...] = (exp.HexString, exp.BitString, exp.Collate, exp.AtTimeZone)

    def unit(self, word: str) -> str | None:
        """Our name of a unit."""
        lowered = word.lower()
        return self.units.get(lowered) or UNITS.get(lowered)

    def part(self, word: str) -> str | None:
        """What a part of a time is, as a template over `d`; "" for one that the dialect doesn't have."""
        lowered = word.lower()
        return self.parts.get(lowered, PARTS.get(lowered))


def refuse(what: str, node: exp.Expr, sql: str, hint: str | None = None) -> UnsupportedError:
    """The error for what can't be said in ours."""
    return UnsupportedError(what, position(node), hint=hint, sql=sql)
