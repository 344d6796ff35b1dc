"""A lab report as text, for a terminal: the same figures as in the other forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from velothread.lab.figures import KINDS, LEDGER
from velothread.lab.text_table import text_table
from velothread.lab.words import digits, percent, rate, times, us

Rows = list[list[str]]


def summary(report: Mapping[str, Any]) -> str:
    """All sections that have figures, the answers first."""
    lines = [*_head(report), *_recommendation(report), *_targets(report)]
    if report.get("study"):
        from velothread.lab.study import lines as study_lines

        lines += study_lines(report["study"])
    else:
        lines += [*_setups(report), *_sizes(report), *_partitions(report)]
    lines += [*_ledger(report), *_hybrid(report), *_wakes(report), *_others(report)]
    lines += [*_comparison(report), *_simulation(report)]
    return "\n".join(lines)


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        yield from text_table(columns, rows)


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    machine, workload = report["machine"], report["workload"]
    yield f"velothread profile: {workload['records']:,} records, {report['rounds']} rounds, {report['seconds']:.0f} s"
    gil = "with the GIL" if machine["gil"] else "without the GIL"
    yield f"{machine['cpu']}, {machine['cores']} cores; Python {machine['build'].split()[0]}, {gil}"
    yield f"query: {' '.join(workload['sql'].split())}"
    yield "figures are medians of the rounds, in which all set-ups took turns; µs are per record"


def _recommendation(report: Mapping[str, Any]) -> Iterator[str]:
    for row in report.get("recommendation") or ():
        yield ""
        yield f"for {row['for']}: {row['settings']}"
        yield f"  {row['because']}"


def _targets(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [t["measure"], t["study"], t["asked"], t["here"], "met" if t["met"] else "MISSED"]
        for t in report.get("targets") or ()
    ]
    yield from _section("What was asked", ["measure", "the study", "asked", "here", ""], rows)


def _of(report: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
    return [m for m in report["measurements"] if table in m["tables"]]


def _title(setup: Mapping[str, Any]) -> str:
    from velothread.lab.figures import SetUp

    return SetUp(**setup).title


_FIGURES = ["latency", "spread", "throughput", "CPU", "waits", "spins", "yields", "sleeps", "blocks", "wake p50/p99"]


def _figures(m: Mapping[str, Any]) -> list[str]:
    latency, wake = m["latency_us"], m["wake_us"]
    counts = [digits(m[name]) for name in ("waits", "spins", "yields", "sleeps", "blocks")]
    return [
        us(latency["median"]),
        f"{digits(latency['low'])} - {digits(latency['high'])}",
        rate(m["throughput"]["median"]),
        us(m["cpu_us"]["median"]),
        *counts,
        "-" if wake is None else f"{digits(wake['p50'])} / {digits(wake['p99'])} µs",
    ]


def _setups(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [[_title(m["setup"]), f"{m['setup']['batch_rows']:,}", *_figures(m)] for m in _of(report, "set-ups")]
    yield from _section("Set-ups, over records in memory", ["set-up", "batch", *_FIGURES], rows)
    rows = [[_title(m["setup"]), *_figures(m)] for m in _of(report, "files")]
    yield from _section("As the query stands, from its files", ["set-up", *_FIGURES], rows)


def _sizes(report: Mapping[str, Any]) -> Iterator[str]:
    found: dict[int, dict[str, str]] = {}
    for m in _of(report, "batch size"):
        setup = m["setup"]
        found.setdefault(setup["batch_rows"], {})[setup["kind"]] = us(m["latency_us"]["median"])
    rows = [[f"{size:,}", *(kinds.get(kind, "-") for kind in KINDS)] for size, kinds in sorted(found.items())]
    yield from _section("Batch size: latency", ["batch size", *KINDS.values()], rows)


def _partitions(report: Mapping[str, Any]) -> Iterator[str]:
    measured = _of(report, "partitions")
    if not measured:
        return
    base = measured[0]["latency_us"]["median"]
    rows = [[_title(m["setup"]), *_figures(m), times(base / m["latency_us"]["median"])] for m in measured]
    yield from _section("Partitions", ["set-up", *_FIGURES, "speed-up"], rows)


def _ledger(report: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    seen = set()
    for m in report["measurements"]:
        ledger, setup = m["ledger"], m["setup"]
        if ledger is None or not {"set-ups", "files"} & set(m["tables"]):
            continue
        size = "from files" if setup["batch_rows"] is None else f"{setup['batch_rows']:,}"
        key = (_title(setup), size, setup["records"])
        if key in seen:
            continue
        seen.add(key)
        shares = [percent(ledger["parts"].get(part, 0.0) / ledger["wall_s"]) for part in LEDGER]
        rows.append([f"{key[0]}; {setup['records']:,} records", size, *shares])
    yield from _section("Ledger: where the time of all threads went", ["set-up", "batch", *LEDGER], rows)


def _hybrid(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [
            h["workload"], percent(h["throughput_of_best"]), h["best_throughput"], percent(h["cpu_of_best"]),
            h["best_cpu"], "" if h["met"] else "more than 10 % off",
        ]
        for h in report.get("hybrid") or ()
    ]  # fmt: skip
    columns = ["workload", "throughput", "of", "CPU", "of", ""]
    yield from _section("The wait strategy hybrid against the best one of each workload", columns, rows)


def _wakes(report: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [w["wait"], w.get("case", "-"), *(us(w[p]) for p in ("p50_us", "p90_us", "p99_us", "max_us"))]
        for w in report.get("wakes") or ()
        if w.get("placement", "free") == "free"
    ]
    yield from _section("From signal to wake", ["strategy", "case", "p50", "p90", "p99", "most"], rows)


def _others(report: Mapping[str, Any]) -> Iterator[str]:
    idle = report.get("idle")
    if idle:
        shares = ", ".join(f"{wait} {percent(share)}" for wait, share in idle["cpu_share"].items())
        yield from ("", f"An idle receiver uses of a core: {shares}")
    for table, title in (("strategies", "Ways to deal"), ("state", "State of each receiver, and shared")):
        rows = [
            [_title(m["setup"]), m["setup"]["query"], us(m["latency_us"]["median"]), us(m["cpu_us"]["median"])]
            for m in _of(report, table)
        ]
        yield from _section(title, ["set-up", "query", "latency", "CPU"], rows)


def _comparison(report: Mapping[str, Any]) -> Iterator[str]:
    comparison = report.get("comparison")
    if not comparison:
        return
    for kind in comparison["kinds"]:
        rows = []
        for build in comparison["builds"]:
            name = build["name"]
            rates = kind["throughput"][name]
            rows.append(
                [
                    name, rate(kind.get("simple", {}).get(name)), *(rate(r) for r in rates.values()),
                    times(kind["speed_up"][name]), percent(kind["contention"][name]),
                ]
            )  # fmt: skip
        threads = list(next(iter(kind["throughput"].values())))
        columns = ["build", "simple", *(f"{n} part." for n in threads), "speed-up", "lost to contention"]
        yield from _section(f"Builds of Python, {kind['kind']}: {kind['query']}", columns, rows)
        slower, even = kind["one_thread_slowdown"], kind["break_even_threads"]
        if slower is not None:
            until = "at no number of threads that was tried" if even is None else f"from {even} thread(s) on"
            yield f"  one thread without the GIL takes {times(slower)} the time; it is ahead {until}"


def _simulation(report: Mapping[str, Any]) -> Iterator[str]:
    simulation = report.get("simulation")
    if not simulation:
        return
    rows = [
        [
            str(v["cores"]), str(v["partitions"]), rate(v["measured"]), rate(v["predicted"]), f"{v['error']:+.0%}",
            "fitted" if v.get("fitted") else "",
        ]
        for v in simulation["validation"]
    ]  # fmt: skip
    columns = ["cores", "partitions", "measured", "predicted", "error", ""]
    yield from _section(f"Simulation, held against this machine ({simulation.get('workload', '')})", columns, rows)
    rows = [
        [
            str(p["cores"]), rate(p["throughput"]), times(p["speed_up"]), us(p["latency_p50_us"]),
            us(p["latency_p99_us"]), p["bottleneck"],
        ]
        for p in simulation["predictions"]
    ]  # fmt: skip
    columns = ["cores", "throughput", "speed-up", "latency of a batch, p50", "p99", "bottleneck"]
    yield from _section("Simulation, more cores (as many partitions)", columns, rows)


__all__ = ["summary"]
