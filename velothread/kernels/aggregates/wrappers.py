"""DISTINCT and ORDER BY inside an aggregate: states that hold rows back and feed an inner state at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates.folds import Count
from velothread.kernels.aggregates.rows import RowState
from velothread.kernels.aggregates.state import Rows, State
from velothread.kernels.grouping import Codes, Grouper, is_direct, joined
from velothread.kernels.sorting import SortKey, sort_permutation
from velothread.kernels.value_set import ValueSet

# Makes the state of the aggregate without DISTINCT and ORDER BY.
Inner = Callable[[], State]


class Distinct:
    """Each combination of arguments counts once per group, at the place where it appears first.

    positions: whether the inner aggregate depends on the order of its rows.
    """

    __slots__ = ("direct", "grouper", "inner", "keep_positions", "pending", "pieces", "positions", "waiting")

    def __init__(self, inner: Inner, keep_positions: bool) -> None:
        self.inner = inner
        self.keep_positions = keep_positions
        self.grouper: Grouper | None = None
        # Integers without groups and without order: flags, as long as their range is small.
        self.direct: ValueSet | None = None
        self.positions: list[Codes] = []
        # Rows not yet grouped: it pays only when there are about as many as pairs.
        self.pending: list[tuple[tuple[pa.Array, ...], Codes | None]] = []
        self.waiting = 0
        # Merged states: (group, arguments..., positions), grouped together only when all are there.
        self.pieces: list[tuple[Codes, tuple[pa.Array, ...], Codes | None]] = []

    def update(self, rows: Rows) -> None:
        if not rows.count or self._flagged(rows):
            return
        self.pending.append(((_group_column(rows), *rows.columns), rows.positions if self.keep_positions else None))
        self.waiting += rows.count
        if self.waiting >= 32_768 and (self.grouper is None or self.waiting >= self.grouper.groups):
            self._flush()

    def _flagged(self, rows: Rows) -> bool:
        if rows.codes is not None or self.keep_positions or self.pending or self.grouper is not None:
            return False
        if len(rows.columns) != 1 or rows.columns[0].null_count or not is_direct(rows.columns[0]):
            return False
        if self.direct is None:
            self.direct = ValueSet(rows.columns[0].type)
        if self.direct.add(rows.columns[0]):
            return True
        self.pieces.append(self._values(self.direct))
        self.direct = None
        self.grouper = Grouper(2)
        return False

    @staticmethod
    def _values(direct: ValueSet) -> tuple[Codes, tuple[pa.Array, ...], Codes | None]:
        values = direct.values()
        return np.zeros(len(values), np.intp), (values,), None

    def _flush(self) -> None:
        if not self.pending:
            return
        columns = tuple(joined(c) for c in zip(*(p[0] for p in self.pending), strict=True))
        places = [p[1] for p in self.pending if p[1] is not None]
        rows, self.waiting, self.pending = self.waiting, 0, []
        if self.grouper is None:
            self.grouper = Grouper(len(columns))
        _, new = self.grouper.codes(rows, columns)
        if self.keep_positions and len(new):
            self.positions.append(np.concatenate(places)[new])

    def merge(self, other: Self, codes: Codes, groups: int) -> None:
        if other.direct is not None and not other.pieces and len(codes) == 1 and codes[0] == 0:
            if self.direct is None and not self.pieces:
                self.direct = ValueSet(other.direct.type)
            if self.direct is not None and self.direct.unite(other.direct):
                return
        for owners, columns, positions in other.pairs():
            self.pieces.append((codes[owners], columns, positions))

    def pairs(self) -> list[tuple[Codes, tuple[pa.Array, ...], Codes | None]]:
        """The distinct (group, arguments), and where they appeared; those of several pieces may meet again."""
        self._flush()
        found = list(self.pieces)
        if self.direct is not None:
            found.append(self._values(self.direct))
        if self.grouper is not None and self.grouper.groups:
            owners, *columns = self.grouper.keys()
            groups = _owners(owners)
            found.append((groups, tuple(columns), np.concatenate(self.positions) if self.keep_positions else None))
        return found

    def select(self, groups: Codes) -> Self:
        chosen = type(self)(self.inner, self.keep_positions)
        for owners, columns, positions in self.pairs():
            turns = np.full(max(int(owners.max()), int(groups.max())) + 1, -1, np.intp)
            turns[groups] = np.arange(len(groups))
            codes = turns[owners]
            rows = np.flatnonzero(codes >= 0)
            if len(rows):
                taken = tuple(c.take(pa.array(rows)) for c in columns)
                chosen.pieces.append((codes[rows], taken, None if positions is None else positions[rows]))
        return chosen

    def finish(self, groups: int) -> pa.Array:
        state = self.inner()
        if self.direct is not None and not self.pieces:
            # Flags are of group 0 alone; who counts them doesn't ask for the values.
            columns = () if isinstance(state, Count) else (self.direct.values(),)
            state.update(Rows(self.direct.count, None, 1, columns))
            return state.finish(groups)
        pieces = self.pairs()
        if pieces:
            owners = np.concatenate([p[0] for p in pieces])
            columns = tuple(pa.concat_arrays(list(c)) for c in zip(*(p[1] for p in pieces), strict=True))
            positions = np.concatenate([p[2] for p in pieces if p[2] is not None]) if self.keep_positions else None
            if positions is not None:
                in_order = np.argsort(positions, kind="stable")
                owners, positions = owners[in_order], positions[in_order]
                columns = tuple(c.take(pa.array(in_order)) for c in columns)
            if len(pieces) > 1:
                _, new = Grouper(len(columns) + 1).codes(len(owners), (pa.array(owners), *columns))
                if len(new) < len(owners):
                    owners, columns = owners[new], tuple(c.take(pa.array(new)) for c in columns)
                    positions = positions[new] if positions is not None else None
            places = positions
            state.update(Rows(len(owners), owners, groups, columns, None if places is None else lambda: places))
        return state.finish(groups)


def _group_column(rows: Rows) -> pa.Array:
    return pa.nulls(rows.count) if rows.codes is None else pa.array(rows.codes)


def _owners(column: pa.Array) -> Codes:
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.intp)
    found: Codes = column.to_numpy(zero_copy_only=False).astype(np.intp, copy=False)
    return found


class Ordered(RowState):
    """ORDER BY inside an aggregate: its rows are sorted before the aggregate sees them.

    The columns are the arguments and then the sort keys. `distinct`: equal arguments count once, at their first place
    in that order.
    """

    __slots__ = ("arguments", "distinct", "inner", "keys")

    def __init__(self, inner: Inner, arguments: int, keys: tuple[SortKey, ...], distinct: bool) -> None:
        super().__init__()
        self.inner = inner
        self.arguments = arguments
        self.keys = keys
        self.distinct = distinct

    def _empty(self) -> Self:
        return type(self)(self.inner, self.arguments, self.keys, self.distinct)

    def finish(self, groups: int) -> pa.Array:
        state = self.inner()
        kept = self.in_order()
        if kept is not None:
            keys = (SortKey(0), *self.keys)
            kept = kept.take(sort_permutation(keys, (pa.array(kept.codes), *kept.columns[self.arguments :])))
            columns, codes = kept.columns[: self.arguments], kept.codes
            if self.distinct:
                _, new = Grouper(self.arguments + 1).codes(len(codes), (pa.array(codes), *columns))
                columns, codes = tuple(c.take(pa.array(new)) for c in columns), codes[new]
            state.update(Rows(len(codes), codes, groups, columns))
        return state.finish(groups)
