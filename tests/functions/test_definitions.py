"""The tree of a running function: only if it is what runs."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from tests.functions.lifting.grammar import compiled
from velothread.functions.definitions import NoDefinition, definition


def plain(x: int) -> int:
    return x + 1


def decorated_with(f: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(f)
    def around(*arguments: Any) -> Any:
        return f(*arguments)

    return around


def unchanged(f: Any) -> Any:
    return f


@decorated_with
def wrapped(x: int) -> int:
    return x + 1


@unchanged
@unchanged
def marked(x: int) -> int:
    return x + 2


def test_lines_are_those_of_the_file() -> None:
    found = definition(plain)
    assert isinstance(found.node, ast.FunctionDef)
    assert found.node.lineno == plain.__code__.co_firstlineno
    assert ast.unparse(found.body[0]) == "return x + 1"
    assert not found.in_class


def test_a_decorated_function_is_found_under_its_decorators() -> None:
    assert ast.unparse(definition(marked).body[0]) == "return x + 2"


def test_a_wrapper_is_itself_not_what_it_wraps() -> None:
    assert isinstance(wrapped, FunctionType)
    assert ast.unparse(definition(wrapped).body[0]) == "return f(*arguments)"


def test_lambdas_by_their_columns() -> None:
    pair = [lambda x: x + 1, lambda x: x + 2]
    nested = lambda x: lambda y: y + x  # noqa: E731
    assert [ast.unparse(definition(f).body[0]) for f in pair] == ["return x + 1", "return x + 2"]
    assert ast.unparse(definition(nested).body[0]) == "return lambda y: y + x"
    assert ast.unparse(definition(nested(1)).body[0]) == "return y + x"


def test_a_file_that_changed_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    file.write_text("def f(x):\n    return x + 1\n")
    namespace: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    definition(namespace["f"])
    for text in ("def f(x):\n    return x + 2\n", "\ndef f(x):\n    return x + 1\n", "def f(x:\n", ""):
        file.write_text(text)
        linecache.checkcache(str(file))
        with pytest.raises(NoDefinition, match=r"has changed since|can't be read"):
            definition(namespace["f"])


def test_no_source() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(NoDefinition, match="can't be read"):
        definition(namespace["f"])


def test_functions_of_one_name_by_their_lines() -> None:
    source = "def f(x):\n    return 1\n\n\ng = f\n\n\ndef f(x):\n    return 2\n"
    second = compiled(source)
    assert ast.unparse(definition(second).body[0]) == "return 2"
    assert ast.unparse(definition(second.__globals__["g"]).body[0]) == "return 1"
