"""GROUP BY and aggregates: rows -> groups, in order of first appearance.

A collector maps the keys of its rows to group numbers and folds the arguments into states per group. Partials are
merged group by group: with few groups on the coordinator, with many in the receivers, a bucket of keys each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial as bind
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.breakers.breaker import SPLIT_SHIFT, Run
from velothread.breakers.merged_groups import AggregatePartial, MergedGroups
from velothread.breakers.slotted import SlottedPartial, are_near, in_parts, merged
from velothread.breakers.tasks import in_parallel
from velothread.kernels.aggregates.function import AggregateFunction
from velothread.kernels.aggregates.state import ArrayState, Rows, State
from velothread.kernels.aggregates.wrappers import Distinct, Ordered
from velothread.kernels.bucketing import parts_by, spread
from velothread.kernels.grouping import Codes, Grouper, joined, plain
from velothread.kernels.slots import Slots, moves
from velothread.kernels.sorting import SortKey, order
from velothread.sources.source import DEFAULT_BATCH_ROWS
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.plan.expressions import Expression
    from velothread.plan.pipelines import Group

# Rows are gathered until there are as many as this, or as groups, before they are grouped.
_FLUSH_ROWS = 32_768
# From this many partial groups on, merging is worth spreading over the receivers.
MANY_GROUPS = 100_000
_BUCKETS = 16


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate in the SELECT list, with its arguments as column numbers of `AggregateCollector.add`.

    types: types of all parameters, constants included; the columns are of these types.
    filter: a BOOLEAN column; rows where it isn't true are left out.
    order_by: sort keys, by column number.
    constants: the values of the function's constant parameters.
    """

    function: AggregateFunction
    types: tuple[SqlType, ...]
    returns: SqlType
    arguments: tuple[int, ...] = ()
    filter: int | None = None
    distinct: bool = False
    order_by: tuple[SortKey, ...] = ()
    constants: tuple[pa.Scalar, ...] = ()

    @property
    def exact(self) -> bool:
        """Can rows be gathered in any order? DISTINCT and ORDER BY put them in order first."""
        return self.function.exact or self.distinct or bool(self.order_by)

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that the state gets: arguments, then sort keys."""
        return (*self.arguments, *(k.column for k in self.order_by))

    def state(self) -> State:
        """A fresh state."""
        inner = bind(self.function.state, self.types, self.constants, self.returns)
        if self.order_by:
            keys = tuple(SortKey(i, k.descending, k.nulls_first) for i, k in enumerate(self.order_by, 1))
            return Ordered(inner, len(self.arguments), keys, self.distinct)
        if self.distinct and self.arguments:
            return Distinct(inner, self.function.ordered or not self.function.exact)
        return inner()


class AggregateCollector:
    """Groups the rows of a split or receiver.

    Threading: owned by one receiver.
    """

    __slots__ = (
        "_base",
        "_breaker",
        "_first",
        "_grouper",
        "_may_slot",
        "_pending",
        "_pieces",
        "_slots",
        "_states",
        "_tried",
    )

    def __init__(self, breaker: AggregateBreaker) -> None:
        self._breaker = breaker
        self._grouper = Grouper(len(breaker.keys)) if breaker.keys else None
        self._states = tuple(call.state() for call in breaker.calls)
        self._first: list[Codes] = []
        self._pieces: list[tuple[int, int, tuple[pa.Array, ...]]] = []  # (position of the first row, rows, columns)
        self._pending = 0
        self._base = 0
        # In place of the grouper while a single integer key fills its range.
        self._slots: Slots | None = None
        self._tried = 0  # from this many groups on it is time to look whether it does
        self._may_slot = (
            len(breaker.keys) == 1 and not breaker.per_split and all(isinstance(s, ArrayState) for s in self._states)
        )

    def begin(self, index: int) -> None:
        self._base = index << SPLIT_SHIFT

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        if not rows:
            return
        self._pieces.append((self._base, rows, columns))
        self._base += rows
        self._pending += rows
        known = 0 if self._grouper is None or self._slots is not None else self._grouper.groups
        if self._pending >= max(_FLUSH_ROWS, known):
            self._flush()

    def finish(self) -> AggregatePartial | SlottedPartial:
        if self._pieces:
            self._flush()
        if self._slots is not None:
            return SlottedPartial.of(self._slots, _array_states(self._states))
        if self._grouper is None:
            return AggregatePartial(1, (), np.zeros(1, np.int64), self._states)
        if not self._grouper.groups:
            return self._breaker.nothing()
        return AggregatePartial(self._grouper.groups, self._grouper.keys(), np.concatenate(self._first), self._states)

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        rows, self._pending = self._pending, 0
        columns = tuple(joined(p) for p in zip(*(c for _, _, c in pieces), strict=True)) if pieces[0][2] else ()

        def positions() -> Codes:
            spans = [np.arange(base, base + count, dtype=np.int64) for base, count, _ in pieces]
            return spans[0] if len(spans) == 1 else np.concatenate(spans)

        codes, groups = self._codes(rows, columns, positions)
        whole = Rows(rows, codes, groups, columns, positions)
        shared: dict[tuple[int | None, tuple[int, ...], bool], Rows] = {}
        for call, state in zip(self._breaker.calls, self._states, strict=True):
            skip = call.function.nulls == "skip"
            key = (call.filter, call.columns, skip)
            given = shared.get(key)
            if given is None:
                given = shared[key] = _given(whole, call, skip, shared)
            state.update(given)
        if self._may_slot and self._slots is None:
            self._take_up_slots()

    def _codes(
        self, rows: int, columns: tuple[pa.Array, ...], positions: Callable[[], Codes]
    ) -> tuple[Codes | None, int]:
        """The group or slot of each row, and how many there are."""
        if self._grouper is None:
            return None, 1
        if self._slots is not None:
            index = self._slotted(self._slots, columns[0])
            if index is not None:
                self._slots.note(index, positions)
                return index, self._slots.size
            self._give_up_slots(self._slots)
        codes, new = self._grouper.codes(rows, columns[: len(self._breaker.keys)])
        if len(new):
            self._first.append(positions()[new])
        return codes, self._grouper.groups

    def _slotted(self, slots: Slots, column: pa.Array) -> Codes | None:
        base, size = slots.base, slots.size
        index = slots.index(column)
        if slots.base != base:
            self._states = self._moved(moves(base, size, slots.base), slots.size)
        return index

    def _moved(self, codes: Codes | slice, groups: int) -> tuple[State, ...]:
        """The states with other numbers of their groups."""
        fresh = tuple(call.state() for call in self._breaker.calls)
        for mine, theirs in zip(_array_states(fresh), _array_states(self._states), strict=True):
            mine.merge(theirs, codes, groups)
        return fresh

    def _take_up_slots(self) -> None:
        if self._grouper is None or not self._grouper.is_direct or self._grouper.groups < self._tried:
            return
        self._tried = self._grouper.groups * 3 // 2
        (keys,) = self._grouper.keys()
        slots = Slots.of(keys, self._grouper.rows)
        index = slots.index(keys) if slots is not None else None
        if slots is None or index is None:
            return
        first = np.concatenate(self._first)
        slots.note(index, lambda: first)
        self._states = self._moved(index, slots.size)
        self._slots, self._grouper, self._first = slots, Grouper(1), []

    def _give_up_slots(self, slots: Slots) -> None:
        """Back to numbered groups, for good."""
        numbered = SlottedPartial.of(slots, _array_states(self._states))
        keys, self._states = numbered.part(0, numbered.groups)
        self._slots, self._grouper, self._first, self._may_slot = None, Grouper(1), [numbered.first], False
        self._grouper.codes(len(keys), (keys,))


def _array_states(states: tuple[State, ...]) -> tuple[ArrayState, ...]:
    """The states of calls by slot, all of which are of this kind."""
    return tuple(s for s in states if isinstance(s, ArrayState))


def _given(
    whole: Rows, call: AggregateCall, skip: bool, shared: dict[tuple[int | None, tuple[int, ...], bool], Rows]
) -> Rows:
    """The rows that a call gets. Calls without conditions on their rows share the counts per group."""
    wanted: pa.Array | None = None
    if call.filter is not None:
        condition = plain(whole.columns[call.filter])
        wanted = pc.fill_null(condition, False) if condition.null_count else condition
    if skip:
        for i in call.arguments:
            if whole.columns[i].null_count:
                present = pc.is_valid(whole.columns[i])
                wanted = present if wanted is None else pc.and_(wanted, present)
    columns = tuple(whole.columns[i] for i in call.columns)
    if wanted is None:
        all_rows = shared.setdefault((None, (), True), Rows(whole.count, whole.codes, whole.groups, (), None))
        given = Rows(whole.count, whole.codes, whole.groups, columns, lambda: whole.positions)
        given.share_counts(all_rows)
        return given
    places = np.flatnonzero(wanted.to_numpy(zero_copy_only=False))
    codes = whole.codes[places] if whole.codes is not None else None
    columns = tuple(c.filter(wanted) for c in columns)
    return Rows(len(places), codes, whole.groups, columns, lambda: whole.positions[places])


@dataclass(frozen=True, slots=True)
class AggregateBreaker:
    """keys: types of the first columns of `add`, by which rows are grouped; calls: what is computed for each group.

    Output: the keys, then a column per call; groups in order of first appearance. Without keys exactly one row.
    DISTINCT is this without calls.

    Threading: immutable.
    """

    keys: tuple[SqlType, ...]
    calls: tuple[AggregateCall, ...] = ()
    names: tuple[str, ...] | None = None
    batch_rows: int = DEFAULT_BATCH_ROWS

    @classmethod
    def of(cls, outputs: Sequence[Expression], group: Group, schema: pa.Schema) -> AggregateBreaker:
        """The breaker for a plan's `group` over columns `outputs`, giving columns called as in `schema`."""
        calls = []
        for call, place in zip(group.calls, group.layout, strict=True):
            types = (*(outputs[i].type for i in place.arguments), *(c.type for c in call.constants))
            keys = tuple(SortKey(*key) for key in place.order_by)
            constants = tuple(c.value for c in call.constants)
            calls.append(
                AggregateCall(
                    call.function, types, call.type, place.arguments, place.filter, call.distinct, keys, constants
                )
            )
        return cls(tuple(e.type for e in outputs[: group.keys]), tuple(calls), tuple(schema.names))

    @property
    def per_split(self) -> bool:
        return not all(call.exact for call in self.calls)

    @property
    def schema(self) -> pa.Schema:
        """Called by `names`, else: key columns k0, k1, ... and aggregates a0, a1, ..."""
        names = self.names or (*(f"k{i}" for i in range(len(self.keys))), *(f"a{i}" for i in range(len(self.calls))))
        types = [*self.keys, *(c.returns for c in self.calls)]
        return pa.schema([pa.field(n, t.arrow) for n, t in zip(names, types, strict=True)])

    def collector(self) -> AggregateCollector:
        return AggregateCollector(self)

    def nothing(self) -> AggregatePartial:
        """The partial of no rows at all."""
        keys = tuple(pa.array([], t.arrow) for t in self.keys)
        first = np.zeros(0 if self.keys else 1, np.int64)
        return AggregatePartial(len(first), keys, first, tuple(call.state() for call in self.calls))

    def merge(self, given: Sequence[AggregatePartial | SlottedPartial]) -> AggregatePartial:
        """One partial of several: in split order where the breaker is `per_split`, in any order otherwise."""
        partials = [_numbered(p) for p in given if p.groups]
        if not partials:
            return self.nothing()
        if len(partials) == 1:
            return partials[0]
        merging = MergedGroups(self)
        merging.add(partials)
        return merging.partial()

    def partition_partial(self, given: AggregatePartial | SlottedPartial, buckets: int) -> list[AggregatePartial]:
        """The partial in `buckets` parts by a hash of the key; a key has the same number in all partials."""
        found = dict(self.shares(given, buckets))
        return [found.get(i) or (self.nothing() if self.keys else _no_groups()) for i in range(buckets)]

    def shares(self, given: AggregatePartial | SlottedPartial, buckets: int) -> Iterator[tuple[int, AggregatePartial]]:
        """The parts of `partition_partial` that have groups, each with its number. Without keys all is in the first."""
        partial = _numbered(given)
        if not partial.groups:
            return
        if not self.keys or buckets == 1:
            yield 0, partial
            return
        for bucket, groups in enumerate(parts_by(spread(partial.keys, buckets), buckets)):
            if len(groups):
                keys = tuple(k.take(pa.array(groups)) for k in partial.keys)
                states = tuple(s.select(groups) for s in partial.states)
                yield bucket, AggregatePartial(len(groups), keys, partial.first[groups], states)

    def finished(self, partial: AggregatePartial) -> pa.RecordBatch:
        """The result's rows for the groups of a merged partial, in its order."""
        columns = [*partial.keys, *(s.finish(partial.groups) for s in partial.states)]
        return pa.RecordBatch.from_arrays(
            [c if c.type == f.type else plain(c).cast(f.type) for c, f in zip(columns, self.schema, strict=True)],
            schema=self.schema,
        )

    def result(
        self, partials: Sequence[AggregatePartial | SlottedPartial | None], run: Run
    ) -> Iterator[pa.RecordBatch]:
        given = [p for p in partials if p is not None and (p.groups or not self.keys)]
        slotted = [p for p in given if isinstance(p, SlottedPartial)]
        if slotted and len(slotted) == len(given) and are_near(slotted):
            whole = merged(slotted, [call.state for call in self.calls], run)  # type: ignore[misc]
            for batch in in_parts(whole, bind(self._part, whole), run):
                yield from (batch.slice(i, self.batch_rows) for i in range(0, batch.num_rows, self.batch_rows))
            return
        numbered = [_numbered(p) for p in given]
        if self.keys and len(numbered) > 1 and sum(p.groups for p in numbered) > self._many(numbered):
            yield from self._merged_by_key(numbered, run)
        else:
            all_of_them = self.merge(numbered)
            yield from self._in_order([self.finished(all_of_them)], all_of_them.first)

    def _part(self, whole: SlottedPartial, start: int, stop: int) -> pa.RecordBatch:
        keys, states = whole.part(start, stop)
        return self.finished(AggregatePartial(stop - start, (keys,), whole.first[start:stop], states))

    def _many(self, partials: Sequence[AggregatePartial]) -> int:
        """From how many partial groups on merging by key pays. A key of integers is found by direct addressing, which
        costs no more than splitting, so that it takes several receivers to gain from it."""
        few = len(partials) <= 2 and len(self.keys) == 1 and self.keys[0].is_integer
        return MANY_GROUPS * 40 if few else MANY_GROUPS

    def _merged_by_key(self, partials: Sequence[AggregatePartial], run: Run) -> Iterator[pa.RecordBatch]:
        splitting = [bind(self.partition_partial, p, _BUCKETS) for p in partials]
        parts = list(in_parallel(run, "aggregate: split partials", splitting))
        return self.result_of_shares([bind(self.merge, [p[i] for p in parts]) for i in range(_BUCKETS)], run)

    def result_of_shares(self, shares: Sequence[Callable[[], AggregatePartial]], run: Run) -> Iterator[pa.RecordBatch]:
        """As `result`, of many groups that have met already: each is made by one of `shares`, which run in parallel."""
        done = list(in_parallel(run, "aggregate: merge", [bind(self._made_and_finished, make) for make in shares]))
        yield from self._in_order([batch for batch, _ in done], np.concatenate([first for _, first in done]))

    def _made_and_finished(self, make: Callable[[], AggregatePartial]) -> tuple[pa.RecordBatch, Codes]:
        made = make()
        return self.finished(made), made.first

    def _in_order(self, pieces: list[pa.RecordBatch], first: Codes) -> Iterator[pa.RecordBatch]:
        rising = len(first) < 2 or not (first[1:] < first[:-1]).any()
        whole = pieces[0] if len(pieces) == 1 else _concatenated(pieces)
        by_place = None if rising else order([first.astype(np.uint64)], (), None)
        for start in range(0, whole.num_rows, self.batch_rows):
            if by_place is None:
                yield whole.slice(start, self.batch_rows)
            else:
                yield whole.take(pa.array(by_place[start : start + self.batch_rows]))


def _numbered(partial: AggregatePartial | SlottedPartial) -> AggregatePartial:
    if isinstance(partial, AggregatePartial):
        return partial
    keys, states = partial.part(0, partial.groups)
    return AggregatePartial(partial.groups, (keys,), partial.first, tuple(states))


def _no_groups() -> AggregatePartial:
    return AggregatePartial(0, (), np.zeros(0, np.int64), ())


def _concatenated(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    columns = [pa.concat_arrays([b.column(i) for b in batches]) for i in range(batches[0].num_columns)]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)
