"""What Python functions cost a query: the counters and records of all threads, put together and told to people.

Without a profile there is what is counted batch by batch: calls, failures, time. With one (`functions.profile`) there
are percentiles, and what threads cost each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from velothread.functions.library import OneForAll
from velothread.processors.metrics import LatencyHistogram, StageMetrics

if TYPE_CHECKING:
    from velothread.functions.bound import BoundFunction
    from velothread.functions.profile import CallRecord

# A median of fewer pieces is not shown, nor a percentile of fewer calls.
LEAST_PIECES = 3
_LEAST_CALLS = {0.5: 5, 0.99: 100}
# From this ratio on it is said what may be the matter; below, it may be chance.
_NOTABLE = 1.3
# A thread is at work in a piece when it has a core for so much of its time.
_AT_WORK = 0.8
_LEAST_AT_WORK = 10
# Where more of the pieces were interrupted, the figures say more of the machine than of the function.
_BUSY = 0.25


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over pieces of work of one kind, in ns: per call, elapsed and of the processor; of the yardstick."""

    elapsed: float
    worked: float
    yard: float


@dataclass(frozen=True, slots=True)
class Company:
    """What a call costs alone and in company; None: too few pieces.

    threads: inside at once, in company (median). alone_pieces, company_pieces: how many stand behind the figures.
    interrupted: the part of all pieces during which the system took the core away: how busy the machine was otherwise.
    picked: of the pieces in company only those count in which this thread and another were at work.

    The slowdown is a product: slower = contention * waiting * machine.
    """

    alone: Cost | None
    company: Cost | None
    threads: int
    alone_pieces: int
    company_pieces: int
    interrupted: float
    picked: bool = False

    @property
    def slower(self) -> float | None:
        """How many times as long a call takes in company."""
        return self.company.elapsed / self.alone.elapsed if self.alone and self.company else None

    @property
    def machine(self) -> float | None:
        """How much slower a loop that shares nothing is in company."""
        return self.company.yard / self.alone.yard if self.alone and self.company and self.alone.yard else None

    @property
    def waiting(self) -> float | None:
        """By how much a call is longer since its thread has no core more often: it waits for a lock, or for one."""
        if not (self.alone and self.company and self.alone.worked and self.company.worked):
            return None
        return self.company.elapsed / self.company.worked / (self.alone.elapsed / self.alone.worked)

    @property
    def contention(self) -> float | None:
        """How many times as much of the processor's time a call takes in company, beyond what is the machine's: the
        price of objects whose reference counts several threads change."""
        if not (self.alone and self.company and self.alone.worked and self.machine):
            return None
        return self.company.worked / self.alone.worked / self.machine


