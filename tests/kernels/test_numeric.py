"""Numeric functions against Python's numbers."""

from __future__ import annotations

import decimal
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.calls import call, values
from velothread.errors import ExecutionError
from velothread.types import BIGINT, DOUBLE, HUGEINT, INTEGER, SMALLINT, TINYINT, UTINYINT, SqlType, from_arrow
from velothread.types import decimal as decimal_type

EXAMPLES = settings(deadline=None, max_examples=25)
FLOATS = st.lists(st.none() | st.floats(width=64), max_size=8)


def numbers(items: list[Any], t: SqlType) -> tuple[pa.Array, SqlType]:
    """A column of these, sliced out of a longer one: offsets and NULL bits are not at 0."""
    return pa.array([None, *items, None], t.arrow).slice(1, len(items)), t


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)
    return bool(a == b)


def attempt(function: Any, *arguments: float) -> float:
    try:
        return float(function(*arguments))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


@EXAMPLES
@given(FLOATS)
def test_functions_of_floats(items: list[float | None]) -> None:
    finite = [x if x is None or math.isfinite(x) else 0.5 for x in items]
    for name, function in (
        ("sqrt", math.sqrt), ("cbrt", math.cbrt), ("sin", math.sin), ("cos", math.cos), ("tan", math.tan),
        ("asin", math.asin), ("acos", math.acos), ("atan", math.atan), ("tanh", math.tanh), ("asinh", math.asinh),
        ("degrees", math.degrees), ("radians", math.radians), ("exp", math.exp),
    ):  # fmt: skip
        got = values(name, numbers(finite, DOUBLE)).to_pylist()
        wanted = [None if x is None else attempt(function, x) for x in finite]
        assert all(same(g, w) for g, w in zip(got, wanted, strict=True)), (name, finite, got, wanted)


@EXAMPLES
@given(st.lists(st.none() | st.floats(-1e12, 1e12), max_size=8))
def test_whole_numbers(items: list[float | None]) -> None:
    def away(x: float) -> float:
        return math.copysign(math.floor(abs(x) + 0.5) if abs(x) != 0.49999999999999994 else 0.0, x)

    for name, function in (("ceil", math.ceil), ("floor", math.floor), ("trunc", math.trunc), ("round", away)):
        wanted = [None if x is None else float(function(x)) for x in items]
        assert values(name, numbers(items, DOUBLE)).to_pylist() == wanted


@EXAMPLES
@given(st.lists(st.none() | st.decimals(-999999, 999999, places=3), max_size=6), st.integers(-7, 5))
def test_decimals_round_exactly(items: list[decimal.Decimal | None], digits: int) -> None:
    t = decimal_type(9, 3)
    for name, mode in (
        ("round", decimal.ROUND_HALF_UP), ("trunc", decimal.ROUND_DOWN), ("round_even", decimal.ROUND_HALF_EVEN),
    ):  # fmt: skip
        wanted = [
            None if x is None else x if digits >= 3 else x.quantize(decimal.Decimal(1).scaleb(-digits), mode)
            for x in items
        ]
        result, returns = call(name, numbers(items, t), (pa.scalar(digits, pa.int32()), INTEGER))
        assert returns == decimal_type(10, 3)
        assert result.to_pylist() == wanted
    for name, mode in (
        ("ceil", decimal.ROUND_CEILING),
        ("floor", decimal.ROUND_FLOOR),
        ("round", decimal.ROUND_HALF_UP),
    ):
        result, returns = call(name, numbers(items, t))
        assert returns == decimal_type(9, 0)
        assert result.to_pylist() == [None if x is None else x.quantize(decimal.Decimal(1), mode) for x in items]


