"""A table of groups that receivers share: who adds what when doesn't matter, and nobody is left waiting for a lock."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import velothread
from tests.breakers.dealing import Splits, column, cut, dealt, rows_of, serial
from velothread.breakers import shared_groups
from velothread.breakers.aggregate import AggregateBreaker, AggregateCall
from velothread.breakers.shared_groups import GroupTable, SplitOrder
from velothread.errors import Cancelled, ExecutionError, OptionError
from velothread.frontend.parameters import type_of
from velothread.kernels.aggregates import resolve_aggregate
from velothread.processors.metrics import PartitionMetrics
from velothread.sources import python_source
from velothread.testing.sequencer import Crowd, together, until
from velothread.types import BIGINT, DOUBLE, VARCHAR, SqlType

CHANCE = st.integers(0, 2**32).map(random.Random)


def call(name: str, types: Sequence[SqlType], arguments: Sequence[int], *constants: Any) -> AggregateCall:
    found = resolve_aggregate(name, [*types, *(type_of(c) for c in constants)])
    assert found is not None
    scalars = tuple(pa.scalar(c) for c in constants)
    return AggregateCall(found.function, found.parameters, found.returns, tuple(arguments), constants=scalars)


EXACT = (call("count", (), ()), call("sum", [BIGINT], [2]), call("first", [VARCHAR], [0]))
IN_ORDER = (call("sum", [DOUBLE], [1]), call("stddev", [DOUBLE], [1]), call("list", [BIGINT], [2]))


def grouped(breaker: AggregateBreaker, index: int, split: list[tuple[int, tuple[pa.Array, ...]]]) -> Any:
    """The partial of a split."""
    collector = breaker.collector()
    collector.begin(index)
    for rows, columns in split:
        collector.add(rows, columns)
    return collector.finish()


def rows(table: GroupTable) -> list[tuple[Any, ...]]:
    return [row for batch in table.result(serial) for row in rows_of(batch)]


def some(size: int, chance: random.Random) -> list[pa.Array]:
    return [column(t, size, chance) for t in (VARCHAR, DOUBLE, BIGINT)]


@given(
    size=st.integers(0, 40),
    keys=st.sampled_from([(), (VARCHAR,), (VARCHAR, DOUBLE)]),
    calls=st.sampled_from([EXACT, IN_ORDER, EXACT + IN_ORDER, ()]),
    receivers=st.integers(1, 5),
    few=st.sampled_from([1, 4, 1024]),
    many=st.sampled_from([1, 100_000]),
    chance=CHANCE,
)
def test_splits_may_come_in_any_order(
    size: int,
    keys: tuple[SqlType, ...],
    calls: tuple[AggregateCall, ...],
    receivers: int,
    few: int,
    many: int,
    chance: random.Random,
) -> None:
    breaker = AggregateBreaker(keys, calls)
    splits = cut(some(size, chance), size, chance)
    once = dealt(breaker, splits, 1, chance)
    with patch.multiple(shared_groups, _FEW_GROUPS=few, MANY_GROUPS=many):
        table = GroupTable(breaker, receivers)
        order = list(enumerate(splits))
        chance.shuffle(order)
        for index, split in order:
            place = chance.randrange(len(table.stripes))
            table.add(index, grouped(breaker, index, split), place, PartitionMetrics())
        assert repr(rows(table)) == repr(once)


def test_receivers_that_add_at_the_same_moment() -> None:
    chance = random.Random(3)
    breaker = AggregateBreaker((VARCHAR,), EXACT + IN_ORDER)
    splits: Splits = cut(some(400, chance), 400, chance)
    once = dealt(breaker, splits, 1, chance)
    receivers = 4

    def receive(table: GroupTable, metrics: PartitionMetrics) -> None:
        for index in range(metrics.partition, len(splits), receivers):
            table.add(index, grouped(breaker, index, splits[index]), metrics.partition, metrics)

    with patch.multiple(shared_groups, _FEW_GROUPS=1, _STRIPES=1):
        for _ in range(10):
            table = GroupTable(breaker, receivers)
            metrics = [PartitionMetrics(i) for i in range(receivers)]
            together([partial(receive, table, m) for m in metrics])
            assert repr(rows(table)) == repr(once)
            assert all(m.locks >= m.locks_busy >= m.lock_waits for m in metrics)


class WatchedLock:
    """A lock that tells when somebody is about to wait for it.

    Threading: as a lock's.
    """

    def __init__(self) -> None:
        self.inner = threading.Lock()
        self.awaited = threading.Event()

    def acquire(self, blocking: bool = True) -> bool:
        if blocking:
            self.awaited.set()
        return self.inner.acquire(blocking)

    def release(self) -> None:
        self.inner.release()


def test_a_taken_stripe_is_left_for_last_and_waited_for() -> None:
    breaker = AggregateBreaker((BIGINT,), (call("count", (), ()),))
    keys = pa.array(range(100))
    table = GroupTable(breaker, 1)
    taken, *free = table.stripes
    taken.lock = lock = WatchedLock()  # type: ignore[assignment]
    mine, theirs = PartitionMetrics(0), PartitionMetrics(1)
    table.add(0, grouped(breaker, 0, [(100, (keys,))]), 0, mine)
    lock.acquire(blocking=False)
    known = taken.groups
    with Crowd() as crowd:
        task = crowd.run(lambda: table.add(1, grouped(breaker, 1, [(100, (keys,))]), 0, theirs))
        until(lock.awaited.is_set)
        # the other stripes have been served meanwhile, this one has not
        assert sum(stripe.groups for stripe in free) == 2 * (100 - known)
        assert taken.groups == known
        lock.release()
        task.result()
    assert (mine.locks, mine.locks_busy, mine.lock_waits, mine.locks_ns) == (4, 0, 0, 0)
    assert (theirs.locks, theirs.locks_busy, theirs.lock_waits) == (4, 1, 1)
    assert theirs.locks_ns > 0
    assert rows(table) == [(k, 2) for k in range(100)]


def test_two_receivers_meet_in_one_stripe() -> None:
    """The second one comes while the first one merges under the lock."""
    breaker = AggregateBreaker((), (call("count", (), ()), call("sum", [DOUBLE], [0])))
    table = GroupTable(breaker, 2)
    (stripe,) = table.stripes
    stripe.lock = lock = WatchedLock()  # type: ignore[assignment]
    merging = threading.Event()
    merge = shared_groups.MergedGroups.add

    def slowly(self: Any, partials: Any) -> None:
        merging.set()
        until(lock.awaited.is_set)
        merge(self, partials)

    splits = [[(2, (pa.array([0.1 + i, 1e16]),))] for i in range(2)]
    first, second = PartitionMetrics(0), PartitionMetrics(1)
    with (
        patch.object(shared_groups, "_FEW_GROUPS", 1),
        patch.object(shared_groups.MergedGroups, "add", slowly),
        Crowd() as crowd,
    ):
        table.add(0, grouped(breaker, 0, splits[0]), 0, PartitionMetrics())  # complete: the next one merges it
        one = crowd.run(lambda: table.add(1, grouped(breaker, 1, splits[1]), 0, first))
        until(merging.is_set)
        two = crowd.run(lambda: table.add(2, grouped(breaker, 2, splits[0]), 0, second))
        one.result()
        two.result()
    assert (first.lock_waits, second.lock_waits) == (0, 1)
    assert repr(rows(table)) == repr(dealt(breaker, [*splits, splits[0]], 1, random.Random(0)))


@given(st.permutations(range(12)))
def test_splits_are_complete_when_none_is_missing(order: list[int]) -> None:
    splits = SplitOrder()
    for i, index in enumerate(order):
        splits.add(index)
        there = set(order[: i + 1])
        assert splits.complete == next(n for n in range(13) if n not in there)


def test_a_failing_merge_gives_its_lock_back() -> None:
    breaker = AggregateBreaker((), (call("count", (), ()),))
    table = GroupTable(breaker, 1)

    def fail(self: Any, partials: Any) -> None:
        raise MemoryError

    with (
        patch.object(shared_groups, "_FEW_GROUPS", 1),
        patch.object(shared_groups.MergedGroups, "add", fail),
        pytest.raises(MemoryError),
    ):
        table.add(0, grouped(breaker, 0, []), 0, PartitionMetrics())
    assert not table.stripes[0].lock.locked()


# --- in queries


@pytest.fixture
def small_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch a split: what is registered here would be one split else, run by the coordinator."""
    monkeypatch.setattr(python_source, "SPLIT_ROWS", 10)


