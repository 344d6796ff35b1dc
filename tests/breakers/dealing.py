"""Random tables, and ways of dealing their splits to receivers: what every breaker's tests need."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from velothread.breakers.breaker import Breaker
from velothread.processors.stage import Part, Stage
from velothread.sources.source import Split
from velothread.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    TIMESTAMP,
    TINYINT,
    UBIGINT,
    VARCHAR,
    SqlType,
    decimal as decimal_type,
    list_of,
)

_D30 = decimal_type(30, 3)
_VALUES: dict[SqlType, st.SearchStrategy[Any]] = {
    BIGINT: st.one_of(st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63), 2**40, 10**6])),
    INTEGER: st.integers(-5, 5),
    TINYINT: st.integers(-128, 127),
    UBIGINT: st.sampled_from([0, 1, 2**64 - 1, 2**63]),
    HUGEINT: st.sampled_from([0, 1, -1, 10**30, -(10**30), 2**63, -(2**63), 2**64]),
    BOOLEAN: st.booleans(),
    FLOAT: st.sampled_from([0.0, -0.0, 1.5, -2.25, math.nan, math.inf]),
    DOUBLE: st.one_of(
        st.sampled_from([0.0, -0.0, 0.1, 0.2, 1e16, 1.0, -1e16, math.nan, math.inf, -math.inf, 5e-324]),
        st.floats(-10, 10, width=16),
    ),
    VARCHAR: st.one_of(st.sampled_from(["", "a", "b", "ab", "prefix-1", "prefix-2", "é", "\U0001f600", "\x00"]), st.text(max_size=12)),
    BLOB: st.binary(max_size=3),
    DATE: st.sampled_from([dt.date(2024, 2, 29), dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    TIMESTAMP: st.sampled_from([dt.datetime(2024, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999)]),
    decimal_type(9, 2): st.integers(-999, 999).map(lambda v: decimal.Decimal(v).scaleb(-2)),
    _D30: st.sampled_from([0, 1, -1, 10**29, -(10**29)]).map(lambda v: decimal.Decimal(v).scaleb(-3)),
    list_of(INTEGER): st.lists(st.one_of(st.none(), st.integers(0, 1)), max_size=2),
}
TYPES = tuple(_VALUES)


def columns(sql_type: SqlType, rows: int, nulls: bool = True) -> st.SearchStrategy[pa.Array]:
    """A column of `rows` values."""
    value = _VALUES[sql_type]
    if nulls:
        value = st.one_of(value, value, st.none())
    return st.lists(value, min_size=rows, max_size=rows).map(lambda v: _array(v, sql_type))


def _array(values: list[Any], sql_type: SqlType) -> pa.Array:
    if sql_type == HUGEINT:
        values = [None if v is None else decimal.Decimal(v) for v in values]
    return pa.array(values, sql_type.arrow)


@st.composite
def tables(draw: st.DrawFn, types: Sequence[SqlType], most: int = 40, nulls: bool = True) -> list[pa.Array]:
    """Columns of these types, of equal length."""
    rows = draw(st.integers(0, most))
    return [draw(columns(t, rows, nulls)) for t in types]


Splits = list[list[tuple[int, tuple[pa.Array, ...]]]]


def cut(table: Sequence[pa.Array], rows: int, chance: random.Random) -> Splits:
    """The rows as splits of batches, some of them empty, some text in dictionaries."""
    splits: Splits = [[]]
    start = 0
    while start < rows:
        if chance.random() < 0.3:
            splits.append([])
        count = min(rows - start, chance.randint(0, 6))
        batch = tuple(c.slice(start, count) for c in table)
        splits[-1].append((count, tuple(_dressed(c, chance) for c in batch)))
        start += count
    return splits


def _dressed(column: pa.Array, chance: random.Random) -> pa.Array:
    if pa.types.is_string(column.type) and chance.random() < 0.5:
        return column.dictionary_encode()
    return column


def serial(stage: Stage, splits: Iterable[Split]) -> Iterator[Part]:
    """Runs a stage on one receiver."""
    worker = stage.open(0)
    for index, split in enumerate(splits):
        yield Part(index, worker.process(index, split))
    yield Part(None, worker.finish())


def partials(breaker: Breaker, splits: Splits, receivers: int, chance: random.Random) -> list[Any]:
    """What the receivers hand over when splits are dealt out by chance."""
    collected: dict[int, Any] = {}
    if breaker.per_split:
        for index, split in enumerate(splits):
            collector = breaker.collector()
            collector.begin(index)
            for rows, batch in split:
                collector.add(rows, batch)
            collected[index] = collector.finish()
        return [collected[i] for i in range(len(splits))]
    collectors = [breaker.collector() for _ in range(receivers)]
    for index, split in enumerate(splits):
        collector = chance.choice(collectors)
        collector.begin(index)
        for rows, batch in split:
            collector.add(rows, batch)
    done = [c.finish() for c in collectors]
    chance.shuffle(done)
    return done


def ipc(batches: Iterable[pa.RecordBatch]) -> bytes:
    """The rows as bytes that don't depend on how they are cut into batches, nor on what lies under NULLs."""
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    return repr(rows).encode()


def dealt(breaker: Breaker, splits: Splits, receivers: int, chance: random.Random) -> list[tuple[Any, ...]]:
    """The rows of the result."""
    batches = breaker.result(partials(breaker, splits, receivers, chance), serial)
    return [tuple(c[i] for c in columns) for b in batches for columns in [[c.to_pylist() for c in b.columns]] for i in range(b.num_rows)]


def normal(value: Any) -> Any:
    """A value as something that `==` compares as SQL groups: one NaN, one zero, and 1 apart from True and 1.0."""
    if isinstance(value, float):
        return ("float", "nan" if value != value else value + 0.0)
    if isinstance(value, list):
        return ("list", *(normal(v) for v in value))
    return (type(value).__name__, value)
