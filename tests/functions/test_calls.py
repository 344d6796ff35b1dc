"""Calls of Python functions in SQL: values in and out, NULL, what is called how often."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pytest

import velothread
from tests.functions.files import session_with, written
from tests.running import WAYS


@dataclass
class Point:
    x: int
    name: str | None


class Entry(TypedDict):
    key: str
    values: list[int]


def same_int(v: int) -> int:
    return v


def same_huge(v: int) -> int:
    return v


def same_float(v: float) -> float:
    return v


def same_str(v: str) -> str:
    return v


def same_bool(v: bool) -> bool:
    return v


def same_bytes(v: bytes) -> bytes:
    return v


def same_decimal(v: Decimal) -> Decimal:
    return v


def same_date(v: dt.date) -> dt.date:
    return v


def same_datetime(v: dt.datetime) -> dt.datetime:
    return v


def same_time(v: dt.time) -> dt.time:
    return v


def same_delta(v: dt.timedelta) -> dt.timedelta:
    return v


def same_uuid(v: uuid.UUID) -> uuid.UUID:
    assert isinstance(v, uuid.UUID)
    return v


def same_list(v: list[int]) -> list[int]:
    assert isinstance(v, list)
    return v


def same_map(v: dict[str, int]) -> dict[str, int]:
    assert isinstance(v, dict)
    return v


def same_point(v: Point) -> Point:
    assert isinstance(v, Point)
    return v


def same_entry(v: Entry) -> Entry:
    assert isinstance(v, dict)
    return v


@pytest.mark.parametrize(
    ("function", "type_", "values"),
    [
        (same_int, "BIGINT", ["1", "-9223372036854775808", "9223372036854775807"]),
        (same_int, "UTINYINT", ["0", "255"]),
        (same_float, "DOUBLE", ["0.1", "'nan'", "'-inf'", "-0.0", "1e308"]),
        (same_float, "FLOAT", ["0.5"]),
        (same_str, "VARCHAR", ["'a'", "''", "'ü€𝄞'", "'x' || chr(0) || 'y'"]),
        (same_bool, "BOOLEAN", ["true", "false"]),
        (same_bytes, "BLOB", ["'a'", "'\\x00\\xFF'"]),
        (same_decimal, "DECIMAL(18,4)", ["1.5", "-0.0001", "99999999999999.9999"]),
        (same_date, "DATE", ["'1969-12-31'", "'0001-01-01'", "'9999-12-31'"]),
        (same_datetime, "TIMESTAMP", ["'1969-12-31 23:59:59.999999'", "'9999-12-31 00:00:00'"]),
        (same_time, "TIME", ["'00:00:00'", "'23:59:59.999999'"]),
        (same_delta, "INTERVAL", ["'3 days 00:00:01.5'", "'-1 day'"]),
        (same_uuid, "UUID", ["'12345678-1234-5678-1234-567812345678'"]),
        (same_list, "BIGINT[]", ["[1, NULL, 3]", "[]"]),
        (same_map, "MAP(VARCHAR, BIGINT)", ["map {'a': 1, 'b': NULL}", "map {}"]),
        (same_point, "STRUCT(x BIGINT, name VARCHAR)", ["{'x': 1, 'name': 'p'}", "{'x': 2, 'name': NULL}"]),
        (same_entry, 'STRUCT("key" VARCHAR, "values" BIGINT[])', ["{'key': 'k', 'values': [1, 2]}"]),
    ],
)
def test_values_go_in_and_come_out(function: Callable[..., Any], type_: str, values: list[str]) -> None:
    rows = ", ".join(f"(CAST({v} AS {type_}))" for v in [*values, "NULL"])
    with session_with(function) as session:
        given, got = zip(
            *session.query(f"SELECT v, {function.__name__}(v) FROM (VALUES {rows}) t(v)").fetchall(), strict=True
        )
    assert repr(given) == repr(tuple(_as_declared(g) for g in got))


def _as_declared(value: Any) -> Any:
    """A Decimal comes back as DECIMAL(38,10)."""
    return value.quantize(Decimal("0.0001")) if isinstance(value, Decimal) else value


def test_integers_of_any_size() -> None:
    def twice(v: int) -> int:
        return 2 * v

    with velothread.connect() as session:
        session.register_function(twice, returns="HUGEINT")
        values = [2**63 - 1, -(2**63), 10**37, -(10**37)]
        rows = ", ".join(f"({v}::HUGEINT)" for v in values)
        assert session.query(f"SELECT twice(v) FROM (VALUES {rows}) t(v)").fetchall() == [(2 * v,) for v in values]


def test_null_in_gives_null_out_without_a_call() -> None:
    seen: list[Any] = []

    def strict(a: int, b: int) -> int:
        seen.append((a, b))
        return a + b

    def asks(a: int | None, b: int) -> str:
        return f"{a} {b}"

    with session_with(strict, asks) as session:
        sql = "SELECT strict(a, b), asks(a, b) FROM (VALUES (1, 2), (NULL, 3), (4, NULL), (NULL, NULL)) t(a, b)"
        assert session.query(sql).fetchall() == [(3, "1 2"), (None, "None 3"), (None, None), (None, None)]
        assert session.query("SELECT strict(a, NULL) FROM (VALUES (1)) t(a)").fetchall() == [(None,)]
    assert seen == [(1, 2)]


def test_called_for_wanted_rows_only() -> None:
    seen: list[int] = []

    def noted(v: int) -> int:
        seen.append(v)
        return v

    def optional(v: int | None) -> int:
        seen.append(-1 if v is None else v)
        return 0

    with session_with(noted, optional, processor="simple") as session:
        session.register("t", pa.table({"v": list(range(10))}))
        session.query("SELECT noted(v) FROM t WHERE v > 6").arrow()
        assert seen == [7, 8, 9]
        seen.clear()
        session.query("SELECT CASE WHEN v < 2 THEN optional(v) WHEN v > 8 THEN noted(v) END FROM t").arrow()
        assert sorted(seen) == [0, 1, 9]
        seen.clear()
        session.query("SELECT noted(v) FROM t WHERE noted(v) > 3 AND v % 2 = 0").arrow()
        assert seen == [0, 2, 4, 6, 8], "once, after the filter that costs less"
        seen.clear()
        session.query("SELECT noted(v) FROM t ORDER BY v DESC LIMIT 2").arrow()
        assert seen == [9, 8]
        seen.clear()
        session.query("SELECT noted(v), v FROM t WHERE v > 1 LIMIT 2 OFFSET 1").arrow()
        assert seen == [3, 4]
        seen.clear()
        session.query("SELECT v FROM (SELECT v, noted(v) AS n FROM t)").arrow()
        assert seen == [], "nobody asks for it"


def test_the_same_call_twice_is_made_once() -> None:
    seen: Counter[int] = Counter()

    def noted(v: int) -> int:
        seen[v] += 1
        return v

    with velothread.connect(processor="simple") as session:
        session.register("t", pa.table({"v": [1, 2, 3]}))
        session.register_function(noted)
        session.query(
            "SELECT noted(v), noted(v) + 1, sqrt(noted(v)) FROM t WHERE noted(v) > 0 ORDER BY noted(v)"
        ).arrow()
        assert set(seen.values()) == {1}
        seen.clear()
        session.register_function(noted, deterministic=False)
        session.query("SELECT noted(v), noted(v) FROM t").arrow()
        assert set(seen.values()) == {2}


def test_deterministic_functions_are_asked_once_per_value() -> None:
    seen: Counter[str] = Counter()

    @velothread.udf(deterministic=True)
    def shout(text: str, mark: str) -> str:
        seen[text] += 1
        return text.upper() + mark

    words = ["a", "b", None, "a", "b", "c"] * 500  # several batches
    table = pa.table({"w": pa.array(words).dictionary_encode(), "plain": words})
    for column in ("w", "plain"):
        with session_with(shout, processor="simple") as session:
            session.register("t", table)
            got = session.query(f"SELECT shout({column}, '!') FROM t").fetchall()
            assert got == [(None if w is None else w.upper() + "!",) for w in words]
            assert set(seen.values()) == {1}
            seen.clear()
            session.query(f"SELECT shout({column}, '!') FROM t WHERE {column} <> 'b'").arrow()
            assert seen == {"a": 1, "c": 1}, "not for values that no row has"
            seen.clear()
            session.query(f"SELECT CASE WHEN {column} = 'c' THEN shout({column}, '?') END FROM t").arrow()
            assert seen == {"c": 1}, "not for those that no row wants"
            seen.clear()


def test_a_value_known_for_all_rows_is_not_given_where_it_is_unwanted() -> None:
    def digits(x: int) -> int:
        return len(str(x)) - 1

    with session_with(digits) as session:
        sql = "SELECT CASE WHEN digits(x) > 0 THEN 10 // digits(x) END FROM (VALUES (5), (55)) t(x) WHERE digits(x) < 3"
        assert session.query(sql).fetchall() == [(None,), (10,)]


def test_none_and_unwanted_are_told_apart() -> None:
    @velothread.udf(deterministic=True, lift=False)
    def shown(text: str | None) -> str:
        return repr(text)

    with session_with(shown) as session:
        sql = "SELECT CASE WHEN a > 1 THEN shown(b) END FROM (VALUES (1, 'x'), (2, NULL), (3, 'y'), (1, NULL)) t(a, b)"
        assert session.query(sql).fetchall() == [(None,), ("None",), ("'y'",), (None,)]


def test_defaults_and_more_arguments() -> None:
    def padded(text: str, width: int = 4, fill: str = ".") -> str:
        return text.rjust(width, fill)

    def longest(first: str, *others: str) -> str:
        return max(first, *others, key=len)

    with session_with(padded, longest) as session:
        sql = "SELECT padded(a), padded(a, 2), padded(a, 3, '-'), longest(a, 'xyz', a || 'b') FROM (VALUES ('q')) t(a)"
        assert session.query(sql).fetchall() == [("...q", ".q", "--q", "xyz")]


def test_in_every_clause(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        def bucket(v: int) -> int:
            return v // 10

        def even(v: int) -> bool:
            return v % 2 == 0
        """,
    )
    table = pa.table({"v": list(range(100))})
    sql = """
        SELECT bucket(v) AS b, count(*) FILTER (even(v)) AS n, list_transform([min(v)], lambda x: bucket(x)) AS l,
               sum(bucket(v)) OVER (ORDER BY bucket(v) ROWS 1 PRECEDING) AS w
        FROM t WHERE NOT even(bucket(v)) GROUP BY bucket(v), v HAVING bucket(max(v)) > 4 ORDER BY -bucket(v), v LIMIT 3
    """
    answers = []
    for way in WAYS:
        with session_with(file, **way) as session:
            session.register("t", table)
            answers.append(session.query(sql).fetchall())
            joined = "SELECT count(*) FROM t a JOIN t b ON bucket(a.v) = bucket(b.v) AND even(a.v + b.v)"
            answers[-1] += session.query(joined).fetchall()
    assert answers[0] == [(9, 1, [9], 16), (9, 0, [9], 18), (9, 1, [9], 18), (500,)]
    assert all(a == answers[0] for a in answers)


