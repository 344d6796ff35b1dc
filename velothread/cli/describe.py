"""`velothread describe`: what is in a file."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from typing import Any

import click

from velothread.cli import choices
from velothread.cli.commands import Invocation
from velothread.cli.interruption import run_interruptibly
from velothread.cli.progress import size
from velothread.cli.terminal import table_width, wants_color
from velothread.sinks.formats import make_sink


@click.command("describe", short_help="Show what is in a file.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--rows", "sample", type=click.IntRange(0), default=5, show_default=True, metavar="N", help="Rows to show."
)
@choices.read
@choices.general
@click.pass_obj
def command(invocation: Invocation, /, **chosen: Any) -> int:
    """Show the columns and types of a file or glob, its size, rows and splits, and its first rows.

    Several files are described as the one table that they are together.
    """
    paths, sample = chosen["paths"], chosen["sample"]
    options = choices.session_options(chosen)
    look = _Look(table_width(sys.stdout), wants_color(invocation.color, sys.stdout))
    text = run_interruptibly(lambda: look.at(paths, sample, options), lambda: None, lambda: None)
    click.echo(text, nl=False, color=True)
    return 0


@dataclass(frozen=True, slots=True)
class _Look:
    width: int | None
    color: bool

    def at(self, paths: tuple[str, ...], sample: int, options: dict[str, Any]) -> str:
        path = paths[0]
        with choices.open_session(options) as session:
            described = session.describe(path if len(paths) == 1 else list(paths))
            source = described.source
            names = [name for name, _ in described]
            out = [_facts(source, path, names), self._columns(described)]
            if sample and not {"-", "/dev/stdin"} & set(paths):  # what was read of a pipe to describe it is gone
                table = "'" + path.replace("'", "''") + "'"
                if len(paths) > 1:
                    session.register("described", list(paths))
                    table = "described"
                (statement,) = session.statements(f"SELECT * FROM {table} LIMIT {sample}")
                held = io.BytesIO()
                session.run(statement).write(make_sink("table", held, self._table()))
                out.append(f"\nfirst rows:\n{held.getvalue().decode()}")
        return "".join(out)

    def _columns(self, described: Any) -> str:
        import pyarrow as pa

        from velothread.types import VARCHAR

        batch = pa.record_batch(
            {
                "column": pa.array([name for name, _ in described], pa.string()),
                "type": pa.array([str(sql_type) for _, sql_type in described], pa.string()),
            }
        )
        held = io.BytesIO()
        sink = make_sink("table", held, {**self._table(), "max_rows": None})
        sink.begin(batch.schema, (VARCHAR, VARCHAR))
        sink.write(sink.encode(batch))
        sink.finish()
        # The table's own head and foot speak of the table; here they would only be noise.
        lines = held.getvalue().decode().splitlines()
        return "\n".join([lines[0], lines[1], *lines[3:-1]]) + "\n"

    def _table(self) -> dict[str, Any]:
        return {"width": self.width, "color": self.color}


def _facts(source: Any, path: str, names: list[str]) -> str:
    facts = [("source", getattr(source, "name", path))]
    known_size = getattr(source, "size", None)
    if known_size is None and os.path.isfile(path):
        known_size = os.path.getsize(path)
    facts.append(("size", "unknown" if known_size is None else f"{size(known_size)} ({known_size:,} bytes)"))
    rows = getattr(source, "row_count", None)
    facts.append(("rows", "not known without reading it all" if rows is None else f"{rows:,}"))
    if getattr(source, "splittable", False):
        from velothread.sources.source import Scan

        facts.append(("splits", f"{sum(1 for _ in source.splits(Scan(tuple(names)))):,}"))
    else:
        facts.append(("splits", "none: read by one thread in blocks, parsed by all"))
    return "".join(f"{name + ':':8} {value}\n" for name, value in facts)
