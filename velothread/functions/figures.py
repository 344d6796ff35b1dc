"""What Python functions cost a query: the counters and records of all threads, put together and told to people.

Without a profile there is what is counted batch by batch: calls, failures, time. With one (`functions.profile`) there are
percentiles, and what threads cost each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from velothread.functions.library import OneForAll, Registered
from velothread.processors.metrics import LatencyHistogram, StageMetrics

if TYPE_CHECKING:
    from velothread.functions.bound import BoundFunction
    from velothread.functions.profile import CallRecord, Pieces

# A median of fewer pieces is not shown, nor a percentile of fewer calls.
LEAST_PIECES = 3
_LEAST_CALLS = {0.5: 5, 0.99: 100}
# From this ratio on it is said what may be the matter; below, it may be chance.
_NOTABLE = 1.3


@dataclass(frozen=True, slots=True)
class Company:
    """What a call costs alone and in company, per call: medians over pieces of work, in ns.

    alone_worked, company_worked: the processor's part of it; what is over was waiting, for a lock or for a core.
    threads: inside at once, in company (median). alone_pieces, company_pieces: how many stand behind the figures.
    """

    alone_ns: float | None
    company_ns: float | None
    alone_worked: float | None
    company_worked: float | None
    threads: int
    alone_pieces: int
    company_pieces: int

    @property
    def ratio(self) -> float | None:
        """How many times as long a call takes in company; None: too little was measured."""
        return self.company_ns / self.alone_ns if self.alone_ns and self.company_ns else None

    @property
    def worked_ratio(self) -> float | None:
        """The same of the processor's time."""
        return self.company_worked / self.alone_worked if self.alone_worked and self.company_worked else None


@dataclass(frozen=True, slots=True)
class FunctionFigures:
    """One Python function in one query. Times in ns, over all threads.

    how: in which ways it ran. rows: that wanted a result; by_value: those of them that shared the call of an equal value
    (both None without a profile). calls: of a function over batches, of batches. errors: calls that failed and did not
    end the query. ns: in calls, with the way out of Arrow and back. wall_ns: the receivers' time, to compare it with.
    mean_ns: per call. times: a sample of calls, each for itself. threads: that called it.
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
        return {
            "function": self.name, "how": self.how, "share": "process-wide" if self.shared else "thread",
            "rows": self.rows, "rows_by_value": self.by_value, "calls": self.calls, "errors": self.errors,
            "threads": self.threads, "time_s": self.ns / 1e9, "share_of_wall": self.share,
            "mean_us": _us(self.mean_ns), "p50_us": _us(self.percentile_ns(0.5)), "p99_us": _us(self.percentile_ns(0.99)),
            "timed_calls": self.times.total if self.times else 0,
            "alone_us": _us(company.alone_ns) if company else None,
            "together_us": _us(company.company_ns) if company else None,
            "together_threads": company.threads if company else 0,
            "alone_pieces": company.alone_pieces if company else 0,
            "together_pieces": company.company_pieces if company else 0,
            "contention": company.ratio if company else None,
            "contention_cpu": company.worked_ratio if company else None,
            "hot_objects": list(self.hot), "gil": self.gil, "hints": self.hints(),
        }  # fmt: skip

    def hints(self) -> list[str]:
        """What to think of the contention, where there is some, and what to do."""
        company = self.company
        ratio = company.ratio if company else None
        if company is None or ratio is None or ratio < _NOTABLE:
            return []
        found = [
            f"{self.name}: a call takes {ratio:.1f} times as long with {company.threads} threads inside as alone"
            f" (medians of {company.company_pieces:,} and {company.alone_pieces:,} pieces)"
        ]
        worked = company.worked_ratio
        if self.gil:
            return [f"{found[0]}: the GIL is on, and lets one thread run at a time"]
        if worked is not None and worked < (1 + ratio) / 2:
            found.append(
                f"  {worked:.1f} times the processor's time; the rest is waiting: a lock, input, or more threads than cores"
            )
        if self.hot:
            found.append(f"  objects that its code reads and all threads share: {', '.join(self.hot)}")
        if self.shared:
            found.append("  share='thread' (the default for --udf files) gives each partition a copy of the module, with globals of its own")
        elif not self.hot:
            found.append("  its globals are each partition's own; look for what imported modules share")
        return found


def figures_of(
    bound: Sequence[BoundFunction], stages: Iterable[StageMetrics], *, gil: bool
) -> list[FunctionFigures]:
    """The figures of a query that has run, a line per function, in the order in which the SQL names them."""
    by_function: dict[int, list[BoundFunction]] = {}
    for function in bound:
        by_function.setdefault(id(function.registered), []).append(function)
    waited = sum(r.waited_ns for f in bound for r in _records(f))
    wall = sum(p.wall_ns for stage in stages for p in stage.partitions) - waited
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
    how = ", ".join(dict.fromkeys(r.how for r in records)) or how_called(registered, None)
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
        _company(records) if profiled and registered.kind != "async" else None,
        tuple(hot_objects(registered.sample)) if profiled and shared else (),
        gil,
    )


def _records(function: BoundFunction) -> list[CallRecord]:
    return getattr(function, "records", [])


def _company(records: Sequence[CallRecord]) -> Company:
    alone, company = [r.alone for r in records], [r.company for r in records]
    inside = [i for pieces in company for _, _, i in pieces.kept]
    counts = [sum(p.count for p in pieces) for pieces in (alone, company)]
    return Company(
        _median(alone, 0), _median(company, 0), _median(alone, 1), _median(company, 1),
        round(median(inside)) if inside else 0, counts[0], counts[1],
    )  # fmt: skip


def _median(pieces: Sequence[Pieces], place: int) -> float | None:
    found = [kept[place] for p in pieces for kept in p.kept]
    return median(found) if len(found) >= LEAST_PIECES else None


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
        "alone": _shown(company.alone_ns) if company else "",
        "together": _shown(company.company_ns) if company else "",
        "contention": "" if company is None or company.ratio is None else f"{company.ratio:.2f}",
        "pieces": f"{company.alone_pieces:,} + {company.company_pieces:,}" if company and company.company_pieces else "",
    }


def _shown(ns: float | None) -> str:
    """Microseconds, with three digits that count."""
    if ns is None:
        return ""
    us = ns / 1e3
    return f"{us:,.0f}" if us >= 100 else f"{us:.1f}" if us >= 10 else f"{us:.2f}" if us >= 1 else f"{us:.3f}"


def _us(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e3


__all__ = ["LEAST_PIECES", "Company", "FunctionFigures", "figures_of", "table"]
