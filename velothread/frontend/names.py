"""What names mean at a place in a query: relations with their columns, and aliases of the SELECT list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread.errors import BindError, Position, did_you_mean
from velothread.plan.expressions import AggregateCall, Expression, Field
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.catalog import Cte


class FieldMaker:
    """Gives out fields with ids unique in one query.

    Threading: owned by the thread that binds the query.
    """

    def __init__(self) -> None:
        self._ids = count()

    def __call__(self, name: str, type_: SqlType) -> Field:
        return Field(next(self._ids), name, type_)


@dataclass(frozen=True, slots=True)
class Relation:
    """A named set of columns in FROM."""

    name: str | None
    columns: tuple[tuple[str, Field], ...]
    hidden: tuple[tuple[str, Field], ...] = ()  # further names of columns

    def find(self, column: str) -> Field | None:
        """The field of that name, in any case of letters."""
        lowered = column.lower()
        return next((f for n, f in (*self.columns, *self.hidden) if n.lower() == lowered), None)


@dataclass(slots=True)
class Scope:
    """The names that an expression may use.

    `aliases`: SELECT items by lower-case name; used where no column has the name (`binding`: those being bound now,
    to stop at cycles). `outer`: the scope around a subquery, or of what stands before it in FROM (`lateral`).
    `merged`: what a name without a table means after USING; `shown`: what `*` shows for a column (None: nothing).
    `ctes`: the WITH items that subqueries may name. `lifted`: aggregates of this query that stand in a subquery of it;
    `unnests`: the unnest() calls of its SELECT list. Both are known by the field that stands for them.
    """

    relations: tuple[Relation, ...]
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    aliases_first: bool = False
    outer: Scope | None = None
    binding: set[str] = field(default_factory=set)
    lambda_names: dict[str, Expression] = field(default_factory=dict)
    merged: Mapping[str, Field] = field(default_factory=dict)
    shown: Mapping[Field, Field | None] = field(default_factory=dict)
    ctes: dict[str, Cte] = field(default_factory=dict)
    lateral: bool = False
    lifted: dict[Field, AggregateCall] = field(default_factory=dict)
    unnests: dict[Expression, Field] = field(default_factory=dict)

    def columns(self) -> Iterator[tuple[str | None, str, Field]]:
        """All columns: relation, name, field, in order."""
        for relation in self.relations:
            for name, f in relation.columns:
                yield relation.name, name, f

    def star(self) -> Iterator[tuple[str | None, str, Field]]:
        """The columns that `*` stands for: those of USING once."""
        for relation, name, f in self.columns():
            shown = self.shown.get(f, f)
            if shown is not None:
                yield relation, name, shown

    def twice(self) -> str | None:
        """A name that two relations have."""
        names = [r.name.lower() for r in self.relations if r.name is not None]
        return next((n for n in names if names.count(n) > 1), None)

    def own_fields(self) -> set[Field]:
        """The fields of this query's own FROM."""
        return {f for _, _, f in self.columns()} | set(self.merged.values())

    def resolve(self, table: str | None, column: str, position: Position | None, sql: str) -> Field | None:
        """The field of `[table.]column`; None when there is no such column (the caller tries aliases).

        :raises BindError: when the name is ambiguous, or the table is not there.
        """
        relations = self.relations
        if table is not None:
            relations = tuple(r for r in relations if r.name is not None and r.name.lower() == table.lower())
            if not relations:
                return None
        elif (merged := self.merged.get(column.lower())) is not None:
            return merged
        found = [f for r in relations if (f := r.find(column)) is not None]
        if len(found) > 1:
            names = ", ".join(f"{r.name}.{column}" for r in relations if r.find(column) is not None)
            raise BindError(
                f"column {column!r} is ambiguous: {names}", position, hint="write the table's name", sql=sql
            )
        return found[0] if found else None

    def relation(self, name: str) -> Relation | None:
        """The relation of that name."""
        return next((r for r in self.relations if r.name is not None and r.name.lower() == name.lower()), None)

    def unknown(self, table: str | None, column: str, position: Position | None, sql: str) -> BindError:
        """The error for a column that isn't there, with the near names."""
        scopes: list[Scope] = [self]
        while (around := scopes[-1].outer) is not None:
            scopes.append(around)
        tables = [r.name for s in scopes for r in s.relations if r.name is not None]
        if table is not None and table.lower() not in (t.lower() for t in tables):
            hint = did_you_mean(table, tables) or (f"tables here: {', '.join(tables)}" if tables else None)
            return BindError(f"unknown table {table!r}", position, hint=hint, sql=sql)
        if table is not None:
            found = next(r for s in scopes if (r := s.relation(table)) is not None)
            names = [n for n, _ in found.columns]
        else:
            names = list(dict.fromkeys([n for s in scopes for _, n, _ in s.columns()] + list(self.aliases)))
        hint = did_you_mean(column, names)
        if hint is None and names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            hint = f"columns {'here' if table is None else f'of {table}'}: {shown}"
        return BindError(f"unknown column {column!r}", position, hint=hint, sql=sql)
