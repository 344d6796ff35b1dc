"""Parquet files as a source: splits are row groups; only wanted columns and row groups that may match are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.arrow_batches import Conform, canonical_schema, limited, rows_only, unique_names
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import File, Files, open_bytes, unreadable
from velothread.sources.parquet_pruning import may_match, merged_range
from velothread.sources.source import ReadOptions, Scan, Split

# Row groups are read together up to this many rows.
SPLIT_ROWS = 1 << 17
# Text is read as a dictionary where its chunks take less than this per value, dictionary included: then values repeat.
DICTIONARY_BYTES = 4
# Row groups that take no more than this in memory are read at once.
WHOLE_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's metadata, read once. `data`: the bytes of what is no plain file (a pipe, gzip), else None.

    columns: the file's own name of each of its columns by the unique name that SQL uses.

    Threading: immutable, shared by all receivers (Arrow's metadata is immutable, too).
    """

    file: File
    metadata: Any
    schema: pa.Schema
    columns: tuple[tuple[str, str], ...]
    data: pa.Buffer | None = None


@dataclass(frozen=True, slots=True)
class RowGroups:
    """Some row groups of one file.

    names: the wanted columns that the file has. Wanted columns that it lacks (`union_by_name`) are NULL.

    Threading: immutable; each receiver opens the file for itself.
    """

    footer: Footer
    groups: tuple[int, ...]
    rows: int
    bytes: int
    conform: Conform
    names: tuple[str, ...]
    dictionaries: tuple[str, ...]
    constant: FileColumns
    limit: int | None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """
        :raises SourceError: when the file is damaged; names the row group.
        """
        if not self.names:
            yield from limited(self._without_reading(), self.limit)
        else:
            yield from limited(self._read(), self.limit)

    def _without_reading(self) -> Iterator[pa.RecordBatch]:
        step = self.conform.batch_rows
        for start in range(0, self.rows, step):
            rows = min(step, self.rows - start)
            yield self._batch(None, rows) if self.conform.names else rows_only(rows)

    def _read(self) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        path = self.footer.file.label
        own = dict(self.footer.columns)
        group = self.groups[0]
        try:
            with pq.ParquetFile(
                self.footer.data if self.footer.data is not None else self.footer.file.path,
                metadata=self.footer.metadata,
                read_dictionary=[own[n] for n in self.dictionaries],
                memory_map=False,
                pre_buffer=False,
            ) as opened:
                names = [own[n] for n in self.names]
                for group in self.groups:
                    for batch in self._group(opened, group, names):
                        if batch.num_rows:
                            yield self._batch(batch, batch.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{path}, row group {group}: can't be read; the file is damaged or was changed meanwhile ({error})"
            ) from error

    def _group(self, opened: Any, group: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Reading a row group at once takes a quarter less time than piece by piece, but room for all of it."""
        found = self.footer.metadata.row_group(group)
        room = max(found.num_rows * len(names) * 16, sum(c.total_uncompressed_size for c in _chunks(found, names)))
        if room > WHOLE_BYTES or self.limit is not None:
            yield from opened.iter_batches(self.conform.batch_rows, [group], names, use_threads=False)
        else:
            yield from opened.read_row_group(group, names, use_threads=False).to_batches(self.conform.batch_rows)

    def _batch(self, batch: pa.RecordBatch | None, rows: int) -> pa.RecordBatch:
        places = {} if batch is None else {n: i for i, n in enumerate(batch.schema.names)}
        own = dict(self.footer.columns)
        columns: list[pa.Array] = []
        for name, kind in zip(self.conform.names, self.conform.types, strict=True):
            if name in self.constant.names:
                columns.append(self.constant.array(self.footer.file, name, rows))
            elif batch is not None and own.get(name) in places:
                columns.append(batch.column(places[own[name]]))
            else:
                columns.append(pa.nulls(rows, kind))
        return self.conform.batch(columns, rows)


class ParquetSource:
    """Parquet files of one schema.

    Threading: immutable; `splits` is iterated by one thread.
    """

    def __init__(self, files: Files, footers: Sequence[Footer], schema: pa.Schema, constant: FileColumns) -> None:
        self._files = files
        self._footers = tuple(footers)
        self._constant = constant
        inside = [f for f in schema if f.name not in constant.names]
        self._inside = pa.schema(inside)
        self._schema = pa.schema([*inside, *constant.fields()])

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def row_count(self) -> int | None:
        return sum(int(f.metadata.num_rows) for f in self._footers)

    @property
    def size(self) -> int | None:
        return self._files.size

    def range_of(self, column: str) -> tuple[Any, Any] | None:
        """The least and the greatest value of a column, by the footers; None where one of them doesn't say."""
        if column not in self._inside.names or pa.types.is_nested(self._inside.field(column).type):
            return None
        return merged_range((f.metadata, dict(f.columns)[column]) for f in self._footers if column in dict(f.columns))

    @property
    def splittable(self) -> bool:
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        conform = Conform.of(self.name, self._schema, scan)
        left = scan.limit
        for footer in self._footers:
            if not self._constant.may_match(footer.file, scan.bounds):
                continue
            own = dict(footer.columns)
            names = tuple(n for n in dict.fromkeys(scan.columns) if n in own and n not in self._constant.names)
            groups = [
                g
                for g in range(footer.metadata.num_row_groups)
                if may_match(footer.metadata, g, own, scan.bounds, self._inside)
            ]
            for part in _together(footer, groups):
                rows = sum(footer.metadata.row_group(g).num_rows for g in part)
                if left is not None and left <= 0:
                    return
                yield RowGroups(
                    footer,
                    part,
                    rows,
                    sum(_bytes(footer, g, [own[n] for n in names]) for g in part),
                    conform,
                    names,
                    tuple(n for n in names if n in scan.dictionaries and _repeats(footer, part, own[n])),
                    self._constant,
                    left,
                )
                left = None if left is None else left - rows


def _together(footer: Footer, groups: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Small neighbours in one split, large ones alone. Depends on the file only, never on the number of threads."""
    part: list[int] = []
    rows = 0
    for group in groups:
        size = footer.metadata.row_group(group).num_rows
        if not size:
            continue
        if part and rows + size > SPLIT_ROWS:
            yield tuple(part)
            part, rows = [], 0
        part.append(group)
        rows += size
    if part:
        yield tuple(part)


def _chunks(found: Any, names: Sequence[str]) -> Iterator[Any]:
    """The column chunks of a row group that belong to these columns, nested ones included."""
    for i in range(found.num_columns):
        chunk = found.column(i)
        if any(chunk.path_in_schema == n or chunk.path_in_schema.startswith(n + ".") for n in names):
            yield chunk


def _bytes(footer: Footer, group: int, names: Sequence[str]) -> int:
    return sum(c.total_compressed_size for c in _chunks(footer.metadata.row_group(group), names))


def _repeats(footer: Footer, groups: Sequence[int], name: str) -> bool:
    """Is the column dictionary-encoded in these row groups, and do its values repeat enough?"""
    if not pa.types.is_string(footer.schema.field(name).type):
        return False
    chunks = [c for g in groups for c in _chunks(footer.metadata.row_group(g), [name])]
    return bool(chunks) and all(
        c.has_dictionary_page and c.total_uncompressed_size < DICTIONARY_BYTES * max(c.num_values, 1) for c in chunks
    )


def open_parquet(files: Files, options: ReadOptions) -> ParquetSource:
    """Open Parquet files: all footers are read, no data.

    :raises SourceError: when one isn't Parquet, is damaged, or has other columns than the first.
    """
    footers = [_footer(f) for f in files]
    first = canonical_schema(footers[0].schema, footers[0].file.label)
    if options.union_by_name:
        schema = _united([canonical_schema(f.schema, f.file.label) for f in footers])
    else:
        schema = first
        for footer in footers[1:]:
            missing = [n for n in first.names if n not in dict(footer.columns)]
            if missing:
                raise SourceError(
                    f"{footer.file.label} lacks the column {missing[0]!r} that {footers[0].file.label} has\n"
                    "  hint: union_by_name=true puts NULL there"
                )
    return ParquetSource(files, footers, schema, file_columns(files, options))


def _footer(file: File) -> Footer:
    import pyarrow.parquet as pq

    data: pa.Buffer | None = None
    try:
        if not file.splittable:
            with open_bytes(file) as stream:
                data = pa.py_buffer(stream.read())
        with pq.ParquetFile(pa.BufferReader(data) if data is not None else file.path, pre_buffer=False) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
    except FileNotFoundError as error:
        raise unreadable(file.path, error) from error
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) is not None and not isinstance(error, pa.ArrowException):
            raise unreadable(file.path, error) from error
        size = "it is empty" if file.size == 0 else str(error).split(". ")[0]
        raise SourceError(
            f"{file.label}: not a whole Parquet file ({size})\n"
            "  hint: copy or download it again, or name its real format with --input-format"
        ) from error
    own = tuple(zip(unique_names(schema.names), schema.names, strict=True))
    return Footer(file, metadata, schema, own, data)


def _united(schemas: Sequence[pa.Schema]) -> pa.Schema:
    from velothread.coercion import common_type
    from velothread.types import VARCHAR, from_arrow

    fields: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            old = fields.get(field.name)
            if old is None or old == field.type:
                fields[field.name] = field.type
            else:
                fields[field.name] = (common_type(from_arrow(old), from_arrow(field.type)) or VARCHAR).arrow
    return pa.schema(list(fields.items()))
