"""Statements around queries: COPY (query) TO 'file', DESCRIBE query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlglot import exp

from velothread import types as t
from velothread.errors import BindError, OptionError, UnsupportedError
from velothread.frontend.parse import position
from velothread.frontend.select import Bound, QueryBinder
from velothread.plan import nodes
from velothread.sinks.sink import Sink


@dataclass(frozen=True, slots=True)
class BoundCopy:
    """A COPY: what to write, and where."""

    plan: nodes.Node
    names: tuple[str, ...]
    sink: Sink
    target: str


def bind_copy(binder: QueryBinder, node: exp.Copy) -> BoundCopy:
    """COPY (query) TO 'file' (options).

    :raises UnsupportedError: for COPY ... FROM.
    """
    from velothread.sinks.formats import sink_for_file

    if node.args.get("kind"):
        raise UnsupportedError(
            "COPY ... FROM is not supported", position(node), hint="SELECT from the file", sql=binder.sql
        )
    files = node.args.get("files") or []
    if len(files) != 1:
        raise BindError("COPY ... TO takes one file", position(node), sql=binder.sql)
    if isinstance(files[0], exp.Anonymous):
        return _copy_to_function(binder, node, files[0])
    target = files[0].name
    options: dict[str, Any] = {}
    for parameter in node.args.get("params") or []:
        options[parameter.this.name.lower()] = _option(parameter.expression)
    plan, names = binder.bind_query(node.this)
    try:
        sink = sink_for_file(target, options=options)
    except OptionError as e:
        raise BindError(str(e), position(files[0]), sql=binder.sql) from None
    return BoundCopy(plan, names, sink, target)


def _copy_to_function(binder: QueryBinder, node: exp.Copy, call: exp.Anonymous) -> BoundCopy:
    """COPY (query) TO name(arguments): a Python function that makes the sink."""
    from velothread.frontend.table_functions import bind_sink

    if node.args.get("params"):
        message = "COPY ... TO a function takes no options of its own: they are arguments of the function"
        raise BindError(message, position(call), sql=binder.sql)
    plan, names = binder.bind_query(node.this)
    sink, target = bind_sink(binder, call)
    return BoundCopy(plan, names, sink, target)


def _option(node: exp.Expr | None) -> Any:
    match node:
        case None:
            return True
        case exp.Boolean():
            return bool(node.this)
        case exp.Literal() if not node.is_string:
            return int(node.this) if node.this.isdigit() else float(node.this)
        case exp.Tuple() | exp.Array():
            return [_option(x) for x in node.expressions]
        case exp.Paren():
            return [_option(node.this)]
    text = node.name
    return {"true": True, "false": False}.get(text.lower(), text)


def bind_describe(binder: QueryBinder, node: exp.Describe) -> Bound:
    """DESCRIBE query: a row per column with its name and type."""
    plan, _ = binder.bind_query(node.this)
    names = ("column_name", "column_type", "null")
    columns = [
        pa.array([f.name for f in plan.output], pa.string()),
        pa.array([str(f.type) for f in plan.output], pa.string()),
        pa.array(["YES"] * len(plan.output), pa.string()),
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=list(names))
    fields = tuple(binder.fields(n, t.VARCHAR) for n in names)
    return nodes.Values(fields, batch, len(plan.output)), names
