"""Work done once per distinct value gives what work per row gives."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velothread.kernels.rows import by_value

COLUMNS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "ab", ""])), min_size=1, max_size=40)


@pytest.mark.parametrize("compute", [lambda v: pc.starts_with(v, "a"), pc.utf8_length], ids=["boolean", "number"])
@given(values=COLUMNS, start=st.integers(0, 5))
def test_same_as_row_by_row(compute: object, values: list[str | None], start: int) -> None:
    plain = pa.array(values, pa.string()).slice(start)
    encoded = pa.array(values, pa.string()).dictionary_encode().slice(start)
    assert by_value(encoded, compute).to_pylist() == compute(plain).to_pylist()  # type: ignore[operator, arg-type]
