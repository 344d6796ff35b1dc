"""A plan is cut into pipelines: stretches without a breaker, each ended by one.

    Sort(Project(Aggregate(Filter(Scan))))
      pipeline 0: scan, filter          -> aggregate
      pipeline 1: result of 0, project  -> sort
      pipeline 2: result of 1           -> emit

The right side of a join is a pipeline of its own that ends in a build; the left side's rows stream past it:

    Join(Scan a, Filter(Scan b))
      pipeline 0: scan b, filter        -> build
      pipeline 1: scan a, probe 0       -> emit

A pipeline has a branch per input (UNION ALL gives several); all branches end in the same breaker. plan/cutting.py does
the cutting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Expression,
    Field,
    Ordering,
    WindowCall,
    python_functions,
    show,
)
from velothread.sources.source import SplitSize


@dataclass(frozen=True, slots=True)
class FromScan:
    """A branch that reads a source."""

    scan: nodes.Scan


@dataclass(frozen=True, slots=True)
class FromPipeline:
    """A branch that reads what an earlier pipeline gave."""

    number: int


@dataclass(frozen=True, slots=True)
class FromUnmatched:
    """A branch over the rows of a build that no probe has matched: the last rows of a full join.

    met: those that one has matched instead; pipeline `after` did, whose probe is of the kind "meet".
    """

    build: int
    met: bool = False
    after: int | None = None


@dataclass(frozen=True, slots=True)
class FromBatch:
    """A branch over constant rows (None: one row without columns)."""

    batch: pa.RecordBatch | None
    rows: int


Input = FromScan | FromPipeline | FromUnmatched | FromBatch


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


@dataclass(frozen=True, slots=True)
class Build:
    """The right side of a join, gathered for probing: `keys`, `payload` and `nearest` are places among the outputs.

    nulls_equal: per key. three_valued: how many of the first keys are compared as IN does. nearest: the column of an
    ASOF join, with `operator`. existence: it only matters whether a key is there, not which rows have it.
    """

    keys: tuple[int, ...]
    nulls_equal: tuple[bool, ...]
    payload: tuple[int, ...]
    three_valued: int = 0
    nearest: int | None = None
    operator: str = ""
    existence: bool = False


@dataclass(frozen=True, slots=True)
class WindowLayout:
    """Where a window call finds its inputs among the outputs. bounds: those of the frame's start and end."""

    arguments: tuple[int, ...]
    filter: int | None
    partition_by: tuple[int, ...]
    order_by: tuple[tuple[int, bool, bool], ...]
    argument_order: tuple[tuple[int, bool, bool], ...]
    bounds: tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Windowed:
    """Window: the first `width` outputs are the rows; the calls' inputs are where `layout` says."""

    width: int
    calls: tuple[WindowCall, ...]
    layout: tuple[WindowLayout, ...]


@dataclass(frozen=True, slots=True)
class Turns:
    """A recursion: the rows of pipeline `initial`, then what `steps` give, turn after turn, until they give none.

    The steps read the rows of the turn before as the result of pipeline `working`, all rows so far as that of `whole`.
    distinct, keys: as in nodes.Recursive. limit: no more rows than so many are wanted.
    """

    initial: int
    working: int
    whole: int
    steps: tuple[Pipeline, ...]
    distinct: bool
    keys: tuple[int, ...]
    limit: int | None = None


End = Emit | Group | Order | Build | Windowed | Turns


@dataclass(frozen=True, slots=True)
class Where:
    """A step: only the rows for which the predicate is true."""

    predicate: Expression


@dataclass(frozen=True, slots=True)
class Let:
    """A step: values that must be computed here, once for each row that there is (random() before a join)."""

    fields: tuple[Field, ...]
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """A step: rows meet the rows of pipeline `build`, as nodes.Join says.

    keys: over the columns so far. on: what must hold besides, over these and `fields`, the build's payload by place.
    mark: the BOOLEAN column that a mark join makes. nearest: the left side of an ASOF condition. The kind "meet" gives
    no rows: it is noted which rows of the build have met one.
    """

    build: int
    kind: nodes.JoinKind | Literal["meet"]
    keys: tuple[Expression, ...]
    on: Expression | None
    fields: tuple[Field, ...]
    mark: Field | None = None
    nearest: Expression | None = None
    three_valued: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Explode:
    """A step: a row per element of the lists, as nodes.Unnest says. `fields`: of the elements, then of the ordinal."""

    lists: tuple[Expression, ...]
    fields: tuple[Field, ...]
    keep_empty: bool
    ordinal: bool


