"""Aggregates that are classes: `step` for each row, `merge` for what another split gave, `finish` for the result.

    @velothread.udf
    class Geomean:
        def __init__(self) -> None:
            self.logs, self.rows = 0.0, 0

        def step(self, x: float) -> None:
            self.logs += log(x)
            self.rows += 1

        def merge(self, other: Geomean) -> None:
            self.logs += other.logs
            self.rows += other.rows

        def finish(self) -> float | None:
            return exp(self.logs / self.rows) if self.rows else None

The contract. An object is made without arguments, one for each group; a group without rows is an object that was never
stepped. Rows come in order, and `merge` gets the object of rows that stand behind its own. It leaves `other` as it is.
`finish` only looks: over a window it is called again and again while more rows come. Without `merge`, the rows of a
group are gathered, and stepped through at the end.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import repeat
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from velothread.errors import ExecutionError, OptionError, Position
from velothread.functions.annotations import Parameter, Signature, signature_of
from velothread.functions.arguments import leaving
from velothread.functions.calling import CHUNK_ROWS
from velothread.functions.declaration import Declaration, name_of
from velothread.functions.failures import described, frames_of, more_of, raise_interrupt
from velothread.functions.own_code import own_function
from velothread.functions.results import WrongResultError, entering, shortened
from velothread.kernels.aggregates.function import AggregateFunction
from velothread.kernels.aggregates.python_state import ClassState, GatheredState, Ranges
from velothread.kernels.aggregates.state import State
from velothread.kernels.grouping import Codes
from velothread.kernels.rows import plain
from velothread.kernels.vectors import valid_rows
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.functions.library import Registered


def is_aggregate(defined: Any) -> bool:
    """Is it a class that looks like an aggregate, though nothing is declared: annotated `step` and `finish`?"""
    if not inspect.isclass(defined):
        return False
    step, finish = (inspect.getattr_static(defined, n, None) for n in ("step", "finish"))
    if not (inspect.isfunction(step) and inspect.isfunction(finish)):
        return False
    values = list(inspect.signature(step).parameters.values())[1:]
    return "return" in finish.__annotations__ and all(p.annotation is not p.empty for p in values)


def signature_of_class(defined: type, declaration: Declaration) -> Signature:
    """What an aggregate takes (the parameters of `step`) and gives (the result of `finish`).

    :raises OptionError: when methods are missing, are none, or say too little.
    """
    name = name_of(defined)
    for method in ("step", "finish"):
        if inspect.getattr_static(defined, method, None) is None:
            raise OptionError(
                f"{name} is a class without {method}: an aggregate has step(self, ...), finish(self) and, where it"
                " can, merge(self, other)"
            )
    for method in ("step", "merge", "finish"):
        found = inspect.getattr_static(defined, method, None)
        if isinstance(found, (staticmethod, classmethod, property)) or (found is not None and not callable(found)):
            raise OptionError(f"{name}.{method} is to be a method of the object")
        if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
            raise OptionError(f"{name}.{method} can't be async, nor a generator")
    _check_constructor(defined)
    return signature_of(_as_function(defined), declaration)


def _check_constructor(defined: type) -> None:
    try:
        inspect.signature(defined).bind()
    except ValueError:  # built in, without a signature
        return
    except TypeError as error:
        raise OptionError(f"{name_of(defined)}: an aggregate is made without arguments ({error})") from None


def _as_function(defined: type) -> Callable[..., Any]:
    """A function that takes what `step` takes and gives what `finish` gives, for `signature_of` to look at."""
    from velothread.functions.annotations import hints_of

    step, finish = (getattr(defined, n) for n in ("step", "finish"))
    name = name_of(defined)

    def function() -> None: ...

    hints = {n: h for n, h in hints_of(step).items() if n != "return"}
    given = hints_of(finish)
    function.__name__ = name
    if "return" in given:
        hints["return"] = given["return"]
    try:
        written = inspect.signature(step)
        function.__signature__ = written.replace(parameters=list(written.parameters.values())[1:])  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise OptionError(f"{name}.step does not say what it takes: def step(self, x: float) -> None") from None
    function.__annotations__ = hints
    return function


class BoundAggregate:
    """A registered class whose arguments have the types `types`; called as an `AggregateFunction.state`.

    Equal when both are: the same call written twice is one.

    Threading: shared by all threads; what a thread calls with is in `_local`, its own.
    """

    def __init__(
        self, registered: Registered, types: tuple[SqlType, ...], parameters: tuple[Parameter, ...],
        position: Position | None = None,
    ) -> None:  # fmt: skip
        self.registered = registered
        self.types = types
        self.parameters = parameters
        self.position = position
        self.merges = inspect.getattr_static(registered.sample, "merge", None) is not None
        self._local = threading.local()

    @property
    def function(self) -> AggregateFunction:
        """What a plan's call of it names."""
        registered, signature = self.registered, self.registered.signature
        order = registered.declaration.order
        return AggregateFunction(
            registered.name,
            self.types,
            signature.returns.type,
            self,
            exact=not (order and self.merges),  # gathered rows are put in order by their positions
            ordered=order,
            nulls="keep" if any(p.shape.nullable for p in self.parameters) else "skip",
            python=True,
        )

    def __call__(self, types: tuple[SqlType, ...], constants: tuple[pa.Scalar, ...], returns: SqlType) -> State:
        """A fresh state."""
        return ClassState(self.here) if self.merges else GatheredState(self.here)

    def here(self) -> ClassCaller:
        """The calling thread's way of calling the class."""
        found: ClassCaller | None = getattr(self._local, "caller", None)
        if found is None:
            found = self._local.caller = ClassCaller(self)
        return found

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BoundAggregate)
            and self.registered is other.registered
            and self.types == other.types
            and self.parameters == other.parameters
        )

    def __hash__(self) -> int:
        return hash((id(self.registered), self.types))


