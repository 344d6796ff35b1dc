"""The splits of a pipeline: of all its branches, in order; of sources, or of batches that are there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from velothread.sources.source import BatchSplit, Split, SplitSize

# Batches between pipelines are dealt out in splits of about so many rows.
SPLIT_ROWS = 262_144


@dataclass(frozen=True, slots=True)
class BranchSplit:
    """A split, and the branch whose function runs over it.

    Threading: immutable.
    """

    branch: int
    inner: Split

    @property
    def bytes(self) -> int:
        return self.inner.bytes

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self.inner.batches()


@dataclass(frozen=True, slots=True)
class Splits:
    """The splits of all branches of a pipeline, one branch after the other, lazily.

    `prefetch`: a thread of its own should iterate, since reading blocks.
    """

    parts: list[Callable[[], Iterator[Split]]]
    prefetch: bool

    def __iter__(self) -> Iterator[Split]:
        for part in self.parts:
            yield from part()


@dataclass(frozen=True, slots=True)
class SizedSplits(Splits):
    """Splits that are all there already."""

    known: Sequence[Split]

    def __len__(self) -> int:
        return len(self.known)

    def __iter__(self) -> Iterator[Split]:
        return iter(self.known)


def grouped(batches: Sequence[pa.RecordBatch], size: SplitSize | None = None) -> Iterator[Split]:
    """Batches in splits of about SPLIT_ROWS rows, in order, or of `size`."""
    most = SPLIT_ROWS
    if size is not None:
        most = min(SPLIT_ROWS, size.of_rows(sum(b.num_rows for b in batches)))
        batches = [b.slice(i, most) for b in batches for i in range(0, max(b.num_rows, 1), most)]
    group: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        group.append(batch)
        rows += batch.num_rows
        if rows >= most:
            yield BatchSplit(tuple(group), sum(b.nbytes for b in group))
            group, rows = [], 0
    if group:
        yield BatchSplit(tuple(group), sum(b.nbytes for b in group))
