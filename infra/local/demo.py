"""The demonstration: one job to every sample directory, and what came of it beside what was designed."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpx

from infra.local.home import StackState
from infra.local.prefect_server import Run, find_runs
from infra.local.sites.catalogue import EXPECTED, SAMPLE_PROFILE
from workers.errors import StackError
from workers.model import Job, JobId, Order, Submission
from workers.orders import place_order
from workers.ports import Queue, Store
from workers.profile import Profile, parse_profile

_LOOK_EVERY = 0.25  # s
_RUN_ENDS_WITHIN = 5.0  # s


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demonstration came to. `accepted` counts by site the POSTs that it took as a listing."""

    job: Job
    accepted: Mapping[str, int]
    runs: Sequence[Run]
    seconds: float

    @property
    def faults(self) -> list[str]:
        """Return one sentence for everything that is not as designed."""
        by_outcome = [
            f"{one.directory.id}: {describe(one)}, designed: {designed(one)}"
            for one in self.job.submissions
            if not is_as_designed(one)
        ]
        by_ledger = [
            f"{site} took {count} submissions of one business" for site, count in self.accepted.items() if count > 1
        ]
        return by_outcome + by_ledger


def describe(submission: Submission) -> str:
    """Return state and reason in a few words."""
    return f"{submission.state} ({submission.reason})" if submission.reason else str(submission.state)


def designed(submission: Submission) -> str:
    """Return the designed state and reason in a few words."""
    expected = EXPECTED[submission.directory.id]
    return f"{expected.state} ({expected.reason})"


def is_as_designed(submission: Submission) -> bool:
    """Whether the outcome is the one that the sample directory was made for."""
    expected = EXPECTED[submission.directory.id]
    return (submission.state, submission.reason) == (expected.state, expected.reason)


def demo_profile() -> Profile:
    """Return an invented business, complete enough for every sample directory."""
    return parse_profile(SAMPLE_PROFILE)


async def run_demo(
    store: Store, queue: Queue, stack: StackState, show: Callable[[Job], None], limit: timedelta
) -> DemoResult:
    """Order one job to all sample directories and wait for its end. Raises `StackError` after `limit`."""
    sites, prefect = stack.addresses["Sample directories"], stack.addresses["Prefect UI"]
    await reset_sites(sites)
    began = time.monotonic()
    enqueued = await place_order(store, queue, _order())
    job = await _watch(store, enqueued.job_id, show, limit)
    return DemoResult(
        job=job,
        accepted=await count_accepted(sites),
        runs=await _ended_runs(prefect, job.id),
        seconds=time.monotonic() - began,
    )


def _order() -> Order:
    """Every demonstration is a new customer's: one customer is never submitted twice to one directory."""
    return Order(
        profile=demo_profile(),
        customer=f"demo-{uuid.uuid4().hex[:8]}",
        directories=tuple(EXPECTED),
        priority=1,
    )


async def _watch(store: Store, job_id: JobId, show: Callable[[Job], None], limit: timedelta) -> Job:
    deadline = time.monotonic() + limit.total_seconds()
    while True:
        job = await store.read(job_id)
        if job is None:
            raise StackError(f"The database lost job {job_id}.")
        show(job)
        if job.state.is_final:
            return job
        if time.monotonic() > deadline:
            open_ones = ", ".join(one.directory.id for one in job.submissions if one.state.is_open)
            raise StackError(f"{job.label} is still {job.state} after {limit.total_seconds():g} s; open: {open_ones}.")
        await asyncio.sleep(_LOOK_EVERY)


async def _ended_runs(prefect: str, job_id: JobId) -> Sequence[Run]:
    """Return the job's runs; the last one says that it ended a moment after the job did."""
    deadline = time.monotonic() + _RUN_ENDS_WITHIN
    while True:
        runs = await find_runs(prefect, job_id)
        if all(run.has_ended for run in runs) or time.monotonic() > deadline:
            return runs
        await asyncio.sleep(_LOOK_EVERY)


async def reset_sites(sites: str) -> None:
    """Empty the sites' ledger and memory: the flaky one fails anew, and counts are of what comes now."""
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(f"{sites}/_reset")).raise_for_status()


async def count_accepted(sites: str) -> Mapping[str, int]:
    """Count by site the POSTs that became a listing, from the ledger that the sites keep."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{sites}/_ledger")
    answer.raise_for_status()
    entries: Sequence[Mapping[str, object]] = answer.json()
    return Counter(str(entry["site"]) for entry in entries if entry["accepted"])
