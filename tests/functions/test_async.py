"""Async functions: many calls at once, results in order, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tenacity
from hypothesis import given, settings
from hypothesis import strategies as st

import velothread
from tests.running import WAYS, ipc_bytes
from velothread.functions import concurrent_calls
from velothread.functions.concurrent_calls import attempts
from velothread.sources.source import ReadOptions
from velothread.testing.sequencer import Crowd, no_thread_left


def table(rows: int) -> pa.Table:
    return pa.table({"x": pa.array(range(rows), pa.int64())})


def answer(sql: str, data: pa.Table, *functions: Any, way: dict[str, Any] | None = None, **read: Any) -> Any:
    """The rows, failures and refusals of a query over `t`."""
    with velothread.connect(batch_rows=10, read=ReadOptions(**read), **(way or {})) as session:
        session.register("t", data)
        for function in functions:
            session.register_function(function)
        result = session.query(sql)
        return ipc_bytes(result.arrow()), result.failures, result.refused


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_so_many_calls_are_under_way_and_no_more(way: dict[str, Any]) -> None:
    barriers: dict[Any, asyncio.Barrier] = defaultdict(lambda: asyncio.Barrier(5))
    under_way: dict[Any, int] = defaultdict(int)
    most: list[int] = []

    @velothread.udf(concurrency=5)
    async def met(x: int) -> int:
        loop = asyncio.get_running_loop()
        under_way[loop] += 1
        most.append(under_way[loop])
        await barriers[loop].wait()  # with fewer than five at once, for ever
        under_way[loop] -= 1
        return x

    expected = answer("SELECT x FROM t", table(100), way=way)
    assert answer("SELECT met(x) AS x FROM t", table(100), met, way=way) == expected
    assert max(most) == 5


def test_results_are_in_the_order_of_the_rows_whatever_ends_first() -> None:
    ended: list[int] = []
    events = [asyncio.Event() for _ in range(8)]

    async def backwards(x: int) -> int:
        if x < 7:
            await events[x + 1].wait()
        ended.append(x)
        events[x].set()
        return x * 10

    rows = answer("SELECT backwards(x) AS y FROM t", table(8), backwards)[0]
    assert rows == ipc_bytes(pa.table({"y": pa.array([x * 10 for x in range(8)], pa.int64())}))
    assert ended == list(range(7, -1, -1))


def test_the_first_failure_in_order_is_reported_and_the_rest_is_cancelled_and_waited_for() -> None:
    begun, failed, cancelled, finished = asyncio.Event(), asyncio.Event(), list[int](), list[int]()

    async def uneven(x: int) -> int:
        if x == 7:
            begun.set()
        if x == 3:
            await begun.wait()
            failed.set()
            raise ValueError("the first in time")
        try:
            await (failed.wait() if x < 2 else asyncio.Event().wait())
            for _ in range(5):  # turns of the loop, in which 4 and those after it are cancelled
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cancelled.append(x)
            raise
        finished.append(x)
        if x == 1:
            raise ValueError("the first in order")
        return x

    with pytest.raises(velothread.ExecutionError, match=r"uneven\(1\) raised ValueError: the first in order"):
        answer("SELECT uneven(x) FROM t", table(8), uneven)
    assert finished == [0, 1]
    assert sorted(cancelled) == [2, 4, 5, 6, 7]


async def double(x: int) -> int:
    await asyncio.sleep(0)
    if x % 3 == 1:
        raise ValueError(f"{x} won't do")
    return "odd" if x % 7 == 2 else 2 * x  # type: ignore[return-value]


@settings(max_examples=30)
@given(
    values=st.lists(st.none() | st.integers(-50, 50), max_size=60),
    on_error=st.sampled_from(["skip", "null", "fail"]),
    concurrency=st.sampled_from([1, 2, 64]),
    sql=st.sampled_from(
        [
            "SELECT x, double(x) AS y FROM t",
            "SELECT x FROM t WHERE double(x) > 4 OR double(x) IS NULL",
            "SELECT CASE WHEN x > 0 THEN double(x) ELSE x END AS y FROM t",
            "SELECT double(x) AS y FROM t LIMIT 7",
        ]
    ),
)
def test_as_the_same_function_without_async(
    values: list[int | None], on_error: str, concurrency: int, sql: str
) -> None:
    def plain(x: int) -> int:
        if x % 3 == 1:
            raise ValueError(f"{x} won't do")
        return "odd" if x % 7 == 2 else 2 * x  # type: ignore[return-value]

    def outcome(function: Any, way: dict[str, Any]) -> Any:
        read = ReadOptions(on_error=on_error)  # type: ignore[arg-type]
        with velothread.connect(batch_rows=7, read=read, **way) as session:
            session.register("t", pa.table({"x": pa.array(values, pa.int64())}))
            session.register_function(function, "double", concurrency=concurrency)
            result = session.query(sql)
            try:
                return ipc_bytes(result.arrow()), result.failures
            except velothread.ExecutionError as error:
                return str(error).splitlines()[0]

    expected = outcome(plain, WAYS[0])
    for way in WAYS[::2]:
        assert outcome(double, way) == expected


def test_attempts() -> None:
    tries: dict[int, int] = defaultdict(int)

    async def third_time(x: int) -> int:
        tries[x] += 1
        await asyncio.sleep(0)
        if tries[x] < 3:
            raise OSError("try again")
        return x

    async def all_of(call: Callable[..., Awaitable[int]]) -> list[Any]:
        return await asyncio.gather(*(call(x) for x in range(5)), return_exceptions=True)

    none = tenacity.wait_none()
    assert asyncio.run(all_of(attempts(third_time, retries=2, wait=none))) == list(range(5))
    assert set(tries.values()) == {3}
    tries.clear()
    found = asyncio.run(all_of(attempts(third_time, retries=1, wait=none)))
    assert [str(e) for e in found] == ["try again"] * 5
    assert set(tries.values()) == {2}


def test_a_call_that_takes_too_long_is_tried_again_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_calls, "BACKOFF_FIRST", 0.0)
    tries: dict[int, int] = defaultdict(int)

    @velothread.udf(timeout=0.01, retries=2, on_error="null")
    async def slow(x: int) -> int:
        tries[x] += 1
        if x == 1 or (x == 2 and tries[x] < 3):
            await asyncio.Event().wait()
        return x

    for way in WAYS[::2]:
        tries.clear()
        with velothread.connect(**way) as session:
            session.register("t", table(4))
            session.register_function(slow)
            result = session.query("SELECT slow(x) FROM t")
            assert result.fetchall() == [(0,), (None,), (2,), (3,)]
            assert result.failures == {"slow": 1}
            assert tries == {0: 1, 1: 3, 2: 3, 3: 1}
    with pytest.raises(velothread.ExecutionError) as caught, velothread.connect() as session:
        session.register_function(slow, on_error="fail", retries=0)
        session.query("SELECT slow(1)").fetchall()
    assert "slow(1) raised TimeoutError: no result after 0.01 s\n  File" in str(caught.value)
    assert "    await asyncio.Event().wait()" in str(caught.value)


@pytest.mark.parametrize("way", [*WAYS, {"processor": "adaptive", "partitions": 2, "strategy": "hash"}], ids=str)
def test_cancel_interrupts_calls_that_wait(way: dict[str, Any]) -> None:
    waiting, ended = threading.Event(), list[int]()

    async def endless(x: int) -> int:
        try:
            if x == 3:
                waiting.set()
            await asyncio.Event().wait()
        finally:
            ended.append(x)
        return x

    with velothread.connect(batch_rows=4, **way) as session, Crowd() as crowd:
        session.register("t", table(4))
        session.register_function(endless)
        sql = "SELECT endless(x) AS y, count(*) FROM t GROUP BY y"
        result = session.query(sql)
        running = crowd.run(result.fetchall)
        assert waiting.wait(30)
        session.cancel()
        with pytest.raises(velothread.Cancelled):
            running.result()
        # the session goes on
        session.register_function(double, "endless")
        assert session.query(sql.replace("FROM t", "FROM t WHERE x = 3")).fetchall() == [(6, 1)]
    assert sorted(ended) == [0, 1, 2, 3]


def test_a_failure_elsewhere_interrupts_calls_that_wait() -> None:
    waiting, ended, mine = threading.Event(), list[int](), list[int]()

    async def endless(x: int) -> int:
        if x == 0:  # the first of its thread
            mine.append(threading.get_ident())
            await asyncio.to_thread(waiting.wait, 30)
            raise ValueError("stop")
        if threading.get_ident() in mine:
            return x
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            ended.append(x)
        return x

    with velothread.connect(processor="adaptive", partitions=2, batch_rows=100) as session:
        session.register("t", table(5000))
        session.register_function(endless, concurrency=2)
        with pytest.raises(velothread.ExecutionError, match=r"endless\(0\) raised ValueError: stop"):
            session.query("SELECT endless(x) FROM t").fetchall()
    assert len(ended) == 2


def test_ctrl_c_in_the_main_thread() -> None:
    async def interrupted(x: int) -> int:
        if x == 2:
            signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()
        return x

    async def raising(x: int) -> int:
        if x == 2:
            raise KeyboardInterrupt
        await asyncio.Event().wait()
        return x

    for function in (interrupted, raising):
        with velothread.connect(processor="simple", read=ReadOptions(on_error="null")) as session:
            session.register("t", table(5))
            session.register_function(function)
            with pytest.raises(KeyboardInterrupt):
                session.query(f"SELECT {function.__name__}(x) FROM t").fetchall()


def test_what_a_function_may_do_to_its_own_task() -> None:
    async def odd(x: int) -> int:
        if x == 1:
            raise asyncio.CancelledError
        if x == 2:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        if x == 3:
            raise SystemExit(3)
        if x == 4:
            async with asyncio.TaskGroup() as group:
                group.create_task(double(1))
        return x

    for way in WAYS:
        with velothread.connect(read=ReadOptions(on_error="null"), **way) as session:
            session.register("t", table(8))
            session.register_function(odd, concurrency=1)
            result = session.query("SELECT odd(x) FROM t")
            assert [v for (v,) in result.fetchall()] == [0, None, None, None, None, 5, 6, 7]
            assert result.failures == {"odd": 4}


def test_inside_of_a_loop_that_runs() -> None:
    async def notebook(way: dict[str, Any]) -> Any:
        return answer("SELECT double(x) AS y FROM t", table(30), double, way=way, on_error="skip")

    expected = answer("SELECT double(x) AS y FROM t", table(30), double, on_error="skip")
    for way in WAYS:
        with no_thread_left():
            assert asyncio.run(notebook(way)) == expected


FILE = """
import asyncio
import threading
import builtins

