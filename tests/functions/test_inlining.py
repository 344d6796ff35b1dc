"""Functions as the body of the loop: what is inlined, what isn't and why; it is the user's own code that runs."""

from __future__ import annotations

import operator
import traceback
from types import FunctionType
from typing import Any

import pytest

from tests.functions.lifting.grammar import compiled
from velothread.functions import inlining
from velothread.functions.inlining import Inlined, NotInlined, inline

INDENT = "\n    "

INLINED = [
    ("a", "return a + 1"),
    ("a, b", "return a * b"),
    ("a", "return table.get(a, 0)"),
    ("a", f"'''Documented.'''{INDENT}t = a * 2{INDENT}return t - 1"),
    ("a", f"if a > 2:{INDENT}    return None{INDENT}return a * 2"),
    ("a", f"if a > 2:{INDENT}    a = 3{INDENT}return a"),
    ("a", f"if a > 2:{INDENT}    t = 3{INDENT}else:{INDENT}    t = a{INDENT}return t"),
    ("a", f"if a > 2:{INDENT}    return 0{INDENT}t = a + 1{INDENT}return t * t"),
    ("a", f"if a > 2:{INDENT}    return 0{INDENT}elif a < 0:{INDENT}    return 1"),
    ("a", f"a = a + 1{INDENT}a = a * 2{INDENT}return a"),
    ("a", "return f'{a:>5}'"),
]  # fmt: skip

NOT_INLINED = [
    ("", "return 1", "takes no arguments", 1),
    ("a, b, c", "return a", "takes 3 arguments: fetching them costs what calling does", 1),
    ("a", f"for i in a:{INDENT}    pass{INDENT}return a", "loops", 2),
    ("a", "return [x for x in a]", "loops in an expression", 2),
    ("a", "return sum(x for x in a)", "has a generator", 2),
    ("a", "return lambda: a", "has a function inside that uses its variables", 1),
    ("a", "return lambda x: x", "has a lambda", 2),
    ("a", "return locals()", "calls locals, which looks at its frame", 2),
    ("a", "return next(a)", "calls next, which may raise StopIteration", 2),
    ("a", "return (t := a)", "has an assignment inside of an expression", 2),
    ("a", f"if a:{INDENT}    t = 1{INDENT}return t", "t may not be set", 2),
    ("a", f"a += 1{INDENT}return a", "changes a local in place", 2),
    ("a", f"if a:{INDENT}    return 1{INDENT}a = 2{INDENT}return a", "assigns a again after an early return", 4),
    ("a", f"if a:{INDENT}    t = 1{INDENT}    u = 2{INDENT}return a",
     "has a branch of several statements that goes on", 2),
    ("a", f"a[0] = 1{INDENT}return a", "uses Assign", 2),
    ("a", f"global x{INDENT}return a", "declares a global", 2),
    ("a", f"try:{INDENT}    return a{INDENT}finally:{INDENT}    pass", "catches exceptions", 2),
    ("a", "raise a", "raises", 2),
    ("a", "return len(str(a)) + len(str(a + 1))", "does so much that inlining would gain little", 1),
    ("*a", "return a", "takes *arguments or keywords", 1),
]  # fmt: skip


def made(parameters: str, body: str) -> FunctionType:
    return compiled(f"def f({parameters}):{INDENT}{body}\n", table={1: 7, 3: 9})


def iterators(function: FunctionType, columns: list[list[Any]]) -> list[Any]:
    return [iter(c) for c in columns[: function.__code__.co_argcount]]


@pytest.mark.parametrize(("parameters", "body"), INLINED, ids=[b.replace(INDENT, "; ") for _, b in INLINED])
def test_inlined(parameters: str, body: str) -> None:
    function = made(parameters, body)
    found = inline(function)
    assert isinstance(found, Inlined), found
    columns = [[-1, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6]]
    called = list(map(function, *columns[: function.__code__.co_argcount]))
    assert found.loop(function)(*iterators(function, columns)) == called
    assert list(found.generator(function)(*iterators(function, columns))) == called


@pytest.mark.parametrize(("parameters", "body", "reason", "line"), NOT_INLINED, ids=[r for _, _, r, _ in NOT_INLINED])
def test_not_inlined(parameters: str, body: str, reason: str, line: int) -> None:
    assert inline(made(parameters, body)) == NotInlined(reason, line)


def test_what_is_said_in_explain() -> None:
    assert str(NotInlined("loops", 12)) == "loops (line 12)"


def test_a_method_and_a_coroutine_are_refused() -> None:
    class Class:
        def method(self):  # type: ignore[no-untyped-def]
            return 1

    async def coroutine(x):  # type: ignore[no-untyped-def]
        return x

    assert inline(Class.method) == NotInlined("is a method", Class.method.__code__.co_firstlineno)
    assert inline(coroutine) == NotInlined("is a coroutine", coroutine.__code__.co_firstlineno)


@pytest.mark.parametrize("make", ["loop", "generator"])
def test_an_exception_stands_in_the_users_file(make: str) -> None:
    function = made("a", f"t = 6{INDENT}return t / a")
    found = inline(function)
    assert isinstance(found, Inlined)
    column = iter([1, 2, 0, 3])
    got: list[Any] = []
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        got.extend(getattr(found, make)(function)(column))
    frame = traceback.extract_tb(caught.tb)[-1]
    assert (frame.filename, frame.lineno, frame.name, frame.line) == (
        function.__code__.co_filename,
        3,
        "f",
        "return t / a",
    )
    # the rows after the one at fault are still there
    assert operator.length_hint(column) == 1
    assert got == ([] if make == "loop" else [6.0, 3.0])


def test_every_copy_of_a_function_has_its_own_globals() -> None:
    first, second = compiled("def f(a):\n    return a + k\n", k=1), compiled("def f(a):\n    return a + k\n", k=10)
    found = inline(first)
    assert isinstance(found, Inlined)
    assert found.loop(first)(iter([1, 2])) == [2, 3]
    assert found.loop(second)(iter([1, 2])) == [11, 12]
    second.__globals__["k"] = 20
    assert found.loop(second)(iter([1, 2])) == [21, 22]


def test_closures_keep_their_cells() -> None:
    offset, unused, base = 5, 6, 100

    def shifted(a: int) -> int:
        return base - offset + a

    def other() -> int:
        nonlocal offset
        offset += 1
        return unused

    found = inline(shifted)
    assert isinstance(found, Inlined)
    loop = found.loop(shifted)
    assert loop(iter([1, 2])) == [96, 97]
    other()
    assert loop(iter([1, 2])) == [95, 96]


def test_lambdas_on_one_line_are_told_apart() -> None:
    one, two = (lambda a: a + 1), (lambda a: a * 3)
    for function in (one, two):
        found = inline(function)
        assert isinstance(found, Inlined)
        assert found.loop(function)(iter([5])) == [function(5)]


def test_users_names_cannot_meet_ours() -> None:
    function = made("next1, never", "return next1 - never")
    found = inline(function)
    assert isinstance(found, Inlined)
    assert found.loop(function)(iter([5]), iter([3])) == [2]


def test_worth_is_a_question_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    function = made("a", "return len(str(a)) + len(str(a + 1))")
    assert isinstance(inline(function), NotInlined)
    monkeypatch.setattr(inlining, "_WORTH", {1: 100})
    found = inline(function)
    assert isinstance(found, Inlined)
    assert found.loop(function)(iter([9, 10])) == [3, 4]
