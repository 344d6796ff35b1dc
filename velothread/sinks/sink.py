"""What a sink is: where the rows of a result go.

Encoding (batch -> bytes) is done by the receivers, in parallel; writing is done in order by one thread.
"""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa

from velothread.types import SqlType


class Sink(Protocol):
    """Takes the batches of one result, in order.

    Threading: `encode` is called by receivers (it may not touch the sink's state); all else by one thread, the
    coordinator's.
    """

    def begin(self, schema: pa.Schema, types: tuple[SqlType, ...]) -> None:
        """Called once, before the first batch. `types` are the SQL types of the columns."""
        ...

    def encode(self, batch: pa.RecordBatch) -> Any:
        """What `write` wants for a batch: bytes for text formats, the batch itself otherwise. Pure."""
        ...

    def write(self, piece: Any) -> bool:
        """Take the next encoded piece. False: no more is wanted (a table that is full, a closed pipe)."""
        ...

    def finish(self) -> None:
        """All rows are there: flush, fsync, rename into place, print the footer."""
        ...

    def abort(self) -> None:
        """The query failed: remove what was written aside; the old output stays intact. After `begin` or not."""
        ...
