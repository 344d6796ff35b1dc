"""Where the bytes of an output go: a file that appears only when it is whole, or a stream that is written as it comes.

A file is written under another name in the folder of its target, synced, and renamed over it. Whoever looks at the
target sees the old output or the new one, never a part.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from velothread.errors import SinkError

# Names of files that are being written. Only `discard_unfinished` reads it, on the way out of a process that can't
# wait for its threads (Ctrl-C while a thread is deep in C code). Adding to and removing from a set are atomic.
_unfinished: set[str] = set()


class Target(Protocol):
    """Takes the bytes of one output.

    Threading: used by the one thread that writes.
    """

    @property
    def name(self) -> str:
        """For messages."""
        ...

    def open(self) -> None:
        """Called once before the first write. :raises SinkError: when it can't be written."""
        ...

    def write(self, data: Any) -> bool:
        """Take bytes (anything with a buffer). False: the reader has gone, no more is wanted.

        :raises SinkError: full disk, broken device.
        """
        ...

    def commit(self) -> None:
        """All is written: make it lasting and visible."""
        ...

    def discard(self) -> None:
        """Nothing of what was written shall stay. Never raises; may be called at any time and twice."""
        ...


class FileSystem:
    """The few calls to the operating system that an `AtomicFile` makes. Tests put failures in their place.

    Threading: no state.
    """

    def create(self, path: str, mode: int) -> BinaryIO:
        return open(
            os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), mode), "wb", buffering=0
        )

    def open_in_place(self, path: str) -> BinaryIO:
        return open(path, "wb", buffering=0)

    def sync(self, file: BinaryIO) -> None:
        os.fsync(file.fileno())

    def rename(self, source: str, target: str) -> None:
        os.replace(source, target)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def sync_folder(self, path: str) -> None:
        # Makes the rename itself last. Not all file systems let a folder be synced; the file's content is safe anyway.
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


class AtomicFile:
    """A file that is replaced as a whole, or left as it was.

    A symbolic link is followed and stays. What is no regular file (a device, a FIFO) is written in place. `file` is
    the open file, for writers that need one.

    Threading: used by the one thread that writes.
    """

    def __init__(self, path: str | os.PathLike[str], file_system: FileSystem | None = None) -> None:
        self.name = os.fspath(path)
        self._system = file_system or FileSystem()
        self._path = self.name
        self._temporary: str | None = None
        self.file: BinaryIO | None = None

    def open(self) -> None:
        with self._failing_as("can't create"):
            self._path = os.path.realpath(self.name)
            mode = 0o666
            old: os.stat_result | None = None
            with contextlib.suppress(FileNotFoundError):
                old = os.stat(self._path)
            if old is not None:
                if stat.S_ISDIR(old.st_mode):
                    raise SinkError(f"can't write {self.name!r}: it is a directory; name a file in it")
                if not stat.S_ISREG(old.st_mode):
                    self.file = self._system.open_in_place(self._path)
                    return
                # Replacing a file needs no permission on the file itself, so a read-only one has to be asked about.
                if not os.access(self._path, os.W_OK):
                    raise SinkError(f"can't write {self.name!r}: no permission (the file is read-only)")
                mode = stat.S_IMODE(old.st_mode)
            folder, base = os.path.split(self._path)
            if not os.path.isdir(folder):
                raise SinkError(f"can't write {self.name!r}: there is no folder {folder!r}; create it first")
            temporary = os.path.join(folder, f".{base[:100]}.{os.urandom(4).hex()}.tmp")
            _unfinished.add(temporary)
            self._temporary = temporary
            self.file = self._system.create(temporary, mode)
            if old is not None:
                os.chmod(self.file.fileno(), mode)  # the umask doesn't apply to an output that existed

    def write(self, data: Any) -> bool:
        if self.file is None:
            raise SinkError(f"can't write {self.name!r}: it was closed already")
        with self._failing_as("can't write"):
            view = memoryview(data).cast("B")
            while view:  # an unbuffered write may take a part only (a disk that fills up, a signal)
                view = view[self.file.write(view) :]
        return True

    def commit(self) -> None:
        if self.file is None:
            return
        with self._failing_as("can't finish writing"):
            if self._temporary is None:
                self._close()
                return
            self._system.sync(self.file)
            self._close()
            self._system.rename(self._temporary, self._path)
            _unfinished.discard(self._temporary)
            self._temporary = None
            self._system.sync_folder(os.path.dirname(self._path))

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._system.remove(self._temporary)
            _unfinished.discard(self._temporary)
            self._temporary = None

    def _close(self) -> None:
        file, self.file = self.file, None
        if file is not None:
            file.close()

    @contextlib.contextmanager
    def _failing_as(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            intact = "" if self._temporary is None or not os.path.exists(self._path) else "; the old file is intact"
            self.discard()
            raise SinkError(f"{what} {self.name!r}: {reason(error)}{intact}") from error


class Stream:
    """An open binary stream, such as standard output. What is written can't be taken back, and the stream isn't closed.

    A reader that has gone (`| head`) is no error: `write` returns False, and `broken` is set.

    Threading: used by the one thread that writes.
    """

    def __init__(self, stream: BinaryIO, name: str = "standard output") -> None:
        self.name = name
        self.file = stream
        self.broken = False

    def open(self) -> None:
        """Nothing to do: it is open."""

    def write(self, data: Any) -> bool:
        if self.broken:
            return False
        try:
            self.file.write(memoryview(data).cast("B"))
        except BrokenPipeError:
            self.broken = True
        except OSError as error:
            raise SinkError(f"can't write to {self.name}: {reason(error)}") from error
        return not self.broken

    def commit(self) -> None:
        if self.broken:
            return
        try:
            self.file.flush()
        except BrokenPipeError:
            self.broken = True
        except OSError as error:
            raise SinkError(f"can't write to {self.name}: {reason(error)}") from error

    def discard(self) -> None:
        """Rows that are written stay written; what is still in the buffer goes out with them."""
        with contextlib.suppress(OSError, ValueError):
            self.file.flush()


class TargetFile:
    """A target as a Python file object, for writers that take one (Parquet, Arrow).

    Threading: used by the one thread that writes.
    """

    closed = False

    def __init__(self, target: Target) -> None:
        self._target = target
        self._position = 0
        self._dropping = False
        self.gone = False

    def drop(self) -> None:
        """Whatever is written from now on goes nowhere."""
        self._dropping = True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if not self._dropping and not self._target.write(data):
            self.gone = True
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """The target is flushed when it is committed."""

    def close(self) -> None:
        """The target closes with its commit; the writer that calls this only says that it is done."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def discard_unfinished() -> None:
    """Remove all files that are being written. Only for a process that is about to end without waiting for its
    threads."""
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(path)


def reason(error: OSError) -> str:
    """What went wrong, in the user's words, with what to do about it where that is known."""
    known = {
        errno.ENOSPC: "no space left on the device; free some or write elsewhere",
        errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
        errno.EACCES: "no permission",
        errno.EPERM: "no permission",
        errno.EROFS: "the file system is read-only",
        errno.EISDIR: "it is a directory; name a file in it",
        errno.ENOTDIR: "a part of its path is not a folder",
        errno.ENAMETOOLONG: "the name is too long",
    }
    return known.get(error.errno or 0) or error.strerror or str(error)
