"""What annotations mean in SQL."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict

import pytest

from velothread.errors import OptionError
from velothread.functions.annotations import shape_of, signature_of
from velothread.functions.declaration import Declaration


@dataclass
class Point:
    x: int
    y: float | None


class Named(TypedDict):
    name: str


class Pair(NamedTuple):
    left: int
    right: str


@pytest.mark.parametrize(
    ("annotation", "sql"),
    [
        (int, "BIGINT"),
        (float, "DOUBLE"),
        (str, "VARCHAR"),
        (bool, "BOOLEAN"),
        (bytes, "BLOB"),
        (Decimal, "DECIMAL(38,10)"),
        (dt.date, "DATE"),
        (dt.datetime, "TIMESTAMP"),
        (dt.time, "TIME"),
        (dt.timedelta, "INTERVAL"),
        (uuid.UUID, "UUID"),
        (list[int], "BIGINT[]"),
        (list[list[str]], "VARCHAR[][]"),
        (dict[str, float], "MAP(VARCHAR, DOUBLE)"),
        (Point, "STRUCT(x BIGINT, y DOUBLE)"),
        (Named, "STRUCT(name VARCHAR)"),
        (Pair, 'STRUCT("left" BIGINT, "right" VARCHAR)'),
        (list[Point], "STRUCT(x BIGINT, y DOUBLE)[]"),
        (Annotated[int, "SMALLINT"], "SMALLINT"),
        (Annotated[Decimal, "DECIMAL(10,2)"], "DECIMAL(10,2)"),
        (int | None, "BIGINT"),
    ],
)
def test_types(annotation: Any, sql: str) -> None:
    shown = str(shape_of(annotation).type)
    assert shown.replace('"', "") == sql.replace('"', "")


@pytest.mark.parametrize("annotation", [int | str, object, set[int], list, complex])
def test_what_sql_has_not(annotation: Any) -> None:
    with pytest.raises(OptionError):
        shape_of(annotation)


def test_none_may_come() -> None:
    assert shape_of(str | None).nullable
    assert not shape_of(str).nullable


def _of(function: Callable[..., Any], **options: Any) -> str:
    return signature_of(function, Declaration().with_changes(**options)).shown("f")


def test_signatures() -> None:
    def plain(a: int, b: str = "x", *rest: float) -> bool:
        return True

    def bare(a, b):  # type: ignore[no-untyped-def]
        return a

    assert _of(plain) == "f(integer, [VARCHAR], DOUBLE...) -> BOOLEAN"
    assert _of(bare, parameters=["INT", "DATE"], returns="TEXT") == "f(INTEGER, DATE) -> VARCHAR"
    assert _of(len, parameters=["VARCHAR"], returns="BIGINT") == "f(VARCHAR) -> BIGINT"


def test_counts_of_arguments() -> None:
    def plain(a: int, b: str = "x", *rest: float) -> bool:
        return True

    signature = signature_of(plain, Declaration())
    assert signature.of(0) is None
    assert [[p.name for p in signature.of(n) or ()] for n in (1, 2, 4)] == [
        ["a"],
        ["a", "b"],
        ["a", "b", "rest", "rest"],
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "f, parameter a has no type: annotate it"),
        ({"parameters": ["INT", "INT"], "returns": "INT"}, "2 types are given for 1 parameters"),
        ({"parameters": ["INTT"], "returns": "INT"}, "type INTT is not supported"),
        ({"parameters": ["INT"]}, "f, result has no type"),
    ],
)
def test_too_little_is_said(options: dict[str, Any], message: str) -> None:
    def f(a):  # type: ignore[no-untyped-def]
        return a

    with pytest.raises(OptionError, match=message):
        _of(f, **options)


def test_a_keyword_without_default() -> None:
    def f(a: int, *, mode: str) -> int:
        return a

    with pytest.raises(OptionError, match="parameter mode needs a default"):
        _of(f)


def test_options_are_checked() -> None:
    with pytest.raises(OptionError, match="did you mean 'deterministic'"):
        Declaration().with_changes(determinstic=True)
    with pytest.raises(OptionError, match="batch='pandas' is not known; choose one of 'arrow', 'numpy', 'list'"):
        Declaration().with_changes(batch="pandas")
