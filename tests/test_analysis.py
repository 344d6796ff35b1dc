"""EXPLAIN ANALYZE: the rows of each operator, exactly; by partition they add up; the answer stays as it is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velothread
from tests.joins_grammar import joined_queries
from tests.query_grammar import queries, tables
from tests.running import ipc_bytes, outcome
from velothread.analysis import Analysis, Operator
from velothread.metering import Laps, Meter

# 10 orders of customers 0, 1, 2 (4, 3 and 3 of them); customer 3 has none, the last order's isn't there.
ORDERS = pa.table({"id": range(10), "customer": [0, 1, 2, 0, 1, 2, 0, 1, 0, 9], "price": [i * 10 for i in range(10)]})
CUSTOMERS = pa.table({"id": [0, 1, 2, 3], "name": ["Ann", "Bo", "Cy", "Di"]})
ADAPTIVE = {"processor": "adaptive", "partitions": 3}


def analyze(sql: str, **options: Any) -> Analysis:
    # a batch, and so a split, of few rows: several receivers have something to do
    orders = pa.Table.from_batches(ORDERS.to_batches(2))
    with velothread.connect(**({"processor": "simple", "batch_rows": 2} | options)) as session:
        session.register("orders", orders)
        session.register("customers", CUSTOMERS)
        return session.analyze(sql)


def tree(analysis: Analysis) -> list[tuple[str, int | None]]:
    """The first word of each operator's title, behind its role, and its rows."""
    return [(" ".join(filter(None, (o.role, *o.title.split(" ")[:1]))), o.rows) for o in analysis.operators]


CASES: dict[str, tuple[str, list[tuple[str, int | None]]]] = {
    "scan and filter": (
        "SELECT id FROM orders WHERE price >= 30 AND customer = 0",
        [("Result", 3), ("Project", 3), ("Filter", 3), ("Scan", 10)],
    ),
    "inner join": (
        "SELECT name, price FROM orders o JOIN customers c ON c.id = o.customer WHERE price < 50",
        [
            ("Result", 5),
            ("Project", 5),
            ("Join", 5),
            ("probe Filter", 5),
            ("Scan", 10),
            ("build Build", 4),
            ("Scan", 4),
        ],
    ),
    "left join": (
        "SELECT name, price FROM orders o LEFT JOIN customers c ON c.id = o.customer",
        [("Result", 10), ("Project", 10), ("Join", 10), ("probe Scan", 10), ("build Build", 4), ("Scan", 4)],
    ),
    "full join, a row left over on either side": (
        "SELECT name, price FROM orders o FULL JOIN customers c ON c.id = o.customer",
        [("Result", 11), ("Project", 11), ("Join", 11), ("probe Scan", 10), ("build Build", 4), ("Scan", 4)],
    ),
    "anti join": (
        "SELECT name FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)",
        [("Result", 1), ("Project", 1), ("Join", 1), ("probe Scan", 4), ("build Build", 10), ("Scan", 10)],
    ),
    "groups": (
        "SELECT customer, count(*) FROM orders GROUP BY customer HAVING count(*) > 1",
        [("Result", 3), ("Project", 3), ("Filter", 3), ("Aggregate", 4), ("Scan", 10)],
    ),
    "window and the filter above it": (
        "SELECT id FROM orders QUALIFY row_number() OVER (PARTITION BY customer ORDER BY id) = 1",
        [("Result", 4), ("Project", 4), ("Filter", 4), ("Window", 10), ("Scan", 10)],
    ),
    "sort with a limit": (
        "SELECT id FROM orders ORDER BY price DESC LIMIT 3",
        [("Result", 3), ("Project", 3), ("Sort", 3), ("Project", 10), ("Scan", 10)],
    ),
    "unnest": (
        "SELECT id, unnest(range(id)) AS n FROM orders",
        [("Result", 45), ("Project", 45), ("Unnest", 45), ("Scan", 10)],
    ),
    "union": (
        "SELECT id FROM orders WHERE id > 3 UNION ALL SELECT id FROM customers",
        [("Result", 10), ("Union", 10), ("Project", 6), ("Filter", 6), ("Scan", 10), ("Project", 4), ("Scan", 4)],
    ),
    "recursion: the rows of all turns": (
        "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n FROM r",
        [
            ("Result", 5),
            ("Project", 5),
            ("Project", 5),
            ("Recursive", 5),
            ("Project", 1),
            ("Values", 1),
            ("Project", 4),
            ("Filter", 4),
            ("Rows", 5),
        ],
    ),
    "a table expression used twice": (
        "WITH c AS (SELECT customer, count(*) AS n FROM orders GROUP BY 1) SELECT a.n FROM c a JOIN c b USING (n)",
        [
            ("Result", 4),
            ("Project", 4),
            ("Join", 4),
            ("probe Project", 4),
            ("Shared", 4),
            ("Project", 4),
            ("Project", 4),
            ("Aggregate", 4),
            ("Scan", 10),
            ("build Build", 4),
            ("Project", 4),
            ("Shared", 4),
        ],
    ),
}


