"""Async functions: many calls at once, in the event loop of the thread that calls them.

At most `concurrency` calls are under way; the next row's begins when one ends. Results come in the order of the rows.
A call may be given up after some seconds, and tried again.

When failures end the query, calls of later rows are cancelled, and those of earlier rows go on to their end: one of
them may fail, too, and of several failures the first in the order of the rows is reported, whatever came first in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from velothread.errors import Cancelled, ExecutionError
from velothread.functions.annotations import Shape
from velothread.functions.belongings import EventLoop
from velothread.functions.calling import RowByRow
from velothread.functions.declaration import Declaration
from velothread.functions.refusals import Refusing, interruption
from velothread.types import SqlType

AsyncFunction = Callable[..., Awaitable[Any]]

# Between attempts, in seconds: 0.1, 0.2, 0.4, ..., at most 30, and up to 0.1 at random, so that many calls that failed
# together don't come back together.
BACKOFF_FIRST = 0.1
BACKOFF_MOST = 30.0


class ConcurrentCalls(RowByRow):
    """Calls an async function for many rows at once.

    Threading: owned by one thread, in whose loop the calls run.
    """

    def __init__(
        self,
        function: AsyncFunction,
        types: Sequence[SqlType],
        shapes: Sequence[Shape],
        returns: Shape,
        refusing: Refusing,
        declaration: Declaration,
        loop: EventLoop,
    ) -> None:
        super().__init__(function, types, shapes, returns, refusing)
        self._concurrency = declaration.concurrency
        self._call = attempts(function, declaration.timeout, declaration.retries)
        self._event_loop = loop

    def _results(self, rows: int) -> list[Any]:
        window = Window(self._call, [self._arguments.of_row(i) for i in range(rows)], self._concurrency)
        try:
            self._event_loop.run(window.run(stop_at_failure=self._refusing.fails))
        except (asyncio.CancelledError, SystemExit, GeneratorExit) as error:
            # Not of a call that we know of: a task of the user's ended the loop.
            raise ExecutionError(f"{self._refusing.name}: {type(error).__name__} out of a task of its own") from error
        for row, raised in sorted(window.failures.items()):
            self._raised(row, raised, window.results[:row] if self._refusing.fails else [])
        return window.results


class Window:
    """Some calls, of which so many are under way at a time.

    Threading: used in one event loop.
    """

    def __init__(self, call: AsyncFunction, arguments: Sequence[Sequence[Any]], concurrency: int) -> None:
        self.results: list[Any] = [None] * len(arguments)
        self.failures: dict[int, BaseException] = {}
        self._call = call
        self._arguments = arguments
        self._concurrency = min(concurrency, len(arguments))
        self._next = 0
        self._end = len(arguments)  # no call for a row from here on
        self._rows: dict[asyncio.Task[None], int] = {}  # what each task works on
        self._interrupt: BaseException | None = None

    async def run(self, *, stop_at_failure: bool) -> None:
        """Make all calls, and wait for the last one to end.

        :raises Cancelled: it was interrupted.
        :raises KeyboardInterrupt: a call raised it.
        """
        loop = asyncio.get_running_loop()
        with interruption().listening(lambda: loop.call_soon_threadsafe(self._stop, Cancelled())):
            tasks = [asyncio.create_task(self._work(stop_at_failure)) for _ in range(self._concurrency)]
            try:
                if tasks:
                    await asyncio.wait(tasks)
            except asyncio.CancelledError:  # Ctrl-C, which comes here when this is the main thread
                self._cut(0)
                await asyncio.wait(tasks)
                raise
        if self._interrupt is not None:
            if isinstance(self._interrupt, Cancelled):
                raise Cancelled("the query was cancelled")
            raise self._interrupt

    async def _work(self, stop_at_failure: bool) -> None:
        """One call after the other, each of the next row."""
        task = asyncio.current_task()
        assert task is not None
        while self._next < self._end:
            row = self._next
            self._next += 1
            self._rows[task] = row
            try:
                self.results[row] = await self._call(*self._arguments[row])
            except GeneratorExit:
                raise  # the loop is being closed
            except BaseException as error:
                if row >= self._end:
                    return  # cancelled by us
                if isinstance(error, KeyboardInterrupt) or _holds_interrupt(error):
                    self._stop(error)
                    return
                self.failures[row] = error
                if stop_at_failure:
                    self._cut(row)
                while task.cancelling():  # by the function itself
                    task.uncancel()
        self._rows.pop(task, None)

    def _cut(self, row: int) -> None:
        """No results are wanted any more from this row on."""
        self._end = min(self._end, row)
        for task, at in self._rows.items():
            if at > row or (at == row and task is not asyncio.current_task()):
                task.cancel()

    def _stop(self, why: BaseException) -> None:
        """Nothing is wanted any more."""
        self._interrupt = self._interrupt or why
        self._cut(0)


def _holds_interrupt(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup) and error.subgroup(KeyboardInterrupt) is not None


def attempts(
    function: AsyncFunction, timeout: float | None = None, retries: int = 0, wait: Callable[..., float] | None = None
) -> AsyncFunction:
    """The function, each call given up after `timeout` seconds, and tried again up to `retries` times.

    wait: how long before the next attempt, as tenacity asks for it; None: exponentially longer, with jitter.
    """
    call = function if timeout is None else _limited(function, timeout)
    if not retries:
        return call
    import tenacity

    if wait is None:
        wait = tenacity.wait_exponential(BACKOFF_FIRST, max=BACKOFF_MOST) + tenacity.wait_random(0, BACKOFF_FIRST)
    again = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        retry=tenacity.retry_if_exception_type(Exception),
        wait=wait,
        reraise=True,
    )
    # `wraps` gives each call a state of its own; calls of one AsyncRetrying would share it.
    wrapped: AsyncFunction = again.wraps(call)
    return wrapped


def _limited(function: AsyncFunction, timeout: float) -> AsyncFunction:
    async def limited(*arguments: Any) -> Any:
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await function(*arguments)
        except TimeoutError as error:
            if limit.expired():
                error.args = (f"no result after {timeout:g} s",)
            raise

    return limited


__all__ = ["ConcurrentCalls", "Window", "attempts"]
