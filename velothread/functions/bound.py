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
from velothread.functions.calling import CallCounters, Lifted, RowByRow, Way
from velothread.functions.forms import form_of
from velothread.functions.library import Registered
from velothread.functions.refusals import FailedRow, FailureLog, Refusing
from velothread.kernels.function import Value
from velothread.kernels.rows import plain
from velothread.kernels.vectors import Mask, valid_rows
from velothread.sources.source import SplitSize
from velothread.types import SqlType

# Rows of a split and of a batch. Calls may take nanoseconds or milliseconds each; what works on columns wants them of
# some length, but several should stay in the cache.
CALLS = SplitSize(128, 1 << 14)
COLUMNS = SplitSize(1 << 12, 1 << 15)
# Results that a thread keeps of a deterministic function.
MOST_REMEMBERED = 4096


class BoundFunction:
    """A registered function whose arguments have the types `types`.

    Equal when both are: the same call written twice is one expression.

    on_error: "fail", "null", "skip", or "try": NULL, without a word. keeps: does `--rejects` keep the rows that fail?

    Threading: shared by all threads; what a thread calls with is in `_here`, its own.
    """

    def __init__(
        self,
        registered: Registered,
        types: tuple[SqlType, ...],
        parameters: tuple[Parameter, ...],
        on_error: str,
        *,
        keeps: bool = False,
    ) -> None:
        self.registered = registered
        self.types = types
        self.parameters = parameters
        self.on_error = on_error
        self.keeps = keeps
        self.log = FailureLog(registered.name, on_error)
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
    def split_size(self) -> SplitSize | None:
        """How many rows a split should have where it is called; None: it costs little."""
        match self.form.name:
            case "async":
                several = 8 * self.registered.declaration.concurrency
                return SplitSize(several, several)
            case "columns":
                return COLUMNS
            case "lifted":
                return None
        return CALLS

    @property
    def volatile(self) -> bool:
        """Does it give another result each time, as far as is said?"""
        return self.registered.declaration.deterministic is False

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoundFunction)
            and self.registered is other.registered
            and self.types == other.types
            and self.on_error == other.on_error
            and not (self.volatile and self is not other)
        )

    def __hash__(self) -> int:
        return hash((id(self.registered), self.types))

    def __call__(self, rows: int, guard: Any, *arguments: Value) -> Value:
        """The result for each of `rows` rows. guard: a BOOLEAN column or constant without NULLs, true for rows that are
        wanted; None: all are.

        :raises ExecutionError: when a call raises, or gives what was not declared.
        """
        return self._mine().column(rows, guard, arguments)

    def leaving_out(self, rows: int, staying: Any, guard: Any, *arguments: Value) -> tuple[Value, Any]:
        """As a call, and which rows stay: those of `staying` (a mask; None: all) for which it didn't fail.

        It is not called for rows that don't stay.
        """
        return self._mine().leaving_out(rows, staying, guard, arguments)

    def failing(self) -> BoundFunction:
        """The same function, an error where it fails."""
        return self._again("fail")

    def under_try(self) -> BoundFunction:
        """The same function, for TRY: NULL where it fails, and that isn't counted."""
        return self._again("try")

    def _again(self, on_error: str) -> BoundFunction:
        """The same function with another `on_error`; its calls are counted here."""
        found = BoundFunction(self.registered, self.types, self.parameters, on_error)
        found.counters = self.counters
        return found

    def _mine(self) -> Caller:
        mine: Caller | None = getattr(self._here, "caller", None)
        if mine is None:
            mine = self._here.caller = self._caller()
            self.counters.append(mine.counters)
        return mine

    def _caller(self) -> Caller:
        """The calling thread's way of calling; one that is measured has another."""
        return Caller(self)


