"""Parquet files as sources."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import SourceError
from velothread.sources.files import resolve
from velothread.sources.parquet_source import ParquetSource, open_parquet
from velothread.sources.source import Bound, ReadOptions, Scan


def opened(path: Any, **options: Any) -> ParquetSource:
    given_options = ReadOptions(**options)
    return open_parquet(resolve(path if isinstance(path, list) else str(path), given_options), given_options)


def batches_of(source: ParquetSource, columns: list[str] | None = None, **scan: Any) -> list[pa.RecordBatch]:
    names = tuple(source.schema.names if columns is None else columns)
    found = [b for split in source.splits(Scan(names, **scan)) for b in split.batches()]
    for batch in found:
        assert tuple(batch.schema.names) == names
    return found


def rows_of(source: ParquetSource, columns: list[str] | None = None, **scan: Any) -> list[dict[str, Any]]:
    return [row for b in batches_of(source, columns, **scan) for row in b.to_pylist()]


def test_types_become_the_engines_own(tmp_path: Path) -> None:
    table = pa.table(
        {
            "s": pa.array(["a", None], pa.large_string()),
            "d": pa.array(["x", "y"]).dictionary_encode(),
            "t": pa.array([1, 2], pa.timestamp("ms")),
            "h": pa.array([1.5, 2.5], pa.float16()),
            "l": pa.array([[1], None], pa.large_list(pa.int8())),
            "m": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = opened(tmp_path / "t.parquet")
    assert [str(f.type) for f in source.schema] == [
        "string", "string", "timestamp[us]", "float", "list<item: int8>", "decimal128(9, 2)",
    ]  # fmt: skip
    (batch,) = batches_of(source)
    assert batch.schema.types == source.schema.types
    assert batch.to_pylist() == table.to_pylist()
    assert source.row_count == 2


def test_row_groups_are_splits_and_small_ones_go_together(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(1000))})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=10)
    assert len(list(opened(tmp_path / "t.parquet").splits(Scan(("a",))))) == 1
    large = pa.table({"a": pa.array(range(400_000))})
    pq.write_table(large, tmp_path / "l.parquet", row_group_size=100_000)
    source = opened(tmp_path / "l.parquet")
    assert len(list(source.splits(Scan(("a",))))) == 4
    sizes = [b.num_rows for b in batches_of(source, batch_rows=65_536)]
    assert max(sizes) <= 65_536 and sum(sizes) == 400_000
    assert [r["a"] for r in rows_of(source)] == list(range(400_000))


def test_count_reads_no_data(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    source = opened(path)
    path.unlink()
    assert sum(b.num_rows for b in batches_of(source, [])) == 3


def test_a_limit_stops_early(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(300_000)}), tmp_path / "t.parquet", row_group_size=150_000)
    source = opened(tmp_path / "t.parquet")
    assert len(list(source.splits(Scan(("a",), limit=5)))) == 1
    assert [r["a"] for r in rows_of(source, limit=5)] == [0, 1, 2, 3, 4]


def test_repeating_text_may_come_as_a_dictionary(tmp_path: Path) -> None:
    table = pa.table({"s": ["x", None, "y"] * 1000, "u": [str(i) * 9 for i in range(3000)]})
    pq.write_table(table, tmp_path / "t.parquet")
    source = opened(tmp_path / "t.parquet")
    (batch,) = batches_of(source, dictionaries=frozenset(("s", "u")))
    assert str(batch.schema.field("s").type) == "dictionary<values=string, indices=int32, ordered=0>"
    assert str(batch.schema.field("u").type) == "string"
    assert batch.to_pylist() == table.to_pylist()


OPS = {
    "=": lambda x, v: x == v,
    "<": lambda x, v: x < v,
    "<=": lambda x, v: x <= v,
    ">": lambda x, v: x > v,
    ">=": lambda x, v: x >= v,
    "in": lambda x, v: x in v,
    "is not null": lambda x, v: True,
}


def order(x: Any) -> Any:
    """NaN above all numbers, as in SQL."""
    return (1, 0.0) if isinstance(x, float) and math.isnan(x) else (0, x) if isinstance(x, float) else x


kinds: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int": (pa.int64(), st.integers(-5, 5)),
    "double": (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, -2.5, math.nan, math.inf])),
    "text": (pa.string(), st.text("abé😀", max_size=3)),
    "long text": (pa.string(), st.text("ab", min_size=60, max_size=90)),
    "date": (pa.date32(), st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 1, 6))),
    "time": (pa.timestamp("us"), st.datetimes(datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2))),
    "decimal": (pa.decimal128(5, 2), st.decimals(-5, 5, places=2)),
    "bool": (pa.bool_(), st.booleans()),
}


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_pruning_never_loses_a_row(data: st.DataObject) -> None:
    kind, values = kinds[data.draw(st.sampled_from(sorted(kinds)))]
    rows = data.draw(st.lists(st.none() | values, min_size=1, max_size=16))
    op = data.draw(st.sampled_from(sorted(OPS)))
    value = data.draw(st.lists(values, min_size=1, max_size=3) if op == "in" else values)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": pa.array(rows, kind)}), sink, row_group_size=4)
    import velothread.sources.parquet_pruning as pruning

    metadata = pq.read_metadata(pa.BufferReader(sink.getvalue()))
    schema = pa.schema([("x", kind)])
    bound = Bound("x", op, value)  # type: ignore[arg-type]
    for group in range(metadata.num_row_groups):
        part = rows[group * 4 : group * 4 + 4]
        wanted = [order(v) for v in value] if op == "in" else order(value)
        meets = [x for x in part if x is not None and OPS[op](order(x), wanted)]
        if not pruning.may_match(metadata, group, {"x": "x"}, [bound], schema):
            assert not meets


def test_row_groups_that_cannot_match_are_left_out(tmp_path: Path) -> None:
    table = pa.table(
        {"a": range(400_000), "s": [f"{i:06}" for i in range(400_000)], "n": pa.nulls(400_000, pa.int64())}
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=100_000)
    source = opened(tmp_path / "t.parquet")

    def splits(*bounds: Bound) -> int:
        return len(list(source.splits(Scan(("a",), bounds))))

    assert splits(Bound("a", "=", 150_000)) == 1
    assert splits(Bound("a", ">=", 200_000), Bound("s", "<", "300000")) == 1
    assert splits(Bound("a", "in", [5, 399_999])) == 2
    assert splits(Bound("a", "<", 0)) == 0
    assert splits(Bound("n", "is not null")) == 0
    assert splits(Bound("a", "=", "text")) == 4
    assert splits(Bound("b", "=", 1)) == 4


def test_hive_folders_are_columns_and_are_pruned(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"a": [year % 100]}), tmp_path / f"year={year}" / "t.parquet")
    source = opened(f"{tmp_path}/*/*.parquet", filename=True)
    assert [(r["a"], r["year"]) for r in rows_of(source)] == [(23, 2023), (24, 2024)]
    assert rows_of(source, ["year"], bounds=(Bound("year", ">", 2023),)) == [{"year": 2024}]
    assert rows_of(source, ["filename", "a"])[0]["filename"].endswith("year=2023/t.parquet")


def test_files_with_other_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "a": pa.array([2], pa.int32())}), tmp_path / "2.parquet")
    assert rows_of(opened(f"{tmp_path}/*.parquet")) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    pq.write_table(pa.table({"a": [2.5], "c": [True]}), tmp_path / "3.parquet")
    with pytest.raises(SourceError, match="union_by_name"):
        opened(f"{tmp_path}/*.parquet")
    found = rows_of(opened(f"{tmp_path}/*.parquet", union_by_name=True))
    assert found[0] == {"a": 1.0, "b": "x", "c": None} and found[2] == {"a": 2.5, "b": None, "c": True}


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": range(1000)}), whole, compression="none", use_dictionary=False)
    data = whole.read_bytes()
    cut = tmp_path / "cut.parquet"
    for content in (b"", b"PAR1", data[: len(data) // 2], b"x" * 100):
        cut.write_bytes(content)
        with pytest.raises(SourceError, match=r"cut\.parquet"):
            opened(cut)
    cut.write_bytes(data[:4] + b"\xff" * 40 + data[44:])
    with pytest.raises(SourceError, match=r"cut\.parquet, row group 0"):
        rows_of(opened(cut))


def test_duplicate_names_get_a_number(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "A"]), tmp_path / "t.parquet")
    assert rows_of(opened(tmp_path / "t.parquet")) == [{"a": 1, "A_1": 2}]
