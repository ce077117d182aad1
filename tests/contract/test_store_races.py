"""Two sessions of Postgres, one in the middle of its transaction: what happens first is forced, not hoped for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.contract.store_world import ALPHA, BETA, LEASE, World, order
from workers.adapters.postgres import PostgresRpc
from workers.adapters.store import DatabaseStore
from workers.model import ClaimRefusal, DirectoryStatus, IntentAnswer, JobState, Recovery, WorkerId

OVER = LEASE + timedelta(seconds=1)


class OneConnection:
    """A pool of one connection, so that a store's calls stay inside its transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def acquire(self, **_limits: float) -> Any:
        return self._connection

    async def release(self, connection: Any) -> None:
        assert connection is self._connection


class Halfway:
    """A store in the middle of a transaction: `commit` ends it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.store = DatabaseStore(PostgresRpc(OneConnection(connection)))  # type: ignore[arg-type]  # stands for a pool
        self._transaction = connection.transaction()

    async def begin(self) -> None:
        await self._transaction.start()

    async def commit(self) -> None:
        await self._transaction.commit()


@pytest.fixture
async def halfway(database_url: str) -> AsyncIterator[Halfway]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE service_role")
    yield Halfway(connection)
    await connection.close()


@asynccontextmanager
async def blocked(database_url: str, work: Any) -> AsyncIterator[asyncio.Task[Any]]:
    """Start the work and wait until the server says that it waits for a lock."""
    watcher = await asyncpg.connect(database_url)
    task = asyncio.ensure_future(work)
    async with asyncio.timeout(4):
        while True:
            if await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ):
                break
            assert not task.done(), f"it did not wait, it answered {task.result()!r}"
            await asyncio.sleep(0.01)
    await watcher.close()
    yield task


async def test_a_second_claim_waits_for_the_first_and_finds_it(
    postgres_world: World, halfway: Halfway, database_url: str
) -> None:
    enqueued = await postgres_world.order(ALPHA)
    await halfway.begin()
    first = await halfway.store.claim(enqueued.job_id, WorkerId("w-1"), lease=LEASE)
    assert first.lease
    async with blocked(database_url, postgres_world.claim(enqueued.job_id)) as second:
        await halfway.commit()
        assert (await second).refusal is ClaimRefusal.LEASED


async def test_a_second_sweep_passes_by_what_the_first_has_in_hand(postgres_world: World, halfway: Halfway) -> None:
    lease = await postgres_world.hold(ALPHA)
    await postgres_world.pass_time(OVER)
    await halfway.begin()
    assert len(await halfway.store.recover_stale(max_recoveries=3)) == 1
    assert await postgres_world.store.recover_stale(max_recoveries=3) == []
    await halfway.commit()
    assert (await postgres_world.events(lease.job_id)).count("job.recovered") == 1


async def test_a_second_relay_passes_by_the_hints_that_the_first_has_in_hand(
    postgres_world: World, halfway: Halfway
) -> None:
    await postgres_world.order(ALPHA)
    await halfway.begin()
    assert len(await halfway.store.due_hints(rehint_after=LEASE)) == 1
    assert await postgres_world.store.due_hints(rehint_after=LEASE) == []


async def test_no_sweep_comes_between_an_intent_and_its_commit(postgres_world: World, halfway: Halfway) -> None:
    lease = await postgres_world.hold(ALPHA)
    await postgres_world.pass_time(OVER)
    await halfway.begin()
    assert await halfway.store.commit_intent(lease, ALPHA) is IntentAnswer.COMMITTED
    assert await postgres_world.store.recover_stale(max_recoveries=3) == []
    await halfway.commit()
    recoveries = await postgres_world.store.recover_stale(max_recoveries=3)
    assert recoveries == [Recovery(lease.job_id, JobState.PENDING, 1)]


async def test_no_intent_comes_between_a_claim_and_its_commit(
    postgres_world: World, halfway: Halfway, database_url: str
) -> None:
    old = await postgres_world.hold(ALPHA)
    await postgres_world.pass_time(OVER)
    await halfway.begin()
    assert (await halfway.store.claim(old.job_id, WorkerId("w-2"), lease=LEASE)).lease
    async with blocked(database_url, postgres_world.store.commit_intent(old, ALPHA)) as late:
        await halfway.commit()
        assert await late is IntentAnswer.LEASE_LOST


async def test_an_intent_of_another_job_waits_for_the_first_and_is_refused(
    postgres_world: World, halfway: Halfway, database_url: str
) -> None:
    first, second = await postgres_world.hold(ALPHA), await postgres_world.hold(ALPHA)
    await halfway.begin()
    assert await halfway.store.commit_intent(first, ALPHA) is IntentAnswer.COMMITTED
    async with blocked(database_url, postgres_world.store.commit_intent(second, ALPHA)) as late:
        await halfway.commit()
        assert await late is IntentAnswer.EARLIER_UNRESOLVED


async def test_an_intent_waits_for_a_pause_of_its_directory_and_is_refused(
    postgres_world: World, halfway: Halfway, database_url: str
) -> None:
    lease = await postgres_world.hold(ALPHA)
    await halfway.begin()
    assert await halfway.store.set_status(ALPHA, DirectoryStatus.PAUSED)
    async with blocked(database_url, postgres_world.store.commit_intent(lease, ALPHA)) as late:
        await halfway.commit()
        assert await late is IntentAnswer.NOT_ACTIVE


async def test_a_second_order_with_the_key_waits_for_the_first_and_is_its_job(
    postgres_world: World, halfway: Halfway, database_url: str
) -> None:
    await postgres_world.order(ALPHA)  # the customer exists
    await halfway.begin()
    first = await halfway.store.enqueue(order(ALPHA, key="k"))
    async with blocked(database_url, postgres_world.order(ALPHA, key="k")) as second:
        await halfway.commit()
        answer = await second
    assert (answer.job_id, answer.is_new) == (first.job_id, False)


async def test_submissions_of_one_job_do_not_wait_for_each_other(postgres_world: World, halfway: Halfway) -> None:
    lease = await postgres_world.hold()
    await halfway.begin()
    assert await halfway.store.commit_intent(lease, ALPHA) is IntentAnswer.COMMITTED
    async with asyncio.timeout(4):
        assert await postgres_world.store.commit_intent(lease, BETA) is IntentAnswer.COMMITTED
