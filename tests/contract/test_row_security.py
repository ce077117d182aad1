"""Who may do what with which row: every role, every table, every command. And that no object was forgotten."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest

from tests.contract.postgrest_stand_in import StandIn, token
from tests.contract.store_world import ALPHA, furnish, order
from workers.adapters.postgres import open_postgres_store
from workers.model import Lease, WorkerId
from workers.outcome import Reason, Submitted
from workers.settings import load_settings

MINUTE = timedelta(minutes=1)
OWN_USER, OTHER_USER = uuid.uuid4(), uuid.uuid4()
WORK = {"SELECT", "INSERT", "UPDATE", "DELETE"}
# What each role may do with a table; whatever is not here is refused.
GRANTS = {
    "customers": {"service_role": WORK, "authenticated": {"SELECT"}},
    "directories": {"service_role": WORK},
    "jobs": {"service_role": WORK, "authenticated": {"SELECT"}},
    "job_results": {"service_role": WORK, "authenticated": {"SELECT"}},
    "intents": {"service_role": WORK, "authenticated": {"SELECT"}},
    "rate_limits": {"service_role": WORK},
    "worker_heartbeats": {"service_role": WORK},
    "queue_history": {"service_role": {"SELECT", "INSERT"}, "authenticated": {"SELECT"}},
    "schema_migrations": {},
}
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
ROLES = ("anon", "authenticated", "service_role")
TRY = {
    "SELECT": "SELECT count(*) FROM {table}",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column}",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
}


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A database with one finished job of an own and of another customer, each with a user."""
    store = await open_postgres_store(load_settings({"store": "postgres", "database_url": database_url}))
    await furnish(store)
    connection = await asyncpg.connect(database_url)
    for customer, user in (("own", OWN_USER), ("other", OTHER_USER)):
        enqueued = await store.enqueue(order(ALPHA, customer=customer))
        lease = Lease(enqueued.job_id, 1, WorkerId("w"))
        await store.claim(enqueued.job_id, WorkerId("w"), lease=MINUTE)
        await store.commit_intent(lease, ALPHA)
        await store.record(lease, ALPHA, Submitted(Reason.CONFIRMED), seconds=1)
        await store.settle(lease)
        await connection.execute("UPDATE customers SET user_id = $1 WHERE reference = $2", user, customer)
    await store.take_turn(ALPHA, pace=MINUTE, wait_limit=MINUTE)
    await store.worker_beat(WorkerId("w"), slots=1, busy=0, jobs=0)
    await store.close()
    yield connection
    await connection.close()


@asynccontextmanager
async def acting_as(admin: asyncpg.Connection, role: str, user: uuid.UUID | None = None) -> AsyncIterator[None]:
    """Act as PostgREST makes a request act; nothing stays."""
    transaction = admin.transaction()
    await transaction.start()
    claims = {"role": role} | ({"sub": str(user)} if user else {})
    await admin.execute(
        "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", role, json.dumps(claims)
    )
    try:
        yield
    finally:
        await transaction.rollback()


async def tables(admin: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


async def last_column(admin: asyncpg.Connection, table: str) -> str:
    """The first may be an identity, which nobody may set."""
    columns = await admin.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum", table
    )
    return str(columns[-1][0])


async def test_the_matrix_names_every_table(admin: asyncpg.Connection) -> None:
    assert set(await tables(admin)) == set(GRANTS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", GRANTS)
async def test_a_role_may_do_exactly_what_the_matrix_says(admin: asyncpg.Connection, table: str, role: str) -> None:
    allowed = {
        command
        for command in COMMANDS
        if await admin.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, command)
    }
    assert allowed == GRANTS[table].get(role, set())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", GRANTS)
async def test_what_the_matrix_does_not_say_is_really_refused(admin: asyncpg.Connection, table: str, role: str) -> None:
    column = await last_column(admin, table)
    for command, statement in TRY.items():
        if command in GRANTS[table].get(role, set()):
            continue
        async with acting_as(admin, role, OWN_USER):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.execute(statement.format(table=table, column=column))


@pytest.mark.parametrize("table", [name for name in GRANTS if "authenticated" in GRANTS[name]])
async def test_a_customer_reads_its_own_rows_and_no_other(admin: asyncpg.Connection, table: str) -> None:
    key = "id" if table == "customers" else "customer_id"
    own = await admin.fetchval("SELECT id FROM customers WHERE user_id = $1", OWN_USER)
    expected = await admin.fetchval(f"SELECT count(*) FROM {table} WHERE {key} = $1", own)
    assert 0 < expected < await admin.fetchval(f"SELECT count(*) FROM {table}")
    async with acting_as(admin, "authenticated", OWN_USER):
        rows = await admin.fetch(f"SELECT {key} AS owner FROM {table}")
    assert len(rows) == expected
    assert {row["owner"] for row in rows} == {own}


