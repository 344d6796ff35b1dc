"""What stands in FROM: files, registered names, CTEs, subqueries, VALUES and table functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, OptionError, Position, SourceError, UnsupportedError, UserError, did_you_mean
from velothread.frontend.catalog import Catalog, Cte
from velothread.frontend.names import Relation
from velothread.frontend.parse import position
from velothread.plan import nodes
from velothread.plan.expressions import Field, Literal
from velothread.sources.source import ReadOptions, Source

# What binds the rarer items is imported by the first of them: a query without any starts sooner.
if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder

_READERS = {
    "read_csv": "csv", "read_csv_auto": "csv", "read_json": "json", "read_json_auto": "json", "read_ndjson": "jsonl",
    "read_ndjson_auto": "jsonl", "read_parquet": "parquet", "parquet_scan": "parquet", "read_arrow": "arrow",
    "read_lines": "lines",
}  # fmt: skip
_SUFFIXES = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".ipc",
    ".gz", ".zst", ".bz2", ".lz4",
)  # fmt: skip

# A series of constants is made while binding up to so many rows; a longer one split by split.
_SERIES_ROWS = 100_000


def _bound(query: QueryBinder, cte: Cte) -> tuple[nodes.Node, tuple[str, ...]]:
    if not cte.recursive:
        return query.bind_query(cte.tree, cte.scope)
    from velothread.frontend.recursion import bind_recursive

    return bind_recursive(query, cte)


def _is_function(node: exp.Expr) -> bool:
    """A table function with one column (and perhaps an ordinality)?"""
    if isinstance(node, exp.Unnest):
        return True
    called = node.this if isinstance(node, exp.Table) else None
    return isinstance(called, exp.Anonymous) and str(called.this).lower() in ("range", "generate_series")


class TableBinder:
    """Binds FROM items for a `QueryBinder`.

    Threading: owned by the thread that binds.
    """

    def __init__(self, query: QueryBinder, catalog: Catalog) -> None:
        self.query = query
        self.catalog = catalog
        self._open_ctes: list[str] = []  # those being bound

    def bind(self, node: exp.Expr, ctes: dict[str, Cte]) -> tuple[nodes.Node, Relation]:
        """A FROM item -> its plan and its relation."""
        if node.args.get("pivots"):
            return self._pivoted(node, ctes)
        if node.args.get("sample") is not None:
            from velothread.frontend.sampling import sampled

            whole = node.copy()
            whole.set("sample", None)
            plan, relation = self.bind(whole, ctes)
            return sampled(self.query, node.args["sample"], plan), relation
        match node:
            case exp.Lateral():
                return self._lateral(node, ctes)
            case exp.Unnest():
                from velothread.frontend.lateral import bind_unnest

                plan, names = bind_unnest(self.query, node)
            case exp.Subquery():
                plan, names = self.query.bind_query(node.this, ctes)
            case exp.Values():
                plan, names = self.query.bind_rows(node)
            case exp.Table() if isinstance(node.this, exp.Values):  # ((VALUES (1)) t(a) JOIN ...)
                plan, names = self.query.bind_rows(node.this)
            case exp.Table():
                plan, names = self._table(node, ctes)
            case _:
                raise UnsupportedError(
                    f"{type(node).__name__} in FROM is not supported", position(node), sql=self.query.sql
                )
        return plan, self.relation(node, names, plan.output)

    def _pivoted(self, node: exp.Expr, ctes: dict[str, Cte]) -> tuple[nodes.Node, Relation]:
        """t PIVOT (...) AS p: what stands before it, turned; several from left to right."""
        from velothread.frontend.pivot import bind_pivot

        plain = node.copy()
        plain.set("pivots", None)
        plan, relation = self.bind(plain, ctes)
        for pivot in node.args["pivots"]:
            plan, names = bind_pivot(self.query, pivot, plan, relation)
            relation = replace(self.relation(pivot, names, plan.output), name=pivot.alias or relation.name)
        return plan, relation

    def _lateral(self, node: exp.Lateral, ctes: dict[str, Cte]) -> tuple[nodes.Node, Relation]:
        """LATERAL (SELECT ...), LATERAL unnest(...): what is in it may use what stands before it, as without it."""
        inner = node.this
        if not isinstance(inner, (exp.Subquery, exp.Unnest, exp.Table)):
            inner = exp.Table(this=inner)
        plan, relation = self.bind(inner, ctes)
        if node.args.get("alias") is not None:
            inner = inner.copy()
            inner.set("alias", node.args["alias"])
            relation = self.relation(inner, tuple(n for n, _ in relation.columns), plan.output)
        return plan, relation

    def relation(self, node: exp.Expr, names: tuple[str, ...], fields: tuple[Field, ...]) -> Relation:
        """The columns of a FROM item under its alias.

        :raises BindError: when it gives more names than there are columns.
        """
        alias = node.args.get("alias")
        name: str | None = node.alias or None
        if name is None and isinstance(node, exp.Table):
            name = node.name if isinstance(node.this, exp.Identifier) else str(getattr(node.this, "this", "")) or None
            if name is not None and isinstance(node.this, exp.Identifier) and self._is_path(name):
                name = Path(name).name.split(".")[0]
        renames = [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if isinstance(node, exp.Unnest) and isinstance(node.args.get("offset"), exp.Identifier) and renames:
            renames.append(node.args["offset"].name)  # WITH ORDINALITY p(part, n): sqlglot keeps n apart
        if len(renames) > len(names):
            message = f"{len(renames)} column names for {len(names)} columns"
            raise BindError(message, position(node), sql=self.query.sql)
        hidden: tuple[tuple[str, Field], ...] = ()
        if (
            node.alias and not renames and (_is_function(node) or self._has_one_column(node, names))
        ):  # FROM range(3) t: the column is called t as well
            hidden = ((names[0], fields[0]),)
            renames = [node.alias]
        if name is None and isinstance(node, exp.Unnest):
            name = "unnest"
        if name is None and isinstance(node, (exp.Subquery, exp.Values)):
            name = "unnamed_subquery" if isinstance(node, exp.Subquery) else "valueslist"
        names = (*renames, *names[len(renames) :])
        return Relation(name, tuple(zip(names, fields, strict=True)), hidden)

    def _has_one_column(self, node: exp.Expr, names: tuple[str, ...]) -> bool:
        """Is it a Python function whose table has one column, called as the function?"""
        called = node.this if isinstance(node, exp.Table) else None
        name = str(called.this).lower() if isinstance(called, exp.Anonymous) else ""
        return name in self.catalog.functions and (*map(str.lower, names), "")[:2] in ((name, ""), (name, "ordinality"))

    # --- tables by name

    def _table(self, node: exp.Table, ctes: dict[str, Cte]) -> tuple[nodes.Node, tuple[str, ...]]:
        if isinstance(node.this, exp.Anonymous):
            return self._function(node.this, bool(node.args.get("ordinality")))
        if not isinstance(node.this, exp.Identifier):
            raise UnsupportedError(
                f"{type(node.this).__name__} in FROM is not supported", position(node), sql=self.query.sql
            )
        name = node.name
        db = node.args.get("db")
        if db is not None and db.name.lower() == "recurring" and (cte := ctes.get(name.lower())) is not None:
            from velothread.frontend.recursion import reference

            return reference(self.query, cte, node, True)
        if db is not None and self.catalog.find(name) is None:
            name = ".".join(p.name for p in node.parts)
        place = position(node.this)
        cte = ctes.get(name.lower())
        if cte is not None:
            return self._cte(cte, node)
        registered = self.catalog.find(name)
        if registered is not None:
            source = self._open(registered, self.catalog.registered[registered], self.catalog.read, place, registered)
        elif self._is_path(name):
            source = self._open(name, name, self.catalog.read, place)
        else:
            known = [*self.catalog.registered, *ctes]
            if name.lower() in self._open_ctes:
                hint: str | None = f"write WITH RECURSIVE for {name!r} to name itself"
                raise BindError(f"unknown table {name!r}", place, hint=hint, sql=self.query.sql)
            hint = did_you_mean(name, known) or "name a file ('data.csv'), or register a table (--table name=path)"
            raise BindError(f"unknown table {name!r}", place, hint=hint, sql=self.query.sql)
        return self.scan(source)

    @staticmethod
    def _is_path(name: str) -> bool:
        return name == "-" or name.lower().endswith(_SUFFIXES) or any(c in name for c in "/*?[") or Path(name).exists()

    def _open(
        self, key: str, what: Any, options: ReadOptions, place: Position | None, name: str | None = None
    ) -> Source:
        cached = self.catalog.opened.get(f"{key}\0{options}")
        if cached is not None:
            return cached
        try:
            source = self.catalog.open(what, options, name=name)
        except (SourceError, OptionError) as e:
            raise located(e, place, self.query.sql) from None
        self.catalog.opened[f"{key}\0{options}"] = source
        return source

    def scan(self, source: Source) -> tuple[nodes.Scan, tuple[str, ...]]:
        """A scan of all columns; what isn't needed is pruned later."""
        fields: list[Field] = []
        for column in source.schema:
            try:
                fields.append(self.query.fields(column.name, t.from_arrow(column.type)))
            except ValueError as e:
                raise UnsupportedError(f"{source.name}, column {column.name!r}: {e}", sql=self.query.sql) from None
        names = tuple(source.schema.names)
        return nodes.Scan(source, tuple(fields), names), names

    def _cte(self, cte: Cte, node: exp.Table) -> tuple[nodes.Node, tuple[str, ...]]:
        if cte.state:
            from velothread.frontend.recursion import reference

            return reference(self.query, cte, node, False)
        if cte.plan is None:
            outer, self.query.outer = self.query.outer, cte.outer
            self._open_ctes.append(cte.name.lower())
            try:
                cte.plan, names = _bound(self.query, cte)
            finally:
                self.query.outer = outer
                self._open_ctes.pop()
                cte.state = ""
            cte.names = cte.named(names)
        assert cte.plan is not None
        output = tuple(self.query.fields(n, f.type) for n, f in zip(cte.names, cte.plan.output, strict=True))
        return nodes.Shared(cte.plan, output, cte.number, cte.name), cte.names

    # --- table functions

    def _function(self, node: exp.Anonymous, ordinal: bool = False) -> tuple[nodes.Node, tuple[str, ...]]:
        name = str(node.this).lower()
        place = position(node)
        if name in self.catalog.functions:
            from velothread.frontend.table_functions import bind_table_function

            return bind_table_function(self, name, node, ordinal)
        if name in ("range", "generate_series"):
            return self._range(name, node, place, ordinal)
        if name not in _READERS:
            known = [n for n, f in self.catalog.functions.items() if f.kind in ("table", "source")]
            near = did_you_mean(name, [*known, *_READERS, "range", "generate_series"])
            hint = self.catalog.unfit.get(name) or near
            error = UnsupportedError if name in ("unnest", "glob") else BindError
            raise error(f"unknown table function {name}", place, hint=hint, sql=self.query.sql)
        paths: Any = None
        named: dict[str, Any] = {}
        for i, argument in enumerate(node.expressions):
            if isinstance(argument, (exp.EQ, exp.PropertyEQ, exp.Kwarg)):
                named[argument.this.name.lower()] = self._constant(argument.expression)
            elif i == 0:
                paths = self._constant(argument)
            else:
                message = f"{name} takes one path or list of paths, then named options"
                raise BindError(message, position(argument) or place, sql=self.query.sql)
        if paths is None:
            raise BindError(f"{name} wants a path", place, sql=self.query.sql)
        options = replace(self.catalog.read, format=_READERS[name])
        if named:
            from velothread.sources.registry import apply_arguments

            try:
                options = apply_arguments(_READERS[name], options, named)
            except OptionError as e:
                raise located(e, place, self.query.sql) from None
        return self.scan(self._open(str(paths), paths, options, place))

    def _constant(self, node: exp.Expr) -> Any:
        """A Python value of a constant argument: literals, lists, structs."""
        if isinstance(node, (exp.Array, exp.Tuple)):
            return [self._constant(x) for x in node.expressions]
        if isinstance(node, exp.Struct):
            return {x.this.name: self._constant(x.expression) for x in node.expressions}
        if isinstance(node, (exp.Column, exp.Var)):
            return node.name
        return self.query.expressions.constant(node, "an option")

    def _range(
        self, name: str, node: exp.Anonymous, place: Position | None, ordinal: bool
    ) -> tuple[nodes.Node, tuple[str, ...]]:
        import numpy as np

        scope = self.query.scope((), self.query.ctes)
        bound = [self.query.expressions.bind_value(a, scope) for a in node.expressions]
        if not 1 <= len(bound) <= 3:
            raise BindError(f"{name} takes 1 to 3 arguments", place, sql=self.query.sql)
        if ordinal or not all(isinstance(b, Literal) and (b.type.is_integer or b.type == t.NULL) for b in bound):
            from velothread.frontend.lateral import bind_series

            return bind_series(self.query, name, node, ordinal)
        numbers = [int(b.value.as_py() or 0) for b in bound if isinstance(b, Literal)]
        start, stop, step = {1: (0, *numbers, 1), 2: (*numbers, 1), 3: tuple(numbers)}[len(numbers)]
        if step == 0:
            raise BindError(f"the step of {name} can't be 0", place, sql=self.query.sql)
        if name == "generate_series":
            stop += 1 if step > 0 else -1
        if len(range(start, stop, step)) > _SERIES_ROWS:
            from velothread.sources.series_source import SeriesSource

            return self.scan(SeriesSource(name, range(start, stop, step)))
        values = pa.array(np.arange(start, stop, step, dtype=np.int64))
        batch = pa.RecordBatch.from_arrays([values], names=[name])
        return nodes.Values((self.query.fields(name, t.BIGINT),), batch, len(values)), (name,)


def located(error: UserError, place: Position | None, sql: str) -> UserError:
    """A source's or option's error, with the place in the SQL that named it."""
    from velothread.errors import render

    # The hint goes last, as in errors about the SQL itself.
    message, _, hint = str(error).partition("\n  hint: ")
    error.args = (render(message, sql, place, hint or None),)
    return error
