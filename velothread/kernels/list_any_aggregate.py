"""Any aggregate over the items of each list: rows are the groups, and items their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.kernels.aggregates import AggregateFunction, Rows
from velothread.kernels.grouping import plain
from velothread.kernels.lists import flat
from velothread.kernels.vectors import column, valid_rows
from velothread.types import SqlType


@dataclass(frozen=True, slots=True)
class OfItems:
    """A kernel of lists: `function` over the items of each; NULL for NULL lists.

    types: of all parameters, `constants` (compared by their `text`) included.
    """

    function: AggregateFunction
    types: tuple[SqlType, ...]
    returns: SqlType
    constants: tuple[pa.Scalar, ...] = field(compare=False)
    text: str = ""

    def __call__(self, lists: Any) -> Any:
        if isinstance(lists, pa.Scalar):
            return self(pa.repeat(lists, 1))[0]
        parts = flat(lists)
        items, rows = parts.ordered(), parts.row_numbers()
        if self.function.nulls == "skip" and (present := valid_rows(items)) is not None:
            items, rows = items.drop_null(), rows[present]
        state = self.function.state(self.types, self.constants, self.returns)
        if len(items):
            state.update(Rows(len(items), rows, parts.rows, (items,)))
        found = plain(state.finish(parts.rows))
        if found.type != self.returns.arrow:
            found = found.cast(self.returns.arrow)
        if parts.valid is None:
            return found
        known = column(parts.valid, pa.bool_())
        return found.filter(known).take(_places(known))


def _places(known: pa.Array) -> pa.Array:
    """For each row its number among the known ones; NULL where it isn't known."""
    on = known.to_numpy(zero_copy_only=False)
    return pa.array(np.cumsum(on) - 1, mask=~on)
