"""Code that threads can run side by side.

CPython 3.13t makes the constants of a code object immortal when the object is made, so that nobody counts references to
them, but not of what `compile` has just made: two threads that run `x * 1.5 + 2.0` of such code fight for the cache
lines of these numbers, and take twice the time. So code is made anew before threads run it.
"""

from __future__ import annotations

from types import CodeType, FunctionType


def own_code(code: CodeType) -> CodeType:
    """`code`, and the code in it, made anew."""
    return code.replace(co_consts=tuple(own_code(c) if isinstance(c, CodeType) else c for c in code.co_consts))


def own_function(function: FunctionType) -> FunctionType:
    """A function object of the calling thread's own, over the same globals and cells.

    The object itself counts, too: a closure's references are counted, unlike those of a function of a module.
    """
    own = FunctionType(
        own_code(function.__code__),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    own.__qualname__, own.__module__, own.__doc__ = function.__qualname__, function.__module__, function.__doc__
    own.__kwdefaults__, own.__annotations__, own.__dict__ = (
        function.__kwdefaults__,
        function.__annotations__,
        function.__dict__,
    )
    return own


__all__ = ["own_code", "own_function"]
