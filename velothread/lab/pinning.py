"""Threads pinned to cores, where the system can do that (Linux)."""

from __future__ import annotations

import os
from contextlib import suppress


def cores() -> list[int]:
    """The cores that this process may use, rising; none where threads can't be pinned."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(core: int | None) -> None:
    """Keep the calling thread on this core until it ends; None: leave it where it is. A container may forbid it."""
    if core is not None:
        with suppress(OSError):
            os.sched_setaffinity(0, {core})
