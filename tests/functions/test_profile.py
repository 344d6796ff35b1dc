"""Profiles of Python functions: exact counts, the same answer, what is said of contention."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

import velothread
from tests.running import WAYS, ipc_bytes
from velothread.functions.figures import Company, Cost, FunctionFigures, measured_company, table
from velothread.functions.profile import CallRecord, Clock, Pieces, TimedCalls
from velothread.processors.metrics import LatencyHistogram

ROWS = 40_000
BATCH = 5_000
NUMBERS = pa.table({"n": range(ROWS), "small": [i % 7 for i in range(ROWS)]})
ADAPTIVE = {"processor": "adaptive", "partitions": 2}


def run(sql: str, *functions: Any, **options: Any) -> velothread.Result:
    with velothread.connect(**{"batch_rows": BATCH, "profile": True} | options) as session:
        session.register("t", pa.Table.from_batches(NUMBERS.to_batches(BATCH)))
        for f in functions:
            session.register_function(f)
        result = session.query(sql)
        result.arrow()
    return result


def figures(result: velothread.Result, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = result.stats.as_dict()["functions"][place]
    return found


def twice(n: int) -> int:
    return 2 * n


@velothread.udf(lift=False)
def thrice(n: int) -> int:
    return 3 * n


@velothread.udf(lift=False, inline=False)
def called(n: int) -> int:
    return 4 * n


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_the_answer_is_the_same(options: dict[str, Any]) -> None:
    sql = "SELECT twice(n) AS x, thrice(small), called(n) FROM t WHERE twice(n) % 3 = 0"
    functions = (twice, thrice, called)
    plain = run(sql, *functions, profile=False, **options).arrow()
    assert ipc_bytes(run(sql, *functions, **options).arrow()) == ipc_bytes(plain)


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("profile", [False, True])
def test_calls_are_counted_exactly(options: dict[str, Any], profile: bool) -> None:
    found = figures(run("SELECT sum(twice(n)) FROM t", twice, profile=profile, **options))
    assert (found["function"], found["calls"], found["errors"]) == ("twice", ROWS, 0)
    assert found["how"] == "lifted"
    assert found["mean_us"] > 0
    assert 0 < found["share_of_wall"] <= 1


def test_every_row_is_called_once_in_order() -> None:
    seen: list[int] = []

    def note(n: int) -> int:
        seen.append(n)
        return n

    run("SELECT note(n) FROM t", note, processor="simple")
    assert seen == list(range(ROWS))


def test_without_a_profile_nothing_is_timed_by_row() -> None:
    found = figures(run("SELECT sum(twice(n)) FROM t", twice, profile=False))
    assert (found["rows"], found["p50_us"], found["timed_calls"], found["alone_us"]) == (None, None, 0, None)


@pytest.mark.parametrize(("function", "how"), [(thrice, "inlined"), (called, "called")])
def test_a_sample_is_timed_one_by_one(function: Any, how: str) -> None:
    found = figures(run(f"SELECT sum({function.__name__}(n)) FROM t", function, processor="simple"))
    assert found["how"] == how
    assert 64 <= found["timed_calls"] <= ROWS
    assert found["p50_us"] <= found["p99_us"]


def test_of_a_lifted_function_no_call_is_timed() -> None:
    assert figures(run("SELECT sum(twice(n)) FROM t", twice))["timed_calls"] == 0


def test_percentiles_of_few_calls_are_not_shown() -> None:
    found = figures(run("SELECT twice(n) FROM t LIMIT 3", twice, batch_rows=3, processor="simple"))
    assert found["p99_us"] is None


def test_null_rows_are_rows_but_no_calls() -> None:
    sql = "SELECT sum(twice(CASE WHEN n % 4 = 0 THEN n END)) FROM t"
    found = figures(run(sql, twice))
    assert (found["rows"], found["calls"]) == (ROWS, ROWS // 4)


def test_calls_once_per_value_are_told_from_rows() -> None:
    @velothread.udf(deterministic=True, lift=False)
    def next_one(n: int) -> int:
        return n + 1

    found = figures(run("SELECT sum(next_one(small)) FROM t", next_one, processor="simple"))
    assert (found["rows"], found["rows_by_value"], found["calls"]) == (ROWS, ROWS, 7)
    assert found["how"] == "inlined, once per value"


def test_errors_are_counted() -> None:
    @velothread.udf(on_error="null")
    def seventh(n: int) -> int:
        if n % 7 == 0:
            raise ValueError(n)
        return n

    found = figures(run("SELECT count(seventh(n)) FROM t", seventh))
    assert found["errors"] == len(range(0, ROWS, 7))


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_rows_that_fail_are_left_out_wherever_they_are(options: dict[str, Any]) -> None:
    @velothread.udf(on_error="skip", lift=False)
    def odd(n: int) -> int:
        if n % 3 == 0:
            raise ValueError(n)
        return n

    result = run("SELECT n, odd(n) AS o FROM t", odd, **options)
    assert result.fetchall() == [(n, n) for n in range(ROWS) if n % 3]
    assert figures(result)["errors"] == len(range(0, ROWS, 3))


def test_calls_under_try_are_counted() -> None:
    @velothread.udf(lift=False)
    def half(n: int) -> int:
        if n % 2:
            raise ValueError(n)
        return n // 2

    for profile in (False, True):
        found = figures(run("SELECT count(try(half(n))) FROM t", half, profile=profile))
        assert found["calls"] == ROWS


def test_an_error_tells_the_same_row_as_without_a_profile() -> None:
    def picky(n: int) -> int:
        if n >= 12_345:
            raise ValueError("too much")
        return n

    for options in WAYS:
        with pytest.raises(velothread.ExecutionError, match=r"picky\(12345\) raised ValueError: too much"):
            run("SELECT picky(n) FROM t", picky, **options)


def test_a_function_over_batches_gets_the_same_batches() -> None:
    sizes: list[int] = []

    @velothread.udf(batch="numpy")
    def same(n: int) -> int:
        sizes.append(len(n))  # type: ignore[arg-type]
        return n

    run("SELECT sum(same(n)) FROM t", same, profile=False, processor="simple")
    plain = sizes.copy()
    sizes.clear()
    found = figures(run("SELECT sum(same(n)) FROM t", same, processor="simple"))
    assert sizes == plain
    assert (found["how"], found["calls"], found["rows"]) == ("batch, numpy", len(sizes), ROWS)
    assert found["timed_calls"] == len(sizes)


def test_functions_that_wait_for_each_other_do_not_hang() -> None:
    """Two calls have to be inside at once to go on: one alone would wait for ever."""
    barrier = threading.Barrier(2)
    met: set[int] = set()

    @velothread.udf(lift=False)
    def meet(n: int) -> int:
        me = threading.get_ident()
        if n > ROWS // 4 and me not in met:
            met.add(me)
            with suppress(threading.BrokenBarrierError):  # where one thread does all
                barrier.wait(5)
        return n

    assert run("SELECT sum(meet(n)) FROM t", meet, **ADAPTIVE).fetchone() == (ROWS * (ROWS - 1) // 2,)


# --- what is told


def company(alone: float, together: float, *, worked: tuple[float, float] | None = None, **more: Any) -> Company:
    first, second = worked or (alone, together)
    yards: tuple[float, float] = more.pop("yards", (100, 100))
    given = {"threads": 2, "alone_pieces": 20, "company_pieces": 30, "interrupted": 0.0} | more
    return Company(Cost(alone, first, yards[0]), Cost(together, second, yards[1]), **given)


def of(measured: Company | None, **more: Any) -> FunctionFigures:
    given: dict[str, Any] = {
        "name": "f", "how": "called", "shared": True, "rows": 10, "by_value": 0, "calls": 10, "errors": 0, "ns": 1000,
        "wall_ns": 2000, "mean_ns": 100.0, "threads": 2, "hot": ("TABLE (dict of 3)",),
    }  # fmt: skip
    return FunctionFigures(**given | more, company=measured)


def test_the_factors_make_up_the_slowdown() -> None:
    c = company(100, 330, worked=(100, 220), yards=(10, 11))
    assert c.slower == pytest.approx(3.3)
    assert c.contention == pytest.approx(2.0)
    assert c.waiting == pytest.approx(1.5)
    assert c.machine == pytest.approx(1.1)


def test_shared_objects_are_named_where_the_processor_is_slower() -> None:
    hints = of(company(100, 200)).hints()
    assert "2.0 times as long with 2 threads inside" in hints[0]
    assert "TABLE (dict of 3)" in hints[1]
    assert "share='thread'" in hints[2]


def test_waiting_is_no_matter_of_shared_objects() -> None:
    hints = "\n".join(of(company(100, 200, worked=(100, 105))).hints())
    assert "waiting" in hints
    assert "TABLE" not in hints


def test_a_machine_that_is_slower_is_said_to_be() -> None:
    hints = "\n".join(of(company(100, 180, yards=(100, 170))).hints())
    assert "machine" in hints
    assert "TABLE" not in hints


def test_with_the_gil_nothing_else_is_said() -> None:
    hints = of(company(100, 200), gil=True).hints()
    assert len(hints) == 1
    assert "2 threads take turns" in hints[0]
    assert of(None, gil=True, threads=1).hints() == []


def test_no_hint_where_there_is_little_difference() -> None:
    assert of(company(100, 120)).hints() == []


def test_a_busy_machine_is_said_to_be() -> None:
    assert "seldom at work at once" in of(company(100, 110, interrupted=0.5)).hints()[0]
    assert "those count in which others were at work" in of(company(100, 110, interrupted=0.5, picked=True)).hints()[0]


def test_too_few_pieces_give_no_ratio() -> None:
    few = Company(None, Cost(1, 1, 1), 2, 1, 9, 0.0)
    assert few.slower is None
    assert of(few).as_dict()["contention"] is None
    assert of(few).hints() == []


def record(company: list[tuple[float, float, float]], *, interrupted: int) -> CallRecord:
    """Of pieces alone that took 10, and pieces in company: elapsed, worked, and how many others were at work."""
    found = CallRecord()
    for _ in range(10):
        found.alone.add(10, 10, 10, 1, 0.0)
    for elapsed, worked, others in company:
        found.company.add(elapsed, worked, 10, 2, others)
    found.interrupted = interrupted
    return found


BOTH = [(30.0, 30.0, 1.0)] * 10
ONE_OR_THE_OTHER = [(40.0, 10.0, 0.9), (10.0, 10.0, 0.1)] * 20


def test_on_a_busy_machine_pieces_count_in_which_both_were_at_work() -> None:
    found = measured_company([record(BOTH + ONE_OR_THE_OTHER, interrupted=30)])
    assert (found.slower, found.company_pieces, found.picked) == (3.0, 10, True)


def test_all_count_where_too_few_were() -> None:
    found = measured_company([record(BOTH[:5] + ONE_OR_THE_OTHER, interrupted=30)])
    assert (found.company_pieces, found.picked) == (45, False)


def test_on_a_quiet_machine_all_count() -> None:
    found = measured_company([record(BOTH + ONE_OR_THE_OTHER, interrupted=3)])
    assert (found.company_pieces, found.picked) == (50, False)


def test_columns_that_say_nothing_are_left_out() -> None:
    header, line = table([of(None)])[:2]
    assert header.split() == ["function", "how", "module", "calls", "µs/call", "wall"]
    assert line.split() == ["f", "called", "shared", "10", "0.100", "50", "%"]


def test_a_cell_that_others_have_is_a_dash() -> None:
    lines = table([of(company(100, 100)), of(None, name="g")])
    assert lines[2].split()[0] == "g"
    assert lines[2].split()[-1] == "-"


# --- parts


def test_of_many_pieces_some_are_kept_evenly() -> None:
    pieces = Pieces()
    for i in range(10_000):
        pieces.add(i, i, 1, 1, 0.0)
    kept = [int(p[0]) for p in pieces.kept]
    assert pieces.count == 10_000
    assert len(kept) < Pieces.most
    steps = {b - a for a, b in pairwise(kept)}
    assert len(steps) == 1
    assert kept[-1] > 9_900


def test_a_timed_call_counts_though_it_raises() -> None:
    def broken() -> None:
        raise KeyError

    times = LatencyHistogram()
    clock = Clock(times)
    with pytest.raises(KeyError):
        TimedCalls(broken, clock)()
    assert times.total == 1
    assert clock.take() > 0
    assert clock.take() == 0
