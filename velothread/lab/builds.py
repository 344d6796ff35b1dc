"""The same set-ups under several builds of Python, with the GIL and without: each in a process, taking turns.

one_thread_slowdown   time of one thread (the simple processor) without the GIL over the time with it
speed_up              per build: the best number of receivers against one thread
break_even_threads    the fewest receivers at which the build without the GIL is ahead of the best that the one with
                      it has shown by then; None: at none that was tried
contention            per build: the share of its threads' time that is lost, with as many receivers as cores:
                      1 - throughput / (cores * throughput of one receiver)
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import velothread
from velothread.errors import OptionError, VelothreadError
from velothread.lab.figures import Measurement, SetUp, Trial
from velothread.lab.rounds import AnswersDiffer, Told
from velothread.lab.sweeps import PARTITIONS, Query, builds
from velothread.lab.workloads import Workload
from velothread.sources.source import ReadOptions

# A build that does not say that it is ready in this time has hung; imports take a second or two.
_READY_S = 120.0


class Build:
    """Another Python that runs set-ups: a process, asked by a line of JSON, which answers with one.

    Threading: used by one thread.
    """

    def __init__(self, python: str, workload: Workload) -> None:
        self.python = python
        package = str(Path(velothread.__file__).resolve().parent.parent)
        path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        # With -P the folder that we are in is not searched: a file of the user's there must not hide a package.
        command = [python, "-P", "-W", "ignore", "-m", "velothread.lab.build_worker"]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        except OSError as error:
            raise OptionError(f"can't run {python!r}: {error.strerror}; name a Python with its path") from error
        try:
            told = self._ask({"workload": as_json(workload)})
        except VelothreadError:
            self.close()
            raise
        self.machine: dict[str, Any] = told["machine"]
        self.name: str = self.machine["build"]
        self.gil: bool = self.machine["gil"]

    def trial(self, setup: SetUp, *, answer: bool) -> Trial:
        """Run it once.

        :raises VelothreadError: it failed there.
        """
        told = self._ask({"setup": asdict(setup), "answer": answer})
        return Trial(told["records"], told["wall_ns"], told["cpu_ns"], answer=told["answer"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise OptionError(_why(self.python, process.stderr.read()))
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise VelothreadError(f"under {self.python}: {told['error']}")
        return told


def _why(python: str, errors: str) -> str:
    last = errors.strip().splitlines()[-1] if errors.strip() else "it ended without a word"
    hint = (
        f"\n  hint: {python} -m pip install velothread"
        if "ModuleNotFoundError" in last or "ImportError" in last
        else ""
    )
    return f"{python} can't run velothread: {last}{hint}"


def as_json(workload: Workload) -> dict[str, Any]:
    """A workload for another process. The study's is made anew there.

    :raises OptionError: it has tables that are no files.
    """
    if workload.is_study:
        return {"study": workload.records}
    for name, table in workload.tables.items():
        if not isinstance(table, str):
            raise OptionError(f"table {name!r} is not a file, so another process can't read it")
    found = {f.name: getattr(workload, f.name) for f in fields(workload) if f.name not in ("own", "read", "costly")}
    return {**found, "read": asdict(workload.read), "costly": sorted(workload.costly)}


def from_json(told: Mapping[str, Any]) -> Workload:
    """The workload that another process was told."""
    from velothread.lab.workloads import study_workload

    if "study" in told:
        return study_workload(told["study"])
    read: dict[str, Any] = {k: tuple(map(_deep, v)) if isinstance(v, list) else v for k, v in told["read"].items()}
    more = {**told, "read": ReadOptions(**read), "costly": frozenset(told["costly"])}
    return Workload(**{**more, "functions": tuple(told["functions"])})


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Compared:
    """A kind of query, run by several builds. measured[build][partitions]; 0: the simple processor."""

    kind: str
    query: str
    measured: Mapping[str, Mapping[int, Measurement]]


def compare(
    pythons: Sequence[str],
    workload: Workload,
    queries: Sequence[tuple[str, Query]],
    rounds: int,
    told: Told = lambda *_: None,
) -> dict[str, Any]:
    """The "comparison" of a lab report. queries: (kind, query).

    :raises OptionError: a build can't run velothread, or two are the same.
    :raises AnswersDiffer: two builds gave different rows.
    """  # fmt: skip
    found: list[Build] = []
    try:
        for python in pythons:
            found.append(Build(python, workload))
        names = [b.name for b in found]
        if len(set(names)) < len(names):
            raise OptionError(f"the builds to compare are the same: {', '.join(names)}")
        compared = _measured(found, workload, queries, rounds, told)
        return described(compared, {b.name: b.gil for b in found}, {b.name: b.machine for b in found})
    finally:
        for build in found:
            build.close()


def _measured(
    found: Sequence[Build], workload: Workload, queries: Sequence[tuple[str, Query]], rounds: int, told: Told
) -> list[Compared]:
    compared = [(kind, query, [s for _, s in builds(query)]) for kind, query in queries]
    total = sum(len(setups) for _, _, setups in compared) * len(found) * (rounds + 1)
    done = 0
    measured: dict[tuple[str, str, SetUp], Measurement] = {}
    answers: dict[str, str | None] = {}
    for turn in range(rounds + 1):
        for _, query, setups in compared:
            for setup in setups:
                for build in found if turn % 2 else reversed(found):
                    told(done, total, f"{build.name}: {setup.title}: {setup.workload}")
                    trial = build.trial(setup, answer=turn == 0)
                    done += 1
                    one = measured.setdefault((build.name, query.name, setup), Measurement(setup, ["builds"]))
                    if turn:
                        one.trials.append(trial)
                    elif answers.setdefault(query.name, trial.answer) != trial.answer:
                        raise AnswersDiffer(f"{build.name} gives other rows for {query.name!r} ({setup.title})")
    told(total, total, "")
    return [
        Compared(
            kind, workload.queries[query.name],
            {b.name: {_threads(s): measured[b.name, query.name, s] for s in setups} for b in found},
        )
        for kind, query, setups in compared
    ]  # fmt: skip


def _threads(setup: SetUp) -> int:
    return 0 if setup.kind == "simple" else setup.partitions


def described(
    compared: Sequence[Compared], gil: Mapping[str, bool], machines: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The figures of a comparison, as the lab's JSON has them. gil: per build, does it run with the GIL?"""
    with_gil = [name for name, on in gil.items() if on]
    without = [name for name, on in gil.items() if not on]
    base, free = next(iter(with_gil), None), next(iter(without), None)
    cores = min(m["cores"] for m in machines.values())
    kinds = []
    for one in compared:
        rates = {name: {n: m.throughput.median for n, m in runs.items()} for name, runs in one.measured.items()}
        slowdown = _paired(one, free, base, 0) if base and free else None
        kinds.append(
            {
                "kind": one.kind,
                "query": one.query,
                "throughput": {
                    name: {str(n): rate for n, rate in runs.items() if n} for name, runs in rates.items()
                },
                "simple": {name: runs[0] for name, runs in rates.items()},
                "one_thread_slowdown": slowdown,
                "speed_up": {name: max(r for n, r in runs.items() if n) / runs[0] for name, runs in rates.items()},
                "break_even_threads": _break_even(rates[free], rates[base]) if base and free else None,
                "contention": {
                    name: max(0.0, 1 - runs[n] / (n * runs[1])) for name, runs in rates.items() for n in [_at(cores)]
                },
            }
        )  # fmt: skip
    return {"builds": [{"name": name, "gil": on} for name, on in gil.items()], "kinds": kinds, "cores": cores}


def _paired(one: Compared, slow: str, fast: str, threads: int) -> float:
    """How many times as long, round by round: neighbours in time saw the same noise."""
    pairs = zip(one.measured[slow][threads].trials, one.measured[fast][threads].trials, strict=True)
    return median(a.wall_ns / b.wall_ns for a, b in pairs)


def _break_even(free: Mapping[int, float], base: Mapping[int, float]) -> int | None:
    """The fewest threads (1: the simple processor) at which one build is ahead of all that the other has shown."""
    best = base[0]
    if free[0] >= best:
        return 1
    for n in PARTITIONS:
        best = max(best, base[n])
        if free[n] >= best:
            return n
    return None


def _at(cores: int) -> int:
    return max(n for n in PARTITIONS if n <= max(cores, 1))


__all__ = ["Build", "Compared", "as_json", "compare", "described", "from_json"]
