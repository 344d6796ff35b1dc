"""The steps of a branch as lines of Python: filters, probes of a join, unnesting.

A step that may give more rows than it takes gives them in chunks: what follows stands in a loop over them. Only the
columns that are needed later are carried on.

    for rows, left, right in inner_pairs_fn(builds[0], rows, (customer,)):
        price_1 = pick_fn(price, left)
        name = pick_fn(builds[0].columns[0], right)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from velothread.codegen.expressions import ExpressionWriter
from velothread.codegen.writer import SourceWriter
from velothread.kernels import rows as runtime
from velothread.plan.expressions import (
    Case,
    Coalesce,
    Column,
    Expression,
    Field,
    Literal,
    Logical,
    PythonCall,
    children,
    columns_of,
    leaves_out,
    show,
)
from velothread.plan.pipelines import Explode, Let, Probe, Step, Where, read_by
from velothread.types import VARCHAR

Later = tuple[Expression, ...]


class StepWriter:
    """Writes steps; `expressions` then knows the columns that there are after them."""

    def __init__(self, writer: SourceWriter, expressions: ExpressionWriter, *, measured: bool = False) -> None:
        self.writer = writer
        self.expressions = expressions
        self._leave = "return"  # what ends the work on the rows at hand
        self._measured = measured
        self._step = -1
        self._loops: list[int] = []  # the steps whose loops are open

    def write(self, step: Step, later: Later) -> None:
        """The lines of a step. `later`: all expressions that are computed after it."""
        self._step += 1
        match step:
            case Where():
                self.writer.comment(f"WHERE {show(step.predicate)}")
                self.leave_out((step.predicate,), later)
                self._keep(self.expressions.value(step.predicate), later)
            case Let():
                self._let(step, later)
            case Probe():
                self._probe(step, later)
            case Explode():
                self._explode(step, later)

    # --- EXPLAIN ANALYZE

    def _lap(self) -> None:
        if self._measured:
            self.writer.line(f"laps.end({self._step}, rows)")

    def close(self) -> None:
        """After the last line: all that was computed is noted, also the search for a next chunk that wasn't there."""
        if self._measured:
            self._step += 1
            self._lap()
            for step in reversed(self._loops):
                self.writer.dedent()
                self.writer.line(f"laps.end({step}, 0)")

    # --- filters

    def _keep(self, mask: str, later: Later, *, lap: bool = True) -> None:
        """Keep the rows for which `mask` is true: of the columns needed later, and of values computed already."""
        w, expressions = self.writer, self.expressions
        fields, values = self._needed(later)
        names = [*(expressions.raw[f] for f in fields), *(expressions.known[k] for k in values)]
        names = list(dict.fromkeys(names))
        target = f"({', '.join(names)}{',' if names else ''})"
        keep = w.function(runtime.keep, "keep")
        w.line(f"rows, {target} = {keep}({mask}, rows, {target})" if names else f"rows, _ = {keep}({mask}, rows, ())")
        if lap:
            self._lap()
        w.line("if rows == 0:")
        w.line(f"    {self._leave}")
        expressions.raw = {f: expressions.raw[f] for f in fields}
        expressions.known = {k: expressions.known[k] for k in values}
        expressions.staying = ""

    def leave_out(self, wanted: Later, later: Later = ()) -> None:
        """Rows for which a function of `wanted` fails are left out, where that is what it should do.

        They are gone before anything else of `wanted` is computed, but for what decides whether there is a call.
        """
        kept = (*wanted, *later)
        for e in wanted:
            for call in _calls_of_all_rows(e):
                self.expressions.value(call)
        self._keep_staying(kept)
        for e in wanted:
            if leaves_out(e):
                self.expressions.value(e)
        self._keep_staying(kept)

    def _keep_staying(self, later: Later) -> None:
        if self.expressions.staying:
            self._keep(self.expressions.staying, later, lap=False)

    def _needed(self, later: Later) -> tuple[list[Field], list[tuple[str, Expression]]]:
        """The columns, and the values computed already, that are needed later."""
        expressions = self.expressions
        values = _needed_values(expressions, later)
        computed = {e for _, e in values}
        fields = {f for e in later for f in _columns_outside(e, computed)}
        return [f for f in expressions.raw if f in fields], values

    def _let(self, step: Let, later: Later) -> None:
        """Columns of their own; what was computed for them is not to be taken for the same text elsewhere."""
        self.leave_out(step.expressions, later)
        for f, e in zip(step.fields, step.expressions, strict=True):
            name = self.writer.fresh(f.name)
            self.writer.line(f"{name} = {self._column_of(e)}", getattr(e, "position", None))
            self.expressions.raw[f] = name
        self._lap()

    # --- joins

    def _probe(self, step: Probe, later: Later) -> None:
        from velothread.kernels import joining, marking, nearest

        w, expressions = self.writer, self.expressions
        w.comment(f"JOIN {step.text}")
        self.leave_out((*step.keys, *((step.nearest,) if step.nearest is not None else ())), (*read_by(step), *later))
        build = f"builds[{step.build}]"
        keys = [self._column_of(e) for e in step.keys]
        arguments = [build, "rows", f"({', '.join(keys)}{',' if keys else ''})"]
        if step.nearest is not None:
            arguments += [self._column_of(step.nearest), str(step.kind == "left")]
            arguments += [self._on(step)] if step.on is not None else []
            self._loop(w.function(nearest.nearest_pairs, "nearest_pairs"), arguments, step, later)
            return
        if step.on is not None:
            arguments.append(self._on(step))
        match step.kind:
            case "inner":
                self._loop(w.function(joining.inner_pairs, "inner_pairs"), arguments, step, later)
            case "left":
                self._loop(w.function(joining.left_pairs, "left_pairs"), arguments, step, later)
            case "single":
                self._loop(w.function(joining.left_pairs, "left_pairs"), [*arguments, "single=True"], step, later)
            case "full":
                self._loop(w.function(joining.full_pairs, "full_pairs"), arguments, step, later)
            case "semi" | "anti":
                met = w.fresh("met")
                if step.kind == "semi":
                    function = w.function(joining.has_partner, "has_partner")
                else:
                    function = w.function(joining.has_no_partner, "has_no_partner")
                w.line(f"{met} = {function}({', '.join(arguments)})")
                self._keep(met, later)
            case "meet":
                w.line(f"{w.function(joining.meet, 'meet')}({', '.join(arguments)})")
                w.line("rows = 0")
                self._lap()
            case "mark":
                assert step.mark is not None
                name = w.fresh(step.mark.name)
                if step.three_valued:
                    function = w.function(marking.mark, "mark")
                else:
                    function = w.function(joining.has_partner, "has_partner")
                w.line(f"{name} = {function}({', '.join(arguments)})")
                expressions.raw[step.mark] = name
                self._lap()

    def _on(self, step: Probe) -> str:
        """A function over pairs of rows: does the rest of the condition hold?"""
        w, outer = self.writer, self.expressions
        assert step.on is not None
        name, left, right = w.fresh("on"), w.fresh("left"), w.fresh("right")
        w.line(f"def {name}(rows, {left}, {right}):")
        w.indent()
        used = columns_of(step.on)
        raw = {}
        for f in outer.raw:
            if f in used:
                raw[f] = self._picked(outer.raw[f], left)
        # what was computed of left columns before is at hand, perhaps in place of the columns
        known = {k: self._picked(outer.known[k], left) for k in _needed_values(outer, (step.on,))}
        raw |= self._payload(step, {f for f in step.fields if f in used}, right)
        text = outer.maybe_dictionary | _text(step.fields)
        inner = ExpressionWriter(w, raw, text, known, in_the_way="it stands in a condition of a join that is no filter")
        w.line(f"return {inner.value(step.on)}", getattr(step.on, "position", None))
        w.dedent()
        return name

    def _loop(self, function: str, arguments: Sequence[str], step: Probe, later: Later) -> None:
        """What follows stands in a loop over chunks of pairs."""
        w, expressions = self.writer, self.expressions
        needed = {f for e in later for f in columns_of(e)}
        left, right = w.fresh("left"), w.fresh("right")
        w.line(f"for rows, {left}, {right} in {function}({', '.join(arguments)}):")
        self._enter(left, later)
        expressions.raw |= self._payload(step, {f for f in step.fields if f in needed}, right)
        expressions.maybe_dictionary |= _text(step.fields)
        self._lap()

    def _enter(self, left: str, later: Later) -> None:
        """Begin the loop: the columns so far at the rows `left`."""
        w, expressions = self.writer, self.expressions
        w.indent()
        self._leave = "continue"
        self._loops.append(self._step)
        fields, values = self._needed(later)
        # New names: the old ones are read again for the next chunk.
        places: dict[str, str] = {}
        for old in [*(expressions.raw[f] for f in fields), *(expressions.known[k] for k in values)]:
            if old not in places:
                places[old] = self._picked(old, left)
        expressions.raw = {f: places[expressions.raw[f]] for f in fields}
        expressions.known = {k: places[expressions.known[k]] for k in values}

    def _payload(self, step: Probe, wanted: set[Field], right: str) -> dict[Field, str]:
        found = {}
        for i, f in enumerate(step.fields):
            if f in wanted:
                found[f] = self._picked(f"builds[{step.build}].columns[{i}]", right, f.name)
        return found

    def _picked(self, column: str, places: str, hint: str = "") -> str:
        from velothread.kernels import joining

        name = self.writer.fresh(hint or column)
        self.writer.line(f"{name} = {self.writer.function(joining.pick, 'pick')}({column}, {places})")
        return name

    def _column_of(self, e: Expression) -> str:
        """An expression as an Array; text may stay dictionary-encoded."""
        variable = self.expressions.raw_value(e)
        return (
            variable if isinstance(e, Column) else f"{self.writer.function(runtime.column, 'column')}({variable}, rows)"
        )

    # --- unnesting

    def _explode(self, step: Explode, later: Later) -> None:
        from velothread.kernels import unnesting

        w, expressions = self.writer, self.expressions
        w.comment("UNNEST " + ", ".join(map(show, step.lists)))
        self.leave_out(step.lists, later)
        lists = [self._column_of(e) for e in step.lists]
        names = [w.fresh(f.name) for f in step.fields]
        function = w.function(unnesting.elements, "elements")
        left = w.fresh("left")
        arguments = f"rows, ({', '.join(lists)},), {step.keep_empty}, {step.ordinal}"
        w.line(f"for rows, {left}, ({', '.join(names)},) in {function}({arguments}):")
        self._enter(left, later)
        expressions.raw |= dict(zip(step.fields, names, strict=True))
        self._lap()