def session(**options: Any) -> velothread.Session:
    found = velothread.connect(processor="adaptive", partitions=3, batch_rows=10, state="shared", **options)
    found.register("t", pa.table({"k": [i % 7 for i in range(1000)], "s": [str(i) for i in range(1000)]}))
    return found


@pytest.mark.usefixtures("small_splits")
def test_a_failure_ends_all_receivers() -> None:
    with session() as shared:
        with pytest.raises(velothread.UserError, match="x"):
            shared.query("SELECT k, sum(CAST(CASE s WHEN '555' THEN 'x' ELSE s END AS INT)) FROM t GROUP BY k").arrow()
        assert shared.query("SELECT k FROM t GROUP BY k").arrow().num_rows == 7


@pytest.mark.usefixtures("small_splits")
def test_a_cancelled_query_ends_while_its_receivers_add() -> None:
    add = shared_groups.Stripe.add
    with session() as shared:

        def cancelling(self: Any, index: int, *rest: Any) -> None:
            if index == 50:
                shared.cancel()
            add(self, index, *rest)

        with patch.object(shared_groups.Stripe, "add", cancelling), pytest.raises(Cancelled):
            shared.query("SELECT k, count(*) FROM t GROUP BY k").arrow()
        assert shared.query("SELECT count(*) FROM t").fetchone() == (1000,)


