"""Arithmetic and comparisons against Python's exact numbers."""

from __future__ import annotations

import operator
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread import types as t
from velothread.errors import ExecutionError
from velothread.kernels import arithmetic, comparison, conditional, decimals
from velothread.kernels.cast_number import integer_range
from velothread.kernels.function import resolve
from velothread.kernels.functions.operators import OPERATORS

FEW = settings(max_examples=80, deadline=None)
EXACT: dict[str, Any] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
KERNELS = {"+": arithmetic.add, "-": arithmetic.subtract, "*": arithmetic.multiply}
KINDS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "UBIGINT"]


def integers(kind: str) -> st.SearchStrategy[int]:
    low, high = integer_range(t.SqlType(kind))
    return st.integers(low, high) | st.integers(max(low, -12), 12) | st.sampled_from([low, high])


@st.composite
def pairs(draw: Any) -> tuple[str, list[tuple[int | None, int | None]]]:
    kind = draw(st.sampled_from(KINDS))
    value = st.none() | integers(kind)
    return kind, draw(st.lists(st.tuples(value, value), min_size=1, max_size=6))


def sides(kind: str, rows: list[tuple[int | None, int | None]]) -> tuple[pa.Array, pa.Array]:
    arrow = t.SqlType(kind).arrow
    return pa.array([a for a, _ in rows], arrow), pa.array([b for _, b in rows], arrow)


@pytest.mark.parametrize("sign", ["+", "-", "*"])
@FEW
@given(case=pairs())
def test_integers_are_exact_or_an_overflow(sign: str, case: tuple[str, list[tuple[int | None, int | None]]]) -> None:
    kind, rows = case
    low, high = integer_range(t.SqlType(kind))
    expected = [None if a is None or b is None else EXACT[sign](a, b) for a, b in rows]
    if all(v is None or low <= v <= high for v in expected):
        assert KERNELS[sign](*sides(kind, rows)).to_pylist() == expected
    else:
        with pytest.raises(ExecutionError, match=f"overflow in .* of {kind}"):
            KERNELS[sign](*sides(kind, rows))


@FEW
@given(case=pairs())
def test_division_and_remainder_go_towards_zero(case: tuple[str, list[tuple[int | None, int | None]]]) -> None:
    kind, rows = case
    low, high = integer_range(t.SqlType(kind))
    left, right = sides(kind, rows)
    real = [(a, b) for a, b in rows if a is not None and b is not None]
    if any(b == 0 for _, b in real):
        for kernel in (arithmetic.divide_whole, arithmetic.modulo):
            with pytest.raises(ExecutionError, match="division by zero"):
                kernel(left, right)
        return
    quotients = [abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) for a, b in real]
    if all(low <= q <= high for q in quotients):
        assert arithmetic.divide_whole(left, right).drop_null().to_pylist() == quotients
    found = arithmetic.modulo(left, right).drop_null().to_pylist()
    assert found == [a - b * q for (a, b), q in zip(real, quotients, strict=True)]


