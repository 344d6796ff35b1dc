"""How errors are shown, and which exit code each has."""

from __future__ import annotations

import os
import sys
import traceback

from velothread.errors import (
    Cancelled,
    ExecutionError,
    InternalError,
    OptionError,
    SourceError,
    SqlError,
    VelothreadError,
)

_NO_FILE = ("no such file", "no file matches")


def exit_code(error: BaseException) -> int:
    """2 when the SQL or an option has to be changed, else 1."""
    if isinstance(error, (SqlError, OptionError)) and not isinstance(error, ExecutionError):
        return 2
    # A file that isn't there is a wrong name in the SQL; one that can't be read is bad data.
    return 2 if isinstance(error, SourceError) and str(error).startswith(_NO_FILE) else 1


def report(error: BaseException, *, debug: bool = False, color: bool = False) -> int:
    """Print an error to standard error; its exit code. With `debug`, the Python traceback comes first."""
    if debug or os.environ.get("VELOTHREAD_DEBUG", "") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    print(message(error, color=color), file=sys.stderr)
    return exit_code(error)


def message(error: BaseException, *, color: bool = False) -> str:
    """`error: ...`, in words for the user."""
    label = "\x1b[1;31merror:\x1b[0m" if color else "error:"
    if isinstance(error, Cancelled):
        return f"{label} {str(error) or 'the query was cancelled'}"
    if isinstance(error, VelothreadError) and not isinstance(error, InternalError):
        return f"{label} {error}"
    if isinstance(error, RecursionError):
        return f"{label} the SQL is nested too deeply"
    if isinstance(error, MemoryError):
        return f"{label} out of memory; fewer --partitions or a smaller --batch-rows need less"
    what = str(error) if isinstance(error, InternalError) else f"{type(error).__name__}: {error}"
    return (
        f"{label} internal error: {what}\n"
        "  This is velothread's fault, not yours. Please report it with the query;"
        " VELOTHREAD_DEBUG=1 shows where it happened."
    )
