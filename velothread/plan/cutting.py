"""Cutting of a plan into pipelines (plan/pipelines.py says what these are).

Projections disappear: expressions are written over the columns that a branch has, and each is computed where it is
first needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from velothread.plan import nodes
from velothread.plan.expressions import (
    Column,
    Expression,
    Field,
    Logical,
    Ordering,
    calls_python,
    columns_of,
    is_volatile,
    leaves_out,
    literal,
    may_raise,
    transform,
)
from velothread.plan.origins import Origins
from velothread.plan.pipelines import (
    Branch,
    Build,
    CallLayout,
    Emit,
    End,
    Explode,
    FromBatch,
    FromPipeline,
    FromScan,
    FromUnmatched,
    Group,
    Input,
    Let,
    Order,
    Pipeline,
    Probe,
    Step,
    Turns,
    Where,
    Windowed,
    WindowLayout,
    read_by,
    reads,
)


@dataclass(slots=True)
class _Open:
    """A branch being built: what its output fields are, over the input's columns."""

    input: Input
    fields: tuple[Field, ...]
    steps: list[Step] = field(default_factory=list)
    values: dict[Field, Expression] = field(default_factory=dict)
    start: nodes.Node | None = None  # whose rows the input gives
    made: list[nodes.Node] = field(default_factory=list)  # which node each step is of

    def settle(self) -> None:
        """Compute now what gives another value each time: later there may be several rows in place of one. And what
        leaves rows out: later it may have been noted that they have a partner."""
        now = {f: e for f, e in self.values.items() if is_volatile(e) or leaves_out(e)}
        if now:
            self.steps.append(Let(tuple(now), tuple(now.values())))
            self.values |= {f: Column(f) for f in now}

    def over_input(self, e: Expression) -> Expression:
        return transform(e, lambda x: self.values.get(x.field, x) if isinstance(x, Column) else None)


def cut(plan: nodes.Node, origins: Origins | None = None) -> tuple[Pipeline, ...]:
    """The pipelines of a plan in the order in which they run; the last one emits the result.

    origins: is told which node each part is of.
    """
    cutter = _Cutter(origins or Origins())
    cutter.under_way.append(plan)
    limit, offset = None, 0
    if isinstance(plan, nodes.Limit):
        limit, offset, plan = plan.limit, plan.offset, plan.input
    branches = cutter.open(plan)
    outputs = tuple(Column(f) for f in plan.output)
    cutter.close(branches, outputs, Emit(limit, offset), plan.output)
    return tuple(cutter.done)


