"""Where partitions and peer groups begin and end, for rows sorted by partition and order keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.grouping import Codes, Grouper, integers, normalised, plain, valid_mask


class Segments:
    """Runs of neighbouring rows, made from a flag per row: does a run begin here? The first row's is true.

    Threading: owned by one thread.
    """

    def __init__(self, begins: Codes) -> None:
        self.rows = len(begins)
        self.begins = begins

    @cached_property
    def firsts(self) -> Codes:
        """The first row of each run."""
        return np.flatnonzero(self.begins)

    @cached_property
    def lasts(self) -> Codes:
        """The row behind the last one of each run."""
        return np.append(self.firsts[1:], self.rows)

    @cached_property
    def number(self) -> Codes:
        """Per row: the number of its run."""
        numbers: Codes = np.cumsum(self.begins)
        numbers -= 1
        return numbers

    @cached_property
    def start(self) -> Codes:
        """Per row: the first row of its run."""
        return self.firsts.take(self.number)

    @cached_property
    def end(self) -> Codes:
        """Per row: the row behind its run."""
        return self.lasts.take(self.number)


class Layout:
    """Sorted rows: their partitions, and within these the peers (rows with equal order keys).

    keys: the order key columns in sorted order; without any, all rows of a partition are peers.

    Threading: owned by one thread.
    """

    def __init__(self, partition_begins: Codes, keys: Sequence[pa.Array] = ()) -> None:
        self.rows = len(partition_begins)
        self.partitions = Segments(partition_begins)
        self.keys = keys

    @cached_property
    def peers(self) -> Segments:
        """Runs of peers."""
        if not self.keys:
            return self.partitions
        begins = self.partitions.begins.copy()
        for key in self.keys:
            begins |= changes(key)
        return Segments(begins)

    @cached_property
    def row(self) -> Codes:
        """The rows' numbers."""
        return np.arange(self.rows)


def changes(column: pa.Array) -> Codes:
    """Per row: is its value another than that of the row before? NULL equals NULL, NaN equals NaN; true for row 0."""
    flags = np.ones(len(column), bool)
    if len(column) < 2:
        return flags
    values = integers(plain(column)) if not pa.types.is_nested(column.type) else None
    nulls = column.null_count
    if values is None and pa.types.is_floating(column.type):
        filled = normalised(pc.fill_null(column, 0.0) if nulls else column).to_numpy(zero_copy_only=False)
        values = filled.view(f"i{filled.dtype.itemsize}")
    elif values is None:
        values, nulls = Grouper(1).codes(len(column), (column,))[0], 0
    differs = values[1:] != values[:-1]
    if nulls:
        present = valid_mask(column)
        differs &= present[1:] & present[:-1]
        differs |= present[1:] != present[:-1]
    flags[1:] = differs
    return flags