def _calls_of_all_rows(e: Expression) -> Iterator[PythonCall]:
    """The calls in `e` that may leave rows out and are made for every row, whatever else is in `e`."""
    match e:
        case PythonCall() if e.function.on_error == "skip":
            yield e
        case Case() | Coalesce() | Logical():
            yield from _calls_of_all_rows(children(e)[0])
        case _:
            for c in children(e):
                yield from _calls_of_all_rows(c)


def _text(fields: Sequence[Field]) -> frozenset[Field]:
    """Text that a build may keep as a dictionary."""
    return frozenset(f for f in fields if f.type.arrow == VARCHAR.arrow or f.type.kind == "BLOB")


def _needed_values(expressions: ExpressionWriter, later: tuple[Expression, ...]) -> list[tuple[str, Expression]]:
    """Values computed before a filter that are needed after it: the largest ones, so that nothing is computed twice."""
    found: list[tuple[str, Expression]] = []

    def visit(e: Expression) -> None:
        key = ("", e)
        if key in expressions.known and not isinstance(e, (Column, Literal)):
            if key not in found:
                found.append(key)
            return
        for c in children(e):
            visit(c)

    for e in later:
        visit(e)
    return found


def _columns_outside(e: Expression, computed: set[Expression]) -> set[Field]:
    """The columns of `e` that aren't only inside values computed already."""
    if e in computed:
        return set()
    if isinstance(e, Column):
        return {e.field}
    return {f for c in children(e) for f in _columns_outside(c, computed)}
