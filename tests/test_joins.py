"""Joins, by plans made by hand: every kind against a nested loop in plain Python, all processors against each other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.breakers.dealing import TYPES, column, normal
from tests.running import ipc_bytes
from velothread.errors import ExecutionError
from velothread.execution import Execution, compile_all
from velothread.kernels import joining, unnesting
from velothread.kernels.comparison import less
from velothread.kernels.function import Function
from velothread.options import Options
from velothread.plan.cutting import cut
from velothread.plan.expressions import Call, Column, Expression, Field
from velothread.plan.nodes import Asof, Filter, Join, JoinKey, JoinKind, Node, Scan, UnionAll, Unnest
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.simple import SimpleProcessor
from velothread.sources.registry import open_source
from velothread.sources.source import ReadOptions
from velothread.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, VARCHAR, SqlType, from_arrow, list_of

KINDS: tuple[JoinKind, ...] = ("inner", "left", "full", "semi", "anti", "mark", "single")
LESS = Function("<", (BIGINT, BIGINT), BOOLEAN, less)
Row = tuple[Any, ...]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that pairs of one batch, and of one row, come in several chunks."""
    monkeypatch.setattr(joining, "CHUNK_PAIRS", 5)
    monkeypatch.setattr(unnesting, "CHUNK_ROWS", 5)


