"""What a scalar SQL function or operator is: a line in a table.

    Function("upper", (VARCHAR,), VARCHAR, pc.utf8_upper, "Text in upper case", "upper('ab')", "AB")

A kernel takes one Arrow value per argument and returns one: an `Array` for a column, a `Scalar` for a constant. When
any argument is an Array, all Arrays have the same length and the result is an Array of it; when all are Scalars, the
result is a Scalar (the binder folds constants by calling the kernel). Kernels are pure, may be called by many threads
at once, and raise `ExecutionError` (without position: the generated code knows it) for values that can't be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from velothread.coercion import STRING_LITERAL, common_type, implicit_cost
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    NULL,
    TIME,
    TIMESTAMP,
    VARCHAR,
    SqlType,
    decimal,
    list_of,
)

Value = pa.Array | pa.Scalar
Kernel = Callable[..., Any]

# Parameter patterns beside concrete types:
#   "any"      anything, as it is (NULL stays NULL, literals become VARCHAR)
#   "T"        one common type for all "T" arguments
#   "list"     any list;  "T[]" a list whose items are "T";  "struct", "map": any of these
#   "integer"  any integer type as it is;  "numeric" any number as it is
#   "decimal"  any DECIMAL as it is
Parameter = SqlType | str
Returns = SqlType | str | Callable[[tuple[SqlType, ...]], SqlType]


@dataclass(frozen=True, slots=True)
class Function:
    """One overload of a scalar function.

    parameters: a type or pattern per argument; `variadic`: pattern of any number of further arguments.
    returns: a type, the pattern "T", or a function of the (cast) argument types.
    raises: may fail for some values, so it is only computed for the rows that need it (CASE, AND, OR).
    strict: NULL in any argument gives NULL.
    volatile: gives another value for each row (random()); the kernel then gets `rows=` (an int) as a keyword.
    resolve: for rules that patterns can't say (decimals): argument types -> (parameter types, result type) or None.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Returns
    kernel: Kernel
    doc: str = ""
    example: str = ""
    result: str = ""
    variadic: Parameter | None = None
    raises: bool = False
    strict: bool = True
    volatile: bool = False
    resolve: Callable[[tuple[SqlType, ...]], tuple[tuple[SqlType, ...], SqlType] | None] | None = None
    aliases: tuple[str, ...] = ()
    group: str = ""

    def signature(self) -> str:
        """For messages and documents: `substring(VARCHAR, BIGINT, BIGINT)`, `abs(number)`, `integer + integer`."""
        patterns = [*self.parameters, *([self.variadic] if self.variadic is not None else [])]
        names = []
        for i, pattern in enumerate(patterns):
            if isinstance(pattern, SqlType):
                names.append(str(pattern))
            elif pattern == "T" and "T[]" in patterns:
                names.append("item")
            elif pattern == "T" and "T" in patterns[:i]:
                names.append("same type")
            else:
                names.append(_WORDS.get(pattern, pattern))
        if self.resolve is not None and patterns == ["T"]:
            names = [_accepted(self.resolve)]
        if self.variadic is not None:
            names[-1] += "..."
        if not self.name[0].isalpha() and len(names) == 2:
            return f"{names[0]} {self.name} {names[1]}"
        return f"{self.name}({', '.join(names)})"


# Patterns as a user would say them.
_WORDS = {"any": "any type", "T": "any type", "T[]": "list", "numeric": "number", "decimal": "DECIMAL"}
_SAMPLES = (
    (BOOLEAN, "BOOLEAN"), (INTEGER, "integer"), (decimal(18, 3), "DECIMAL"), (DOUBLE, "DOUBLE"), (VARCHAR, "VARCHAR"),
    (DATE, "DATE"), (TIME, "TIME"), (TIMESTAMP, "TIMESTAMP"), (INTERVAL, "INTERVAL"),
)  # fmt: skip


