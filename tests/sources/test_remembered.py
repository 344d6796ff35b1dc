"""A session sniffs a file once, and again when it has changed."""

from __future__ import annotations

import os
from pathlib import Path

import velothread
from velothread.sources.files import File
from velothread.sources.remembered import Remembered

OLD = 1_600_000_000


class Sniffer:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def far_later() -> int:
    return 4_000_000_000_000_000_000


def at(path: Path) -> File:
    return File(str(path), path.stat().st_size)


def test_sniffed_once_while_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    known, sniff = Remembered(far_later), Sniffer()
    assert [known.layout(at(path), "csv", sniff) for _ in range(3)] == [1, 1, 1]
    assert known.layout(at(path), "tsv", sniff) == 2


def test_sniffed_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    known, sniff = Remembered(far_later), Sniffer()
    known.layout(at(path), "csv", sniff)
    path.write_text("a\nxyz\n")
    assert known.layout(at(path), "csv", sniff) == 2
    os.utime(path, (OLD, OLD))
    assert known.layout(at(path), "csv", sniff) == 3
    other = tmp_path / "y.csv"
    other.write_text("a\nxyz\n")
    os.utime(other, (OLD, OLD))
    other.replace(path)  # as long and as old, but another file
    assert known.layout(at(path), "csv", sniff) == 4


def test_what_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    known, sniff = Remembered(lambda: path.stat().st_mtime_ns + 1000), Sniffer()
    assert [known.layout(at(path), "csv", sniff) for _ in range(2)] == [1, 2]


def test_streams_are_never_remembered() -> None:
    known, sniff = Remembered(far_later), Sniffer()
    stream = File("-", None, None, seekable=False)
    assert [known.layout(stream, "csv", sniff) for _ in range(2)] == [1, 2]


def test_what_is_kept_is_made_once() -> None:
    known, sniff = Remembered(far_later), Sniffer()
    assert [known.kept("a", sniff), known.kept("b", sniff), known.kept("a", sniff)] == [1, 2, 1]


def test_two_results_of_a_session_can_be_read_in_turns(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.csv").write_text("a,b\n" + "".join(f"{name}{i},{i}\n" for i in range(200)))
    read = velothread.ReadOptions(split_bytes=64)
    for processor in ("simple", "adaptive"):
        with velothread.connect(processor=processor, read=read) as session:
            turns = zip(
                session.query(f"SELECT a FROM '{tmp_path}/x.csv'").batches(),
                session.query(f"SELECT a FROM '{tmp_path}/y.csv'").batches(),
                strict=True,
            )
            pairs = [(p, q) for x, y in turns for p, q in zip(x["a"].to_pylist(), y["a"].to_pylist(), strict=True)]
        assert pairs == [(f"x{i}", f"y{i}") for i in range(200)]


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    known, sniff = Remembered(far_later), Sniffer()
    for i in range(600):
        known.layout(at(path), i, sniff)
    assert known.layout(at(path), 599, sniff) == 600
    assert known.layout(at(path), 0, sniff) == 601


def test_a_session_sees_new_columns_and_types(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with velothread.connect() as session:
        for text, rows in (("a\n1\n", [(1,)]), ("a\nx\n", [("x",)]), ("a,b\n1,2\n", [(1, 2)])):
            path.write_text(text)
            for _ in range(2):
                assert session.query(f"SELECT * FROM '{path}'").fetchall() == rows
        os.utime(path, (OLD, OLD))
        assert session.query(f"SELECT b FROM '{path}'").fetchall() == [(2,)]
        assert session.query(f"SELECT b FROM read_csv('{path}', all_varchar=true)").fetchall() == [("2",)]
