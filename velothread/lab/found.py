"""Measurements, found by what they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from velothread.lab.figures import Measurement, SetUp


@dataclass(frozen=True, slots=True)
class Found:
    """All measurements of a run of the lab.

    Threading: immutable.
    """

    measurements: Sequence[Measurement]

    def of(self, kind: str, query: str, batch_rows: int | None, **more: Any) -> Measurement | None:
        """The one with this set-up, where what isn't said is the default, and the records are the most; or None."""
        wanted = {"partitions": 1, "wait": "hybrid", "strategy": "auto", "state": "partitioned", "cores": None, **more}
        fits = [
            m for m in self.measurements
            if m.setup.kind == kind and m.setup.query == query and m.setup.batch_rows == batch_rows
            and all(getattr(m.setup, name) == value for name, value in wanted.items())
        ]  # fmt: skip
        return max(fits, key=lambda m: m.setup.records) if fits else None

    def table(self, name: str) -> Iterator[Measurement]:
        """Those of a sweep, in the order in which they were asked for."""
        return (m for m in self.measurements if name in m.tables)

    def latency(self, kind: str, query: str, batch_rows: int | None, **more: Any) -> float | None:
        """Median µs per record."""
        one = self.of(kind, query, batch_rows, **more)
        return None if one is None else one.latency_us.median

    def setup(self, setup: SetUp) -> Measurement | None:
        """Of just this set-up."""
        return next((m for m in self.measurements if m.setup == setup), None)


def overhead(more: Measurement | None, less: Measurement | None) -> float | None:
    """µs per record that one costs over another: the median of the rounds' differences (they saw the same noise)."""
    if more is None or less is None:
        return None
    pairs = zip(more.trials, less.trials, strict=True)
    return sorted(a.wall_ns / a.records / 1e3 - b.wall_ns / b.records / 1e3 for a, b in pairs)[len(more.trials) // 2]


def ratio(faster: Measurement | None, slower: Measurement | None) -> float | None:
    """How many times as fast one is as another: the median of the ratios round by round."""
    if faster is None or slower is None:
        return None
    pairs = zip(faster.trials, slower.trials, strict=True)
    found = sorted((b.wall_ns / b.records) / (a.wall_ns / a.records) for a, b in pairs)
    return found[len(found) // 2]


__all__ = ["Found", "overhead", "ratio"]
