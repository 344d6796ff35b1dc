"""Dialects that sqlglot reads and that have no module here: their syntax, and functions that all dialects share.

What differs between dialects in meaning is refused: division, subscripts, dates minus dates.
"""

from __future__ import annotations

from sqlglot import exp

from velothread.frontend.dialect_meaning.meaning import Meaning
from velothread.frontend.dialect_meaning.templates import table

MEANING = Meaning(
    "this dialect", table(""), minus="minus, refused", first_index=None, separator=None,
    refused=(exp.HexString, exp.BitString, exp.Collate, exp.AtTimeZone, exp.Div, exp.IntDiv, exp.DPipe),
)  # fmt: skip
