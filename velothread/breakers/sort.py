"""ORDER BY: all rows in order, or the first few of them.

Full sort: receivers keep their batches; the columns are put together in source order, rows are dealt to ranges of the
key by splitters from a sample, and receivers sort a range each. Ranges come out in order, one after the other.

With a small LIMIT a collector keeps only the rows that can still be among the first ones.

The sort is stable: equal rows stay in source order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial as bind
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.breakers.breaker import SPLIT_SHIFT, Run
from velothread.breakers.emit import as_batch, limited
from velothread.breakers.gathering import GatheringCollector, Piece, in_source_order
from velothread.breakers.tasks import in_parallel
from velothread.kernels.bucketing import parts_by
from velothread.kernels.grouping import Codes, joined, plain
from velothread.kernels.rows import column as as_column
from velothread.kernels.sorting import Field, Layout, SortKey, comparable, order, sort_permutation
from velothread.sources.source import DEFAULT_BATCH_ROWS
from velothread.types import SqlType

__all__ = ["SortBreaker", "SortKey", "SortPartial"]

# Up to so many wanted rows, collectors keep candidates instead of everything.
_TOP_ROWS = 50_000
# Rows that are sorted at once, in one piece, rather than in ranges.
_ONE_PIECE = 200_000
_RANGES = 16
_CHUNK_ROWS = 1 << 18
_SAMPLE_ROWS = 8192


SortPartial = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class SortBreaker:
    """types: of the columns of `add`; keys: most significant first; outputs: the columns of the result.

    Threading: immutable.
    """

    types: tuple[SqlType, ...]
    keys: tuple[SortKey, ...]
    limit: int | None = None
    offset: int = 0
    outputs: tuple[int, ...] | None = None
    schema: pa.Schema | None = None
    batch_rows: int = DEFAULT_BATCH_ROWS

    @property
    def per_split(self) -> bool:
        return False

    @property
    def wanted(self) -> int | None:
        """How many rows from the start matter, or None for all."""
        return None if self.limit is None else self.limit + self.offset

    def collector(self) -> GatheringCollector | TopCollector:
        wanted = self.wanted
        return GatheringCollector(compact=True) if wanted is None or wanted > _TOP_ROWS else TopCollector(self, wanted)

    def result(self, partials: Sequence[SortPartial], run: Run) -> Iterator[pa.RecordBatch]:
        pieces = [p for p in in_source_order(partials) if p.rows]
        if not pieces or self.limit == 0:
            return
        yield from limited(self._sorted(pieces, run), self.limit, self.offset)

    def key_columns(self, columns: Sequence[pa.Array]) -> list[pa.Array]:
        """The columns that are sorted by, in the order of `keys`."""
        return [columns[k.column] for k in self.keys]

    def _sorted(self, pieces: list[Piece], run: Run) -> Iterator[pa.RecordBatch]:
        rows = sum(p.rows for p in pieces)
        if any(p.positions is not None for p in pieces):
            yield from self._sorted_candidates(pieces)
        elif rows <= _ONE_PIECE:
            columns = [joined(c) for c in zip(*(p.columns for p in pieces), strict=True)]
            yield from self._emitted(columns, sort_permutation(self.keys, self.key_columns(columns)))
        else:
            yield from self._sorted_in_ranges(pieces, rows, run)

    def _sorted_candidates(self, pieces: list[Piece]) -> Iterator[pa.RecordBatch]:
        places = np.concatenate([p.places for p in pieces])
        by_place = np.argsort(places, kind="stable")
        columns = [joined(c).take(pa.array(by_place)) for c in zip(*(p.columns for p in pieces), strict=True)]
        yield from self._emitted(columns, sort_permutation(self.keys, self.key_columns(columns)))

    def _sorted_in_ranges(self, pieces: list[Piece], rows: int, run: Run) -> Iterator[pa.RecordBatch]:
        by_column = {k.column: k for k in self.keys}
        joining = [bind(_whole, [p.columns[i] for p in pieces], by_column.get(i)) for i in range(len(self.types))]
        prepared = list(in_parallel(run, "sort: join columns", joining))
        columns = [column for column, _ in prepared]
        # Keys in shapes of which any part can be compared with any other.
        known = [
            comparable(k, columns[k.column]) if by_column[k.column] is not k else prepared[k.column][1]
            for k in self.keys
        ]
        keys = [column for column, _ in known]
        layout = Layout.made_of(field for _, field in known)
        sample = pa.array(np.linspace(0, rows - 1, min(rows, _SAMPLE_ROWS)).astype(np.int64))
        seen = np.sort(layout.words([k.take(sample) for k in keys])[0])
        splitters = np.unique(seen[np.linspace(0, len(seen) - 1, _RANGES + 1).astype(np.int64)[1:-1]])
        splitting = [
            bind(_split, layout, [k.slice(start, _CHUNK_ROWS) for k in keys], start, splitters)
            for start in range(0, rows, _CHUNK_ROWS)
        ]
        chunks = list(in_parallel(run, "sort: split into ranges", splitting))
        sorting = [
            bind(self._sorted_range, [c[i] for c in chunks], columns, None if layout.exact else keys)
            for i in range(len(splitters) + 1)
        ]
        for batches in in_parallel(run, "sort: ranges", sorting):
            yield from batches

    def _sorted_range(
        self, parts: list[tuple[Codes, list[Codes]]], columns: list[pa.Array], keys: list[pa.Array] | None
    ) -> list[pa.RecordBatch]:
        rows = np.concatenate([p[0] for p in parts])
        if not len(rows):
            return []
        words = [np.concatenate(w) for w in zip(*(p[1] for p in parts), strict=True)]
        mine = None if keys is None else [k.take(pa.array(rows)) for k in keys]
        return list(self._emitted(columns, rows[order(words, self.keys, mine)]))

    def _emitted(self, columns: Sequence[pa.Array], permutation: Codes) -> Iterator[pa.RecordBatch]:
        outputs = range(len(columns)) if self.outputs is None else self.outputs
        chosen = [columns[i] for i in outputs]
        schema = self.schema or pa.schema([pa.field(f"c{i}", self.types[i].arrow) for i in outputs])
        if self.wanted is not None:
            permutation = permutation[: self.wanted]
        for start in range(0, len(permutation), self.batch_rows):
            places = pa.array(permutation[start : start + self.batch_rows])
            yield as_batch(len(places), [c.take(places) for c in chosen], schema)


def _whole(pieces: list[pa.Array], key: SortKey | None) -> tuple[pa.Array, tuple[pa.Array, Field] | None]:
    """A column put together, and what it becomes as a sort key."""
    column = joined(pieces)
    return column, None if key is None else comparable(key, column)


def _split(layout: Layout, keys: list[pa.Array], start: int, splitters: Codes) -> list[tuple[Codes, list[Codes]]]:
    """For each range: the row numbers of a chunk that fall into it, rising, and their words."""
    words = layout.words(keys)
    ranges = np.zeros(len(words[0]), np.uint8)
    for splitter in splitters:
        ranges += words[0] > splitter
    return [(rows + start, [w[rows] for w in words]) for rows in parts_by(ranges, len(splitters) + 1)]


@dataclass(slots=True)
class TopCollector:
    """Keeps the rows that can be among the first `wanted` ones.

    Threading: owned by one receiver.
    """

    breaker: SortBreaker
    wanted: int
    _pieces: list[Piece] = field(default_factory=list)
    _rows: int = 0
    _grown: bool = False  # rows came since the last cut
    _base: int = 0
    _worst: pa.Scalar | None = None  # first key of the last of the best rows, once there are `wanted` of them

    def begin(self, index: int) -> None:
        self._base = index << SPLIT_SHIFT

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        base = self._base
        self._base += rows
        if not self.wanted or not rows:
            return
        piece = Piece(rows, columns, base)
        if self._worst is not None:
            hopeful = self._hopeful(columns[self.breaker.keys[0].column])
            if hopeful is not None:
                places = np.flatnonzero(hopeful.to_numpy(zero_copy_only=False))
                if not len(places):
                    return
                if len(places) < rows:
                    piece = piece.take(places)
        self._pieces.append(piece)
        self._rows += piece.rows
        self._grown = True
        if self._rows >= 2 * self.wanted + 1024:
            self._cut()

    def finish(self) -> SortPartial:
        if self._rows > self.wanted:
            self._cut()
        return tuple(p if p.positions is not None else p.take(np.arange(p.rows)) for p in self._pieces)

    def choose(self, rows: int, key: pa.Array, masks: tuple[Any, ...]) -> Codes | None:
        """Of a batch that is yet to be read: the rows (rising) that may be among the first by their first key, and for
        which all `masks` are true. None: all."""
        if self._grown and self._rows >= self.wanted:
            self._cut()
        wanted: Any = None
        for mask in masks:
            mask = as_column(mask, rows)
            wanted = mask if wanted is None else pc.and_kleene(wanted, mask)
        hopeful = self._hopeful(key)
        if hopeful is not None:
            wanted = hopeful if wanted is None else pc.and_kleene(wanted, hopeful)
        chosen: Codes | None = None
        if wanted is not None:
            chosen = pc.indices_nonzero(wanted).to_numpy().astype(np.int64)
            key = key.take(pa.array(chosen)) if len(chosen) < rows else key
        first = self._first_by_first_key(key, 2 * self.wanted)
        if first is None:
            return chosen
        return first if chosen is None else chosen[first]

    def bounds(self) -> tuple[tuple[Any, Any], ...]:
        """(operator, value): what the first key of all hopeful rows meets."""
        key, worst = self.breaker.keys[0], self._worst
        if worst is None or not worst.is_valid or key.nulls_first:
            return ()
        return ((">=" if key.descending else "<=", worst.as_py()),)

    def _hopeful(self, column: pa.Array) -> pa.Array | None:
        """Rows whose first key is not beyond the worst of the best; None: can't say."""
        key = self.breaker.keys[0]
        worst = self._worst
        if worst is None or not worst.is_valid or pa.types.is_nested(column.type) or pa.types.is_interval(column.type):
            return None
        column = plain(column)
        if column.type != worst.type:
            return None
        if pa.types.is_floating(column.type):
            if worst.as_py() != worst.as_py():
                return None
            beyond = pc.less(column, worst) if key.descending else pc.greater(column, worst)
            if not key.descending:
                beyond = pc.or_(beyond, pc.is_nan(column))
        else:
            beyond = pc.less(column, worst) if key.descending else pc.greater(column, worst)
        return pc.fill_null(pc.invert(beyond), key.nulls_first)

    def _first_by_first_key(self, key: pa.Array, least: int) -> Codes | None:
        """Rows (rising) that are among the first by the first key alone, ties included; None: all."""
        if len(key) <= max(least, self.wanted) or not self.wanted or pa.types.is_nested(key.type):
            return None
        layout = Layout.of(self.breaker.keys[:1], (key,))
        words = layout.words((key,))[0]
        # The words of a layout rise with the key, even where they don't tell all keys apart.
        last = np.partition(words, self.wanted - 1)[self.wanted - 1]
        rows = np.flatnonzero(words <= last)
        if layout.exact:
            # There are `wanted` rows as good as this one: the first rows of all are no worse.
            worst = plain(key.slice(int(np.argmax(words == last)), 1))[0]
            self._worst = worst if worst.is_valid else self._worst
        return rows

    def _cut(self) -> None:
        """Keep the best rows only, in source order."""
        self._grown = False
        columns = tuple(joined(c) for c in zip(*(p.columns for p in self._pieces), strict=True))
        places = np.concatenate([p.places for p in self._pieces])
        hopeful = self._first_by_first_key(columns[self.breaker.keys[0].column], 8 * self.wanted + 1024)
        if hopeful is not None:
            columns, places = tuple(c.take(pa.array(hopeful)) for c in columns), places[hopeful]
        permutation = sort_permutation(self.breaker.keys, self.breaker.key_columns(columns))
        if len(permutation) >= self.wanted > 0:
            best = permutation[: self.wanted]
            self._worst = plain(columns[self.breaker.keys[0].column].slice(int(best[-1]), 1))[0]
            rows = np.sort(best)
            columns = tuple(c.take(pa.array(rows)) for c in columns)
            places = places[rows]
        self._pieces = [Piece(len(places), columns, int(places[0]), places)]
        self._rows = len(places)
