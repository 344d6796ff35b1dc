"""A source for tests: a table in splits of a few rows each, so that a small one is dealt to several receivers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from velothread.sources.source import BatchSplit, Scan, Split


@dataclass(frozen=True, slots=True)
class Pieces:
    """A table, `rows` rows a split.

    Threading: immutable.
    """

    table: pa.Table
    rows: int
    name: str = "pieces"

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    @property
    def row_count(self) -> int | None:
        return int(self.table.num_rows)

    @property
    def size(self) -> int | None:
        return None

    @property
    def splittable(self) -> bool:
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        for start in range(0, self.table.num_rows, self.rows):
            piece = self.table.slice(start, self.rows).combine_chunks()
            columns = [piece.column(n).combine_chunks() for n in scan.columns]
            arrays = [c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns]
            if arrays:
                yield BatchSplit((pa.RecordBatch.from_arrays(arrays, list(scan.columns)),))
            else:
                none = pa.StructArray.from_buffers(pa.struct([]), piece.num_rows, [None])
                yield BatchSplit((pa.RecordBatch.from_struct_array(none),))
