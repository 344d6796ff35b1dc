"""range(...) and generate_series(...) over constants, too long to be made as a whole: numbers made split by split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from velothread.sources.source import Scan, Split

# Numbers in a split.
SPLIT_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class SeriesSplit:
    """The numbers `values`, as a column for each of `names` (none or one).

    Threading: immutable.
    """

    values: range
    names: tuple[str, ...]
    batch_rows: int

    @property
    def bytes(self) -> int:
        return 8 * len(self.values)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for at in range(0, len(self.values), self.batch_rows):
            part = self.values[at : at + self.batch_rows]
            # by its length: the end of a series may lie just behind the last 64-bit number
            numbers = np.arange(len(part), dtype=np.int64) * part.step + part.start
            if self.names:
                yield pa.RecordBatch.from_arrays([pa.array(numbers)], names=list(self.names))
            else:
                yield pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), len(part), [None]))


@dataclass(frozen=True, slots=True)
class SeriesSource:
    """Evenly spaced 64-bit numbers in one column.

    Threading: immutable.
    """

    name: str
    values: range

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(self.name, pa.int64())])

    @property
    def row_count(self) -> int | None:
        return len(self.values)

    @property
    def size(self) -> int | None:
        return 8 * len(self.values)

    @property
    def splittable(self) -> bool:
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        wanted = self.values if scan.limit is None else self.values[: scan.limit]
        rows = SPLIT_ROWS if scan.split_size is None else min(SPLIT_ROWS, scan.split_size.of_rows(len(wanted)))
        batch_rows = min(scan.batch_rows, rows)
        step = rows // batch_rows * batch_rows
        for at in range(0, len(wanted), step):
            yield SeriesSplit(wanted[at : at + step], scan.columns, batch_rows)