def test_a_file_of_one_row_group_is_shared(tmp_path: Path) -> None:
    """The rows of one split go to several receivers; the answer is what it is with one."""
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"v": np.arange(100_000) / 7}), path, row_group_size=1 << 20)
    file = written(tmp_path, "def same(v: float) -> float:\n    return float(repr(v))\n")
    answers = []
    for way in WAYS:
        with session_with(file, **way) as session:
            result = session.query(f"SELECT sum(same(v)), count(*) FROM '{path}'")
            answers.append(result.fetchall())
            splits = sum(p.splits for p in result.stats.stages[0].partitions)
            assert splits == 32
    assert all(a == answers[0] for a in answers)
    assert math.isclose(answers[0][0][0], sum(range(100_000)) / 7)


# --- whole columns


def test_functions_over_whole_columns() -> None:
    @velothread.udf(batch="numpy")
    def norm(x: float, y: float) -> float:
        assert isinstance(x, np.ndarray)
        return np.hypot(x, y)  # type: ignore[no-any-return]

    @velothread.udf(batch="arrow", returns="VARCHAR", parameters=["VARCHAR"])
    def upper(text: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        assert isinstance(text, pa.Array)
        return pc.utf8_upper(text)

    @velothread.udf(batch="list")
    def ranks(values: list[int]) -> list[int]:
        assert isinstance(values, list)
        return [sorted(values).index(v) for v in values]

    with session_with(norm, upper, ranks) as session:
        sql = "SELECT norm(x, 4), upper(s), ranks(x) FROM (VALUES (3, 'a'), (NULL, 'b'), (0, NULL)) t(x, s)"
        assert session.query(sql).fetchall() == [(5.0, "A", 1), (None, "B", None), (4.0, None, 0)]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda v: v[:1], "1 values came back"),
        (lambda v: 7, "7 is one value, and a column of 3 was wanted"),
        (lambda v: np.array([1.5, 2, 3]), "NumPy's float64 came back, BIGINT was declared"),
        (lambda v: ["a", "b", "c"], "value 0: 'a' is of type str, and the function is declared to return BIGINT"),
        (lambda v: pa.array(["x", "y", "z"]), "Arrow's string came back, BIGINT was declared"),
        (lambda v: {1: 2}, "dict came back; a pyarrow Array, NumPy array or list was wanted"),
        (lambda v: 1 // 0, "given 3 rows as NumPy arrays, raised ZeroDivisionError"),
    ],
)
def test_a_wrong_column_comes_back(returned: Callable[..., Any], message: str) -> None:
    with velothread.connect() as session:
        session.register_function(returned, "f", batch="numpy", parameters=["BIGINT"], returns="BIGINT")
        with pytest.raises(velothread.ExecutionError, match=message):
            session.query("SELECT f(v) FROM (VALUES (1), (2), (3)) t(v)").arrow()


# --- errors while binding


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT same_int()", r"can't take 0 arguments; it is\n    same_int\(integer\) -> BIGINT"),
        ("SELECT same_int('a')", "not a BIGINT|'a'"),
        ("SELECT same_str(5)", "parameter v can't take INTEGER"),
        ("SELECT same_int(DISTINCT 5)", "is not an aggregate"),
        ("SELECT same_itn(5)", "did you mean 'same_int'"),
        ("SELECT same_int(5) OVER ()", "same_int"),
    ],
)
def test_refused_while_binding(sql: str, message: str) -> None:
    with session_with(same_int, same_str) as session, pytest.raises(velothread.SqlError, match=message) as caught:
        session.query(sql)
    assert caught.value.position is not None
