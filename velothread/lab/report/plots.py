"""Charts as values, and their HTML: lines, which charts.js draws with uPlot, and stacked bars, which are SVG.

Every chart has its figures in a table below it, too, and in a text for those who listen to the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from velothread.lab.report import figures
from velothread.lab.report.markup import Table, table, text

Unit = Literal["us", "rate", "share", "count", "times"]
SHOWN: dict[Unit, Callable[[Any], str]] = {
    "us": figures.microseconds,
    "rate": figures.rate,
    "share": figures.share,
    "count": figures.count,
    "times": figures.times,
}


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line, with the spread it was measured with, if any."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together. A `reference` is what others are held against, `steps` go up where a point is, and
    `marks` are points alone."""

    label: str
    points: tuple[Point, ...]
    style: Literal["line", "reference", "steps", "marks"] = "line"


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis says, its unit, and the base of its logarithm: 0 for a linear one."""

    label: str
    unit: Unit
    log: Literal[0, 2, 10] = 0
    at_points: bool = False  # marked where points are, and nowhere else


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Lines over one x axis."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its parts are as long as their values; `note` stands at its end."""

    label: str
    values: tuple[float, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars of the same parts, to one scale."""

    title: str
    parts: tuple[str, ...]
    unit: Unit
    bars: tuple[Bar, ...]


Plot = LinePlot | BarPlot


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as a reader meets it: heading, one or more plots, and a caption that says what it shows."""

    name: str
    title: str
    caption: str
    plots: tuple[Plot, ...]
    tables: tuple[Table, ...] = ()  # what belongs to it and is always shown


def figure(chart: Chart) -> str:
    """The chart's HTML; charts.js draws the line plots into it."""
    several = len(chart.plots) > 1
    plots = "".join(_plot(chart, index, plot, several) for index, plot in enumerate(chart.plots))
    numbers = "".join(_numbers(chart, plot) for plot in chart.plots)
    tables = "".join(f"<h4>{text(it.title)}</h4>\n{table(it)}" for it in chart.tables)
    return (
        f"<h3>{text(chart.title)}</h3>\n"
        f'<figure data-chart="{text(chart.name)}">\n'
        f'<div class="plots{" several" if several else ""}">{plots}</div>\n'
        f"<figcaption>{text(chart.caption)}</figcaption>\n"
        f"<details><summary>Figures of this chart</summary>{numbers}</details>\n"
        f"</figure>\n{tables}"
    )


def drawing(chart: Chart) -> list[dict[str, Any]]:
    """What charts.js needs to draw the line plots of a chart."""
    return [
        {
            "id": f"{chart.name}-{index}",
            "x": _axis(plot.x),
            "y": _axis(plot.y),
            "lines": [
                {
                    "label": line.label,
                    "style": line.style,
                    "points": [[p.x, p.y, p.low, p.high] for p in line.points],
                }
                for line in plot.lines
            ],
        }
        for index, plot in enumerate(chart.plots)
        if isinstance(plot, LinePlot)
    ]


def _axis(axis: Axis) -> dict[str, Any]:
    return {"label": axis.label, "unit": axis.unit, "log": axis.log, "atPoints": axis.at_points}


def _plot(chart: Chart, index: int, plot: Plot, several: bool) -> str:
    title = f'<p class="plot-title">{text(plot.title)}</p>' if several and plot.title else ""
    label = text(f"{chart.title}{f', {plot.title}' if plot.title else ''}. {_spoken(plot)}")
    if isinstance(plot, BarPlot):
        return f'<div class="plot bars">{title}{_bars(plot, f"{chart.name}-{index}", label)}</div>\n'
    scale = " (logarithmic)" if plot.y.log else ""
    return (
        f'<div class="plot">{title}<p class="axis">{text(plot.y.label)}{scale}</p>'
        f'<div class="lines" id="{text(chart.name)}-{index}" role="img" aria-label="{label}"></div></div>\n'
    )


def _spoken(plot: Plot) -> str:
    """The figures of a plot in words."""
    if isinstance(plot, BarPlot):
        show = SHOWN[plot.unit]
        said = [
            ", ".join(f"{part} {show(value)}" for part, value in zip(plot.parts, bar.values, strict=True) if value)
            for bar in plot.bars
        ]
        return " ".join(f"{bar.label}: {parts}." for bar, parts in zip(plot.bars, said, strict=True))
    x, y = SHOWN[plot.x.unit], SHOWN[plot.y.unit]
    said = [
        f"{line.label}: {', '.join(f'{x(p.x)}: {y(p.y)}' for p in _few(line.points))}."
        for line in plot.lines
        if line.points
    ]
    return f"{plot.y.label} by {plot.x.label}. {' '.join(said)}"


def _few(points: Sequence[Point], most: int = 12) -> Sequence[Point]:
    """Some of many points, the first and the last among them: nobody listens to a hundred."""
    if len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _numbers(chart: Chart, plot: Plot) -> str:
    """The figures of a plot as a table."""
    title = plot.title or chart.title
    if isinstance(plot, BarPlot):
        show = SHOWN[plot.unit]
        rows = [[bar.label, *(show(value) for value in bar.values)] for bar in plot.bars]
        return table(Table(title, ["", *plot.parts], rows))
    x, y = SHOWN[plot.x.unit], SHOWN[plot.y.unit]
    at = sorted({p.x for line in plot.lines for p in line.points})
    found = [{p.x: p.y for p in line.points} for line in plot.lines]
    rows = [[x(value), *(y(points.get(value)) for points in found)] for value in at]
    return table(Table(title, [plot.x.label, *(line.label for line in plot.lines)], rows))


def _bars(plot: BarPlot, identity: str, label: str) -> str:
    show = SHOWN[plot.unit]
    longest = max((sum(max(v, 0.0) for v in bar.values) for bar in plot.bars), default=0.0) or 1.0
    used = [i for i in range(len(plot.parts)) if any(bar.values[i] for bar in plot.bars)]
    rows = []
    for bar in plot.bars:
        start, parts = 0.0, []
        for i in used:
            width = max(bar.values[i], 0.0) / longest * 100
            if width:
                title = f"{plot.parts[i]}: {show(bar.values[i])}"
                parts.append(
                    f'<rect class="{_part(plot.parts[i])}" x="{start:.3f}%" width="{width:.3f}%" '
                    f'y="0" height="100%"><title>{text(title)}</title></rect>'
                )
            start += width
        values = text("|".join(show(bar.values[i]) for i in used))
        rows.append(
            f'<div class="bar" tabindex="0" data-values="{values}"><p><span>{text(bar.label)}</span> '
            f'<span class="note">{text(bar.note)}</span></p>'
            f'<svg width="100%" height="22" aria-hidden="true">{"".join(parts)}</svg></div>'
        )
    legend = "".join(
        f'<li><svg class="swatch" width="14" height="14" aria-hidden="true"><rect class="{_part(plot.parts[i])}" '
        f'width="14" height="14" /></svg> {text(plot.parts[i])} <output></output></li>'
        for i in used
    )
    return (
        f'<div id="{text(identity)}" role="group" aria-label="{label}">{"".join(rows)}</div>'
        f'<ul class="legend" aria-hidden="true">{legend}</ul>'
    )


def _part(name: str) -> str:
    """The class that paints a part; page.css has the colours."""
    return f"part-{text(name.replace(' ', '-'))}"
