"""JSON documents: an array of objects, or objects that span lines. Read front to back, object by object.

The whole file is one split; it is never held as a whole.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from velothread.errors import BadValueError
from velothread.sources.files import File, open_bytes
from velothread.sources.json_rows import Problem, RowReader, decoder
from velothread.sources.rejects import Refused

if TYPE_CHECKING:
    from velothread.sources.jsonl_source import Shape, Taken

_READ = 1 << 20
_ROWS = 4096
_SPACE = " \t\r\n,"


def is_document(head: bytes) -> bool:
    """Are these first bytes an array, or an object that goes on in the next line?"""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return True
    line, newline, _ = text.partition(b"\n")
    if not text.startswith(b"{") or not newline:
        return False
    # A first line that lacks its closing brace: only then is it worth a real look.
    return not line.rstrip().endswith(b"}") and line.count(b"}") < line.count(b"{")


def decoded_sample(file: File, data: bytes, wanted: int) -> list[dict[str, Any] | None]:
    """The first whole objects of a document."""
    rows: list[dict[str, Any] | None] = []
    try:
        for value, _ in _values(iter((data, b"")), file):
            if isinstance(value, dict):
                rows.append(value)
            if len(rows) >= wanted:
                break
    except BadValueError:
        # The sample ends anywhere; what is really broken is told when it is read.
        if not rows:
            raise
    return rows


@dataclass(frozen=True, slots=True)
class DocumentSplit:
    """A whole document.

    Threading: immutable.
    """

    file: File
    place: int
    stream: Taken | None  # a pipe that is open already
    shape: Shape

    @property
    def bytes(self) -> int:
        return self.file.size or 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        from velothread.sources.jsonl_source import limited

        yield from limited(self._batches(), self.shape.limit)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        reader = RowReader(self.shape.plan.columns, self.shape.plan.known)
        with self.stream or open_bytes(self.file) as stream:
            rows: list[dict[str, Any] | None] = []
            lines: list[int] = []
            problems: list[Problem] = []
            number = 0
            for value, line in _values(_pieces(stream), self.file):
                row, problem = reader.checked(value, len(rows))
                rows.append(row)
                lines.append(line)
                if problem is not None:
                    problems.append(problem)
                if len(rows) == _ROWS:
                    yield from self._finish(reader, rows, lines, problems, number)
                    number += len(rows)
                    rows, lines, problems = [], [], []
            yield from self._finish(reader, rows, lines, problems, number)

    def _finish(
        self,
        reader: RowReader,
        rows: list[dict[str, Any] | None],
        lines: list[int],
        problems: list[Problem],
        number: int,
    ) -> Iterator[pa.RecordBatch]:
        from velothread.sources.json_block import problem_error
        from velothread.sources.json_rows import as_json

        plan = self.shape.plan
        arrays, unfit = reader.columns(rows)
        found = sorted([*problems, *unfit], key=lambda p: p.row)
        count = len(rows)
        if found:
            if plan.options.on_error == "fail":
                raise problem_error(found[0], self.file, lines[found[0].row])
            refused = {p.row: p for p in reversed(found)}
            plan.refusals.add(
                len(refused),
                lambda: [
                    Refused(
                        (self.place, number + r),
                        self.file.label,
                        lines[r],
                        p.column,
                        p.value,
                        p.reason,
                        as_json(rows[r]),
                    )
                    for r, p in sorted(refused.items())
                ],
            )
            if plan.options.on_error == "skip":
                keep = np.ones(count, np.bool_)
                keep[list(refused)] = False
                kept = np.flatnonzero(keep)
                arrays, count = [a.take(pa.array(kept)) for a in arrays], len(kept)
        yield from self.shape.batches(self.file, iter([(arrays, count)]))


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(_READ):
        yield piece
    yield b""


def _values(pieces: Iterator[bytes], file: File) -> Iterator[tuple[Any, int]]:
    """The values of a document (of its array, if it is one) with the line that each begins in.

    :raises BadValueError: at what is no JSON.
    """
    raw_decode = decoder().raw_decode
    utf8 = codecs.getincrementaldecoder("utf-8-sig")()
    text, at, line, ended = "", 0, 1, False
    in_array: bool | None = None
    while True:
        # Skip what stands between values.
        start = at
        while at < len(text) and text[at] in _SPACE:
            at += 1
        line += text.count("\n", start, at)
        if at < len(text):
            if in_array is None:
                in_array = text[at] == "["
                if in_array:
                    at += 1
                    continue
            if in_array and text[at] == "]":
                at, in_array = at + 1, None
                continue
            try:
                value, end = raw_decode(text, at)
            except json.JSONDecodeError as error:
                if ended:
                    wrong = line + text.count("\n", at, error.pos)
                    reason = f"not JSON: {error.msg.lower()}"
                    raise BadValueError(reason, file=file.label, line=wrong, hint="is the file whole?") from error
            except ValueError as error:
                raise BadValueError(str(error), file=file.label, line=line) from error
            else:
                yield value, line
                line += text.count("\n", at, end)
                at = end
                continue
        elif ended:
            if in_array:
                raise BadValueError("the array has no end", file=file.label, line=line, hint="is the file whole?")
            return
        # A long object is read in ever larger steps, so that it isn't tried again too often.
        more = next(pieces, b"")
        while more and len(text) - at > 4 * len(more):
            extra = next(pieces, b"")
            if not extra:
                break
            more += extra
        try:
            text, at, ended = text[at:] + utf8.decode(more, not more), 0, not more
        except UnicodeDecodeError as error:
            raise BadValueError(f"not UTF-8: {error.reason}", file=file.label, line=line) from error
