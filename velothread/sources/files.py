"""From paths and globs to files: which they are, in which order, and how to open them.

    files = resolve("logs/**/*.csv.gz", options)
    for file in files:
        with open_bytes(file) as stream:
            ...

Order is the order given; within a glob or directory, by name. That order is the order of the rows.
"""

from __future__ import annotations

import errno
import glob as globbing
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from types import TracebackType
from typing import IO, Any, Protocol

from velothread.errors import SourceError, near_names
from velothread.sources.compression import Decompressed, codec, without_suffix
from velothread.sources.patience import PatientFile
from velothread.sources.source import ReadOptions

STDIN = "-"
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".psv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


class ByteStream(Protocol):
    """What `open_bytes` gives: plain bytes, front to back.

    Threading: owned by the thread that reads it.
    """

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...
    def __enter__(self) -> Any: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class File:
    """One input file.

    size: bytes on disk, None when unknown (stdin, FIFO). seekable: can be read at any place, more than once.
    hive: `key=value` folders of its path, outermost first; None for the NULL folder.

    Threading: immutable.
    """

    path: str
    size: int | None = None
    compression: str | None = None
    seekable: bool = True
    hive: tuple[tuple[str, str | None], ...] = ()

    @property
    def splittable(self) -> bool:
        """Can receivers read parts of it by byte offset?"""
        return self.seekable and self.compression is None

    @property
    def label(self) -> str:
        """For messages."""
        return "stdin" if self.path == STDIN else self.path


@dataclass(frozen=True, slots=True)
class Files:
    """The files behind a path, list or glob, in the order of their rows; at least one.

    name: what the user wrote, for messages. format: csv, json, jsonl, parquet, arrow, or None where suffixes don't say.

    Threading: immutable.
    """

    name: str
    items: tuple[File, ...]
    format: str | None = None

    def __iter__(self) -> Iterator[File]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def size(self) -> int | None:
        """Bytes on disk of all, or None when one is unknown."""
        sizes = [f.size for f in self.items]
        return None if None in sizes else sum(s for s in sizes if s is not None)

    @property
    def splittable(self) -> bool:
        return all(f.splittable for f in self.items)


def resolve(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], options: ReadOptions) -> Files:
    """The files behind `paths`: a path, a glob (`*`, `**`, `?`, `[a-z]`), a directory, `-` (stdin), or a list of these.

    :raises SourceError: when there is no such file (near names are listed) or a pattern matches nothing.
    :raises OptionError: when `options.compression` is not known.
    """
    given = [os.fspath(paths)] if isinstance(paths, str | os.PathLike) else [os.fspath(p) for p in paths]
    if not given:
        raise SourceError("the list of files is empty")
    name = given[0] if len(given) == 1 else f"{given[0]} (+{len(given) - 1} more)"
    names = [found for path in given for found in _expand(path)]
    items = _with_hive([_stat(path, options) for path in names], options)
    return Files(name, items, options.format or _common_format(items))


def format_of(path: str) -> str | None:
    """The format that a suffix stands for (a codec's suffix is looked through): `a.csv.gz` -> `csv`; None: unknown."""
    return FORMATS.get(os.path.splitext(without_suffix(path))[1].lower())


def is_glob(path: str) -> bool:
    """Does `path` hold a pattern, and is it not the name of a file itself?"""
    return globbing.has_magic(path) and not os.path.lexists(path)


def open_bytes(file: File) -> ByteStream:
    """Open for reading front to back, decompressed; the caller closes it.

    :raises SourceError: when it can't be opened, and from `read` when the compressed data is damaged.
    """
    try:
        raw: IO[bytes]
        if file.path == STDIN:
            # A duplicate, so that closing ours leaves the process's stdin as it is.
            raw = BufferedReader(PatientFile(os.dup(standard_input())))
        elif file.seekable:
            raw = open(file.path, "rb", buffering=0 if file.compression is None else -1)  # noqa: SIM115
        elif file.compression is None:
            raw = PatientFile(file.path)
        else:
            raw = BufferedReader(PatientFile(file.path))
    except (OSError, ValueError) as error:
        raise unreadable(file.label, error) from error
    if file.compression is None:
        return raw
    try:
        return Decompressed(raw, file.compression, file.label)
    except BaseException:
        raw.close()
        raise


