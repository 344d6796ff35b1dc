"""Is a whole column of text plain numbers? Looked at as bytes: many times as fast as a pattern per value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from velothread import types as t
from velothread.types import SqlType

_MINUS, _DOT, _ZERO = 45, 46, 48
# Integers of so many bytes fit into 64 bits, and doubles of so many don't overflow.
_MOST_INTEGER = 18
_MOST_DOUBLE = 40


def plain_numbers(values: pa.Array) -> SqlType | None:
    """BIGINT or DOUBLE when all values of a string array without NULLs are numbers such as `7`, `-12` and `0.5`.

    None: some are spelled in another way (`+1`, ` 7`, `1e9`, `.5`, `007`), are too long, or no numbers.
    """
    if not len(values) or not pa.types.is_string(values.type):
        return None
    offsets = np.frombuffer(values.buffers()[1], np.int32, len(values) + 1, values.offset * 4)
    low, high = int(offsets[0]), int(offsets[-1])
    text = np.frombuffer(values.buffers()[2], np.uint8, high - low, low)
    # The first few bytes tell most columns of text.
    if not all(byte in b"-.0123456789" for byte in text[:32].tolist()):
        return None
    starts, ends = offsets[:-1].astype(np.int64) - low, offsets[1:].astype(np.int64) - low
    sizes = ends - starts
    if sizes.min() < 1 or sizes.max() > _MOST_DOUBLE:
        return None
    digits = (text - np.uint8(_ZERO)) < 10  # what is less than "0" wraps around
    dots = text == _DOT
    points = int(np.count_nonzero(dots))
    negative = text[starts] == _MINUS
    # Nothing but digits, dots, and a minus at the start.
    if np.count_nonzero(digits) + points + np.count_nonzero(negative) != len(text):
        return None
    lead = starts + negative
    if (lead == ends).any() or not digits[lead].all() or not digits[ends - 1].all():
        return None
    zero = lead[(text[lead] == _ZERO) & (lead + 1 < ends)]
    if (text[zero + 1] != _DOT).any():
        return None
    if not points:
        return t.BIGINT if sizes.max() <= _MOST_INTEGER else None
    return t.DOUBLE if np.add.reduceat(dots, starts, dtype=np.int32).max() == 1 else None
