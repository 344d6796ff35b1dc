"""Batches as the engine has them: long, sliced, constant, narrow, with NULLs; and those that are left to Python."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.functions.lifting.grammar import compiled
from tests.functions.lifting.running import by_call, by_kernel, lifted, same
from velothread.functions.lifting import Lifted, PythonDiffers, compile_lifted
from velothread.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGER,
    INTEGER_WIDTHS,
    SMALLINT,
    TINYINT,
    UBIGINT,
    UINTEGER,
    VARCHAR,
    SqlType,
)


def kernel_of(source: str, types: list[SqlType], returns: SqlType, nullable: list[bool] | None = None) -> Any:
    function = compiled(source)
    found = lifted(function, types, returns, nullable)
    assert isinstance(found, Lifted), found
    return compile_lifted(found)


SCALED = "def f(a, b):\n    t = a * 3 + b\n    return t * t - a if t > 10 else t // 7\n"


@pytest.mark.parametrize("rows", [1, 2047, 2048, 16_383, 16_384, 16_385, 40_000])
def test_longer_than_a_chunk(rows: int) -> None:
    a, b = np.arange(rows) % 1000 - 500, np.arange(rows) % 37
    result = kernel_of(SCALED, [BIGINT, BIGINT], BIGINT)(rows, pa.array(a), pa.array(b))
    function = compiled(SCALED)
    assert result.to_pylist() == list(map(function, a.tolist(), b.tolist()))


def test_no_rows() -> None:
    result = kernel_of(SCALED, [BIGINT, BIGINT], BIGINT)(0, pa.array([], pa.int64()), pa.array([], pa.int64()))
    assert result.type == pa.int64()
    assert len(result) == 0


@pytest.mark.parametrize("offset", [1, 7, 9])
def test_slices(offset: int) -> None:
    source = "def f(a, s, c):\n    return a + len(s.upper()) if c else int(s)\n"
    columns = [
        pa.array([*range(10), None, 3]),
        pa.array([*map(str, range(10)), "ab", None]),
        pa.array([i % 3 == 0 for i in range(12)]),
    ]
    compute = kernel_of(source, [BIGINT, VARCHAR, BOOLEAN], BIGINT)
    rows = 12 - offset
    result = compute(rows, *[c.slice(offset) for c in columns])
    function = compiled(source)
    expected = [
        None if None in row else function(*row)
        for row in zip(*[c.slice(offset).to_pylist() for c in columns], strict=True)
    ]
    assert result.to_pylist() == expected


def test_constants_among_the_columns() -> None:
    compute = kernel_of(SCALED, [BIGINT, BIGINT], BIGINT)
    function = compiled(SCALED)
    assert compute(3, pa.array([1, 2, 30]), pa.scalar(4)).to_pylist() == [function(a, 4) for a in (1, 2, 30)]
    assert compute(2, pa.scalar(1), pa.scalar(4)).to_pylist() == [function(1, 4)] * 2
    assert compute(2, pa.scalar(1), pa.scalar(None, pa.int64())).to_pylist() == [None, None]
    joined = kernel_of("def f(a, s):\n    return s + str(a)\n", [BIGINT, VARCHAR], VARCHAR)
    assert joined(2, pa.array([1, 2]), pa.scalar("x")).to_pylist() == ["x1", "x2"]


def test_a_function_without_columns() -> None:
    assert kernel_of("def f():\n    return 7\n", [], BIGINT)(3).to_pylist() == [7, 7, 7]
    assert kernel_of("def f():\n    return 'x'\n", [], VARCHAR)(2).to_pylist() == ["x", "x"]


@pytest.mark.parametrize("type_", [TINYINT, SMALLINT, INTEGER, UINTEGER, UBIGINT], ids=str)
def test_narrow_integers_do_not_overflow(type_: SqlType) -> None:
    signed, bits = INTEGER_WIDTHS[type_.kind]
    high = min(2 ** (bits - signed) - 1, 2**61)
    compute = kernel_of("def f(a):\n    return a + a - a // 2\n", [type_], BIGINT)
    assert compute(2, pa.array([high, 1], type_.arrow)).to_pylist() == [high + high - high // 2, 2]


def test_a_great_unsigned_integer_is_left_to_python() -> None:
    compute = kernel_of("def f(a):\n    return a // 2\n", [UBIGINT], BIGINT)
    with pytest.raises(PythonDiffers):
        compute(1, pa.array([2**63], pa.uint64()))


def test_float32_is_a_float() -> None:
    value = float(np.float32(0.1))
    compute = kernel_of("def f(a):\n    return a * 3\n", [FLOAT], DOUBLE)
    assert compute(1, pa.array([0.1], pa.float32())).to_pylist() == [value * 3]


def test_what_lies_under_a_null_is_nobodys_business() -> None:
    # 0 under the NULL: no division by it
    zero = pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([2, 0]).tobytes())])
    compute = kernel_of("def f(a, b):\n    return a // b\n", [BIGINT, BIGINT], BIGINT)
    assert compute(2, pa.array([8, 8]), zero).to_pylist() == [4, None]


def test_none_where_it_may_be() -> None:
    source = "def f(a, b):\n    if a is None:\n        return b\n    return a + 1 if b is None else None\n"
    types, nullable = [BIGINT, BIGINT], [True, True]
    rows = [(None, 1), (2, None), (None, None), (3, 4)]
    function = compiled(source)
    found = lifted(function, types, BIGINT, nullable)
    assert isinstance(found, Lifted)
    assert found.returns_none
    assert by_kernel(found, rows, types) == by_call(function, rows) == [1, 3, None, None]


# What Python raises for, computes otherwise, or only it can compute: but not where a branch keeps it away.
GUARDED = [
    ("a / b", "b != 0", [DOUBLE, DOUBLE], DOUBLE, (1.0, 0.0)),
    ("a // b", "b != 0", [BIGINT, BIGINT], BIGINT, (1, 0)),
    ("a * b", "a < 2**40", [BIGINT, BIGINT], BIGINT, (2**62, 4)),
    ("a + b", "b < 5", [BIGINT, BIGINT], BIGINT, (2**63 - 1, 5)),
    ("a - b", "b < 5", [BIGINT, BIGINT], BIGINT, (-(2**63), 5)),
    ("-a + b", "a > -10", [BIGINT, BIGINT], BIGINT, (-(2**63), 5)),
    ("a / b", "a < 2**53", [BIGINT, BIGINT], DOUBLE, (2**53 + 1, 3)),
    ("(a < b) + 0.0", "a < 2**53", [BIGINT, DOUBLE], DOUBLE, (2**53 + 1, 2.0**53)),
    ("math.sqrt(a) + b", "a >= 0", [DOUBLE, DOUBLE], DOUBLE, (-1.0, 0.0)),
    ("math.log(a) + b", "a > 0", [DOUBLE, DOUBLE], DOUBLE, (0.0, 0.0)),
    ("math.exp(a) + b", "a < 100", [DOUBLE, DOUBLE], DOUBLE, (1000.0, 0.0)),
    ("math.sin(a) + b", "a < 100", [DOUBLE, DOUBLE], DOUBLE, (math.inf, 0.0)),
    ("a ** b", "a > 0", [DOUBLE, DOUBLE], DOUBLE, (0.0, -1.0)),
    ("a ** b", "a > 0", [DOUBLE, DOUBLE], DOUBLE, (-8.0, 0.5)),
    ("int(a) + b", "a < 10", [DOUBLE, BIGINT], BIGINT, (math.inf, 1)),
    ("int(a) + b", "a == a", [DOUBLE, BIGINT], BIGINT, (math.nan, 1)),
    ("int(a) + b", "a.isdigit()", [VARCHAR, BIGINT], BIGINT, ("x", 1)),
    ("len(a[0]) + b", "a", [VARCHAR, BIGINT], BIGINT, ("", 1)),
    ("a.index('x') + b", "'x' in a", [VARCHAR, BIGINT], BIGINT, ("abc", 1)),
]  # fmt: skip
INNOCENT: dict[str, Any] = {"DOUBLE": 2.0, "BIGINT": 3, "VARCHAR": "7x"[:1]}


@pytest.mark.parametrize(
    ("risky", "guard", "types", "returns", "row"), GUARDED, ids=[f"{r} {x}" for r, *_, x in GUARDED]
)
def test_left_to_python_only_where_it_is_computed(
    risky: str, guard: str, types: list[SqlType], returns: SqlType, row: tuple[Any, ...]
) -> None:
    calm = tuple(INNOCENT[t.kind] for t in types)
    rows = [calm, row] if "index" not in risky else [("xx", 1), row]
    bare = lifted(compiled(f"def f(a, b):\n    return {risky}\n"), types, returns)
    assert isinstance(bare, Lifted)
    assert by_kernel(bare, rows, types) is None
    assert by_kernel(bare, rows[:1], types) is not None
    other = "0.0" if returns == DOUBLE else "0"
    for source in (
        f"def f(a, b):\n    return {risky} if {guard} else {other}\n",
        f"def f(a, b):\n    if not ({guard}):\n        return {other}\n    t = {risky}\n    return t\n",
        f"def f(a, b):\n    t = {other}\n    if {guard}:\n        t = {risky}\n    return t\n",
        f"def f(a, b):\n    return {other} if not ({guard}) or ({risky}) != ({risky}) else {risky}\n",
    ):
        function = compiled(source)
        found = lifted(function, types, returns)
        assert isinstance(found, Lifted)
        kernel = by_kernel(found, rows, types)
        assert kernel is not None, source
        assert all(same(k, p, returns) for k, p in zip(kernel, by_call(function, rows), strict=True))


# Where kernels are easily nearly right.
CORNERS: list[tuple[str, SqlType, SqlType, list[Any]]] = [
    ("min(a, 0.0)", DOUBLE, DOUBLE, [-0.0, 0.0, math.nan, 1.0]),
    ("min(0.0, a)", DOUBLE, DOUBLE, [-0.0, 0.0, math.nan, -1.0]),
    ("max(a, -0.0)", DOUBLE, DOUBLE, [-0.0, 0.0, math.nan, 1.0]),
    ("(a if a > 0 else -0.0) if a < 1 else 0.0", DOUBLE, DOUBLE, [-1.0, 0.5, 2.0, math.nan]),
    ("a % -0.5", DOUBLE, DOUBLE, [0.0, -0.0, 1.0, 0.75, math.inf]),
    ("a // 0.1", DOUBLE, DOUBLE, [1.0, -1.0, 0.3, 0.0, 1e300]),
    ("round(a, 2)", DOUBLE, DOUBLE, [2.675, 1.005, 0.125, 0.375, -0.001, math.nan, math.inf, 1e300, 5e-324]),
    ("round(a)", DOUBLE, BIGINT, [0.5, 1.5, 2.5, -0.5, 0.49999999999999994, 4503599627370497.5]),
    ("a ** 2", DOUBLE, DOUBLE, [0.1 * i for i in range(200)]),
    ("a % 7", BIGINT, BIGINT, [-(2**63), 2**63 - 1, -1, 0, 7]),
    ("a // -7", BIGINT, BIGINT, [-(2**63), 2**63 - 1, -1, 0, 7]),
    ("a % -(2**63)", BIGINT, BIGINT, [-(2**63), 2**63 - 1, -1, 0, 7]),
    ("a.strip()", VARCHAR, VARCHAR, ["\x1c\x1fa\x85", "\u2003a\u00a0", "\u200ba", "\ufeffa", "a\u3000"]),
    ("a.isspace()", VARCHAR, BOOLEAN, ["", " ", "\x1c", "\u2003", "a ", "\u200b"]),
    ("a[-3:-1]", VARCHAR, VARCHAR, ["", "a", "ab", "äöü", "日本語x"]),
    ("a < 'é'", VARCHAR, BOOLEAN, ["e", "ê", "é", "", "\uffff", "\U00010000"]),
    ("a == '' or bool(a)", VARCHAR, BOOLEAN, ["", "a", "\x00"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "type_", "returns", "values"), CORNERS, ids=[b for b, *_ in CORNERS])
def test_corners(body: str, type_: SqlType, returns: SqlType, values: list[Any]) -> None:
    function = compiled(f"def f(a):\n    return {body}\n")
    found = lifted(function, [type_], returns)
    assert isinstance(found, Lifted)
    rows = [(v,) for v in values]
    kernel = by_kernel(found, rows, [type_])
    assert kernel is not None
    python = by_call(function, rows)
    assert all(same(k, p, returns) for k, p in zip(kernel, python, strict=True)), (kernel, python)


@pytest.mark.parametrize(
    "body",
    [
        "if a == 1:\n        return 2 < a\n    return a == 1",
        "t = a == 1\n    u = a < 3\n    if t:\n        t = u\n    return t",
        "t = a > 1\n    if t:\n        t = a < 3\n    return not t",
    ],
)
def test_a_test_that_is_chosen_as_well(body: str) -> None:
    function = compiled(f"def f(a):\n    {body}\n")
    found = lifted(function, [DOUBLE], BOOLEAN)
    assert isinstance(found, Lifted)
    rows = [(0.0,), (1.0,), (2.0,), (100.25,), (math.nan,)]
    assert by_kernel(found, rows, [DOUBLE]) == by_call(function, rows)


@pytest.mark.parametrize(
    "body",
    ["0.0 < b < a / b", "b != 0.0 and a / b > 1.0", "b == 0.0 or a / b > 1.0", "not (b and a / b > 1.0)"],
)
def test_a_condition_that_decides_keeps_the_rest_away(body: str) -> None:
    function = compiled(f"def f(a, b):\n    return {body}\n")
    found = lifted(function, [DOUBLE, DOUBLE], BOOLEAN)
    assert isinstance(found, Lifted)
    rows = [(1.0, 0.0), (1.0, 0.5), (0.25, 0.5)]
    assert by_kernel(found, rows, [DOUBLE, DOUBLE]) == by_call(function, rows)


def test_what_lies_under_none_is_not_compared() -> None:
    # beyond 2**53 under the NULL, where an int and a float can't be compared as floats
    great = pa.py_buffer(np.array([3, 2**60 + 1]).tobytes())
    column = pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), great])
    compute = kernel_of("def f(a, b):\n    return a == b\n", [BIGINT, DOUBLE], BOOLEAN, [True, False])
    assert compute(2, column, pa.array([3.0, 3.0])).to_pylist() == [True, False]


def test_a_result_nobody_uses_still_raises() -> None:
    compute = kernel_of("def f(a):\n    t = 1 / a\n    return 5\n", [DOUBLE], BIGINT)
    assert compute(1, pa.array([2.0])).to_pylist() == [5]
    with pytest.raises(PythonDiffers):
        compute(1, pa.array([0.0]))


@pytest.mark.parametrize("text", ["ß", "İ", "ǆ", "é"])
def test_other_than_ascii_in_upper_is_left_to_python(text: str) -> None:
    compute = kernel_of("def f(s):\n    return s.upper()\n", [VARCHAR], VARCHAR)
    assert compute(1, pa.array(["ab"])).to_pylist() == ["AB"]
    with pytest.raises(PythonDiffers):
        compute(2, pa.array(["ab", text]))
    exact = kernel_of("def f(s):\n    return s[::-1] + s[:1] + s.strip() + str(len(s))\n", [VARCHAR], VARCHAR)
    assert exact(1, pa.array([text])).to_pylist() == [text * 3 + "1"]


def test_many_threads_share_a_kernel() -> None:
    compute = kernel_of(SCALED, [BIGINT, BIGINT], BIGINT)
    columns = [(pa.array(np.arange(30_000) + i), pa.array(np.full(30_000, i))) for i in range(8)]
    alone = [compute(30_000, *c) for c in columns]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda c: compute(30_000, *c), columns))
    assert together == alone
