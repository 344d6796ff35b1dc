"""Checking queries with Python functions for races: what differs is found, what agrees is not accused."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import velothread
from velothread.errors import OptionError
from velothread.functions import checking
from velothread.functions.checking import Check, Meeting, Run, check_query, digest, first_difference
from velothread.session import Session
from velothread.testing.sequencer import Crowd

ROWS = 40_000
TABLE = pa.table({"n": range(ROWS)})


def opening(*functions: Any) -> Callable[..., Session]:
    def open_session(**how: Any) -> Session:
        session = velothread.connect(batch_rows=500, **how)
        session.register("t", pa.Table.from_batches(TABLE.to_batches(500)))
        for f in functions:
            session.register_function(f)
        return session

    return open_session


def check(sql: str, *functions: Any, runs: int = 2, partitions: tuple[int, ...] = (1, 2, 4)) -> Check:
    return check_query(opening(*functions), sql, partitions=partitions, runs=runs)


def innocent(n: int) -> int:
    return n * n


@velothread.udf(lift=False)
def here(n: int) -> bool:
    """Is this the thread that asked? A receiver is not."""
    return threading.current_thread().name == ASKING


@velothread.udf(lift=False, deterministic=False)
def chance_elsewhere(n: int) -> str:
    return "" if threading.current_thread().name == ASKING else uuid.uuid4().hex


@velothread.udf(lift=False, deterministic=False)
def chance(n: int) -> str:
    return uuid.uuid4().hex


@velothread.udf(lift=False)
def fails_elsewhere(n: int) -> int:
    if threading.current_thread().name != ASKING:
        raise ValueError("not here")
    return n


@velothread.udf(lift=False)
def always_fails(n: int) -> int:
    raise ValueError("never")


ASKING = "asking"


@pytest.fixture(autouse=True)
def asking() -> Any:
    thread = threading.current_thread()
    before, thread.name = thread.name, ASKING
    yield
    thread.name = before


def test_an_innocent_function_agrees() -> None:
    found = check("SELECT innocent(n) AS x FROM t WHERE innocent(n) % 3 = 0", innocent)
    assert found.agrees
    assert found.verdict == "all 6 runs agree"
    assert [r.partitions for r in found.runs] == [1, 1, 2, 2, 4, 4]
    assert len({r.digest for r in found.runs}) == 1


def test_an_answer_that_depends_on_the_thread_is_found() -> None:
    found = check("SELECT n, here(n) AS h FROM t", here)
    assert not found.agrees
    assert found.verdict.startswith("the answer depends on the number of partitions")
    difference = found.difference
    assert difference is not None
    assert (difference.row, difference.column, difference.values) == (1, "h", ("True", "False"))
    assert (difference.first.title, difference.second.title) == ("run 1, 1 partition", "run 3, 2 partitions")


def test_an_answer_that_changes_in_several_threads_alone_is_a_race() -> None:
    found = check("SELECT chance_elsewhere(n) FROM t", chance_elsewhere)
    assert "never with one: a race" in found.verdict


def test_one_that_is_not_deterministic_by_itself_is_told_apart() -> None:
    found = check("SELECT chance(n) FROM t", chance)
    assert found.verdict.startswith("not deterministic with one partition either")
    assert found.difference is not None
    assert (found.difference.first.partitions, found.difference.second.partitions) == (1, 1)


def test_a_failure_in_several_threads_alone_is_a_difference() -> None:
    found = check("SELECT sum(fails_elsewhere(n)) FROM t", fails_elsewhere)
    assert found.difference is not None
    assert found.difference.values[0] == "an answer"
    assert "ValueError: not here" in found.difference.values[1]


def test_a_query_that_fails_at_once_is_just_that() -> None:
    with pytest.raises(velothread.ExecutionError, match="ValueError: never"):
        check("SELECT always_fails(n) FROM t", always_fails)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT n FROM t", "calls no Python function"),
        ("SELECT innocent(n) FROM t; SELECT 1", "2 statements"),
        ("COPY (SELECT innocent(n) FROM t) TO 'x.csv'", "this statement has none"),
    ],
)
def test_what_can_not_be_checked(sql: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        check(sql, innocent)


def test_calls_that_need_each_other_are_under_way_at_once() -> None:
    """The first call of each thread waits for the other's: so they overlap, and it is noticed."""
    barrier = threading.Barrier(2)
    met: set[int] = set()

    @velothread.udf(lift=False, inline=False)
    def meet(n: int) -> int:
        me = threading.get_ident()
        if threading.current_thread().name != ASKING and me not in met:
            met.add(me)
            barrier.wait(20)
        return n

    found = check("SELECT sum(meet(n)) FROM t", meet, partitions=(1, 2), runs=1)
    assert found.agrees
    assert found.runs[1].overlapped >= 2
    assert found.runs[0].overlapped == 0
    assert found.caution is None


