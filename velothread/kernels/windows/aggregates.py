"""Aggregates over frames: each by the cheapest way that gives its exact answer.

Counts, exact sums, extremes, first and last values and quantiles have kernels of their own. What else has states that
merge goes through a tree of states; the rest is computed frame by frame with the states that GROUP BY uses, equal
neighbouring frames once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.aggregates import extremes, folds
from velothread.kernels.aggregates import rows as row_states
from velothread.kernels.aggregates.python_state import OverFrames
from velothread.kernels.aggregates.state import ArrayState, Rows, State, with_nulls
from velothread.kernels.aggregates.wrappers import Distinct, Ordered
from velothread.kernels.grouping import Codes, Grouper, normalised, plain, valid_mask
from velothread.kernels.sorting import SortKey, ranks, sort_permutation
from velothread.kernels.windows import state_tree, sums
from velothread.kernels.windows.call import Call
from velothread.kernels.windows.extremes import least_row
from velothread.kernels.windows.frames import Ranges, different, nth_row, over_kept, sizes
from velothread.kernels.windows.layout import Layout
from velothread.kernels.windows.order_statistics import count_less
from velothread.kernels.windows.quantiles import quantiles

# Frame by frame, so many rows are gathered at once.
_AT_ONCE = 1 << 20
# Aggregates that equal values don't change, and those that look for one row.
_INDIFFERENT = frozenset({"min", "max", "bool_and", "bool_or", "bit_and", "bit_or", "any_value", "first", "last"})


@dataclass(frozen=True, slots=True)
class _Input:
    """What a call sees: rows with FILTER applied and NULL arguments left out, and frames over them.

    starts: per row, the first row of its partition; running: every frame begins there.
    """

    rows: int
    columns: tuple[pa.Array, ...]
    order: tuple[pa.Array, ...]
    ranges: Ranges
    starts: Codes
    running: bool

    def only(self, kept: Codes) -> _Input:
        """The rows with a true flag."""
        mask = pa.array(kept)
        before = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        return replace(
            self,
            rows=int(before[-1]),
            columns=tuple(c.filter(mask) for c in self.columns),
            order=tuple(c.filter(mask) for c in self.order),
            ranges=over_kept(self.ranges, kept),
            starts=before.take(self.starts[kept]),
        )


def aggregate(call: Call, columns: Mapping[int, pa.Array], ranges: Ranges, layout: Layout) -> pa.Array:
    """The aggregate of each row's frame. columns: in sorted order, by number."""
    assert call.aggregate is not None
    given = _given(call, columns, ranges, layout)
    frames, numbers = different(given.ranges)
    found = _computed(call, replace(given, ranges=frames))
    target = call.returns.arrow
    if found.type != target:
        found = found.cast(target, safe=False)
    return found if numbers is None else found.take(pa.array(numbers))


def _given(call: Call, columns: Mapping[int, pa.Array], ranges: Ranges, layout: Layout) -> _Input:
    assert call.aggregate is not None
    starts = layout.partitions.start
    running = len(ranges) == 1 and bool((ranges[0][0] == starts).all())
    arguments = tuple(plain(columns[i]) for i in call.arguments)
    order = tuple(plain(columns[k.column]) for k in call.argument_order)
    whole = _Input(layout.rows, arguments, order, ranges, starts, running)
    kept = np.ones(layout.rows, bool)
    if call.filter is not None:
        condition = plain(columns[call.filter])
        kept = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    if call.aggregate.nulls == "skip":
        for column in arguments:
            if column.null_count:
                kept = kept & valid_mask(column)
    return whole if kept.all() else whole.only(kept)


def _computed(call: Call, given: _Input) -> pa.Array:
    """The result of each frame of `given`."""
    function = call.aggregate
    assert function is not None
    ordered = bool(call.argument_order) and function.ordered
    if function.python:
        return _by_class(call, given, ordered)
    if call.distinct and given.columns and function.name not in _INDIFFERENT:
        before = _before(given.columns, given.rows)
        if given.running and not ordered:
            # over frames that only grow, what counts is where a value appears first
            frames = given.only(before < given.starts)
            return _plain(call, frames)
        if function.name == "count" and len(given.ranges) == 1:
            begin = given.ranges[0][0]
            return pa.array(count_less(before + 1, given.ranges, begin + 1))
        return _frame_by_frame(partial(fresh_state, call, ordered, True), given)
    if not ordered:
        return _plain(call, given)
    state = _fresh(call)
    if isinstance(state, row_states.Chosen) and state.choice in ("first", "last"):
        return _first_in_order(call, state.choice == "last", given)
    return _frame_by_frame(partial(fresh_state, call, True, False), given)


