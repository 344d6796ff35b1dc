"""The program that a function becomes: nodes that each compute one column, and checks.

A node has no NULLs: `Value` keeps apart what a Python value is (its node) and where it is None (another node). A check
says: if this mask is true for a row that gets here, Python would have raised or differed. What lies in rows that a
branch doesn't take is garbage that nobody looks at: checks know their path, so nothing has to be masked out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from velothread.functions.lifting.outcome import Refused

# "real" is an int or a float, row by row: held as a float64, ints only up to 2**53, where floats have them all.
Kind = Literal["int", "float", "real", "bool", "str"]
# A path: the conditions under which Python gets somewhere.
Path = tuple[tuple["Node", bool], ...]

LIMIT = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation over columns. `extra`: what else tells it: the constant, the digits, the pattern."""

    number: int
    op: str
    kind: Kind
    arguments: tuple[Node, ...] = ()
    extra: Any = None

    @property
    def is_constant(self) -> bool:
        return self.op == "constant"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A Python value: `node` holds it, `none` is true where it is None instead (None: nowhere).

    Without a node it is the constant None.
    """

    node: Node | None
    none: Node | None = None

    @property
    def kind(self) -> Kind | None:
        return None if self.node is None else self.node.kind


@dataclass(frozen=True, slots=True)
class Check:
    """No row that takes `path` may have `bad` true. `line`: where Python would raise."""

    path: Path
    bad: Node
    line: int | None


class TooLarge(Exception):
    """The program has over `LIMIT` nodes."""


@dataclass(slots=True)
class Program:
    """Nodes and checks in an order in which they can run. Equal nodes are one node.

    The nodes of checks with a precondition ("overflow", "inexact") aren't steps: they are computed only if, by the
    bounds of the columns, they can be true at all.
    """

    steps: list[Node | Check] = field(default_factory=list)
    _known: dict[Any, Node] = field(default_factory=dict)
    _checked: set[tuple[tuple[tuple[int, bool], ...], int]] = field(default_factory=set)

    def node(self, op: str, kind: Kind, *arguments: Node, extra: Any = None) -> Node:
        """The node of an operation.

        :raises TooLarge: when there are too many.
        :raises Refused: when an argument is a constant that no column can hold; Python may compute with it before.
        """
        if any(a.is_constant and a.kind == "int" and not -(2**63) <= a.extra < 2**63 for a in arguments):
            raise Refused("uses an int beyond 64 bits")
        # 1, 1.0, True are equal and -0.0 equals 0.0, but none is the other
        key = (op, kind, tuple(a.number for a in arguments), type(extra), repr(extra))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= LIMIT:
                raise TooLarge
            found = self._known[key] = Node(len(self._known), op, kind, arguments, extra)
            if op not in LAZY:
                self.steps.append(found)
        return found

    def constant(self, value: bool | float | str) -> Node:
        """A constant, of the kind that its type is."""
        kinds: dict[type, Kind] = {bool: "bool", int: "int", float: "float", str: "str"}
        return self.node("constant", kinds[type(value)], extra=value)

    def check(self, path: Path, bad: Node, line: int | None) -> None:
        """`bad` must be false for the rows that take `path`; said once is enough, for paths that go on from there."""
        if (bad.is_constant and not bad.extra) or any(n.is_constant and n.extra != p for n, p in path):
            return
        path = tuple((n, p) for n, p in path if not n.is_constant)
        numbers = tuple((n.number, polarity) for n, polarity in path)
        if any((numbers[:i], bad.number) in self._checked for i in range(len(numbers) + 1)):
            return
        self._checked.add((numbers, bad.number))
        self.steps.append(Check(path, bad, line))


# Computed on demand, where a check needs them.
LAZY = frozenset({"overflow", "inexact"})

__all__ = ["LAZY", "LIMIT", "Check", "Kind", "Node", "Path", "Program", "TooLarge", "Value"]
