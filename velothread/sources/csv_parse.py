"""A block of whole CSV records -> a table, with the types known beforehand.

1. Plain blocks of which few columns are wanted with NumPy (`csv_plain`).
2. Arrow's parser.
3. The careful way (`csv_careful`), where something doesn't fit: to make it NULL, leave it out, or tell what it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from velothread.sources.csv_arrow import read_csv
from velothread.sources.csv_careful import CarefulParse
from velothread.sources.csv_convert import convert
from velothread.sources.csv_dialect import ends_within_quotes
from velothread.sources.csv_plain import PlainReader
from velothread.sources.csv_schema import CsvColumn, CsvLayout, convert_options, without_comments
from velothread.sources.csv_splits import RangeBuffer
from velothread.sources.files import File
from velothread.sources.rejects import Refusals
from velothread.sources.source import ReadOptions


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records of a file. offset: of the first byte, in the plain data; lines: newlines before it, None: unknown;
    last: the file ends here."""

    data: bytes | memoryview
    file: File
    place: int
    offset: int
    lines: int | None
    last: bool = False


@dataclass(frozen=True, slots=True)
class BlockParser:
    """Parses blocks of one file into the wanted columns (those that the file has), with canonical Arrow types.

    Threading: immutable and shared by receivers; Arrow's own options are made per block.
    """

    layout: CsvLayout
    wanted: tuple[CsvColumn, ...]
    options: ReadOptions
    refusals: Refusals

    def parse(self, block: Block, buffer: RangeBuffer) -> pa.Table:
        """The rows of a block. `buffer`: the calling thread's memory, where the block may lie.

        :raises BadValueError: for the first row that doesn't fit, unless `on_error` says otherwise.
        """
        from pyarrow import csv

        data = block.data
        names = list(self.layout.names)
        dialect = self.layout.dialect
        if dialect.comment:
            data = without_comments(bytes(data), dialect, keep_lines=len(names) > 1)
        if not data:
            return self._empty()
        if PlainReader.serves(self.layout, self.wanted, self.options):
            found = PlainReader(self.layout, self.wanted, self.options, buffer.masks).read(*buffer.framed(data))
            if found is not None:
                arrays, rows = found
                schema = pa.schema([pa.field(c.name, c.type.arrow) for c in self.wanted])
                return pa.table(arrays, schema=schema) if arrays else pa.table([pa.nulls(rows)], [""]).select([])
        if block.last and ends_within_quotes(bytes(data), dialect):
            return self._careful(data, block)
        # Without any column wanted, one is read to count rows: as bytes, which need no checks.
        counted = names[:1] if not self.wanted else []
        types = {c.name: pa.string() if c.as_text else c.type.arrow for c in self.wanted}
        types.update(dict.fromkeys(counted, pa.binary()))
        try:
            table = read_csv(
                pa.py_buffer(data),
                # One block: records were cut before, and Arrow would look for their ends a second time.
                read_options=csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
                parse_options=dialect.parse_options(len(names)),
                convert_options=convert_options(
                    self.layout, self.options, types, [c.name for c in self.wanted] or counted
                ),
            )
            return self._finished(table)
        except (pa.ArrowInvalid, _Unfit):
            pass  # what it says is not enough for a message: look closer, outside of this handler
        return self._careful(data, block)

    def _careful(self, data: bytes | memoryview, block: Block) -> pa.Table:
        careful = CarefulParse(self.layout, self.wanted, self.options, self.refusals)
        return careful.run(bytes(data), block.file, block.place, block.offset, block.lines, block.last)

    def _finished(self, table: pa.Table) -> pa.Table:
        if not self.wanted:
            return table.select([])
        for place, column in enumerate(self.wanted):
            if column.as_text:
                texts = table.column(place).combine_chunks()
                values, bad = convert(texts, column.type, column.format, self.options.decimal_separator)
                if bad is not None:
                    raise _Unfit
                table = table.set_column(place, column.name, values)
        return table

    def _empty(self) -> pa.Table:
        return pa.schema([pa.field(c.name, c.type.arrow) for c in self.wanted]).empty_table()


class _Unfit(Exception):
    """A value of a column that is read as text doesn't fit; never leaves this module."""
