"""One run of a stage on N receivers: deal splits, put outcomes back into order, stop everything when something fails.

Invariants:
- Splits are dealt in order, and each receiver works through its own in order: the lowest unfinished split is always
  being worked on or next in its receiver's queue. So waiting for it never deadlocks.
- No split is dealt that is more than a window beyond the lowest one whose result the consumer has not taken: memory is
  bounded by the window, whatever the speed of receivers and consumer.
- An error at split k is raised when it is k's turn. All splits before k were dealt to receivers that go on, so the
  lowest error is the one raised, as in the simple processor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sized
from time import perf_counter, perf_counter_ns
from typing import Any

from velothread.errors import Cancelled, InternalError
from velothread.processors.adaptive.crew import Crew, CrewThread
from velothread.processors.adaptive.exchange import Exchange
from velothread.processors.adaptive.handoff import BrokenHandoff, EndOfStream, HandoffError, WouldBlock
from velothread.processors.adaptive.partitioning import Choice
from velothread.processors.adaptive.reader import SplitReader
from velothread.processors.adaptive.receiver import OPENING, Outcome, PartitionReceiver
from velothread.processors.adaptive.wait import wait_strategy
from velothread.processors.metrics import PartitionMetrics, Progress, StageMetrics
from velothread.processors.stage import Part, Stage
from velothread.sources.source import Split

# A receiver that takes less than this for a split gets more of them at a time: up to this much work, or this many.
_QUEUED_NS = 4_000_000
_MOST_QUEUED = 64
# While all receivers have work left, outcomes are collected several at a time: one waits so long at most until the
# coordinator is woken for it, while its receiver does quick splits; for its next split, if that takes longer.
_QUIET_NS = 1_000_000
_PATIENCE_S = 4e-3
# Waking up may take so long: less work than this is no reason for patience.
_WAKE_NS = 150_000
# How long a run that is stopped waits for receivers to get out of their kernels; after Ctrl-C the user waits, too. A
# receiver that takes longer is let go: it drops its result and ends.
_SETTLE_S = 1.0
_SETTLE_INTERRUPTED_S = 0.15

# Marks in the outbox, in place of a split's index: the receiver's thread is free again; somebody called `cancel`.
_LEFT = -2
_CANCEL = -3

_Result = tuple[Any, BaseException | None]


class Run:
    """One run of a stage.

    Threading: owned by the coordinator. `_post` and `cancel` are called by any thread: they append to the outbox, which
    is the only way into a run, and signal.
    """

    def __init__(
        self,
        stage: Stage,
        splits: Iterable[Split],
        n: int,
        choice: Choice,
        *,
        wait: str,
        depth: int,
        prefetch: bool,
        size: int | None = None,
        trace: bool = False,
    ) -> None:
        self.stage, self.choice = stage, choice
        self.n, self.depth = n, depth
        self.cancelled = False
        self._outbox: deque[Outcome] = deque()
        # The coordinator waits for the outbox and the reader at once: the fence takes the locks of both.
        self._wait = wait_strategy(wait, self._fence)
        self._reader: SplitReader | None = None
        self._splits: Iterator[Split] = iter(())
        self._ahead: deque[Split | Exception] = deque()
        self._listed = False  # `_splits` is exhausted: what is left is in `_ahead`
        if prefetch:
            self._reader = SplitReader(splits, max(2, depth), wait, self._wait)
        else:
            self._splits = iter(splits)
        self._receivers = [
            PartitionReceiver(stage, self._post, partition=i, depth=max(_MOST_QUEUED, depth), wait=wait)
            for i in range(n)
        ]
        self._exchange: Exchange | None = getattr(stage, "exchange", None)
        self._deal_to = choice.strategy.dealer()
        self._outstanding = [0] * n
        self._sizes: dict[int, int] = {}  # of splits that are out, for progress
        self._dealt = 0  # splits dealt; the next one's index
        self._turn = 0  # the index of the split whose result is handed on next
        self._all_dealt = False
        self._results: dict[int, _Result] = {}  # of splits whose turn has not come
        self._finished: dict[int, _Result] = {}  # of workers' `finish`, by partition
        self._failure: tuple[int, BaseException] | None = None  # the lowest split with an error of its own
        self._left = 0
        self._mean_ns = _QUEUED_NS
        # Receivers read these two when the coordinator is parked: need it not hear of every outcome at once, and how
        # few splits must a receiver have left for it to be told.
        self._patient = False
        self._low = 0
        self.metrics = StageMetrics(
            stage.name, "adaptive", [r.metrics for r in self._receivers], PartitionMetrics(-1),
            choice.strategy.name, wait, choice.reason,
        )  # fmt: skip
        self._own = self.metrics.coordinator
        self._own.waits = self._wait.counters
        self.metrics.reader = self._reader.metrics if self._reader else None
        if trace:
            for part in (*self.metrics.partitions, self._own, *([self._reader.metrics] if self._reader else [])):
                part.trace()
        self.progress = Progress(stage.name, bytes=size, parts=self.metrics.partitions)
        if isinstance(splits, Sized):
            self.progress.splits = len(splits)
            self.progress.bytes = sum([split.bytes for split in splits])

    # From any thread

    def _post(self, outcome: Outcome) -> None:
        self._outbox.append(outcome)
        if self._wait.parked and not (self._patient and self._can_wait(outcome)):
            self._wait.signal()

    def _can_wait(self, outcome: Outcome) -> bool:
        """Called by the receiver, for an outcome of its own (or one that is nobody's)."""
        partition, at, _, error, took = outcome
        if at is None or at < 0 or error is not None:
            return False
        receiver = self._receivers[partition]
        receiver.quiet_ns += took
        if receiver.quiet_ns < _QUIET_NS and receiver.handoff.waiting() > self._low:
            return True
        receiver.quiet_ns = 0
        return False

    def cancel(self) -> None:
        """Make `parts` raise `Cancelled` soon."""
        self._post(Outcome(-1, _CANCEL, None, None, 0))

    def _fence(self) -> None:
        self._outbox.rotate(0)
        if self._reader is not None:
            self._reader.handoff.fence()

    # The coordinator

    def parts(self, crew: Crew) -> Iterator[Part]:
        """Deal, wait, hand on, until all is done. Closing the iterator stops the run."""
        own = self._own
        own.start()
        threads: list[CrewThread] = []
        interrupted = complete = False
        dealing = 0  # since when
        try:
            threads = crew.borrow(self.n)
            for thread, receiver in zip(threads, self._receivers, strict=True):
                thread.submit(_Job(receiver, self))
            if self._reader is not None:
                self._reader.start()
            dealing = perf_counter_ns()
            yield from self._split_parts()
            yield from self._finish_parts()
            complete = True
        except (KeyboardInterrupt, Cancelled):
            interrupted = True
            raise
        except GeneratorExit as closing:
            # Closed by a consumer that was interrupted, or by one that has enough.
            interrupted = isinstance(closing.__context__, KeyboardInterrupt)
            raise
        finally:
            dealt, waited = perf_counter_ns(), own.waits.wait_ns
            # What the coordinator does itself, until all is done, is to deal splits and to order results.
            own.routing_ns = max(0, dealt - (dealing or dealt) - waited - own.sink_ns - own.source_ns)
            try:
                if not complete:
                    self.stop()
                self._settle(_SETTLE_INTERRUPTED_S if interrupted else _SETTLE_S)
            finally:
                self._give_back(crew, threads)
                crew.interrupted |= interrupted
                own.waiting_ns = own.waits.wait_ns
                own.end()
                # Before and after that, it has to do with threads: borrowed, given their jobs, given back.
                around = (dealing or dealt) - own.started_ns + own.ended_ns - dealt
                own.handoff_ns = max(0, around - (own.waiting_ns - waited))

    def stop(self) -> None:
        """Stop everyone soon: nothing further is dealt or handed on."""
        for receiver in self._receivers:
            receiver.stop_after = -1
            receiver.handoff.cancel()
            receiver.interrupt()
        if self._exchange is not None:
            self._exchange.cancel()
        if self._reader is not None:
            self._reader.cancel()
        elif (close := getattr(self._splits, "close", None)) is not None:
            close()

    def _split_parts(self) -> Iterator[Part]:
        results = self._results
        while True:
            self._collect()
            while self._turn in results:
                value, error = results.pop(self._turn)
                if error is not None:
                    raise self._first(error)
                index = self._turn
                self._turn += 1
                if value is None:
                    continue
                # First the receivers get new work, then the consumer its part: it may take its time.
                self._deal()
                yield from self._hand_on(Part(index, value))
                self._collect()
            self._deal()
            if self._all_dealt and self._turn == self._dealt:
                return
            if not self._ready():
                if self._list_one():
                    continue
                self._check_alive()
                self._await_news()

    def _await_news(self) -> None:
        """Wait until there is something to do; patiently, while everyone has work for longer than waking up takes.

        No outcome is missed: `_patient` and `_low` are set before the fence, as `parked` is (see `wait.py`). An outcome
        of which a receiver told nobody, because it had more to do, is found when the patience ends.
        """
        self._low = -1 if self._all_dealt else self._limit() // 2
        least = min(self._outstanding)
        self._patient = self._mean_ns < _QUIET_NS and least > self._low and least * self._mean_ns > _WAKE_NS
        if self._patient:
            if self._wait.wait(self._ready, _PATIENCE_S, patient=True):
                return
            self._patient = False
        self._wait.wait(self._ready)

    def _finish_parts(self) -> Iterator[Part]:
        while len(self._finished) < self.n:
            self._collect()
            if len(self._finished) < self.n and not self._outbox:
                self._check_alive()
                self._wait.wait(self._has_outcome)
        for _, error in sorted(self._finished.items()):
            if error[1] is not None:
                raise self._first(error[1])
        for partition in range(self.n):
            value = self._finished.pop(partition)[0]
            if value is not None:
                yield from self._hand_on(Part(None, value))

    def _hand_on(self, part: Part) -> Iterator[Part]:
        start = perf_counter_ns()
        yield part
        end = perf_counter_ns()
        self._own.sink_ns += end - start
        if self._own.spans is not None:
            self._own.spans.append(("hand on", start, end, -1 if part.index is None else part.index))

    def _ready(self) -> bool:
        """Is there something to do: an outcome, or a split from the reader for which someone has room?"""
        if self._outbox:
            return True
        reader = self._reader
        return reader is not None and not self._all_dealt and self._has_room() and reader.handoff.has_item()

    def _has_outcome(self) -> bool:
        return len(self._outbox) > 0

    def _collect(self) -> None:
        """Take what receivers have posted."""
        outbox = self._outbox
        while outbox:
            partition, index, value, error, took = outbox.popleft()
            if index is None:
                self._finished[partition] = (value, error)
            elif index >= 0:
                self._results[index] = (value, error)
                self._outstanding[partition] -= 1
                self._mean_ns += (took - self._mean_ns) >> 3
                self.progress.splits_done += 1
                self.progress.bytes_done += self._sizes.pop(index, 0)
            elif index == _LEFT:
                self._left += 1
            elif index == _CANCEL:
                self.cancelled = True
                raise Cancelled("the query was cancelled")
            if error is not None:
                self._note(partition, index, error)

    def _note(self, partition: int, index: int | None, error: BaseException) -> None:
        """Something failed: deal no more, let the splits before it finish, drop those after it."""
        if index == OPENING:
            raise error
        self._all_dealt = True
        if self._exchange is not None:
            # Whoever waits for the failed one would wait for ever. They fail as `Cancelled`, which is not a reason.
            self._exchange.fail(error)
        place = self._dealt + partition if index is None else index
        if isinstance(error, Cancelled) or (self._failure is not None and self._failure[0] < place):
            return
        self._failure = (place, error)
        if index is not None:
            for receiver in self._receivers:
                receiver.stop_after = index

    def _first(self, error: BaseException) -> BaseException:
        """The error to raise: the lowest that is not just the consequence of another."""
        return self._failure[1] if self._failure is not None and isinstance(error, Cancelled) else error

    def _check_alive(self) -> None:
        """All receivers have left, and something is missing: our fault. Better an error than to wait for ever."""
        if self._left == self.n and not self._outbox:
            if self._failure is not None:
                raise self._failure[1]
            raise InternalError(f"receivers of {self.stage.name!r} ended early at split {self._turn} of {self._dealt}")

    # Dealing

    def _limit(self) -> int:
        """How many splits a receiver may have. By their time, which changes how work is spread, never the answer."""
        tiny = min(_MOST_QUEUED, _QUEUED_NS // max(1, self._mean_ns))
        limit = max(self.depth, tiny)
        if self.choice.strategy.by_demand and self._listed:
            # The last ones go to whoever is idle first, not into queues behind a slow one.
            return max(1, min(limit, len(self._ahead) // self.n))
        return limit

    def _has_room(self) -> bool:
        limit = self._limit()
        return self._dealt - self._turn < max(8, 2 * self.n * limit) and min(self._outstanding) < limit

    def _deal(self) -> None:
        while not self._all_dealt:
            limit = self._limit()
            if self._dealt - self._turn >= max(8, 2 * self.n * limit):
                self._own.backpressure += 1
                return
            target = self._deal_to(self._outstanding, limit)
            if target is None:
                self._own.backpressure += 1
                return
            try:
                split = self._next_split()
            except WouldBlock:
                return
            except StopIteration:
                self._end_dealing()
                return
            except Exception as error:
                # Its turn comes after the splits before it, as it would with one thread.
                self._results[self._dealt] = (None, error)
                self._dealt += 1
                self._end_dealing()
                return
            try:
                self._receivers[target].handoff.put_nowait((self._dealt, split))
            except HandoffError:
                self._all_dealt = True  # this receiver has failed, at a lower split: its outcome is on the way
                return
            self._sizes[self._dealt] = split.bytes
            self._outstanding[target] += 1
            self._dealt += 1

    def _next_split(self) -> Split:
        """The next split.

        :raises StopIteration: there are no more.
        :raises WouldBlock: the reader has none yet.
        """
        if self._reader is None:
            return self._next_listed()
        try:
            split: Split = self._reader.handoff.get_nowait()
        except EndOfStream:
            raise StopIteration from None
        except BrokenHandoff as broken:
            raise broken.error from None
        return split

    def _next_listed(self) -> Split:
        if not self._ahead:
            self._list_one()
        if not self._ahead:
            raise StopIteration
        split = self._ahead.popleft()
        if isinstance(split, Exception):
            raise split
        return split

    def _list_one(self) -> bool:
        """List one split more; False if there is none, or enough are listed already.

        Called while everyone is busy: finding a split's end may mean to read it, and the receivers work meanwhile. It
        also tells when the end is near.
        """
        ahead = self._ahead
        if self._listed or self._all_dealt or self._reader is not None or len(ahead) >= self.n * self.depth:
            return False
        start = perf_counter_ns()
        try:
            ahead.append(next(self._splits))
        except StopIteration:
            self._listed = True
        except Exception as error:
            self._listed = True
            ahead.append(error)
        self._own.source_ns += perf_counter_ns() - start
        return True

    def _end_dealing(self) -> None:
        self._all_dealt = True
        for receiver in self._receivers:
            receiver.handoff.close()

    # The end

    def _settle(self, timeout: float) -> None:
        """Wait until all receivers have left the stage (a kernel can't be stopped midway)."""
        end = perf_counter() + timeout
        while self._left < self.n:
            outbox = self._outbox
            while outbox:
                if outbox.popleft().at == _LEFT:
                    self._left += 1
            left = end - perf_counter()
            if self._left < self.n and (left <= 0 or not self._wait.wait(self._has_outcome, left)):
                break
        if self._reader is not None:
            self._reader.join(min(0.05, timeout))

    def _give_back(self, crew: Crew, threads: list[CrewThread]) -> None:
        for thread, receiver in zip(threads, self._receivers, strict=False):
            crew.give_back(thread, free=self._left == self.n or receiver.metrics.ended_ns > 0)


class _Job:
    """A receiver's run, then the news that its thread is free.

    Threading: called once, by a crew thread.
    """

    __slots__ = ("receiver", "run")

    def __init__(self, receiver: PartitionReceiver, run: Run) -> None:
        self.receiver, self.run = receiver, run

    def __call__(self) -> None:
        partition = self.receiver.partition
        try:
            self.receiver.run()
        except BaseException as error:
            self.run._post(Outcome(partition, OPENING, None, error, 0))
        finally:
            self.run._post(Outcome(partition, _LEFT, None, None, 0))
