"""Makes the database and the queues of an embedded stack ready: schema, catalogue, sample directories."""

from __future__ import annotations

from urllib.parse import urlsplit

from infra.local.environment import Addresses
from infra.local.sites.catalogue import sample_directories
from infra.migrate import migrate
from workers.adapters.postgres import open_postgres_store
from workers.adapters.sqs import SqsQueue
from workers.directories.seed import seed_directories
from workers.settings import Settings


async def prepare(addresses: Addresses, settings: Settings) -> None:
    """Migrate, create the queues, and import the real directories (not verified) and the sample ones (active)."""
    await migrate(addresses.database)
    queue = SqsQueue(settings)
    try:
        await queue.ensure_queues()
    finally:
        await queue.close()
    store = await open_postgres_store(settings)
    try:
        await store.import_directories(seed_directories())
        await store.import_directories(sample_directories(urlsplit(addresses.sites).port or 0))
    finally:
        await store.close()
