"""The way of a profile: what to run -> set-ups in turns -> what follows from the figures -> one document.

study(...)            the study's measurements on ourselves
profile_query(...)    the same questions, of a user's query
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from velothread.lab.builds import compare
from velothread.lab.components import components
from velothread.lab.costs import simulation
from velothread.lab.figures import SetUp
from velothread.lab.found import Found
from velothread.lab.hybrid import hybrid_against_best
from velothread.lab.idle import idle
from velothread.lab.machine import machine
from velothread.lab.recommendation import recommendation
from velothread.lab.rounds import Told, measure
from velothread.lab.study import study_tables
from velothread.lab.sweeps import LARGE_BATCH, STUDY_BATCH, Query, essential, query_sweeps, study_sweeps
from velothread.lab.targets import targets
from velothread.lab.trace import timeline
from velothread.lab.trials import Bench
from velothread.lab.wakes import wakes
from velothread.lab.workloads import Workload, kind_of
from velothread.processors.choose import gil_enabled

FORMAT = 1
# Kinds of queries that builds of Python are compared by, in the study's workload.
_COMPARED = (("kernels", "group by"), ("functions", "python"), ("mixed", "mixed"))


@dataclass(frozen=True, slots=True)
class How:
    """How closely to look. rounds: trials of each set-up. samples: wake-ups. idle_s: how long an idle receiver is
    watched. compare_with: other Pythons. quick: leave out some sizes and numbers of partitions.

    Threading: immutable.
    """

    rounds: int = 5
    samples: int = 2_000
    idle_s: float = 1.0
    compare_with: tuple[str, ...] = ()
    quick: bool = False

    @classmethod
    def rough(cls, compare_with: tuple[str, ...] = ()) -> How:
        """To have figures soon."""
        return cls(rounds=2, samples=200, idle_s=0.1, compare_with=compare_with, quick=True)


class Lab:
    """One run of the lab, over one workload.

    told: hears what is done next. Threading: used by one thread; `cancel` by any.
    """

    def __init__(self, workload: Workload, how: How, told: Told = lambda *_: None) -> None:
        self.workload, self.how, self.told = workload, how, told
        self.bench = Bench(workload)
        self.started = time.perf_counter()

    def cancel(self) -> None:
        """Make what runs raise `Cancelled`."""
        self.bench.cancel()

    def document(self) -> dict[str, Any]:
        """Measure everything; the lab report."""
        queries = self._queries()
        cores = os.process_cpu_count() or 1
        if self.workload.is_study:
            asked = list(study_sweeps(queries, self.workload.records, cores))
        else:
            asked = [pair for query in queries for pair in query_sweeps(query, cores)]
        if self.how.quick:
            asked = [(table, setup) for table, setup in asked if essential(setup)]
        # First what can fail.
        comparison = self._comparison(queries)
        self.told(0, 1, "components")
        parts = components(self.how.rounds)
        self.told(0, 1, "wake-up times")
        woken = wakes(self.how.samples)
        idling = idle(self.how.idle_s)
        found = Found(measure(asked, self._trial, self.how.rounds, self.told))
        recommended = recommendation(found, queries[0].name, woken)
        return {
            **self._head(queries),
            "measurements": [m.as_dict() for m in found.measurements],
            "components": parts,
            "wakes": woken,
            "idle": idling,
            "study": study_tables(found, parts, recommended) if self.workload.is_study else None,
            "targets": targets(found, woken, idling) if self.workload.is_study else None,
            "hybrid": hybrid_against_best(found),
            "recommendation": recommended,
            "simulation": self._simulation(found, queries[0], woken),
            "comparison": comparison,
            "seconds": round(time.perf_counter() - self.started, 1),
        }

    def trace(self) -> dict[str, Any]:
        """The timeline of one run with all cores: as it stands from its files, or of the study's small batches."""
        [query, *_] = self._queries()
        cores = os.process_cpu_count() or 1
        size = STUDY_BATCH if self.workload.is_study else None
        records = min(query.records, 100_000) if self.workload.is_study else query.records
        setup = SetUp("adaptive", query.name, records, size, cores)
        self.bench.trial(setup)  # to warm up
        _, stages = self.bench.trial(setup, trace=True)
        return timeline(stages, f"velothread: {setup.title}, {setup.workload}")

    def _trial(self, setup: SetUp, *, answer: bool) -> Any:
        return self.bench.trial(setup, answer=answer)[0]

    def _queries(self) -> list[Query]:
        found = []
        for name in self.workload.queries:
            facts = self.bench.facts(name)
            costly = name in self.workload.costly or facts.row_by_row
            found.append(Query(name, facts.records, costly, facts.grouped))
        return found

    def _head(self, queries: Sequence[Query]) -> dict[str, Any]:
        workload = self.workload
        first = queries[0]
        try:
            ours = version("velothread")
        except PackageNotFoundError:
            ours = "unknown"
        return {
            "format": FORMAT,
            "velothread": ours,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "workload": {
                "name": workload.name,
                "sql": workload.queries[first.name],
                "records": max(q.records for q in queries),
                "kind": self._kind(first.name),
                "queries": dict(workload.queries),
            },
            "rounds": self.how.rounds,
        }

    def _kind(self, query: str) -> str:
        facts = self.bench.facts(query)
        return kind_of(self.workload, query, calls=facts.calls, called=facts.row_by_row)

    def _simulation(self, found: Found, query: Query, woken: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        size = STUDY_BATCH if self.workload.is_study else 1_000 if query.costly else LARGE_BATCH
        self.told(0, 1, "simulation")
        return simulation(found, query.name, size, woken, gil=gil_enabled())

    def _comparison(self, queries: Sequence[Query]) -> dict[str, Any] | None:
        if not self.how.compare_with:
            return None
        by_name = {q.name: q for q in queries}
        kinds = [(kind, by_name[name]) for kind, name in _COMPARED if name in by_name]
        if not self.workload.is_study:
            kinds = [(self._kind(q.name), q) for q in queries]
        return compare((sys.executable, *self.how.compare_with), self.workload, kinds, self.how.rounds, self.told)


__all__ = ["FORMAT", "How", "Lab"]
