"""Functions that give tables: in FROM with constants, and called for each row of another table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velothread
from tests.functions.pieces import Pieces
from tests.functions.table_functions import pairs, prices, tuples, words
from tests.running import WAYS, ipc_bytes
from velothread.errors import BindError, ExecutionError, OptionError

FILE = Path(__file__).parent / "table_functions.py"


def one_answer(sql: str, table: pa.Table | None = None, split: int = 1, **options: Any) -> list[tuple[Any, ...]]:
    """The rows that all ways agree on."""
    answers = []
    for way in WAYS:
        with velothread.connect(**way, **options) as session:
            session.load_functions(str(FILE))
            if table is not None:
                session.register("t", Pieces(table, split))
            answers.append(session.query(sql).arrow())
    assert len({ipc_bytes(a) for a in answers}) == 1, sql
    return list(zip(*(c.to_pylist() for c in answers[0].columns), strict=True))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.text("ab ", max_size=9)), st.one_of(st.none(), st.integers(0, 3))),
        max_size=12,
    ),
    st.integers(1, 4),
    st.sampled_from([1, 3, 65_536]),
)
def test_a_row_has_the_rows_that_python_gives(rows: list[tuple[Any, Any]], split: int, batch_rows: int) -> None:
    texts, least = ([r[i] for r in rows] for i in (0, 1))
    table = pa.table(
        {"i": range(len(rows)), "s": pa.array(texts, pa.string()), "least": pa.array(least, pa.int32())},
    )
    given_: list[list[tuple[str, int]]] = [
        [] if s is None or n is None else [tuple(w) for w in _words(s, n)] for s, n in rows
    ]
    inner = one_answer("SELECT i, word, length FROM t, words(s, least)", table, split, batch_rows=batch_rows)
    assert inner == [(i, *w) for i, found in enumerate(given_) for w in found]
    left = one_answer(
        "SELECT i, w, c FROM t LEFT JOIN LATERAL words(t.s, t.least) AS x(w, c) ON true", table, split,
        batch_rows=batch_rows,
    )  # fmt: skip
    assert left == [(i, *w) for i, found in enumerate(given_) for w in found or [(None, None)]]
    counts = one_answer("SELECT i, (SELECT count(*) FROM words(t.s, t.least)) FROM t", table, split)
    assert counts == [(i, len(found)) for i, found in enumerate(given_)]
    filtered = one_answer("SELECT i, w.word FROM t JOIN words(t.s) w ON w.length > t.least", table, split)
    wanted = [(i, s, n) for i, (s, n) in enumerate(rows) if s is not None and n is not None]
    assert filtered == [(i, w.word) for i, s, n in wanted for w in _words(s, 1) if w.length > n]


def _words(text: str, least: int) -> list[Any]:
    return list(words(text, least))


def test_each_kind_of_row() -> None:
    asked = {
        "FROM words('to be or not', 3)": [tuple(w) for w in _words("to be or not", 3)],
        "FROM words('a bb', least := 2)": [("bb", 2)],
        "FROM words(least => 1, text => 'x')": [("x", 1)],
        "FROM words(NULL)": [],
        "SELECT count(*) FROM words(NULL)": [(0,)],
        "FROM prices(['A', 'B'])": [(p.symbol, p.price) for p in prices(["A", "B"])],
        "FROM pairs(3)": [(p["a"], p.get("b")) for p in pairs(3)],
        "FROM tuples(3)": list(tuples(3)),
        "FROM tuples(2) AS x(n, s)": list(tuples(2)),
        "FROM squares(3)": [(0, 0.0), (1, 1.0), (2, 4.0)],
        "FROM batches(3)": [(0, "x"), (0, "x"), (1, "x")],
        "SELECT b FROM batches(4) LIMIT 2": [("x",), ("x",)],
        "FROM numbers(2, NULL)": [(2,), (3,), (4,)],
        "FROM numbers(NULL, 3)": [],
        "SELECT n + n FROM numbers(1, 3) AS n": [(2,), (4,)],
        "SELECT numbers FROM numbers(1, 3)": [(1,), (2,)],
        "FROM repeated('x', 2)": [("x",), ("x",)],
        "FROM made(2)": [(0,), (1,)],
        "SELECT count(*) FROM tuples(1000)": [(1000,)],
        "SELECT sum(n), count(*) FROM squares(100_000) WHERE square > 100": [(4999949945, 99989)],
        "FROM words('a b') WITH ORDINALITY": [("a", 1, 1), ("b", 1, 2)],
        "SELECT a.n, b.n FROM squares(2) a, squares(2) b WHERE a.n <> b.n": [(0, 1), (1, 0)],
        "SELECT v, s FROM (VALUES (1), (3)) t(v), LATERAL tuples(t.v) AS x(n, s) WHERE n = 2": [(3, "xx")],
        "SELECT v, a, b FROM (VALUES (2), (0), (3)) t(v), batches(v) WHERE a = 0": [
            (2, 0, "x"), (3, 0, "x"), (3, 0, "x"),
        ],
        "SELECT v, r FROM (VALUES (2), (0)) t(v) LEFT JOIN LATERAL repeated('y', v) AS r ON true": [
            (2, "y"), (2, "y"), (0, None),
        ],
        "SELECT v, n FROM (VALUES (5)) t(v), numbers(v, NULL) AS n LIMIT 2": [(5, 5), (5, 6)],
        "WITH w AS (FROM words('a b')) SELECT x.word, y.word FROM w x, w y WHERE x.word < y.word": [("a", "b")],
    }  # fmt: skip
    for sql, wanted in asked.items():
        assert one_answer(sql) == wanted, sql


def test_the_first_rows_do_not_wait_for_a_whole_batch() -> None:
    """Rows come in growing pieces: what a LIMIT needs is all (or little more) that is asked for."""
    asked: list[int] = []

    def endless(start: int) -> Iterator[int]:
        while True:
            asked.append(start)
            yield start
            start += 1

    for way in WAYS:
        with velothread.connect(**way) as session:
            session.register_function(endless)
            asked.clear()
            assert session.query("FROM endless(3) LIMIT 2").fetchall() == [(3,), (4,)]
            assert asked == [3, 4]
            assert session.query("FROM endless(0) WHERE endless % 50 = 49 LIMIT 2").fetchall() == [(49,), (99,)]


def test_a_generator_is_closed_when_no_more_is_wanted() -> None:
    closed: list[bool] = []
    thread: list[bool] = []

    def held(count: int) -> Iterator[int]:
        mine = threading.get_ident()
        try:
            yield from range(count)
        finally:
            closed.append(True)
            thread.append(threading.get_ident() == mine)

    for way in WAYS:
        with velothread.connect(**way) as session:
            session.register_function(held)
            for sql in (
                "FROM held(1_000_000) LIMIT 1",
                "FROM held(1_000_000) WHERE held > 100 LIMIT 1",
                "FROM held(3)",
            ):
                closed.clear()
                session.query(sql).fetchall()
                assert closed == [True], (way, sql)
            closed.clear()
            batches = session.query("FROM held(1_000_000)").batches()
            next(batches)
            batches.close()  # type: ignore[attr-defined]
        assert closed == [True], way
    assert all(thread)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("FROM words('a boom')", ["words('a boom') raised ValueError: boom! after 1 row", "in words", "^^^^^^^^^"]),
        ("SELECT * FROM t, words(s)", ["words('c boom') raised ValueError: boom!", "in words", "^^^^^"]),
        ("FROM wrong(5)", ["wrong(5), row 4: column 'b': 3 is of type int", "^^^^^^^^"]),
        ("FROM narrow(2)", ["narrow(2), row 2: (1,) has 1 value, and rows of (a BIGINT, b VARCHAR) are declared"]),
        ("FROM t, narrow(n)", ["narrow(2) returned a wrong result: (1,) has 1 value"]),
        ("FROM other(1)", ["other(1), row 1: 'text' is of type str, and rows of (a BIGINT, b VARCHAR)"]),
        ("FROM field(1)", ["has a field 'c'"]),
        ("FROM arrow(1)", ["arrow(1), batch 1: a batch has 1 columns, and 2 are declared"]),
        ("FROM t, arrow(n)", ["arrow(1) returned a wrong result: a batch has 1 columns"]),
        ("FROM no_table(1)", ["can't read rows from a builtins.int"]),
        ("FROM fails(1)", ["fails(1) raised RuntimeError: no", "in fails", "^^^^^^^^"]),
    ],
)
def test_what_goes_wrong_is_said(way: dict[str, Any], sql: str, parts: list[str]) -> None:
    def wrong(n: int) -> Iterator[tuple[int, str]]:
        for i in range(n):
            yield i, i if i == 3 else "x"  # type: ignore[misc]

    def narrow(n: int) -> Iterator[tuple[int, str]]:
        yield 0, "x"
        if n == 2:
            yield (1,)  # type: ignore[misc]

    def other(n: int) -> Iterator[tuple[int, str]]:
        yield "text"  # type: ignore[misc]

    def field(n: int) -> Iterator[tuple[int, str]]:
        yield {"a": 1, "b": "x", "c": 2}  # type: ignore[misc]

    def arrow(n: int) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})

    def no_table(n: int) -> pa.Table:
        return n

    def fails(n: int) -> pa.Table:
        raise RuntimeError("no")

    with velothread.connect(**way) as session:
        session.load_functions(str(FILE))
        for maker in (no_table, fails):
            session.register_function(maker)
        for defined in (wrong, narrow, other, field, arrow):
            session.register_function(defined, returns="TABLE(a BIGINT, b VARCHAR)")
        session.register("t", Pieces(pa.table({"s": ["a", None, "c boom"], "n": [1, 2, 3]}), 1))
        with pytest.raises(velothread.UserError) as caught:
            session.query(sql).fetchall()
    for part in parts:
        assert part in str(caught.value)


def test_rows_before_an_error_are_there() -> None:
    def short(n: int) -> Iterator[int]:
        yield from range(n)
        raise ValueError("at the end")

    for way in WAYS:
        with velothread.connect(**way) as session:
            session.register_function(short)
            assert session.query("FROM short(10) LIMIT 10").fetchall() == [(i,) for i in range(10)]
            batches = session.query("FROM short(10)").batches()
            assert next(batches).num_rows == 10
            with pytest.raises(ExecutionError, match="at the end after 10 rows"):
                next(batches)


def test_errors_of_a_row_may_leave_it_out() -> None:
    with velothread.connect() as session:
        session.load_functions(str(FILE))
        session.register_function(words, name="lenient", on_error="skip", share="thread")
        session.register("t", {"i": [1, 2, 3], "s": ["a", "b boom", "c"]})
        assert session.query("SELECT i, word FROM t, lenient(s)").fetchall() == [(1, "a"), (3, "c")]


def test_what_is_no_table_function_is_refused_with_its_use() -> None:
    def score(x: int) -> int:
        return x

    def unknown(x: int):  # type: ignore[no-untyped-def]
        yield x

    def several(x: int) -> Iterator[tuple[int, ...]]:
        yield (x,)

    def arrow(n: int) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [n]})

    with velothread.connect() as session:
        session.load_functions(str(FILE))
        session.register_function(score)
        for sql, part in (
            ("FROM score(1)", "score is a function of values: SELECT score(...)"),
            ("SELECT words('a')", "words is a function that gives a table: FROM words(...)"),
            ("SELECT words('a') OVER ()", "neither an aggregate nor a window function"),
            ("SELECT made(1)", "made is a function that gives a table"),
            ("FROM wrds('a')", "did you mean 'words'?"),
            ("FROM words()", "words(VARCHAR, [integer]) -> TABLE(word VARCHAR, length BIGINT)"),
            ("FROM words([1])", "parameter text can't take INTEGER[]"),
            ("FROM words('a', lest := 2)", "words has no parameter 'lest'"),
            ("FROM words('a', text := 'b')", "is given twice the parameter 'text'"),
            ("FROM words(least := 1)", "give 'text', too"),
            ("FROM words(least := 1, 'a')", "can't follow one with a name"),
            ("SELECT * FROM (VALUES (1)) t(n), made(n)", "so it takes constants"),
            ("FROM words('a') AS w(a, b, c)", "3 column names for 2 columns"),
        ):
            with pytest.raises(BindError) as caught:
                session.query(sql)
            assert part in str(caught.value), sql
        with pytest.raises(OptionError, match="say what its rows are"):
            session.register_function(unknown)
        with pytest.raises(OptionError, match="how many columns"):
            session.register_function(several)
        with pytest.raises(OptionError, match="say what the columns are"):
            session.register_function(arrow)
