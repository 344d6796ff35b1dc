"""Values that differ on each row and each run: random(), uuid()."""

from __future__ import annotations

import os
import time
import uuid

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def random(*, rows: int) -> pa.Array:
    """`rows` numbers from 0 to 1, 1 not included."""
    # A generator of its own for each batch: threads share none.
    return pa.array(np.random.default_rng().random(rows))


def _as_text(raw: npt.NDArray[np.uint8]) -> pa.Array:
    """uuid texts of rows of 16 bytes."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(raw), 36), ord("-"), np.uint8)
    places = [i for i in range(36) if i not in (8, 13, 18, 23)]
    text[:, places[0::2]] = digits[raw >> 4]
    text[:, places[1::2]] = digits[raw & 15]
    return (
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(36), len(raw), [None, pa.py_buffer(text)])
        .cast(pa.binary())
        .cast(pa.string())
    )


def _stamped(raw: npt.NDArray[np.uint8], version: int) -> pa.Array:
    raw[:, 6] = (raw[:, 6] & 0x0F) | (version << 4)
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    return _as_text(raw)


def uuid4(*, rows: int) -> pa.Array:
    """`rows` random UUIDs (RFC 9562, version 4)."""
    return _stamped(np.frombuffer(bytearray(os.urandom(16 * rows)), np.uint8).reshape(rows, 16), 4)


def uuid7(*, rows: int) -> pa.Array:
    """`rows` UUIDs that begin with the time in milliseconds (RFC 9562, version 7)."""
    raw = np.frombuffer(bytearray(os.urandom(16 * rows)), np.uint8).reshape(rows, 16)
    now = int(time.time() * 1000).to_bytes(6, "big")
    raw[:, :6] = np.frombuffer(now, np.uint8)
    return _stamped(raw, 7)


def time_of(text: str) -> int | None:
    """Microseconds since 1970-01-01 of a UUID of version 7; NULL for others."""
    value = uuid.UUID(text)
    return (value.int >> 80) * 1000 if value.version == 7 else None


def version_of(text: str) -> int:
    """The version of a UUID."""
    return uuid.UUID(text).version or 0
