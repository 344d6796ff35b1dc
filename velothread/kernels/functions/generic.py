"""The table of functions for values of any type: conditions, types, hashes, names of the session."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from velothread.errors import ExecutionError
from velothread.kernels import conditional, paths
from velothread.kernels.encodings import md5_lower, md5_upper
from velothread.kernels.function import Function, Value
from velothread.kernels.hashing import hash_
from velothread.kernels.shaping import by_row, rows_of
from velothread.types import BOOLEAN, NULL, UBIGINT, VARCHAR, from_arrow, list_of

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


def _is_other(value: Value) -> Value:
    """Is it the key under which `histogram` counts what fits no bin? Nested values have none that could be told."""
    from velothread.kernels.aggregates.frequencies import bin_for_others

    other = pa.scalar(None, value.type) if pa.types.is_nested(value.type) else bin_for_others(value.type)[0]
    if not other.is_valid:
        return pc.and_not(pc.is_valid(value), True) if pa.types.is_nested(value.type) else pa.scalar(None, pa.bool_())
    return pc.equal(value, other)


def _constant(constant: str | int) -> Any:
    value = pa.scalar(constant) if isinstance(constant, str) else pa.scalar(constant, pa.uint64())
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
    _line("md5_number_lower", (VARCHAR,), UBIGINT, md5_lower, "The last eight bytes of the MD5 digest, as a number",
          "md5_number_lower('a')", "7000413967451013937"),
    _line("md5_number_upper", (VARCHAR,), UBIGINT, md5_upper, "The first eight bytes of the MD5 digest, as a number",
          "md5_number_upper('a')", "12157170054180749580"),
    _line("error", (VARCHAR,), NULL, by_row(_raise, pa.null()), "Fails with a message", raises=True),
    _line(
        "path_join", (VARCHAR,), VARCHAR, paths.path_join, "Parts of a path put together", "path_join('a', 'b/../c')",
        "a/c", variadic=VARCHAR, raises=True,
    ),
    _line(
        "hive_partition_component", (VARCHAR, VARCHAR), VARCHAR, paths.hive_part, "The folder name of a hive partition",
        "hive_partition_component('year', '2024')", "year=2024", strict=False,
        resolve=lambda a: ((VARCHAR, VARCHAR), VARCHAR) if len(a) == 2 else None,
    ),
    _line(
        "is_histogram_other_bin", ("any",), BOOLEAN, _is_other, "Does the value stand for all others in a histogram?",
        "is_histogram_other_bin('')", "true",
    ),
    _line("in_search_path", (VARCHAR, VARCHAR), BOOLEAN, by_row(lambda c, s: (c, s) == ("memory", "main"), pa.bool_()),
          "Is the schema searched for names?", "in_search_path('memory', 'main')", "true"),
    _line("current_schemas", (BOOLEAN,), list_of(VARCHAR), by_row(lambda _: ["main"], pa.list_(pa.string())),
          "Names of the schemas", "current_schemas(true)", "[main]"),
    _line("txid_current", (), UBIGINT, _constant(0), "Number of the transaction: there is one", "txid_current()", "0"),
    _line("current_schema", (), VARCHAR, _constant("main"), "Name of the schema", "current_schema()", "main"),
    _line(
        "current_database", (), VARCHAR, _constant("memory"), "Name of the database", "current_database()", "memory",
        aliases=("current_catalog",),
    ),
    _line("version", (), VARCHAR, _version, "Name and version of the engine"),
)  # fmt: skip
