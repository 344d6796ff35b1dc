"""A tolerant kernel gives NULL for exactly the rows where the kernel fails."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from velothread.kernels.function import Kernel, resolve
from velothread.kernels.functions import SCALARS
from velothread.kernels.tolerant import tolerant
from velothread.types import BIGINT


def _divide() -> Kernel:
    found = resolve(SCALARS["//"], [BIGINT, BIGINT])
    assert found is not None
    return tolerant(found.function.kernel, pa.int64())


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3)), max_size=70))
def test_rows_that_fail_are_null_and_others_are_not(divisors: list[int | None]) -> None:
    divide = _divide()
    found = divide(pa.array([6] * len(divisors), pa.int64()), pa.array(divisors, pa.int64()))
    assert found.to_pylist() == [int(6 / d) if d else None for d in divisors]
    assert divide(pa.scalar(6), pa.array(divisors, pa.int64())).to_pylist() == found.to_pylist()


def test_a_constant_that_fails_is_null() -> None:
    divide = _divide()
    assert divide(pa.scalar(6), pa.scalar(0)).as_py() is None
    assert divide(pa.scalar(6), pa.scalar(2)).as_py() == 3
