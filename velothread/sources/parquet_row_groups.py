"""Row groups of a Parquet file as a split: the wanted columns, of all rows or of those that some columns choose."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.arrow_batches import Conform, limited, rows_only
from velothread.sources.file_columns import FileColumns
from velothread.sources.files import File
from velothread.sources.parquet_pages import Chunk
from velothread.sources.parquet_pruning import may_match, merged_range
from velothread.sources.source import Chooser

Codes = np.ndarray[Any, np.dtype[Any]]

# Row groups that take no more than this in memory are read at once.
WHOLE_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's metadata, read once. `data`: the bytes of what is no plain file (a pipe, gzip), else None.

    columns: the file's own name of each of its columns by the unique name that SQL uses.
    places: by the file's own name of a column, where its chunks are in a row group (several for a nested one).

    Threading: immutable, shared by all receivers (Arrow's metadata is immutable, too), but for `ranges`: the session's
    thread, while it plans, notes there what it has looked up.
    """

    file: File
    metadata: Any
    schema: pa.Schema
    columns: tuple[tuple[str, str], ...]
    places: Mapping[str, tuple[int, ...]]
    data: pa.Buffer | None = None
    ranges: dict[str, tuple[Any, Any] | None] = field(default_factory=dict, compare=False)

    def range_of(self, name: str) -> tuple[Any, Any] | None:
        """The least and the greatest value of a column, by its own name; None: unknown."""
        if name not in self.ranges:
            self.ranges[name] = merged_range(self.metadata, self.places.get(name, ()))
        return self.ranges[name]

    def chunks(self, group: int, names: Sequence[str]) -> list[Any]:
        """The metadata of these columns' chunks in a row group."""
        found = self.metadata.row_group(group)
        return [found.column(i) for n in names for i in self.places.get(n, ())]


