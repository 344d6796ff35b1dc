"""Running of SQL in tests: the same query under every processor, with answers that must be the same bytes."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

import velothread
from tests.slt import Case, Script, spell
from velothread.kernels.casts import cast
from velothread.types import VARCHAR

# What the answer must not depend on.
WAYS: tuple[dict[str, Any], ...] = (
    {"processor": "simple"},
    {"processor": "adaptive", "partitions": 3},
    {"processor": "adaptive", "partitions": 2, "strategy": "round-robin", "wait": "condvar", "queue_depth": 1},
    {"processor": "adaptive", "partitions": 2, "state": "shared"},
)


def ipc_bytes(table: pa.Table) -> bytes:
    """A table as bytes: equal for equal types, values, NULLs and order. Chunks are put together first."""
    sink = io.BytesIO()
    whole = table.combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        for batch in whole.to_batches():
            writer.write_batch(canonical(batch))
    return sink.getvalue()


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch copied, so that its buffers hold the values alone (slices share bigger ones)."""
    indices = pa.array(range(batch.num_rows), pa.int64())
    return batch.take(indices)


def run(sql: str, tables: Mapping[str, Any], **options: Any) -> pa.Table:
    """The answer of a query over registered tables."""
    with velothread.connect(**options) as session:
        for name, table in tables.items():
            session.register(name, table)
        return session.query(sql).arrow()


def outcome(sql: str, tables: Mapping[str, Any], **options: Any) -> bytes | str:
    """The answer's bytes, or the error's text."""
    try:
        return ipc_bytes(run(sql, tables, **options))
    except velothread.UserError as e:
        return f"{type(e).__name__}: {e}"


def answer_lines(script: Script, case: Case, options: Mapping[str, Any]) -> list[str]:
    """The rows of a case's answer, spelled as in `.slt` files."""
    with tempfile.TemporaryDirectory() as folder, velothread.connect(**options) as session:
        for name, text in script.tables.items():
            path = Path(folder) / f"{name}.csv"
            path.write_text(text)
            session.register(name, str(path))
        result = session.query(case.sql)
        table = result.arrow()
        columns = [
            [v for chunk in column.chunks for v in cast(chunk, type_, VARCHAR).to_pylist()]
            for column, type_ in zip(table.columns, result.types, strict=True)
        ]
    return spell(list(zip(*columns, strict=True)))


def error_lines(script: Script, case: Case, options: Mapping[str, Any]) -> list[str]:
    """The lines of the message that a case ends with."""
    try:
        answer_lines(script, case, options)
    except velothread.UserError as e:
        return str(e).splitlines()
    raise AssertionError(f"{script.path}:{case.line} succeeds")
