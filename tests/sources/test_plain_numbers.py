"""Columns of plain numbers are told by their bytes: as the patterns tell them."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread import types as t
from velothread.sources.csv_detect import _PATTERNS, detect
from velothread.sources.plain_numbers import plain_numbers
from velothread.types import SqlType

NUMBERS = st.one_of(st.integers().map(str), st.decimals(places=2, allow_nan=False, allow_infinity=False).map(str))
ODD = st.text(st.sampled_from("0123456789.-+e "), max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(NUMBERS, ODD), min_size=1, max_size=6))
def test_what_is_called_plain_is_what_the_patterns_find(values: list[str]) -> None:
    patterns = dict(_PATTERNS)
    found = plain_numbers(pa.array(values, pa.string()))
    if found is None:
        return
    narrowest = t.BIGINT if all(re.search(patterns[t.BIGINT], v) for v in values) else t.DOUBLE
    assert found == narrowest
    assert all(re.search(patterns[t.DOUBLE], v) for v in values)
    assert pa.array(values).cast(found.arrow).null_count == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", "0", "-0"], t.BIGINT),
        (["1", "2.5", "-0.25", "0.0"], t.DOUBLE),
        (["123456789012345678"], t.BIGINT),
        (["1234567890123456789"], None),
        (["007"], None),
        (["-01"], None),
        (["00.5"], None),
        (["1.2.3"], None),
        (["1", "2..3"], None),
        (["-"], None),
        (["1-2"], None),
        (["--1"], None),
        (["5."], None),
        ([".5"], None),
        (["-.5"], None),
        (["1e9"], None),
        (["", "1"], None),
        (["1", ""], None),
        (["x1"], None),
        (["12é"], None),
        (["9" * 41 + ".0"], None),
        ([], None),
    ],
)
def test_plain_and_not(values: list[str], kind: SqlType | None) -> None:
    assert plain_numbers(pa.array(values, pa.string())) == kind


def test_a_slice_is_looked_at_alone() -> None:
    values = pa.array(["x", "1", "2.5", "y"])
    assert plain_numbers(values.slice(1, 1)) == t.BIGINT
    assert plain_numbers(values.slice(1, 2)) == t.DOUBLE
    assert plain_numbers(values.slice(2, 2)) is None


def test_a_dot_is_no_decimal_point_where_the_comma_is() -> None:
    assert detect(pa.array(["1.5"]), decimal=",").type == t.VARCHAR
