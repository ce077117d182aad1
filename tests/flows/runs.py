"""Starting runs, waiting for them and looking at them, over Prefect's API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from tests.waiting import until
from workers.fleet import Fleet
from workers.model import JobId
from workers.prefect_worker import FleetWorker


@asynccontextmanager
async def working(fleet: Fleet, pool: str = "fleet") -> AsyncIterator[FleetWorker]:
    """Run a FleetWorker with this fleet in this process while the block runs."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Fleet]:
        yield fleet

    worker = FleetWorker(pool, open_fleet=given)
    serving = asyncio.create_task(worker.start(printer=lambda *_: None))
    try:
        yield worker
    finally:
        fleet.draining.set()
        async with asyncio.timeout(30):
            await serving


async def start_job(client: PrefectClient, job_id: JobId, deployment: str = "fleet") -> FlowRun:
    """Create a run of a job's deployment."""
    known = await client.read_deployment_by_name(f"process-job/{deployment}")
    return await client.create_flow_run_from_deployment(known.id, parameters={"job_id": job_id})


async def ended(client: PrefectClient, run_id: UUID, *, runs: int = 1, seconds: float = 30) -> FlowRun:
    """Return the run when it has ended, having run that many times."""
    found: list[FlowRun] = []

    async def has_ended() -> bool:
        found[:] = [await client.read_flow_run(run_id)]
        return bool(found[0].state and found[0].state.is_final() and found[0].run_count >= runs)

    await until(has_ended, seconds)
    return found[0]


async def task_states(client: PrefectClient, run_id: UUID) -> dict[str, list[str]]:
    """Return the states of the run's tasks by their names, oldest first."""
    tasks = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    states: dict[str, list[str]] = {}
    for task in sorted(tasks, key=lambda one: one.created or one.expected_start_time):  # type: ignore[arg-type, return-value]  # both are set
        states.setdefault(task.name, []).append(task.state_name or "")
    return states
