"""What a store does when its database is away, slow or disagrees: both transports, real servers."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from infra.local.postgres import LocalPostgres
from infra.migrate import migrate
from tests.contract.postgrest_stand_in import StandIn, token
from tests.contract.store_world import ALPHA, LEASE, PROFILE, World, furnish, order
from workers.adapters.postgres import open_postgres_store
from workers.adapters.rpc import CallUndone, error_from
from workers.adapters.store import DatabaseStore
from workers.adapters.supabase import open_supabase_store
from workers.errors import StoreRefused, StoreUnavailable
from workers.model import IntentAnswer, WorkerId
from workers.outcome import Reason, Submitted
from workers.settings import load_settings


class FlakyRpc:
    """Passes calls on; the first answers of one function are lost, after or before the work was done."""

    def __init__(self, inner: Any, function: str, *, losses: int = 1, is_done: bool = True) -> None:
        self._inner, self._function, self._losses, self._is_done = inner, function, losses, is_done

    async def call(self, function: str, **arguments: Any) -> Any:
        if function != self._function or self._losses == 0:
            return await self._inner.call(function, **arguments)
        self._losses -= 1
        if not self._is_done:
            raise CallUndone("not even sent")
        await self._inner.call(function, **arguments)
        raise StoreUnavailable("the answer was lost")

    async def close(self) -> None:
        await self._inner.close()


def flaky(world: World, function: str, **how: Any) -> DatabaseStore:
    assert isinstance(world.store, DatabaseStore)
    return DatabaseStore(FlakyRpc(world.store._rpc, function, **how))


async def test_an_intent_whose_answer_was_lost_is_found_again(postgres_world: World) -> None:
    lease = await postgres_world.hold(ALPHA)
    store = flaky(postgres_world, "commit_intent_v1")
    assert await store.commit_intent(lease, ALPHA) is IntentAnswer.COMMITTED
    assert await store.commit_intent(lease, ALPHA) is IntentAnswer.EARLIER_UNRESOLVED


async def test_an_order_whose_answer_was_lost_is_one_job(postgres_world: World) -> None:
    enqueued = await flaky(postgres_world, "enqueue_job_v1").enqueue(order(ALPHA))
    hints = await postgres_world.store.due_hints(rehint_after=LEASE)
    assert [one.job_id for one in hints] == [enqueued.job_id]
    assert enqueued.is_new


@pytest.mark.parametrize("function", ["record_outcome_v1", "settle_job_v1", "void_intent_v1", "release_job_v1"])
async def test_a_write_whose_answer_was_lost_is_made_once(postgres_world: World, function: str) -> None:
    lease = await postgres_world.hold(ALPHA)
    store = flaky(postgres_world, function)
    await store.commit_intent(lease, ALPHA)
    if function == "void_intent_v1":
        assert await store.void_intent(lease, ALPHA, "nothing was sent")
    else:
        assert await store.record(lease, ALPHA, Submitted(Reason.CONFIRMED), seconds=1)
    if function == "release_job_v1":
        assert await store.release(lease)
    else:
        assert await store.settle(lease)
    events = await postgres_world.events(lease.job_id)
    assert len(events) == len(set(events)), "a transition was written twice"


async def test_a_claim_whose_answer_was_lost_is_not_made_twice(postgres_world: World) -> None:
    enqueued = await postgres_world.order(ALPHA)
    store = flaky(postgres_world, "claim_job_v1")
    with pytest.raises(StoreUnavailable, match="the answer was lost"):
        await store.claim(enqueued.job_id, WorkerId("w"), lease=LEASE)


async def test_a_claim_that_was_never_sent_is_made_again(postgres_world: World) -> None:
    enqueued = await postgres_world.order(ALPHA)
    store = flaky(postgres_world, "claim_job_v1", losses=2, is_done=False)
    claim = await store.claim(enqueued.job_id, WorkerId("w"), lease=LEASE)
    assert claim.lease
    assert claim.lease.epoch == 1


async def test_repeats_are_few(postgres_world: World) -> None:
    with pytest.raises(CallUndone):
        await flaky(postgres_world, "ping_v1", losses=100, is_done=False).ping()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_no_postgres_is_unavailable(closed_port: int) -> None:
    url = f"postgresql://fleet:x@127.0.0.1:{closed_port}/fleet"
    with pytest.raises(StoreUnavailable):
        await open_postgres_store(load_settings({"store": "postgres", "database_url": url}))


async def test_no_supabase_is_unavailable(closed_port: int) -> None:
    settings = {"supabase_url": f"http://127.0.0.1:{closed_port}", "supabase_service_role_key": token("service_role")}
    store = await open_supabase_store(load_settings({"store": "supabase", **settings}))
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.close()


async def test_cut_connections_are_replaced(postgres_world: World, database_url: str) -> None:
    await asyncio.gather(*(postgres_world.store.ping() for _ in range(8)))
    admin = await asyncpg.connect(database_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'fleet' AND pid <> pg_backend_pid()"
        " AND query NOT LIKE '%queue_history%'"
    )
    await admin.close()
    await asyncio.gather(*(postgres_world.store.ping() for _ in range(8)))


async def test_the_store_outlives_a_restart_of_its_server(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres", is_durable=False)
    await server.start()
    try:
        await server.create_database("fleet")
        await migrate(server.url("fleet"))
        fixed = LocalPostgres(server.home.folder, port=server.port, is_durable=False)
        store = await open_postgres_store(load_settings({"store": "postgres", "database_url": server.url("fleet")}))
        await store.ping()
        await server.stop()
        with pytest.raises(StoreUnavailable):
            await store.ping()
        await fixed.start()
        await store.ping()
        await store.close()
        await fixed.stop()
    finally:
        await server.remove()


async def test_a_lock_that_is_held_too_long_is_given_up(postgres_world: World, database_url: str) -> None:
    lease = await postgres_world.hold(ALPHA)
    blocker = await asyncpg.connect(database_url)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE jobs")
    with pytest.raises(CallUndone, match="55P03"):
        await postgres_world.store.beat(lease, extend=timedelta(seconds=1))
    await transaction.rollback()
    await blocker.close()
    assert await postgres_world.store.read(lease.job_id)


@pytest.mark.parametrize("world", ["postgres", "supabase"], indirect=True)
async def test_a_refusal_tells_nothing_of_the_row_that_was_refused(world: World, database_url: str) -> None:
    """Postgres quotes the row to whoever row security does not bind, as Supabase's own service role."""
    admin = await asyncpg.connect(database_url)
    await admin.execute("ALTER TABLE jobs DISABLE ROW LEVEL SECURITY, ADD CONSTRAINT closed CHECK (priority > 9)")
    try:
        with pytest.raises(StoreRefused, match="closed") as caught:
            await world.order(ALPHA)
    finally:  # the next test gets this database
        await admin.execute("ALTER TABLE jobs ENABLE ROW LEVEL SECURITY, DROP CONSTRAINT closed")
        await admin.close()
    assert caught.value.code == "23514"
    told = "".join(traceback.format_exception(caught.value))
    assert PROFILE.email not in told, "the log of a traceback would hold it"


