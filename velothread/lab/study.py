"""The tables of the reference study, one for one, with our figures beside its own.

The study: a profile of a multi-partition processor in Rust on tokio, 10,000 records, batches of 100. Its figures are in
the column "the study"; µs are per record unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from velothread.lab.figures import Measurement, SetUp
from velothread.lab.found import Found, overhead, ratio
from velothread.lab.sweeps import BATCHES, PARTITIONS, STUDY_BATCH, STUDY_RECORDS, WAITING
from velothread.lab.words import digits, percent, rate, times, us
from velothread.processors.metrics import PHASES

_FILTER = "filter"
# µs per record in the study.
ENGINE_US, PROCESSOR_US, RECEIVER_US = 5.45, 60.43, 26.18
_BATCHES_US = {10: 60.43, 50: 60.39, 100: 60.48, 500: 60.45, 1000: 60.37}
_PARTITIONS_US = {1: 60.48, 2: 60.44, 4: 60.47, 8: 60.45}
_COLUMNS = ["measure", "the study", "here"]


def study_tables(
    found: Found, components: Sequence[Mapping[str, Any]] = (), recommended: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Title, columns, rows and a finding (a sentence made from the figures) of each table that has figures."""
    tables = [
        _direct(found),
        _passthrough(found),
        _overhead(found),
        _components(found, components),
        _batch_sizes(found),
        _partitions(found),
        _yields(found),
        _receivers(found),
        _phases(found),
        _recommended(recommended),
    ]
    return [table for table in tables if table is not None]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], finding: str) -> dict[str, Any]:
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows], "finding": finding}


def _at(found: Found, kind: str, records: int, batch_rows: int = STUDY_BATCH, **more: Any) -> Measurement | None:
    """With the study's own number of records, or as many as there were."""
    exact = found.setup(SetUp(kind, _FILTER, records, batch_rows, **more))
    return exact or found.of(kind, _FILTER, batch_rows, **more)


def _direct(found: Found) -> dict[str, Any] | None:
    few = _at(found, "engine", STUDY_RECORDS[0])
    many = found.of("engine", _FILTER, STUDY_BATCH)
    if few is None or many is None:
        return None
    rows = [
        ["latency", "5.45 - 5.90 µs", _spread(few)],
        ["throughput", "169 - 172 K/s", rate(few.throughput.median)],
        [f"latency, {many.records:,} records", "-", _spread(many)],
        ["method", "engine called directly", "the compiled function called batch by batch"],
    ]
    faster = times(ENGINE_US / few.latency_us.median)
    return _table(
        "Direct execution", _COLUMNS, rows, f"The engine alone is {faster} as fast as the study's, a batch at a time."
    )


def _passthrough(found: Found) -> dict[str, Any] | None:
    few, many = _at(found, "passthrough", STUDY_RECORDS[0]), found.of("passthrough", _FILTER, STUDY_BATCH)
    if few is None or many is None:
        return None
    rows = [
        ["latency", "60.36 - 60.52 µs", _spread(few)],
        ["throughput", "16.5 - 16.6 K/s", rate(few.throughput.median)],
        [f"latency, {many.records:,} records", "-", _spread(many)],
        ["method", "processor with a passthrough engine", "adaptive, one partition, with the passthrough stage"],
    ]
    return _table(
        "The processor with a passthrough engine", _COLUMNS, rows,
        f"Bringing a record to a partition and back costs {us(many.latency_us.median)}: "
        f"{times(60.4 / many.latency_us.median)} less than in the study.",
    )  # fmt: skip


def _overhead(found: Found) -> dict[str, Any] | None:
    engine, full = found.of("engine", _FILTER, STUDY_BATCH), found.of("adaptive", _FILTER, STUDY_BATCH)
    extra = overhead(full, engine)
    if engine is None or full is None or extra is None:
        return None
    base = engine.latency_us.median
    large = overhead(found.of("adaptive", _FILTER, 10_000), found.of("engine", _FILTER, 10_000))
    rows = [
        ["total overhead", "54 - 55 µs", us(extra)],
        ["slowdown", "10.4x - 10.8x", times(full.latency_us.median / base)],
        ["overhead over the engine", "938 - 1010 %", percent(extra / base)],
        ["total overhead, 10,000-record batches", "-", us(large)],
    ]
    return _table(
        "Overhead analysis", _COLUMNS, rows,
        f"Of {us(full.latency_us.median)} a record, {us(extra)} are not the engine's.",
    )  # fmt: skip


