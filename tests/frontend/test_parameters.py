"""Parameters: which value goes where, and what is said of too few and too many."""

from __future__ import annotations

from typing import Any

import pytest

import velothread


def test_positions_count_in_the_text() -> None:
    """Clauses are bound in another order than they are written, and an alias is bound again where it is used."""
    sql = "SELECT ? AS a, x, ? AS b FROM (SELECT ? AS x) WHERE x = ? ORDER BY a, b LIMIT ?"
    assert velothread.query(sql, ["a", "b", 7, 7, 1]).fetchall() == [("a", 7, "b")]


def test_each_statement_counts_for_itself() -> None:
    assert velothread.query("SELECT ?; SELECT ? + 1", [1]).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("sql", "values", "said"),
    [
        ("SELECT ?", [1, 2], "2 parameter values were given, but the statement takes 1"),
        ("SELECT 1", [1], "1 parameter value was given, but the statement takes none"),
        ("SELECT $1 + $1", [1, 2], "2 parameter values were given, but the statement takes 1"),
        ("SELECT $x", {"x": 1, "y": 2}, "parameter $y is not in the statement"),
        ("SELECT 1", {"x": 1, "y": 2}, "parameters $x, $y are not in the statement"),
    ],
)
def test_surplus(sql: str, values: Any, said: str) -> None:
    with velothread.connect() as session:
        for ask in (lambda: session.query(sql, values), lambda: session.explain(sql, parameters=values)):
            with pytest.raises(velothread.BindError) as caught:
                ask()
            assert caught.value.message == said


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT 1; SELECT ?", [1, 2]),
        ("SELECT $2", [1, 2]),
        ("SELECT $x AS a WHERE $x > 0", {"x": 1}),
        ("SELECT $x; SELECT $y", {"x": 1, "y": 2}),
    ],
    ids=["several statements share them", "one is passed over", "a name twice", "several statements share names"],
)
def test_no_surplus(sql: str, values: Any) -> None:
    assert len(velothread.query(sql, values).fetchall()) == 1


@pytest.mark.parametrize(
    ("sql", "values", "at"),
    [
        ("SELECT 1 + ?", None, (11, 12)),
        ("SELECT '?', \"a\" + ?, ? FROM (SELECT 1 AS a)", [1], (21, 22)),
        ("SELECT $1 + $2", [1], (12, 14)),
        ("SELECT 1 = $limit", None, (11, 17)),
        ("SELECT 1 = $limit", {"limt": 1}, (11, 17)),
        ("SELECT 1;\nSELECT ?", None, (17, 18)),
    ],
)
def test_a_missing_value_is_underlined(sql: str, values: Any, at: tuple[int, int]) -> None:
    with velothread.connect() as session, pytest.raises(velothread.BindError) as caught:
        session.query(sql, values)
    position = caught.value.position
    assert position is not None and (position.start, position.end) == at
