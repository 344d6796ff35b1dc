"""`velothread query`: run SQL, print or save the result."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import click

from velothread.cli import choices, values
from velothread.cli.commands import Invocation
from velothread.cli.interruption import run_interruptibly
from velothread.cli.progress import ProgressBar
from velothread.cli.terminal import is_terminal, table_width, wants_color
from velothread.errors import Cancelled, OptionError, SinkError
from velothread.sinks.formats import FORMATS, make_sink, sink_for_file
from velothread.sinks.sink import Sink
from velothread.sinks.target import Stream

_BINARY = ("parquet", "arrow")


def _row_limit(_ctx: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """A number of rows; None for `all`."""
    if text.lower() == "all":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise click.BadParameter(f"{text!r} is neither a number from 1 nor 'all'")


class _BelowBar(Stream):
    """Standard output, for a table that comes when the progress bar has to go.

    Threading: used by the thread that runs the query.
    """

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__(sys.stdout.buffer)
        self._bar = bar

    def write(self, data: Any) -> bool:
        self._bar.clear()
        return super().write(data)


@dataclass(slots=True)
class _Output:
    """Where results go.

    Threading: made by the main thread; `sink` and `show` are called by the thread that runs the query, `terminal` by
    the main thread after it has ended.
    """

    format: str
    path: str | None
    max_rows: int | None
    color: bool
    stream: Stream
    results: int = 0

    def sink(self) -> Sink:
        """The sink of the next result."""
        self.results += 1
        options = {"max_rows": self.max_rows, "color": self.color} if self.format == "table" else {}
        if self.path is not None:
            return sink_for_file(self.path, self.format or None, {**options, "color": False} if options else {})
        if self.format in _BINARY and self.results > 1:
            raise OptionError(f"several results can't go into one {self.format} stream; use COPY (...) TO for each")
        if self.format == "table":
            options["width"] = table_width(sys.stdout)
        return make_sink(self.format, self.stream, options)


@click.command("query", short_help="Run SQL over files.")
@choices.sql
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    help="Format of the result; default: table on a terminal, csv in a pipe, by its suffix in a file.",
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="Write the result to FILE, all of it or nothing."
)
@click.option(
    "--max-rows", callback=_row_limit, default="40", show_default=True, metavar="N|all", help="Rows of a table shown."
)
@click.option("--stats", is_flag=True, help="Show what the processor did and why, on standard error.")
@click.option("--timer", is_flag=True, help="Show the time of each statement, on standard error.")
@click.option(
    "--progress/--no-progress", default=None, help="A progress bar on standard error; default: on a terminal."
)
@choices.run
@choices.read
@choices.general
@click.pass_obj
def command(invocation: Invocation, /, **chosen: Any) -> int:
    """Run one or more SQL statements (separated by ;) and print the results.

    Files are named in the SQL: FROM 'trades.csv', 'data/*.parquet', '-' for standard input.

    \b
    velothread query "SELECT station, avg(temp) FROM 'm.csv' GROUP BY station"
    velothread query "FROM 'm.parquet' WHERE temp > \\$limit" --param limit=30 -o hot.csv.gz
    zcat m.jsonl.gz | velothread query "FROM '-' LIMIT 5" --input-format jsonl
    """  # fmt: skip
    text = choices.sql_text(chosen["sql"], chosen["sql_file"])
    options = choices.session_options(chosen)
    if chosen["stats"]:
        options["profile"] = True
    tables = values.tables(chosen["tables"])
    parameters = values.parameters(chosen["parameters"])
    output_format = _output_format(chosen["output_format"], chosen["output"])
    show_bar = chosen["progress"]
    if show_bar is None:
        # Rows that run over the terminal and a bar on the same terminal would only spoil each other.
        show_bar = is_terminal(sys.stderr) and (output_format in ("", "table") or not is_terminal(sys.stdout))
    bar = ProgressBar(sys.stderr, enabled=show_bar)
    if sys.stdout is None and chosen["output"] is None:
        raise SinkError("standard output is closed; use -o FILE")
    standard_output = open(os.devnull, "wb") if sys.stdout is None else sys.stdout.buffer  # noqa: SIM115
    output = _Output(
        output_format,
        None if chosen["output"] == "-" else chosen["output"],
        chosen["max_rows"],
        wants_color(invocation.color, sys.stdout),
        _BelowBar(bar) if output_format == "table" else Stream(standard_output),
    )
    run = _Run(text, tables, chosen["functions"], parameters, output, bar, stats=chosen["stats"], timer=chosen["timer"])
    try:
        run_interruptibly(lambda: run.everything(options), bar.tick, run.cancel)
    finally:
        bar.clear()
    if output.stream.broken:
        from velothread.cli.main import ended_by_pipe

        return ended_by_pipe()
    return 0


@dataclass(slots=True)
class _Run:
    """All statements of one call, in order.

    Threading: `everything` runs in the work thread, `cancel` is called by the main thread.
    """

    text: str
    tables: list[tuple[str, str]]
    functions: tuple[str, ...]
    parameters: list[Any] | dict[str, Any] | None
    output: _Output
    bar: ProgressBar
    stats: bool
    timer: bool
    session: Any = None
    cancelled: bool = False

    def everything(self, options: dict[str, Any]) -> None:
        with choices.open_session(options) as session:
            self.session = session
            for name, path in self.tables:
                session.register(name, path)
            for spec in self.functions:
                session.load_functions(spec)
            statements = session.statements(self.text)
            if not statements:
                raise OptionError("the SQL has no statement in it")
            for i, statement in enumerate(statements):
                self.one(statement, last=i == len(statements) - 1)
                if self.output.stream.broken:
                    return

    def one(self, statement: Any, *, last: bool) -> None:
        if self.cancelled:  # between two statements
            raise Cancelled("the query was cancelled")
        started = time.perf_counter()
        result = self.session.run(statement, parameters=self.parameters)
        if result.is_query and self.output.path is not None and not last:
            raise OptionError(
                "-o keeps one result, so only the last statement may be a query; use COPY (...) TO for others"
            )
        self.bar.watch(result)
        if result.is_query:
            result.write(self.output.sink())
        else:
            result.fetchall()
        self.bar.clear()
        elapsed = time.perf_counter() - started
        if result.message:
            note(result.message)
        for line in result.refusal_lines:
            note(line)
        if self.stats:
            note(result.stats.render())
        if self.timer:
            note(f"time: {elapsed:.3f} s")

    def cancel(self) -> None:
        self.cancelled = True
        cancel = getattr(self.session, "cancel", None)
        if cancel is not None:
            cancel()


def note(text: str) -> None:
    """A line beside the result, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _output_format(wanted: str | None, path: str | None) -> str:
    """The format of the results; "" when the suffix of the output file decides. Refuses now what can't be written
    later."""
    on_terminal = is_terminal(sys.stdout)
    if path is not None and path != "-":
        sink_for_file(path, wanted)
        return wanted or ""
    if wanted in _BINARY and on_terminal:
        raise OptionError(f"{wanted} is not for reading on a terminal; use -o FILE")
    return wanted or ("table" if on_terminal else "csv")
