"""What a function returned, and what was declared: what is taken, and what is said of the rest."""

# A case a line, however long its message.
# ruff: noqa: E501

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pytest

import velothread


@dataclasses.dataclass
class Point:
    x: int
    name: str


class Pair(NamedTuple):
    x: int
    name: str


class Record(TypedDict):
    x: int
    name: str


class OddNumber:
    """One whose conversion fails in its own way."""

    def __index__(self) -> int:
        raise RuntimeError("no index")

    def __float__(self) -> float:
        raise RuntimeError("no float")

    def __repr__(self) -> str:
        return "odd"


UTC = dt.UTC
NAN = float("nan")

TAKEN: list[tuple[Any, Any, Any]] = [
    (int, True, 1),
    (int, np.int8(-3), -3),
    (int, -(1 << 63), -(1 << 63)),
    ("UBIGINT", (1 << 64) - 1, (1 << 64) - 1),
    ("HUGEINT", 1 << 100, 1 << 100),
    ("TINYINT", np.uint64(5), 5),
    (float, 1, 1.0),
    (float, np.float32(1.5), 1.5),
    (float, Decimal("1.5"), 1.5),
    (float, float("-inf"), float("-inf")),
    ("FLOAT", float("inf"), float("inf")),
    (str, np.str_("q"), "q"),
    (str, "\x00 ü", "\x00 ü"),
    (bool, np.bool_(True), True),
    (bytes, bytearray(b"x"), b"x"),
    (bytes, memoryview(b"x"), b"x"),
    (Decimal, 3, Decimal(3)),
    (Decimal, np.int64(3), Decimal(3)),
    (dt.date, np.datetime64("2020-02-03"), dt.date(2020, 2, 3)),
    (dt.datetime, np.datetime64("2020-02-03T04:05", "ns"), dt.datetime(2020, 2, 3, 4, 5)),
    (dt.datetime, np.datetime64("NaT"), None),
    ("TIMESTAMPTZ", dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), dt.datetime(2019, 12, 31, 23, tzinfo=UTC)),
    (uuid.UUID, "{00000000000000000000000000000005}", str(uuid.UUID(int=5))),
    (list[int], (1, None, np.int16(2)), [1, None, 2]),
    (list[float], np.array([1, 2]), [1.0, 2.0]),
    (dict[str, int], {"a": 1, "b": None}, [("a", 1), ("b", None)]),
    (Point, Point(1, "a"), {"x": 1, "name": "a"}),
    (Point, {"x": 1, "name": "a"}, {"x": 1, "name": "a"}),
    (Pair, Pair(1, "a"), {"x": 1, "name": "a"}),
    (Record, {"x": 1}, {"x": 1, "name": None}),
    (list[Point], [Point(1, "a"), None], [{"x": 1, "name": "a"}, None]),
]  # fmt: skip

