"""Constant folding: a call whose arguments are all constants is computed once, by its own kernel.

    SELECT x + (1 + 2)   ->   SELECT x + 3

What fails to compute is left as it is: it may stand in a branch that never runs, and if it runs, it fails there.
"""

from __future__ import annotations

import pyarrow as pa

from velothread.coercion import STRING_LITERAL
from velothread.errors import ExecutionError
from velothread.kernels.rows import member
from velothread.plan.expressions import (
    Call,
    Case,
    Cast,
    Coalesce,
    Expression,
    Literal,
    Logical,
    Membership,
    children,
    literal,
    with_children,
)
from velothread.types import BOOLEAN, VARCHAR


def fold(e: Expression) -> Expression:
    """`e` with its constant parts computed."""
    below = children(e)
    if below:
        new = tuple(fold(c) for c in below)
        if any(a is not b for a, b in zip(below, new, strict=True)):
            e = with_children(e, new)
    return fold_here(e)


def fold_here(e: Expression) -> Expression:
    """Fold `e` itself, its children being folded already."""
    match e:
        case Call() if not e.function.volatile and e.arguments and _all_literal(e.arguments):
            return _try(lambda: e.function.kernel(*(a.value for a in e.arguments)), e)  # type: ignore[union-attr]
        case Call() if not e.function.volatile and not e.arguments:
            return _try(e.function.kernel, e)
        case Call() if e.function.strict and any(_is_null(a) for a in e.arguments):
            return literal(None, e.type, e.position)
        case Cast() if isinstance(e.argument, Literal):
            from velothread.kernels.casts import cast

            argument = e.argument
            source = VARCHAR if argument.type == STRING_LITERAL else argument.type
            return _try(lambda: cast(argument.value, source, e.type, safe=e.safe), e)
        case Logical():
            return _fold_logical(e)
        case Case():
            return _fold_case(e)
        case Coalesce():
            kept = [a for a in e.arguments if not _is_null(a)]
            if not kept:
                return literal(None, e.type, e.position)
            if len(kept) == 1 or isinstance(kept[0], Literal):
                return kept[0]
            return Coalesce(tuple(kept), e.type, e.position)
        case Membership() if isinstance(e.argument, Literal):
            return _try(lambda: member(e.argument.value, e.values, e.has_null), e)
    return e


def _try(compute: object, e: Expression) -> Expression:
    try:
        value = compute()  # type: ignore[operator]
    except (ExecutionError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return e
    if not isinstance(value, pa.Scalar):
        return e
    if value.type != e.type.arrow:
        value = pa.scalar(None, e.type.arrow) if not value.is_valid else value.cast(e.type.arrow)
    return literal(value, e.type, e.position)


def _all_literal(arguments: tuple[Expression, ...]) -> bool:
    return all(isinstance(a, Literal) for a in arguments)


def _is_null(e: Expression) -> bool:
    return isinstance(e, Literal) and not e.value.is_valid


def is_true(e: Expression) -> bool:
    """Is it the constant TRUE?"""
    return isinstance(e, Literal) and e.type == BOOLEAN and e.value.is_valid and e.value.as_py() is True


def is_false(e: Expression) -> bool:
    """Is it the constant FALSE (not NULL)?"""
    return isinstance(e, Literal) and e.type == BOOLEAN and e.value.is_valid and e.value.as_py() is False


def _fold_logical(e: Logical) -> Expression:
    decides, neutral = (is_false, is_true) if e.operator == "and" else (is_true, is_false)
    kept: list[Expression] = []
    for argument in e.arguments:
        if decides(argument):
            # what stands before a deciding constant can't change the answer, only fail; SQL leaves that open
            return literal(e.operator == "or", BOOLEAN, e.position)
        if not neutral(argument):
            kept.append(argument)
    if not kept:
        return literal(e.operator == "and", BOOLEAN, e.position)
    return kept[0] if len(kept) == 1 else Logical(e.operator, tuple(kept), e.position)


def _fold_case(e: Case) -> Expression:
    kept: list[tuple[Expression, Expression]] = []
    for condition, value in e.branches:
        if is_true(condition):
            return value if not kept else Case(tuple(kept), value, e.type, e.position)
        if not is_false(condition) and not _is_null(condition):
            kept.append((condition, value))
    return Case(tuple(kept), e.default, e.type, e.position) if kept else e.default
