"""Semi and anti joins that are moved or turned, and groups that nobody asks for: the answers stay."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest

import velothread

ORDERS = pa.table(
    {"id": [1, 2, 2, None, 5, 7], "day": [1, 1, 2, 2, 3, 3], "who": ["a", "b", None, "a", "c", "b"]},
)
LINES = pa.table(
    {
        "order_id": [2, 2, 1, None, 9, 5, 5, 2],
        "qty": [3, 4, 1, 8, 2, 6, 6, None],
        "who": ["b", "x", "a", "a", "c", "c", None, "b"],
    }
)
TURNED = [
    "SELECT * FROM o WHERE EXISTS (FROM l WHERE order_id = id)",
    "SELECT * FROM o WHERE NOT EXISTS (FROM l WHERE order_id = id)",
    "SELECT id, day FROM o WHERE EXISTS (FROM l WHERE order_id = id AND l.who <> o.who)",
    "SELECT id, day FROM o WHERE NOT EXISTS (FROM l WHERE order_id = id AND l.who <> o.who AND qty > day)",
    "SELECT day, count(*) FROM o WHERE id IN (SELECT order_id FROM l WHERE qty > 2) GROUP BY day",
    "SELECT o.id, p.day FROM o JOIN o p ON o.day = p.day WHERE o.id IN (SELECT order_id FROM l)",
    "SELECT * FROM o SEMI JOIN l ON order_id = id AND o.who = l.who ORDER BY ALL",
    "SELECT * FROM o WHERE EXISTS (FROM l WHERE order_id = id) AND NOT EXISTS (FROM l WHERE order_id = id AND qty = 1)",
    "SELECT * FROM o WHERE EXISTS (FROM l WHERE order_id = id AND qty > 100)",
    "SELECT * FROM o WHERE id > 100 AND EXISTS (FROM l WHERE order_id = id)",
]
GROUPED = [
    "SELECT * FROM o JOIN (SELECT order_id, sum(qty) AS s FROM l GROUP BY order_id) ON order_id = id",
    "FROM o JOIN (SELECT order_id, who, max(qty) m FROM l GROUP BY ALL HAVING m>1) g ON order_id = id AND g.who=o.who",
    "SELECT * FROM o LEFT JOIN (SELECT order_id AS k, count(*) AS n FROM l GROUP BY ALL) ON k = id",
    "SELECT id FROM o WHERE day < (SELECT avg(qty) FROM l WHERE order_id = id)",
    "SELECT * FROM (SELECT order_id, list(qty) AS q FROM l GROUP BY order_id) JOIN o ON order_id = id + 1",
]


def answers(sql: str) -> list[pa.Table]:
    found = []
    for options in ({"processor": "simple"}, {"processor": "adaptive", "partitions": 2, "batch_rows": 2}):
        with velothread.connect(**options) as session:  # type: ignore[arg-type]
            session.register("o", ORDERS)
            session.register("l", LINES)
            found.append(session.query(sql).arrow())
    return found


def plan(sql: str) -> str:
    with velothread.connect() as session:
        session.register("o", ORDERS)
        session.register("l", LINES)
        text: str = session.explain(sql)
        return text


def rules(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        module, constant = name.split("__")
        monkeypatch.setattr(import_module(f"velothread.frontend.optimize.{module}"), constant, value)


@pytest.mark.parametrize("sql", TURNED)
def test_a_turned_join_gives_the_same_rows_in_the_same_order(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = answers(sql)
    assert wanted[0] == wanted[1]
    assert "left rows gathered" not in plan(sql)
    rules(monkeypatch, turn_joins___MANY_ROWS=-1.0, turn_joins___MUCH_LARGER=0.0, sink_semi_joins___FEWER=1e9)
    assert "left rows gathered" in plan(sql)
    assert answers(sql) == wanted


@pytest.mark.parametrize("sql", GROUPED)
def test_groups_that_nobody_asks_for_are_not_missed(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = answers(sql)
    assert wanted[0] == wanted[1]
    assert "the rows that ask" not in plan(sql)
    rules(monkeypatch, restrict_groups___MANY_ROWS=-1.0, restrict_groups___FEWER=1e9)
    assert "the rows that ask" in plan(sql)
    assert answers(sql) == wanted


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("d < TIMESTAMP '2024-05-01'", "d < 2024-05-01"),
        ("d < TIMESTAMP '2024-05-01 10:00:00'", "d < 2024-05-02"),
        ("d <= TIMESTAMP '2024-05-01 10:00:00'", "d <= 2024-05-01"),
        ("d > TIMESTAMP '2024-05-01 10:00:00'", "d > 2024-05-01"),
        ("TIMESTAMP '2024-05-01 10:00:00' <= d", "d >= 2024-05-02"),
        ("(a, b) = (1, 'x')", "(a = 1) AND (b = 'x')"),
        ("(a, b) IN ((1, 'x'), (2, 'y'))", "((a = 1) AND (b = 'x')) OR ((a = 2) AND (b = 'y'))"),
    ],
)
def test_simpler_conditions(condition: str, wanted: str) -> None:
    with velothread.connect() as session:
        session.register("t", pa.table({"a": [1], "b": ["x"], "d": pa.array([0], pa.date32())}))
        assert wanted in session.explain(f"SELECT 1 FROM t WHERE {condition}")
