"""What can be said of conditions: their parts, common factors of OR, and whether they refuse NULL.

(a AND b) OR (a AND c)   ->   a AND (b OR c)
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from velothread.plan.expressions import (
    Call,
    Cast,
    Column,
    Expression,
    Field,
    Literal,
    Logical,
    Membership,
    columns_of,
    may_raise,
    transform,
)


def conjuncts(e: Expression) -> list[Expression]:
    """The parts of an AND, in order."""
    if isinstance(e, Logical) and e.operator == "and":
        return [c for a in e.arguments for c in conjuncts(a)]
    return [e]


def disjuncts(e: Expression) -> list[Expression]:
    """The parts of an OR, in order."""
    if isinstance(e, Logical) and e.operator == "or":
        return [c for a in e.arguments for c in disjuncts(a)]
    return [e]


def conjunction(parts: Sequence[Expression]) -> Expression | None:
    """The AND of the parts; None for none."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Logical("and", tuple(parts))


def substitute(e: Expression, mapping: dict[Field, Expression]) -> Expression:
    """`e` with columns replaced by what computes them."""

    def step(x: Expression) -> Expression | None:
        return mapping.get(x.field) if isinstance(x, Column) else None

    return transform(e, step)


def factored(e: Expression) -> list[Expression]:
    """The parts of an AND that means the same: what all arms of an OR have in common stands before it."""
    found: list[Expression] = []
    for part in conjuncts(e):
        arms = [conjuncts(arm) for arm in disjuncts(part)]
        shared = [c for c in arms[0] if len(arms) > 1 and all(c in arm for arm in arms[1:])]
        if not shared:
            found.append(part)
            continue
        found.extend(shared)
        rest = [[c for c in arm if c not in shared] for arm in arms]
        if all(rest):
            ors = [conjunction(arm) for arm in rest]
            found.append(Logical("or", tuple(o for o in ors if o is not None)))
    return found


def implied(e: Expression, fields: AbstractSet[Field]) -> Expression | None:
    """A condition over `fields` alone that holds wherever `e`, an OR, does; None where there is none.

    (a = 1 AND b = 2) OR (a = 3 AND b = 4), for a   ->   a = 1 OR a = 3
    """
    arms = disjuncts(e)
    if len(arms) < 2:
        return None
    kept: list[Expression] = []
    for arm in arms:
        own = [c for c in conjuncts(arm) if columns_of(c) and columns_of(c) <= fields and not may_raise(c)]
        part = conjunction(own)
        if part is None:
            return None
        kept.append(part)
    return Logical("or", tuple(dict.fromkeys(kept))) if len(set(kept)) > 1 else kept[0]


def refuses_null(e: Expression, fields: AbstractSet[Field]) -> bool:
    """Is the condition never true for a row whose `fields` are all NULL?"""
    match e:
        case Logical() if e.operator == "and":
            return any(refuses_null(a, fields) for a in e.arguments)
        case Logical():
            return all(refuses_null(a, fields) for a in e.arguments)
        case Call() if e.function.name == "not":
            inner = e.arguments[0]
            if isinstance(inner, Call) and inner.function.name == "is_null":
                return is_null_with(inner.arguments[0], fields)
            return is_null_with(inner, fields)
        case Call() if e.function.name == "is_not_null":
            return is_null_with(e.arguments[0], fields)
        case Literal():
            return not e.value.is_valid or e.value.as_py() is False
    return is_null_with(e, fields)


def is_null_with(e: Expression, fields: AbstractSet[Field]) -> bool:
    """Is the value NULL wherever all `fields` are?"""
    match e:
        case Column():
            return e.field in fields
        case Literal():
            return not e.value.is_valid
        case Call():
            return e.function.strict and any(is_null_with(a, fields) for a in e.arguments)
        case Cast() | Membership():
            return is_null_with(e.argument, fields)
        case Logical():
            return all(is_null_with(a, fields) for a in e.arguments)
    return False
