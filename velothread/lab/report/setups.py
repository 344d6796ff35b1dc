"""What was measured, and what people call it: sweeps of the lab and the set-ups in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from velothread.lab.figures import KINDS

Measurement = Mapping[str, Any]

WAITS = ("hybrid", "spin", "yield", "sleep", "condvar")

# What a set-up is told apart by, after its kind, and how each is said. `query` comes first: it heads what follows.
_SAID: dict[str, Callable[[Any], str]] = {
    "query": str,
    "records": lambda value: f"{value:,} records" if isinstance(value, int) else f"{value} records",
    "batch_rows": lambda value: f"{value:,}-record batches" if isinstance(value, int) else f"{value}-record batches",
    "partitions": lambda value: f"{value} partition{'' if value == 1 else 's'}",
    "wait": lambda value: f"{value} waits",
    "strategy": str,
    "state": lambda value: f"{value} state",
    "cores": lambda value: f"{value} core{'' if value == 1 else 's'}",
}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a list of the report; none where it has no such list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping of the report, or an empty one where it has none."""
    return value if isinstance(value, Mapping) else {}


def sweep(report: Mapping[str, Any], name: str) -> list[Measurement]:
    """The measurements of one sweep: set-ups, batch size, partitions, waits, strategies, state or cores."""
    return [found for found in mappings(report.get("measurements")) if name in (found.get("tables") or ())]


def sweep_names(report: Mapping[str, Any]) -> list[str]:
    """The sweeps there are, in the order in which the report has them."""
    return list(dict.fromkeys(name for m in mappings(report.get("measurements")) for name in m.get("tables") or ()))


def setup(measurement: Measurement) -> Mapping[str, Any]:
    """How a measurement was set up."""
    return mapping(measurement.get("setup"))


def by_query(measurements: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """Measurements by their query: figures of different ones can't be compared."""
    found: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        found.setdefault(str(setup(measurement).get("query") or ""), []).append(measurement)
    return found


def by_workload(measurements: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    """Measurements by their query and the size of their batches, which is said where a query has several."""
    found: dict[str, list[Measurement]] = {}
    for query, of in by_query(measurements).items():
        sizes = list(dict.fromkeys(setup(m).get("batch_rows") for m in of))
        for size in sizes:
            said = _SAID["batch_rows"](size) if len(sizes) > 1 else ""
            name = ", ".join(filter(None, [query, said]))
            found[name] = [m for m in of if setup(m).get("batch_rows") == size]
    return found


def labels(measurements: Sequence[Measurement], *, apart_from: tuple[str, ...] = (), kind: bool = True) -> list[str]:
    """A name for each measurement: its kind and the settings in which measurements of that kind differ.

    `apart_from` names settings that are said elsewhere (on an axis, in a heading). Without `kind`, the kind is said
    only where kinds differ.
    """
    setups = [setup(measurement) for measurement in measurements]
    several = len({str(it.get("kind")) for it in setups}) > 1
    names = []
    for one in setups:
        same = [it for it in setups if it.get("kind") == one.get("kind")]
        parts = [KINDS.get(str(one.get("kind")), str(one.get("kind") or "set-up"))] if kind or several else []
        for key, said in _SAID.items():
            differs = len({str(it.get(key)) for it in same}) > 1
            if key not in apart_from and differs and one.get(key) is not None:
                parts.append(said(one[key]))
        names.append(", ".join(parts) or KINDS.get(str(one.get("kind")), "set-up"))
    return names


def settings(measurement: Measurement) -> str:
    """All settings of a set-up in one text."""
    one = setup(measurement)
    kind = KINDS.get(str(one.get("kind")), str(one.get("kind") or "set-up"))
    return ", ".join([kind, *(said(one[key]) for key, said in _SAID.items() if one.get(key) is not None)])


def rank(measurement: Measurement) -> int:
    """Where a set-up stands among its like: from the engine alone to all of the adaptive processor."""
    kind = setup(measurement).get("kind")
    return list(KINDS).index(kind) if kind in KINDS else len(KINDS)
