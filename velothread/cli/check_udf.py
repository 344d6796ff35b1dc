"""`velothread check-udf`: do Python functions give the same answer however many threads call them?"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from velothread.cli import choices, values
from velothread.cli.interruption import run_interruptibly
from velothread.errors import OptionError

if TYPE_CHECKING:
    from velothread.functions.checking import Check
    from velothread.functions.library import Registered
    from velothread.session import Session

# Small, so that the threads of a run have something to do even when the input is small; the same in every run.
_BATCH_ROWS = 1024
_SPLIT_BYTES = 1 << 14
# The most partitions that are tried, unless the user wants more.
_MOST_PARTITIONS = 64


@click.command("check-udf", short_help="Check Python functions for races.")
@click.argument("spec", metavar="FILE.py[:NAME]")
@choices.sql
@click.option(
    "--runs", type=click.IntRange(1), default=3, show_default=True, help="Runs with each number of partitions."
)
@click.option("--share", type=click.Choice(("thread", "process-wide")), help="Check them as if they were declared so.")
@choices.run
@choices.read
@choices.general
def command(**chosen: Any) -> int:
    """Run a query that calls Python functions again and again, with one partition and with several, and compare the
    answers byte for byte. Exits with 1 if they differ, or if importing FILE.py turns the GIL on.

    Without SQL, show what the file offers to SQL.

    \b
    velothread check-udf functions.py "SELECT score(text) FROM 'reviews.csv'"
    velothread check-udf functions.py
    """
    from velothread.functions.gil_probe import probe

    spec = chosen["spec"]
    found = probe(spec)  # before it is imported here, and may have turned the GIL on
    if chosen["sql"] is None and chosen["sql_file"] is None:
        lines = run_interruptibly(lambda: list(_offer(spec, chosen["share"])), lambda: None, lambda: None)
        if not found.turned_on:
            lines += ["", f"the GIL {found.said()}"]
        agrees = True
    else:
        if chosen["processor"] is not None:
            raise OptionError("check-udf runs both processors, so --processor doesn't fit")
        text = choices.sql_text(chosen["sql"], chosen["sql_file"])
        opening = _Opening(chosen)
        check = run_interruptibly(lambda: _checked(opening, text, chosen), lambda: None, opening.cancel)
        lines, agrees = list(_report(check)), check.agrees
    if found.turned_on:
        lines.append(f"problem: the GIL is {found.said()}")
    click.echo("\n".join(lines))
    return 0 if agrees and not found.turned_on else 1


class _Opening:
    """Opens the sessions of all runs alike.

    Threading: called by the thread that runs the queries; `cancel` by the main thread.
    """

    def __init__(self, chosen: dict[str, Any]) -> None:
        options = choices.session_options(chosen)
        options.pop("partitions", None)
        options.setdefault("batch_rows", _BATCH_ROWS)
        read = options["read"]
        options["read"] = dataclasses.replace(read, split_bytes=read.split_bytes or _SPLIT_BYTES)
        self._options = options
        self._tables = values.tables(chosen["tables"])
        self._specs = (chosen["spec"], *chosen["functions"])
        self._share = chosen["share"]
        self._session: Session | None = None

    def __call__(self, **how: Any) -> Session:
        session = choices.open_session({**self._options, **how})
        session.notify = lambda _: None  # that a GIL build does not scale is no news here, run after run
        self._session = session
        for name, path in self._tables:
            session.register(name, path)
        for spec in self._specs:
            session.load_functions(spec, self._share)
        return session

    def cancel(self) -> None:
        if self._session is not None:
            self._session.cancel()


def _checked(opening: _Opening, text: str, chosen: dict[str, Any]) -> Check:
    from velothread.functions.checking import check_query
    from velothread.options import usable_cores

    cores = max(chosen["partitions"] or usable_cores(), 2)
    partitions = list(dict.fromkeys((1, cores, max(cores, min(4 * cores, _MOST_PARTITIONS)))))
    before = sys.getswitchinterval()
    try:
        # With a GIL, threads take turns after this time: in the midst of as many statements as can be.
        sys.setswitchinterval(1e-6)
        return check_query(
            opening,
            text,
            partitions=partitions,
            runs=chosen["runs"],
            parameters=values.parameters(chosen["parameters"]),
        )
    finally:
        sys.setswitchinterval(before)


# --- what is said


def _report(check: Check) -> Iterator[str]:
    for function, form, _ in check.functions:
        yield f"{_described(function)}; {form}"
    yield ""
    yield from _table(check)
    yield ""
    difference = check.difference
    if difference is not None:
        yield f"problem: {check.verdict}"
        where = f"row {difference.row:,}, column {difference.column}" if difference.row else "the answers"
        yield f"  first difference: {where}"
        for run, value in zip((difference.first, difference.second), difference.values, strict=True):
            yield f"    {value}  ({run.title})"
        for _, _, hints in check.functions:
            yield from (f"  {hint}" for hint in hints)
    elif check.caution is None:
        yield check.verdict
    else:
        yield f"{check.verdict}, but {check.caution}"


def _table(check: Check) -> Iterator[str]:
    """A line per number of partitions."""
    header = ("partitions", "runs", "rows", "threads", "calls at once", "answer (SHA-256)")
    lines = [header]
    for count in dict.fromkeys(r.partitions for r in check.runs):
        runs = check.with_partitions(count)
        batches = sum(r.batches for r in runs)
        overlapped = 100 * sum(r.overlapped for r in runs) // batches if batches else 0
        digests = list(dict.fromkeys(r.digest for r in runs))
        shown = ", ".join(digests[:3]) + (f" and {len(digests) - 3} more" if len(digests) > 3 else "")
        first = check.runs[0]
        rows = f"{first.table.num_rows:,}" if first.table is not None else "-"
        most = max(r.threads for r in runs)
        lines.append((str(count), str(len(runs)), rows, str(most), f"{overlapped} %" if count > 1 else "-", shown))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        *figures, last = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join((*figures, last.strip()))


def _described(function: Registered) -> str:
    from velothread.functions.library import OneForAll
    from velothread.functions.signatures import shown

    name = shown(function.kind, function.name, function.signature)
    kind = "" if function.kind == "scalar" else f", {function.kind}"
    batch = function.declaration.batch
    form = f", over batches ({batch})" if batch is not None else ""
    shared = "one copy for all threads" if isinstance(function.origin, OneForAll) else "a copy for each thread"
    return f"{name}{kind}{form}; {shared}"


def _offer(spec: str, share: Any) -> Iterator[str]:
    """What a file has for SQL."""
    from velothread.functions.checking import hints_of
    from velothread.functions.library import Library

    library = Library()
    for function in library.load(spec, share):
        yield _described(function)
        yield from (f"  {hint}" for hint in hints_of(function))
    for reason in library.unfit.values():
        yield f"left out: {reason}"


__all__ = ["command"]
