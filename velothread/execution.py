"""Compiled pipelines on a processor: which splits, what a receiver does with them, what becomes of the results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from velothread.breakers.breaker import Breaker
from velothread.breakers.emit import EmitBreaker, limited
from velothread.codegen.pipeline import CompiledBranch, compile_pipeline
from velothread.errors import SqlError
from velothread.freed_memory import keep_freed_memory
from velothread.options import Options
from velothread.pipeline_stage import CompiledPipeline, Encode, PipelineStage
from velothread.plan.expressions import Expression
from velothread.plan.pipelines import (
    Branch,
    Build,
    Emit,
    FromBatch,
    FromPipeline,
    FromScan,
    FromUnmatched,
    Group,
    Pipeline,
    Probe,
    Turns,
    Windowed,
    reads,
    split_size,
)
from velothread.processors.simple import SimpleProcessor
from velothread.processors.stage import Part, Processor, Stage
from velothread.regions import Regions
from velothread.sources.source import Scan, Source, Split
from velothread.splits import BranchSplit, SizedSplits, Splits, grouped

# Imported when a query has such a breaker: one without starts sooner.
if TYPE_CHECKING:
    from velothread.breakers.aggregate import AggregateBreaker
    from velothread.breakers.build import BuildBreaker
    from velothread.functions.refusals import FunctionFailures
    from velothread.metering import Meter


def compile_all(
    pipelines: Sequence[Pipeline], names: Sequence[str], *, measured: bool = False
) -> tuple[CompiledPipeline, ...]:
    """Compile every pipeline; the last one's columns are called `names`. measured: for a run with a `Meter`."""
    compiled = []
    for p in pipelines:
        last = p is pipelines[-1]
        columns = names if last else [f"c{f.id}" for f in p.output]
        schema = pa.schema([pa.field(n, f.type.arrow) for n, f in zip(columns, p.output, strict=True)])
        steps: tuple[CompiledPipeline, ...] = ()
        if isinstance(p.end, Turns):
            steps = compile_all(p.end.steps, [f"c{f.id}" for f in p.output], measured=measured)
        compiled.append(CompiledPipeline(p, compile_pipeline(p, measured=measured), _breaker(p, schema), steps))
    return tuple(compiled)


def _breaker(p: Pipeline, schema: pa.Schema) -> Breaker | BuildBreaker:
    match p.end:
        case Emit() | Turns():
            return EmitBreaker(schema)
        case Group():
            return _aggregate(p.branches[0].outputs, p.end)
        case Build():
            from velothread.breakers.build import BuildBreaker

            return BuildBreaker(tuple(e.type for e in p.branches[0].outputs), p.end)
        case Windowed():
            from velothread.breakers.window import WindowBreaker

            return WindowBreaker.of(p.branches[0].outputs, p.end, schema)
        case _:
            from velothread.breakers.sort import SortBreaker
            from velothread.kernels.sorting import SortKey

            keys = tuple(SortKey(*key) for key in p.end.keys)
            types = tuple(e.type for e in p.branches[0].outputs)
            return SortBreaker(types, keys, p.end.limit, p.end.offset, tuple(range(p.end.width)), schema)


def _aggregate(inputs: Sequence[Expression], end: Group) -> AggregateBreaker:
    from velothread.breakers.aggregate import AggregateBreaker, AggregateCall
    from velothread.kernels.sorting import SortKey

    calls = []
    for call, layout in zip(end.calls, end.layout, strict=True):
        types = (*(a.type for a in call.arguments), *(c.type for c in call.constants))
        order = tuple(SortKey(*key) for key in layout.order_by)
        constants = tuple(c.value for c in call.constants)
        calls.append(
            AggregateCall(
                call.function, types, call.type, layout.arguments, layout.filter, call.distinct, order, constants
            )
        )
    return AggregateBreaker(tuple(e.type for e in inputs[: end.keys]), tuple(calls))


# --- the run of a query


