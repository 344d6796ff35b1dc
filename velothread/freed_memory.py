"""Memory that is freed should stay with the process: columns come and go with every batch.

The allocator of the GNU C library gives blocks of more than 128 KiB back to the system when they are freed, and each
batch then pays for new pages, which can cost as much as the work on them. It learns, though: once a large block was
freed, blocks of up to its size are kept. No setting is touched; other C libraries take no notice.
"""

from __future__ import annotations

import numpy as np

# The largest size that it learns from is 32 MiB, its own few bytes included.
_BLOCK_BYTES = (32 << 20) - (64 << 10)


def keep_freed_memory() -> None:
    """Free a large block that nobody has written to: that takes microseconds, once or often."""
    np.empty(_BLOCK_BYTES, np.uint8)
