"""A session: the way of a query, from its text to its result.

text -> parse -> bind -> optimize -> cut into pipelines -> compile -> run on a processor
"""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.codegen.pipeline import compile_pipeline
from velothread.errors import Cancelled, OptionError, SqlError
from velothread.execution import Execution, compile_all
from velothread.frontend.catalog import Catalog
from velothread.frontend.optimize import optimize
from velothread.frontend.parameters import refuse_surplus
from velothread.frontend.parse import Statement, parse
from velothread.frontend.select import QueryBinder
from velothread.functions.gil import GilWatch
from velothread.functions.library import Library
from velothread.functions.refusals import FunctionFailures
from velothread.options import Options
from velothread.plan import nodes, pipelines
from velothread.plan.cutting import cut as cut_plan
from velothread.plan.nodes import Node
from velothread.processors.choose import choose_processor
from velothread.processors.simple import SimpleProcessor
from velothread.processors.stage import Cancels, Processor
from velothread.result import Result
from velothread.sinks.sink import Sink
from velothread.sources.registry import open_source
from velothread.sources.rejects import RejectsFiles
from velothread.sources.remembered import Remembered
from velothread.sources.source import ReadOptions, Source
from velothread.statistics import Statistics
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.analysis import Analysis
    from velothread.functions.bound import BoundFunction
    from velothread.metering import Meter

Parameters = Sequence[Any] | Mapping[str, Any] | None