REFUSED: list[tuple[Any, Any, str]] = [
    (int, "x", "'x' is of type str, and the function is declared to return BIGINT"),
    (int, 1.0, "1.0 is of type float, and the function is declared to return BIGINT"),
    (int, NAN, "nan is of type float, and the function is declared to return BIGINT"),
    (int, Decimal(1), "Decimal('1') is of type Decimal, and the function is declared to return BIGINT"),
    (int, 1 << 63, "9223372036854775808 doesn't fit BIGINT; returns='HUGEINT' has 128 bits"),
    (int, np.uint64(1 << 63), "np.uint64(9223372036854775808) doesn't fit BIGINT; returns='HUGEINT' has 128 bits"),
    (int, OddNumber(), "odd is of type OddNumber, and the function is declared to return BIGINT"),
    ("TINYINT", 128, "128 doesn't fit TINYINT; returns='HUGEINT' has 128 bits"),
    ("UBIGINT", -1, "-1 doesn't fit UBIGINT; returns='HUGEINT' has 128 bits"),
    ("HUGEINT", 1 << 127, f"{1 << 127} doesn't fit HUGEINT"),
    (float, "1.5", "'1.5' is of type str, and the function is declared to return DOUBLE"),
    (float, 1 + 2j, "(1+2j) is of type complex, and the function is declared to return DOUBLE"),
    (float, 1 << 1024, f"{str(1 << 1024)[:56]}...6 doesn't fit DOUBLE"),
    (float, OddNumber(), "odd is of type OddNumber, and the function is declared to return DOUBLE"),
    ("FLOAT", 1e39, "1e+39 doesn't fit FLOAT; DOUBLE has more range"),
    (str, 7, "7 is of type int, and the function is declared to return VARCHAR"),
    (str, b"x", "b'x' is of type bytes, and the function is declared to return VARCHAR"),
    (str, "a\ud800", r"'a\ud800' can't be written as UTF-8"),
    (bool, 1, "1 is of type int, and the function is declared to return BOOLEAN"),
    (bool, "true", "'true' is of type str, and the function is declared to return BOOLEAN"),
    (bytes, "x", "'x' is of type str, and the function is declared to return BLOB"),
    (bytes, [1], "[1] is of type list, and the function is declared to return BLOB"),
    (Decimal, 1.5, "1.5 is of type float, and the function is declared to return DECIMAL(38,10)"),
    (Decimal, "1.5", "'1.5' is of type str, and the function is declared to return DECIMAL(38,10)"),
    (Decimal, True, "True is of type bool, and the function is declared to return DECIMAL(38,10)"),
    (Decimal, Decimal("1e40"), "Decimal('1E+40') doesn't fit DECIMAL(38,10): say which DECIMAL, as in returns='DECIMAL(18,4)'"),
    (Decimal, Decimal("NaN"), "Decimal('NaN') doesn't fit DECIMAL(38,10): say which DECIMAL, as in returns='DECIMAL(18,4)'"),
    ("DECIMAL(4,2)", Decimal("123.45"), "Decimal('123.45') doesn't fit DECIMAL(4,2)"),
    ("DECIMAL(4,2)", Decimal("1.234"), "Decimal('1.234') doesn't fit DECIMAL(4,2)"),
    (dt.date, dt.datetime(2020, 1, 1), "datetime.datetime(2020, 1, 1, 0, 0) is of type datetime, and the function is declared to return DATE"),
    (dt.date, "2020-01-01", "'2020-01-01' is of type str, and the function is declared to return DATE"),
    (dt.datetime, dt.date(2020, 1, 1), "datetime.date(2020, 1, 1) is of type date, and the function is declared to return TIMESTAMP"),
    (dt.datetime, np.datetime64("12000-01-01"), "np.datetime64('12000-01-01') doesn't fit TIMESTAMP"),
    (dt.datetime, dt.datetime(2020, 1, 1, tzinfo=UTC), "has a time zone, and TIMESTAMP has none: returns='TIMESTAMPTZ' keeps it"),
    ("TIMESTAMPTZ", "x", "'x' is of type str, and the function is declared to return TIMESTAMP WITH TIME ZONE"),
    (dt.time, "12:00", "'12:00' is of type str, and the function is declared to return TIME"),
    (dt.time, dt.time(1, tzinfo=UTC), "datetime.time(1, 0, tzinfo=datetime.timezone.utc) has a time zone, and TIME has none"),
    (dt.timedelta, 5, "5 is of type int, and the function is declared to return INTERVAL"),
    (uuid.UUID, "x", "'x' is no UUID"),
    (uuid.UUID, 5, "5 is of type int, and the function is declared to return UUID"),
    ("JSON", {"a": 1}, "{'a': 1} is of type dict, and the function is declared to return JSON"),
    (list[int], 5, "5 is of type int, and the function is declared to return BIGINT[]"),
    (list[int], {1}, "{1} is of type set, and the function is declared to return BIGINT[]"),
    (list[int], [1, "a"], "'a' is of type str, and the function is declared to return BIGINT"),
    (list[int], [1 << 70], f"{1 << 70} doesn't fit BIGINT; returns='HUGEINT' has 128 bits"),
    (list[str], "abc", "'abc' is of type str, and the function is declared to return VARCHAR[]"),
    (dict[str, int], {"a": "x"}, "'x' is of type str, and the function is declared to return BIGINT"),
    (dict[str, int], {1: 1}, "1 is of type int, and the function is declared to return VARCHAR"),
    (dict[str, int], [("a", 1)], "[('a', 1)] is of type list, and the function is declared to return MAP(VARCHAR, BIGINT)"),
    (Point, Point("a", "b"), "'a' is of type str, and the function is declared to return BIGINT"),  # type: ignore[arg-type]
    (Point, {"x": 1, "y": 2}, "{'x': 1, 'y': 2} has a field 'y', and STRUCT(x BIGINT, name VARCHAR) has not"),
    (Point, (1,), "(1,) is of type tuple, and the function is declared to return STRUCT(x BIGINT, name VARCHAR)"),
    (Record, 5, "5 is of type int, and the function is declared to return STRUCT(x BIGINT, name VARCHAR)"),
    (list[Point], [5], "5 is of type int, and the function is declared to return STRUCT(x BIGINT, name VARCHAR)"),
]  # fmt: skip


def result_of(returns: Any, values: list[Any]) -> list[Any]:
    """What SQL has of a function that is declared to return `returns` and gives these, one for each row."""

    def given(i: int) -> Any:
        return values[i]

    if not isinstance(returns, str):
        given.__annotations__["return"] = returns
    with velothread.connect() as session:
        session.register_function(given, returns=returns if isinstance(returns, str) else None)
        rows = session.query(f"SELECT given(range) FROM range({len(values)})").fetchall()
    return [value for (value,) in rows]


@pytest.mark.parametrize(("returns", "value", "found"), TAKEN)
def test_taken(returns: Any, value: Any, found: Any) -> None:
    # With a NULL beside it, each value is looked at; alone, all are taken at once.
    assert result_of(returns, [value]) == [found]
    assert result_of(returns, [value, None]) == [found, None]


@pytest.mark.parametrize(("returns", "value", "problem"), REFUSED)
def test_refused(returns: Any, value: Any, problem: str) -> None:
    for values, row in (([value], 0), ([None, value], 1)):
        with pytest.raises(velothread.ExecutionError) as caught:
            result_of(returns, values)
        first, where, *_ = str(caught.value).splitlines()
        assert first.startswith(f"given({row}) returned a wrong result: ")
        assert first.endswith(problem)
        assert where == f'  File "{__file__}", line {result_of.__code__.co_firstlineno + 3}, in given'


def test_nan_is_a_value() -> None:
    [value] = result_of(float, [NAN])
    assert value != value
