"""Python objects as sources: Arrow tables and readers, pandas and polars data frames, anything that speaks the Arrow
C interface, dicts of columns, lists of dicts.

Tables are shared, not copied: a split is a few slices. Streams are read once, as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from velothread.errors import SourceError
from velothread.sources.arrow_batches import ArrowSplit, Conform, canonical_schema
from velothread.sources.source import Scan, Split

# Rows in a split of a table: enough to be worth a hand-over, few enough to share among receivers.
SPLIT_ROWS = 1 << 18


class TableSource:
    """A table in memory.

    Threading: immutable.
    """

    def __init__(self, name: str, table: pa.Table) -> None:
        self._name = name
        self._table = table
        self._schema = canonical_schema(table.schema, name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def row_count(self) -> int | None:
        return int(self._table.num_rows)

    @property
    def size(self) -> int | None:
        return int(self._table.nbytes)

    @property
    def splittable(self) -> bool:
        return True

    def splits(self, scan: Scan) -> Iterator[Split]:
        places = tuple(self._schema.get_field_index(n) for n in scan.columns)
        conform = Conform.of(self._name, self._schema, scan)
        rows = int(self._table.num_rows)
        if scan.limit is not None:
            rows = min(rows, scan.limit)
        wanted = SPLIT_ROWS if scan.split_size is None else min(SPLIT_ROWS, scan.split_size.of_rows(rows))
        batch_rows = min(scan.batch_rows, wanted)
        step = wanted // batch_rows * batch_rows
        for start in range(0, rows, step):
            part = self._table.slice(start, min(step, rows - start))
            batches = tuple(_batches(part, batch_rows))
            yield ArrowSplit(batches, places, conform, int(part.nbytes))


def _batches(part: pa.Table, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Batches whose borders don't depend on how the table is chunked, as far as that needs no copy of everything."""
    for start in range(0, part.num_rows, batch_rows):
        piece = part.slice(start, batch_rows)
        columns = [c.chunk(0) if c.num_chunks == 1 else c.combine_chunks() for c in piece.columns]
        flat = [c if isinstance(c, pa.Array) else pa.concat_arrays(c.chunks) for c in columns]
        if flat:
            yield pa.RecordBatch.from_arrays(flat, schema=piece.schema)
        else:
            yield pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), len(piece), [None]))


class StreamSource:
    """Batches that come one after another: a `RecordBatchReader`, a dataset, an object with `__arrow_c_stream__`.

    Threading: `splits` is called and iterated by one thread.
    """

    def __init__(self, name: str, stream: Any) -> None:
        self._name = name
        self._stream = stream
        self._reader: pa.RecordBatchReader | None = _reader(name, stream)
        self._schema = canonical_schema(self._reader.schema, name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def row_count(self) -> int | None:
        return None

    @property
    def size(self) -> int | None:
        return None

    @property
    def splittable(self) -> bool:
        return False

    def splits(self, scan: Scan) -> Iterator[Split]:
        """One split per batch of the stream.

        :raises SourceError: when it was read already, or fails.
        """
        reader, self._reader = self._reader, None
        if reader is None:
            if isinstance(self._stream, pa.RecordBatchReader):
                raise SourceError(
                    f"{self._name}: a stream can be read only once\n  hint: register its read_all() instead"
                )
            reader = _reader(self._name, self._stream)
        places = tuple(self._schema.get_field_index(n) for n in scan.columns)
        conform = Conform.of(self._name, self._schema, scan)
        left = scan.limit
        while left is None or left > 0:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise SourceError(f"{self._name}: the stream failed ({error})") from error
            if batch.num_rows:
                yield ArrowSplit((batch,), places, conform, int(batch.nbytes), left)
                left = None if left is None else left - batch.num_rows


def _reader(name: str, stream: Any) -> pa.RecordBatchReader:
    if isinstance(stream, pa.RecordBatchReader):
        return stream
    try:
        if hasattr(stream, "scanner"):  # a pyarrow dataset
            return stream.scanner(use_threads=False).to_reader()
        return pa.RecordBatchReader.from_stream(stream)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise SourceError(f"{name}: its Arrow stream can't be read ({error})") from error


def open_object(what: Any, name: str) -> TableSource | StreamSource | None:
    """A source for a Python object, or None when it is of no kind that is known.

    :raises SourceError: when the object is of a known kind but its content isn't tabular.
    """
    try:
        if isinstance(what, pa.Table):
            return TableSource(name, what)
        if isinstance(what, pa.RecordBatch):
            return TableSource(name, pa.Table.from_batches([what]))
        if isinstance(what, pa.RecordBatchReader):
            return StreamSource(name, what)
        module = type(what).__module__.partition(".")[0]
        kind = type(what).__name__
        if module == "pandas" and kind == "DataFrame":
            return TableSource(name, pa.Table.from_pandas(what, preserve_index=False, nthreads=1))
        if module == "polars" and kind == "DataFrame":
            return TableSource(name, pa.table(what))
        if module == "polars" and kind == "LazyFrame":
            return TableSource(name, pa.table(what.collect()))
        if module == "pyarrow" and hasattr(what, "scanner") and hasattr(what, "schema"):
            return StreamSource(name, what)
        if isinstance(what, Mapping):
            return TableSource(name, pa.table({str(k): _column(v) for k, v in what.items()}))
        if isinstance(what, list | tuple) and what and all(isinstance(row, Mapping) for row in what):
            return TableSource(name, _from_rows(what))
        if hasattr(what, "__arrow_c_stream__"):
            return StreamSource(name, what)
        if hasattr(what, "__arrow_c_array__"):
            return TableSource(name, pa.Table.from_batches([pa.record_batch(what)]))
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{name}: the {type(what).__name__} can't be read as a table ({error})") from error
    return None


def _column(values: Any) -> Any:
    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)


def _from_rows(rows: list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...]) -> pa.Table:
    """A table of dicts: a key that a row lacks is NULL there, whichever row had it first."""
    keys = dict.fromkeys(k for row in rows for k in row)
    return pa.table({k: pa.array([row.get(k) for row in rows]) for k in keys})
