"""The end of a pipeline whose rows stay as they are: a result, or what later pipelines read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from velothread.breakers.breaker import Run


@dataclass(frozen=True, slots=True)
class EmitBreaker:
    """Batches in the order of the source. A partial is the tuple of a split's batches, so results can be streamed split
    by split; `result` is for results that are kept.

    Threading: immutable.
    """

    schema: pa.Schema
    limit: int | None = None
    offset: int = 0

    @property
    def per_split(self) -> bool:
        return True

    def collector(self) -> EmitCollector:
        return EmitCollector(self.schema)

    def result(self, partials: Sequence[tuple[pa.RecordBatch, ...]], run: Run) -> Iterator[pa.RecordBatch]:
        return limited((batch for partial in partials for batch in partial), self.limit, self.offset)


class EmitCollector:
    """Keeps the batches of a split.

    Threading: owned by one receiver.
    """

    __slots__ = ("_batches", "_schema")

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []

    def begin(self, index: int) -> None:
        self._batches = []

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        if rows:
            self._batches.append(as_batch(rows, columns, self._schema))

    def finish(self) -> tuple[pa.RecordBatch, ...]:
        return tuple(self._batches)


def as_batch(rows: int, columns: Sequence[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """A batch of `schema`: dictionaries decoded, other representations of a type cast to the canonical one."""
    if not columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    arrays = [
        c if c.type == field.type else _canonical(c, field.type) for c, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _canonical(column: pa.Array, target: pa.DataType) -> pa.Array:
    from velothread.kernels.grouping import plain

    column = plain(column)
    return column if column.type == target else column.cast(target)


def limited(batches: Iterable[pa.RecordBatch], limit: int | None, offset: int) -> Iterator[pa.RecordBatch]:
    """LIMIT and OFFSET over batches in order; takes no more of them than it needs."""
    if limit == 0:
        return
    for batch in batches:
        if offset >= batch.num_rows:
            offset -= batch.num_rows
            continue
        piece = batch.slice(offset, limit)
        offset = 0
        yield piece
        if limit is not None:
            limit -= piece.num_rows
            if limit <= 0:
                return
