"""A stage that does no SQL work: what a processor costs by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

import pyarrow as pa

from velothread.processors.metrics import PartitionMetrics
from velothread.sources.source import Split


@dataclass(slots=True)
class PassthroughWorker:
    """Hands the batches of a split on as they are, or only counts their rows.

    Threading: owned by one receiver.
    """

    count_only: bool = False
    rows: int = 0
    metrics: PartitionMetrics = field(default_factory=PartitionMetrics)

    def process(self, index: int, split: Split) -> Any:
        """The batches as a list, or None when only counting."""
        start = perf_counter_ns()
        batches: list[pa.RecordBatch] = list(split.batches())
        read = perf_counter_ns()
        rows = sum([batch.num_rows for batch in batches])
        self.rows += rows
        metrics = self.metrics
        metrics.source_ns += read - start
        metrics.records += rows
        metrics.batches += len(batches)
        metrics.bytes += split.bytes
        metrics.engine_ns += perf_counter_ns() - read
        return None if self.count_only else batches

    def finish(self) -> int | None:
        """The number of rows, when only counting."""
        return self.rows if self.count_only else None


@dataclass(frozen=True, slots=True)
class Passthrough:
    """A stage without SQL work, for either processor.

    Threading: immutable.
    """

    count_only: bool = False
    name: str = "passthrough"

    def open(self, partition: int) -> PassthroughWorker:
        """A worker of its own for each receiver."""
        return PassthroughWorker(self.count_only)
