"""Rows that are chosen by some columns, with the others read late: the same answers as when all is read."""

from __future__ import annotations

import datetime
import math
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import velothread
from tests.running import WAYS, outcome
from velothread.errors import SourceError
from velothread.sources import parquet_row_groups
from velothread.sources.files import resolve
from velothread.sources.parquet_pages import Chunk
from velothread.sources.parquet_source import ParquetSource, open_parquet
from velothread.sources.source import Bound, ReadOptions, Scan

KINDS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "whole": (pa.int64(), [0, 1, 1, 2, -5, 2**62, -(2**63)]),
    "small": (pa.int32(), [0, 1, 2, -3]),
    "real": (pa.float64(), [0.0, -0.0, 1.5, 1.5, -2.0, math.nan, math.inf, -math.inf]),
    "short_real": (pa.float32(), [0.0, 1.5, -2.0, math.nan]),
    "text": (pa.string(), ["", "a", "aa", "b", "é", "a long text with more than eight bytes"]),
    "day": (pa.date32(), [datetime.date(2024, 1, 1), datetime.date(1900, 2, 3)]),
    "moment": (pa.timestamp("us"), [datetime.datetime(2024, 1, 1), datetime.datetime(1969, 12, 31, 23, 59, 59, 5)]),
    "flag": (pa.bool_(), [True, False]),
    "price": (pa.decimal128(9, 2), [Decimal("1.10"), Decimal("-3.00"), Decimal("1.20")]),
}
CONDITIONS = ("", "WHERE place % 3 <> 1", "WHERE a IS NOT NULL", "WHERE c = 'a' OR b IS NULL", "WHERE place < 0")


def table_of(chance: random.Random, rows: int, kinds: list[str], nulls: float) -> pa.Table:
    columns: dict[str, pa.Array] = {"place": pa.array(range(rows), pa.int64())}
    for name, kind in zip("ab", kinds, strict=True):
        type_, values = KINDS[kind]
        columns[name] = pa.array(
            [None if chance.random() < nulls else chance.choice(values) for _ in range(rows)], type_
        )
    columns["c"] = pa.array([None if chance.random() < nulls else chance.choice("abc") for _ in range(rows)])
    columns["d"] = pa.array([{"x": i % 7} for i in range(rows)], pa.struct({"x": pa.int64()}))
    return pa.table(columns)


