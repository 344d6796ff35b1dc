"""The tables of the report: what is asked of the engine, what was measured, and how."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from velothread.lab.report import figures
from velothread.lab.report.figures import NOTHING, count, microseconds, nanoseconds, number, rate, share, spread
from velothread.lab.report.markup import Table
from velothread.lab.report.setups import by_query, labels, mapping, mappings, rank, settings, setup, sweep, sweep_names

Report = Mapping[str, Any]


def targets(report: Report) -> Table | None:
    """What was asked, and what was found."""
    rows = [
        [
            _said(t.get("measure")),
            _said(t.get("study")),
            _said(t.get("asked")),
            _said(t.get("here")),
            _met(t.get("met")),
        ]
        for t in mappings(report.get("targets"))
    ]
    return Table("Targets", ["measure", "the study", "asked", "here", "met?"], rows) if rows else None


def study(report: Report) -> list[Table]:
    """The tables of the study, with what it found and what was found here."""
    return [
        Table(
            _said(table.get("title")),
            [_said(name) for name in table.get("columns") or ()],
            [[_said(cell) for cell in row] for row in table.get("rows") or () if row],
            str(table.get("finding") or ""),
        )
        for table in mappings(report.get("study"))
    ]


def components(report: Report) -> Table | None:
    """What the parts cost of which processors are made."""
    found = mappings(report.get("components"))
    rows = [
        [
            _said(c.get("name")),
            _said(c.get("what")),
            spread(c.get("ns"), nanoseconds),
            microseconds(c.get("study_us")),
            _said(c.get("study_name")),
        ]
        for c in found
    ]
    return (
        Table("Components", ["component", "what is measured", "here", "the study", "its name there"], rows)
        if rows
        else None
    )


def hybrid(report: Report) -> list[Table]:
    """The hybrid wait strategy beside the best one: how it compares, and the figures of each strategy."""
    found = mappings(report.get("hybrid"))
    if not found:
        return []
    rows = [
        [
            _said(h.get("workload")),
            share(h.get("throughput_of_best")),
            _said(h.get("best_throughput")),
            share(h.get("cpu_of_best")),
            _said(h.get("best_cpu")),
            _met(h.get("met")),
        ]
        for h in found
    ]
    columns = ["workload", "throughput of the best", "best throughput", "CPU of the thriftiest", "thriftiest", "met?"]
    tables = [Table("Hybrid against the best strategy", columns, rows)]
    for h in found:
        each = [
            [
                wait,
                microseconds(_median(mapping(of).get("latency_us"))),
                microseconds(_median(mapping(of).get("cpu_us"))),
            ]
            for wait, of in mapping(h.get("figures")).items()
        ]
        if each:
            title = f"Strategies: {_said(h.get('workload'))}"
            tables.append(Table(title, ["strategy", "time per record", "CPU per record"], each))
    return tables


def idle(report: Report) -> Table | None:
    """What a receiver takes that has nothing to do."""
    measured = mapping(report.get("idle"))
    shares = mapping(measured.get("cpu_share"))
    rows = [[str(wait), share(value)] for wait, value in shares.items()]
    if not rows:
        return None
    over = number(measured.get("seconds"))
    finding = "Share of one core that an idle receiver takes" + (f", over {figures.seconds(over)}." if over else ".")
    return Table("CPU while idle", ["strategy", "share of a core"], rows, finding)


def machine(report: Report) -> Table | None:
    """Where it was measured."""
    of = mapping(report.get("machine"))
    named = {
        "cores": count(of.get("cores")) if of.get("cores") is not None else None,
        "processor": of.get("cpu"),
        "platform": of.get("platform"),
        "Python": of.get("python"),
        "build": of.get("build"),
        "free-threaded": _yes(of.get("free_threaded")),
        "GIL": None if of.get("gil") is None else ("on" if of["gil"] else "off"),
    }
    rows = [[name, str(value)] for name, value in named.items() if value is not None]
    return Table("Machine", ["", ""], rows) if rows else None


def workload(report: Report) -> Table | None:
    """What was run."""
    of = mapping(report.get("workload"))
    rows = [
        [name, shown]
        for name, value in (("workload", of.get("name")), ("kind", of.get("kind")), ("SQL", of.get("sql")))
        if (shown := str(value or ""))
    ]
    if of.get("records") is not None:
        rows.insert(min(2, len(rows)), ["records", count(of["records"])])
    rows += [[f"query: {name}", str(sql)] for name, sql in mapping(of.get("queries")).items()]
    return Table("Workload", ["", ""], rows) if rows else None


def method(report: Report) -> Table | None:
    """How it was measured."""
    rows = []
    rounds = number(report.get("rounds"))
    if rounds:
        many = f"{count(rounds)} round{'' if rounds == 1 else 's'}"
        rows.append(
            ["rounds", f"{many}; figures are medians, and in brackets the lowest and the highest of all rounds"]
        )
    widest = _widest_spread(report)
    if widest is not None:
        rows.append(["spread of rounds", f"at most {share(widest)} of the median, for the time of a record"])
    answers = _answers(report)
    if answers is not None:
        rows.append(["answers", answers])
    if report.get("velothread"):
        rows.append(["velothread", str(report["velothread"])])
    if (made := date(report.get("made"))) is not None:
        rows.append(["made", made])
    if number(report.get("seconds")) is not None:
        rows.append(["took", figures.seconds(report["seconds"])])
    return Table("Method", ["", ""], rows) if rows else None


def sweeps(report: Report) -> list[Table]:
    """Every measurement, sweep by sweep."""
    columns = [
        "set-up",
        "time per record",
        "records/s",
        "CPU per record",
        "waits per record",
        "median wake",
        "99 % wake",
    ]
    tables = []
    for name in sweep_names(report):
        for query, found in by_query(sweep(report, name)).items():
            found = sorted(found, key=rank)
            rows = [
                [
                    label,
                    spread(m.get("latency_us"), microseconds),
                    spread(m.get("throughput"), rate),
                    spread(m.get("cpu_us"), microseconds),
                    count(m.get("waits")),
                    microseconds(mapping(m.get("wake_us")).get("p50")),
                    microseconds(mapping(m.get("wake_us")).get("p99")),
                ]
                for m, label in zip(found, labels(found, apart_from=("query",)), strict=True)
            ]
            title = f"By {name}" if name != "set-ups" else "Set-ups"
            same = _same_settings(found)
            tables.append(Table(f"{title}, {query}" if query else title, columns, rows, same))
    return tables


def _same_settings(found: Sequence[Mapping[str, Any]]) -> str:
    """What all set-ups of a table have in common, when they are of one kind."""
    if len({str(setup(m).get("kind")) for m in found}) > 1 or not found:
        return ""
    first = setup(found[0])
    same = {key: value for key, value in first.items() if all(setup(m).get(key) == value for m in found)}
    same.pop("query", None)
    return f"All: {settings({'setup': same})}." if len(same) > 1 else ""


def _widest_spread(report: Report) -> float | None:
    widths = []
    for m in mappings(report.get("measurements")):
        low, high = figures.bounds(m.get("latency_us"))
        middle = _median(m.get("latency_us"))
        if low is not None and high is not None and middle:
            widths.append((high - low) / middle)
    return max(widths, default=None)


def _answers(report: Report) -> str | None:
    """Whether all set-ups of a query came to the same answer over the same records."""
    found: dict[tuple[str, str], set[str]] = {}
    for m in mappings(report.get("measurements")):
        if m.get("answer"):
            found.setdefault((str(setup(m).get("query")), str(setup(m).get("records"))), set()).add(str(m["answer"]))
    if not found:
        return None
    bad = sorted({query for (query, _), answers in found.items() if len(answers) > 1})
    if bad:
        return f"set-ups disagree about {figures.listed(bad)}"
    return "all set-ups of a query gave the same answer for the same records"


def date(value: Any) -> str | None:
    """A point in time as people write it, or the text itself where it is none."""
    try:
        made = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return str(value) if value else None
    zone = " UTC" if made.utcoffset() == datetime.timedelta(0) else f" {made:%z}".rstrip()
    return f"{made.day} {made:%B %Y, %H:%M}{zone}"


def _median(value: Any) -> float | None:
    return figures.median(value)


def _met(value: Any) -> str:
    return NOTHING if value is None else "met" if value else "not met"


def _yes(value: Any) -> str | None:
    return None if value is None else "yes" if value else "no"


def _said(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    return _met(value) if isinstance(value, bool) else str(value)
