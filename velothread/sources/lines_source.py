"""Lines of text as a source: logs, and whatever a function is to take apart. One column, `line`, without line ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from velothread.errors import BadValueError
from velothread.sources.arrow_batches import limited
from velothread.sources.file_columns import FileColumns, file_columns
from velothread.sources.files import File, Files, open_bytes, unreadable
from velothread.sources.line_ranges import after_bom, fill, next_line, whole_lines
from velothread.sources.rejects import Refusals, Refused
from velothread.sources.source import ReadOptions, Scan, Split

COLUMN = "line"
_LEAST_RANGE, _MOST_RANGE = 1 << 20, 1 << 22
_STREAM_BYTES = 1 << 22
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LinesScan:
    """What is wanted of all splits.

    Threading: immutable, but for `refusals`, which locks.
    """

    names: tuple[str, ...]
    batch_rows: int
    limit: int | None
    constant: FileColumns
    on_error: str
    refusals: Refusals

    def batches(self, file: File, place: int, offset: int, data: bytes | bytearray) -> Iterator[pa.RecordBatch]:
        """Whole lines that stand at `offset` of a file; the last one may lack its end."""
        lines = lines_of(np.frombuffer(data, np.uint8))
        try:
            lines.validate(full=True)
        except pa.ArrowInvalid:
            lines = self._without_bad(lines, file, place, offset, data)
        for start in range(0, len(lines), self.batch_rows):
            piece = lines.slice(start, self.batch_rows)
            rows = len(piece)
            columns = [piece if n == COLUMN else self.constant.array(file, n, rows) for n in self.names]
            if columns:
                yield pa.RecordBatch.from_arrays(columns, list(self.names))
            else:
                yield pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))

    def _without_bad(self, lines: pa.Array, file: File, place: int, offset: int, data: bytes | bytearray) -> pa.Array:
        """The lines that are UTF-8.

        :raises BadValueError: for the first that is not, unless the user wants it NULL or left out.
        """
        found: list[str | None] = []
        bad: list[int] = []
        for row, raw in enumerate(lines.cast(pa.binary()).to_pylist()):
            try:
                found.append(raw.decode())
            except UnicodeDecodeError as error:
                if self.on_error == "fail":
                    raise BadValueError(
                        f"byte {error.start + 1} is not UTF-8",
                        file=file.label,
                        line=_lines_before(file, offset) + row + 1,
                        value=raw.decode(errors="replace"),
                        hint="iconv -f latin1 -t utf-8 converts a file; --on-error skip leaves such lines out",
                    ) from None
                bad.append(row)
                found.append(None)
        before = _lines_before(file, offset) if self.refusals.keeps else 0
        raws = lines.cast(pa.binary())

        def refused() -> list[Refused]:
            texts = [(row, raws[row].as_py().decode(errors="replace")) for row in bad]
            return [
                Refused((place, offset + row), file.path, before + row + 1, COLUMN, text, "not UTF-8", text)
                for row, text in texts
            ]

        self.refusals.add(len(bad), refused)
        return pa.array(found if self.on_error == "null" else [f for f in found if f is not None], pa.string())


def lines_of(data: Bytes) -> pa.Array:
    """The lines of text, which `\\n` or `\\r\\n` ends (or a last `\\r`), as strings (not validated).

    >>> lines_of(np.frombuffer(b"one\\r\\n\\ntwo", np.uint8)).to_pylist()
    ['one', '', 'two']
    """
    if not len(data):
        return pa.array([], pa.string())
    ends = np.flatnonzero(data == 10)
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    keep = np.ones(len(data), np.bool_)
    keep[ends[ends < len(data)]] = False
    before = np.maximum(ends - 1, 0)
    returns = (data[before] == 13) & (ends > starts)
    keep[before[returns]] = False
    offsets = np.zeros(len(ends) + 1, np.int32)
    np.cumsum(ends - starts - returns, out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data[keep])])


def _lines_before(file: File, offset: int) -> int:
    """How many lines end before `offset`: counted for messages only. 0 where the file can't be read again."""
    if not file.splittable:
        return 0
    count = at = 0
    with open(file.path, "rb") as opened:
        while at < offset:
            piece = opened.read(min(1 << 20, offset - at))
            if not piece:
                break
            count += piece.count(b"\n")
            at += len(piece)
    return count


