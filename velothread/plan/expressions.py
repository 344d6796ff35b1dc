"""Bound expressions: names resolved, types known, casts explicit. Frozen values that hash and compare by meaning.

Equality ignores positions, so the same text written twice is one expression (computed once), and a SELECT item is
recognised as a GROUP BY key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from velothread.errors import Position
from velothread.types import BOOLEAN, SqlType

if TYPE_CHECKING:
    from velothread.functions.bound import BoundFunction
    from velothread.kernels.aggregates import AggregateFunction
    from velothread.kernels.function import Function


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a plan node's output. `id` is unique in the query; the name is what the user sees."""

    id: int
    name: str = dataclasses.field(compare=False)
    type: SqlType = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. `text` makes equal constants equal (Arrow scalars with NaN don't compare); `missing`: it is NULL, not
    the text 'NULL'."""

    value: pa.Scalar = dataclasses.field(compare=False)
    type: SqlType
    text: str
    position: Position | None = dataclasses.field(default=None, compare=False)
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the input, by its field's id."""

    field: Field
    position: Position | None = dataclasses.field(default=None, compare=False)

    @property
    def type(self) -> SqlType:
        return self.field.type


@dataclass(frozen=True, slots=True)
class Call:
    """A scalar function or operator; the arguments have exactly the types that its kernel wants."""

    function: Function
    arguments: tuple[Expression, ...]
    type: SqlType
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST (safe: an error for what doesn't fit) or TRY_CAST (not safe: NULL)."""

    argument: Expression
    type: SqlType
    safe: bool = True
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """CASE WHEN c1 THEN v1 ... ELSE default END: the first true condition decides; values all have `type`."""

    branches: tuple[tuple[Expression, Expression], ...]
    default: Expression
    type: SqlType
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Logical:
    """AND / OR over two or more conditions, three-valued; a later one may be left out where the earlier decide."""

    operator: str  # "and", "or"
    arguments: tuple[Expression, ...]
    position: Position | None = dataclasses.field(default=None, compare=False)

    @property
    def type(self) -> SqlType:
        return BOOLEAN


@dataclass(frozen=True, slots=True)
class Coalesce:
    """The first value that isn't NULL; later ones are computed only for the rows that need them."""

    arguments: tuple[Expression, ...]
    type: SqlType
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """value IN (constants): `values` is an Arrow array without NULLs; `has_null`: the list held a NULL."""

    argument: Expression
    values: pa.Array = dataclasses.field(compare=False)
    text: str
    has_null: bool
    position: Position | None = dataclasses.field(default=None, compare=False)

    @property
    def type(self) -> SqlType:
        return BOOLEAN


@dataclass(frozen=True, slots=True)
class OverItems:
    """A lambda function over the items of lists: `kernel(compiled body, *arguments)`.

    `body` reads `parameters` only: what it takes from the row around comes as an argument. It is no child.
    """

    name: str
    kernel: Callable[..., Any]
    arguments: tuple[Expression, ...]
    parameters: tuple[Field, ...]
    body: Expression
    type: SqlType
    raises: bool = False
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PythonCall:
    """A Python function of the user's; the arguments have exactly the types that it is bound for."""

    function: BoundFunction
    arguments: tuple[Expression, ...]
    type: SqlType
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Ordering:
    """A sort key."""

    expression: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate function, its arguments over the rows of a group. Only inside `nodes.Aggregate`."""

    function: AggregateFunction
    arguments: tuple[Expression, ...]
    constants: tuple[Literal, ...]
    type: SqlType
    distinct: bool = False
    filter: Expression | None = None
    order_by: tuple[Ordering, ...] = ()
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """An end of a frame: `kind` is unbounded, preceding, current or following; `offset` its n or interval."""

    kind: str
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """ROWS, RANGE or GROUPS BETWEEN start AND end; `exclude`: '', 'current row', 'group' or 'ties'."""

    unit: str
    start: Bound
    end: Bound
    exclude: str = ""


@dataclass(frozen=True, slots=True)
class WindowCall:
    """A function over a window: an aggregate (`aggregate`) or a ranking/value function (by `name`). Only inside
    `nodes.Window`."""

    name: str
    aggregate: AggregateFunction | None
    arguments: tuple[Expression, ...]
    constants: tuple[Literal, ...]
    type: SqlType
    partition_by: tuple[Expression, ...]
    order_by: tuple[Ordering, ...]
    frame: Frame
    distinct: bool = False
    ignore_nulls: bool = False
    filter: Expression | None = None
    argument_order: tuple[Ordering, ...] = ()
    position: Position | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Subquery:
    """A query inside an expression, until `frontend.subqueries` turns it into a join: not in any finished plan.

    `plan` may read fields of the queries around it. kind: scalar, exists, in (arguments: what is looked for), any, all
    (with `operator`). Compared by identity of the plan.
    """

    plan: Any
    kind: str
    type: SqlType
    arguments: tuple[Expression, ...] = ()
    operator: str = "="
    position: Position | None = dataclasses.field(default=None, compare=False)


Expression = (
    Literal
    | Column
    | Call
    | Cast
    | Case
    | Logical
    | Coalesce
    | Membership
    | OverItems
    | PythonCall
    | AggregateCall
    | WindowCall
    | Subquery
)


def children(e: Expression) -> tuple[Expression, ...]:
    """The expressions directly below, in order of evaluation."""
    match e:
        case Call() | Logical() | Coalesce() | OverItems() | PythonCall():
            return e.arguments
        case Cast() | Membership():
            return (e.argument,)
        case Case():
            return (*(x for branch in e.branches for x in branch), e.default)
        case AggregateCall():
            last = (e.filter,) if e.filter is not None else ()
            return (*e.arguments, *last, *(o.expression for o in e.order_by))
        case WindowCall():
            return _window_children(e)
        case Subquery():
            return e.arguments
        case _:
            return ()


def with_children(e: Expression, new: tuple[Expression, ...]) -> Expression:
    """`e` over other children (as many as `children` gives)."""
    match e:
        case Call() | Logical() | Coalesce() | OverItems() | PythonCall():
            return replace(e, arguments=new)
        case Cast() | Membership():
            return replace(e, argument=new[0])
        case Case():
            pairs = tuple(zip(new[:-1:2], new[1:-1:2], strict=True))
            return replace(e, branches=pairs, default=new[-1])
        case AggregateCall():
            n = len(e.arguments)
            at = n + (e.filter is not None)
            order = tuple(replace(o, expression=x) for o, x in zip(e.order_by, new[at:], strict=True))
            return replace(e, arguments=new[:n], filter=new[n] if e.filter is not None else None, order_by=order)
        case WindowCall():
            return _window_with_children(e, new)
        case Subquery():
            return replace(e, arguments=new)
        case _:
            return e


def _window_children(e: WindowCall) -> tuple[Expression, ...]:
    offsets = (b.offset for b in (e.frame.start, e.frame.end) if b.offset is not None)
    orders = (o.expression for o in (*e.order_by, *e.argument_order))
    return (*e.arguments, *((e.filter,) if e.filter is not None else ()), *e.partition_by, *orders, *offsets)


def _window_with_children(e: WindowCall, new: tuple[Expression, ...]) -> WindowCall:
    rest = iter(new)
    arguments = tuple(next(rest) for _ in e.arguments)
    filter_ = next(rest) if e.filter is not None else None
    partition = tuple(next(rest) for _ in e.partition_by)
    order = tuple(replace(o, expression=next(rest)) for o in e.order_by)
    inner = tuple(replace(o, expression=next(rest)) for o in e.argument_order)
    start, end = (replace(b, offset=next(rest)) if b.offset is not None else b for b in (e.frame.start, e.frame.end))
    return replace(
        e, arguments=arguments, filter=filter_, partition_by=partition, order_by=order, argument_order=inner,
        frame=replace(e.frame, start=start, end=end),
    )  # fmt: skip


def transform(e: Expression, rewrite: Callable[[Expression], Expression | None]) -> Expression:
    """Top-down: where `rewrite` gives an expression, that stands (and isn't entered); else its children are tried."""
    changed = rewrite(e)
    if changed is not None:
        return changed
    below = children(e)
    if not below:
        return e
    new = tuple(transform(c, rewrite) for c in below)
    return e if all(a is b for a, b in zip(below, new, strict=True)) else with_children(e, new)


def walk(e: Expression) -> Iterator[Expression]:
    """`e` and all below it."""
    yield e
    for c in children(e):
        yield from walk(c)


def columns_of(e: Expression) -> set[Field]:
    """The fields that an expression reads."""
    return {x.field for x in walk(e) if isinstance(x, Column)}


def may_raise(e: Expression) -> bool:
    """Can computing it fail for some values? Such parts are computed only for the rows that need them."""
    return any(
        (isinstance(x, Call) and x.function.raises)
        or isinstance(x, PythonCall)
        or (isinstance(x, Cast) and x.safe and _cast_may_raise(x))
        or (isinstance(x, OverItems) and (x.raises or may_raise(x.body)))
        for x in walk(e)
    )


def _cast_may_raise(cast: Cast) -> bool:
    from velothread.coercion import implicit_cost

    return implicit_cost(cast.argument.type, cast.type) is None and cast.type.kind not in ("VARCHAR",)


def is_volatile(e: Expression) -> bool:
    """Does it give another value each time (random())?"""
    return any(
        (isinstance(x, Call | PythonCall) and x.function.volatile) or (isinstance(x, OverItems) and is_volatile(x.body))
        for x in walk(e)
    )


def python_functions(e: Expression) -> Iterator[BoundFunction]:
    """The Python functions of the user's that are called in it."""
    for x in walk(e):
        if isinstance(x, PythonCall):
            yield x.function
        elif isinstance(x, OverItems):
            yield from python_functions(x.body)


def calls_python(e: Expression) -> bool:
    """Is a Python function of the user's called in it?"""
    return next(python_functions(e), None) is not None


def leaves_out(e: Expression) -> bool:
    """Are rows left out where a function of the user's in it fails?"""
    return any(f.on_error == "skip" for f in python_functions(e))


def is_constant(e: Expression) -> bool:
    """No columns, no aggregates, nothing volatile, no function that isn't ours."""
    open_ = (Column, AggregateCall, WindowCall, Subquery, PythonCall)
    return not any(isinstance(x, open_) for x in walk(e)) and not is_volatile(e)


def literal(value: Any, type_: SqlType, position: Position | None = None) -> Literal:
    """A constant of a Python value or an Arrow scalar."""
    scalar = value if isinstance(value, pa.Scalar) else pa.scalar(value, type_.arrow)
    return Literal(scalar, type_, _text(scalar) if scalar.is_valid else "NULL", position, not scalar.is_valid)


def _text(scalar: pa.Scalar) -> str:
    try:
        return f"{scalar}"
    except (OverflowError, ValueError):
        # a date that Python has not (the year 12000): any text will do that is another for another value
        return f"{scalar.type} {scalar.cast(pa.int32() if pa.types.is_date32(scalar.type) else pa.int64())}"


def show(e: Expression) -> str:
    """SQL-like text, for EXPLAIN and comments in generated code."""
    match e:
        case Literal():
            text = e.text if e.type.kind != "VARCHAR" or e.text == "NULL" else "'" + e.text.replace("'", "''") + "'"
            return text if len(text) < 60 else text[:57] + "..."
        case Column():
            return e.field.name
        case Call():
            name = e.function.name
            if len(e.arguments) == 2 and not name[0].isalpha():
                return f"({show(e.arguments[0])} {name} {show(e.arguments[1])})"
            return f"{name}({', '.join(map(show, e.arguments))})"
        case Cast():
            return f"{'CAST' if e.safe else 'TRY_CAST'}({show(e.argument)} AS {e.type})"
        case Case():
            parts = " ".join(f"WHEN {show(c)} THEN {show(v)}" for c, v in e.branches)
            return f"CASE {parts} ELSE {show(e.default)} END"
        case Logical():
            return "(" + f" {e.operator.upper()} ".join(map(show, e.arguments)) + ")"
        case Coalesce():
            return f"COALESCE({', '.join(map(show, e.arguments))})"
        case Membership():
            return f"{show(e.argument)} IN ({e.text})"
        case OverItems():
            return _show_over_items(e)
        case PythonCall():
            return f"{e.function.name}({', '.join(map(show, e.arguments))})"
        case AggregateCall():
            inner = ", ".join(map(show, (*e.arguments, *e.constants))) or "*"
            text = f"{e.function.name}({'DISTINCT ' if e.distinct else ''}{inner}"
            if e.order_by:
                text += " ORDER BY " + ", ".join(map(show_ordering, e.order_by))
            return text + ")" + (f" FILTER (WHERE {show(e.filter)})" if e.filter is not None else "")
        case WindowCall():
            return _show_window(e)
        case Subquery():
            return f"{e.kind}(subquery)"
    raise TypeError(type(e))


def _show_over_items(e: OverItems) -> str:
    if e.name == "try":
        return f"try({show(e.body)})"
    own = len(e.parameters) - len(e.arguments) + 1 + (e.kernel.__name__.startswith("reduce_from"))
    names = ", ".join(f.name for f in e.parameters[:own])
    text = f"{e.name}({show(e.arguments[0])}, lambda {names}: {show(e.body)}"
    return text + "".join(", " + show(a) for a in e.arguments[1:]) + ")"


def _show_window(e: WindowCall) -> str:
    inner = ", ".join(map(show, (*e.arguments, *e.constants)))
    text = f"{e.name}({'DISTINCT ' if e.distinct else ''}{inner}{' IGNORE NULLS' if e.ignore_nulls else ''})"
    if e.filter is not None:
        text += f" FILTER (WHERE {show(e.filter)})"
    over = []
    if e.partition_by:
        over.append("PARTITION BY " + ", ".join(map(show, e.partition_by)))
    if e.order_by:
        over.append("ORDER BY " + ", ".join(map(show_ordering, e.order_by)))
    bounds = [
        f"{show(b.offset)} {b.kind}" if b.offset is not None else b.kind + (" row" if b.kind == "current" else "")
        for b in (e.frame.start, e.frame.end)
    ]
    over.append(f"{e.frame.unit} BETWEEN {bounds[0]} AND {bounds[1]}".upper())
    if e.frame.exclude:
        over.append(f"EXCLUDE {e.frame.exclude}".upper())
    return f"{text} OVER ({' '.join(over)})"


def show_ordering(o: Ordering) -> str:
    """`price DESC NULLS FIRST`."""
    return f"{show(o.expression)}{' DESC' if o.descending else ''}{' NULLS FIRST' if o.nulls_first else ''}"
