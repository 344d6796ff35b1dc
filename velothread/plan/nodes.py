"""Plan nodes: what a query does, before it is cut into pipelines. Frozen; each knows its output fields.

Joins and windows will be nodes like these, breakers like Aggregate and Sort.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from velothread.plan.expressions import AggregateCall, Column, Expression, Field, Ordering, show, show_ordering
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


Node = Scan | Values | Filter | Project | Aggregate | Sort | Limit | UnionAll | Shared


def inputs(node: Node) -> tuple[Node, ...]:
    """The nodes that a node reads."""
    match node:
        case Scan() | Values():
            return ()
        case UnionAll():
            return node.inputs
        case _:
            return (node.input,)


def with_inputs(node: Node, new: tuple[Node, ...]) -> Node:
    """`node` over other inputs."""
    match node:
        case Scan() | Values():
            return node
        case UnionAll():
            return replace(node, inputs=new)
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
            return "Project " + ", ".join(items)
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


def _limit_text(limit: int | None, offset: int) -> str:
    text = "" if limit is None else f" limit {limit}"
    return text + (f" offset {offset}" if offset else "")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def render(node: Node, depth: int = 0) -> str:
    """The plan as an indented tree, the last step first."""
    lines = ["  " * depth + title(node)]
    lines.extend(render(child, depth + 1) for child in inputs(node))
    return "\n".join(lines)
