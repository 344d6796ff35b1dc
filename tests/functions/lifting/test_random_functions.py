"""Functions of a grammar, over nasty columns: lifted and inlined they give what calling them gives."""

from __future__ import annotations

import operator
import random
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.functions.lifting.grammar import TYPES, VALUES, Grammar, compiled
from tests.functions.lifting.running import by_call, by_kernel, lifted, same
from velothread.functions import inlining
from velothread.functions.inlining import Inlined, inline
from velothread.functions.lifting import Lifted


def a_function(grammar: Grammar) -> tuple[str, FunctionType, str]:
    source = grammar.function()
    returns = source.split("-> ")[1].split(":")[0]
    return source, compiled(source), returns


def rows_for(grammar: Grammar, pick: Any, wild: bool, count: int, holes: bool) -> list[tuple[Any, ...]]:
    """Rows of arguments. holes: NULL in parameters that can't be None, too: those rows don't count."""
    return [
        tuple(
            None
            if (name in grammar.nullable or holes) and pick([True, False, False, False])
            else pick(VALUES[kind][wild])
            for name, kind in grammar.parameters.items()
        )
        for _ in range(count)
    ]


def check_lifted(grammar: Grammar, source: str, function: FunctionType, returns: str, rows: list[Any]) -> bool | None:
    """Was the batch answered? None: the function isn't lifted."""
    types = [TYPES[k] for k in grammar.parameters.values()]
    nullable = [n in grammar.nullable for n in grammar.parameters]
    found = lifted(function, types, TYPES[returns], nullable)
    if not isinstance(found, Lifted):
        return None
    kernel = by_kernel(found, rows, types)
    if kernel is None:
        return False
    for row, value in zip(rows, kernel, strict=True):
        if any(v is None and not n for v, n in zip(row, nullable, strict=True)):
            assert value is None
            continue
        python = by_call(function, [row])[0]
        assert same(value, python, TYPES[returns]), f"{row}: {value!r}, Python: {python!r}\n{source}\n{found.source}"
    return True


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_lifted_is_called(data: st.DataObject) -> None:
    def pick(several: Any) -> Any:
        return data.draw(st.sampled_from(several))

    grammar = Grammar(pick)
    source, function, returns = a_function(grammar)
    note(source)
    rows = rows_for(grammar, pick, data.draw(st.booleans()), data.draw(st.integers(0, 8)), data.draw(st.booleans()))
    check_lifted(grammar, source, function, returns, rows)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_inlined_is_called(data: st.DataObject) -> None:
    def pick(several: Any) -> Any:
        return data.draw(st.sampled_from(several))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inlining, "_WORTH", dict.fromkeys(range(1, 4), 10_000))
        grammar = Grammar(pick)
        source, function, _ = a_function(grammar)
        note(source)
        found = inline(function)
        if not isinstance(found, Inlined):
            return
    check_inlined(
        found, function, rows_for(grammar, pick, data.draw(st.booleans()), data.draw(st.integers(0, 5)), True)
    )


def check_inlined(found: Inlined, function: FunctionType, rows: list[tuple[Any, ...]]) -> None:
    """Row for row what calls give, up to the first exception: its type and message, and the place of the iterators."""
    expected: list[Any] = []
    error: Exception | None = None
    for row in rows:
        result = by_call(function, [row])[0]
        if isinstance(result, Exception):
            error = result
            break
        expected.append(result)
    width = function.__code__.co_argcount
    for make in (found.loop, found.generator):
        iterators = [iter([row[i] for row in rows]) for i in range(width)]
        got: list[Any] = []
        raised: Exception | None = None
        try:
            got.extend(make(function)(*iterators))
        except Exception as e:
            raised = e
        assert (type(raised), str(raised)) == (type(error), str(error))
        left = len(rows) - len(expected) - (error is not None)
        assert [operator.length_hint(i) for i in iterators] == [left] * width
        if error is None or make is found.generator:
            assert [(type(v), repr(v)) for v in got] == [(type(v), repr(v)) for v in expected]


@pytest.mark.parametrize("seed", range(4))
def test_many_functions_over_nasty_values(seed: int) -> None:
    pick = random.Random(seed).choice
    for _ in range(100):
        grammar = Grammar(pick)
        source, function, returns = a_function(grammar)
        check_lifted(grammar, source, function, returns, rows_for(grammar, pick, True, 40, pick([True, False])))


def test_most_functions_are_lifted_and_most_batches_answered() -> None:
    """Over functions and tame values from a fixed seed: what isn't lifted, or is left to Python, is the exception."""
    pick = random.Random(20_240_607).choice
    lifted_functions = answered = calm = 0
    for _ in range(300):
        grammar = Grammar(pick)
        source, function, returns = a_function(grammar)
        rows = rows_for(grammar, pick, False, 6, False)
        found = check_lifted(grammar, source, function, returns, rows)
        lifted_functions += found is not None
        if found is not None and not any(isinstance(r, Exception) for r in by_call(function, rows)):
            calm += 1
            answered += found
    assert lifted_functions > 240, lifted_functions
    assert answered > 0.9 * calm, (answered, calm)
