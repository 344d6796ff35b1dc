"""What an aggregate function is: a line in a table, as scalar functions are (`velothread.kernels.function`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from velothread.kernels.aggregates.state import State
from velothread.kernels.function import Function, Parameter, Returns, match
from velothread.types import SqlType

# (types of all parameters after casts, constant arguments, result type) -> a fresh state.
StateFactory = Callable[[tuple[SqlType, ...], tuple[pa.Scalar, ...], SqlType], State]
Resolve = Callable[[tuple[SqlType, ...]], tuple[tuple[SqlType, ...], SqlType] | None]


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """One overload of an aggregate function.

    parameters, returns, resolve: as in `Function`.
    state: makes the state of a call.
    exact: the result doesn't depend on the grouping of its additions, so rows may be gathered in any order (float sums
        are the ones that are not).
    ordered: the result depends on the order of the rows (list, first, float sums).
    constants: this many of the last parameters must be constants; they are given to `state`, not to `update`.
    nulls: "skip": rows where an argument is NULL are left out; "keep": the state sees them.
    python: its state calls a class of the user's, whatever its name is.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Returns
    state: StateFactory
    doc: str = ""
    example: str = ""
    result: str = ""
    exact: bool = True
    ordered: bool = False
    constants: int = 0
    nulls: Literal["skip", "keep"] = "skip"
    resolve: Resolve | None = None
    aliases: tuple[str, ...] = ()
    group: str = ""
    python: bool = False

    def signature(self) -> str:
        """For messages and documents: `arg_min(T, T)`."""
        return self._as_function().signature()

    def _as_function(self) -> Function:
        return Function(self.name, self.parameters, self.returns, _not_scalar, resolve=self.resolve)


@dataclass(frozen=True, slots=True)
class ResolvedAggregate:
    """An aggregate chosen for a call: cast the arguments to `parameters`, get `returns`."""

    function: AggregateFunction
    parameters: tuple[SqlType, ...]
    returns: SqlType
    cost: int


def match_aggregate(function: AggregateFunction, arguments: Sequence[SqlType]) -> ResolvedAggregate | None:
    """Can `function` be called with arguments of these types (constants, STRING_LITERAL and NULL included)?"""
    found = match(function._as_function(), arguments)
    return None if found is None else ResolvedAggregate(function, found.parameters, found.returns, found.cost)


def resolve_overload(overloads: Sequence[AggregateFunction], arguments: Sequence[SqlType]) -> ResolvedAggregate | None:
    """The overload that needs the least casting; the first of equals; None when none fits."""
    found = [m for f in overloads if (m := match_aggregate(f, arguments)) is not None]
    return min(found, key=lambda m: m.cost) if found else None


def _not_scalar(*arguments: pa.Array) -> pa.Array:
    raise AssertionError("aggregates have states, not kernels")