class Plans:
    """Makes scans whose fields have numbers of their own."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def field(self, name: str, type_: SqlType) -> Field:
        return Field(next(self._numbers), name, type_)

    def scan(self, columns: dict[str, pa.Array], batches: int = 1) -> Scan:
        table = pa.table(columns)
        size = max(1, -(-table.num_rows // batches))
        # a split per batch, so that several receivers have something to do
        source = open_source(pa.Table.from_batches(table.to_batches(size), table.schema), ReadOptions())
        fields = tuple(
            self.field(n, from_arrow(t)) for n, t in zip(table.schema.names, table.schema.types, strict=True)
        )
        return Scan(source, fields, tuple(table.schema.names))


def answer(plan: Node, processor: Any = None, **options: Any) -> pa.Table:
    """The rows of a plan."""
    names = [f"c{i}" for i in range(len(plan.output))]
    schema = pa.schema([pa.field(n, f.type.arrow) for n, f in zip(names, plan.output, strict=True)])
    execution = Execution(compile_all(cut(plan), names), processor or SimpleProcessor(), Options(**options), "")
    return pa.Table.from_batches(execution.batches(), schema)


def rows_of(plan: Node, processor: Any = None, **options: Any) -> list[Row]:
    table = answer(plan, processor, **options)
    return list(zip(*(c.to_pylist() for c in table.columns), strict=True)) if table.num_columns else []


def normals(rows: Sequence[Row]) -> list[Row]:
    return [tuple(normal(v) for v in row) for row in rows]


# --- what a join means, row by row


def reference(
    kind: str,
    left: Sequence[Row],
    right: Sequence[Row],
    matches: Callable[[Row, Row], bool | None],
    three_valued: bool,
    width: int,
) -> list[Row] | None:
    """The rows of a join; None where it is an error."""
    found: list[Row] = []
    met: set[int] = set()
    for a in left:
        answers = [matches(a, b) for b in right]
        partners = [i for i, x in enumerate(answers) if x]
        met.update(partners)
        if kind == "single" and len(partners) > 1:
            return None
        if kind in ("inner", "left", "full", "single"):
            found.extend((*a, *right[i]) for i in partners)
            if kind != "inner" and not partners:
                found.append((*a, *[None] * width))
        elif kind in ("semi", "anti"):
            if bool(partners) == (kind == "semi"):
                found.append(a)
        else:
            unknown = three_valued and any(x is None for x in answers)
            found.append((*a, True if partners else None if unknown else False))
    if kind == "full":
        blank = [None] * (len(left[0]) if left else LEFT_WIDTH[0])
        found.extend((*blank, *b) for i, b in enumerate(right) if i not in met)
    return found


LEFT_WIDTH = [0]


def matcher(
    keys: int, nulls_equal: Sequence[bool], three_valued: int, residual: bool
) -> Callable[[Row, Row], bool | None]:
    def matches(a: Row, b: Row) -> bool | None:
        unknown = False
        for i in range(keys):
            x, y = a[i], b[i]
            if nulls_equal[i]:
                if normal(x) != normal(y):
                    return False
            elif x is None or y is None:
                if i >= three_valued:
                    return False
                unknown = True
            elif normal(x) != normal(y):
                return False
        if residual and (a[keys] is None or b[keys] is None or not a[keys] < b[keys]):
            return False
        return None if unknown else True

    return matches


Case = tuple[Join, list[Row] | None, int]


def join_case(seed: int) -> Case:
    """A join of two random tables, what its rows are, and a size of batches."""
    chance = random.Random(seed)
    kind = chance.choice(KINDS)
    types = [chance.choice(TYPES) for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))]
    tables = []
    pools = [column(t, 12, chance) for t in types]
    for rows in (chance.choice([0, 1, 5, 30]), chance.choice([0, 1, 5, 30])):
        # both sides draw from one pool, or nothing would meet
        keys = [p.take(pa.array([chance.randrange(12) for _ in range(rows)], pa.int64())) for p in pools]
        number = pa.array([chance.choice([None, 0, 1, 2, 3]) for _ in range(rows)], pa.int64())
        tables.append([*keys, number, pa.array([f"row {i % 3}" for i in range(rows)], pa.string())])
    plans = Plans()
    sides = [plans.scan({f"{name}{i}": c for i, c in enumerate(t)}, 4) for name, t in zip("ab", tables, strict=True)]
    a, b = (tuple(Column(f) for f in side.output) for side in sides)
    keys = tuple(JoinKey(x, y, chance.random() < 0.2) for x, y in zip(a, b, strict=True))[: len(types)]
    residual: Expression | None = None
    if chance.random() < 0.4:
        residual = Call(LESS, (a[len(types)], b[len(types)]), BOOLEAN)
    three_valued = 0
    if kind == "mark" and types and chance.random() < 0.7:
        three_valued = chance.randint(1, len(types))
        keys = tuple(JoinKey(k.left, k.right, k.nulls_equal and i >= three_valued) for i, k in enumerate(keys))
    output = sides[0].output
    if kind == "mark":
        output = (*output, plans.field("mark", BOOLEAN))
    elif kind not in ("semi", "anti"):
        output = (*output, *sides[1].output)
    node = Join(sides[0], sides[1], kind, keys, residual, output, three_valued=three_valued)
    values = [list(zip(*(c.to_pylist() for c in t), strict=True)) for t in tables]
    matches = matcher(len(types), [k.nulls_equal for k in keys], three_valued, residual is not None)
    LEFT_WIDTH[0] = len(sides[0].output)
    expected = reference(kind, values[0], values[1], matches, three_valued > 0, len(sides[1].output))
    return node, expected, chance.choice([1, 3, 100])


SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_every_kind_is_what_a_nested_loop_gives(seed: int) -> None:
    node, expected, batch_rows = join_case(seed)
    if expected is None:
        with pytest.raises(ExecutionError, match="more than one row returned by a subquery"):
            rows_of(node, batch_rows=batch_rows)
    else:
        assert normals(rows_of(node, batch_rows=batch_rows)) == normals(expected)


@given(SEEDS)
def test_all_processors_give_the_same_bytes(seed: int) -> None:
    node, expected, batch_rows = join_case(seed)
    if expected is None:
        return
    simple = ipc_bytes(answer(node, batch_rows=batch_rows))
    for partitions in (1, 3):
        processor = AdaptiveProcessor(partitions)
        try:
            assert ipc_bytes(answer(node, processor, batch_rows=batch_rows)) == simple
        finally:
            processor.close()


# --- several joins, and what is around them


def two_tables(plans: Plans) -> tuple[Scan, Scan]:
    a = plans.scan({"x": pa.array([1, 2, None, 3, 2]), "y": pa.array(["a", "b", "c", "d", "e"])}, 3)
    b = plans.scan({"x": pa.array([2, 2, None, 3, 9]), "z": pa.array(["p", "q", "r", "s", "t"])}, 3)
    return a, b


def key(left: Node, right: Node, place: int = 0) -> JoinKey:
    return JoinKey(Column(left.output[place]), Column(right.output[place]))


def test_unmatched_rows_of_a_full_join_come_last_in_their_order() -> None:
    a, b = two_tables(Plans())
    rows = rows_of(Join(a, b, "full", (key(a, b),), None, (*a.output, *b.output)), batch_rows=2)
    assert rows[-2:] == [(None, None, None, "r"), (None, None, 9, "t")]
    assert [r[1] for r in rows[:-2]] == ["a", "b", "b", "c", "d", "e", "e"]


def test_full_join_of_full_join() -> None:
    plans = Plans()
    a, b = two_tables(plans)
    c = plans.scan({"x": pa.array([9, 1, 7])})
    inner = Join(a, b, "full", (key(a, b),), None, (*a.output, *b.output))
    outer = Join(
        inner, c, "full", (JoinKey(Column(b.output[0]), Column(c.output[0])),), None, (*inner.output, *c.output)
    )
    rows = rows_of(outer)
    assert (None, None, 9, "t", 9) in rows
    assert rows[-2:] == [(None, None, None, None, 1), (None, None, None, None, 7)]


def test_both_branches_of_a_union_are_probed_and_watched_as_one() -> None:
    plans = Plans()
    a, b = two_tables(plans)
    c = plans.scan({"x": pa.array([9]), "y": pa.array(["u"])})
    fields = tuple(plans.field(f.name, f.type) for f in a.output)
    union = UnionAll((a, c), fields)
    rows = rows_of(Join(union, b, "full", (key(union, b),), None, (*fields, *b.output)))
    assert (9, "u", 9, "t") in rows
    assert rows[-1] == (None, None, None, "r")


def test_an_empty_build_of_an_inner_join_leaves_the_other_side_unread() -> None:
    class Unreadable:
        """A source that can't be read."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def splits(self, scan: Any) -> Iterator[Any]:
            raise AssertionError("read")
            yield

    plans = Plans()
    a, b = two_tables(plans)
    unread = Scan(Unreadable(a.source), a.output, a.columns)
    nothing = Filter(b, Call(LESS, (Column(b.output[0]), Column(b.output[0])), BOOLEAN))
    for kind in ("inner", "semi"):
        output = (*a.output, *b.output) if kind == "inner" else a.output
        assert rows_of(Join(unread, nothing, kind, (key(a, b),), None, output)) == []
    with pytest.raises(AssertionError, match="read"):
        rows_of(Join(unread, nothing, "left", (key(a, b),), None, (*a.output, *b.output)))


