"""Which set-ups are run: one sweep per question. A set-up that answers several is run once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from velothread.lab.figures import SetUp
from velothread.options import STRATEGIES, WAITS

BATCH_ROWS = (1, 10, 50, 100, 500, 1_000, 10_000, 100_000)
PARTITIONS = (1, 2, 4, 8)
# The study's records, and enough to look at for longer.
STUDY_RECORDS = (10_000, 1_000_000)
STUDY_BATCH = 100
LARGE_BATCH = 10_000
# A trial hands over no more batches than this: tiny ones are run with fewer records.
MOST_BATCHES = 20_000
# Dealing strategies that can serve any query; the others need keys.
_ANY_STRATEGY = ("sticky", "round-robin", "fan-in")

# Names of the sweeps.
SETUPS, BATCHES, SPREAD, WAITING, DEALING, STATE, CORES, BUILDS, FILES = (
    "set-ups", "batch size", "partitions", "waits", "strategies", "state", "cores", "builds", "files",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """What a sweep has to know of a query. records: how many it reads. costly: it calls Python functions row by row.
    grouped: it has keys by which states can meet."""

    name: str
    records: int
    costly: bool = False
    grouped: bool = False


def study_sweeps(queries: Sequence[Query], records: int, cores: int) -> Iterator[tuple[str, SetUp]]:
    """All that the study asks, of ourselves: its own queries are `filter`, `group by`, `python` and `mixed`."""
    by_name = {q.name: q for q in queries}
    filtering, grouping, python = by_name["filter"], by_name["group by"], by_name["python"]
    yield from _kinds(filtering, min(STUDY_RECORDS[0], records), (STUDY_BATCH,))
    yield from _kinds(filtering, records, (STUDY_BATCH, LARGE_BATCH))
    yield from batch_sizes(filtering)
    for query, size in (
        (filtering, STUDY_BATCH),
        (filtering, LARGE_BATCH),
        (python, LARGE_BATCH),
        (grouping, LARGE_BATCH),
    ):
        yield from partitions(query, size)
    for query, size in (
        (filtering, 10), (filtering, STUDY_BATCH), (filtering, LARGE_BATCH), (grouping, LARGE_BATCH), (python, 1_000),
    ):  # fmt: skip
        yield from waits(query, size)
    yield from waits(filtering, STUDY_BATCH, kinds=("fed", "passthrough"))
    yield from strategies(grouping, 1_000)
    yield from states(grouping, LARGE_BATCH)
    for size in (STUDY_BATCH, LARGE_BATCH):
        yield from core_counts(filtering, size, cores)


def query_sweeps(query: Query, cores: int) -> Iterator[tuple[str, SetUp]]:
    """The same questions, of a user's query; and as it stands, from its files."""
    size = 1_000 if query.costly else LARGE_BATCH
    yield from _kinds(query, query.records, (size,))
    yield from from_files(query)
    yield from batch_sizes(query)
    yield from partitions(query, size)
    yield from waits(query, size)
    yield from strategies(query, size)
    if query.grouped:
        yield from states(query, size)
    yield from core_counts(query, size, cores)


def _kinds(query: Query, records: int, sizes: Iterable[int]) -> Iterator[tuple[str, SetUp]]:
    for size in sizes:
        for kind in ("engine", "simple", "fed", "passthrough", "adaptive"):
            yield SETUPS, SetUp(kind, query.name, records, size)


def from_files(query: Query) -> Iterator[tuple[str, SetUp]]:
    """The query as it stands: sources read their files."""
    yield FILES, SetUp("simple", query.name, query.records, None)
    for number in PARTITIONS:
        yield FILES, SetUp("adaptive", query.name, query.records, None, number)


def batch_sizes(query: Query) -> Iterator[tuple[str, SetUp]]:
    """Each kind of set-up, with small batches and large ones."""
    for size in BATCH_ROWS:
        for kind in ("engine", "simple", "fed", "passthrough", "adaptive"):
            yield BATCHES, SetUp(kind, query.name, _records(query, size), size)


def partitions(query: Query, size: int) -> Iterator[tuple[str, SetUp]]:
    """One thread, then more and more receivers."""
    records = _records(query, size)
    yield SPREAD, SetUp("simple", query.name, records, size)
    for number in PARTITIONS:
        yield SPREAD, SetUp("adaptive", query.name, records, size, number)


def waits(
    query: Query, size: int, kinds: Sequence[str] = ("adaptive",), numbers: Sequence[int] = (1, 2)
) -> Iterator[tuple[str, SetUp]]:
    """Each way to wait."""
    for kind in kinds:
        for number in numbers if kind != "fed" else (1,):
            for wait in WAITS:
                yield WAITING, SetUp(kind, query.name, _records(query, size), size, number, wait)


def strategies(query: Query, size: int) -> Iterator[tuple[str, SetUp]]:
    """Each way to deal that can serve the query, with 2 partitions."""
    for strategy in STRATEGIES:
        if query.grouped or strategy in _ANY_STRATEGY:
            yield DEALING, SetUp("adaptive", query.name, _records(query, size), size, 2, strategy=strategy)


def states(query: Query, size: int) -> Iterator[tuple[str, SetUp]]:
    """State that each receiver has for itself, and state that all share."""
    for number in PARTITIONS:
        for state in ("partitioned", "shared"):
            yield STATE, SetUp("adaptive", query.name, _records(query, size), size, number, state=state)


def core_counts(query: Query, size: int, cores: int) -> Iterator[tuple[str, SetUp]]:
    """Fewer cores than there are: what the simulation is held against."""
    for number in sorted({1, *(n for n in (2, 4, 8, 16, 32, 64, 128) if n <= cores)}):
        for receivers in PARTITIONS:
            yield CORES, SetUp("adaptive", query.name, _records(query, size), size, receivers, cores=number)


def builds(query: Query) -> Iterator[tuple[str, SetUp]]:
    """What another build of Python is compared by: one thread without a processor in the way, then receivers."""
    size = LARGE_BATCH
    records = _records(query, size)
    yield BUILDS, SetUp("simple", query.name, records, size)
    for number in PARTITIONS:
        yield BUILDS, SetUp("adaptive", query.name, records, size, number)


def essential(setup: SetUp) -> bool:
    """Is it among those that a quick look takes?"""
    return setup.partitions in (1, 2) and setup.batch_rows in (10, 100, 1_000, 10_000, None)


def _records(query: Query, size: int) -> int:
    return min(query.records, size * MOST_BATCHES)


__all__ = [
    "BATCHES", "BATCH_ROWS", "BUILDS", "CORES", "DEALING", "FILES", "LARGE_BATCH", "PARTITIONS", "SETUPS", "SPREAD",
    "STATE", "STUDY_BATCH", "STUDY_RECORDS", "WAITING", "Query", "builds", "essential", "query_sweeps", "study_sweeps",
]  # fmt: skip
