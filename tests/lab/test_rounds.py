"""Set-ups take turns, and their answers are compared."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest

import velothread
from velothread.errors import OptionError
from velothread.lab.figures import SetUp, Trial
from velothread.lab.memory_source import MemorySource, in_memory
from velothread.lab.rounds import AnswersDiffer, measure
from velothread.lab.sweeps import (
    BATCH_ROWS,
    MOST_BATCHES,
    PARTITIONS,
    Query,
    essential,
    query_sweeps,
    study_sweeps,
)
from velothread.lab.trials import Bench
from velothread.lab.workloads import STUDY_QUERIES, Workload, study_workload
from velothread.options import STRATEGIES, WAITS
from velothread.sources.registry import open_source
from velothread.sources.source import Scan


def test_every_set_up_has_its_turn_in_each_round_after_a_warm_up() -> None:
    one, other = SetUp("simple", "q", 10, 5), SetUp("engine", "q", 10, 5)
    seen: list[tuple[SetUp, bool]] = []

    def tries(setup: SetUp, *, answer: bool) -> Trial:
        seen.append((setup, answer))
        return Trial(10, len(seen), 1, answer="same" if answer else None)

    found = measure([("a", one), ("b", other), ("b", one)], tries, 3)
    assert [m.setup for m in found] == [one, other]
    assert [m.tables for m in found] == [["a", "b"], ["b"]]
    assert [len(m.trials) for m in found] == [3, 3]
    turns = [seen[i : i + 2] for i in range(0, 8, 2)]
    assert [answer for _, answer in turns[0]] == [True, True]
    assert all({s for s, _ in turn} == {one, other} for turn in turns)
    assert not any(answer for turn in turns[1:] for _, answer in turn)
    assert min(t.wall_ns for m in found for t in m.trials) == 3  # the warm-up is not counted


def test_different_answers_are_an_error_that_says_whose() -> None:
    answers = itertools.count()
    setups = [("a", SetUp("simple", "q", 10, 5)), ("a", SetUp("engine", "q", 10, 5))]
    with pytest.raises(AnswersDiffer, match=r"simple, q, 5-record batches\n  engine alone, q"):
        measure(setups, lambda _, *, answer: Trial(10, 1, 1, answer=str(next(answers))), 1)


def test_all_set_ups_give_the_rows_of_the_query() -> None:
    """Each kind, wait, strategy and state: the digests of the study's queries are those of an ordinary session."""
    workload = study_workload(3_000)
    bench = Bench(workload)
    queries = [Query(n, 3_000, n in workload.costly, n in ("group by", "mixed")) for n in STUDY_QUERIES]
    asked = [
        (table, SetUp(**{**_fields(s), "records": min(s.records, 1_000), "cores": None}))
        for table, s in study_sweeps(queries, 3_000, 1)
        if s.batch_rows in (10, 1_000)
    ]
    found = measure(asked, lambda s, *, answer: bench.trial(s, answer=answer)[0], 1)
    by_query = {m.setup.query: m.answer for m in found if m.answer is not None}
    assert set(by_query) == {"filter", "group by", "python"}
    assert {m.setup.wait for m in found} == set(WAITS)
    with velothread.connect() as session:
        session.register("trades", workload.tables["trades"].slice(0, 1_000))
        session.register_function(workload.own[0])
        from velothread.lab.trials import digest_of

        for query, digest in by_query.items():
            result = session.query(workload.queries[query])
            assert digest_of(result, result.arrow().to_batches()) == digest


def _fields(setup: SetUp) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(setup)


def test_sweeps_cover_what_the_lab_promises() -> None:
    queries = [Query(n, 1_000_000, grouped=n != "filter") for n in STUDY_QUERIES]
    study = [s for _, s in study_sweeps(queries, 1_000_000, 2)]
    own = [s for _, s in query_sweeps(queries[1], 2)]
    for setups in (study, own):
        assert {s.kind for s in setups} == {"engine", "simple", "fed", "passthrough", "adaptive"}
        assert {s.batch_rows for s in setups} >= set(BATCH_ROWS)
        assert {s.partitions for s in setups} == set(PARTITIONS)
        assert {s.wait for s in setups} == set(WAITS)
        assert {s.strategy for s in setups} == set(STRATEGIES)
        assert {s.state for s in setups} == {"partitioned", "shared"}
        assert {s.cores for s in setups} == {None, 1, 2}
        assert all(s.records <= (s.batch_rows or s.records) * MOST_BATCHES for s in setups)
        assert any(essential(s) for s in setups)
    assert {s.batch_rows for s in own} >= {None}  # from files, too


def test_a_query_without_keys_is_not_dealt_by_key() -> None:
    setups = [s for _, s in query_sweeps(Query("q", 100), 2)]
    assert {s.strategy for s in setups} == {"auto", "sticky", "round-robin", "fan-in"}
    assert {s.state for s in setups} == {"partitioned"}


@pytest.mark.parametrize("size", [1, 3, 100])
def test_each_batch_is_a_split(size: int) -> None:
    batch = pa.record_batch({"a": list(range(10)), "b": list("abcdefghij")})
    source = MemorySource("t", batch, size)
    splits = list(source.splits(Scan(("b",))))
    rows = [b.to_pylist() for s in splits for b in s.batches()]
    assert [len(r) for r in rows[:-1]] == [size] * (len(rows) - 1)
    assert [r["b"] for part in rows for r in part] == list("abcdefghij")
    assert [b.num_rows for s in source.splits(Scan(())) for b in s.batches()] == [len(r) for r in rows]


def test_records_of_a_file_are_read_up_to_the_limit() -> None:
    source = open_source("data/trades-*.csv")
    batch = in_memory(source, 2_500)
    assert batch.num_rows == 2_500
    assert batch.schema.names == source.schema.names
    assert in_memory(open_source("data/trades-*.csv"), 10**6).num_rows == 4_000


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1", "reads no file or table"),
        ("COPY (SELECT 1 AS x) TO '/tmp/never.csv'", "it would write the file of a COPY many times"),
        ("SELECT 1; SELECT 2", "one statement at a time, not 2"),
    ],
)
def test_what_can_not_be_profiled_is_refused(sql: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Bench(Workload("query", {"query": sql}, 100)).facts("query")


def test_facts_of_a_query() -> None:
    bench = Bench(study_workload(2_000))
    assert [bench.facts(q).row_by_row for q in STUDY_QUERIES] == [False, False, True, True]
    assert [bench.facts(q).grouped for q in STUDY_QUERIES] == [False, True, False, True]
    assert [bench.facts(q).records for q in STUDY_QUERIES] == [2_000] * 4
