"""Functions that give tables: generators of rows, in FROM.

    class Word(NamedTuple):
        word: str
        length: int

    def words(text: str, least: int = 1) -> Iterator[Word]:
        for word in text.split():
            if len(word) >= least:
                yield Word(word, len(word))

    SELECT * FROM words('to be or not', 3)
    SELECT t.id, w.word FROM t, words(t.text) AS w

What is yielded is a row: a dataclass, NamedTuple or TypedDict (columns by its fields), a tuple (columns column0,
column1, ..., or as `returns="TABLE(word VARCHAR, length BIGINT)"` says), one value (a column called as the function),
or many rows at once: a pyarrow RecordBatch or Table, with `returns`.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from velothread import types as t
from velothread.errors import OptionError
from velothread.functions.annotations import Shape, Signature, hints_of, shape_of, shape_of_text, signature_of
from velothread.functions.declaration import Declaration, name_of

_SEVERAL = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
)
_TABLE = re.compile(r"\s*TABLE\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableShape:
    """What a function's table is.

    names, shapes: of its columns. items: what it yields: "rows", one "values" each, or "batches" of Arrow.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    items: Literal["rows", "values", "batches"]

    @property
    def row(self) -> Shape:
        """A row, as a STRUCT."""
        type_ = t.struct_of(tuple((n, s.type) for n, s in zip(self.names, self.shapes, strict=True)))
        return Shape(type_, type_, inner=self.shapes)


def gives_table(defined: Any, declaration: Declaration) -> bool:
    """Is it a function that gives a table: a generator, one annotated as an iterator, or declared so?"""
    if inspect.isclass(defined) or inspect.iscoroutinefunction(defined) or inspect.isasyncgenfunction(defined):
        return False
    if inspect.isgeneratorfunction(defined) or (declaration.returns is not None and _TABLE.match(declaration.returns)):
        return True
    try:
        returns = hints_of(defined).get("return")
    except OptionError:
        return False
    return returns in _SEVERAL or typing.get_origin(returns) in _SEVERAL


def table_shape(function: Callable[..., Any], declaration: Declaration) -> TableShape:
    """What a function's table is, by its declaration and the annotation of its result.

    :raises OptionError: when they say too little, or what SQL has not.
    """
    name = name_of(function)
    item = _item(hints_of(function).get("return"))
    batches = _is_arrow(item)
    if declaration.returns is not None:
        shape = shape_of_text(_TABLE.sub("STRUCT(", declaration.returns), None)
        if shape.type.kind != "STRUCT":
            return TableShape((name,), (shape,), "batches" if batches else "values")
        return TableShape(tuple(n for n, _ in shape.type.fields), shape.inner, "batches" if batches else "rows")
    if batches:
        raise OptionError(f"{name}: say what the columns are: @velothread.udf(returns='TABLE(a BIGINT, b VARCHAR)')")
    if item is None:
        raise OptionError(
            f"{name}: say what its rows are: annotate it (-> Iterator[Row], Row being a dataclass, NamedTuple,"
            " TypedDict or tuple[...]), or give returns='TABLE(a BIGINT, b VARCHAR)'"
        )
    try:
        if typing.get_origin(item) is tuple:
            parts = typing.get_args(item)
            if not parts or Ellipsis in parts:
                raise OptionError(f"{item} does not say how many columns there are")
            return TableShape(tuple(f"column{i}" for i in range(len(parts))), tuple(map(shape_of, parts)), "rows")
        shape = shape_of(item)
    except OptionError as error:
        raise OptionError(f"{name}, rows: {error}") from None
    if inspect.isclass(item) and shape.type.kind == "STRUCT":
        return TableShape(tuple(n for n, _ in shape.type.fields), shape.inner, "rows")
    if shape.pattern == "any":
        raise OptionError(f"{name}, rows: SQL has to know their type: annotate it, or give returns='TABLE(a BIGINT)'")
    return TableShape((name,), (shape,), "values")


def _item(annotation: Any) -> Any:
    """What an annotated iterator yields; None: that isn't said."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (*_SEVERAL, list, collections.abc.Sequence) and arguments:
        return arguments[0]
    return annotation if _is_arrow(annotation) else None


def _is_arrow(annotation: Any) -> bool:
    """A RecordBatch, a Table, or one of both?"""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return all(map(_is_arrow, typing.get_args(annotation)))
    return getattr(annotation, "__module__", "").partition(".")[0] == "pyarrow"


def signature_of_table(function: Callable[..., Any], declaration: Declaration) -> Signature:
    """What it takes, and that it gives a list of rows: what a call is for one row of another table.

    :raises OptionError: as `table_shape`, and for parameters that SQL can't give.
    """
    row = table_shape(function, declaration).row
    if declaration.batch is not None:
        raise OptionError(
            f"{name_of(function)}: batch={declaration.batch!r} is for functions of values, not for tables"
        )
    # its own annotation is of no type that SQL has
    found = signature_of(function, declaration.with_changes(returns="BOOLEAN"))
    type_ = t.list_of(row.type)
    return dataclasses.replace(found, returns=Shape(type_, type_, inner=(row,)))


__all__ = ["TableShape", "gives_table", "signature_of_table", "table_shape"]
