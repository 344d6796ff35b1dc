"""Queries with Python functions give what the functions give in plain Python, in every form, under every processor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import velothread
from tests.functions.files import session_with, written
from tests.running import WAYS, ipc_bytes

FILE = """
import re
import numpy as np
import velothread

TABLE = {n: n * 3 % 7 for n in range(-50, 51)}
WORD = re.compile(r"[a-z]+")


def mixed(i: int, x: float) -> float:
    t = x * 1.5 - i
    if t > 2:
        return t * t
    return -t / 3.0


def looked_up(i: int) -> int:
    return TABLE.get(i, 0) + 1


def words(s: str) -> int:
    count = 0
    for _ in WORD.finditer(s):
        count += 1
    return count


def described(s: str | None, i: int) -> str | None:
    if s is None:
        return None if i > 10 else f"nothing {i}"
    return s.upper() + str(i)


@velothread.udf(deterministic=True)
def first(s: str) -> str:
    return s[:1] or "-"


@velothread.udf(batch="numpy")
def scaled(x: float, by: float) -> float:
    return x * by


@velothread.udf(batch="list")
def lengths(s: list[str]) -> list[int]:
    return [len(v) for v in s]
"""
NAMESPACE: dict[str, Any] = {}
exec(FILE, NAMESPACE)


@dataclass(frozen=True)
class Term:
    """An expression in SQL, and in Python over a row (i, x, s)."""

    sql: str
    value: Callable[[Any], Any]


def _strict(name: str, *places: int) -> Callable[[Any], Any]:
    """A function of the file, which isn't called where an argument is None."""
    function = NAMESPACE[name]
    return lambda row: None if any(row[p] is None for p in places) else function(*(row[p] for p in places))


TERMS = {
    t.sql: t
    for t in (
        Term("mixed(i, x)", _strict("mixed", 0, 1)),
        Term("looked_up(i)", _strict("looked_up", 0)),
        Term("words(s)", _strict("words", 2)),
        Term("described(s, i)", lambda r: None if r[1 - 1] is None else NAMESPACE["described"](r[2], r[0])),
        Term("first(s)", _strict("first", 2)),
        Term("scaled(x, 0.5)", lambda r: None if r[1] is None else r[1] * 0.5),
        Term("lengths(s)", lambda r: None if r[2] is None else len(r[2])),
        Term("looked_up(words(s))",
             lambda r: None if r[2] is None else NAMESPACE["looked_up"](NAMESPACE["words"](r[2]))),
        Term("CASE WHEN i > 0 THEN words(s) ELSE looked_up(i) END",
             lambda r: _strict("words", 2)(r) if r[0] is not None and r[0] > 0 else _strict("looked_up", 0)(r)),
    )
}  # fmt: skip
FILTERS = {
    "true": lambda r: True,
    "looked_up(i) > 3": lambda r: r[0] is not None and NAMESPACE["looked_up"](r[0]) > 3,
    "words(s) > 1 AND i < 20": lambda r: None not in (r[0], r[2]) and r[0] < 20 and NAMESPACE["words"](r[2]) > 1,
    "described(s, i) IS NULL OR i = 3":
        lambda r: r[0] is None or NAMESPACE["described"](r[2], r[0]) is None or r[0] == 3,
}  # fmt: skip

ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-60, 60),
        st.none() | st.integers(-400, 400).map(lambda n: n / 4),
        st.none() | st.text(st.sampled_from("ab c\u00fc"), max_size=6),
    ),
    max_size=40,
)


def _table(rows: Iterable[Any]) -> pa.Table:
    i, x, s = ([r[p] for r in rows] for p in range(3))
    return pa.table({"i": pa.array(i, pa.int64()), "x": pa.array(x, pa.float64()), "s": pa.array(s, pa.string())})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("functions"), FILE)


@given(rows=ROWS, terms=st.lists(st.sampled_from(sorted(TERMS)), min_size=1, max_size=3, unique=True),
       condition=st.sampled_from(sorted(FILTERS)), limit=st.none() | st.integers(0, 5))  # fmt: skip
