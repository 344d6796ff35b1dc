"""Aggregates that are classes: the answers of built-in ones and of plain Python, whatever runs them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velothread
from tests.functions.aggregate_classes import whole_hash
from tests.functions.pieces import Pieces
from tests.running import WAYS, ipc_bytes
from velothread.errors import BindError, ExecutionError, OptionError
from velothread.functions import aggregate_frames

FILE = Path(__file__).parent / "aggregate_classes.py"


@st.composite
def tables(draw: st.DrawFn, most: int = 40) -> pa.Table:
    rows = draw(st.integers(0, most))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return pa.table(
        {
            "g": pa.array(column(st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))), pa.string()),
            "h": pa.array(column(st.integers(0, 2)), pa.int32()),
            "x": pa.array(column(st.one_of(st.none(), st.integers(-5, 5), st.integers(-(2**40), 2**40))), pa.int64()),
            "f": pa.array(column(st.one_of(st.none(), st.floats(-1e9, 1e9))), pa.float64()),
            "s": pa.array(column(st.text("abé", max_size=3)), pa.string()),
            "b": pa.array(column(st.one_of(st.none(), st.booleans())), pa.bool_()),
            "n": pa.array(draw(st.permutations(range(rows))), pa.int64()),
        }
    )


def answers(queries: Sequence[str], table: pa.Table, split: int, **options: Any) -> list[pa.Table]:
    """The answer of each query, which all ways agree on."""
    found: list[pa.Table] = []
    for way in WAYS:
        with velothread.connect(**way, **options) as session:
            session.register("t", Pieces(table, split))
            session.load_functions(str(FILE))
            here = [session.query(sql).arrow() for sql in queries]
        if not found:
            found = here
        for sql, mine, first in zip(queries, here, found, strict=True):
            assert ipc_bytes(mine) == ipc_bytes(first), (way, sql)
    return found


def one_answer(sql: str, table: pa.Table, split: int) -> list[tuple[Any, ...]]:
    (found,) = answers([sql], table, split)
    return list(zip(*(c.to_pylist() for c in found.columns), strict=True))


# A call, and what it is the same as; {over}: where OVER stands.
PAIRS = [
    ("py_sum(x){over}", "(sum(x){over})::BIGINT"),
    ("py_sum(DISTINCT x){over}", "(sum(DISTINCT x){over})::BIGINT"),
    ("py_sum(x) FILTER (WHERE b){over}", "(sum(x) FILTER (WHERE b){over})::BIGINT"),
    ("py_sum(h + 1){over}", "(sum(h + 1){over})::BIGINT"),
    ("py_list(x){over}", "list(x){over}"),
    ("py_list(x) FILTER (WHERE b){over}", "list(x) FILTER (WHERE b){over}"),
    ("py_list(x ORDER BY n DESC){over}", "list(x ORDER BY n DESC){over}"),
    ("py_greedy(x){over}", "list(x){over}"),
    ("py_late(x){over}", "list(x) FILTER (WHERE x IS NOT NULL){over}"),
    ("py_late(x ORDER BY x, n){over}", "list(x ORDER BY x, n) FILTER (WHERE x IS NOT NULL){over}"),
    ("py_late(DISTINCT x ORDER BY x){over}", "list(DISTINCT x ORDER BY x) FILTER (WHERE x IS NOT NULL){over}"),
    ("py_count(){over}", "count(*){over}"),
    ("py_count() FILTER (WHERE x > 0){over}", "count(*) FILTER (WHERE x > 0){over}"),
]


def agree(queries: Sequence[str], table: pa.Table, split: int, **options: Any) -> None:
    """In each answer the columns `mine` and `theirs` are the same."""
    for sql, found in zip(queries, answers(queries, table, split, **options), strict=True):
        assert found["mine"].to_pylist() == found["theirs"].to_pylist(), sql


def both(pair: tuple[str, str], over: str = "") -> str:
    mine, theirs = (e.format(over=over) for e in pair)
    return f"{mine} AS mine, {theirs} AS theirs"


@settings(max_examples=40)
@given(tables(), st.sampled_from(PAIRS), st.integers(1, 9), st.sampled_from([3, 65_536]))
def test_groups_are_those_of_the_built_in_aggregate(
    table: pa.Table, pair: tuple[str, str], split: int, batch_rows: int
) -> None:
    calls = both(pair)
    queries = [
        f"SELECT {calls} FROM t",
        f"SELECT g, {calls} FROM t GROUP BY g",
        f"SELECT g, h, {calls} FROM t GROUP BY ROLLUP (g, h)",
    ]
    agree(queries, table, split, batch_rows=batch_rows)


FRAMES = [
    "", "ROWS 3 PRECEDING", "ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING", "ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING",
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN 3 PRECEDING AND CURRENT ROW", "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    "ROWS BETWEEN 4 PRECEDING AND 4 FOLLOWING EXCLUDE CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES", "GROUPS 2 PRECEDING EXCLUDE GROUP",
    "ROWS BETWEEN h PRECEDING AND h + 1 FOLLOWING",
]  # fmt: skip


@settings(max_examples=60)
@given(
    tables(), st.sampled_from(PAIRS), st.sampled_from(FRAMES), st.sampled_from(["", "PARTITION BY g"]),
    st.integers(1, 9), st.booleans(),
)  # fmt: skip
def test_frames_are_those_of_the_built_in_aggregate(
    table: pa.Table, pair: tuple[str, str], frame: str, partition: str, split: int, tree: bool
) -> None:
    over = f" OVER ({partition} ORDER BY n {frame})"
    with pytest.MonkeyPatch.context() as patch:
        if tree:  # as if these were long
            patch.setattr(aggregate_frames, "LONG_FRAME", 0)
            patch.setattr(aggregate_frames, "BLOCK_ROWS", 2)
        agree([f"SELECT {both(pair, over)} FROM t"], table, split)


@given(tables(), st.integers(1, 9))
def test_the_order_of_rows_is_kept(table: pa.Table, split: int) -> None:
    groups: dict[str | None, list[tuple[int | None, str]]] = defaultdict(list)
    for g, x, s in zip(*(table[c].to_pylist() for c in "gxs"), strict=True):
        groups[g].append((x, s))
    wanted = [(g, whole_hash(rows)) for g, rows in groups.items()]
    assert one_answer("SELECT g, py_hash(x, s) FROM t GROUP BY g", table, split) == wanted


@given(tables(), st.integers(1, 9))
def test_values_that_differ_come_in_the_order_of_their_first_rows(table: pa.Table, split: int) -> None:
    found = one_answer("SELECT g, py_list(DISTINCT x) FROM t GROUP BY g", table, split)
    for g, values in found:
        mine = [x for x, other in zip(table["x"].to_pylist(), table["g"].to_pylist(), strict=True) if other == g]
        assert values == list(dict.fromkeys(mine))


@given(tables(), st.integers(1, 9))
def test_floats_are_added_split_by_split(table: pa.Table, split: int) -> None:
    answers(["SELECT h, py_fsum(f) FROM t GROUP BY h", "SELECT py_fsum(f) OVER (ORDER BY n ROWS 3 PRECEDING) FROM t"],
            table, split)  # fmt: skip
    ((total,),) = one_answer("SELECT py_fsum(f) FROM t", table, split)
    parts = []
    for start in range(0, table.num_rows, split):
        values = [v for v in table["f"].to_pylist()[start : start + split] if v is not None]
        if values:
            parts.append(_added(values))
    # the first part is taken over, the others are added to it
    assert total == (_added(parts[1:], parts[0]) if parts else None)


def _added(values: list[float], total: float = 0.0) -> float:
    for v in values:
        total += v
    return total


@given(tables(), st.integers(1, 9))
def test_a_class_of_a_built_in_type_and_one_of_any_order(table: pa.Table, split: int) -> None:
    for g, most in one_answer("SELECT g, py_most(x) FROM t GROUP BY g", table, split):
        values = [x for x, other in zip(*(table[c].to_pylist() for c in "xg"), strict=True) if other == g]
        values = [v for v in values if v is not None]
        assert most == (max(values, key=lambda v: (values.count(v), v)) if values else None)


def test_having_qualify_pivot_and_subqueries() -> None:
    table = pa.table({"k": ["a", "b", "a", "c"], "y": [1, 1, 2, 2], "x": [1, 20, 3, 4]})
    asked = {
        "SELECT k FROM t GROUP BY k HAVING py_sum(x) > 3 ORDER BY py_sum(x) DESC": [("b",), ("a",), ("c",)],
        "SELECT k, x FROM t QUALIFY py_sum(x) OVER (PARTITION BY k) > 5": [("b", 20)],
        "PIVOT t ON y USING py_sum(x) GROUP BY k ORDER BY k": [("a", 1, 3), ("b", 20, None), ("c", None, 4)],
        "SELECT y, (SELECT py_count() FROM t u WHERE u.x < t.x) FROM t": [(1, 0), (1, 3), (2, 1), (2, 2)],
        "SELECT undeclared(x), undeclared(x, 2) FROM t": [(20, 40)],
    }
    for sql, wanted in asked.items():
        assert one_answer(sql, table, 1) == wanted, sql


def test_long_frames_go_through_a_tree_of_objects() -> None:
    rows = 6_000
    table = pa.table({"n": range(rows), "x": [i * 7 % 13 for i in range(rows)]})
    frame = "OVER (ORDER BY n ROWS BETWEEN 2000 PRECEDING AND 1500 FOLLOWING)"
    agree([f"SELECT py_sum(x) {frame} AS mine, (sum(x) {frame})::BIGINT AS theirs FROM t"], table, 1000)
    assert aggregate_frames.LONG_FRAME < 2000


def test_merging_for_one_frame_leaves_the_objects_of_others_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """py_greedy's merge takes the other's list itself, so that what is merged next goes into that."""
    monkeypatch.setattr(aggregate_frames, "LONG_FRAME", 0)
    monkeypatch.setattr(aggregate_frames, "BLOCK_ROWS", 2)
    table = pa.table({"n": range(40), "x": range(40)})
    for frame in ("ROWS BETWEEN 9 PRECEDING AND 8 FOLLOWING", "ROWS BETWEEN 3 FOLLOWING AND 11 FOLLOWING"):
        over = f"OVER (ORDER BY n {frame} EXCLUDE CURRENT ROW)"
        agree([f"SELECT py_greedy(x) {over} AS mine, list(x) {over} AS theirs FROM t"], table, 7)


class Broken:
    def __init__(self) -> None:
        self.values: list[int] = []

    def step(self, x: int, how: str) -> None:
        if x == 3:
            raise {"value": ValueError("three"), "stop": StopIteration(), "exit": SystemExit(2)}[how]
        self.values.append(x)

    def merge(self, other: Broken) -> None:
        if 5 in other.values:
            raise RuntimeError("five came")

    def finish(self) -> int | None:
        return 1 // (len(self.values) - 1) or None


class Wrong(Broken):
    def finish(self) -> int | None:
        return "text"  # type: ignore[return-value]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("SELECT broken(x, 'value') FROM t", ["Broken.step(3, 'value') raised ValueError: three", "in step", "^^^^^^"]),
        ("SELECT broken(x, 'stop') FROM t", ["Broken.step(3, 'stop') raised StopIteration"]),
        ("SELECT broken(x, 'exit') FROM t", ["Broken.step(3, 'exit') raised SystemExit: 2"]),
        ("SELECT broken(x, '') FROM t WHERE x > 3", ["Broken.merge(other)", "values=[5]", "RuntimeError: five came"]),
        ("SELECT broken(x, '') FROM t WHERE x = 1", ["Broken.finish()", "values=[1]", "ZeroDivisionError"]),
        ("SELECT wrong(x, '') FROM t WHERE x = 1", ["Wrong.finish()", "'text' is of type str"]),
        ("SELECT broken(x, 'value') OVER (ORDER BY x) FROM t", ["Broken.finish()", "ZeroDivisionError", "^^^^^^"]),
        ("SELECT wrong(x, 'value') OVER (ORDER BY x) FROM t", ["Wrong.step(3, 'value') raised ValueError: three"]),
    ],
)
def test_what_a_method_raises_is_said_with_its_values(way: dict[str, Any], sql: str, parts: list[str]) -> None:
    with velothread.connect(**way) as session:
        session.register("t", Pieces(pa.table({"x": [1, 2, 3, 4, 5]}), 1))
        session.register_function(Broken)
        session.register_function(Wrong)
        with pytest.raises(ExecutionError) as caught:
            session.query(sql).fetchall()
    for part in parts:
        assert part in str(caught.value)


def test_a_call_that_does_not_fit_is_refused_with_what_would() -> None:
    with velothread.connect() as session:
        session.load_functions(str(FILE))
        for sql, part in (
            ("SELECT py_sum()", "py_sum can't take 0 arguments; it is\n    py_sum(integer) -> BIGINT"),
            ("SELECT py_sum([1])", "parameter x can't take INTEGER[]"),
            ("SELECT py_summ(1)", "did you mean 'py_sum'"),
            ("SELECT py_summ(1) OVER ()", "did you mean 'py_sum'"),
            ("SELECT helper(1)", "unknown function helper"),
            ("SELECT py_sum(py_sum(1))", "an aggregate can't stand inside another"),
        ):
            with pytest.raises(BindError) as caught:
                session.query(sql)
            assert part in str(caught.value)


def test_a_file_may_have_functions_for_its_own_use(tmp_path: Path) -> None:
    """Names in annotations are found, postponed or not; what SQL has no type for is no fault until SQL calls it."""
    file = tmp_path / "mixed.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom decimal import Decimal\n"
        "@dataclass\nclass Point:\n    x: int\n    y: Decimal | None = None\n"
        "def point(x: int) -> Point:\n    return Point(x)\n"
        "def merged(points: set[Point]) -> Point:\n    return points.pop()\n"
    )
    with velothread.connect() as other:
        other.load_functions(str(file))
    with velothread.connect() as session:  # names are those of its own copy: the other's is gone
        assert session.load_functions(str(file)) == ["point"]
        assert session.query("SELECT point(3)").fetchall() == [({"x": 3, "y": None},)]
        with pytest.raises(BindError, match=r"merged, parameter points: set.* is no type that SQL has"):
            session.query("SELECT merged(3)")
    assert not [name for name in sys.modules if str(file) in name]


def test_classes_that_are_no_aggregates_are_refused() -> None:
    class NoFinish:
        def step(self, x: int) -> None: ...

    class NeedsArguments:
        def __init__(self, size: int) -> None: ...
        def step(self, x: int) -> None: ...
        def finish(self) -> int: ...

    class NotAnnotated:
        def step(self, x): ...  # type: ignore[no-untyped-def]
        def finish(self) -> int: ...

    class Static:
        @staticmethod
        def step(x: int) -> None: ...
        def finish(self) -> int: ...

    class Untyped:
        def step(self, x: int) -> None: ...
        def finish(self): ...  # type: ignore[no-untyped-def]

    with velothread.connect() as session:
        for defined, part in (
            (NoFinish, "without finish"),
            (NeedsArguments, "made without arguments"),
            (NotAnnotated, "parameter x has no type"),
            (Static, "a method of the object"),
            (Untyped, "result has no type"),
        ):
            with pytest.raises(OptionError, match=part):
                session.register_function(defined)


def test_a_name_of_a_built_in_aggregate_is_the_users() -> None:
    """What goes by names of built-in aggregates must not take a class of that name for one of them."""
    table = pa.table({"n": range(6), "x": [3, 1, 2, 3, 1, 2]})
    for name in ("median", "min", "count", "mode", "quantile_cont", "first"):
        for over in ("", " OVER (ORDER BY n ROWS 2 PRECEDING)", " OVER (ORDER BY n)"):
            with velothread.connect() as session:
                session.register("t", table)
                session.load_functions(f"{FILE}:Gathered as {name}")
                session.load_functions(f"{FILE}:Gathered as other")
                for argument in ("x", "DISTINCT x"):
                    sql = f"SELECT {name}({argument}){over} = other({argument}){over} FROM t"
                    assert {*session.query(sql).fetchall()} == {(True,)}
