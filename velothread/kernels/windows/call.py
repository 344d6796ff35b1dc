"""A window call as the kernels see it: columns by number, frames by their clauses."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from velothread.errors import Position
from velothread.kernels.aggregates.function import AggregateFunction
from velothread.kernels.sorting import SortKey
from velothread.kernels.windows.frames import Frame
from velothread.types import SqlType


@dataclass(frozen=True, slots=True)
class Call:
    """A function over a window. Columns are numbers among those of the input.

    aggregate: None for ranking and value functions, which go by `name`.
    types: of all parameters, constants included. constants: the values of an aggregate's constant parameters.
    filter: a BOOLEAN column; an aggregate leaves out rows where it isn't true.
    argument_order: the order in which the function looks at its rows, where it has one of its own.

    Threading: immutable.
    """

    name: str
    aggregate: AggregateFunction | None
    types: tuple[SqlType, ...]
    returns: SqlType
    frame: Frame
    arguments: tuple[int, ...] = ()
    constants: tuple[pa.Scalar, ...] = ()
    filter: int | None = None
    distinct: bool = False
    ignore_nulls: bool = False
    argument_order: tuple[SortKey, ...] = ()
    position: Position | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """All columns that it reads."""
        filters = (self.filter,) if self.filter is not None else ()
        return (*self.arguments, *filters, *(k.column for k in self.argument_order), *self.frame.columns)


@dataclass(frozen=True, slots=True)
class WindowOrder:
    """PARTITION BY columns, and the order within partitions: calls that share it are computed over one sort.

    Threading: immutable.
    """

    partition_by: tuple[int, ...] = ()
    order_by: tuple[SortKey, ...] = ()
