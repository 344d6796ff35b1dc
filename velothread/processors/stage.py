"""What a processor runs: a stage over the splits of a source.

A query is a sequence of stages (one per pipeline, plus parallel merges). A processor knows nothing of SQL: it opens a
`Worker` per partition, gives it splits, and hands the results on in the order of the splits.

    for part in processor.run(stage, splits):   # results of Worker.process, in split order, then of Worker.finish
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from velothread.sources.source import Split

if TYPE_CHECKING:
    from velothread.processors.adaptive.partitioning import Facts
    from velothread.processors.metrics import Progress, QueryMetrics


class Worker(Protocol):
    """What one receiver does with its splits, and the state that it keeps.

    Threading: made, used and finished by one receiver thread; nothing else touches it.
    """

    def process(self, index: int, split: Split) -> Any:
        """Run the pipeline over one split (`index`: its place in the source's order, from 0).

        The result is handed over (immutable from then on) and reaches the consumer in the order of `index`. None means
        that there is nothing to hand on.
        """
        ...

    def finish(self) -> Any:
        """Called once after the receiver's last split: the state kept over all of them, or None."""
        ...


class Stage(Protocol):
    """A pipeline ready to run.

    Threading: immutable and shared by all receivers; `open` is called by each receiver in its own thread.
    """

    @property
    def name(self) -> str:
        """For metrics and messages."""
        ...

    def open(self, partition: int) -> Worker:
        """The worker of a receiver."""
        ...


def note_of(stage: Stage) -> str:
    """What a stage says of itself for its statistics, in its attribute `note` if it has one."""
    note: str = getattr(stage, "note", "")
    return note


@dataclass(frozen=True, slots=True)
class Part:
    """A result that reaches the consumer: of a split (`index` is its place), or of a worker's end (`index` None)."""

    index: int | None
    value: Any


@dataclass(slots=True)
class Cancels:
    """How often `cancel` was called: whoever began before the last time is to stop, and nobody who begins after it.

    `wakers`: called by each, to interrupt work that waits.

    Threading: counted and read by any thread. Of two calls at once one may go uncounted, and means the same. `wakers`
    is changed by the coordinator's thread.
    """

    count: int = 0
    wakers: list[Callable[[], object]] = field(default_factory=list)

    def cancel(self) -> None:
        """Count, and wake those who work in the thread that would else look at the count."""
        self.count += 1
        for wake in list(self.wakers):
            wake()


class Processor(Protocol):
    """Runs stages. `simple` and `adaptive` give the same parts for the same stage and splits.

    Threading: used by one thread, the coordinator's (the caller's). `cancel` may be called from any thread.
    """

    metrics: QueryMetrics
    progress: Progress
    cancels: Cancels

    @property
    def name(self) -> str:
        """`simple` or `adaptive`."""
        ...

    @property
    def partitions(self) -> int:
        """Number of workers of each stage."""
        ...

    def run(
        self,
        stage: Stage,
        splits: Iterable[Split],
        *,
        prefetch: bool | None = None,
        facts: Facts | None = None,
        since: int | None = None,
    ) -> Generator[Part]:
        """Process all splits; yield their results in split order, then each worker's `finish` result.

        prefetch: iterate `splits` in a thread of its own (they block). facts: for the choice of a strategy. since:
        `cancels.count` when the query began of which this is a stage; default: now.

        Closing the iterator early (LIMIT) stops the work that is under way. A failure anywhere stops all, and the first
        error is raised here.
        """
        ...

    def close(self) -> None:
        """Stop and join all threads. May be called twice."""
        ...

    def cancel(self) -> None:
        """Make every `run` that was called before raise `Cancelled` soon. From any thread."""
        ...
