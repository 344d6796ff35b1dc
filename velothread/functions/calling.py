"""How a function is called for rows: a `Way`. This one leaves Arrow some thousand rows at a time.

The function is called for all of them from C, `list.extend(map(function, *columns))`: no row passes through code of
ours, and what came before a call that raised is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat, starmap
from operator import length_hint
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from velothread.errors import ExecutionError
from velothread.functions.annotations import Shape
from velothread.functions.arguments import leaving
from velothread.functions.failures import FailedCall, UnfitArguments, WrongResult, raise_interrupt
from velothread.functions.refusals import Refusing
from velothread.functions.results import WrongResultError, entering
from velothread.kernels.function import Value
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.functions.inlining import Inlined

# Rows that are Python values at a time.
CHUNK_ROWS = 8192
# So many batches that kernels could not answer, one after the other, and they are asked no more.
MOST_MISSED = 4


class Way(Protocol):
    """How a function is called.

    Threading: owned by one thread.
    """

    def run(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        """The results for `rows` rows, all of which want one. Arguments are columns of that length or constants.

        :raises ExecutionError: for a call that raised or gave what was not declared, unless such rows become NULL.
        """
        ...


class CallCounters:
    """What one thread's calls of a function cost.

    Threading: written by that thread; read by any.
    """

    __slots__ = ("batches", "calls", "failures", "ns")

    def __init__(self) -> None:
        self.batches = 0
        self.calls = 0
        self.ns = 0
        self.failures = 0  # rows that became NULL or were left out


class Arguments:
    """The arguments of some rows as Python values: a list for a column, one value for a constant.

    Threading: owned by one thread.
    """

    def __init__(self, types: Sequence[SqlType], shapes: Sequence[Shape]) -> None:
        self._leaves = [leaving(t, s) for t, s in zip(types, shapes, strict=True)]
        self.columns: list[list[Any] | None] = []
        self.constants: list[Any] = []

    def take(self, arguments: Sequence[Value]) -> None:
        """Hold these from now on."""
        self.columns, self.constants = [], []
        for argument, leave in zip(arguments, self._leaves, strict=True):
            column = isinstance(argument, pa.Array)
            values = leave(argument if column else pa.repeat(argument, 1))
            self.columns.append(values if column else None)
            self.constants.append(None if column else values[0])

    def iterables(self, rows: int) -> list[Any]:
        """Per argument: its values, or its one value so many times."""
        return [repeat(c, rows) if v is None else v for v, c in zip(self.columns, self.constants, strict=True)]

    @property
    def constant(self) -> bool:
        """Is there no column?"""
        return all(v is None for v in self.columns)

    def of_row(self, row: int) -> list[Any]:
        """The arguments of one row."""
        return [c if v is None else v[row] for v, c in zip(self.columns, self.constants, strict=True)]


class Lifted:
    """Computes whole columns by kernels, and calls the function for a batch in which Python might differ.

    Threading: owned by one thread.
    """

    def __init__(self, compute: Callable[..., pa.Array], rows: RowByRow) -> None:
        self._compute = compute
        self._rows = rows
        self._missed = 0  # batches in a row that were left to Python

    def run(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        from velothread.functions.lifting import PythonDiffers

        if self._missed < MOST_MISSED:
            try:
                found = self._compute(rows, *arguments)
            except (PythonDiffers, ExecutionError, pa.ArrowInvalid):
                self._missed += 1
            else:
                self._missed = 0
                return found
        return self._rows.run(rows, arguments)


class RowByRow:
    """Calls the function once for each row, or has its body in the loop.

    Threading: owned by one thread.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        types: Sequence[SqlType],
        shapes: Sequence[Shape],
        returns: Shape,
        refusing: Refusing,
        inlined: Inlined | None = None,
    ) -> None:
        self._function = function
        self._loop = self._generator = None
        if inlined is not None:
            self._loop, self._generator = inlined.loop(function), inlined.generator(function)  # type: ignore[arg-type]
        self._arguments = Arguments(types, shapes)
        self._enter = entering(returns)
        self._refusing = refusing
        self._type = returns.type.arrow
        self._first = 0  # of the rows that are Python values now, its place in the batch

    def run(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        pieces = []
        for first in range(0, rows, CHUNK_ROWS):
            pieces.extend(self._chunk(first, min(CHUNK_ROWS, rows - first), arguments))
        if not pieces:
            return pa.nulls(0, self._type)
        return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)

    def _chunk(self, first: int, rows: int, arguments: tuple[Value, ...]) -> list[pa.Array]:
        part = [a.slice(first, rows) if isinstance(a, pa.Array) else a for a in arguments]
        self._first = first
        try:
            self._arguments.take(part)
        except ExecutionError as error:
            if rows > 1:  # one by one: some row has what Python has not
                return [c for i in range(first, first + rows) for c in self._chunk(i, 1, arguments)]
            texts = [_text(a[0] if isinstance(a, pa.Array) else a) for a in part]
            self._refusing.refuse(first, UnfitArguments(self._refusing.name, texts, error))
            return [pa.nulls(1, self._type)]
        return [self._column(self._results(rows))]

    def _calls(self, rows: int) -> Iterator[Any]:
        given = self._arguments
        if given.constant:
            return starmap(self._function, repeat(tuple(given.constants), rows))
        return map(self._function, *given.iterables(rows))

    def _results(self, rows: int) -> list[Any]:
        if self._loop is not None and self._generator is not None and not self._arguments.constant:
            return self._inlined(rows, self._loop, self._generator)
        results: list[Any] = []
        calls = self._calls(rows)
        while True:
            try:
                results.extend(calls)
            except BaseException as error:
                raise_interrupt(error)
                self._failed(results, error)
                continue
            if len(results) == rows:
                return results
            self._failed(results, StopIteration())  # raised by the function, it ends the `map`

    def _inlined(self, rows: int, loop: Callable[..., list[Any]], generator: Callable[..., Iterator[Any]]) -> list[Any]:
        iterators = [iter(v) for v in self._arguments.iterables(rows)]
        if self._refusing.fails:
            # The quickest loop: what came before a row that raises is lost with the query.
            try:
                return loop(*iterators)
            except BaseException as error:
                raise_interrupt(error)
                row = rows - length_hint(iterators[0]) - 1
                again = generator(*[iter(v) for v in self._arguments.iterables(rows)])
                self._raised(row, error, list(islice(again, row)))
                raise
        results: list[Any] = []
        while True:
            try:
                results.extend(generator(*iterators))
            except BaseException as error:
                raise_interrupt(error)
                self._failed(results, error)
                continue
            return results

    def _raised(self, row: int, error: BaseException, before: list[Any]) -> None:
        if self._refusing.fails:
            self._column(before)  # of several failures the first counts, also when it is a wrong result
        failure = FailedCall(self._refusing.name, self._arguments.of_row(row), error)
        self._refusing.refuse(self._first + row, failure)

    def _failed(self, results: list[Any], error: BaseException) -> None:
        """The call for the row after the last result raised."""
        self._raised(len(results), error, results)
        results.append(None)

    def _column(self, results: list[Any]) -> pa.Array:
        while True:
            try:
                return self._enter(results)
            except WrongResultError as wrong:
                values = self._arguments.of_row(wrong.row)
                failure = WrongResult(self._refusing.name, values, wrong.problem, self._function)
                self._refusing.refuse(self._first + wrong.row, failure)
                results[wrong.row] = None


def _text(value: pa.Scalar) -> str:
    """A value for a message, though Python may not have it."""
    try:
        return str(value.cast(pa.string()))
    except (pa.ArrowException, ValueError, OverflowError):
        return f"a {value.type}"


__all__ = ["CHUNK_ROWS", "Arguments", "CallCounters", "RowByRow", "Way"]
