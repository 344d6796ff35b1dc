"""Options that several commands share, and the session that they ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from velothread.cli import values
from velothread.cli.commands import Invocation
from velothread.errors import OptionError
from velothread.options import PROCESSORS, STATES, STRATEGIES, WAITS

if TYPE_CHECKING:
    from velothread.session import Session

_INPUT_FORMATS = ("csv", "tsv", "json", "jsonl", "parquet", "arrow", "lines")

Decorated = Callable[..., Any]


def _set(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, _parameter: click.Parameter, chosen: Any) -> None:
        invocation = ctx.find_object(Invocation)
        if invocation is not None and chosen is not None:
            setattr(invocation, field, chosen)

    return callback


_GENERAL = (
    click.option("--color/--no-color", default=None, expose_value=False, is_eager=True, callback=_set("color"),
                 help="Colours or none; by default on a terminal, unless NO_COLOR is set."),
    click.option("--debug", is_flag=True, default=None, expose_value=False, is_eager=True, callback=_set("debug"),
                 help="Show Python tracebacks of errors (as VELOTHREAD_DEBUG=1 does)."),
)  # fmt: skip

_SQL = (
    click.argument("sql", required=False, metavar="[SQL | -]"),
    click.option("-f", "--file", "sql_file", metavar="FILE", type=click.Path(), help="Read the SQL from FILE."),
    click.option("--table", "tables", metavar="NAME=PATH", multiple=True, help="Make a file or glob known as NAME."),
    click.option("--param", "parameters", metavar="[NAME=]VALUE", multiple=True,
                 help="Value of $NAME; without names, of $1, $2, ... or each ?."),
    click.option("--udf", "functions", metavar="FILE.py[:NAME [as ALIAS]]", multiple=True,
                 help="Let the SQL call the Python functions of a file or module, or one of them."),
    click.option("--dialect", metavar="NAME", help="Read another dialect: spark, snowflake, bigquery, postgres, ..."),
)  # fmt: skip

_RUN = (
    click.option("--processor", type=click.Choice(PROCESSORS), help="One thread, many, or what fits the input (auto)."),
    click.option("--partitions", type=click.IntRange(1, 1024), metavar="N", help="Receiver threads (one per core)."),
    click.option("--strategy", type=click.Choice(STRATEGIES), help="How work is dealt to partitions."),
    click.option("--wait", type=click.Choice(WAITS), help="How threads wait for each other."),
    click.option("--state", type=click.Choice(STATES), help="Groups: of each receiver, or one table (experimental)."),
    click.option("--batch-rows", type=click.IntRange(1), metavar="N", help="The most rows in a batch."),
    click.option("--queue-depth", type=click.IntRange(1), metavar="N", help="Splits that a receiver has at a time."),
)  # fmt: skip

_READ = (
    click.option("--input-format", type=click.Choice(_INPUT_FORMATS), help="Format of all inputs, for any suffix."),
    click.option("--types", metavar="COL=TYPE,...", multiple=True, help="Types of columns, instead of guessed ones."),
    click.option("--nulls", metavar="TEXT,...", multiple=True, help="Texts in CSV that mean NULL."),
    click.option("--delim", metavar="CHAR", help=r"Delimiter of CSV input; \t is a tab."),
    click.option("--header/--no-header", default=None, help="CSV input has a header line, or none; default: find out."),
    click.option("--sample-rows", type=click.IntRange(1), metavar="N", help="Rows looked at to find out types."),
    click.option("--on-error", type=click.Choice(("fail", "null", "skip")),
                 help="For a value that doesn't fit, or a function that fails: stop, NULL, or leave the row out."),
    click.option("--rejects", metavar="FILE", type=click.Path(), help="Keep what was refused in FILE."),
)  # fmt: skip


def _applied(options: tuple[Callable[[Decorated], Decorated], ...]) -> Callable[[Decorated], Decorated]:
    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


general = _applied(_GENERAL)
sql = _applied(_SQL)
run = _applied(_RUN)
read = _applied(_READ)


def sql_text(argument: str | None, file: str | None) -> str:
    """The SQL of `SQL | -f FILE | -`.

    :raises OptionError: when it is given in none or in two ways, or the file can't be read.
    """
    if argument is not None and file is not None:
        raise OptionError("give the SQL as an argument or with -f FILE, not both")
    if file is not None and file != "-":
        try:
            with open(file, encoding="utf-8-sig") as opened:
                return opened.read()
        except OSError as error:
            raise OptionError(f"can't read the SQL file {file!r}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise OptionError(f"the SQL file {file!r} is not UTF-8 (byte {error.start})") from error
    if argument == "-" or file == "-":
        try:
            return sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise OptionError(f"the SQL on standard input is not UTF-8 (byte {error.start})") from error
    if argument is None:
        raise OptionError('no SQL given: velothread query "SELECT ...", or -f FILE, or - for standard input')
    return argument


def open_session(options: dict[str, Any]) -> Session:
    """A session that says what it has to say once as a line on standard error."""
    import velothread

    session = velothread.connect(**options)
    session.notify = _note
    return session


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def session_options(chosen: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `velothread.connect` from the options of a command; what isn't given is left to its default."""
    from velothread.sources.source import ReadOptions

    read_options: dict[str, Any] = {
        "format": chosen.get("input_format"),
        "types": values.column_types(chosen.get("types", ())),
        "nulls": values.null_texts(chosen.get("nulls", ())),
        "delimiter": values.delimiter(chosen.get("delim")),
        "header": chosen.get("header"),
        "sample_rows": chosen.get("sample_rows"),
        "on_error": chosen.get("on_error"),
        "rejects": chosen.get("rejects"),
    }
    # A function may say for itself that it goes on.
    if read_options["rejects"] and read_options["on_error"] in (None, "fail") and not chosen.get("functions"):
        raise OptionError("--rejects keeps what is refused, so it needs --on-error skip or --on-error null")
    read_options = {k: v for k, v in read_options.items() if v is not None}
    names = ("processor", "partitions", "strategy", "wait", "state", "batch_rows", "queue_depth", "dialect")
    given = {name: chosen[name] for name in names if chosen.get(name) is not None}
    return {**given, "read": ReadOptions(**read_options)}
