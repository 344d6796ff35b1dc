"""A session whose queries run on the lab's processors, over records in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from velothread.frontend.catalog import Catalog
from velothread.lab.memory_source import MemorySource, in_memory
from velothread.options import Options
from velothread.processors.stage import Processor
from velothread.session import Session
from velothread.sources.registry import open_source
from velothread.sources.source import ReadOptions, Source


class Records:
    """The records of sources, each read once; cut into batches of the sizes that are asked for.

    Threading: used by one thread.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._read: dict[tuple[str, str], pa.RecordBatch] = {}
        self._cut: dict[tuple[tuple[str, str], int, int], MemorySource] = {}

    def opener(self, batch_rows: int, records: int) -> Callable[..., Source]:
        """Opens whatever a query names, as its first `records` records in batches of `batch_rows`."""

        def opened(what: Any, options: ReadOptions | None = None, name: str | None = None) -> Source:
            key = (str(what) if isinstance(what, str) else f"{name}#{id(what)}", repr(options))
            if key not in self._read:
                if isinstance(what, pa.RecordBatch):
                    self._read[key] = what
                else:
                    self._read[key] = in_memory(open_source(what, options, name), self.most)
            cut = (key, batch_rows, records)
            if cut not in self._cut:
                batch = self._read[key].slice(0, records)
                self._cut[cut] = MemorySource(name or key[0], batch, batch_rows)
            return self._cut[cut]

        return opened


class LabSession(Session):
    """A session with a processor of the lab's choice. opener: what opens sources, in place of the usual.

    Threading: as `Session`.
    """

    def __init__(self, options: Options, processor: Processor, opener: Callable[..., Source] | None = None) -> None:
        super().__init__(options)
        self._mine, self._opener = processor, opener
        self.notify = lambda _: None

    @property
    def processor(self) -> Processor:
        """What runs all queries."""
        return self._mine

    def _processor(self, sources: Sequence[Source], catalog: Catalog) -> tuple[Processor, str]:
        self._processors.setdefault("lab", self._mine)
        return self._mine, "the lab's"

    def _catalog(self) -> Catalog:
        catalog = super()._catalog()
        if self._opener is not None:
            catalog.open = self._opener
        return catalog


__all__ = ["LabSession", "Records"]
