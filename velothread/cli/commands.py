"""The command group: which commands there are, and how click is asked to run one."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from velothread.cli.failure import report
from velothread.cli.interruption import Stopped
from velothread.errors import SinkError
from velothread.sinks.target import reason

# Command -> module and one line of help. A module is imported when its command runs: `query` must start quickly.
_COMMANDS = {
    "query": ("velothread.cli.query", "Run SQL over files and print or save the result."),
    "explain": ("velothread.cli.explain", "Show what a query becomes: its parse, plan or generated code."),
    "describe": ("velothread.cli.describe", "Show the columns, types, rows and splits of a file."),
    "profile": ("velothread.cli.profile", "Measure a query in every set-up: where the time goes, what fits."),
    "check-udf": ("velothread.cli.check_udf", "Check Python functions: do more threads change the answer?"),
    "doctor": ("velothread.cli.doctor", "Check the interpreter, the GIL and the libraries."),
}


@dataclass(slots=True)
class Invocation:
    """What one call of the program knows before its options are read.

    Threading: written while options are parsed, read by the main thread.
    """

    debug: bool = False
    color: bool | None = None

    def stderr_color(self) -> bool:
        from velothread.cli.terminal import wants_color

        return wants_color(self.color, sys.stderr)


class _Commands(click.Group):
    """A group that knows its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from velothread.errors import did_you_mean

            first = args[0] if len(args[0]) <= 40 else args[0][:40] + "…"
            hint = did_you_mean(args[0], _COMMANDS) or (
                f"to run SQL: velothread query {first!r}" if " " in args[0] else f"commands: {', '.join(_COMMANDS)}"
            )
            raise click.UsageError(f"no command {first!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"velothread {version('velothread')}")
        except PackageNotFoundError:
            click.echo("velothread (not installed: run from a checkout)")
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """SQL over files and streams, on threads without the GIL.

    \b
    velothread query "SELECT symbol, count(*) FROM 'trades.csv' GROUP BY symbol"
    """


def run_command(arguments: list[str]) -> int:
    """Run a command line; its exit code.

    :raises KeyboardInterrupt: on Ctrl-C.
    :raises BrokenPipeError: when the reader of standard output has gone.
    """
    invocation = Invocation()
    try:
        code: Any = cli.main(arguments, prog_name="velothread", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        if isinstance(error, click.NoSuchOption) and len(error.option_name.split()) > 1:
            print("error: SQL that begins with -- needs a -- before it: velothread query -- '-- ...'", file=sys.stderr)
            return 2
        where = f"; see {error.ctx.command_path} --help" if error.ctx is not None else ""
        print(f"error: {error.format_message().rstrip('.')}{where}", file=sys.stderr)
        return 2
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except Stopped as stop:
        print("interrupted", file=sys.stderr)
        return stop.code
    except BrokenPipeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) and not error.filename:
            error = SinkError(f"can't write to standard output: {reason(error)}")
        return report(error, debug=invocation.debug, color=invocation.stderr_color())
