"""Python functions in FROM: `FROM words('a b')`, `FROM t, words(t.text)`, and in `COPY ... TO topic('x')`.

With constant arguments a function that gives a table is a source. With others its call is a list of rows for each row,
which is unnested:

FROM t, words(t.text) AS w   ->   Project w.word, w.length over Unnest words(text) over t
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, OptionError, SourceError, did_you_mean
from velothread.frontend.parse import position
from velothread.frontend.python_calls import fitted, python_call
from velothread.functions.objects import is_sink, made, python_values
from velothread.functions.signatures import use_of
from velothread.functions.table_rows import RowColumns
from velothread.functions.table_source import FunctionSource
from velothread.functions.tables import table_shape
from velothread.plan import nodes
from velothread.plan.expressions import Call, Column, Expression, Literal

if TYPE_CHECKING:
    from velothread.frontend.select import QueryBinder
    from velothread.frontend.tables import TableBinder
    from velothread.functions.annotations import Parameter
    from velothread.functions.library import Registered
    from velothread.sinks.sink import Sink

Bound = tuple[nodes.Node, tuple[str, ...]]


def bind_table_function(tables: TableBinder, name: str, node: exp.Anonymous, ordinal: bool) -> Bound:
    """A call of a function of `Catalog.functions` in FROM. ordinal: WITH ORDINALITY.

    :raises BindError: when it gives no table, or its arguments don't fit.
    :raises ExecutionError: when it makes a source, and raises.
    """
    query, place = tables.query, position(node)
    registered = tables.catalog.functions[name]
    listed = registered.kind == "scalar" and registered.signature.returns.type.kind == "LIST"
    if registered.kind not in ("table", "source") and not listed:
        raise BindError(f"{registered.name} is {use_of(registered.kind, registered.name)}", place, sql=query.sql)
    parameters, arguments = _arguments(query, registered, node)
    constants = [a for a in arguments if isinstance(a, Literal)]
    constant = len(constants) == len(arguments)
    if registered.kind == "source":
        if not constant or ordinal:
            message = f"{registered.name} makes a source, so it takes constants, and no WITH ORDINALITY"
            hint = "a function that yields rows can be called for each row of a table"
            raise BindError(message, place, hint=hint, sql=query.sql)
        return _source(tables, registered, parameters, constants, node)
    if constant and not ordinal and not listed:
        return _rows(tables, registered, parameters, constants, node)
    return _lateral(query, registered, parameters, arguments, node, ordinal)


def bind_sink(query: QueryBinder, node: exp.Anonymous) -> tuple[Sink, str]:
    """COPY (query) TO name(arguments): the sink, and how it is called in messages.

    :raises BindError: when there is no such function, it makes no sink, or its arguments don't fit.
    :raises ExecutionError: when it raises.
    """
    name, place = str(node.this).lower(), position(node)
    functions = query.catalog.functions
    registered = functions.get(name)
    if registered is None:
        hint = did_you_mean(name, [n for n, f in functions.items() if f.kind == "sink"])
        raise BindError(f"unknown output {name}", place, hint=hint or query.catalog.unfit.get(name), sql=query.sql)
    if registered.kind != "sink":
        raise BindError(f"{registered.name} is {use_of(registered.kind, registered.name)}", place, sql=query.sql)
    parameters, arguments = _arguments(query, registered, node)
    constants = [a for a in arguments if isinstance(a, Literal)]
    if len(constants) < len(arguments):
        raise BindError(f"{registered.name} takes constants", place, sql=query.sql)
    values = _values(parameters, constants)
    sink: Any = made(registered, values, place)
    if not is_sink(sink):
        message = f"{registered.name} gave a {type(sink).__name__}, which is no sink"
        raise BindError(message, place, hint="a sink has begin, encode, write, finish and abort", sql=query.sql)
    return sink, f"{registered.name}({', '.join(map(repr, values))})"


def _arguments(
    query: QueryBinder, registered: Registered, node: exp.Anonymous
) -> tuple[tuple[Parameter, ...], tuple[Expression, ...]]:
    """The arguments as the parameters want them; `name := value` and `name => value` are put in their places."""
    known = [p.name for p in registered.signature.parameters]
    given: list[exp.Expr] = []
    named: dict[str, exp.Expr] = {}
    for argument in node.expressions:
        if isinstance(argument, (exp.PropertyEQ, exp.Kwarg)):
            name = next((k for k in known if k.lower() == argument.this.name.lower()), None)
            if name is None or name in named or name in known[: len(given)]:
                problem = "has no parameter" if name is None else "is given twice the parameter"
                message = f"{registered.name} {problem} {argument.this.name!r}"
                hint = did_you_mean(argument.this.name, known) if name is None else None
                raise BindError(message, position(argument) or position(node), hint=hint, sql=query.sql)
            named[name] = argument.expression
        elif named:
            message = "an argument without a name can't follow one with a name"
            raise BindError(message, position(argument) or position(node), sql=query.sql)
        else:
            given.append(argument)
    for name in known[len(given) :]:
        if not named:
            break
        if name not in named:
            message = f"{registered.name}: give {name!r}, too: only the last parameters can be left out"
            raise BindError(message, position(node), sql=query.sql)
        given.append(named.pop(name))
    scope = query.scope((), query.ctes)
    bound = [query.expressions.bind(a, scope) for a in given]
    return fitted(query.expressions, registered, bound, position(node))


def _values(parameters: Sequence[Parameter], constants: Sequence[Literal]) -> list[Any]:
    return python_values([c.type for c in constants], parameters, [c.value for c in constants])


def _rows(
    tables: TableBinder, registered: Registered, parameters: Sequence[Parameter], constants: Sequence[Literal],
    node: exp.Anonymous,
) -> Bound:  # fmt: skip
    """A table of constant arguments: a source that is read when the query runs."""
    shape = table_shape(registered.sample, registered.declaration)
    if any(not c.value.is_valid and not p.shape.nullable for c, p in zip(constants, parameters, strict=True)):
        fields = tuple(tables.query.fields(n, s.type) for n, s in zip(shape.names, shape.shapes, strict=True))
        return nodes.Values(fields, RowColumns(shape).batch([]), 0), shape.names
    source = FunctionSource(registered, shape, tuple(_values(parameters, constants)), position(node), tables.query.sql)
    tables.catalog.opened[f"{source.name}\0{len(tables.catalog.opened)}"] = source
    return tables.scan(source)


def _source(
    tables: TableBinder, registered: Registered, parameters: Sequence[Parameter], constants: Sequence[Literal],
    node: exp.Anonymous,
) -> Bound:  # fmt: skip
    """What a function made, as if it were registered."""
    values, place = _values(parameters, constants), position(node)
    found = made(registered, values, place)
    catalog = tables.catalog
    try:
        source = catalog.open(found, catalog.read, name=f"{registered.name}({', '.join(map(repr, values))})")
    except (SourceError, OptionError) as error:
        from velothread.frontend.tables import located

        raise located(error, place, tables.query.sql) from None
    catalog.opened[f"{source.name}\0{len(catalog.opened)}"] = source
    return tables.scan(source)


def _lateral(
    query: QueryBinder, registered: Registered, parameters: tuple[Parameter, ...], arguments: tuple[Expression, ...],
    node: exp.Anonymous, ordinal: bool,
) -> Bound:  # fmt: skip
    """A list of rows, unnested."""
    place = position(node)
    call = python_call(query.expressions, registered, parameters, arguments, place)
    plan, (items,) = query.subqueries.attach(nodes.Values((), None, 1), [call])
    element = call.type.element
    assert element is not None
    item = query.fields(registered.name, element)
    counted = (query.fields("ordinality", t.BIGINT),) if ordinal else ()
    unnest = nodes.Unnest(plan, (*plan.output, item, *counted), (items,), ordinal=ordinal)
    cells: list[Expression] = [Column(item)]
    names: tuple[str, ...] = (registered.name,)
    if element.kind == "STRUCT":
        cells = [_field(Column(item), i, n, type_) for i, (n, type_) in enumerate(element.fields)]
        names = tuple(n for n, _ in element.fields)
    cells.extend(map(Column, counted))
    names = (*names, *("ordinality" for _ in counted))
    output = tuple(query.fields(n, c.type) for n, c in zip(names, cells, strict=True))
    return nodes.Project(unnest, output, tuple(cells)), names


def _field(of: Column, index: int, name: str, type_: t.SqlType) -> Expression:
    from velothread.kernels.function import Function
    from velothread.kernels.structs import extract

    return Call(Function("struct_extract", (of.field.type,), type_, extract(index), name), (of,), type_)


__all__ = ["bind_sink", "bind_table_function"]
