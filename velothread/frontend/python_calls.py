"""Binding of calls of Python functions: the arguments get the types that the function's annotations name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL, as_decimal, implicit_cost
from velothread.errors import BindError, UnsupportedError
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.functions.annotations import Parameter
from velothread.functions.bound import BoundFunction
from velothread.plan.expressions import Expression, Literal, PythonCall, literal
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder


def bind_python_call(
    binder: ExpressionBinder, name: str, node: exp.Anonymous, scope: Scope, *, clauses: bool
) -> Expression:
    """A call of a function of `Catalog.functions`. clauses: FILTER or WITHIN GROUP stands around it.

    :raises BindError: when the arguments don't fit what it takes.
    """
    registered = binder.functions[name]
    place = position(node)
    if registered.signature is None:
        raise UnsupportedError(f"{registered.name} is no scalar function", place, sql=binder.sql)
    if clauses or any(isinstance(a, (exp.Distinct, exp.Order)) for a in node.expressions):
        raise BindError(
            f"{registered.name} is not an aggregate: DISTINCT, ORDER BY, FILTER and WITHIN GROUP don't fit",
            place,
            sql=binder.sql,
        )
    arguments = [binder.bind(a, scope) for a in node.expressions]
    parameters = registered.signature.of(len(arguments))
    shown = registered.signature.shown(registered.name)
    if parameters is None:
        count = len(arguments)
        message = f"{registered.name} can't take {count} argument{'' if count == 1 else 's'}; it is\n    {shown}"
        raise BindError(message, place, sql=binder.sql)
    types = []
    for argument, parameter in zip(arguments, parameters, strict=True):
        target = _target(argument.type, parameter)
        if target is None:
            given = "VARCHAR" if argument.type == STRING_LITERAL else argument.type
            message = f"{registered.name}: parameter {parameter.name} can't take {given}; it is\n    {shown}"
            raise BindError(message, argument.position or place, hint="add a CAST", sql=binder.sql)
        types.append(target)
    cast = tuple(binder.coerce(a, target) for a, target in zip(arguments, types, strict=True))
    defaults = _defaults(registered.signature.parameters[len(parameters) :])
    cast, types = (*cast, *defaults), [*types, *(d.type for d in defaults)]
    parameters = (*parameters, *registered.signature.parameters[len(parameters) :][: len(defaults)])
    catalog = binder.query.catalog
    on_error = registered.declaration.on_error or catalog.read.on_error
    function = (catalog.bind or BoundFunction)(
        registered, tuple(types), parameters, on_error, keeps=catalog.read.rejects is not None
    )
    catalog.bound.append(function)
    return PythonCall(function, cast, function.returns, place)


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


__all__ = ["bind_python_call"]
