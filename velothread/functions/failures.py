"""A call of a Python function that failed, as an error for people: what was called, where it broke, what to do."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

from velothread.errors import ExecutionError
from velothread.functions.results import shortened
from velothread.sources.rejects import Refused

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# What calls functions in our stead.
_BETWEEN = tuple(f"{os.sep}{package}{os.sep}" for package in ("asyncio", "tenacity"))
_MOST_FRAMES = 6
_MOST_INNER = 3  # exceptions of a group that are shown
_MOST_TEXT = 1000
HINT = "--on-error null makes the result of such a call NULL, --on-error skip leaves the row out"


class Failure(Protocol):
    """A call, or one for many rows, that failed. Cheap to make: the text is made when it is asked for."""

    def error(self) -> ExecutionError:
        """It as the error that ends the query."""
        ...

    def kept(self) -> Refused:
        """What `--rejects` keeps of it."""
        ...


class FailedCall:
    """A call that raised."""

    __slots__ = ("name", "raised", "values")

    def __init__(self, name: str, values: Sequence[Any], raised: BaseException) -> None:
        self.name, self.values, self.raised = name, values, raised

    def error(self) -> ExecutionError:
        lines = [f"{call_text(self.name, self.values)} raised {described(self.raised)}"]
        failure = ExecutionError("\n".join([*lines, *frames_of(self.raised), *more_of(self.raised)]), hint=HINT)
        failure.__cause__ = self.raised
        return failure

    def kept(self) -> Refused:
        file, line = place_of(self.raised)
        return _refused(file, line, self.name, self.values, described(self.raised))


class WrongResult:
    """A call that returned something else than was declared."""

    __slots__ = ("function", "name", "problem", "values")

    def __init__(self, name: str, values: Sequence[Any], problem: str, function: Callable[..., Any]) -> None:
        self.name, self.values, self.problem, self.function = name, values, problem, function

    def error(self) -> ExecutionError:
        code = _code_of(self.function)
        where = ""
        if code is not None:
            where = f'\n  File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}'
        text = f"{call_text(self.name, self.values)} returned a wrong result: {self.problem}{where}"
        return ExecutionError(text, hint=HINT)

    def kept(self) -> Refused:
        code = _code_of(self.function)
        file, line = (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)
        return _refused(file, line, self.name, self.values, f"wrong result: {self.problem}")


class FailedBatch:
    """A call for many rows that raised, or returned a column that doesn't fit (`problem`)."""

    __slots__ = ("function", "given", "name", "problem", "raised", "rows")

    def __init__(
        self, name: str, rows: int, given: str, function: Callable[..., Any], *,
        raised: BaseException | None = None, problem: str = "",
    ) -> None:  # fmt: skip
        self.name, self.rows, self.given, self.function = name, rows, given, function
        self.raised, self.problem = raised, problem

    def error(self) -> ExecutionError:
        if self.raised is None:
            text = f"{self.name} returned a wrong result for a batch of {self.rows:,} rows: {self.problem}"
            return ExecutionError(text, hint=HINT)
        text = f"{self.name}, given {self.rows:,} rows as {self.given}, raised {described(self.raised)}"
        failure = ExecutionError("\n".join([text, *frames_of(self.raised), *more_of(self.raised)]), hint=HINT)
        failure.__cause__ = self.raised
        return failure

    def kept(self) -> Refused:
        if self.raised is not None:
            (file, line), reason = place_of(self.raised), described(self.raised)
        else:
            code = _code_of(self.function)
            file, line = (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)
            reason = f"wrong result: {self.problem}"
        return Refused((0, 0), file, line, self.name, f"{self.rows:,} rows as {self.given}", reason, "")


class UnfitArguments:
    """Arguments that Python has no values for, so that there was no call: the year 12000."""

    __slots__ = ("name", "refused", "texts")

    def __init__(self, name: str, texts: Sequence[str], refused: ExecutionError) -> None:
        self.name, self.texts, self.refused = name, texts, refused

    def error(self) -> ExecutionError:
        return ExecutionError(f"{self.name}({', '.join(self.texts)}): {self.refused.message}", hint=HINT)

    def kept(self) -> Refused:
        row = ", ".join(self.texts)
        return Refused((0, 0), "", 0, self.name, f"{self.name}({row})", self.refused.message, row)


def _refused(file: str, line: int, name: str, values: Sequence[Any], reason: str) -> Refused:
    row = ", ".join(shortened(v, _MOST_TEXT) for v in values)
    return Refused((0, 0), file, line, name, call_text(name, values), reason, row)


def _code_of(function: Callable[..., Any]) -> Any:
    return getattr(getattr(function, "__wrapped__", function), "__code__", None)


# --- exceptions in words


def described(error: BaseException) -> str:
    """`ValueError: what it says`; whatever its `__str__` does. Further lines are indented."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException as broken:
        return f"{name}, whose __str__ raised {type(broken).__name__}"
    if len(text) > _MOST_TEXT:
        text = text[:_MOST_TEXT] + "..."
    return f"{name}: {text}".replace("\n", "\n    ") if text else name


def _is_users(filename: str) -> bool:
    return not filename.startswith((_OURS, "<velothread")) and not any(b in filename for b in _BETWEEN)


def _traced(error: BaseException) -> BaseException:
    """The one whose traceback says where: of a call that took too long, the cancellation where it waited."""
    cause = error.__cause__
    return cause if isinstance(error, TimeoutError) and type(cause).__name__ == "CancelledError" and cause else error


def frames_of(error: BaseException) -> list[str]:
    """The lines of the traceback that are the user's: where the code broke."""
    frames = [f for f in traceback.extract_tb(_traced(error).__traceback__) if _is_users(f.filename)]
    return "".join(traceback.StackSummary.from_list(frames[-_MOST_FRAMES:]).format()).splitlines()


def place_of(error: BaseException) -> tuple[str, int]:
    """File and line of the user's code that raised; '' and 0 where that isn't known."""
    found = ("", 0)
    trace: TracebackType | None = _traced(error).__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if _is_users(filename):
            found = (filename, trace.tb_lineno)
        trace = trace.tb_next
    return found


def more_of(error: BaseException) -> list[str]:
    """What it was raised from, and what is in a group; `--debug` shows all of it."""
    lines = []
    if isinstance(error, BaseExceptionGroup):
        lines = [f"  with {described(e)}" for e in error.exceptions[:_MOST_INNER]]
        more = len(error.exceptions) - _MOST_INNER
        lines += [f"  and {more} more"] if more > 0 else []
    if error.__cause__ is not None and _traced(error) is error:
        lines.append(f"  caused by {described(error.__cause__)}")
    return lines


def raise_interrupt(error: BaseException) -> None:
    """A KeyboardInterrupt, alone or in a group, is no failure of the function: it goes on as one.

    :raises KeyboardInterrupt: for one.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error
    if isinstance(error, BaseExceptionGroup) and error.subgroup(KeyboardInterrupt) is not None:
        raise KeyboardInterrupt from error


def call_text(name: str, values: Sequence[Any]) -> str:
    """`score('GET /', 0.5)`: a call with the values of its row, shortened."""
    return f"{name}({', '.join(map(shortened, values))})"


__all__ = [
    "HINT",
    "FailedBatch",
    "FailedCall",
    "Failure",
    "UnfitArguments",
    "WrongResult",
    "call_text",
    "described",
    "frames_of",
    "more_of",
    "place_of",
    "raise_interrupt",
]
