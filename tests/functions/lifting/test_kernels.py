"""The kernels that aren't one NumPy function, against Python, number by number."""

from __future__ import annotations

import math
import struct
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from velothread.functions.lifting import bounds, kernels
from velothread.functions.lifting.libm import agrees, arrow_function
from velothread.functions.lifting.text_kernels import WHITESPACE

INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-10, 10), st.sampled_from([-(2**63), 2**63 - 1]))
FLOATS = st.one_of(
    st.floats(), st.integers(-(10**7), 10**7).map(lambda n: n / 1000), st.integers(-999, 999).map(lambda n: n / 8)
)


def bits(value: float) -> bytes:
    return b"nan" if value != value else struct.pack("d", value)


@given(values=st.lists(FLOATS, min_size=1, max_size=20), digits=st.integers(0, 22))
@example(values=[2.675, 1.005, 0.285, 1.115, 0.5, 2.5, -0.4, -0.0], digits=2)
def test_rounded(values: list[float], digits: int) -> None:
    a = np.array(values)
    out, unsure = np.empty(len(a)), np.empty(len(a), np.bool_)
    with np.errstate(all="ignore"):
        kernels.rounded(digits, a, out)
        kernels.round_differs(digits, a, unsure)
    for value, found, left_to_python in zip(values, out.tolist(), unsure.tolist(), strict=True):
        assert left_to_python or bits(found) == bits(round(value, digits)), value
        # prices and the like are never left
        assert not left_to_python or abs(value) >= 2**49 / 10**digits


@given(a=INTEGERS, b=INTEGERS, sign=st.sampled_from(["+", "-", "*", "//"]))
def test_overflowed(a: int, b: int, sign: str) -> None:
    if sign == "//" and b == 0:
        return
    exact = {"+": a + b, "-": a - b, "*": a * b, "//": a // b if b else 0}[sign]
    function = {"+": np.add, "-": np.subtract, "*": np.multiply, "//": np.floor_divide}[sign]
    x, y = np.array([a]), np.array([b])
    with np.errstate(all="ignore"):
        result = function(x, y)
    found = bool(kernels.overflowed(sign, x, y, result)[0])
    if -(2**63) <= exact < 2**63:
        assert result[0] == exact
        # products next to the end may be left to Python without need
        assert not found or (sign == "*" and abs(exact) > 2**63 * (1 - 2.0**-40))
    else:
        assert found


@given(a=st.tuples(INTEGERS, INTEGERS, INTEGERS), b=st.tuples(INTEGERS, INTEGERS, INTEGERS), data=st.data())
def test_bounds_hold(a: tuple[int, ...], b: tuple[int, ...], data: st.DataObject) -> None:
    x, y = np.array(a), np.array(b)
    name, two, one = data.draw(st.sampled_from([
        ("+", bounds.add, None), ("-", bounds.subtract, None), ("*", bounds.multiply, None),
        ("//", bounds.divide, None),
        ("%", bounds.modulo, None), ("negate", None, bounds.negate), ("abs", None, bounds.absolute),
    ]))  # fmt: skip
    functions: dict[str, Any] = {
        "+": np.add, "-": np.subtract, "*": np.multiply, "//": np.floor_divide, "%": np.remainder,
        "negate": np.negative, "abs": np.absolute,
    }  # fmt: skip
    of_x, of_y = bounds.of_column(x), bounds.of_column(y)
    (low, high), wide = two(of_x, of_y) if two else one(of_x)
    with np.errstate(all="ignore"):
        result = functions[name](x, y) if two else functions[name](x)
    assert low <= result.min()
    assert result.max() <= high
    if not wide and name not in ("//", "%"):
        python = {"+": lambda p, q: p + q, "-": lambda p, q: p - q, "*": lambda p, q: p * q,
                  "negate": lambda p, q: -p, "abs": lambda p, q: abs(p)}[name]  # fmt: skip
        assert result.tolist() == [python(p, q) for p, q in zip(a, b, strict=True)]


@given(a=st.lists(INTEGERS, min_size=1, max_size=5), b=INTEGERS)
def test_int_modulo(a: list[int], b: int) -> None:
    if b == 0:
        return
    out = np.empty(len(a), np.int64)
    with np.errstate(all="ignore"):
        kernels.int_modulo(np.array(a), np.array(b), out)
    assert out.tolist() == [x % b for x in a]


@given(a=FLOATS, b=st.one_of(FLOATS, st.integers(-5, 5).map(float)))
@example(a=-8.0, b=1 / 3)
@example(a=0.0, b=-1.0)
@example(a=-0.0, b=3.0)
@example(a=1e-200, b=1.6)
def test_power(a: float, b: float) -> None:
    x, y = np.array([a]), np.array([b])
    out, differs = np.empty(1), np.empty(1, np.bool_)
    with np.errstate(all="ignore"):
        kernels.power(x, y, out)
        kernels.power_differs(x, y, out, differs)
    try:
        expected: Any = a**b
    except (OverflowError, ZeroDivisionError):
        expected = None
    if not differs[0]:
        assert isinstance(expected, float)
        assert bits(out[0]) == bits(expected)


def test_power_of_signalling_nans() -> None:
    nan = np.array([0x7FF0000000000001]).view(np.float64)
    for x, y in ((nan, np.zeros(1)), (np.ones(1), nan)):
        out, differs = np.empty(1), np.empty(1, np.bool_)
        with np.errstate(all="ignore"):
            kernels.power(x, y, out)
            kernels.power_differs(x, y, out, differs)
        assert differs[0] or bits(out[0]) == bits(x.tolist()[0] ** y.tolist()[0])


@pytest.mark.parametrize("rows", [1, 5, 64, 1000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("in_place", [True, False])
def test_choose(rows: int, share: float, in_place: bool) -> None:
    random = np.random.default_rng(rows)
    test = random.random(rows) < share
    for then, otherwise in (
        (random.normal(size=rows), random.normal(size=rows)),
        (np.array(math.nan), random.normal(size=rows)),
        (random.integers(-9, 9, rows), np.array(-3)),
    ):
        dtype = np.result_type(then, otherwise)
        own = np.array(np.broadcast_to(otherwise, rows), dtype)
        out = own if in_place else np.empty(rows, dtype)
        expected = np.where(test, then, otherwise)
        kernels.choose(test, then, own if in_place else otherwise, out, np.empty(rows, np.int64))
        assert out.tobytes() == expected.tobytes()
    flags, others = random.random(rows) < 0.5, random.random(rows) < 0.5
    result = np.empty(rows, np.bool_)
    kernels.choose_flags(test, flags, others, result)
    assert result.tolist() == np.where(test, flags, others).tolist()


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "exp", "log", "log2", "log10", "atan", "tanh", "pow", "atan2"])
def test_arrow_is_libm(name: str) -> None:
    assert agrees(name)


def test_whitespace_is_pythons() -> None:
    assert "".join(c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()) == WHITESPACE


def test_another_libm_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from velothread.functions.lifting import libm

    numpy_exp = lambda a: pa.array(np.nextafter(np.exp(a.to_numpy()), 0))  # noqa: E731
    monkeypatch.setattr(libm, "arrow_function", lambda name: numpy_exp)
    assert not libm.agrees.__wrapped__("exp")
    monkeypatch.setattr(libm, "arrow_function", lambda name: None)
    assert not libm.agrees.__wrapped__("exp")
    assert arrow_function("no such function") is None
