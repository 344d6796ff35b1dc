"""Aggregates for the tests: a file as `--udf` loads it, each thread with a copy of its own."""

import threading
from decimal import Decimal

import velothread

PRIME = (1 << 61) - 1
HERE = threading.get_ident()


@velothread.udf(name="py_sum")
class Sum:
    """sum(BIGINT): NULL for no rows."""

    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, x: int) -> None:
        self.total = x if self.total is None else self.total + x

    def merge(self, other: "Sum") -> None:
        if not isinstance(other, Sum):
            raise TypeError(f"{type(other)} is of another copy")
        if other.total is not None:
            self.step(other.total)

    def finish(self) -> int | None:
        return self.total


@velothread.udf(name="py_fsum")
class FloatSum:
    """A sum of floats: its bits depend on how the additions are grouped."""

    __slots__ = ("__total", "rows")

    def __init__(self) -> None:
        self.__total = 0.0
        self.rows = 0

    def step(self, x: float) -> None:
        self.__total += x
        self.rows += 1

    def merge(self, other: "FloatSum") -> None:
        assert type(other) is FloatSum
        self.__total += other.__total
        self.rows += other.rows

    def finish(self) -> float | None:
        return self.__total if self.rows else None


@velothread.udf(name="py_list")
class Gathered:
    """list(x) with its NULLs; shares nothing with `other`, but what it gives is its own list."""

    def __init__(self) -> None:
        self.items: list[int | None] = []

    def step(self, x: int | None) -> None:
        self.items.append(x)

    def merge(self, other: "Gathered") -> None:
        self.items.extend(other.items)

    def finish(self) -> list[int] | None:
        return self.items or None


@velothread.udf(name="py_greedy")
class Greedy(Gathered):
    """As py_list, with a `merge` that takes the other's list itself."""

    def merge(self, other: "Gathered") -> None:
        if self.items:
            super().merge(other)
        else:
            self.items = other.items


@velothread.udf(name="py_late")
class Late:
    """list(x) without merge."""

    def __init__(self) -> None:
        self.items: list[int] = []

    def step(self, x: int) -> None:
        self.items.append(x)

    def finish(self) -> list[int] | None:
        return self.items or None


@velothread.udf(name="py_hash")
class Hash:
    """A hash of the rows in order, of a number and a text; the number may be NULL."""

    def __init__(self) -> None:
        assert threading.get_ident() == HERE, "a class is called by the thread whose copy it is"
        self.value, self.rows = 0, 0

    def step(self, x: int | None, text: str) -> None:
        self.value = (self.value * 1_000_003 + hash_of(x, text)) % PRIME
        self.rows += 1

    def merge(self, other: "Hash") -> None:
        assert threading.get_ident() == HERE, "merged by the thread whose copy it is"
        self.value = (self.value * pow(1_000_003, other.rows, PRIME) + other.value) % PRIME
        self.rows += other.rows

    def finish(self) -> int:
        assert threading.get_ident() == HERE, "finished by the thread whose copy it is"
        return self.value


def hash_of(x: int | None, text: str) -> int:
    return (7 if x is None else x + 11) * 31 + sum(map(ord, text))


def whole_hash(rows: list[tuple[int | None, str]]) -> int:
    """What py_hash gives for these rows."""
    value = 0
    for x, text in rows:
        value = (value * 1_000_003 + hash_of(x, text)) % PRIME
    return value


@velothread.udf(name="py_most", order=False)
class Most(dict):
    """Derives from a built-in type: how often each value comes, the most often (and greatest) one."""

    def step(self, x: int) -> None:
        self[x] = self.get(x, 0) + 1

    def merge(self, other: "Most") -> None:
        for x, count in other.items():
            self[x] = self.get(x, 0) + count

    def finish(self) -> int | None:
        return max(self, key=lambda x: (self[x], x)) if self else None


@velothread.udf(name="py_count")
class Count:
    def __init__(self) -> None:
        self.rows = 0

    def step(self) -> None:
        self.rows += 1

    def merge(self, other: "Count") -> None:
        self.rows += other.rows

    def finish(self) -> int:
        return self.rows


class Undeclared:
    """Public, with annotated methods: SQL may call it."""

    def __init__(self) -> None:
        self.best = Decimal(0)

    def step(self, price: Decimal, scale: int = 1) -> None:
        self.best = max(self.best, price * scale)

    def finish(self) -> Decimal:
        return self.best


class Helper:
    """No aggregate: not offered."""

    def step(self, x):
        pass
