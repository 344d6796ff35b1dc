"""What a name of a function means while it is lifted: its globals and built-ins, read once.

A global is taken for a constant when nothing in its module says otherwise: the function doesn't assign it, and no
function of the module declares it `global` and stores to it. Who sets `module.NAME` from outside after the function was
bound isn't seen; docs/python-functions.md says so.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

_STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_MISSING = object()


class Unknown(Exception):
    """The name stands for nothing that is known now; the message is a reason for people."""


def meaning(function: FunctionType, name: str) -> Any:
    """The object that a name which isn't local has.

    :raises Unknown: no such global, one that is stored to, or a variable of an enclosing function.
    """
    code = function.__code__
    if name in code.co_freevars:
        raise Unknown(f"reads {name} of an enclosing function")
    found = function.__globals__.get(name, _MISSING)
    if found is _MISSING:
        found = function.__builtins__.get(name, _MISSING)
        if found is _MISSING:
            raise Unknown(f"reads {name}, which is not defined")
    if _is_stored(function.__globals__, name):
        raise Unknown(f"reads the global {name}, which is assigned elsewhere")
    return found


def _is_stored(namespace: dict[str, Any], name: str) -> bool:
    return any(
        name in code.co_names and any(i.opname in _STORES and i.argval == name for i in dis.get_instructions(code))
        for code in _codes(namespace)
    )


def _codes(namespace: dict[str, Any]) -> Iterator[CodeType]:
    """The code of the functions and classes of a module, and of what is nested in them."""
    waiting: list[CodeType] = []
    for value in list(namespace.values()):
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        for member in members:
            plain = getattr(member, "__func__", member) if isinstance(value, type) else member
            if isinstance(plain, FunctionType) and plain.__globals__ is namespace:
                waiting.append(plain.__code__)
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(c for c in code.co_consts if isinstance(c, CodeType))


__all__ = ["Unknown", "meaning"]