@dataclass(frozen=True, slots=True)
class RowGroups:
    """Some row groups of one file.

    names: the wanted columns that the file has. Wanted columns that it lacks (`union_by_name`) are NULL.
    early: the columns by which rows may be chosen, or none: all rows are read then.
    schema: the types of the file's columns in SQL.
    shared: several receivers wait for its batches.

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
    early: Conform | None
    schema: pa.Schema
    shared: bool = False

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
            yield self._batch({}, rows) if self.conform.names else rows_only(rows)

    def _read(self) -> Iterator[pa.RecordBatch]:
        names = self._own(self.names)
        with self._opened(self.groups[0]) as opened:
            for group in self.groups:
                opened.group = group
                as_is: bool | None = None
                for batch in self._group(opened.file, group, names):
                    if not batch.num_rows:
                        continue
                    if as_is is None:
                        as_is = self.conform.fits(batch.schema)
                    if as_is:
                        yield batch
                    else:
                        yield self._batch(dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows)

    def _group(self, opened: Any, group: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Reading a row group at once takes a quarter less time than piece by piece, but room for all of it."""
        if self.shared or self._room(group, names) > WHOLE_BYTES or self.limit is not None:
            yield from opened.iter_batches(self.conform.batch_rows, [group], names, use_threads=False)
        else:
            yield from opened.read_row_group(group, names, use_threads=False).to_batches(self.conform.batch_rows)

    def _room(self, group: int, names: Sequence[str]) -> int:
        rows: int = self.footer.metadata.row_group(group).num_rows
        stored = sum(int(c.total_uncompressed_size) for c in self.footer.chunks(group, names))
        return max(rows * len(names) * 16, stored)

    # --- chosen rows

    def chosen(self, chooser: Chooser) -> Iterator[pa.RecordBatch]:
        """The rows that `chooser` wants, in order: of each row group the early columns are read first, then what is
        still needed of the others.

        :raises SourceError: when the file is damaged; names the row group.
        """
        assert self.early is not None
        own = dict(self.footer.columns)
        first = self._own([n for n in self.early.names if n in own])
        rest = [n for n in self._own(self.names) if n not in first]
        with self._opened(self.groups[0]) as opened:
            for group in self.groups:
                opened.group = group
                if not may_match(self.footer.metadata, group, own, chooser.bounds(), self.schema, self.footer.places):
                    continue
                rows, columns = self._choose(opened.file, group, first, chooser)
                if not len(rows):
                    continue
                for start, end, others in self._others(opened.file, group, rest, rows):
                    found = {n: c.slice(start, end - start) for n, c in columns.items()} | others
                    yield self._batch(found, end - start)

    def _choose(self, opened: Any, group: int, names: list[str], chooser: Chooser) -> tuple[Codes, dict[str, pa.Array]]:
        """The wanted rows of a row group (rising), and their early columns by the file's own names."""
        assert self.early is not None
        rows: list[Codes] = []
        kept: list[pa.RecordBatch] = []
        before = 0
        for piece in self._group(opened, group, names):
            wanted = chooser.rows(self._early_batch(piece))
            if wanted is None:
                wanted = np.arange(piece.num_rows)
            if len(wanted):
                rows.append(wanted + before)
                kept.append(piece if len(wanted) == piece.num_rows else piece.take(pa.array(wanted)))
            before += piece.num_rows
        if not rows:
            return np.empty(0, np.int64), {}
        all_rows, all_kept = np.concatenate(rows), pa.concat_batches(kept)
        if len(kept) > 1:
            # The chooser has become stricter since it saw the first of them.
            wanted = chooser.rows(self._early_batch(all_kept), again=True)
            if wanted is not None:
                all_rows, all_kept = all_rows[wanted], all_kept.take(pa.array(wanted))
        return all_rows, dict(zip(names, all_kept.columns, strict=True))

    def _early_batch(self, piece: pa.RecordBatch) -> pa.RecordBatch:
        assert self.early is not None
        if self.early.fits(piece.schema):
            return piece
        found = dict(zip(piece.schema.names, piece.columns, strict=True))
        return self._batch(found, piece.num_rows, self.early)

    def _others(
        self, opened: Any, group: int, names: list[str], rows: Codes
    ) -> Iterator[tuple[int, int, dict[str, pa.Array]]]:
        """The other columns for the wanted rows of a row group, piece by piece: rows[start:end] and their columns."""
        step = self.conform.batch_rows
        found = {n: c for n in names if (c := self._from_pages(group, n, rows)) is not None} if len(rows) < step else {}
        names = [n for n in names if n not in found]
        if not names:
            for start in range(0, len(rows), step):
                end = min(start + step, len(rows))
                yield start, end, {n: c.slice(start, end - start) for n, c in found.items()}
            return
        before = 0
        for batch in self._group(opened, group, names):
            start, end = np.searchsorted(rows, (before, before + batch.num_rows))
            if start < end:
                taken = batch.take(pa.array(rows[start:end] - before))
                others = {n: c.slice(start, end - start) for n, c in found.items()}
                yield int(start), int(end), others | dict(zip(taken.schema.names, taken.columns, strict=True))
            before += batch.num_rows
            if before > rows[-1]:
                break

    def _from_pages(self, group: int, name: str, rows: Codes) -> pa.Array | None:
        """A column of some rows of a row group; None: it has to be read whole."""
        if self.footer.data is not None:
            return None
        places = self.footer.places.get(name, ())
        if len(places) != 1:
            return None
        chunk = Chunk.of(self.footer.metadata, group, places[0], self.footer.schema.field(name).type)
        if chunk is None or chunk.size > WHOLE_BYTES:
            return None
        try:
            with open(self.footer.file.path, "rb", buffering=0) as file:

                def read(place: int, size: int) -> bytes:
                    file.seek(place)
                    return file.read(size) or b""

                return chunk.take(read, rows)
        except (pa.ArrowException, OSError):
            return None  # Arrow, reading all of it, knows what it is, or says what is wrong

    # --- both

    def _own(self, names: Sequence[str]) -> list[str]:
        own = dict(self.footer.columns)
        return [own[n] for n in names]

    @contextmanager
    def _opened(self, group: int) -> Generator[Opened]:
        import pyarrow.parquet as pq

        opened = Opened(None, group)
        try:
            with pq.ParquetFile(
                self.footer.data if self.footer.data is not None else self.footer.file.path,
                metadata=self.footer.metadata,
                read_dictionary=self._own(self.dictionaries),
                memory_map=False,
                pre_buffer=False,
            ) as opened.file:
                yield opened
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"{self.footer.file.label}, row group {opened.group}: can't be read; "
                f"the file is damaged or was changed meanwhile ({error})"
            ) from error

    def _batch(self, found: dict[str, pa.Array], rows: int, conform: Conform | None = None) -> pa.RecordBatch:
        """`found`: columns by the file's own names."""
        conform = conform or self.conform
        own = dict(self.footer.columns)
        columns: list[pa.Array] = []
        for name, kind in zip(conform.names, conform.types, strict=True):
            if name in self.constant.names:
                columns.append(self.constant.array(self.footer.file, name, rows))
            elif own.get(name) in found:
                columns.append(found[own[name]])
            else:
                columns.append(pa.nulls(rows, kind))
        return conform.batch(columns, rows)


@dataclass(slots=True)
class Opened:
    """An open file, and the row group that is being read, for messages.

    Threading: owned by one receiver.
    """

    file: Any
    group: int


def places_of(metadata: Any, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Where the chunks of the columns with these names are, nested ones included."""
    found: dict[str, tuple[int, ...]] = {}
    wanted = set(names)
    for i in range(metadata.num_columns):
        path = metadata.schema.column(i).path
        # A name may have dots in it, too: `a.b` is the column of that name, or `b` in `a`.
        for end in [m for m, letter in enumerate(path + ".") if letter == "."]:
            if path[:end] in wanted:
                found[path[:end]] = (*found.get(path[:end], ()), i)
    return found