def write(table: pa.Table, folder: Path, files: int, chance: random.Random) -> None:
    """Several files of several row groups, of several pages each."""
    ends = sorted(chance.randrange(table.num_rows + 1) for _ in range(files - 1))
    for number, (start, end) in enumerate(zip([0, *ends], [*ends, table.num_rows], strict=True)):
        pq.write_table(
            table.slice(start, end - start),
            folder / f"t{number}.parquet",
            row_group_size=chance.choice((7, 40, 1000)),
            data_page_size=chance.choice((1, 64, 1 << 20)),
            write_batch_size=chance.choice((1, 3, 1024)),
            use_dictionary=chance.random() < 0.5,
            dictionary_pagesize_limit=chance.choice((16, 1 << 20)),
            compression=chance.choice(("NONE", "SNAPPY", "ZSTD", "LZ4")),
            data_page_version=chance.choice(("1.0", "2.0")),
            write_statistics=chance.random() < 0.8,
        )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chance=st.integers(0, 2**32).map(random.Random),
    rows=st.sampled_from((0, 1, 5, 60, 300)),
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=2),
    nulls=st.sampled_from((0.0, 0.2, 1.0)),
    files=st.integers(1, 3),
    keys=st.lists(
        st.tuples(
            st.sampled_from(("a", "b", "c", "place % 5", "d")),
            st.sampled_from(("", "DESC")),
            st.sampled_from(("", "NULLS FIRST", "NULLS LAST")),
        ),
        min_size=1,
        max_size=3,
    ),
    condition=st.sampled_from(CONDITIONS),
    limit=st.sampled_from((0, 1, 3, 40)),
    offset=st.sampled_from((0, 0, 2, 50)),
    way=st.sampled_from(WAYS),
    batch_rows=st.sampled_from((3, 50, 65_536)),
)
def test_the_first_rows_are_those_of_a_full_sort(
    tmp_path_factory: pytest.TempPathFactory,
    chance: random.Random,
    rows: int,
    kinds: list[str],
    nulls: float,
    files: int,
    keys: list[tuple[str, str, str]],
    condition: str,
    limit: int,
    offset: int,
    way: dict[str, Any],
    batch_rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("late")
    table = table_of(chance, rows, kinds, nulls)
    write(table, folder, files, chance)
    order = ", ".join(" ".join(k) for k in keys)
    sql = f"SELECT place, a, c, d, b FROM t {condition} ORDER BY {order}"
    everything = outcome(sql, {"t": table}, processor="simple")
    assert isinstance(everything, bytes)
    with pa.ipc.open_stream(everything) as stream:
        wanted = stream.read_all().slice(offset, limit)
    first = f"{sql} LIMIT {limit} OFFSET {offset}"
    with velothread.connect(**way, batch_rows=batch_rows) as session:
        session.register("t", f"{folder}/*.parquet")
        got = session.query(first).arrow()
    # repr tells -0.0 from 0.0, and NaN is itself
    assert repr(got.to_pylist()) == repr(wanted.to_pylist())


def opened(path: Path) -> ParquetSource:
    return open_parquet(resolve(str(path), ReadOptions()), ReadOptions())


class Wanting:
    """Wants the rows whose `place` is listed."""

    def __init__(self, *places: int, bounds: tuple[Bound, ...] = ()) -> None:
        self.places = pa.array(places, pa.int64())
        self.seen: list[int] = []
        self._bounds = bounds

    def bounds(self) -> tuple[Bound, ...]:
        return self._bounds

    def rows(self, batch: pa.RecordBatch, *, again: bool = False) -> Any:
        assert batch.schema.names == ["place"]
        if not again:
            self.seen.extend(batch.column(0).to_pylist())
        return np.flatnonzero(pa.compute.is_in(batch.column(0), self.places).to_numpy(zero_copy_only=False))


def chosen(source: ParquetSource, wanting: Wanting, **scan: Any) -> list[dict[str, Any]]:
    found = []
    for split in source.splits(Scan(tuple(source.schema.names), early=("place",), **scan)):
        assert split.early is not None  # type: ignore[attr-defined]
        for batch in split.chosen(wanting):  # type: ignore[attr-defined]
            assert batch.schema.names == source.schema.names
            found.extend(batch.to_pylist())
    return found


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_a_few_rows_are_read_from_their_pages(tmp_path: Path, kind: str, version: str, dictionary: bool) -> None:
    type_, values = KINDS[kind]
    column = pa.array([None if i % 11 == 3 else values[i % len(values)] for i in range(1000)], type_)
    table = pa.table({"place": pa.array(range(1000), pa.int64()), "v": column})
    path = tmp_path / "t.parquet"
    pq.write_table(
        table, path, data_page_size=1, write_batch_size=10, use_dictionary=dictionary, data_page_version=version
    )
    rows = np.array([0, 5, 6, 499, 500, 999])
    metadata = pq.read_metadata(path)
    chunk = Chunk.of(metadata, 0, 1, type_)
    if kind == "price":
        assert chunk is None  # what is stored is no decimal as Arrow has it
    else:
        assert chunk is not None
        data = path.read_bytes()
        read: list[int] = []
        got = chunk.take(lambda place, size: (read.append(size), data[place : place + size])[1], rows)
        assert got is not None and got.type == type_
        assert repr(got.to_pylist()) == repr(column.take(pa.array(rows)).to_pylist())
        # many pages' headers, few pages
        assert sum(size for size in read if size != 256) < chunk.size / 2
    found = chosen(opened(path), Wanting(*rows.tolist()))
    assert repr(found) == repr(table.take(pa.array(rows)).to_pylist())


def test_a_header_may_be_long(tmp_path: Path) -> None:
    texts = pa.array([chr(97 + i % 26) * 3000 for i in range(100)])
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": texts}), path, data_page_size=1, write_batch_size=1, use_dictionary=False)
    chunk = Chunk.of(pq.read_metadata(path), 0, 0, pa.string())
    assert chunk is not None
    data = path.read_bytes()
    got = chunk.take(lambda place, size: data[place : place + size], np.array([3, 77]))
    assert got is not None and got.to_pylist() == [texts[3].as_py(), texts[77].as_py()]


def test_bytes_that_are_no_pages_are_left_to_arrow(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": pa.array(range(1000))}), path, data_page_size=64, write_batch_size=10)
    chunk = Chunk.of(pq.read_metadata(path), 0, 0, pa.int64())
    assert chunk is not None
    for noise in (b"", b"\x00" * 300, b"\xff" * 300, bytes(range(1, 250))):
        assert chunk.take(lambda place, size, noise=noise: noise[:size], np.array([3])) is None  # type: ignore[misc]


def test_row_groups_without_wanted_rows_cost_their_early_columns_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"place": pa.array(range(500_000)), "v": pa.array(range(500_000)).cast(pa.string())})
    pq.write_table(table, path, row_group_size=100_000)
    read: list[tuple[int, list[str]]] = []
    group_of = parquet_row_groups.RowGroups._group

    def spied(self: Any, opened: Any, group: int, names: list[str]) -> Any:
        read.append((group, names))
        return group_of(self, opened, group, names)

    monkeypatch.setattr(parquet_row_groups.RowGroups, "_group", spied)
    everything = range(200_000, 300_000)
    assert [r["v"] for r in chosen(opened(path), Wanting(*everything))] == [str(i) for i in everything]
    assert read == [(0, ["place"]), (1, ["place"]), (2, ["place"]), (2, ["v"]), (3, ["place"]), (4, ["place"])]


