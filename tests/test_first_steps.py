"""What a newcomer gets wrong first, and what velothread says to it."""

from __future__ import annotations

from pathlib import Path

import pytest

import velothread


def test_select_without_a_table() -> None:
    with pytest.raises(velothread.ParseError, match="syntax error at 'FROM': expected table name\n"):
        velothread.query("SELECT * FROM")


def test_nothing_to_explain() -> None:
    with velothread.connect() as session, pytest.raises(velothread.OptionError, match="no statement"):
        session.explain(" ; ")


def test_a_folder_of_several_formats(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n')
    (tmp_path / "b.csv").write_text("x\n1\n")
    with pytest.raises(velothread.SourceError, match=r"files of several formats \(csv, jsonl\)"):
        velothread.query(f"FROM '{tmp_path}'")


def test_a_folder_of_json_by_two_suffixes(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"x": 2}\n')
    assert velothread.query(f"FROM '{tmp_path}'").fetchall() == [(1,), (2,)]


def test_the_hint_stands_below_the_place(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text("x\n1\n")
    with pytest.raises(velothread.SourceError) as caught:
        velothread.query(f"FROM '{tmp_path}/trade.csv'")
    first, *_, last = str(caught.value).splitlines()
    assert first.startswith("no such file") and last.startswith("  hint: did you mean")


def test_a_query_that_failed_fails_again_as_it_did() -> None:
    with velothread.connect(processor="simple") as session:
        result = session.query("SELECT 1 // x FROM (VALUES (1), (0)) AS t(x)")
        for _ in range(2):
            with pytest.raises(velothread.ExecutionError, match="division by zero"):
                result.arrow()