class ClassCaller:
    """One thread's way of calling a class: its own copy of it.

    Threading: owned by the thread that made it.
    """

    def __init__(self, bound: BoundAggregate) -> None:
        registered = bound.registered
        self.name = registered.name
        self.position = bound.position
        self.made: type = registered.origin.mine()
        self.merges = bound.merges
        parameters = bound.parameters
        if self.made is not registered.sample:  # classes of its own copy: what it gets are instances of them
            found = signature_of_class(self.made, registered.declaration).of(len(parameters))
            assert found is not None
            parameters = found
        self.returns = registered.signature.returns
        self._leaves = [leaving(t, p.shape) for t, p in zip(bound.types, parameters, strict=True)]
        some = any(p.shape.nullable for p in parameters)
        self._strict = [i for i, p in enumerate(parameters) if some and not p.shape.nullable]
        self._enter = entering(self.returns)
        # Taken from the class: a method that is asked of each object would be made each time.
        self.step_method: Callable[..., Any] = _own(self.made, "step")
        self._merge: Callable[..., Any] | None = _own(self.made, "merge") if self.merges else None
        self.finish_method: Callable[..., Any] = _own(self.made, "finish")

    def fresh(self) -> Any:
        """One object, as `several` of them."""
        return self.several(1)[0]

    def several(self, count: int) -> list[Any]:
        """See `Caller.several`."""
        made = self.made
        try:
            return [made() for _ in range(count)]
        except BaseException as error:
            raise_interrupt(error)
            raise self._failed(f"{self.name}()", error) from error

    def left(self, columns: Sequence[pa.Array]) -> Codes | None:
        """See `Caller.left`: rows where an argument is NULL that may not be are left out."""
        valid = valid_rows(*[columns[i] for i in self._strict]) if self._strict else None
        return None if valid is None or valid.all() else np.flatnonzero(valid)

    def step(self, objects: Sequence[Any], codes: Codes | None, columns: Sequence[pa.Array], rows: int) -> None:
        """See `Caller.step`. No row passes through code of ours: `map` calls the method, in C."""
        for first in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - first)
            lists = self.values([c.slice(first, count) for c in columns])
            owners: Iterable[Any]
            if codes is None:
                owners = repeat(objects[0], count)
            else:
                owners = map(objects.__getitem__, codes[first : first + count].tolist())
            self.stepped(owners, lists, count)

    def values(self, columns: Sequence[pa.Array]) -> list[list[Any]]:
        """The columns as lists of Python values.

        :raises ExecutionError: for a value that Python has not: the year 12000.
        """
        try:
            return [leave(plain(c)) for leave, c in zip(self._leaves, columns, strict=True)]
        except ExecutionError as error:
            raise ExecutionError(f"{self.name}: {error.message}", self.position) from None

    def stepped(self, owners: Iterable[Any], lists: Sequence[Sequence[Any]], count: int) -> None:
        """Call `step` for rows whose values are in `lists`.

        :raises ExecutionError: for the row whose call raises.
        """
        done: list[Any] = []
        failure: BaseException
        try:
            done.extend(map(self.step_method, owners, *lists))
            if len(done) == count:
                return
            failure = StopIteration()  # raised by the method, it ends the `map`
        except BaseException as error:
            raise_interrupt(error)
            failure = error
        raise self.failed_step([v[len(done)] for v in lists], failure) from failure

    def failed_step(self, values: Sequence[Any], error: BaseException) -> ExecutionError:
        """The error of a `step` that raised."""
        return self._failed(f"{self.name}.step({', '.join(map(shortened, values))})", error)

    def merge(self, mine: list[Any], theirs: list[Any]) -> None:
        """See `Caller.merge`."""
        assert self._merge is not None
        done: list[Any] = []
        failure: BaseException
        try:
            done.extend(map(self._merge, mine, theirs))
            if len(done) == len(mine):
                return
            failure = StopIteration()
        except BaseException as error:
            raise_interrupt(error)
            failure = error
        both = f"{_content(mine[len(done)])}, and other: {_content(theirs[len(done)])}"
        raise self._failed(f"{self.name}.merge(other), of {both},", failure) from failure

    def owned(self, objects: Sequence[Any]) -> list[Any]:
        """See `Caller.owned`."""
        made = self.made
        return [x if type(x) is made or x is None else _rehomed(x, made) for x in objects]

    def finish(self, objects: Sequence[Any]) -> pa.Array:
        """See `Caller.finish`."""
        results: list[Any] = []
        failure: BaseException
        try:
            results.extend(map(self.finish_method, objects))
            if len(results) == len(objects):
                return self.entered(results, objects)
            failure = StopIteration()
        except ExecutionError:
            raise
        except BaseException as error:
            raise_interrupt(error)
            failure = error
        raise self.failed_finish(objects[len(results)], failure) from failure

    def failed_finish(self, of: Any, error: BaseException) -> ExecutionError:
        """The error of a `finish` that raised."""
        return self._failed(f"{self.name}.finish(), of {_content(of)},", error)

    def entered(self, results: list[Any], objects: Sequence[Any] | None = None) -> pa.Array:
        """Results as a column.

        :raises ExecutionError: for one that isn't of the declared type.
        """
        try:
            return self._enter(results)
        except WrongResultError as wrong:
            of = f", of {_content(objects[wrong.row])}," if objects is not None else ""
            raise ExecutionError(
                f"{self.name}.finish(){of} returned a wrong result: {wrong.problem}", self.position
            ) from None

    def over_frames(self, rows: int, columns: Sequence[pa.Array], ranges: Ranges) -> pa.Array:
        """See `Caller.over_frames`."""
        from velothread.functions.aggregate_frames import over_frames

        return over_frames(self, rows, columns, ranges)

    def _failed(self, call: str, error: BaseException) -> ExecutionError:
        lines = [f"{call} raised {described(error)}", *frames_of(error), *more_of(error)]
        return ExecutionError("\n".join(lines), self.position)


