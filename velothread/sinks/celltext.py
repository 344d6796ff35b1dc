"""Columns as text: what a cell looks like in CSV, in a table, in Markdown.

The text is that of `CAST(x AS VARCHAR)`: `1.0`, `1e+20`, `true`, `2024-01-02 03:04:05`, `[1, 2]`, `{'a': 1}`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from velothread.types import SqlType

# A column of few different numbers is turned into text once per number. A sample decides, so that a column whose
# numbers all differ pays next to nothing for the question.
_SAMPLE_ROWS = 4096
_FEW = _SAMPLE_ROWS // 4
_WORTH_IT = 4 * _SAMPLE_ROWS
_SLOW_KINDS = frozenset(("FLOAT", "DOUBLE", "DECIMAL", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ"))


def cell_text(column: pa.Array, sql_type: SqlType) -> pa.Array:
    """`column` as a `pa.string()` array of the same length; NULL stays NULL."""
    if pa.types.is_string(column.type):
        return column
    if sql_type.kind in _SLOW_KINDS and _looks_repetitive(column):
        encoded = pc.dictionary_encode(column)
        if len(encoded.dictionary) * 2 <= len(column):
            return pc.take(_cast(encoded.dictionary, sql_type), encoded.indices)
    return _cast(column, sql_type)


def _looks_repetitive(column: pa.Array) -> bool:
    if len(column) < _WORTH_IT or pa.types.is_dictionary(column.type):
        return False
    return len(pc.unique(column.slice(0, _SAMPLE_ROWS))) <= _FEW


def _cast(column: pa.Array, sql_type: SqlType) -> pa.Array:
    # Imported when it is needed: integers and text, the most common output, do without.
    from velothread.kernels.casts import to_text

    return to_text(column, sql_type)
