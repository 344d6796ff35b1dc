"""A receiver that is fed directly, without a coordinator."""

from __future__ import annotations

import threading

import pytest

from velothread.processors.adaptive.handoff import BrokenHandoff
from velothread.processors.adaptive.receiver import Outcome, PartitionReceiver
from velothread.testing.scripted import ScriptedSplit, SumStage
from velothread.testing.sequencer import no_thread_left

WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")


@pytest.mark.parametrize("wait", WAITS)
def test_fed_through_its_queue(wait: str) -> None:
    with no_thread_left():
        receiver = PartitionReceiver(SumStage(), partition=7, wait=wait)
        receiver.start()
        for i in range(20):
            receiver.handoff.put((i, ScriptedSplit((i, i))))
        receiver.handoff.close()
        receiver.join()
    *splits, end = receiver.outbox
    assert [(o.partition, o.at, o.value) for o in splits] == [(7, i, (i, [i, i])) for i in range(20)]
    assert (end.at, end.value) == (None, ("finish", tuple(range(20))))
    assert receiver.metrics.splits == 20 and 0 < receiver.metrics.engine_ns <= receiver.metrics.wall_ns


def test_callback_runs_in_the_receivers_thread() -> None:
    threads: set[str] = set()
    outcomes: list[Outcome] = []

    def emit(outcome: Outcome) -> None:
        threads.add(threading.current_thread().name)
        outcomes.append(outcome)

    receiver = PartitionReceiver(SumStage("scan"), emit, partition=3)
    receiver.start()
    receiver.handoff.put((0, ScriptedSplit((1,))))
    receiver.handoff.close()
    receiver.join()
    assert threads == {"velothread-scan-3"} and len(outcomes) == 2 and not receiver.outbox


def test_failure_is_emitted_raised_and_breaks_the_handoff() -> None:
    error = ValueError("bad")
    receiver = PartitionReceiver(SumStage("scan"))
    receiver.start()
    receiver.handoff.put((0, ScriptedSplit((1,))))
    receiver.handoff.put((1, ScriptedSplit((), error)))
    with pytest.raises(ValueError, match="bad"):
        receiver.join()
    assert [(o.at, o.error) for o in receiver.outbox] == [(0, None), (1, error)]
    assert error.__notes__ == ["in stage 'scan', partition 0, split 1"]
    with pytest.raises(BrokenHandoff) as broken:
        receiver.handoff.put((2, ScriptedSplit((1,))))
    assert broken.value.error is error


def test_cancelled_receiver_ends_without_finish() -> None:
    with no_thread_left():
        receiver = PartitionReceiver(SumStage())
        receiver.start()
        receiver.handoff.cancel()
        receiver.join()
    assert not receiver.outbox


def test_splits_beyond_stop_after_are_dropped() -> None:
    receiver = PartitionReceiver(SumStage(), depth=10)
    for i in range(10):
        receiver.handoff.put((i, ScriptedSplit((i,))))
    receiver.handoff.close()
    receiver.stop_after = 3
    receiver.run()
    assert [o.at for o in receiver.outbox] == [0, 1, 2, 3, None]
