"""Cutting CSV at the ends of records: byte ranges of files, blocks of streams.

The one who lists the splits runs ahead of those who parse them, so finding the cuts must be much cheaper than parsing:
text is looked at as bits (`csv_dialect.last_record_end`), one piece after another, each starting at a record's start.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

from velothread.errors import SourceError
from velothread.sources.csv_dialect import Dialect, last_record_end
from velothread.sources.files import ByteStream, File, unreadable
from velothread.sources.text_cells import BACK, FRONT, Masks

# Range sizes: big enough that the cost per split vanishes, small enough that a block stays in the caches of a core.
LEAST_RANGE = 1 << 20
MOST_RANGE = 1 << 22
STREAM_BLOCK = 1 << 22
# Small enough that the allocator keeps its memory: fresh pages cost more than the work on them.
_PIECE = 1 << 18
# Towards the end of a file a range takes so manyth of what is left.
_TAPER = 5


def range_size(size: int) -> int:
    """Bytes per split for a file of `size` bytes. Depends on nothing else, so that batches are the same everywhere."""
    return max(LEAST_RANGE, min(MOST_RANGE, size // 16))


def _tapered(size: int, left: int) -> int:
    """How many bytes the next range takes of the `left` ones: fewer towards the end, so that receivers end together."""
    return min(size, max(LEAST_RANGE, left // _TAPER))


def ranges(
    file: File, start: int, dialect: Dialect, size: int, lines: int | None
) -> Iterator[tuple[int, int, int | None]]:
    """Byte ranges (start, end, newlines before) of whole records, about `size` bytes each, up to the file's end.

    They get smaller towards the end. A record longer than `size` makes its range longer. lines: newlines before
    `start`, None: they needn't be counted.

    :raises SourceError: when the file can't be read.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY)
    except OSError as error:
        raise unreadable(file.label, error) from error
    try:
        whole = file.size or 0
        at = begin = start
        piece = min(size, _PIECE)
        # Read into again and again: the pages of a fresh one would cost as much as the reading.
        usual = data = bytearray(piece)
        begin_lines = lines
        while True:
            got = _filled(descriptor, at, data)
            if got < len(data):
                # The end of the file ends the last record, whether it has a newline or not.
                if at + got > begin:
                    yield begin, at + got, begin_lines
                return
            end = last_record_end(data, dialect)
            if end == 0:
                data = bytearray(2 * len(data))  # one record is longer than the piece
                continue
            at += end
            if lines is not None:
                lines += data.count(b"\n", 0, end)
            data = usual
            if at - begin + piece > _tapered(size, whole - begin):
                yield begin, at, begin_lines
                begin, begin_lines = at, lines
    except OSError as error:
        raise unreadable(file.label, error) from error
    finally:
        os.close(descriptor)


def _filled(descriptor: int, start: int, data: bytearray) -> int:
    """Read the bytes at `start` into `data`; how many: fewer than it holds only at the end of the file."""
    got = 0
    with memoryview(data) as room:
        while got < len(data):
            count = os.preadv(descriptor, [room[got:]], start + got)
            if not count:
                break
            got += count
    return got


class RangeBuffer(threading.local):
    """Memory that each receiver reads its ranges into, again and again: fresh pages for every range cost time.

    The room that `text_cells` wants around a block is part of it.

    Threading: every thread sees a buffer of its own.
    """

    def __init__(self) -> None:
        self.masks = Masks()
        self._memory = bytearray()
        self._loaded: memoryview | None = None

    def load(self, file: File, start: int, end: int) -> memoryview:
        """The bytes of a range; valid until this thread's next call.

        They are read, never mapped: a file that shrinks must not kill the process.

        :raises SourceError: when they can't be read, or the file has become shorter.
        """
        size = end - start
        data = self._room(size)
        try:
            descriptor = os.open(file.path, os.O_RDONLY)
            try:
                got = 0
                while got < size:
                    count = os.preadv(descriptor, [data[got:]], start + got)
                    if not count:
                        raise SourceError(f"{file.label}: became shorter while it was read")
                    got += count
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unreadable(file.label, error) from error
        self._loaded = data.toreadonly()
        return self._loaded

    def framed(self, data: bytes | memoryview) -> tuple[bytearray, int, int]:
        """Whole records within the memory, and where they begin and end, ended by a newline. No copy of what was just
        loaded."""
        size = len(data)
        if data is not self._loaded:
            self._room(size)[:] = data
            self._loaded = None
        end = FRONT + size
        if self._memory[end - 1] != 10:
            self._memory[end] = 10
            end += 1
        return self._memory, FRONT, end

    def _room(self, size: int) -> memoryview:
        if len(self._memory) < FRONT + size + 1 + BACK:
            # A new one: a bytearray that is still looked at can't grow.
            self._memory = bytearray(FRONT + size + size // 4 + 1 + BACK)
        return memoryview(self._memory)[FRONT : FRONT + size]


def blocks(stream: ByteStream, head: bytes, dialect: Dialect, size: int) -> Iterator[tuple[bytes, bool]]:
    """Whole records (and: is that the end?), about `size` bytes at a time, from `head` and then `stream`.

    For what can't be read by offset.
    """
    rest = head
    want = size
    ended = False
    while True:
        pieces = [rest]
        got = len(rest)
        while got < want and not ended:
            piece = stream.read(want - got)
            ended = not piece
            pieces.append(piece)
            got += len(piece)
        rest = b"".join(pieces)
        if ended and got <= want:
            if rest:
                yield rest, True
            return
        data = rest[:want]
        end = last_record_end(data, dialect)
        if end == 0:
            want *= 2
            continue
        yield data[:end], False
        rest = rest[end:]
        want = size
