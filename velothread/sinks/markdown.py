"""A table in Markdown: numbers to the right, line ends as `<br>`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.sinks.celltext import cell_text
from velothread.sinks.delimited import joined_lines
from velothread.types import SqlType


class Markdown:
    """Rows of a Markdown table. A `TextFormat`.

    Threading: immutable after `start`.
    """

    between = b""
    end = b""

    def __init__(self) -> None:
        self._types: tuple[SqlType, ...] = ()

    def start(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> bytes:
        self._types = types
        names = _escaped(pa.array(schema.names, pa.string())).to_pylist()
        rules = ["--:" if t.is_numeric else "---" for t in types]
        return f"| {' | '.join(names)} |\n|{'|'.join(rules)}|\n".encode()

    def rows(self, batch: pa.RecordBatch) -> Any:
        parts: list[Any] = []
        for column, sql_type in zip(batch.columns, self._types, strict=True):
            text = cell_text(column, sql_type)
            if not sql_type.is_numeric and not sql_type.is_temporal:
                text = _escaped(text)
            parts += [" | " if parts else "| ", pc.fill_null(text, "NULL")]
        return joined_lines(pc.binary_join_element_wise(*parts, " |", ""), "\n", last=True)


def _escaped(text: pa.Array) -> pa.Array:
    for mark, shown in (("\\", "\\\\"), ("|", "\\|"), ("\r\n", "<br>"), ("\n", "<br>"), ("\r", "<br>")):
        text = pc.replace_substring(text, mark, shown)
    return text
