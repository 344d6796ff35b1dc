"""Binding of calls of Python functions: the arguments get the types that the function's annotations name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL, as_decimal, implicit_cost
from velothread.errors import BindError, Position
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.functions.annotations import Parameter
from velothread.functions.bound import BoundFunction
from velothread.functions.signatures import shown, use_of
from velothread.plan.expressions import AggregateCall, Expression, Literal, Ordering, PythonCall, literal
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder
    from velothread.functions.library import Registered


def bind_python_call(
    binder: ExpressionBinder, name: str, node: exp.Anonymous, scope: Scope, *, clauses: bool
) -> Expression:
    """A call of a function of `Catalog.functions`. clauses: FILTER or WITHIN GROUP stands around it.

    :raises BindError: when the arguments don't fit what it takes.
    """
    registered = binder.functions[name]
    place = position(node)
    if registered.kind not in ("scalar", "async"):
        raise BindError(f"{registered.name} is {use_of(registered.kind, registered.name)}", place, sql=binder.sql)
    if clauses or any(isinstance(a, (exp.Distinct, exp.Order)) for a in node.expressions):
        raise BindError(
            f"{registered.name} is not an aggregate: DISTINCT, ORDER BY, FILTER and WITHIN GROUP don't fit",
            place,
            sql=binder.sql,
        )
    arguments = [binder.bind(a, scope) for a in node.expressions]
    parameters, cast = fitted(binder, registered, arguments, place)
    left = registered.signature.parameters[len(parameters) :]
    defaults = _defaults(left)
    parameters, cast = (*parameters, *left[: len(defaults)]), (*cast, *defaults)
    return python_call(binder, registered, parameters, cast, place)


def python_call(
    binder: ExpressionBinder, registered: Registered, parameters: tuple[Parameter, ...],
    arguments: tuple[Expression, ...], place: Position | None,
) -> PythonCall:  # fmt: skip
    """A call with arguments that are `fitted`."""
    catalog = binder.query.catalog
    on_error = registered.declaration.on_error or catalog.read.on_error
    types = tuple(a.type for a in arguments)
    bind = catalog.bind or BoundFunction
    function = bind(registered, types, parameters, on_error, keeps=catalog.read.rejects is not None)
    catalog.bound.append(function)
    return PythonCall(function, arguments, function.returns, place)


def bind_python_aggregate(
    binder: ExpressionBinder, registered: Registered, arguments: Sequence[Expression], distinct: bool,
    condition: Expression | None, orderings: tuple[Ordering, ...], place: Position | None,
) -> AggregateCall:  # fmt: skip
    """A call of a class of `Catalog.functions`, its parts bound.

    :raises BindError: when the arguments don't fit what its `step` takes.
    """
    from velothread.functions.aggregates import BoundAggregate

    parameters, cast = fitted(binder, registered, arguments, place)
    function = BoundAggregate(registered, tuple(a.type for a in cast), parameters, place).function
    assert isinstance(function.returns, SqlType)
    return AggregateCall(function, cast, (), function.returns, distinct, condition, orderings, place)


def is_python_aggregate(binder: ExpressionBinder, name: str) -> bool:
    """Is it the name of a class of `Catalog.functions`?"""
    registered = binder.functions.get(name)
    return registered is not None and registered.kind == "aggregate"


def fitted(
    binder: ExpressionBinder, registered: Registered, arguments: Sequence[Expression], place: Position | None
) -> tuple[tuple[Parameter, ...], tuple[Expression, ...]]:
    """The parameters that bound arguments are for, and the arguments with the types that these want.

    :raises BindError: when there are too few or too many, or one doesn't fit.
    """
    parameters = registered.signature.of(len(arguments))
    written = shown(registered.kind, registered.name, registered.signature)
    if parameters is None:
        count = len(arguments)
        message = f"{registered.name} can't take {count} argument{'' if count == 1 else 's'}; it is\n    {written}"
        raise BindError(message, place, sql=binder.sql)
    types = []
    for argument, parameter in zip(arguments, parameters, strict=True):
        target = _target(argument.type, parameter)
        if target is None:
            given = "VARCHAR" if argument.type == STRING_LITERAL else argument.type
            message = f"{registered.name}: parameter {parameter.name} can't take {given}; it is\n    {written}"
            raise BindError(message, argument.position or place, hint="add a CAST", sql=binder.sql)
        types.append(target)
    return parameters, tuple(binder.coerce(a, target) for a, target in zip(arguments, types, strict=True))


def _defaults(parameters: Sequence[Parameter]) -> list[Literal]:
    """The defaults of parameters that got no argument, as far as they are what is annotated: then the call is one with
    constants, and may run in any form. Others are left to Python."""
    found: list[Literal] = []
    for p in parameters:
        value: Any = p.default
        kind: Any = {"integer": int, t.DOUBLE: float, t.VARCHAR: str, t.BOOLEAN: bool}.get(p.shape.pattern)
        if kind is None or type(value) is not kind or (kind is int and not -(2**63) <= int(value) < 2**63):
            break
        found.append(literal(value, p.shape.type))
    return found


def _target(given: SqlType, parameter: Parameter) -> SqlType | None:
    """The type that an argument is cast to; None: it doesn't fit."""
    pattern = parameter.shape.pattern
    match pattern:
        case "integer":
            pattern = given if given.is_integer else t.BIGINT
        case "decimal":
            pattern = as_decimal(given) if given.is_integer or given.kind == "DECIMAL" else t.decimal(38, 10)
        case "any":
            return t.VARCHAR if given == STRING_LITERAL else given
    assert isinstance(pattern, SqlType)
    return pattern if implicit_cost(given, pattern) is not None else None


__all__ = ["bind_python_aggregate", "bind_python_call", "fitted", "is_python_aggregate", "python_call"]
