"""Arrow files, streams and Feather files as sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from velothread.errors import SourceError
from velothread.sources.arrow_source import ArrowSource, open_arrow
from velothread.sources.files import resolve
from velothread.sources.source import ReadOptions, Scan

TABLE = pa.table(
    {
        "x": pa.array(range(10), pa.int16()),
        "s": pa.array([None if i == 3 else f"v{i}" for i in range(10)], pa.large_string()),
        "d": pa.array(["p", "q"] * 5).dictionary_encode(),
    }
)


def opened(path: Path) -> ArrowSource:
    return open_arrow(resolve(str(path), ReadOptions()), ReadOptions())


def rows_of(source: ArrowSource, columns: tuple[str, ...], **scan: Any) -> list[dict[str, Any]]:
    batches = [b for s in source.splits(Scan(columns, **scan)) for b in s.batches()]
    assert all(tuple(b.schema.names) == columns for b in batches)
    return [row for b in batches for row in b.to_pylist()]


def written(path: Path, kind: str, compression: str | None = None) -> Path:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    if kind == "feather":
        feather.write_feather(TABLE, path, compression=compression or "uncompressed", chunksize=4)
        return path
    make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(path, TABLE.schema, options=options) as writer:
        writer.write_table(TABLE, max_chunksize=4)
    return path


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_files_streams_and_feather(tmp_path: Path, kind: str, compression: str | None) -> None:
    source = opened(written(tmp_path / "t.arrow", kind, compression))
    assert [str(f.type) for f in source.schema] == ["int16", "string", "string"]
    assert source.splittable is (kind != "stream")
    assert rows_of(source, ("x", "s", "d")) == TABLE.to_pylist()
    assert rows_of(source, ("d", "x")) == TABLE.select(["d", "x"]).to_pylist()
    assert len(rows_of(source, ())) == 10
    assert [r["x"] for r in rows_of(source, ("x",), batch_rows=3)] == list(range(10))
    assert rows_of(source, ("d",), dictionaries=frozenset("d")) == TABLE.select(["d"]).to_pylist()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    for kind in ("file", "stream"):
        data = written(tmp_path / "t.arrow", kind).read_bytes()
        cut = tmp_path / "cut.arrow"
        cut.write_bytes(data[: len(data) - 700])
        with pytest.raises(SourceError, match=r"cut\.arrow"):
            rows_of(opened(cut), ("x", "s"))
    cut.write_bytes(b"what is this")
    with pytest.raises(SourceError, match="--input-format"):
        opened(cut)
