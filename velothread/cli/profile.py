"""`velothread profile`: where every microsecond of a query goes, and which set-up fits it."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from velothread.cli import choices, values
from velothread.cli.interruption import run_interruptibly
from velothread.cli.terminal import is_terminal
from velothread.errors import OptionError
from velothread.sinks.target import AtomicFile

if TYPE_CHECKING:
    from velothread.lab.workloads import Workload

_RECORDS = 1_000_000


@click.command("profile", short_help="Measure a query in every set-up.")
@choices.sql
@click.option("--study", is_flag=True, help="Measure the study's own workload, and show its tables beside ours.")
@click.option("--report", metavar="FILE.html", type=click.Path(), help="Write a report with charts, one HTML file.")
@click.option("--json", "json_file", metavar="FILE", type=click.Path(), help="Write all figures; - is standard output.")
@click.option("--trace", metavar="FILE", type=click.Path(), help="Write a timeline of one run (Chrome trace format).")
@click.option(
    "--compare-with", metavar="PYTHON", multiple=True, help="Another Python, with the GIL or without, to compare with."
)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Trials of each set-up.")
@click.option(
    "--records",
    type=click.IntRange(1),
    default=_RECORDS,
    show_default=True,
    metavar="N",
    help="The most records of a source that are measured with.",
)
@choices.read
@choices.general
def command(**chosen: Any) -> int:
    """Run a query in every set-up (engine alone, one thread, a receiver fed directly, a coordinator with receivers;
    each way to wait, to deal, each size of batch, number of partitions) and show what each record costs where.

    Set-ups take turns over several rounds, answers are compared. It takes minutes. Without SQL, or with --study, it
    runs the reference study's own workload.

    \b
    velothread profile "SELECT symbol, sum(qty) FROM 'trades.csv' GROUP BY symbol" --report trades.html
    velothread profile --study --report study.html
    """  # fmt: skip
    from velothread.lab.profile import How, Lab
    from velothread.lab.terminal import summary

    workload = _workload(chosen)
    how = How(rounds=chosen["rounds"], compare_with=chosen["compare_with"])
    telling = _Telling()
    lab = Lab(workload, how, telling)
    made: dict[str, Any] = {}

    def work() -> None:
        # The trace first: who asks for nothing else need not wait for the rest.
        if chosen["trace"]:
            made["trace"] = lab.trace()
        made["report"] = lab.document()

    try:
        run_interruptibly(work, lambda: None, lab.cancel)
    finally:
        telling.clear()
    report = made["report"]
    if chosen["trace"]:
        _write(chosen["trace"], json.dumps(made["trace"]))
    if chosen["report"]:
        from velothread.lab.report import render

        _write(chosen["report"], render(report))
    text = json.dumps(report, indent=1)
    if chosen["json_file"] == "-":
        click.echo(text)
    else:
        if chosen["json_file"]:
            _write(chosen["json_file"], text + "\n")
        click.echo(summary(report))
    return 0


def _workload(chosen: dict[str, Any]) -> Workload:
    from velothread.lab.workloads import Workload, study_workload

    if chosen["sql"] is None and chosen["sql_file"] is None:
        return study_workload(chosen["records"])
    if chosen["study"]:
        raise OptionError("--study runs the study's own queries; leave it out to profile yours")
    options = choices.session_options(chosen)
    return Workload(
        "query",
        {"query": choices.sql_text(chosen["sql"], chosen["sql_file"])},
        chosen["records"],
        tables=dict(values.tables(chosen["tables"])),
        read=options["read"],
        functions=tuple(chosen["functions"]),
        parameters=values.parameters(chosen["parameters"]),
        dialect=options.get("dialect"),
    )


def _write(path: str, text: str) -> None:
    """All of it or nothing."""
    file = AtomicFile(path)
    try:
        file.open()
        file.write(text.encode())
        file.commit()
    except BaseException:
        file.discard()
        raise
    print(f"{path} written", file=sys.stderr)


class _Telling:
    """A line on standard error that says how far it is, on a terminal.

    Threading: called by the thread that measures; `clear` by the main thread after it has ended.
    """

    def __init__(self) -> None:
        self._shows = is_terminal(sys.stderr)
        self._began = time.perf_counter()

    def __call__(self, done: int, total: int, what: str) -> None:
        if self._shows:
            spent = time.perf_counter() - self._began
            print(f"\r\x1b[K{spent:4.0f} s  {done} of {total}  {what[:80]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shows:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
