"""Batches from elsewhere (Parquet, Arrow IPC, Python) in the form that the engine wants: its columns, its types.

Every SQL type has one Arrow type inside the engine; other spellings (large strings, views, dictionaries, milliseconds)
are cast here, in the receiver that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.source import Scan
from velothread.types import from_arrow

DICTIONARY = pa.dictionary(pa.int32(), pa.string())


def canonical_schema(schema: pa.Schema, name: str) -> pa.Schema:
    """The schema that a source with these columns shows: unique names, the engine's types.

    :raises SourceError: when a column's type has no SQL type.
    """
    fields: list[pa.Field] = []
    for field, unique in zip(schema, unique_names(schema.names), strict=True):
        try:
            fields.append(pa.field(unique, from_arrow(field.type).arrow))
        except ValueError as error:
            raise SourceError(f"{name}, column {field.name!r}: {error}") from error
    return pa.schema(fields)


def unique_names(names: Sequence[str]) -> list[str]:
    """Names that differ by more than case: a second `a` is `a_1`; an empty one is named by its place."""
    taken: set[str] = set()
    result: list[str] = []
    for place, given in enumerate(names):
        base = given or f"column{place}"
        name, number = base, 0
        while name.lower() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.lower())
        result.append(name)
    return result


@dataclass(frozen=True, slots=True)
class Conform:
    """What a scan wants of batches: columns by place, with their canonical types.

    names: as in `Scan.columns`; types: canonical; dictionaries: names that may stay dictionary-encoded.

    Threading: immutable, shared by all receivers.
    """

    source: str
    names: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    dictionaries: frozenset[str]
    batch_rows: int

    @staticmethod
    def of(source: str, schema: pa.Schema, scan: Scan) -> Conform:
        types = tuple(schema.field(n).type for n in scan.columns)
        return Conform(source, scan.columns, types, scan.dictionaries, scan.batch_rows)

    def fits(self, schema: pa.Schema) -> bool:
        """Are batches of this schema wanted as they are?"""
        return schema.names == list(self.names) and all(
            f.type == t or (f.type == DICTIONARY and pa.types.is_string(t) and f.name in self.dictionaries)
            for f, t in zip(schema, self.types, strict=True)
        )

    def batch(self, columns: Sequence[pa.Array], rows: int) -> pa.RecordBatch:
        """Columns in the order of `names`, as one batch.

        :raises SourceError: when a value has no place in the canonical type.
        """
        if not columns:
            return rows_only(rows)
        done = [
            self._column(n, a, t, n in self.dictionaries)
            for n, a, t in zip(self.names, columns, self.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(done, list(self.names))

    def batches(self, columns: Sequence[pa.Array], rows: int) -> Iterator[pa.RecordBatch]:
        """The same, cut to `batch_rows`."""
        for start in range(0, rows, self.batch_rows):
            size = min(self.batch_rows, rows - start)
            yield self.batch(columns if size == rows else [c.slice(start, size) for c in columns], size)

    def _column(self, name: str, array: pa.Array, wanted: pa.DataType, dictionary: bool) -> pa.Array:
        if array.type == wanted:
            return array
        try:
            if pa.types.is_dictionary(array.type):
                if dictionary and pa.types.is_string(wanted):
                    return array if array.type == DICTIONARY else array.cast(DICTIONARY)
                array = array.dictionary_decode()
            if isinstance(array, pa.ExtensionArray):
                if array.type.extension_name == "arrow.uuid":
                    return _uuids(array)
                array = array.storage
            if pa.types.is_duration(array.type):
                return _intervals(array)
            # Finer units than the engine keeps (nanoseconds of a time) are cut off, as DuckDB does.
            safe = not pa.types.is_temporal(wanted)
            return array if array.type == wanted else array.cast(wanted, safe=safe)
        except pa.ArrowException as error:
            raise SourceError(
                f"{self.source}, column {name!r}: {array.type} can't be read as {wanted} ({error})"
            ) from error


def _uuids(array: pa.ExtensionArray) -> pa.Array:
    # By row: UUID columns are rare, and Arrow has no cast to their text.
    return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())


def _intervals(array: pa.Array) -> pa.Array:
    # By row: Arrow has no cast from durations to intervals.
    nanos = array.cast(pa.duration("ns")).cast(pa.int64())
    return pa.array(
        [None if v is None else pa.MonthDayNano([0, 0, v]) for v in nanos.to_pylist()], pa.month_day_nano_interval()
    )


def rows_only(rows: int) -> pa.RecordBatch:
    """A batch without columns that still has rows: for `count(*)`."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


def limited(batches: Iterable[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    """No more than `limit` rows of them; what isn't needed isn't read."""
    if limit is None:
        yield from batches
        return
    for batch in batches:
        if limit <= 0:
            return
        yield batch if batch.num_rows <= limit else batch.slice(0, limit)
        limit -= batch.num_rows
        if limit <= 0:
            return


@dataclass(frozen=True, slots=True)
class ArrowSplit:
    """Batches that are in memory (or mapped), to be brought into form by the receiver.

    places: for each wanted column its place in the batches.

    Threading: immutable.
    """

    items: tuple[pa.RecordBatch, ...]
    places: tuple[int, ...]
    conform: Conform
    bytes: int = 0
    limit: int | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from limited(self._batches(), self.limit)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for item in self.items:
            yield from self.conform.batches([item.column(i) for i in self.places], item.num_rows)
