"""Who is inside Python functions: several threads at once, or one alone. For measurements, so it may fail to bring
about either; it never makes anybody wait for long, and always says what was really the case.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter_ns

# Nobody waits longer at the gate, in seconds: a function may itself wait for one that another thread calls.
PATIENCE_S = 0.25
# Time alone costs the others theirs: after it, they get so many times as much.
REST = 4


@dataclass(slots=True)
class Visit:
    """One stay of a thread inside. inside: threads there, with this one: the fewest that were, at its begin and end.
    alone: nobody else was there, from begin to end."""

    inside: int = 1
    alone: bool = False


class Gate:
    """Threads go in and out with a piece of work each; now and then one has the place to itself.

    Threading: any number of threads, each `leave`s as often as it has entered. `threads` is counted up by each thread
    that will come, once.
    """

    def __init__(self, patience_s: float = PATIENCE_S, rest: int = REST) -> None:
        self._patience_s, self._rest = patience_s, rest
        self._moved = threading.Condition()
        self._inside = 0
        self._entered = 0  # how often anybody has
        self._kept = False  # somebody is alone inside, or waits for it
        self._kept_since_ns = 0
        self._keeper: int | None = None  # the one who is alone: what `_entered` was with it
        self._next_ns = 0  # not before this time is anybody alone again
        self._failures = 0
        self.threads = 0

    def join(self) -> None:
        """One thread more will come."""
        with self._moved:
            self.threads += 1

    def due(self) -> bool:
        """May somebody ask to be alone now? Time alone is rationed, and is nothing to ask for with one thread."""
        return self.threads > 1 and perf_counter_ns() >= self._next_ns

    def enter(self) -> tuple[int, int]:
        """Go in with others. What is returned is for `leave`. Waits while one is alone inside, but not for long."""
        with self._moved:
            if self._kept:
                self._moved.wait_for(lambda: not self._kept, self._patience_s)
            return self._came_in()

    def enter_alone(self) -> tuple[int, int]:
        """Go in alone when the others have come out, or with them when they take too long, or another was first."""
        with self._moved:
            if self._kept:
                self._moved.wait_for(lambda: not self._kept, self._patience_s)
                return self._came_in()
            self._kept, self._kept_since_ns = True, perf_counter_ns()
            empty = self._moved.wait_for(lambda: not self._inside, self._patience_s)
            ticket = self._came_in()
            if empty:
                self._keeper = ticket[0]
            else:
                self._failures += 1
                self._open()
            return ticket

    def leave(self, ticket: tuple[int, int]) -> Visit:
        """Go out; `ticket` is what `enter` or `enter_alone` gave."""
        order, inside = ticket
        with self._moved:
            visit = Visit(min(inside, self._inside), inside == 1 and self._entered == order)
            self._inside -= 1
            if self._keeper == order:
                self._open()
            elif self._kept and not self._inside:
                self._moved.notify_all()
            return visit

    def _came_in(self) -> tuple[int, int]:
        self._inside += 1
        self._entered += 1
        return self._entered, self._inside

    def _open(self) -> None:
        """Nobody is alone any more, and nobody will be for a while."""
        now = perf_counter_ns()
        self._kept, self._keeper = False, None
        self._next_ns = now + (self._rest << min(self._failures, 10)) * (now - self._kept_since_ns)
        self._moved.notify_all()


__all__ = ["PATIENCE_S", "REST", "Gate", "Visit"]