@pytest.mark.parametrize(("sql", "expected"), CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("options", [{}, ADAPTIVE], ids=["simple", "adaptive"])
def test_rows_of_each_operator(sql: str, expected: list[tuple[str, int | None]], options: dict[str, Any]) -> None:
    assert tree(analyze(sql, **options)) == expected


def test_a_limit_is_an_operator() -> None:
    assert tree(analyze("SELECT id FROM orders LIMIT 3"))[0] == ("Limit", 3)


def test_partitions_add_up_to_what_one_thread_counts() -> None:
    sql = "SELECT name, sum(price) FROM orders o JOIN customers c ON c.id = o.customer WHERE price > 10 GROUP BY name"
    one, many = analyze(sql), analyze(sql, **ADAPTIVE)
    counted = 0
    for a, b in zip(one.operators, many.operators, strict=True):
        assert (a.title, a.rows, sum(a.partition_rows.values())) == (b.title, b.rows, sum(b.partition_rows.values()))
        counted += len(b.partition_rows)
    assert counted > len(one.operators) / 2


def test_a_join_says_which_side_is_which() -> None:
    operators = analyze("SELECT 1 FROM orders o LEFT JOIN customers c ON c.id = o.customer").operators
    roles = [(o.role, o.title, o.rows) for o in operators if o.role]
    assert roles == [("probe", "Scan orders; columns: customer", 10), ("build", "Build by id", 4)]


def test_a_semi_join_may_gather_its_left_side(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = import_module("velothread.frontend.optimize.turn_joins")  # the package has a function of that name
    monkeypatch.setattr(rule, "_MANY_ROWS", 1)
    monkeypatch.setattr(rule, "_MUCH_LARGER", 1)
    sql = "SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)"
    for options in ({}, ADAPTIVE):
        assert tree(analyze(sql, **options)) == [
            ("Result", 3),
            ("Project", 3),
            ("Join", 3),
            ("probe Scan", 10),
            ("build Build", 4),
            ("Scan", 4),
        ]


def test_estimates_stand_beside_rows() -> None:
    found = {o.title.split(";")[0]: o.estimated for o in analyze("SELECT id FROM orders WHERE price > 10").operators}
    assert found["Scan orders"] == 10


def test_every_time_is_of_some_partition() -> None:
    operators = analyze("SELECT customer, count(*) FROM orders GROUP BY 1 ORDER BY 1", **ADAPTIVE).operators
    assert {p for o in operators for p in o.ns} <= {-1, 0, 1, 2}
    assert all(ns >= 0 for o in operators for ns in o.ns.values())
    assert any(o.total_ns for o in operators if o.title.startswith("Aggregate"))


def test_one_thread_has_no_columns_of_partitions() -> None:
    sql = "SELECT customer, count(*) FROM orders GROUP BY customer"
    assert "part 1" not in analyze(sql).render()
    header = analyze(sql).render().splitlines()[0].split()
    assert header == ["estimated", "rows", "time", "share", "operator"]


def test_many_partitions_are_summed_up() -> None:
    operator = Operator(0, "", "Scan t", 1.0, 1, {p: p * 1_000_000 for p in range(9)})
    text = Analysis((operator,), velothread.connect().query("SELECT 1").stats).render()
    header, line, *_ = text.splitlines()
    assert header.split() == ["estimated", "rows", "time", "share", "least", "most", "coordinator", "operator"]
    assert line.split()[:8] == ["1", "1", "36.0", "100", "%", "0.0", "8.0", "0.0"]


def test_a_lap_begins_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100, 130, 135, 235])
    monkeypatch.setattr("velothread.metering.perf_counter_ns", lambda: next(clock))
    laps = Laps.of(2)
    laps.begin()
    for step, rows in ((0, 5), (1, 3), (0, 2)):
        laps.end(step, rows)
    assert (laps.ns, laps.rows) == ([130, 5, 0], [7, 3, 0])


def test_time_in_a_region_within_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 10, 40, 100])
    monkeypatch.setattr("velothread.regions.perf_counter_ns", lambda: next(clock))
    meter = Meter()
    with meter.region(1), meter.region(2):
        pass
    assert dict(meter.own_ns) == {2: 30, 1: 70}


def test_code_that_is_not_measured_knows_nothing_of_laps() -> None:
    with velothread.connect() as session:
        session.register("orders", ORDERS)
        assert "laps" not in session.explain("SELECT id FROM orders WHERE price > 10", stage="code")


def test_the_text_of_explain_is_that_of_the_analysis() -> None:
    with velothread.connect(processor="simple") as session:
        session.register("orders", ORDERS)
        text = session.explain("SELECT count(*) FROM orders", analyze=True)
    assert text.splitlines()[0].endswith("operator")
    assert "processor: simple (asked for)" in text


def measured(sql: str, registered: dict[str, Any], **options: Any) -> bytes | str:
    with velothread.connect(**options) as session:
        for name, table in registered.items():
            session.register(name, table)
        try:
            (statement,) = session.statements(sql)
            return ipc_bytes(session.run(statement, meter=Meter()).arrow())
        except velothread.UserError as e:
            return f"{type(e).__name__}: {e}"


@settings(max_examples=40)
@given(table=tables(), sql=queries(), partitions=st.sampled_from([1, 2]))
def test_measuring_changes_no_answer(table: pa.Table, sql: str, partitions: int) -> None:
    way: dict[str, Any] = {"processor": "adaptive", "partitions": partitions, "batch_rows": 3}
    assert measured(sql, {"t": table}, **way) == outcome(sql, {"t": table}, **way)


@settings(max_examples=40)
@given(t=tables(max_rows=10), u=tables(max_rows=8), sql=joined_queries())
def test_measuring_changes_no_answer_of_joins(t: pa.Table, u: pa.Table, sql: str) -> None:
    way: dict[str, Any] = {"processor": "simple", "batch_rows": 3}
    assert measured(sql, {"t": t, "u": u}, **way) == outcome(sql, {"t": t, "u": u}, **way)
