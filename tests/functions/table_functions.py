"""Functions that give tables, for the tests: a file as `--udf` loads it, each thread with a copy of its own."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypedDict

import pyarrow as pa

import velothread

HERE = threading.get_ident()


class Word(NamedTuple):
    word: str
    length: int


@dataclass
class Price:
    symbol: str
    price: Decimal | None


class Pair(TypedDict):
    a: int
    b: str | None


def words(text: str, least: int = 1) -> Iterator[Word]:
    assert threading.get_ident() == HERE, "a function is called by the thread whose copy it is"
    for word in text.split():
        if word == "boom":
            raise ValueError("boom!")
        if len(word) >= least:
            yield Word(word, len(word))


def prices(symbols: list[str]) -> Iterator[Price]:
    for i, symbol in enumerate(symbols):
        yield Price(symbol, Decimal(i) / 4 if i else None)


def pairs(count: int) -> Iterable[Pair]:
    for i in range(count):
        yield {"a": i, "b": str(i)} if i % 2 else {"a": i}  # type: ignore[typeddict-item]


def numbers(start: int, stop: int | None) -> Generator[int]:
    yield from range(start, start + 3 if stop is None else stop)


def tuples(count: int) -> Iterator[tuple[int, str]]:
    return ((i, "x" * i) for i in range(count))


@velothread.udf(returns="TABLE(n BIGINT, square DOUBLE)")
def squares(count: int):  # type: ignore[no-untyped-def]
    for i in range(count):
        yield (i, float(i * i)) if i % 2 else {"square": float(i * i), "n": i}


@velothread.udf(returns="TABLE(a BIGINT, b VARCHAR)")
def batches(count: int) -> Iterator[pa.RecordBatch | pa.Table]:
    for i in range(count):
        columns = {"b": ["x"] * i, "a": pa.array(range(i), pa.int32())}
        yield pa.table(columns) if i % 2 else pa.record_batch(columns)


def repeated(text: str, times: int) -> list[str]:
    return [text] * times


def made(count: int) -> pa.Table:
    return pa.table({"n": range(count)})
