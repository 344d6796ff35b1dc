"""The table on a terminal: it fits, and says what it leaves out."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.sinks.outputs import DECIMAL, batches, few, text, texts, written


def test_looks_like_duckdbs() -> None:
    assert text("table", [1, None], ["x", "yes"], [DECIMAL("1.5"), DECIMAL("2.0")], [[1], None]) == (
        "┌───────┬─────────┬──────────────┬─────────┐\n"
        "│   a   │    b    │      c       │    d    │\n"
        "│ int64 │ varchar │ decimal(2,1) │ int64[] │\n"
        "├───────┼─────────┼──────────────┼─────────┤\n"
        "│     1 │ x       │          1.5 │ [1]     │\n"
        "│  NULL │ yes     │          2.0 │ NULL    │\n"
        "└───────┴─────────┴──────────────┴─────────┘\n"
        "  2 rows                         4 columns\n"
    )


def test_without_rows() -> None:
    shown = written("table", [pa.record_batch({"a": pa.array([], pa.int32())})]).decode()
    assert shown == "┌───────┐\n│   a   │\n│ int32 │\n└───────┘\n  0 rows  1 column\n"


@pytest.mark.parametrize("cuts", [[100], [1] * 100, [40, 60], [99, 1], [33, 33, 34]])
def test_the_first_and_last_rows_are_shown_and_the_rest_is_counted(cuts: list[int]) -> None:
    parts, start = [], 0
    for rows in cuts:
        parts.append(pa.record_batch({"n": range(start, start + rows)}))
        start += rows
    lines = written("table", parts, max_rows=7).decode().splitlines()
    shown = [line.strip("│ ") for line in lines[4:-2]]
    assert shown == ["0", "1", "2", "3", "·", "·", "·", "97", "98", "99"]
    assert lines[-1].split("  ")[1] == "100 rows (7 shown)"


@pytest.mark.parametrize("rows", [1, 2, 7, 40, 41])
def test_rows_that_fit_are_all_shown(rows: int) -> None:
    shown = written("table", [pa.record_batch({"n": range(rows)})], max_rows=rows).decode()
    assert "·" not in shown
    assert "shown" not in shown
    assert shown.count("\n") == rows + 6


def test_all_rows() -> None:
    assert written("table", [pa.record_batch({"n": range(500)})], max_rows=None).decode().count("\n") == 506


def test_a_single_row_of_many() -> None:
    lines = written("table", [pa.record_batch({"n": range(5)})], max_rows=1).decode().splitlines()
    assert [line.strip("│ ") for line in lines[4:-2]] == ["0", "·", "·", "·"]


def test_columns_that_do_not_fit_are_left_out_of_the_middle() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(["x" * 20])] * 12, names=[f"c{i}" for i in range(12)])
    lines = written("table", [batch], width=100).decode().splitlines()
    assert [name.strip() for name in lines[1].strip("│").split("│")] == ["c0", "c1", "…", "c10", "c11"]
    assert lines[-1].endswith("12 columns (4 shown)")


def test_long_cells_are_cut_and_narrow_columns_stay() -> None:
    lines = text("table", ["y" * 500], [12345678901], width=60).splitlines()
    assert len(lines[0]) == 60
    assert lines[4].endswith("y… │ 12345678901 │")


@few
@given(batches(), st.integers(20, 120), st.integers(1, 8))
def test_every_line_has_the_same_width_and_fits(parts: list[pa.RecordBatch], width: int, max_rows: int) -> None:
    *lines, footer = written("table", parts, width=width, max_rows=max_rows).decode().removesuffix("\n").split("\n")
    widths = {cell_len(line) for line in lines}
    assert len(widths) == 1
    assert widths.pop() <= width
    assert f"{sum(b.num_rows for b in parts)} row" in footer


@few
@given(st.lists(texts, min_size=1, max_size=5))
def test_cells_have_one_line_and_no_commands_for_the_terminal(values: list[str]) -> None:
    shown = text("table", [*values, "\x1b[31mred\r\n\x07"])
    # control characters and line separators; a no-break space is "unprintable" to Python, and harmless
    kinds = {unicodedata.category(ch) for ch in shown if ch != "\n"}
    assert not kinds & {"Cc", "Zl", "Zp"}
    assert shown.count("\n") == len(values) + 1 + 6


def test_colors_change_nothing_but_the_colors() -> None:
    import re

    colored = text("table", [1, None], ["a", "b"], color=True)
    assert "\x1b[" in colored
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == text("table", [1, None], ["a", "b"])
