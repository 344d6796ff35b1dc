"""How a CSV file is punctuated, and where its records end: exactly by the rules of Arrow's parser.

A quote opens a quoted field only at the start of the field; inside, `""` is a quote; after the closing quote the rest
of the field is taken as it is. A record ends at `\\n`, `\\r\\n` or a lone `\\r` outside quotes. The escape character,
if there is one, takes the next byte literally anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

_ONE = np.uint64(1)
_TOP = np.uint64(63)
_ZERO = np.uint64(0)
_SHIFTS = tuple(np.uint64(s) for s in (1, 2, 4, 8, 16, 32))


@dataclass(frozen=True, slots=True)
class Dialect:
    """Punctuation of a CSV text; single ASCII characters.

    quote: "" where there is none. escape: beside doubled quotes, or None. crlf: lines end with `\\r\\n` (only a hint
    for speed). comment: lines that start with it are left out.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    crlf: bool = False
    comment: str | None = None

    def parse_options(self, columns: int, invalid_row_handler: Any = None) -> Any:
        """Options for `pyarrow.csv`. The text must be parsed as one block."""
        from pyarrow import csv

        return csv.ParseOptions(
            delimiter=self.delimiter,
            quote_char=self.quote or False,
            double_quote=True,
            escape_char=self.escape or False,
            newlines_in_values=bool(self.quote) or self.escape is not None,
            # With a single column, an empty line is a row with an empty value.
            ignore_empty_lines=columns != 1,
            invalid_row_handler=invalid_row_handler,
        )


def last_record_end(data: bytes | bytearray, dialect: Dialect) -> int:
    """The offset after the last record that ends within `data`, 0 when none does; `data` starts at a record's start.

    Where text is odd (stray quotes, lone `\\r`) it may be the end of an earlier record, never of none.
    """
    quote, escape = dialect.quote.encode(), (dialect.escape or "").encode()
    if escape and escape in data:
        return exact_end(data, dialect)
    if not quote or quote not in data:
        end = data.rfind(b"\n") + 1
        return end if end or b"\r" not in data else exact_end(data, dialect)
    found = _parity_end(data, dialect)
    return exact_end(data, dialect) if found is None else found


def ends_within_quotes(data: bytes, dialect: Dialect) -> bool:
    """Is the last record of a file cut short by a quoted value that never ends?"""
    if not dialect.quote or dialect.quote.encode() not in data:
        return False
    ended = data + b"\n"
    return last_record_end(ended, dialect) != len(ended) and exact_end(ended, dialect) != len(ended)


def evenly_quoted(data: bytes, dialect: Dialect) -> bool:
    """Does every quote stand at the edge of a field? `data` starts at a record's start and may be cut anywhere."""
    found = _parity_end(data, dialect) if data else 0
    return found is not None and found == exact_end(data, dialect)


def exact_end(data: bytes | bytearray, dialect: Dialect) -> int:
    """The same by a state machine (a regular expression that can't backtrack): right for any text, slower."""
    match = _records_pattern(dialect).match(data)
    return match.end() if match is not None else 0


def _parity_end(data: bytes | bytearray, dialect: Dialect) -> int | None:
    """The same by counting quotes, 64 bytes in one word; None when a quote is in a place where counting may be wrong.

    A byte is inside quotes when an odd number of quotes comes before it. That is what the parser does as long as each
    opening quote stands at the start of a field (or doubles one), and each closing quote at the end of one.
    """
    size = len(data)
    padded = -size % 64
    text = np.frombuffer(data, np.uint8)
    flags = np.zeros(size + padded, np.bool_)
    other = np.empty(size, np.bool_)
    body = flags[:size]
    np.equal(text, ord(dialect.quote), out=body)
    quotes = _words(flags)
    np.equal(text, 10, out=body)
    newlines = _words(flags)
    np.equal(text, ord(dialect.delimiter), out=body)
    if dialect.crlf:
        np.logical_or(body, np.equal(text, 13, out=other), out=body)
    edges = _words(flags) | newlines | quotes
    # Bit i of `inside`: an odd number of quotes up to and with byte i.
    inside = quotes.copy()
    for shift in _SHIFTS:
        inside ^= inside << shift
    odd_before = np.bitwise_xor.accumulate(inside >> _TOP)[:-1]
    inside[1:] ^= _ZERO - odd_before
    ends = newlines & ~inside
    last_word = np.flatnonzero(ends)
    if not last_word.size:
        # One huge field, or a stray quote: only the state machine knows; but a legal start of a long field is likely.
        return 0 if _legal(quotes, inside, edges, size) else None
    word = int(last_word[-1])
    end = word * 64 + int(ends[word]).bit_length()
    return end if _legal(quotes, inside, edges, end) else None


