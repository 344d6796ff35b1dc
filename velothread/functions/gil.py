"""Extensions that turn the GIL on are noticed and named.

A free-threaded Python turns the GIL on for the whole process when a module is imported that doesn't say that it is safe
without, and goes on with a warning. Functions of all partitions then take turns.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from velothread.processors.choose import gil_enabled

_WARNING = "The global interpreter lock"
_MODULE = re.compile(r"load module '([^']+)'")
_MEANS = (
    "Python code in all partitions now takes turns, and more of them bring little;"
    " get a release of it that is built for free threading, or do without"
)
# Files of extension modules.
_COMPILED = (".so", ".pyd", ".dylib")


class GilWatch:
    """Says once, when the GIL is turned on, by what.

    Threading: owned by the session's thread.
    """

    def __init__(self, say: Callable[[str], None], enabled: Callable[[], bool] = gil_enabled) -> None:
        self.say = say
        self._enabled = enabled
        self._before: set[str] | None = None
        self.said = False

    @contextmanager
    def loading(self, what: str) -> Iterator[None]:
        """In here, a file of functions is loaded."""
        if self._enabled():
            yield
            return
        # Only now and in this thread: filters are everybody's.
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", _WARNING, RuntimeWarning)
            yield
        named = []
        for w in caught:
            if str(w.message).startswith(_WARNING):
                named += _MODULE.findall(str(w.message))
            else:
                warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
        if named:
            self._tell(f"{what}: importing {' and '.join(dict.fromkeys(named))} turned the GIL on")
        elif self._enabled():
            self._tell(f"{what}: loading it turned the GIL on")

    def begin(self) -> None:
        """A query that calls Python functions begins: they may import something."""
        self._before = None if self.said or self._enabled() else set(sys.modules)

    def end(self) -> None:
        """It has ended."""
        before, self._before = self._before, None
        if before is None or not self._enabled():
            return
        # The warning, which names it, came in some receiver's thread. What is new and compiled is why.
        new = [n for n, m in list(sys.modules.items()) if n not in before]
        compiled = [n for n in new if str(getattr(sys.modules.get(n), "__file__", "")).endswith(_COMPILED)]
        by = f"importing {' or '.join(compiled[:3])}" if compiled else "something that was imported"
        self._tell(f"while the query ran, {by} turned the GIL on")

    def _tell(self, what: str) -> None:
        if not self.said:
            self.said = True
            self.say(f"{what}: {_MEANS}")


__all__ = ["GilWatch"]
