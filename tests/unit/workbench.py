"""A Fleet on in-memory twins, and submitters whose every move a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.memory_store import MemoryStore
from workers.fleet import Fleet
from workers.model import Directory, DirectoryId, DirectoryStatus, JobId, Order, WorkerId
from workers.outcome import Evidence, Outcome, Reason, Submitted
from workers.ports import EvidenceStore, Gate
from workers.profile import Profile
from workers.settings import load_settings

PROFILE = Profile(
    business_name="Northwind Bakery",
    website="https://northwind.example.com",
    email="hello@northwind.example.com",
    description="Bread and cakes, baked every morning.",
)
CONFIRMED = Submitted(Reason.CONFIRMED, "Thank you, reference 7", Evidence(confirmation="reference 7"))


class Clock:
    """Stands for the database's clock."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


Script = Callable[[Directory, Gate], Awaitable[Outcome]]


async def click_and_confirm(_directory: Directory, gate: Gate) -> Outcome:
    await gate.commit_intent()
    return CONFIRMED


@dataclass
class ScriptedSubmitter:
    """Stands in for the form engine; notes every visit and how many ran at once."""

    script: Script = click_and_confirm
    visits: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def attempt(self, directory: Directory, profile: Profile, gate: Gate) -> Outcome:
        self.visits.append(directory.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.script(directory, gate)
        finally:
            self.at_once -= 1


class NoEvidence:
    """Keeps nothing: these tests have no pages."""

    async def save(self, data: bytes, *, suffix: str = ".png") -> str:
        raise NotImplementedError

    async def load(self, evidence_id: str) -> bytes | None:
        return None

    def link(self, evidence_id: str) -> str:
        return evidence_id


def directories(*names: str, pace: timedelta = timedelta(0)) -> list[Directory]:
    return [
        Directory(
            id=DirectoryId(name),
            name=name.title(),
            site=f"https://{name}.example.com",
            submission_url=f"https://{name}.example.com/add",
            status=DirectoryStatus.ACTIVE,
            pace=pace,
        )
        for name in names
    ]


def fleet_with(submitter: ScriptedSubmitter, store: MemoryStore, **settings: Any) -> Fleet:
    quick = {
        "store": "memory",
        "queue": "memory",
        "heartbeat_interval": 0.01,
        "lease": 30,
        "attempt_deadline": 10,
        "navigation_timeout": 5,
        "verdict_timeout": 5,
        "retry_delay": 0,
    }
    chosen = load_settings(quick | settings)
    evidence: EvidenceStore = NoEvidence()
    return Fleet(
        settings=chosen,
        store=store,
        queue=MemoryQueue(),
        submitter=submitter,
        evidence=evidence,
        worker_id=WorkerId("worker-test"),
        slots=asyncio.Semaphore(chosen.slots),
    )


async def order_job(store: MemoryStore, names: Sequence[str], *, customer: str = "customer-1", **more: Any) -> JobId:
    order = Order(profile=PROFILE, customer=customer, directories=tuple(DirectoryId(name) for name in names), **more)
    return (await store.enqueue(order)).job_id
