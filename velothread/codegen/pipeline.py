"""A pipeline branch -> the source of one Python function over a batch, compiled and registered for tracebacks.

def pipeline_0(batch, collector):
    rows = batch.num_rows
    price = batch.column(0)
    # WHERE (price > 10)
    greater = greater_fn(price, K_10)
    rows, (price,) = keep_fn(greater, rows, (price,))
    if rows == 0:
        return
    ...
    collector.add(rows, (price,))
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any
from zlib import crc32

import pyarrow as pa

from velothread.codegen.expressions import ExpressionWriter
from velothread.codegen.steps import StepWriter
from velothread.codegen.writer import SourceWriter
from velothread.errors import Position
from velothread.kernels import rows as runtime
from velothread.plan.expressions import Column, Field, columns_of, show
from velothread.plan.nodes import Scan
from velothread.plan.pipelines import (
    Branch,
    Build,
    End,
    FromScan,
    FromUnmatched,
    Group,
    Order,
    Pipeline,
    Where,
    Windowed,
    read_by,
)

# Ends the name of the function that says which rows are wanted.
_CHOOSE = "_choose"


@dataclass(frozen=True, slots=True)
class CompiledBranch:
    """The function of a branch: `function(batch, collector)`, or `function(batch, collector, builds)` where it probes.

    choose: `choose(batch, collector)`, where rows are chosen before all columns are read: which rows of a batch of the
    scan's early columns are wanted. first_key: the source's column that is sorted by first, if it is one as it stands.
    steps: how many the branch has. A measured function takes `laps` (metering.py) as its last argument.

    Threading: immutable; called by all receivers at once, all state is in the arguments.
    """

    function: Callable[..., None]
    source: str
    filename: str
    positions: dict[int, Position]
    dictionaries: frozenset[str]
    probes: bool = False
    choose: Callable[[pa.RecordBatch, Any], Any] | None = None
    first_key: str | None = None
    steps: int = 0

    def locate(self, traceback: TracebackType | None) -> Position | None:
        """Which SQL was computed where an exception came up."""
        found = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.filename:
                found = self.positions.get(traceback.tb_lineno, found)
            traceback = traceback.tb_next
        return found


def compile_pipeline(pipeline: Pipeline, *, measured: bool = False) -> tuple[CompiledBranch, ...]:
    """A compiled function per branch. measured: it notes rows and time of each step, for EXPLAIN ANALYZE."""
    name, several = f"pipeline_{pipeline.number}", len(pipeline.branches) > 1
    return tuple(
        _compile(pipeline, branch, name + (f"_{i}" if several else ""), measured)
        for i, branch in enumerate(pipeline.branches)
    )


def _compile(pipeline: Pipeline, branch: Branch, name: str, measured: bool) -> CompiledBranch:
    writer, dictionaries = _write(pipeline, branch, name, measured)
    source = writer.source
    # named by its text: a query that runs a thousand times is kept once
    filename = f"<velothread {name} {crc32(source.encode()):08x}>"
    code: CodeType = compile(source, filename, "exec")
    namespace = dict(writer.namespace)
    exec(code, namespace)
    # tracebacks and debuggers find the generated text here
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    choose = namespace.get(name + _CHOOSE)
    first = _first_key(pipeline, branch) if choose is not None else None
    probes = bool(branch.builds)
    function, steps = namespace[name], len(branch.steps)
    return CompiledBranch(function, source, filename, writer.positions, dictionaries, probes, choose, first, steps)


def _write(pipeline: Pipeline, branch: Branch, name: str, measured: bool) -> tuple[SourceWriter, frozenset[str]]:
    w = SourceWriter()
    encoded = _may_stay_encoded(pipeline.end, len(branch.outputs))
    text = (
        frozenset(f for f in branch.fields if f.type.kind == "VARCHAR")
        if isinstance(branch.input, (FromScan, FromUnmatched))
        else frozenset()
    )
    raw: dict[Field, str] = {}
    for reserved in ("batch", "collector", "builds", "rows", name, *(["laps"] if measured else [])):
        w.fresh(reserved)
    w.line(f"def {name}(batch, collector{', builds' if branch.builds else ''}{', laps' if measured else ''}):")
    w.indent()
    if measured:
        w.line("laps.begin()")
    w.line("rows = batch.num_rows")
    used = {f for e in (*(e for s in branch.steps for e in read_by(s)), *branch.outputs) for f in columns_of(e)}
    for i, f in enumerate(branch.fields):
        if f in used:
            raw[f] = w.fresh(f.name)
            w.line(f"{raw[f]} = batch.column({i})")
    expressions = ExpressionWriter(w, raw, text)
    steps = StepWriter(w, expressions, measured=measured)
    for i, step in enumerate(branch.steps):
        steps.write(step, (*(e for s in branch.steps[i + 1 :] for e in read_by(s)), *branch.outputs))
    w.comment(_describe(pipeline, branch))
    steps.leave_out(branch.outputs)
    outputs = []
    for i, e in enumerate(branch.outputs):
        variable = expressions.raw_value(e) if i in encoded else expressions.value(e)
        outputs.append(
            variable if isinstance(e, Column) else f"{w.function(runtime.column, 'column')}({variable}, rows)"
        )
    w.line(f"collector.add(rows, ({', '.join(outputs)}{',' if outputs else ''}))")
    steps.close()
    if isinstance(branch.input, FromScan) and branch.input.scan.early and isinstance(pipeline.end, Order):
        _write_choose(w, branch, branch.input.scan, pipeline.end, text, name + _CHOOSE)
    names = {}
    if isinstance(branch.input, FromScan):
        names = dict(zip(branch.input.scan.output, branch.input.scan.columns, strict=True))
    return w, frozenset(names[f] for f in text if f in names)


def _may_stay_encoded(end: End, outputs: int) -> frozenset[int]:
    """The outputs that the breaker takes dictionary-encoded.

    Group keys, by their codes; all that is sorted, which is quicker by codes, too; and what a build or window keeps.
    """
    match end:
        case Group():
            return frozenset(range(end.keys))
        case Order() | Build() | Windowed():
            return frozenset(range(outputs))
    return frozenset()


def _first_key(pipeline: Pipeline, branch: Branch) -> str | None:
    assert isinstance(branch.input, FromScan)
    assert isinstance(pipeline.end, Order)
    scan, key = branch.input.scan, branch.outputs[pipeline.end.keys[0][0]]
    return dict(zip(scan.output, scan.columns, strict=True)).get(key.field) if isinstance(key, Column) else None


def _write_choose(w: SourceWriter, branch: Branch, scan: Scan, end: Order, text: frozenset[Field], name: str) -> None:
    """A second function, over the early columns alone: the rows that pass the filters and may be among the first."""
    w.outermost()
    w.line()
    w.line(f"def {w.fresh(name)}(batch, collector):")
    w.indent()
    w.line("rows = batch.num_rows")
    fields = dict(zip(scan.columns, scan.output, strict=True))
    raw: dict[Field, str] = {}
    for i, column in enumerate(scan.early):
        f = fields[column]
        raw[f] = w.fresh(f.name)
        w.line(f"{raw[f]} = batch.column({i})")
    expressions = ExpressionWriter(w, raw, text)
    masks = []
    for step in branch.steps:
        assert isinstance(step, Where)  # `late_columns` asks for nothing else
        w.comment(f"WHERE {show(step.predicate)}")
        masks.append(expressions.value(step.predicate))
    key = branch.outputs[end.keys[0][0]]
    w.comment(f"first key: {show(key)}")
    value = f"{w.function(runtime.column, 'column')}({expressions.raw_value(key)}, rows)"
    w.line(f"return collector.choose(rows, {value}, ({', '.join(masks)}{',' if masks else ''}))")
    w.dedent()


def _describe(pipeline: Pipeline, branch: Branch) -> str:
    return type(pipeline.end).__name__.lower() + ": " + ", ".join(map(show, branch.outputs))


__all__ = ["CompiledBranch", "compile_pipeline"]
