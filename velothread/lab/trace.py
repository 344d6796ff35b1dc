"""A timeline of a run in Chrome's trace format: what each thread did when. Perfetto and speedscope open it.

One complete event (`ph` X) per split, wait and result; times in µs since the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from velothread.processors.metrics import PHASES, PartitionMetrics, StageMetrics

_COORDINATOR = 0
_READER = 10_000


def timeline(stages: Sequence[StageMetrics], title: str) -> dict[str, Any]:
    """The trace document. stages: of a run that kept spans (`Options.trace`)."""
    events = [event for stage in stages for event in _of_stage(stage)]
    first = min([e["ts"] for e in events], default=0.0)
    for event in events:
        event["ts"] -= first
    events.sort(key=lambda e: (e["ts"], -e["dur"]))
    names = {_COORDINATOR: "coordinator", _READER: "reader"}
    threads = sorted({e["tid"] for e in events})
    named = [
        {
            "ph": "M", "pid": 1, "tid": tid, "name": "thread_name",
            "args": {"name": names.get(tid, f"receiver {tid - 1}")},
        }
        for tid in threads
    ]  # fmt: skip
    process = {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": title}}
    return {"traceEvents": [process, *named, *events], "displayTimeUnit": "ns"}


def _of_stage(stage: StageMetrics) -> Iterator[dict[str, Any]]:
    simple = stage.processor == "simple"
    for part in stage.partitions:
        yield from _of_thread(part, _COORDINATOR if simple else part.partition + 1, stage.name)
    if not simple:
        yield from _of_thread(stage.coordinator, _COORDINATOR, stage.name)
    if stage.reader is not None:
        yield from _of_thread(stage.reader, _READER, stage.name)


def _of_thread(part: PartitionMetrics, tid: int, stage: str) -> Iterator[dict[str, Any]]:
    if part.started_ns and part.ended_ns:
        yield _event(stage, part.started_ns, part.ended_ns, tid, {})
    for what, start, end, split in part.spans or ():
        yield _event(what, start, end, tid, {} if split < 0 else {"split": split})
    for start, end, phase in part.waits.spans or ():
        yield _event("wait", start, end, tid, {"ended": PHASES[phase]})


def _event(name: str, start: int, end: int, tid: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "X", "pid": 1, "tid": tid, "ts": start / 1e3, "dur": (end - start) / 1e3, "args": args}


__all__ = ["timeline"]