def test_little_input_is_a_reason_for_caution() -> None:
    found = check("SELECT innocent(n) FROM t LIMIT 1", innocent, partitions=(1, 2), runs=1)
    assert found.agrees
    runs = [Run(1, 1, "x", None, None, 1, 5, 0), Run(2, 2, "x", None, None, 1, 5, 0)]
    assert "made by one thread" in str(Check(runs).caution)
    runs[1] = Run(2, 2, "x", None, None, 2, 5, 0)
    assert "no two calls" in str(Check(runs).caution)
    runs[1] = Run(2, 2, "x", None, None, 0, 0, 0)
    assert "no row needed one" in str(Check(runs).caution)
    runs[1] = Run(2, 2, "x", None, None, 2, 5, 1)
    assert Check(runs).caution is None


def test_one_waits_until_another_comes() -> None:
    meeting = Meeting(2)
    with Crowd() as crowd:
        waits = crowd.run(meeting.pair_up)
        crowd.until(lambda: meeting._waiter is not None or not waits.thread.is_alive())
        meeting.pair_up()
    assert meeting._waiter is None


def test_nobody_waits_for_ever_for_company() -> None:
    meeting = Meeting(2)
    for _ in range(100):
        meeting.pair_up()
    assert meeting._nobody == checking._GIVE_UP


# --- differences


def run_of(number: int, table: pa.Table | None, error: str | None = None) -> Run:
    return Run(number, 1, digest(table, error), table, error, 1, 1, 0)


@pytest.mark.parametrize(
    ("one", "other", "row", "column", "values"),
    [
        ([1, 2, 3], [1, 2, 4], 3, "x", ("3", "4")),
        ([1, None], [1, 0], 2, "x", ("None", "0")),
        ([0.0], [-0.0], 1, "x", ("0.0", "-0.0")),
        ([float("nan"), 1.0], [float("nan"), 2.0], 2, "x", ("1.0", "2.0")),
        ([[1], [2]], [[1], [2, 3]], 2, "x", ("[2]", "[2, 3]")),
        ([1, 2], [1], None, "", ("2 rows", "1 rows")),
        ([*range(10_000)], [*range(9_000), -1, *range(9_001, 10_000)], 9_001, "x", ("9000", "-1")),
    ],
)
def test_the_first_difference(
    one: list[Any], other: list[Any], row: int | None, column: str, values: tuple[str, str]
) -> None:
    found = first_difference(*(run_of(i, pa.table({"c": [0] * len(v), "x": v})) for i, v in enumerate((one, other))))
    assert (found.row, found.column, found.values) == (row, column, values)


def test_digests_depend_on_rows_and_not_on_chunks() -> None:
    whole = pa.table({"x": [1.5, None, 2.0], "s": ["a", None, "b"]})
    chunks = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert digest(whole, None) == digest(chunks, None)
    assert digest(whole, None) != digest(whole.take([0, 2, 1]), None)
    assert digest(whole, None) != digest(whole.rename_columns(["y", "s"]), None)
    assert digest(None, "a") != digest(None, "b")


def test_an_answer_without_rows_has_a_digest() -> None:
    empty = TABLE.slice(0, 0)
    assert digest(empty, None) == digest(empty, None) != digest(empty.rename_columns(["m"]), None)
