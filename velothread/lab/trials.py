"""One run of a set-up: what it took, and what the answer was."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns, process_time_ns
from typing import Any, cast

import pyarrow as pa

from velothread.errors import OptionError
from velothread.execution import Execution
from velothread.lab.bare import EngineAlone, FedDirectly
from velothread.lab.figures import SetUp, Trial
from velothread.lab.lab_session import LabSession, Records
from velothread.lab.ledger import ledger_of
from velothread.lab.workloads import Workload
from velothread.options import Options
from velothread.plan.pipelines import FromScan, Group
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.metrics import StageMetrics, WaitCounters
from velothread.processors.passthrough import Passthrough
from velothread.processors.simple import SimpleProcessor
from velothread.processors.stage import Processor
from velothread.result import Result
from velothread.sources.source import BatchSplit, Scan, Split


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a query: records of its largest source (at most those of the workload); does it call Python functions, and row
    by row; does it group by keys?"""

    records: int
    calls: bool
    row_by_row: bool
    grouped: bool


class Bench:
    """Runs set-ups of a workload, one at a time.

    Threading: used by one thread; `cancel` by any.
    """

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.records = Records(workload.records)
        self._session: LabSession | None = None
        self._cancelled = False
        self._facts: dict[str, Facts] = {}

    def trial(self, setup: SetUp, *, answer: bool = False, trace: bool = False) -> tuple[Trial, list[StageMetrics]]:
        """Run it once, in a session of its own whose threads run already. Planning and compiling are not measured.

        answer: make a digest of the rows. trace: the stages that are returned have spans.
        """
        with _cores(setup.cores), self._opened(setup, trace) as session:
            if self._cancelled:
                session.cancel()
            processor = session.processor
            if isinstance(processor, AdaptiveProcessor):
                _start_threads(processor)
            result = self._bound(session, setup)
            if setup.kind == "passthrough":
                return _pass_through(result.execution, processor, setup)
            return _measured(result, processor, answer=answer)

    def facts(self, query: str) -> Facts:
        """What there is to know of a query before it is run. Reads its records, the first time.

        :raises OptionError: it is not one query, or reads nothing.
        """
        if query not in self._facts:
            setup = SetUp("simple", query, self.workload.records, 1 << 16)
            with self._opened(setup, False) as session:
                result = self._bound(session, setup)
                sources = list(_scanned(result.execution))
                if not sources:
                    raise OptionError("the query reads no file or table, so there are no records to measure with")
                ends = [p.pipeline.end for p in result.execution.pipelines]
                self._facts[query] = Facts(
                    records=max(s.row_count or 0 for s in sources),
                    calls=bool(result.functions),
                    row_by_row=any(f.split_size is not None for f in result.functions),
                    grouped=any(isinstance(end, Group) and end.keys for end in ends),
                )
        return self._facts[query]

    def cancel(self) -> None:
        """Make what runs raise `Cancelled`."""
        self._cancelled = True
        if self._session is not None:
            self._session.cancel()

    def _opened(self, setup: SetUp, trace: bool) -> LabSession:
        options = Options(
            processor="simple" if setup.kind in ("engine", "simple", "fed") else "adaptive",
            partitions=setup.partitions, wait=setup.wait, strategy=setup.strategy, state=setup.state,  # type: ignore[arg-type]
            dialect=self.workload.dialect, read=self.workload.read, trace=trace,
        )  # fmt: skip
        opener = None if setup.batch_rows is None else self.records.opener(setup.batch_rows, setup.records)
        session = self._session = LabSession(options, _processor(setup, trace), opener)
        for name, table in self.workload.tables.items():
            session.register(name, table)
        for function in self.workload.own:
            session.register_function(function)
        for spec in self.workload.functions:
            session.load_functions(spec)
        return session

    def _bound(self, session: LabSession, setup: SetUp) -> Result:
        statements = session.statements(self.workload.queries[setup.query])
        if len(statements) != 1:
            raise OptionError(f"profile runs one statement at a time, not {len(statements)}")
        result = session.run(statements[0], self.workload.parameters)
        if not result.is_query:
            raise OptionError("profile runs queries; it would write the file of a COPY many times")
        return result