async def test_an_argument_that_cannot_be_sent_is_refused_and_not_told(postgres_world: World) -> None:
    assert isinstance(postgres_world.store, DatabaseStore)
    with pytest.raises(StoreRefused, match=r"argument \$1") as caught:
        await postgres_world.store._rpc.call("list_jobs_v1", max_jobs=PROFILE.email)
    assert PROFILE.email not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
async def broken(supabase_world: World, stand_in: StandIn) -> AsyncIterator[tuple[World, StandIn]]:
    yield supabase_world, stand_in
    stand_in.before_answer = None


async def test_a_gateway_that_answers_html_is_unavailable_and_never_read_as_data(
    broken: tuple[World, StandIn],
) -> None:
    world, stand_in = broken

    async def html(_function: str) -> Response:
        return HTMLResponse("<h1>502 Bad Gateway</h1>", status_code=502)

    stand_in.before_answer = html
    with pytest.raises(StoreUnavailable):
        await world.store.ping()


async def test_a_busy_postgrest_is_asked_again(broken: tuple[World, StandIn]) -> None:
    world, stand_in = broken
    asked = []

    async def busy(function: str) -> Response | None:
        asked.append(function)
        body = {"code": "PGRST003", "message": "Timed out acquiring connection from connection pool"}
        return JSONResponse(body, status_code=504) if len(asked) < 3 else None

    stand_in.before_answer = busy
    await world.store.ping()
    assert asked == ["ping_v1"] * 3


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_a_key_without_the_service_role_is_refused(stand_in: StandIn, database_url: str, role: str) -> None:
    url = stand_in.url(database_url.rpartition("/")[2])
    settings = {"store": "supabase", "supabase_url": url, "supabase_service_role_key": token(role)}
    store = await open_supabase_store(load_settings(settings))
    with pytest.raises(StoreRefused) as caught:
        await furnish(store)
    assert caught.value.code == "42501"
    await store.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("40001", CallUndone),
        ("40P01", CallUndone),
        ("57P01", CallUndone),
        ("25006", CallUndone),
        ("53300", CallUndone),
        ("PGRST000", CallUndone),
        ("08006", StoreUnavailable),
        ("502", StoreUnavailable),
        ("23505", StoreRefused),
        ("42883", StoreRefused),
        ("PGRST202", StoreRefused),
        ("401", StoreRefused),
        ("", StoreRefused),
    ],
)
def test_an_error_code_tells_whether_the_call_may_be_made_again(code: str, kind: type[Exception]) -> None:
    assert type(error_from(code, "why")) is kind
