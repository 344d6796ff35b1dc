"""Which node of a plan each part of a pipeline came from: kept while a plan is cut that is to be measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from velothread.plan.nodes import Node


@dataclass(slots=True)
class Origins:
    """By pipeline, or by pipeline and branch.

    inputs: the scan, or whatever else a branch begins with. steps: a node per step. ends: the node that a breaker does
    the work of. shared: of each number, the one that was cut.
    """

    inputs: dict[tuple[int, int], Node] = field(default_factory=dict)
    steps: dict[tuple[int, int], tuple[Node, ...]] = field(default_factory=dict)
    ends: dict[int, Node] = field(default_factory=dict)
    shared: dict[int, Node] = field(default_factory=dict)


__all__ = ["Origins"]
