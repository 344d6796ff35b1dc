"""A block of JSON lines -> columns: the quickest way that is exact for it.

1. By layout (`json_layout`), for lines written by a machine; the rows that look otherwise go on alone.
2. Arrow's JSON reader, with the types known beforehand.
3. Row by row (`json_rows`), where Arrow refuses: odd values, or an error to be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from velothread import types as t
from velothread.errors import BadValueError
from velothread.sources.csv_convert import convert
from velothread.sources.files import File
from velothread.sources.json_layout import Extracted, Ints, Layout, LayoutReader, layout_of
from velothread.sources.json_rows import JsonColumn, Problem, RowReader
from velothread.sources.rejects import Refusals, Refused
from velothread.sources.source import ReadOptions
from velothread.sources.text_cells import BACK, FRONT
from velothread.types import SqlType

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class JsonPlan:
    """What to read of JSON rows. `known`: the keys that rows may have, None for any.

    Threading: immutable, shared by all receivers.
    """

    columns: tuple[JsonColumn, ...]
    every: tuple[JsonColumn, ...]
    known: frozenset[str] | None
    options: ReadOptions
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class Where:
    """Where a block is: `offset` in bytes, `line` of its first row (None: count from the start of the file)."""

    file: File
    place: int
    offset: int
    line: int | None = None

    def first_line(self) -> int:
        """1-based; reads the file up to the block where it must."""
        if self.line is not None:
            return self.line
        from velothread.sources.csv_careful import count_lines

        return count_lines(self.file, self.offset) + 1


class BlockReader:
    """Reads the blocks of a split.

    Threading: owned by one receiver.
    """

    def __init__(self, plan: JsonPlan) -> None:
        self._plan = plan
        self._wanted = [(c.key, c.type) for c in plan.columns]
        self._layout: Layout | None = None
        self._by_layout: LayoutReader | None = None
        self._rows = RowReader(plan.columns, plan.known)

    def read(self, buffer: bytes | bytearray, start: int, end: int, where: Where) -> tuple[list[pa.Array], int]:
        """The wanted columns of the lines in `buffer[start:end]`, and how many rows they are.

        The block ends with a newline; FRONT bytes lie before it in the buffer and BACK bytes after.

        :raises BadValueError: when a row doesn't fit and `on_error` is `fail`.
        """
        if not self._wanted and self._plan.options.on_error == "fail":
            return [], _count_rows(buffer, start, end)
        found = self._extract(buffer, start, end)
        if found is None:
            return self._parse(bytes(memoryview(buffer)[start:end]), where)
        if found.regular is None:
            return found.arrays, found.rows
        return self._joined(found, buffer, start, where)

    def _extract(self, buffer: bytes | bytearray, start: int, end: int) -> Extracted | None:
        """Read by layout: the one that served before, else that of the block's first line."""
        if self._by_layout is not None:
            found = self._by_layout.read(buffer, start, end)
            if found is not None:
                return found
        layout = layout_of(bytes(memoryview(buffer)[start : buffer.find(b"\n", start)]))
        if layout is None or layout == self._layout or not LayoutReader.serves(layout, self._wanted):
            return None
        if self._plan.known is not None and not self._plan.known.issuperset(layout.keys):
            return None
        self._layout, self._by_layout = layout, LayoutReader(layout, self._wanted)
        return self._by_layout.read(buffer, start, end)

    def _joined(
        self, found: Extracted, buffer: bytes | bytearray, start: int, where: Where
    ) -> tuple[list[pa.Array], int]:
        """Put the rows that were read by layout together with the others, in order."""
        other = np.ones(found.rows, np.bool_)
        assert found.regular is not None
        other[found.regular] = False
        places = np.flatnonzero(other)
        lines = [
            bytes(memoryview(buffer)[start + a : start + b])
            for a, b in zip(found.starts[places].tolist(), found.ends[places].tolist(), strict=True)
        ]
        filled = np.array([bool(line.strip()) for line in lines], np.bool_)
        places = places[filled]
        lines = [line for line, keep in zip(lines, filled.tolist(), strict=True) if keep]
        if not lines:
            return found.arrays, len(found.regular)
        lead = found.starts[places]
        arrays, kept = self._exact(lines, places, lead, where)
        order: Ints = np.concatenate((found.regular, places if kept is None else places[kept]))
        take = pa.array(np.argsort(order, kind="stable"))
        joined = [pa.concat_arrays([a, b]).take(take) for a, b in zip(found.arrays, arrays, strict=True)]
        return joined, len(order)

    def _parse(self, data: bytes, where: Where) -> tuple[list[pa.Array], int]:
        """A whole block with Arrow's reader, else row by row."""
        lines = data.split(b"\n")
        filled = [i for i, line in enumerate(lines) if line.strip()]
        if not filled:
            return [pa.nulls(0, c.type.arrow) for c in self._plan.columns], 0
        arrays = self._by_arrow(data, len(filled))
        if arrays is not None:
            return arrays, len(filled)
        lengths = np.fromiter((len(line) + 1 for line in lines), np.int64, len(lines))
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        places = np.array(filled, np.int64)
        arrays, kept = self._by_rows([lines[i] for i in filled], places, starts[places], where)
        return arrays, len(filled) if kept is None else len(kept)

    def _exact(
        self, lines: list[bytes], places: Ints, offsets: Ints, where: Where
    ) -> tuple[list[pa.Array], Ints | None]:
        # A few rows are read sooner than a parser is set up.
        arrays = self._by_arrow(b"\n".join(lines) + b"\n", len(lines)) if len(lines) > 16 else None
        return (arrays, None) if arrays is not None else self._by_rows(lines, places, offsets, where)

    def _by_arrow(self, data: bytes, rows: int) -> list[pa.Array] | None:
        """With Arrow's reader; None where it refuses something."""
        import pyarrow.json as pj

        # Keys outside of the sample are errors in any column: Arrow sees them only when it knows all others.
        columns = self._plan.columns if self._plan.known is None else self._plan.every
        kinds = [_arrow_kind(c.type) for c in columns]
        if not columns or None in kinds or any(c.name != c.key for c in columns):
            return None
        schema = pa.schema([pa.field(c.key, kind) for c, kind in zip(columns, kinds, strict=True)])
        try:
            data.decode("utf-8")  # Arrow doesn't look at it
            table = pj.read_json(
                pa.BufferReader(data),
                pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
                pj.ParseOptions(
                    explicit_schema=schema,
                    unexpected_field_behavior="ignore" if self._plan.known is None else "error",
                ),
            )
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        if table.num_rows != rows:
            return None  # objects over several lines, or several in one
        arrays: list[pa.Array] = []
        for column in self._plan.columns:
            array = table[column.key].combine_chunks()
            if isinstance(array, pa.ChunkedArray):
                array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
            if array.type != column.type.arrow:
                array, wrong = convert(array, column.type)
                if wrong is not None:
                    return None
            arrays.append(array)
        return arrays

    def _by_rows(
        self, lines: Sequence[bytes], places: Ints, offsets: Ints, where: Where
    ) -> tuple[list[pa.Array], Ints | None]:
        """Row by row; also returns which rows are left (None: all)."""
        rows, unread = self._rows.parse(lines)
        arrays, unfit = self._rows.columns(rows)
        problems = sorted([*unread, *unfit], key=lambda p: p.row)
        if not problems:
            return arrays, None
        plan = self._plan
        if plan.options.on_error == "fail":
            raise problem_error(problems[0], where.file, where.first_line() + int(places[problems[0].row]))
        refused = {p.row: p for p in reversed(problems)}

        def kept_rows() -> list[Refused]:
            first = where.first_line()
            return [
                Refused(
                    order=(where.place, where.offset + int(offsets[row])),
                    file=where.file.label,
                    line=first + int(places[row]),
                    column=p.column,
                    value=p.value,
                    reason=p.reason,
                    row=lines[row].decode("utf-8", "backslashreplace"),
                )
                for row, p in sorted(refused.items())
            ]

        plan.refusals.add(len(refused), kept_rows)
        if plan.options.on_error == "null":
            return arrays, None
        keep = np.ones(len(rows), np.bool_)
        keep[list(refused)] = False
        kept = np.flatnonzero(keep)
        return [a.take(pa.array(kept)) for a in arrays], kept


