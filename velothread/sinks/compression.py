"""Compression of text outputs, piece by piece.

Every piece becomes a complete gzip member, Zstandard frame, bzip2 stream or LZ4 frame; all four formats allow any
number of them in a file. So receivers compress in parallel, and the thread that writes only writes.
"""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from velothread.errors import OptionError, did_you_mean

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
_NAMES = {
    "gzip": "gzip", "gz": "gzip", "zstd": "zstd", "zst": "zstd", "bz2": "bz2", "bzip2": "bz2", "lz4": "lz4",
    "none": None, "uncompressed": None, "": None,
}  # fmt: skip
_DEFAULT_LEVELS = {"gzip": 6, "zstd": 3, "bz2": 9}
_LEVELS = {"gzip": (0, 9), "zstd": (-7, 22), "bz2": (1, 9)}

Compress = Callable[[Any], Any]


def codec_named(name: str) -> str | None:
    """The codec that a user means by `name`, None for none. :raises OptionError: when there is no such codec."""
    lowered = name.lower()
    if lowered not in _NAMES:
        known = ("gzip", "zstd", "bz2", "lz4", "none")
        raise OptionError(f"unknown compression {name!r}; {did_you_mean(name, known) or 'known: ' + ', '.join(known)}")
    return _NAMES[lowered]


def codec_of_path(path: str) -> str | None:
    """The codec that the suffix of `path` asks for, or None."""
    lowered = path.lower()
    return next((codec for suffix, codec in SUFFIXES.items() if lowered.endswith(suffix)), None)


def without_suffix(path: str) -> str:
    """`path` without the suffix of a codec."""
    lowered = path.lower()
    return next((path[: -len(suffix)] for suffix in SUFFIXES if lowered.endswith(suffix)), path)


def compressor(codec: str | None, level: int | None = None) -> Compress:
    """A pure function from bytes to a complete compressed stream. Safe to be called by many threads.

    :raises OptionError: when the codec has no such level.
    """
    if codec is None:
        return lambda data: data
    if level is not None:
        low, high = _LEVELS.get(codec, (0, -1))
        if not low <= level <= high:
            allowed = f"{low} to {high}" if low <= high else "no levels"
            raise OptionError(f"compression level {level} does not fit {codec}, which has {allowed}")
    else:
        level = _DEFAULT_LEVELS.get(codec)
    if codec == "gzip":
        # Without a time stamp: the same rows give the same bytes.
        return lambda data: gzip.compress(data, compresslevel=level or 0, mtime=0)
    if codec == "bz2":
        return lambda data: bz2.compress(data, level or 9)
    # A codec object keeps a context, so every call makes its own.
    return lambda data: pa.Codec(codec, level).compress(data) if codec == "zstd" else pa.Codec(codec).compress(data)