class Session:
    """Registered tables, options, and the threads that run queries.

    Threading: used by one thread (any one at a time); `cancel` may be called from any.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._tables: dict[str, Any] = {}
        self._processors: dict[str, Processor] = {}
        self._rejects = RejectsFiles()
        self._known_files = Remembered()
        self._functions = Library()
        # Makes the bound functions of queries; None: plain ones, or profiled ones where that is asked for.
        self.bind_functions: Callable[..., BoundFunction] | None = None
        # A session that is dropped without being closed leaves no event loop. (Not when the library goes: on 3.13t
        # generated functions live for ever, and what they call, too.)
        weakref.finalize(self, self._functions.belongings.end)
        self._closed = False
        self._cancels = Cancels()
        # What is said once per session: as a warning, unless there is another way to say it (as in the CLI).
        self.notify: Callable[[str], None] = _warn
        self._gil = GilWatch(_warn)

    # --- tables

    def register(self, name: str, table: Any) -> None:
        """Give a name to a path, a glob, a list of paths, an Arrow table, a DataFrame, or any Arrow stream."""
        if not name:
            raise OptionError("a table needs a name")
        self._tables[name] = table

    def unregister(self, name: str) -> None:
        """Forget a name."""
        self._tables.pop(name, None)

    def describe(self, path: Any) -> Description:
        """Names and types of a file's (or registered table's) columns."""
        source = open_source(self._tables.get(path, path) if isinstance(path, str) else path, self.options.read)
        return Description(source)

    # --- Python functions

    def register_function(self, function: Callable[..., Any], name: str | None = None, **options: Any) -> None:
        """Let SQL call a Python function, by its own name or another. Types come from its annotations.

        Options: see `velothread.functions.declaration.Declaration`.

        :raises OptionError: when its types are not known to SQL, or an option is wrong.
        """
        self._functions.register(function, name, **options)

    def load_functions(self, spec: str, share: Literal["thread", "process-wide"] | None = None) -> list[str]:
        """Let SQL call the functions of `functions.py` or `package.module`, or one of them: `FILE:name as alias`.

        Each partition gets a copy of the module, so that its globals are its own, unless a function is declared
        otherwise; share: comes before what a declaration says. Gives the names of the functions.

        :raises OptionError: when there is no such file or function, or it can't be loaded.
        """
        self._gil.say = self.notify
        with self._gil.loading(spec):
            return [f.name for f in self._functions.load(spec, share)]

    # --- queries

    def query(self, sql: str, parameters: Parameters = None) -> Result:
        """Run the statements of a text; the result of the last one.

        All is bound and planned before anything is read; rows are computed when they are asked for.

        :raises SqlError: with the position of what is wrong.
        """
        statements = self.statements(sql)
        if not statements:
            raise OptionError("the SQL has no statement in it")
        for statement in statements[:-1]:
            self.run(statement, parameters).arrow()
        return self.run(statements[-1], parameters)

    def statements(self, sql: str) -> list[Statement]:
        """The statements of a text, parsed.

        :raises ParseError: with the position of the first error.
        """
        return parse(sql, self.options.dialect)

    def run(self, statement: Statement, parameters: Parameters = None, *, meter: Meter | None = None) -> Result:
        """One statement: bound, planned, compiled; run when its rows are asked for. meter: measures each operator."""
        self._check_open()
        since = self._cancels.count
        stats = Statistics(parse_s=statement.parse_s)
        start = perf_counter()
        catalog = self._catalog()
        binder = QueryBinder(statement.sql, catalog, parameters)
        sink: Sink | None = None
        try:
            match statement.tree:
                case exp.Copy():
                    from velothread.frontend.statements import bind_copy

                    copy = bind_copy(binder, statement.tree)
                    plan, names, sink, target = copy.plan, copy.names, copy.sink, copy.target
                case exp.Describe():
                    from velothread.frontend.statements import bind_describe

                    plan, names, sink, target = *bind_describe(binder, statement.tree), None, ""
                case tree:
                    plan, names, sink, target = *binder.bind_query(tree), None, ""
            if statement.alone:
                refuse_surplus(binder.expressions)
            types = tuple(f.type for f in plan.output)
            plan = optimize(plan)
            cut = cut_plan(plan) if meter is None else meter.cut(plan)
            stats.bind_s = perf_counter() - start
            self._check_strategy(cut)
            compiled = compile_all(cut, names, measured=meter is not None)
        except SqlError as e:
            raise e.located(statement.sql) from e.__cause__
        stats.compile_s = perf_counter() - start - stats.bind_s
        sources = list(catalog.opened.values())
        processor, stats.reason = self._processor(sources, catalog)
        stats.processor, stats.partitions = processor.name, processor.partitions
        self._gil.say = self.notify
        failures = FunctionFailures(catalog.bound, self.options.read.rejects) if catalog.bound else None
        execution = Execution(compiled, processor, self.options, statement.sql, meter, failures)
        refusals = [r for s in sources if (r := getattr(s, "refusals", None)) is not None]
        sizes = [s.size for s in sources]
        if self._cancels.count != since:
            raise Cancelled("the query was cancelled")
        total = None if None in sizes or not sizes else sum(s for s in sizes if s is not None)
        return Result(
            names,
            types,
            execution,
            stats,
            refusals=refusals,
            failures=failures,
            gil=self._gil if catalog.bound else None,
            bytes_total=total,
            sink=sink,
            target=target,
            rejects=self._rejects,
            functions=catalog.bound,
        )

    def explain(
        self, statement: Statement | str, stage: str = "plan", analyze: bool = False, parameters: Parameters = None
    ) -> str:
        """What a statement becomes. stage: `parse`, `bind`, `plan` or `code`; analyze: run it and show the figures."""
        if isinstance(statement, str):
            found = self.statements(statement)
            if not found:
                raise OptionError("the SQL has no statement in it")
            statement = found[0]
        if analyze:
            return self.analyze(statement, parameters).render()
        if stage == "parse":
            return repr(statement.tree)
        tree = statement.tree.this if isinstance(statement.tree, exp.Copy) else statement.tree
        try:
            binder = QueryBinder(statement.sql, self._catalog(), parameters)
            plan, _ = binder.bind_query(tree)
            if statement.alone:
                refuse_surplus(binder.expressions)
            if stage == "bind":
                return nodes.render(plan)
            return _explain(optimize(plan), stage, binder.catalog)
        except SqlError as e:
            raise e.located(statement.sql) from e.__cause__

    def analyze(self, statement: Statement | str, parameters: Parameters = None) -> Analysis:
        """Run a statement and measure it: estimated and real rows and the time of each operator."""
        from velothread.analysis import analysis_of  # a query that isn't measured starts without it
        from velothread.metering import Meter

        if isinstance(statement, str):
            found = self.statements(statement)
            if not found:
                raise OptionError("the SQL has no statement in it")
            statement = found[0]
        meter = Meter()
        result = self.run(statement, parameters, meter=meter)
        for _ in result.batches() if result.is_query else result.fetchall():
            pass
        return analysis_of(meter, result.stats)

    # --- the processor

    def _processor(self, sources: Sequence[Source], catalog: Catalog) -> tuple[Processor, str]:
        python = any(f.split_size is not None for f in catalog.bound)
        choice = choose_processor(self.options, sources, python=python)
        if choice.name not in self._processors:
            self._processors[choice.name] = choice.make(self._functions.belongings.end_mine)
            if choice.notice is not None and not self._gil.said:
                self.notify(choice.notice)
        return self._processors[choice.name], choice.reason

    def _check_strategy(self, cut: Sequence[pipelines.Pipeline]) -> None:
        """A strategy that can't serve the query is refused before anything is read."""
        if self.options.strategy == "auto":
            return
        from velothread.processors.adaptive.partitioning import Facts, choose_strategy

        keys = any(getattr(p.end, "keys", 0) for p in cut if isinstance(p.end, pipelines.Group))
        choose_strategy(self.options.strategy, Facts(keys=keys))

    def _catalog(self) -> Catalog:
        known = partial(open_source, known=self._known_files)
        bind = self.bind_functions
        if bind is None and self.options.profile and self._functions.known:
            from velothread.functions.profile import QueryProfile

            bind = QueryProfile().bind
        return Catalog(
            dict(self._tables), self.options.read, known, evaluate=self._evaluate,
            functions=self._functions.snapshot(), unfit=dict(self._functions.unfit), bind=bind,
        )  # fmt: skip

    def _evaluate(self, plan: Node) -> pa.Table:
        """The rows of a plan, now and in this thread."""
        compiled = compile_all(cut_plan(optimize(plan)), [f.name for f in plan.output])
        execution = Execution(compiled, SimpleProcessor(), self.options, "")
        schema = pa.schema([pa.field(f"c{i}", f.type.arrow) for i, f in enumerate(plan.output)])
        batches = [b.rename_columns(schema.names) for b in execution.batches()]
        return pa.Table.from_batches(batches, schema)

    def cancel(self) -> None:
        """Stop what is running, if anything is: it raises `Cancelled`. From any thread."""
        self._cancels.count += 1
        for processor in list(self._processors.values()):
            processor.cancel()

    # --- the end

    def close(self) -> None:
        """Stop all work and end all threads. May be called twice."""
        self._closed = True
        for processor in self._processors.values():
            processor.close()
        self._processors.clear()
        for problem in self._functions.belongings.end():
            self.notify(problem)

    def _check_open(self) -> None:
        if self._closed:
            raise OptionError("the session is closed; connect anew")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Description(list[tuple[str, SqlType]]):
    """(name, type) of each column; `source` knows more: size, rows, splits."""

    def __init__(self, source: Source) -> None:
        super().__init__((f.name, t.from_arrow(f.type)) for f in source.schema)
        self.source = source


