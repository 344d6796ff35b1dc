"""Set-ups take turns: each runs once to warm up, then once per round, in an order that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from velothread.errors import VelothreadError
from velothread.lab.figures import Measurement, SetUp, Trial

# (done, of all, what comes next)
Told = Callable[[int, int, str], None]


class AnswersDiffer(VelothreadError):
    """Two set-ups gave different rows: a bug in velothread, or a function whose answer is not always the same."""


class Tries(Protocol):
    """Runs a set-up once."""

    def __call__(self, setup: SetUp, *, answer: bool) -> Trial: ...


def measure(
    asked: Iterable[tuple[str, SetUp]], tries: Tries, rounds: int, told: Told = lambda *_: None
) -> list[Measurement]:
    """One measurement for each set-up, in the order in which they were asked for.

    The answers of the first turn, which is for warming up and not counted, are compared.

    :raises AnswersDiffer: two set-ups of one query over the same records don't agree.
    """
    found: dict[SetUp, Measurement] = {}
    for table, setup in asked:
        one = found.setdefault(setup, Measurement(setup))
        if table not in one.tables:
            one.tables.append(table)
    setups = list(found)
    total = len(setups) * (rounds + 1)
    done = 0
    for turn in range(rounds + 1):
        for setup in _shuffled(setups, turn):
            told(done, total, f"{setup.title}: {setup.workload}")
            trial = tries(setup, answer=turn == 0)
            done += 1
            if turn:
                found[setup].trials.append(trial)
            else:
                found[setup].answer = trial.answer
        if not turn:
            _compare(list(found.values()))
    told(total, total, "")
    return list(found.values())


def _shuffled(setups: Sequence[SetUp], turn: int) -> list[SetUp]:
    """Another order for each turn, the same in each run of the lab. What is compared (the set-ups of one workload) runs
    close together, and so on a machine that is as busy; which comes first changes."""
    import random

    workloads: dict[tuple[object, ...], list[SetUp]] = {}
    for setup in setups:
        workloads.setdefault((setup.query, setup.batch_rows, setup.records), []).append(setup)
    groups = list(workloads.values())
    if turn:
        dice = random.Random(turn)
        dice.shuffle(groups)
        for group in groups:
            dice.shuffle(group)
    return [setup for group in groups for setup in group]


def _compare(measurements: Sequence[Measurement]) -> None:
    first: dict[tuple[str, int, bool], Measurement] = {}
    for one in measurements:
        if one.answer is None:
            continue
        setup = one.setup
        # From files, a query has all records; in memory, no more than were asked for.
        other = first.setdefault((setup.query, setup.records, setup.batch_rows is None), one)
        if other.answer != one.answer:
            raise AnswersDiffer(
                f"two set-ups gave different rows for {setup.query!r} over {setup.records:,} records:\n"
                f"  {other.setup.title}, {other.setup.workload}\n  {setup.title}, {setup.workload}\n"
                "  hint: if the query calls Python functions, velothread check-udf tells whether they are the cause"
            )


__all__ = ["AnswersDiffer", "Told", "Tries", "measure"]
