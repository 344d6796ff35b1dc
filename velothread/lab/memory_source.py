"""Records in memory, cut into batches of one size; each batch is a split of its own, handed over by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from velothread.sources.source import BatchSplit, Scan, Source, Split


class MemorySource:
    """A table that is there already, in batches of `batch_rows`.

    Threading: `splits` by one thread; batches are immutable.
    """

    def __init__(self, name: str, batch: pa.RecordBatch, batch_rows: int) -> None:
        self._name = name
        self._batch = batch
        self._batch_rows = batch_rows
        # What is listed once is there for the next time: making slices is not what is measured.
        self._known: dict[tuple[str, ...], list[Split]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def schema(self) -> pa.Schema:
        return self._batch.schema

    @property
    def row_count(self) -> int | None:
        return int(self._batch.num_rows)

    @property
    def size(self) -> int | None:
        return int(self._batch.nbytes)

    @property
    def splittable(self) -> bool:
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        """One per batch, with the columns that the scan wants. Bounds and limits are left to the engine."""
        columns = scan.columns
        if columns not in self._known:
            chosen = self._batch.select(list(columns)) if columns else _rows_only(self._batch.num_rows)
            size = self._batch_rows
            pieces = [chosen.slice(i, size) for i in range(0, max(chosen.num_rows, 1), size)]
            each = int(chosen.nbytes) // max(len(pieces), 1)
            self._known[columns] = [BatchSplit((piece,), each) for piece in pieces]
        return iter(self._known[columns])


def in_memory(source: Source, records: int) -> pa.RecordBatch:
    """The first `records` records of a source, all columns, as one batch."""
    scan = Scan(tuple(source.schema.names), limit=records)
    batches: list[pa.RecordBatch] = []
    left = records
    for split in source.splits(scan):
        if left <= 0:
            break
        for batch in split.batches():
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
            if left <= 0:
                break
    table = pa.Table.from_batches([b.rename_columns(source.schema.names) for b in batches] or [], source.schema)
    return table.combine_chunks().to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], source.schema)


def _rows_only(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


__all__ = ["MemorySource", "in_memory"]
