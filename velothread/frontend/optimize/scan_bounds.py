"""Simple conditions over a scan are told to the source, which may skip row groups and folders by them.

SELECT ... FROM 'f.parquet' WHERE day >= DATE '2024-05-01' AND f(x)   ->   scan, skip by: day >= 2024-05-01
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from velothread.frontend.optimize.push_filters import conjuncts
from velothread.plan.expressions import Call, Cast, Column, Expression, Literal, Membership
from velothread.plan.nodes import Filter, Node, Scan, inputs, with_inputs
from velothread.sources.source import Bound

_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def bound_scans(plan: Node) -> Node:
    """Give each scan the bounds that the filter right above it implies. The filter stays."""
    if isinstance(plan, Filter) and isinstance(plan.input, Scan):
        scan = plan.input
        names = dict(zip(scan.output, scan.columns, strict=True))
        found = (_bound(c, names) for c in conjuncts(plan.predicate))
        return Filter(replace(scan, bounds=tuple(b for b in found if b is not None)), plan.predicate)
    return with_inputs(plan, tuple(bound_scans(c) for c in inputs(plan)))


def _bound(e: Expression, names: dict[Any, str]) -> Bound | None:
    match e:
        case Call() if e.function.name in _FLIPPED and len(e.arguments) == 2:
            left, right = e.arguments
            if isinstance(left, Column) and isinstance(right, Literal):
                return _make(left, e.function.name, right, names)
            if isinstance(right, Column) and isinstance(left, Literal):
                return _make(right, _FLIPPED[e.function.name], left, names)
            # BIGINT column compared with a wider constant: CAST(column) op constant
            if isinstance(left, Cast) and isinstance(left.argument, Column) and isinstance(right, Literal):
                return _make(left.argument, e.function.name, right, names) if _same_order(left) else None
        case Membership() if isinstance(e.argument, Column) and e.argument.field in names:
            return Bound(names[e.argument.field], "in", tuple(e.values.to_pylist()))
        case Call() if e.function.name == "not" and isinstance(inner := e.arguments[0], Call):
            if inner.function.name == "is_null" and isinstance(column := inner.arguments[0], Column):
                return Bound(names[column.field], "is not null") if column.field in names else None
    return None


def _make(column: Column, op: Any, constant: Literal, names: dict[Any, str]) -> Bound | None:
    if column.field not in names or not constant.value.is_valid:
        return None
    return Bound(names[column.field], op, constant.value.as_py())


def _same_order(cast: Cast) -> bool:
    """Does the cast keep the order of values, so that a bound on its result is one on the column?"""
    source, target = cast.argument.type, cast.type
    return source.is_integer and (target.is_integer or target.kind in ("DOUBLE", "DECIMAL"))
