"""How a function runs: lifted into kernels, inlined into the loop over rows, or called; and why not better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

from velothread.functions.annotations import Parameter
from velothread.functions.library import Registered
from velothread.plan.expressions import Field
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.functions.inlining import Inlined


@dataclass(frozen=True, slots=True)
class Form:
    """How calls of a function with arguments of certain types run.

    why: what stands in the way of a faster form; "" where nothing does. compute: of a lifted one, a column of columns;
    `source` is its text. inlined: the loop that its body is in; a lifted one has it for batches left to Python.

    Threading: immutable.
    """

    name: Literal["lifted", "inlined", "called", "columns", "async"]
    why: str = ""
    compute: Callable[..., Any] | None = None
    source: str = ""
    inlined: Inlined | None = None

    def __str__(self) -> str:
        return {"columns": "given whole columns"}.get(self.name, self.name) + (f" ({self.why})" if self.why else "")


def form_of(registered: Registered, types: Sequence[SqlType], parameters: Sequence[Parameter]) -> Form:
    """The fastest form that a function's source and declaration allow."""
    declaration = registered.declaration
    if registered.kind == "async":
        return Form("async")
    if registered.kind == "table":
        return Form("called", "it gives a table")
    if declaration.batch is not None:
        return Form("columns")
    function = registered.sample
    if not isinstance(function, FunctionType):
        return Form("called", f"it is a {type(function).__name__}, not a function in Python")
    if len(parameters) != function.__code__.co_argcount or any(p.many for p in parameters):
        return Form("called", "its arguments are not one for each of its parameters")
    why = "lift=False"
    inlined, why_not_inlined = _inlined(function) if declaration.inline else (None, "inline=False")
    if declaration.lift:
        from velothread.functions.lifting import Lifted, compile_lifted, lift

        nullable = tuple(p.shape.nullable for p in parameters)
        found = lift(function, tuple(types), nullable, registered.signature.returns.type, _fields())
        if isinstance(found, Lifted):
            return Form("lifted", "", compile_lifted(found), found.source, inlined)
        why = str(found)
    if inlined is not None:
        return Form("inlined", f"not lifted: {why}", inlined=inlined)
    return Form("called", f"not lifted: {why}; not inlined: {why_not_inlined}")


def _fields() -> Callable[[str, SqlType], Field]:
    """Makes the fields of a body of its own."""
    numbers = count(1)
    return lambda name, type_: Field(-next(numbers), name, type_)


def _inlined(function: FunctionType) -> tuple[Inlined | None, str]:
    from velothread.functions.inlining import Inlined, inline

    found = inline(function)
    return (found, "") if isinstance(found, Inlined) else (None, str(found))


__all__ = ["Form", "form_of"]