@pytest.mark.usefixtures("small_splits")
def test_a_merge_that_fails_fails_the_query() -> None:
    def fail(self: Any, partials: Any) -> None:
        raise ExecutionError("no merge")

    with session() as shared:
        failing = patch.object(shared_groups.MergedGroups, "add", fail)
        with failing, patch.object(shared_groups, "_FEW_GROUPS", 1), pytest.raises(ExecutionError, match="no merge"):
            shared.query("SELECT k, count(*) FROM t GROUP BY k").arrow()


@pytest.mark.usefixtures("small_splits")
@pytest.mark.parametrize("processor", ["simple", "adaptive"])
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT k, count(*) FROM t GROUP BY k", "state shared in"),
        ("SELECT DISTINCT k FROM t", "state shared in"),
        ("SELECT count(*) FROM t", "state shared in 1 stripe"),
        ("SELECT k FROM t ORDER BY s", "state partitioned: only groups can be shared"),
        ("SELECT sum(k) OVER (ORDER BY s) FROM t", "state partitioned: only groups can be shared"),
        ("SELECT own(k) FROM t", "state partitioned: objects of Python aggregates belong to their receivers"),
        ("SELECT k FROM t", ""),
    ],
)
def test_statistics_say_how_state_is_kept(processor: str, sql: str, said: str) -> None:
    class Own:
        def __init__(self) -> None:
            self.total = 0

        def step(self, k: int) -> None:
            self.total += k

        def merge(self, other: Any) -> None:
            self.total += other.total

        def finish(self) -> int:
            return self.total

    with session() as shared, velothread.connect(processor=processor, partitions=2, state="shared") as asked:  # type: ignore[arg-type]
        asked.register("t", shared.query("FROM t").arrow())
        asked.register_function(Own, "own")
        result = asked.query(sql)
        result.arrow()
        stage = result.stats.stages[0]
        assert said in stage.choice
        assert bool(said) == ("state" in stage.choice)
        assert (sum(p.locks for p in stage.partitions) > 0) == ("shared in" in said)


@pytest.mark.parametrize("strategy", ["hash", "smart"])
def test_an_exchange_of_shared_state_is_refused(strategy: Any) -> None:
    with pytest.raises(OptionError, match="state='shared' there is one table of them; use strategy 'sticky'"):
        velothread.connect(strategy=strategy, state="shared")


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(OptionError, match="did you mean 'shared'"):
        velothread.connect(state="shard")  # type: ignore[arg-type]


def test_the_table_of_statistics_shows_locks_when_there_were_any() -> None:
    sql = "SELECT k, count(*) FROM t GROUP BY k"
    with session() as shared, velothread.connect(processor="adaptive", partitions=2) as partitioned:
        partitioned.register("t", shared.query("FROM t").arrow())
        for asked, shown in ((shared, True), (partitioned, False)):
            result = asked.query(sql)
            result.arrow()
            assert ("locks taken" in result.stats.render()) == shown
            assert result.stats.as_dict()["stages"][0]["total"].keys() >= {
                "locks",
                "locks_busy",
                "lock_waits",
                "locks_s",
            }
