"""Optimized plans of joins give the rows of the plans that they were made of, in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_joins import LESS, Plans, normals, rows_of
from velothread.frontend.optimize import join_order, optimize
from velothread.kernels.functions import SCALARS
from velothread.plan.expressions import Call, Column, Expression, Field, Logical, literal
from velothread.plan.nodes import Filter, Join, JoinKey, JoinKind, Node, Project, Scan, inputs, render, title
from velothread.types import BIGINT, BOOLEAN

EQUAL = SCALARS["="][0]
NOT = SCALARS["not"][0]
IS_NULL = SCALARS["is_null"][0]
KINDS: tuple[JoinKind, ...] = ("inner", "inner", "inner", "left", "full", "semi", "anti", "mark")


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that every inner join is reordered, and every semi or anti join moved and turned that may be."""
    monkeypatch.setattr(join_order, "_SMALL_ROWS", 0.0)
    turn, sink = (import_module(f"velothread.frontend.optimize.{n}") for n in ("turn_joins", "sink_semi_joins"))
    monkeypatch.setattr(turn, "_MANY_ROWS", -1.0)
    monkeypatch.setattr(turn, "_MUCH_LARGER", 0.0)
    monkeypatch.setattr(sink, "_FEWER", 1e9)


def condition(fields: list[Field], chance: random.Random, depth: int = 0) -> Expression:
    a, b = (Column(chance.choice(fields)) for _ in range(2))
    constant = literal(chance.choice([0, 1, 2]), BIGINT)
    pick = chance.randrange(8 if depth < 2 else 5)
    if pick < 2:
        return Call(EQUAL, (a, b if chance.random() < 0.7 else constant), BOOLEAN)
    if pick == 2:
        return Call(LESS, (a, b), BOOLEAN)
    if pick == 3:
        return Call(EQUAL, (constant, a), BOOLEAN)
    if pick == 4:
        inner = Call(IS_NULL, (a,), BOOLEAN)
        return inner if chance.random() < 0.5 else Call(NOT, (inner,), BOOLEAN)
    if pick == 5:
        return Call(NOT, (condition(fields, chance, depth + 1),), BOOLEAN)
    operator = chance.choice(["and", "or"])
    return Logical(operator, tuple(condition(fields, chance, depth + 1) for _ in range(chance.randint(2, 3))))


def tree(relations: int, plans: Plans, chance: random.Random) -> Node:
    """A random plan over so many tables; all columns are BIGINT, but for marks."""
    if relations == 1:
        rows = chance.choice([0, 1, 3, 6])
        columns = {n: pa.array([chance.choice([None, 0, 1, 2]) for _ in range(rows)], pa.int64()) for n in "xy"}
        node: Node = plans.scan(columns)
    else:
        split = chance.randint(1, relations - 1)
        left, right = tree(split, plans, chance), tree(relations - split, plans, chance)
        lefts, rights = numbers(left), numbers(right)
        kind = chance.choice(KINDS)
        keys = tuple(
            JoinKey(Column(chance.choice(lefts)), Column(chance.choice(rights)), chance.random() < 0.1)
            for _ in range(chance.choice([0, 1, 1, 2]))
        )
        residual = condition([*lefts, *rights], chance) if chance.random() < 0.4 else None
        output = left.output if kind in ("semi", "anti") else (*left.output, *right.output)
        three_valued = 0
        if kind == "mark":
            output = (*left.output, plans.field("mark", BOOLEAN))
            three_valued = chance.randint(0, len(keys))
            keys = tuple(JoinKey(k.left, k.right, k.nulls_equal and i >= three_valued) for i, k in enumerate(keys))
        node = Join(left, right, kind, keys, residual, output, three_valued=three_valued)
    if chance.random() < 0.3:
        node = Filter(node, condition(numbers(node), chance))
    if isinstance(node, Join) and node.kind == "mark" and chance.random() < 0.7:
        mark: Expression = Column(node.output[-1])
        node = Filter(node, mark if chance.random() < 0.5 else Call(NOT, (mark,), BOOLEAN))
    if chance.random() < 0.2:
        fields = [*node.output]
        chance.shuffle(fields)
        node = Project(node, tuple(plans.field(f.name, f.type) for f in fields), tuple(map(Column, fields)))
    return node


