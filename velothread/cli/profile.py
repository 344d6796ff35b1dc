"""`velothread profile`: where every microsecond of a query goes, and which set-up fits it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

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
@click.option("--rounds", type=click.IntRange(1), help="Trials of each set-up (5; 2 with --quick).")
@click.option("--quick", is_flag=True, help="Fewer set-ups and rounds: rough figures, soon.")
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
    how = How.rough(chosen["compare_with"]) if chosen["quick"] else How(compare_with=chosen["compare_with"])
    if chosen["rounds"]:
        how = replace(how, rounds=chosen["rounds"])
    json_file = None if chosen["json_file"] == "-" else chosen["json_file"]
    telling = _Telling()
    with _Files([f for f in (chosen["trace"], chosen["report"], json_file) if f]) as files:
        lab = Lab(workload, how, telling)
        try:
            trace, report = run_interruptibly(
                lambda: (lab.trace() if chosen["trace"] else None, lab.document()), lambda: None, lab.cancel
            )
        finally:
            telling.clear()
        text = json.dumps(report, indent=1) + "\n"
        if chosen["trace"]:
            files.write(chosen["trace"], json.dumps(trace))
        if chosen["report"]:
            from velothread.lab.report import render

            files.write(chosen["report"], render(report))
        if json_file:
            files.write(json_file, text)
    click.echo(text if chosen["json_file"] == "-" else summary(report), nl=chosen["json_file"] != "-")
    return 0


class _Files:
    """Output files, each written as a whole or not at all. Opened at once: that one can't be written is better said
    before minutes of measuring.

    Threading: used by the main thread.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._open = {path: AtomicFile(path) for path in paths}

    def __enter__(self) -> Self:
        try:
            for file in self._open.values():
                file.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays of what was not written."""
        for file in self._open.values():
            file.discard()

    def write(self, path: str, text: str) -> None:
        """All of a file."""
        file = self._open[path]
        file.write(text.encode())
        file.commit()
        del self._open[path]
        print(f"{path} written", file=sys.stderr)


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
