"""One field of many JSON objects, read by Arrow's parser as a column.

It reads objects into columns of one type: each type is tried in turn, and it gives up where values are of several
types, or documents are no objects on one line: Python's parser then takes one document at a time.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.json_text import escaped

# With fewer documents than this there is nothing to gain.
_WORTH_IT = 64
_TYPES = (pa.string(), pa.int64(), pa.bool_())


def field_texts(documents: pa.Array, keys: tuple[str, ...], *, as_json: bool) -> tuple[pa.Array, pa.Array] | None:
    """The text of what is under `keys` in each document, and where it is NULL: missing or `null`.

    as_json: texts in quotes, as JSON has them. None: not to be had this way.
    """
    if len(documents) < _WORTH_IT or documents.null_count or not keys:
        return None
    if pc.any(pc.match_substring_regex(documents, pattern=r"[\n\r]|^\s*$")).as_py():
        return None
    from pyarrow import json

    lines = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(documents)], pa.int32()), documents), "\n")
    data = lines.buffers()[2]
    for t in _TYPES:
        shape = t
        for key in reversed(keys):
            shape = pa.struct([pa.field(key, shape)])
        try:
            table = json.read_json(
                pa.BufferReader(data),
                read_options=json.ReadOptions(use_threads=False, block_size=len(data) + 1),
                parse_options=json.ParseOptions(pa.schema(list(shape)), unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid:
            continue
        if table.num_rows != len(documents):
            return None
        return _text(table, keys, as_json)
    return None


def _text(table: pa.Table, keys: tuple[str, ...], as_json: bool) -> tuple[pa.Array, pa.Array]:
    column = table.column(0).combine_chunks()
    for key in keys[1:]:
        column = pc.struct_field(column, key)
    text = column.cast(pa.string())
    if as_json and pa.types.is_string(column.type):
        text = pc.binary_join_element_wise('"', escaped(text), '"', "")
    return text, column.is_null()


def filled(texts: pa.Array, missing: pa.Array, others: pa.Array) -> pa.Array:
    """`texts` with `others`, in order, where `missing`."""
    at = np.arange(len(texts))
    rows = np.flatnonzero(missing.to_numpy(zero_copy_only=False))
    at[rows] = len(texts) + np.arange(len(rows))
    return pa.concat_arrays([texts, others]).take(pa.array(at))
