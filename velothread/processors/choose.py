"""Which processor runs a query, and why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from velothread.options import Options
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.simple import SimpleProcessor

# Below this, starting threads and dealing splits costs about what they win.
SMALL_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a query's sources together. None: not known.

    size: bytes to be read; splits: number of parts; splittable: False if one thread must read.
    """

    size: int | None = None
    splits: int | None = None
    splittable: bool = True


@dataclass(frozen=True, slots=True)
class ProcessorChoice:
    """A processor's name and a sentence why. `notice`: something that the user should be told once, or None."""

    name: str
    partitions: int
    reason: str
    notice: str | None = None


def choose_processor(options: Options, facts: SourceFacts) -> ProcessorChoice:
    """The processor that was asked for, or for `auto` the one that fits the sources."""
    partitions = options.partition_count
    name: str = options.processor
    reason = "asked for"
    if name == "auto":
        name, reason = _choose(partitions, facts)
    if name == "simple":
        return ProcessorChoice("simple", 1, reason)
    notice = None
    if gil_enabled():
        notice = (
            "this Python runs with the GIL: receivers take turns except inside Arrow, so more partitions help little; "
            "a free-threaded build (python3.13t) scales"
        )
    return ProcessorChoice("adaptive", partitions, reason, notice)


def _choose(partitions: int, facts: SourceFacts) -> tuple[str, str]:
    if partitions == 1:
        return "simple", "there is one core (or one partition) to run on"
    if facts.size is not None and facts.size < SMALL_BYTES:
        return "simple", f"the input is small ({facts.size:,} bytes)"
    if not facts.splittable:
        return "adaptive", "one thread reads the input (it can't be split), and receivers parse its blocks"
    if facts.splits is not None and facts.splits <= 1:
        return "simple", "the input is a single split"
    return "adaptive", "the input is large enough for several receivers"


def make_processor(options: Options, choice: ProcessorChoice) -> SimpleProcessor | AdaptiveProcessor:
    """The processor of a choice. Its threads, if any, start with the first stage; `close` ends them."""
    if choice.name == "simple":
        return SimpleProcessor()
    return AdaptiveProcessor(
        choice.partitions, wait=options.wait, strategy=options.strategy, queue_depth=options.queue_depth
    )


def gil_enabled() -> bool:
    """Does this process run with the GIL now?"""
    enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return enabled()
