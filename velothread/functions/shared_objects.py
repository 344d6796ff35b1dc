"""What the code of a function shares with other threads: the globals and closure cells that it reads, and those that it
changes. By its bytecode and its source, so without calling it; what it reaches through attributes is not followed.
"""

from __future__ import annotations

import ast
import dis
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# Their reference counts are deferred, or they are immortal: reading them costs other threads nothing.
_COLD = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)
# Methods of lists, dicts and sets that change them.
_CHANGING = frozenset(
    (
        "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
        "intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort",
        "symmetric_difference_update", "update",
    )
)  # fmt: skip
_IMMORTAL = 1 << 30


@dataclass(frozen=True, slots=True)
class Shared:
    """A variable of a function that is not its own. cell: of a closure, not of the module."""

    name: str
    value: Any
    cell: bool = False

    def shown(self) -> str:
        """`PRICES (dict of 1,000)`."""
        kind = type(self.value).__name__
        size = f" of {len(self.value):,}" if isinstance(self.value, (list, dict, set, tuple, frozenset, str)) else ""
        return f"{self.name} ({kind}{size}{', in a closure' if self.cell else ''})"


def shared_variables(function: Callable[..., Any]) -> list[Shared]:
    """The globals and cells that a function, and the functions of its module that it calls, read: each once, in the
    order in which the code names them."""
    found: dict[tuple[str, int], Shared] = {}
    for one in _with_called(function):
        for name in _read_globals(one.__code__):
            if name in one.__globals__:
                value = one.__globals__[name]
                found.setdefault((name, id(value)), Shared(name, value))
        for name, cell in zip(one.__code__.co_freevars, one.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            found.setdefault((name, id(value)), Shared(name, value, cell=True))
    return list(found.values())


def hot_objects(function: Callable[..., Any]) -> list[str]:
    """Those of the shared variables whose reference counts all threads change as they read them."""
    return [
        s.shown()
        for s in shared_variables(function)
        if not isinstance(s.value, _COLD) and sys.getrefcount(s.value) < _IMMORTAL
    ]


def changed_variables(function: Callable[..., Any]) -> list[str]:
    """What the code of a function (and of functions of its module that it calls) changes and does not own: `global`s
    that it assigns, and what it seems to change of objects in the module or a closure: items, attributes, by methods of
    lists, dicts and sets."""
    found: dict[str, None] = {}
    for one in _with_called(function):
        shared = {*_read_globals(one.__code__), *one.__code__.co_freevars}
        for name in (*_assigned(one.__code__, shared), *_mutated(one, shared)):
            found.setdefault(name)
    return list(found)


def called_names(function: Callable[..., Any]) -> list[str]:
    """Dotted names that start with a module, as the code spells them: `random.random`, `time.time`."""
    found: dict[str, None] = {}
    for one in _with_called(function):
        for code in _codes(one.__code__):
            dotted = ""
            for i in dis.get_instructions(code):
                if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    known = isinstance(one.__globals__.get(i.argval), types.ModuleType)
                    value = one.__globals__.get(i.argval)
                    dotted = str(i.argval) if known else ""
                    if isinstance(value, types.BuiltinFunctionType | types.BuiltinMethodType) and value.__module__:
                        found.setdefault(f"{value.__module__}.{i.argval}")
                elif i.opname in ("LOAD_ATTR", "LOAD_METHOD") and dotted:
                    dotted = f"{dotted}.{i.argval}"
                    found.setdefault(dotted)
                else:
                    dotted = ""
    return list(found)


def _with_called(function: Callable[..., Any]) -> Iterator[types.FunctionType]:
    """The function, and those of its own module that it names, and so on."""
    start = function if isinstance(function, types.FunctionType) else getattr(function, "__wrapped__", None)
    if not isinstance(start, types.FunctionType):
        start = vars(type(function)).get("__call__")
    waiting, seen = [start], set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, types.FunctionType) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        named = [one.__globals__.get(n) for n in _read_globals(one.__code__)]
        waiting += [f for f in named if isinstance(f, types.FunctionType) and f.__globals__ is one.__globals__]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code and those of functions within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _read_globals(code: types.CodeType) -> list[str]:
    names = [
        i.argval for c in _codes(code) for i in dis.get_instructions(c) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    ]
    return list(dict.fromkeys(map(str, names)))


def _assigned(code: types.CodeType, shared: set[str]) -> Iterator[str]:
    """Variables of the module or of a closure that are assigned."""
    for c in _codes(code):
        for i in dis.get_instructions(c):
            assigns = i.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")
            if assigns or (i.opname == "STORE_DEREF" and i.argval in code.co_freevars and i.argval in shared):
                yield str(i.argval)


def _mutated(function: types.FunctionType, shared: set[str]) -> Iterator[str]:
    """Objects in such variables that are changed, by the source; nothing where there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # a lambda in the midst of an expression, for instance
        return
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed: ast.expr = node.value
            case ast.Call(func=ast.Attribute(value=target, attr=method)) if method in _CHANGING:
                changed = target
            case _:
                continue
        while isinstance(changed, (ast.Subscript, ast.Attribute)):
            changed = changed.value
        if isinstance(changed, ast.Name) and changed.id in shared:
            value = function.__globals__.get(changed.id)
            if not isinstance(value, types.ModuleType):
                yield changed.id


__all__ = ["Shared", "called_names", "changed_variables", "hot_objects", "shared_variables"]
