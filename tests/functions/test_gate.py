"""The gate: one alone keeps others out, waits for those inside, and nobody waits for ever."""

from __future__ import annotations

from velothread.functions.gate import Gate, Visit
from velothread.testing.sequencer import Crowd, together

LONG = 60.0


def test_several_go_in_together() -> None:
    gate = Gate()
    first, second = gate.enter(), gate.enter()
    assert gate.leave(second) == Visit(2, alone=False)
    assert gate.leave(first) == Visit(1, alone=False)


def test_one_that_nobody_joins_is_alone() -> None:
    gate = Gate()
    assert gate.leave(gate.enter()) == Visit(1, alone=True)


def test_one_that_somebody_joins_is_not_alone_though_he_has_left() -> None:
    gate = Gate()
    first = gate.enter()
    gate.leave(gate.enter())
    assert gate.leave(first) == Visit(1, alone=False)


def test_one_alone_waits_for_those_inside_and_keeps_others_out() -> None:
    gate = Gate(LONG)
    inside = gate.enter()
    with Crowd() as crowd:
        alone = crowd.run(gate.enter_alone)
        crowd.until(lambda: gate._kept)
        outside = crowd.run(gate.enter)
        assert gate._inside == 1
        gate.leave(inside)
        ticket = alone.result()
        assert gate._inside == 1
        assert gate.leave(ticket) == Visit(1, alone=True)
        gate.leave(outside.result())


def test_of_two_that_want_to_be_alone_one_is_and_the_other_comes_after() -> None:
    gate = Gate(LONG)
    inside = gate.enter()
    with Crowd() as crowd:
        first = crowd.run(gate.enter_alone)
        crowd.until(lambda: gate._kept)
        second = crowd.run(gate.enter_alone)
        gate.leave(inside)
        assert gate.leave(first.result()).alone
        gate.leave(second.result())


def test_one_who_would_be_alone_goes_in_with_those_who_stay() -> None:
    gate = Gate(patience_s=0.001)
    stays = gate.enter()
    assert gate.leave(gate.enter_alone()) == Visit(2, alone=False)
    gate.leave(stays)
    assert gate.leave(gate.enter()).alone  # it is open again


def test_others_do_not_wait_for_ever_for_one_alone() -> None:
    gate = Gate(patience_s=0.001)
    alone = gate.enter_alone()
    other = gate.enter()
    gate.leave(other)
    assert not gate.leave(alone).alone


def test_nobody_asks_to_be_alone_where_there_is_one_thread() -> None:
    gate = Gate()
    gate.join()
    assert not gate.due()
    gate.join()
    assert gate.due()


def test_time_alone_is_rationed() -> None:
    gate = Gate(rest=1 << 60)
    gate.join()
    gate.join()
    gate.leave(gate.enter_alone())
    assert not gate.due()


def test_many_threads_all_get_through() -> None:
    gate = Gate(LONG)

    def visits() -> int:
        alone = 0
        for i in range(200):
            alone += gate.leave(gate.enter_alone() if i % 3 == 0 else gate.enter()).alone
        return alone

    counts = together([visits] * 4)
    assert len(counts) == 4
    assert gate._inside == 0
