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
from velothread.codegen.writer import SourceWriter
from velothread.errors import Position
from velothread.kernels import rows as runtime
from velothread.plan.expressions import Column, Expression, Field, Literal, columns_of, is_volatile, show, walk
from velothread.plan.nodes import Scan
from velothread.plan.pipelines import Branch, End, FromScan, Group, Order, Pipeline

# Ends the name of the function that says which rows are wanted.
_CHOOSE = "_choose"


@dataclass(frozen=True, slots=True)
class CompiledBranch:
    """The function of a branch: `function(batch, collector)`.

    choose: `choose(batch, collector)`, where rows are chosen before all columns are read: which rows of a batch of the
    scan's early columns are wanted. first_key: the source's column that is sorted by first, if it is one as it stands.

    Threading: immutable; called by all receivers at once, all state is in the arguments.
    """

    function: Callable[[pa.RecordBatch, Any], None]
    source: str
    filename: str
    positions: dict[int, Position]
    dictionaries: frozenset[str]
    choose: Callable[[pa.RecordBatch, Any], Any] | None = None
    first_key: str | None = None

    def locate(self, traceback: TracebackType | None) -> Position | None:
        """Which SQL was computed where an exception came up."""
        found = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.filename:
                found = self.positions.get(traceback.tb_lineno, found)
            traceback = traceback.tb_next
        return found


def compile_pipeline(pipeline: Pipeline) -> tuple[CompiledBranch, ...]:
    """A compiled function per branch."""
    return tuple(
        _compile(pipeline, branch, f"pipeline_{pipeline.number}" + (f"_{i}" if len(pipeline.branches) > 1 else ""))
        for i, branch in enumerate(pipeline.branches)
    )


def _compile(pipeline: Pipeline, branch: Branch, name: str) -> CompiledBranch:
    writer, dictionaries = _write(pipeline, branch, name)
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
    return CompiledBranch(namespace[name], source, filename, writer.positions, dictionaries, choose, first)


def _write(pipeline: Pipeline, branch: Branch, name: str) -> tuple[SourceWriter, frozenset[str]]:
    w = SourceWriter()
    encoded = _may_stay_encoded(pipeline.end, len(branch.outputs))
    text = (
        frozenset(f for f in branch.fields if f.type.kind == "VARCHAR")
        if isinstance(branch.input, FromScan)
        else frozenset()
    )
    raw: dict[Field, str] = {}
    for reserved in ("batch", "collector", "rows", name):
        w.fresh(reserved)
    w.line(f"def {name}(batch, collector):")
    w.indent()
    w.line("rows = batch.num_rows")
    used = {f for e in (*branch.filters, *branch.outputs) for f in columns_of(e)}
    for i, f in enumerate(branch.fields):
        if f in used:
            raw[f] = w.fresh(f.name)
            w.line(f"{raw[f]} = batch.column({i})")
    expressions = ExpressionWriter(w, raw, text)
    for i, predicate in enumerate(branch.filters):
        _write_filter(w, expressions, predicate, (*branch.filters[i + 1 :], *branch.outputs))
    w.comment(_describe(pipeline, branch))
    outputs = []
    for i, e in enumerate(branch.outputs):
        variable = expressions.raw_value(e) if i in encoded else expressions.value(e)
        outputs.append(
            variable if isinstance(e, Column) else f"{w.function(runtime.column, 'column')}({variable}, rows)"
        )
    w.line(f"collector.add(rows, ({', '.join(outputs)}{',' if outputs else ''}))")
    w.dedent()
    if isinstance(branch.input, FromScan) and branch.input.scan.early and isinstance(pipeline.end, Order):
        _write_choose(w, branch, branch.input.scan, pipeline.end, text, name + _CHOOSE)
    names = {}
    if isinstance(branch.input, FromScan):
        names = dict(zip(branch.input.scan.output, branch.input.scan.columns, strict=True))
    return w, frozenset(names[f] for f in text if f in names)


def _may_stay_encoded(end: End, outputs: int) -> frozenset[int]:
    """The outputs that the breaker takes dictionary-encoded.

    Group keys, by their codes; and all that is sorted, which is quicker by codes, too.
    """
    if isinstance(end, Group):
        return frozenset(range(end.keys))
    return frozenset(range(outputs)) if isinstance(end, Order) else frozenset()


def _first_key(pipeline: Pipeline, branch: Branch) -> str | None:
    assert isinstance(branch.input, FromScan)
    assert isinstance(pipeline.end, Order)
    scan, key = branch.input.scan, branch.outputs[pipeline.end.keys[0][0]]
    return dict(zip(scan.output, scan.columns, strict=True)).get(key.field) if isinstance(key, Column) else None


def _write_choose(w: SourceWriter, branch: Branch, scan: Scan, end: Order, text: frozenset[Field], name: str) -> None:
    """A second function, over the early columns alone: the rows that pass the filters and may be among the first."""
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
    for predicate in branch.filters:
        w.comment(f"WHERE {show(predicate)}")
        masks.append(expressions.value(predicate))
    key = branch.outputs[end.keys[0][0]]
    w.comment(f"first key: {show(key)}")
    value = f"{w.function(runtime.column, 'column')}({expressions.raw_value(key)}, rows)"
    w.line(f"return collector.choose(rows, {value}, ({', '.join(masks)}{',' if masks else ''}))")
    w.dedent()


def _write_filter(
    w: SourceWriter, expressions: ExpressionWriter, predicate: Expression, later: tuple[Expression, ...]
) -> None:
    """Keep the rows for which the predicate is true: of the columns needed later, and of values computed already."""
    w.comment(f"WHERE {show(predicate)}")
    mask = expressions.value(predicate)
    wanted_values = _needed_values(expressions, later)
    computed = {e for _, e in wanted_values}
    fields = {f for e in later for f in _columns_outside(e, computed)}
    columns = [expressions.raw[f] for f in expressions.raw if f in fields]
    names = [*columns, *(expressions.known[k] for k in wanted_values)]
    names = list(dict.fromkeys(names))
    target = f"({', '.join(names)}{',' if names else ''})"
    keep = w.function(runtime.keep, "keep")
    w.line(f"rows, {target} = {keep}({mask}, rows, {target})" if names else f"rows, _ = {keep}({mask}, rows, ())")
    w.line("if rows == 0:")
    w.line("    return")
    expressions.raw = {f: v for f, v in expressions.raw.items() if v in columns}
    expressions.known = {k: expressions.known[k] for k in wanted_values}


def _needed_values(expressions: ExpressionWriter, later: tuple[Expression, ...]) -> list[tuple[str, Expression]]:
    """Values computed before a filter that are needed after it: the largest ones, so that nothing is computed twice."""
    found: list[tuple[str, Expression]] = []

    def visit(e: Expression) -> None:
        key = ("", e)
        if key in expressions.known and not isinstance(e, (Column, Literal)):
            if key not in found:
                found.append(key)
            return
        from velothread.plan.expressions import children

        for c in children(e):
            visit(c)

    for e in later:
        visit(e)
    return found


def _columns_outside(e: Expression, computed: set[Expression]) -> set[Field]:
    """The columns of `e` that aren't only inside values computed already."""
    from velothread.plan.expressions import children

    if e in computed:
        return set()
    if isinstance(e, Column):
        return {e.field}
    return {f for c in children(e) for f in _columns_outside(c, computed)}


def _describe(pipeline: Pipeline, branch: Branch) -> str:
    return type(pipeline.end).__name__.lower() + ": " + ", ".join(map(show, branch.outputs))


__all__ = ["CompiledBranch", "compile_pipeline", "is_volatile", "walk"]
