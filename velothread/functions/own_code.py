"""Code with constants of its own.

Functions and code objects are immortal once there are threads, but the numbers, texts and tuples that a function's code
names are not: each use changes their reference count. Threads that run the same code fight for these cache lines (two
threads take twice the time for `x * 1.5 + 2.0`), so each thread runs a copy whose constants it alone uses.
"""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import Any


def own_code(code: CodeType) -> CodeType:
    """A copy of `code`, and of the code in it, whose constants are other objects of the same values."""
    return code.replace(co_consts=tuple(_own(c) for c in code.co_consts))


def _own(constant: Any) -> Any:
    match constant:
        case CodeType():
            return own_code(constant)
        case bool() | None:
            return constant
        case float():
            return constant * 1.0  # -0.0 and NaN stay what they are
        case int():
            return int(str(constant))
        case complex():
            return complex(constant.real * 1.0, constant.imag * 1.0)
        case str():
            return str(constant.encode("utf-8", "surrogatepass"), "utf-8", "surrogatepass")
        case bytes():
            return bytes(bytearray(constant))
        case tuple():
            return tuple([_own(c) for c in constant])
        case frozenset():
            return frozenset([_own(c) for c in constant])
    return constant


def own_function(function: FunctionType) -> FunctionType:
    """A function object of the calling thread's own, over the same globals and cells."""
    own = FunctionType(
        own_code(function.__code__),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    own.__kwdefaults__, own.__qualname__, own.__dict__ = (
        function.__kwdefaults__,
        function.__qualname__,
        function.__dict__,
    )
    own.__annotations__, own.__module__, own.__doc__ = function.__annotations__, function.__module__, function.__doc__
    return own


__all__ = ["own_code", "own_function"]