def _by_class(call: Call, given: _Input, ordered: bool) -> pa.Array:
    """A class of the user's: by its own way, but where DISTINCT or ORDER BY choose other rows for each frame."""
    if call.distinct and given.columns and given.running and not ordered:
        given = given.only(_before(given.columns, given.rows) < given.starts)
    elif ordered or (call.distinct and given.columns):
        return _frame_by_frame(partial(fresh_state, call, ordered, call.distinct), given)
    state = _fresh(call)
    assert isinstance(state, OverFrames)
    return state.over_frames(given.rows, given.columns, given.ranges)


def _fresh(call: Call) -> State:
    assert call.aggregate is not None
    return call.aggregate.state(call.types, call.constants, call.returns)


def fresh_state(call: Call, ordered: bool, distinct: bool) -> State:
    """A state that gets the arguments, and the columns to order by where it is `ordered`."""
    assert call.aggregate is not None
    fresh = partial(_fresh, call)
    if ordered:
        keys = tuple(SortKey(i, k.descending, k.nulls_first) for i, k in enumerate(call.argument_order, 1))
        return Ordered(fresh, len(call.arguments), keys, distinct)
    if distinct:
        return Distinct(fresh, call.aggregate.ordered or not call.aggregate.exact)
    return fresh()


def _plain(call: Call, given: _Input) -> pa.Array:
    """Without DISTINCT and ORDER BY."""
    state, target = _fresh(call), call.returns.arrow
    count = sizes(given.ranges)
    if type(state) is folds.Count:
        return pa.array(count)
    if isinstance(state, folds.IntegerSum):
        return _exact_sum(state, given, count, target)
    if isinstance(state, folds.FloatSum) and given.running:
        return _running_float_sum(state, given, count)
    if isinstance(state, extremes.Extreme):
        return _extreme(given, state.largest)
    if isinstance(state, row_states.Chosen):
        found = _chosen(state, given, count)
        if found is not None:
            return found
    fractions = _fractions(call)
    if fractions is not None:
        continuous = call.aggregate is not None and call.aggregate.name != "quantile_disc"
        as_list = pa.types.is_list(target)
        one = target.value_type if as_list else target
        text = not pa.types.is_temporal(one) and not pa.types.is_floating(one) and not pa.types.is_decimal(one)
        return quantiles(given.columns[0], given.ranges, fractions, continuous and not text, as_list, one)
    if int(count.sum()) <= 4 * given.rows:
        return _frame_by_frame(partial(_fresh, call), given)
    if isinstance(state, ArrayState):
        return state_tree.over_frames(partial(_fresh, call), given.rows, given.columns, given.ranges)  # type: ignore[arg-type]
    if call.aggregate is not None and call.aggregate.name == "mode" and given.running:
        return _running_mode(given)
    return _frame_by_frame(partial(_fresh, call), given)


# --- sums