Step = Where | Let | Probe | Explode


@dataclass(frozen=True, slots=True)
class Branch:
    """input -> steps in order -> outputs. `fields` are the input's columns, by place; steps may add others."""

    input: Input
    fields: tuple[Field, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Expression, ...]

    @property
    def builds(self) -> tuple[int, ...]:
        """The builds that are probed, in order."""
        return tuple(s.build for s in self.steps if isinstance(s, Probe))


def split_size(branch: Branch) -> SplitSize | None:
    """How many rows a split should have for all receivers to share the work of Python functions; None: as it is."""
    found: SplitSize | None = None
    for e in (*(e for s in branch.steps for e in read_by(s)), *branch.outputs):
        for function in python_functions(e):
            if function.split_size is not None:
                found = function.split_size.and_also(found)
    return found


def read_by(step: Step) -> tuple[Expression, ...]:
    """The expressions that a step computes."""
    match step:
        case Where():
            return (step.predicate,)
        case Let():
            return step.expressions
        case Probe():
            more = (x for x in (step.on, step.nearest) if x is not None)
            return (*step.keys, *more)
        case Explode():
            return step.lists


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A numbered pipeline; `output` are the fields of what its end gives."""

    number: int
    branches: tuple[Branch, ...]
    end: End
    output: tuple[Field, ...]


def reads(p: Pipeline) -> set[int]:
    """The pipelines whose results or builds a pipeline uses."""
    found = {n for b in p.branches for n in b.builds}
    for b in p.branches:
        if isinstance(b.input, FromPipeline):
            found.add(b.input.number)
        elif isinstance(b.input, FromUnmatched):
            found.add(b.input.build)
            if b.input.after is not None:
                found.add(b.input.after)
    if isinstance(p.end, Turns):
        found.add(p.end.initial)
        found.update(n for step in p.end.steps for n in reads(step))
    return found


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
                case FromUnmatched():
                    start = f"rows of pipeline {b.input.build} {'with' if b.input.met else 'without'} a partner"
                case FromBatch():
                    start = f"{b.input.rows} constant row{'s' if b.input.rows != 1 else ''}"
            steps = [start, *map(_step_text, b.steps), _end_text(p.end, b.outputs)]
            lines.append(f"pipeline {p.number}: " + "\n  -> ".join(steps))
        if isinstance(p.end, Turns):
            lines.append(
                f"pipeline {p.number}: rows of pipeline {p.end.initial}, then turn after turn, from those of the"
            )
            lines.append(f"  last turn ({p.end.working}), all that the last of these gives, until it gives none:")
            lines.append("  " + render(p.end.steps).replace("\n", "\n  "))
    return "\n".join(lines)


def _step_text(step: Step) -> str:
    match step:
        case Where():
            return f"filter {show(step.predicate)}"
        case Let():
            return "compute " + ", ".join(map(show, step.expressions))
        case Probe():
            return f"probe pipeline {step.build}: {step.text}"
        case Explode():
            return "unnest " + ", ".join(map(show, step.lists))


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
        case Build():
            by = f" by {', '.join(show(outputs[i]) for i in end.keys)}" if end.keys else ""
            return f"build{by}: " + ", ".join(show(outputs[i]) for i in end.payload)
        case Windowed():
            return "window " + ", ".join(map(show, end.calls))
        case Turns():
            return "turns"


__all__ = [
    "Branch",
    "Build",
    "CallLayout",
    "Emit",
    "End",
    "Explode",
    "FromBatch",
    "FromPipeline",
    "FromScan",
    "FromUnmatched",
    "Group",
    "Let",
    "Order",
    "Ordering",
    "Pipeline",
    "Probe",
    "Step",
    "Turns",
    "Where",
    "WindowLayout",
    "Windowed",
    "read_by",
    "reads",
    "render",
    "split_size",
]
