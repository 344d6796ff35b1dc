"""Annotations of Python functions -> SQL types.

int BIGINT   float DOUBLE   str VARCHAR   bool BOOLEAN   bytes BLOB   Decimal DECIMAL(38,10)   date DATE
datetime TIMESTAMP   time TIME   timedelta INTERVAL   UUID UUID   list[X] X[]   dict[K, V] MAP(K, V)
a dataclass, TypedDict or NamedTuple: STRUCT   Annotated[X, "SQL TYPE"]: that type   X | None: may be NULL
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import types
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from velothread import types as t
from velothread.errors import OptionError, SqlError
from velothread.functions.declaration import Declaration, name_of
from velothread.types import SqlType


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value is in SQL and in Python.

    type: as a result. pattern: as a parameter (see `kernels.function`): a Python int takes integers of any width.
    nullable: it may be None. made: the class of the values of a STRUCT (None: dicts), or UUID.
    inner: of the items of a LIST, of key and value of a MAP, of the fields of a STRUCT.
    """

    type: SqlType
    pattern: SqlType | str
    nullable: bool = False
    made: Any = None
    inner: tuple[Shape, ...] = ()


_SIMPLE: dict[Any, tuple[SqlType, SqlType | str]] = {
    int: (t.BIGINT, "integer"),
    float: (t.DOUBLE, t.DOUBLE),
    str: (t.VARCHAR, t.VARCHAR),
    bool: (t.BOOLEAN, t.BOOLEAN),
    bytes: (t.BLOB, t.BLOB),
    Decimal: (t.decimal(38, 10), "decimal"),
    dt.date: (t.DATE, t.DATE),
    dt.datetime: (t.TIMESTAMP, t.TIMESTAMP),
    dt.time: (t.TIME, t.TIME),
    dt.timedelta: (t.INTERVAL, t.INTERVAL),
    uuid.UUID: (t.UUID, t.UUID),
    None: (t.NULL, t.NULL),
    type(None): (t.NULL, t.NULL),
}


def shape_of(annotation: Any) -> Shape:
    """What an annotation means.

    :raises OptionError: when it means nothing in SQL.
    """
    if annotation in _HASHABLE_SIMPLE:
        return Shape(*_SIMPLE[annotation], made=uuid.UUID if annotation is uuid.UUID else None)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        texts = [a for a in arguments[1:] if isinstance(a, str)]
        return shape_of_text(texts[0], arguments[0]) if texts else shape_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _optional(annotation, arguments)
    if origin in (list, Sequence) and len(arguments) == 1:
        item = shape_of(arguments[0])
        listed = t.list_of(item.type)
        return Shape(listed, listed, inner=(item,))
    if origin in (dict, Mapping) and len(arguments) == 2:
        key, value = map(shape_of, arguments)
        mapped = t.map_of(key.type, value.type)
        return Shape(mapped, mapped, inner=(key, value))
    if annotation is typing.Any:
        return Shape(t.NULL, "any")
    if inspect.isclass(annotation):
        fields = _fields_of(annotation)
        if fields is not None:
            shapes = {name: shape_of(a) for name, a in fields.items()}
            made = None if typing.is_typeddict(annotation) else annotation
            type_ = t.struct_of(tuple((name, s.type) for name, s in shapes.items()))
            return Shape(type_, type_, made=made, inner=tuple(shapes.values()))
    shown = getattr(annotation, "__name__", None) if inspect.isclass(annotation) else None
    raise OptionError(
        f"{shown or annotation} is no type that SQL has; use int, float, str, bool, bytes, Decimal, date, datetime,"
        " list[...], dict[...], a dataclass or TypedDict, X | None, or Annotated[X, 'SQL TYPE']"
    )


_HASHABLE_SIMPLE = frozenset(_SIMPLE)


def _optional(annotation: Any, arguments: tuple[Any, ...]) -> Shape:
    others = [a for a in arguments if a is not type(None)]
    if len(others) == len(arguments) or len(others) != 1:
        raise OptionError(f"{annotation}: a value of SQL has one type; only X | None is understood")
    return dataclasses.replace(shape_of(others[0]), nullable=True)


def _fields_of(annotation: Any) -> dict[str, Any] | None:
    """Names and annotations of the fields of a dataclass, TypedDict or NamedTuple."""
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return {f.name: hints[f.name] for f in dataclasses.fields(annotation)}
    if typing.is_typeddict(annotation) or (issubclass(annotation, tuple) and hasattr(annotation, "_fields")):
        hints = typing.get_type_hints(annotation, include_extras=True)
        names = hints if typing.is_typeddict(annotation) else annotation._fields
        return {name: hints.get(name, typing.Any) for name in names}
    return None


def shape_of_text(text: str, annotation: Any = None) -> Shape:
    """The shape of an SQL type as users write it; `annotation`: what it is in Python, where that is open.

    :raises OptionError: when it is no type.
    """
    from velothread.frontend.type_names import type_from_text

    try:
        return shape_of_type(type_from_text(text), annotation)
    except SqlError as error:
        raise OptionError(str(error)) from None


