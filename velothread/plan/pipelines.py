"""A plan is cut into pipelines: stretches without a breaker, each ended by one.

    Sort(Project(Aggregate(Filter(Scan))))
      pipeline 0: scan, filter          -> aggregate
      pipeline 1: result of 0, project  -> sort
      pipeline 2: result of 1           -> emit

A pipeline has a branch per input (UNION ALL gives several); all branches end in the same breaker. Projections
disappear: expressions are written over the columns that a branch reads, and each is computed where it is first needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pyarrow as pa

from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Ordering,
    columns_of,
    may_raise,
    show,
    transform,
)


@dataclass(frozen=True, slots=True)
class FromScan:
    """A branch that reads a source."""

    scan: nodes.Scan


@dataclass(frozen=True, slots=True)
class FromPipeline:
    """A branch that reads what an earlier pipeline gave."""

    number: int


@dataclass(frozen=True, slots=True)
class FromBatch:
    """A branch over constant rows (None: one row without columns)."""

    batch: pa.RecordBatch | None
    rows: int


Input = FromScan | FromPipeline | FromBatch


@dataclass(frozen=True, slots=True)
class Emit:
    """Rows as they are, in order; at most `limit` after `offset`."""

    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Aggregate: the branch's outputs are the keys, then the inputs of the calls as `layout` says."""

    keys: int
    calls: tuple[AggregateCall, ...]
    layout: tuple[CallLayout, ...]


