"""The slow path for a block in which something doesn't fit: finds out what, where and why.

Everything is parsed as bytes, ragged rows are set aside, and each column is converted on its own. What then still
doesn't fit is reported (the first one in the block), made NULL or left out, as `on_error` says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread import types as t
from velothread.errors import BadValueError, SourceError
from velothread.sources.csv_arrow import read_csv
from velothread.sources.csv_convert import convert
from velothread.sources.csv_dialect import ends_within_quotes, exact_end, records
from velothread.sources.csv_schema import CsvColumn, CsvLayout, convert_options
from velothread.sources.files import File
from velothread.sources.rejects import Refusals, Refused
from velothread.sources.source import ReadOptions

_NOT_UTF8 = "bytes that are not UTF-8"
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is wrong with a record (its number in the block, from 0). `rank` orders problems of one record."""

    record: int
    rank: int
    column: CsvColumn | None
    value: str | None
    reason: str
    hint: str


@dataclass(frozen=True)
class CarefulParse:
    """How to parse one block carefully.

    Threading: made and used by one receiver; `refusals` is shared.
    """

    layout: CsvLayout
    wanted: tuple[CsvColumn, ...]
    options: ReadOptions
    refusals: Refusals

    def run(self, data: bytes, file: File, place: int, offset: int, lines: int | None, last: bool) -> pa.Table:
        """The rows of a block that can be read; `last`: the file ends with it.

        :raises BadValueError: when `on_error` is `fail` and something doesn't fit.
        """
        ragged: list[tuple[int, int]] = []
        unended = last and ends_within_quotes(data, self.layout.dialect)
        whole = data[: exact_end(data, self.layout.dialect)] if unended else data
        table = self._as_bytes(whole, file, ragged)
        if unended:
            ragged.append((table.num_rows + len(ragged), -1))
        numbers = np.setdiff1d(
            np.arange(table.num_rows + len(ragged)), np.array([n for n, _ in ragged], np.int64), assume_unique=True
        )
        problems = [self._ragged(record, actual) for record, actual in ragged]
        columns = []
        bad_rows = np.zeros(table.num_rows, np.bool_)
        for rank, column in enumerate(self.wanted):
            values, bad = self._convert(table.column(rank).combine_chunks(), column, numbers, rank, problems)
            columns.append(values)
            if bad is not None:
                bad_rows |= bad
        if problems:
            problems.sort(key=lambda p: (p.record, p.rank))
            where = _Where(data, file, place, offset, lines, self.layout)
            if self._on_error == "fail":
                raise _error(problems[0], where, self.layout)
            count = int(np.count_nonzero(bad_rows)) + len(ragged)
            self.refusals.add(count, lambda: [_refused(p, where) for p in problems])
        schema = pa.schema([pa.field(c.name, c.type.arrow) for c in self.wanted])
        result = pa.table(columns, schema=schema) if columns else table.select([])
        if problems and self._on_error == "skip" and bad_rows.any():
            result = result.filter(pa.array(~bad_rows))
        return result

    @property
    def _on_error(self) -> str:
        return "skip" if self.options.ignore_errors and self.options.on_error == "fail" else self.options.on_error

    def _as_bytes(self, data: bytes, file: File, ragged: list[tuple[int, int]]) -> pa.Table:
        from pyarrow import csv

        def set_aside(row: Any) -> str:
            ragged.append((row.number - 1, row.actual_columns))
            return "skip"

        names = list(self.layout.names)
        if not data:
            nothing = [pa.field(c.name, pa.binary()) for c in self.wanted] or [pa.field("", pa.null())]
            return pa.schema(nothing).empty_table()
        read = [c.name for c in self.wanted] or names[:1]
        try:
            return read_csv(
                data,
                read_options=csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
                parse_options=self.layout.dialect.parse_options(len(names), set_aside),
                convert_options=convert_options(self.layout, self.options, dict.fromkeys(read, pa.binary()), read),
            )
        except pa.ArrowInvalid as error:
            raise SourceError(f"{file.label}: can't be read as CSV ({error})") from error

    def _ragged(self, record: int, actual: int) -> _Problem:
        expected = len(self.layout.columns)
        hint = "--on-error skip leaves such rows out; --delim and quote say how values are separated"
        reason = f"the row has {actual} value{'s' if actual != 1 else ''}, expected {expected}"
        if actual < 0:
            reason = "a quoted value never ends"
            quote = self.layout.dialect.quote
            hint = f"look for a stray {quote} at the start of a value; quote='' reads quotes as text"
        return _Problem(record, -1, None, None, reason, hint)

    def _convert(
        self, raw: pa.Array, column: CsvColumn, numbers: npt.NDArray[np.int64], rank: int, problems: list[_Problem]
    ) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
        if column.type == t.BLOB:
            return raw, None
        texts, not_text = _utf8(raw)
        values, unfit = convert(texts, column.type, column.format, self.options.decimal_separator)
        bad = np.zeros(len(raw), np.bool_)
        for row in not_text:
            bad[row] = True
            value = raw[row].as_py().decode("utf-8", "backslashreplace")
            hint = "iconv -f LATIN1 -t UTF-8 converts a file; --on-error skip|null goes on without the value"
            problems.append(_Problem(int(numbers[row]), rank, column, value, _NOT_UTF8, hint))
        if unfit is not None:
            mask = unfit.to_numpy(zero_copy_only=False)
            bad |= mask
            for row in np.flatnonzero(mask).tolist():
                value = texts[row].as_py()
                reason = f"{_shown(value)} is not {_article(str(column.type))}"
                problems.append(_Problem(int(numbers[row]), rank, column, value, reason, self._hint(column, value)))
        return values, bad if bad.any() else None

    def _hint(self, column: CsvColumn, value: str) -> str:
        how = f"--types {column.name}=VARCHAR reads the column as text"
        if column.found == "sample":
            how += f" (its type was found from the first {self.layout.sampled_rows} rows)"
        if len(value) <= 12:
            how += f"; --nulls '{value}' makes this value NULL"
        return how + "; --on-error skip|null goes on without it"


