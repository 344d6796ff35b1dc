"""The other commands, the values of options, and the progress bar."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Call
from tests.cli.fake_session import FakeResult, FakeSession
from velothread.cli import values
from velothread.cli.doctor import Library, findings
from velothread.cli.progress import ProgressBar, Reading, duration, line, size
from velothread.errors import OptionError

one_at_a_time = pytest.mark.thread_unsafe(reason="captures standard output and replaces velothread.connect")


@one_at_a_time
def test_help_names_the_commands(call: Call) -> None:
    ended = call("--help")
    assert ended.code == 0
    for name in ("query", "explain", "describe", "doctor"):
        assert f"\n  {name} " in ended.out


@one_at_a_time
@pytest.mark.parametrize("command", ["query", "explain", "describe", "doctor"])
def test_each_command_has_help(call: Call, command: str) -> None:
    ended = call(command, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: velothread {command} ")


@one_at_a_time
def test_no_command(call: Call) -> None:
    ended = call()
    assert ended.code == 2
    assert "Commands:" in ended.err


@one_at_a_time
@pytest.mark.parametrize(
    ("word", "said"),
    [("quary", "did you mean 'query'"), ("SELECT 1", "velothread query 'SELECT 1'"), ("xyz", "query, explain")],
)
def test_unknown_commands(call: Call, word: str, said: str) -> None:
    ended = call(word)
    assert ended.code == 2
    assert said in ended.err


@one_at_a_time
def test_version(call: Call) -> None:
    ended = call("--version")
    assert ended.code == 0
    assert ended.out.startswith("velothread ")


@one_at_a_time
def test_explain(call: Call) -> None:
    session = FakeSession()
    ended = call("explain", "SELECT 1; SELECT 2", "--stage", "code", "--param", "7", session=session)
    assert (ended.code, ended.out) == (0, "code of SELECT 1\n\ncode of SELECT 2\n")
    assert session.explained == [("SELECT 1", "code", False, [7]), ("SELECT 2", "code", False, [7])]
    assert call("explain", "SELECT 1", "--analyze", session=session).code == 0
    assert session.explained[-1] == ("SELECT 1", "plan", True, None)


@one_at_a_time
def test_describe(call: Call) -> None:
    session = FakeSession(FakeResult((pa.record_batch({"n": [1], "s": ["first"]}),)))
    ended = call("describe", "it's.csv", "--rows", "1", session=session)
    assert (ended.code, ended.err) == (0, "")
    assert session.ran == [("SELECT * FROM 'it''s.csv' LIMIT 1", None)]
    for part in (
        "2.0 kB (2,048 bytes)",
        "rows:    3",
        "splits:  4",
        "│ n       │ BIGINT  │",
        "│ s       │ VARCHAR │",
        "first",
    ):
        assert part in ended.out


@one_at_a_time
def test_doctor(call: Call) -> None:
    ended = call("doctor")
    assert "pyarrow" in ended.out
    assert "cores" in ended.out
    assert ended.code == (1 if ended.err else 0)


def library(**changes: Any) -> Library:
    return Library(**{"name": "numpy", "version": "2.4", "required": True, "gil": False, "problem": None, **changes})


@pytest.mark.parametrize(
    ("libraries", "gil", "setting", "said"),
    [
        ([library()], False, None, None),
        ([library(gil=True)], True, None, "importing numpy 2.4 turns the GIL on"),
        ([library(gil=True)], True, "1", "PYTHON_GIL=1"),
        ([library()], True, None, "-X gil=1"),
        ([library(gil=None, problem="ImportError: no")], False, None, "numpy can't be imported: ImportError: no"),
        ([library(gil=None, version=None, required=False, problem="not installed")], False, None, None),
    ],
)
def test_findings(libraries: list[Library], gil: bool, setting: str | None, said: str | None) -> None:
    found = findings(free_threaded=True, gil=gil, libraries=libraries, setting=setting)
    assert (found == []) if said is None else any(said in problem for problem in found)


def test_a_gil_build_is_no_problem() -> None:
    assert findings(free_threaded=False, gil=True, libraries=[library(gil=True)], setting=None) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5), ("-5", -5), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("true", True),
        ("FALSE", False), ("null", None), ("nan", "nan"),
        ("'5'", "5"), ("'it''s'", "it's"), ("", ""), ("x y", "x y"), ("2024-01-02", "2024-01-02"), ("1e", "1e"),
    ],
)  # fmt: skip
def test_values_of_parameters(text: str, expected: object) -> None:
    found = values.value(text)
    assert (type(found), found) == (type(expected), expected)


@given(st.text())
def test_quoted_values_are_always_text(text: str) -> None:
    assert values.value("'" + text.replace("'", "''") + "'") == text


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back(number: float) -> None:
    assert values.value(repr(number)) == number


def test_numbered_parameters() -> None:
    assert values.parameters(["2=b", "$1=a"]) == ["a", "b"]
    with pytest.raises(OptionError, match="1 to 2"):
        values.parameters(["1=a", "3=b"])
    with pytest.raises(OptionError, match="given twice"):
        values.parameters(["a=1", "a=2"])


def test_progress_line() -> None:
    shown = line(Reading(50_000_000, 200_000_000, 3_000_000), 5.0)
    assert shown == "━━━━━━──────────────────  25%  50.0 MB of 200.0 MB  600,000 rows/s  15 s left"
    assert line(Reading(50_000, None, 10), 5.0) == "50.0 kB  2 rows/s  5 s"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [(size(999), "999 B"), (size(1500), "1.5 kB"), (size(2 * 10**12), "2.0 TB"), (duration(65), "1 min 05 s"),
     (duration(3725), "1 h 02 min")],
)  # fmt: skip
def test_sizes_and_times(shown: str, expected: str) -> None:
    assert shown == expected


def test_the_bar_comes_after_a_second_and_is_wiped() -> None:
    out, now = io.StringIO(), [0.0]
    bar = ProgressBar(out, enabled=True, clock=lambda: now[0])
    bar.tick()
    bar.watch(SimpleNamespace(progress=Reading(1, 2, 3)))
    now[0] = 0.9
    bar.tick()
    assert out.getvalue() == ""
    now[0] = 1.1
    bar.tick()
    assert " 50%" in out.getvalue()
    bar.clear()
    assert out.getvalue().endswith("\r\x1b[K")
    length = len(out.getvalue())
    bar.tick()
    bar.clear()
    assert len(out.getvalue()) == length


def test_no_bar_when_switched_off() -> None:
    out, now = io.StringIO(), [0.0]
    bar = ProgressBar(out, enabled=False, clock=lambda: now[0])
    bar.watch(SimpleNamespace(progress=Reading(1, 2, 3)))
    now[0] = 9.0
    bar.tick()
    bar.clear()
    assert out.getvalue() == ""
