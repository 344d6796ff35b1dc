"""How many rows a plan gives, by guess: row counts of files, ranges in Parquet footers, usual shares for conditions.

The figures choose orders and sides of joins, never answers.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from velothread.frontend.optimize.conditions import conjuncts, disjuncts
from velothread.plan.expressions import Call, Cast, Column, Expression, Field, Logical, Membership, columns_of
from velothread.plan.nodes import (
    Aggregate,
    Filter,
    Join,
    Limit,
    Node,
    Project,
    Scan,
    Shared,
    Sort,
    UnionAll,
    Unnest,
    Values,
    Window,
    inputs,
)

# Where nothing is known. A share of rows that a condition keeps:
_EQUAL = 0.05
_RANGE = 0.35
_LIKE = 0.1
_OTHER = 0.3
_UNKNOWN_ROWS = 100_000.0
_BYTES_PER_VALUE = 8
_GROUPS = 0.1
_ELEMENTS = 5.0


class Estimates:
    """Estimates of the nodes of one plan, remembered.

    Threading: used by one thread, while planning.
    """

    def __init__(self) -> None:
        self._rows: dict[int, float] = {}
        self._spans: dict[tuple[int, str], float | None] = {}
        self._kept: list[Node] = []  # keeps the nodes alive, whose ids are keys

    def rows(self, node: Node) -> float:
        """Rows that a node gives."""
        found = self._rows.get(id(node))
        if found is None:
            found = self._rows[id(node)] = self._estimate(node)
            self._kept.append(node)
        return found

    def note(self, node: Node) -> str:
        """For EXPLAIN: how large the sides of a join are thought to be."""
        if not isinstance(node, Join):
            return ""
        probe, build = self.rows(node.left), self.rows(node.right)
        return f"; probe about {_rounded(probe)} rows, build about {_rounded(build)}"

    def distinct(self, node: Node, e: Expression) -> float:
        """How many different values `e` may have over the node's source rows (before filters)."""
        match node:
            case Filter() | Sort() | Limit() | Window() | Unnest():
                return self.distinct(node.input, e)
            case Project():
                inner = _through(node, e)
                return self.rows(node) if inner is None else self.distinct(node.input, inner)
            case Shared():
                place = _place(node, e)
                fields = node.input.output
                return self.rows(node) if place is None else self.distinct(node.input, Column(fields[place]))
            case Aggregate():
                place = _place(node, e)
                if place is not None and place < len(node.keys):
                    return min(self.rows(node), self.distinct(node.input, node.keys[place]))
                return self.rows(node)
            case Join():
                side = node.left if columns_of(e) <= set(node.left.output) else node.right
                return self.distinct(side, e)
            case Scan():
                rows = self._scanned(node)
                inner = e.argument if isinstance(e, Cast) else e
                if isinstance(inner, Column) and inner.field in node.output:
                    span = self._span(node, inner.field)
                    return rows if span is None else min(rows, span)
                return rows
        return self.rows(node)

    def _estimate(self, node: Node) -> float:
        match node:
            case Scan():
                rows = self._scanned(node)
                return rows if node.limit is None else min(rows, float(node.limit))
            case Values():
                return float(node.rows)
            case Filter():
                return max(1.0, self.rows(node.input) * self.share(node.predicate, node.input))
            case Aggregate():
                rows = self.rows(node.input)
                if not node.keys:
                    return 1.0
                groups = 1.0
                for key in node.keys:
                    groups *= self.distinct(node.input, key)
                return max(1.0, min(groups, rows if len(node.keys) == 1 else rows * 0.5))
            case Sort() | Limit():
                rows = self.rows(node.input)
                return rows if node.limit is None else min(rows, float(node.limit))
            case UnionAll():
                return sum(self.rows(c) for c in node.inputs)
            case Unnest():
                return self.rows(node.input) * _ELEMENTS
            case Join():
                return self._joined(node)
        below = inputs(node)
        return max((self.rows(c) for c in below), default=_UNKNOWN_ROWS)

    def _joined(self, node: Join) -> float:
        left, right = self.rows(node.left), self.rows(node.right)
        if node.kind in ("mark", "single") or node.asof is not None:
            return left
        if node.kind in ("semi", "anti"):
            domain = max((self.distinct(node.left, k.left) for k in node.keys), default=1.0)
            share = min(1.0, right / max(domain, 1.0)) if node.keys else 0.5
            return max(1.0, left * (share if node.kind == "semi" else max(1 - share, 0.1)))
        domains = 1.0
        for k in node.keys:
            domains *= max(min(self.distinct(node.left, k.left), self.distinct(node.right, k.right)), 1.0)
        pairs = left * right / min(domains, max(left, right, 1.0)) if node.keys else left * right
        if node.residual is not None:
            pairs *= self.share(node.residual, node)
        return max(pairs, left if node.kind in ("left", "full") else 1.0, right if node.kind == "full" else 1.0)

    def _scanned(self, node: Scan) -> float:
        known = node.source.row_count
        if known is not None:
            return float(max(known, 1))
        size = node.source.size
        if size is None:
            return _UNKNOWN_ROWS
        return max(1.0, size / (_BYTES_PER_VALUE * max(len(node.source.schema), 1)))

    def share(self, e: Expression, node: Node) -> float:
        """The share of the node's rows for which a condition is true."""
        found = 1.0
        for part in conjuncts(e):
            found *= self._share(part, node)
        return found

    def _share(self, e: Expression, node: Node) -> float:
        arms = disjuncts(e)
        if len(arms) > 1:
            return min(1.0, sum(self.share(a, node) for a in arms))
        match e:
            case Call() if e.function.name == "=":
                columns = [a for a in e.arguments if columns_of(a)]
                if len(columns) == 1:
                    return (
                        max(1.0 / max(self.distinct(node, columns[0]), 1.0), 1e-6)
                        if self._known(columns[0], node)
                        else _EQUAL
                    )
                return _EQUAL
            case Call() if e.function.name in ("<", "<=", ">", ">="):
                return _RANGE
            case Call() if e.function.name == "not":
                inner = e.arguments[0]
                if isinstance(inner, Call) and inner.function.name == "is_null":
                    return 0.95
                return max(0.05, 1 - self.share(inner, node))
            case Call() if e.function.name == "<>":
                return 0.9
            case Call() if e.function.name == "is_null":
                return 0.05
            case Call() if "like" in e.function.name or "regexp" in e.function.name:
                return _LIKE
            case Membership():
                return min(0.5, _EQUAL * len(e.values))
            case Logical():
                return self.share(e, node)
        return _OTHER

    def _known(self, e: Expression, node: Node) -> bool:
        """Is the number of different values more than a guess: does the column's range say it?"""
        while isinstance(node, Filter):
            node = node.input
        inner = e.argument if isinstance(e, Cast) else e
        return isinstance(node, Scan) and isinstance(inner, Column) and self._span(node, inner.field) is not None

    def _span(self, node: Scan, field: Field) -> float | None:
        """As `_span_of`, remembered: footers have many row groups."""
        if field not in node.output:
            return None
        column = node.columns[node.output.index(field)]
        key = (id(node.source), column)
        if key not in self._spans:
            self._spans[key] = _span_of(node, column)
            self._kept.append(node)
        return self._spans[key]


def _rounded(rows: float) -> str:
    """Two digits: more would be a pretence."""
    return f"{float(f'{rows:.2g}'):,.0f}"


def _through(node: Project, e: Expression) -> Expression | None:
    place = _place(node, e)
    return None if place is None else node.expressions[place]


def _place(node: Node, e: Expression) -> int | None:
    if isinstance(e, Cast):
        e = e.argument
    return node.output.index(e.field) if isinstance(e, Column) and e.field in node.output else None


def _span_of(node: Scan, column: str) -> float | None:
    """The number of values from the least to the greatest, of whole numbers and days; None where it isn't known."""
    ends = getattr(node.source, "range_of", None)
    found: tuple[Any, Any] | None = ends(column) if ends is not None else None
    if found is None:
        return None
    low, high = found
    if isinstance(low, dt.date) and isinstance(high, dt.date) and not isinstance(low, dt.datetime):
        return float((high - low).days + 1)
    if isinstance(low, int) and isinstance(high, int):
        return float(high - low + 1)
    return None