class _Cutter:
    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.under_way: list[nodes.Node] = []  # the nodes that are being opened, the innermost last
        self.done: list[Pipeline] = []
        self.count = 0
        self.recursions: dict[int, tuple[int, int]] = {}  # the working table and the whole one of each
        self.shared: dict[int, tuple[int, tuple[Field, ...]]] = {}

    def open(self, node: nodes.Node) -> list[_Open]:
        """The open branches that give `node`'s rows."""
        self.under_way.append(node)
        branches = self._open(node)
        self.under_way.pop()
        for b in branches:
            b.start = b.start or node
            b.made += [node] * (len(b.steps) - len(b.made))
            if isinstance(b.input, FromPipeline):
                self.origins.ends.setdefault(b.input.number, node)
        return branches

    def _open(self, node: nodes.Node) -> list[_Open]:
        match node:
            case nodes.Scan():
                return [_Open(FromScan(node), node.output, values={f: Column(f) for f in node.output})]
            case nodes.Values():
                values: dict[Field, Expression] = {f: Column(f) for f in node.output}
                return [_Open(FromBatch(node.batch, node.rows), node.output, values=values)]
            case nodes.Filter():
                branches = self.open(node.input)
                for b in branches:
                    b.steps.extend(_filters(b.over_input(node.predicate)))
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
            case nodes.Join():
                return self._join(node)
            case nodes.Unnest():
                return self._unnest(node)
            case nodes.Window():
                return [self._window(node)]
            case nodes.Recursive():
                return [self._recursive(node)]
            case nodes.RecursiveRef():
                number = self.recursions[node.number][node.whole]
                return [_Open(FromPipeline(number), node.output, values={f: Column(f) for f in node.output})]

    def _number(self) -> int:
        self.count += 1
        return self.count - 1

    def _recursive(self, node: nodes.Recursive) -> _Open:
        """The step's pipelines are kept apart; those that don't depend on the turn before run once, ahead of it."""
        initial = self._kept(node.initial)
        self.recursions[node.number] = working, whole = self._number(), self._number()
        before, self.done = self.done, []
        self._kept(node.step)
        changing, steps = {working, whole}, []
        for p in self.done:
            if reads(p) & changing:
                changing.add(p.number)
                steps.append(p)
            else:
                before.append(p)
        if not steps or steps[-1] is not self.done[-1]:
            steps.append(self.done[-1])
            before.remove(self.done[-1])
        self.done = before
        number = self._number()
        end = Turns(initial, working, whole, tuple(steps), node.distinct, node.keys, node.limit)
        self.done.append(Pipeline(number, (), end, node.output))
        return _Open(FromPipeline(number), node.output, values={f: Column(f) for f in node.output})

    def _kept(self, node: nodes.Node) -> int:
        """The number of a pipeline that gives `node`'s rows as they are."""
        branches = self.open(node)
        self.close(branches, tuple(map(Column, node.output)), Emit(), node.output)
        return self.done[-1].number

    def close(
        self, branches: list[_Open], outputs: tuple[Expression, ...], end: End, output: tuple[Field, ...]
    ) -> _Open:
        """End the open branches; give the branch that reads the result."""
        number = self._number()
        node = self.under_way[-1]
        self.origins.ends[number] = node
        for i, b in enumerate(branches):
            self.origins.inputs[number, i] = b.start or node
            self.origins.steps[number, i] = (*b.made, *[node] * (len(b.steps) - len(b.made)))
        closed = tuple(
            Branch(b.input, b.fields, tuple(b.steps), tuple(b.over_input(e) for e in outputs)) for b in branches
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

    def _window(self, node: nodes.Window) -> _Open:
        branches = self.open(node.input)
        outputs: list[Expression] = [Column(f) for f in node.input.output]
        places: dict[Expression, int] = {e: i for i, e in enumerate(outputs)}

        def place(e: Expression) -> int:
            if e not in places:
                places[e] = len(outputs)
                outputs.append(e)
            return places[e]

        def keys(order: tuple[Ordering, ...]) -> tuple[tuple[int, bool, bool], ...]:
            return tuple((place(o.expression), o.descending, o.nulls_first) for o in order)

        layout = []
        for call in node.calls:
            start, end = (place(b.offset) if b.offset is not None else None for b in (call.frame.start, call.frame.end))
            filter_ = place(call.filter) if call.filter is not None else None
            arguments, partition = tuple(map(place, call.arguments)), tuple(map(place, call.partition_by))
            order, own = keys(call.order_by), keys(call.argument_order)
            layout.append(WindowLayout(arguments, filter_, partition, order, own, (start, end)))
        end_ = Windowed(len(node.input.output), node.calls, tuple(layout))
        return self.close(branches, tuple(outputs), end_, node.output)

    def _join(self, node: nodes.Join) -> list[_Open]:
        if node.turned:
            return [self._turned(node)]
        # The right side first: when it turns out to be empty, or narrow, the left side may not have to be read at all.
        build, fields = self._build(node)
        branches = self.open(node.left)
        mark = node.output[-1] if node.kind == "mark" else None
        text = nodes.title(node).removeprefix("Join ")
        on = node.residual
        for b in branches:
            b.settle()
            keys = tuple(b.over_input(k.left) for k in node.keys)
            nearest = b.over_input(node.asof.left) if node.asof is not None else None
            condition = b.over_input(on) if on is not None else None
            after = condition if node.kind == "inner" and node.asof is None else None
            probe = Probe(
                build,
                node.kind,
                keys,
                None if after is not None else condition,
                fields,
                mark,
                nearest,
                node.three_valued > 0,
                text,
            )
            b.steps.append(probe)
            if after is not None:
                b.steps.extend(_filters(after))
            b.values = {f: b.values.get(f, Column(f)) for f in node.output}
        if node.kind != "full":
            return branches
        outputs = tuple(Column(f) for f in node.output)
        matched = self.close(branches, outputs, Emit(), node.output)
        left = set(node.left.output)
        values: dict[Field, Expression] = {f: literal(None, f.type) if f in left else Column(f) for f in node.output}
        return [matched, _Open(FromUnmatched(build), fields, values=values)]

    def _turned(self, node: nodes.Join) -> _Open:
        """A semi or anti join whose right rows stream past the left ones; then come those that have (not) met one."""
        swapped = tuple(replace(k, left=k.right, right=k.left) for k in node.keys)
        build, fields = self._build(replace(node, kind="inner", left=node.right, right=node.left, keys=swapped))
        text = nodes.title(node).removeprefix("Join ")
        branches = self.open(node.right)
        for b in branches:
            b.settle()
            condition = b.over_input(node.residual) if node.residual is not None else None
            keys = tuple(b.over_input(k.left) for k in swapped)
            b.steps.append(Probe(build, "meet", keys, condition, fields, text=text))
        self.close(branches, (), Emit(), ())
        start = FromUnmatched(build, node.kind == "semi", self.done[-1].number)
        return _Open(start, fields, values={f: Column(f) for f in node.output})

    def _build(self, node: nodes.Join) -> tuple[int, tuple[Field, ...]]:
        """The pipeline of the right side: its number, and the fields of its payload."""
        branches = self.open(node.right)
        wanted = set(node.output) | (columns_of(node.residual) if node.residual is not None else set())
        fields = tuple(f for f in node.right.output if f in wanted)
        outputs: list[Expression] = list(dict.fromkeys([*(k.right for k in node.keys), *map(Column, fields)]))
        nearest = None
        if node.asof is not None:
            outputs = list(dict.fromkeys([*outputs, node.asof.right]))
            nearest = outputs.index(node.asof.right)
        end = Build(
            tuple(outputs.index(k.right) for k in node.keys),
            tuple(k.nulls_equal for k in node.keys),
            tuple(outputs.index(Column(f)) for f in fields),
            node.three_valued,
            nearest,
            node.asof.operator if node.asof is not None else "",
            node.kind in ("semi", "anti", "mark") and node.residual is None,
        )
        self.close(branches, tuple(outputs), end, fields)
        return self.done[-1].number, fields

    def _unnest(self, node: nodes.Unnest) -> list[_Open]:
        branches = self.open(node.input)
        fields = node.output[len(node.output) - len(node.lists) - node.ordinal :]
        for b in branches:
            b.settle()
            lists = tuple(b.over_input(e) for e in node.lists)
            b.steps.append(Explode(lists, fields, node.keep_empty, node.ordinal))
            b.values = {f: b.values.get(f, Column(f)) for f in node.output}
        return branches

    def _shared(self, node: nodes.Shared) -> _Open:
        if node.number not in self.shared:
            branches = self.open(node.input)
            outputs = tuple(Column(f) for f in node.input.output)
            done = self.close(branches, outputs, Emit(), node.input.output)
            assert isinstance(done.input, FromPipeline)
            self.shared[node.number] = (done.input.number, node.input.output)
            self.origins.shared[node.number] = node
        number, fields = self.shared[node.number]
        pairs = zip(node.output, fields, strict=True)
        return _Open(FromPipeline(number), fields, values={use: Column(f) for use, f in pairs})


def _filters(predicate: Expression) -> list[Step]:
    """A predicate as filters in order: first what can't fail, as one; then each part that can, over fewer rows; what
    calls Python functions last."""
    if not (isinstance(predicate, Logical) and predicate.operator == "and"):
        return [Where(predicate)]
    safe = [a for a in predicate.arguments if not may_raise(a)]
    rest = sorted((a for a in predicate.arguments if may_raise(a)), key=calls_python)
    first = [safe[0] if len(safe) == 1 else Logical("and", tuple(safe), predicate.position)] if safe else []
    return [Where(e) for e in (*first, *rest)]


def _used_only(b: Branch) -> Branch:
    """Scans read just the columns that the branch uses."""
    if not isinstance(b.input, FromScan):
        return b
    used = {f for e in (*(e for s in b.steps for e in read_by(s)), *b.outputs) for f in columns_of(e)}
    scan = b.input.scan
    kept = [(f, c) for f, c in zip(scan.output, scan.columns, strict=True) if f in used]
    fields = tuple(f for f, _ in kept)
    narrowed = replace(scan, output=fields, columns=tuple(c for _, c in kept))
    return Branch(FromScan(narrowed), fields, b.steps, b.outputs)
