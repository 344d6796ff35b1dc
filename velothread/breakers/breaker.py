"""What ends a pipeline: a breaker gathers rows and gives them back transformed (aggregated, sorted, as they are).

The generated function of a pipeline calls `collector.add(rows, columns)` once per batch. A collector belongs to one
split or to one receiver; what it has gathered is handed over as an immutable partial. `Breaker.result` puts the
partials together; it must not matter how splits were dealt to receivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from velothread.processors.stage import Part, Stage
from velothread.sources.source import Split

# Runs a stage with the processor's receivers: how merges work in parallel.
Run = Callable[[Stage, Iterable[Split]], Iterator[Part]]

# Rows have a global position: (index of the split) << SPLIT_SHIFT | row within the split's filtered output. It orders
# rows as the source does, whoever read them.
SPLIT_SHIFT = 36


class Collector(Protocol):
    """Gathers the rows of a pipeline.

    Threading: owned by one receiver.
    """

    def begin(self, index: int) -> None:
        """The rows that follow are of split `index`. Called once for a collector per split; a collector per receiver
        hears it before each split (in rising order within a receiver, with gaps)."""
        ...

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        """Take a batch: `rows` rows; the layout of `columns` is the breaker's own. Text columns may come
        dictionary-encoded."""
        ...

    def finish(self) -> Any:
        """The partial: immutable from now on."""
        ...


class Breaker(Protocol):
    """How a pipeline ends.

    Threading: immutable and shared; `result` runs on the coordinator.
    """

    @property
    def per_split(self) -> bool:
        """True: a collector per split, partials in split order (float sums, output in source order). False: one per
        receiver, when gathering in any order gives the same bytes (counts, integer sums, min, max; positions kept)."""
        ...

    def collector(self) -> Collector: ...

    def result(self, partials: Sequence[Any], run: Run) -> Iterator[pa.RecordBatch]:
        """Put the partials together. The batches' columns are the breaker's output schema."""
        ...
