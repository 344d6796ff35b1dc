"""Is `hybrid` as good as the best way to wait, in each workload, in throughput and in CPU time?"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from velothread.lab.figures import Measurement
from velothread.lab.found import Found
from velothread.lab.sweeps import WAITING

# It may be worse than the best by so much.
ALLOWED = 0.10


def hybrid_against_best(found: Found) -> list[dict[str, Any]]:
    """A row per workload. `throughput_of_best`: its throughput as a share of the best one's; `cpu_of_best`: its CPU
    time over that of the least. Both are medians of the rounds' ratios: what took turns in a round saw the same noise.
    """
    workloads: dict[str, dict[str, Measurement]] = {}
    for one in found.table(WAITING):
        setup = one.setup
        name = f"{setup.workload}, {_how(setup.kind, setup.partitions)}"
        workloads.setdefault(name, {})[setup.wait] = one
    return [_compared(name, ways) for name, ways in workloads.items() if "hybrid" in ways and len(ways) > 1]


def _how(kind: str, partitions: int) -> str:
    if kind == "fed":
        return "receiver fed directly"
    parts = f"{partitions} partition{'s' if partitions > 1 else ''}"
    return f"passthrough, {parts}" if kind == "passthrough" else parts


def _compared(name: str, ways: Mapping[str, Measurement]) -> dict[str, Any]:
    fastest = min(ways, key=lambda w: ways[w].latency_us.median)
    leanest = min(ways, key=lambda w: ways[w].cpu_us.median)
    hybrid = ways["hybrid"].trials
    throughput = median(b.wall_ns / h.wall_ns for h, b in zip(hybrid, ways[fastest].trials, strict=True))
    cpu = median(h.cpu_ns / max(b.cpu_ns, 1) for h, b in zip(hybrid, ways[leanest].trials, strict=True))
    return {
        "workload": name,
        "figures": {
            way: {"latency_us": one.latency_us.median, "cpu_us": one.cpu_us.median} for way, one in ways.items()
        },
        "throughput_of_best": throughput,
        "cpu_of_best": cpu,
        "best_throughput": fastest,
        "best_cpu": leanest,
        "met": throughput >= 1 - ALLOWED and cpu <= 1 + ALLOWED,
    }


__all__ = ["ALLOWED", "hybrid_against_best"]
