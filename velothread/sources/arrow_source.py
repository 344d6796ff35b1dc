"""Arrow IPC files, streams and Feather files as sources.

A file with an index (Arrow file, Feather 2) is split by its record batches and mapped into memory; a stream is read
batch by batch as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.arrow_batches import ArrowSplit, Conform, canonical_schema, limited
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import File, Files, open_bytes, unreadable
from velothread.sources.source import ReadOptions, Scan, Split

_FILE_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file and how it is read: `indexed` by place, else front to back. `table`: Feather 1, read as a whole."""

    file: File
    schema: pa.Schema
    indexed: bool
    batch_count: int = 0
    data: pa.Buffer | None = None
    table: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class FileBatches:
    """Record batches `[start, end)` of a file with an index.

    Threading: immutable; each receiver maps the file for itself.
    """

    opened: _Opened
    start: int
    end: int
    bytes: int
    names: tuple[str, ...]
    conform: Conform
    constant: FileColumns
    limit: int | None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """
        :raises SourceError: when the file is damaged.
        """
        yield from limited(self._batches(), self.limit)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        wanted = sorted(self.opened.schema.get_field_index(n) for n in self.names)
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=wanted) if wanted else None
        index = self.start
        try:
            with _seekable(self.opened) as source, pa.ipc.open_file(source, options=options) as reader:
                for index in range(self.start, self.end):
                    yield from _formed(reader.get_batch(index), self.opened.file, self.conform, self.constant)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.opened.file.label}, record batch {index}: can't be read ({error})") from error


class ArrowSource:
    """Arrow files of one schema.

    Threading: `splits` is iterated by one thread; the rest is immutable.
    """

    def __init__(self, files: Files, opened: list[_Opened], constant: FileColumns) -> None:
        self._files = files
        self._opened = tuple(opened)
        self._constant = constant
        inside = canonical_schema(opened[0].schema, opened[0].file.label)
        self._schema = pa.schema([*[f for f in inside if f.name not in constant.names], *constant.fields()])

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
        return all(o.indexed or o.table is not None for o in self._opened)

    def splits(self, scan: Scan) -> Iterator[Split]:
        conform = Conform.of(self.name, self._schema, scan)
        for opened in self._opened:
            if not self._constant.may_match(opened.file, scan.bounds):
                continue
            names = tuple(n for n in dict.fromkeys(scan.columns) if n not in self._constant.names)
            if opened.indexed:
                yield from self._indexed(opened, names, conform, scan.limit)
            else:
                for batch in _stream(opened):
                    columns = [self._in_batch(batch, opened.file, n) for n in conform.names]
                    made = _flat(columns, batch.num_rows)
                    yield ArrowSplit((made,), tuple(range(len(columns))), conform, int(batch.nbytes), scan.limit)

    def _indexed(
        self, opened: _Opened, names: tuple[str, ...], conform: Conform, limit: int | None
    ) -> Iterator[FileBatches]:
        # A handful of batches per split where there are very many; otherwise each alone.
        step = max(1, opened.batch_count // 256)
        size = (opened.file.size or 0) // max(opened.batch_count, 1)
        for start in range(0, opened.batch_count, step):
            end = min(start + step, opened.batch_count)
            yield FileBatches(opened, start, end, size * (end - start), names, conform, self._constant, limit)

    def _in_batch(self, batch: pa.RecordBatch, file: File, name: str) -> pa.Array:
        if name in self._constant.names:
            return self._constant.array(file, name, batch.num_rows)
        return batch.column(name)


def _flat(columns: list[pa.Array], rows: int) -> pa.RecordBatch:
    if columns:
        return pa.RecordBatch.from_arrays(columns, [str(i) for i in range(len(columns))])
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


def _formed(batch: pa.RecordBatch, file: File, conform: Conform, constant: FileColumns) -> Iterator[pa.RecordBatch]:
    columns = [
        constant.array(file, n, batch.num_rows) if n in constant.names else batch.column(n) for n in conform.names
    ]
    yield from conform.batches(columns, batch.num_rows)


def _seekable(opened: _Opened) -> Any:
    if opened.data is not None:
        return pa.BufferReader(opened.data)
    return pa.memory_map(opened.file.path)


def _stream(opened: _Opened) -> Iterator[pa.RecordBatch]:
    if opened.table is not None:
        yield from opened.table.to_batches()
        return
    options = pa.ipc.IpcReadOptions(use_threads=False)
    try:
        source = pa.BufferReader(opened.data) if opened.data is not None else pa.memory_map(opened.file.path)
        with source, pa.ipc.open_stream(source, options=options) as reader:
            for batch in reader:
                if batch.num_rows:
                    yield batch
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{opened.file.label}: the Arrow stream is damaged or ends too soon ({error})") from error


def open_arrow(files: Files, options: ReadOptions) -> ArrowSource:
    """Open Arrow IPC files, streams or Feather files; no data is read yet, but for pipes and compressed files.

    :raises SourceError: when one isn't an Arrow file, or has other columns than the first.
    """
    opened = [_open(f) for f in files]
    for other in opened[1:]:
        if other.schema.names != opened[0].schema.names:
            raise SourceError(f"{other.file.label} has other columns than {opened[0].file.label}")
    return ArrowSource(files, opened, file_columns(files, options))


def _open(file: File) -> _Opened:
    try:
        data: pa.Buffer | None = None
        if not file.splittable:
            with open_bytes(file) as stream:
                data = pa.py_buffer(stream.read())
        if data is not None:
            head = data.slice(0, 8).to_pybytes()
        else:
            with open(file.path, "rb") as plain:
                head = plain.read(8)
        source: Any = pa.BufferReader(data) if data is not None else file.path
        if head.startswith(_FEATHER_1):
            from pyarrow.feather import read_table

            table = read_table(source, use_threads=False)
            return _Opened(file, table.schema, False, table=table)
        with pa.BufferReader(data) if data is not None else pa.memory_map(file.path) as mapped:
            if head.startswith(_FILE_MAGIC):
                with pa.ipc.open_file(mapped) as reader:
                    return _Opened(file, reader.schema, True, reader.num_record_batches, data)
            with pa.ipc.open_stream(mapped) as stream_reader:
                return _Opened(file, stream_reader.schema, False, data=data)
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) is not None and not isinstance(error, pa.ArrowException):
            raise unreadable(file.label, error) from error
        raise SourceError(
            f"{file.label}: not a whole Arrow file or stream ({error})\n"
            "  hint: copy or download it again, or name its real format with --input-format"
        ) from error