@dataclass(frozen=True, slots=True)
class RangeSplit:
    """The lines that begin in `[start, end)` of a plain file.

    Threading: immutable.
    """

    scan: LinesScan
    file: File
    place: int
    start: int
    end: int
    first: bool  # a line begins at `start`, for sure

    @property
    def bytes(self) -> int:
        return self.end - self.start

    def batches(self) -> Iterator[pa.RecordBatch]:
        """
        :raises SourceError: when the file can't be read, or a line is not UTF-8.
        """
        try:
            descriptor = os.open(self.file.path, os.O_RDONLY)
        except OSError as error:
            raise unreadable(self.file.path, error) from error
        try:
            at = self.start if self.first else next_line(descriptor, self.start - 1, self.end)
            if at >= self.end:
                return
            # to the end of the line in which the range ends
            stop = next_line(descriptor, self.end - 1, 1 << 62)
            data = bytearray(min(stop, self.file.size or stop) - at)
            got = fill(descriptor, memoryview(data), at)
            del data[got:]
            yield from limited(self.scan.batches(self.file, self.place, at, data), self.scan.limit)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class BlockSplit:
    """Lines that were read already, of an input that can't be split.

    Threading: immutable.
    """

    scan: LinesScan
    file: File
    place: int
    offset: int
    data: bytes

    @property
    def bytes(self) -> int:
        return len(self.data)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """
        :raises SourceError: when a line is not UTF-8.
        """
        yield from limited(self.scan.batches(self.file, self.place, self.offset, self.data), self.scan.limit)


class LinesSource:
    """Files of lines.

    Threading: `splits` is called and iterated by one thread; the rest is immutable, `refusals` locks.
    """

    def __init__(self, files: Files, options: ReadOptions) -> None:
        self._files = files
        self._options = options
        self._constant = file_columns(files, options)
        self._schema = pa.schema([pa.field(COLUMN, pa.string()), *self._constant.fields()])
        self.refusals = Refusals(options.rejects)

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def row_count(self) -> int | None:
        return None

    @property
    def size(self) -> int | None:
        return self._files.size

    @property
    def splittable(self) -> bool:
        return self._files.splittable

    def splits(self, scan: Scan) -> Iterator[Split]:
        """Byte ranges of plain files; blocks, read here, of compressed ones and pipes.

        :raises SourceError: when a file can't be read.
        """
        options = self._options
        wanted = LinesScan(scan.columns, scan.batch_rows, scan.limit, self._constant, options.on_error, self.refusals)
        for place, file in enumerate(self._files):
            if not self._constant.may_match(file, scan.bounds):
                continue
            if file.splittable and file.size is not None:
                usual = min(max(file.size // 16, _LEAST_RANGE), _MOST_RANGE)
                step = options.split_bytes or min(usual, scan.split_bytes(file.size) or usual)
                first = after_bom(file)
                for start in range(first, file.size, step):
                    yield RangeSplit(wanted, file, place, start, min(start + step, file.size), start == first)
            else:
                size = options.split_bytes or scan.split_bytes(None) or _STREAM_BYTES
                yield from self._blocks(wanted, place, file, size)

    def _blocks(self, scan: LinesScan, place: int, file: File, size: int) -> Iterator[Split]:
        with open_bytes(file) as stream:
            for offset, lines in whole_lines(stream, size):
                yield BlockSplit(scan, file, place, offset, lines)


def open_lines(files: Files, options: ReadOptions) -> LinesSource:
    """Open files of lines; nothing is read yet."""
    return LinesSource(files, options)


__all__ = ["COLUMN", "LinesSource", "lines_of", "open_lines"]
