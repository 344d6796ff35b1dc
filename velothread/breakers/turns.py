"""The rows of a recursion: which of a turn's rows are new, and all that there are so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.kernels.grouping import Grouper, plain

Codes = np.ndarray[Any, np.dtype[Any]]


class AllRows:
    """UNION ALL: every row is new.

    Threading: owned by the coordinator's thread.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.batches: list[pa.RecordBatch] = []
        self.rows = 0

    def add(self, batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """Note a turn's rows; give those that the next turn reads."""
        fresh = self._fresh([_named(b, self.schema) for b in batches if b.num_rows])
        self.batches.extend(fresh)
        self.rows += sum(b.num_rows for b in fresh)
        return fresh

    def _fresh(self, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        return batches


class DistinctRows(AllRows):
    """UNION: a row that was there before is none.

    Threading: owned by the coordinator's thread.
    """

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(schema)
        self._seen = Grouper(len(schema))

    def _fresh(self, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        out = []
        for batch in batches:
            _, new = self._seen.codes(batch.num_rows, batch.columns)
            if len(new):
                out.append(batch if len(new) == batch.num_rows else batch.take(pa.array(new)))
        return out


class KeyedRows(AllRows):
    """USING KEY: a row replaces the one that has its key. distinct: one that changes nothing isn't new.

    Threading: owned by the coordinator's thread.
    """

    def __init__(self, schema: pa.Schema, keys: Sequence[int], distinct: bool) -> None:
        super().__init__(schema)
        self._keys = Grouper(len(keys))
        self._places = tuple(keys)
        self._distinct = distinct

    def add(self, batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        out: list[pa.RecordBatch] = []
        for batch in batches:
            if batch.num_rows:
                out.extend(self._replaced(_named(batch, self.schema)))
        return out

    def _replaced(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        known = self.rows
        codes, _ = self._keys.codes(batch.num_rows, [batch.column(i) for i in self._places])
        last = np.full(self._keys.groups, -1, np.int64)
        last[codes] = np.arange(batch.num_rows)  # of several rows with one key the last one stays
        kept = np.sort(last[last >= 0])
        whole = pa.concat_batches([*self.batches, batch]) if self.batches else batch
        if self._distinct and known:
            kept = kept[self._changed(whole, known + kept, codes[kept], known)]
        index = np.arange(self._keys.groups)
        index[codes[kept]] = known + kept
        self.batches = [whole.take(pa.array(index))]
        self.rows = self._keys.groups
        if len(kept):
            yield batch.take(pa.array(kept))

    @staticmethod
    def _changed(whole: pa.RecordBatch, new: Codes, old: Codes, known: int) -> Codes:
        """Where a new row differs from the one that it would replace (those beyond `known` replace none)."""
        there = old < known
        before = whole.take(pa.array(np.where(there, old, new)))
        pairs = pa.concat_batches([before, whole.take(pa.array(new))])
        codes, _ = Grouper(pairs.num_columns).codes(pairs.num_rows, pairs.columns)
        changed: Codes = (codes[: len(new)] != codes[len(new) :]) | ~there
        return changed


def rows_of(schema: pa.Schema, keys: Sequence[int], distinct: bool) -> AllRows:
    """The bookkeeping that a recursion needs."""
    if keys:
        return KeyedRows(schema, keys, distinct)
    return DistinctRows(schema) if distinct else AllRows(schema)


def _named(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [plain(c) for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


__all__ = ["AllRows", "DistinctRows", "KeyedRows", "rows_of"]