def _exact_sum(state: folds.IntegerSum, given: _Input, count: Codes, target: pa.DataType) -> pa.Array:
    """sum and avg of integers and decimals, avg of dates and times."""
    column, present = given.columns[0], count > 0
    if isinstance(state, folds.TemporalAverage):
        whole = column.cast(pa.timestamp("us")) if pa.types.is_date(column.type) else column
        micros = whole.view(pa.int64()).to_numpy(zero_copy_only=False)
        # away from a base, so that 64 bits hold the sums
        base = int(micros.min()) if len(micros) else 0
        total = sums.frame_sums([micros - base], given.ranges)[0]
        n = np.maximum(count, 1)
        return with_nulls((2 * total + n) // (2 * n) + base, present, state.result)
    parts = sums.frame_sums(sums.limbs(column), given.ranges)
    if not isinstance(state, folds.IntegerAverage):
        return sums.as_decimals(parts, present, state.target)
    divisor = np.maximum(count, 1).astype(np.float64) * float(10**state.target.scale)
    return with_nulls(sums.as_floats(parts) / divisor, present, pa.float64())


def _running_float_sum(state: folds.FloatSum, given: _Input, count: Codes) -> pa.Array:
    """sum and avg of floats over frames that begin with the partition: added one by one, as GROUP BY does."""
    (_, end), present = given.ranges[0], count > 0
    if not given.rows:
        return pa.nulls(len(count), pa.float64())
    values = given.columns[0].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    found = sums.running_float_sums(values, np.flatnonzero(given.starts == np.arange(given.rows)))
    total = np.where(present, found.take(np.maximum(end - 1, 0)), 0.0)
    if isinstance(state, folds.FloatAverage):
        total = total / np.maximum(count, 1)
    return with_nulls(total, present, pa.float64())


# --- one row of the frame


def _taken(column: pa.Array, rows: Codes) -> pa.Array:
    none = rows < 0
    return column.take(pa.array(rows, mask=none if none.any() else None))


def _extreme(given: _Input, largest: bool) -> pa.Array:
    return normalised(_taken(given.columns[0], _least(given.columns[0], largest, given)))


def _least(column: pa.Array, largest: bool, given: _Input) -> Codes:
    if not len(column):
        return np.full(len(given.ranges[0][0]), -1, np.int64)
    numbers = ranks(column)
    return least_row(numbers.max() - numbers if largest else numbers, given.ranges)


def _chosen(state: row_states.Chosen, given: _Input, count: Codes) -> pa.Array | None:
    if state.choice in ("first", "last"):
        wanted = np.where(count > 0, 0 if state.choice == "first" else count - 1, -1)
        return _taken(given.columns[0], nth_row(given.ranges, wanted))
    if given.columns[-1].null_count:
        return None
    return _taken(given.columns[0], _least(given.columns[-1], state.choice == "greatest", given))


def _first_in_order(call: Call, last: bool, given: _Input) -> pa.Array:
    """first, last and any_value with an ORDER BY of their own."""
    if not given.rows:
        return pa.nulls(len(given.ranges[0][0]), given.columns[0].type)
    places = places_in(call.argument_order, given.order).astype(np.uint64)
    return _taken(given.columns[0], least_row(places.max() - places if last else places, given.ranges))


def places_in(keys: Sequence[SortKey], columns: Sequence[pa.Array]) -> Codes:
    """The place of each row when rows are sorted by `keys`, whose columns are given in their order."""
    permutation = sort_permutation([SortKey(i, k.descending, k.nulls_first) for i, k in enumerate(keys)], columns)
    places = np.empty(len(permutation), np.int64)
    places[permutation] = np.arange(len(permutation))
    return places


# --- all rows of the frame


def _fractions(call: Call) -> tuple[float, ...] | None:
    """The fractions of a quantile of something that has ranks."""
    assert call.aggregate is not None
    if call.aggregate.name not in ("median", "quantile_cont", "quantile_disc"):
        return None
    given = call.constants[0].as_py() if call.constants else 0.5
    fractions = given if isinstance(given, list) else [given]
    return None if None in fractions or not fractions else tuple(map(float, fractions))


def _before(columns: Sequence[pa.Array], rows: int) -> Codes:
    """Per row: the last row before it with the same values, or -1."""
    before = np.full(rows, -1, np.int64)
    if rows:
        codes = Grouper(len(columns)).codes(rows, columns)[0]
        by_value = np.argsort(codes, kind="stable")
        same = codes[by_value[1:]] == codes[by_value[:-1]]
        before[by_value[1:][same]] = by_value[:-1][same]
    return before


def _running_mode(given: _Input) -> pa.Array:
    """mode over frames that begin with the partition: of all (value, how often so far), the most often, then first."""
    column = given.columns[0]
    codes, first = Grouper(2).codes(given.rows, (pa.array(given.starts), column))
    by_value = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    turns = np.empty(given.rows, np.int64)
    turns[by_value] = np.arange(given.rows) - np.repeat(np.cumsum(counts) - counts, counts)
    worth = (int(turns.max()) - turns).astype(np.uint64) * np.uint64(given.rows) + first.take(codes).astype(np.uint64)
    return _taken(column, least_row(worth, given.ranges))


def _frame_by_frame(make: partial[State], given: _Input) -> pa.Array:
    """Each frame's rows through a state of its own group: as many steps as all frames have rows together."""
    ranges, count = given.ranges, sizes(given.ranges)
    ends = np.cumsum(count)
    columns = (*given.columns, *given.order)
    pieces, first, frames = [], 0, len(count)
    while first < frames:
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        begins = np.stack([begin[first:last] for begin, _ in ranges], axis=1).ravel()
        lengths = np.stack([end[first:last] - begin[first:last] for begin, end in ranges], axis=1).ravel()
        total = int(lengths.sum())
        here = np.arange(total) + np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
        codes = np.repeat(np.arange(last - first), count[first:last])
        state = make()
        places = pa.array(here)
        state.update(Rows(total, codes, last - first, tuple(c.take(places) for c in columns)))
        pieces.append(state.finish(last - first))
        first = last
    if not pieces:
        return make().finish(0)
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays([p.cast(pieces[0].type) for p in pieces])
