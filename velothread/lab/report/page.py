"""The page: what it has, in the order in which it is read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from velothread.lab.report import summary, tables
from velothread.lab.report.charts import charts
from velothread.lab.report.markup import Table, script_json, section, table, text, titled_table
from velothread.lab.report.plots import Chart, drawing, figure


def render(report: Mapping[str, Any]) -> str:
    """A lab report as one HTML text that needs no network: styles, scripts and figures are in it.

    `report` is the document that `velothread profile --json` writes. A part that it lacks is left out of the page,
    together with its heading; whatever texts it has (SQL, names) are escaped.

    >>> "<h1>velothread lab report</h1>" in render({})
    True
    """
    drawn = charts(report)
    sections = {
        "summary": ("Summary", section("summary", "Summary", [summary.html(report)])),
        "recommendation": (
            "Recommendation",
            section("recommendation", "Recommendation", [summary.recommendation(report)]),
        ),
        "targets": ("Targets", _section("targets", "Targets", tables.targets(report))),
        "charts": ("Charts", section("charts", "Charts", [figure(chart) for chart in drawn])),
        "study": ("The study", section("study", "The study's tables", [titled_table(t) for t in tables.study(report)])),
        "waiting": ("Waiting", section("waiting", "Waiting", _titled([*tables.hybrid(report), tables.idle(report)]))),
        "components": ("Components", _section("components", "Components", tables.components(report))),
        "method": ("Method", section("method", "Machine, workload and method", _titled(_method(report)))),
        "measurements": (
            "All measurements",
            section("measurements", "All measurements", _titled(tables.sweeps(report))),
        ),
    }
    kept = {name: (title, content) for name, (title, content) in sections.items() if content}
    links = "".join(f'<li><a href="#{name}">{text(title)}</a></li>' for name, (title, _) in kept.items())
    lead = text(summary.lead(report))
    body = (
        f"<header>\n<h1>velothread lab report</h1>\n{f'<p>{lead}</p>' if lead else ''}\n</header>\n"
        + (
            f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
            if kept
            else "<p>There is nothing in this report.</p>\n"
        )
        + "<main>\n"
        + "".join(content for _, content in kept.values())
        + f"</main>\n{_footer(report)}"
    )
    return _document(body, drawn)


def _document(body: str, drawn: Sequence[Chart]) -> str:
    # The page may run these scripts and no others, and may ask for nothing.
    scripts = [_file("uplot", "uPlot.iife.min.js"), _file("charts.js")] if drawn else []
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(it.encode()).digest()).decode()}'" for it in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes or "'none'"}; base-uri 'none'"
    styles = (_file("uplot", "uPlot.min.css") if drawn else "") + "\n" + _file("page.css")
    figures = script_json([plot for chart in drawn for plot in drawing(chart)])
    data = f'<script type="application/json" id="chart-figures">{figures}</script>\n' if drawn else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>velothread lab report</title>\n<style>\n{styles}</style>\n</head>\n<body>\n{body}"
        + data
        + "".join(f"<script>{it}</script>\n" for it in scripts)
        + "</body>\n</html>\n"
    )


def _file(*path: str) -> str:
    """A file of this package as text, with line ends as a browser reads them: the hashes of scripts depend on it."""
    text = files("velothread.lab.report").joinpath(*path).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _section(identity: str, title: str, content: Table | None) -> str:
    return "" if content is None else section(identity, title, [table(content)])


def _titled(contents: Sequence[Table | None]) -> list[str]:
    return [titled_table(content) for content in contents if content is not None]


def _method(report: Mapping[str, Any]) -> list[Table | None]:
    return [tables.machine(report), tables.workload(report), tables.method(report)]


def _footer(report: Mapping[str, Any]) -> str:
    made = tables.date(report.get("made"))
    parts = [part for part in (f"velothread {report['velothread']}" if report.get("velothread") else "", made) if part]
    return f"<footer><p>{text(', '.join(parts))}</p></footer>\n" if parts else ""