class Caller:
    """One thread's way of calling a function.

    Threading: owned by the thread that made it.
    """

    def __init__(self, bound: BoundFunction) -> None:
        self.bound = bound
        self.function: Callable[..., Any] = bound.registered.origin.mine()
        self.counters = CallCounters()
        self._refusing = Refusing(bound.name, bound.on_error, keeps=bound.keeps)
        self._way = self._way_of(self.function)
        self._strict = tuple(i for i, p in enumerate(bound.parameters) if not p.shape.nullable)
        self._once = bound.registered.declaration.deterministic is True
        self._target = bound.returns.arrow
        self._known: tuple[pa.Array, pa.Array] | None = None  # of a deterministic function: arguments, results

    def _way_of(self, function: Callable[..., Any]) -> Way:
        """How `function` is called: this thread's copy, or one that does more and then calls it."""
        bound = self.bound
        signature = bound.registered.signature
        # Classes of the function's own copy: what it gets are instances of them.
        shapes = tuple(p.shape for p in _parameters_here(bound, self.function))
        if bound.registered.kind == "table":
            from velothread.functions.table_calls import TablesOfRows
            from velothread.functions.tables import table_shape

            table = table_shape(bound.registered.sample, bound.registered.declaration)
            return TablesOfRows(self.function, bound.types, shapes, table, self._refusing)
        if bound.registered.kind == "async":
            from velothread.functions.concurrent_calls import ConcurrentCalls

            loop = bound.registered.belongings.mine().loop
            declaration = bound.registered.declaration
            return ConcurrentCalls(function, bound.types, shapes, signature.returns, self._refusing, declaration, loop)
        if bound.registered.declaration.batch is not None:
            from velothread.functions.whole_columns import WholeColumns

            form = bound.registered.declaration.batch
            return WholeColumns(function, form, bound.types, shapes, signature.returns, self._refusing)
        inlined = bound.form.inlined if type(function) is FunctionType else None
        rows = RowByRow(function, bound.types, shapes, signature.returns, self._refusing, inlined)
        return rows if bound.form.compute is None else Lifted(bound.form.compute, rows)

    def column(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> Value:
        """As `BoundFunction.__call__`."""
        found, failed = self._found(rows, guard, arguments)
        if failed:
            self._note(failed)
        return found

    def leaving_out(self, rows: int, staying: Any, guard: Any, arguments: tuple[Value, ...]) -> tuple[Value, Any]:
        """As `BoundFunction.leaving_out`."""
        if staying is not None:
            guard = staying if guard is None else pc.and_(guard, staying)
        found, failed = self._found(rows, guard, arguments)
        if not failed:
            return found, staying
        self._note(failed)
        stays = np.ones(rows, np.bool_) if staying is None else staying.to_numpy(zero_copy_only=False).copy()
        stays[[row for row, _ in failed]] = False
        return found, pa.array(stays)

    def _note(self, failed: list[FailedRow]) -> None:
        self.counters.failures += len(failed)
        self.bound.log.add(failed)

    def _found(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[Value, list[FailedRow]]:
        """The result, and the rows for which it failed, in order."""
        if self._once:
            columns = [a for a in arguments if isinstance(a, pa.Array)]
            if not columns:
                return self._constant(rows, guard, arguments)
            # Rows that the guard doesn't want are taken for NULL, so NULL must not be something to be asked for.
            place = next(i for i, a in enumerate(arguments) if isinstance(a, pa.Array))
            if len(columns) == 1 and (guard is None or (isinstance(guard, pa.Array) and place in self._strict)):
                found = self._by_value(rows, guard, arguments)
                if found is not None:
                    return found
        return self._column(rows, guard, tuple(plain(a) for a in arguments))

    def _constant(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[pa.Scalar, list[FailedRow]]:
        """One call for all rows."""
        wanted = rows > 0
        if guard is not None:
            wanted = guard.as_py() if isinstance(guard, pa.Scalar) else guard.true_count > 0
        if not wanted:
            return pa.scalar(None, self._target), []
        found, failed = self._column(1, None, tuple(pa.repeat(a, 1) for a in arguments))
        if failed:
            each = list(range(rows))
            if isinstance(guard, pa.Array):
                each = np.flatnonzero(guard.to_numpy(zero_copy_only=False)).tolist()
            failed = [(row, failed[0][1]) for row in each]
        return found[0], failed

    def _by_value(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[pa.Array, list[FailedRow]] | None:
        """Once for each distinct value of the one column; None when most are distinct."""
        place = next(i for i, a in enumerate(arguments) if isinstance(a, pa.Array))
        given = arguments[place]
        if not isinstance(given, pa.DictionaryArray):
            if self.bound.form.name == "lifted":
                return None  # to look for equal values would take longer
            # Of floats, Arrow takes 0.0 and -0.0 for one value.
            if pa.types.is_nested(given.type) or pa.types.is_interval(given.type) or pa.types.is_floating(given.type):
                return None
            head = given.slice(0, 1024)
            if 10 * len(head.unique()) > 9 * len(head) > 900:
                return None
            given = given.dictionary_encode()
        indices = (
            given.indices if guard is None else pc.if_else(guard, given.indices, pa.scalar(None, given.indices.type))
        )
        used = pc.unique(indices)  # an entry that no row has must not be called for

        def call(values: pa.Array) -> tuple[pa.Array, list[FailedRow]]:
            return self._column(len(values), None, (*arguments[:place], values, *arguments[place + 1 :]))

        results, failed = self._remembered(given.dictionary.take(used), call)
        which = pc.index_in(indices, used)
        return results.take(which), _spread(failed, which.to_numpy(zero_copy_only=False), len(used))

    def _remembered(
        self, values: pa.Array, call: Callable[[pa.Array], tuple[pa.Array, list[FailedRow]]]
    ) -> tuple[pa.Array, list[FailedRow]]:
        """The results for distinct values, of which some may have been asked for in an earlier batch.

        One that failed is asked for again: each row of it has failed, in this batch as well.
        """
        if self._known is None:
            known, results = values.slice(0, 0), pa.nulls(0, self._target)
        else:
            known, results = self._known
        places = np.flatnonzero(pc.is_null(pc.index_in(values, known)).to_numpy(zero_copy_only=False))
        failed: list[FailedRow] = []
        if len(places):
            missing = values.take(pa.array(places))
            found, failed = call(missing)
            if failed:
                good = np.ones(len(missing), np.bool_)
                good[[at for at, _ in failed]] = False
                missing, found = missing.filter(pa.array(good)), found.filter(pa.array(good))
                failed = [(int(places[at]), kept) for at, kept in failed]
            known, results = pa.concat_arrays([known, missing]), pa.concat_arrays([results, found])
        if len(known) <= MOST_REMEMBERED:
            self._known = known, results
        return results.take(pc.index_in(values, known)), failed

    def _column(self, rows: int, guard: Any, arguments: tuple[Value, ...]) -> tuple[pa.Array, list[FailedRow]]:
        if isinstance(guard, pa.Scalar):
            if not guard.as_py():
                return pa.nulls(rows, self._target), []
            guard = None
        wanted: Mask | None = None if guard is None else guard.to_numpy(zero_copy_only=False)
        strict = [arguments[i] for i in self._strict]
        if any(isinstance(a, pa.Scalar) and not a.is_valid for a in strict):
            return pa.nulls(rows, self._target), []
        valid = valid_rows(*[a for a in strict if isinstance(a, pa.Array)])
        if valid is not None:
            wanted = valid if wanted is None else wanted & valid
        if wanted is None or wanted.all():
            return self._called(rows, arguments), self._refusing.taken()
        places = np.flatnonzero(wanted)
        if not len(places):
            return pa.nulls(rows, self._target), []
        taken = pa.array(places)
        found = self._called(len(places), tuple(a.take(taken) if isinstance(a, pa.Array) else a for a in arguments))
        back = np.zeros(rows, np.int64)
        back[places] = np.arange(len(places))
        failed = [(int(places[row]), kept) for row, kept in self._refusing.taken()]
        return found.take(pa.array(back, mask=~wanted)), failed

    def _called(self, rows: int, arguments: tuple[Value, ...]) -> pa.Array:
        start = perf_counter_ns()
        found = self._way.run(rows, arguments)
        self.counters.batches += 1
        self.counters.calls += rows
        self.counters.ns += perf_counter_ns() - start
        return found


def _spread(failed: list[FailedRow], which: Any, values: int) -> list[FailedRow]:
    """Failures by value -> failures by row. which: the value of each row."""
    if not failed:
        return []
    kept = dict(failed)
    bad = np.zeros(values, np.bool_)
    bad[list(kept)] = True
    rows = np.flatnonzero(bad[which])
    return [(row, kept[value]) for row, value in zip(rows.tolist(), which[rows].tolist(), strict=True)]


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
