"""Wake-up times and idle receivers, with few samples: their structure, not their figures."""

from __future__ import annotations

from typing import Any

import pytest

from velothread.errors import OptionError
from velothread.lab import pinning
from velothread.lab import wakes as module
from velothread.lab.idle import idle
from velothread.lab.wakes import CASES, PLACEMENTS, QUEUE, wake_latency, wakes
from velothread.options import WAITS


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    # More than one block in one case, and fewer samples in the other.
    return wakes(60, idle_samples=7, idle_ms=0.0)


def test_every_way_to_wait_is_there_in_both_cases(found: list[dict[str, Any]]) -> None:
    assert [(w["wait"], w["case"]) for w in found] == [(wait, case) for case in CASES for wait in (*WAITS, QUEUE)]
    assert {w["placement"] for w in found} == {"free"}
    assert {w["case"]: w["samples"] for w in found} == {"ping-pong": 60, "idle": 7}


def test_counts_of_the_histogram_add_up(found: list[dict[str, Any]]) -> None:
    for wake in found:
        assert sum(count for _, count in wake["histogram"]) == wake["samples"]
        uppers = [upper for upper, _ in wake["histogram"]]
        assert uppers == sorted(set(uppers))
        assert wake["histogram"][0][1] > 0 and wake["histogram"][-1][1] > 0


def test_percentiles_are_where_the_histogram_has_them(found: list[dict[str, Any]]) -> None:
    for wake in found:
        assert 0.0 <= wake["p50_us"] <= wake["p90_us"] <= wake["p99_us"] <= wake["max_us"]
        for name, fraction in (("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("max_us", 1.0)):
            rank = min(wake["samples"] - 1, int(fraction * wake["samples"]))
            lower = -1.0  # the first bucket has all below it
            for upper, count in wake["histogram"]:
                if rank < count:
                    assert lower < wake[name] <= upper
                    break
                rank -= count
                lower = upper


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("placement", PLACEMENTS)
def test_one_alone(case: str, placement: str) -> None:
    wake = wake_latency("condvar", 5, case=case, idle_ms=0.0, placement=placement)
    assert (wake["wait"], wake["case"], wake["samples"]) == ("condvar", case, 5)
    # Where the system can't do what was asked for, it says so.
    assert wake["placement"] in {placement, "free"}


def test_a_core_that_is_not_there_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", list)
    assert wake_latency(QUEUE, 2, placement="one core")["placement"] == "free"
    monkeypatch.setattr(module, "cores", lambda: pinning.cores()[:1])
    assert wake_latency(QUEUE, 2, placement="two cores")["placement"] == "free"


def test_pinning_holds_for_the_thread_alone() -> None:
    before = pinning.cores()
    wake_latency(QUEUE, 2, placement="one core")
    assert pinning.cores() == before


def test_none_of_this_name() -> None:
    with pytest.raises(OptionError, match="hybrid"):
        wake_latency("hybird", 5)
    with pytest.raises(OptionError, match="one core"):
        wake_latency("hybrid", 5, placement="one cores")


def test_an_idle_receiver_uses_some_share_of_a_core() -> None:
    found = idle(0.0)
    assert found["seconds"] == 0.0
    assert list(found["cpu_share"]) == list(WAITS)
    assert all(share >= 0.0 for share in found["cpu_share"].values())
