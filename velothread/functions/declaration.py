"""`udf`: what a user says of a Python function that SQL is to call.

    @velothread.udf
    def initials(name: str) -> str:
        return "".join(word[0] for word in name.split())

    @velothread.udf(batch="numpy", deterministic=True)
    def logistic(x: float) -> float:
        return 1 / (1 + np.exp(-x))

The function stays what it was, with the declaration in its attribute `__velothread__`. A function without a declaration
can be registered, too: its annotations say the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, overload

from velothread.errors import OptionError, did_you_mean

# The attribute of a function or class that holds its declaration.
ATTRIBUTE = "__velothread__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is said of a function; all may be left out.

    name: what SQL calls it; None: its own name.
    parameters, returns: SQL types, in place of annotations.
    nulls: "skip": NULL in gives NULL out without a call, but for parameters annotated `X | None`; "call": None goes in.
    batch: it takes and gives whole columns: "arrow" (pyarrow Arrays), "numpy" (NumPy arrays), "list" (lists).
    deterministic: True: equal arguments give equal results, so a value that comes again may not be asked for again;
        False: each call that is written is made; None: the same call written twice is made once.
    share: "thread": each partition has a copy of the function's module, its globals its own; "process-wide": one copy
        for all, which the author says is thread-safe. None: "thread" for files, "process-wide" for what is registered.
    lift: may it run as kernels where its source allows? inline: may its body stand in the loop, without calls?
    on_error: what becomes of a row for which it raises: "fail", "null" or "skip"; None: as the session says.
    concurrency: of an async function: how many calls are under way in each partition.
    timeout: seconds after which a call of an async function is given up; None: never.
    retries: how often a call of an async function that failed is tried again.
    order: of an aggregate: False says that its result doesn't depend on the order of rows.
    """

    name: str | None = None
    parameters: tuple[str, ...] | None = None
    returns: str | None = None
    nulls: Literal["skip", "call"] = "skip"
    batch: Literal["arrow", "numpy", "list"] | None = None
    deterministic: bool | None = None
    share: Literal["thread", "process-wide"] | None = None
    lift: bool = True
    inline: bool = True
    on_error: Literal["fail", "null", "skip"] | None = None
    concurrency: int = 64
    timeout: float | None = None
    retries: int = 0
    order: bool = True

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                shown = ", ".join(repr(k) for k in known if k is not None)
                raise OptionError(f"udf: {name}={value!r} is not known; choose one of {shown}")
        if self.concurrency < 1 or self.retries < 0 or (self.timeout is not None and self.timeout <= 0):
            raise OptionError("udf: concurrency is at least 1, retries at least 0, timeout more than 0 seconds")

    def with_changes(self, **changes: Any) -> Declaration:
        """A copy with some things said otherwise; unknown names are refused."""
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(
                    f"udf has no option {name!r}; {did_you_mean(name, known) or 'known: ' + ', '.join(known)}"
                )
        if isinstance(given := changes.get("parameters"), Sequence) and not isinstance(given, str):
            changes["parameters"] = tuple(given)
        return replace(self, **changes)


_CHOICES: dict[str, tuple[Any, ...]] = {
    "nulls": ("skip", "call"),
    "batch": (None, "arrow", "numpy", "list"),
    "deterministic": (None, True, False),
    "share": (None, "thread", "process-wide"),
    "on_error": (None, "fail", "null", "skip"),
}


@overload
def udf[Defined: Callable[..., Any]](function: Defined, /) -> Defined: ...
@overload
def udf[Defined: Callable[..., Any]](**options: Any) -> Callable[[Defined], Defined]: ...
def udf(function: Any = None, /, **options: Any) -> Any:
    """Declare a function (or a class, for an aggregate) for use in SQL. Options: see `Declaration`.

    >>> @udf(deterministic=True)
    ... def shout(text: str) -> str:
    ...     return text.upper() + "!"
    >>> shout("hey")
    'HEY!'

    :raises OptionError: for an unknown option or a wrong value.
    """
    if function is not None and not callable(function):
        raise OptionError(f"udf declares a function or a class, not {function!r}")
    declaration = Declaration().with_changes(**options)

    def declare(defined: Any) -> Any:
        setattr(defined, ATTRIBUTE, declaration)
        return defined

    return declare if function is None else declare(function)


def declaration_of(defined: Any) -> Declaration | None:
    """What was said of a function or class itself, not of a class that it inherits from."""
    found = vars(defined).get(ATTRIBUTE) if hasattr(defined, "__dict__") else None
    return found if isinstance(found, Declaration) else None


def kind_of(defined: Any) -> Literal["scalar", "async", "table", "aggregate"]:
    """What a function or class is for: by what it is.

    :raises OptionError: when it is neither.
    """
    if inspect.isclass(defined):
        return "aggregate"
    if inspect.isasyncgenfunction(defined):
        raise OptionError(f"{name_of(defined)}: an async generator can't be called by SQL")
    if inspect.iscoroutinefunction(defined):
        return "async"
    if inspect.isgeneratorfunction(defined):
        return "table"
    if callable(defined):
        return "scalar"
    raise OptionError(f"{defined!r} is neither a function nor a class")


def name_of(defined: Any) -> str:
    """How a function is called in Python."""
    return getattr(defined, "__name__", None) or type(defined).__name__


__all__ = ["ATTRIBUTE", "Declaration", "declaration_of", "kind_of", "name_of", "udf"]
