"""The entry point: runs a command and turns what happened into an exit code.

0    success
1    the data or an output is at fault, or velothread is
2    the SQL or the command line is at fault
130  Ctrl-C; 143: SIGTERM; ended by SIGPIPE: the reader of the output has gone
"""

from __future__ import annotations

import gc
import os
import sys

# All else is imported while Ctrl-C is caught.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the `velothread` command and exit with its code."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    if not _watched():
        # The interpreter's own end takes apart every module and object there is, longer than a small query takes, and
        # would wait for threads. Outputs are complete and closed by now; what is left to do is to say the code.
        try:  # noqa: SIM105 (contextlib is imported later)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass
        os._exit(code)
    sys.exit(code)


def _watched() -> bool:
    """Does a debugger, profiler or coverage tool wait for the end of the program?"""
    return sys.gettrace() is not None or any(sys.monitoring.get_tool(i) is not None for i in range(6))


def run(arguments: list[str]) -> int:
    """Run the `velothread` command; its exit code. Doesn't raise."""
    # A collection looks at every object there is, on free-threaded builds with all threads stopped, and imports make
    # many objects and no garbage: nothing is collected until a query has run for a while (`run_interruptibly`).
    collects = gc.isenabled()
    gc.disable()
    try:
        if arguments[:1] in (["query"], ["explain"]):
            _import_beside()
        # Imported here so that Ctrl-C during the imports is as quiet as it is later.
        from velothread.cli.commands import run_command

        code = run_command(arguments)
        return _flushed(code)
    except BrokenPipeError:
        return ended_by_pipe()
    except KeyboardInterrupt:
        _to_nowhere(sys.stdout)
        try:  # noqa: SIM105
            print("interrupted", file=sys.stderr)
        except OSError:
            pass
        return 130
    finally:
        if collects:
            gc.enable()


def _import_beside() -> None:
    """Begin to import the SQL parser in another thread, while this one goes on to Arrow: together they take most of the
    time of a small query. Where threads take turns, that would win nothing."""
    alone = getattr(sys, "_is_gil_enabled", lambda: True)() or (os.process_cpu_count() or 1) < 2
    if alone or "sqlglot" in sys.modules:
        return
    import contextlib
    import threading

    def parser() -> None:
        # Should it fail, whoever needs it imports it again, and says what is wrong.
        with contextlib.suppress(BaseException):
            import sqlglot.dialects.duckdb  # noqa: F401

    threading.Thread(target=parser, name="velothread-import", daemon=True).start()


def _flushed(code: int) -> int:
    """`code`, or another when the last of the output can't be written."""
    from velothread.cli.failure import report
    from velothread.errors import SinkError
    from velothread.sinks.target import reason

    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere(sys.stdout)
        return ended_by_pipe()
    except OSError as error:
        _to_nowhere(sys.stdout)
        if code == 0:
            return report(SinkError(f"can't write to standard output: {reason(error)}"))
    return code


def ended_by_pipe() -> int:
    """End the process as tools do whose reader has gone: by SIGPIPE, without a word. 141 where there is no such
    signal."""
    import signal

    _to_nowhere(sys.stdout)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    return 141


def _to_nowhere(stream: object) -> None:
    # What is still in the buffer would make the interpreter complain at its end.
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
