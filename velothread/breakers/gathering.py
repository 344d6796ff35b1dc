"""Rows gathered as they come, with their places in the source: for sorts, windows and the build sides of joins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from velothread.breakers.breaker import SPLIT_SHIFT
from velothread.kernels.grouping import Codes
from velothread.kernels.sorting import is_small_text


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows as they came, with the global position of each: one for the first row when they are consecutive.

    Threading: immutable.
    """

    rows: int
    columns: tuple[pa.Array, ...]
    position: int
    positions: Codes | None = None

    @property
    def places(self) -> Codes:
        """Global position per row."""
        return self.positions if self.positions is not None else np.arange(self.position, self.position + self.rows)

    def take(self, rows: Codes) -> Piece:
        """These rows, in this order."""
        places = self.places[rows]
        columns = tuple(c.take(pa.array(rows)) for c in self.columns)
        return Piece(len(rows), columns, int(places[0]) if len(rows) else 0, places)


class GatheringCollector:
    """Keeps all rows. compact: text that repeats becomes dictionary-encoded, cheaper to compare and to move.

    Threading: owned by one receiver.
    """

    __slots__ = ("_base", "_compact", "_pieces")

    def __init__(self, *, compact: bool) -> None:
        self._compact = compact
        self._pieces: list[Piece] = []
        self._base = 0

    def begin(self, index: int) -> None:
        self._base = index << SPLIT_SHIFT

    def add(self, rows: int, columns: tuple[pa.Array, ...]) -> None:
        if rows:
            if self._compact:
                columns = tuple(c.dictionary_encode() if is_small_text(c) else c for c in columns)
            self._pieces.append(Piece(rows, columns, self._base))
            self._base += rows

    def finish(self) -> tuple[Piece, ...]:
        return tuple(self._pieces)


def in_source_order(partials: Iterable[Sequence[Piece]]) -> list[Piece]:
    """The pieces of all receivers, by their first rows."""
    return sorted((p for partial in partials for p in partial), key=lambda p: p.position)
