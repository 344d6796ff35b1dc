"""The HTML report: complete, escaped, nothing to fetch; what is missing is left out together with its heading."""

from __future__ import annotations

import copy
import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.lab.sample_report import sample
from velothread.lab.report import render
from velothread.lab.report.markup import script_json

CHARTS = {
    "latency-by-batch-size": "Latency by batch size",
    "throughput-by-partitions": "Throughput by partitions",
    "ledger": "Where the time goes",
    "wait-phases": "How waits end",
    "wake-latency": "Time to wake",
    "gil": "With and without the GIL",
    "simulated-scaling": "Simulated scaling",
}
# Elements without an end tag.
VOID = {"meta", "rect", "br", "path"}


class Page(HTMLParser):
    """Texts, attributes and headings of a page; an element that isn't closed fails."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.headings: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts = 0
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.texts.append(data.strip())
        if self.open and self.open[-1] in ("h2", "h3", "h4"):
            self.headings.append(data)

    def charts(self) -> list[str]:
        return [value for _, name, value in self.attributes if name == "data-chart"]


def without(*path: str) -> dict[str, Any]:
    """The sample without one of its parts."""
    report = copy.deepcopy(sample())
    inside = report
    for name in path[:-1]:
        inside = inside[name]
    del inside[path[-1]]
    return report


def cells(report: dict[str, Any]) -> Iterator[str]:
    """Every text that the report has ready for its tables."""
    for table in report["study"]:
        yield from (
            table["title"],
            *table["columns"],
            *(cell for row in table["rows"] for cell in row),
            table["finding"],
        )
    for target in report["targets"]:
        yield from (target["measure"], target["study"], target["asked"], target["here"])
    for advice in report["recommendation"]:
        yield from (f"For {advice['for']}: {advice['processor']}", advice["settings"], advice["because"])
    for component in report["components"]:
        yield from (component["name"], component["what"])
    for hybrid in report["hybrid"]:
        yield from (hybrid["workload"], hybrid["best_throughput"], hybrid["best_cpu"], *hybrid["figures"])
    for kind in report["comparison"]["kinds"]:
        yield from (kind["kind"], kind["query"])
    yield from (p["bottleneck"] for p in report["simulation"]["predictions"])
    yield from report["idle"]["cpu_share"]
    yield from (wake["wait"] for wake in report["wakes"])
    yield from report["workload"]["queries"].values()
    yield from (report["machine"]["cpu"], report["machine"]["platform"])


def test_every_text_of_the_report_is_on_the_page() -> None:
    page = Page(render(sample()))
    missing = [cell for cell in cells(sample()) if cell and cell not in page.texts]
    assert not missing


def test_what_matters_comes_first() -> None:
    headings = Page(render(sample())).headings
    order = [
        "Summary",
        "Recommendation",
        "Targets",
        "Charts",
        *CHARTS.values(),
        "The study's tables",
        "All measurements",
    ]
    places = [headings.index(title) for title in order]
    assert places == sorted(places)


def test_every_chart_has_its_data_as_text() -> None:
    page = Page(render(sample()))
    assert page.charts() == list(CHARTS)
    labels = [value for _, name, value in page.attributes if name == "aria-label"]
    assert any("engine alone: 1: 22 µs, 10: 2.21 µs" in label for label in labels)
    assert any(label.startswith("Where the time goes, filter. engine alone: source ") for label in labels)


def test_figures_of_the_summary_come_from_the_report() -> None:
    report = sample()
    report["targets"][1]["met"] = True
    report["machine"]["cores"] = 7
    page = Page(render(report))
    assert "3 of 3" in page.texts
    assert not [text for text in page.texts if text.startswith("Not met")]
    assert any("on 7 cores of AMD EPYC 7B13" in text for text in page.texts)


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("recommendation",), ["Recommendation"]),
        (("targets",), ["Targets"]),
        (("study",), ["The study's tables"]),
        (("components",), ["Components"]),
        (("hybrid",), ["Hybrid against the best strategy"]),
        (("idle",), ["CPU while idle"]),
        (("machine",), ["Machine"]),
        (("wakes",), ["Time to wake"]),
        (("comparison",), ["With and without the GIL"]),
        (("simulation",), ["Simulated scaling", "What limits each size"]),
        (("simulation", "validation"), ["Simulation against measurement"]),
        (
            ("measurements",),
            [
                "Latency by batch size",
                "Throughput by partitions",
                "Where the time goes",
                "How waits end",
                "All measurements",
            ],
        ),
    ],
    ids=lambda value: ".".join(value),
)
def test_a_part_that_is_missing_takes_its_heading_along(path: tuple[str, ...], gone: list[str]) -> None:
    headings = Page(render(without(*path))).headings
    assert not set(gone) & set(headings)
    assert "Method" in headings


def test_null_is_as_good_as_missing() -> None:
    for name in sample():
        report = sample()
        report[name] = None
        assert Page(render(report)).headings == Page(render(without(name))).headings


@pytest.mark.parametrize(
    "key", ["setup", "tables", "latency_us", "throughput", "cpu_us", "waits", "ended", "wake_us", "ledger", "answer"]
)
def test_measurements_may_lack_anything(key: str) -> None:
    report = sample()
    for measurement in report["measurements"]:
        measurement[key] = None
    Page(render(report))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a document, but for all except the first two of a list: they are alike."""
    if path:
        yield path
    inside = list(enumerate(value))[:2] if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def short() -> dict[str, Any]:
    """The sample with two measurements of each sweep, and short histograms: it has every kind of part still."""
    report = sample()
    sweeps: dict[str, list[Any]] = {}
    for measurement in report["measurements"]:
        sweeps.setdefault(measurement["tables"][-1], []).append(measurement)
    report["measurements"] = [measurement for found in sweeps.values() for measurement in found[:2]]
    for wake in report["wakes"]:
        del wake["histogram"][3:]
    return report


