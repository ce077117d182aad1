"""What the contract suite of the store needs of each adapter: the store, a clock that can be moved, the history."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from workers.adapters.memory_store import MemoryStore
from workers.model import Claim, Directory, DirectoryId, DirectoryStatus, Enqueued, JobId, Lease, Order, WorkerId
from workers.ports import Store
from workers.profile import Profile

LEASE = timedelta(seconds=180)
PROFILE = Profile(
    business_name="Nordlicht Bäckerei ☀",
    website="https://bakery.example.com",
    email="hello@example.com",
    description="Bread and cakes.",
    keywords=("bread", "cake"),
    hours={"mon": (("09:00", "17:00"),)},
    extra={"Parking?": "yes"},
)
ALPHA, BETA, GAMMA = DirectoryId("alpha"), DirectoryId("beta"), DirectoryId("gamma")
PAUSED, NEW = DirectoryId("paused"), DirectoryId("unverified")

# Everything that the database decides about time. Moving it into the past is moving the clock on.
_MOMENTS = {
    "jobs": ("not_before", "lease_until", "hint_taken_until", "hint_sent_at", "dispatched_at"),
    "job_results": ("not_before",),
    "rate_limits": ("next_visit_at",),
    "worker_heartbeats": ("beat_at",),
}


@dataclass(frozen=True)
class Event:
    """One row of the history, as far as all adapters agree on it."""

    event: str
    directory: str | None
    from_state: str | None
    to_state: str | None
    reason: str | None
    detail: str


@dataclass
class World:
    """One adapter on an empty database."""

    store: Store
    pass_time: Callable[[timedelta], Awaitable[None]]
    read_history: Callable[[JobId], Awaitable[list[Event]]]

    async def order(self, *directories: DirectoryId, customer: str = "shop-1", key: str | None = None) -> Enqueued:
        return await self.store.enqueue(order(*directories, customer=customer, key=key))

    async def claim(
        self, job_id: JobId, worker: str = "worker-1", *, is_retry: bool = False, max_recoveries: int = 3
    ) -> Claim:
        return await self.store.claim(
            job_id, WorkerId(worker), lease=LEASE, is_retry=is_retry, max_recoveries=max_recoveries
        )

    async def hold(self, *directories: DirectoryId, customer: str = "shop-1") -> Lease:
        """A new job, claimed."""
        enqueued = await self.order(*(directories or (ALPHA, BETA)), customer=customer)
        return await self.take(enqueued.job_id)

    async def take(self, job_id: JobId, worker: str = "worker-1", *, is_retry: bool = False) -> Lease:
        claim = await self.claim(job_id, worker, is_retry=is_retry)
        assert claim.lease, claim.refusal
        return claim.lease

    async def states(self, job_id: JobId) -> list[str]:
        job = await self.store.read(job_id)
        assert job
        return [str(one.state) for one in job.submissions]

    async def events(self, job_id: JobId) -> list[str]:
        return [one.event for one in await self.read_history(job_id)]


def order(*directories: DirectoryId, customer: str = "shop-1", key: str | None = None) -> Order:
    return Order(PROFILE, customer, directories=tuple(directories), idempotency_key=key)


def directory(name: str, authority: int = 50, status: DirectoryStatus = DirectoryStatus.ACTIVE) -> Directory:
    site = f"https://{name}.example.com"
    return Directory(DirectoryId(name), name.title(), site, f"{site}/add", status, domain_authority=authority)


async def furnish(store: Store) -> None:
    """Import three active directories and two that take no submissions."""
    await store.import_directories(
        [
            directory("beta", 80),
            directory("alpha", 90),
            directory("gamma", 70),
            directory("paused", 99, DirectoryStatus.PAUSED),
            directory("unverified", 98, DirectoryStatus.NEEDS_VERIFICATION),
        ]
    )


class Clock:
    """Stands still but for a microsecond at each look: like a database, where no two moments are alike."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


def memory_world() -> World:
    clock = Clock()
    store = MemoryStore(clock)

    async def pass_time(span: timedelta) -> None:
        clock.now += span

    async def read_history(job_id: JobId) -> list[Event]:
        rows = [one for one in store.history if one.job_id == job_id]
        return [Event(one.event, one.directory, one.from_state, one.to_state, one.reason, one.detail) for one in rows]

    return World(store, pass_time, read_history)


def database_world(store: Store, admin: asyncpg.Connection) -> World:
    """`admin` may see and move everything; the store may not."""

    async def pass_time(span: timedelta) -> None:
        for table, columns in _MOMENTS.items():
            moved = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
            await admin.execute(f"UPDATE {table} SET {moved}", span)

    async def read_history(job_id: JobId) -> list[Event]:
        rows = await admin.fetch(
            "SELECT event, directory_id, from_state, to_state, reason, detail"
            " FROM queue_history WHERE job_id = $1 ORDER BY id",
            uuid.UUID(job_id),
        )
        return [Event(*row) for row in rows]

    return World(store, pass_time, read_history)
