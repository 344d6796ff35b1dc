"""Reading machine-written JSON lines with NumPy: same keys, same order, same spacing in every line.

The layout of a file is taken from one of its lines. In a block of lines, the commas and newlines give the place of
every value; rows whose keys stand at exactly these places are read by whole-column arithmetic, and the others are
named, to be read by a real JSON parser. What makes a row safe to read this way:

- it holds as many commas as the layout, and every key with its quotes, colon and spacing is where the layout says. As
  the row holds no backslash, no string has a quote inside: `,"temp":` is a key wherever it stands;
- every value begins as a scalar does, so nothing is nested;
- the block holds exactly the quotes that its keys and strings need.

For lines that are JSON this is exact: the values are those of a JSON parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread.sources.text_cells import BACK, FRONT, MAX_KEY, Block, Masks, decode, readable
from velothread.types import SqlType

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# From so many columns on, they are compared at once.
_MANY = 12
_STRING = r'"[^"\\\x00-\x1f]*"'
_MEMBER = re.compile(rf"(\s*)({_STRING})(\s*:\s*)(?:{_STRING}|-?[0-9][0-9.eE+-]*|true|false|null)")


@dataclass(frozen=True, slots=True)
class Layout:
    """How every line of a file looks, but for the values.

    marks: for each key the bytes from the end of the value before it (or the line's start) up to its own value:
    `{"id":`, `,"qty":`.
    tail: the bytes from the end of the last value up to the newline: `}`, `}\\r`.

    Threading: immutable.
    """

    keys: tuple[str, ...]
    marks: tuple[bytes, ...]
    tail: bytes


def layout_of(line: bytes) -> Layout | None:
    """The layout of a line (without its newline), or None when it is nested, escaped or otherwise not plain."""
    tail_at = line.rfind(b"}")
    if not line.startswith(b"{") or tail_at < 0 or b"\\" in line:
        return None
    try:
        text = line[:tail_at].decode("utf-8")
        members = json.loads(line, object_pairs_hook=tuple)
    except ValueError:
        return None
    marks: list[bytes] = []
    keys: list[str] = []
    at, lead = 1, "{"
    while True:
        found = _MEMBER.match(text, at)
        if found is None:
            return None
        keys.append(found[2][1:-1])
        marks.append((lead + found[1] + found[2] + found[3]).encode())
        at = found.end()
        if at == len(text):
            break
        if text[at] != ",":
            return None
        at, lead = at + 1, ","
    plain = tuple(k for k, _ in members) == tuple(keys) and len(set(keys)) == len(keys)
    if not plain or max(map(len, marks)) > MAX_KEY:
        return None
    return Layout(tuple(keys), tuple(marks), line[tail_at:])


@dataclass(slots=True)
class Extracted:
    """Rows of a block that were read: `arrays`, one value per row in `regular`; `rows` counts all rows of the block.

    regular: positions of the rows that were read, None for all. starts, ends: where all rows
    are in the block, newline excluded.
    """

    rows: int
    arrays: list[pa.Array]
    regular: Ints | None
    starts: Ints
    ends: Ints


@dataclass(slots=True)
class _Cells:
    """The values of the rows: of all columns the first byte, of the wanted ones their place.

    strings: how many values begin with a quote.
    """

    rows: int
    firsts: npt.NDArray[np.uint8]
    begins: dict[int, Ints]
    stops: dict[int, Ints]
    strings: int


class LayoutReader:
    """Reads blocks of lines by a layout.

    Threading: owned by one receiver (it keeps buffers for reuse).
    """

    def __init__(self, layout: Layout, wanted: Sequence[tuple[str, SqlType]]) -> None:
        self._layout = layout
        self._wanted: list[tuple[int | None, SqlType]] = [
            (layout.keys.index(name) if name in layout.keys else None, kind) for name, kind in wanted
        ]
        self._checks = [_Mark(mark) for mark in layout.marks]
        self._many = _Marks(layout.marks[1:]) if len(layout.marks) >= _MANY else None
        self._masks = Masks()

    @staticmethod
    def serves(layout: Layout | None, wanted: Sequence[tuple[str, SqlType]]) -> bool:
        """Can columns of these types be read this way?"""
        return layout is not None and all(readable(kind) for _, kind in wanted)

    def read(self, buffer: bytes | bytearray, start: int, end: int) -> Extracted | None:
        """Read the lines in `buffer[start:end]` (it ends with a newline; FRONT bytes lie before it, BACK after).

        None: most of the rows look otherwise; the whole block should go to a parser.
        """
        block = Block(buffer, start, end)
        places, rows = self._masks.ends(block, 44)
        count = len(self._checks)
        regular: Ints | None = None
        if len(places) == rows * count and (block.data[places[count - 1 :: count]] == 10).all():
            table = places.reshape(rows, count)
            ends = table[:, count - 1]
            starts = np.empty(rows, np.int64)
            starts[0] = 0
            np.add(ends[:-1], 1, out=starts[1:])
            row_starts = starts
        else:
            last = np.flatnonzero(block.data[places] == 10)
            ends = places[last]
            starts = np.empty(rows, np.int64)
            starts[0] = 0
            np.add(ends[:-1], 1, out=starts[1:])
            regular = np.flatnonzero(np.diff(last, prepend=-1) == count)
            if len(regular) * 2 < rows or not len(regular):
                return None
            table = places[last[regular][:, None] + np.arange(1 - count, 1)]
            row_starts = starts[regular]
        keep = _plain_rows(block, row_starts, table[:, count - 1])
        if keep is None and not block.is_text():
            return None
        while True:
            cells, good = self._cells(block, row_starts, table, keep)
            if good is None:
                arrays, good = self._decode(block, cells)
                if good is None:
                    break
            kept = np.flatnonzero(good)
            if len(kept) * 2 < rows or not len(kept):
                return None
            regular = kept if regular is None else regular[kept]
            row_starts, table = row_starts[kept], table[kept]
            keep = None
        expected = 2 * (count * len(row_starts)) + cells.strings * 2
        if self._quotes(block, starts, ends, regular) != expected:
            return None
        return Extracted(rows, arrays, regular, starts, ends)

    def _cells(self, block: Block, starts: Ints, table: Ints, keep: Bools | None) -> tuple[_Cells, Bools | None]:
        """The cells, and which rows are as the layout says (None: all)."""
        count = len(self._checks)
        wrong = np.zeros(len(starts), np.uint64)
        firsts = np.empty((count, len(starts)), np.uint8)
        if self._many is None:
            for j, mark in enumerate(self._checks):
                firsts[j] = mark.check(block, starts if j == 0 else table[:, j - 1], wrong)
        else:
            firsts[0] = self._checks[0].check(block, starts, wrong)
            firsts[1:] = self._many.check(block, table[:, :-1], wrong)
        # `{` and `[` would open something nested; with bit 5 set both are `{`.
        opening = (firsts | 32) == 123
        nested: Bools = opening.any(axis=0) if opening.any() else np.zeros(len(starts), np.bool_)
        strings = int(np.count_nonzero(firsts == 34))
        tail = self._layout.tail
        finish = table[:, count - 1] - len(tail)
        for offset, byte in enumerate(tail):
            # (An index below 0 is a short first line, which the marks refuse; the bytes before the block may be read.)
            nested |= block.before(finish + offset) != byte
        begins: dict[int, Ints] = {}
        stops: dict[int, Ints] = {}
        for j in {index for index, _ in self._wanted if index is not None}:
            begins[j] = (starts if j == 0 else table[:, j - 1]) + len(self._layout.marks[j])
            stops[j] = np.ascontiguousarray(table[:, j]) if j + 1 < count else finish
        cells = _Cells(len(starts), firsts, begins, stops, strings)
        if keep is None and not nested.any() and not wrong.any():
            return cells, None
        good = (wrong == 0) & ~nested
        return cells, good if keep is None else good & keep

    def _decode(self, block: Block, cells: _Cells) -> tuple[list[pa.Array], Bools | None]:
        good: Bools | None = None
        arrays: list[pa.Array] = []
        for index, kind in self._wanted:
            if index is None:
                arrays.append(pa.nulls(cells.rows, kind.arrow))
                continue
            array, bad = decode(kind, block, cells.firsts[index], cells.begins[index], cells.stops[index])
            if bad is not None:
                good = ~bad if good is None else good & ~bad
            arrays.append(array)
        return arrays, good

    def _quotes(self, block: Block, starts: Ints, ends: Ints, regular: Ints | None) -> int:
        """How many quotes the rows that were read hold."""
        quotes = np.equal(block.data, 34, out=self._masks.first(len(block.data)))
        if regular is None:
            return int(np.count_nonzero(quotes))
        upto = np.searchsorted(np.flatnonzero(quotes), np.stack((starts[regular], ends[regular])))
        return int((upto[1] - upto[0]).sum())


class _Mark:
    """Compares a mark with the bytes at many places, a few words at a time."""

    def __init__(self, mark: bytes) -> None:
        self._length = len(mark)
        self._count = (len(mark) + 8) // 8  # one byte more than the mark: the value's first
        spare = self._count * 8 - len(mark)
        self._want = [np.uint64(w) for w in np.frombuffer(mark + bytes(spare), "<u8")]
        self._last = np.uint64(((1 << 64) - 1) >> (8 * spare) if spare < 8 else 0)

    def check(self, block: Block, at: Ints, wrong: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        """Set bits of `wrong` where the mark doesn't stand at `at`; returns the first byte after it."""
        words = block.words_at(at, self._count)
        for i in range(self._count - 1):
            wrong |= words[:, i] ^ self._want[i]
        if self._last:
            wrong |= (words[:, -1] & self._last) ^ self._want[-1]
        first: npt.NDArray[np.uint8] = words.view(np.uint8)[:, self._length]
        return first


class _Marks:
    """Compares all marks of a row, but for the first, at once: of many columns, few rows are in a block, and each step
    costs something for itself."""

    def __init__(self, marks: Sequence[bytes]) -> None:
        self._count = -(-max(map(len, marks)) // 8)
        size = 8 * self._count
        self._want = np.frombuffer(b"".join(m.ljust(size, b"\0") for m in marks), "<u8")
        self._mask = np.frombuffer(b"".join((b"\xff" * len(m)).ljust(size, b"\0") for m in marks), "<u8")
        self._lengths = np.array([len(m) for m in marks])

    def check(self, block: Block, at: Ints, wrong: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        """Set bits of `wrong` for the rows where a mark doesn't stand at its place; the first bytes after, by mark.

        at: (rows, marks).
        """
        words = block.words_at(at.ravel(), self._count).reshape(len(at), -1)
        words ^= self._want
        words &= self._mask
        if words.any():
            wrong |= np.bitwise_or.reduce(words, axis=1)
        firsts: npt.NDArray[np.uint8] = block.after(at + self._lengths).T
        return firsts


def _plain_rows(block: Block, starts: Ints, ends: Ints) -> Bools | None:
    """Which rows hold no backslash; None: all."""
    if not block.holds(b"\\"):
        return None
    slashes = np.flatnonzero(block.data == 92)
    plain: Bools = np.searchsorted(slashes, starts) == np.searchsorted(slashes, ends)
    return plain if block.is_text() else np.zeros(len(starts), np.bool_)


__all__ = ["BACK", "FRONT", "Block", "Extracted", "Layout", "LayoutReader", "layout_of"]