def problem_error(problem: Problem, file: File, line: int | None) -> BadValueError:
    """The error to raise for a row that doesn't fit."""
    reason = problem.reason
    if problem.value is not None:
        shown = problem.value if len(problem.value) <= _SHOWN else f"{problem.value[: _SHOWN - 3]}..."
        reason = f"{shown} {reason}"
    return BadValueError(
        reason, file=file.label, line=line, column=problem.column, value=problem.value, hint=problem.hint
    )


def framed(pieces: Sequence[bytes]) -> bytes:
    """A block's bytes with the room around them that `BlockReader.read` wants: they start at FRONT."""
    return b"".join((bytes(FRONT), *pieces, bytes(BACK)))


def _arrow_kind(kind: SqlType) -> pa.DataType | None:
    """What Arrow's reader should read a type as: dates and times as text, to be converted; None: not by Arrow."""
    if kind in (t.BIGINT, t.DOUBLE, t.BOOLEAN, t.VARCHAR):
        return kind.arrow
    if kind.is_temporal or kind.kind == "UUID":
        return pa.string()
    if kind.kind == "LIST" and kind.element is not None:
        inner = _arrow_kind(kind.element)
        return kind.arrow if inner == kind.element.arrow else None
    if kind.kind == "STRUCT" and all(_arrow_kind(child) == child.arrow for _, child in kind.fields):
        return kind.arrow
    return None


def _count_rows(buffer: bytes | bytearray, start: int, end: int) -> int:
    """Lines that aren't blank."""
    data = np.frombuffer(buffer, np.uint8, end - start, start)
    ends = np.flatnonzero(data == 10)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    first = data[starts]
    # (A space also begins an indented row: such lines are looked at one by one.)
    blank = first <= 32
    if not blank.any():
        return len(ends)
    suspects = np.flatnonzero(blank)
    empty = sum(
        not buffer[start + a : start + b].strip()
        for a, b in zip(starts[suspects].tolist(), ends[suspects].tolist(), strict=True)
    )
    return len(ends) - int(empty)
