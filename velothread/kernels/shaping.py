"""Shapes of kernel arguments: columns beside constants, and the row loops of last resort.

A kernel sees Arrays (columns) and Scalars (constants). What is here lets a kernel be written once, for a column with
constant options, and be called with any mixture:

    lift          a kernel that needs at least one Array also takes Scalars only
    with_options  the first argument is a column, the others are Python values (patterns, widths, positions)
    by_row        a Python function per distinct value, for what has no columnar way
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.kernels.function import Kernel, Value


def rows_of(values: tuple[Value, ...]) -> int:
    """The length of the Arrays among `values`; 1 when all are Scalars."""
    for value in values:
        if isinstance(value, pa.Array):
            return len(value)
    return 1


def spread(value: Value, rows: int) -> pa.Array:
    """`value` as an Array of `rows` rows."""
    return value if isinstance(value, pa.Array) else pa.repeat(value, rows)


def lift(kernel: Kernel) -> Kernel:
    """`kernel`, which needs at least one Array, made to take Scalars only as well."""

    @wraps(kernel)
    def lifted(*values: Value) -> Value:
        if not values or any(isinstance(value, pa.Array) for value in values):
            return kernel(*values)
        return kernel(pa.repeat(values[0], 1), *values[1:])[0]

    return lifted


def columns_only(kernel: Kernel) -> Kernel:
    """`kernel`, which needs Arrays only, made to take any mixture of Arrays and Scalars."""

    @wraps(kernel)
    def spreading(*values: Value) -> Value:
        rows = rows_of(values)
        result = kernel(*[spread(value, rows) for value in values])
        return result if any(isinstance(value, pa.Array) for value in values) else result[0]

    return spreading


def with_options(kernel: Callable[..., pa.Array], returns: pa.DataType, *, strict: bool = True) -> Kernel:
    """A kernel from `kernel(column, *options)`, where options are Python values.

    Options that are columns themselves are served one distinct combination at a time, so both ways share one
    implementation. strict: a NULL option gives NULL without calling `kernel`.
    """

    def constant(column: pa.Array, options: tuple[Any, ...]) -> pa.Array:
        if strict and None in options:
            return pa.nulls(len(column), returns)
        return kernel(column, *options)

    def call(first: Value, *rest: Value) -> Value:
        if any(isinstance(value, pa.Array) for value in rest):
            return _by_combination(constant, first, rest)
        options = tuple(value.as_py() for value in rest)
        if isinstance(first, pa.Array):
            return constant(first, options)
        return constant(pa.repeat(first, 1), options)[0]

    call.__name__ = getattr(kernel, "__name__", "kernel")
    return call


def _by_combination(
    kernel: Callable[[pa.Array, tuple[Any, ...]], pa.Array], first: Value, rest: tuple[Value, ...]
) -> pa.Array:
    rows = rows_of(rest)
    if rows == 0:
        return kernel(spread(first, 0), tuple(None if isinstance(v, pa.Array) else v.as_py() for v in rest))
    codes = np.zeros(rows, np.int64)
    words: list[tuple[int, int, list[Any]]] = []  # (option number, number of codes, value of each code)
    for number, option in enumerate(rest):
        if isinstance(option, pa.Array):
            encoded = option.dictionary_encode()
            values = [None, *encoded.dictionary.to_pylist()]
            # Renumbered after each column, so that the product of the sizes can't overflow.
            codes = codes * len(values) + encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
            words.append((number, len(values), values))
            if len(words) > 1:
                break
    if sum(isinstance(option, pa.Array) for option in rest) > len(words):
        return _each_row(kernel, first, rest, rows)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    pieces = []
    constants = [None if isinstance(v, pa.Array) else v.as_py() for v in rest]
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), rows], strict=True):
        code = int(codes[order[begin]])
        options = list(constants)
        for number, size, values in reversed(words):
            code, digit = divmod(code, size)
            options[number] = values[digit]
        if isinstance(first, pa.Array):
            pieces.append(kernel(first.take(pa.array(order[begin:end])), tuple(options)))
        else:
            pieces.append(_repeated(kernel(pa.repeat(first, 1), tuple(options)), end - begin))
    back = np.empty(rows, np.int64)
    back[order] = np.arange(rows)
    return pa.concat_arrays(pieces).take(pa.array(back))


def _repeated(one: pa.Array, times: int) -> pa.Array:
    return one.take(pa.array(np.zeros(times, np.int64)))


def _each_row(
    kernel: Callable[[pa.Array, tuple[Any, ...]], pa.Array], first: Value, rest: tuple[Value, ...], rows: int
) -> pa.Array:
    # Three and more option columns at once: rare enough for one call per row.
    column = spread(first, rows)
    options = [spread(option, rows).to_pylist() for option in rest]
    return pa.concat_arrays([kernel(column.slice(i, 1), tuple(o[i] for o in options)) for i in range(rows)])


def by_row(function: Callable[..., Any], returns: pa.DataType, *, strict: bool = True) -> Kernel:
    """A kernel that calls a Python function of Python values, for what neither Arrow nor NumPy can do.

    With one column among the arguments, it is called once per distinct value. strict: any None gives None.
    """

    def kernel(*values: Value) -> Value:
        if strict and any(isinstance(v, pa.Scalar) and not v.is_valid for v in values):
            whole = next((v for v in values if isinstance(v, pa.Array)), None)
            return pa.scalar(None, returns) if whole is None else pa.nulls(len(whole), returns)
        arrays = [v for v in values if isinstance(v, pa.Array)]
        if not arrays:
            return pa.scalar(one(*[v.as_py() for v in values]), returns)
        if len(arrays) == 1 and not pa.types.is_nested(arrays[0].type) and len(arrays[0]):
            encoded = arrays[0].dictionary_encode(null_encoding="encode")
            found = rows(
                [encoded.dictionary if isinstance(v, pa.Array) else v for v in values], len(encoded.dictionary)
            )
            return found if len(encoded.dictionary) == len(arrays[0]) else found.take(encoded.indices)
        return rows(list(values), len(arrays[0]))

    def one(*arguments: Any) -> Any:
        return None if strict and None in arguments else function(*arguments)

    def rows(values: list[Value], count: int) -> pa.Array:
        lists = [v.to_pylist() if isinstance(v, pa.Array) else [v.as_py()] * count for v in values]
        return pa.array([one(*row) for row in zip(*lists, strict=True)], returns)

    kernel.__name__ = getattr(function, "__name__", "kernel")
    return kernel
