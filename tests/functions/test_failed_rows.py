"""Rows for which a function fails: left out, NULL, or the end of the query; the same on every processor."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velothread
from tests.running import WAYS, ipc_bytes
from velothread.sources.source import ReadOptions

BATCH_ROWS = 7


def double(x: int) -> int:
    if x % 3 == 1:
        raise ValueError(f"{x} won't do")
    return 2 * x


def negated(x: int) -> int:
    return None if x is None else "odd" if x % 5 == 2 else -x  # type: ignore[return-value]


def outcome(
    sql: str, table: Any, way: dict[str, Any], on_error: str = "skip", rejects: Path | None = None
) -> tuple[bytes | str, dict[str, int], int, str]:
    """The answer (or the error), failures by name, refused rows, and the rejects file."""
    read = ReadOptions(on_error=on_error, rejects=None if rejects is None else str(rejects))  # type: ignore[arg-type]
    with velothread.connect(read=read, batch_rows=BATCH_ROWS, **way) as session:
        session.register("t", table)
        session.register("u", pa.table({"k": list(range(0, 40, 2)), "name": [f"n{i}" for i in range(20)]}))
        session.register_function(double, returns="BIGINT")
        session.register_function(negated)
        try:
            result = session.query(sql)
        except velothread.UnsupportedError as error:
            return str(error), {}, 0, ""
        try:
            answer: bytes | str = ipc_bytes(result.arrow())
        except velothread.UserError as error:
            answer = str(error)
        return answer, result.failures, result.refused, rejects.read_text() if rejects is not None else ""


TABLE = pa.table({"x": pa.array([*range(40), None, 3, 4], pa.int64()), "g": [i % 4 for i in range(43)]})

# A query; the same with what `double` does written in SQL, over rows for which it doesn't fail; how many it left out.
GOOD = "(SELECT * FROM t WHERE x % 3 <> 1 OR x IS NULL)"
PLACES = {
    "select list": ("SELECT x, double(x) AS y FROM t", f"SELECT x, x * 2 AS y FROM {GOOD}", 14),
    "twice": ("SELECT double(x) AS y, double(x) + 1 AS z FROM t", f"SELECT x * 2 AS y, x * 2 + 1 AS z FROM {GOOD}", 14),
    "within itself": (
        "SELECT double(double(x)) AS y FROM t",
        f"SELECT x * 4 AS y FROM {GOOD} WHERE x IS NULL OR x * 2 % 3 <> 1",
        27,
    ),
    "where": ("SELECT x FROM t WHERE double(x) > 9", f"SELECT x FROM {GOOD} WHERE x * 2 > 9", 14),
    "where, NULL is true": (
        "SELECT x FROM t WHERE double(x) IS NULL OR double(x) > 9",
        f"SELECT x FROM {GOOD} WHERE x IS NULL OR x * 2 > 9",
        14,
    ),
    "after another condition": (
        "SELECT x FROM t WHERE g = 1 AND double(x) >= 0",
        f"SELECT x FROM {GOOD} WHERE g = 1",
        4,
    ),
    "group key": (
        "SELECT double(x) % 4 AS k, count(*) AS n FROM t GROUP BY k",
        f"SELECT x * 2 % 4 AS k, count(*) AS n FROM {GOOD} GROUP BY k",
        14,
    ),
    "aggregate argument": (
        "SELECT g, sum(double(x)) AS s, count(*) AS n FROM t GROUP BY g",
        f"SELECT g, sum(x * 2) AS s, count(*) AS n FROM {GOOD} GROUP BY g",
        14,
    ),
    "aggregate filter": (
        "SELECT count(*) FILTER (double(x) > 20) AS n, count(*) AS m FROM t",
        f"SELECT count(*) FILTER (x * 2 > 20) AS n, count(*) AS m FROM {GOOD}",
        14,
    ),
    "having": (
        "SELECT g, max(x) AS m FROM t GROUP BY g HAVING double(max(x)) > 0",
        "SELECT g, max(x) AS m FROM t GROUP BY g HAVING max(x) % 3 <> 1",
        1,
    ),
    "order by": (
        "SELECT x FROM t ORDER BY double(x) DESC, g",
        f"SELECT x FROM {GOOD} ORDER BY x * 2 DESC, g",
        14,
    ),
    "distinct": ("SELECT DISTINCT double(x) AS y FROM t", f"SELECT DISTINCT x * 2 AS y FROM {GOOD}", 14),
    "limit": ("SELECT double(x) AS y FROM t LIMIT 5", f"SELECT x * 2 AS y FROM {GOOD} LIMIT 5", None),
    "limit and offset": (
        "SELECT x, double(x) AS y FROM t LIMIT 9 OFFSET 6",
        f"SELECT x, x * 2 AS y FROM {GOOD} LIMIT 9 OFFSET 6",
        None,
    ),
    "limit within": (
        "SELECT sum(y) AS s FROM (SELECT double(x) AS y FROM t LIMIT 12)",
        f"SELECT sum(x * 2) AS s FROM (SELECT * FROM {GOOD} LIMIT 12)",
        None,
    ),
    "sorted, with a limit": (
        "SELECT x, double(x) AS y FROM t ORDER BY x DESC LIMIT 5",
        f"SELECT x, x * 2 AS y FROM {GOOD} ORDER BY x DESC LIMIT 5",
        14,
    ),
    "sorted by it, with a limit": (
        "SELECT x FROM t ORDER BY double(x) DESC NULLS LAST LIMIT 5",
        f"SELECT x FROM {GOOD} ORDER BY x * 2 DESC NULLS LAST LIMIT 5",
        14,
    ),
    "key of a join, left": (
        "SELECT x, name FROM t JOIN u ON double(x) = k",
        f"SELECT x, name FROM {GOOD} JOIN u ON x * 2 = k",
        14,
    ),
    "key of a join, right": (
        "SELECT k, x FROM u JOIN t ON double(x) = k",
        f"SELECT k, x FROM u JOIN {GOOD} ON x * 2 = k",
        14,
    ),
    "key of a left join": (
        "SELECT x, name FROM t LEFT JOIN u ON double(x) = k",
        f"SELECT x, name FROM {GOOD} LEFT JOIN u ON x * 2 = k",
        14,
    ),
    "key of a left join, with a limit": (
        "SELECT x, name FROM t LEFT JOIN u ON double(x) = k LIMIT 9",
        f"SELECT x, name FROM {GOOD} LEFT JOIN u ON x * 2 = k LIMIT 9",
        None,
    ),
    "key of a left join, of its right side": (
        "SELECT k, x FROM u LEFT JOIN t ON double(x) = k",
        f"SELECT k, x FROM u LEFT JOIN {GOOD} ON x * 2 = k",
        14,
    ),
    "key of a full join": (
        "SELECT x, name FROM t FULL JOIN u ON double(x) = k",
        f"SELECT x, name FROM {GOOD} FULL JOIN u ON x * 2 = k",
        14,
    ),
    "side of a full join": (
        "SELECT y, name FROM (SELECT x, double(x) AS y FROM t) FULL JOIN u ON x = k",
        f"SELECT y, name FROM (SELECT x, x * 2 AS y FROM {GOOD}) FULL JOIN u ON x = k",
        14,
    ),
    "rest of the condition of an inner join": (
        "SELECT x, k FROM t JOIN u ON g = k AND double(x) + k > 20",
        f"SELECT x, k FROM {GOOD} JOIN u ON g = k AND x * 2 + k > 20",
        None,
    ),
    "in": (
        "SELECT x FROM t WHERE double(x) IN (SELECT k FROM u)",
        f"SELECT x FROM {GOOD} WHERE x * 2 IN (SELECT k FROM u)",
        14,
    ),
    "not in": (
        "SELECT x FROM t WHERE double(x) NOT IN (SELECT k FROM u)",
        f"SELECT x FROM {GOOD} WHERE x * 2 NOT IN (SELECT k FROM u)",
        14,
    ),
    "exists": (
        "SELECT k FROM u WHERE EXISTS (SELECT 1 FROM t WHERE double(x) = k)",
        f"SELECT k FROM u WHERE EXISTS (SELECT 1 FROM {GOOD} WHERE x * 2 = k)",
        14,
    ),
    "unnest": (
        "SELECT x, unnest([double(x), g]) AS y FROM t",
        f"SELECT x, unnest([x * 2, g]) AS y FROM {GOOD}",
        14,
    ),
    "below an unnest, with a limit": (
        "SELECT y, z FROM (SELECT double(x) AS y, g FROM t) LEFT JOIN unnest([1, g]) AS s(z) ON true LIMIT 7",
        f"SELECT y, z FROM (SELECT x * 2 AS y, g FROM {GOOD}) LEFT JOIN unnest([1, g]) AS s(z) ON true LIMIT 7",
        None,
    ),
    "window": (
        "SELECT x, sum(double(x)) OVER (PARTITION BY g ORDER BY x) AS s FROM t",
        f"SELECT x, sum(x * 2) OVER (PARTITION BY g ORDER BY x) AS s FROM {GOOD}",
        14,
    ),
    "union": (
        "SELECT double(x) AS y FROM t UNION ALL SELECT k FROM u",
        f"SELECT x * 2 AS y FROM {GOOD} UNION ALL SELECT k FROM u",
        14,
    ),
    "with, used twice": (
        "WITH c AS (SELECT x, double(x) AS y FROM t) SELECT a.y FROM c a JOIN c b ON a.x = b.y",
        f"WITH c AS (SELECT x, x * 2 AS y FROM {GOOD}) SELECT a.y FROM c a JOIN c b ON a.x = b.y",
        14,
    ),
    "case": (
        "SELECT x, CASE WHEN g > 1 THEN double(x) ELSE g END AS y FROM t",
        "SELECT x, CASE WHEN g > 1 THEN x * 2 ELSE g END AS y FROM t WHERE NOT (g > 1 AND coalesce(x % 3 = 1, false))",
        7,
    ),
    "coalesce": (
        "SELECT x, coalesce(nullif(g, 1), double(x)) AS y FROM t",
        "SELECT x, coalesce(nullif(g, 1), x * 2) AS y FROM t WHERE NOT (g = 1 AND coalesce(x % 3 = 1, false))",
        4,
    ),
    "what is computed of a failed row is not asked for": (
        "SELECT double(x) + 100 // (x % 3 - 1) AS y FROM t",
        f"SELECT x * 2 + 100 // (x % 3 - 1) AS y FROM {GOOD}",
        None,
    ),
    "try": ("SELECT try(double(x)) AS y FROM t", "SELECT CASE WHEN x % 3 <> 1 THEN x * 2 END AS y FROM t", 0),
    "try around more": (
        "SELECT try(coalesce(double(x), 5)) AS y FROM t",
        "SELECT CASE WHEN x IS NULL THEN 5 WHEN x % 3 <> 1 THEN x * 2 END AS y FROM t",
        0,
    ),
    "not asked for": ("SELECT count(*) AS n FROM (SELECT double(x) AS y FROM t)", "SELECT count(*) AS n FROM t", 0),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_row_is_left_out_where_the_call_stands(place: str) -> None:
    sql, same, count = PLACES[place]
    expected, *_ = outcome(same, TABLE, WAYS[0])
    assert isinstance(expected, bytes), expected
    found = [outcome(sql, TABLE, way) for way in WAYS]
    assert [f[0] for f in found] == [expected] * len(WAYS)
    counts = [f[1].get("double", 0) for f in found]
    assert len(set(counts)) == 1
    assert count is None or counts[0] == count


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT list_transform([x], lambda y: double(y)) FROM t", "lambda"),
        ("SELECT * FROM t LEFT JOIN u ON g = k AND double(x) > k", "condition of a join"),
        ("SELECT * FROM t WHERE NOT EXISTS (FROM u WHERE k = g AND double(x) > k)", "condition of a join"),
    ],
)
def test_where_a_row_cannot_be_left_out_the_query_is_refused(sql: str, why: str) -> None:
    for way in WAYS[:2]:
        answer = outcome(sql, TABLE, way)[0]
        assert isinstance(answer, str)
        assert "double can't leave a row out here" in answer
        assert why in answer
        assert "^" in answer
        assert isinstance(outcome(sql, TABLE, way, on_error="null")[0], bytes)


@settings(max_examples=40)
@given(
    values=st.lists(st.none() | st.integers(-50, 50), max_size=60),
    on_error=st.sampled_from(["skip", "null", "fail"]),
    sql=st.sampled_from(
        [
            "SELECT x, double(x) AS a, negated(x) AS b FROM t",
            "SELECT negated(double(x)) AS a FROM t WHERE negated(x) < 20",
            "SELECT double(x) AS k, sum(negated(x)) AS s FROM t GROUP BY k",
            "SELECT x, name FROM t LEFT JOIN u ON double(x) = k WHERE negated(k) IS NULL OR k > 4",
            "SELECT double(x) AS a, negated(x) AS b FROM t LIMIT 10",
            "SELECT negated(x) AS a FROM t ORDER BY double(x) NULLS FIRST LIMIT 10",
        ]
    ),
)
def test_rows_counts_and_rejects_are_the_same_on_every_processor(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | None], on_error: str, sql: str
) -> None:
    table = pa.table({"x": pa.array(values, pa.int64())})
    folder = tmp_path_factory.mktemp("rejects")
    found = [outcome(sql, table, way, on_error, folder / f"{i}.csv") for i, way in enumerate(WAYS)]
    assert all(f == found[0] for f in found[1:]), found
    rejects = list(csv.DictReader((folder / "0.csv").read_text().splitlines()))
    assert len(rejects) == found[0][2] == sum(found[0][1].values())


@settings(max_examples=40)
@given(values=st.lists(st.none() | st.integers(-50, 50), max_size=60))
def test_skip_leaves_out_what_null_makes_null(values: list[int | None]) -> None:
    table = pa.table({"x": pa.array(values, pa.int64())})
    rows = [
        (x, None if x is None else 2 * x, None if x is None else -x)
        for x in values
        if x is None or (x % 3 != 1 and x % 5 != 2)
    ]
    for way in WAYS[::2]:
        with velothread.connect(read=ReadOptions(on_error="skip"), batch_rows=BATCH_ROWS, **way) as session:
            session.register("t", table)
            session.register_function(double)
            session.register_function(negated)
            result = session.query("SELECT x, double(x), negated(x) FROM t")
            assert result.fetchall() == rows
            assert result.refused == len(values) - len(rows)


def test_of_several_failing_rows_the_first_is_reported() -> None:
    table = pa.table({"x": pa.array([*([0] * 30), 4, *([0] * 30), 7, 1], pa.int64())})
    for way in WAYS:
        answer = outcome("SELECT double(x) FROM t", table, way, on_error="fail")[0]
        assert isinstance(answer, str)
        assert "double(4) raised ValueError: 4 won't do" in answer


def test_a_wrong_result_before_a_raise_is_the_first_failure() -> None:
    def mixed(x: int) -> int:
        if x == 2:
            raise ValueError("later")
        return "wrong" if x == 1 else x  # type: ignore[return-value]

    with velothread.connect() as session:
        session.register_function(mixed)
        with pytest.raises(velothread.ExecutionError, match=r"mixed\(1\) returned a wrong result"):
            session.query("SELECT mixed(range) FROM range(4)").fetchall()


def test_a_row_that_was_left_out_is_not_given_to_the_calls_after_it() -> None:
    seen = []

    def first(x: int) -> int:
        if x == 1:
            raise ValueError("no")
        return x

    def second(x: int, y: int | None) -> int:
        seen.append(x)
        return x

    with velothread.connect(processor="simple") as session:
        session.register_function(first, on_error="skip")
        session.register_function(second)
        rows = session.query("SELECT range, second(range, first(range)), second(range, 0) FROM range(3)").fetchall()
    assert rows == [(0, 0, 0), (2, 2, 2)]
    assert 1 not in seen


def test_equal_arguments_of_a_deterministic_function_fail_for_every_row() -> None:
    table = pa.table({"x": pa.array([1, 2, 1, None, 3, 1] * 5, pa.int64())})
    for way in WAYS:
        for on_error, rows in (("skip", 15), ("null", 30)):
            with velothread.connect(batch_rows=BATCH_ROWS, **way) as session:
                session.register("t", table)
                session.register_function(double, deterministic=True, on_error=on_error)
                result = session.query("SELECT double(x) FROM t")
                assert len(result.fetchall()) == rows
                assert result.failures == {"double": 15}


def test_a_constant_call_that_fails_leaves_out_every_row_that_wants_it() -> None:
    for deterministic in (True, None):
        with velothread.connect() as session:
            session.register("t", TABLE)
            session.register_function(double, deterministic=deterministic, on_error="skip")
            assert session.query("SELECT double(1) FROM t").fetchall() == []
            result = session.query("SELECT x, CASE WHEN x < 3 THEN double(1) END FROM t")
            assert len(result.fetchall()) == 40
            assert result.failures == {"double": 3}


def test_a_batch_that_fails_is_left_out_whole() -> None:
    @velothread.udf(batch="list", on_error="skip")
    def picky(x: list[int]) -> list[int]:
        if 8 in x:
            raise ValueError("eight")
        return x

    for way in WAYS:
        with velothread.connect(batch_rows=5, **way) as session:
            session.register("t", pa.table({"x": list(range(15))}))
            session.register_function(picky)
            result = session.query("SELECT picky(x) FROM t")
            assert result.fetchall() == [(i,) for i in range(15) if not 5 <= i < 10]
            assert result.failures == {"picky": 5}


def test_input_and_function_rejects_go_into_one_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\nno\n3\n4\n")
    out = tmp_path / "rejects.csv"
    read = ReadOptions(on_error="skip", rejects=str(out), types=(("x", "BIGINT"),))
    with velothread.connect(read=read) as session:
        session.register_function(double)
        result = session.query(f"SELECT double(x) FROM '{tmp_path}/in.csv'")
        assert result.fetchall() == [(6,)]
        assert result.refused == 3
        assert result.failures == {"double": 2}
        assert result.refusal_lines == ["1 row refused", "2 rows left out: double failed"]
        session.query("SELECT double(7)").fetchall()
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == ["file", "line", "column", "value", "reason", "row"]
    assert [r[2] for r in rows[1:]] == ["x", "double", "double", "double"]
    line = double.__code__.co_firstlineno + 2
    assert rows[2] == [__file__, str(line), "double", "double(1)", "ValueError: 1 won't do", "1"]
    assert rows[4][3] == "double(7)"