def _accepted(resolve: Callable[[tuple[SqlType, ...]], object]) -> str:
    """The types that a rule takes as its one argument: tried out, as the rule can't say."""
    names = [name for sample, name in _SAMPLES if resolve((sample,)) is not None]
    return "any type" if len(names) in (0, len(_SAMPLES)) else " or ".join(names)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A function chosen for a call: cast the arguments to `parameters`, get `returns`."""

    function: Function
    parameters: tuple[SqlType, ...]
    returns: SqlType
    cost: int


def match(function: Function, arguments: Sequence[SqlType]) -> Resolved | None:
    """Can `function` be called with arguments of these types (STRING_LITERAL and NULL included)?"""
    fixed = len(function.parameters)
    if len(arguments) != fixed and (function.variadic is None or len(arguments) < fixed):
        return None
    if function.resolve is not None:
        found = function.resolve(tuple(arguments))
        if found is None:
            return None
        parameters, returns = found
        costs = [implicit_cost(a, p) for a, p in zip(arguments, parameters, strict=True)]
        return Resolved(function, parameters, returns, sum(30 if c is None else c for c in costs))
    patterns = [*function.parameters, *[function.variadic] * (len(arguments) - fixed)]
    shared: SqlType | None = None
    for argument, pattern in zip(arguments, patterns, strict=True):
        item = (
            argument if pattern == "T" else argument.element if pattern == "T[]" and argument.kind == "LIST" else None
        )
        if item is not None:
            shared = item if shared is None else common_type(shared, item)
            if shared is None:
                return None
    if shared == STRING_LITERAL:
        shared = VARCHAR
    parameters_: list[SqlType] = []
    cost = 0
    for argument, pattern in zip(arguments, patterns, strict=True):
        target = _target(argument, pattern, shared)
        if target is None:
            return None
        step = implicit_cost(argument, target)
        if step is None:
            return None
        # A concrete type that fits exactly beats a pattern that takes anything.
        cost += step + (5 if pattern in ("any", "T") else 0)
        parameters_.append(target)
    return Resolved(function, tuple(parameters_), _returns(function, tuple(parameters_), shared), cost)


def _target(argument: SqlType, pattern: Parameter | None, shared: SqlType | None) -> SqlType | None:
    if isinstance(pattern, SqlType):
        return pattern
    if pattern == "T":
        return shared
    if pattern == "T[]":
        return list_of(shared or NULL) if argument.kind in ("LIST", "NULL") else None
    if pattern == "any":
        return VARCHAR if argument == STRING_LITERAL else argument
    if pattern == "integer":
        return argument if argument.is_integer else BIGINT if argument in (NULL, STRING_LITERAL) else None
    if pattern == "numeric":
        return argument if argument.is_numeric else {NULL: BIGINT, STRING_LITERAL: DOUBLE}.get(argument)
    if pattern == "decimal":
        return argument if argument.kind == "DECIMAL" else None
    if pattern in ("list", "struct", "map"):
        return argument if argument.kind == pattern.upper() or argument == NULL else None
    raise ValueError(f"unknown parameter pattern {pattern!r}")


def _returns(function: Function, parameters: tuple[SqlType, ...], shared: SqlType | None) -> SqlType:
    if isinstance(function.returns, SqlType):
        return function.returns
    if function.returns == "T":
        return shared or NULL
    if function.returns == "T[]":
        if function.strict and parameters and parameters[0].kind == "LIST" and shared is None:
            return NULL  # a function of nothing but NULL
        return list_of(shared or NULL)
    if callable(function.returns):
        return function.returns(parameters)
    raise ValueError(f"unknown result pattern {function.returns!r} of {function.name}")


def resolve(overloads: Sequence[Function], arguments: Sequence[SqlType]) -> Resolved | None:
    """The overload that needs the least casting; the first of equals; None when none fits."""
    found = [m for f in overloads if (m := match(f, arguments)) is not None]
    return min(found, key=lambda m: m.cost) if found else None


__all__ = ["DOUBLE", "HUGEINT", "INTEGER", "Function", "Kernel", "Parameter", "Resolved", "Value", "match", "resolve"]
