"""The properties of tests/processors, for minutes: `pytest tests/stress` (`nox -s stress`).

VELOTHREAD_STRESS_ROUNDS: how often each runs (default 30; about a second a round).
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from velothread.errors import Cancelled
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.adaptive.handoff import EndOfStream, Handoff
from velothread.processors.adaptive.partitioning import STRATEGIES
from velothread.processors.simple import SimpleProcessor
from velothread.testing.scripted import ExchangeStage, ScriptedSplit, ScriptedSplits, SumStage
from velothread.testing.sequencer import Crowd, no_thread_left, together

pytestmark = [pytest.mark.stress, pytest.mark.timeout(1800)]

ROUNDS = int(os.environ.get("VELOTHREAD_STRESS_ROUNDS", "30"))
WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("depth", [1, 2, 64])
def test_handoff_keeps_everything_in_order(wait: str, depth: int) -> None:
    n = 500 if wait == "sleep" else 20_000
    for _ in range(ROUNDS):
        handoff = Handoff(depth, wait)

        def produce(handoff: Handoff = handoff) -> None:
            for i in range(n):
                handoff.put(i)
            handoff.close()

        def consume(handoff: Handoff = handoff) -> int:
            expected = 0
            while True:
                try:
                    assert handoff.get() == expected
                except EndOfStream:
                    return expected
                expected += 1

        assert together([produce, consume])[1] == n


@pytest.mark.parametrize("wait", WAITS)
def test_cancel_at_any_moment(wait: str) -> None:
    """A third thread cancels while two hand over: both end, always."""
    for seed in range(ROUNDS * 20):
        handoff = Handoff(1 + seed % 3, wait)

        def until_cancelled(step: Any) -> None:
            with pytest.raises(Cancelled):
                while True:
                    step()

        def cancel(handoff: Handoff = handoff, after: int = seed % 97) -> None:
            while handoff.statistics().taken < after:
                pass
            handoff.cancel()

        together([
            lambda h=handoff: until_cancelled(lambda: h.put(0)),
            lambda h=handoff: until_cancelled(h.get),
            cancel,
        ])  # fmt: skip


@pytest.mark.parametrize("wait", WAITS)
def test_random_runs_agree_with_simple(wait: str) -> None:
    for seed in range(ROUNDS * 4):
        rng = random.Random(seed)
        fails = rng.choice([None, rng.randrange(300)])
        splits = [
            ScriptedSplit((i,) * rng.randrange(3), ValueError(f"bad {i}") if i == fails else None)
            for i in range(rng.randrange(1, 300))
        ]
        take = rng.choice([None, None, rng.randrange(1, 20)])

        def outcome(processor: Any, splits: Any, take: int | None = take) -> tuple[list[Any], str]:
            values: list[Any] = []
            parts = processor.run(SumStage(), splits)
            try:
                for part in parts:
                    if part.index is not None:
                        values.append(part.value)
                    if len(values) == take:
                        parts.close()
            except ValueError as error:
                return values, str(error)
            return values, "end"

        expected = outcome(SimpleProcessor(), splits)
        with no_thread_left():
            strategy = rng.choice(sorted(STRATEGIES))
            with AdaptiveProcessor(rng.randrange(1, 9), wait=wait, strategy=strategy) as processor:
                for prefetch in (False, True):
                    assert outcome(processor, ScriptedSplits(splits, prefetch=prefetch)) == expected


@pytest.mark.parametrize("wait", WAITS)
def test_exchange_under_random_failures(wait: str) -> None:
    for seed in range(ROUNDS * 4):
        rng = random.Random(seed)
        n, fails = rng.randrange(1, 6), rng.choice([None, rng.randrange(40)])
        rows = [tuple(rng.randrange(50) for _ in range(rng.randrange(20))) for _ in range(40)]
        splits = [ScriptedSplit(values, ValueError("bad") if i == fails else None) for i, values in enumerate(rows)]
        with no_thread_left(), AdaptiveProcessor(n, wait=wait) as processor:
            parts = processor.run(ExchangeStage(Exchange(n, 1 + seed % 3, wait)), splits)
            if fails is None:
                assert sum(len(part.value) for part in parts) == sum(len(split.values) for split in splits)
            else:
                with pytest.raises(ValueError, match="bad"):
                    list(parts)


@pytest.mark.parametrize("wait", WAITS)
def test_cancel_of_a_run_at_any_moment(wait: str) -> None:
    splits = [ScriptedSplit((i,)) for i in range(200)]
    for seed in range(ROUNDS * 4):
        with no_thread_left(), AdaptiveProcessor(3, wait=wait) as processor, Crowd() as crowd:

            def run(processor: AdaptiveProcessor = processor) -> int:
                try:
                    return len(list(processor.run(SumStage(), splits)))
                except Cancelled:
                    return -1

            task = crowd.run(run)
            crowd.until(lambda p=processor, s=seed: p.progress.splits_done >= s % 190)
            processor.cancel()
            assert task.result() in (-1, 203)
