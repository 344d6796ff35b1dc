"""A file output is whole or not there: whatever fails, the old output is intact and nothing else stays."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pytest

from tests.sinks.outputs import run, sql_types
from velothread.errors import SinkError
from velothread.sinks import target as targets
from velothread.sinks.formats import make_sink
from velothread.sinks.target import AtomicFile, FileSystem, Stream, discard_unfinished

BATCH = pa.record_batch({"n": list(range(5000)), "s": [f"text {i}" for i in range(5000)]})
FORMATS = ["csv", "jsonl", "json", "markdown", "parquet", "arrow", "table"]


class Failing(FileSystem):
    """Fails at one step, as the operating system does: create, write (after `room` bytes), sync or rename."""

    def __init__(self, step: str, code: int = errno.ENOSPC, room: int = 0) -> None:
        self.step, self.code, self.room = step, code, room

    def fail(self, step: str) -> None:
        if self.step == step:
            raise OSError(self.code, os.strerror(self.code))

    def create(self, path: str, mode: int) -> BinaryIO:
        self.fail("create")
        file: Any = super().create(path, mode)
        return FullFile(file, self) if self.step == "write" else file

    def sync(self, file: BinaryIO) -> None:
        self.fail("sync")
        super().sync(file)

    def rename(self, source: str, target: str) -> None:
        self.fail("rename")
        super().rename(source, target)


class FullFile:
    """Takes as many bytes as there is room for, then fails."""

    def __init__(self, file: BinaryIO, system: Failing) -> None:
        self.file, self.system = file, system

    def write(self, data: Any) -> int:
        view = memoryview(data)[: self.system.room]
        if not view:
            self.system.fail("write")
        self.system.room -= len(view)
        return self.file.write(view)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("step", "room"), [("create", 0), ("write", 0), ("write", 100), ("sync", 0), ("rename", 0)])
def test_whatever_fails_the_old_output_is_intact(tmp_path: Path, format: str, step: str, room: int) -> None:
    path = tmp_path / "out"
    path.write_text("the old output")
    sink = make_sink(format, AtomicFile(path, Failing(step, room=room)))
    with pytest.raises(SinkError, match=r"no space left.*the old file is intact"):
        try:
            run(sink, [BATCH])
        except BaseException:
            sink.abort()
            raise
    assert path.read_text() == "the old output"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("batches", [0, 1, 3])
def test_abort_after_some_batches_leaves_nothing(tmp_path: Path, format: str, batches: int) -> None:
    sink = make_sink(format, tmp_path / "out")
    sink.begin(BATCH.schema, sql_types(BATCH.schema))
    for _ in range(batches):
        sink.write(sink.encode(BATCH))
    assert not (tmp_path / "out").exists()
    sink.abort()
    sink.abort()
    assert os.listdir(tmp_path) == []


def test_the_output_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    file = AtomicFile(path)
    file.open()
    file.write(b"new, ")
    assert path.read_text() == "old"
    file.write(memoryview(b"and longer"))
    file.commit()
    assert path.read_text() == "new, and longer"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_replaced_file_keeps_its_mode_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(0o640)
    for path in (old, new):
        file = AtomicFile(path)
        file.open()
        file.commit()
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    (tmp_path / "plain").touch()
    assert new.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    real, link = folder / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    file = AtomicFile(link)
    file.open()
    file.write(b"new")
    file.commit()
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="it is a directory"):
        AtomicFile(tmp_path).open()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"there is no folder .*missing"):
        AtomicFile(tmp_path / "missing" / "out.csv").open()


def test_no_permission_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="no permission"):
        AtomicFile(tmp_path / "out.csv", Failing("create", errno.EACCES)).open()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("format", FORMATS)
def test_a_full_device_is_written_in_place_and_fails(format: str) -> None:
    sink = make_sink(format, "/dev/full")
    with pytest.raises(SinkError, match="no space left"):
        run(sink, [BATCH])
    sink.abort()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.thread_unsafe(reason="removes the files of other copies of the test")
def test_unfinished_files_can_be_removed_in_a_hurry(tmp_path: Path) -> None:
    file = AtomicFile(tmp_path / "out.csv")
    file.open()
    file.write(b"half")
    (left,) = os.listdir(tmp_path)
    assert str(tmp_path / left) in targets._unfinished
    discard_unfinished()
    assert os.listdir(tmp_path) == []
    file.discard()


def test_a_stream_whose_reader_has_gone_wants_no_more() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=0) as stream:
        place = Stream(stream)
        assert not place.write(b"x")
        assert place.broken
        assert not place.write(b"y")
        place.commit()


@pytest.mark.parametrize("format", ["csv", "jsonl", "markdown", "parquet", "arrow"])
def test_sinks_stop_when_the_reader_has_gone(format: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=0) as stream:
        sink = make_sink(format, stream, {"row_group_size": 10} if format == "parquet" else {})
        sink.begin(BATCH.schema, sql_types(BATCH.schema))
        assert not sink.write(sink.encode(BATCH))
        sink.finish()


def test_a_full_stream_is_an_error() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb", buffering=0) as stream:
        place = Stream(stream)
        with pytest.raises(SinkError, match="standard output: no space left"):
            place.write(b"x")