def test_output_may_leave_out_columns() -> None:
    a, b = two_tables(Plans())
    assert rows_of(Join(a, b, "inner", (key(a, b),), None, (b.output[1],))) == [("p",), ("q",), ("s",), ("p",), ("q",)]
    table = answer(Join(a, b, "inner", (key(a, b),), None, ()))
    assert table.num_rows == 5


# --- ASOF


def nearest_reference(
    left: Sequence[Row], right: Sequence[Row], operator: str, outer: bool, on: Callable[[Row, Row], bool]
) -> list[Row]:
    tests: dict[str, Callable[[Any, Any], bool]] = {
        ">=": lambda x, y: x >= y, ">": lambda x, y: x > y, "<=": lambda x, y: x <= y, "<": lambda x, y: x < y,
    }  # fmt: skip
    found: list[Row] = []
    for a in left:
        partners = [
            b for b in right
            if None not in (a[0], b[0], a[1], b[1]) and a[0] == b[0] and tests[operator](a[1], b[1]) and on(a, b)
        ]  # fmt: skip
        if partners:
            if operator.startswith(">"):
                greatest = max(b[1] for b in partners)
                found.append((*a, *next(b for b in partners if b[1] == greatest)))
            else:
                found.append((*a, *min(partners, key=lambda b: b[1])))
        elif outer:
            found.append((*a, None, None, None))
    return found


@given(st.integers(0, 2**32), st.sampled_from([">=", ">", "<=", "<"]), st.booleans(), st.booleans())
def test_asof_takes_the_nearest_row(seed: int, operator: str, outer: bool, more: bool) -> None:
    chance = random.Random(seed)
    type_ = chance.choice([BIGINT, INTEGER, DOUBLE, DATE, VARCHAR])
    pool = [v for v in column(type_, 8, chance).to_pylist() if v == v]
    plans, sides = Plans(), []
    for name in "ab":
        rows = chance.choice([0, 1, 6, 20])
        sides.append(
            {
                f"{name}k": pa.array([chance.choice([None, 1, 2]) for _ in range(rows)], pa.int64()),
                f"{name}t": pa.array([chance.choice([None, *pool]) for _ in range(rows)], type_.arrow),
                f"{name}n": pa.array(range(rows), pa.int64()),
            }
        )
    a, b = (plans.scan(s, 3) for s in sides)
    asof = Asof(Column(a.output[1]), operator, Column(b.output[1]))
    kind: JoinKind = "left" if outer else "inner"
    on = Call(LESS, (Column(a.output[2]), Column(b.output[2])), BOOLEAN) if more else None
    node = Join(a, b, kind, (key(a, b),), on, (*a.output, *b.output), asof=asof)
    left, right = (list(zip(*(c.to_pylist() for c in s.values()), strict=True)) for s in sides)
    assert rows_of(node, batch_rows=3) == nearest_reference(
        left, right, operator, outer, lambda x, y: not more or x[2] < y[2]
    )


# --- unnesting


@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_unnest_gives_a_row_per_element(seed: int, keep_empty: bool, ordinal: bool) -> None:
    chance = random.Random(seed)
    plans = Plans()
    lists: list[list[Any]] = [
        [chance.choice([None, [], [1], [1, None, 3], list(range(7))]) for _ in range(10)] for _ in range(2)
    ]
    names = pa.array(["a", "b"] * 5)
    columns = {
        "n": names,
        "l": pa.array(lists[0], list_of(BIGINT).arrow),
        "m": pa.array(lists[1], list_of(BIGINT).arrow),
    }
    scan = plans.scan(columns, 3)
    fields = (plans.field("l", BIGINT), plans.field("m", BIGINT))
    fields += (plans.field("nth", BIGINT),) if ordinal else ()
    node = Unnest(scan, (*scan.output, *fields), (Column(scan.output[1]), Column(scan.output[2])), keep_empty, ordinal)
    expected = []
    for name, x, y in zip(names.to_pylist(), *lists, strict=True):
        longest = max(len(x or ()), len(y or ()))
        elements = list(itertools.islice(itertools.zip_longest(x or (), y or ()), longest))
        for i, pair in enumerate(elements or ([(None, None)] if keep_empty else [])):
            nth = (i + 1 if longest else None,) if ordinal else ()
            expected.append((name, x, y, *pair, *nth))
    assert rows_of(node, batch_rows=4) == expected
