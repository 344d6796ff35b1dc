"""Formats of dates and times of other dialects -> those of strftime, which velothread reads.

Each table has what a dialect writes -> a strftime directive. Letters that a table doesn't have are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Formats:
    """`directives`: what is written -> strftime. `marked`: all begin with %. `quotes`: what surrounds plain text."""

    directives: Mapping[str, str]
    marked: bool = False
    quotes: str = ""
    any_case: bool = False

    def translated(self, text: str) -> str:
        """`text` for strftime.

        :raises ValueError: with the piece that has no counterpart.
        """
        return self._marked(text) if self.marked else self._worded(text)

    def _marked(self, text: str) -> str:
        out, i = "", 0
        while i < len(text):
            if text[i] != "%":
                out, i = out + text[i], i + 1
                continue
            piece = next((text[i:end] for end in (i + 3, i + 2) if text[i:end] in self.directives), None)
            if piece is None:
                raise ValueError(text[i : i + 2])
            out, i = out + self.directives[piece], i + len(piece)
        return out

    def _worded(self, text: str) -> str:
        known = {k.upper(): v for k, v in self.directives.items()} if self.any_case else self.directives
        longest = max(map(len, known))
        out, i = "", 0
        while i < len(text):
            if self.quotes and text[i] in self.quotes:
                end = text.find(text[i], i + 1)
                if end < 0:
                    raise ValueError(text[i:])
                plain = text[i + 1 : end] or text[i]  # two quotes in a row are one
                out, i = out + plain.replace("%", "%%"), end + 1
                continue
            pieces = (text[i : i + n] for n in range(min(longest, len(text) - i), 0, -1))
            piece = next((p for p in pieces if (p.upper() if self.any_case else p) in known), None)
            if piece is None:
                if text[i].isalnum():  # digits are the formats of numbers
                    raise ValueError(text[i:])
                out, i = out + text[i].replace("%", "%%"), i + 1
                continue
            out, i = out + known[piece.upper() if self.any_case else piece], i + len(piece)
        return out


def _same(letters: str) -> dict[str, str]:
    return {f"%{x}": f"%{x}" for x in letters}


MYSQL = Formats(MappingProxyType({
    **_same("YymdHIMSpjabf%"), "%M": "%B", "%i": "%M", "%s": "%S", "%S": "%S", "%h": "%I", "%c": "%-m", "%e": "%-d",
    "%k": "%-H", "%l": "%-I", "%W": "%A", "%T": "%H:%M:%S", "%r": "%I:%M:%S %p", "%w": "%w", "%U": "%U", "%u": "%W",
    "%v": "%V", "%x": "%G",
}), marked=True)  # fmt: skip
SQLITE = Formats(MappingProxyType({
    **_same("YmdHMSjwWpIVGu%"), "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%e": "%-d", "%k": "%-H",
    "%l": "%-I", "%U": "%U",
}), marked=True)  # fmt: skip
BIGQUERY = Formats(MappingProxyType({
    **_same("YymdHIMSpjabABUWVGuw%"), "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y",
    "%e": "%-d", "%k": "%-H", "%l": "%-I", "%h": "%b", "%E6S": "%S.%f", "%E*S": "%S.%f",
}), marked=True)  # fmt: skip
CLICKHOUSE = Formats(MappingProxyType({
    **_same("YymdHISpjabfGVuw%"), "%M": "%B", "%i": "%M", "%s": "%S", "%h": "%I", "%c": "%-m", "%e": "%-d",
    "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y", "%W": "%A", "%r": "%I:%M %p",
}), marked=True)  # fmt: skip
# Java's patterns: Spark, Hive; Joda's, which Trino's format_datetime reads, have the same letters here
JAVA = Formats(MappingProxyType({
    "yyyy": "%Y", "y": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d",
    "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
    "SSS": "%g", "SSSSSS": "%f", "a": "%p", "EEEE": "%A", "EEE": "%a", "E": "%a", "D": "%-j", "DDD": "%j",
}), quotes="'")  # fmt: skip
DOTNET = Formats(MappingProxyType({
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dddd": "%A", "ddd": "%a", "dd": "%d",
    "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
    "fff": "%g", "ffffff": "%f", "tt": "%p",
}), quotes="'\"")  # fmt: skip
# to_char: the words of Oracle, which PostgreSQL and Snowflake took over. Their padded month and day names only with FM.
_ORACLE = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "MON": "%b", "DD": "%d", "HH24": "%H", "HH12": "%I", "MI": "%M", "SS": "%S",
    "DDD": "%j", "DY": "%a", "AM": "%p", "PM": "%p", "FMMONTH": "%B", "FMDAY": "%A", "FMDD": "%-d", "FMMM": "%-m",
    "IYYY": "%G", "IW": "%V", "ID": "%u",
}  # fmt: skip
# Mon is Mon, MON is in capitals, which strftime hasn't
POSTGRES = Formats(MappingProxyType({
    **{k: v for k, v in _ORACLE.items() if k not in ("MON", "DY", "FMMONTH", "FMDAY")},
    "yyyy": "%Y", "mm": "%m", "dd": "%d", "hh24": "%H", "mi": "%M", "ss": "%S", "HH": "%I", "hh": "%I", "hh12": "%I",
    "Mon": "%b", "Dy": "%a", "FMMonth": "%B", "FMDay": "%A", "US": "%f", "MS": "%g", "us": "%f", "ms": "%g",
}), quotes='"')  # fmt: skip
SNOWFLAKE = Formats(MappingProxyType({
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "MON": "%b", "MMMM": "%B", "DD": "%d", "HH24": "%H", "HH12": "%I", "MI": "%M",
    "SS": "%S", "DY": "%a", "AM": "%p", "PM": "%p", "FF3": "%g", "FF6": "%f",
}), quotes='"', any_case=True)  # fmt: skip
