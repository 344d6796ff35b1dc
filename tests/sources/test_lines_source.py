"""Lines of text as a source."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import velothread
from velothread.sources.source import ReadOptions

TEXT = st.text(st.sampled_from('ab\u00fc\u20ac\t ,"\r\n'), max_size=60)


def _expected(text: str) -> list[str]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _read(path: Path, **options: object) -> list[str]:
    read = ReadOptions(**options)  # type: ignore[arg-type]
    with velothread.connect(processor="adaptive", partitions=2, batch_rows=3, read=read) as session:
        return [line for (line,) in session.query(f"SELECT line FROM read_lines('{path}')").fetchall()]


@given(text=TEXT, split=st.integers(1, 20))
def test_lines_are_what_python_says(tmp_path_factory: pytest.TempPathFactory, text: str, split: int) -> None:
    folder = tmp_path_factory.mktemp("lines")
    plain, packed = folder / "a.log", folder / "a.log.gz"
    plain.write_bytes(text.encode())
    packed.write_bytes(gzip.compress(text.encode()))
    expected = _expected(text)
    for path in (plain, packed):
        assert _read(path, split_bytes=split) == expected


def test_a_mark_at_the_start_is_no_part_of_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbffirst\r\nsecond")
    assert _read(path) == ["first", "second"]


def test_counting_reads_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x\n\ny\n")
    assert velothread.query(f"SELECT count(*) FROM read_lines('{path}')").fetchall() == [(3,)]


def test_lines_that_are_not_utf8(tmp_path: Path) -> None:
    path, rejects = tmp_path / "a.log", tmp_path / "rejects.csv"
    path.write_bytes(b"good\nb\xffd\n\nfine\n")
    with pytest.raises(velothread.SourceError, match=r"a\.log:2: byte 2 is not UTF-8"):
        _read(path)
    assert _read(path, on_error="null") == ["good", None, "", "fine"]
    assert _read(path, on_error="skip", rejects=str(rejects)) == ["good", "", "fine"]
    assert rejects.read_text().splitlines()[1] == f"{path},2,line,b\ufffdd,not UTF-8,b\ufffdd"
