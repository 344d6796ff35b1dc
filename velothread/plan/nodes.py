"""Plan nodes: what a query does, before it is cut into pipelines. Frozen; each knows its output fields.

Joins, windows and unnesting are nodes like the others; which of them break a pipeline is said in plan/pipelines.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from typing import Literal as OneOf

import pyarrow as pa

from velothread.plan.expressions import (
    AggregateCall,
    Column,
    Expression,
    Field,
    Ordering,
    WindowCall,
    show,
    show_ordering,
)
from velothread.sources.source import Bound, Source


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Rows of a source; `output[i]` is the source's column `columns[i]`.

    early: the columns by which a sort with a limit chooses rows, when the source can read the others for those alone.
    """

    source: Source
    output: tuple[Field, ...]
    columns: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    limit: int | None = None
    early: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Constant rows: one Arrow batch, with a column per field (a batch without columns has `rows` rows)."""

    output: tuple[Field, ...]
    batch: pa.RecordBatch | None
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """The rows for which the predicate is true (not false, not NULL)."""

    input: Node
    predicate: Expression

    @property
    def output(self) -> tuple[Field, ...]:
        return self.input.output


@dataclass(frozen=True, slots=True, eq=False)
class Project:
    """A column per expression."""

    input: Node
    output: tuple[Field, ...]
    expressions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """A row per group, in order of first appearance: the keys, then the aggregates. No keys: exactly one row."""

    input: Node
    output: tuple[Field, ...]
    keys: tuple[Expression, ...]
    calls: tuple[AggregateCall, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sort:
    """All rows in order (stable); with a limit only the first ones after `offset`."""

    input: Node
    keys: tuple[Ordering, ...]
    limit: int | None = None
    offset: int = 0

    @property
    def output(self) -> tuple[Field, ...]:
        return self.input.output


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """At most `limit` rows after `offset`, in the input's order."""

    input: Node
    limit: int | None
    offset: int = 0

    @property
    def output(self) -> tuple[Field, ...]:
        return self.input.output


