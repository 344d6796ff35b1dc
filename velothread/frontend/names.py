"""What names mean at a place in a query: relations with their columns, and aliases of the SELECT list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from sqlglot import exp

from velothread.errors import BindError, Position, did_you_mean
from velothread.plan.expressions import Expression, Field
from velothread.types import SqlType


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

    def find(self, column: str) -> Field | None:
        lowered = column.lower()
        return next((f for n, f in self.columns if n.lower() == lowered), None)


@dataclass(slots=True)
class Scope:
    """The names that an expression may use.

    `aliases`: SELECT items by lower-case name; used where no column has the name (`binding`: those being bound now,
    to stop at cycles). `outer`: the scope around a subquery.
    """

    relations: tuple[Relation, ...]
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    aliases_first: bool = False
    outer: Scope | None = None
    binding: set[str] = field(default_factory=set)
    lambda_names: dict[str, Expression] = field(default_factory=dict)

    def columns(self) -> Iterator[tuple[str | None, str, Field]]:
        """All columns: relation, name, field, in order."""
        for relation in self.relations:
            for name, f in relation.columns:
                yield relation.name, name, f

    def resolve(self, table: str | None, column: str, position: Position | None, sql: str) -> Field | None:
        """The field of `[table.]column`; None when there is no such column (the caller tries aliases).

        :raises BindError: when the name is ambiguous, or the table is not there.
        """
        relations = self.relations
        if table is not None:
            relations = tuple(r for r in relations if r.name is not None and r.name.lower() == table.lower())
            if not relations:
                return None
        found = [f for r in relations if (f := r.find(column)) is not None]
        if len(found) > 1:
            names = ", ".join(f"{r.name}.{column}" for r in relations if r.find(column) is not None)
            raise BindError(
                f"column {column!r} is ambiguous: {names}", position, hint="write the table's name", sql=sql
            )
        return found[0] if found else None

    def unknown(self, table: str | None, column: str, position: Position | None, sql: str) -> BindError:
        """The error for a column that isn't there, with the near names."""
        tables = [r.name for r in self.relations if r.name is not None]
        if table is not None and table.lower() not in (t.lower() for t in tables):
            hint = did_you_mean(table, tables) or (f"tables here: {', '.join(tables)}" if tables else None)
            return BindError(f"unknown table {table!r}", position, hint=hint, sql=sql)
        names = list(dict.fromkeys([n for _, n, _ in self.columns()] + list(self.aliases)))
        hint = did_you_mean(column, names)
        if hint is None and names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            hint = f"columns here: {shown}"
        return BindError(f"unknown column {column!r}", position, hint=hint, sql=sql)