def _own(made: type, name: str) -> Callable[..., Any]:
    """A method to be called with the object first; its code is the thread's own (see `own_code`)."""
    found: Callable[..., Any] = getattr(made, name)
    return own_function(found) if type(found) is FunctionType else found


def _content(of: Any) -> str:
    """What an object holds, for messages."""
    own = getattr(of, "__dict__", None)
    if isinstance(own, dict) and own:
        return "an object with " + shortened_text(", ".join(f"{k}={shortened(v, 40)}" for k, v in own.items()))
    return shortened(of)


def shortened_text(text: str, most: int = 120) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _rehomed(given: Any, made: type) -> Any:
    """An object of another thread's copy of a class, as an instance of `made`: the same attributes under another class.

    To assign `__class__` would stop all threads, each time; that remains for what derives from built-in types.
    """
    from velothread.functions.library import are_copies

    if not are_copies(type(given), made):
        return given  # its constructor gives something else
    try:
        found: Any = object.__new__(made)
        if hasattr(given, "__dict__"):
            object.__setattr__(found, "__dict__", given.__dict__)
        for slot in _slots(made):
            if hasattr(given, slot):
                object.__setattr__(found, slot, getattr(given, slot))
        return found
    except (TypeError, AttributeError):
        pass
    with suppress(TypeError):  # of another layout: it stays what it is
        given.__class__ = made
    return given


def _slots(made: type) -> list[str]:
    """The names of the slots of a class and those it derives from, as attributes are called."""
    found: list[str] = []
    for kind in made.__mro__:
        given: Any = vars(kind).get("__slots__", ())
        for name in (given,) if isinstance(given, str) else tuple(given):
            if name in ("__dict__", "__weakref__"):
                continue
            private = name.startswith("__") and not name.endswith("__")
            found.append(f"_{kind.__name__.lstrip('_')}{name}" if private else name)
    return found


__all__ = ["BoundAggregate", "ClassCaller", "is_aggregate", "signature_of_class"]