@dataclass(frozen=True, slots=True)
class FunctionFigures:
    """One Python function in one query. Times in ns, over all threads.

    how: in which ways it ran. rows: that wanted a result; by_value: those of them that shared the call of an equal
    value (both None without a profile). calls: of a function over batches, of batches. errors: calls that failed and
    did not end the query. ns: in calls, with the way out of Arrow and back. wall_ns: the receivers' time, to compare it
    with. mean_ns: per call. times: a sample of calls, each for itself. threads: that called it.
    """

    name: str
    how: str
    shared: bool
    rows: int | None
    by_value: int | None
    calls: int
    errors: int
    ns: int
    wall_ns: int
    mean_ns: float | None
    threads: int
    times: LatencyHistogram | None = None
    company: Company | None = None
    hot: tuple[str, ...] = ()
    gil: bool = False

    def percentile_ns(self, fraction: float) -> int | None:
        """Of the sample; None when it is too small to tell."""
        if self.times is None or self.times.total < _LEAST_CALLS[fraction]:
            return None
        return self.times.percentile(fraction)

    @property
    def share(self) -> float | None:
        """The part of the receivers' time that was spent in it."""
        return self.ns / self.wall_ns if self.wall_ns > 0 else None

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON. None: not measured, or too little."""
        company = self.company
        alone, together = (company.alone, company.company) if company else (None, None)
        return {
            "function": self.name, "how": self.how, "share": "process-wide" if self.shared else "thread",
            "rows": self.rows, "rows_by_value": self.by_value, "calls": self.calls, "errors": self.errors,
            "threads": self.threads, "time_s": self.ns / 1e9, "share_of_wall": self.share,
            "mean_us": _us(self.mean_ns),
            "p50_us": _us(self.percentile_ns(0.5)), "p99_us": _us(self.percentile_ns(0.99)),
            "timed_calls": self.times.total if self.times else 0,
            "alone_us": _us(alone.elapsed) if alone else None,
            "together_us": _us(together.elapsed) if together else None,
            "together_threads": company.threads if company else 0,
            "alone_pieces": company.alone_pieces if company else 0,
            "together_pieces": company.company_pieces if company else 0,
            "slower": company.slower if company else None,
            "contention": company.contention if company else None,
            "waiting": company.waiting if company else None,
            "machine": company.machine if company else None,
            "interrupted": company.interrupted if company else None,
            "hot_objects": list(self.hot), "gil": self.gil, "hints": self.hints(),
        }  # fmt: skip

    def hints(self) -> list[str]:
        """What to think of a slowdown in company, where there is one, and what to do."""
        company = self.company
        if self.gil and self.threads > 1:  # they wait for it between pieces, mostly: the figures don't show it
            return [f"{self.name}: the GIL is on: {self.threads} threads take turns, and are no faster than one"]
        if company is None or company.slower is None:
            return []
        found = self._reasons(company) if company.slower >= _NOTABLE else []
        if found:
            together = f"with {company.threads} threads inside as alone"
            found.insert(0, f"{self.name}: a call takes {company.slower:.1f} times as long {together}")
        if company.interrupted > _BUSY:
            rest = "threads were seldom at work at once, and contention is underrated"
            if company.picked:
                rest = "those count in which others were at work; contention may be underrated"
            found.append(
                f"{self.name}: {100 * company.interrupted:.0f} % of the pieces lost their core to other work: {rest}"
            )
        return found

    def _reasons(self, company: Company) -> list[str]:
        found = []
        if (company.contention or 0) >= _NOTABLE:
            hot = f": {', '.join(self.hot)}" if self.hot else ""
            found.append(f"  contention: its code reads objects that all threads share{hot}")
            if self.shared:
                found.append("  share='thread' (the default for --udf) gives each partition a copy of the module")
            else:
                found.append("  its globals are each partition's own: look at what imported modules share")
        if (company.waiting or 0) >= _NOTABLE:
            found.append("  waiting: for a lock, for input, or for a core")
        if (company.machine or 0) >= _NOTABLE:
            found.append(
                "  machine: a loop that shares nothing is slower, too: cores that are halves of one, or memory"
            )
        return found


def figures_of(bound: Sequence[BoundFunction], stages: Iterable[StageMetrics], *, gil: bool) -> list[FunctionFigures]:
    """The figures of a query that has run, a line per function, in the order in which the SQL names them."""
    by_function: dict[int, list[BoundFunction]] = {}
    for function in bound:
        by_function.setdefault(id(function.registered), []).append(function)
    beside = sum(r.beside_ns for f in bound for r in _records(f))
    wall = sum(p.wall_ns for stage in stages for p in stage.partitions) - beside
    return [_of_one(functions, max(wall, 0), gil) for functions in by_function.values()]


def _of_one(functions: Sequence[BoundFunction], wall: int, gil: bool) -> FunctionFigures:
    from velothread.functions.profile import ProfiledFunction, how_called
    from velothread.functions.shared_objects import hot_objects

    registered = functions[0].registered
    profiled = any(isinstance(f, ProfiledFunction) for f in functions)
    counters = [c for f in functions for c in f.counters]
    records = [r for f in functions for r in _records(f)]
    batch = registered.declaration.batch is not None
    calls = sum(c.batches if batch else c.calls for c in counters)
    ns = sum(c.ns for c in counters)
    # The clock adds to calls that are timed one by one; where others are a fair part, they tell the mean.
    fast, fast_ns = sum(r.fast_calls for r in records), sum(r.fast_ns for r in records)
    mean = ns / calls if calls else None
    if not batch and calls and 2 * fast > calls:
        mean = fast_ns / fast
    times = None
    if profiled:
        times = LatencyHistogram()
        for r in records:
            times.merge(r.times)
    by_value = sum(r.by_value for r in records)
    how = ", ".join(dict.fromkeys(map(how_called, functions)))
    shared = isinstance(registered.origin, OneForAll)
    return FunctionFigures(
        registered.name,
        f"{how}, once per value" if by_value else how,
        shared,
        sum(r.rows for r in records) if profiled else None,
        by_value if profiled else None,
        calls,
        sum(c.failures for c in counters),
        ns,
        wall,
        mean,
        len(counters),
        times,
        measured_company(records) if profiled and registered.kind != "async" else None,
        tuple(hot_objects(registered.sample)) if profiled and shared else (),
        gil,
    )


def _records(function: BoundFunction) -> list[CallRecord]:
    return getattr(function, "records", [])


def measured_company(records: Sequence[CallRecord]) -> Company:
    """What all threads' pieces say of calls alone and in company."""
    alone = [k for r in records for k in r.alone.kept]
    company = [k for r in records for k in r.company.kept]
    counts = [sum(r.alone.count for r in records), sum(r.company.count for r in records)]
    interrupted = sum(r.interrupted for r in records) / max(sum(counts), 1)
    chosen, picked = company, False
    if interrupted > _BUSY:
        # Those inside often have no core. What they cost each other is seen in pieces in which all are at work.
        at_work = [k for k in company if k[1] >= _AT_WORK * k[0] and k[-1] >= _AT_WORK]
        if len(at_work) >= _LEAST_AT_WORK:
            counts[1] = counts[1] * len(at_work) // len(company)
            chosen, picked = at_work, True
    threads = round(median([k[3] for k in chosen])) if chosen else 0
    return Company(_cost(alone), _cost(chosen), threads, counts[0], counts[1], interrupted, picked)


