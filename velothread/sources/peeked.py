"""Looking at the first bytes of a pipe without taking them from whoever reads it next.

A pipe gives each byte once. What was looked at is written into a second pipe, and a thread pumps the rest after it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from dataclasses import dataclass, replace

from velothread.sources import compression
from velothread.sources.files import STDIN, File, open_bytes, standard_input

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class PeekedFile(File):
    """A pipe whose first bytes were looked at; `path` leads to the pipe that has all of them.

    Threading: immutable.
    """

    shown: str = "stdin"

    @property
    def label(self) -> str:
        return self.shown


def peek(file: File, size: int) -> tuple[File, bytes]:
    """The file to read in place of one that can be read only once, and its first bytes (decompressed).

    Data that begins as a codec's does is taken to be compressed.
    """
    if file.path == STDIN and stat.S_ISREG(os.fstat(standard_input()).st_mode):
        # `< file`: the descriptor has a place, and reading elsewhere doesn't move it.
        descriptor = standard_input()
        head = os.pread(descriptor, size, os.lseek(descriptor, 0, os.SEEK_CUR))
        codec = file.compression or compression.looks_like(head)
        return replace(file, compression=codec), compression.beginning(head, codec)
    # As they come: whoever reads them decompresses, and says what is wrong with them.
    stream = open_bytes(replace(file, compression=None))
    head = b""
    while len(head) < size:
        piece = stream.read(size - len(head))
        if not piece:
            break
        head += piece
        if len(head) >= 512 and (b"\n" in head or compression.looks_like(head)):
            break  # enough to tell; a slow writer shouldn't be waited for
    out, into = os.pipe()

    def pump() -> None:
        # Ends when the writer ends, or when nobody reads any more (a broken pipe).
        with contextlib.suppress(OSError), stream, os.fdopen(into, "wb", buffering=0) as sink:
            sink.write(head)
            while piece := stream.read(_CHUNK):
                sink.write(piece)

    threading.Thread(target=pump, name="velothread-stdin", daemon=True).start()
    codec = file.compression or compression.looks_like(head)
    return PeekedFile(f"/dev/fd/{out}", None, codec, False, file.hive, file.label), compression.beginning(head, codec)
