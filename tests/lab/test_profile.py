"""A profile as a whole: the document, the same in every form; what the command says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.sample_report import sample
from velothread.cli.main import run
from velothread.lab.profile import How, Lab
from velothread.lab.report import render
from velothread.lab.terminal import summary
from velothread.lab.words import us
from velothread.lab.workloads import Workload, study_workload

ROUGH = How(rounds=1, samples=20, idle_s=0.01, quick=True)
SQL = "SELECT symbol, sum(qty) AS volume FROM 'data/trades-*.csv' WHERE side = 'buy' GROUP BY symbol"


@pytest.fixture(scope="module")
def of_a_query() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(Lab(Workload("query", {"query": SQL}, 2_000), ROUGH).document()))
    return document


@pytest.fixture(scope="module")
def of_the_study() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(Lab(study_workload(2_000), ROUGH).document()))
    return document


def test_a_query_is_measured_in_every_set_up(of_a_query: dict[str, Any]) -> None:
    setups = [m["setup"] for m in of_a_query["measurements"]]
    assert {s["kind"] for s in setups} == {"engine", "simple", "fed", "passthrough", "adaptive"}
    assert {s["wait"] for s in setups} == {"hybrid", "condvar", "spin", "yield", "sleep"}
    assert {s["strategy"] for s in setups} == {"auto", "sticky", "hash", "smart", "round-robin", "fan-in"}
    assert any(s["batch_rows"] is None for s in setups)  # from files
    assert of_a_query["workload"]["kind"] == "kernels"
    assert of_a_query["study"] is None
    assert [r["for"] for r in of_a_query["recommendation"]] == ["latency", "throughput", "balance"]
    assert of_a_query["simulation"]["predictions"][-1]["cores"] == 128
    for m in of_a_query["measurements"]:
        if m["ledger"] is not None:
            assert sum(m["ledger"]["parts"].values()) == pytest.approx(m["ledger"]["wall_s"])


def test_the_study_has_all_its_tables_and_targets(of_the_study: dict[str, Any]) -> None:
    assert len(of_the_study["study"]) == 10
    assert len(of_the_study["targets"]) >= 9
    assert of_the_study["workload"]["name"] == "study"


def test_text_and_html_show_the_same_figures(of_a_query: dict[str, Any], of_the_study: dict[str, Any]) -> None:
    for document in (of_a_query, of_the_study):
        text, page = summary(document), render(document)
        for row in document["recommendation"]:
            assert row["settings"] in text
            assert row["settings"] in page
        for title in ("Ledger", "From signal to wake", "Simulation, more cores"):
            assert title in text
    engine = next(m for m in of_a_query["measurements"] if m["setup"]["kind"] == "engine")
    assert us(engine["latency_us"]["median"]) in summary(of_a_query)
    for table in of_the_study["study"]:
        assert table["title"] in summary(of_the_study)


def test_the_summary_of_a_report_with_a_comparison() -> None:
    text = summary(sample())
    assert "Builds of Python" in text
    assert "one thread without the GIL takes" in text


def test_a_timeline_of_a_query_from_its_files() -> None:
    document = Lab(Workload("query", {"query": SQL}, 2_000), ROUGH).trace()
    names = {e["name"] for e in document["traceEvents"]}
    assert {"split", "thread_name", "process_name"} <= names


def test_the_command_writes_all_forms(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"out.{name}" for name in ("html", "json", "trace")}
    arguments = ["--report", str(files["html"]), "--json", str(files["json"]), "--trace", str(files["trace"])]
    assert run(["profile", "--quick", "--rounds", "1", "--records", "1000", SQL, *arguments]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("velothread profile: 1,000 records, 1 rounds")
    assert err.splitlines() == [f"{files[name]} written" for name in ("trace", "html", "json")]
    document = json.loads(files["json"].read_text())
    assert document["workload"]["sql"] == SQL
    assert "<html" in files["html"].read_text()
    assert json.loads(files["trace"].read_text())["traceEvents"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--study", "SELECT 1"], "--study runs the study's own queries"),
        (["SELECT * FROM 'data/no-such.csv'"], "no-such.csv"),
        (["SELECT nope FROM 'data/trades-*.csv'"], "nope"),
        (["SELECT count(*) FROM 'data/trades-*.csv'", "--report", "/no/such/folder/x.html"], "/no/such/folder"),
    ],
)
def test_errors_come_before_minutes_of_measuring(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", *arguments]) != 0
    assert said in capfd.readouterr().err