@dataclass(frozen=True, slots=True, eq=False)
class UnionAll:
    """The rows of all inputs, one input after the other; columns by place, types already equal."""

    inputs: tuple[Node, ...]
    output: tuple[Field, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A CTE that is used more than once: computed once, `number` tells it apart; `output` are this use's fields."""

    input: Node
    output: tuple[Field, ...]
    number: int
    name: str


JoinKind = OneOf["inner", "left", "full", "semi", "anti", "mark", "single"]


@dataclass(frozen=True, slots=True)
class JoinKey:
    """An equality between the sides; both expressions have the same type.

    `nulls_equal`: IS NOT DISTINCT FROM. Else a NULL matches nothing.
    """

    left: Expression
    right: Expression
    nulls_equal: bool = False


@dataclass(frozen=True, slots=True)
class Asof:
    """ASOF JOIN: of the rows that the keys match, the nearest for which `left op right` holds (op: >=, >, <=, <)."""

    left: Expression
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Pairs of a left and a right row for which all `keys` and the `residual` hold.

    Order: as the left rows stand, and for each as its right rows stand; right rows without a partner (full) last, in
    their order. RIGHT JOIN is a left join of the swapped sides; CROSS JOIN an inner one without keys.

    inner, left, full: output is the left fields, then the right ones.
    single: as left, for scalar subqueries; a second right row for a left one is an error.
    semi, anti: the left rows with (without) a partner; output is the left fields.
    mark: every left row once; output is the left fields and a BOOLEAN one. `three_valued` tells how many of the first
    keys are compared as IN does: the mark is true with a partner; else NULL, where some right row would be one if NULLs
    in those keys were known; else false.

    turned, of semi and anti: the left rows are gathered and the right rows stream past them, not the other way round.
    """

    left: Node
    right: Node
    kind: JoinKind
    keys: tuple[JoinKey, ...]
    residual: Expression | None
    output: tuple[Field, ...]
    asof: Asof | None = None
    three_valued: int = 0
    turned: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The input's rows in their order, and a column per window call after the input's fields."""

    input: Node
    output: tuple[Field, ...]
    calls: tuple[WindowCall, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unnest:
    """A row per element of the lists, in order; several lists side by side, the shorter ones filled with NULL.

    output: the input's fields, then one per list. A row whose lists are all empty or NULL gives no row, or, with
    `keep_empty`, one with NULLs. `ordinal`: the last field counts the elements from 1.
    """

    input: Node
    output: tuple[Field, ...]
    lists: tuple[Expression, ...]
    keep_empty: bool = False
    ordinal: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Recursive:
    """WITH RECURSIVE: the rows of `initial`, then those that `step` gives for the rows of the turn before, until none.

    `step` reads the rows of the turn before through `RecursiveRef`s of the same number. distinct: a row that was there
    before is dropped. keys: places of the columns whose values name a row; a new row replaces the one of its key.
    limit: no more rows than so many are wanted.
    """

    initial: Node
    step: Node
    output: tuple[Field, ...]
    number: int
    name: str
    distinct: bool = False
    keys: tuple[int, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RecursiveRef:
    """The rows that the last turn of a recursion gave; `whole`: all rows that it has so far."""

    output: tuple[Field, ...]
    number: int
    name: str
    whole: bool = False


Node = (
    Scan
    | Values
    | Filter
    | Project
    | Aggregate
    | Sort
    | Limit
    | UnionAll
    | Shared
    | Join
    | Window
    | Unnest
    | Recursive
    | RecursiveRef
)


def inputs(node: Node) -> tuple[Node, ...]:
    """The nodes that a node reads."""
    match node:
        case Scan() | Values() | RecursiveRef():
            return ()
        case Recursive():
            return (node.initial, node.step)
        case UnionAll():
            return node.inputs
        case Join():
            return (node.left, node.right)
        case _:
            return (node.input,)


def with_inputs(node: Node, new: tuple[Node, ...]) -> Node:
    """`node` over other inputs."""
    match node:
        case Scan() | Values() | RecursiveRef():
            return node
        case Recursive():
            return replace(node, initial=new[0], step=new[1])
        case UnionAll():
            return replace(node, inputs=new)
        case Join():
            return replace(node, left=new[0], right=new[1])
        case _:
            return replace(node, input=new[0])


def title(node: Node) -> str:
    """One line for EXPLAIN."""
    match node:
        case Scan():
            parts = [f"Scan {node.source.name}", f"columns: {', '.join(node.columns) or '(none)'}"]
            if node.bounds:
                parts.append("skip by: " + " AND ".join(f"{b.column} {b.op} {_brief(b.value)}" for b in node.bounds))
            if node.limit is not None:
                parts.append(f"limit: {node.limit}")
            if node.early:
                parts.append("rows chosen by: " + ", ".join(node.early))
            return "; ".join(parts)
        case Values():
            return f"Values {node.rows} row{'s' if node.rows != 1 else ''}"
        case Filter():
            return f"Filter {show(node.predicate)}"
        case Project():
            items = []
            for f, e in zip(node.output, node.expressions, strict=True):
                items.append(f.name if isinstance(e, Column) and e.field.name == f.name else f"{show(e)} AS {f.name}")
            return " ".join(["Project", *filter(None, [", ".join(items)])])
        case Aggregate():
            text = "Aggregate " + ", ".join(map(show, node.calls))
            return text + (f" by {', '.join(map(show, node.keys))}" if node.keys else "")
        case Sort():
            text = "Sort " + ", ".join(map(show_ordering, node.keys))
            return text + _limit_text(node.limit, node.offset)
        case Limit():
            return "Limit" + _limit_text(node.limit, node.offset)
        case UnionAll():
            return f"Union all of {len(node.inputs)}"
        case Shared():
            return f"Shared {node.name} (computed once)"
        case Join():
            return _join_title(node)
        case Window():
            return "Window " + ", ".join(map(show, node.calls))
        case Unnest():
            return "Unnest " + ", ".join(map(show, node.lists))
        case Recursive():
            return f"Recursive {node.name}{' (distinct)' if node.distinct else ''}"
        case RecursiveRef():
            return f"Rows of {node.name} {'so far' if node.whole else 'of the last turn'}"


def _join_title(node: Join) -> str:
    on = [f"{show(k.left)} {'IS NOT DISTINCT FROM' if k.nulls_equal else '='} {show(k.right)}" for k in node.keys]
    if node.asof is not None:
        on.append(f"{show(node.asof.left)} {node.asof.operator} {show(node.asof.right)} (nearest)")
    if node.residual is not None:
        on.append(show(node.residual))
    kind = f"{node.kind} (left rows gathered)" if node.turned else node.kind
    return f"Join {kind}" + (" on " + " AND ".join(on) if on else "")


def _limit_text(limit: int | None, offset: int) -> str:
    text = "" if limit is None else f" limit {limit}"
    return text + (f" offset {offset}" if offset else "")


def _brief(value: Any) -> str:
    text = str(value) if isinstance(value, dt.date) else repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def render(node: Node, depth: int = 0, note: Callable[[Node], str] | None = None) -> str:
    """The plan as an indented tree, the last step first. `note`: what else to say of a node."""
    return "\n".join(_lines(node, depth, note, set()))


def _lines(node: Node, depth: int, note: Callable[[Node], str] | None, shown: set[int]) -> Iterator[str]:
    text = "  " * depth + title(node)
    if isinstance(node, Shared):
        if node.number in shown:
            yield f"{text}: see above"
            return
        shown.add(node.number)
    yield text + (note(node) if note is not None else "")
    for child in inputs(node):
        yield from _lines(child, depth + 1, note, shown)
