"""Strategies deal as they say, and are refused or chosen with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velothread.errors import OptionError
from velothread.options import STRATEGIES as NAMES
from velothread.processors.adaptive.partitioning import STRATEGIES, Facts, choose_strategy

loads = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@given(st.sampled_from(sorted(STRATEGIES)), loads, st.integers(1, 4))
def test_a_dealer_never_overfills(name: str, outstanding: list[int], limit: int) -> None:
    target = STRATEGIES[name].dealer()(outstanding, limit)
    if target is not None:
        assert outstanding[target] < limit
    elif STRATEGIES[name].by_demand:
        assert min(outstanding) >= limit


@given(loads, st.integers(1, 4))
def test_by_demand_takes_the_least_loaded(outstanding: list[int], limit: int) -> None:
    target = STRATEGIES["sticky"].dealer()(outstanding, limit)
    assert target is None or outstanding[target] == min(outstanding)


def test_names_are_those_of_the_options() -> None:
    assert {"auto", *STRATEGIES} == set(NAMES)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(keys=True), "sticky"),
        (Facts(keys=True, partitioned=True), "smart"),
        (Facts(keys=False), "sticky"),
        (Facts(keys=None, splits=1), "sticky"),
        (Facts(splittable=False), "sticky"),
    ],
)
def test_auto_says_why(facts: Facts, expected: str) -> None:
    choice = choose_strategy("auto", facts)
    assert choice.strategy.name == expected
    assert len(choice.reason) > 20
    assert choice.strategy.refusal(facts) is None


@pytest.mark.parametrize("name", ["hash", "smart"])
def test_refused_without_keys(name: str) -> None:
    with pytest.raises(OptionError, match=r"can't serve this query: the query has no keys.*use 'sticky' or 'auto'"):
        choose_strategy(name, Facts(keys=False))
    assert choose_strategy(name, Facts(keys=None)).strategy.name == name


def test_exchange_is_left_out_where_the_source_is_partitioned() -> None:
    assert STRATEGIES["hash"].exchanges(Facts(keys=True, partitioned=True))
    assert STRATEGIES["smart"].exchanges(Facts(keys=True))
    assert not STRATEGIES["smart"].exchanges(Facts(keys=True, partitioned=True))
    assert not STRATEGIES["sticky"].exchanges(Facts(keys=True))


def test_unknown_strategy() -> None:
    with pytest.raises(OptionError, match="did you mean 'fan-in'"):
        choose_strategy("fanin", Facts())
