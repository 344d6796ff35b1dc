"""The component benchmarks, with next to no iterations: their structure, and the study's figures beside them."""

from __future__ import annotations

from typing import Any

import pytest

from velothread.lab.components import components
from velothread.processors.adaptive.partitioning import STRATEGIES

# What the study says, in µs: its component table, and of the tokio measurements that it cites those we have a part for.
STUDY = {
    "record.clone()": 0.34,
    "Lock (Mutex)": 0.06,
    "SegQueue ops": 0.05,
    "Routing strategy": 0.30,
    "Batch coordination (0.1-0.2)": 0.2,
    "Context switching (0.1-0.5)": 0.5,
    "Task spawn + join (tokio)": 0.32 + 0.69,
    "yield_now() (tokio)": 1.30,
    "Channel send + recv (tokio)": 0.034 + 0.004,
    "10 µs sleep (phase 3)": 1175.0,
}


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return components(3, round_ms=0.02)


def test_every_component_of_the_study_is_there(found: list[dict[str, Any]]) -> None:
    figures = {c["study_name"]: c["study_us"] for c in found if c["study_name"] is not None}
    assert figures == pytest.approx(STUDY)
    assert all((c["study_us"] is None) == (c["study_name"] is None) for c in found)


def test_each_has_the_contracts_keys_and_a_name_of_its_own(found: list[dict[str, Any]]) -> None:
    for component in found:
        assert list(component) == ["name", "what", "ns", "study_us", "study_name"]
        assert list(component["ns"]) == ["median", "low", "high"]
        assert component["name"] and component["what"]
    names = [c["name"] for c in found]
    assert len(set(names)) == len(names)


def test_the_median_is_between_the_lowest_and_the_highest(found: list[dict[str, Any]]) -> None:
    # A part that is as quick as the empty loop may come out as 0 in so short a round, but never below.
    for component in found:
        ns = component["ns"]
        assert 0.0 <= ns["low"] <= ns["median"] <= ns["high"], component["name"]


def test_each_strategy_is_routed_by(found: list[dict[str, Any]]) -> None:
    names = {c["name"] for c in found}
    assert {f"routing {name}" for name in STRATEGIES} <= names


def test_what_is_given_per_record_is_a_hundredth_of_the_batch(found: list[dict[str, Any]]) -> None:
    named = {c["name"]: c for c in found}
    per_record = [name for name in named if name.endswith(", per record")]
    assert len(per_record) == len(STRATEGIES) + 7
    for name in per_record:
        batch = named[name.removesuffix(", per record")]
        assert named[name]["ns"] == pytest.approx({key: ns / 100 for key, ns in batch["ns"].items()})
        # The study's costs are per record.
        assert batch["study_us"] is None