def shape_of_type(type_: SqlType, annotation: Any = None) -> Shape:
    """The shape of values of an SQL type: a STRUCT is a dict, unless `annotation` says what it is."""
    inner: tuple[Shape, ...] = ()
    if type_.kind == "LIST" and type_.element is not None:
        inner = (shape_of_type(type_.element),)
    elif type_.kind == "MAP" and type_.key is not None and type_.element is not None:
        inner = (shape_of_type(type_.key), shape_of_type(type_.element))
    elif type_.kind == "STRUCT":
        inner = tuple(shape_of_type(f) for _, f in type_.fields)
    made = annotation if inspect.isclass(annotation) and annotation is uuid.UUID else None
    if type_.kind == "STRUCT" and inspect.isclass(annotation) and not typing.is_typeddict(annotation):
        made = annotation
    return Shape(type_, type_, made=made, inner=inner)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. required: it has no `default`. many: it takes any number of arguments (`*values`)."""

    name: str
    shape: Shape
    required: bool = True
    many: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and gives."""

    parameters: tuple[Parameter, ...]
    returns: Shape

    def of(self, count: int) -> tuple[Parameter, ...] | None:
        """The parameters that `count` arguments are for; None when there can't be so many."""
        fixed = [p for p in self.parameters if not p.many]
        many = next((p for p in self.parameters if p.many), None)
        least = sum(p.required for p in fixed)
        if count < least or (count > len(fixed) and many is None):
            return None
        more = [many] * (count - len(fixed)) if many is not None else []
        return (*fixed[:count], *more)

    def shown(self, name: str) -> str:
        """`score(VARCHAR, integer) -> DOUBLE`, for messages."""
        parts = []
        for p in self.parameters:
            text = {"integer": "integer", "decimal": "DECIMAL", "any": "any type"}.get(
                str(p.shape.pattern), str(p.shape.pattern)
            )
            parts.append(f"{text}..." if p.many else text if p.required else f"[{text}]")
        return f"{name}({', '.join(parts)}) -> {self.returns.type}"


def signature_of(function: Callable[..., Any], declaration: Declaration) -> Signature:
    """What a function takes and gives, by its declaration and its annotations.

    :raises OptionError: when either says too little, or what SQL has not.
    """
    name = name_of(function)
    given = _parameters(function, declaration)
    hints = hints_of(function)
    if declaration.parameters is not None:
        texts = declaration.parameters
        if len(texts) != len(given):
            raise OptionError(f"{name}: {len(texts)} types are given for {len(given)} parameters")
        shapes = [
            dataclasses.replace(shape_of_text(text, hints.get(p.name)), nullable=_may_be_none(hints.get(p.name)))
            for text, p in zip(texts, given, strict=True)
        ]
    else:
        shapes = [_named(f"{name}, parameter {p.name}", hints, p.name, declaration) for p in given]
    if declaration.nulls == "call":
        shapes = [dataclasses.replace(s, nullable=True) for s in shapes]
    if declaration.returns is not None:
        returns = shape_of_text(declaration.returns, hints.get("return"))
    else:
        returns = _named(f"{name}, result", hints, "return", declaration)
    if returns.pattern == "any":
        raise OptionError(f"{name}, result: SQL has to know its type: annotate it, or give returns='TYPE'")
    parameters = tuple(
        Parameter(
            p.name,
            s,
            p.default is p.empty and p.kind is not p.VAR_POSITIONAL,
            p.kind is p.VAR_POSITIONAL,
            None if p.default is p.empty else p.default,
        )
        for p, s in zip(given, shapes, strict=True)
    )
    return Signature(parameters, returns)


def _parameters(function: Callable[..., Any], declaration: Declaration) -> list[inspect.Parameter]:
    name = name_of(function)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built in, without a signature
        if declaration.parameters is None:
            raise OptionError(f"{name} does not say what it takes; give parameters=[...] and returns=...") from None
        kind = inspect.Parameter.POSITIONAL_ONLY
        return [inspect.Parameter(f"a{i}", kind) for i in range(len(declaration.parameters))]
    found = []
    for p in signature.parameters.values():
        if p.kind is p.VAR_KEYWORD or (p.kind is p.KEYWORD_ONLY and p.default is not p.empty):
            continue
        if p.kind is p.KEYWORD_ONLY:
            raise OptionError(f"{name}: SQL has no keywords, so parameter {p.name} needs a default")
        found.append(p)
    if declaration.parameters is not None:  # what has no type is left to its default
        while len(found) > len(declaration.parameters) and found[-1].default is not inspect.Parameter.empty:
            found.pop()
    return found


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, with names resolved.

    :raises OptionError: when a name in them can't be.
    """
    target: Any = function if inspect.isroutine(function) else type(function).__call__  # of an object that is callable
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise OptionError(f"{name_of(function)}: an annotation can't be resolved: {error}") from None
    except TypeError:
        return {}


def is_annotated(function: Callable[..., Any]) -> bool:
    """Do annotations say what it takes and gives?"""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    return signature.return_annotation is not signature.empty and all(
        p.annotation is not p.empty
        for p in signature.parameters.values()
        if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)
    )


def _may_be_none(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in typing.get_args(
        annotation
    )


def _named(what: str, hints: Mapping[str, Any], name: str, declaration: Declaration) -> Shape:
    if name not in hints:
        raise OptionError(
            f"{what} has no type: annotate it (def f(x: int) -> str), or give parameters=[...] and returns=..."
        )
    annotation = hints[name]
    if declaration.batch == "list" and typing.get_origin(annotation) is list:
        annotation = typing.get_args(annotation)[0]  # a column of these
    try:
        return shape_of(annotation)
    except OptionError as error:
        hint = "" if declaration.batch is None else "; of a function over batches, annotate what a value is"
        raise OptionError(f"{what}: {error}{hint}") from None


__all__ = ["Parameter", "Shape", "Signature", "hints_of", "is_annotated", "shape_of", "shape_of_type", "signature_of"]
