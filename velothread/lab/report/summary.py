"""The first thing a reader sees: a few figures and sentences, each made from the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from velothread.lab.figures import KINDS
from velothread.lab.report.figures import count, digits, listed, median, microseconds, number, rate, share, times
from velothread.lab.report.markup import text
from velothread.lab.report.setups import (
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


def lead(report: Report) -> str:
    """One sentence: what ran, and on what."""
    machine, workload = mapping(report.get("machine")), mapping(report.get("workload"))
    name = {"study": "The study's workload", "query": "A query"}.get(str(workload.get("name")), "")
    parts = [name] if name else []
    if number(workload.get("records")):
        parts.append(f"over {count(workload['records'])} records")
    if number(machine.get("cores")):
        parts.append(f"on {count(machine['cores'])} core{'' if machine['cores'] == 1 else 's'}")
        if machine.get("cpu"):
            parts.append(f"of {machine['cpu']}")
    if machine.get("python"):
        gil = "" if machine.get("gil") is None else f", GIL {'on' if machine['gil'] else 'off'}"
        parts.append(f"with Python {machine['python']}{gil}")
    sentence = " ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def tiles(report: Report) -> list[tuple[str, str, str]]:
    """The figures to see first: what, how much, and a word on it."""
    found = []
    setups = _main_setups(report)
    if setups:
        names = dict(zip(map(id, setups), labels(setups, apart_from=("query",)), strict=True))
        engine = [m for m in setups if setup(m).get("kind") == "engine"]
        if engine:
            one = min(engine, key=_latency)
            found.append(("engine alone", microseconds(_latency(one)), "a record"))
        idle = ("engine", "passthrough")  # no processor, or no work
        whole = [m for m in setups if setup(m).get("kind") not in idle and median(m.get("throughput"))]
        if whole:
            best = max(whole, key=lambda m: median(m.get("throughput")) or 0.0)
            found.append(("most records per second", rate(median(best["throughput"])), names[id(best)]))
    gains = _partition_gains(report)
    if gains:
        query, gain, best_number, _ = max(gains, key=lambda g: g[1])
        with_how_many = f"with {best_number} partition{'' if best_number == '1' else 's'}"
        found.append(("gain by partitions", times(gain), f"{with_how_many}, {query}" if query else with_how_many))
    targets = [t for t in mappings(report.get("targets")) if t.get("met") is not None]
    if targets:
        found.append(("targets met", f"{sum(bool(t['met']) for t in targets)} of {len(targets)}", ""))
    builds = _build_gains(report)
    if builds:
        found.append(("speed-up by threads, no GIL", times(max(builds)[0]), f"for {max(builds)[1]}"))
    top = _top_prediction(report)
    if top:
        found.append(("simulated at most", rate(top["throughput"]), f"records/s, {count(top['cores'])} cores"))
    return found


def sentences(report: Report) -> list[str]:
    """What the figures say, in a few sentences."""
    made = (_setups_said, _partitions_said, _hybrid_said, _ledger_said, _gil_said, _simulation_said, _targets_said)
    return [sentence for say in made if (sentence := say(report))]


def html(report: Report) -> str:
    """Tiles and sentences."""
    shown = "".join(
        f"<div><dt>{text(what)}</dt><dd><strong>{text(value)}</strong> <span>{text(note)}</span></dd></div>\n"
        for what, value, note in tiles(report)
    )
    said = "".join(f"<li>{text(sentence)}</li>\n" for sentence in sentences(report))
    return (f'<dl class="tiles">\n{shown}</dl>\n' if shown else "") + (f"<ul>\n{said}</ul>\n" if said else "")


def recommendation(report: Report) -> str:
    """What to run, for what: a card for each."""
    cards = []
    for advice in mappings(report.get("recommendation")):
        goal, processor = advice.get("for"), advice.get("processor")
        heading = f"For {goal}: {processor}" if goal and processor else goal or processor
        lines = [f"<h3>{text(heading)}</h3>"]
        if advice.get("settings"):
            lines.append(f"<p><code>{text(advice['settings'])}</code></p>")
        if advice.get("because"):
            lines.append(f'<p class="because">{text(advice["because"])}</p>')
        cards.append(f"<div>{''.join(lines)}</div>\n")
    return f'<div class="advice">\n{"".join(cards)}</div>\n' if cards else ""


def _latency(measurement: Measurement) -> float:
    return median(measurement.get("latency_us")) or float("inf")


def _main_setups(report: Report) -> list[Measurement]:
    """The set-ups of the first query that has any."""
    of = by_query(m for m in sweep(report, "set-ups") if median(m.get("latency_us")))
    return sorted(next(iter(of.values())), key=rank) if of else []


def _setups_said(report: Report) -> str:
    best: dict[str, Measurement] = {}
    setups = _main_setups(report)
    for m in setups:
        kind = str(setup(m).get("kind"))
        if kind in KINDS and (kind not in best or _latency(m) < _latency(best[kind])):
            best[kind] = m
    if len(best) < 2:
        return ""
    said = [f"{KINDS[kind]} {microseconds(_latency(m))}" for kind, m in best.items()]
    query = setup(setups[0]).get("query")
    return f"Time of a record{f' ({query})' if query else ''}: {listed(said)}."


def _partition_gains(report: Report) -> list[tuple[str, float, str, str]]:
    """For each query swept: the best throughput against that of the fewest partitions, and with how many each."""
    gains = []
    for query, found in by_workload(sweep(report, "partitions")).items():
        of = [m for m in found if number(setup(m).get("partitions")) and median(m.get("throughput"))]
        if len({setup(m)["partitions"] for m in of}) < 2:
            continue
        of = [m for m in of if setup(m).get("kind") == "adaptive"] or of
        least = min(of, key=lambda m: setup(m)["partitions"])
        best = max(of, key=lambda m: median(m.get("throughput")) or 0.0)
        gain = (median(best["throughput"]) or 0.0) / (median(least["throughput"]) or 1.0)
        gains.append((query, gain, count(setup(best)["partitions"]), count(setup(least)["partitions"])))
    return gains


def _partitions_said(report: Report) -> str:
    said = []
    for query, gain, best, least in _partition_gains(report):
        of = f"{query} is " if query else ""
        same = best == least
        said.append(f"{of}fastest with {best}" if same else f"{of}{times(gain)} as fast with {best} as with {least}")
    return f"Partitions: {'; '.join(said)}." if said else ""


def _hybrid_said(report: Report) -> str:
    found = mappings(report.get("hybrid"))
    throughput = [value for h in found if (value := number(h.get("throughput_of_best"))) is not None]
    cpu = [value for h in found if (value := number(h.get("cpu_of_best"))) is not None]
    if not throughput:
        return ""
    said = f"Hybrid waits have at least {share(min(throughput))} of the best strategy's throughput"
    return said + (f", and take at most {digits(max(cpu))} times the CPU of the thriftiest." if cpu else ".")


def _ledger_said(report: Report) -> str:
    shares = []
    for m in sweep(report, "set-ups") or mappings(report.get("measurements")):
        ledger = mapping(m.get("ledger"))
        wall, left = number(ledger.get("wall_s")), number(mapping(ledger.get("parts")).get("unexplained"))
        if wall and left is not None:
            shares.append(abs(left) / wall)
    return f"At most {share(max(shares))} of a set-up's time is unexplained." if shares else ""


def _build_gains(report: Report) -> list[tuple[float, str]]:
    """How much faster the best number of threads is than one, for each kind of query on builds without the GIL."""
    comparison = mapping(report.get("comparison"))
    free = [str(b.get("name")) for b in mappings(comparison.get("builds")) if b.get("gil") is False]
    return [
        (gain, str(kind.get("kind")))
        for kind in mappings(comparison.get("kinds"))
        for name in free
        if (gain := number(mapping(kind.get("speed_up")).get(name))) is not None
    ]


def _gil_said(report: Report) -> str:
    kinds = mappings(mapping(report.get("comparison")).get("kinds"))
    slow = [(value, str(k.get("kind"))) for k in kinds if (value := number(k.get("one_thread_slowdown"))) is not None]
    if not slow:
        return ""
    said = f"Without the GIL, one thread takes {_range([value for value, _ in slow])} times as long as with it"
    even: dict[str, list[str]] = {}
    for kind in kinds:
        if number(kind.get("break_even_threads")) is not None:
            even.setdefault(count(kind["break_even_threads"]), []).append(str(kind.get("kind")))
    never = [str(k.get("kind")) for k in kinds if "break_even_threads" in k and k["break_even_threads"] is None]
    if even:
        ahead = [f"from {n} thread{'' if n == '1' else 's'} for {listed(names)}" for n, names in even.items()]
        said += f"; it is ahead {', '.join(ahead)}"
    if never:
        said += f"; it is never ahead for {listed(never)}"
    return said + "."


def _range(values: Sequence[float]) -> str:
    low, high = digits(min(values)), digits(max(values))
    return low if low == high else f"{low} to {high}"


def _top_prediction(report: Report) -> Mapping[str, Any] | None:
    found = [
        p
        for p in mappings(mapping(report.get("simulation")).get("predictions"))
        if number(p.get("throughput")) and number(p.get("cores"))
    ]
    return max(found, key=lambda p: (p["throughput"], -p["cores"])) if found else None


def _simulation_said(report: Report) -> str:
    top = _top_prediction(report)
    if top is None:
        return ""
    said = f"The simulation's most is {rate(top['throughput'])} records/s, with {count(top['cores'])} cores"
    return said + (f", limited by the {top['bottleneck']}." if top.get("bottleneck") else ".")


def _targets_said(report: Report) -> str:
    missed = [str(t.get("measure")) for t in mappings(report.get("targets")) if t.get("met") is False]
    return f"Not met: {'; '.join(missed)}." if missed else ""
