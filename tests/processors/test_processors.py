"""Simple and adaptive give the same parts and the same errors; closing, failing and cancelling stop everything."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velothread.errors import Cancelled, OptionError
from velothread.processors.adaptive.coordinator import AdaptiveProcessor
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.adaptive.partitioning import STRATEGIES, Facts
from velothread.processors.passthrough import Passthrough
from velothread.processors.simple import SimpleProcessor
from velothread.processors.stage import Processor, Stage
from velothread.sources.source import Split
from velothread.testing.scripted import ExchangeStage, ScriptedSplit, ScriptedSplits, SumStage
from velothread.testing.sequencer import Crowd, no_thread_left, until

WAITS = ("hybrid", "condvar", "spin", "yield", "sleep")


def outcome(processor: Processor, stage: Stage, splits: Iterable[Split]) -> tuple[list[Any], Any]:
    """The values of splits, and how it ended: the splits that were seen, sorted, or the error."""
    values: list[Any] = []
    seen: list[int] = []
    try:
        for part in processor.run(stage, splits):
            if part.index is None:
                seen += part.value[1]
            else:
                assert part.value[0] == part.index
                values.append(part.value)
    except (ValueError, SystemExit) as error:
        return values, repr(error)
    return values, sorted(seen)


scripts = st.lists(
    st.one_of(
        st.builds(ScriptedSplit, st.lists(st.integers(0, 99), max_size=3).map(tuple)),
        st.builds(ScriptedSplit, st.just((1,)), st.integers(0, 99).map(lambda i: ValueError(f"bad {i}"))),
        st.just(SystemExit(3)).map(lambda e: ScriptedSplit((), e)),
    ),
    max_size=40,
) | st.lists(st.builds(ScriptedSplit, st.lists(st.integers(0, 99), max_size=3).map(tuple)), max_size=200)


@settings(deadline=None, max_examples=60)
@given(
    scripts,
    st.integers(1, 5),
    st.sampled_from(WAITS),
    st.sampled_from(["auto", *STRATEGIES]),
    st.integers(1, 4),
    st.sampled_from(["list", "lazy", "prefetch"]),
    st.booleans(),
)
def test_adaptive_equals_simple(
    script: list[ScriptedSplit], n: int, wait: str, strategy: str, depth: int, how: str, source_fails: bool
) -> None:
    source_fails = source_fails and how != "list"
    full = [*script, ValueError("source")] if source_fails else script

    def splits() -> Iterable[Split]:
        return script if how == "list" else ScriptedSplits(full, prefetch=how == "prefetch")

    expected = outcome(SimpleProcessor(), SumStage(), splits())
    with no_thread_left(), AdaptiveProcessor(n, wait=wait, strategy=strategy, queue_depth=depth) as processor:
        assert outcome(processor, SumStage(), splits()) == expected
        # Whatever happened, the same threads run the next stage.
        assert outcome(processor, SumStage(), splits()) == expected
        assert processor.metrics.as_dict()["stages"][0]["total"]["splits"] >= len(expected[0])


@pytest.fixture(params=["simple", "adaptive-1", "adaptive-3"])
def processor(request: pytest.FixtureRequest) -> Iterable[SimpleProcessor | AdaptiveProcessor]:
    with no_thread_left():
        made = SimpleProcessor() if request.param == "simple" else AdaptiveProcessor(int(request.param[-1]))
        yield made
        made.close()


SPLITS = [ScriptedSplit((i,)) for i in range(50)]


def test_each_worker_finishes_even_without_splits(processor: Processor) -> None:
    parts = list(processor.run(SumStage(), []))
    assert [part.value for part in parts] == [("finish", ())] * processor.partitions


def test_early_close_leaves_it_reusable(processor: Processor) -> None:
    for _ in range(3):
        parts = processor.run(SumStage(), SPLITS)
        assert next(parts).value == (0, [0])
        parts.close()  # type: ignore[attr-defined]
    assert len(outcome(processor, SumStage(), SPLITS)[0]) == 50


def test_early_close_closes_a_lazy_source(processor: Processor) -> None:
    source = ScriptedSplits(SPLITS * 20)  # more than receivers may have in their queues before the first is done
    parts = processor.run(SumStage(), source)
    next(parts)
    assert not source.closed.is_set()
    parts.close()  # type: ignore[attr-defined]
    assert source.closed.is_set()


def test_failing_open(processor: Processor) -> None:
    with pytest.raises(ValueError, match="open"):
        list(processor.run(SumStage(open_error=ValueError("open")), SPLITS))


def test_failing_finish_comes_after_all_parts(processor: Processor) -> None:
    values, end = outcome(processor, SumStage(finish_error=ValueError("end")), SPLITS)
    assert (len(values), end) == (50, "ValueError('end')")


def test_nested_runs(processor: Processor) -> None:
    outer = processor.run(SumStage(), SPLITS[:4])
    found = [(part.index, len(list(processor.run(SumStage(), SPLITS[:5])))) for part in outer]
    assert found == [(i, 5 + processor.partitions) for i in [0, 1, 2, 3, *[None] * processor.partitions]]


def test_cancel_when_nothing_runs_does_nothing(processor: Processor) -> None:
    processor.cancel()
    assert len(outcome(processor, SumStage(), SPLITS)[0]) == 50


def test_cancel_between_two_runs_of_a_query_stops_the_second(processor: Processor) -> None:
    since = processor.cancels.count
    assert len(list(processor.run(SumStage(), SPLITS, since=since))) == 50 + processor.partitions
    processor.cancel()
    with pytest.raises(Cancelled):
        list(processor.run(SumStage(), SPLITS, since=since))


def test_cancel_before_the_first_part_is_asked_for(processor: Processor) -> None:
    parts = processor.run(SumStage(), SPLITS)
    processor.cancel()
    with pytest.raises(Cancelled):
        list(parts)


def test_cancel_between_parts(processor: Processor) -> None:
    parts = processor.run(SumStage(), SPLITS)
    next(parts)
    processor.cancel()
    with pytest.raises(Cancelled):
        list(parts)
    assert len(outcome(processor, SumStage(), SPLITS)[0]) == 50


@pytest.mark.parametrize("wait", WAITS)
def test_cancel_while_receivers_work(wait: str) -> None:
    gate = threading.Event()
    stuck = [ScriptedSplit((i,), before=gate.wait) for i in range(9)]
    with no_thread_left(), AdaptiveProcessor(2, wait=wait) as processor:
        with Crowd() as crowd:
            task = crowd.run(lambda: list(processor.run(SumStage(), stuck)))
            until(lambda: sum(p.started_ns > 0 for p in processor.progress.parts) == 2)
            processor.cancel()
            with pytest.raises(Cancelled):
                task.result()  # though the receivers have not come back
        gate.set()
        assert len(outcome(processor, SumStage(), SPLITS)[0]) == 50


def test_cancel_while_the_reader_blocks() -> None:
    event = threading.Event()
    source = ScriptedSplits([ScriptedSplit((1,)), event, ScriptedSplit((2,))], prefetch=True)
    with no_thread_left():
        with AdaptiveProcessor(2) as processor:
            parts = processor.run(SumStage(), source)
            assert next(parts).value == (0, [1])
            with Crowd() as crowd:
                task = crowd.run(lambda: list(parts))
                processor.cancel()
                with pytest.raises(Cancelled):
                    task.result()
        event.set()
        assert source.closed.wait(30)
        until(lambda: not any(t.name == "velothread-reader" for t in threading.enumerate()))


def test_close_of_a_run_while_the_reader_blocks() -> None:
    event = threading.Event()
    source = ScriptedSplits([ScriptedSplit((1,)), event], prefetch=True)
    with AdaptiveProcessor(2) as processor:
        parts = processor.run(SumStage(), source)
        next(parts)
        parts.close()  # type: ignore[attr-defined]
        assert len(outcome(processor, SumStage(), SPLITS)[0]) == 50
    event.set()
    until(lambda: not any(t.name == "velothread-reader" for t in threading.enumerate()))


def test_the_lowest_error_is_raised_after_the_parts_before_it() -> None:
    late = threading.Event()
    splits = [
        ScriptedSplit((0,)),
        ScriptedSplit((1,), ValueError("lower"), before=late.wait),
        ScriptedSplit((2,), ValueError("higher"), before=late.set),
    ]
    with no_thread_left(), AdaptiveProcessor(2) as processor:
        # Split 2 fails first: split 1 waits for it.
        assert outcome(processor, SumStage(), splits) == ([(0, [0])], "ValueError('lower')")


def test_window_bounds_what_is_dealt() -> None:
    source = ScriptedSplits(SPLITS * 20)
    with AdaptiveProcessor(2, strategy="sticky") as processor:
        parts = processor.run(SumStage(), source)
        next(parts)
        # The consumer takes no more: so no more than a window is dealt, however fast the receivers are.
        assert source.taken <= 2 * 2 * 64 + 6
        parts.close()  # type: ignore[attr-defined]


def test_slow_split_does_not_let_others_run_away() -> None:
    gate = threading.Event()
    source = ScriptedSplits([ScriptedSplit((0,), before=gate.wait), *SPLITS * 20])
    with no_thread_left(), AdaptiveProcessor(2) as processor, Crowd() as crowd:
        task = crowd.run(lambda: outcome(processor, SumStage(), source))
        until(lambda: processor.progress.splits_done >= 5)
        assert source.taken <= 2 * 2 * 64 + 6
        gate.set()
        assert len(task.result()[0]) == 1001


class _WaitsForItsTurn:
    """Quick splits, and one that does not end before the consumer has the one before it."""

    name = "waits"

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = threading.Event()

    def open(self, partition: int) -> _WaitsForItsTurn:
        return self

    def process(self, index: int, split: Split) -> int:
        if index == self.at:
            assert self.seen.wait(30), "the outcome of the split before did not get to the consumer"
        return index

    def finish(self) -> None:
        return None


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("partitions", [1, 3])
def test_outcomes_of_quick_splits_do_not_wait_for_a_slow_one(wait: str, partitions: int) -> None:
    """The coordinator isn't woken for each outcome while receivers have work: it comes for them by itself."""
    stage = _WaitsForItsTurn(150)
    splits = [ScriptedSplit((i,)) for i in range(400)]
    seen = []
    with no_thread_left(), AdaptiveProcessor(partitions, wait=wait) as processor:
        for part in processor.run(stage, splits):
            seen.append(part.value)
            if part.value == 149:
                stage.seen.set()
    assert seen == list(range(400))