def test_rows(file: str, rows: list[Any], terms: list[str], condition: str, limit: int | None) -> None:
    expected = [tuple(TERMS[t].value(r) for t in terms) for r in rows if FILTERS[condition](r)][:limit]
    sql = f"SELECT {', '.join(terms)} FROM t WHERE {condition}" + (f" LIMIT {limit}" if limit is not None else "")
    _agree(file, sql, _table(rows), expected)


@given(
    rows=ROWS,
    key=st.sampled_from(["looked_up(i)", "first(s)", "lengths(s)"]),
    term=st.sampled_from(["words(s)", "looked_up(i)"]),
)
def test_groups(file: str, rows: list[Any], key: str, term: str) -> None:
    keyed = [(TERMS[key].value(r), TERMS[term].value(r)) for r in rows]
    order = list(dict.fromkeys(k for k, _ in keyed))
    keyed.sort(key=lambda pair: order.index(pair[0]))
    expected = []
    for k, pairs in groupby(keyed, key=lambda pair: pair[0]):
        values = [v for _, v in pairs]
        known = [v for v in values if v is not None]
        expected.append((k, len(values), sum(known) if known else None, max(known, default=None)))
    sql = f"SELECT {key}, count(*), sum({term}), max({term}) FROM t GROUP BY {key}"
    _agree(file, sql, _table(rows), expected)


def _agree(file: str, sql: str, table: pa.Table, expected: list[Any]) -> None:
    answers = []
    for way in WAYS:
        with session_with(file, **way, batch_rows=4) as session:
            session.register("t", table)
            result = session.query(sql)
            answers.append(ipc_bytes(result.arrow()))
            if way is WAYS[0]:
                assert result.fetchall() == expected
    assert all(a == answers[0] for a in answers)


def test_the_functions_run_in_the_forms_that_are_meant(file: str) -> None:
    with session_with(file) as session:
        session.register("t", _table([]))
        explained = session.explain(f"SELECT {', '.join(TERMS)} FROM t")
    forms = dict(line.strip().split(": ", 1) for line in explained.split("Python functions:\n")[1].splitlines())
    assert forms["mixed(BIGINT, DOUBLE)"] == "lifted"
    assert forms["looked_up(BIGINT)"].startswith("inlined (not lifted: ")
    assert forms["words(VARCHAR)"].startswith("called (not lifted: loops")
    assert forms["scaled(DOUBLE, DOUBLE)"] == "given whole columns"


@pytest.mark.parametrize("options", [{}, {"lift": False}, {"lift": False, "inline": False}])
def test_every_form_gives_the_same(options: dict[str, bool], tmp_path: Path) -> None:
    """Also where the kernels have to leave a batch to Python: numbers beyond 64 bits, an exception."""

    def squared(i: int) -> int:
        return i * i // (i - 7) if i != 7 else -1

    values = [1, -5, 7, 3_000_000_000, 2**40]
    with velothread.connect() as session:
        session.register("t", pa.table({"i": np.array(values)}))
        session.register_function(squared, returns="BIGINT", **options)
        got = session.query("SELECT squared(i) FROM t").fetchall()
        assert got == [(squared(v),) for v in values]
        session.register("t", pa.table({"i": [1, 2**62]}))
        session.register_function(lambda i: 2 * i, "doubled", parameters=["BIGINT"], returns="BIGINT", **options)
        with pytest.raises(velothread.ExecutionError, match="9223372036854775808 doesn't fit BIGINT"):
            session.query("SELECT doubled(i) FROM t").arrow()

        def divided(i: int) -> float:
            return 1 / (i - 3)

        session.register("t", pa.table({"i": [1, 2, 3, 4]}))
        session.register_function(divided, **options)
        with pytest.raises(velothread.ExecutionError, match=r"divided\(3\) raised ZeroDivisionError") as caught:
            session.query("SELECT divided(i) FROM t").arrow()
        assert "return 1 / (i - 3)" in str(caught.value)
        assert session.query("SELECT sum(divided(i)) FROM t WHERE i <> 3").fetchall() == [(-0.5 - 1 + 1,)]