def _warn(notice: str) -> None:
    """A RuntimeWarning at the line of the user's code that called us."""
    here = os.path.dirname(os.path.abspath(__file__))
    warnings.warn(notice, RuntimeWarning, skip_file_prefixes=(here,), stacklevel=2)


def _explain(plan: Node, stage: str, catalog: Catalog) -> str:
    cut = cut_plan(plan)
    functions = list(dict.fromkeys(catalog.bound))
    if stage == "plan":
        from velothread.frontend.optimize.estimates import Estimates

        parts = [nodes.render(plan, note=Estimates().note), pipelines.render(cut)]
        if functions:
            parts.append("\n".join(["Python functions:", *(f"  {f.described()}" for f in functions)]))
        return "\n\n".join(parts)
    if stage != "code":
        raise OptionError(f"stage {stage!r} is not known; choose one of parse, bind, plan, code")
    sources = [branch.source.rstrip() for p in cut for branch in compile_pipeline(p)]
    return "\n\n".join([*sources, *(f.form.source.rstrip() for f in functions if f.form.source)])


def connect(**options: Any) -> Session:
    """Open a session. Options: see `velothread.options.Options`; `read` takes `ReadOptions`.

    :raises OptionError: for an unknown option or a wrong value.
    """
    return Session(Options().with_changes(**options))


def query(sql: str, parameters: Parameters = None, **options: Any) -> Result:
    """Run SQL in a session of its own; the result is complete when this returns."""
    with connect(**options) as session:
        result = session.query(sql, parameters)
        result.arrow()
        return result


__all__ = ["Description", "ReadOptions", "Session", "connect", "pa", "query"]
