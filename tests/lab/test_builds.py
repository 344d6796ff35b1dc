"""Builds of Python beside each other: what is derived, and what is said when one can't run velothread."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lab.test_figures import measured
from velothread.errors import OptionError, VelothreadError
from velothread.lab.builds import Build, Compared, as_json, compare, described, from_json
from velothread.lab.figures import SetUp
from velothread.lab.workloads import Workload, study_workload
from velothread.sources.source import ReadOptions


def runs(simple: float, *receivers: float) -> dict[int, object]:
    """µs per record of the simple processor, and of 1, 2, 4 and 8 receivers."""
    return {0: measured("simple", [simple])} | {
        n: measured("adaptive", [us], partitions=n) for n, us in zip((1, 2, 4, 8), receivers, strict=True)
    }


def test_slowdown_speed_up_break_even_and_contention() -> None:
    one = Compared("functions", "SELECT f(x)", {
        "gil": runs(1.0, 1.0, 1.0, 1.0, 1.0), "free": runs(1.25, 1.25, 0.7, 0.4, 0.5),
    })  # fmt: skip
    machines = {"gil": {"cores": 4}, "free": {"cores": 4}}
    found = described([one], {"gil": True, "free": False}, machines)
    assert found["builds"] == [{"name": "gil", "gil": True}, {"name": "free", "gil": False}]
    [kind] = found["kinds"]
    assert kind["one_thread_slowdown"] == pytest.approx(1.25)
    assert kind["speed_up"] == pytest.approx({"gil": 1.0, "free": 3.125})
    assert kind["break_even_threads"] == 2
    assert kind["contention"] == pytest.approx({"gil": 0.75, "free": 1 - 1.25 / 0.4 / 4})
    assert list(kind["throughput"]["free"]) == ["1", "2", "4", "8"]


def test_a_build_may_be_ahead_at_once_or_never() -> None:
    builds = {"gil": True, "free": False}
    machines = {"gil": {"cores": 2}, "free": {"cores": 2}}
    ahead = Compared("k", "q", {"gil": runs(1, 1, 1, 1, 1), "free": runs(0.9, 1, 1, 1, 1)})
    never = Compared("k", "q", {"gil": runs(1, 1, 0.5, 0.5, 0.5), "free": runs(1.5, 1.5, 0.7, 0.6, 0.6)})
    evens = [k["break_even_threads"] for k in described([ahead, never], builds, machines)["kinds"]]
    assert evens == [1, None]


def test_a_workload_survives_the_way_to_another_process() -> None:
    read = ReadOptions(types=(("x", "INTEGER"),), nulls=("NA",), delimiter=";")
    workload = Workload(
        "query", {"query": "SELECT ?"}, 10, {"t": "a.csv"}, read, ("f.py",), parameters=[1], dialect="spark"
    )
    told = from_json(as_json(workload))
    assert (told.queries, told.tables, told.read) == (workload.queries, workload.tables, read)
    assert (told.functions, told.parameters, told.dialect) == (("f.py",), [1], "spark")
    assert from_json(as_json(study_workload(100))).tables["trades"].num_rows == 100


def test_another_process_runs_set_ups_and_says_what_fails() -> None:
    workload = Workload("query", {"query": "SELECT count(*) AS n FROM 'data/trades-*.csv'"}, 4_000)
    build = Build(sys.executable, workload)
    try:
        trial = build.trial(SetUp("adaptive", "query", 4_000, 100, 2), answer=True)
        other = build.trial(SetUp("simple", "query", 4_000, 1_000), answer=True)
        assert trial.answer == other.answer
        assert (trial.records, trial.wall_ns > 0) == (4_000, True)
        with pytest.raises(VelothreadError, match="KeyError: 'no such query'"):
            build.trial(SetUp("simple", "no such query", 1, 1), answer=False)
    finally:
        build.close()


def test_a_python_that_is_not_there_or_has_no_packages(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="can't run 'no-such-python'"):
        Build("no-such-python", study_workload(10))
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'pyarrow'\" >&2\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(OptionError, match=r"No module named 'pyarrow'\n  hint: .*python -m pip install velothread"):
        Build(str(bare), study_workload(10))


def test_a_build_is_not_compared_with_itself() -> None:
    with pytest.raises(OptionError, match="the builds to compare are the same"):
        compare((sys.executable, sys.executable), study_workload(10), [], 1)
