"""Columns that a file's place gives, not its content: hive folders (`year=2024/`) and the file's name.

Used by every file source: the columns come after those of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread import types as t
from velothread.sources.csv_convert import convert
from velothread.sources.csv_detect import detect, type_named
from velothread.sources.files import File, Files
from velothread.sources.source import Bound, ReadOptions
from velothread.types import SqlType


@dataclass(frozen=True, slots=True)
class FileColumns:
    """The columns that are constant within a file. `types` by name, in order.

    Threading: immutable.
    """

    types: tuple[tuple[str, SqlType], ...] = ()
    filename: str | None = None  # the name of the column that holds the path, if it is wanted

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n, _ in self.types)

    def fields(self) -> list[pa.Field]:
        """For the source's schema."""
        return [pa.field(n, kind.arrow) for n, kind in self.types]

    def scalar(self, file: File, name: str) -> pa.Scalar:
        """The value of a column in all rows of `file`."""
        kind = dict(self.types)[name]
        if name == self.filename:
            return pa.scalar(file.path, pa.string())
        text = next((v for k, v in file.hive if k.lower() == name.lower()), None)
        if text is None:
            return pa.scalar(None, kind.arrow)
        return convert(pa.array([text], pa.string()), kind)[0][0]

    def array(self, file: File, name: str, rows: int) -> pa.Array:
        """The column for a batch of `rows` rows."""
        return pa.repeat(self.scalar(file, name), rows)

    def may_match(self, file: File, bounds: Iterable[Bound]) -> bool:
        """False when a condition rules out every row of `file`, so that it needn't be opened."""
        names = set(self.names)
        return all(_meets(self.scalar(file, b.column), b) for b in bounds if b.column in names)


def file_columns(files: Files, options: ReadOptions) -> FileColumns:
    """What `files` have: hive folders (types from the values, or `options.types`), `filename` if asked for."""
    told = {c.lower(): kind for c, kind in options.types}
    found: list[tuple[str, SqlType]] = []
    first = files.items[0].hive
    for place, (key, _) in enumerate(first):
        if key.lower() in told:
            kind = type_named(told[key.lower()], key)
        else:
            values: Sequence[str | None] = [f.hive[place][1] for f in files]
            kind = detect(pa.array(values, pa.string())).type
            # Folders are given narrow meanings only where nothing is lost: numbers, dates, else text.
            kind = kind if kind in (t.BIGINT, t.DATE, t.TIMESTAMP) else t.VARCHAR
        found.append((key, kind))
    column = dict(options.extra).get("filename_column") or ("filename" if options.filename else None)
    if column:
        found.append((str(column), t.VARCHAR))
    return FileColumns(tuple(found), column and str(column))


def _meets(value: pa.Scalar, bound: Bound) -> bool:
    if not value.is_valid:
        return False  # NULL meets no condition
    if bound.op == "is not null":
        return True
    if bound.op == "in":
        return any(_compare(value, "=", v) for v in bound.value)
    return _compare(value, bound.op, bound.value)


def _compare(value: pa.Scalar, op: str, other: Any) -> bool:
    functions = {
        "=": pc.equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
    }  # fmt: skip
    try:
        result = functions[op](value, pa.scalar(other, value.type)).as_py()
    except (pa.ArrowException, TypeError, ValueError):
        return True  # not comparable here: the engine decides
    return result is not False
