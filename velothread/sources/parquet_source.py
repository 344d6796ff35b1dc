"""Parquet files as a source: splits are row groups; only wanted columns and row groups that may match are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.arrow_batches import Conform, canonical_schema, unique_names
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import File, Files, open_bytes, unreadable
from velothread.sources.parquet_pruning import may_match, united
from velothread.sources.parquet_row_groups import Footer, RowGroups, places_of
from velothread.sources.portions import in_portions
from velothread.sources.remembered import Remembered
from velothread.sources.source import ReadOptions, Scan, Split

# Row groups are read together up to this many rows.
SPLIT_ROWS = 1 << 17
# Text is read as a dictionary where its chunks take less than this per value, dictionary included: then values repeat.
DICTIONARY_BYTES = 4
_TEXT_SPELLINGS = {
    pa.string_view(): pa.string(),
    pa.large_string(): pa.string(),
    pa.binary_view(): pa.binary(),
    pa.large_binary(): pa.binary(),
}


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
        own = [(f, dict(f.columns)[column]) for f in self._footers if column in dict(f.columns)]
        return united([f.range_of(name) for f, name in own])

    @property
    def splittable(self) -> bool:
        return True

    @property
    def reads_late(self) -> bool:
        """`Scan.early` is of use."""
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        conform = Conform.of(self.name, self._schema, scan)
        early = Conform.of(self.name, self._schema, replace(scan, columns=scan.early)) if scan.early else None
        left = scan.limit
        portion = None if scan.split_size is None else scan.split_size.of_rows(self.row_count or 0)
        for footer in self._footers:
            if not self._constant.may_match(footer.file, scan.bounds):
                continue
            own = dict(footer.columns)
            names = tuple(n for n in dict.fromkeys(scan.columns) if n in own and n not in self._constant.names)
            groups = [
                g
                for g in range(footer.metadata.num_row_groups)
                if may_match(footer.metadata, g, own, scan.bounds, self._inside, footer.places)
            ]
            for part in _together(footer, groups, portion or SPLIT_ROWS):
                rows = sum(footer.metadata.row_group(g).num_rows for g in part)
                if left is not None and left <= 0:
                    return
                shared = portion is not None and rows > 2 * portion
                split = RowGroups(
                    footer,
                    part,
                    rows,
                    sum(_bytes(footer, g, [own[n] for n in names]) for g in part),
                    conform,
                    names,
                    tuple(n for n in names if n in scan.dictionaries and _repeats(footer, part, own[n])),
                    self._constant,
                    left,
                    early if early is not None and self._may_be_late(footer, names, scan) else None,
                    self._inside,
                    shared,
                )
                if portion is None:
                    yield split
                else:
                    yield from in_portions(split, rows if left is None else min(rows, left), portion)
                left = None if left is None else left - rows

    def _may_be_late(self, footer: Footer, names: Sequence[str], scan: Scan) -> bool:
        """Can rows be chosen by early columns of this file without a difference in the answer?"""
        own = dict(footer.columns)
        if len({*own.values()}) < len(own) or scan.limit is not None or not any(n in names for n in scan.early):
            return False
        # A value with no place in its canonical type is an error, whether or not its row is chosen.
        return all(
            footer.schema.field(own[n]).type == (wanted := self._schema.field(n).type)
            or pa.types.is_temporal(wanted)
            or pa.types.is_string(wanted)
            for n in names
        )


def _together(footer: Footer, groups: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Small neighbours in one split, large ones alone. Depends on the file only, never on the number of threads."""
    part: list[int] = []
    rows = 0
    for group in groups:
        size = footer.metadata.row_group(group).num_rows
        if not size:
            continue
        if part and rows + size > most:
            yield tuple(part)
            part, rows = [], 0
        part.append(group)
        rows += size
    if part:
        yield tuple(part)


def _bytes(footer: Footer, group: int, names: Sequence[str]) -> int:
    return sum(c.total_compressed_size for c in footer.chunks(group, names))


def _repeats(footer: Footer, groups: Sequence[int], name: str) -> bool:
    """Is the column dictionary-encoded in these row groups, and do its values repeat enough?"""
    if not pa.types.is_string(footer.schema.field(name).type):
        return False
    found = [c for g in groups for c in footer.chunks(g, [name])]
    return bool(found) and all(
        c.has_dictionary_page and c.total_uncompressed_size < DICTIONARY_BYTES * max(c.num_values, 1) for c in found
    )


def open_parquet(files: Files, options: ReadOptions, known: Remembered | None = None) -> ParquetSource:
    """Open Parquet files: all footers are read, no data. known: footers that the session has read before.

    :raises SourceError: when one isn't Parquet, is damaged, or has other columns than the first.
    """
    if known is None:
        footers = [_footer(f) for f in files]
    else:
        footers = [known.layout(f, "footer", partial(_footer, f)) if f.splittable else _footer(f) for f in files]
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
            metadata, schema = _plain_text(opened.metadata, opened.schema_arrow)
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
    return Footer(file, metadata, schema, own, places_of(metadata, schema.names), data)


def _plain_text(metadata: Any, schema: pa.Schema) -> tuple[Any, pa.Schema]:
    """The same footer without the note in which of Arrow's spellings the writer had its text: views and large strings
    would have to be cast, and are not read as dictionaries. Where the note says anything else, it stays."""
    if not any(t in _TEXT_SPELLINGS for t in schema.types):
        return metadata, schema
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    metadata.write_metadata_file(sink)
    # a name of the same length, which nobody looks for
    data = sink.getvalue().to_pybytes().replace(b"ARROW:schema", b"arrow_schema")
    without = pq.read_metadata(pa.BufferReader(data))
    plain = without.schema.to_arrow_schema()
    wanted = [_TEXT_SPELLINGS.get(t, t) for t in schema.types]
    return (without, plain) if plain.types == wanted and plain.names == schema.names else (metadata, schema)


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