def _components(found: Found, components: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not components:
        return None
    rows = [
        [c["name"], "-" if c.get("study_us") is None else us(c["study_us"]), us(c["ns"]["median"] / 1e3), c["what"]]
        for c in components
    ]
    full, engine = found.of("adaptive", _FILTER, STUDY_BATCH), found.of("engine", _FILTER, STUDY_BATCH)
    extra = overhead(full, engine)
    finding = "The study could not account for 98 % of its overhead by its components."
    if extra is not None and full is not None and (ledger := full.ledger) is not None:
        # What the ledger books outside the engine, in the thread that is on the way of a record: the receiver's own.
        known = sum(ledger[part] for part in ("routing", "handoff", "sink")) / full.records * 1e6
        unexplained = abs(ledger["unexplained"]) / sum(ledger.values())
        rows += [
            ["sum of the parts, a record", "1.1 µs", us(known), "routing, handoff and sink of the ledger, all threads"],
            ["unexplained", "98 % of the overhead", percent(unexplained), "share of all threads' time in no part"],
        ]
        finding += f" Here the ledger leaves {percent(unexplained)} of the time unexplained."
    return _table("Components", ["component", "the study", "here", "what is timed"], rows, finding)


def _batch_sizes(found: Found) -> dict[str, Any] | None:
    sizes = sorted({m.setup.batch_rows for m in found.table(BATCHES) if m.setup.batch_rows is not None})
    kinds = ("engine", "simple", "fed", "passthrough", "adaptive")
    if not sizes:
        return None
    rows = []
    for size in sizes:
        ours = [found.of(kind, _FILTER, size) for kind in kinds]
        study = us(_BATCHES_US[size]) if size in _BATCHES_US else "-"
        rows.append([f"{size:,}", study, *(us(m.latency_us.median if m else None) for m in ours)])
    first, last = (found.latency("adaptive", _FILTER, s) for s in (sizes[0], sizes[-1]))
    finding = (
        "In the study the size of a batch made no difference. "
        f"Here {sizes[0]:,}-record batches cost {us(first)} a record and {sizes[-1]:,}-record batches {us(last)}: "
        "costs are per batch."
    )
    columns = ["batch size", "the study", "engine alone", "simple", "receiver fed directly", "passthrough", "adaptive"]
    return _table("Batch size", columns, rows, finding)


def _partitions(found: Found) -> dict[str, Any] | None:
    cases = [(_FILTER, STUDY_BATCH), (_FILTER, 10_000), ("group by", 10_000), ("python", 10_000)]
    cases = [c for c in cases if found.of("adaptive", c[0], c[1]) is not None]
    if not cases:
        return None
    rows = []
    for number in PARTITIONS:
        row = [str(number), f"{us(_PARTITIONS_US[number])} (1.00x)"]
        for query, size in cases:
            one, base = (found.of("adaptive", query, size, partitions=n) for n in (number, 1))
            row.append(f"{us(one.latency_us.median if one else None)} ({times(ratio(one, base))})")
        rows.append(row)
    python = ratio(found.of("adaptive", "python", 10_000, partitions=2), found.of("adaptive", "python", 10_000))
    names = {_FILTER: "filter", "group by": "group by", "python": "Python function"}
    columns = ["partitions", "the study", *(f"{names[q]}, {s:,}-record batches" for q, s in cases)]
    finding = "In the study more partitions brought nothing on one core." + (
        f" Here a second partition makes the CPU-bound query {times(python)} as fast." if python is not None else ""
    )
    return _table("Partition count", columns, rows, finding)


def _yields(found: Found) -> dict[str, Any] | None:
    """The study's hypothesis, checked on ourselves: yields times their cost against the measured overhead."""
    engine = found.of("engine", _FILTER, STUDY_BATCH)
    rows = []
    sentences = []
    for wait in ("yield", "hybrid"):
        one = found.of("adaptive", _FILTER, STUDY_BATCH, wait=wait)
        extra = overhead(one, engine)
        if one is None or extra is None:
            continue
        waits, records = one.waits, one.records * len(one.trials)
        each, mean = waits.yields / records, waits.yield_ns / waits.yields / 1e3 if waits.yields else 0.0
        study = wait == "yield"
        rows += [
            [f"{wait}: yields per record", "50 - 60" if study else "-", digits(each)],
            [f"{wait}: mean yield", "~1 µs" if study else "-", us(mean)],
            [f"{wait}: yields times their cost", "50 µs" if study else "-", us(each * mean)],
            [f"{wait}: overhead over the engine", "55.14 µs" if study else "-", us(extra)],
            [f"{wait}: CPU time", "-", us(one.cpu_us.median)],
        ]
        if study and extra > 0:
            share = each * mean / extra
            rows.append(["yield: yields explain of the overhead", "90.7 %", percent(share)])
            sentences.append(
                "With the strategy `yield`, which is the study's design, yields would explain "
                f"{percent(share)} of the overhead"
                + (
                    ": they are made beside the work, by the thread that waits, and cost CPU time, not latency."
                    if share > 1.1
                    else "."
                )
            )
        elif not study:
            sentences.append(f"`hybrid` yields {digits(each)} times a record.")
    return _table("Yields", _COLUMNS, rows, " ".join(sentences)) if rows else None


def _receivers(found: Found) -> dict[str, Any] | None:
    engine, fed, full = (found.of(kind, _FILTER, STUDY_BATCH) for kind in ("engine", "fed", "adaptive"))
    if engine is None or fed is None or full is None:
        return None
    rows = [
        ["engine only", "5.45 µs", "183 K/s", us(engine.latency_us.median), rate(engine.throughput.median)],
        ["receiver, fed directly", "26.18 µs", "38.2 K/s", us(fed.latency_us.median), rate(fed.throughput.median)],
        ["coordinator and receiver", "60.43 µs", "16.5 K/s", us(full.latency_us.median), rate(full.throughput.median)],
        ["receiver over the engine", "20.73 µs", "-", us(overhead(fed, engine)), "-"],
        ["coordinator over the receiver", "34.25 µs", "-", us(overhead(full, fed)), "-"],
    ]
    return _table(
        "Direct receiver against coordinator",
        ["configuration", "the study", "", "here", ""], rows,
        f"The receiver adds {us(overhead(fed, engine))} a record to the engine, the coordinator "
        f"{us(overhead(full, fed))} to that.",
    )  # fmt: skip


def _phases(found: Found) -> dict[str, Any] | None:
    rows = []
    share = None
    for one in found.table(WAITING):
        setup = one.setup
        if (setup.kind, setup.query, setup.batch_rows) != ("adaptive", _FILTER, STUDY_BATCH):
            continue
        waits = one.waits
        total = sum(waits.ended) or 1
        if setup.wait == "spin" and setup.partitions == 1:
            share = waits.ended[1] / total
        study = {"spin": "95 %"}.get(setup.wait, "-")
        shares = [percent(n / total) for n in waits.ended]
        rows.append([f"{setup.wait}, {setup.partitions} partitions", study, f"{total:,}", *shares])
    if not rows:
        return None
    finding = "The study estimates that a tight spin of 100 µs catches about 95 % of the batches" + (
        f"; here it catches {percent(share)}." if share is not None else "."
    )
    return _table("Three phases of waiting", ["strategy", "study: in the spin", "waits", *PHASES], rows, finding)


def _recommended(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    study = {
        "latency": "simple: 5 - 6 µs",
        "throughput": "adaptive, 8 cores: 132 K/s expected",
        "balance": "direct receiver, 1 - 2 partitions: 26 - 30 µs",
    }
    if not rows:
        return None
    return _table(
        "Recommendation", ["for", "the study", "here", "because"],
        [[r["for"], study[r["for"]], r["settings"], r["because"]] for r in rows],
        "Made from the figures of this run.",
    )  # fmt: skip


def _spread(one: Measurement) -> str:
    spread = one.latency_us
    return f"{us(spread.median)} ({digits(spread.low)} - {digits(spread.high)})"


def lines(tables: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The tables as text."""
    from velothread.lab.text_table import text_table

    for table in tables:
        yield ""
        yield table["title"]
        yield from text_table(table["columns"], table["rows"])
        yield f"  {table['finding']}"


__all__ = ["study_tables"]
