"""What a source is: a schema, and splits that receivers turn into batches.

A source is opened once per query on the coordinator (schema, statistics). `splits` lists the parts in the order of the
data; a receiver calls `Split.batches` and does the reading and parsing there. Batch boundaries depend on the source
and the `Scan` alone, never on threads: that is what makes answers the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import pyarrow as pa

DEFAULT_BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Bound:
    """A simple condition that every wanted row meets: `column op value`. Sources may use it to skip data (row groups,
    folders); the engine filters again, so ignoring it is right, too. `value` is a Python value of the column's type."""

    column: str
    op: Literal["=", "<", "<=", ">", ">=", "in", "is not null"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class SplitSize:
    """How many rows a split should have where the work on a row costs much more than reading it: few enough that all
    receivers get some, but at least so many. Depends on the source and the query alone, as all splits do.

    batch_rows: the most rows of a batch.
    """

    least: int
    batch_rows: int

    def of_rows(self, rows: int) -> int:
        """The rows of a split of a source that has so many."""
        return max(self.least, rows // _SPLITS)

    def of_bytes(self, size: int | None) -> int:
        """The bytes of a split of text, whose rows nobody has counted: as if they were short."""
        return _ROW_BYTES * (self.batch_rows if size is None else max(self.least, size // _SPLITS // _ROW_BYTES))

    def and_also(self, other: SplitSize | None) -> SplitSize:
        """Small enough for both."""
        if other is None:
            return self
        return SplitSize(min(self.least, other.least), min(self.batch_rows, other.batch_rows))


# Splits that a source has at least, if it has rows enough; and how long a short row of text is.
_SPLITS = 32
_ROW_BYTES = 32


@dataclass(frozen=True, slots=True)
class Scan:
    """What a query wants of a source. Immutable; shared by all threads.

    columns: names in the order wanted; may be empty (`count(*)`): batches then have rows but no columns.
    bounds: conditions that all wanted rows meet (ANDed).
    limit: no more than this many rows are needed in all (from the start), or None.
    batch_rows: the most rows in a batch.
    dictionaries: names of text columns for which dictionary-encoded batches are welcome.
    early: some of `columns`, by which rows are chosen; a source with `reads_late` may read the others for those alone.
    split_size: the rows that a split should have, where the work on a row is costly (a Python function is called).
        None: as the source likes.
    """

    columns: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    limit: int | None = None
    batch_rows: int = DEFAULT_BATCH_ROWS
    dictionaries: frozenset[str] = frozenset()
    early: tuple[str, ...] = ()
    split_size: SplitSize | None = None

    def split_bytes(self, size: int | None) -> int | None:
        """The bytes of a split of text of that size; None: as the source likes."""
        return None if self.split_size is None else self.split_size.of_bytes(size)


@runtime_checkable
class Split(Protocol):
    """A part of a source: immutable, cheap, made by the coordinator, read by one receiver.

    Threading: immutable; `batches` is called once, by the receiver that was dealt the split.
    """

    @property
    def bytes(self) -> int:
        """Estimated size in the input, for progress and load (0: unknown)."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read, parse and yield the rows in order: columns as in `Scan.columns`, at most `batch_rows` rows each.

        :raises SourceError: when the data can't be read or a value doesn't fit.
        """
        ...


class Chooser(Protocol):
    """Says which rows of a split are wanted. What it says gets stricter as it sees more.

    Threading: owned by the receiver that reads the split.
    """

    def bounds(self) -> tuple[Bound, ...]:
        """Conditions that all wanted rows meet, by what is known so far."""
        ...

    def rows(self, batch: pa.RecordBatch, *, again: bool = False) -> Any:
        """The wanted rows of a batch (rising int64, NumPy), or None for all. `batch` has the columns `Scan.early`.

        again: of rows that were wanted when they were first seen."""
        ...


class ChoosingSplit(Split, Protocol):
    """A split that reads some columns late: for the rows only that are wanted by what is in the others.

    Threading: as of `Split`; `chosen` is called instead of `batches`.
    """

    @property
    def early(self) -> object | None:
        """None: this split can't, call `batches`."""
        ...

    def chosen(self, chooser: Chooser) -> Iterator[pa.RecordBatch]:
        """As `batches`, but of the rows that `chooser` wants.

        :raises SourceError: when the data can't be read.
        """
        ...


class Source(Protocol):
    """An opened input.

    Threading: `splits` is called and iterated by one thread (the coordinator's or a reader's); the rest is immutable.
    """

    @property
    def name(self) -> str:
        """For messages and EXPLAIN: the path, glob or registered name."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Names and types of all columns."""
        ...

    @property
    def row_count(self) -> int | None:
        """Exact number of rows where it is known without reading (Parquet, tables), else None."""
        ...

    @property
    def size(self) -> int | None:
        """Bytes to be read for everything, or None when it isn't known (stdin)."""
        ...

    @property
    def splittable(self) -> bool:
        """False for what one thread must read in blocks (stdin, gzip); its splits come lazily and block."""
        ...

    def splits(self, scan: Scan) -> Iterator[Split]:
        """The parts to be read for `scan`, in the order of the data, lazily."""
        ...


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """A split of batches that are there already: tables, results of earlier pipelines, tests.

    Threading: immutable.
    """

    items: tuple[pa.RecordBatch, ...]
    bytes: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read text inputs: what the user said on the command line, in `read_csv(...)` or `connect(...)`.

    None means: find out from the data. `on_error`: a value or row that doesn't fit fails the query, becomes NULL, or is
    left out; `rejects` names a file that keeps what was refused.
    """

    format: str | None = None  # csv, tsv, json, jsonl, parquet, arrow
    delimiter: str | None = None
    header: bool | None = None
    quote: str = '"'
    escape: str | None = None
    nulls: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    types: tuple[tuple[str, str], ...] = ()  # column -> SQL type, as text
    all_varchar: bool = False
    skip: int = 0
    comment: str | None = None
    date_format: str | None = None
    timestamp_format: str | None = None
    decimal_separator: str = "."
    sample_rows: int = 20_480
    ignore_errors: bool = False
    on_error: Literal["fail", "null", "skip"] = "fail"
    rejects: str | None = None
    compression: str | None = None
    hive_partitioning: bool | None = None
    filename: bool = False
    union_by_name: bool = False
    split_bytes: int | None = None  # size of a byte range; None: chosen from the file's size. Tests use tiny ones.
    extra: tuple[tuple[str, Any], ...] = field(default=())
