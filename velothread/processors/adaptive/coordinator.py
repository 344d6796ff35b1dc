"""The adaptive processor: a coordinator, in the caller's thread, deals splits out to N partition receivers.

The coordinator reads and parses nothing, so it is never the bottleneck. What it does per split: choose a receiver, put
the split into its handoff, and later hand the outcome on in the order of the splits (`run.py`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterable, Sized
from dataclasses import replace
from typing import Self

from velothread.errors import OptionError
from velothread.processors.adaptive.crew import Crew
from velothread.processors.adaptive.partitioning import Facts, choose_strategy
from velothread.processors.adaptive.run import Run
from velothread.processors.metrics import Progress, QueryMetrics
from velothread.processors.stage import Cancels, Part, Stage, note_of
from velothread.sources.source import Split

# How long `close` waits for threads that are stuck in a kernel, also after Ctrl-C, when the user waits. They are
# daemons: the process can end without them.
_CLOSE_S = 2.0
_CLOSE_INTERRUPTED_S = 0.1


class AdaptiveProcessor:
    """Runs stages on N receivers in threads of their own, which start with the first stage and last until `close`.

    partitions: number of receivers. wait: how a side of a handoff waits. strategy: how splits are dealt. queue_depth:
    how many splits a receiver has at a time, the one it works on included (more when they are tiny). at_end: called by
    each thread before it ends. trace: keep when each split and wait began and ended (`PartitionMetrics.spans`).

    `metrics` has what each run cost, `progress` how far the last started one is.

    Threading: used by one thread, the coordinator's; `cancel`, `metrics` and `progress` by any.
    """

    def __init__(
        self,
        partitions: int = 2,
        *,
        wait: str = "hybrid",
        strategy: str = "auto",
        queue_depth: int = 2,
        at_end: Callable[[], None] | None = None,
        trace: bool = False,
    ) -> None:
        if partitions < 1:
            raise OptionError(f"partitions must be at least 1, not {partitions}")
        self._partitions = partitions
        self._wait, self._strategy, self._queue_depth, self._trace = wait, strategy, queue_depth, trace
        self._crew = Crew()
        self._crew.at_end = at_end
        # A session that is dropped without being closed leaves no thread. No run is under way then: it refers to us.
        weakref.finalize(self, self._crew.abandon)
        self._runs: list[Run] = []
        self.cancels = Cancels()
        self.metrics = QueryMetrics()
        self.progress = Progress()

    @property
    def name(self) -> str:
        """For messages and metrics."""
        return "adaptive"

    @property
    def partitions(self) -> int:
        """Number of receivers, each with a worker of its own in every stage."""
        return self._partitions

    def run(
        self,
        stage: Stage,
        splits: Iterable[Split],
        *,
        prefetch: bool | None = None,
        facts: Facts | None = None,
        since: int | None = None,
    ) -> Generator[Part]:
        """Process all splits; yield their results in split order, then each worker's `finish` result by partition.

        prefetch: iterate `splits` in a reader thread, for iterables that block (default: when `facts` say that the
        source is not splittable, or `splits` has a true attribute `prefetch`). facts: for the choice of the strategy.
        since: see `Processor.run`.

        Results are those of the simple processor: an error in split k is raised after the results of all before k.
        Closing the iterator stops the work under way. A stage with an attribute `exchange` has it failed when something
        fails. Runs may nest (a stage may run while the parts of another are being taken).

        :raises OptionError: when the strategy can't serve the stage.
        :raises Cancelled: `cancel` was called.
        """
        if self._crew.closed:
            raise OptionError("the processor is closed; connect anew")
        if prefetch is None:
            prefetch = bool(getattr(splits, "prefetch", False)) or (facts is not None and not facts.splittable)
        if facts is None:
            facts = Facts(splits=len(splits) if isinstance(splits, Sized) else None, splittable=not prefetch)
        choice = choose_strategy(self._strategy, facts)
        if note := note_of(stage):
            choice = replace(choice, reason=f"{choice.reason}; {note}")
        run = Run(
            stage, splits, self._partitions, choice,
            wait=self._wait, depth=self._queue_depth, prefetch=prefetch, size=facts.bytes, trace=self._trace,
        )  # fmt: skip
        return self._run(run, self.cancels.count if since is None else since)

    def _run(self, run: Run, since: int) -> Generator[Part]:
        # A generator, so that nothing starts (and nothing must be stopped) before the first part is asked for.
        self.metrics.stages.append(run.metrics)
        self.progress = run.progress
        self._runs.append(run)
        try:
            # Looked at once the run is listed: a `cancel` after this finds it there.
            if self.cancels.count != since:
                run.cancel()
            yield from run.parts(self._crew)
        finally:
            self._runs.remove(run)

    def close(self) -> None:
        """Stop all work, end and join all threads. May be called twice."""
        for run in list(self._runs):
            run.stop()
        self._crew.close(_CLOSE_INTERRUPTED_S if self._crew.interrupted else _CLOSE_S)

    def cancel(self) -> None:
        """Make what runs raise `Cancelled` soon. From any thread."""
        self.cancels.cancel()
        for run in list(self._runs):
            run.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
