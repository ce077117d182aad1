"""The consumer on a real Postgres and a real SQS server: what the twins cannot prove."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import cycle, islice

import asyncpg
import pytest
from pydantic import SecretStr

from tests.contract.test_queue import Put, put_on_sqs
from tests.unit.test_hints import POISON
from tests.unit.test_orders import ORDER
from tests.waiting import until
from workers.adapters.postgres import open_postgres_store
from workers.adapters.sqs import SqsQueue
from workers.consumer import consume
from workers.errors import QueueUnavailable
from workers.model import Directory, DirectoryId, DirectoryStatus, Hint, JobId
from workers.orders import place_order
from workers.ports import Received, Store
from workers.settings import Settings

PLAIN = Directory(
    id=DirectoryId("sample-plain"),
    name="Plain",
    site="plain.example",
    submission_url="https://plain.example/add",
    status=DirectoryStatus.ACTIVE,
)
# What no SQS server takes at all cannot arrive: an empty body, characters outside XML, and here more than 256 KiB.
SENDABLE = {
    name: body[:262_144] for name, (body, _) in POISON.items() if body and not set(body) & set("\x00\x01\ud800\ufffe")
}


class WatchedSqs(SqsQueue):
    """Tells how many receives wait for a message."""

    waiting = 0

    async def receive(self, queue: str, *, limit: int, wait: timedelta) -> Sequence[Received]:
        self.waiting += bool(wait)
        try:
            return await super().receive(queue, limit=limit, wait=wait)
        finally:
            self.waiting -= bool(wait)

    def has_four_waiting(self) -> bool:
        return self.waiting == 4


@dataclass
class Bench:
    """Store, queue and a record of the runs that were started."""

    store: Store
    queue: WatchedSqs
    settings: Settings
    put: Put
    database_url: str
    started: list[Hint]
    stop: asyncio.Event

    async def start_run(self, hint: Hint) -> None:
        self.started.append(hint)

    def has_started(self, count: int) -> bool:
        return len(self.started) >= count

    async def order(self, count: int) -> set[str]:
        return {(await place_order(self.store, self.queue, ORDER)).job_id for _ in range(count)}

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        shift = asyncio.create_task(consume(self.store, self.queue, self.start_run, self.settings, self.stop))
        try:
            yield
            self.stop.set()
            async with asyncio.timeout(3):
                await shift
        finally:
            shift.cancel()

    async def dead_letters(self) -> list[Received]:
        dead: list[Received] = []
        while received := await self.queue.receive("dlq", limit=10, wait=timedelta(0)):
            dead += received
        return dead


@pytest.fixture
async def bench(database_url: str, sqs_settings: Settings) -> AsyncIterator[Bench]:
    settings = sqs_settings.model_copy(
        update={"store": "postgres", "database_url": SecretStr(database_url), "max_jobs_in_flight": 500}
    )
    store = await open_postgres_store(settings)
    await store.import_directories([PLAIN])
    queue = WatchedSqs(settings)
    await queue.ensure_queues()
    yield Bench(store, queue, settings, put_on_sqs(settings), database_url, [], asyncio.Event())
    await queue.close()
    await store.close()


async def test_fifty_poison_messages_hold_none_of_fifty_good_ones_up(bench: Bench) -> None:
    jobs = set[str]()
    poison = list(islice(cycle(SENDABLE.values()), 50))
    for number, body in enumerate(poison):
        await bench.put(f"p{1 + number % 4}", body, {"hint": "1"})
        jobs |= await bench.order(1)
    async with bench.working():
        await until(lambda: len(bench.started) == 50)
        await until(lambda: _is_drained(bench.queue, 50))
    assert {hint.job_id for hint in bench.started} == jobs
    dead = await bench.dead_letters()
    assert sorted(message.body for message in dead) == sorted(poison)
    assert all(message.attributes["reason"] for message in dead)
    notes = await _notes(bench.database_url)
    assert sorted(notes) == sorted(message.attributes["reason"] for message in dead)


async def test_a_hint_for_an_unknown_job_ends_on_the_dlq(bench: Bench) -> None:
    await bench.queue.send(Hint(JobId(str(uuid.uuid4())), 1, 2))
    async with bench.working():
        await until(lambda: _is_drained(bench.queue, 1))
    (dead,) = await bench.dead_letters()
    assert dead.attributes["reason"] == "There is no job with this id."
    assert await _notes(bench.database_url) == ["There is no job with this id."]


async def test_a_hint_that_came_twice_starts_no_second_job(bench: Bench) -> None:
    """Both may start a run before the first is claimed; its key is the same, so Prefect makes one run of them."""
    (job,) = await bench.order(1)
    await bench.queue.send(Hint(JobId(job), 1, 3))
    async with bench.working():
        await until(lambda: _is_drained(bench.queue, 0))
        await until(lambda: bool(bench.started))
    assert {(hint.job_id, hint.number) for hint in bench.started} == {(job, 1)}


async def test_capacity_is_counted_over_all_consumers(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"max_jobs_in_flight": 3})
    await bench.order(8)
    async with bench.working():
        await until(lambda: len(bench.started) == 3)
        await until(lambda: _is_full(bench.store, 3))
    assert len(bench.started) == 3
    assert (await bench.queue.depths())["p3"] == 5


async def test_an_order_placed_while_the_queue_is_away_is_hinted_later(bench: Bench) -> None:
    away = SqsQueue(bench.settings.model_copy(update={"queue_prefix": "nobody-made-these"}))
    enqueued = await place_order(bench.store, away, ORDER)
    with pytest.raises(QueueUnavailable):
        await away.depths()
    due = await bench.store.due_hints(rehint_after=timedelta(minutes=1))
    assert [hint.job_id for hint in due] == [enqueued.job_id]


async def test_a_hint_that_was_sent_is_not_due(bench: Bench) -> None:
    await bench.order(1)
    assert not await bench.store.due_hints(rehint_after=timedelta(minutes=1))


async def test_an_idle_consumer_starts_a_run_at_once_and_the_next_ones_within_two_seconds(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    first, last = [], []
    async with bench.working():
        for number in range(3, 16, 3):
            await until(bench.queue.has_four_waiting)
            sent = loop.time()
            await bench.order(3)
            await until(partial(bench.has_started, number - 2))
            first.append(loop.time() - sent)
            await until(partial(bench.has_started, number))
            last.append(loop.time() - sent)
    assert sorted(first)[len(first) // 2] < 0.5  # ministack looks every 0.1 s; the rest is room for a busy machine
    assert max(last) < 2.0


async def _is_drained(queue: SqsQueue, dead: int) -> bool:
    depths = await queue.depths()
    return depths.pop("dlq") == dead and not any(depths.values())


async def _is_full(store: Store, jobs: int) -> bool:
    return await store.count_in_flight(dispatch_grace=timedelta(minutes=1)) == jobs


async def _notes(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT detail FROM queue_history WHERE event = 'message.dead_lettered'")
    finally:
        await connection.close()
    return [row["detail"] for row in rows]
