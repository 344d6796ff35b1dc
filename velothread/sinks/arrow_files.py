"""Parquet and Arrow IPC outputs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velothread.errors import SinkError, UnsupportedError
from velothread.sinks.target import Target, TargetFile
from velothread.types import SqlType

# DuckDB's size of a row group.
DEFAULT_ROW_GROUP = 122_880


@dataclass(frozen=True, slots=True)
class ParquetOptions:
    """`codec`: a Parquet codec's name or "none"; `row_group` in rows; `dictionary`: try dictionary encoding."""

    codec: str = "snappy"
    level: int | None = None
    row_group: int = DEFAULT_ROW_GROUP
    dictionary: bool = True


class ParquetSink:
    """Rows into a Parquet file. Row groups depend on the rows alone, so the same rows give the same file.

    Threading: `encode` may be called by any thread and touches nothing; all else by one thread.
    """

    def __init__(self, target: Target, options: ParquetOptions) -> None:
        self._target = target
        self._options = options
        self._writer: Any = None
        self._file = TargetFile(target)
        self._schema: pa.Schema | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def begin(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> None:
        import pyarrow.parquet

        for name, sql_type in zip(schema.names, types, strict=True):
            if _has_interval(sql_type):
                raise UnsupportedError(
                    f"column {name!r} has type {sql_type}, which Parquet files can't hold here",
                    hint="cast it to VARCHAR",
                )
        _refuse_double_names(schema, "Parquet")
        self._schema = schema
        self._target.open()
        self._writer = pyarrow.parquet.ParquetWriter(
            self._file,
            schema,
            compression=self._options.codec,
            compression_level=self._options.level,
            use_dictionary=self._options.dictionary,
        )

    def encode(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch

    def write(self, piece: pa.RecordBatch) -> bool:
        self._waiting.append(_fitted(piece, self._schema))
        self._rows += piece.num_rows
        if self._rows >= self._options.row_group:
            self._flush(everything=False)
        return not self._file.gone

    def finish(self) -> None:
        self._flush(everything=True)
        self._writer.close()
        self._writer = None
        self._target.commit()

    def abort(self) -> None:
        self._file.drop()
        _close_quietly(self._writer)
        self._writer = None
        self._target.discard()

    def _flush(self, *, everything: bool) -> None:
        table = pa.Table.from_batches(self._waiting, schema=self._schema)
        size = self._options.row_group
        whole = table.num_rows if everything else table.num_rows // size * size
        if whole:
            self._writer.write_table(table.slice(0, whole), row_group_size=size)
        rest = table.slice(whole)
        self._waiting = rest.to_batches() if rest.num_rows else []
        self._rows = rest.num_rows


class ArrowSink:
    """Rows into an Arrow IPC file, or an IPC stream where the target can't be read backwards (standard output).

    Threading: `encode` may be called by any thread and touches nothing; all else by one thread.
    """

    def __init__(self, target: Target, *, stream: bool, codec: str | None = None) -> None:
        self._target = target
        self._stream = stream
        self._codec = codec
        self._writer: Any = None
        self._file = TargetFile(target)
        self._schema: pa.Schema | None = None

    def begin(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> None:
        self._schema = schema
        self._target.open()
        options = pa.ipc.IpcWriteOptions(compression=self._codec, use_threads=False)
        make = pa.ipc.new_stream if self._stream else pa.ipc.new_file
        self._writer = make(self._file, schema, options=options)

    def encode(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch

    def write(self, piece: pa.RecordBatch) -> bool:
        if piece.num_rows:
            self._writer.write_batch(_fitted(piece, self._schema))
        return not self._file.gone

    def finish(self) -> None:
        self._writer.close()
        self._writer = None
        self._target.commit()

    def abort(self) -> None:
        self._file.drop()
        _close_quietly(self._writer)
        self._writer = None
        self._target.discard()


def _fitted(batch: pa.RecordBatch, schema: pa.Schema | None) -> pa.RecordBatch:
    """`batch` with exactly the declared types (text may come dictionary-encoded)."""
    if schema is None:
        raise SinkError("the output was not begun")
    if batch.schema.equals(schema):
        return batch
    return pa.RecordBatch.from_arrays(
        [c if c.type == f.type else c.cast(f.type) for c, f in zip(batch.columns, schema, strict=True)], schema=schema
    )


def _refuse_double_names(schema: pa.Schema, what: str) -> None:
    names = schema.names
    for i, name in enumerate(names):
        if name in names[:i]:
            raise SinkError(f"{what} needs different column names, and {name!r} is there twice; rename one with AS")


def _has_interval(sql_type: SqlType) -> bool:
    inner = [t for t in (sql_type.element, sql_type.key, *(t for _, t in sql_type.fields)) if t is not None]
    return sql_type.kind == "INTERVAL" or any(_has_interval(t) for t in inner)


def _close_quietly(writer: Any) -> None:
    # Frees what the writer holds. Its file drops what it still writes, and nothing that goes wrong here matters any
    # more.
    if writer is not None:
        with contextlib.suppress(Exception):
            writer.close()
