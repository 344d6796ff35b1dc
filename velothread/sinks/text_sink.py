"""A sink for formats that are text: rows become bytes in the receivers, and go to a target in order."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

from velothread.sinks.compression import Compress
from velothread.sinks.target import Target
from velothread.types import SqlType

# Text offsets in Arrow are 32 bits; a batch with more text than this is encoded in parts.
_LARGE_BATCH = 400 << 20


class TextFormat(Protocol):
    """How rows look as bytes.

    Threading: `start` is called once, before all else, by one thread; `rows` by any number of receivers.
    """

    def start(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> bytes:
        """What comes before the first row."""
        ...

    def rows(self, batch: pa.RecordBatch) -> Any:
        """The rows of a batch (at least one) as bytes."""
        ...

    @property
    def between(self) -> bytes:
        """What comes between the rows of two batches."""
        ...

    @property
    def end(self) -> bytes:
        """What comes after the last row."""
        ...


class TextSink:
    """Rows of a text format into a target.

    Threading: `encode` is called by receivers and only reads what `begin` set; all else by one thread, the
    coordinator's.
    """

    def __init__(self, text_format: TextFormat, target: Target, compress: Compress) -> None:
        self._format = text_format
        self._target = target
        self._compress = compress
        self._head = b""
        self._written = 0
        self._wanted = True

    def begin(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> None:
        # Held back until there are rows or the end: a query that fails before that prints no lone header.
        self._head = self._format.start(schema, types)
        self._target.open()

    def encode(self, batch: pa.RecordBatch) -> Any:
        if batch.num_rows == 0:
            return None
        return self._compress(self._rows(batch))

    def write(self, piece: Any) -> bool:
        if piece is None or not self._wanted:
            return self._wanted
        self._start()
        if self._written and self._format.between:
            self._put(self._compress(self._format.between))
        self._written += 1
        self._put(piece)
        return self._wanted

    def finish(self) -> None:
        self._start()
        # A compressed file without any stream in it isn't valid, so an empty output still gets an empty stream.
        self._put(self._compress(self._format.end))
        self._target.commit()

    def abort(self) -> None:
        self._target.discard()

    def _start(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._put(self._compress(head))

    def _put(self, data: Any) -> None:
        if data is not None and self._wanted and memoryview(data).nbytes:
            self._wanted = self._target.write(data)

    def _rows(self, batch: pa.RecordBatch) -> Any:
        if batch.nbytes <= _LARGE_BATCH or batch.num_rows == 1:
            return self._format.rows(batch)
        half = batch.num_rows // 2
        return self._format.between.join(bytes(self._rows(part)) for part in (batch.slice(0, half), batch.slice(half)))
