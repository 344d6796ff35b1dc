"""Other dialects: each query of `dialect_cases.py` means what its own system means by it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import velothread
from tests.dialect_cases import CASES
from tests.running import WAYS, outcome

T = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int32()),
        "n": pa.array([10, None, 7], pa.int32()),
        "f": pa.array([2.5, -2.5, 0.5], pa.float64()),
        "s": pa.array(["Apple", "banana", None]),
        "d": pa.array([dt.date(2024, 1, 7), dt.date(2024, 2, 29), None]),
        "ts": pa.array([dt.datetime(2024, 1, 7, 12, 30), None, None], pa.timestamp("us")),
        "xs": pa.array([[1, 2, 3], [], None], pa.list_(pa.int32())),
    }
)
_ALL = [(dialect, *case) for dialect, cases in CASES.items() for case in cases]


def spelled(value: Any) -> str:
    """A value as the table of cases has it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return f"[{', '.join(map(spelled, value))}]"
    if isinstance(value, str):
        return "(empty)" if not value else f"'{value}'" if "," in value else value
    if isinstance(value, pa.MonthDayNano):
        return f"{value.days} days"
    return str(value)


def answer(dialect: str, sql: str) -> str:
    """The rows, or the error's text behind an exclamation mark."""
    try:
        with velothread.connect(dialect=dialect) as session:
            session.register("t", T)
            found = session.query(sql).arrow()
    except velothread.UserError as e:
        return f"! {e}"
    columns = [column.to_pylist() for column in found.columns]
    return "; ".join(", ".join(map(spelled, row)) for row in zip(*columns, strict=True))


@pytest.mark.parametrize(("dialect", "sql", "expected", "source"), _ALL, ids=[f"{d}:{s[:60]}" for d, s, _, _ in _ALL])
def test_means_what_its_system_means(dialect: str, sql: str, expected: str, source: str) -> None:
    found = answer(dialect, sql)
    if expected.startswith("!"):
        assert found.startswith("!"), (source, found)
        assert expected.removeprefix("!").strip().lower() in found.lower(), source
    else:
        assert found == expected, source


@pytest.mark.parametrize("dialect", CASES)
def test_processors_agree(dialect: str) -> None:
    for sql, expected, _ in CASES[dialect]:
        if not expected.startswith("!"):
            answers = {outcome(sql, {"t": T}, dialect=dialect, **way) for way in WAYS}
            assert len(answers) == 1, sql
