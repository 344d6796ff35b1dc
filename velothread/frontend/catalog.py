"""What a query may name in FROM besides files: registered sources, and the items of WITH."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.plan import nodes
from velothread.sources.source import ReadOptions, Source

if TYPE_CHECKING:
    from velothread.frontend.names import Scope
    from velothread.functions.bound import BoundFunction
    from velothread.functions.library import Registered


@dataclass(slots=True)
class Catalog:
    """The sources that a query may name.

    `registered`: name -> path or object. `open`: opens a path or object with read options (`sources.registry`).
    `evaluate`: runs a plan now (the columns of a PIVOT depend on the data). `functions`: Python functions, by lower-
    case name; `unfit`: those that can't be called, with the reason; `bound`: those that this query calls; `bind`: makes
    them (those of a query that is profiled do more).

    Threading: owned by the session's thread.
    """

    registered: Mapping[str, Any]
    read: ReadOptions
    open: Callable[..., Source]
    opened: dict[str, Source] = field(default_factory=dict)
    evaluate: Callable[[nodes.Node], pa.Table] | None = None
    functions: Mapping[str, Registered] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    bound: list[BoundFunction] = field(default_factory=list)
    bind: Callable[..., BoundFunction] | None = None

    def find(self, name: str) -> str | None:
        """The registered name, in any case of letters."""
        lowered = name.lower()
        return next((n for n in self.registered if n.lower() == lowered), None)


@dataclass(slots=True)
class Cte:
    """A WITH item: bound when first used; used twice it is computed once.

    `outer`: the scope around its query. While a recursive item is bound, `state` is "initial", then "step".
    """

    name: str
    tree: exp.Expr
    columns: tuple[str, ...]
    scope: dict[str, Cte]
    plan: nodes.Node | None = None
    names: tuple[str, ...] = ()
    number: int = 0
    outer: Scope | None = None
    recursive: bool = False
    keys: tuple[exp.Expr, ...] = ()
    types: tuple[t.SqlType, ...] = ()
    state: str = ""

    def named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of its columns, where it gives some (those too many count for nothing, as in DuckDB)."""
        return (*self.columns[: len(names)], *names[len(self.columns) :])
