"""Turns hints into runs: one bounded shift at the four queues.

    capacity? ── none ─▶ pause, without receiving
        │
    sweep: short polls, p1 first; every eighth sweep begins lower down
        │ all empty
    wait at the queues: one long poll on each of them, at the same time
        │ a message
    parse ── poison ─▶ DLQ        dispatch ── unknown job ─▶ DLQ · drop ─▶ delete · worth a run ─▶ start it, delete

What is away stops the receiving, not the shift: each receive counts towards the five after which SQS gives a message
up, so an outage of ours must not use them up. A message that was received and not deleted comes again by itself.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from workers.errors import FleetError, PoisonMessage, QueueUnavailable, ServiceUnavailable
from workers.hints import parse_hint
from workers.log import bound, get_logger
from workers.model import Disposal, Hint
from workers.ports import Queue, Received, Store
from workers.settings import Settings

log = get_logger("consumer")

StartRun = Callable[[Hint], Awaitable[object]]
"""Starts the processing of a job. Must start one run only for one hint, however often it is called with it."""

_BATCH_LIMIT = 10  # the most that SQS gives at once
_TURN_OF_THE_OTHERS = 8
_FULL_PAUSE = 0.5  # seconds until capacity is asked for again
_START_LIMIT = 30.0  # seconds; half of the time for which a received message is hidden
_BACKOFF_LIMIT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """What a shift did, in messages; `full` and `pauses` count how often it held back, and for an outage."""

    received: int = 0
    dispatched: int = 0
    dropped: int = 0
    buried: int = 0
    left: int = 0  # for redelivery: something was away, or refused
    full: int = 0
    pauses: int = 0


async def consume(
    store: Store, queue: Queue, start_run: StartRun, settings: Settings, stop: asyncio.Event | None = None
) -> ShiftReport:
    """Work one shift of `settings.shift`, or until `stop` is set: what was received is still dealt with.

    At most `settings.max_jobs_in_flight` jobs are in flight, over all consumers together; consumers that ask at the
    same moment may exceed it by what they then receive.
    """
    return await _Shift(store, queue, start_run, settings, stop or asyncio.Event()).work()


def polling_order(sweep: int) -> tuple[str, ...]:
    """Return the order of the queues in a sweep, counted from 1.

    Every eighth sweep begins lower down: at p4, the next time at p3, then at p2. If it always began at p4, a p4
    that is never empty would leave nothing to p3 and p2.
    """
    turn, rest = divmod(sweep, _TURN_OF_THE_OTHERS)
    if rest:
        return ("p1", "p2", "p3", "p4")
    others = ("p4", "p3", "p2")
    first = (turn - 1) % len(others)
    return (*others[first:], *others[:first], "p1")


class _Shift:
    def __init__(
        self, store: Store, queue: Queue, start_run: StartRun, settings: Settings, stop: asyncio.Event
    ) -> None:
        self._store = store
        self._queue = queue
        self._start_run = start_run
        self._settings = settings
        self._stop = stop
        self._counts: Counter[str] = Counter()
        self._sweeps = 0
        self._failures = 0
        self._are_queues_ensured = False
        self._end = 0.0

    async def work(self) -> ShiftReport:
        self._end = asyncio.get_running_loop().time() + self._settings.shift.total_seconds()
        while not self._stop.is_set() and self._remaining() > 0:
            try:
                await self._turn()
                self._failures = 0
            except ServiceUnavailable as error:
                await self._back_off(error)
        report = ShiftReport(**self._counts)
        log.info("shift.ended", **self._counts)
        return report

    async def _turn(self) -> None:
        if not self._are_queues_ensured:
            await self._queue.ensure_queues()
            self._are_queues_ensured = True
        free = await self._free()
        if free < 1:
            self._counts["full"] += 1
            await self._pause(_FULL_PAUSE)
            return
        self._sweeps += 1
        order = polling_order(self._sweeps)
        for name in order:
            if await self._receive_and_handle(name, free, timedelta(0)):
                return
        await self._wait_at(order[:free], free)

    async def _free(self) -> int:
        """Ask how many more jobs may be in flight; after a failure only one, to see whether it goes again."""
        grace = self._settings.rehint_after
        free = self._settings.max_jobs_in_flight - await self._store.count_in_flight(dispatch_grace=grace)
        return min(free, 1) if self._failures else free

    async def _wait_at(self, queues: Sequence[str], free: int) -> None:
        """Poll these queues at once, each for its share of the capacity, and handle what comes when it comes.

        All polls come to their end before the next sweep, so they must be short. A poll that is broken off, or left
        standing, receives what nobody has capacity for, and every such receive counts towards the five.
        """
        share = free // len(queues)
        started = asyncio.get_running_loop().time()
        polls = [self._receive_and_handle(name, share, self._settings.long_poll) for name in queues]
        if not any(await _all(polls)) and asyncio.get_running_loop().time() - started < 0.1:
            await self._pause(_FULL_PAUSE)  # a queue that does not wait shall not make us spin

    async def _receive_and_handle(self, queue: str, limit: int, wait: timedelta) -> int:
        messages = await self._receive(queue, min(limit, _BATCH_LIMIT), wait)
        self._counts["received"] += len(messages)
        await _all([self._handle(message) for message in messages])
        return len(messages)

    async def _receive(self, queue: str, limit: int, wait: timedelta) -> Sequence[Received]:
        """Receive, unless the stop comes first."""
        wait = min(wait, timedelta(seconds=max(self._remaining(), 0)))
        receiving = asyncio.ensure_future(self._queue.receive(queue, limit=limit, wait=wait))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else ()
        finally:
            receiving.cancel()
            stopping.cancel()

    async def _handle(self, message: Received) -> None:
        try:
            await self._deal_with(message)
        except ServiceUnavailable:
            self._counts["left"] += 1
            raise
        except Exception as error:
            self._counts["left"] += 1
            log.exception("message.left", queue=message.queue, message_id=message.message_id, why=repr(error))

    async def _deal_with(self, message: Received) -> None:
        try:
            hint = parse_hint(message)
        except PoisonMessage as poison:
            await self._bury(message, str(poison))
            return
        with bound(job_id=hint.job_id, correlation_id=hint.correlation_id):
            disposal = await self._store.dispatch(hint.job_id, hint.number)
            match disposal:
                case Disposal.UNKNOWN_JOB:
                    await self._bury(message, "There is no job with this id.")
                case Disposal.DROP:
                    await self._finish(message, "dropped")
                case Disposal.DISPATCH:
                    await self._start(hint)
                    await self._finish(message, "dispatched")
                case _:
                    assert_never(disposal)

    async def _start(self, hint: Hint) -> None:
        try:
            async with asyncio.timeout(_START_LIMIT):
                await self._start_run(hint)
        except Exception as error:
            raise ServiceUnavailable(f"The run could not be started: {error!r}") from error

    async def _finish(self, message: Received, what: str) -> None:
        """Count what was decided and delete; a message that cannot be deleted comes again and is dropped then."""
        self._counts[what] += 1
        log.info(f"hint.{what}", queue=message.queue, hint=message.attributes.get("hint"))
        try:
            await self._queue.delete(message)
        except QueueUnavailable as error:
            log.warning("message.not_deleted", queue=message.queue, message_id=message.message_id, why=str(error))

    async def _bury(self, message: Received, reason: str) -> None:
        await self._queue.bury(message, reason)
        self._counts["buried"] += 1
        log.warning("message.dead_lettered", queue=message.queue, message_id=message.message_id, why=reason)
        try:
            await self._store.note_message(
                queue=message.queue,
                message_id=message.message_id,
                event="message.dead_lettered",
                job_id=None,  # a hint for no job of ours must not point at one
                detail=reason,
            )
        except FleetError as error:
            log.warning("message.not_noted", message_id=message.message_id, why=str(error))

    async def _back_off(self, error: ServiceUnavailable) -> None:
        self._failures += 1
        self._counts["pauses"] += 1
        if isinstance(error, QueueUnavailable):
            self._are_queues_ensured = False  # a server that keeps its queues in memory comes back without them
        seconds = min(_BACKOFF_LIMIT, 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1)  # noqa: S311 (jitter)
        log.warning("consumer.paused", seconds=round(seconds, 1), why=str(error))
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than the shift lasts and the stop lets us."""
        try:
            async with asyncio.timeout(min(seconds, max(self._remaining(), 0))):
                await self._stop.wait()
        except TimeoutError:
            return

    def _remaining(self) -> float:
        return self._end - asyncio.get_running_loop().time()


async def _all(work: Iterable[Awaitable[int | None]]) -> list[int | None]:
    """Let all of it come to its end, then raise the first error."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
