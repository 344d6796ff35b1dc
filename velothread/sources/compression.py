"""Compressed inputs: which codec a file has, and reading it as plain bytes.

Decompression runs inside the thread that reads; failures name the file.
"""

from __future__ import annotations

from typing import IO, Any, Self

import pyarrow as pa

from velothread.errors import OptionError, SourceError, did_you_mean

SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
_NAMES = {**{s[1:]: c for s, c in SUFFIXES.items()}, "gzip": "gzip", "zstd": "zstd", "bz2": "bz2", "lz4": "lz4"}
_MAGIC = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "bz2": b"BZh", "lz4": b"\x04\x22\x4d\x18"}


def codec(path: str, option: str | None = None) -> str | None:
    """`gzip`, `zstd`, `bz2`, `lz4` or None (plain): what `option` says, else by the suffix of `path`.

    :raises OptionError: when `option` names no codec that we read.
    """
    if option is None or option.lower() in ("", "auto", "auto_detect"):
        lower = path.lower()
        return next((c for s, c in SUFFIXES.items() if lower.endswith(s)), None)
    name = option.lower()
    if name in ("none", "uncompressed"):
        return None
    if name not in _NAMES:
        known = [*sorted(set(_NAMES.values())), "none", "auto"]
        raise OptionError(f"compression={option!r} is not known; {did_you_mean(name, known) or ', '.join(known)}")
    return _NAMES[name]


def without_suffix(path: str) -> str:
    """`path` without the suffix of a codec: `a.csv.gz` -> `a.csv`."""
    lower = path.lower()
    for suffix in SUFFIXES:
        if lower.endswith(suffix):
            return path[: -len(suffix)]
    return path


class Decompressed:
    """The plain bytes of a compressed stream; several members or frames one after another are one stream.

    Threading: owned by the thread that reads it.
    """

    def __init__(self, raw: IO[bytes], codec: str, path: str) -> None:
        self._raw = raw
        self._codec = codec
        self._path = path
        self._plain = _reader(raw, codec)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes (all for -1); b"" only at the end.

        :raises SourceError: when the data is truncated or not of the codec.
        """
        try:
            data = self._plain.read(size) if size >= 0 else self._plain.read()
        except (EOFError, OSError, ValueError, pa.ArrowException) as error:
            raise self._failed(error) from error
        return bytes(data)

    def readable(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        return bool(self._raw.closed)

    def close(self) -> None:
        self._plain.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _failed(self, error: Exception) -> SourceError:
        text = str(error).lower()
        if isinstance(error, EOFError) or "truncated" in text or "end-of-stream" in text or "ended before" in text:
            return SourceError(
                f"{self._path}: the {self._codec} data is truncated: it ends in the middle of a stream\n"
                "  hint: copy or download the file again"
            )
        return SourceError(
            f"{self._path}: not valid {self._codec} data ({error})\n"
            "  hint: the suffix chooses the codec; compression='none' reads the file as it is"
        )


def _reader(raw: IO[bytes], codec: str) -> Any:
    if codec == "gzip":
        import gzip

        # Arrow's gzip reader takes a truncated member for the end of the data; the standard library's doesn't.
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if codec == "bz2":
        import bz2

        return bz2.BZ2File(raw, mode="rb")
    return _FrameReader(raw, codec)


class _FrameReader:
    """Reads zstd and lz4 frames with Arrow, and makes sure that the last one is whole.

    Threading: owned by the thread that reads it.
    """

    def __init__(self, raw: IO[bytes], codec: str) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), codec)

    def read(self, size: int = -1) -> bytes:
        return bytes(self._stream.read(size) if size >= 0 else self._stream.read())

    def close(self) -> None:
        self._stream.close()


def looks_like(head: bytes) -> str | None:
    """The codec that the first bytes of a file belong to, or None."""
    return next((c for c, magic in _MAGIC.items() if head.startswith(magic)), None)


def beginning(head: bytes, codec: str | None) -> bytes:
    """What the first bytes of a file decompress to, as far as they go; b"" when they don't."""
    if codec is None:
        return head
    import zlib

    try:
        if codec == "gzip":
            return zlib.decompressobj(31).decompress(head)
        if codec == "bz2":
            import bz2

            return bz2.BZ2Decompressor().decompress(head)
        return bytes(pa.CompressedInputStream(pa.BufferReader(head), codec).read(1 << 16))
    except (OSError, ValueError, zlib.error):
        return b""