def numbers(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    bound = 10**precision - 1
    with localcontext(prec=50):
        return st.integers(-bound, bound).map(lambda n: Decimal(n).scaleb(-scale, localcontext_of()))


def localcontext_of() -> Any:
    from decimal import Context

    return Context(prec=80)


@pytest.mark.parametrize("sign", ["+", "-", "*"])
@pytest.mark.parametrize(
    "shapes", [((4, 2), (6, 4)), ((9, 0), (9, 9)), ((18, 2), (18, 2)), ((38, 3), (20, 1)), ((38, 0), (38, 0))]
)
@FEW
@given(data=st.data())
def test_decimals_are_exact_or_an_overflow(
    sign: str, shapes: tuple[tuple[int, int], tuple[int, int]], data: Any
) -> None:
    (p, s), (q, r) = shapes
    a, b = (
        data.draw(numbers(p, s) | numbers(min(p, 6), min(s, 6))),
        data.draw(numbers(q, r) | numbers(min(q, 6), min(r, 6))),
    )
    found = resolve([f for f in OPERATORS if f.name == sign], [t.decimal(p, s), t.decimal(q, r)])
    assert found is not None
    with localcontext(prec=90):
        expected = EXACT[sign](a, b)
        fits = abs(expected) < Decimal(10) ** (found.returns.precision - found.returns.scale)
        try:
            arguments = [pa.array([v], x.arrow) for v, x in zip((a, b), found.parameters, strict=True)]
        except pa.ArrowInvalid:
            return  # the operands don't fit a common type: the binder's cast fails before
    if fits:
        result = found.function.kernel(*arguments)
        assert result.type == found.returns.arrow
        assert result[0].as_py() == expected
    else:
        with pytest.raises(ExecutionError, match="overflow"):
            found.function.kernel(*arguments)


@FEW
@given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=5))
def test_nan_is_the_greatest_float_and_equals_itself(rows: list[tuple[float, float]]) -> None:
    def key(x: float) -> tuple[bool, float]:
        return (True, 0.0) if x != x else (False, x)

    left, right = pa.array([a for a, _ in rows]), pa.array([b for _, b in rows])
    for sign, python in (
        ("=", operator.eq),
        ("<", operator.lt),
        ("<=", operator.le),
        (">", operator.gt),
        ("<>", operator.ne),
    ):
        assert comparison.comparison(sign)(left, right).to_pylist() == [python(key(a), key(b)) for a, b in rows]
    assert [key(v) for v in conditional.greatest(left, right).to_pylist()] == [max(key(a), key(b)) for a, b in rows]


@FEW
@given(st.lists(st.none() | st.integers(0, 3), max_size=5), st.lists(st.none() | st.integers(0, 3), max_size=3))
def test_in_is_a_chain_of_comparisons(values: list[int | None], options: list[int | None]) -> None:
    found = comparison.is_in(pa.array(values, pa.int64()), pa.array(options, pa.int64())).to_pylist()
    for value, answer in zip(values, found, strict=True):
        tests = [None if value is None or o is None else value == o for o in options]
        assert answer == (None if value is None else True if True in tests else None if None in tests else False)


def test_distinct_from_is_never_null() -> None:
    left, right = pa.array([1, None, None, 2]), pa.array([1, None, 3, 4])
    assert comparison.is_distinct_from(left, right).to_pylist() == [False, False, True, True]
    assert comparison.is_not_distinct_from(left, pa.scalar(None, pa.int64())).to_pylist() == [False, True, True, False]


def test_infinities_of_both_signs_are_compared_right() -> None:
    both = pa.array([float("inf"), float("-inf")])
    assert comparison.less(both, pa.scalar(0.0)).to_pylist() == [False, True]


def test_hugeints_past_64_bits() -> None:
    big = pa.array([Decimal(10**30), Decimal(-(10**30)), None], pa.decimal128(38, 0))
    seven = pa.scalar(Decimal(7), pa.decimal128(38, 0))
    assert decimals.divide_hugeints(big, seven).to_pylist() == [Decimal(10**30 // 7), Decimal(-(10**30 // 7)), None]
    assert decimals.add_decimals(big, seven).to_pylist() == [Decimal(10**30 + 7), Decimal(7 - 10**30), None]


def test_shifts_refuse_what_falls_off() -> None:
    assert arithmetic.shift_left(pa.array([1, 2, None]), pa.array([62, 3, 99])).to_pylist() == [1 << 62, 16, None]
    with pytest.raises(ExecutionError, match="1 << 63"):
        arithmetic.shift_left(pa.array([1]), pa.array([63]))
    assert arithmetic.shift_right(pa.array([-8, 8, 8]), pa.array([1, 64, -1])).to_pylist() == [-4, 0, 0]


def test_case_spreads_constants() -> None:
    conditions = [pa.array([True, None, False]), pa.array([True, True, None])]
    assert conditional.case_when(conditions, [pa.scalar(1), pa.array([7, 8, 9])], pa.scalar(0)).to_pylist() == [1, 8, 0]
    assert conditional.nullif(pa.array([1, 2, None]), pa.scalar(2)).to_pylist() == [1, None, None]
    assert conditional.least(pa.array([[2], None, [1]]), pa.array([[1], [5], None])).to_pylist() == [[1], [5], [1]]
