from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from tests.unit.test_hints import POISON
from tests.waiting import LIMIT, until
from workers import consumer
from workers.adapters.memory_queue import MemoryQueue
from workers.consumer import ShiftReport, consume, polling_order
from workers.errors import QueueUnavailable, StoreRefused, StoreUnavailable
from workers.model import Disposal, Hint, JobId
from workers.ports import Received, Store
from workers.settings import Settings


@dataclass
class ScriptedStore:
    """Answers as it is told. Every job is worth a run unless `disposals` says otherwise."""

    disposals: dict[str, Disposal] = field(default_factory=dict)
    in_flight: int = 0
    away: int = 0  # so many calls from now on find the database away
    refused: set[str] = field(default_factory=set)
    asked: int = 0
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    async def count_in_flight(self, *, dispatch_grace: timedelta) -> int:
        assert dispatch_grace > timedelta(0)
        self._answer()
        return self.in_flight

    async def dispatch(self, job_id: JobId, hint: int) -> Disposal:
        assert hint >= 0
        self._answer()
        if job_id in self.refused:
            raise StoreRefused("bad function")
        return self.disposals.get(job_id, Disposal.DISPATCH)

    async def note_message(self, *, queue: str, message_id: str, event: str, job_id: str | None, detail: str) -> None:
        assert job_id is None
        assert message_id
        self._answer()
        self.notes.append((queue, event, detail))

    def _answer(self) -> None:
        self.asked += 1
        if self.away > 0:
            self.away -= 1
            raise StoreUnavailable


@dataclass
class Ask:
    queue: str
    limit: int
    wait: timedelta


class WatchedQueue(MemoryQueue):
    """The twin, with a record of what was asked of it and calls that fail as they are told."""

    def __init__(self, visibility: float = 60) -> None:
        super().__init__(visibility=timedelta(seconds=visibility))
        self.asks: list[Ask] = []
        self.away = 0
        self.ensured = 0
        self.undeletable = 0
        self.never_waits = False

    async def ensure_queues(self) -> None:
        self.ensured += 1
        self._answer()

    async def receive(self, queue: str, *, limit: int, wait: timedelta) -> Sequence[Received]:
        self.asks.append(Ask(queue, limit, wait))
        self._answer()
        return await super().receive(queue, limit=limit, wait=timedelta(0) if self.never_waits else wait)

    async def delete(self, message: Received) -> None:
        if self.undeletable > 0:
            self.undeletable -= 1
            raise QueueUnavailable
        await super().delete(message)

    def left(self) -> int:
        """How many messages there are, hidden ones too, without the dead letters."""
        return sum(len(entries) for name, entries in self._queues.items() if name != "dlq")

    def _answer(self) -> None:
        if self.away > 0:
            self.away -= 1
            raise QueueUnavailable