def test_round_robin_and_fan_in_deal_as_said() -> None:
    with AdaptiveProcessor(3, strategy="round-robin") as processor:
        ends = [p.value[1] for p in processor.run(SumStage(), SPLITS[:9]) if p.index is None]
        assert ends == [(0, 3, 6), (1, 4, 7), (2, 5, 8)]
    with AdaptiveProcessor(3, strategy="fan-in") as processor:
        ends = [p.value[1] for p in processor.run(SumStage(), SPLITS[:9]) if p.index is None]
        assert ends == [tuple(range(9)), (), ()]


def test_strategy_that_cannot_serve_is_refused() -> None:
    with AdaptiveProcessor(2, strategy="hash") as processor, pytest.raises(OptionError, match="no keys"):
        processor.run(SumStage(), SPLITS, facts=Facts(keys=False))


def test_closed_processor_is_refused() -> None:
    processor = AdaptiveProcessor(2)
    processor.close()
    processor.close()
    with pytest.raises(OptionError, match="closed"):
        processor.run(SumStage(), SPLITS)


def test_threads_start_lazily_and_are_reused() -> None:
    before = set(threading.enumerate())
    with no_thread_left(), AdaptiveProcessor(2) as processor:
        parts = processor.run(SumStage(), SPLITS)
        assert set(threading.enumerate()) == before
        list(parts)
        first = set(threading.enumerate()) - before
        list(processor.run(SumStage(), SPLITS))
        assert set(threading.enumerate()) - before == first and len(first) == 2


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=20), st.integers(1, 4), st.sampled_from(WAITS))
def test_exchange_stage(rows: list[list[int]], n: int, wait: str) -> None:
    splits = [ScriptedSplit(tuple(r)) for r in rows]
    with no_thread_left(), AdaptiveProcessor(n, wait=wait) as processor:
        parts = list(processor.run(ExchangeStage(Exchange(n, 1, wait)), splits))
    flat = [(i, row) for i, split in enumerate(rows) for row in split]
    expected = [tuple(row for i, row in sorted(p for p in flat if p[1] % n == me)) for me in range(n)]
    assert [part.value for part in parts] == expected


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 19), st.integers(2, 4))
def test_failure_frees_those_that_wait_in_an_exchange(at: int, n: int) -> None:
    splits = [ScriptedSplit(tuple(range(20)), ValueError("bad") if i == at else None) for i in range(20)]
    with no_thread_left(), AdaptiveProcessor(n) as processor, pytest.raises(ValueError, match="bad"):
        list(processor.run(ExchangeStage(Exchange(n, 1)), splits))


def test_passthrough_and_metrics(processor: SimpleProcessor | AdaptiveProcessor) -> None:
    assert sum(len(part.value) for part in processor.run(Passthrough(), SPLITS)) == 50
    counted = [part.value for part in processor.run(Passthrough(count_only=True), SPLITS)]
    assert (len(counted), sum(counted)) == (processor.partitions, 50)
    stage = processor.metrics.as_dict()["stages"][1]
    assert (stage["total"]["records"], stage["total"]["splits"], stage["total"]["bytes"]) == (50, 50, 50)
    progress = processor.progress
    assert (progress.splits_done, progress.splits, progress.bytes_done, progress.records) == (50, 50, 50, 50)
    for row in processor.metrics.rows():
        parts = sum(value for key, value in row.items() if key.endswith("_s") and key != "wall_s")
        assert parts == pytest.approx(row["wall_s"]) and row["other_s"] > -1e-3
