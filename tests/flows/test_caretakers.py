"""The flows that keep things going: hints become runs once, lost runs are tidied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelling, Completed, Pending, Running

from flows.consume import consume_jobs
from flows.recover import recover_stale_jobs
from flows.starter import RunStarter
from flows.tidy import tidy_runs
from tests.fixtures.prefect import PrefectServer
from tests.flows.runs import ended, start_job, working
from tests.unit.workbench import ScriptedSubmitter, directories, fleet_with, order_job
from tests.waiting import until
from workers.adapters.memory_store import MemoryStore
from workers.bootstrap import share
from workers.fleet import Fleet
from workers.model import Hint, JobId, JobState, WorkerId


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.import_directories(directories("a", "b"))
    return store


async def test_a_hint_becomes_one_run_and_the_job_is_done(deployed: PrefectServer, store: MemoryStore) -> None:
    submitter = ScriptedSubmitter()
    fleet = fleet_with(submitter, store)
    job_id = await order_job(store, ["a"])
    async with deployed.client() as client, working(fleet):
        shift = asyncio.ensure_future(consume_jobs(return_state=True))
        hint = Hint(job_id, number=1, priority=2)
        await fleet.queue.send(hint)
        await fleet.queue.send(hint)
        run = await ended(client, await the_run_of(client, job_id))
        fleet.draining.set()
        assert "dispatched" in str((await shift).message)
        assert len(await runs_of(client, job_id)) == 1
    assert (run.state_type, run.work_queue_name) == (StateType.COMPLETED, "p2")
    assert submitter.visits == ["a"]


async def test_a_hint_that_comes_twice_starts_one_run(deployed: PrefectServer) -> None:
    job_id = JobId("00000000-0000-4000-8000-00000000000a")
    async with deployed.client() as client:
        starter = RunStarter(client)
        await starter.start(Hint(job_id, number=1, priority=1))
        await starter.start(Hint(job_id, number=1, priority=1))
        assert [run.idempotency_key for run in await runs_of(client, job_id)] == [f"{job_id}:1"]


async def test_a_later_hint_starts_a_run_unless_one_still_waits(deployed: PrefectServer) -> None:
    job_id = JobId("00000000-0000-4000-8000-00000000000c")
    async with deployed.client() as client:
        starter = RunStarter(client)
        await starter.start(Hint(job_id, number=1, priority=1))
        await starter.start(Hint(job_id, number=2, priority=1))
        [waiting] = await runs_of(client, job_id)
        await client.set_flow_run_state(waiting.id, Completed(), force=True)
        await starter.start(Hint(job_id, number=3, priority=1))
        runs = await runs_of(client, job_id)
    assert sorted(str(run.idempotency_key) for run in runs) == [f"{job_id}:1", f"{job_id}:3"]


async def test_a_run_that_is_cancelled_before_it_starts_cancels_its_job_once(
    deployed: PrefectServer, store: MemoryStore
) -> None:
    job_id = await order_job(store, ["a"])
    async with deployed.client() as client:
        run = await start_job(client, job_id)
        await client.set_flow_run_state(run.id, Cancelling())
        assert (await client.read_flow_run(run.id)).state_type is StateType.CANCELLED
        await tidy_runs(client, store, (), began=datetime.now(UTC))
        job = await store.read(job_id)
        assert job is not None
        assert job.state is JobState.CANCELLED
        assert "cancel:heard" in (await client.read_flow_run(run.id)).tags


async def test_a_sweep_takes_the_job_back_and_ends_the_lost_run(deployed: PrefectServer, store: MemoryStore) -> None:
    fleet = fleet_with(ScriptedSubmitter(), store, rehint_after=0)
    async with deployed.client() as client, shared(fleet):
        job_id, lost = await lost_run(client, store, StateType.RUNNING)
        swept = await recover_stale_jobs(return_state=True)
        assert str(swept.message) == "recovered 1, sent 1, tidied 1"
        run = await client.read_flow_run(lost)
        assert (run.state_type, run.state_name) == (StateType.CRASHED, "Crashed")
    job = await store.read(job_id)
    assert job is not None
    assert job.state is JobState.PENDING


async def test_a_cancel_that_a_dead_worker_did_not_hear_reaches_the_job(
    deployed: PrefectServer, store: MemoryStore
) -> None:
    async with deployed.client() as client, shared(fleet_with(ScriptedSubmitter(), store)):
        job_id, lost = await lost_run(client, store, StateType.CANCELLING)
        await recover_stale_jobs(return_state=True)
        assert (await client.read_flow_run(lost)).state_type is StateType.CANCELLED
    job = await store.read(job_id)
    assert job is not None
    assert job.state is JobState.CANCELLED


async def test_a_start_that_never_came_about_is_ended_and_a_young_one_is_not(
    deployed: PrefectServer, store: MemoryStore
) -> None:
    async with deployed.client() as client:
        run = await start_job(client, JobId("00000000-0000-4000-8000-00000000000b"))
        await client.set_flow_run_state(run.id, Pending(), force=True)
        now = datetime.now(UTC)
        assert await tidy_runs(client, store, (), began=now) == 0
        assert await tidy_runs(client, store, (), began=now + timedelta(minutes=6)) == 1
        assert (await client.read_flow_run(run.id)).state_type is StateType.CRASHED


async def runs_of(client: PrefectClient, job_id: JobId) -> list[FlowRun]:
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(any_=[f"job:{job_id}"])))


async def the_run_of(client: PrefectClient, job_id: JobId) -> UUID:
    found: list[FlowRun] = []

    async def is_there() -> bool:
        found[:] = await runs_of(client, job_id)
        return bool(found)

    await until(is_there, seconds=15)
    return found[0].id


async def lost_run(client: PrefectClient, store: MemoryStore, state: StateType) -> tuple[JobId, UUID]:
    """A job whose lease is over, and its run that nobody works on."""
    job_id = await order_job(store, ["a"])
    await store.claim(job_id, WorkerId("lost"), lease=timedelta(0))
    run = await start_job(client, job_id)
    await client.update_flow_run(run.id, tags=[f"job:{job_id}"])
    steps: list[State[None]] = [Pending(), Running()]
    if state is StateType.CANCELLING:
        steps.append(Cancelling())
    for step in steps:
        await client.set_flow_run_state(run.id, step, force=True)
    return job_id, run.id


@asynccontextmanager
async def shared(fleet: Fleet) -> AsyncIterator[None]:
    """Let flows that run in this process use this fleet while the block runs."""
    share(fleet)
    try:
        yield
    finally:
        share(None)
