"""How long a wake-up takes: from just before an item is put until the side that waited for it has it in hand.

Two cases, which must not be mixed up:

    ping-pong   two threads hand a token to and fro, each half of a round trip: the other side has just begun to wait
    idle        the other side has been waiting for a while, and is blocked if it blocks at all

Each waiting strategy of a Handoff is measured beside a `queue.SimpleQueue`, in turns of small blocks: all see the same
noise. No side is the main thread, which looks up for signals while it waits.

Much depends on where the system puts the two threads, and it changes its mind: a wake-up within a core is no
interrupt to another one, but the two can't run at once, so no spin can find anything. By `placement` it is decided:

    free        wherever the system puts them, as in use
    one core    both pinned to one
    two cores   each pinned to one of its own
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import perf_counter_ns, sleep
from typing import Any

from velothread.errors import OptionError, did_you_mean
from velothread.lab.pinning import cores, pin
from velothread.options import WAITS
from velothread.processors.adaptive.handoff import Handoff
from velothread.processors.adaptive.wait import sched_yield
from velothread.testing.sequencer import together

QUEUE = "queue.SimpleQueue"
CASES = ("ping-pong", "idle")
PLACEMENTS = ("free", "one core", "two cores")

# The core of each side; None: any.
Places = tuple[int | None, int | None]

_BLOCK = 50
# Trips at the start of each block that don't count: threads start, and a strategy adapts.
_WARM_UP = 10
# Upper ends of the histogram's buckets, in ns: four for each power of two, the first one 16 ns.
_EDGES = [round(2 ** (k / 4)) for k in range(4 * 4, 4 * 40)]


@dataclass(slots=True)
class _Channel:
    """One direction. `parked`: is the receiver blocked, as far as that can be seen?

    Threading: as of what it wraps: one sender, one receiver.
    """

    put: Callable[[int], object]
    get: Callable[[], int]
    parked: Callable[[], bool]


@dataclass(slots=True)
class _Subject:
    """A way to wait, and its samples (ns) in one case. Channels last over blocks: strategies learn.

    Threading: owned by the thread that measures; in a block, its two threads use one end of each channel.
    """

    wait: str
    there: _Channel
    back: _Channel
    samples: list[int] = field(default_factory=list)


def wakes(
    samples: int = 2000, *, idle_samples: int | None = None, idle_ms: float = 2.0, placement: str = "free"
) -> list[dict[str, Any]]:
    """Wake-up times of all strategies and of `queue.SimpleQueue`, in both cases.

    Each has `wait`, `case`, `placement`, `samples`, `p50_us`, `p90_us`, `p99_us`, `max_us` and `histogram`, a list of
    `[upper_us, count]`. `idle_samples`: of the idle case (default: as many as of the other). `idle_ms`: how long a
    receiver waits at least before it is woken; a sample takes so long. `placement`: see the module; where threads can't
    be pinned (or there are no two cores), it is "free", and the entries say so.

    :raises OptionError: there is no such placement.
    """
    idle = samples if idle_samples is None else idle_samples
    return _measured((*WAITS, QUEUE), samples, idle, idle_ms, placement)


def wake_latency(
    wait: str, samples: int = 2000, *, case: str = "ping-pong", idle_ms: float = 2.0, placement: str = "free"
) -> dict[str, Any]:
    """The wake-up times of one strategy, or of `queue.SimpleQueue`, in one case; see `wakes`.

    To compare two, use `wakes`: it measures them in turns.

    :raises OptionError: there is no such strategy or placement.
    """
    trips = samples if case == "ping-pong" else 0
    return _measured((wait,), trips, samples - trips, idle_ms, placement)[0]


def _measured(
    waits: tuple[str, ...], samples: int, idle_samples: int, idle_ms: float, placement: str
) -> list[dict[str, Any]]:
    placement, places = _places(placement)
    playing, waiting = [_subject(wait) for wait in waits], [_subject(wait) for wait in waits]
    for done in range(0, samples, _BLOCK):
        for subject in playing:
            _play(subject, min(_BLOCK, samples - done), places)
    for done in range(0, idle_samples, _BLOCK):
        for subject in waiting:
            _wake(subject, min(_BLOCK, idle_samples - done), idle_ms, places)
    return [
        {"wait": subject.wait, "case": case, "placement": placement, **_described(subject.samples)}
        for case, subjects in zip(CASES, (playing, waiting), strict=True)
        for subject in subjects
        if subject.samples
    ]


def _places(placement: str) -> tuple[str, Places]:
    """The placement that is possible, and the cores."""
    if placement not in PLACEMENTS:
        hint = did_you_mean(placement, PLACEMENTS) or f"choose one of {', '.join(PLACEMENTS)}"
        raise OptionError(f"placement={placement!r} is not known; {hint}")
    usable = cores()
    if placement == "one core" and usable:
        return placement, (usable[0], usable[0])
    if placement == "two cores" and len(usable) > 1:
        return placement, (usable[0], usable[1])
    return "free", (None, None)


def _subject(wait: str) -> _Subject:
    return _Subject(wait, _channel(wait), _channel(wait))


def _channel(wait: str) -> _Channel:
    if wait == QUEUE:
        queue: SimpleQueue[int] = SimpleQueue()
        return _Channel(queue.put, queue.get, lambda: True)
    handoff = Handoff(1, wait)
    waiter = handoff.receiver_wait
    blocks = wait in ("hybrid", "condvar")
    return _Channel(handoff.put, handoff.get, lambda: waiter.parked or not blocks)


# Ping-pong


def _play(subject: _Subject, samples: int, places: Places) -> None:
    trips = samples + _WARM_UP
    took, _ = together([lambda: _serve(subject, trips, places[0]), lambda: _return(subject, trips, places[1])])
    subject.samples += took[_WARM_UP:]


def _serve(subject: _Subject, trips: int, core: int | None) -> list[int]:
    pin(core)
    put, get, clock = subject.there.put, subject.back.get, perf_counter_ns
    found = []
    for _ in range(trips):
        start = clock()
        put(0)
        get()
        found.append((clock() - start) // 2)
    return found


def _return(subject: _Subject, trips: int, core: int | None) -> None:
    pin(core)
    put, get = subject.back.put, subject.there.get
    for _ in range(trips):
        put(get())


# Idle


@dataclass(slots=True)
class _Waiting:
    """What the receiver tells the sender: since when (ns) it waits for which item.

    Threading: written by the receiver, read by the sender. `item` is written last.
    """

    item: int = -1
    since: int = 0


def _wake(subject: _Subject, samples: int, idle_ms: float, places: Places) -> None:
    waiting = _Waiting()
    idle_ns = int(idle_ms * 1e6)

    def receive() -> list[int]:
        pin(places[1])
        return _receive(subject, samples, waiting)

    def stamp() -> None:
        pin(places[0])
        _stamp(subject, samples, waiting, idle_ns)

    took, _ = together([receive, stamp])
    subject.samples += took


def _receive(subject: _Subject, samples: int, waiting: _Waiting) -> list[int]:
    get, clock = subject.there.get, perf_counter_ns
    found = []
    for item in range(samples):
        waiting.since = clock()
        waiting.item = item
        stamp = get()
        found.append(clock() - stamp)
    return found


def _stamp(subject: _Subject, samples: int, waiting: _Waiting, idle_ns: int) -> None:
    put, clock, parked = subject.there.put, perf_counter_ns, subject.there.parked
    for item in range(samples):
        while waiting.item != item:
            sched_yield()
        while (left := waiting.since + idle_ns - clock()) > 0:
            sleep(left / 1e9)
        while not parked():
            sched_yield()
        put(clock())


def _described(samples: list[int]) -> dict[str, Any]:
    ordered = sorted(samples)
    last = len(ordered) - 1
    found: dict[str, Any] = {"samples": len(ordered)}
    for name, fraction in (("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("max_us", 1.0)):
        found[name] = ordered[min(last, int(fraction * len(ordered)))] / 1e3
    found["histogram"] = _histogram(ordered)
    return found


def _histogram(ordered: list[int]) -> list[list[float]]:
    """Counts from the first bucket that has any to the last: of at most `upper_us`, and above the one before."""
    buckets = [bisect_left(_EDGES, ns) for ns in ordered]
    counts = [0] * (buckets[-1] + 1)
    for bucket in buckets:
        counts[bucket] += 1
    return [[_EDGES[bucket] / 1e3, counts[bucket]] for bucket in range(buckets[0], len(counts))]