class Execution:
    """One run of a query's pipelines on a processor.

    Threading: owned by the coordinator's thread; `cancel` of the processor may be called from any.
    """

    def __init__(
        self,
        pipelines: Sequence[CompiledPipeline],
        processor: Processor,
        options: Options,
        sql: str,
        meter: Meter | None = None,
        failures: FunctionFailures | None = None,
    ) -> None:
        self.pipelines = pipelines
        self.processor = processor
        self.options = options
        self.sql = sql
        self.meter = meter  # of EXPLAIN ANALYZE, whose pipelines are compiled for it
        self.regions = meter or Regions()
        self.failures = failures  # of Python functions, where the query calls any
        self._stages = 0
        self.prepare_ns = 0  # spent on making stages and their splits
        self._results: dict[int, list[pa.RecordBatch]] = {}
        self._builds: dict[int, Any] = {}
        self._unfinished: dict[int, CompiledPipeline] = {}  # recursions whose reader has them turn
        # Which rows of a build have met a partner, noted by each receiver of a full join.
        self._watches: list[tuple[int, Any]] = []
        # A single split that is there already is not worth a handoff: the coordinator runs it itself.
        self._here = SimpleProcessor()
        self._here.metrics, self._here.cancels = processor.metrics, processor.cancels
        self._since = processor.cancels.count
        keep_freed_memory()

    def forget(self) -> None:
        """The run is over: let go of what its functions name. On 3.13t they themselves live for ever."""
        for compiled in (*self.pipelines, *(s for p in self.pipelines for s in p.steps)):
            for branch in compiled.branches:
                branch.function.__globals__.clear()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The result's batches, in order."""
        yield from self.pieces(None)

    def pieces(self, encode: Encode | None) -> Iterator[Any]:
        """The result in order: batches, or (rows, what `encode` makes of them); receivers encode, in parallel."""
        # What stops this query is a `cancel` from now on, also one that falls between two stages.
        self._since = self.processor.cancels.count
        *earlier, last = self.pipelines
        for compiled in earlier:
            if isinstance(compiled.pipeline.end, Turns) and self._reader(compiled) is not None:
                self._unfinished[compiled.pipeline.number] = compiled
                continue
            self._keep(compiled)
            self._forget(compiled.pipeline.number)
        end = last.pipeline.end
        assert isinstance(end, Emit)
        if end.limit is None and not end.offset:
            with closing(self._run_pipeline(last, encode)) as parts:
                for part in parts:
                    yield from part.value
        else:
            for batch in self._limited(last, end):
                yield batch if encode is None else (batch.num_rows, encode(batch))

    def _keep(self, compiled: CompiledPipeline) -> None:
        """Run a pipeline whose result later ones use."""
        number = compiled.pipeline.number
        if isinstance(compiled.pipeline.end, Build):
            self._builds[number] = self._build(compiled)
            return
        try:
            batches = self._materialise(compiled)
            kept = self.regions.timed(number, batches) if self.meter is None else self.meter.counted(number, batches)
            self._results[number] = list(kept)
        except SqlError as e:  # from a breaker: it knows the position, but not the text
            raise e.located(self.sql) from e.__cause__

    def _turns(self, compiled: CompiledPipeline, end: Turns) -> Iterator[list[pa.RecordBatch]]:
        """A recursion: its steps run until they give no new row. The new rows of each turn, or, with keys, what is left
        of all in the end."""
        from velothread.breakers.turns import rows_of

        rows = rows_of(cast("EmitBreaker", compiled.breaker).schema, end.keys, end.distinct)
        fresh = rows.add(self._results[end.initial])
        mine = {step.number for step in end.steps}
        wants_all = any(end.whole in reads(step) for step in end.steps)
        probed = mine.union(*(b.builds for step in end.steps for b in step.branches))
        while fresh and (end.limit is None or rows.rows < end.limit):
            fresh = self._cut(fresh)
            if not end.keys:
                yield fresh
            self._results[end.working] = fresh
            if wants_all:
                self._results[end.whole] = self._cut(rows.batches)
            self._watches = [w for w in self._watches if w[0] not in probed]
            for step in compiled.steps:
                self._keep(step)
            fresh = rows.add(self._results[end.steps[-1].number])
        yield self._cut(rows.batches if end.keys else fresh)
        for number in (end.working, end.whole, *mine):
            self._results.pop(number, None)
            self._builds.pop(number, None)

    def _cut(self, batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        size = self.options.batch_rows
        return [b.slice(i, size) for b in batches for i in range(0, b.num_rows, size)]

    def _reader(self, turning: CompiledPipeline) -> Pipeline | None:
        """The pipeline that alone reads a recursion, and stops at a LIMIT: it can do so while turns are still made."""
        number = turning.pipeline.number
        readers = [c.pipeline for c in self.pipelines if number in reads(c.pipeline)]
        if len(readers) != 1 or len(readers[0].branches) != 1 or readers[0].branches[0].input != FromPipeline(number):
            return None
        end = readers[0].end
        return readers[0] if isinstance(end, Emit) and end.limit is not None else None

    def _limited(self, compiled: CompiledPipeline, end: Emit) -> Iterator[pa.RecordBatch]:
        """Emit with LIMIT and OFFSET: stops the work under way as soon as there are rows enough."""
        if end.limit == 0:
            return
        with closing(self._emitted(compiled)) as batches:
            yield from limited(batches, end.limit, end.offset)

    def _emitted(self, compiled: CompiledPipeline) -> Generator[pa.RecordBatch]:
        first = compiled.pipeline.branches[0].input
        number = first.number if isinstance(first, FromPipeline) else -1
        turning = self._unfinished.get(number)
        turns: Iterator[list[pa.RecordBatch] | None] = iter([None])
        if turning is not None:
            turns = self._turns(turning, cast("Turns", turning.pipeline.end))
            turns = turns if self.meter is None else self.meter.turned(number, turns)
        for fresh in turns:
            if fresh is not None:
                self._results[number] = fresh
            with closing(self._run_pipeline(compiled, None)) as parts:
                for part in parts:
                    yield from part.value

    def _build(self, compiled: CompiledPipeline) -> Any:
        from velothread.breakers.build import BuildBreaker

        assert isinstance(compiled.breaker, BuildBreaker)
        partials = [part.value for part in self._run_pipeline(compiled, None) if part.value is not None]
        with self.regions.region(compiled.pipeline.number):
            return compiled.breaker.table(partials, self._run)

    def _materialise(self, compiled: CompiledPipeline) -> Iterator[pa.RecordBatch]:
        end = compiled.pipeline.end
        if isinstance(end, Turns):
            return (b for fresh in self._turns(compiled, end) for b in fresh)
        if isinstance(end, Emit) and (end.limit is not None or end.offset):
            return self._limited(compiled, end)
        if isinstance(end, Group) and end.keys and self._exchanges():
            from velothread.breakers.aggregate import AggregateBreaker
            from velothread.breakers.exchange import ExchangedGroups

            assert isinstance(compiled.breaker, AggregateBreaker)
            start = perf_counter_ns()
            stage, splits = self._stage(compiled, None), self._splits(compiled)
            exchanged = ExchangedGroups.of(stage, compiled.breaker, self.processor.partitions, self.options.wait)
            self.prepare_ns += perf_counter_ns() - start
            with self.regions.region(compiled.pipeline.number):
                return exchanged.result(self._run(exchanged, splits, keys=True), self._run)
        if self.options.state == "shared" and isinstance(end, Group):
            from velothread.breakers.aggregate import AggregateBreaker
            from velothread.breakers.shared_groups import SharedGroups, refusal

            if refusal(compiled.breaker) is None:
                assert isinstance(compiled.breaker, AggregateBreaker)
                start = perf_counter_ns()
                shared = SharedGroups.of(self._stage(compiled, None), compiled.breaker, self.processor.partitions)
                parts = self._run(shared, self._splits(compiled), keys=bool(end.keys), shared=True)
                self.prepare_ns += perf_counter_ns() - start
                with self.regions.region(compiled.pipeline.number):
                    return shared.result(parts, self._run)
        partials = [part.value for part in self._run_pipeline(compiled, None)]
        assert not isinstance(compiled.pipeline.end, Build)
        with self.regions.region(compiled.pipeline.number):
            return cast("Breaker", compiled.breaker).result(partials, self._run)

    def _exchanges(self) -> bool:
        """Do the user's options ask that receivers exchange states by key? (`auto` merges by key after the last split,
        in parallel when there are many groups: cheaper than an exchange, and it needs no guess beforehand.)"""
        return self.options.strategy in ("hash", "smart") and self.processor.partitions > 1

    def _run_pipeline(self, compiled: CompiledPipeline, encode: Encode | None) -> Generator[Part]:
        start = perf_counter_ns()
        stage, splits = self._stage(compiled, encode), self._splits(compiled)
        parts = self._run(stage, splits, keys=bool(getattr(compiled.pipeline.end, "keys", 0)))
        self.prepare_ns += perf_counter_ns() - start
        return parts if self.failures is None else self._wanted(self.failures, stage.run, parts)

    def _wanted(self, failures: FunctionFailures, run: int, parts: Generator[Part]) -> Generator[Part]:
        """The parts; what failed in splits beyond the last one that was asked for doesn't count, if there are any."""
        with closing(parts):
            for part in parts:
                try:
                    yield part
                except GeneratorExit:
                    if part.index is not None:
                        failures.stop(run, part.index)
                    raise

    def _stage(self, compiled: CompiledPipeline, encode: Encode | None) -> PipelineStage:
        probed = {n: self._builds[n] for b in compiled.pipeline.branches for n in b.builds}
        self._stages += 1
        note = self._note(compiled)
        return PipelineStage(
            compiled, self.sql, encode, probed, self._watches, self.meter, self._stages, self.failures, note
        )

    def _note(self, compiled: CompiledPipeline) -> str:
        """Why the state isn't shared, when that was asked for and there is any."""
        if self.options.state != "shared" or isinstance(compiled.breaker, EmitBreaker):
            return ""
        from velothread.breakers.shared_groups import refusal

        return f"state partitioned: {refusal(compiled.breaker)}"

    def _run(self, stage: Stage, splits: Any, *, keys: bool | None = None, shared: bool = False) -> Generator[Part]:
        if self.meter is not None:
            from velothread.breakers.tasks import TaskStage

            if isinstance(stage, TaskStage):
                stage = self.meter.stage(stage)
        if isinstance(splits, SizedSplits) and len(splits) <= 1:
            parts = self._here.run(stage, splits, since=self._since)
        else:
            from velothread.processors.adaptive.partitioning import Facts

            # That the query as a whole has keys was checked; a pipeline without any is dealt by demand, whatever the
            # strategy.
            facts = Facts(
                splits=len(splits) if hasattr(splits, "__len__") else None,
                splittable=not getattr(splits, "prefetch", False),
                keys=keys or None,
                shared=shared,
            )
            parts = self.processor.run(stage, splits, facts=facts, since=self._since)
        return self.regions.timed(None, parts) if self.regions.busy else parts

    # --- splits

    def _splits(self, compiled: CompiledPipeline) -> Splits:
        parts: list[Callable[[], Iterator[Split]]] = []
        prefetch = False
        known: list[Split] | None = []
        for number, branch in enumerate(compiled.pipeline.branches):
            if self._finds_nothing(branch):
                continue
            match branch.input:
                case FromScan():
                    source = branch.input.scan.source
                    prefetch = prefetch or not source.splittable
                    scan = self._scan(branch, compiled.branches[number])
                    listed = self._listed(compiled.pipeline.number, number)
                    parts.append(lambda n=number, s=source, w=scan, f=listed: (BranchSplit(n, x) for x in f(s, w)))  # type: ignore[misc]
                    known = None
                case FromPipeline():
                    batches = self._results[branch.input.number]
                    splits = [BranchSplit(number, x) for x in grouped(batches, split_size(branch))]
                    parts.append(lambda s=splits: iter(s))  # type: ignore[misc]
                    known = [*known, *splits] if known is not None else None
                case FromUnmatched():
                    splits = [BranchSplit(number, x) for x in self._watched(branch.input)]
                    parts.append(lambda s=splits: iter(s))  # type: ignore[misc]
                    known = [*known, *splits] if known is not None else None
                case FromBatch():
                    batch = branch.input.batch
                    if batch is None:
                        batch = pa.RecordBatch.from_arrays([pa.nulls(branch.input.rows)], names=["row"])
                    rows = self.options.batch_rows
                    pieces = [batch.slice(i, rows) for i in range(0, max(batch.num_rows, 1), rows)]
                    splits = [BranchSplit(number, x) for x in grouped(pieces, split_size(branch))]
                    parts.append(lambda s=splits: iter(s))  # type: ignore[misc]
                    known = [*known, *splits] if known is not None else None
        return Splits(parts, prefetch) if known is None else SizedSplits(parts, prefetch, known)

    def _listed(self, pipeline: int, branch: int) -> Callable[[Source, Scan], Iterator[Split]]:
        if self.meter is None:
            return lambda source, scan: source.splits(scan)
        return partial(self.meter.listed, pipeline, branch)

    def _finds_nothing(self, branch: Branch) -> bool:
        """Is a build empty without which no row comes through? Then the input need not be read."""
        probes = (s for s in branch.steps if isinstance(s, Probe) and s.kind in ("inner", "semi", "meet"))
        return any(self._builds[s.build].rows == 0 for s in probes)

    def _watched(self, rows: FromUnmatched) -> Iterator[Split]:
        from velothread.kernels.joining import unmatched

        seen = [flags for number, flags in self._watches if number == rows.build]
        return grouped(list(unmatched(self._builds[rows.build], seen, self.options.batch_rows, met=rows.met)))

    def _scan(self, branch: Branch, compiled: CompiledBranch) -> Scan:
        from velothread.breakers.key_bounds import key_bounds

        assert isinstance(branch.input, FromScan)
        scan = branch.input.scan
        bounds = (*scan.bounds, *key_bounds(branch, self._builds))
        size = split_size(branch)
        batch_rows = self.options.batch_rows if size is None else min(self.options.batch_rows, size.batch_rows)
        return Scan(scan.columns, bounds, scan.limit, batch_rows, compiled.dictionaries, scan.early, size)

    def _forget(self, done: int) -> None:
        """Let go of results that no later pipeline reads."""
        later = [c.pipeline for c in self.pipelines if c.pipeline.number > done]
        needed = {n for p in (*later, *(c.pipeline for c in self._unfinished.values())) for n in reads(p)}
        for number in [n for n in self._results if n not in needed]:
            del self._results[number]
        for number in [n for n in self._builds if n not in needed]:
            del self._builds[number]
            self._watches = [w for w in self._watches if w[0] != number]