def _legal(
    quotes: npt.NDArray[np.uint64], inside: npt.NDArray[np.uint64], edges: npt.NDArray[np.uint64], end: int
) -> bool:
    """Is every quote before `end` at an edge of a field, as counting supposes?"""
    words = -(-end // 64)
    quotes, inside, edges = quotes[:words], inside[:words], edges[: words + 1]
    after_edge = edges[:words] << _ONE
    after_edge[1:] |= edges[: words - 1] >> _TOP
    after_edge[0] |= _ONE  # the start of the data is the start of a record
    wrong = quotes & inside & ~after_edge
    before_edge = edges[:words] >> _ONE
    following = edges[1:]
    before_edge[: following.size] |= following << _TOP
    wrong |= quotes & ~inside & ~before_edge
    tail = end % 64
    if tail:
        wrong[-1] &= np.uint64((1 << tail) - 1)
    return not wrong.any()


def _words(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    return np.packbits(flags, bitorder="little").view("<u8")


def records(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Start and end (with its newline) of each record that has any text or, for the last, reaches the end of `data`.

    A row loop: for messages and sniffing only.
    """
    pattern = _record_pattern(dialect)
    at = 0
    while at < len(data):
        match = pattern.match(data, at)
        if match is None or match.end() == at:
            yield at, len(data)
            return
        yield at, match.end()
        at = match.end()


def fields(record: bytes, dialect: Dialect) -> list[bytes]:
    """The values of one record, quotes taken off. A row loop's part: for messages and sniffing only."""
    found: list[bytes] = []
    pattern = _field_pattern(dialect)
    text = record.rstrip(b"\r\n") if not dialect.quote else record
    at = 0
    while True:
        match = pattern.match(text, at)
        assert match is not None  # the pattern matches the empty text
        found.append(_plain(match.group(), dialect))
        at = match.end()
        if at >= len(text) or text[at : at + 1] != dialect.delimiter.encode():
            return found
        at += 1


def field_count(record: bytes, dialect: Dialect) -> int:
    """How many values a record has."""
    if (not dialect.quote or dialect.quote.encode() not in record) and not dialect.escape:
        return record.count(dialect.delimiter.encode()) + 1
    return len(fields(record, dialect))


def _plain(raw: bytes, dialect: Dialect) -> bytes:
    quote = dialect.quote.encode()
    if quote and raw.startswith(quote):
        inner, _, rest = raw[1:].replace(quote * 2, b"\0\0quote\0\0").partition(quote)
        raw = inner.replace(b"\0\0quote\0\0", quote) + rest.replace(b"\0\0quote\0\0", quote * 2)
    if dialect.escape and dialect.escape != dialect.quote:
        escape = re.escape(dialect.escape.encode())
        raw = re.sub(escape + rb"(.)", rb"\1", raw, flags=re.DOTALL)
    return raw


@lru_cache(maxsize=64)
def _parts(dialect: Dialect) -> tuple[bytes, bytes]:
    """Patterns of a field and of the end of a record."""
    delimiter = re.escape(dialect.delimiter.encode())
    quote = re.escape(dialect.quote.encode())
    has_escape = dialect.escape is not None and dialect.escape != dialect.quote
    escape = re.escape(dialect.escape.encode()) if has_escape and dialect.escape else b""
    plain = rb"[^%s%s\r\n]++" % (delimiter, escape)
    if escape:
        plain = rb"(?:%s|%s.)*+" % (plain, escape)
    else:
        plain = rb"(?:%s)?+" % plain
    if not quote:
        return plain, rb"(?:\r\n|\n|\r(?!\n|\Z))"
    inner = rb"[^%s%s]++|%s%s" % (quote, escape, quote, quote)
    if escape:
        inner += rb"|%s." % escape
    return rb"(?:%s(?:%s)*+%s%s|(?!%s)%s)" % (quote, inner, quote, plain, quote, plain), rb"(?:\r\n|\n|\r(?!\n|\Z))"


@lru_cache(maxsize=64)
def _record_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    field, end = _parts(dialect)
    return re.compile(rb"%s(?:%s%s)*+%s" % (field, re.escape(dialect.delimiter.encode()), field, end), re.DOTALL)


@lru_cache(maxsize=64)
def _records_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    field, end = _parts(dialect)
    delimiter = re.escape(dialect.delimiter.encode())
    return re.compile(rb"(?:%s(?:%s%s)*+%s)*+" % (field, delimiter, field, end), re.DOTALL)


@lru_cache(maxsize=64)
def _field_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    field, _ = _parts(dialect)
    # An unterminated quote runs to the end of the text.
    return re.compile(rb"%s|.*+" % field if dialect.quote else field, re.DOTALL)
