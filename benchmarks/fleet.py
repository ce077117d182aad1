"""The fleet itself, end to end: orders to the library, hints over SQS, runs in Prefect, outcomes in Postgres."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from benchmarks.machine import Memory, cpu_seconds
from infra.local.demo import count_accepted, demo_profile, describe, reset_sites
from infra.local.environment import stack_settings
from infra.local.home import StackState
from infra.local.prefect_server import find_runs
from workers.bootstrap import open_fleet
from workers.fleet import Fleet
from workers.model import DirectoryId, Job, JobId, Order
from workers.orders import place_order

JOB_LIMIT = timedelta(minutes=5)
_LOOK_EVERY = 0.1  # s
_WEIGH_EVERY = 1.0  # s


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """Everything measured on one stack; durations in seconds, `processor` in seconds of CPU by part."""

    seconds: float
    accepted: int
    outcomes: Mapping[str, int]
    enqueue_idle: Sequence[float]
    enqueue_busy: Sequence[float]
    starts: Sequence[float]
    idle: Memory
    busy: Memory
    processor: Mapping[str, float]


async def measure(stack: StackState, slugs: Sequence[str], jobs: int, singles: int) -> FleetFigures:
    """Measure single orders one after the other first, then `jobs` at once, each to all of `slugs`."""
    sites, worker = stack.addresses["Sample directories"], stack.parts["browsers"] or 0
    settings = stack_settings(stack.environment).model_copy(update={"log_level": "WARNING"})
    async with open_fleet(settings) as fleet:
        idle = Memory.of(worker)
        enqueue_idle, starts = await _singles(fleet, stack, slugs[0], singles)
        await reset_sites(sites)
        before, began = cpu_seconds(stack.parts), time.monotonic()
        scales = Scales(worker)
        orders = [await _order(fleet, slugs) for _ in range(jobs)]
        ended = [await _until_it_ended(fleet, job_id) for _, job_id in orders]
        seconds, after = time.monotonic() - began, cpu_seconds(stack.parts)
    return FleetFigures(
        seconds=seconds,
        accepted=sum((await count_accepted(sites)).values()),
        outcomes=dict(Counter(f"{one.directory.id}: {describe(one)}" for job in ended for one in job.submissions)),
        enqueue_idle=enqueue_idle,
        enqueue_busy=[took for took, _ in orders],
        starts=starts,
        idle=idle,
        busy=await scales.heaviest(),
        processor={name: spent - before.get(name, 0.0) for name, spent in after.items()},
    )


class Scales:
    """Weighs a worker every second from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen = [Memory.of(pid)]
        self._task = asyncio.create_task(self._weigh())

    async def _weigh(self) -> None:
        while True:
            await asyncio.sleep(_WEIGH_EVERY)
            self._seen.append(await asyncio.to_thread(Memory.of, self._pid))

    async def heaviest(self) -> Memory:
        """Stop, and return the heaviest moment."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return max(self._seen, key=lambda memory: memory.python + memory.browsers)


async def _singles(fleet: Fleet, stack: StackState, slug: str, count: int) -> tuple[list[float], list[float]]:
    """Order `count` jobs, each after the last one ended; return how long enqueuing and starting took.

    A start is the time from the order's return, its hint sent, to the start time of its run in Prefect.
    """
    enqueued, starts = [], []
    for _ in range(count):
        took, job_id = await _order(fleet, [slug])
        hinted = datetime.now(UTC)
        await _until_it_ended(fleet, job_id)
        runs = await find_runs(stack.addresses["Prefect UI"], job_id)
        enqueued.append(took)
        starts.append((min(run.started_at for run in runs) - hinted).total_seconds())
    return enqueued, starts


async def _order(fleet: Fleet, slugs: Sequence[str]) -> tuple[float, JobId]:
    """Order one job of a new customer; return how long the call took, and the job."""
    order = Order(
        profile=demo_profile(),
        customer=f"bench-{uuid.uuid4().hex}",
        directories=tuple(DirectoryId(f"sample-{slug}") for slug in slugs),
        priority=1,
    )
    began = time.monotonic()
    enqueued = await place_order(fleet.store, fleet.queue, order)
    return time.monotonic() - began, enqueued.job_id


async def _until_it_ended(fleet: Fleet, job_id: JobId) -> Job:
    async with asyncio.timeout(JOB_LIMIT.total_seconds()):
        while True:
            job = await fleet.store.read(job_id)
            if job is not None and job.state.is_final:
                return job
            await asyncio.sleep(_LOOK_EVERY)