def test_anything_may_be_null() -> None:
    for path in places(short()):
        report = short()
        inside: Any = report
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = None
        try:
            assert "</html>" in render(report)
        except Exception as error:
            raise AssertionError(f"null at {path}") from error


def test_an_empty_report_says_so() -> None:
    page = Page(render({}))
    assert not page.charts()
    assert not page.scripts
    assert "There is nothing in this report." in page.texts


@pytest.mark.parametrize(
    ("sweep", "chart"),
    [("batch size", "latency-by-batch-size"), ("partitions", "throughput-by-partitions"), ("waits", "wait-phases")],
)
def test_a_chart_whose_sweep_is_missing_is_left_out_alone(sweep: str, chart: str) -> None:
    report = sample()
    for measurement in report["measurements"]:
        measurement["tables"] = [name for name in measurement["tables"] if name != sweep]
    assert Page(render(report)).charts() == [name for name in CHARTS if name != chart]


def test_the_line_of_the_study_is_for_its_workload_alone() -> None:
    assert "the study, 60 µs" in render(sample())
    report = sample()
    report["workload"]["name"] = "query"
    assert "the study, 60 µs" not in render(report)


def hostile(value: Any) -> Any:
    """The same document, but every text in it tries to leave its place."""
    if isinstance(value, dict):
        return {key: hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return (
        f"{value}</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;"
        if isinstance(value, str)
        else value
    )


def test_no_text_leaves_its_place() -> None:
    report = sample()
    kept = {"measurements": report["measurements"], "format": 1}
    for measurement in kept["measurements"]:
        measurement["setup"]["query"] = hostile("filter")
    page = Page(render(hostile(report) | kept))
    assert page.scripts == 3
    assert not [tag for tag, *_ in page.attributes if tag == "img"]
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert any("onerror" in text for text in page.texts)


def test_sql_is_shown_as_it_was_written() -> None:
    source = render(sample())
    sql = sample()["workload"]["queries"]["filter"]
    assert html.escape(sql) in source
    assert sql not in source


def test_json_in_a_script_cannot_end_it() -> None:
    value = {"a": "</script><!--", "b": "\u2028&", "c": float("nan"), "d": [1.5, None, True]}
    text = script_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value | {"c": None}


def test_nothing_is_fetched() -> None:
    page = Page(render(sample()))
    for _, name, value in page.attributes:
        assert name not in ("src", "srcset", "data", "action", "xlink:href")
        assert name != "href" or re.fullmatch(r"#[a-z]+", value)
    styles = re.findall(r"<style>(.*?)</style>", render(sample()), re.DOTALL)
    assert len(styles) == 1
    assert "url(" not in styles[0]
    assert "@import" not in styles[0]
    policy = next(value for tag, name, value in page.attributes if (tag, name) == ("meta", "content"))
    assert policy.startswith("default-src 'none'")


def test_the_same_report_is_the_same_page() -> None:
    assert render(sample()) == render(json.loads(json.dumps(sample())))