@dataclass(frozen=True)
class _Where:
    """Finds the line and text of a record, when it has to be told."""

    data: bytes
    file: File
    place: int
    offset: int
    lines: int | None
    layout: CsvLayout

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Where the block's records are, those that count as rows."""
        every = records(self.data, self.layout.dialect)
        if len(self.layout.columns) == 1:
            return list(every)
        return [(a, b) for a, b in every if self.data[a:b].strip(b"\r\n")]

    @cached_property
    def lines_before(self) -> int:
        return self.lines if self.lines is not None else count_lines(self.file, self.offset)

    def span(self, record: int) -> tuple[int, int]:
        return self.spans[record] if record < len(self.spans) else (len(self.data), len(self.data))

    def line(self, record: int) -> int:
        return self.lines_before + self.data.count(b"\n", 0, self.span(record)[0]) + 1

    def text(self, record: int) -> str:
        start, end = self.span(record)
        return self.data[start:end].rstrip(b"\r\n").decode("utf-8", "backslashreplace")


def count_lines(file: File, end: int) -> int:
    """Newlines in the first `end` bytes of a file: only counted when a message needs it."""
    lines, at = 0, 0
    descriptor = os.open(file.path, os.O_RDONLY)
    try:
        while at < end:
            piece = os.pread(descriptor, min(1 << 20, end - at), at)
            if not piece:
                break
            lines += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == 10))
            at += len(piece)
    finally:
        os.close(descriptor)
    return lines


def _utf8(raw: pa.Array) -> tuple[pa.Array, list[int]]:
    """Text, and the rows that are not UTF-8 (NULL in the text)."""
    try:
        return raw.cast(pa.string()), []
    except pa.ArrowException:
        pass
    bad = []
    texts: list[str | None] = []
    # A row loop: only for blocks that hold bad bytes.
    for row, value in enumerate(raw.to_pylist()):
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
            bad.append(row)
    return pa.array(texts, pa.string()), bad


def _error(problem: _Problem, where: _Where, layout: CsvLayout) -> BadValueError:
    reason = problem.reason
    if problem.column is None or "UTF-8" in reason:
        shown = _shown(where.text(problem.record) if problem.column is None else problem.value or "")
        # Its bytes are shown as \xe9 already: no second backslash.
        reason += f": {shown.replace(chr(92) * 2, chr(92)) if problem.reason == _NOT_UTF8 else shown}"
    return BadValueError(
        reason,
        file=where.file.label,
        line=where.line(problem.record),
        column=problem.column.name if problem.column is not None else None,
        value=problem.value,
        hint=problem.hint,
    )


def _refused(problem: _Problem, where: _Where) -> Refused:
    return Refused(
        order=(where.place, where.offset + where.span(problem.record)[0]),
        file=where.file.label,
        line=where.line(problem.record),
        column=problem.column.name if problem.column is not None else None,
        value=problem.value,
        reason=problem.reason,
        row=where.text(problem.record),
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIO" else f"a {name}"
