"""Reading plain CSV with NumPy: no quotes, no escapes, every row with as many values as there are columns.

The delimiters and newlines of a block give the place of every value at once; only wanted columns are looked at further.
Arrow's parser copies every value of every row before it converts some, so this is quicker, the more so the fewer of
the columns are wanted. What isn't plain is left to Arrow: a block with a quote or a ragged row as a whole, a column
with an odd number (`1e9`, ` 7`) on its own, as a CSV text of one column. Values are the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread import types as t
from velothread.sources.csv_arrow import read_csv
from velothread.sources.csv_schema import CsvColumn, CsvLayout, convert_options
from velothread.sources.source import ReadOptions
from velothread.sources.text_cells import Block, Ints, Masks, numbers

# Text is looked at in pieces that stay, with the places found in them, in a core's own cache.
PIECE = 1 << 19
_LEAST_ROWS = 8192
_DELIMITERS = ",;|\t"


class PlainReader:
    """Reads plain blocks of one file.

    Threading: owned by one receiver (`masks` is its own).
    """

    def __init__(self, layout: CsvLayout, wanted: Sequence[CsvColumn], options: ReadOptions, masks: Masks) -> None:
        self._layout = layout
        self._options = options
        self._masks = masks
        names = layout.names
        self._wanted = [(names.index(c.name), c) for c in wanted]
        self._has_text = any(c.type == t.VARCHAR for c in wanted)

    @staticmethod
    def serves(layout: CsvLayout, wanted: Sequence[CsvColumn], options: ReadOptions) -> bool:
        """May blocks of this file be read this way, and does it pay?"""
        dialect = layout.dialect
        if len(layout.columns) < 2 or dialect.comment or dialect.delimiter not in _DELIMITERS:
            return False
        # What each wanted value costs here, Arrow's parser takes for some values that aren't wanted.
        return all(_is_quick(c, options) for c in wanted) and 4 * len(wanted) <= len(layout.columns) + 2

    def read(self, buffer: bytearray, start: int, end: int) -> tuple[list[pa.Array], int] | None:
        """The wanted columns of `buffer[start:end]`, which ends with a newline, and how many rows they are.

        FRONT bytes lie before it in the buffer, BACK after. None: it isn't plain, or a value doesn't fit.
        """
        dialect = self._layout.dialect
        for special in (dialect.quote, dialect.escape):
            if special and buffer.find(special.encode(), start, end) >= 0:
                return None
        crlf = buffer.find(b"\r", start, end) >= 0
        block = Block(buffer, start, end)
        done: list[list[pa.Array]] = [[] for _ in self._wanted]
        waiting: list[list[tuple[Ints, Ints]]] = [[] for _ in self._wanted]
        rows = fresh = 0
        at = start
        while at < end:
            stop = buffer.rfind(b"\n", at, at + PIECE) + 1 if end - at > PIECE else end
            if not stop:
                stop = buffer.find(b"\n", at) + 1
            found = self._places(Block(buffer, at, stop), at - start, crlf)
            if found is None:
                return None
            places, count = found
            for cells, more in zip(waiting, places, strict=True):
                cells.append(more)
            rows += count
            fresh += count
            at = stop
            # Rows of many columns are few in a piece: they are gathered, since each step costs something for itself.
            if fresh >= _LEAST_ROWS or at == end:
                if not self._columns(block, waiting, done):
                    return None
                fresh = 0
        return [pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces) for pieces in done], rows

    def _places(self, piece: Block, offset: int, crlf: bool) -> tuple[list[tuple[Ints, Ints]], int] | None:
        """Where a piece's wanted cells begin and stop in the block, and its rows. offset: its place in the block."""
        width = len(self._layout.columns)
        places, rows = self._masks.ends(piece, ord(self._layout.dialect.delimiter))
        if len(places) != rows * width:
            return None
        table = places.reshape(rows, width)
        last = table[:, width - 1]
        if (piece.data[last] != 10).any() or (self._has_text and not piece.is_text()):
            return None
        if crlf:
            # Each newline has its return, and there is none elsewhere.
            if (piece.before(last - 1) != 13).any() or np.count_nonzero(piece.data == 13) != rows:
                return None
            last = last - 1
        cells: list[tuple[Ints, Ints]] = []
        for place, _ in self._wanted:
            if place:
                begin = table[:, place - 1] + (offset + 1)
            else:
                begin = np.full(rows, offset, np.int64)
                begin[1:] += table[:-1, width - 1]
                begin[1:] += 1
            cells.append((begin, (last if place == width - 1 else table[:, place]) + offset))
        return cells, rows

    def _columns(self, block: Block, waiting: list[list[tuple[Ints, Ints]]], done: list[list[pa.Array]]) -> bool:
        """Read the cells that wait, and put them to the columns; False where a value doesn't fit."""
        for (_, column), cells, arrays in zip(self._wanted, waiting, done, strict=True):
            begin, stop = cells[0]
            if len(cells) > 1:
                begin = np.concatenate([b for b, _ in cells])
                stop = np.concatenate([s for _, s in cells])
            cells.clear()
            array = self._quick(column, block, begin, stop)
            if array is None:
                array = self._by_arrow(column, block, begin, stop)
            if array is None:
                return False
            arrays.append(array)
        return True

    def _quick(self, column: CsvColumn, block: Block, begin: Ints, stop: Ints) -> pa.Array | None:
        empty: npt.NDArray[np.bool_] | None = begin == stop
        if not empty.any():  # type: ignore[union-attr]
            empty = None
        if column.type == t.VARCHAR:
            return block.slices(begin, stop, empty)
        return numbers(column.type, block, begin, stop, empty)

    def _by_arrow(self, column: CsvColumn, block: Block, begin: Ints, stop: Ints) -> pa.Array | None:
        """A column of odd values as Arrow reads it; None where one doesn't fit."""
        from pyarrow import csv

        # Each value with the byte after it, which becomes its newline.
        cut = block.slices(begin, stop + 1, None)
        text = np.frombuffer(cut.buffers()[2], np.uint8).copy()
        lines = np.frombuffer(cut.buffers()[1], np.int32, len(cut) + 1, cut.offset * 4)
        text[lines[1:] - 1] = 10
        text = text[lines[0] : lines[-1]]
        try:
            read: Any = read_csv(
                pa.py_buffer(text),
                read_options=csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=[column.name]),
                parse_options=self._layout.dialect.parse_options(1),
                convert_options=convert_options(
                    self._layout, self._options, {column.name: column.type.arrow}, [column.name]
                ),
            )
        except pa.ArrowInvalid:
            return None
        return read.column(0).combine_chunks()


def _is_quick(column: CsvColumn, options: ReadOptions) -> bool:
    """Can most such columns be read without Arrow's parser?"""
    if column.as_text or options.nulls is not None:
        return False
    if column.type == t.DOUBLE:
        return options.decimal_separator == "."
    return column.type in (t.VARCHAR, t.BIGINT)