@dataclass(frozen=True, slots=True)
class CallLayout:
    """Where a call finds its inputs among the outputs."""

    arguments: tuple[int, ...]
    filter: int | None
    order_by: tuple[tuple[int, bool, bool], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Sort: the first `width` outputs are the rows; `keys` are (output, descending, nulls first)."""

    width: int
    keys: tuple[tuple[int, bool, bool], ...]
    limit: int | None
    offset: int


End = Emit | Group | Order


@dataclass(frozen=True, slots=True)
class Branch:
    """input -> filters in order -> outputs. `fields` are the input's columns, by place."""

    input: Input
    fields: tuple[Field, ...]
    filters: tuple[Expression, ...]
    outputs: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A numbered pipeline; `output` are the fields of what its end gives."""

    number: int
    branches: tuple[Branch, ...]
    end: End
    output: tuple[Field, ...]


@dataclass(slots=True)
class _Open:
    """A branch being built: what its output fields are, over the input's columns."""

    input: Input
    fields: tuple[Field, ...]
    filters: list[Expression] = field(default_factory=list)
    values: dict[Field, Expression] = field(default_factory=dict)

    def over_input(self, e: Expression) -> Expression:
        return transform(e, lambda x: self.values.get(x.field, x) if isinstance(x, Column) else None)


def cut(plan: nodes.Node) -> tuple[Pipeline, ...]:
    """The pipelines of a plan in the order in which they run; the last one emits the result."""
    cutter = _Cutter()
    limit, offset = None, 0
    if isinstance(plan, nodes.Limit):
        limit, offset, plan = plan.limit, plan.offset, plan.input
    branches = cutter.open(plan)
    outputs = tuple(Column(f) for f in plan.output)
    cutter.close(branches, outputs, Emit(limit, offset), plan.output)
    return tuple(cutter.done)


class _Cutter:
    def __init__(self) -> None:
        self.done: list[Pipeline] = []
        self.shared: dict[int, tuple[int, tuple[Field, ...]]] = {}

    def open(self, node: nodes.Node) -> list[_Open]:
        """The open branches that give `node`'s rows."""
        match node:
            case nodes.Scan():
                return [_Open(FromScan(node), node.output, values={f: Column(f) for f in node.output})]
            case nodes.Values():
                values: dict[Field, Expression] = {f: Column(f) for f in node.output}
                return [_Open(FromBatch(node.batch, node.rows), node.output, values=values)]
            case nodes.Filter():
                branches = self.open(node.input)
                for b in branches:
                    b.filters.extend(_steps(b.over_input(node.predicate)))
                return branches
            case nodes.Project():
                branches = self.open(node.input)
                for b in branches:
                    b.values = {f: b.over_input(e) for f, e in zip(node.output, node.expressions, strict=True)}
                return branches
            case nodes.UnionAll():
                branches = []
                for child in node.inputs:
                    for b in self.open(child):
                        b.values = {o: b.values[f] for o, f in zip(node.output, child.output, strict=True)}
                        branches.append(b)
                return branches
            case nodes.Aggregate():
                return [self._aggregate(node)]
            case nodes.Sort():
                return [self._sort(node)]
            case nodes.Limit():
                branches = self.open(node.input)
                outputs = tuple(Column(f) for f in node.output)
                return [self.close(branches, outputs, Emit(node.limit, node.offset), node.output)]
            case nodes.Shared():
                return [self._shared(node)]

    def close(
        self, branches: list[_Open], outputs: tuple[Expression, ...], end: End, output: tuple[Field, ...]
    ) -> _Open:
        """End the open branches; give the branch that reads the result."""
        number = len(self.done)
        closed = tuple(
            Branch(b.input, b.fields, tuple(b.filters), tuple(b.over_input(e) for e in outputs)) for b in branches
        )
        self.done.append(Pipeline(number, tuple(map(_used_only, closed)), end, output))
        return _Open(FromPipeline(number), output, values={f: Column(f) for f in output})

    def _aggregate(self, node: nodes.Aggregate) -> _Open:
        branches = self.open(node.input)
        outputs: list[Expression] = list(node.keys)
        places: dict[Expression, int] = {}

        def place(e: Expression) -> int:
            if e not in places:
                places[e] = len(outputs)
                outputs.append(e)
            return places[e]

        layout = tuple(
            CallLayout(
                tuple(place(a) for a in call.arguments),
                place(call.filter) if call.filter is not None else None,
                tuple((place(o.expression), o.descending, o.nulls_first) for o in call.order_by),
            )
            for call in node.calls
        )
        return self.close(branches, tuple(outputs), Group(len(node.keys), node.calls, layout), node.output)

    def _sort(self, node: nodes.Sort) -> _Open:
        branches = self.open(node.input)
        outputs: list[Expression] = [Column(f) for f in node.output]
        keys = []
        for key in node.keys:
            if key.expression not in outputs:
                outputs.append(key.expression)
            keys.append((outputs.index(key.expression), key.descending, key.nulls_first))
        end = Order(len(node.output), tuple(keys), node.limit, node.offset)
        return self.close(branches, tuple(outputs), end, node.output)

    def _shared(self, node: nodes.Shared) -> _Open:
        if node.number not in self.shared:
            branches = self.open(node.input)
            outputs = tuple(Column(f) for f in node.input.output)
            done = self.close(branches, outputs, Emit(), node.input.output)
            assert isinstance(done.input, FromPipeline)
            self.shared[node.number] = (done.input.number, node.input.output)
        number, fields = self.shared[node.number]
        pairs = zip(node.output, fields, strict=True)
        return _Open(FromPipeline(number), fields, values={use: Column(f) for use, f in pairs})


def _steps(predicate: Expression) -> list[Expression]:
    """A predicate as filters in order: first what can't fail, as one; then each part that can, over fewer rows."""
    from velothread.plan.expressions import Logical

    if not (isinstance(predicate, Logical) and predicate.operator == "and"):
        return [predicate]
    safe = [a for a in predicate.arguments if not may_raise(a)]
    rest = [a for a in predicate.arguments if may_raise(a)]
    first = [safe[0] if len(safe) == 1 else Logical("and", tuple(safe), predicate.position)] if safe else []
    return [*first, *rest]


def _used_only(b: Branch) -> Branch:
    """Scans read just the columns that the branch uses."""
    if not isinstance(b.input, FromScan):
        return b
    used = {f for e in (*b.filters, *b.outputs) for f in columns_of(e)}
    scan = b.input.scan
    kept = [(f, c) for f, c in zip(scan.output, scan.columns, strict=True) if f in used]
    fields = tuple(f for f, _ in kept)
    narrowed = replace(scan, output=fields, columns=tuple(c for _, c in kept))
    return Branch(FromScan(narrowed), fields, b.filters, b.outputs)


def render(pipelines: tuple[Pipeline, ...]) -> str:
    """The pipelines as text, for EXPLAIN."""
    lines = []
    for p in pipelines:
        for b in p.branches:
            match b.input:
                case FromScan():
                    start = nodes.title(b.input.scan)
                case FromPipeline():
                    start = f"result of pipeline {b.input.number}"
                case FromBatch():
                    start = f"{b.input.rows} constant row{'s' if b.input.rows != 1 else ''}"
            steps = [start, *(f"filter {show(e)}" for e in b.filters), _end_text(p.end, b.outputs)]
            lines.append(f"pipeline {p.number}: " + "\n  -> ".join(steps))
    return "\n".join(lines)


def _end_text(end: End, outputs: tuple[Expression, ...]) -> str:
    match end:
        case Emit():
            rows = "" if end.limit is None else f" (limit {end.limit}{f' offset {end.offset}' if end.offset else ''})"
            return f"emit{rows} " + ", ".join(map(show, outputs))
        case Group():
            by = f" by {', '.join(map(show, outputs[: end.keys]))}" if end.keys else ""
            return "aggregate " + ", ".join(map(show, end.calls)) + by
        case Order():
            keys = [show(outputs[i]) + (" DESC" if d else "") + (" NULLS FIRST" if n else "") for i, d, n in end.keys]
            return "sort by " + ", ".join(keys) + (f" (first {end.limit})" if end.limit is not None else "")


__all__ = [
    "Branch",
    "CallLayout",
    "Emit",
    "End",
    "FromBatch",
    "FromPipeline",
    "FromScan",
    "Group",
    "Order",
    "Ordering",
    "Pipeline",
    "cut",
    "render",
]
