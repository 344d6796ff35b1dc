"""A call of a Python function that failed, as an error for people: what was called, where it broke, what to do."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from velothread.errors import ExecutionError
from velothread.functions.results import shortened

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MOST_FRAMES = 6
HINT = "--on-error null makes the result of such a call NULL, --on-error skip leaves the row out"


def frames_of(error: BaseException) -> list[str]:
    """The lines of the traceback that are not velothread's: where the user's code broke."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((_OURS, "<velothread"))]
    lines = "".join(traceback.StackSummary.from_list(frames[-_MOST_FRAMES:]).format()).splitlines()
    return lines


def call_text(name: str, values: Sequence[Any]) -> str:
    """`score('GET /', 0.5)`: a call with the values of its row, shortened."""
    return f"{name}({', '.join(map(shortened, values))})"


def failed_call(name: str, values: Sequence[Any], error: BaseException) -> ExecutionError:
    """The error of a call that raised."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = "\n".join([f"{call_text(name, values)} raised {what}", *frames_of(error)])
    failure = ExecutionError(message, hint=HINT)
    failure.__cause__ = error
    return failure


def wrong_result(name: str, values: Sequence[Any], problem: str, function: Callable[..., Any]) -> ExecutionError:
    """The error of a call that returned something else than was declared."""
    code = getattr(function, "__code__", None)
    where = f'\n  File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}' if code is not None else ""
    return ExecutionError(f"{call_text(name, values)} returned a wrong result: {problem}{where}", hint=HINT)


__all__ = ["HINT", "call_text", "failed_call", "frames_of", "wrong_result"]
