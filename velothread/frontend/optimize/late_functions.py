"""Python functions are called for the rows that a LIMIT leaves, not for those that it drops.

SELECT f(a) FROM t ORDER BY b LIMIT 5   ->   SELECT f(a) FROM (SELECT a FROM t ORDER BY b LIMIT 5)
"""

from __future__ import annotations

from dataclasses import replace

from velothread.plan.expressions import Column, Expression, Field, PythonCall, columns_of, python_functions, walk
from velothread.plan.nodes import Filter, Limit, Node, Project, Sort, inputs, with_inputs


def late_functions(plan: Node) -> Node:
    """Compute what calls Python above the limits that it stands under."""
    plan = with_inputs(plan, tuple(late_functions(c) for c in inputs(plan)))
    if isinstance(plan, (Limit, Sort)) and plan.limit is not None and isinstance(plan.input, Project):
        return _raised(plan, plan.input)
    return plan


def _raised(plan: Limit | Sort, project: Project) -> Node:
    keys = plan.keys if isinstance(plan, Sort) else ()
    sorted_by = {f for k in keys for f in columns_of(k.expression)}
    pairs = list(zip(project.output, project.expressions, strict=True))
    known = _called_below(project.input)
    late = {f: e for f, e in pairs if f not in sorted_by and _may_wait(e) and not known & set(walk(e))}
    if not late:
        return plan
    early = {f: e for f, e in pairs if f not in late}
    # What they read comes through, under its own name.
    early |= {f: Column(f) for e in late.values() for f in sorted(columns_of(e), key=_number) if f not in early}
    below = Project(project.input, tuple(early), tuple(early.values()))
    return Project(replace(plan, input=below), project.output, tuple(late.get(f, Column(f)) for f in project.output))


def _called_below(node: Node) -> set[Expression]:
    """The calls of Python that filters make: their results are there already."""
    if not isinstance(node, Filter):
        return set()
    return {x for x in walk(node.predicate) if isinstance(x, PythonCall)} | _called_below(node.input)


def _may_wait(e: Expression) -> bool:
    """Does it call Python, and leave no row out? (Rows that are left out must not count for the limit.)"""
    functions = list(python_functions(e))
    return bool(functions) and all(f.on_error != "skip" for f in functions)


def _number(field: Field) -> int:
    return field.id
