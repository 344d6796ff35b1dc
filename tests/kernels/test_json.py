"""JSON kernels: the columnar way and Python's parser give the same."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import ExecutionError
from velothread.kernels import json_values
from velothread.kernels.json_columns import field_texts
from velothread.kernels.json_paths import MISSING, all_at, at, has_wildcard, parse_path

SCALARS: tuple[st.SearchStrategy[Any], ...] = (
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
    st.booleans(),
)
MIXED = st.one_of(
    *SCALARS, st.none(), st.floats(allow_nan=False, allow_infinity=False), st.just([1]), st.just({"b": 1})
)


def documents(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[str]]:
    field = st.fixed_dictionaries({}, optional={"a": values, "o": st.fixed_dictionaries({}, optional={"c": values})})
    return st.lists(field.map(lambda d: json.dumps(d, ensure_ascii=False)), min_size=1, max_size=8)


@settings(deadline=None)
@given(st.one_of(*(documents(st.one_of(s, st.none())) for s in SCALARS), documents(MIXED)))
@pytest.mark.parametrize("path", ["$.a", "a", "$.o.c", "$.a.b"])
def test_fields_in_columns_and_one_by_one(path: str, some: list[str]) -> None:
    for family in (json_values.extract, json_values.extract_string):
        one_by_one = [family.one(pa.scalar(d), pa.scalar(path)).as_py() for d in some]
        column = family.one(pa.array(some * 100), pa.scalar(path))
        assert column.to_pylist() == one_by_one * 100


def test_plain_fields_are_read_in_columns() -> None:
    found = field_texts(pa.array(['{"a": 1}', '{"a": null}'] * 50), ("a",), as_json=False)
    assert found is not None and found[0].to_pylist()[:2] == ["1", None]
    assert field_texts(pa.array(['{"a": 1}', '{"a": "x"}'] * 50), ("a",), as_json=False) is None
    assert field_texts(pa.array(['{"a":\n1}'] * 100), ("a",), as_json=False) is None


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.a[0].b", ("a", 0, "b")),
        ("/a/0/b~1c", ("a", "0", "b/c")),
        ("a.b", ("a.b",)),
        ('$."a.b"', ("a.b",)),
        ("$['a'][#-1]", ("a", -1)),
    ],
)
def test_paths(path: str, steps: tuple[object, ...]) -> None:
    assert parse_path(path) == steps
    assert not has_wildcard(parse_path(path))


def test_wildcards() -> None:
    value = {"a": [{"b": 1}, {"b": 2}], "b": 3}
    assert all_at(value, parse_path("$.a[*].b")) == [1, 2]
    assert all_at(value, parse_path("$..b")) == [3, 1, 2]
    assert at(value, parse_path("$.c")) is MISSING
    assert has_wildcard(parse_path("$.*"))


@pytest.mark.parametrize("path", ["$.", "$a", "$[x]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ExecutionError, match="is not a JSON path"):
        parse_path(path)
