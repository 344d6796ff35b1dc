"""Marks: does a left row have a partner, three-valued as `IN` is.

`x IN (1, NULL)` is true for 1 and NULL for all else; `NULL IN (1)` is NULL; anything in an empty list is false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from velothread.kernels.comparison import equal
from velothread.kernels.grouping import Codes, plain
from velothread.kernels.joining import JoinTable, On, pairs_of, partnered
from velothread.kernels.key_words import valid_of
from velothread.kernels.vectors import column as as_arrow


@dataclass(frozen=True, slots=True)
class InTable:
    """A right side of which the first `compared` keys are compared as IN does.

    table: by all keys. rest: by the other keys. with_null: the rows with a NULL among the compared keys, by the other
    keys; row i of it is row `null_rows[i]` of the table.

    Threading: immutable; shared by all receivers.
    """

    table: JoinTable
    compared: int
    rest: JoinTable
    with_null: JoinTable
    null_rows: Codes

    @classmethod
    def of(cls, table: JoinTable, compared: int) -> InTable:
        others, equal_nulls = table.keys[compared:], table.nulls_equal[compared:]
        nulls = np.flatnonzero(_any_null(table.keys[:compared], table.rows))
        places = pa.array(nulls)
        with_null = JoinTable.of(len(nulls), (), [k.take(places) for k in others], equal_nulls)
        return cls(table, compared, JoinTable.of(table.rows, (), others, equal_nulls), with_null, nulls)

    @property
    def rows(self) -> int:
        """Of the right side."""
        return self.table.rows

    @property
    def columns(self) -> tuple[pa.Array, ...]:
        """The table's payload."""
        return self.table.columns


def mark(found: InTable, rows: int, keys: Sequence[pa.Array], on: On | None = None) -> pa.Array:
    """For each left row: true with a partner; NULL where one would be if NULLs were known; else false."""
    met = partnered(found.table, found.table.first(rows, keys), on)
    unknown = np.zeros(rows, bool)
    missing = _any_null(keys[: found.compared], rows)
    if len(found.null_rows):
        at = np.flatnonzero(~met & ~missing)
        unknown[at] = _maybe(found, found.with_null, found.null_rows, at, keys, on)
    if missing.any():
        at = np.flatnonzero(~met & missing)
        unknown[at] = _maybe(found, found.rest, None, at, keys, on)
    return as_arrow(met, pa.bool_(), ~unknown if unknown.any() else None)


def _any_null(keys: Sequence[pa.Array], rows: int) -> Codes:
    null = np.zeros(rows, bool)
    for key in keys:
        valid = valid_of(key)
        if valid is not None:
            null |= ~valid
    return null


def _maybe(
    found: InTable, table: JoinTable, numbers: Codes | None, at: Codes, keys: Sequence[pa.Array], on: On | None
) -> Codes:
    """For the left rows `at`: might some row of `table` be a partner? It has row numbers `numbers` in the build."""
    places = pa.array(at)
    first = table.first(len(at), [k.take(places) for k in keys[found.compared :]])
    if found.compared == 1 and on is None:
        simple: Codes = first >= 0
        return simple
    flags = np.zeros(len(at), bool)
    for mine, theirs in pairs_of(table, first):
        left, right = pa.array(at[mine]), pa.array(theirs if numbers is None else numbers[theirs])
        holds = np.ones(len(mine), bool)
        if found.compared > 1:
            for a, b in zip(keys[: found.compared], found.table.keys, strict=False):
                same = equal(plain(a.take(left)), plain(b.take(right)))
                holds &= pc.fill_null(same, True).to_numpy(zero_copy_only=False)
        if on is not None:
            answer = on(len(mine), left, right)
            if isinstance(answer, pa.Scalar):
                holds &= bool(answer.as_py())
            else:
                holds &= pc.fill_null(answer, False).to_numpy(zero_copy_only=False)
        flags[mine[holds]] = True
    return flags
