"""EXPLAIN ANALYZE: a plan's operators with what was guessed of them and what they did.

The tree is that of the plan. A pipeline runs several operators at once, so what was measured of its steps, in each
receiver, is added up by the node that a step is of (plan/origins.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from velothread.frontend.optimize.estimates import Estimates
from velothread.metering import COORDINATOR, Meter
from velothread.plan import nodes
from velothread.plan.expressions import show
from velothread.plan.nodes import Join, Limit, Node, Project, Recursive, RecursiveRef, Scan, Shared, UnionAll, Values
from velothread.plan.pipelines import Build, FromUnmatched, Pipeline, Turns
from velothread.statistics import Statistics

# So many partitions have a column each; of more, only the least and the most is shown.
_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Operator:
    """One line of the tree.

    role: `probe` or `build`, of a join's inputs. title: as in EXPLAIN. estimated: rows, by guess. rows: those it gave
    (a build: took); None where they weren't counted. ns: nanoseconds of work by partition, -1 for what the coordinator
    did. partition_rows: of what receivers do batch by batch, the rows of each.
    """

    depth: int
    role: str
    title: str
    estimated: float | None
    rows: int | None
    ns: Mapping[int, int] = field(default_factory=dict)
    partition_rows: Mapping[int, int] = field(default_factory=dict)

    @property
    def total_ns(self) -> int:
        """Nanoseconds of work in all threads."""
        return sum(self.ns.values())


@dataclass(frozen=True, slots=True)
class Analysis:
    """The operators of a query that has run: the last one first, each above what it reads."""

    operators: tuple[Operator, ...]
    statistics: Statistics

    def render(self) -> str:
        """For people: the tree with its figures, what ran it, and for how long."""
        return "\n".join([*_table(self.operators), "", *self.statistics.summary(), *self.statistics.of_functions()])


def analysis_of(meter: Meter, statistics: Statistics) -> Analysis:
    """What a meter has measured, when its run is over."""
    return Analysis(tuple(_Tree(meter, statistics.rows).lines()), statistics)


# --- the figures


@dataclass(slots=True)
class _Figures:
    """Of one operator, by partition; `whole`: rows that no receiver gave, but a breaker."""

    ns: Counter[int] = field(default_factory=Counter)
    rows: Counter[int] = field(default_factory=Counter)
    whole: int | None = None


class _Tree:
    """The figures by node, and by what is no node: the build of a join, and the result."""

    def __init__(self, meter: Meter, result_rows: int) -> None:
        assert meter.plan is not None
        self.plan: Node = meter.plan
        self.meter = meter
        self.pipelines = {p.number: p for p in _all(meter.pipelines)}
        self.estimates = Estimates()
        self.nodes: dict[int, _Figures] = {}
        self.builds: dict[int, _Figures] = {}
        self.result = self._of(self.plan) if isinstance(self.plan, Limit) else _Figures()
        self._shown: set[int] = set()
        self._add_steps()
        self._add_breakers()
        self.result.whole = result_rows

    def _of(self, node: Node) -> _Figures:
        return self.nodes.setdefault(id(node), _Figures())

    def _end(self, pipeline: int) -> _Figures:
        """Of what ends a pipeline."""
        if pipeline == self.meter.pipelines[-1].number:
            return self.result
        node = self.meter.origins.ends[pipeline]
        if isinstance(self.pipelines[pipeline].end, Build):
            return self.builds.setdefault(id(node), _Figures())
        return self._of(node)

    def _add_steps(self) -> None:
        origins = self.meter.origins
        for reading in self.meter.readings:
            number, partition = reading.pipeline, reading.partition
            pipeline, end = self.pipelines[number], self._end(reading.pipeline)
            end.ns[partition] += reading.end_ns
            for i, laps in enumerate(reading.laps):
                node = origins.inputs[number, i]
                source = self._of(node)
                source.ns[partition] += laps.read_ns
                unmatched = isinstance(pipeline.branches[i].input, FromUnmatched)
                if unmatched or isinstance(node, Scan | Values | RecursiveRef):
                    source.rows[partition] += laps.read_rows
                steps = origins.steps[number, i]
                for place, node in enumerate(steps):
                    figures = self._of(node)
                    figures.ns[partition] += laps.ns[place]
                    if node not in steps[place + 1 :]:
                        figures.rows[partition] += laps.rows[place]
                if isinstance(pipeline.end, Build):
                    end.rows[partition] += laps.rows[-1]

    def _add_breakers(self) -> None:
        meter, origins = self.meter, self.meter.origins
        for number, partition, spent in meter.tasks:
            self._end(number).ns[partition] += spent[0]
        for number, own in meter.own_ns.items():
            self._end(number).ns[COORDINATOR] += own
        for place, listing in meter.listing.items():
            self._of(origins.inputs[place]).ns[COORDINATOR] += listing
        for number, rows in meter.rows.items():
            # what a full join gives, and the turns of a recursion, pass pipelines that are no operator
            node, end = origins.ends[number], self.pipelines[number].end
            if isinstance(node, Join) or (isinstance(node, Recursive) and not isinstance(end, Turns)):
                continue
            figures = self._end(number)
            figures.whole = (figures.whole or 0) + rows

    # --- the lines

    def lines(self) -> Iterator[Operator]:
        if isinstance(self.plan, Limit):
            yield from self._lines(self.plan, 0, "")
            return
        yield _operator(0, "", "Result", self.estimates.rows(self.plan), self.result)
        yield from self._lines(self.plan, 1, "")

    def _lines(self, node: Node, depth: int, role: str) -> Iterator[Operator]:
        title, estimated = nodes.title(node), self.estimates.rows(node)
        if isinstance(node, Shared):
            number, node = node.number, self.meter.origins.shared[node.number]
            if number in self._shown:
                yield Operator(depth, role, f"{title}: see above", estimated, self._rows(node))
                return
            self._shown.add(number)
        figures = self.nodes.get(id(node), _Figures())
        yield _operator(depth, role, title, estimated, figures, self._rows(node))
        if not isinstance(node, Join):
            for child in nodes.inputs(node):
                yield from self._lines(child, depth + 1, "")
            return
        probe, gathered = (node.right, node.left) if node.turned else (node.left, node.right)
        yield from self._lines(probe, depth + 1, "probe")
        build = self.builds.get(id(node), _Figures())
        keys = ", ".join(show(k.left if node.turned else k.right) for k in node.keys)
        title = f"Build by {keys}" if keys else "Build"
        rows = sum(build.rows.values())
        yield _operator(depth + 1, "build", title, self.estimates.rows(gathered), build, rows)
        yield from self._lines(gathered, depth + 2, "")

    def _rows(self, node: Node) -> int | None:
        figures = self.nodes.get(id(node))
        if figures is not None and figures.whole is not None:
            return figures.whole
        match node:
            case Project():
                return self._rows(node.input)
            case UnionAll():
                return sum(self._rows(c) or 0 for c in node.inputs)
            case Shared():
                node = self.meter.origins.shared[node.number]
                figures = self.nodes.get(id(node), _Figures())
                return figures.whole
        return sum(figures.rows.values()) if figures is not None else 0


def _all(pipelines: Iterable[Pipeline]) -> Iterator[Pipeline]:
    """Also those that a recursion runs turn after turn."""
    for p in pipelines:
        yield p
        if isinstance(p.end, Turns):
            yield from _all(p.end.steps)


def _operator(
    depth: int, role: str, title: str, estimated: float, figures: _Figures, rows: int | None = None
) -> Operator:
    rows = figures.whole if rows is None else rows
    return Operator(depth, role, title, estimated, rows, dict(figures.ns), dict(figures.rows))


# --- the table


def _table(operators: Sequence[Operator]) -> Iterator[str]:
    """Figures first, as columns; the tree may then be as wide as it likes. Times in milliseconds of work."""
    total = sum(o.total_ns for o in operators) or 1
    columns = _time_columns(operators)
    header = ["estimated", "rows", "time", "share", *(name for name, _ in columns)]
    cells = []
    for o in operators:
        estimated = "" if o.estimated is None else f"{float(f'{o.estimated:.2g}'):,.0f}"
        rows = "" if o.rows is None else f"{o.rows:,}"
        worked = [_ms(o.total_ns), f"{100 * o.total_ns / total:.0f} %"] if o.ns else ["", ""]
        times = ["" if not o.ns else _ms(of(o)) for _, of in columns]
        cells.append([estimated, rows, *worked, *times])
    widths = [max(len(row[i]) for row in [header, *cells]) for i in range(len(header))]
    trees = ["operator", *("  " * o.depth + (f"{o.role}: " if o.role else "") + o.title for o in operators)]
    for row, tree in zip([header, *cells], trees, strict=True):
        yield "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=True)), tree])
    yield f"times: ms of work, {_ms(total)} in all threads; a projection is computed in what is above it"


def _time_columns(operators: Sequence[Operator]) -> list[tuple[str, Callable[[Operator], int]]]:
    """A column per partition (of many, the least and the most), and one of what the coordinator did; none for one."""
    known = sorted({p for o in operators for p in o.ns if p != COORDINATOR})
    if len(known) <= 1:
        return []
    columns: list[tuple[str, Callable[[Operator], int]]]
    if len(known) <= _COLUMNS:
        columns = [(f"part {p}", partial(_ns_in, p)) for p in known]
    else:
        columns = [
            ("least", lambda o: min(o.ns.get(p, 0) for p in known)),
            ("most", lambda o: max(o.ns.get(p, 0) for p in known)),
        ]
    return [*columns, ("coordinator", partial(_ns_in, COORDINATOR))]


def _ns_in(partition: int, o: Operator) -> int:
    return o.ns.get(partition, 0)


def _ms(ns: int) -> str:
    return f"{ns / 1e6:,.1f}"


__all__ = ["Analysis", "Operator", "analysis_of"]
