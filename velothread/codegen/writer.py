"""Writing of Python source: indentation, fresh names, constants, and which line came from which SQL."""

from __future__ import annotations

import keyword
import re
from typing import Any

from velothread.errors import Position


class SourceWriter:
    """Text of a generated module. The same calls give the same text.

    Names of constants and functions that the code uses are kept in `namespace`, its globals.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.positions: dict[int, Position] = {}
        self.namespace: dict[str, Any] = {}
        self._indent = 0
        self._names: dict[str, int] = {}
        self._known: dict[tuple[str, Any], str] = {}

    def line(self, text: str = "", position: Position | None = None) -> None:
        """A line of code; `position`: the SQL that it computes."""
        self.lines.append("    " * self._indent + text if text else "")
        if position is not None:
            self.positions[len(self.lines)] = position

    def comment(self, text: str) -> None:
        """A comment, on one line however long."""
        flat = re.sub(r"\s+", " ", text)
        self.line("# " + (flat if len(flat) <= 100 else flat[:97] + "..."))

    def indent(self) -> None:
        self._indent += 1

    def dedent(self) -> None:
        self._indent -= 1

    def outermost(self) -> None:
        """What follows stands outside of all functions."""
        self._indent = 0

    def fresh(self, hint: str) -> str:
        """A new name like `hint`."""
        base = re.sub(r"\W+", "_", hint.lower(), flags=re.ASCII).strip("_") or "v"
        if base[0].isdigit() or keyword.iskeyword(base):
            base = "v_" + base
        base = base[:30]
        number = self._names.get(base, 0)
        name = base if number == 0 else f"{base}_{number}"
        while number and name in self._names:  # a column may be called `x_1`
            number += 1
            name = f"{base}_{number}"
        self._names[base] = number + 1
        self._names.setdefault(name, 1)
        return name

    def constant(self, key: Any, value: Any, hint: str) -> str:
        """The name of a global with this value; `key` tells equal values."""
        known = ("constant", key)
        if known not in self._known:
            name = self.fresh(hint).upper()
            while name in self.namespace:
                name = self.fresh(hint).upper()
            self.namespace[name] = value
            self._known[known] = name
        return self._known[known]

    def function(self, function: Any, hint: str) -> str:
        """The name of a global function."""
        known = ("function", id(function))
        if known not in self._known:
            name = self.fresh(f"{hint}_fn" if not hint.endswith("_fn") else hint)
            self.namespace[name] = function
            self._known[known] = name
        return self._known[known]

    @property
    def source(self) -> str:
        return "\n".join(self.lines) + "\n"