def test_row_groups_beyond_the_bounds_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"place": pa.array(range(500_000)), "v": pa.array(range(500_000))}), path, row_group_size=100_000
    )
    wanting = Wanting(450_000, bounds=(Bound("place", ">=", 400_000),))
    assert chosen(opened(path), wanting) == [{"place": 450_000, "v": 450_000}]
    assert wanting.seen == list(range(400_000, 500_000))


def test_sorted_files_are_read_up_to_the_limit(tmp_path: Path) -> None:
    """The bound that a sort knows reaches the row groups' statistics."""
    path = tmp_path / "t.parquet"
    pq.write_table(
        pa.table({"k": pa.array(range(600_000)), "v": pa.array(range(600_000))}), path, row_group_size=100_000
    )
    with velothread.connect(processor="simple") as session:
        result = session.query(f"SELECT v, k FROM '{path}' ORDER BY k LIMIT 3")
        assert result.fetchall() == [(0, 0), (1, 1), (2, 2)]
        assert sum(p.records for p in result.stats.stages[0].partitions) == 100_000


@pytest.mark.parametrize("way", WAYS)
def test_what_statistics_do_not_tell_is_looked_for(tmp_path: Path, way: dict[str, Any]) -> None:
    """NULLs and NaN, which may come first, in row groups whose least and greatest values come late."""
    rows = 1_000_000
    key = np.arange(rows, dtype=np.float64)
    key[:300_000] += rows
    whole = pa.array(key.astype(np.int64), mask=np.arange(rows) == 950_000)
    key[960_000] = math.nan
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"i": whole, "f": key, "place": pa.array(range(rows))}), path, row_group_size=150_000)
    with velothread.connect(**way) as session:
        for order, wanted in (
            ("i NULLS FIRST", [950_000, 300_000]),
            ("i NULLS LAST", [300_000, 300_001]),
            ("i DESC NULLS FIRST", [950_000, 299_999]),
            ("i DESC NULLS LAST", [299_999, 299_998]),
            ("f", [300_000, 300_001]),
            ("f DESC", [960_000, 299_999]),
        ):
            found = session.query(f"SELECT place FROM '{path}' ORDER BY {order} LIMIT 2").fetchall()
            assert [place for (place,) in found] == wanted, order


@pytest.mark.parametrize(
    ("sql", "early"),
    [
        ("SELECT * FROM t ORDER BY a LIMIT 3", "a"),
        ("SELECT a, b + 1.5 AS x FROM t WHERE c = 'x' ORDER BY x DESC, a LIMIT 3 OFFSET 2", "b, c"),
        ("SELECT * FROM (SELECT a AS x, c FROM t WHERE b > 0) ORDER BY x LIMIT 3", "a, b"),
        ("SELECT a FROM t ORDER BY a LIMIT 3", None),  # nothing is left
        ("SELECT * FROM t ORDER BY a", None),
        ("SELECT * FROM t ORDER BY a LIMIT 20000", None),
        ("SELECT a // (a - a), b FROM t ORDER BY b LIMIT 3", None),  # must fail for any row
        ("SELECT random(), a, b FROM t ORDER BY b LIMIT 3", None),
        ("SELECT * FROM t ORDER BY CAST(c AS INTEGER) LIMIT 3", None),
    ],
)
def test_which_columns_are_early(tmp_path: Path, sql: str, early: str | None) -> None:
    pq.write_table(pa.table({"a": [1], "b": [2.0], "c": ["x"]}), tmp_path / "t.parquet")
    with velothread.connect() as session:
        session.register("t", str(tmp_path / "t.parquet"))
        plan = session.explain(sql).split("\n\n")[0]
    assert ("rows chosen by: " in plan) == (early is not None)
    assert early is None or f"rows chosen by: {early}" in plan


def test_a_damaged_late_column_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rng = np.random.default_rng(0)
    pq.write_table(pa.table({"k": rng.integers(0, 9, 5000), "v": rng.random(5000)}), path, compression="SNAPPY")
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(data)
    with velothread.connect(processor="simple") as session, pytest.raises(SourceError, match="row group 0"):
        session.query(f"SELECT * FROM '{path}' ORDER BY k LIMIT 2").arrow()
