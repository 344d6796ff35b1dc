"""CSV files and streams as a source.

    source = open_csv(resolve("data/*.csv", options), options)
    for split in source.splits(Scan(("station", "temp"))):
        for batch in split.batches():      # in a receiver
            ...

Opening reads the first rows of the first files (`csv_schema`); `splits` finds where records end (`csv_splits`); a split
reads and parses its bytes (`csv_parse`), and looks closer when something doesn't fit (`csv_careful`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial as bind

import pyarrow as pa

from velothread import types as t
from velothread.errors import SourceError, did_you_mean
from velothread.sources.csv_dialect import Dialect
from velothread.sources.csv_parse import Block, BlockParser
from velothread.sources.csv_schema import HEAD_BYTES, CsvColumn, CsvLayout, names_like, read_head, sniff
from velothread.sources.csv_splits import STREAM_BLOCK, RangeBuffer, blocks, range_size, ranges
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import ByteStream, File, Files, open_bytes
from velothread.sources.rejects import Refusals
from velothread.sources.remembered import Remembered
from velothread.sources.source import ReadOptions, Scan, Split
from velothread.types import SqlType

# Of a glob, so many files are looked at to find the types; the others must fit.
_SNIFFED_FILES = 8
# From so many compressed files on, each is a split of its own: receivers decompress side by side.
_WHOLE_FILES = 4


@dataclass(frozen=True, slots=True)
class CsvScan:
    """What a split needs to know beside its bytes: shared by all splits of one file.

    missing: wanted columns that the file doesn't have (union_by_name), and their types.

    Threading: immutable.
    """

    scan: Scan
    parser: BlockParser
    constants: FileColumns
    file: File
    missing: tuple[tuple[str, SqlType], ...]
    buffer: RangeBuffer

    def batches(self, block: Block) -> Iterator[pa.RecordBatch]:
        """Parse a block and cut it into batches as the scan wants them."""
        table = self.parser.parse(block, self.buffer)
        if self.scan.limit is not None:
            table = table.slice(0, self.scan.limit)
        if table.column_names == list(self.scan.columns):
            yield from _cut(table, self.scan)
            return
        for batch in _cut(table, self.scan):
            rows = batch.num_rows
            present = set(batch.schema.names)
            arrays = []
            for name in self.scan.columns:
                if name in self.constants.names:
                    arrays.append(self.constants.array(self.file, name, rows))
                elif name in present:
                    arrays.append(batch.column(name))
                else:
                    # union_by_name: this file has no such column.
                    arrays.append(pa.nulls(rows, dict(self.missing)[name].arrow))
            yield pa.RecordBatch.from_arrays(arrays, names=list(self.scan.columns))


def _cut(table: pa.Table, scan: Scan) -> Iterator[pa.RecordBatch]:
    if not table.num_columns:
        # Rows without columns: a batch of a column that is dropped again keeps the count.
        for start in range(0, table.num_rows, scan.batch_rows):
            rows = min(scan.batch_rows, table.num_rows - start)
            yield pa.RecordBatch.from_arrays([pa.nulls(rows)], names=[""]).select([])
        return
    yield from table.combine_chunks().to_batches(max_chunksize=scan.batch_rows)


@dataclass(frozen=True, slots=True)
class RangeSplit:
    """A byte range of whole records.

    Threading: immutable.
    """

    csv: CsvScan
    place: int
    start: int
    end: int
    lines: int | None

    @property
    def bytes(self) -> int:
        return self.end - self.start

    def batches(self) -> Iterator[pa.RecordBatch]:
        data = self.csv.buffer.load(self.csv.file, self.start, self.end)
        last = self.end == self.csv.file.size
        yield from self.csv.batches(Block(data, self.csv.file, self.place, self.start, self.lines, last))


@dataclass(frozen=True, slots=True)
class BlockSplit:
    """Records that were read from a stream already.

    Threading: immutable.
    """

    csv: CsvScan
    block: Block

    @property
    def bytes(self) -> int:
        return len(self.block.data)

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self.csv.batches(self.block)


@dataclass(frozen=True, slots=True)
class FileSplit:
    """A compressed file as a whole.

    Threading: immutable; opened, read and closed by the receiver within `batches`.
    """

    csv: CsvScan
    place: int
    size: int

    @property
    def bytes(self) -> int:
        return self.csv.file.size or 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        with open_bytes(self.csv.file) as stream:
            for block in _stream_blocks(stream, b"", self.csv.file, self.place, self.csv.parser.layout, self.size):
                yield from self.csv.batches(block)


class CsvSource:
    """CSV files, opened. See `Source`.

    Threading: `splits` is called and iterated by one thread at a time; `refusals` says who may call what on it; all
    else is immutable.
    """

    def __init__(self, files: Files, options: ReadOptions, known: Remembered | None = None) -> None:
        self.files = files
        self.options = options
        self._known = known or Remembered()
        self.refusals = Refusals(options.rejects)
        self.constants = file_columns(files, options)
        # What can be read only once is opened here, and its head kept.
        self._opened: dict[int, tuple[ByteStream, bytes]] = {}
        self._layouts = self._sniffed()
        self.columns = self._merged(self._layouts)
        constant = {n.lower() for n in self.constants.names}
        # A folder's value stands before a column of the same name in the file.
        self.columns = tuple(c for c in self.columns if c.name.lower() not in constant)
        own = [pa.field(c.name, c.type.arrow) for c in self.columns]
        self.schema: pa.Schema = pa.schema(own + self.constants.fields())
        self.types: tuple[SqlType, ...] = (*(c.type for c in self.columns), *(kind for _, kind in self.constants.types))

    @property
    def name(self) -> str:
        return self.files.name

    @property
    def row_count(self) -> int | None:
        return None

    @property
    def size(self) -> int | None:
        return self.files.size

    @property
    def splittable(self) -> bool:
        return self.files.splittable or self._whole_files

    @property
    def dialect_text(self) -> str:
        """For EXPLAIN and `describe`: how the text is read."""
        layout = next(iter(self._layouts.values()))
        parts = [f"delimiter {layout.dialect.delimiter!r}", f"header {'yes' if layout.header else 'no'}"]
        if layout.dialect.quote != '"':
            parts.append(f"quote {layout.dialect.quote or 'none'}")
        if layout.dialect.escape:
            parts.append(f"escape {layout.dialect.escape!r}")
        if layout.dialect.comment:
            parts.append(f"comment {layout.dialect.comment!r}")
        return ", ".join(parts) + f"; types from {layout.sampled_rows} rows"

    def splits(self, scan: Scan) -> Iterator[Split]:
        """See `Source.splits`.

        :raises SourceError: when a file can't be read or has other columns than the first.
        """
        by_name = {c.name: c for c in self.columns}
        wanted = [by_name[n] for n in scan.columns if n in by_name]
        for name in scan.columns:
            if name not in by_name and name not in self.constants.names:
                raise SourceError(f"{self.name}: no column {name!r}; {did_you_mean(name, by_name) or ''}")
        buffer = self._known.kept("csv ranges", RangeBuffer)
        for place, file in enumerate(self.files):
            if self.constants.may_match(file, scan.bounds):
                layout = self._layouts.get(place) or self._layout_of(place, file)
                yield from self._file_splits(place, file, layout, self._scan(scan, file, layout, wanted, buffer))

    def close(self) -> None:
        """Close what was opened ahead (stdin, FIFOs) and not read."""
        while self._opened:
            self._opened.popitem()[1][0].close()

    @property
    def _whole_files(self) -> bool:
        compressed = [f for f in self.files if f.compression is not None]
        return len(compressed) >= _WHOLE_FILES and all(f.seekable for f in self.files)

    def _scan(self, scan: Scan, file: File, layout: CsvLayout, wanted: list[CsvColumn], buffer: RangeBuffer) -> CsvScan:
        own = {c.name.lower(): c.name for c in layout.columns}
        # The file may write a name in another case; within it, its own name counts.
        mine = tuple(c for c in wanted if c.name.lower() in own)
        missing = tuple((c.name, c.type) for c in wanted if c.name.lower() not in own)
        canonical = {c.name.lower(): c.name for c in self.columns}
        renamed = tuple(replace(c, name=canonical.get(c.name.lower(), c.name)) for c in layout.columns)
        parser = BlockParser(replace(layout, columns=renamed), mine, self.options, self.refusals)
        return CsvScan(scan, parser, self.constants, file, missing, buffer)

    def _file_splits(self, place: int, file: File, layout: CsvLayout, csv: CsvScan) -> Iterator[Split]:
        if file.splittable:
            size = self._range_size(file, layout, csv.scan)
            # Lines are counted on the way only where many messages may need them.
            lines = layout.lines if self.options.rejects is not None else None
            for start, end, before in ranges(file, layout.start, layout.dialect, size, lines):
                yield RangeSplit(csv, place, start, end, before)
        elif self._whole_files:
            yield FileSplit(csv, place, self.options.split_bytes or STREAM_BLOCK)
        else:
            stream, head = self._stream(place, file)
            try:
                size = self.options.split_bytes or csv.scan.split_bytes(None) or STREAM_BLOCK
                for block in _stream_blocks(stream, head, file, place, layout, size):
                    yield BlockSplit(csv, block)
            finally:
                stream.close()

    def _range_size(self, file: File, layout: CsvLayout, scan: Scan) -> int:
        if self.options.split_bytes is not None:
            return max(1, self.options.split_bytes)
        size = range_size(file.size or 0)
        if scan.split_size is not None:
            return min(size, scan.split_size.of_bytes(file.size))
        if scan.limit is not None and layout.sampled_rows:
            # Twice what the rows wanted take up on average, so that one small range is mostly enough.
            row = layout.sampled_bytes / layout.sampled_rows
            size = max(1 << 16, min(size, int(2 * row * scan.limit)))
        return size

    def _stream(self, place: int, file: File) -> tuple[ByteStream, bytes]:
        if place in self._opened:
            return self._opened.pop(place)
        if not file.seekable:
            raise SourceError(
                f"{file.label}: can be read only once\n  hint: save it to a file, or read it into a table with a CTE"
            )
        return open_bytes(file), b""

    def _sniff(self, place: int, file: File, options: ReadOptions, like: Dialect | None) -> CsvLayout:
        stream = open_bytes(file)
        try:
            size, data = HEAD_BYTES, b""
            while True:
                head = read_head(stream, self.options, size, data)
                layout = sniff(head, file, options, like)
                # Not a whole row yet: a huge field.
                if layout.sampled_rows or head.whole:
                    break
                size, data = len(head.data) * 4, head.data
        except BaseException:
            stream.close()
            raise
        if file.seekable:
            stream.close()
        else:
            self._opened[place] = (stream, head.data)
        return layout

    def _sniffed(self) -> dict[int, CsvLayout]:
        layouts: dict[int, CsvLayout] = {}
        first: CsvLayout | None = None
        # Types named in the options may belong to some of the files, or to folders: they are checked over all.
        options = self.options
        folder = {n.lower() for n in self.constants.names}
        options = replace(options, types=tuple(p for p in options.types if p[0].lower() not in folder))
        for place, file in enumerate(self.files):
            if place >= _SNIFFED_FILES and not options.union_by_name:
                break
            if place and not file.seekable:
                break
            like = first.dialect if first else None
            sniffed = bind(self._sniff, place, file, options, like)
            layout = self._known.layout(file, ("csv", self.options, options, like, file.compression), sniffed)
            if first is not None and not options.union_by_name:
                _check_same(file, layout, first)
            layouts[place] = layout
            first = first or layout
        return layouts

    def _layout_of(self, place: int, file: File) -> CsvLayout:
        first = self._layouts[0]
        stream = open_bytes(file)
        try:
            head = read_head(stream, replace(self.options, sample_rows=0), 1 << 16)
            layout = names_like(head, file, self.options, first)
        except BaseException:
            stream.close()
            raise
        if file.seekable:
            stream.close()
        else:
            self._opened[place] = (stream, head.data)
        _check_same(file, layout, first)
        return layout

    def _merged(self, layouts: dict[int, CsvLayout]) -> tuple[CsvColumn, ...]:
        columns: dict[str, CsvColumn] = {}
        for layout in layouts.values():
            for column in layout.columns:
                before = columns.get(column.name.lower())
                columns[column.name.lower()] = column if before is None else _common(before, column)
        return tuple(columns.values())


def open_csv(files: Files, options: ReadOptions, known: Remembered | None = None) -> CsvSource:
    """Open CSV files: look at their first rows. known: what the session has seen of them before.

    :raises SourceError: when a file can't be read, or files of a glob have different columns.
    :raises OptionError: when an option doesn't fit the files.
    """
    return CsvSource(files, options, known)


def _stream_blocks(
    stream: ByteStream, head: bytes, file: File, place: int, layout: CsvLayout, size: int
) -> Iterator[Block]:
    """The blocks of a stream after its header, with their offsets and lines."""
    while len(head) < layout.start:
        piece = stream.read(layout.start - len(head))
        if not piece:
            return
        head += piece
    offset, lines = layout.start, layout.lines
    for data, last in blocks(stream, head[layout.start :], layout.dialect, size):
        yield Block(data, file, place, offset, lines, last)
        offset += len(data)
        lines += data.count(b"\n")


def _common(a: CsvColumn, b: CsvColumn) -> CsvColumn:
    """The column that holds the values of both files."""
    if a.found == "option" or b.found == "no values":
        return a
    if a.found == "no values":
        return replace(b, name=a.name)
    as_text = a.as_text or b.as_text
    if a.type == b.type and a.format == b.format:
        return replace(a, as_text=as_text)
    order = (t.BIGINT, t.HUGEINT, t.DOUBLE)
    if a.type in order and b.type in order:
        return replace(a, type=max(a.type, b.type, key=order.index), as_text=False)
    if {a.type, b.type} == {t.DATE, t.TIMESTAMP} and a.format is None and b.format is None:
        return replace(a, type=t.TIMESTAMP, as_text=as_text)
    return CsvColumn(a.name, t.VARCHAR)


def _check_same(file: File, layout: CsvLayout, first: CsvLayout) -> None:
    have, want = {n.lower() for n in layout.names}, {n.lower() for n in first.names}
    missing = [n for n in first.names if n.lower() not in have]
    extra = [n for n in layout.names if n.lower() not in want]
    if missing or (extra and not first.header):
        raise SourceError(
            f"{file.label}: has other columns than the first file: "
            f"{'no ' + ', '.join(map(repr, missing)) if missing else 'more: ' + ', '.join(map(repr, extra))}\n"
            "  hint: union_by_name=true puts files with different columns together"
        )
