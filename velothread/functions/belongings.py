"""What belongs to a thread of a session: an event loop, and copies of modules that are told when the thread ends.

A thread of a processor gives up what it has when it ends, itself. What other threads have (the one that uses the
session, above all) is given up when the session is closed, or else when it is collected.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class EventLoop:
    """A thread's event loop, for all async functions that it calls.

    Threading: owned by one thread.
    """

    def __init__(self) -> None:
        import asyncio  # a query without async functions starts without it

        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it to its end, and give its result or raise what it raised."""
        return _apart(self._runner, self._runner.run, work)

    def close(self) -> None:
        """Cancel the tasks that are left, end generators, close the loop."""
        _apart(self._runner, self._runner.close)


def _apart(runner: asyncio.Runner, call: Callable[..., Any], *arguments: Any) -> Any:
    """The call, in this thread; where a loop runs in it already (a notebook's), in another while this one waits."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call(*arguments)
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(call(*arguments))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, name="velothread-loop", daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:  # Ctrl-C, while we wait
        loop = runner.get_loop()
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


class Own:
    """What one thread has.

    Threading: owned by that thread, but for `end`, which the session's may call when the thread does nothing any more.
    """

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self._loop: EventLoop | None = None
        self._ends: list[tuple[str, Callable[[], object]]] = []
        self._lock = threading.Lock()
        self._ended = False

    @property
    def loop(self) -> EventLoop:
        """Its event loop, made when it is first asked for."""
        if self._loop is None:
            self._loop = EventLoop()
        return self._loop

    def at_end(self, what: str, call: Callable[[], object]) -> None:
        """Call this before the loop is closed; the last one first. what: its name, should it fail."""
        self._ends.append((what, call))

    def end(self) -> list[str]:
        """Give all of it up; what failed, in words. May be called twice."""
        with self._lock:
            if self._ended:
                return []
            self._ended = True
        problems = []
        for what, call in reversed(self._ends):
            try:
                call()
            except (Exception, SystemExit) as error:
                from velothread.functions.failures import described

                problems.append(f"{what} raised {described(error)}")
        if self._loop is not None:
            self._loop.close()
        return problems


class Belongings:
    """What the threads of a session have.

    Threading: `mine` and `end_mine` by any thread; `end` by the session's.
    """

    def __init__(self) -> None:
        self._here = threading.local()
        self._all: list[Own] = []
        self.problems: list[str] = []

    def mine(self) -> Own:
        """What the calling thread has."""
        own: Own | None = getattr(self._here, "own", None)
        if own is None:
            own = self._here.own = Own()
            self._all.append(own)
        return own

    def end_mine(self) -> None:
        """The calling thread is about to end."""
        own: Own | None = getattr(self._here, "own", None)
        if own is not None:
            self.problems += own.end()
            self._all.remove(own)
            del self._here.own

    def end(self) -> list[str]:
        """The session ends, and so have its threads. Those that are stuck in a function keep theirs till they get out.

        What failed, in words.
        """
        for own in list(self._all):
            stuck = own.thread.is_alive() and own.thread.daemon and own.thread is not threading.current_thread()
            if not stuck:
                self.problems += own.end()
        found, self.problems = self.problems, []
        return found


__all__ = ["Belongings", "EventLoop", "Own"]