@pytest.mark.parametrize("table", [name for name in GRANTS if "authenticated" in GRANTS[name]])
@pytest.mark.parametrize("user", [None, uuid.uuid4()], ids=["without-sub", "stranger"])
async def test_a_user_without_customer_reads_nothing(
    admin: asyncpg.Connection, table: str, user: uuid.UUID | None
) -> None:
    async with acting_as(admin, "authenticated", user):
        assert await admin.fetch(f"SELECT * FROM {table}") == []


@pytest.mark.parametrize("table", [name for name in GRANTS if GRANTS[name].get("service_role") == WORK])
async def test_the_service_works_on_every_row(admin: asyncpg.Connection, table: str) -> None:
    total = await admin.fetchval(f"SELECT count(*) FROM {table}")
    column = await last_column(admin, table)
    async with acting_as(admin, "service_role"):
        assert await admin.fetchval(f"SELECT count(*) FROM {table}") == total > 0
        assert await admin.execute(f"UPDATE {table} SET {column} = {column}") == f"UPDATE {total}"


async def test_row_security_is_on_and_forced_everywhere(admin: asyncpg.Connection) -> None:
    bare = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert bare == []


async def test_functions_are_the_service_roles_alone_and_their_search_path_is_fixed(admin: asyncpg.Connection) -> None:
    functions = await admin.fetch(
        "SELECT oid::regprocedure::text AS name, proconfig, prosecdef, prorettype = 'trigger'::regtype AS is_trigger,"
        " has_function_privilege('anon', oid, 'EXECUTE') AS anon,"
        " has_function_privilege('authenticated', oid, 'EXECUTE') AS authenticated,"
        " has_function_privilege('service_role', oid, 'EXECUTE') AS service"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert len(functions) > 25
    assert [one["name"] for one in functions if one["anon"]] == []
    assert [one["name"] for one in functions if one["authenticated"]] == ["current_customer_v1()"]
    assert [one["name"] for one in functions if one["prosecdef"]] == []
    assert [one["name"] for one in functions if one["proconfig"] != ["search_path=public, pg_temp"]] == []
    kept_back = {one["name"] for one in functions if not one["service"] and not one["is_trigger"]}
    assert kept_back == {"current_customer_v1()"}


async def test_whatever_is_made_later_is_nobodys_until_it_is_granted(admin: asyncpg.Connection) -> None:
    transaction = admin.transaction()
    await transaction.start()
    await admin.execute(
        "CREATE TABLE later (id integer); CREATE FUNCTION later_v1() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    for role in ROLES:
        assert not await admin.fetchval("SELECT has_table_privilege($1, 'later', 'SELECT')", role)
        assert not await admin.fetchval("SELECT has_function_privilege($1, 'later_v1()', 'EXECUTE')", role)
    await transaction.rollback()


async def test_history_is_append_only_for_the_application(admin: asyncpg.Connection) -> None:
    async with acting_as(admin, "service_role"):
        await admin.execute("INSERT INTO queue_history (event) VALUES ('message.received')")
    for statement in ("UPDATE queue_history SET event = 'x'", "DELETE FROM queue_history", "TRUNCATE queue_history"):
        async with acting_as(admin, "service_role"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await admin.execute(statement)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_only_the_service_role_may_call_over_http(
    admin: asyncpg.Connection, stand_in: StandIn, database_url: str, role: str
) -> None:
    url = f"{stand_in.url(database_url.rpartition('/')[2])}/rest/v1/rpc/list_directories_v1"
    async with httpx.AsyncClient() as client:
        refused = await client.post(url, json={}, headers={"Authorization": f"Bearer {token(role)}"})
        allowed = await client.post(url, json={}, headers={"Authorization": f"Bearer {token('service_role')}"})
        forged = await client.post(url, json={}, headers={"Authorization": "Bearer a.b.c"})
    assert (refused.status_code, refused.json()["code"]) == (401 if role == "anon" else 403, "42501")
    assert allowed.status_code == 200
    assert (forged.status_code, forged.json()["code"]) == (401, "PGRST301")
