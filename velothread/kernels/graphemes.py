"""User-perceived characters: reverse and the `_grapheme` functions.

After Unicode's UAX #29, reduced to what text in tables holds: combining marks, variation selectors, emoji with
modifiers, joined emoji, flags, CR LF. Hangul syllables given as single letters are not composed.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.function import Value
from velothread.kernels.shaping import by_row, lift
from velothread.kernels.text import TEXT, is_ascii

_JOINER = "\u200d"


def split(text: str) -> list[str]:
    """The user-perceived characters of `text`."""
    if text.isascii() and "\r\n" not in text:
        return list(text)
    clusters: list[str] = []
    flags = 0  # regional indicators seen in a row: flags are pairs of them
    for before, here in pairwise(["", *text]):
        regional = "\U0001f1e6" <= here <= "\U0001f1ff"
        joins = (
            _extends(here)
            or (before == _JOINER and ord(here) > 0x2000)
            or (before == "\r" and here == "\n")
            or (regional and flags % 2 == 1)
        )
        flags = flags + 1 if regional else 0
        if joins and clusters:
            clusters[-1] += here
        else:
            clusters.append(here)
    return clusters


def _extends(character: str) -> bool:
    return (
        character == _JOINER
        or unicodedata.category(character) in ("Mn", "Me", "Mc")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _reverse(text: str) -> str:
    return "".join(reversed(split(text)))


_reverse_rows = by_row(_reverse, TEXT)


@lift
def reverse(text: pa.Array) -> Value:
    """Each text with its characters in reverse order."""
    return pc.ascii_reverse(text) if is_ascii(text) else _reverse_rows(text)


def _substring(text: str, offset: int, count: int | None = None) -> str:
    parts = split(text)
    begin = len(parts) + offset if offset < 0 else offset - 1
    end = len(parts) if count is None else begin + count
    if end < begin:
        begin, end = end, begin
    return "".join(parts[max(0, begin) : max(0, end)])


def _left(text: str, count: int) -> str:
    return "".join(split(text)[:count])


def _right(text: str, count: int) -> str:
    return "" if count == 0 else "".join(split(text)[-count:])


length = by_row(lambda text: len(split(text)), pa.int64())
substring = by_row(_substring, TEXT)
left = by_row(_left, TEXT)
right = by_row(_right, TEXT)
