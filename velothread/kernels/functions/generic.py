"""The table of functions for values of any type: conditions, types, hashes, names of the session."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels import conditional
from velothread.kernels.function import Function, Value
from velothread.kernels.hashing import hash_
from velothread.kernels.shaping import by_row, rows_of
from velothread.types import BOOLEAN, NULL, UBIGINT, VARCHAR, from_arrow

_line = partial(Function, group="generic")


def _typeof(value: Value) -> pa.Scalar:
    # The binder folds typeof, since it knows types that share one Arrow type (DECIMAL(38,0) and HUGEINT).
    name = pa.scalar(str(from_arrow(value.type)))
    return pa.repeat(name, len(value)) if isinstance(value, pa.Array) else name


def _raise(message: str) -> None:
    raise ExecutionError(message)


def _constant_or_null(value: Value, *tested: Value) -> Value:
    known = [t for t in tested if isinstance(t, pa.Array) or not t.is_valid]
    if any(isinstance(t, pa.Scalar) for t in known):
        empty = pa.scalar(None, value.type)
        whole = any(isinstance(t, pa.Array) for t in (value, *tested))
        return pa.repeat(empty, rows_of((value, *tested))) if whole else empty
    for array in known:
        value = pc.if_else(array.is_valid(), value, pa.scalar(None, value.type))
    return value


def _constant(text: str) -> Any:
    value = pa.scalar(text)
    return lambda: value


def _version() -> pa.Scalar:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return pa.scalar(f"velothread {version('velothread')}")
    except PackageNotFoundError:
        return pa.scalar("velothread")


GENERIC: tuple[Function, ...] = (
    _line(
        "coalesce", (), "T", conditional.coalesce, "The first value that is not NULL", "coalesce(NULL, 1)", "1",
        variadic="T", strict=False,
    ),
    _line(
        "ifnull", ("T", "T"), "T", conditional.coalesce, "The second value where the first is NULL",
        "ifnull(NULL, 2)", "2", strict=False,
    ),
    _line(
        "nullif", ("T", "T"), "T", conditional.nullif, "NULL where both values are equal, else the first",
        "nullif(1, 2)", "1", strict=False,
    ),
    _line(
        "if", (BOOLEAN, "T", "T"), "T", conditional.if_else, "One value where a condition is true, another elsewhere",
        "if(true, 1, 2)", "1", strict=False, aliases=("iff",),
    ),
    _line(
        "greatest", ("T",), "T", conditional.greatest, "The greatest value, NULLs left out", "greatest(1, NULL, 3)",
        "3", variadic="T", strict=False,
    ),
    _line(
        "least", ("T",), "T", conditional.least, "The least value, NULLs left out", "least(4, NULL, 3)", "3",
        variadic="T", strict=False,
    ),
    _line(
        "constant_or_null", ("any",), lambda a: a[0], _constant_or_null, "The first value where no other is NULL",
        "constant_or_null(1, 2)", "1", variadic="any", strict=False,
    ),
    _line("typeof", ("any",), VARCHAR, _typeof, "The name of the type", "typeof(1)", "INTEGER", strict=False),
    _line("hash", ("any",), UBIGINT, hash_, "A 64-bit hash of the values", variadic="any", strict=False),
    _line("error", (VARCHAR,), NULL, by_row(_raise, pa.null()), "Fails with a message", raises=True),
    _line("current_schema", (), VARCHAR, _constant("main"), "Name of the schema", "current_schema()", "main"),
    _line(
        "current_database", (), VARCHAR, _constant("memory"), "Name of the database", "current_database()", "memory",
        aliases=("current_catalog",),
    ),
    _line("version", (), VARCHAR, _version, "Name and version of the engine"),
)  # fmt: skip
