"""A Python function with arguments of certain types: what generated code calls for every batch.

    score = score_call(rows, None, text, weight)        # columns (Arrays) or constants (Scalars); a column comes back

Rows in which an argument is NULL that may not be are left out, and so are those that a guard doesn't want: their result
is NULL. For the others the function is called, in the way that its kind wants (`calling.Way`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter_ns
from types import FunctionType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.functions.annotations import Parameter
from velothread.functions.calling import CallCounters, Lifted, Refusing, RowByRow, Way
from velothread.functions.forms import form_of
from velothread.functions.library import Registered
from velothread.kernels.function import Value
from velothread.kernels.rows import plain
from velothread.kernels.vectors import Mask, valid_rows
from velothread.types import SqlType

# Rows of a split: enough that dealing it costs nothing beside the calls, few enough that all receivers have some.
CALL_ROWS = 1 << 14
COLUMN_ROWS = 1 << 16
LEAST_ROWS = 256


class BoundFunction:
    """A registered function whose arguments have the types `types`.

    Equal when both are: the same call written twice is one expression.

    Threading: shared by all threads; what a thread calls with is in `_here`, its own.
    """

    def __init__(
        self, registered: Registered, types: tuple[SqlType, ...], parameters: tuple[Parameter, ...], on_error: str
    ) -> None:
        self.registered = registered
        self.types = types
        self.parameters = parameters
        self.on_error = on_error
        self.form = form_of(registered, types, parameters)
        self.counters: list[CallCounters] = []
        self._here = threading.local()

    @property
    def name(self) -> str:
        """What SQL calls it."""
        return self.registered.name

    @property
    def returns(self) -> SqlType:
        """The type of its result."""
        return self.registered.signature.returns.type

    def described(self) -> str:
        """`score(VARCHAR, DOUBLE): inlined (not lifted: ...)`, for EXPLAIN."""
        return f"{self.name}({', '.join(map(str, self.types))}): {self.form}"

    @property
    def split_rows(self) -> int | None:
        """How many rows a split should have where it is called; None: it costs little."""
        declaration = self.registered.declaration
        match self.form.name:
            case "async":
                return max(LEAST_ROWS, 8 * declaration.concurrency)
            case "columns":
                return COLUMN_ROWS
            case "lifted":
                return None
        return CALL_ROWS

    @property
    def volatile(self) -> bool:
        """Does it give another result each time, as far as is said?"""
        return self.registered.declaration.deterministic is False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoundFunction)
            and self.registered is other.registered
            and self.types == other.types
            and not (self.volatile and self is not other)
        )

    def __hash__(self) -> int:
        return hash((id(self.registered), self.types))

    def __call__(self, rows: int, guard: Any, *arguments: Value) -> Value:
        """The result for each of `rows` rows. guard: a BOOLEAN column or constant without NULLs, true for rows that are
        wanted; None: all are.

        :raises ExecutionError: when a call raises, or gives what was not declared.
        """
        mine: Caller | None = getattr(self._here, "caller", None)
        if mine is None:
            mine = self._here.caller = Caller(self)
            self.counters.append(mine.counters)
        return mine.column(rows, guard, arguments)


class Caller:
    """One thread's way of calling a function.

    Threading: owned by the thread that made it.
    """

    def __init__(self, bound: BoundFunction) -> None:
        self.bound = bound
        self.function: Callable[..., Any] = bound.registered.origin.mine()
        self.counters = CallCounters()
        self._way = self._chosen_way()
        self._strict = tuple(i for i, p in enumerate(bound.parameters) if not p.shape.nullable)
        self._once = bound.registered.declaration.deterministic is True
        self._target = bound.returns.arrow

    def _chosen_way(self) -> Way:
        bound = self.bound
        signature = bound.registered.signature
        # Classes of the function's own copy: what it gets are instances of them.
        shapes = tuple(p.shape for p in _parameters_here(bound, self.function))
        refusals = Refusing(bound.name, bound.on_error, self.counters)
        if bound.registered.kind == "table":
            from velothread.functions.table_calls import TablesOfRows
            from velothread.functions.tables import table_shape

            table = table_shape(bound.registered.sample, bound.registered.declaration)
            return TablesOfRows(self.function, bound.types, shapes, table, refusals)
        if bound.registered.declaration.batch is not None:
            from velothread.functions.whole_columns import WholeColumns

            form = bound.registered.declaration.batch
            return WholeColumns(self.function, form, bound.types, shapes, signature.returns, refusals)
        inlined = bound.form.inlined if type(self.function) is FunctionType else None
        rows = RowByRow(self.function, bound.types, shapes, signature.returns, refusals, inlined)
        return rows if bound.form.compute is None else Lifted(bound.form.compute, rows)

    def column(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> Value:
        """As `BoundFunction.__call__`."""
        if self._once:
            columns = [a for a in arguments if isinstance(a, pa.Array)]
            if not columns:
                wanted = guard is None or (guard.as_py() if isinstance(guard, pa.Scalar) else guard.true_count > 0)
                if not wanted:
                    return pa.scalar(None, self._target)
                return self._column(1, None, tuple(pa.repeat(a, 1) for a in arguments))[0]
            if len(columns) == 1 and not isinstance(guard, pa.Scalar):
                found = self._by_value(rows, guard, arguments)
                if found is not None:
                    return found
        return self._column(rows, guard, tuple(plain(a) for a in arguments))

    def _by_value(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> pa.Array | None:
        """Once for each distinct value of the one column; None when most are distinct."""
        place = next(i for i, a in enumerate(arguments) if isinstance(a, pa.Array))
        given = arguments[place]
        if not isinstance(given, pa.DictionaryArray):
            if pa.types.is_nested(given.type) or pa.types.is_interval(given.type):
                return None
            head = given.slice(0, 1024)
            if 10 * len(head.unique()) > 9 * len(head) > 900:
                return None
            given = given.dictionary_encode()
        indices = (
            given.indices if guard is None else pc.if_else(guard, given.indices, pa.scalar(None, given.indices.type))
        )
        used = pc.unique(indices)  # an entry that no row has must not be called for
        values = tuple(given.dictionary.take(used) if i == place else a for i, a in enumerate(arguments))
        wanted = pc.is_valid(used) if used.null_count and guard is not None else None
        results = self._column(len(used), wanted, values)
        return results.take(pc.index_in(indices, used))

    def _column(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> pa.Array:
        if isinstance(guard, pa.Scalar):
            if not guard.as_py():
                return pa.nulls(rows, self._target)
            guard = None
        wanted: Mask | None = None if guard is None else guard.to_numpy(zero_copy_only=False)
        strict = [arguments[i] for i in self._strict]
        if any(isinstance(a, pa.Scalar) and not a.is_valid for a in strict):
            return pa.nulls(rows, self._target)
        valid = valid_rows(*[a for a in strict if isinstance(a, pa.Array)])
        if valid is not None:
            wanted = valid if wanted is None else wanted & valid
        if wanted is None or wanted.all():
            return self._called(rows, arguments)
        places = np.flatnonzero(wanted)
        if not len(places):
            return pa.nulls(rows, self._target)
        taken = pa.array(places)
        found = self._called(len(places), tuple(a.take(taken) if isinstance(a, pa.Array) else a for a in arguments))
        back = np.zeros(rows, np.int64)
        back[places] = np.arange(len(places))
        return found.take(pa.array(back, mask=~wanted))

    def _called(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        start = perf_counter_ns()
        found = self._way.run(rows, arguments)
        self.counters.batches += 1
        self.counters.calls += rows
        self.counters.ns += perf_counter_ns() - start
        return found


def _parameters_here(bound: BoundFunction, function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters, with the classes that the thread's own copy of the function names."""
    from velothread.functions.signatures import signature_for

    if function is bound.registered.sample or not any(_has_class(p) for p in bound.parameters):
        return bound.parameters
    found = signature_for(bound.registered.kind, function, bound.registered.declaration).of(len(bound.parameters))
    assert found is not None
    return found


def _has_class(parameter: Parameter) -> bool:
    shapes = [parameter.shape]
    while shapes:
        shape = shapes.pop()
        if shape.made is not None:
            return True
        shapes.extend(shape.inner)
    return False


__all__ = ["BoundFunction", "CallCounters", "Caller"]
