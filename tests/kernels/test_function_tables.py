"""The tables as a whole. Their examples run in tests/test_function_docs.py."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.kernels.calls import call, values
from velothread.errors import ExecutionError
from velothread.kernels.functions import SCALARS
from velothread.types import BIGINT, DOUBLE, VARCHAR

OURS = ("generic", "numeric", "text", "list", "map", "json")
FUNCTIONS = list(
    {id(f): (name, f) for name, overloads in SCALARS.items() for f in overloads if f.group in OURS}.values()
)


def test_every_line_is_documented() -> None:
    assert [f.signature() for _, f in FUNCTIONS if not f.doc and not f.name.endswith("*")] == []
    assert {g for _, f in FUNCTIONS for g in [f.group]} == set(OURS)


def test_names_are_lower_case_and_the_mapping_is_frozen() -> None:
    assert [name for name in SCALARS if name != name.lower()] == []
    with pytest.raises(TypeError):
        SCALARS["upper"] = ()  # type: ignore[index]


def test_aliases_lead_to_the_same_lines() -> None:
    assert SCALARS["substr"] == SCALARS["substring"]
    assert SCALARS["add"] == SCALARS["+"]


def test_strict_functions_of_nothing_give_nothing() -> None:
    for name, types in (("upper", (VARCHAR,)), ("sqrt", (DOUBLE,)), ("substring", (VARCHAR, BIGINT))):
        given = [(pa.nulls(3, t.arrow), t) for t in types]
        assert call(name, *given)[0].null_count == 3
        assert len(call(name, *[(pa.nulls(0, t.arrow), t) for t in types])[0]) == 0


def test_hashes() -> None:
    texts = pa.array(["a", "b", "a", None, "", "ab", "ba"])
    hashes = values("hash", texts).to_pylist()
    assert hashes[0] == hashes[2] and len(set(hashes)) == 6
    assert values("hash", texts.slice(2, 2)).to_pylist() == hashes[2:4]
    assert values("hash", "a").as_py() == hashes[0]
    assert values("hash", pa.array([0.0, -0.0])).to_pylist() == [values("hash", 0.0).as_py()] * 2
    assert values("hash", pa.array([1, 2]), pa.array([2, 1])).to_pylist()[0] != values("hash", 2, 1).as_py()


def test_error_raises_its_message() -> None:
    with pytest.raises(ExecutionError, match="no such thing"):
        values("error", "no such thing")


def test_constant_or_null() -> None:
    assert values("constant_or_null", 5, pa.array([1, None])).to_pylist() == [5, None]
