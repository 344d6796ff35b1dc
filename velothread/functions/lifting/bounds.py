"""Bounds of integer columns, in Python's endless integers: where nothing can overflow by them, no row is looked at.

Bounds hold for all rows, those under a NULL and those of branches not taken included; an operation that was found wide
has any 64 bits in it.
"""

from __future__ import annotations

from velothread.kernels.vectors import Numbers

Bounds = tuple[int, int]
MIN, MAX = -(2**63), 2**63 - 1
ANY: Bounds = (MIN, MAX)
_EXACT = 2**53


def of_column(data: Numbers) -> Bounds:
    """The least and the greatest value of a column that isn't empty."""
    return int(data.min()), int(data.max())


def _fit(low: int, high: int) -> tuple[Bounds, bool]:
    return ((low, high), False) if low >= MIN and high <= MAX else (ANY, True)


def add(a: Bounds, b: Bounds) -> tuple[Bounds, bool]:
    """Bounds of a + b, and: may it overflow?"""
    return _fit(a[0] + b[0], a[1] + b[1])


def subtract(a: Bounds, b: Bounds) -> tuple[Bounds, bool]:
    """Of a - b."""
    return _fit(a[0] - b[1], a[1] - b[0])


def multiply(a: Bounds, b: Bounds) -> tuple[Bounds, bool]:
    """Of a * b."""
    products = (a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1])
    return _fit(min(products), max(products))


def divide(a: Bounds, b: Bounds) -> tuple[Bounds, bool]:
    """Of a // b; by zero NumPy gives 0."""
    if b[0] > 0:
        quotients = (a[0] // b[0], a[0] // b[1], a[1] // b[0], a[1] // b[1], 0)
        return _fit(min(quotients), max(quotients))
    most = max(abs(a[0]), abs(a[1]))
    return _fit(-most, most)


def modulo(a: Bounds, b: Bounds) -> tuple[Bounds, bool]:
    """Of a % b, which is between 0 and b."""
    return _fit(min(0, b[0]), max(0, b[1]))


def negate(a: Bounds) -> tuple[Bounds, bool]:
    """Of -a."""
    return _fit(-a[1], -a[0])


def absolute(a: Bounds) -> tuple[Bounds, bool]:
    """Of abs(a)."""
    return _fit(0, max(abs(a[0]), abs(a[1])))


def union(a: Bounds, b: Bounds) -> Bounds:
    """Of a choice."""
    return min(a[0], b[0]), max(a[1], b[1])


def beyond(a: Bounds) -> bool:
    """May a value have no float of its own?"""
    return a[0] < -_EXACT or a[1] > _EXACT


__all__ = ["ANY", "Bounds", "absolute", "add", "beyond", "divide", "modulo", "multiply", "negate", "of_column",
           "subtract", "union"]  # fmt: skip
