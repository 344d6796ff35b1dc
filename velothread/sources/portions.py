"""A split that is read once and worked on by several receivers, where the work on a row costs more than reading it.

A row group of a million rows is one split; if a Python function is called for each row, one receiver would be busy with
it for seconds while the others wait. Its rows are then dealt out in portions. Whoever needs the next rows reads them,
and leaves those of other portions for them; nothing is read twice.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from velothread.sources.source import Split


class Reading:
    """The batches of a split, read by whoever asks first, in portions of `step` rows.

    Threading: shared by the receivers of its portions; a lock, once per batch, guards everything in it.
    """

    def __init__(self, split: Split, step: int) -> None:
        self.split = split
        self.step = step
        self._lock = threading.Lock()
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._rows = 0  # read so far
        self._ended = False
        self._error: Exception | None = None
        self._ready: dict[int, list[pa.RecordBatch]] = defaultdict(list)

    def portion(self, number: int) -> Iterator[pa.RecordBatch]:
        """The batches of a portion. Each may be asked for once.

        :raises SourceError: what reading its rows raised.
        """
        while True:
            with self._lock:
                if not self._ended and self._rows < (number + 1) * self.step:
                    self._read()
                done = self._ended or self._rows >= (number + 1) * self.step
                found = self._ready.pop(number, [])
                # Rows before the place where reading failed are good.
                error = self._error if self._ended and self._rows < (number + 1) * self.step else None
            yield from found
            if error is not None:
                raise error
            if done:
                return

    def _read(self) -> None:
        try:
            if self._batches is None:
                self._batches = iter(self.split.batches())
            batch = next(self._batches, None)
        except Exception as error:
            self._error, self._ended = error, True
            return
        if batch is None:
            self._ended = True
            return
        first = 0
        while first < batch.num_rows:
            number, inside = divmod(self._rows, self.step)
            count = min(batch.num_rows - first, self.step - inside)
            self._ready[number].append(batch.slice(first, count))
            first += count
            self._rows += count


@dataclass(frozen=True, slots=True)
class Portion:
    """Some rows of a split: portion `number` of its reading.

    Threading: immutable; `batches` is called once, by the receiver that was dealt it.
    """

    reading: Reading
    number: int
    bytes: int

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self.reading.portion(self.number)


def in_portions(split: Split, rows: int, step: int) -> Iterator[Split]:
    """A split of so many rows as portions of about `step` rows; as it is, when it is no longer than two.

    Those who share a split wait for each other while it is read; it must be worth that.
    """
    if rows <= 2 * step:
        yield split
        return
    count = round(rows / step)
    reading = Reading(split, -(-rows // count))
    for number in range(count):
        yield Portion(reading, number, split.bytes // count)


__all__ = ["Portion", "Reading", "in_portions"]
