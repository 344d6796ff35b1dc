"""Python objects as sources, and how the kind of a source is chosen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import OptionError, SourceError
from velothread.sources.registry import apply_arguments, looks_like, open_source
from velothread.sources.source import ReadOptions, Scan, Source


def rows_of(source: Source, columns: tuple[str, ...] | None = None, **scan: Any) -> list[dict[str, Any]]:
    names = tuple(source.schema.names) if columns is None else columns
    batches = [b for s in source.splits(Scan(names, **scan)) for b in s.batches()]
    assert all(tuple(b.schema.names) == names for b in batches)
    return [row for b in batches for row in b.to_pylist()]


class Capsule:
    """Speaks the Arrow C stream interface and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class BatchCapsule:
    """Speaks the Arrow C array interface and nothing else."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._batch.__arrow_c_array__(requested_schema)


TABLE = pa.table({"a": [1, None, 3], "s": ["x", "y", None]})
ROWS = TABLE.to_pylist()


@pytest.mark.parametrize(
    "what",
    [
        TABLE, TABLE.to_batches()[0], Capsule(TABLE), BatchCapsule(TABLE.to_batches()[0]), TABLE.to_pydict(), ROWS,
        tuple(ROWS),
        pyarrow.dataset.dataset(TABLE),
    ],
    ids=lambda w: type(w).__name__,
)  # fmt: skip
def test_objects_that_hold_rows(what: Any) -> None:
    source = open_source(what, name="t")
    assert rows_of(source) == ROWS
    assert rows_of(source, ("s",)) == [{"s": r["s"]} for r in ROWS]
    assert len(rows_of(source, ())) == 3
    assert rows_of(source, limit=2) == ROWS[:2]


def test_a_reader_is_read_once_and_as_it_comes() -> None:
    taken: list[int] = []

    def batches() -> Any:
        for i in range(5):
            taken.append(i)
            yield pa.record_batch({"a": [i]})

    source = open_source(pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches()), name="r")
    assert not source.splittable and source.row_count is None
    splits = source.splits(Scan(("a",)))
    assert [b.to_pydict() for b in next(splits).batches()] == [{"a": [0]}]
    assert taken == [0]
    assert len(list(splits)) == 4
    with pytest.raises(SourceError, match="only once"):
        list(source.splits(Scan(("a",))))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=7), max_size=5), st.integers(1, 8))
def test_batch_borders_do_not_depend_on_chunks(chunks: list[list[int]], size: int) -> None:
    table = pa.table(
        {"a": pa.chunked_array(chunks, pa.int64()), "b": pa.array([x for c in chunks for x in c], pa.int64())}
    )
    found = [b for s in open_source(table, name="t").splits(Scan(("b", "a"), batch_rows=size)) for b in s.batches()]
    rows = table.num_rows
    assert [b.num_rows for b in found] == [min(size, rows - i) for i in range(0, rows, size)]
    assert [x for b in found for x in b["a"].to_pylist()] == [x for c in chunks for x in c]


def test_a_large_table_is_many_splits_without_copies() -> None:
    table = pa.table({"a": pa.array(range(600_000))})
    splits = list(open_source(table, name="t").splits(Scan(("a",))))
    assert len(splits) == 3
    (first, *_) = splits[0].batches()
    assert first["a"].buffers()[1].address == table["a"].chunk(0).buffers()[1].address


def test_odd_types() -> None:
    when = pa.array([1_500_000], pa.duration("us"))
    ids = pa.array([uuid.UUID(int=7).bytes], pa.uuid())
    source = open_source(pa.table({"d": when, "u": ids}), name="t")
    (row,) = rows_of(source)
    assert row["u"] == str(uuid.UUID(int=7)) and row["d"].nanoseconds == 1_500_000_000


@pytest.mark.parametrize("what", [5, object(), [], [1, 2], {"a": [1], "b": [1, 2]}])
def test_what_holds_no_rows_is_refused(what: Any) -> None:
    with pytest.raises(SourceError):
        open_source(what, name="t")


def test_the_format_is_told_by_option_suffix_or_content(tmp_path: Path) -> None:
    text = tmp_path / "rows"
    text.write_text('{"a": 1}\n')
    assert rows_of(open_source(text)) == [{"a": 1}]
    assert rows_of(open_source(str(text), ReadOptions(format="jsonl"))) == [{"a": 1}]
    pq.write_table(pa.table({"a": [2]}), tmp_path / "other")
    assert rows_of(open_source([str(tmp_path / "other")])) == [{"a": 2}]
    with pytest.raises(OptionError, match="parquet"):
        open_source(text, ReadOptions(format="parket"))
    (tmp_path / "noise").write_bytes(b"\0\1\2")
    with pytest.raises(SourceError, match="--input-format"):
        open_source(tmp_path / "noise")


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b'{"a"', "jsonl"), (b"\xef\xbb\xbf [{", None), (b"[{", "jsonl"), (b"PAR1..", "parquet"), (b"ARROW1", "arrow"),
     (b"a,b\n1,2\n", "csv"), (b"", None), (b"a\0b", None)],
)  # fmt: skip
def test_formats_by_their_first_bytes(head: bytes, kind: str | None) -> None:
    assert looks_like(head) == (kind or ("jsonl" if b"[{" in head else None))


def test_stdin_without_a_format_is_looked_at_and_read_whole() -> None:
    program = (
        "from velothread.sources.registry import open_source\n"
        "from velothread.sources.source import Scan\n"
        "s = open_source('-')\n"
        "print(s.schema.names, sum(b.num_rows for x in s.splits(Scan(('a',))) for b in x.batches()))\n"
    )
    data = "".join(json.dumps({"a": i, "s": "x" * 50}) + "\n" for i in range(20_000))
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=data,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=os.getcwd(),
    )
    assert done.stdout == "['a', 's'] 20000\n", done.stderr


def test_named_arguments_of_the_table_functions() -> None:
    assert apply_arguments("json", ReadOptions(), {"sample_size": 5, "format": "array"}).sample_rows == 5
    assert apply_arguments("parquet", ReadOptions(), {"union_by_name": True}).union_by_name
    assert apply_arguments("csv", ReadOptions(), {"delim": ";"}).delimiter == ";"
    with pytest.raises(OptionError, match="union_by_name"):
        apply_arguments("parquet", ReadOptions(), {"union_by_nam": True})
    with pytest.raises(OptionError, match="delim"):
        apply_arguments("json", ReadOptions(), {"delim": ";"})


def test_opening_is_light() -> None:
    program = "import velothread.sources.registry, sys; print([m for m in sys.modules if m.startswith('pyarrow.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=os.getcwd())
    for heavy in ("pyarrow.parquet", "pyarrow.dataset", "pyarrow.json"):
        assert f"'{heavy}'" not in done.stdout