@EXAMPLES
@given(st.lists(st.none() | st.integers(-(10**6), 10**6), max_size=6), st.integers(-9, 3))
def test_integers_round_half_away_from_zero(items: list[int | None], digits: int) -> None:
    unit = 10 ** max(-digits, 0)

    def half_away(x: int) -> int:
        return (1 if x >= 0 else -1) * ((2 * abs(x) + unit) // (2 * unit)) * unit

    got = values("round", numbers(items, INTEGER), (pa.scalar(digits, pa.int32()), INTEGER)).to_pylist()
    assert got == [None if x is None else half_away(x) for x in items]
    cut = values("trunc", numbers(items, INTEGER), (pa.scalar(digits, pa.int32()), INTEGER)).to_pylist()
    assert cut == [None if x is None else int(math.copysign(abs(x) // unit * unit, x)) for x in items]


BIG = st.integers(-(2**63), 2**63 - 1)


@EXAMPLES
@given(st.lists(st.tuples(st.none() | BIG, st.none() | BIG | st.integers(-50, 50)), max_size=5))
def test_number_theory(pairs: list[tuple[int | None, int | None]]) -> None:
    a, b = numbers([x for x, _ in pairs], BIGINT), numbers([y for _, y in pairs], BIGINT)
    for name, function in (("gcd", math.gcd), ("lcm", math.lcm)):
        wanted = [None if None in pair else function(*pair) for pair in pairs]  # type: ignore[arg-type]
        if any(w is not None and w >= 2**63 for w in wanted):
            with pytest.raises(ExecutionError, match="out of range"):
                values(name, a, b)
        else:
            assert values(name, a, b).to_pylist() == wanted
        huge = [(pa.array(n[0].to_pylist(), HUGEINT.arrow), HUGEINT) for n in (a, b)]
        if all(w is None or w < 10**38 for w in wanted):
            assert values(name, *huge).to_pylist() == wanted


@EXAMPLES
@given(st.lists(st.none() | st.integers(-128, 127), max_size=8))
def test_small_integers(items: list[int | None]) -> None:
    column = numbers(items, TINYINT)
    assert values("sign", column).to_pylist() == [None if x is None else (x > 0) - (x < 0) for x in items]
    assert values("bit_count", column).to_pylist() == [None if x is None else (x & 255).bit_count() for x in items]
    if -128 in items:
        with pytest.raises(ExecutionError, match=r"abs\(-128\) is out of range of TINYINT"):
            values("abs", column)
    else:
        assert values("abs", column).to_pylist() == [None if x is None else abs(x) for x in items]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("sqrt", (-1.0,), math.nan),
        ("ln", (0.0,), -math.inf),
        ("log", (1.0, 8.0), math.inf),
        ("pow", (0.0, -1.0), math.inf),
        ("round", (2.675, 2), 2.68),
        ("round", (1.005, 2), 1.0),
        ("round", (15.0, -1), 20.0),
        ("round", (1e300, 400), 1e300),
        ("round", (-0.4,), -0.0),
        ("round", (math.nan, 1), math.nan),
        ("trunc", (-12.345, 2), -12.34),
        ("sign", (math.nan,), 0),
        ("even", (-0.5,), -2.0),
        ("even", (math.inf,), math.inf),
        ("gamma", (-1.0,), math.nan),
        ("gamma", (0.0,), math.inf),
        ("lgamma", (0.0,), math.inf),
        ("fmod", (7.0, -3.0), -2.0),
        ("cot", (0.0,), math.inf),
        ("isnan", (math.nan,), True),
        ("isfinite", (math.inf,), False),
        ("signbit", (-0.0,), True),
        ("factorial", (33,), math.factorial(33)),
        ("binom", (5, 2), 10),
    ],
)
def test_known_values(name: str, arguments: tuple[Any, ...], expected: Any) -> None:
    given_ = [(pa.scalar(a, pa.int32()), INTEGER) if isinstance(a, int) else a for a in arguments]
    assert same(values(name, *given_).as_py(), expected)


@pytest.mark.parametrize(
    ("name", "value", "t", "says"),
    [
        ("factorial", 34, INTEGER, "33! is the last"),
        ("factorial", -1, INTEGER, "negative"),
        ("abs", -(2**15), SMALLINT, "out of range of SMALLINT"),
    ],
)
def test_overflow_is_an_error(name: str, value: int, t: SqlType, says: str) -> None:
    with pytest.raises(ExecutionError, match=says):
        values(name, numbers([1, value, None], t))


def test_rounding_up_out_of_the_type_is_an_error() -> None:
    with pytest.raises(ExecutionError, match="out of range of TINYINT"):
        values("round", numbers([127], TINYINT), (pa.scalar(-1, pa.int32()), INTEGER))


def test_values_under_null_do_not_matter() -> None:
    hidden = pa.Array.from_buffers(pa.int8(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer(b"\x80\x05")], 1)
    assert call("abs", (hidden, TINYINT))[0].to_pylist() == [None, 5]


def test_unsigned_values_are_their_own_absolutes() -> None:
    assert call("abs", numbers([0, 255], UTINYINT))[0].to_pylist() == [0, 255]


def test_random_values_differ_and_have_their_form() -> None:
    from velothread.kernels.functions import SCALARS

    draws = SCALARS["random"][0].kernel(rows=100).to_pylist()
    assert len(set(draws)) == 100 and all(0 <= x < 1 for x in draws)
    for name, version in (("uuid", 4), ("uuidv7", 7)):
        texts = SCALARS[name][0].kernel(rows=50)
        assert from_arrow(texts.type).kind == "VARCHAR" and len(set(texts.to_pylist())) == 50
        assert set(values("uuid_extract_version", (texts, SCALARS[name][0].returns)).to_pylist()) == {version}
    assert len(SCALARS["uuid"][0].kernel(rows=0)) == 0
