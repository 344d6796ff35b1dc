"""What the optimizer makes of plans: shown as EXPLAIN shows them."""

from __future__ import annotations

import pyarrow as pa
import pytest

import velothread

TABLE = pa.table({"a": [1], "b": [2.0], "s": ["x"]})

# SQL -> the optimized plan, one step a line, the last step first
PLANS = [
    ("SELECT a + (1 + 2) AS x FROM t", ["Project (a + 3) AS x", "  Scan t; columns: a"]),
    (
        "SELECT x FROM (SELECT a + 1 AS x, b FROM t) WHERE x > 3",
        ["Project x", "  Project (a + 1) AS x", "    Filter", "      Scan t; columns: a"],
    ),
    (
        "SELECT s, count(*) FROM t GROUP BY s HAVING s = 'x'",
        [
            "Project s, count AS count_star()",
            "  Aggregate count(*) by s",
            "    Filter (s = 'x')",
            "      Scan t; columns: s; skip by: s = 'x'",
        ],
    ),
    ("SELECT a FROM t LIMIT 3", ["Limit limit 3", "  Project a", "    Scan t; columns: a; limit: 3"]),
    (
        "WITH c AS (SELECT a FROM t) SELECT * FROM c",
        ["Project a", "  Project a", "    Project a", "      Scan t; columns: a"],
    ),
    (
        "SELECT count(*) FROM t",
        ["Project count AS count_star()", "  Aggregate count(*)", "    Scan t; columns: (none)"],
    ),
    (
        "SELECT a FROM (SELECT a, s FROM t UNION ALL SELECT a, s FROM t) WHERE s IN ('x', 'y')",
        [
            "Project a",
            "  Union all of 2",
            "    Project a",
            "      Filter s IN (x, y)",
            "        Scan t; columns: a, s; skip by: s in ('x', 'y')",
        ],
    ),
]


@pytest.mark.parametrize(("sql", "wanted"), PLANS, ids=[sql for sql, _ in PLANS])
def test_plan(sql: str, wanted: list[str]) -> None:
    with velothread.connect() as session:
        session.register("t", TABLE)
        lines = session.explain(sql).split("\n\n")[0].splitlines()
    got = [line for line in lines if line.strip()][: len(wanted)]
    assert [g[: len(w)] for g, w in zip(got, wanted, strict=True)] == wanted


def test_a_cte_used_twice_is_computed_once() -> None:
    with velothread.connect() as session:
        session.register("t", TABLE)
        text = session.explain(
            "WITH c AS (SELECT a, sum(b) AS v FROM t GROUP BY a) SELECT * FROM c UNION ALL SELECT * FROM c"
        )
    pipelines = text.split("\n\n")[1]
    assert pipelines.count("aggregate sum(b)") == 1
    assert text.count("Shared c") == 2


def test_a_common_expression_is_computed_once() -> None:
    with velothread.connect() as session:
        session.register("t", TABLE)
        code = session.explain("SELECT a * 7 + 1, a * 7 + 2, sqrt(a * 7) FROM t WHERE a * 7 > 3", "code")
    assert code.count("multiply_fn(") == 1


def test_what_may_fail_is_guarded() -> None:
    with velothread.connect() as session:
        session.register("t", pa.table({"a": [0, 5, None]}))
        got = session.query("SELECT CASE WHEN a <> 0 THEN 10 // a ELSE -1 END FROM t").fetchall()
        kept = session.query("SELECT a FROM t WHERE a <> 0 AND 10 // a = 2").fetchall()
        first = session.query("SELECT coalesce(a, 10 // a) FROM t").fetchall()
    assert got == [(-1,), (2,), (-1,)]
    assert kept == [(5,)]
    assert first == [(0,), (5,), (None,)]


def test_generated_code_is_deterministic() -> None:
    sql = "SELECT upper(s) AS u, sum(a * b) FROM t WHERE a IN (1, 2) OR s LIKE 'x%' GROUP BY u ORDER BY 2"
    texts = set()
    for _ in range(3):
        with velothread.connect() as session:
            session.register("t", TABLE)
            texts.add(session.explain(sql, "code"))
    assert len(texts) == 1


def test_tracebacks_show_generated_code() -> None:
    import traceback

    with velothread.connect(processor="simple") as session:
        session.register("t", pa.table({"a": [0]}))
        with pytest.raises(velothread.ExecutionError) as caught:
            session.query("SELECT 1 // a FROM t").arrow()
    text = "".join(traceback.format_exception(caught.value))
    assert "divide_whole = " in text
    assert "<velothread" in text
