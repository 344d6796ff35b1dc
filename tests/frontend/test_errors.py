"""Errors in SQL: what, where, what to do; before anything is read."""

from __future__ import annotations

import pyarrow as pa
import pytest

import velothread

TABLE = pa.table({"symbol": ["a"], "price": [1.0], "qty": [1]})

# SQL -> (class, what the underlined text is, a part of the message)
ERRORS: list[tuple[str, type[velothread.SqlError], str, str]] = [
    ("SELEC 1", velothread.ParseError, "1", "did you mean 'SELECT'?"),
    ("SELECT pricee FROM t", velothread.BindError, "pricee", "did you mean 'price'?"),
    ("SELECT t.nope FROM t", velothread.BindError, "t.nope", "unknown column 'nope'"),
    ("SELECT x.price FROM t", velothread.BindError, "x.price", "unknown table 'x'"),
    ("SELECT uper(symbol) FROM t", velothread.BindError, "uper(symbol)", "did you mean 'upper'"),
    ("SELECT upper(price) FROM t", velothread.BindError, "upper(price)", "no function fits upper(DOUBLE)"),
    ("SELECT * FROM missing", velothread.BindError, "missing", "unknown table 'missing'"),
    ("SELECT symbol = 1 FROM t", velothread.BindError, "symbol = 1", "can't compare VARCHAR = INTEGER"),
    ("SELECT sum(price) FROM t GROUP BY 5", velothread.BindError, "5", "the SELECT list has 1 item"),
    ("SELECT price, count(*) FROM t", velothread.BindError, "price", "neither in GROUP BY"),
    ("SELECT * FROM t WHERE sum(qty) > 1", velothread.BindError, "sum(qty) > 1", "use HAVING"),
    ("SELECT CAST(price AS NONSENSE) FROM t", velothread.UnsupportedError, "", "NONSENSE"),
    ("SELECT * FROM t JOIN t AS u ON qty", velothread.BindError, "qty", "ambiguous"),
    ("SELECT (SELECT nope) FROM t", velothread.BindError, "nope", "unknown column 'nope'"),
    ("CREATE TABLE x (a INT)", velothread.UnsupportedError, "", "not supported"),
    ("SELECT qty + FROM t", velothread.ParseError, "", "syntax error"),
    ("SELECT 'abc FROM t", velothread.ParseError, "", "a text that begins here does not end"),
    ("SELECT $1 FROM t", velothread.BindError, "", "no value was given for parameter"),
    ("SELECT DATE 'no date' FROM t", velothread.ExecutionError, "", "no date"),
    ("SELECT * EXCLUDE (nope) FROM t", velothread.BindError, "", "EXCLUDE"),
    ("SELECT sum(count(*)) FROM t", velothread.BindError, "", "inside another"),
    ("SELECT qty FROM t LIMIT qty", velothread.BindError, "", "qty"),
    ("SELECT 1, 2 UNION ALL SELECT 1", velothread.BindError, "", "UNION: 2 and 1 columns"),
]


# SQL -> the whole text that is underlined
UNDERLINED = {
    "SELECT 1 + price::DATE FROM t": "price::DATE",
    "SELECT (price + 1)::DATE FROM t": "price + 1)::DATE",
    "SELECT CAST(price AS DATE) FROM t": "CAST(price AS DATE)",
    "SELECT TRY_CAST(price AS UUID), 1 FROM t": "TRY_CAST(price AS UUID)",
    "SELECT 'x'::INTEGER": "'x'::INTEGER",
    "SELECT DATE '2020-13-01'": "DATE '2020-13-01'",
    "SELECT symbol::nothing FROM t": "nothing",
    "SELECT price FROM t UNION ALL SELECT price, qty FROM t": "SELECT price, qty FROM t",
    "SELECT 1 UNION SELECT 2 UNION SELECT *, 3 FROM t": "SELECT *, 3 FROM t",
    "SELECT 1 EXCEPT (SELECT 1, 2)": "(SELECT 1, 2)",
    "SELECT upper(price), 1 FROM t": "upper(price)",
}


@pytest.mark.parametrize(("sql", "underlined"), UNDERLINED.items())
def test_the_whole_is_underlined(sql: str, underlined: str) -> None:
    with velothread.connect() as session, pytest.raises(velothread.SqlError) as caught:
        session.register("t", TABLE)
        session.query(sql).arrow()
    position = caught.value.position
    assert position is not None
    assert sql[position.start : position.end] == underlined


# call -> what fits, in words
SIGNATURES = {
    "sum(symbol)": ["sum(BOOLEAN or integer or DECIMAL)", "sum(DOUBLE)"],
    "avg(symbol)": [
        "avg(BOOLEAN or integer or DECIMAL)",
        "avg(DATE or TIME or TIMESTAMP)",
        "avg(DOUBLE)",
    ],
    "stddev(symbol)": ["stddev(DOUBLE)"],
    "abs(symbol)": ["abs(number)"],
    "list_contains(qty, 1)": ["list_contains(list, item)"],
    "arg_min(qty)": ["arg_min(any type, any type)", "arg_min(any type, any type, BIGINT)"],
    "qty & 1.5": ["integer & integer", "HUGEINT & HUGEINT"],
    "map_keys(qty)": ["map_keys(map)"],
}


@pytest.mark.parametrize(("call", "signatures"), SIGNATURES.items())
def test_what_would_fit_is_said_in_words(call: str, signatures: list[str]) -> None:
    with velothread.connect() as session, pytest.raises(velothread.BindError) as caught:
        session.register("t", TABLE)
        session.query(f"SELECT {call} FROM t")
    assert [line.strip() for line in caught.value.message.splitlines()[1:]] == signatures


@pytest.mark.parametrize(("sql", "kind", "underlined", "part"), ERRORS, ids=[e[0] for e in ERRORS])
def test_error(sql: str, kind: type[velothread.SqlError], underlined: str, part: str) -> None:
    with velothread.connect() as session, pytest.raises(kind) as caught:
        session.register("t", TABLE)
        session.query(sql).arrow()
    error = caught.value
    assert part in str(error)
    if underlined:
        assert error.position is not None
        assert underlined.startswith(sql[error.position.start : error.position.end].partition("(")[0])
        assert "^" in str(error)


def test_execution_errors_point_into_the_sql() -> None:
    sql = "SELECT symbol,\n       qty * 9223372036854775807 AS x\nFROM t"
    with velothread.connect() as session, pytest.raises(velothread.ExecutionError) as caught:
        session.register("t", pa.table({"symbol": ["a"], "qty": [3]}))
        session.query(sql).arrow()
    assert "2 |        qty * 9223372036854775807 AS x" in str(caught.value)
    assert "^^^" in str(caught.value)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    sql = "SELECT " + "(" * 3000 + "1" + ")" * 3000
    with velothread.connect() as session, pytest.raises(velothread.SqlError):
        session.query(sql).arrow()


def test_a_thousand_alternatives() -> None:
    sql = "SELECT count(*) FROM t WHERE " + " OR ".join(f"qty = {i}" for i in range(1000))
    with velothread.connect() as session:
        session.register("t", TABLE)
        assert session.query(sql).fetchall() == [(1,)]


def test_parameters() -> None:
    with velothread.connect() as session:
        session.register("t", pa.table({"qty": [1, 2, 3]}))
        assert session.query("SELECT count(*) FROM t WHERE qty > ?", [1]).fetchall() == [(2,)]
        assert session.query("SELECT $b - $a", {"a": 1, "b": 3}).fetchall() == [(2,)]
        assert session.query("SELECT $2 || $1", ["x", "y"]).fetchall() == [("yx",)]
