"""`velothread explain`: what a query becomes."""

from __future__ import annotations

from typing import Any

import click

from velothread.cli import choices, values
from velothread.cli.interruption import run_interruptibly
from velothread.errors import OptionError

STAGES = ("parse", "bind", "plan", "code")


@click.command("explain", short_help="Show what a query becomes.")
@choices.sql
@click.option(
    "--stage", type=click.Choice(STAGES), default="plan", show_default=True, help="How far along the way to look."
)
@click.option("--analyze", is_flag=True, help="Run the query, too, and show rows and times.")
@choices.run
@choices.read
@choices.general
def command(**chosen: Any) -> int:
    """Show what a query becomes: its parse, its bound form, its plan, or the Python code that runs.

    Nothing but the heads of files is read, unless --analyze is given.
    """
    text = choices.sql_text(chosen["sql"], chosen["sql_file"])
    options = choices.session_options(chosen)
    tables = values.tables(chosen["tables"])
    parameters = values.parameters(chosen["parameters"])
    if chosen["analyze"] and chosen["stage"] != "plan":
        raise OptionError("--analyze shows the plan with rows and times; leave --stage out")
    sessions: list[Any] = []

    def work() -> list[str]:
        more = {} if parameters is None else {"parameters": parameters}
        with choices.open_session(options) as session:
            sessions.append(session)
            for name, path in tables:
                session.register(name, path)
            for spec in chosen["functions"]:
                session.load_functions(spec)
            return [
                session.explain(statement, stage=chosen["stage"], analyze=chosen["analyze"], **more)
                for statement in session.statements(text)
            ]

    def cancel() -> None:
        for session in sessions:
            if hasattr(session, "cancel"):
                session.cancel()

    texts = run_interruptibly(work, lambda: None, cancel)
    click.echo("\n\n".join(text.rstrip("\n") for text in texts))
    return 0
