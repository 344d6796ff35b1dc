"""Parallel work inside a breaker: functions run by the receivers, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from velothread.breakers.breaker import Run
from velothread.sources.source import BatchSplit, Split

Task = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class TaskStage:
    """A stage whose split number i is the call `tasks[i]()`.

    Threading: immutable; each task is called once, by the receiver that was dealt its split.
    """

    name: str
    tasks: tuple[Task, ...]

    def open(self, partition: int) -> TaskWorker:
        return TaskWorker(self.tasks)


@dataclass(frozen=True, slots=True)
class TaskWorker:
    """Calls tasks.

    Threading: used by one receiver.
    """

    tasks: tuple[Task, ...]

    def process(self, index: int, split: Split) -> Any:
        return (self.tasks[index](),)

    def finish(self) -> None:
        return None


def in_parallel(run: Run, name: str, tasks: Sequence[Task]) -> Iterator[Any]:
    """The results of the tasks in their order, as they become ready; one task is called right here."""
    if len(tasks) == 1:
        yield tasks[0]()
        return
    for part in run(TaskStage(name, tuple(tasks)), [BatchSplit(()) for _ in tasks]):
        if part.index is not None:
            yield part.value[0]
