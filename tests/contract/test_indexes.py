"""Hot queries find their rows by index, on a filled database; and no foreign key goes without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.contract.store_world import ALPHA, LEASE, PROFILE, furnish, order
from workers.adapters.postgres import open_postgres_store
from workers.model import Order, Package, WorkerId
from workers.settings import load_settings

FILL = """
INSERT INTO customers (reference) SELECT 'customer-' || n FROM generate_series(1, 500) AS n;
INSERT INTO directories (id, name, site, submission_url, status, domain_authority)
SELECT 'directory-' || n, 'D', 'https://example.com', 'https://example.com/add',
       (CASE WHEN n % 20 = 0 THEN 'active' ELSE 'needs_verification' END)::directory_status, n % 100
FROM generate_series(1, 5000) AS n;
SET session_replication_role = replica;
INSERT INTO jobs (id, customer_id, state, package, priority, profile, correlation_id, body_hash, idempotency_key,
                  lease_until, finished_at, not_before)
SELECT gen_random_uuid(), (SELECT id FROM customers WHERE reference = 'customer-' || (n % 500 + 1)), state, 'custom', 1,
       '{}', '', '', 'key-' || n, CASE WHEN state = 'in_progress' THEN now() + interval '1 minute' END,
       CASE WHEN state = 'completed' THEN now() END, now() + interval '1 hour'
FROM generate_series(1, 10000) AS n,
     LATERAL (SELECT (CASE WHEN n % 100 = 0 THEN 'pending' WHEN n % 400 = 1 THEN 'in_progress'
                           ELSE 'completed' END)::job_state AS state) AS chosen;
INSERT INTO job_results (job_id, directory_id, customer_id, position, state)
SELECT jobs.id, 'directory-' || n, customer_id, n, 'submitted' FROM jobs, generate_series(1, 3) AS n;
INSERT INTO intents (customer_id, directory_id, job_id, lease_epoch, token, outcome)
SELECT customer_id, 'directory-' || (row_number() OVER (PARTITION BY customer_id)), job_id, 1, gen_random_uuid(),
       'submitted'
FROM job_results WHERE position = 1;
INSERT INTO queue_history (event, job_id, customer_id) SELECT 'job.claimed', job_id, customer_id FROM job_results;
INSERT INTO rate_limits SELECT id, now() FROM directories;
SET session_replication_role = origin;
ANALYZE;
"""
_OTHER_SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def filled(database_url: str) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    filler = await asyncpg.connect(database_url)
    await filler.execute(FILL)
    await filler.close()
    admin = await asyncpg.connect(database_url)
    yield database_url, admin
    await admin.close()


async def test_every_foreign_key_has_an_index(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    bare = await connection.fetch(
        """
        SELECT conrelid::regclass::text AS table, conname AS key FROM pg_constraint AS key
        WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = key.conrelid AND indpred IS NULL
              AND (indkey::smallint[])[0:cardinality(key.conkey) - 1] @> key.conkey)
        """
    )
    keys = await connection.fetchval("SELECT count(*) FROM pg_constraint WHERE contype = 'f'")
    await connection.close()
    assert bare == []
    assert keys >= 8


async def test_a_jobs_whole_way_reads_no_table_from_end_to_end(filled: tuple[str, asyncpg.Connection]) -> None:
    """The server's own counters judge: rows read by sequential scans, over everything that a job's way calls."""
    url, admin = filled
    settings = load_settings({"store": "postgres", "database_url": url, "database_pool_size": 1})
    store = await open_postgres_store(settings)
    await furnish(store)
    await store.close()
    before = await scanned(admin)
    store = await open_postgres_store(settings)
    for number in range(12):  # more than five, so that cached plans are judged, too
        enqueued = await store.enqueue(order(ALPHA, customer=f"customer-{number + 1}", key=f"fresh-{number}"))
        (hint,) = await store.due_hints(rehint_after=LEASE)
        await store.hint_sent(hint)
        await store.dispatch(enqueued.job_id, hint.number)
        await store.count_in_flight(dispatch_grace=LEASE)
        claim = await store.claim(enqueued.job_id, WorkerId("w"), lease=LEASE)
        assert claim.lease
        await store.take_turn(ALPHA, pace=LEASE, wait_limit=LEASE)
        await store.begin_attempt(claim.lease, ALPHA)
        await store.commit_intent(claim.lease, ALPHA)
        await store.void_intent(claim.lease, ALPHA, "nothing was sent")
        await store.beat(claim.lease, extend=LEASE)
        await store.read(enqueued.job_id)
        await store.recover_stale(max_recoveries=3)
        await store.settle(claim.lease)
        await store.cancel(enqueued.job_id)
    for _ in range(6):
        package = await store.enqueue(Order(PROFILE, "customer-1", package=Package.STARTER))
        assert package.directories == 50
    await store.close()
    after = await scanned(admin)
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {}


async def scanned(admin: asyncpg.Connection) -> dict[str, int]:
    """Rows read by sequential scans, by table. A session reports its counters at the latest when it ends."""
    async with asyncio.timeout(10):
        while True:
            if not await admin.fetchval(_OTHER_SESSIONS):
                break
            await asyncio.sleep(0.02)
    await admin.execute("SELECT pg_stat_clear_snapshot()")
    return {row[0]: row[1] for row in await admin.fetch("SELECT relname, seq_tup_read FROM pg_stat_user_tables")}