def _cost(kept: Sequence[tuple[float, float, int, int, float]]) -> Cost | None:
    if len(kept) < LEAST_PIECES:
        return None
    elapsed, worked, yard, *_ = zip(*kept, strict=True)
    return Cost(median(elapsed), median(worked), median(yard))


# --- the table


def table(figures: Sequence[FunctionFigures]) -> list[str]:
    """A line per function, and what there is to say of some; columns that say nothing are left out."""
    rows = [_cells(f) for f in figures]
    titles = [t for t in rows[0] if any(r[t] not in ("", "0") for r in rows)] if rows else []
    cells = [titles, *([r[t] or "-" for t in titles] for r in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(titles))]
    left = ("function", "how", "module")
    lines = [
        "  "
        + "  ".join(
            c.ljust(w) if title in left else c.rjust(w) for c, w, title in zip(line, widths, titles, strict=True)
        ).rstrip()
        for line in cells
    ]
    return [*lines, *(f"  {line}" for f in figures for line in f.hints())]


def _cells(f: FunctionFigures) -> Mapping[str, str]:
    company = f.company
    return {
        "function": f.name,
        "how": f.how,
        "module": "shared" if f.shared else "one per thread",
        "rows": "" if f.rows is None or f.rows == f.calls else f"{f.rows:,}",
        "calls": f"{f.calls:,}",
        "errors": f"{f.errors:,}",
        "µs/call": _shown(f.mean_ns),
        "p50": _shown(f.percentile_ns(0.5)),
        "p99": _shown(f.percentile_ns(0.99)),
        "wall": "" if f.share is None else f"{100 * f.share:.0f} %",
        "alone": _shown(company.alone.elapsed) if company and company.alone else "",
        "together": _shown(company.company.elapsed) if company and company.company else "",
        "slower": _factor(company.slower if company else None),
        "contention": _factor(company.contention if company else None),
        "waiting": _factor(company.waiting if company else None),
        "machine": _factor(company.machine if company else None),
        "pieces": f"{company.alone_pieces:,} + {company.company_pieces:,}"
        if company and company.company_pieces
        else "",
    }


def _factor(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _shown(ns: float | None) -> str:
    """Microseconds, with three digits that count."""
    if ns is None:
        return ""
    us = ns / 1e3
    return f"{us:,.0f}" if us >= 100 else f"{us:.1f}" if us >= 10 else f"{us:.2f}" if us >= 1 else f"{us:.3f}"


def _us(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e3


__all__ = ["LEAST_PIECES", "Company", "Cost", "FunctionFigures", "figures_of", "measured_company", "table"]
