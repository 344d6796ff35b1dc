"""Time on the coordinator that belongs to a pipeline but to none of its stages: breakers that put partials together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any


@dataclass(slots=True)
class Regions:
    """A stopwatch per pipeline; a region within another stops the outer one's.

    Threading: owned by the coordinator.
    """

    own_ns: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    # of the regions under way: the pipeline, and nanoseconds in regions within
    _open: list[list[int]] = field(default_factory=list)

    @property
    def pipeline(self) -> int:
        """The pipeline whose time it is now; -1: none's."""
        return next((number for number, _ in reversed(self._open) if number >= 0), -1)

    @property
    def busy(self) -> bool:
        """Is a region under way?"""
        return bool(self._open)

    @property
    def total_ns(self) -> int:
        """Of all pipelines."""
        return sum(self.own_ns.values())

    @contextmanager
    def region(self, pipeline: int | None) -> Iterator[None]:
        """Time in here is the pipeline's own, but for regions within. None: counted elsewhere (a stage that runs)."""
        start = self._begin(pipeline)
        try:
            yield
        finally:
            self._end(start)

    def timed(self, pipeline: int | None, items: Iterator[Any]) -> Generator[Any]:
        """The items, each made in a region of its own."""
        try:
            while True:
                start = self._begin(pipeline)
                try:
                    item = next(items, self)
                finally:
                    self._end(start)
                if item is self:
                    return
                yield item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def _begin(self, pipeline: int | None) -> int:
        self._open.append([-1 if pipeline is None else pipeline, 0])
        return perf_counter_ns()

    def _end(self, start: int) -> None:
        spent = perf_counter_ns() - start
        pipeline, within = self._open.pop()
        if pipeline >= 0:
            self.own_ns[pipeline] += spent - within
        if self._open:
            self._open[-1][1] += spent


__all__ = ["Regions"]