def numbers(node: Node) -> list[Field]:
    return [f for f in node.output if f.type == BIGINT]


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_optimizing_changes_no_rows(seed: int) -> None:
    chance = random.Random(seed)
    plans = Plans()
    plan = tree(chance.randint(2, 5), plans, chance)
    expected = normals(rows_of(plan))
    found = optimize(plan)
    assert found.output == plan.output
    assert Counter(normals(rows_of(found))) == Counter(expected)


# --- what is joined with what


def sized(plans: Plans, name: str, rows: int, **columns: Any) -> Scan:
    scan = plans.scan({f"{name}_{c}": pa.array(v, pa.int64()) for c, v in columns.items()})
    assert scan.source.row_count == rows
    return scan


def shape(node: Node) -> Any:
    """The joins of a plan as nested pairs of first column names: (probe, build)."""
    if isinstance(node, Join):
        return (shape(node.left), shape(node.right))
    if isinstance(node, Scan):
        return node.output[0].name.split("_")[0]
    return shape(inputs(node)[0])


def test_a_list_of_tables_in_from_is_joined_along_its_conditions_the_smallest_first() -> None:
    plans = Plans()
    # FROM day, sale, item WHERE sale.item = item.id AND sale.day = day.id AND day.id = 3
    day = sized(plans, "day", 10, id=range(10))
    sale = sized(plans, "sale", 1000, item=[i % 4 for i in range(1000)], day=[i % 10 for i in range(1000)])
    item = sized(plans, "item", 4, id=range(4))
    cross = Join(day, sale, "inner", (), None, (*day.output, *sale.output))
    cross = Join(cross, item, "inner", (), None, (*cross.output, *item.output))
    equal = [
        Call(EQUAL, (Column(sale.output[0]), Column(item.output[0])), BOOLEAN),
        Call(EQUAL, (Column(sale.output[1]), Column(day.output[0])), BOOLEAN),
        Call(EQUAL, (Column(day.output[0]), literal(3, BIGINT)), BOOLEAN),
    ]
    plan = Filter(cross, Logical("and", tuple(equal)))
    found = optimize(plan)
    assert shape(found) == (("sale", "day"), "item")
    assert rows_of(found) == [(3, i % 4, 3, i % 4) for i in range(3, 1000, 10)]
    # what is asked of the day is asked of the sale as well
    assert "sale_day = 3" in str(_filters(found))


def _filters(node: Node) -> list[str]:
    own = [title(node)] if isinstance(node, Filter) else []
    return own + [t for child in inputs(node) for t in _filters(child)]


def test_the_smaller_side_is_the_build() -> None:
    plans = Plans()
    few, many = sized(plans, "few", 5, id=range(5)), sized(plans, "many", 90, id=[i % 5 for i in range(90)])
    key = JoinKey(Column(few.output[0]), Column(many.output[0]))
    found = optimize(Join(few, many, "inner", (key,), None, (*few.output, *many.output)))
    assert shape(found) == ("many", "few")
    assert found.output == (*few.output, *many.output)


def test_an_outer_join_whose_nulls_are_refused_is_an_inner_one() -> None:
    plans = Plans()
    a, b = sized(plans, "a", 3, id=range(3)), sized(plans, "b", 3, id=[1, 2, 3])
    key = JoinKey(Column(a.output[0]), Column(b.output[0]))
    joined = Join(a, b, "left", (key,), None, (*a.output, *b.output))
    found = optimize(Filter(joined, Call(LESS, (literal(0, BIGINT), Column(b.output[0])), BOOLEAN)))
    assert "Join inner" in render(found)
    kept = optimize(Filter(joined, Call(IS_NULL, (Column(b.output[0]),), BOOLEAN)))
    assert "Join left" in render(kept)
