"""Functions that read a table that is a global of the module, for `bench/udf.py --shared`.

How a dict is read without the GIL depends on its keys, on the method, and on who made it: CPython reads without a lock
what it can take a reference to without one, which for objects of other threads is not always so; `get` takes the
dict's lock in 3.13 in any case. Hence the four: keys as a program computes or reads them, and interned ones (as the
literals of a source are); `get`, and a subscript.
"""

from __future__ import annotations

import sys

RATES = {f"zone-{i:03d}": 0.8 + i % 17 * 0.11 for i in range(520)}
INTERNED = {sys.intern(f"zone-{i:03d}"): 0.8 + i % 17 * 0.11 for i in range(520)}


def by_get(zone: str) -> float:
    """`get` of a table whose keys were computed."""
    return RATES.get(zone, 0.0)


def by_subscript(zone: str) -> float:
    """A subscript of a table whose keys were computed."""
    return RATES[zone]


def interned_get(zone: str) -> float:
    """`get` of a table whose keys are interned."""
    return INTERNED.get(zone, 0.0)


def interned_subscript(zone: str) -> float:
    """A subscript of a table whose keys are interned."""
    return INTERNED[zone]
