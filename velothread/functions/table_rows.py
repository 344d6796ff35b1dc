"""The rows that a function yielded, as columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import pyarrow as pa

from velothread.functions.results import WrongResultError, entering, shortened
from velothread.functions.tables import TableShape
from velothread.sources.arrow_batches import rows_only

# Rows of one kind -> their values, as tuples.
_Taking = Callable[[Sequence[Any]], Sequence[tuple[Any, ...]]]


class RowColumns:
    """Turns rows into columns, some or all of those that they have.

    Threading: owned by one thread.
    """

    def __init__(self, shape: TableShape, wanted: Sequence[int] | None = None) -> None:
        self.shape = shape
        self.wanted = range(len(shape.names)) if wanted is None else wanted
        self._enters = {i: entering(shape.shapes[i]) for i in self.wanted}

    def arrays(self, rows: Sequence[Any]) -> list[pa.Array]:
        """A column for each of `wanted`.

        :raises WrongResultError: for a row, or a value in it, that isn't what was declared.
        """
        if not rows:
            return [pa.nulls(0, self.shape.shapes[i].type.arrow) for i in self.wanted]
        if self.shape.items == "values":
            columns: list[Any] = [rows]
        else:
            columns = list(zip(*self._tuples(rows), strict=True))
        return [self._entered(i, list(columns[i])) for i in self.wanted]

    def batch(self, rows: Sequence[Any]) -> pa.RecordBatch:
        """The same as a batch."""
        if not len(self.wanted):
            self._tuples(rows)
            return rows_only(len(rows))
        return pa.RecordBatch.from_arrays(self.arrays(rows), [self.shape.names[i] for i in self.wanted])

    def _entered(self, column: int, values: list[Any]) -> pa.Array:
        try:
            return self._enters[column](values)
        except WrongResultError as wrong:
            if self.shape.items == "values":
                raise
            raise WrongResultError(wrong.row, f"column {self.shape.names[column]!r}: {wrong.problem}") from None

    def _tuples(self, rows: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        if self.shape.items == "values":
            return rows
        kinds = set(map(type, rows))
        if len(kinds) == 1:
            return self._of_kind(kinds.pop(), rows, 0)
        return [self._of_kind(type(r), [r], i)[0] for i, r in enumerate(rows)]

    def _of_kind(self, kind: type, rows: Sequence[Any], first: int) -> Sequence[tuple[Any, ...]]:
        """The values of rows that are all of one class; `first`: the number of the first."""
        names = self.shape.names
        if issubclass(kind, tuple):
            if set(map(len, rows)) != {len(names)}:
                place = next(i for i, r in enumerate(rows) if len(r) != len(names))
                count = len(rows[place])
                raise self._wrong(first + place, rows[place], f"has {count} value{'' if count == 1 else 's'}")
            return rows
        if issubclass(kind, dict):
            return self._of_dicts(rows, first)
        if dataclasses.is_dataclass(kind):
            try:
                found = list(map(attrgetter(*names), rows))
            except AttributeError as error:
                raise self._wrong(first, rows[0], f"has no {error.name!r}") from None
            return found if len(names) > 1 else [(v,) for v in found]
        if len(names) == 1:
            return [(r,) for r in rows]
        if kind.__module__.partition(".")[0] == "pyarrow":
            raise WrongResultError(
                first, f"a {kind.__name__} came: annotate the function (-> Iterator[pa.{kind.__name__}])"
            )
        raise self._wrong(first, rows[0], f"is of type {kind.__name__}")

    def _of_dicts(self, rows: Sequence[Any], first: int) -> Sequence[tuple[Any, ...]]:
        names = self.shape.names
        for i, row in enumerate(rows) if max(map(len, rows)) > len(names) else ():
            if unknown := [k for k in row if k not in names]:
                raise self._wrong(first + i, row, f"has a field {unknown[0]!r}")
        try:
            found = list(map(itemgetter(*names), rows))
        except KeyError:  # a field that is left out is NULL
            found = []
            for i, row in enumerate(rows):
                if unknown := [k for k in row if k not in names]:
                    raise self._wrong(first + i, row, f"has a field {unknown[0]!r}") from None
                found.append(tuple(map(row.get, names)))
            return found
        return found if len(names) > 1 else [(v,) for v in found]

    def _wrong(self, place: int, row: Any, problem: str) -> WrongResultError:
        columns = ", ".join(f"{n} {s.type}" for n, s in zip(self.shape.names, self.shape.shapes, strict=True))
        return WrongResultError(place, f"{shortened(row)} {problem}, and rows of ({columns}) are declared")


def batch_columns(shape: TableShape, given: Any) -> list[pa.Array]:
    """The columns of a RecordBatch or Table that a function yielded, by their names (or else places), as declared.

    :raises WrongResultError: when it is something else, or its columns are others.
    """
    if isinstance(given, pa.Table):
        given = given.combine_chunks()
    elif not isinstance(given, pa.RecordBatch):
        raise WrongResultError(
            0, f"{shortened(given)} is of type {type(given).__name__}: a RecordBatch or Table is wanted"
        )
    names = given.schema.names
    if len(names) != len(shape.names):
        raise WrongResultError(0, f"a batch has {len(names)} columns, and {len(shape.names)} are declared")
    if sorted(names) == sorted(shape.names):
        columns = [given.column(names.index(n)) for n in shape.names]
    else:
        columns = list(given.columns)
    found = []
    for name, wanted, column in zip(shape.names, shape.shapes, columns, strict=True):
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
        if column.type != wanted.type.arrow:
            try:
                column = column.cast(wanted.type.arrow)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise WrongResultError(
                    0, f"column {name!r}: Arrow's {column.type} came, {wanted.type} is declared: {error}"
                ) from None
        found.append(column)
    return found


__all__ = ["RowColumns", "batch_columns"]