class Bench:
    """A consumer on twins; `started` holds the hints for which a run was started."""

    def __init__(self, *, visibility: float = 60, max_jobs: int = 10, shift: float = 60) -> None:
        self.store = ScriptedStore()
        self.queue = WatchedQueue(visibility)
        self.settings = Settings(
            store="memory",
            queue="memory",
            shift=timedelta(seconds=shift),
            long_poll=timedelta(seconds=20),
            max_jobs_in_flight=max_jobs,
        )
        self.stop = asyncio.Event()
        self.started: list[Hint] = []
        self.failing_starts = 0
        self.report: ShiftReport | None = None

    async def start_run(self, hint: Hint) -> None:
        if self.failing_starts > 0:
            self.failing_starts -= 1
            raise ConnectionError("Prefect is away")
        self.started.append(hint)

    async def send(self, count: int = 1, priority: int = 1) -> list[str]:
        hints = [Hint(JobId(str(uuid.uuid4())), n, priority, f"shop-{n}") for n in range(1, count + 1)]
        for hint in hints:
            await self.queue.send(hint)
        return [hint.job_id for hint in hints]

    async def consume(self) -> ShiftReport:
        return await consume(cast("Store", self.store), self.queue, self.start_run, self.settings, self.stop)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run a shift for the block; then stop it, which must not take long."""
        shift = asyncio.create_task(self.consume())
        try:
            yield
            self.stop.set()
            async with asyncio.timeout(1):
                self.report = await shift
        finally:
            shift.cancel()


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_FULL_PAUSE", 0.02)
    monkeypatch.setattr(consumer, "_BACKOFF_LIMIT", 0.02)


async def test_every_hint_becomes_a_run_and_its_message_is_deleted() -> None:
    bench = Bench(max_jobs=100)
    jobs = [job for priority in (1, 2, 3, 4) for job in await bench.send(15, priority)]
    async with bench.working():
        await until(lambda: len(bench.started) == 60 and bench.queue.left() == 0)
    assert sorted(hint.job_id for hint in bench.started) == sorted(jobs)
    assert {hint.correlation_id for hint in bench.started} == {f"shop-{n}" for n in range(1, 16)}
    assert bench.report == ShiftReport(received=60, dispatched=60)


@pytest.mark.parametrize("priority", [1, 2, 3, 4])
async def test_a_hint_that_comes_while_the_consumer_waits_is_started_at_once(priority: int) -> None:
    bench = Bench()
    async with bench.working():
        await until(lambda: len([ask for ask in bench.queue.asks if ask.wait]) == 4)
        sent = asyncio.get_running_loop().time()
        await bench.send(1, priority)
        await until(lambda: bool(bench.started))
        assert asyncio.get_running_loop().time() - sent < 0.5
    assert bench.report == ShiftReport(received=1, dispatched=1)


async def test_p1_goes_first_and_every_eighth_receive_begins_lower_down() -> None:
    bench = Bench(max_jobs=1)  # one message a receive
    for priority in (4, 3, 2, 1):
        await bench.send(25, priority)
    async with bench.working():
        await until(lambda: len(bench.started) >= 24)
    order = [hint.priority for hint in bench.started[:24]]
    assert order == [1, 1, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 2]


async def test_p4_is_served_under_endless_p1_and_p3_under_both() -> None:
    bench = Bench(max_jobs=1)
    await bench.send(500, 1)
    await bench.send(20, 3)
    await bench.send(20, 4)
    async with bench.working():
        await until(lambda: len(bench.started) >= 240)
    share = [hint.priority for hint in bench.started[:240]]
    assert share.count(1) == 210
    assert share.count(3) == 10
    assert share.count(4) == 20  # when p2 is empty, its turns go to p4


def test_each_queue_is_polled_once_in_every_sweep() -> None:
    for sweep in range(1, 100):
        assert sorted(polling_order(sweep)) == ["p1", "p2", "p3", "p4"]
        assert (polling_order(sweep)[0] == "p1") == bool(sweep % 8)


async def test_nothing_is_received_while_there_is_no_capacity() -> None:
    bench = Bench(max_jobs=3)
    bench.store.in_flight = 3
    await bench.send(1)
    async with bench.working():
        await until(lambda: bench.store.asked >= 5)
        assert bench.queue.asks == []
        bench.store.in_flight = 2
        await until(lambda: len(bench.started) == 1)
    assert bench.report is not None
    assert bench.report.full >= 4


@pytest.mark.parametrize("free", [1, 2, 3, 4, 7, 50])
async def test_no_more_is_asked_for_than_there_is_capacity(free: int) -> None:
    bench = Bench(max_jobs=60)
    bench.store.in_flight = 60 - free
    async with bench.working():
        await until(lambda: any(ask.wait for ask in bench.queue.asks))
    waiting = [ask for ask in bench.queue.asks if ask.wait]
    assert [ask.queue for ask in waiting] == ["p1", "p2", "p3", "p4"][:free]
    assert sum(ask.limit for ask in waiting) <= free
    assert all(ask.limit <= min(free, 10) for ask in bench.queue.asks)


async def test_while_the_database_is_away_nothing_is_received() -> None:
    bench = Bench()
    bench.store.away = 5
    await bench.send(1)
    async with bench.working():
        await until(lambda: bench.store.asked >= 4)
        assert bench.queue.asks == []
        await until(lambda: len(bench.started) == 1)
    assert bench.report is not None
    assert bench.report.pauses == 5


async def test_a_message_is_left_for_redelivery_when_the_database_goes_away_under_it() -> None:
    bench = Bench(visibility=0.1)
    await bench.send(1)
    counted = bench.store.count_in_flight

    async def count_and_go_away(*, dispatch_grace: timedelta) -> int:
        count = await counted(dispatch_grace=dispatch_grace)
        if not bench.queue.asks:
            bench.store.away = 1
        return count

    bench.store.count_in_flight = count_and_go_away  # type: ignore[method-assign]  # a database that goes away in between
    async with bench.working():
        await until(lambda: len(bench.started) == 1 and bench.queue.left() == 0)
    assert bench.report == ShiftReport(received=2, dispatched=1, left=1, pauses=1)


async def test_after_a_failure_one_message_is_taken_to_see_whether_it_goes_again() -> None:
    bench = Bench()
    bench.failing_starts = 2
    await bench.send(12)
    async with bench.working():
        await until(lambda: len(bench.started) == 10)
    assert [ask.limit for ask in bench.queue.asks if ask.queue == "p1"][:2] == [10, 1]


@pytest.mark.parametrize("name", POISON)
async def test_poison_goes_to_the_dlq_with_its_raw_body_and_a_reason(name: str) -> None:
    body, _ = POISON[name]
    bench = Bench()
    await bench.queue.put("p2", body, {"hint": "1"})
    await bench.send(1, priority=2)
    async with bench.working():
        await until(lambda: len(bench.started) == 1 and bench.queue.left() == 0)
    (dead,) = await bench.queue.receive("dlq", limit=10, wait=timedelta(0))
    assert dead.body == (body or " ")
    ((queue, event, detail),) = bench.store.notes
    assert (queue, event) == ("p2", "message.dead_lettered")
    assert dead.attributes["reason"] == detail
    assert bench.report == ShiftReport(received=2, dispatched=1, buried=1)


async def test_a_hint_for_an_unknown_job_goes_to_the_dlq() -> None:
    bench = Bench()
    (job,) = await bench.send(1)
    bench.store.disposals[job] = Disposal.UNKNOWN_JOB
    async with bench.working():
        await until(lambda: bool(bench.store.notes))
    (dead,) = await bench.queue.receive("dlq", limit=10, wait=timedelta(0))
    assert job in dead.body
    assert dead.attributes["reason"] == "There is no job with this id."
    assert bench.report == ShiftReport(received=1, buried=1)


async def test_a_hint_that_is_worth_nothing_is_dropped() -> None:
    bench = Bench()
    (job,) = await bench.send(1)
    bench.store.disposals[job] = Disposal.DROP
    async with bench.working():
        await until(lambda: bench.queue.left() == 0)
    assert bench.started == []
    assert bench.report == ShiftReport(received=1, dropped=1)


async def test_poison_is_buried_even_when_that_cannot_be_noted() -> None:
    bench = Bench()
    await bench.queue.put("p1", "poison")
    note = bench.store.note_message

    async def refuse(**arguments: object) -> None:
        bench.store.away = 1
        await note(**arguments)  # type: ignore[arg-type]  # passed on as they came

    bench.store.note_message = refuse  # type: ignore[method-assign]  # a database that goes away in between
    async with bench.working():
        await until(lambda: bench.queue.left() == 0 and bool(bench.queue.asks[-1].wait))
    assert (await bench.queue.depths())["dlq"] == 1
    assert bench.report == ShiftReport(received=1, buried=1)


async def test_a_run_that_cannot_be_started_leaves_its_message_and_is_started_later() -> None:
    bench = Bench(visibility=0.1)
    bench.failing_starts = 2
    (job,) = await bench.send(1)
    async with bench.working():
        await until(lambda: bench.queue.left() == 0)
    assert [hint.job_id for hint in bench.started] == [job]
    assert bench.report is not None
    assert (bench.report.left, bench.report.dispatched) == (2, 1)


async def test_a_start_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_START_LIMIT", 0.05)
    bench = Bench()

    async def hang(hint: Hint) -> None:
        await asyncio.Event().wait()

    bench.start_run = hang  # type: ignore[method-assign]  # a Prefect that does not answer
    await bench.send(1)
    async with bench.working():
        await until(lambda: len(bench.queue.asks) > 4)
    assert bench.queue.left() == 1
    assert bench.report is not None
    assert bench.report.left == 1


async def test_a_message_that_the_database_refuses_holds_nobody_up() -> None:
    bench = Bench()
    bad, *_ = await bench.send(5)
    bench.store.refused.add(bad)
    async with bench.working():
        await until(lambda: len(bench.started) == 4)
    assert bench.queue.left() == 1
    assert bench.report == ShiftReport(received=5, dispatched=4, left=1)


async def test_a_message_that_cannot_be_deleted_comes_again_and_does_no_harm() -> None:
    bench = Bench(visibility=0.1)
    bench.queue.undeletable = 1
    (job,) = await bench.send(1)
    async with bench.working():
        await until(lambda: len(bench.started) == 1)
        bench.store.disposals[job] = Disposal.DROP
        await until(lambda: bench.queue.left() == 0)
    assert bench.report == ShiftReport(received=2, dispatched=1, dropped=1)


async def test_a_queue_that_is_away_is_asked_again_until_it_is_set_up() -> None:
    bench = Bench()
    bench.queue.away = 2
    await bench.send(1)
    async with bench.working():
        await until(lambda: len(bench.started) == 1)
    assert bench.queue.ensured == 3
    assert bench.report is not None
    assert bench.report.pauses == 2


async def test_a_queue_that_went_away_is_set_up_again_before_the_next_receive() -> None:
    bench = Bench(max_jobs=1)
    await bench.send(2)

    async def start_and_cut_off(hint: Hint) -> None:
        if not bench.started:
            bench.queue.away = 1
        bench.started.append(hint)

    bench.start_run = start_and_cut_off  # type: ignore[method-assign]  # a server that goes away in between
    async with bench.working():
        await until(lambda: len(bench.started) == 2)
    assert bench.queue.ensured == 2


@pytest.mark.parametrize(("away", "in_flight"), [(0, 0), (0, 10), (99, 0)], ids=["waiting", "full", "pausing"])
async def test_the_stop_ends_a_shift_at_once(away: int, in_flight: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_FULL_PAUSE", 60)
    monkeypatch.setattr(consumer, "_BACKOFF_LIMIT", 60)
    bench = Bench()
    bench.store.away, bench.store.in_flight = away, in_flight
    async with bench.working():
        await until(lambda: bench.store.asked > 0)


async def test_what_was_received_is_dealt_with_before_the_stop() -> None:
    bench = Bench()
    go = asyncio.Event()
    waiting: list[Hint] = []

    async def start_slowly(hint: Hint) -> None:
        waiting.append(hint)
        await go.wait()
        bench.started.append(hint)

    bench.start_run = start_slowly  # type: ignore[method-assign]  # a Prefect that takes its time
    await bench.send(3)
    async with bench.working():
        await until(lambda: len(waiting) == 3)
        bench.stop.set()
        go.set()
    assert len(bench.started) == 3
    assert bench.queue.left() == 0


async def test_a_shift_ends_by_itself() -> None:
    bench = Bench(shift=0.2)
    async with asyncio.timeout(LIMIT):
        assert await bench.consume() == ShiftReport()
    assert all(ask.wait <= timedelta(seconds=0.2) for ask in bench.queue.asks)


async def test_a_cancelled_shift_leaves_no_task_behind() -> None:
    bench = Bench()
    before = asyncio.all_tasks()
    shift = asyncio.create_task(bench.consume())
    await until(lambda: any(ask.wait for ask in bench.queue.asks))
    shift.cancel()
    await asyncio.wait([shift])
    await until(lambda: asyncio.all_tasks() == before)


async def test_a_queue_that_does_not_wait_does_not_make_the_consumer_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_FULL_PAUSE", 60)
    bench = Bench()
    bench.queue.never_waits = True
    async with bench.working():
        await until(lambda: len(bench.queue.asks) == 8)
    assert len(bench.queue.asks) == 8
