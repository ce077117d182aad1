"""Builds a Fleet from settings. Production and tests differ only in the arguments."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from workers.adapters.evidence import FolderEvidence
from workers.browser.pool import BrowserPool
from workers.fleet import Fleet
from workers.forms.submitter import FormSubmitter
from workers.log import configure_logging
from workers.model import Directory, WorkerId
from workers.outcome import Outcome
from workers.ports import EvidenceStore, Gate, Queue, Store, Submitter
from workers.profile import Profile
from workers.settings import Settings, load_settings


class BrowserSubmitter:
    """Submits with a pool of browsers that starts on first use: a process that only consumes never pays for one."""

    def __init__(self, settings: Settings, evidence: EvidenceStore) -> None:
        self.pool = BrowserPool(settings)
        self._forms = FormSubmitter(self.pool, evidence, settings)
        self._starting = asyncio.Lock()
        self._is_warm = False

    async def warm_up(self) -> None:
        """Launch the browsers now, before the first job needs them."""
        async with self._starting:
            if not self._is_warm:
                await self.pool.start()
                self._is_warm = True

    async def attempt(self, directory: Directory, profile: Profile, gate: Gate) -> Outcome:
        """Make one attempt (`ports.Submitter`)."""
        await self.warm_up()
        return await self._forms.attempt(directory, profile, gate)

    async def close(self) -> None:
        """End all browsers."""
        await self.pool.close()


@asynccontextmanager
async def open_fleet(
    settings: Settings | None = None,
    *,
    store: Store | None = None,
    queue: Queue | None = None,
    submitter: Submitter | None = None,
    evidence: EvidenceStore | None = None,
) -> AsyncIterator[Fleet]:
    """Open a Fleet and close what was opened here; parts that are given stay the caller's."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    evidence = evidence or FolderEvidence(settings.evidence_dir, settings.public_url)
    async with AsyncExitStack() as stack:
        if store is None:
            store = await _open_store(settings)
            stack.push_async_callback(store.close)
        if queue is None:
            queue = _open_queue(settings)
            stack.push_async_callback(queue.close)
        if submitter is None:
            submitter = browsers = BrowserSubmitter(settings, evidence)
            stack.push_async_callback(browsers.close)
        yield Fleet(
            settings=settings,
            store=store,
            queue=queue,
            submitter=submitter,
            evidence=evidence,
            worker_id=WorkerId(f"worker-{os.getpid()}-{uuid.uuid4().hex[:8]}"),
            slots=asyncio.Semaphore(settings.slots),
        )


# Each adapter is imported only where it is chosen: the libraries behind them take seconds, and a command uses one.


async def _open_store(settings: Settings) -> Store:
    match settings.store:
        case "postgres":
            from workers.adapters.postgres import open_postgres_store

            return await open_postgres_store(settings)
        case "supabase":
            from workers.adapters.supabase import open_supabase_store

            return await open_supabase_store(settings)
        case "memory":
            from workers.adapters.memory_store import MemoryStore

            return MemoryStore()


def _open_queue(settings: Settings) -> Queue:
    match settings.queue:
        case "sqs":
            from workers.adapters.sqs import SqsQueue

            return SqsQueue(settings)
        case "memory":
            from workers.adapters.memory_queue import MemoryQueue

            return MemoryQueue()


_shared: Fleet | None = None


def share(fleet: Fleet | None) -> None:
    """Let every flow run in this process use `fleet` (None ends that)."""
    global _shared  # noqa: PLW0603 (a process has one shared fleet, as it has one event loop)
    _shared = fleet


def is_shared(fleet: Fleet) -> bool:
    """Whether this is the fleet that all flow runs of this process use."""
    return fleet is _shared


@asynccontextmanager
async def current_fleet() -> AsyncIterator[Fleet]:
    """Yield the fleet that this process shares, or open one for this block."""
    if _shared is not None:
        yield _shared
        return
    async with open_fleet() as fleet:
        yield fleet
