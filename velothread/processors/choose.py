"""Which processor runs a query, and why."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from velothread.options import Options
from velothread.processors.simple import SimpleProcessor
from velothread.sources.source import Source

if TYPE_CHECKING:
    from velothread.processors.adaptive.coordinator import AdaptiveProcessor

# Below this, starting threads and dealing splits costs about what they win.
SMALL_BYTES = 4 << 20
# The same where a Python function is called for each row.
SMALL_BYTES_FOR_PYTHON = 1 << 12


@dataclass(frozen=True, slots=True)
class ProcessorChoice:
    """A processor that fits, and a sentence why. `notice`: something that the user should be told once, or None."""

    name: str
    partitions: int
    reason: str
    options: Options
    notice: str | None = None

    def make(self, at_end: Callable[[], None] | None = None) -> SimpleProcessor | AdaptiveProcessor:
        """The processor. Its threads, if any, start with the first stage; `close` ends them. at_end: called by each."""
        if self.name == "simple":
            return SimpleProcessor(trace=self.options.trace)
        from velothread.processors.adaptive.coordinator import AdaptiveProcessor

        options = self.options
        return AdaptiveProcessor(
            self.partitions,
            wait=options.wait,
            strategy=options.strategy,
            queue_depth=options.queue_depth,
            at_end=at_end,
            trace=options.trace,
        )


def choose_processor(options: Options, sources: Sequence[Source], *, python: bool = False) -> ProcessorChoice:
    """The processor that was asked for, or for `auto` the one that fits the sources of a query. python: it calls Python
    functions, so that a row costs a lot."""
    partitions = options.partition_count
    name: str = options.processor
    reason = "asked for"
    if name == "auto":
        name, reason = _choose(partitions, sources, SMALL_BYTES_FOR_PYTHON if python else SMALL_BYTES)
    if name == "simple":
        return ProcessorChoice("simple", 1, reason, options)
    notice = None
    if gil_enabled() and sysconfig.get_config_var("Py_GIL_DISABLED"):
        notice = (
            "the GIL is on, though this Python can do without: something that was imported turned it on (velothread"
            " doctor --udf FILE looks for it), and receivers take turns except inside Arrow"
        )
    elif gil_enabled():
        notice = (
            "this Python runs with the GIL: receivers take turns except inside Arrow, so more partitions help little; "
            "a free-threaded build (python3.13t) scales"
        )
    return ProcessorChoice("adaptive", partitions, reason, options, notice)


def _choose(partitions: int, sources: Sequence[Source], small: int) -> tuple[str, str]:
    if partitions == 1:
        return "simple", "there is one core (or one partition) to run on"
    # A size that isn't known (stdin) may be any.
    sizes = [source.size for source in sources]
    known = sum([size for size in sizes if size is not None])
    if None not in sizes and known < small:
        return "simple", f"the input is small ({known:,} bytes)" if sources else "there is no input to read"
    if all(not source.splittable for source in sources):
        return "adaptive", "one thread reads the input (it can't be split), and receivers parse its blocks"
    size = "the input" if None in sizes else f"the input ({known:,} bytes)"
    return "adaptive", f"{size} is large enough for {partitions} receivers"


def gil_enabled() -> bool:
    """Does this process run with the GIL now?"""
    enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return enabled()