async def setup():
    global loop
    loop = asyncio.get_running_loop()
    builtins.velothread_test_log.append(("setup", threading.get_ident(), loop))

async def teardown():
    builtins.velothread_test_log.append(("teardown", threading.get_ident(), asyncio.get_running_loop()))

async def same(x: int) -> bool:
    return asyncio.get_running_loop() is loop
"""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    import builtins

    found: list[Any] = []
    monkeypatch.setattr(builtins, "velothread_test_log", found, raising=False)
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_each_thread_has_a_loop_set_up_and_torn_down(way: dict[str, Any], tmp_path: Path, log: list[Any]) -> None:
    (tmp_path / "functions.py").write_text(FILE)
    with no_thread_left():
        with velothread.connect(batch_rows=16, **way) as session:
            session.register("t", table(3000))
            session.load_functions(str(tmp_path / "functions.py"))
            for _ in range(2):
                assert session.query("SELECT DISTINCT same(x) FROM t").fetchall() == [(True,)]
        begun = {entry[1:] for entry in log if entry[0] == "setup"}
        ended = {entry[1:] for entry in log if entry[0] == "teardown"}
        assert begun == ended  # in the same thread, in the same loop
        assert len(log) == 2 * len(begun)
        assert all(loop.is_closed() for _, _, loop in log)
    log.clear()
    del begun, ended
    gc.collect()  # a loop that was left open would warn, and a warning is an error


def test_a_session_that_is_dropped_closes_its_loops(tmp_path: Path, log: list[Any]) -> None:
    (tmp_path / "functions.py").write_text(FILE)
    session = velothread.connect(processor="simple")
    session.load_functions(str(tmp_path / "functions.py"))
    rows = session.query("SELECT same(1)").fetchall()
    del session
    gc.collect()
    assert rows == [(True,)]
    assert [entry[0] for entry in log] == ["setup", "teardown"]
    assert log[0][2].is_closed()


def test_a_plain_teardown_and_what_is_said_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(
        "def teardown():\n    raise ValueError('no end')\n\ndef f(x: int) -> int:\n    return x\n"
    )
    said: list[str] = []
    with velothread.connect() as session:
        session.notify = said.append
        assert session.load_functions(str(tmp_path / "functions.py")) == ["f"]
    assert said == [f"teardown of {tmp_path / 'functions.py'} raised ValueError: no end"]


def test_a_setup_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    path.write_text(
        "async def setup():\n    raise ValueError('no begin')\n\nasync def f(x: int) -> int:\n    return x\n"
    )
    with velothread.connect() as session, pytest.raises(velothread.OptionError) as caught:
        session.load_functions(str(path))
    assert str(caught.value).startswith(f"{path}: ValueError: no begin\n")


def test_options_that_do_not_fit() -> None:
    async def waits(x: int) -> int:
        return x

    def plain(x: int) -> int:
        return x

    with velothread.connect() as session:
        with pytest.raises(velothread.OptionError, match="row by row"):
            session.register_function(waits, batch="numpy")
        for options in ({"timeout": 1.0}, {"retries": 1}):
            with pytest.raises(velothread.OptionError, match="are for async functions"):
                session.register_function(plain, **options)
