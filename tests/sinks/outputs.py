"""What the tests of sinks share: random tables, and running a sink into memory."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import Any

import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

from velothread.sinks.formats import make_sink
from velothread.types import SqlType, from_arrow

# `pytest --hypothesis-profile=thorough` looks at more.
few = settings(max_examples=25 if settings().max_examples < 1_000 else 1_000)

# Any text but surrogates and NUL, with what matters to CSV, JSON and Markdown more often than by chance.
texts = st.text(
    st.one_of(
        st.sampled_from(list(",;\"'\n\r\t #|\\{}[]`")),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
    ),
    max_size=8,
)
_VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float64(): st.floats(allow_nan=False),
    pa.string(): texts,
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    pa.timestamp("us"): st.datetimes(dt.datetime(1677, 9, 22), dt.datetime(2262, 4, 11)),
    pa.decimal128(12, 3): st.decimals(-999999999, 999999999, places=3, allow_nan=False),
}


@st.composite
def batches(draw: st.DrawFn, kinds: tuple[pa.DataType, ...] = tuple(_VALUES)) -> list[pa.RecordBatch]:
    """One to three batches of one schema; columns are named c0, c1, ..."""
    types = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    found = []
    for rows in draw(st.lists(st.integers(0, 6), min_size=1, max_size=3)):
        columns = [pa.array(draw(st.lists(st.none() | _VALUES[t], min_size=rows, max_size=rows)), t) for t in types]
        found.append(pa.RecordBatch.from_arrays(columns, names=[f"c{i}" for i in range(len(types))]))
    return found


def sql_types(schema: pa.Schema) -> tuple[SqlType, ...]:
    return tuple(from_arrow(t) for t in schema.types)


def run(sink: Any, parts: list[pa.RecordBatch], types: tuple[SqlType, ...] | None = None) -> None:
    """Put batches through a sink, from begin to finish."""
    sink.begin(parts[0].schema, types or sql_types(parts[0].schema))
    for batch in parts:
        sink.write(sink.encode(batch))
    sink.finish()


def written(
    format: str, parts: list[pa.RecordBatch], types: tuple[SqlType, ...] | None = None, **options: Any
) -> bytes:
    """The bytes that a format makes of batches."""
    out = io.BytesIO()
    run(make_sink(format, out, options), parts, types)
    return out.getvalue()


def text(format: str, *columns: Any, types: tuple[SqlType, ...] | None = None, **options: Any) -> str:
    """The text that a format makes of one batch with columns a, b, c, ..."""
    batch = pa.RecordBatch.from_arrays(
        [c if isinstance(c, pa.Array) else pa.array(c) for c in columns], names=list("abcdefgh"[: len(columns)])
    )
    return written(format, [batch], types, **options).decode()


DECIMAL = decimal.Decimal
