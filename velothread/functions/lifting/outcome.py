"""What comes of lifting: an expression, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from velothread.plan.expressions import Expression, Field


class PythonDiffers(Exception):
    """Python would have given something else for some row of this batch, or raised: run the function itself.

    Never seen by users: who runs a lifted body catches it and calls the function over the batch.
    """


class Refused(Exception):
    """This can't be lifted. `line` is that of the file."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class Lifted:
    """A function as an expression over `parameters`, of exactly the type that it was asked to return.

    source: the generated kernel, for EXPLAIN. returns_none: some rows may be NULL because the function gives None.
    """

    body: Expression
    parameters: tuple[Field, ...]
    source: str = ""
    returns_none: bool = False


@dataclass(frozen=True, slots=True)
class NotLifted:
    """Why not, for EXPLAIN: "calls re.search (line 12)"."""

    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return self.reason if self.line is None else f"{self.reason} (line {self.line})"


def refuse(reason: str, node: object = None) -> NoReturn:
    """:raises Refused: at the line of a syntax node."""
    raise Refused(reason, getattr(node, "lineno", None))


__all__ = ["Lifted", "NotLifted", "PythonDiffers", "Refused", "refuse"]
