"""Random tables, and ways of dealing their splits to receivers: what every breaker's tests need."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    list_of,
)
from velothread.types import (
    decimal as decimal_type,
)

Draw = Callable[[random.Random], Any]


def _one_of(*values: Any) -> Draw:
    return lambda chance: chance.choice(values)


def _often(many: Draw, *values: Any) -> Draw:
    return lambda chance: chance.choice(values) if chance.random() < 0.5 else many(chance)


_D30 = decimal_type(30, 3)
_LETTERS = "ab\x00é\U0001f600"
_VALUES: dict[SqlType, Draw] = {
    BIGINT: _often(lambda c: c.randint(-3, 3), 2**63 - 1, -(2**63), 2**40, 10**6, 0, 1),
    INTEGER: lambda c: c.randint(-5, 5),
    TINYINT: lambda c: c.randint(-128, 127),
    UBIGINT: _one_of(0, 1, 2**64 - 1, 2**63),
    HUGEINT: _one_of(*(decimal.Decimal(v) for v in (0, 1, -1, 10**30, -(10**30), 2**63, -(2**63), 2**64))),
    BOOLEAN: _one_of(True, False),
    FLOAT: _one_of(0.0, -0.0, 1.5, -2.25, math.nan, math.inf),
    DOUBLE: _often(
        lambda c: c.uniform(-10, 10), 0.0, -0.0, 0.1, 0.2, 1e16, 1.0, -1e16, math.nan, math.inf, -math.inf, 5e-324
    ),
    VARCHAR: _often(
        lambda c: "".join(c.choices(_LETTERS, k=c.randint(0, 12))),
        "",
        "a",
        "b",
        "ab",
        "prefix-1",
        "prefix-2",
        "prefix-11",
    ),
    BLOB: lambda c: c.randbytes(c.randint(0, 2)),
    DATE: _one_of(dt.date(2024, 2, 29), dt.date(1970, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    TIMESTAMP: _one_of(dt.datetime(2024, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    decimal_type(9, 2): lambda c: decimal.Decimal(c.randint(-999, 999)).scaleb(-2),
    _D30: _one_of(*(decimal.Decimal(v).scaleb(-3) for v in (0, 1, -1, 10**29, -(10**29)))),
    list_of(INTEGER): lambda c: [c.choice([None, 0, 1]) for _ in range(c.randint(0, 2))],
}
TYPES = tuple(_VALUES)


def column(sql_type: SqlType, rows: int, chance: random.Random) -> pa.Array:
    """A column of `rows` values; half of them have NULLs; some few different values, some just one."""
    draw = _VALUES[sql_type]
    nulls = chance.choice([0, 0, 0.3, 0.9])
    pool = [draw(chance) for _ in range(chance.choice([1, 4, rows + 1]))]
    return pa.array([None if chance.random() < nulls else chance.choice(pool) for _ in range(rows)], sql_type.arrow)


@st.composite
def tables(draw: st.DrawFn, types: Sequence[SqlType], most: int = 40) -> list[pa.Array]:
    """Columns of these types, of equal length. The values come from a seed: drawing them one by one would take longer
    than everything that is tested."""
    rows = draw(st.integers(0, most))
    chance = random.Random(draw(st.integers(0, 2**32)))
    return [column(t, rows, chance) for t in types]


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


def dealt(breaker: Breaker, splits: Splits, receivers: int, chance: random.Random) -> list[tuple[Any, ...]]:
    """The rows of the result."""
    batches = breaker.result(partials(breaker, splits, receivers, chance), serial)
    return [row for batch in batches for row in rows_of(batch)]


def rows_of(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """The rows as Python values."""
    return list(zip(*(c.to_pylist() for c in batch.columns), strict=True))


def normal(value: Any) -> Any:
    """A value as something that `==` compares as SQL groups: one NaN, one zero, and 1 apart from True and 1.0."""
    if isinstance(value, float):
        return ("float", "nan" if value != value else value + 0.0)
    if isinstance(value, list):
        return ("list", *(normal(v) for v in value))
    return (type(value).__name__, value)
