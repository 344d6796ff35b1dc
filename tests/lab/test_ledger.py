"""Where the wall time of all threads went; the timeline."""

from __future__ import annotations

import json

from velothread.lab.figures import LEDGER, SetUp
from velothread.lab.ledger import ledger_of
from velothread.lab.trace import timeline
from velothread.lab.trials import Bench
from velothread.lab.workloads import study_workload
from velothread.processors.metrics import PartitionMetrics, StageMetrics


def spent(start: int, end: int, **ns: int) -> PartitionMetrics:
    return PartitionMetrics(started_ns=start, ended_ns=end, **{f"{name}_ns": value for name, value in ns.items()})


def test_parts_of_all_threads_add_up_to_their_wall_time() -> None:
    receivers = [spent(10, 90, source=10, engine=40, encode=5, waiting=20), spent(20, 90, engine=60, exchange=7)]
    stage = StageMetrics("pipeline 0", "adaptive", receivers, spent(5, 95, routing=10, waiting=60, sink=5))
    ledger = ledger_of([stage], 100, prepare_ns=2, merge_ns=1)
    assert ledger == {
        "source": 10, "engine": 105, "routing": 12, "handoff": 7, "waiting": 80, "merge": 1, "sink": 5,
        "unexplained": 100 + 80 + 70 - 220,
    }  # fmt: skip


def test_one_thread_is_counted_once_and_tasks_of_a_breaker_are_merging() -> None:
    only = StageMetrics("pipeline 0", "simple", [spent(10, 60, engine=50)], PartitionMetrics())
    tasks = StageMetrics("aggregate: merge", "simple", [spent(60, 90, engine=30)], PartitionMetrics())
    ledger = ledger_of([only, tasks], 100)
    assert (ledger["engine"], ledger["merge"], ledger["unexplained"]) == (50, 30, 20)


def test_a_run_has_an_account_of_its_time() -> None:
    bench = Bench(study_workload(2_000))
    for kind in ("simple", "fed", "passthrough", "adaptive"):
        trial, _ = bench.trial(SetUp(kind, "filter", 2_000, 100, 1))
        assert set(trial.ledger) == set(LEDGER)
        assert trial.ledger["engine" if kind != "passthrough" else "handoff"] > 0
        assert sum(trial.ledger.values()) >= trial.wall_ns
        # What is left over is what no part was measured to be: it must not be negative, or something counts twice.
        assert trial.ledger["unexplained"] >= 0
    assert bench.trial(SetUp("engine", "filter", 2_000, 100))[0].ledger == {}


def test_the_timeline_has_every_split_once_and_every_thread() -> None:
    bench = Bench(study_workload(2_000))
    _, stages = bench.trial(SetUp("adaptive", "filter", 2_000, 100, 2), trace=True)
    document = json.loads(json.dumps(timeline(stages, "a run")))
    events = document["traceEvents"]
    splits = [e["args"]["split"] for e in events if e["name"] == "split"]
    assert sorted(splits) == list(range(20))
    assert {e["args"]["name"] for e in events if e["name"] == "thread_name"} >= {"coordinator"}
    spans = [e for e in events if e["ph"] == "X"]
    assert min(e["ts"] for e in spans) == 0
    assert all(e["dur"] >= 0 for e in spans)
    waits = [e["args"]["ended"] for e in spans if e["name"] == "wait"]
    assert waits
    # Within a thread, spans follow each other or are one within the other: that is what viewers need.
    for tid in {e["tid"] for e in spans}:
        ends: list[float] = []
        for event in (e for e in spans if e["tid"] == tid):
            while ends and ends[-1] <= event["ts"] + 1e-6:
                ends.pop()
            assert not ends or event["ts"] + event["dur"] <= ends[-1] + 1e-3
            ends.append(event["ts"] + event["dur"])


def test_without_trace_no_span_is_kept() -> None:
    _, stages = Bench(study_workload(500)).trial(SetUp("adaptive", "filter", 500, 100, 2))
    assert all(part.spans is None and part.waits.spans is None for stage in stages for part in stage.partitions)
