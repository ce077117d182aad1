"""What the API works with. The database is opened on first use, so that the API can say that it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from workers.adapters.evidence import FolderEvidence
from workers.adapters.postgres import open_postgres_store
from workers.adapters.sqs import SqsQueue
from workers.adapters.supabase import open_supabase_store
from workers.ports import EvidenceStore, Queue, Store
from workers.settings import Settings


class Services:
    """The store, the queue and the evidence."""

    def __init__(self, open_store: Callable[[], Awaitable[Store]], queue: Queue, evidence: EvidenceStore) -> None:
        self.queue = queue
        self.evidence = evidence
        self._open_store = open_store
        self._opening = asyncio.Lock()
        self._store: Store | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Services:
        """Build the services that the settings name; what lives in another process's memory cannot be one."""
        open_store = open_supabase_store if settings.store == "supabase" else open_postgres_store
        evidence = FolderEvidence(settings.evidence_dir, settings.public_url)
        return cls(lambda: open_store(settings), SqsQueue(settings), evidence)

    async def store(self) -> Store:
        """Return the store, opened at first. Raises `StoreUnavailable`."""
        async with self._opening:
            if self._store is None:
                self._store = await self._open_store()
            return self._store

    async def close(self) -> None:
        """Give all connections back."""
        if self._store is not None:
            await self._store.close()
        await self.queue.close()
