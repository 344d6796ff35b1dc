"""JSON lines (and `.json` documents) as a source: schema from a sample, splits by byte ranges.

A newline never stands inside of a JSON string, so every newline is the end of a row: a receiver finds the rows of its
byte range by itself, and the coordinator reads nothing. A row belongs to the range in which its first byte is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import ByteStream, File, Files, open_bytes, unreadable
from velothread.sources.json_block import BlockReader, JsonPlan, Where, framed
from velothread.sources.json_document import DocumentSplit, decoded_sample, is_document
from velothread.sources.json_rows import JsonColumn, RowReader
from velothread.sources.json_schema import infer_lines, infer_rows
from velothread.sources.line_ranges import BOM, after_bom, fill, next_line, whole_lines
from velothread.sources.rejects import Refusals
from velothread.sources.source import ReadOptions, Scan, Split
from velothread.sources.text_cells import BACK, FRONT

BLOCK_BYTES = 1 << 20
STREAM_BYTES = 4 << 20
_SAMPLE_BYTES = 2 << 20
_SAMPLE_FILES = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """How the wanted columns become batches.

    Threading: immutable, shared by all receivers.
    """

    plan: JsonPlan
    names: tuple[str, ...]
    schema: pa.Schema
    constant: FileColumns
    batch_rows: int
    limit: int | None

    def batches(self, file: File, pieces: Iterator[tuple[list[pa.Array], int]]) -> Iterator[pa.RecordBatch]:
        """The columns of blocks (and how many rows they are) as batches, with the columns that the file's place gives.

        Blocks are small, to stay in a core's cache; batches are full, since each costs something in the engine.
        """
        # Where few rows are wanted, no more blocks than needed are read.
        enough = self.batch_rows if self.limit is None else min(self.batch_rows, self.limit)
        held: list[list[pa.Array]] = []
        have = 0
        for arrays, rows in pieces:
            if rows:
                held.append(arrays)
                have += rows
            if rows and have >= enough:
                columns = _joined(held)
                full = have - have % self.batch_rows or have
                yield from self._cut(file, columns, full)
                held = [[c.slice(full) for c in columns]] if full < have else []
                have -= full
        if have:
            yield from self._cut(file, _joined(held), have)

    def _cut(self, file: File, arrays: list[pa.Array], rows: int) -> Iterator[pa.RecordBatch]:
        """The first `rows` rows as batches."""
        by_name = {c.name: a for c, a in zip(self.plan.columns, arrays, strict=True)}
        for start in range(0, rows, self.batch_rows):
            size = min(self.batch_rows, rows - start)
            columns = [
                by_name[n].slice(start, size) if n in by_name else self.constant.array(file, n, size)
                for n in self.names
            ]
            if columns:
                yield pa.RecordBatch.from_arrays(columns, schema=self.schema)
            else:
                yield pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), size, [None]))


def _joined(pieces: list[list[pa.Array]]) -> list[pa.Array]:
    """Pieces of all columns, one after the other, as columns."""
    if len(pieces) == 1:
        return pieces[0]
    return [pa.concat_arrays(list(column)) for column in zip(*pieces, strict=True)]


@dataclass(frozen=True, slots=True)
class RangeSplit:
    """The rows that begin in `[start, end)` of a plain file.

    Threading: immutable.
    """

    file: File
    place: int
    start: int
    end: int
    shape: Shape
    first: bool  # a row begins at `start`, for sure

    @property
    def bytes(self) -> int:
        return self.end - self.start

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            descriptor = os.open(self.file.path, os.O_RDONLY)
        except OSError as error:
            raise unreadable(self.file.path, error) from error
        try:
            yield from limited(self.shape.batches(self.file, self._read(descriptor)), self.shape.limit)
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int) -> Iterator[tuple[list[pa.Array], int]]:
        reader = BlockReader(self.shape.plan)
        at = self.start if self.first else next_line(descriptor, self.start - 1, self.end)
        # One buffer for all blocks: fresh memory for each would cost a page fault per 4 kB.
        buffer = bytearray(FRONT + min(BLOCK_BYTES, max(self.bytes, 4096)) + BACK)
        while at < self.end:
            room = len(buffer) - BACK
            got = fill(descriptor, memoryview(buffer)[FRONT:], at)
            have = FRONT + got
            stop = _rows_end(buffer, have, room, FRONT + self.end - at, have < len(buffer))
            if stop == FRONT:
                return  # the file has shrunk meanwhile
            if stop == 0:
                buffer = bytearray(2 * len(buffer))  # a row longer than a block
                continue
            taken = stop - FRONT
            if buffer[stop - 1] != 10 or stop + BACK > len(buffer):
                # The last row of the file may lack its newline.
                newline = b"" if buffer[stop - 1] == 10 else b"\n"
                data: bytes | bytearray = framed([bytes(memoryview(buffer)[FRONT:stop]), newline])
                stop += len(newline)
            else:
                data = buffer
            yield reader.read(data, FRONT, stop, Where(self.file, self.place, at))
            at += taken


@dataclass(frozen=True, slots=True)
class BlockSplit:
    """Rows that were read already, of an input that can't be split.

    Threading: immutable.
    """

    where: Where
    data: bytes
    end: int
    shape: Shape

    @property
    def bytes(self) -> int:
        return self.end - FRONT

    def batches(self) -> Iterator[pa.RecordBatch]:
        read = BlockReader(self.shape.plan).read(self.data, FRONT, self.end, self.where)
        yield from limited(self.shape.batches(self.where.file, iter([read])), self.shape.limit)


def limited(batches: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    """No more than `limit` rows of them."""
    if limit is None:
        yield from batches
        return
    for batch in batches:
        if limit <= 0:
            return
        yield batch if batch.num_rows <= limit else batch.slice(0, limit)
        limit -= batch.num_rows


def _rows_end(data: bytearray, have: int, room: int, wanted: int, whole: bool) -> int:
    """Where the rows end that begin before `wanted` and are whole before `room`; 0: there are none.

    have: the data goes up to there; whole: the file, too, whose last row may lack its newline.
    """
    if wanted <= min(room, have):
        found = data.find(b"\n", wanted - 1, have) + 1
        if found or whole:
            return found or have
        room = wanted
    found = data.rfind(b"\n", FRONT, min(room, have)) + 1
    return found if found or not whole else have


class JsonSource:
    """JSON files as a source.

    Threading: `splits` is called and iterated by one thread; the rest is immutable, `refusals` locks.
    """

    def __init__(
        self,
        files: Files,
        columns: list[JsonColumn],
        options: ReadOptions,
        documents: list[bool],
        taken: list[Taken | None],
    ) -> None:
        self._files = files
        self._options = options
        self._documents = documents
        self._taken = taken
        self._constant = file_columns(files, options)
        inside = [c for c in columns if c.name not in self._constant.names]
        self._columns = {c.name: c for c in inside}
        fields = [pa.field(c.name, c.type.arrow) for c in inside]
        self._schema = pa.schema(fields + self._constant.fields())
        self.refusals = Refusals(options.rejects)

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def row_count(self) -> int | None:
        return None

    @property
    def size(self) -> int | None:
        return self._files.size

    @property
    def splittable(self) -> bool:
        return self._files.splittable and not any(self._documents)

    def splits(self, scan: Scan) -> Iterator[Split]:
        """Byte ranges of plain files; blocks, read here, of compressed ones and pipes; a document as one split.

        :raises SourceError: when a file can't be read, or a pipe was read already.
        """
        shape = self._shape(scan)
        for place, file in enumerate(self._files):
            if not self._constant.may_match(file, scan.bounds):
                continue
            if self._documents[place]:
                yield DocumentSplit(file, place, None if file.seekable else self._stream(place, file), shape)
            elif file.splittable and file.size is not None:
                usual = min(max(file.size // 16, 1 << 20), 16 << 20)
                step = self._options.split_bytes or min(usual, scan.split_bytes(file.size) or usual)
                first = after_bom(file)
                for start in range(first, file.size, step):
                    yield RangeSplit(file, place, start, min(start + step, file.size), shape, start == first)
            else:
                size = self._options.split_bytes or scan.split_bytes(None) or STREAM_BYTES
                yield from self._blocks(place, file, shape, size)

    def _shape(self, scan: Scan) -> Shape:
        columns = tuple(self._columns[n] for n in dict.fromkeys(scan.columns) if n in self._columns)
        options = self._options
        strict = options.on_error == "fail" and not options.ignore_errors and options.names is None
        known = frozenset(c.key for c in self._columns.values()) if strict else None
        if options.ignore_errors and options.on_error == "fail":
            from dataclasses import replace

            options = replace(options, on_error="null")
        plan = JsonPlan(columns, tuple(self._columns.values()), known, options, self.refusals)
        schema = pa.schema([self._schema.field(n) for n in scan.columns])
        return Shape(plan, scan.columns, schema, self._constant, scan.batch_rows, scan.limit)

    def _stream(self, place: int, file: File) -> Taken:
        """The file from its start; a pipe goes on where the sample was taken, with the sample in front."""
        if file.seekable:
            return Taken(open_bytes(file), b"")
        taken, self._taken[place] = self._taken[place], None
        if taken is None:
            raise SourceError(f"{file.label} can be read only once\n  hint: save it to a file first")
        return taken

    def _blocks(self, place: int, file: File, shape: Shape, size: int) -> Iterator[Split]:
        line = 1
        with self._stream(place, file) as stream:
            for offset, rows in whole_lines(stream, size):
                ended = rows if rows.endswith(b"\n") else rows + b"\n"
                yield BlockSplit(Where(file, place, offset, line), framed([ended]), FRONT + len(ended), shape)
                line += ended.count(b"\n")


class Taken:
    """A stream whose first bytes (`head`) were read before.

    Threading: owned by the thread that reads it.
    """

    def __init__(self, stream: ByteStream, head: bytes) -> None:
        self._stream = stream
        self.head = head

    def read(self, size: int) -> bytes:
        if self.head:
            head, self.head = self.head, b""
            return head
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_jsonl(files: Files, options: ReadOptions) -> JsonSource:
    """Open JSON lines, or documents (an array of objects, objects over several lines) where `.json` files hold these.

    :raises SourceError: when a file can't be read, or there is no object in it.
    :raises BadValueError: when the sample holds what is no JSON.
    """
    wanted = options.sample_rows if options.sample_rows > 0 else 1 << 60
    taken: list[Taken | None] = []
    documents: list[bool] = []
    columns: list[JsonColumn] = []
    left = wanted
    for place, file in enumerate(files):
        more = not place or options.union_by_name or (left > 0 and place < _SAMPLE_FILES)
        # Whether a file is a document is seen from its first bytes.
        size = 4096 if not more else None if options.sample_rows <= 0 else _SAMPLE_BYTES
        stream, head = _sample(file, size)
        taken.append(stream)
        documents.append(is_document(head))
        if more:
            found, rows = _infer(file, head, documents[-1], options, wanted if options.union_by_name else left)
            columns = _merged(columns, found) if columns else found
            left -= rows
    return JsonSource(files, columns, options, documents, taken)


def _sample(file: File, size: int | None) -> tuple[Taken | None, bytes]:
    """The first bytes, and the stream that goes on after them if they can't be read again."""
    pieces: list[bytes] = []
    have = 0
    stream = open_bytes(file)
    try:
        while size is None or have < size:
            piece = stream.read(min(1 << 20, size - have) if size is not None else 1 << 20)
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
            if have == size and not any(b"\n" in p for p in pieces):
                size *= 2  # a row that is longer
    except OSError as error:
        stream.close()
        raise unreadable(file.label, error) from error
    head = b"".join(pieces)
    if not file.seekable:
        return Taken(stream, head), head
    stream.close()
    return None, head


