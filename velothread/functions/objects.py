"""Functions and classes that make a source or a sink: called once, while the query is bound.

    def squares(count: int) -> velothread.Source: ...      FROM squares(1000)
    def trades(day: date) -> pa.Table: ...                 FROM trades('2024-03-01')
    def topic(name: str) -> velothread.Sink: ...           COPY (SELECT ...) TO topic('prices')

A class with the members of a source (or sink) does as well: it is its own function, with the parameters of `__init__`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from velothread.errors import ExecutionError, OptionError, Position
from velothread.functions.annotations import Parameter, Signature, hints_of, signature_of
from velothread.functions.arguments import leaving
from velothread.functions.declaration import Declaration, name_of
from velothread.functions.failures import call_text, described, frames_of, more_of, raise_interrupt
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.functions.library import Registered

_SINK = ("begin", "encode", "write", "finish", "abort")
# What can be registered as a table, by the first part of its module.
_TABLES = {
    "pyarrow": ("Table", "RecordBatch", "RecordBatchReader", "Dataset", "FileSystemDataset"),
    "pandas": ("DataFrame",),
    "polars": ("DataFrame", "LazyFrame"),
}


def made_by(defined: Any, declaration: Declaration) -> Literal["source", "sink"] | None:
    """Does it make a source (or a table) or a sink? By what it is annotated to return, or is."""
    returns = defined
    if not inspect.isclass(defined):
        if declaration.returns is not None or inspect.iscoroutinefunction(defined):
            return None
        try:
            returns = hints_of(defined).get("return")
        except OptionError:
            return None
    if not inspect.isclass(returns):
        return None
    if callable(getattr(returns, "splits", None)):
        return "source"
    if all(callable(getattr(returns, m, None)) for m in _SINK):
        return "sink"
    known = _TABLES.get(returns.__module__.partition(".")[0], ())
    return "source" if returns is not defined and returns.__name__ in known else None


def signature_of_maker(defined: Any, declaration: Declaration) -> Signature:
    """What it takes; what it gives is no type that SQL has.

    :raises OptionError: for parameters that SQL can't give.
    """
    declaration = declaration.with_changes(returns="BOOLEAN")
    if not inspect.isclass(defined):
        return signature_of(defined, declaration)

    def function() -> None: ...

    function.__name__ = name_of(defined)
    function.__signature__ = inspect.signature(defined)  # type: ignore[attr-defined]
    function.__annotations__ = {n: h for n, h in hints_of(defined.__init__).items() if n != "return"}
    return signature_of(function, declaration)


def python_values(types: Sequence[SqlType], parameters: Sequence[Parameter], values: Sequence[pa.Scalar]) -> list[Any]:
    """Constants as the parameters want them."""
    return [
        leaving(type_, p.shape)(pa.repeat(value, 1))[0]
        for type_, p, value in zip(types, parameters, values, strict=True)
    ]


def made(registered: Registered, arguments: Sequence[Any], place: Position | None) -> Any:
    """The source or sink of a call.

    :raises ExecutionError: when it raises.
    """
    call: Callable[..., Any] = registered.origin.mine()
    try:
        return call(*arguments)
    except BaseException as error:
        raise_interrupt(error)
        said = f"{call_text(registered.name, arguments)} raised {described(error)}"
        message = "\n".join([said, *frames_of(error), *more_of(error)])
        raise ExecutionError(message, place) from error


def is_sink(value: Any) -> bool:
    """Has it all methods of a sink?"""
    return all(callable(getattr(value, m, None)) for m in _SINK)


__all__ = ["is_sink", "made", "made_by", "python_values", "signature_of_maker"]
