"""The three adapters of the store, as worlds."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from infra.local.postgres import LocalPostgres
from infra.migrate import migrate
from tests.contract.postgrest_stand_in import StandIn, token
from tests.contract.store_world import World, database_world, furnish, memory_world
from workers.adapters.postgres import open_postgres_store
from workers.adapters.supabase import open_supabase_store
from workers.settings import load_settings


@pytest.fixture(params=["memory", "postgres", "supabase"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest.fixture(name="memory_world")
async def memory_world_() -> World:
    world = memory_world()
    await furnish(world.store)
    return world


@pytest.fixture
async def postgres_world(database_url: str) -> AsyncIterator[World]:
    store = await open_postgres_store(load_settings({"store": "postgres", "database_url": database_url}))
    admin = await asyncpg.connect(database_url)
    await furnish(store)
    yield database_world(store, admin)
    await admin.close()
    await store.close()


@pytest.fixture(scope="session")
def stand_in(postgres_server: LocalPostgres) -> Iterator[StandIn]:
    server = StandIn(postgres_server.url)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def supabase(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Address, key and admin's database of a Supabase: the stand-in, or the one that FLEET_TEST_SUPABASE_URL names.

    A real one also needs FLEET_TEST_SUPABASE_KEY and FLEET_TEST_SUPABASE_DATABASE_URL; its Fleet tables are emptied.
    """
    if url := os.environ.get("FLEET_TEST_SUPABASE_URL"):
        return url, os.environ["FLEET_TEST_SUPABASE_KEY"], os.environ["FLEET_TEST_SUPABASE_DATABASE_URL"]
    database_url: str = request.getfixturevalue("database_url")
    server: StandIn = request.getfixturevalue("stand_in")
    return server.url(database_url.rpartition("/")[2]), token("service_role"), database_url


@pytest.fixture
async def supabase_world(supabase: tuple[str, str, str]) -> AsyncIterator[World]:
    url, key, database_url = supabase
    settings = load_settings({"store": "supabase", "supabase_url": url, "supabase_service_role_key": key})
    await migrate(database_url)
    admin = await asyncpg.connect(database_url)
    await admin.execute(
        "TRUNCATE customers, directories, jobs, job_results, intents, rate_limits, worker_heartbeats, queue_history"
    )
    store = await open_supabase_store(settings)
    await furnish(store)
    yield database_world(store, admin)
    await admin.close()
    await store.close()
