"""What each chart shows, taken from the report. A chart whose figures are missing is None, and is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from velothread.lab.figures import LEDGER
from velothread.lab.report import figures
from velothread.lab.report.figures import bounds, listed, median, microseconds, number, rate, share
from velothread.lab.report.markup import Table
from velothread.lab.report.plots import Axis, Bar, BarPlot, Chart, Line, LinePlot, Point
from velothread.lab.report.setups import (
    WAITS,
    Measurement,
    by_query,
    by_workload,
    labels,
    mapping,
    mappings,
    rank,
    setup,
    sweep,
)

Report = Mapping[str, Any]

# What the study printed for a record, at every batch size: it is the same in every report, unless the report says else.
STUDY_LATENCY_US = 60.0
PHASES = {"at once": "at once", "spin": "spinning", "yield": "yielding", "sleep": "sleeping", "block": "blocking"}


def charts(report: Report) -> list[Chart]:
    """The charts that the report has figures for, in the order in which they are read."""
    made = (
        latency_by_batch_size,
        throughput_by_partitions,
        ledger,
        wait_phases,
        wake_latency,
        gil,
        simulated_scaling,
    )
    return [chart for make in made if (chart := make(report)) is not None]


def latency_by_batch_size(report: Report) -> Chart | None:
    """Time per record, by the records in a batch: a line for each kind of set-up."""
    plots = []
    findings = []
    for query, found in by_query(sweep(report, "batch size")).items():
        lines = _lines(found, "batch_rows", "latency_us")
        if not lines:
            continue
        findings += _latency_finding(query, lines)
        if mapping(report.get("workload")).get("name") == "study":
            xs = sorted({p.x for line in lines for p in line.points})
            study = number(mapping(report.get("workload")).get("study_latency_us")) or STUDY_LATENCY_US
            ends = (Point(xs[0], study), Point(xs[-1], study)) if len(xs) > 1 else (Point(xs[0], study),)
            lines.append(Line(f"the study, {microseconds(study)}", ends, "reference"))
        plots.append(
            LinePlot(query, Axis("records in a batch", "count", 10), Axis("time per record", "us", 10), tuple(lines))
        )
    if not plots:
        return None
    caption = "Wall time per record by batch size, both logarithmic; lower is better. Whiskers span all rounds."
    return Chart("latency-by-batch-size", "Latency by batch size", " ".join([caption, *findings]), tuple(plots))


def _latency_finding(query: str, lines: Sequence[Line]) -> list[str]:
    """The fastest and the slowest line, at the largest batch they all have."""
    common = set.intersection(*({p.x for p in line.points} for line in lines))
    if not common or len(lines) < 2:
        return []
    at = max(common)
    values = sorted((next(p.y for p in line.points if p.x == at), line.label) for line in lines)
    where = f"For {query}, with" if query else "With"
    (least, fastest), (most, slowest) = values[0], values[-1]
    takes = f"{fastest} takes {microseconds(least)} a record, {slowest} {microseconds(most)}"
    return [f"{where} {figures.count(at)} records in a batch, {takes}."]


def throughput_by_partitions(report: Report) -> Chart | None:
    """Records per second by partitions, beside what is in proportion to them."""
    plots = []
    findings = []
    for query, found in by_workload(sweep(report, "partitions")).items():
        lines = _lines(found, "partitions", "throughput")
        if not lines:
            continue
        line = max(lines, key=lambda one: len(one.points))
        first = line.points
        cores = number(setup(found[0]).get("cores")) or number(mapping(report.get("machine")).get("cores"))
        best = max(first, key=lambda p: p.y)
        if len(first) > 1 and first[0].y:
            findings.append(
                f"{f'For {query}, ' if query else ''}{line.label} is fastest with {figures.count(best.x)} "
                f"partition{'' if best.x == 1 else 's'}, {figures.times(best.y / first[0].y)} as fast as with "
                f"{figures.count(first[0].x)}."
            )
            ideal = tuple(
                Point(p.x, first[0].y * (min(p.x, max(cores, first[0].x)) if cores else p.x) / first[0].x)
                for p in first
            )
            lines.append(Line("ideal", ideal, "reference"))
        log = _log(lines)
        plots.append(
            LinePlot(
                query,
                Axis("partitions", "count", log, at_points=True),
                Axis("records per second", "rate"),
                tuple(lines),
            )
        )
    if not plots:
        return None
    caption = (
        "Records per second by partitions; higher is better. Ideal is in proportion to the partitions, up to the cores."
    )
    return Chart("throughput-by-partitions", "Throughput by partitions", " ".join([caption, *findings]), tuple(plots))


def ledger(report: Report) -> Chart | None:
    """Where the time of a record goes: a bar for each set-up."""
    measured = sweep(report, "set-ups") or mappings(report.get("measurements"))
    plots = []
    worst: tuple[float, str] | None = None
    for query, found in by_query(m for m in measured if mapping(m.get("ledger")).get("parts")).items():
        found = sorted(found, key=rank)
        names = labels(found, apart_from=("query",))
        parts = [*LEDGER]
        parts[-1:-1] = sorted({str(p) for m in found for p in m["ledger"]["parts"]} - set(LEDGER))
        bars = []
        for measurement, name in zip(found, names, strict=True):
            of = measurement["ledger"]["parts"]
            records = number(setup(measurement).get("records")) or number(
                mapping(report.get("workload")).get("records")
            )
            values = tuple((number(of.get(part)) or 0.0) * 1e6 / (records or 1.0) for part in parts)
            wall = (number(measurement["ledger"].get("wall_s")) or 0.0) * 1e6 / (records or 1.0) or sum(values)
            unexplained = values[-1] / wall if wall else 0.0
            if worst is None or abs(unexplained) > abs(worst[0]):
                worst = (unexplained, f"{query}, {name}" if query else name)
            bars.append(Bar(name, values, f"{microseconds(wall)}, {share(unexplained)} unexplained"))
        if bars:
            plots.append(BarPlot(query, tuple(parts), "us", tuple(bars)))
    if not plots or worst is None:
        return None
    caption = (
        "Time per record of all threads together, by what it was spent on. "
        f"The largest unexplained share is {share(worst[0])} ({worst[1]})."
    )
    return Chart("ledger", "Where the time goes", caption, tuple(plots))


def wait_phases(report: Report) -> Chart | None:
    """In which phase waits ended: a bar for each wait strategy."""
    plots = []
    waits = [m for m in sweep(report, "waits") if any(number(n) for n in mapping(m.get("ended")).values())]
    # In full, if it was; a receiver that is fed, or has nothing to do, waits otherwise.
    whole = [m for m in waits if setup(m).get("kind") == "adaptive"] or waits
    for query, found in by_workload(whole).items():
        found = sorted(found, key=lambda m: _wait_rank(setup(m).get("wait")))
        bars = []
        for measurement, name in zip(found, _wait_labels(found), strict=True):
            ended = [number(measurement["ended"].get(phase)) or 0.0 for phase in PHASES]
            total = sum(ended)
            bars.append(
                Bar(name, tuple(n / total for n in ended), f"{figures.count(total)} waits")
                if total
                else Bar(name, (0.0,) * 5)
            )
        plots.append(BarPlot(query, tuple(PHASES.values()), "share", tuple(bars)))
    if not plots:
        return None
    caption = (
        "Share of the waits that ended at once, and in each phase of waiting. The later a wait ends, the less of a "
        "core it takes and the longer it takes to wake."
    )
    return Chart("wait-phases", "How waits end", caption, tuple(plots))


def _wait_labels(found: Sequence[Measurement]) -> list[str]:
    rest = labels(found, apart_from=("query", "wait"), kind=False)
    kinds = labels(found, apart_from=tuple(setup(found[0])), kind=True)
    return [
        ", ".join([str(setup(m).get("wait")), *([more] if more != kind else [])])
        for m, more, kind in zip(found, rest, kinds, strict=True)
    ]


def _wait_rank(wait: Any) -> int:
    return WAITS.index(wait) if wait in WAITS else len(WAITS)


def wake_latency(report: Report) -> Chart | None:
    """How long a waiting receiver takes to wake: share of wakes by time, for each strategy."""
    cases: dict[str, list[Line]] = {}
    for wake in sorted(mappings(report.get("wakes")), key=lambda w: _wait_rank(w.get("wait"))):
        buckets = [
            (upper, n)
            for bucket in wake.get("histogram") or ()
            if isinstance(bucket, (list, tuple))
            and len(bucket) == 2
            and (upper := number(bucket[0]))
            and (n := number(bucket[1])) is not None
        ]
        total = sum(n for _, n in buckets)
        if total <= 0:
            continue
        points, below = [], 0.0
        for upper, n in sorted(buckets):
            below += n
            points.append(Point(upper, below / total))
        cases.setdefault(str(wake.get("case") or ""), []).append(Line(str(wake.get("wait")), tuple(points), "steps"))
    if not cases:
        return None
    measured = [
        (p50, _wake_name(w)) for w in mappings(report.get("wakes")) if (p50 := number(w.get("p50_us"))) is not None
    ]
    caption = "Share of wakes that took at most so long; the further left a line, the sooner a receiver wakes."
    if measured:
        caption += (
            f" Half of the wakes took at most {microseconds(min(measured)[0])} with {min(measured)[1]}, "
            f"{microseconds(max(measured)[0])} with {max(measured)[1]}."
        )
    rows = [
        [_wake_name(w), *(microseconds(w.get(key)) for key in ("p50_us", "p90_us", "p99_us", "max_us"))]
        for w in sorted(mappings(report.get("wakes")), key=lambda w: _wait_rank(w.get("wait")))
    ]
    plots = [
        LinePlot(case, Axis("time to wake", "us", 10), Axis("share of wakes", "share"), tuple(lines))
        for case, lines in cases.items()
    ]
    table = Table("Time to wake", ["wait strategy", "median", "90 %", "99 %", "longest"], rows)
    return Chart("wake-latency", "Time to wake", caption, tuple(plots), (table,))


def _wake_name(wake: Mapping[str, Any]) -> str:
    return ", ".join(str(wake[key]) for key in ("wait", "case") if wake.get(key))


def gil(report: Report) -> Chart | None:
    """Builds with and without the GIL: throughput by threads for each kind of query, and what follows."""
    comparison = mapping(report.get("comparison"))
    builds = [str(build.get("name")) for build in mappings(comparison.get("builds"))]
    plots, rows, queries, ahead = [], [], [], []
    for kind in mappings(comparison.get("kinds")):
        name = str(kind.get("kind"))
        measured = mapping(kind.get("throughput"))
        lines = []
        for build in [*builds, *(b for b in measured if b not in builds)]:
            points = sorted(
                (
                    Point(float(threads), y)
                    for threads, value in mapping(measured.get(build)).items()
                    if (y := median(value))
                ),
                key=lambda p: p.x,
            )
            if points:
                lines.append(Line(build, tuple(points)))
        if lines:
            axis = Axis("threads", "count", _log(lines), at_points=True)
            plots.append(LinePlot(name, axis, Axis("records per second", "rate"), tuple(lines)))
        queries.append([name, str(kind.get("query") or "")])
        even = kind.get("break_even_threads")
        even_text = "none" if even is None and "break_even_threads" in kind else figures.count(even)
        if number(even) is not None:
            ahead.append(f"{name} from {even_text} thread{'' if even == 1 else 's'}")
        speed_up, contention = mapping(kind.get("speed_up")), mapping(kind.get("contention"))
        rows.append(
            [
                name,
                figures.times(kind.get("one_thread_slowdown")),
                *(figures.times(speed_up.get(build)) for build in builds),
                even_text,
                *(share(contention.get(build)) for build in builds),
            ]
        )
    if not plots:
        return None
    columns = [
        "kind of query",
        "time of one thread without the GIL",
        *(f"speed-up, {build}" for build in builds),
        "ahead without the GIL from (threads)",
        *(f"contention, {build}" for build in builds),
    ]
    caption = "Records per second by threads, on the same machine, with and without the GIL. " + (
        f"The build without it is ahead for {listed(ahead)}."
        if ahead
        else "The build without it was not ahead at any number of threads that was measured."
    )
    tables = [Table("With and without the GIL", columns, rows)]
    if any(query for _, query in queries):
        tables.append(Table("Queries of each kind", ["kind", "query"], queries))
    return Chart("gil", "With and without the GIL", caption, tuple(plots), tuple(tables))


def simulated_scaling(report: Report) -> Chart | None:
    """What the simulation expects of larger machines, and how well it predicts this one."""
    simulation = mapping(report.get("simulation"))
    predicted = [p for p in mappings(simulation.get("predictions")) if number(p.get("cores"))]
    measured = [v for v in mappings(simulation.get("validation")) if number(v.get("cores"))]
    best = _best(predicted, "throughput")
    if not best:
        return None
    lines = [Line("predicted", tuple(Point(cores, float(p["throughput"])) for cores, p in best.items()))]
    marks = tuple(Point(c, float(v["measured"])) for c, v in _best(measured, "measured").items())
    if marks:
        lines.append(Line("measured here", marks, "marks"))
    first, start = next(iter(best.items()))
    lines.append(
        Line(
            "in proportion to cores", tuple(Point(c, float(start["throughput"]) * c / first) for c in best), "reference"
        )
    )
    cores = Axis("cores", "count", _log(lines), at_points=True)
    plots = [LinePlot("throughput", cores, Axis("records per second", "rate", 10), tuple(lines))]
    latency = [
        Line(name, points)
        for key, name in (("latency_p50_us", "median"), ("latency_p99_us", "99 %"))
        if (points := tuple(Point(c, y) for c, p in best.items() if (y := number(p.get(key)))))
    ]
    if latency:
        plots.append(LinePlot("latency", cores, Axis("latency", "us", 10), tuple(latency)))
    return Chart(
        "simulated-scaling",
        "Simulated scaling",
        _scaling_caption(best, measured),
        tuple(plots),
        _simulated(predicted, measured),
    )


def _scaling_caption(best: Mapping[float, Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> str:
    cores, top = max(best.items(), key=lambda item: (item[1]["throughput"], -item[0]))
    caption = "Records per second by cores, both logarithmic, as simulated from the costs that were measured here."
    caption += f" The most is {rate(top['throughput'])} records/s, with {figures.count(cores)} cores"
    caption += f", limited by the {top['bottleneck']}." if top.get("bottleneck") else "."
    errors = [abs(error) for v in measured if (error := number(v.get("error"))) is not None]
    if errors:
        caption += f" Where it could be checked, it was off by {share(max(errors))} at most."
    return caption


def _simulated(predicted: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]]) -> tuple[Table, ...]:
    busy = list(dict.fromkeys(str(part) for p in predicted for part in mapping(p.get("busy"))))
    rows = [
        [
            figures.count(p.get("cores")),
            figures.count(p.get("partitions")),
            rate(p.get("throughput")),
            figures.times(p.get("speed_up")),
            str(p.get("bottleneck") or figures.NOTHING),
            *(share(mapping(p.get("busy")).get(part)) for part in busy),
            microseconds(p.get("latency_p50_us")),
            microseconds(p.get("latency_p99_us")),
        ]
        for p in predicted
    ]
    columns = ["cores", "partitions", "records/s", "speed-up", "bottleneck", *(f"{part} busy" for part in busy)]
    tables = [Table("What limits each size", [*columns, "median latency", "99 % latency"], rows)]
    checked = [
        [
            figures.count(v.get("cores")),
            figures.count(v.get("partitions")),
            rate(v.get("measured")),
            rate(v.get("predicted")),
            share(v.get("error")),
        ]
        for v in measured
    ]
    if checked:
        names = ["cores", "partitions", "measured records/s", "predicted records/s", "error"]
        tables.append(Table("Simulation against measurement", names, checked))
    return tuple(tables)


def _best(rows: Sequence[Mapping[str, Any]], key: str) -> dict[float, Mapping[str, Any]]:
    """The row with the highest figure for each number of cores, by cores."""
    best: dict[float, Mapping[str, Any]] = {}
    for row in rows:
        value, cores = number(row.get(key)), number(row.get("cores"))
        if value and cores and (cores not in best or value > float(best[cores][key])):
            best[cores] = row
    return dict(sorted(best.items()))


def _lines(measurements: Sequence[Measurement], x: str, y: str) -> list[Line]:
    """A line for each set-up: measurements that differ in nothing but `x`."""
    kept = sorted((m for m in measurements if number(setup(m).get(x)) and median(m.get(y))), key=rank)
    lines: dict[str, dict[float, Point]] = {}
    # Small batches are measured with fewer records: their number makes no line of its own.
    for measurement, label in zip(kept, labels(kept, apart_from=("query", "records", x)), strict=True):
        value = measurement.get(y)
        point = Point(float(setup(measurement)[x]), median(value) or 0.0, *bounds(value))
        lines.setdefault(label, {})[point.x] = point
    return [Line(label, tuple(points[at] for at in sorted(points))) for label, points in lines.items()]


def _log(lines: Sequence[Line]) -> Literal[0, 2]:
    """Powers of two where points are too far apart for a linear axis."""
    xs = [p.x for line in lines for p in line.points]
    return 2 if max(xs) > 16 * min(xs) else 0