def standard_input() -> int:
    """The descriptor of standard input.

    :raises SourceError: when the process has none.
    """
    try:
        return sys.stdin.fileno()
    except (AttributeError, ValueError, OSError):
        raise SourceError("stdin: it is closed\n  hint: pipe data into it, or name a file") from None


def unreadable(path: str, error: Exception) -> SourceError:
    """The error for a file that the system refuses to open or read."""
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        return _missing(path)
    if code == errno.EACCES:
        return SourceError(f"{path}: no permission to read it")
    if code == errno.EISDIR:
        return SourceError(f"{path}: is a directory\n  hint: name files with a glob, as in '{path}/*.csv'")
    return SourceError(f"{path}: can't be read ({getattr(error, 'strerror', None) or error})")


def _expand(path: str) -> list[str]:
    if path == STDIN:
        return [path]
    if is_glob(path):
        # The hidden files of a folder are not data, as in a shell.
        found = sorted(p for p in globbing.glob(path, recursive=True) if not os.path.isdir(p))
        if not found:
            raise SourceError(f"no file matches {path!r}{_near_hint(path)}")
        return found
    if os.path.isdir(path):
        inside = sorted(
            os.path.join(folder, name)
            for folder, subfolders, names in os.walk(path)
            for name in names
            if not name.startswith((".", "_")) and format_of(name) is not None and not _hidden(folder, path)
        )
        if not inside:
            raise SourceError(f"{path}: a directory without data files (.csv, .jsonl, .parquet, .arrow, ...)")
        return inside
    return [path]


def _hidden(folder: str, root: str) -> bool:
    return any(part.startswith(".") and part != "." for part in os.path.relpath(folder, root).split(os.sep))


def _stat(path: str, options: ReadOptions) -> File:
    compression = codec(path, options.compression)
    if path == STDIN:
        return File(path, None, compression, seekable=False)
    try:
        status = os.stat(path)
    except OSError as error:
        raise unreadable(path, error) from error
    regular = stat.S_ISREG(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        raise unreadable(path, IsADirectoryError(errno.EISDIR, "is a directory"))
    # /proc and some network files say they are regular and empty; reading them front to back is always right.
    return File(path, status.st_size if regular else None, compression, seekable=regular)


def _with_hive(files: list[File], options: ReadOptions) -> tuple[File, ...]:
    if options.hive_partitioning is False:
        return tuple(files)
    found = [_hive_values(f.path) for f in files]
    keys = {tuple(k for k, _ in values) for values in found}
    if len(keys) != 1:
        if options.hive_partitioning:
            raise SourceError(
                "the files have different hive folders: "
                + "; ".join(sorted("/".join(k) or "(none)" for k in keys)[:4])
                + "\n  hint: hive_partitioning=false reads them without folder columns"
            )
        return tuple(files)
    return tuple(
        File(f.path, f.size, f.compression, f.seekable, values) for f, values in zip(files, found, strict=True)
    )


def _hive_values(path: str) -> tuple[tuple[str, str | None], ...]:
    from urllib.parse import unquote

    values: dict[str, str | None] = {}
    for part in os.path.dirname(path).split(os.sep):
        key, equals, value = part.partition("=")
        if equals and key:
            values[unquote(key)] = None if value == HIVE_NULL else unquote(value)
    return tuple(values.items())


def _common_format(items: tuple[File, ...]) -> str | None:
    formats = {format_of(f.path) for f in items}
    return formats.pop() if len(formats) == 1 else None


def _missing(path: str) -> SourceError:
    return SourceError(f"no such file: {path!r}{_near_hint(path)}")


def _near_hint(path: str) -> str:
    folder, name = os.path.split(path)
    while folder and not os.path.isdir(folder):
        folder, name = os.path.split(folder)
    try:
        present = os.listdir(folder or ".")
    except OSError:
        return ""
    near = near_names(name, present)
    if near:
        return "\n  hint: did you mean " + " or ".join(repr(os.path.join(folder, n)) for n in near) + "?"
    return f"\n  hint: there is no such name in {folder or os.getcwd()!r}"
