"""From paths to files: globs, folders, lists, and what is said when nothing is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from velothread.errors import OptionError, SourceError
from velothread.sources.files import File, format_of, is_glob, open_bytes, resolve
from velothread.sources.source import ReadOptions


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv", "e.jsonl.gz", ".hidden.csv", "sub/notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("[b-z].csv", ["b.csv"]),
        ("**/*.csv", ["a.csv", "b.csv", "c.csv", "d.csv"]),
        ("sub", ["c.csv", "d.csv"]),
        ("a.csv", ["a.csv"]),
    ],
)
def test_patterns_give_files_by_name(tree: Path, pattern: str, names: list[str]) -> None:
    files = resolve(str(tree / pattern), ReadOptions())
    assert [Path(f.path).name for f in files] == names
    assert files.format == "csv"
    assert files.size == 4 * len(names)
    assert files.splittable


def test_a_list_keeps_its_order(tree: Path) -> None:
    files = resolve([str(tree / "b.csv"), str(tree / "a.csv")], ReadOptions())
    assert [Path(f.path).name for f in files] == ["b.csv", "a.csv"]
    assert files.name.endswith("b.csv (+1 more)")


def test_a_name_with_brackets_is_a_file_when_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "x[1].csv"
    path.write_text("a\n")
    assert not is_glob(str(path))
    assert resolve(str(path), ReadOptions()).items == (File(str(path), 2),)


def test_what_is_missing_names_what_is_near(tree: Path) -> None:
    with pytest.raises(SourceError, match=r"no such file: .*aa\.csv'(.|\n)*a\.csv"):
        resolve(str(tree / "aa.csv"), ReadOptions())
    with pytest.raises(SourceError, match=r"no file matches .*\*\.cvs"):
        resolve(str(tree / "*.cvs"), ReadOptions())
    with pytest.raises(SourceError, match="list of files is empty"):
        resolve([], ReadOptions())
    (tree / "empty").mkdir()
    with pytest.raises(SourceError, match="without data files"):
        resolve(str(tree / "empty"), ReadOptions())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.csv", "csv"),
        ("A.TSV.GZ", "csv"),
        ("x.ndjson.zst", "jsonl"),
        ("x.pq", "parquet"),
        ("x.arrow", "arrow"),
        ("x", None),
    ],
)
def test_suffixes_tell_the_format(path: str, kind: str | None) -> None:
    assert format_of(path) == kind


def test_compression_by_suffix_or_option(tree: Path) -> None:
    path = str(tree / "e.jsonl.gz")
    assert resolve(path, ReadOptions()).items[0].compression == "gzip"
    plain = resolve(path, ReadOptions(compression="none"))
    assert plain.items[0].compression is None
    with open_bytes(plain.items[0]) as stream:
        assert stream.read() == b"x\n1\n"
    with pytest.raises(OptionError, match=r"'gzp'.*'gzip'"):
        resolve(path, ReadOptions(compression="gzp"))


def test_stdin_is_one_file_that_cannot_be_split() -> None:
    (file,) = resolve("-", ReadOptions(format="csv"))
    assert (file.label, file.size, file.splittable) == ("stdin", None, False)


def test_hive_folders(tmp_path: Path) -> None:
    for name in ("y=1/k=a%2Fb/x.csv", "y=__HIVE_DEFAULT_PARTITION__/k=c/x.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("a\n")
    pattern = str(tmp_path / "**" / "*.csv")
    assert [f.hive for f in resolve(pattern, ReadOptions())] == [
        (("y", "1"), ("k", "a/b")),
        (("y", None), ("k", "c")),
    ]
    assert [f.hive for f in resolve(pattern, ReadOptions(hive_partitioning=False))] == [(), ()]
    (tmp_path / "other.csv").write_text("a\n")
    assert {f.hive for f in resolve(pattern, ReadOptions())} == {()}
    with pytest.raises(SourceError, match="different hive folders"):
        resolve(pattern, ReadOptions(hive_partitioning=True))
