"""A Python function -> an expression of the plan, if all that it does can be done by kernels to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from velothread.functions.lifting.nodes import Kind, Path, Program, TooLarge, Value
from velothread.functions.lifting.operators import Operators, kind_name
from velothread.functions.lifting.outcome import Lifted, NotLifted, Refused
from velothread.functions.lifting.statements import lift_call
from velothread.functions.lifting.writer import Parameter, write
from velothread.kernels.function import Function
from velothread.kernels.function import Value as ArrowValue
from velothread.kernels.vectors import row_count
from velothread.plan.expressions import Call, Column, Field
from velothread.types import SqlType

_KINDS: dict[str, Kind] = {
    "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int", "BIGINT": "int", "UTINYINT": "int", "USMALLINT": "int",
    "UINTEGER": "int", "UBIGINT": "int", "FLOAT": "float", "DOUBLE": "float", "BOOLEAN": "bool", "VARCHAR": "str",
}  # fmt: skip
_RETURNS: dict[str, tuple[Kind, ...]] = {
    "BIGINT": ("int",), "DOUBLE": ("float", "real", "int"), "VARCHAR": ("str",), "BOOLEAN": ("bool",),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Kernel:
    """The kernel of a lifted function, as plan functions have it."""

    __name__ = "lifted"
    run: Callable[..., Any]

    def __call__(self, *values: ArrowValue) -> ArrowValue:
        rows = row_count(*values)
        return self.run(1, *values)[0] if rows is None else self.run(rows, *values)


def lift(
    function: FunctionType,
    parameters: tuple[SqlType, ...],
    nullable: tuple[bool, ...],
    returns: SqlType,
    fields: Callable[[str, SqlType], Field],
) -> Lifted | NotLifted:
    """`function` over columns, or why not.

    parameters: the types of its arguments. nullable: NULL comes to it as None; where it doesn't, rows with a NULL don't
    count. returns: what it is declared to give. fields: makes the fields that the body reads.

    The body is one call of a kernel made for it. It works on whole columns, and raises PythonDiffers unless it is
    certain that Python gives the same for every row: then the batch belongs to the function itself.
    """
    try:
        return _lift(function, parameters, nullable, returns, fields)
    except Refused as refused:
        return NotLifted(refused.reason, refused.line)
    except (TooLarge, RecursionError):
        return NotLifted("is too large", function.__code__.co_firstlineno)


def _lift(
    function: FunctionType,
    parameters: tuple[SqlType, ...],
    nullable: tuple[bool, ...],
    returns: SqlType,
    fields: Callable[[str, SqlType], Field],
) -> Lifted:
    if returns.kind not in _RETURNS:
        raise Refused(f"returns {returns}")
    o = Operators(Program())
    names = function.__code__.co_varnames
    made: list[Parameter] = []
    values: list[Value] = []
    for i, (t, may_be_none) in enumerate(zip(parameters, nullable, strict=True)):
        if t.kind not in _KINDS:
            raise Refused(f"takes {t}")
        node = o.program.node("parameter", _KINDS[t.kind], extra=i)
        none = o.program.node("none", "bool", extra=i) if may_be_none else None
        made.append(Parameter(names[i] if i < len(names) else f"a{i}", t, node, none))
        values.append(Value(node, none))
    path: Path = ()
    result = lift_call(function, values, o, path)
    result = _returned(o, function, result, returns)
    run, source = write(function.__name__.strip("<>"), o.program, tuple(made), result, returns)
    columns = tuple(fields(p.name, p.type) for p in made)
    called = Function(
        function.__name__, parameters, returns, _Kernel(run), raises=True, strict=not any(nullable),
    )  # fmt: skip
    body = Call(called, tuple(Column(f) for f in columns), returns)
    return Lifted(body, columns, source, result.none is not None)


def _returned(o: Operators, function: FunctionType, result: Value, returns: SqlType) -> Value:
    import ast

    where = ast.Pass(lineno=function.__code__.co_firstlineno)
    if result.node is None:
        raise Refused("always returns None", where.lineno)
    if result.node.is_constant and result.node.kind == "int" and not -(2**63) <= result.node.extra < 2**63:
        raise Refused("returns an int beyond 64 bits", where.lineno)
    if result.node.kind not in _RETURNS[returns.kind]:
        raise Refused(f"returns {kind_name(result)} where {returns} is declared", where.lineno)
    if returns.kind == "DOUBLE" and result.node.kind == "int":
        path: Path = () if result.none is None else ((result.none, False),)
        return Value(o.float(o.real(result.node, path, where)), result.none)
    return result


__all__ = ["lift"]
