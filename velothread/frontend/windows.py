"""Window functions: `f(x) OVER (PARTITION BY a ORDER BY b ROWS ...)`, named windows, QUALIFY.

A call is bound to a `WindowCall`. Those of a SELECT become columns of one Window node, above the groups and below the
SELECT list; QUALIFY is a filter above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from velothread import types as t
from velothread.coercion import STRING_LITERAL, common_type
from velothread.errors import BindError, Position, UnsupportedError, did_you_mean
from velothread.frontend.names import Scope
from velothread.frontend.parse import position
from velothread.frontend.placement import has_window
from velothread.plan import nodes
from velothread.plan.expressions import (
    AggregateCall,
    Bound,
    Column,
    Expression,
    Field,
    Frame,
    Literal,
    Ordering,
    WindowCall,
    transform,
    walk,
)
from velothread.types import SqlType

if TYPE_CHECKING:
    from velothread.frontend.expressions import ExpressionBinder
    from velothread.frontend.select import QueryBinder

# name -> (least and most arguments, result type; None: that of the first argument)
_FUNCTIONS: dict[str, tuple[int, int, SqlType | None]] = {
    "row_number": (0, 0, t.BIGINT), "rank": (0, 0, t.BIGINT), "dense_rank": (0, 0, t.BIGINT),
    "percent_rank": (0, 0, t.DOUBLE), "cume_dist": (0, 0, t.DOUBLE), "ntile": (1, 1, t.BIGINT),
    "lag": (1, 3, None), "lead": (1, 3, None), "first_value": (1, 1, None), "last_value": (1, 1, None),
    "nth_value": (2, 2, None), "fill": (1, 1, None),
}  # fmt: skip
_ALIASES = {"rank_dense": "dense_rank", "first": "first_value", "last": "last_value"}
# Functions that pass over NULLs on demand.
_VALUES = frozenset({"lag", "lead", "first_value", "last_value", "nth_value", "fill"})
NAMES = frozenset({*_FUNCTIONS, *_ALIASES})


@dataclass(slots=True)
class _Written:
    """A call taken apart: what stands in its parentheses and around them."""

    call: exp.Anonymous
    arguments: list[exp.Expr]
    order: list[exp.Expr] = field(default_factory=list)
    distinct: bool = False
    filter: exp.Expr | None = None
    within: exp.Expr | None = None
    nulls: str = ""  # "ignore", "respect"


@dataclass(frozen=True, slots=True)
class _Over:
    """OVER (...), with what it takes from a named window."""

    partition_by: tuple[Expression, ...]
    order_by: tuple[Ordering, ...]
    frame: Frame


def add_windows(
    query: QueryBinder, plan: nodes.Node, bound: list[Expression], on: list[Expression], order: list[Ordering],
    qualify: Expression | None,
) -> tuple[nodes.Node, list[Expression], list[Expression], list[Ordering]]:  # fmt: skip
    """The window calls of a SELECT as columns of a Window node over `plan`, and QUALIFY above it: the new plan, and
    the SELECT list, DISTINCT ON keys and ORDER BY over it.

    :raises BindError: for QUALIFY where there are no window functions.
    """
    every = [*bound, *on, *(o.expression for o in order), *([qualify] if qualify is not None else [])]
    if not any(map(has_window, every)):
        if qualify is not None:
            message = "QUALIFY wants a window function in it or in the SELECT list"
            raise BindError(message, qualify.position, hint="use WHERE or HAVING", sql=query.sql)
        return plan, bound, on, order
    plan, attached = query.subqueries.attach(plan, tuple(every))
    calls: dict[WindowCall, Field] = {}

    def step(x: Expression) -> Expression | None:
        if not isinstance(x, WindowCall):
            return None
        if x not in calls:
            calls[x] = query.fields(x.name, x.type)
        return Column(calls[x], x.position)

    new = [transform(e, step) for e in attached]
    plan = nodes.Window(plan, (*plan.output, *calls.values()), tuple(calls))
    if qualify is not None:
        plan = nodes.Filter(plan, new.pop())
    keys = [replace(o, expression=e) for o, e in zip(order, new[len(bound) + len(on) :], strict=True)]
    return plan, new[: len(bound)], new[len(bound) : len(bound) + len(on)], keys


def write_out_windows(node: exp.Select, sql: str) -> None:
    """Replace the names of windows by what the WINDOW clause says of them: `OVER w` -> `OVER (PARTITION BY a)`.

    :raises BindError: for a name that is unknown or given twice, or a window that can't be extended.
    """
    named: dict[str, exp.Window] = {}
    for window in node.args.get("windows") or []:
        _write_out(window, named, sql)
        if window.this.name.lower() in named:
            raise BindError(f"window {window.this.name!r} is defined twice", position(window.this), sql=sql)
        named[window.this.name.lower()] = window
    for key in ("expressions", "where", "group", "having", "qualify", "order", "distinct"):
        clause = node.args.get(key)
        for part in clause if isinstance(clause, list) else [clause]:
            for window in list(part.find_all(exp.Window)) if isinstance(part, exp.Expr) else []:
                if window.parent_select is node:
                    _write_out(window, named, sql)


def _write_out(window: exp.Window, named: dict[str, exp.Window], sql: str) -> None:
    base = window.args.get("alias")
    if base is None:
        return
    place = position(base) or position(window)
    known = named.get(base.name.lower())
    if known is None:
        hint = did_you_mean(base.name, list(named)) or "WINDOW w AS (...) names one, behind WHERE and GROUP BY"
        raise BindError(f"unknown window {base.name!r}", place, hint=hint, sql=sql)
    own = {key: window.args.get(key) for key in ("partition_by", "order", "spec")}
    if any(own.values()) and known.args.get("spec") is not None:
        raise BindError(f"window {base.name!r} has a frame, so it can't be extended", place, sql=sql)
    for key, clause in (("order", "ORDER BY"), ("partition_by", "PARTITION BY")):
        if own[key] and known.args.get(key):
            raise BindError(f"window {base.name!r} has {clause} already", place, sql=sql)
    for key, value in own.items():
        inherited = known.args.get(key)
        if not value and inherited:
            copy = [x.copy() for x in inherited] if isinstance(inherited, list) else inherited.copy()
            window.set(key, copy)
    window.set("alias", None)


def bind_window(binder: ExpressionBinder, node: exp.Window, scope: Scope) -> Expression:
    """`f(...) OVER (...)`.

    :raises BindError: for what is no window function, wrong arguments, or a frame that makes no sense.
    """
    written = _take_apart(binder, node)
    over = _bind_over(binder, node, scope)
    name = str(written.call.this).lower()
    place = position(written.call) or position(node)
    from velothread.kernels.aggregates import AGGREGATES

    functions = binder.functions
    name = _ALIASES.get(name, name) if name not in functions else name
    if name in functions:
        call = _python(binder, name, written, over, scope, place)
    elif name in _FUNCTIONS:
        call = _function(binder, name, written, over, scope, place)
    elif name in AGGREGATES:
        call = _aggregate(binder, name, written, over, scope, place)
    else:
        from velothread.kernels.functions import SCALARS

        if name in SCALARS or name in binder.calls.special:
            raise BindError(f"{name} is neither an aggregate nor a window function", place, sql=binder.sql)
        hint = did_you_mean(name, [*functions, *NAMES, *AGGREGATES])
        raise BindError(f"unknown window function {name}", place, hint=hint, sql=binder.sql)
    for e in walk(call):
        if isinstance(e, WindowCall) and e is not call:
            raise BindError("a window function can't stand inside another", e.position or place, sql=binder.sql)
    return call


def _take_apart(binder: ExpressionBinder, node: exp.Window) -> _Written:
    inner: exp.Expr = node.this
    filter_: exp.Expr | None = None
    within: exp.Expr | None = None
    nulls = ""
    while not isinstance(inner, exp.Anonymous):
        match inner:
            case exp.Filter():
                filter_, inner = inner.expression.this, inner.this
            case exp.WithinGroup():
                within, inner = inner.expression, inner.this
            case exp.IgnoreNulls() | exp.RespectNulls():
                nulls, inner = _nulls(inner), inner.this
            case _:
                raise UnsupportedError(f"{type(inner).__name__} OVER is not supported", position(node), sql=binder.sql)
    arguments = list(inner.expressions)
    written = _Written(inner, arguments, filter=filter_, within=within, nulls=nulls)
    # f(DISTINCT a, b ORDER BY c IGNORE NULLS): each wraps what is before it, the last one outermost
    while arguments and isinstance(arguments[-1], (exp.Order, exp.IgnoreNulls, exp.RespectNulls, exp.Distinct)):
        last = arguments.pop()
        if isinstance(last, exp.Order):
            written.order = list(last.expressions)
        elif isinstance(last, exp.Distinct):
            written.distinct = True
            arguments.extend(last.expressions)
            continue
        else:
            written.nulls = _nulls(last)
        if last.this is not None:
            arguments.append(last.this)
    if arguments and isinstance(arguments[0], exp.Distinct):
        written.distinct = True
        arguments[:1] = arguments[0].expressions
    if written.order and isinstance(written.order[-1], (exp.IgnoreNulls, exp.RespectNulls)):
        written.nulls = _nulls(written.order[-1])
        written.order[-1] = written.order[-1].this
    ordered = written.order[-1] if written.order else None
    if isinstance(ordered, exp.Ordered) and isinstance(ordered.this, (exp.IgnoreNulls, exp.RespectNulls)):
        written.nulls = _nulls(ordered.this)
        ordered.this.replace(ordered.this.this)
    return written


def _nulls(node: exp.Expr) -> str:
    return "ignore" if isinstance(node, exp.IgnoreNulls) else "respect"


# --- OVER (...)


def _bind_over(binder: ExpressionBinder, node: exp.Window, scope: Scope) -> _Over:
    partition, order, spec = node.args.get("partition_by") or [], node.args.get("order"), node.args.get("spec")
    keys = tuple(binder.bind_value(e, scope) for e in partition)
    orderings = []
    for item in order.expressions if order is not None else []:
        key = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(key, exp.Var) and key.name.upper() == "ALL":
            raise BindError("ORDER BY ALL can't stand in a window", position(item), sql=binder.sql)
        orderings.append(binder.calls.ordering(item, scope))
    frame, first = _bind_frame(binder, spec, orderings, scope)
    return _Over(keys, (first, *orderings[1:]) if first is not None else tuple(orderings), frame)


def _bind_frame(
    binder: ExpressionBinder, spec: exp.WindowSpec | None, order: list[Ordering], scope: Scope
) -> tuple[Frame, Ordering | None]:
    """The frame, and the first sort key: cast where that is what RANGE compares with."""
    if spec is None:
        return Frame("range", Bound("unbounded"), Bound("current")), None
    sql, place = binder.sql, position(spec)
    unit = (spec.args.get("kind") or "ROWS").lower()
    start, start_side = spec.args.get("start"), (spec.args.get("start_side") or "").lower()
    end, end_side = spec.args.get("end"), (spec.args.get("end_side") or "").lower()
    kinds = (_kind(start, start_side), _kind(end, end_side) if end is not None else "current")
    if kinds[0] == "unbounded" and start_side == "following":
        raise BindError("a frame can't start with UNBOUNDED FOLLOWING", place, sql=sql)
    if kinds[1] == "unbounded" and end is not None and end_side == "preceding":
        raise BindError("a frame can't end with UNBOUNDED PRECEDING", place, sql=sql)
    rank = {"unbounded": 0, "preceding": 1, "current": 2, "following": 3}
    if kinds[1] != "unbounded" and rank[kinds[0]] > rank[kinds[1]]:
        words = {"preceding": "PRECEDING", "current": "CURRENT ROW", "following": "FOLLOWING"}
        message = f"a frame that starts with {words[kinds[0]]} can't end with {words[kinds[1]]}"
        raise BindError(message, place, sql=sql)
    offsets = [
        binder.bind(e, scope) if isinstance(e, exp.Expr) and kind in ("preceding", "following") else None
        for e, kind in zip((start, end), kinds, strict=True)
    ]
    exclude = spec.args.get("exclude")
    excluded = "" if exclude is None else exclude.name.lower()
    excluded = "" if excluded == "no others" else excluded
    if excluded not in ("", "current row", "group", "ties"):
        raise BindError(f"EXCLUDE {excluded.upper()} is not known", place, sql=sql)
    first = None
    if unit == "range" and any(o is not None for o in offsets):
        offsets, first = _by_value(binder, offsets, kinds, order, place)
    else:
        offsets = [binder.coerce(o, t.BIGINT) if o is not None else None for o in offsets]
    bounds = [Bound(kind, o) for kind, o in zip(kinds, offsets, strict=True)]
    return Frame(unit, bounds[0], bounds[1], excluded), first


def _kind(bound: exp.Expr | str | None, side: str) -> str:
    if isinstance(bound, str):
        return "unbounded" if bound.upper() == "UNBOUNDED" else "current"
    return side


def _by_value(
    binder: ExpressionBinder, offsets: list[Expression | None], kinds: tuple[str, str], order: list[Ordering],
    place: Position | None,
) -> tuple[list[Expression | None], Ordering]:  # fmt: skip
    """RANGE: the key values that are the bounds (the key less or plus the offset), and the key in their type."""
    if len(order) != 1:
        message = "RANGE with an offset wants exactly one ORDER BY expression"
        raise BindError(message, place, hint="or use ROWS or GROUPS", sql=binder.sql)
    key = order[0].expression
    bounds: list[Expression | None] = []
    for offset, kind in zip(offsets, kinds, strict=True):
        if offset is None:
            bounds.append(None)
            continue
        if isinstance(offset, Literal) and not offset.value.is_valid:
            raise BindError("the offset of RANGE can't be NULL", offset.position or place, sql=binder.sql)
        backwards = (kind == "preceding") != order[0].descending
        bounds.append(binder.calls.call("-" if backwards else "+", [key, offset], offset.position or place))
    shared = key.type
    for bound in bounds:
        if bound is not None:
            merged = common_type(shared, bound.type)
            if merged is None:
                raise BindError(f"RANGE: {key.type} and {bound.type} don't compare", place, sql=binder.sql)
            shared = merged
    settled = [binder.coerce(b, shared) if b is not None else None for b in bounds]
    return settled, replace(order[0], expression=binder.coerce(key, shared))


# --- f(...)


def _function(
    binder: ExpressionBinder, name: str, written: _Written, over: _Over, scope: Scope, place: Position | None
) -> WindowCall:
    """A ranking or value function."""
    sql = binder.sql
    least, most, returns = _FUNCTIONS[name]
    if not least <= len(written.arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise BindError(f"{name} takes {wanted} arguments, not {len(written.arguments)}", place, sql=sql)
    for what, there in (("FILTER", written.filter), ("WITHIN GROUP", written.within), ("DISTINCT", written.distinct)):
        if there:
            raise BindError(f"{what} only fits aggregates, {name} is none", place, sql=sql)
    if written.nulls and name not in _VALUES:
        raise BindError(f"{name} takes no {written.nulls.upper()} NULLS", place, sql=sql)
    if written.order and name == "dense_rank":
        raise BindError("dense_rank takes no ORDER BY of its own", place, sql=sql)
    arguments = [binder.bind(a, scope) for a in written.arguments]
    orderings = tuple(binder.calls.ordering(o, scope) for o in written.order)
    if over.frame.exclude and orderings and name not in _VALUES - {"lag", "lead", "fill"}:
        raise BindError(f"{name} with an ORDER BY of its own takes no EXCLUDE", place, sql=sql)
    cast: list[Expression] = []
    for i, e in enumerate(arguments):
        if name == "ntile" or i == 1:
            if not (e.type.is_integer or e.type in (t.NULL, STRING_LITERAL)):
                what = "the number of tiles" if name == "ntile" else "n" if name == "nth_value" else "the offset"
                raise BindError(f"{what} of {name} must be an integer, not {e.type}", e.position or place, sql=sql)
            cast.append(binder.coerce(e, t.BIGINT))
        elif i == 0:
            cast.append(binder.settle(e))
        else:
            cast.append(binder.coerce(e, cast[0].type))
    if name == "fill":
        keys = orderings or over.order_by
        if len(keys) != 1:
            raise BindError("fill wants exactly one ORDER BY expression", place, sql=sql)
        for e in (cast[0], keys[0].expression):
            if not (e.type.is_numeric or e.type.is_temporal):
                raise BindError(f"fill works on numbers and times, not on {e.type}", e.position or place, sql=sql)
    return WindowCall(
        name, None, tuple(cast), (), returns if returns is not None else cast[0].type, over.partition_by,
        over.order_by, over.frame, ignore_nulls=written.nulls == "ignore", argument_order=orderings, position=place,
    )  # fmt: skip


def _python(
    binder: ExpressionBinder, name: str, written: _Written, over: _Over, scope: Scope, place: Position | None
) -> WindowCall:
    """A class of the user's."""
    registered = binder.functions[name]
    if registered.kind != "aggregate":
        message = (
            f"{registered.name} is neither an aggregate nor a window function: it is a Python function, not a class"
        )
        raise BindError(message, place, sql=binder.sql)
    return _aggregate(binder, name, written, over, scope, place)


def _aggregate(
    binder: ExpressionBinder, name: str, written: _Written, over: _Over, scope: Scope, place: Position | None
) -> WindowCall:
    if written.nulls:
        message = f"{written.nulls.upper()} NULLS fits lag, lead, first_value, last_value and nth_value, not {name}"
        raise BindError(message, place, hint=f"{name}(x) FILTER (WHERE x IS NOT NULL)", sql=binder.sql)
    call = binder.calls.bind_aggregate(name, written.call, scope, written.filter, written.within, windowed=True)
    assert isinstance(call, AggregateCall)
    return WindowCall(
        name, call.function, call.arguments, call.constants, call.type, over.partition_by, over.order_by, over.frame,
        call.distinct, False, call.filter, call.order_by, place,
    )  # fmt: skip
