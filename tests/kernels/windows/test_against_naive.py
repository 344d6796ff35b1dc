"""Random frames against an evaluation that looks at every row of every frame."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.windows.naive import AGGREGATES, NaiveFrame, frames
from velothread.kernels.aggregates import resolve_aggregate
from velothread.kernels.sorting import SortKey
from velothread.kernels.windows.call import Call, WindowOrder
from velothread.kernels.windows.evaluate import evaluate
from velothread.kernels.windows.frames import Bound, Frame
from velothread.types import BIGINT, DOUBLE

KEY, VALUE, START, END = 1, 2, 3, 4
_RANK = {"unbounded": 0, "preceding": 1, "current": 2, "following": 3}


@st.composite
def naive_frames(draw: st.DrawFn) -> NaiveFrame:
    unit = draw(st.sampled_from(["rows", "range", "groups"]))
    start = draw(st.sampled_from(["unbounded", "preceding", "current", "following"]))
    later = [k for k in ("preceding", "current", "following") if _RANK[k] >= _RANK[start]]
    end = draw(st.sampled_from([*later, "unbounded"]))
    offsets = st.integers(0, 4)
    exclude = draw(st.sampled_from(["", "current row", "group", "ties"]))
    return NaiveFrame(unit, (start, draw(offsets)), (end, draw(offsets)), exclude)


@st.composite
def partitions(draw: st.DrawFn) -> list[list[tuple[int | None, int | None]]]:
    """(key, value) of each row; every partition sorted by key, NULLs last."""
    cell = st.one_of(st.none(), st.integers(-6, 6))
    rows = st.lists(st.tuples(st.one_of(cell, st.integers(0, 2)), cell), min_size=1, max_size=12)
    return [sorted(p, key=lambda r: (r[0] is None, r[0] or 0)) for p in draw(st.lists(rows, min_size=1, max_size=4))]


def call_of(name: str, frame: NaiveFrame, returns: Any = None) -> Call:
    arguments = [BIGINT, DOUBLE] if name == "quantile_disc" else [BIGINT]
    found = resolve_aggregate(name, arguments)
    assert found is not None
    constants = (pa.scalar(0.5),) if name == "quantile_disc" else ()
    bounds = [
        Bound(kind, place if kind in ("preceding", "following") else None)
        for (kind, _), place in zip((frame.start, frame.end), (START, END), strict=True)
    ]
    clause = Frame(frame.unit, *bounds, frame.exclude)
    return Call(name, found.function, found.parameters, found.returns, clause, (VALUE,), constants)


def columns_of(groups: list[list[tuple[Any, Any]]], frame: NaiveFrame, descending: bool) -> dict[int, pa.Array]:
    number = [i for i, rows in enumerate(groups) for _ in rows]
    keys = [k for rows in groups for k, _ in rows]

    def bound(side: tuple[str, int]) -> list[int | None]:
        kind, n = side
        if frame.unit != "range":
            return [n] * len(keys)
        # RANGE is given the key value that is the bound
        away = -n if (kind == "preceding") != descending else n
        return [None if k is None else k + away for k in keys]

    made = [number, keys, [v for rows in groups for _, v in rows], bound(frame.start), bound(frame.end)]
    return {i: pa.array(c, pa.int64()) for i, c in enumerate(made)}


@given(groups=partitions(), frame=naive_frames(), name=st.sampled_from(sorted(AGGREGATES)), descending=st.booleans())
def test_aggregates_over_frames(
    groups: list[list[tuple[Any, Any]]], frame: NaiveFrame, name: str, descending: bool
) -> None:
    if descending:
        groups = [[r for r in rows[::-1] if r[0] is not None] + [r for r in rows if r[0] is None] for rows in groups]
    order = WindowOrder((0,), (SortKey(KEY, descending),))
    columns = columns_of(groups, frame, descending)
    permutation, (got,) = evaluate(order, [call_of(name, frame)], len(columns[0]), columns)
    assert permutation is None or permutation.tolist() == list(range(len(columns[0])))
    expected = []
    for rows in groups:
        values = [v for _, v in rows]
        for chosen in frames([k for k, _ in rows], frame, descending):
            expected.append(AGGREGATES[name]([values[j] for j in chosen]))
    assert [None if v is None else v for v in got.to_pylist()] == expected


@given(groups=partitions(), frame=naive_frames(), skip=st.booleans(), name=st.sampled_from(["first", "last", "nth"]))
def test_values_of_frames(groups: list[list[tuple[Any, Any]]], frame: NaiveFrame, skip: bool, name: str) -> None:
    clause = call_of("count", frame).frame
    columns = columns_of(groups, frame, False)
    columns[5] = pa.array([2] * len(columns[0]), pa.int64())
    arguments, place = ((VALUE, 5), 1) if name == "nth" else ((VALUE,), -1 if name == "last" else 0)
    call = Call(f"{name}_value", None, (BIGINT,), BIGINT, clause, arguments, ignore_nulls=skip)
    _, (got,) = evaluate(WindowOrder((0,), (SortKey(KEY),)), [call], len(columns[0]), columns)
    expected = []
    for rows in groups:
        for chosen in frames([k for k, _ in rows], frame, False):
            values = [rows[j][1] for j in chosen if rows[j][1] is not None or not skip]
            expected.append(values[place] if len(values) > max(place, 0) else None)
    assert got.to_pylist() == expected


@given(groups=partitions(), by=st.integers(-3, 3), skip=st.booleans())
def test_lead_and_lag(groups: list[list[tuple[Any, Any]]], by: int, skip: bool) -> None:
    frame = NaiveFrame("rows", ("unbounded", 0), ("unbounded", 0))
    columns = columns_of(groups, frame, False)
    columns[5] = pa.array([abs(by)] * len(columns[0]), pa.int64())
    columns[6] = pa.array([99] * len(columns[0]), pa.int64())
    name = "lead" if by >= 0 else "lag"
    clause = Frame("rows", Bound("unbounded"), Bound("unbounded"))
    call = Call(name, None, (BIGINT,), BIGINT, clause, (VALUE, 5, 6), ignore_nulls=skip)
    _, (got,) = evaluate(WindowOrder((0,), (SortKey(KEY),)), [call], len(columns[0]), columns)
    expected = []
    for rows in groups:
        values = [v for _, v in rows]
        for i in range(len(values)):
            after = [j for j in range(i + 1, len(values)) if values[j] is not None or not skip]
            before = [j for j in range(i - 1, -1, -1) if values[j] is not None or not skip]
            way = after if by > 0 else before
            if by == 0:
                expected.append(values[i])
            else:
                expected.append(values[way[abs(by) - 1]] if len(way) >= abs(by) else 99)
    assert got.to_pylist() == expected
