"""What `--stats` shows: what was chosen and why, and where the time went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from velothread.processors.metrics import TIMES, StageMetrics

if TYPE_CHECKING:
    from velothread.functions.bound import BoundFunction
    from velothread.functions.figures import FunctionFigures


@dataclass(slots=True)
class Statistics:
    """The statistics of one query: times in seconds. What the coordinator did between stages: prepare_s, it made
    them, and tidied up; merge_s, it put partial results together. functions: what the Python functions in it cost.

    Threading: written by the thread that runs the query, read by any.
    """

    processor: str = ""
    reason: str = ""
    partitions: int = 1
    parse_s: float = 0.0
    bind_s: float = 0.0
    compile_s: float = 0.0
    run_s: float = 0.0
    prepare_s: float = 0.0
    merge_s: float = 0.0
    rows: int = 0
    refused: int = 0
    failures: dict[str, int] = field(default_factory=dict)  # per Python function: rows for which it failed
    stages: list[StageMetrics] = field(default_factory=list)
    functions: list[FunctionFigures] = field(default_factory=list)

    def measured(self, functions: Sequence[BoundFunction]) -> None:
        """The run is over (`stages` is known), and these were its Python functions."""
        from velothread.functions.figures import figures_of

        gil = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
        self.functions = figures_of(functions, self.stages, gil=gil)

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        names = (
            "processor", "reason", "partitions", "parse_s", "bind_s", "compile_s", "run_s", "prepare_s", "merge_s",
            "rows", "refused", "failures",
        )  # fmt: skip
        found = {n: getattr(self, n) for n in names} | {"stages": [s.as_dict() for s in self.stages]}
        return found | {"functions": [f.as_dict() for f in self.functions]}

    def rows_of_table(self) -> list[dict[str, Any]]:
        """A row per stage and partition, all with the same keys."""
        from velothread.processors.metrics import QueryMetrics

        return QueryMetrics(list(self.stages)).rows()

    def summary(self) -> list[str]:
        """Two lines: what ran the query, and how long its stages took."""
        return [
            f"processor: {self.processor} ({self.reason})",
            f"parse {_ms(self.parse_s)}, bind and plan {_ms(self.bind_s)}, compile {_ms(self.compile_s)}, "
            f"run {_ms(self.run_s)}{self._merging()}; {_rows(self.rows)} out"
            + (f", {_rows(self.refused)} refused" if self.refused else ""),
        ]

    def _merging(self) -> str:
        return f" (merging {_ms(self.merge_s)})" if self.merge_s >= 1e-4 else ""

    def render(self) -> str:
        """For people: one block of text."""
        lines = self.summary()
        for stage in self.stages:
            lines.append("")
            lines.append(
                f"{stage.name}: strategy {stage.strategy} ({stage.choice}), wait {stage.wait}"
                if stage.choice
                else stage.name
            )
            lines.append(_table(stage))
        return "\n".join([*lines, *self.of_functions()])

    def of_functions(self) -> list[str]:
        """The table of the Python functions, with a line before it; nothing where there are none."""
        if not self.functions:
            return []
        from velothread.functions.figures import table

        return ["", "python functions (times in µs per call)", *table(self.functions)]


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


_COUNTERS = (
    ("records", "records"), ("batches", "batches"), ("splits", "splits"), ("queue_depth", "queue"), ("spins", "spins"),
    ("yields", "yields"), ("sleeps", "sleeps"), ("blocks", "blocks"), ("wake_p50_us", "wake p50 µs"),
    ("locks", "locks taken"), ("locks_busy", "busy"), ("lock_waits", "waited for"),
)  # fmt: skip


def _table(stage: StageMetrics) -> str:
    """Partitions as rows; only the columns that say something. Times in ms; they add up to the wall time."""
    described = stage.as_dict()
    rows = [(str(p.partition), p.as_dict()) for p in stage.partitions]
    for role in ("coordinator", "reader"):
        if described[role] is not None and stage.processor != "simple":
            rows.append((role, described[role]))
    if len(rows) > 1:
        rows.append(("total", described["total"]))
    columns: list[tuple[str, str]] = [(k, title) for k, title in _COUNTERS if any(r.get(k) for _, r in rows)]
    columns += [(f"{t}_s", t) for t in (*TIMES, "other") if any(abs(r[f"{t}_s"]) >= 5e-5 for _, r in rows)]
    columns.append(("wall_s", "wall"))
    header = ["partition", *(title for _, title in columns)]
    cells = [[name, *(_cell(k, r.get(k)) for k, _ in columns)] for name, r in rows]
    widths = [max(len(x[i]) for x in [header, *cells]) for i in range(len(header))]
    return "\n".join(
        "  " + "  ".join(x.rjust(w) if i else x.ljust(w) for i, (x, w) in enumerate(zip(row, widths, strict=True)))
        for row in [header, *cells]
    )


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if key.endswith("_s"):
        return f"{value * 1e3:.1f}"
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"
