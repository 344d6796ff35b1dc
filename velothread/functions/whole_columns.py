"""Functions over whole columns: pyarrow Arrays, NumPy arrays or lists, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from velothread.functions.annotations import Shape
from velothread.functions.arguments import leaving
from velothread.functions.failures import FailedBatch, raise_interrupt
from velothread.functions.refusals import Refusing
from velothread.functions.results import WrongResultError, entering
from velothread.kernels.function import Value
from velothread.types import SqlType

_TOOK = {"arrow": "pyarrow Arrays", "numpy": "NumPy arrays", "list": "lists"}


class WholeColumns:
    """Calls the function once for all rows of a batch. A constant comes as a column, too.

    Threading: owned by one thread.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        form: Literal["arrow", "numpy", "list"],
        types: Sequence[SqlType],
        shapes: Sequence[Shape],
        returns: Shape,
        refusing: Refusing,
    ) -> None:
        self._function = function
        self._form = form
        self._leaves = [leaving(t, s) for t, s in zip(types, shapes, strict=True)]
        self._enter = entering(returns)
        self._type = returns.type
        self._refusing = refusing

    def run(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        columns = [a if isinstance(a, pa.Array) else pa.repeat(a, rows) for a in arguments]
        try:
            given: list[Any] = columns
            if self._form == "list":
                given = [leave(c) for leave, c in zip(self._leaves, columns, strict=True)]
            elif self._form == "numpy":
                given = [_numpy(c) for c in columns]
            return self._column(self._function(*given), rows)
        except _WrongColumnError as error:
            failure = self._failure(rows, problem=str(error))
        except BaseException as error:
            raise_interrupt(error)
            failure = self._failure(rows, raised=error)
        self._refusing.refuse(0, failure, rows)
        return pa.nulls(rows, self._type.arrow)

    def _failure(self, rows: int, **what: Any) -> FailedBatch:
        return FailedBatch(self._refusing.name, rows, _TOOK[self._form], self._function, **what)

    def _column(self, result: Any, rows: int) -> pa.Array:
        target = self._type.arrow
        if isinstance(result, pa.ChunkedArray):
            result = result.combine_chunks()
        if isinstance(result, pa.Scalar):
            result = pa.repeat(result, rows)
        elif isinstance(result, np.generic | int | float | str | bool | bytes):
            raise _WrongColumnError(f"{result!r} is one value, and a column of {rows:,} was wanted")
        if not isinstance(result, pa.Array):
            result = self._from_python(result)
        if len(result) != rows:
            raise _WrongColumnError(f"{len(result):,} values came back")
        if result.type == target:
            return result
        try:
            return result.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _WrongColumnError(f"Arrow's {result.type} came back, {self._type} was declared: {error}") from None

    def _from_python(self, result: Any) -> pa.Array:
        if isinstance(result, np.ndarray) and result.dtype != np.object_ and result.ndim == 1:
            array = pa.array(result)
            kind = self._type
            if kind.is_integer and pa.types.is_floating(array.type):
                raise _WrongColumnError(f"NumPy's {result.dtype} came back, {kind} was declared")
            return array
        if isinstance(result, np.ndarray):
            result = result.tolist()
        if not isinstance(result, (list, tuple)):
            raise _WrongColumnError(
                f"{type(result).__name__} came back; a pyarrow Array, NumPy array or list was wanted"
            )
        try:
            return self._enter(list(result))
        except WrongResultError as wrong:
            raise _WrongColumnError(f"value {wrong.row}: {wrong.problem}") from None


class _WrongColumnError(Exception):
    pass


def _numpy(column: pa.Array) -> Any:
    """Numbers without a copy where there is no NULL; NULL is NaN among numbers, None among objects."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column.to_numpy(zero_copy_only=False)


__all__ = ["WholeColumns"]
