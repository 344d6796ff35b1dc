"""Window functions: rows come out as they came in, with a column per call.

Receivers keep their batches. These are put together in source order; rows are dealt to buckets by their partition
keys, and receivers sort a bucket each and compute its calls. Calls that share PARTITION BY and ORDER BY share one sort.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial as bind

import numpy as np
import pyarrow as pa

from velothread.breakers.breaker import Run
from velothread.breakers.emit import as_batch
from velothread.breakers.gathering import GatheringCollector, Piece, in_source_order
from velothread.breakers.tasks import in_parallel
from velothread.kernels.bucketing import parts_by, spread
from velothread.kernels.grouping import Codes, joined
from velothread.kernels.sorting import SortKey
from velothread.kernels.windows.call import Call, WindowOrder
from velothread.kernels.windows.evaluate import evaluate
from velothread.kernels.windows.frames import Bound, Frame
from velothread.kernels.windows.whole import are_whole
from velothread.plan.expressions import Expression, WindowCall
from velothread.plan.pipelines import Windowed, WindowLayout
from velothread.sources.source import DEFAULT_BATCH_ROWS

# Up to so many rows, a sort in one piece costs less than dealing them to buckets.
_ONE_PIECE = 100_000
_BUCKETS = 16


@dataclass(frozen=True, slots=True)
class WindowBreaker:
    """width: so many of the first columns of `add` are the rows; calls: what is computed, with the order that each
    is computed in; schema: of the rows and the calls' results.

    Threading: immutable.
    """

    width: int
    calls: tuple[tuple[WindowOrder, Call], ...]
    schema: pa.Schema
    batch_rows: int = DEFAULT_BATCH_ROWS

    @classmethod
    def of(cls, outputs: Sequence[Expression], end: Windowed, schema: pa.Schema) -> WindowBreaker:
        """The breaker for a plan's windows over columns `outputs`."""
        pairs = zip(end.calls, end.layout, strict=True)
        return cls(end.width, tuple(_placed(outputs, call, place) for call, place in pairs), schema)

    @property
    def per_split(self) -> bool:
        return False

    def collector(self) -> GatheringCollector:
        return GatheringCollector(compact=True)

    def result(self, partials: Sequence[tuple[Piece, ...]], run: Run) -> Iterator[pa.RecordBatch]:
        """The rows in the order of the source, with the calls' results.

        :raises ExecutionError: with the position of the call that refused a value.
        """
        pieces = in_source_order(partials)
        if not pieces:
            return
        rows = sum(p.rows for p in pieces)
        joining = [bind(joined, [p.columns[i] for p in pieces]) for i in range(len(pieces[0].columns))]
        columns: list[pa.Array] = list(in_parallel(run, "window: join columns", joining)) if joining else []
        pieces.clear()
        results = self._computed(rows, columns, run)
        whole = [*columns[: self.width], *results]
        for start in range(0, rows, self.batch_rows):
            count = min(self.batch_rows, rows - start)
            yield as_batch(count, [c.slice(start, count) for c in whole], self.schema)

    def _computed(self, rows: int, columns: Sequence[pa.Array], run: Run) -> list[pa.Array]:
        """A column per call, in the order of the rows."""
        by_order: dict[WindowOrder, list[int]] = {}
        for i, (order, _) in enumerate(self.calls):
            by_order.setdefault(order, []).append(i)
        found: dict[int, pa.Array] = {}
        buckets: dict[tuple[int, ...], list[Codes] | None] = {}
        for order, numbers in by_order.items():
            calls = [self.calls[i][1] for i in numbers]
            python = any(call.aggregate is not None and call.aggregate.python for call in calls)
            if are_whole(order, calls) and not python:  # groups cost less than buckets
                parts = None
            else:
                if order.partition_by not in buckets:
                    buckets[order.partition_by] = _buckets(rows, [columns[i] for i in order.partition_by])
                parts = buckets[order.partition_by]
            tasks = [bind(_evaluated, order, calls, rows, columns, part) for part in (parts or (None,))]
            done = list(in_parallel(run, "window: partitions", tasks))
            places = _places(rows, [p for p, _ in done])
            back = [bind(_put_back, [results[j] for _, results in done], places) for j in range(len(numbers))]
            found.update(zip(numbers, in_parallel(run, "window: rows in order", back), strict=True))
        return [found[i] for i in range(len(self.calls))]


def _placed(outputs: Sequence[Expression], call: WindowCall, place: WindowLayout) -> tuple[WindowOrder, Call]:
    """A plan's call with its inputs as column numbers, and the order that it is computed in."""
    start, end = (Bound(b.kind, i) for b, i in zip((call.frame.start, call.frame.end), place.bounds, strict=True))
    order = WindowOrder(place.partition_by, tuple(SortKey(*k) for k in place.order_by))
    return order, Call(
        call.name,
        call.aggregate,
        (*(outputs[i].type for i in place.arguments), *(c.type for c in call.constants)),
        call.type,
        Frame(call.frame.unit, start, end, call.frame.exclude),
        place.arguments,
        tuple(c.value for c in call.constants),
        place.filter,
        call.distinct,
        call.ignore_nulls,
        tuple(SortKey(*k) for k in place.argument_order),
        call.position,
    )


def _buckets(rows: int, keys: Sequence[pa.Array]) -> list[Codes] | None:
    """Rows (rising) in parts that each hold whole partitions; None: all rows are one part."""
    if rows <= _ONE_PIECE or not keys:
        return None
    parts = [part for part in parts_by(spread(keys, _BUCKETS), _BUCKETS) if len(part)]
    return parts if len(parts) > 1 else None


def _evaluated(
    order: WindowOrder, calls: Sequence[Call], rows: int, columns: Sequence[pa.Array], part: Codes | None
) -> tuple[Codes | None, list[pa.Array]]:
    """The rows of a part in sorted order (None: as they are), and a value for each, per call."""
    needed = {i for call in calls for i in call.columns} | {*order.partition_by, *(k.column for k in order.order_by)}
    if part is None:
        return evaluate(order, calls, rows, {i: columns[i] for i in needed})
    places = pa.array(part)
    permutation, results = evaluate(order, calls, len(part), {i: columns[i].take(places) for i in needed})
    return part if permutation is None else part[permutation], results


def _places(rows: int, parts: list[Codes | None]) -> pa.Array | None:
    """For each row, where its value is among the results put together; None: they are in the order of the rows."""
    if parts[0] is None:
        return None
    places = np.empty(rows, np.int64)
    done = 0
    for part in parts:
        assert part is not None
        places[part] = np.arange(done, done + len(part))
        done += len(part)
    return pa.array(places)


def _put_back(pieces: list[pa.Array], places: pa.Array | None) -> pa.Array:
    whole = joined(pieces)
    return whole if places is None else whole.take(places)