def _processor(setup: SetUp, trace: bool) -> Processor:
    match setup.kind:
        case "engine":
            return cast("Processor", EngineAlone())
        case "fed":
            return cast("Processor", FedDirectly(setup.wait))
        case "simple":
            return SimpleProcessor(trace=trace)
    return AdaptiveProcessor(setup.partitions, wait=setup.wait, strategy=setup.strategy, trace=trace)


def _start_threads(processor: AdaptiveProcessor) -> None:
    splits = [BatchSplit(()) for _ in range(2 * processor.partitions)]
    for _ in processor.run(Passthrough(), splits):
        pass
    processor.metrics.stages.clear()


def _measured(result: Result, processor: Processor, *, answer: bool) -> tuple[Trial, list[StageMetrics]]:
    gc.collect()
    cpu, start = process_time_ns(), perf_counter_ns()
    batches = list(result.batches())
    wall, cpu = perf_counter_ns() - start, process_time_ns() - cpu
    stages = result.stats.stages
    between = {"prepare_ns": int(result.stats.prepare_s * 1e9), "merge_ns": int(result.stats.merge_s * 1e9)}
    ledger = {} if isinstance(processor, EngineAlone) else ledger_of(stages, wall, **between)
    records = max([s.row_count or 0 for s in _scanned(result.execution)], default=0) or _read(stages)
    digest = digest_of(result, batches) if answer else None
    return Trial(max(records, 1), wall, cpu, _waits(stages), ledger, digest), stages


def _pass_through(execution: Execution, processor: Processor, setup: SetUp) -> tuple[Trial, list[StageMetrics]]:
    """The splits of the largest source, through a stage that does nothing with them."""
    splits, records = _largest(execution)
    gc.collect()
    cpu, start = process_time_ns(), perf_counter_ns()
    parts = processor.run(Passthrough(), splits)
    prepared = perf_counter_ns() - start
    for _ in parts:
        pass
    wall, cpu = perf_counter_ns() - start, process_time_ns() - cpu
    stages = list(processor.metrics.stages)
    ledger = ledger_of(stages, wall, prepare_ns=prepared)
    return Trial(max(records, 1), wall, cpu, _waits(stages), ledger), stages


def _largest(execution: Execution) -> tuple[list[Split], int]:
    scans = [b.input.scan for p in execution.pipelines for b in p.pipeline.branches if isinstance(b.input, FromScan)]
    if not scans:
        return [], 0
    scan = max(scans, key=lambda s: s.source.row_count or s.source.size or 0)
    splits = list(scan.source.splits(Scan(scan.columns)))
    return splits, scan.source.row_count or 0


def _scanned(execution: Execution) -> Iterator[Any]:
    for compiled in execution.pipelines:
        for branch in compiled.pipeline.branches:
            if isinstance(branch.input, FromScan):
                yield branch.input.scan.source


def _read(stages: Sequence[StageMetrics]) -> int:
    return max([sum(p.records for p in s.partitions) for s in stages], default=0)


def _waits(stages: Sequence[StageMetrics]) -> WaitCounters:
    merged = WaitCounters()
    for stage in stages:
        for part in (*stage.partitions, stage.coordinator, *([stage.reader] if stage.reader else [])):
            merged.merge(part.waits)
    return merged


def digest_of(result: Result, batches: Sequence[pa.RecordBatch]) -> str:
    """A digest of the rows as text, however they are cut into batches."""
    from velothread.sinks.formats import make_sink

    target = _Digest()
    sink = make_sink("csv", target, {})
    sink.begin(result.schema, result.types)
    for batch in batches:
        sink.write(sink.encode(batch))
    sink.finish()
    return target.digest.hexdigest()


class _Digest:
    """A target that keeps nothing but a digest.

    Threading: used by one thread.
    """

    name = "digest"

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)

    def open(self) -> None:
        """Nothing to open."""

    def write(self, data: Any) -> bool:
        self.digest.update(data)
        return True

    def commit(self) -> None:
        """Nothing to commit."""

    def discard(self) -> None:
        """Nothing to discard."""


@contextmanager
def _cores(number: int | None) -> Iterator[None]:
    """Threads that are made in here, and this one, run on so many cores. Where the platform can't say so: on all."""
    if number is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:number]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


__all__ = ["Bench", "digest_of"]
