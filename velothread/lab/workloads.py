"""What is run: queries by name, and the records that they read, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from velothread.functions.declaration import udf
from velothread.sources.source import ReadOptions

# The study's scenarios are a filter with a projection, and totals by key; the others are its questions about Python.
FILTER = "SELECT symbol, price, qty FROM trades WHERE side = 'buy' AND qty > 100"
GROUP_BY = (
    "SELECT symbol, count(*) AS trades, sum(qty) AS volume, min(price) AS low, max(price) AS high "
    "FROM trades GROUP BY symbol"
)
PYTHON = "SELECT symbol, price, qty FROM trades WHERE digits(qty) = 9"
MIXED = "SELECT symbol, sum(digits(qty)) AS digits, avg(price) AS mean FROM trades WHERE side = 'buy' GROUP BY symbol"
STUDY_QUERIES = {"filter": FILTER, "group by": GROUP_BY, "python": PYTHON, "mixed": MIXED}
KINDS = {"filter": "kernels", "group by": "kernels", "python": "functions", "mixed": "mixed"}


@udf(lift=False, inline=False)
def digits(number: int) -> int:
    """The digit that is left when digits are added up, again and again: a loop in Python."""
    while number > 9:
        total = 0
        while number:
            total += number % 10
            number //= 10
        number = total
    return number


@dataclass(frozen=True, slots=True)
class Workload:
    """Queries by name, and what is needed to run them.

    tables: registered names. read: options of files. functions: `--udf` specs; own: functions of the lab. costly:
    queries that call a Python function for each record. kinds: what a query mostly does (`kind_of`).
    """

    name: str
    queries: Mapping[str, str]
    records: int
    tables: Mapping[str, Any] = field(default_factory=dict)
    read: ReadOptions = field(default_factory=ReadOptions)
    functions: tuple[str, ...] = ()
    own: tuple[Callable[..., Any], ...] = ()
    parameters: Any = None
    dialect: str | None = None
    costly: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_study(self) -> bool:
        """The study's own records and queries?"""
        return self.name == "study"


def study_workload(records: int = 1_000_000) -> Workload:
    """The study's: trades, made by a generator with a fixed seed."""
    return Workload(
        "study", STUDY_QUERIES, records, tables={"trades": trades(records)}, own=(digits,),
        costly=frozenset({"python", "mixed"}), kinds=KINDS,
    )  # fmt: skip


def trades(records: int) -> pa.RecordBatch:
    """Records of the study's stream: symbol, side, price, qty. Half are bought, four fifths have a qty above 100."""
    random = np.random.default_rng(7)
    symbols = pa.array(["ACME", "BOLT", "CRUX", "DYNE", "EMBR", "FLUX", "GALE"])
    sides = pa.array(["buy", "sell"])
    return pa.RecordBatch.from_arrays(
        [
            symbols.take(pa.array(random.integers(0, len(symbols), records))),
            sides.take(pa.array(random.integers(0, 2, records))),
            pa.array(random.integers(100, 40_000, records) / 100),
            pa.array(random.integers(1, 500, records)),
        ],
        ["symbol", "side", "price", "qty"],
    )


def kind_of(workload: Workload, query: str, *, calls: bool, called: bool) -> str:
    """`kernels`, `functions` or `mixed`. calls: does the query call Python functions; called: row by row?"""
    if query in workload.kinds:
        return workload.kinds[query]
    return ("functions" if called else "mixed") if calls else "kernels"


__all__ = ["STUDY_QUERIES", "Workload", "digits", "kind_of", "study_workload", "trades"]
