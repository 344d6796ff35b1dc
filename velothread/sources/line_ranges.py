"""Byte ranges of text files at line ends: who reads a range reads the lines that begin in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

from velothread.sources.files import File, unreadable

BOM = b"\xef\xbb\xbf"


class Readable(Protocol):
    """What has `read`."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""
        ...


def fill(descriptor: int, room: memoryview, at: int) -> int:
    """Read from `at` until `room` is full or the file ends; how many bytes."""
    have = 0
    while have < len(room):
        got = os.preadv(descriptor, [room[have:]], at + have)
        if not got:
            break
        have += got
    return have


def filled(stream: Readable, size: int) -> bytes:
    """`size` bytes, less only at the end. A pipe gives what happens to be there: splits must not hang on that, since
    float sums are added up split by split."""
    piece = stream.read(size)
    while len(piece) < size and (more := stream.read(size - len(piece))):
        piece += more
    return piece


def whole_lines(stream: Readable, size: int) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines of about `size` bytes, each with its place in the stream; the last may lack its end."""
    carry, offset = b"", 0
    while True:
        piece = filled(stream, size)
        cut = piece.rfind(b"\n") + 1
        if piece and not cut:
            carry += piece
            continue
        lines = carry + piece[:cut]
        if not offset and lines.startswith(BOM):
            lines, offset = lines[len(BOM) :], len(BOM)
        if lines:
            yield offset, lines
            offset += len(lines)
        if not piece:
            return
        carry = piece[cut:]


def after_bom(file: File) -> int:
    """Where the first line begins.

    :raises SourceError: when the file can't be read.
    """
    try:
        with open(file.path, "rb", buffering=0) as opened:
            return len(BOM) if opened.read(len(BOM)) == BOM else 0
    except OSError as error:
        raise unreadable(file.path, error) from error


def next_line(descriptor: int, at: int, end: int) -> int:
    """The place after the first newline at or after `at`; `end` when there is none before."""
    while at < end:
        piece = os.pread(descriptor, 1 << 16, at)
        if not piece:
            return end
        found = piece.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(piece)
    return end


__all__ = ["BOM", "after_bom", "fill", "next_line", "whole_lines"]
