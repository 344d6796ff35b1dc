"""JSON and JSON lines: an object per row, of what `kernels.json_text` writes for each value."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from velothread.kernels.json_text import json_text, objects
from velothread.sinks.celltext import cell_text
from velothread.sinks.delimited import joined_lines
from velothread.types import SqlType


class Json:
    """Objects, one per row: `lines` puts each on its own line (JSONL), else they are one array. A `TextFormat`.

    Threading: immutable after `start`.
    """

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self.between = b"" if lines else b",\n\t"
        self.end = b"" if lines else b"\n]\n"
        self._types: tuple[SqlType, ...] = ()
        self._keys: tuple[str, ...] = ()

    def start(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> bytes:
        self._types = types
        self._keys = tuple(json.dumps(name, ensure_ascii=False) for name in schema.names)
        return b"" if self._lines else b"[\n\t"

    def rows(self, batch: pa.RecordBatch) -> Any:
        columns = zip(batch.columns, self._types, strict=True)
        whole = objects(self._keys, [json_text(c, t, cell_text) for c, t in columns])
        return joined_lines(whole, "\n" if self._lines else ",\n\t", last=self._lines)
