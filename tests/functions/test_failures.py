"""Calls that raise: what is said of them, whatever they raise."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import velothread
from tests.running import WAYS
from velothread.sources.source import ReadOptions


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


def chained(x: int) -> int:
    try:
        return {1: 1}[x]
    except KeyError as error:
        raise ValueError("no such key") from error


def grouped(x: int) -> int:
    raise ExceptionGroup("several", [ValueError("a"), KeyError("b"), OSError("c"), OSError("d")])


def endless(x: int) -> int:
    return endless(x + 1)


def raising(error: Callable[[], BaseException]) -> Callable[[int], int]:
    def broken(x: int) -> int:
        raise error()

    return broken


RAISED: list[tuple[Callable[[int], int], list[str]]] = [
    (raising(lambda: ValueError("one\ntwo")), ["broken(0) raised ValueError: one", "    two"]),
    (raising(lambda: ValueError()), ["broken(0) raised ValueError"]),
    (raising(lambda: MuteError("x")), ["broken(0) raised MuteError, whose __str__ raised RuntimeError"]),
    (raising(lambda: SystemExit(3)), ["broken(0) raised SystemExit: 3"]),
    (raising(lambda: MemoryError()), ["broken(0) raised MemoryError"]),
    (raising(lambda: StopIteration("x")), ["broken(0) raised StopIteration"]),
    (raising(lambda: GeneratorExit("x")), ["broken(0) raised GeneratorExit: x"]),
    (raising(lambda: velothread.Cancelled("x")), ["broken(0) raised Cancelled: x"]),
    (raising(lambda: velothread.OptionError("x")), ["broken(0) raised OptionError: x"]),
    (endless, ["endless(0) raised RecursionError: maximum recursion depth exceeded"]),
    (chained, ["chained(0) raised ValueError: no such key", "  caused by KeyError: 0"]),
    (
        grouped,
        [
            "grouped(0) raised ExceptionGroup: several (4 sub-exceptions)",
            "  with ValueError: a",
            "  with KeyError: 'b'",
            "  with OSError: c",
            "  and 1 more",
        ],
    ),
]


@pytest.mark.parametrize(("function", "lines"), RAISED, ids=[r[1][0] for r in RAISED])
@pytest.mark.parametrize("way", WAYS[::2], ids=str)
def test_what_it_raised_is_said(function: Callable[[int], int], lines: list[str], way: dict[str, Any]) -> None:
    with velothread.connect(batch_rows=2, **way) as session:
        session.register("t", pa.table({"x": range(7)}))
        session.register_function(function)
        name = function.__name__
        with pytest.raises(velothread.ExecutionError) as caught:
            session.query(f"SELECT {name}(x) FROM t").fetchall()
        said = str(caught.value).splitlines()
        assert [line for line in said if line in lines] == lines
        assert f"  1 | SELECT {name}(x) FROM t" in said
        assert said[-1].startswith("  hint: --on-error null")
        # and the session goes on
        result = session.query(f"SELECT count(try({name}(x))) FROM t")
        assert result.fetchall() == [(0 if name != "chained" else 1,)]
        assert result.refused == 0


def test_the_lines_of_the_users_code_are_shown() -> None:
    with velothread.connect() as session:
        session.register_function(chained)
        with pytest.raises(velothread.ExecutionError) as caught:
            session.query("SELECT chained(5)").fetchall()
    line = chained.__code__.co_firstlineno + 4
    assert f'  File "{__file__}", line {line}, in chained' in str(caught.value)
    assert '    raise ValueError("no such key") from error' in str(caught.value)
    assert str(Path(velothread.__file__).parent) not in str(caught.value)
    # all of it, for programs and --debug
    cause = caught.value.__cause__
    assert isinstance(cause, ValueError)
    assert isinstance(cause.__cause__, KeyError)
    whole = "".join(traceback.format_exception(caught.value))
    assert "return {1: 1}[x]" in whole
    assert "<velothread pipeline" in whole


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_interrupt_stays_one(way: dict[str, Any]) -> None:
    def interrupted(x: int) -> int:
        if x == 5:
            raise KeyboardInterrupt
        return x

    def in_a_group(x: int) -> int:
        raise BaseExceptionGroup("several", [ValueError("a"), KeyboardInterrupt()])

    for on_error in ("fail", "null", "skip"):
        with velothread.connect(batch_rows=2, read=ReadOptions(on_error=on_error), **way) as session:  # type: ignore[arg-type]
            session.register("t", pa.table({"x": range(7)}))
            for function in (interrupted, in_a_group):
                session.register_function(function)
                with pytest.raises(KeyboardInterrupt):
                    session.query(f"SELECT {function.__name__}(x) FROM t").fetchall()


@pytest.mark.parametrize("form", ["arrow", "numpy", "list"])
def test_a_batch_that_fails(form: Any) -> None:
    def broken(x: int) -> int:
        raise ValueError("not today") from KeyError("k")

    def single(x: int) -> int:
        return 5

    def short(x: int) -> Any:
        return [1]

    def texts(x: int) -> Any:
        return ["a", "b", "c"]

    with velothread.connect() as session:
        for function in (broken, single):
            session.register_function(function, batch=form)
        for function in (short, texts):
            session.register_function(function, batch=form, returns="BIGINT")

        def error(name: str) -> str:
            with pytest.raises(velothread.ExecutionError) as caught:
                session.query(f"SELECT {name}(range) FROM range(3)").fetchall()
            return str(caught.value)

        given = {"arrow": "pyarrow Arrays", "numpy": "NumPy arrays", "list": "lists"}[form]
        assert error("broken").startswith(f"broken, given 3 rows as {given}, raised ValueError: not today\n  File")
        assert "\n  caused by KeyError: 'k'\n" in error("broken")
        assert "single returned a wrong result for a batch of 3 rows: 5 is one value" in error("single")
        assert "short returned a wrong result for a batch of 3 rows: 1 values came back" in error("short")
        assert "texts returned a wrong result for a batch of 3 rows: value 0: 'a' is of type str" in error("texts")


def test_arguments_that_python_has_no_values_for_are_refused_row_by_row() -> None:
    def year(day: dt.date) -> int:
        return day.year

    sql = "SELECT year_of(d) FROM (VALUES (DATE '2020-01-01'), (DATE '12000-01-01'), (DATE '2021-01-01')) AS t(d)"
    with velothread.connect() as session:
        session.register_function(year, "year_of")
        with pytest.raises(velothread.ExecutionError) as caught:
            session.query(sql).fetchall()
        assert "year_of(12000-01-01): a DATE is out of Python's range" in str(caught.value)
        session.register_function(year, "year_of", on_error="null")
        result = session.query(sql)
        assert result.fetchall() == [(2020,), (None,), (2021,)]
        assert result.failures == {"year_of": 1}


def test_debug_shows_the_whole_traceback(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(
        "def inner(x):\n    raise KeyError(x)\n\n\n"
        "def outside(x: int) -> int:\n    try:\n        inner(x)\n"
        "    except KeyError as error:\n        raise ValueError('outer') from error\n"
    )
    command = [sys.executable, "-m", "velothread", "query", "SELECT outside(range) FROM range(3)", "--udf"]
    command.append(str(tmp_path / "functions.py"))
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert plain.returncode == 1
    assert "outside(0) raised ValueError: outer" in plain.stderr
    assert "caused by KeyError: 0" in plain.stderr
    assert "Traceback" not in plain.stderr
    debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
    assert "raise KeyError(x)" in debug.stderr
    assert "The above exception was the direct cause of the following exception" in debug.stderr