def _infer(file: File, head: bytes, document: bool, options: ReadOptions, wanted: int) -> tuple[list[JsonColumn], int]:
    data = head.removeprefix(BOM)
    if document:
        rows = decoded_sample(file, data, wanted)
        return infer_rows(rows, options), len(rows)
    cut = data.rfind(b"\n") + 1
    if not cut:
        data += b"\n"
    elif len(head) >= _SAMPLE_BYTES and options.sample_rows > 0:
        data = data[:cut]  # the last row is probably not whole
    elif cut < len(data):
        data += b"\n"
    lines = [line for line in data.split(b"\n", wanted)[:wanted] if line.strip()]
    if not lines:
        return infer_rows([], options), 0
    found = infer_lines(b"\n".join(lines) + b"\n", options)
    if found is None:
        rows, problems = RowReader((), None).parse(lines)
        if problems and options.on_error == "fail" and not options.ignore_errors and len(problems) == len(lines):
            from velothread.sources.json_block import problem_error

            raise problem_error(problems[0], file, problems[0].row + 1)
        found = infer_rows(rows, options)
    return found, len(lines)


def _merged(columns: list[JsonColumn], more: list[JsonColumn]) -> list[JsonColumn]:
    """The columns of two files: types that differ become wider ones."""
    from velothread import types as t
    from velothread.coercion import common_type

    by_key = {c.key: c for c in columns}
    for c in more:
        old = by_key.get(c.key)
        if old is None:
            by_key[c.key] = c
        elif old.type != c.type:
            by_key[c.key] = JsonColumn(old.name, c.key, common_type(old.type, c.type) or t.JSON)
    return list(by_key.values())
